//! The connections, and what each has to send besides its session's log.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use foldhash::quality::SeedableRandomState;

use super::address::SourceAddress;
use super::rate::{Allowance, Bucket, Window};
use crate::frame::{self, Number};
use crate::identifier::ParticipantId;

/// The answers that a client may leave unread before its connection is closed.
const UNREAD: usize = 1_024;
const UNREAD_BYTES: usize = 1 << 20;

/// Frames that are none, within a minute, that close a connection (`docs/signaling.md` §10).
pub(super) const ERRORS: Allowance = Allowance { count: 16, per: Duration::from_secs(60) };

/// One connection, named by its owner, who never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not said `hello`.
    New,
    /// It serves this participant's session.
    Open(ParticipantId),
    /// The owner has been told to close it; what it says is ignored.
    Closing,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stage: Stage,
    pub(super) source: SourceAddress,
    pub(super) heard: Instant,
    pub(super) bucket: Bucket,
    pub(super) errors: Window,
    /// Each with the offset of the session's newest frame when it was made: it follows that one, so that
    /// a client sees everything in the order in which it happened.
    answers: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
    /// Whether the owner knows that there is something to send.
    called: bool,
}

#[derive(Debug)]
pub(super) struct Connections {
    table: HashMap<ConnectionId, Connection, SeedableRandomState>,
    ready: VecDeque<ConnectionId>,
    unread: Vec<ConnectionId>,
}

impl Connections {
    pub(super) fn new(hasher: SeedableRandomState) -> Self {
        Self { table: HashMap::with_hasher(hasher), ready: VecDeque::new(), unread: Vec::new() }
    }

    pub(super) fn insert(&mut self, now: Instant, id: ConnectionId, source: SourceAddress, burst: u32) {
        let connection = Connection {
            stage: Stage::New,
            source,
            heard: now,
            bucket: Bucket::full(now, burst),
            errors: Window::new(now),
            answers: VecDeque::new(),
            bytes: 0,
            called: false,
        };
        self.table.insert(id, connection);
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.table.remove(&id)
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.table.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.table.get_mut(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Puts an answer in line, behind the session's frame of offset `after`.
    pub(super) fn answer(&mut self, id: ConnectionId, after: u64, kind: &str, number: Number, body: &str) {
        let Some(connection) = self.table.get_mut(&id) else { return };
        let mut text = Vec::with_capacity(body.len() + 40);
        frame::write(&mut text, kind, number, body.as_bytes());
        connection.bytes += text.len();
        connection.answers.push_back((after, text));
        if connection.answers.len() > UNREAD || connection.bytes > UNREAD_BYTES {
            self.unread.push(id);
        }
        if !std::mem::replace(&mut connection.called, true) {
            self.ready.push_back(id);
        }
    }

    /// Forgets the answers that a client doesn't read.
    pub(super) fn forget_answers(&mut self, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id) {
            connection.answers = VecDeque::new();
            connection.bytes = 0;
        }
    }

    /// A connection that leaves too many answers unread.
    pub(super) fn take_unread(&mut self) -> Option<ConnectionId> {
        self.unread.pop()
    }

    /// Tells the owner, once, that this connection has something to send.
    pub(super) fn call(&mut self, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id)
            && !std::mem::replace(&mut connection.called, true)
        {
            self.ready.push_back(id);
        }
    }

    pub(super) fn take_ready(&mut self) -> Option<ConnectionId> {
        self.ready.pop_front()
    }
}

impl Connection {
    /// Writes the next answer, if the session's frames before it have been taken.
    pub(super) fn take_answer(&mut self, taken: u64, buffer: &mut Vec<u8>) -> bool {
        match self.answers.front() {
            Some((after, _)) if *after <= taken => {}
            _ => return false,
        }
        if let Some((_, text)) = self.answers.pop_front() {
            self.bytes -= text.len();
            buffer.extend_from_slice(&text);
        }
        if self.answers.is_empty() && self.answers.capacity() > 4 {
            self.answers = VecDeque::new();
        }
        true
    }

    /// There is nothing more to send: the owner has to be told again.
    pub(super) fn rest(&mut self) {
        self.called = false;
    }
}
