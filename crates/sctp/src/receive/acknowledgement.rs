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
    /// What came before is said again then, and with nothing that goes earlier, unless more comes.
    Reminder(Instant),
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
        } else if matches!(self.state, State::Idle | State::Reminder(_)) {
            self.state = State::Receiving;
        }
    }

    /// It is due, whatever came.
    pub(super) fn demand(&mut self) {
        self.state = State::Due;
    }

    /// What was acknowledged is said again at that time, or at an earlier one that was asked for before.
    pub(super) fn remind_at(&mut self, at: Instant) {
        self.state = match self.state {
            State::Due => State::Due,
            State::Reminder(earlier) => State::Reminder(at.min(earlier)),
            State::Idle | State::Receiving | State::Delayed(_) => State::Reminder(at),
        };
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
        !matches!(self.state, State::Idle | State::Reminder(_))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let State::Delayed(at) | State::Reminder(at) = self.state
            && at <= now
        {
            self.state = State::Due;
        }
    }

    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Delayed(at) | State::Reminder(at) => Some(at),
            _ => None,
        }
    }

    pub(super) fn sent(&mut self) {
        *self = Self::default();
    }
}
