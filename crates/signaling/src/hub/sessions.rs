//! All sessions, and how much may wait in their queues.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use foldhash::quality::SeedableRandomState;

use super::address::SourceAddress;
use super::config::Config;
use super::connections::ConnectionId;
use super::holdings::Holdings;
use super::session::{Session, TokenHash};
use crate::identifier::ParticipantId;

pub(super) struct Sessions {
    table: HashMap<ParticipantId, Session, SeedableRandomState>,
    holdings: Holdings,
    /// What may wait in one session (§5): frames, and bytes.
    queue: usize,
    queue_bytes: usize,
}

/// One session. What changes in its queue is counted when this is dropped.
pub(super) struct SessionMut<'a> {
    session: &'a mut Session,
    before: usize,
    holdings: &'a mut Holdings,
    queue: usize,
    queue_bytes: usize,
}

impl Sessions {
    pub(super) fn new(config: &Config, hasher: SeedableRandomState) -> Self {
        Self {
            table: HashMap::with_hasher(hasher.clone()),
            holdings: Holdings::new(config, hasher),
            queue: config.limits.queue,
            queue_bytes: config.queue_bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The bytes that wait in all queues.
    pub(super) fn queued_bytes(&self) -> usize {
        self.holdings.bytes()
    }

    pub(super) fn contains(&self, participant: &ParticipantId) -> bool {
        self.table.contains_key(participant)
    }

    pub(super) fn get(&self, participant: &ParticipantId) -> Option<&Session> {
        self.table.get(participant)
    }

    pub(super) fn get_mut(&mut self, participant: &ParticipantId) -> Option<SessionMut<'_>> {
        let session = self.table.get_mut(participant)?;
        let before = session.queued_bytes();
        let Self { holdings, queue, queue_bytes, .. } = self;
        Some(SessionMut { session, before, holdings, queue: *queue, queue_bytes: *queue_bytes })
    }

    /// Everybody who has a connection.
    pub(super) fn connected(&self) -> Vec<ParticipantId> {
        let connected = self.table.iter().filter(|(_, session)| session.connection().is_some());
        connected.map(|(participant, _)| *participant).collect()
    }

    /// Whether one more session may begin at this address.
    pub(super) fn may_begin(&self, source: SourceAddress) -> bool {
        self.holdings.may_begin(source)
    }

    /// A session begins, in place of none.
    pub(super) fn begin(
        &mut self,
        participant: ParticipantId,
        source: SourceAddress,
        connection: ConnectionId,
        token: TokenHash,
    ) {
        let holder = self.holdings.begin(source);
        self.table.insert(participant, Session::new(connection, token, holder));
    }

    pub(super) fn remove(&mut self, participant: &ParticipantId) -> Option<Session> {
        let session = self.table.remove(participant)?;
        self.holdings.end(session.holder, session.queued_bytes());
        Some(session)
    }

    /// Whether a frame of this size has a place in this session's queue (§5, slow consumers).
    pub(super) fn has_room(&self, session: &Session, size: usize) -> bool {
        session.has_room(size, self.queue, self.queue_bytes) && self.holdings.has_room(session.holder, size)
    }
}

impl SessionMut<'_> {
    /// Whether a frame of this size has a place in this session's queue (§5, slow consumers).
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.session.has_room(size, self.queue, self.queue_bytes)
            && self.holdings.has_room(self.session.holder, size)
    }
}

impl Deref for SessionMut<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl DerefMut for SessionMut<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session
    }
}

impl Drop for SessionMut<'_> {
    fn drop(&mut self) {
        let after = self.session.queued_bytes();
        if after != self.before {
            self.holdings.change(self.session.holder, self.before, after);
        }
    }
}
