//! What the hub waits for.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::ConnectionId;
use crate::identifier::ParticipantId;

/// One thing to wait for. Each is armed at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// A connection has to say `hello`.
    Hello(ConnectionId),
    /// A connection has to be heard.
    Idle(ConnectionId),
    /// A participant without a connection has to come back.
    Grace(ParticipantId),
    /// A participant with a new session has to join its channels again.
    Held(ParticipantId),
    /// A TURN credential has to be renewed.
    Ice(ParticipantId),
    /// An invitation of this caller and id has to be answered.
    Ring(ParticipantId, u64),
}

/// The armed timers, by time and by what they wait for.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Instant, Timer)>,
    armed: HashMap<Timer, Instant>,
}

impl Timers {
    /// Waits for `timer` until `at`, in place of the time it had.
    pub(super) fn arm(&mut self, timer: Timer, at: Instant) {
        if let Some(before) = self.armed.insert(timer, at) {
            self.queue.remove(&(before, timer));
        }
        self.queue.insert((at, timer));
    }

    pub(super) fn disarm(&mut self, timer: Timer) {
        if let Some(at) = self.armed.remove(&timer) {
            self.queue.remove(&(at, timer));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes one timer whose time has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.disarm(timer);
        Some(timer)
    }
}
