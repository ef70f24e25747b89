//! How large the receive window is.

use std::time::{Duration, Instant};

/// How many times what came in a round trip fits in the window: room for the sender to double its rate, and as much
/// again for what waits behind a loss.
const HEADROOM: usize = 4;

/// The receive window; it grows with what arrives in a round trip, up to a ceiling, and never shrinks.
#[derive(Debug)]
pub(super) struct ReceiveWindow {
    size: usize,
    ceiling: usize,
    /// What the peer was last told of.
    announced: usize,
    /// Bytes that came since `since`.
    received: usize,
    since: Option<Instant>,
}

impl ReceiveWindow {
    /// No window promises more than `limit`, which is all that may be held.
    pub(super) fn new(initial: u32, ceiling: u32, limit: usize) -> Self {
        let (initial, ceiling) = ((initial as usize).min(limit), (ceiling as usize).min(limit));
        let size = initial.max(1500);
        Self { size, ceiling: size.max(ceiling), announced: size, received: 0, since: None }
    }

    #[inline]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    #[inline]
    pub(super) fn note(&mut self, bytes: usize) {
        self.received += bytes;
    }

    /// Once a round trip, looks whether the window has to grow.
    #[inline]
    pub(super) fn tune(&mut self, now: Instant, round_trip: Option<Duration>) {
        if self.received == 0 || self.size >= self.ceiling {
            return;
        }
        let since = *self.since.get_or_insert(now);
        let Some(round_trip) = round_trip else { return };
        if now.saturating_duration_since(since) < round_trip {
            return;
        }
        self.size = self.size.max(self.received.saturating_mul(HEADROOM).min(self.ceiling));
        self.received = 0;
        self.since = Some(now);
    }

    pub(super) fn note_announced(&mut self, available: usize) {
        self.announced = available;
    }

    /// The peer may be waiting: it knows of little room, and there is much more (RFC 9260 §6.2, RFC 1122 §4.2.3.3).
    pub(super) fn is_worth_an_update(&self, available: usize) -> bool {
        self.announced < self.size / 4 && available >= self.announced + self.size / 4
    }
}
