//! Pacing: a window's worth of packets spread over a round trip, in place of one burst (RFC 9002 §7.7 has the same).
//!
//! Without it, a window that opens at once (a recovery's end, a late acknowledgement of many packets) overflows the
//! bottleneck's queue far below its capacity: on 1 Gbit/s at 100 ms it made a difference of a fifth.

use std::time::{Duration, Instant};

/// A burst lasts this long at the pacing rate: timers are no finer, and segmentation offload wants batches.
const BURST: Duration = Duration::from_millis(1);

/// On shorter paths acknowledgements come as fast as timers would.
const LEAST_ROUND_TRIP: Duration = Duration::from_millis(2);

/// The least burst, in bytes.
const LEAST_BURST: u64 = 16 << 10;

/// Decides when the next packet may go.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// Nanoseconds per mebibyte; zero while there is no pacing.
    cost: u64,
    /// How long a burst lasts.
    burst: Duration,
    /// When all that was sent will have been paid for.
    paid_at: Option<Instant>,
    /// Sending waits until then.
    release_at: Option<Instant>,
}

impl Pacer {
    /// The rate follows the window: twice what it needs in slow start, a quarter more otherwise.
    pub(super) fn set_rate(&mut self, window: usize, round_trip: Option<Duration>, is_slow_start: bool) {
        let Some(round_trip) = round_trip.filter(|&round_trip| round_trip >= LEAST_ROUND_TRIP) else {
            *self = Self::default();
            return;
        };
        let per_round_trip = window as u64 * if is_slow_start { 8 } else { 5 } / 4;
        let nanoseconds = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.cost = (nanoseconds.saturating_mul(1 << 20) / per_round_trip.max(1)).max(1);
        self.burst = BURST.max(self.price(LEAST_BURST));
    }

    fn price(&self, bytes: u64) -> Duration {
        Duration::from_nanos((bytes.saturating_mul(self.cost)) >> 20)
    }

    #[inline]
    pub(super) fn sent(&mut self, now: Instant, bytes: usize) {
        if self.cost == 0 {
            return;
        }
        let from = self.paid_at.map_or(now, |at| at.max(now - self.burst.min(BURST)));
        self.paid_at = Some(from + self.price(bytes as u64));
    }

    /// Whether a packet may go now. If not, [`release_at`](Self::release_at) says when.
    #[inline]
    pub(super) fn allows_sending(&mut self, now: Instant) -> bool {
        if self.cost == 0 {
            return true;
        }
        if let Some(at) = self.release_at {
            if now < at {
                return false;
            }
            self.release_at = None;
        }
        match self.paid_at {
            Some(at) if at > now + self.burst => {
                self.release_at = Some(at);
                false
            }
            _ => true,
        }
    }

    /// The time has come, perhaps.
    pub(super) fn release(&mut self, now: Instant) {
        self.release_at = self.release_at.filter(|&at| at > now);
    }

    #[inline]
    pub(super) fn release_at(&self) -> Option<Instant> {
        self.release_at
    }
}
