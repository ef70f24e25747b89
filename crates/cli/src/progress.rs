//! How far a transfer is: a bar at the end of a terminal, and lines elsewhere.

use std::collections::VecDeque;
use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::notes::{BARS, Note, Notes};
use crate::transfer::{Progress, TransferNote};

/// What a bar shows: whose, which file, how much, how fast, how long still.
const BAR: &str = "{prefix} {wide_msg} {bar:24} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
/// How far apart lines are, for scripts and for people.
const LINES: Duration = Duration::from_secs(1);
const SENTENCES: Duration = Duration::from_secs(10);
/// The time that a rate is taken over, and how far apart its samples are.
const RATE_OVER: Duration = Duration::from_secs(10);
const SAMPLES: Duration = Duration::from_millis(500);

/// Shows how far one transfer is. What it shows on a terminal goes away with it.
pub(crate) struct Meter {
    notes: Notes,
    bar: Option<ProgressBar>,
    latest: Progress,
    told: Instant,
    rate: Rate,
}

impl Meter {
    /// A transfer of `total` bytes to or from somebody of this name.
    pub(crate) fn new(notes: Notes, name: &str, total: u64) -> Self {
        let bar = (notes == Notes::Sentences && stderr().is_terminal()).then(|| {
            let bar = BARS.add(ProgressBar::new(total).with_prefix(name.to_owned()));
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                bar.set_style(style.progress_chars("━╸ "));
            }
            bar
        });
        let now = Instant::now();
        let latest = Progress { name: name.to_owned(), total, ..Progress::default() };
        Self { notes, bar, latest, told: now, rate: Rate::default() }
    }

    /// What is on its way now.
    pub(crate) fn set_file(&self, path: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(path.to_owned());
        }
    }

    /// It went on. `compared`: bytes that are being compared with what is there already.
    pub(crate) fn set(&mut self, files: u32, bytes: u64, resumed: u64, compared: u64) {
        let now = Instant::now();
        let rate = self.rate.of(now, bytes.saturating_sub(resumed));
        let was_there = resumed != self.latest.resumed;
        self.latest = Progress { files, bytes, resumed, rate, ..self.latest.clone() };
        if let Some(bar) = &self.bar {
            bar.set_position(bytes.max(compared));
            if was_there || compared > bytes {
                // What needn't be sent says nothing about how long the rest takes.
                bar.reset_eta();
            }
            return;
        }
        let interval = if self.notes == Notes::Sentences { SENTENCES } else { LINES };
        if now.duration_since(self.told) >= interval {
            self.tell(now);
        }
    }

    /// The end: scripts are told the last state.
    pub(crate) fn finish(mut self) {
        if self.notes != Notes::Sentences {
            self.tell(Instant::now());
        }
    }

    fn tell(&mut self, now: Instant) {
        self.told = now;
        self.notes.tell(&Note::Transfer(TransferNote::Progress(self.latest.clone())));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bytes in a second, over the last seconds.
#[derive(Default)]
struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    fn of(&mut self, now: Instant, bytes: u64) -> u64 {
        if self.0.back().is_none_or(|(last, _)| now.duration_since(*last) >= SAMPLES) {
            self.0.push_back((now, bytes));
        }
        while self.0.len() > 1
            && self.0.front().is_some_and(|(first, _)| now.duration_since(*first) > RATE_OVER)
        {
            self.0.pop_front();
        }
        let Some((first, before)) = self.0.front() else { return 0 };
        let milliseconds = u64::try_from(now.duration_since(*first).as_millis()).unwrap_or(u64::MAX);
        bytes.saturating_sub(*before).saturating_mul(1_000).checked_div(milliseconds).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let start = Instant::now();
        let mut rate = Rate::default();
        let mut at = |second: u64, bytes| rate.of(start + Duration::from_secs(second), bytes);
        assert_eq!(at(0, 0), 0);
        assert_eq!(at(2, 2_000), 1_000);
        for second in 3..=30 {
            at(second, 2_000);
        }
        assert_eq!(at(31, 2_000), 0, "nothing came for long");
    }
}
