//! What the hub has to say to its owner.

use super::connections::ConnectionId;
use crate::error::{CloseCode, ErrorCode};
use crate::identifier::ParticipantId;
use crate::message::{FailureReason, LeftReason, Path};

/// Something that the owner has to do, or may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Send what [`super::Hub::poll_transmit`] still has for it, close it with this code, and tell the hub by [`super::Hub::disconnect`].
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        code: CloseCode,
    },
    /// A participant said `hello`.
    SessionStarted {
        /// On which connection.
        connection: ConnectionId,
        /// Who.
        participant: ParticipantId,
        /// Whether it goes on with its session.
        recovered: bool,
    },
    /// A participant did not come back.
    SessionEnded {
        /// Who.
        participant: ParticipantId,
    },
    /// A participant is in one more channel.
    Joined {
        /// Who.
        participant: ParticipantId,
    },
    /// A participant is in one channel less.
    Left {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeftReason,
    },
    /// A client said how a connection to a peer came about.
    PathReported {
        /// The path.
        path: Path,
        /// Why it failed.
        reason: Option<FailureReason>,
    },
}

/// What the hub holds now, and what it has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections, with and without a session.
    pub connections: usize,
    /// Sessions, with and without a connection.
    pub sessions: usize,
    /// Sessions without a connection.
    pub away: usize,
    /// Channels.
    pub channels: usize,
    /// Memberships in all channels.
    pub members: usize,
    /// Participants who can be found.
    pub findable: usize,
    /// Invitations that ring.
    pub ringing: usize,
    /// Bytes that wait for acknowledgement in all sessions.
    pub queued_bytes: usize,
    /// Frames received, ever.
    pub frames: u64,
    /// Messages put in line for a receiver, ever.
    pub messages: u64,
    pub(super) refusals: [u64; ErrorCode::ALL.len()],
}

impl Statistics {
    /// How often this error was answered, ever.
    #[must_use]
    pub fn refusals(&self, code: ErrorCode) -> u64 {
        self.refusals.get(code as usize).copied().unwrap_or_default()
    }

    pub(super) fn refuse(&mut self, code: ErrorCode) {
        if let Some(count) = self.refusals.get_mut(code as usize) {
            *count += 1;
        }
    }
}
