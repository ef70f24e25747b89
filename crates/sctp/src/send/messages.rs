//! Messages that wait to be sent, or to be acknowledged.

use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use crate::{PayloadProtocol, StreamId};

/// Names a message while it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MessageKey(u32);

/// A message.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) payload: Bytes,
    pub(super) stream: StreamId,
    pub(super) protocol: PayloadProtocol,
    pub(super) unordered: bool,
    /// Its number in the stream, once a piece has been sent.
    pub(super) number: u32,
    /// Bytes of it that have been sent.
    pub(super) sent: u32,
    /// Pieces of it that have been sent.
    pub(super) fragments: u32,
    /// Pieces of it that haven't been acknowledged cumulatively.
    pub(super) outstanding: u32,
    /// It isn't worth sending from then on.
    pub(super) expires: Option<Instant>,
    pub(super) max_retransmissions: Option<u16>,
    /// It was given up.
    pub(super) is_abandoned: bool,
}

impl Outgoing {
    #[inline]
    pub(super) fn unsent(&self) -> usize {
        self.payload.len().saturating_sub(self.sent as usize)
    }

    #[inline]
    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

/// The messages held.
#[derive(Debug, Default)]
pub(super) struct Messages(Slab<Outgoing>);

impl Messages {
    pub(super) fn add(&mut self, message: Outgoing) -> MessageKey {
        MessageKey(self.0.insert(message) as u32)
    }

    #[inline]
    pub(super) fn get(&self, key: MessageKey) -> Option<&Outgoing> {
        self.0.get(key.0 as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: MessageKey) -> Option<&mut Outgoing> {
        self.0.get_mut(key.0 as usize)
    }

    #[inline]
    pub(super) fn is_abandoned(&self, key: MessageKey) -> bool {
        self.get(key).is_none_or(|message| message.is_abandoned)
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(super) fn remove(&mut self, key: MessageKey) {
        self.0.try_remove(key.0 as usize);
    }

    /// A piece was acknowledged cumulatively; the message is let go of with its last.
    #[inline]
    pub(super) fn acknowledged(&mut self, key: MessageKey) {
        let Some(message) = self.get_mut(key) else { return };
        message.outstanding = message.outstanding.saturating_sub(1);
        if message.outstanding == 0 && message.unsent() == 0 {
            self.remove(key);
        }
    }
}
