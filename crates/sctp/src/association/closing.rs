//! How an association ends (RFC 9260 §9).

use std::time::Instant;

use super::{Association, Phase, Retry};
use crate::packet::{Cause, ChunkWriter, abort_chunk, kind};
use crate::{CloseReason, Event};

/// SHUTDOWNs and SHUTDOWN ACKs after which the peer is taken to be gone.
const MOST_SHUTDOWNS: u32 = 8;

impl Association {
    /// Closes gracefully: what was sent arrives first. Ends with [`Event::Closed`].
    pub fn shutdown(&mut self, now: Instant) {
        match self.phase {
            Phase::Established => {
                self.phase = Phase::ShutdownPending;
                self.advance_shutdown(now);
            }
            Phase::Closed | Phase::CookieWait(_) | Phase::CookieEchoed { .. } => self.abort(now, ""),
            _ => {}
        }
    }

    /// Ends now, and tells the peer why in words, if there is a peer. Ends with [`Event::Closed`].
    pub fn abort(&mut self, _now: Instant, reason: &str) {
        self.abort_with(Some(Cause::UserInitiated(reason)), CloseReason::Aborted);
    }

    pub(super) fn abort_with(&mut self, cause: Option<Cause<'_>>, reason: CloseReason) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        if let Some(peer) = self.peer {
            self.push_standalone(peer.tag, abort_chunk(0, cause));
        }
        self.end(reason);
    }

    /// Over. What holds memory is let go of.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.phase = Phase::Over;
        self.control.clear();
        self.is_cookie_due = false;
        self.sender = crate::send::Sender::new(&self.config, self.local.initial_tsn);
        self.receiver = crate::receive::Receiver::new(&self.config);
        self.events.push_back(Event::Closed(reason));
    }

    /// Goes on with closing once all that was sent has arrived (RFC 9260 §9.2).
    pub(super) fn advance_shutdown(&mut self, now: Instant) {
        let is_finished = self.sender.is_finished();
        match self.phase {
            Phase::ShutdownPending if is_finished => {
                self.phase = Phase::ShutdownSent(self.first_try(now));
                self.send_shutdown();
            }
            Phase::ShutdownReceived if is_finished => self.acknowledge_shutdown(now),
            _ => {}
        }
    }

    fn first_try(&self, now: Instant) -> Retry {
        Retry { first_sent: now, deadline: now + self.sender.round_trip.timeout(), attempts: 1 }
    }

    pub(super) fn send_shutdown(&mut self) {
        let mut chunk = ChunkWriter::new(kind::SHUTDOWN, 0);
        chunk.u32(self.receiver.cumulative().0);
        self.push_control(chunk.finish());
    }

    fn acknowledge_shutdown(&mut self, now: Instant) {
        self.phase = Phase::ShutdownAckSent(self.first_try(now));
        self.push_control(ChunkWriter::new(kind::SHUTDOWN_ACK, 0).finish());
    }

    /// The peer wants to close.
    pub(super) fn handle_shutdown(&mut self, now: Instant) {
        match self.phase {
            Phase::Established | Phase::ShutdownPending => {
                self.phase = Phase::ShutdownReceived;
                self.advance_shutdown(now);
            }
            // Both closed at once.
            Phase::ShutdownSent(_) => self.acknowledge_shutdown(now),
            Phase::ShutdownAckSent(_) => self.push_control(ChunkWriter::new(kind::SHUTDOWN_ACK, 0).finish()),
            _ => {}
        }
    }

    /// The peer has closed; it waits for the last word.
    pub(super) fn handle_shutdown_ack(&mut self) {
        if matches!(self.phase, Phase::ShutdownSent(_) | Phase::ShutdownAckSent(_))
            && let Some(peer) = self.peer
        {
            self.push_standalone(peer.tag, ChunkWriter::new(kind::SHUTDOWN_COMPLETE, 0).finish());
            self.end(CloseReason::Shutdown);
        }
    }

    pub(super) fn handle_shutdown_complete(&mut self) {
        if matches!(self.phase, Phase::ShutdownAckSent(_)) {
            self.end(CloseReason::Shutdown);
        }
    }

    /// The T2 timer (RFC 9260 §9.2).
    pub(super) fn repeat_shutdown(&mut self, retry: Retry) {
        if retry.attempts > MOST_SHUTDOWNS {
            // In the one case the peer has everything, and only its last word was lost; in the other nobody knows.
            let has_everything = matches!(self.phase, Phase::ShutdownAckSent(_));
            self.end(if has_everything { CloseReason::Shutdown } else { CloseReason::TimedOut });
        } else if matches!(self.phase, Phase::ShutdownAckSent(_)) {
            self.push_control(ChunkWriter::new(kind::SHUTDOWN_ACK, 0).finish());
        } else {
            self.send_shutdown();
        }
    }
}
