//! What the server says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::from_client::identity;
use super::{Envelope, Presence, SealedPayload, SealedProfile, bodies, number, positive};
use crate::error::ErrorCode;
use crate::frame::Number;
use crate::identifier::{ChannelId, ParticipantId};
use crate::limits::Limits;
use crate::name::Name;
use crate::seal::IdentityPublicKey;

/// One frame from the server; the [`Number`] beside it says whether it is an answer.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is described at its struct")]
pub enum ToClient<'a> {
    Welcome(Welcome<'a>),
    Ok(Done),
    Error(Refused<'a>),
    Pong(Pong),
    Joined(Joined<'a>),
    Found(Found),
    Ice(Ice),
    Arrived(Arrived<'a>),
    State(StateChanged),
    Profile(ProfileChanged<'a>),
    Left(Left),
    Message(Message<'a>),
    Resync(Resync<'a>),
    Drain(Drain),
    Invitation(Invitation<'a>),
    InvitationEnded(InvitationEnded),
}

/// What the server sent is no frame of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a frame of the channel protocol")]
pub struct NotAFrame;

/// The answer to `hello` (§5).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome<'a> {
    /// Who the client is.
    pub participant: ParticipantId,
    /// The life of the server's memory.
    #[serde(borrow)]
    pub epoch: Cow<'a, str>,
    /// The token to resume with.
    #[serde(borrow)]
    pub resume: Cow<'a, str>,
    /// How long a session is kept without a connection, in seconds.
    pub grace: u64,
    /// When to send a `ping`, in seconds.
    pub heartbeat: u64,
    /// Whether the session goes on.
    pub recovered: bool,
    /// What the session may do.
    pub limits: Limits,
}

impl std::fmt::Debug for Welcome<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Welcome({}, recovered: {})", self.participant, self.recovered)
    }
}

/// "Done."
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// To `publish`: the number of members that the message was put in line for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receivers: Option<usize>,
    /// To `publish`: the members whose queue was full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub busy: Vec<ParticipantId>,
}

/// "Not done" (§10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused<'a> {
    /// What is wrong.
    pub code: ErrorCode,
    /// The same for people.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// When to try again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<u64>,
}

/// The answer to `ping` (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {}

/// The answer to `join` (§6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The others.
    #[serde(borrow)]
    pub members: Vec<Member<'a>>,
    /// What to connect through.
    pub ice: Ice,
}

/// Somebody else in the channel, as the receiver of the frame sees it (§6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member<'a> {
    /// Who.
    pub participant: ParticipantId,
    /// Its sealed profile.
    #[serde(borrow)]
    pub profile: SealedProfile<'a>,
    /// Whether it is connected.
    pub state: State,
    /// Whether the receiver of the frame yields to it when two offers collide.
    pub polite: bool,
}

/// Whether a member is connected (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Present,
    /// Its connection broke, and its session is kept.
    Away,
}

/// The answer to `find` (§8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// By name.
    pub people: Vec<Person>,
}

/// Somebody who can be found (§8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The announced name.
    pub name: Name,
    /// Who.
    pub participant: ParticipantId,
    /// The key that invitations are sealed to.
    #[serde(with = "identity")]
    pub identity: IdentityPublicKey,
    /// What the participant is doing.
    pub presence: Presence,
}

/// What to connect through (§6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ice {
    /// STUN and TURN servers.
    pub servers: Vec<IceServer>,
    /// When the credential ends, in seconds since 1970.
    pub expires: u64,
}

/// The W3C's `RTCIceServer`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` addresses.
    pub urls: Vec<String>,
    /// The TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The TURN password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IceServer({:?})", self.urls)
    }
}

/// A new member (§6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrived<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The member.
    #[serde(borrow)]
    pub member: Member<'a>,
}

/// A member's connection broke or came back (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChanged {
    /// The channel.
    pub channel: ChannelId,
    /// The member.
    pub participant: ParticipantId,
    /// Its new state.
    pub state: State,
}

/// A member's new profile (§6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileChanged<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The member.
    pub participant: ParticipantId,
    /// Its new sealed profile.
    #[serde(borrow)]
    pub profile: SealedProfile<'a>,
}

/// A member is gone (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The channel.
    pub channel: ChannelId,
    /// The member.
    pub participant: ParticipantId,
    /// Why.
    pub reason: LeftReason,
}

