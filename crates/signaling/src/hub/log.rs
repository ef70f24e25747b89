//! The frames of a session that its client has not acknowledged yet (`docs/signaling.md` §5).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::frame::{self, Body, Number};
use crate::identifier::{ChannelId, ParticipantId};

/// What becomes of a frame when its session is replaced by a new one of the same participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It tells of a state that the new session is told in full.
    State,
    /// It is a message in this channel: it follows when the participant has joined it again.
    Channel(ChannelId),
    /// It is for the participant: it follows at once.
    Participant,
}

/// Whom to tell when the frame goes out to a participant who was away: the frame of this `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Awaiting {
    pub(super) sender: ParticipantId,
    pub(super) id: u64,
}

/// One frame, without its offset: the rest is shared between all its receivers.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    kind: &'static str,
    body: Arc<[u8]>,
    pub(super) place: Place,
    pub(super) awaiting: Option<Awaiting>,
}

impl Entry {
    pub(super) fn new<B: Body>(place: Place, body: &B) -> Self {
        Self { kind: B::TYPE, body: body.to_json().as_bytes().into(), place, awaiting: None }
    }

    /// What the frame counts for in memory: its text and what is kept about it.
    pub(super) fn size(&self) -> usize {
        self.body.len() + size_of::<Self>()
    }
}

/// Frames in the order of their offsets: those that this connection has taken, then those that it has not.
#[derive(Debug)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// The offset of the first of `entries`, or of the frame to come.
    first: u64,
    /// How many of `entries` the connection has taken.
    taken: usize,
    bytes: usize,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), first: 1, taken: 0, bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The offset of the newest frame.
    pub(super) fn last(&self) -> u64 {
        self.first - 1 + self.entries.len() as u64
    }

    /// The offset up to which the connection has taken frames.
    pub(super) fn taken(&self) -> u64 {
        self.first - 1 + self.taken as u64
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.size();
        self.entries.push_back(entry);
    }

    /// Writes the next frame that the connection has not taken.
    pub(super) fn take(&mut self, buffer: &mut Vec<u8>) -> bool {
        let Some(entry) = self.entries.get(self.taken) else { return false };
        self.taken += 1;
        frame::write(buffer, entry.kind, Number::Offset(self.taken()), &entry.body);
        true
    }

    /// Forgets every frame up to `offset`; false when the client acknowledges what it cannot have.
    pub(super) fn acknowledge(&mut self, offset: u64) -> bool {
        if offset > self.taken() {
            return false;
        }
        while self.first <= offset {
            self.first += 1;
            self.taken -= 1;
            self.bytes -= self.entries.pop_front().map_or(0, |entry| entry.size());
        }
        if self.entries.is_empty() && self.entries.capacity() > 32 {
            self.entries = VecDeque::new();
        }
        true
    }

    /// Begins again after `offset` on another connection; false when that place isn't in the log.
    pub(super) fn resume(&mut self, offset: u64) -> bool {
        if offset < self.first - 1 || offset > self.last() {
            return false;
        }
        // A client that has a frame must have been sent it, whatever became of the connection since.
        self.taken = self.entries.len();
        self.acknowledge(offset);
        self.rewind();
        true
    }

    /// The connection is gone, and nobody knows what of it has arrived.
    pub(super) fn rewind(&mut self) {
        self.taken = 0;
    }

    /// Whom to tell that their frames go out now.
    pub(super) fn settle(&mut self) -> Vec<Awaiting> {
        self.entries.iter_mut().filter_map(|entry| entry.awaiting.take()).collect()
    }

    pub(super) fn into_entries(self) -> VecDeque<Entry> {
        self.entries
    }
}
