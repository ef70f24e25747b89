//! The layer above's handshake, which travels with checks (SPED, draft-hancke-webrtc-sped).
//!
//! A check with a datagram in it waits, unanswered, while the layer above takes that in: its reply goes with the answer.

use std::net::SocketAddr;
use std::time::Instant;

use peerline_stun::{Class, Message};
use peerline_turn::RelayHeader;

use super::Agent;
use crate::Credentials;
use crate::check;
use crate::locals::BaseId;

/// A check or an answer whose datagram the layer above is at.
#[derive(Debug)]
pub(super) struct Deferred {
    pub base: BaseId,
    pub remote: SocketAddr,
    pub message: Box<[u8]>,
}

impl Agent {
    /// Whether the handshake of the layer above travels with checks: both sides do that, as far as is known, and it isn't
    /// over.
    pub fn embeds(&self) -> bool {
        self.embedding.is_active()
    }

    /// What the layer above has to say now, all of its newest flight. Nothing new is an answer, too:
    /// [`Received::Embedded`](crate::Received::Embedded) waits for it.
    pub fn embed(&mut self, now: Instant, flight: Vec<Box<[u8]>>) {
        if !flight.is_empty() {
            self.embedding.replace(flight);
        }
        self.handle_deferred(now);
    }

    /// By how much a check is longer than the datagram that travels with it, at most, in bytes, with a relay's frame
    /// around it (§3.3.3).
    pub fn embedding_overhead(&self, remote: &Credentials) -> usize {
        check::embedding_overhead(self.local_credentials().ufrag.len() + remote.ufrag.len())
            + RelayHeader::MAX
    }

    /// The next datagram of what was given to [`embed`](Self::embed) that hasn't gone out by itself yet, written to the
    /// beginning of `buffer`; for when there is a route.
    pub fn poll_embedded(&mut self, buffer: &mut [u8]) -> Option<usize> {
        self.embedding.poll_unsent(buffer)
    }

    /// The layer above's handshake is complete on this side.
    pub fn embedding_complete(&mut self) {
        self.embedding.complete();
    }

    /// The other side has shown that its handshake is complete, too, or there is none any more.
    pub fn end_embedding(&mut self) {
        self.embedding.end();
    }

    /// The handshake that [`embed`](Self::embed) was told of is given up; there may be another.
    pub fn forget_embedded(&mut self) {
        self.embedding.replace([]);
    }

    /// Takes the datagram out of an authentic check or answer, and notes what else that says of the handshake.
    pub(super) fn take_embedded<'a>(&mut self, message: &Message<'a>) -> Option<&'a [u8]> {
        if !self.embeds() || message.class() == Class::Error {
            return None;
        }
        let mut sessions = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        if !sessions.any(|session| session.is_authentic(message)) {
            return None;
        }
        self.embedding.read(message)
    }

    pub(super) fn handle_deferred(&mut self, now: Instant) {
        let Some(Deferred { base, remote, message }) = self.deferred.take() else {
            return;
        };
        if let Ok(message) = Message::parse(&message) {
            self.handle_message(now, base, remote, &message);
        }
    }
}
