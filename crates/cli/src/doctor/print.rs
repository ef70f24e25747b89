//! What `peerline doctor` shows while it works, and prints at the end.

use std::io::{self, Write as _, stdout};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::evidence::Evidence;
use super::probe::Progress;
use super::verdict::{Standing, Verdict};
use crate::terminal;

#[derive(Serialize)]
struct Examined<'a> {
    verdicts: &'a [Verdict],
    evidence: &'a Evidence,
}

pub(super) fn json(evidence: &Evidence, verdicts: &[Verdict]) -> io::Result<()> {
    let text = serde_json::to_string(&Examined { verdicts, evidence })?;
    writeln!(stdout(), "{}", terminal::json(&text))
}

pub(super) fn people(evidence: &Evidence, verdicts: &[Verdict]) -> io::Result<()> {
    let mut output = stdout().lock();
    writeln!(output, "{}", terminal::bold(&format!("Asked {}", evidence.server), &stdout()))?;
    for verdict in verdicts {
        writeln!(output, "\n{} {}", mark(verdict.standing), terminal::line(&verdict.sentence))?;
        for seen in &verdict.evidence {
            writeln!(output, "    {}", terminal::line(seen))?;
        }
    }
    Ok(())
}

const fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good   ",
        Standing::Limited => "limited",
        Standing::Bad => "bad    ",
        Standing::Unknown => "unknown",
    }
}

/// A line at the end of the terminal that says what is still being found out.
pub(super) struct Bars {
    bar: ProgressBar,
    open: Mutex<Vec<&'static str>>,
}

impl Bars {
    pub(super) fn new(is_hidden: bool) -> Self {
        let bar = if is_hidden { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, open: Mutex::default() }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn change(&self, change: impl FnOnce(&mut Vec<&'static str>)) {
        if let Ok(mut open) = self.open.lock() {
            change(&mut open);
            self.bar.set_message(format!("Finding out: {}", open.join(", ")));
        }
    }
}

impl Progress for Bars {
    fn begin(&self, what: &'static str) {
        self.change(|open| open.push(what));
    }

    fn end(&self, what: &'static str) {
        self.change(|open| open.retain(|other| *other != what));
    }
}
