//! The round trip and the retransmission timeout (RFC 9260 §6.3.1).

use std::time::Duration;

use crate::Config;

/// How often a timeout may double.
const MOST_BACKOFF: u32 = 16;

/// Smooths round trip samples.
#[derive(Debug)]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
    /// What others have measured on this path: it stands for samples as long as there are none.
    expected: Option<Duration>,
    variation: Duration,
    minimum: Duration,
    latest: Duration,
    backoff: u32,
    rto_initial: Duration,
    rto_min: Duration,
    rto_max: Duration,
}

impl RoundTrip {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            smoothed: None,
            expected: None,
            variation: Duration::ZERO,
            minimum: Duration::MAX,
            latest: Duration::ZERO,
            backoff: 0,
            rto_initial: config.rto_initial,
            rto_min: config.rto_min,
            rto_max: config.rto_max,
        }
    }

    /// A sample; never of something sent twice (Karn's algorithm, RFC 9260 §6.3.1 C5).
    pub(crate) fn sample(&mut self, sample: Duration) {
        self.latest = sample;
        self.minimum = self.minimum.min(sample);
        self.backoff = 0;
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(sample);
            self.variation = sample / 2;
            return;
        };
        self.variation = (self.variation * 3 + smoothed.abs_diff(sample)) / 4;
        self.smoothed = Some((smoothed * 7 + sample) / 8);
    }

    /// Others have measured it.
    pub(crate) fn expect(&mut self, round_trip: Duration) {
        self.expected = Some(round_trip);
    }

    /// The path is another one.
    pub(crate) fn forget(&mut self) {
        self.smoothed = None;
        self.expected = None;
        self.minimum = Duration::MAX;
        self.backoff = 0;
    }

    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The least sample; zero before there is any.
    pub(crate) fn minimum(&self) -> Duration {
        if self.smoothed.is_some() { self.minimum } else { Duration::ZERO }
    }

    /// The retransmission timeout. Its distance to the round trip, and not the timeout, has a least value: the peer may
    /// delay an acknowledgement by 200 ms however long the path is.
    pub(crate) fn timeout(&self) -> Duration {
        let base = match self.smoothed {
            Some(smoothed) => smoothed + (self.variation * 4).max(self.rto_min),
            // As after a first sample, and never later than if nothing were known.
            None => self.expected.map_or(self.rto_initial, |expected| {
                self.rto_initial.min(expected + (expected * 2).max(self.rto_min))
            }),
        };
        base.saturating_mul(1 << self.backoff).min(self.rto_max.max(base))
    }

    /// A timeout expired (RFC 9260 §6.3.3 E2).
    pub(crate) fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(MOST_BACKOFF);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn what_others_have_measured_counts_until_there_is_a_sample() {
        let mut round_trip = RoundTrip::new(&Config::default());
        assert_eq!(round_trip.timeout(), ms(1000), "RFC 9260 §16: RTO.Initial");
        round_trip.expect(ms(200));
        assert_eq!(round_trip.timeout(), ms(600));
        round_trip.expect(ms(10));
        assert_eq!(round_trip.timeout(), ms(230));
        round_trip.expect(ms(5000));
        assert_eq!(round_trip.timeout(), ms(1000));
        round_trip.sample(ms(100));
        assert_eq!(round_trip.timeout(), ms(320));
        round_trip.forget();
        assert_eq!(round_trip.timeout(), ms(1000), "the path is another one");
    }
}
