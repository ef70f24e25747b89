//! When a busy worker lets packets gather.
//!
//! Waking up for every packet costs more than relaying it. Under load a worker sleeps for a moment before it looks
//! again, so that one look finds many packets; each of them waits half of that moment on average.

use std::time::{Duration, Instant};

/// The moment: half of the millisecond that a relay may add under load.
const MOMENT: Duration = Duration::from_micros(500);
/// A moment is worth it when it gathers this many packets.
const WORTH: f64 = 4.0;

/// How busy a worker is.
#[derive(Debug)]
pub(super) struct Pace {
    last: Instant,
    /// Packets per second, smoothed.
    rate: f64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { last: now, rate: 0.0 }
    }

    /// `packets` were relayed since the last time; says how long to sleep before the next look.
    pub(super) fn after(&mut self, now: Instant, packets: u64) -> Option<Duration> {
        const SMOOTHING: f64 = 0.002;
        let elapsed = now.saturating_duration_since(self.last).as_secs_f64();
        self.last = now;
        // An exponential average over time: what was seen 2 ms ago weighs a third of what is seen now.
        let keep = (-elapsed / SMOOTHING).exp();
        let rate = packets as f64 / elapsed.max(1e-6);
        self.rate = self.rate * keep + rate * (1.0 - keep);
        (self.rate * MOMENT.as_secs_f64() >= WORTH).then_some(MOMENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeps(packets: u64, gap: Duration) -> bool {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut sleep = None;
        for wake in 1..1000 {
            sleep = pace.after(start + gap * wake, packets);
        }
        sleep.is_some()
    }

    #[test]
    fn a_call_is_relayed_at_once_and_a_thousand_are_gathered() {
        assert!(!sleeps(1, Duration::from_millis(10)), "one voice call");
        assert!(!sleeps(10, Duration::from_millis(5)), "a video call");
        assert!(sleeps(1, Duration::from_micros(20)), "50,000 packets a second");
        assert!(sleeps(20, Duration::from_micros(300)), "many at each look");
    }

    #[test]
    fn after_a_pause_nothing_is_held_back() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for wake in 1..1000 {
            pace.after(start + Duration::from_micros(20) * wake, 1);
        }
        assert_eq!(pace.after(start + Duration::from_millis(40), 1), None);
    }
}
