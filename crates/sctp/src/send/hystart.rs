//! HyStart++ (RFC 9406): leaves slow start when the round trip grows, before the path's queue overflows.

use std::time::Duration;

use crate::Tsn;

/// RFC 9406 §4.3.
const LEAST_THRESHOLD: Duration = Duration::from_millis(4);
const GREATEST_THRESHOLD: Duration = Duration::from_millis(16);
const ROUND_TRIP_DIVISOR: u32 = 8;
const SAMPLES: u32 = 8;
const CONSERVATIVE_ROUNDS: u32 = 5;

/// By how much growth is slowed in conservative slow start.
pub(super) const CONSERVATIVE_GROWTH_DIVISOR: usize = 4;

/// How slow start goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The window grows by what was acknowledged.
    SlowStart,
    /// The window grows by a part of it.
    Conservative,
    /// Slow start is over.
    Done,
}

/// Watches the round trips of slow start, round by round.
#[derive(Debug)]
pub(super) struct HyStart {
    round_end: Option<Tsn>,
    last_minimum: Option<Duration>,
    current_minimum: Option<Duration>,
    samples: u32,
    /// In conservative slow start: the round trip it began with, and rounds since.
    conservative: Option<(Duration, u32)>,
}

impl HyStart {
    pub(super) fn new() -> Self {
        Self { round_end: None, last_minimum: None, current_minimum: None, samples: 0, conservative: None }
    }

    /// `chunks` were acknowledged, the newest of them sent `sample` ago. `cumulative` and `highest` delimit what is
    /// outstanding.
    pub(super) fn acknowledged(
        &mut self,
        chunks: u32,
        sample: Option<Duration>,
        cumulative: Tsn,
        highest: Tsn,
    ) -> Verdict {
        let round_is_over = self.round_end.is_none_or(|end| !end.is_after(cumulative));
        if round_is_over {
            self.round_end = Some(highest);
            self.last_minimum = self.current_minimum.take();
            self.samples = 0;
            if let Some((_, rounds)) = &mut self.conservative {
                *rounds += 1;
                if *rounds > CONSERVATIVE_ROUNDS {
                    return Verdict::Done;
                }
            }
        }
        if let Some(sample) = sample {
            self.current_minimum = Some(self.current_minimum.map_or(sample, |least| least.min(sample)));
            self.samples += chunks;
        }
        if let (Some(current), true) = (self.current_minimum, self.samples >= SAMPLES) {
            match (self.conservative, self.last_minimum) {
                (Some((baseline, _)), _) if current < baseline => self.conservative = None,
                (None, Some(last)) => {
                    let threshold = (last / ROUND_TRIP_DIVISOR).clamp(LEAST_THRESHOLD, GREATEST_THRESHOLD);
                    if current >= last + threshold {
                        self.conservative = Some((current, 0));
                    }
                }
                _ => {}
            }
        }
        if self.conservative.is_some() { Verdict::Conservative } else { Verdict::SlowStart }
    }
}
