//! The client's own measure, so that the server need not say `rate_limited` (§11).

use std::time::{Duration, Instant};

use crate::limits::Limits;

/// How much of the server's limits is used: frames that leave evenly may arrive in a bunch.
const SHARE: f64 = 0.9;

/// A bucket of frames, full at the beginning of each connection.
#[derive(Debug)]
pub(super) struct Pace {
    every: Duration,
    burst: u32,
    /// When the bucket will be full.
    full: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        let mut pace = Self { every: Duration::ZERO, burst: 1, full: now };
        pace.restart(now, &Limits::default());
        pace
    }

    /// A new connection, with the limits of its `welcome`.
    pub(super) fn restart(&mut self, now: Instant, limits: &Limits) {
        let per_second = (f64::from(limits.frames_per_second) * SHARE).max(1.0);
        self.every = Duration::from_secs(1).div_f64(per_second);
        self.burst = ((f64::from(limits.burst) * SHARE) as u32).max(1);
        self.full = now;
    }

    /// Takes one frame, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.next().is_some_and(|at| at > now) {
            return false;
        }
        self.full = self.full.max(now) + self.every;
        true
    }

    /// When there is a frame to take; a time that has passed, or none: now.
    pub(super) fn next(&self) -> Option<Instant> {
        self.full.checked_sub(self.every.saturating_mul(self.burst - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_burst_then_an_even_flow() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let burst = (0..1_000).take_while(|_| pace.take(start)).count();
        assert_eq!(burst, 360);
        let taken = (0..10_000).filter(|ms| pace.take(start + Duration::from_millis(*ms))).count();
        assert!((895..=900).contains(&taken), "{taken}");
    }
}
