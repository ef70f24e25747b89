//! When to acknowledge (RFC 9260 §6.2).

use std::time::{Duration, Instant};

/// How many chunks of data may come before an acknowledgement is due at once.
const CHUNKS_PER_ACKNOWLEDGEMENT: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// All is acknowledged.
    #[default]
    Idle,
    /// Chunks came in the burst that is being received.
    Receiving,
    /// An acknowledgement waits for company.
    Delayed(Instant),
    /// It is due.
    Due,
}

/// Decides when a SACK goes out: at the end of a burst of two chunks or more, or a while after a single one.
#[derive(Debug, Default)]
pub(super) struct Acknowledgement {
    state: State,
    chunks: u32,
}

impl Acknowledgement {
    /// A chunk came; `is_urgent` where the peer waits for the answer, or where something is missing.
    #[inline]
    pub(super) fn note_data(&mut self, is_urgent: bool) {
        self.chunks += 1;
        if is_urgent || self.chunks >= CHUNKS_PER_ACKNOWLEDGEMENT {
            self.state = State::Due;
        } else if self.state == State::Idle {
            self.state = State::Receiving;
        }
    }

    /// It is due, whatever came.
    pub(super) fn demand(&mut self) {
        self.state = State::Due;
    }

    /// It is due at that time, whatever comes.
    pub(super) fn demand_at(&mut self, at: Instant) {
        if self.state != State::Due {
            self.state = State::Delayed(at);
        }
    }

    #[inline]
    pub(super) fn end_burst(&mut self, now: Instant, delay: Duration) {
        if self.state == State::Receiving {
            self.state = State::Delayed(now + delay);
        }
    }

    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.state == State::Due
    }

    #[inline]
    pub(super) fn is_pending(&self) -> bool {
        self.state != State::Idle
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let State::Delayed(at) = self.state
            && at <= now
        {
            self.state = State::Due;
        }
    }

    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Delayed(at) => Some(at),
            _ => None,
        }
    }

    pub(super) fn sent(&mut self) {
        *self = Self::default();
    }
}
