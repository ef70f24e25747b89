//! Bandwidth, as a budget of bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A rate of bytes per second with a burst, shared by any number of allocations on any number of threads.
///
/// It is the generic cell rate algorithm: one atomic number, the time at which the budget would be whole again.
#[derive(Debug)]
pub struct ByteBudget {
    base: Instant,
    /// Nanoseconds since `base` at which all that was admitted has been paid for.
    paid_at: AtomicU64,
    /// Cost of a byte in 1/65,536 nanoseconds.
    cost: u64,
    /// How far `paid_at` may lie ahead, in nanoseconds.
    burst: u64,
}

impl ByteBudget {
    /// A budget of `bytes_per_second`, of which `burst` bytes may be used at once. It is full at `now`.
    pub fn new(now: Instant, bytes_per_second: u64, burst: u64) -> Self {
        let cost = (1_000_000_000_u64 << 16) / bytes_per_second.max(1);
        Self { base: now, paid_at: AtomicU64::new(0), cost, burst: price(cost, burst) }
    }

    /// Takes `bytes` out of the budget at `now`; `false` when there isn't enough, and then nothing is taken.
    #[inline]
    pub fn admit(&self, now: Instant, bytes: usize) -> bool {
        let since = now.saturating_duration_since(self.base);
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let price = price(self.cost, bytes as u64);
        self.paid_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid_at| {
                let next = paid_at.max(now).saturating_add(price);
                (next - now <= self.burst).then_some(next)
            })
            .is_ok()
    }

    /// Gives `bytes` back that were admitted and then weren't used.
    pub(crate) fn refund(&self, bytes: usize) {
        let price = price(self.cost, bytes as u64);
        let refunded = |paid_at: u64| Some(paid_at.saturating_sub(price));
        let _ = self.paid_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refunded);
    }
}

#[inline]
fn price(cost: u64, bytes: u64) -> u64 {
    u64::try_from((u128::from(cost) * u128::from(bytes)) >> 16).unwrap_or(u64::MAX)
}
