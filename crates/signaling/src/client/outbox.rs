//! What has been asked and not yet answered (§5): "A client keeps each `send`, `publish`, `invite` until it is answered."

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::identifier::ChannelId;

/// Requests that may wait for an answer.
const CAPACITY: usize = 1_024;
/// Their frames together, in bytes.
const CAPACITY_BYTES: usize = 16 << 20;
/// Refusals that pass by themselves are retried this often before the owner hears of them.
const RETRIES: u8 = 8;
const SHORTEST_RETRY: Duration = Duration::from_millis(100);
/// What a server may ask for at most.
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// Names a request; it is the `id` of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a request is for: what happens with its answer, and what it has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Join(ChannelId),
    Leave,
    Profile(ChannelId),
    Message(ChannelId),
    Announce { asked: bool },
    Unannounce,
    Find,
    Ice,
    Invite,
    Respond,
    Cancel,
}

impl Purpose {
    /// The channel that the server must have us in.
    pub(super) const fn needs_membership(&self) -> Option<&ChannelId> {
        match self {
            Self::Profile(channel) | Self::Message(channel) => Some(channel),
            _ => None,
        }
    }

    /// The channel that it concerns.
    pub(super) const fn channel(&self) -> Option<&ChannelId> {
        match self {
            Self::Join(channel) | Self::Profile(channel) | Self::Message(channel) => Some(channel),
            _ => None,
        }
    }

    /// Whether the owner waits for [`super::Event::Answered`].
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Announce { asked: true } | Self::Unannounce | Self::Find)
    }
}

#[derive(Debug)]
struct Entry {
    purpose: Purpose,
    frame: String,
    retries: u8,
    retry: Option<Instant>,
}

/// It doesn't know connections: it is told when one begins and when it ends.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: BTreeMap<u64, Entry>,
    bytes: usize,
    /// To be sent on the present connection, in the order of their numbers.
    ready: BTreeSet<u64>,
    retries: BTreeSet<(Instant, u64)>,
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= CAPACITY || self.bytes >= CAPACITY_BYTES
    }

    /// Keeps a request. What the client asks for by itself has as much room again as what its owner asks for; what a
    /// server could provoke beyond that is not asked.
    pub(super) fn insert(&mut self, id: u64, purpose: Purpose, frame: String, sendable: bool) {
        if self.entries.len() >= 2 * CAPACITY {
            return;
        }
        self.bytes += frame.len();
        self.entries.insert(id, Entry { purpose, frame, retries: 0, retry: None });
        if sendable {
            self.ready.insert(id);
        }
    }

    /// There is a new connection: everything that may be sent is sent again, as it was.
    pub(super) fn repeat(&mut self, mut may_send: impl FnMut(&Purpose) -> bool) {
        self.interrupt();
        self.ready =
            self.entries.iter().filter(|(_, entry)| may_send(&entry.purpose)).map(|(id, _)| *id).collect();
    }

    /// What waited for this channel may be sent.
    pub(super) fn release(&mut self, channel: &ChannelId) {
        let waiting = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.purpose.needs_membership() == Some(channel) && entry.retry.is_none());
        self.ready.extend(waiting.map(|(id, _)| *id));
    }

    /// The connection is gone.
    pub(super) fn interrupt(&mut self) {
        self.ready.clear();
        self.retries.clear();
        for entry in self.entries.values_mut() {
            entry.retry = None;
        }
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next frame to send.
    pub(super) fn take_ready(&mut self) -> Option<String> {
        let id = self.ready.pop_first()?;
        self.entries.get(&id).map(|entry| entry.frame.clone())
    }

    /// Whether one of this kind waits for an answer.
    pub(super) fn any(&self, which: impl Fn(&Purpose) -> bool) -> bool {
        self.entries.values().any(|entry| which(&entry.purpose))
    }

    /// The purpose of a request that waits for an answer.
    pub(super) fn purpose(&self, id: u64) -> Option<Purpose> {
        self.entries.get(&id).map(|entry| entry.purpose)
    }

    /// It has been answered, or is given up.
    pub(super) fn remove(&mut self, id: u64) -> Option<Purpose> {
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.frame.len();
        self.ready.remove(&id);
        if let Some(at) = entry.retry {
            self.retries.remove(&(at, id));
        }
        Some(entry.purpose)
    }

    /// Gives up the requests that `which` picks.
    pub(super) fn abandon(&mut self, which: impl Fn(&Purpose) -> bool) -> Vec<(u64, Purpose)> {
        let picked: Vec<_> =
            self.entries.iter().filter(|(_, entry)| which(&entry.purpose)).map(|(id, _)| *id).collect();
        picked.into_iter().filter_map(|id| Some((id, self.remove(id)?))).collect()
    }

    /// It is to be tried again after some time. `false` when that has been done often enough.
    pub(super) fn retry(&mut self, id: u64, now: Instant, after: Duration) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        if entry.retries >= RETRIES {
            return false;
        }
        entry.retries += 1;
        let at = now + after.clamp(SHORTEST_RETRY, LONGEST_RETRY);
        entry.retry = Some(at);
        self.retries.insert((at, id));
        true
    }

    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.retries.first().map(|(at, _)| *at)
    }

    pub(super) fn retry_due(&mut self, now: Instant) {
        while let Some((at, id)) = self.retries.first().copied()
            && at <= now
        {
            self.retries.remove(&(at, id));
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.retry = None;
                self.ready.insert(id);
            }
        }
    }
}