/// Why a member is gone (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    /// It left.
    Left,
    /// Its connection broke and did not come back.
    Timeout,
}

/// What another member says (§7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// Who says it.
    pub from: ParticipantId,
    /// To whom, when it is not for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ParticipantId>,
    /// The `id` of the sender's frame.
    #[serde(deserialize_with = "positive")]
    pub id: u64,
    /// What it says.
    #[serde(borrow)]
    pub payload: SealedPayload<'a>,
}

/// What the client is to know of some of its channels, instead of what it knew (§5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resync<'a> {
    /// The channels.
    #[serde(borrow)]
    pub channels: Vec<ChannelMembers<'a>>,
}

/// The other members of a channel (§5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelMembers<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The others.
    #[serde(borrow)]
    pub members: Vec<Member<'a>>,
}

/// The server is about to stop (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Connect again after a random time between these, in seconds.
    pub reconnect: [u16; 2],
}

/// Somebody rings (§8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitation<'a> {
    /// Who.
    pub from: ParticipantId,
    /// The `id` of its `invite`.
    #[serde(deserialize_with = "positive")]
    pub id: u64,
    /// The name under which it can be found, if it can.
    pub name: Option<Name>,
    /// The sealed invitation.
    #[serde(borrow)]
    pub payload: SealedPayload<'a>,
    /// How long it rings, in seconds.
    pub timeout: u16,
}

/// It rings no more (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationEnded {
    /// Who invited.
    pub from: ParticipantId,
    /// Who was invited.
    pub to: ParticipantId,
    /// The `id` of the `invite`.
    #[serde(deserialize_with = "positive")]
    pub invitation: u64,
    /// How it ended.
    pub result: InvitationResult,
}

/// How an invitation ended (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationResult {
    /// The invited participant said yes.
    Accepted,
    /// It said no.
    Declined,
    /// It is in another call, or rings too often already.
    Busy,
    /// Nobody answered.
    Timeout,
    /// The caller took it back.
    Cancelled,
    /// One of the two is gone.
    Gone,
}

bodies! {
    Welcome<'a> => "welcome", Done => "ok", Refused<'a> => "error", Pong => "pong", Joined<'a> => "joined",
    Found => "found", Ice => "ice", Arrived<'a> => "arrived", StateChanged => "state",
    ProfileChanged<'a> => "profile", Left => "left", Message<'a> => "message", Resync<'a> => "resync",
    Drain => "drain", Invitation<'a> => "invitation", InvitationEnded => "invitation_ended",
}

impl<'a> ToClient<'a> {
    /// Reads a frame; `None` for a type that a later version may bring, which a client ignores.
    ///
    /// # Errors
    /// When it is no frame.
    pub fn parse(frame: &'a [u8]) -> Result<Option<(Number, Self)>, NotAFrame> {
        let text = str::from_utf8(frame).map_err(|_| NotAFrame)?;
        let envelope = Envelope::parse(text).ok_or(NotAFrame)?;
        let frame = match envelope.kind().ok_or(NotAFrame)?.as_ref() {
            "welcome" => body(text).map(Self::Welcome),
            "ok" => body(text).map(Self::Ok),
            "error" => body(text).map(Self::Error),
            "pong" => body(text).map(Self::Pong),
            "joined" => body(text).map(Self::Joined),
            "found" => body(text).map(Self::Found),
            "ice" => body(text).map(Self::Ice),
            "arrived" => body(text).map(Self::Arrived),
            "state" => body(text).map(Self::State),
            "profile" => body(text).map(Self::Profile),
            "left" => body(text).map(Self::Left),
            "message" => body(text).map(Self::Message),
            "resync" => body(text).map(Self::Resync),
            "drain" => body(text).map(Self::Drain),
            "invitation" => body(text).map(Self::Invitation),
            "invitation_ended" => body(text).map(Self::InvitationEnded),
            _ => return Ok(None),
        }?;
        let place = match (number(envelope.re), number(envelope.offset)) {
            (Some(re), _) => Number::Re(re),
            (None, Some(offset)) => Number::Offset(offset),
            (None, None) => Number::None,
        };
        Ok(Some((place, frame)))
    }
}

fn body<'a, B: Deserialize<'a>>(text: &'a str) -> Result<B, NotAFrame> {
    serde_json::from_str(text).map_err(|_| NotAFrame)
}
