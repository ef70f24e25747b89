//! How long to wait before connecting again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(300);
const SECOND: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// Nearly nothing at first, then twice as long each time, spread so that the clients of a server that failed don't
/// come back in one wave. `failures` in a row so far; `random` from 0 to 1.
pub(super) fn backoff(failures: u32, random: f64) -> Duration {
    if failures == 0 {
        return FIRST.mul_f64(random);
    }
    let longest = SECOND.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST);
    longest.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_stays_spread() {
        assert_eq!(backoff(0, 0.0), Duration::ZERO);
        assert_eq!(backoff(0, 1.0), FIRST);
        assert_eq!(backoff(1, 0.0), Duration::from_millis(250));
        assert_eq!(backoff(3, 1.0), Duration::from_secs(2));
        for failures in 5..200 {
            assert_eq!(backoff(failures, 0.0), LONGEST / 2);
            assert_eq!(backoff(failures, 1.0), LONGEST);
        }
    }
}
