//! What time it is outside: time-limited credentials name a Unix time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Translates the machine's `Instant`s to Unix time. Shared by all servers; the owner may correct it at any time.
#[derive(Debug)]
pub struct WallClock {
    base: Instant,
    /// Unix time at `base`, in milliseconds.
    unix: AtomicI64,
}

impl WallClock {
    /// A clock that says `unix` (since 1970-01-01) at `now`.
    pub fn new(now: Instant, unix: Duration) -> Self {
        Self { base: now, unix: AtomicI64::new(milliseconds(unix)) }
    }

    /// Corrects the clock: at `now` it is `unix`. A monotonic clock stands still while a machine sleeps,
    /// so an owner should call this now and then.
    pub fn adjust(&self, now: Instant, unix: Duration) {
        let since = now.saturating_duration_since(self.base);
        self.unix.store(milliseconds(unix) - milliseconds(since), Ordering::Relaxed);
    }

    /// Unix time at `now`, in whole seconds.
    pub fn unix_seconds(&self, now: Instant) -> u64 {
        let since = milliseconds(now.saturating_duration_since(self.base));
        let unix = self.unix.load(Ordering::Relaxed).saturating_add(since);
        u64::try_from(unix / 1000).unwrap_or(0)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn follows_the_monotonic_clock_and_corrections() {
        let start = Instant::now();
        let clock = WallClock::new(start, Duration::from_secs(1000));
        assert_eq!(clock.unix_seconds(start + Duration::from_secs(5)), 1005);
        clock.adjust(start + Duration::from_secs(5), Duration::from_secs(5000));
        assert_eq!(clock.unix_seconds(start + Duration::from_secs(6)), 5001);
    }
}
