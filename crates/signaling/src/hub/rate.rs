//! How often something may happen.

use std::time::{Duration, Instant};

/// So many a second for long, and so many at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// In thousandths, so that what trickles in between two frames isn't lost.
    tokens: u64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn full(now: Instant, burst: u32) -> Self {
        Self { tokens: u64::from(burst) * 1_000, filled: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant, per_second: u32, burst: u32) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_millis().min(3_600_000) as u64;
        self.filled += Duration::from_millis(elapsed);
        self.tokens = (self.tokens + elapsed * u64::from(per_second)).min(u64::from(burst) * 1_000);
        let taken = self.tokens.checked_sub(1_000);
        self.tokens = taken.unwrap_or(self.tokens);
        taken.is_some()
    }
}

/// At most so many within a time that begins with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many.
    pub count: u32,
    /// Within what time.
    pub per: Duration,
}

/// What of an [`Allowance`] is used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    opened: Instant,
    count: u32,
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self { opened: now, count: 0 }
    }

    /// How long nothing more is allowed.
    pub(super) fn closed_for(&self, now: Instant, allowance: &Allowance) -> Option<Duration> {
        let left = (self.opened + allowance.per).saturating_duration_since(now);
        (self.count >= allowance.count && !left.is_zero()).then_some(left)
    }

    /// Counts one more.
    pub(super) fn count(&mut self, now: Instant, allowance: &Allowance) {
        if now.saturating_duration_since(self.opened) >= allowance.per || self.count == 0 {
            *self = Self::new(now);
        }
        self.count = self.count.saturating_add(1);
    }
}
