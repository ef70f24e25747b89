//! What the client has to say to its owner.

use std::fmt;
use std::ops::Deref;

use super::content::Profile;
use super::outbox::RequestId;
use crate::error::ErrorCode;
use crate::identifier::{ChannelId, ParticipantId};
use crate::link::Link;
use crate::message::{Ice, InvitationResult, Person};
use crate::seal::IdentityPublicKey;

/// How things stand with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A connection is being made, or will be after a wait.
    Connecting,
    /// Connected.
    Online,
    /// Connected to a server that said it is about to restart.
    Draining,
    /// The end.
    Closed,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedReason {
    /// By [`super::Client::close`].
    Closed,
    /// Another connection has taken this participant's key (close code 4001).
    Fenced,
}

/// Something opened: it stays out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(pub Vec<u8>);

impl Deref for Plaintext {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Plaintext({} bytes)", self.0.len())
    }
}

/// Whether the server can reach a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It is connected.
    Present,
    /// Its connection broke, and its session is kept.
    Away,
    /// The server doesn't know it any more, perhaps because it has restarted; [`Event::Left`] follows unless it comes back.
    Missing,
}

/// Why a member is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// It left.
    Left,
    /// It did not come back. A direct connection to it may still hold.
    Timeout,
}

/// The server's "not done" (§10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong; `None` for a code that this client doesn't know.
    pub code: Option<ErrorCode>,
    /// The same for people.
    pub message: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done. For a message: it is in line for its receiver.
    Done,
    /// The message is in line for so many members. `busy` did not take it, in spite of several attempts.
    Published {
        /// How many members it is in line for.
        receivers: usize,
        /// The members whose queue was full.
        busy: Vec<ParticipantId>,
    },
    /// The people who can be found, by name.
    Found(Vec<Person>),
    /// Not done.
    Refused(Refusal),
    /// It was given up, because its channel was left or the session ended; whether it was done is not known.
    Abandoned,
}

impl Eq for Person {}

/// Somebody rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingInvitation {
    /// Who.
    pub from: ParticipantId,
    /// The number of the invitation; with `from` it names it.
    pub id: u64,
    /// Where to meet.
    pub link: Link,
    /// What the caller calls itself, as it may be shown.
    pub name: String,
    /// The caller's public key.
    pub identity: IdentityPublicKey,
    /// How long it rings, in seconds.
    pub timeout: u16,
}

/// Something that the owner has to do, or wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Open a connection to the server, and say [`super::Client::connected`] or [`super::Client::disconnected`]. It replaces any older one.
    Connect,
    /// Close the connection (close code 1000). Nothing that still comes from it is to be handed in.
    Disconnect,
    /// How things stand with the server changed.
    StateChanged(State),
    /// The session ended: nothing follows but [`Event::Disconnect`].
    Closed(ClosedReason),
    /// The server refused to talk. The client tries again.
    HelloRefused(Refusal),
    /// The server has us in the channel, for the first time or again. The members that are new follow as [`Event::Arrived`].
    Joined(ChannelId),
    /// The server doesn't let us in; the channel is forgotten.
    JoinRefused(ChannelId, Refusal),
    /// The server forgot us and doesn't let us back in. The client tries again.
    RejoinRefused(ChannelId, Refusal),
    /// A member is there.
    Arrived {
        /// The channel.
        channel: ChannelId,
        /// Who.
        participant: ParticipantId,
        /// What it tells everybody.
        profile: Profile,
        /// Whether the server can reach it.
        state: MemberState,
        /// Whether we yield to it when two offers collide (§6).
        polite: bool,
        /// Whether we came later, and so make the first offer.
        offers: bool,
    },
    /// A member is reachable, or not. [`MemberState::Present`] also comes when nothing changed for us but the member
    /// may have missed what was sent: an unanswered offer is to be sent again.
    MemberState {
        /// The channel.
        channel: ChannelId,
        /// Who.
        participant: ParticipantId,
        /// Whether the server can reach it.
        state: MemberState,
    },
    /// A member tells everybody something else.
    ProfileChanged {
        /// The channel.
        channel: ChannelId,
        /// Who.
        participant: ParticipantId,
        /// What it tells everybody now.
        profile: Profile,
    },
    /// A member is gone.
    Left {
        /// The channel.
        channel: ChannelId,
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
    },
    /// A member says something. Each message comes once.
    Message {
        /// The channel.
        channel: ChannelId,
        /// Who says it; it may have left meanwhile.
        from: ParticipantId,
        /// Whether it was said to everybody.
        everybody: bool,
        /// What it says.
        payload: Plaintext,
    },
    /// What to connect through, for the first time or renewed.
    IceServers(Ice),
    /// What became of a request.
    Answered(RequestId, Answer),
    /// Somebody rings.
    Invitation(Box<IncomingInvitation>),
    /// It rings no more: here, or at the one whom we invited.
    InvitationEnded {
        /// Who invited.
        from: ParticipantId,
        /// Who was invited.
        to: ParticipantId,
        /// The number of the invitation.
        id: u64,
        /// How it ended.
        result: InvitationResult,
    },
}
