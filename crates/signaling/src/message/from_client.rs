//! What a client says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Envelope, Presence, SealedPayload, SealedProfile, bodies, number, positive};
use crate::error::ErrorCode;
use crate::identifier::{ChannelId, ParticipantId, ParticipantKey};
use crate::limits;
use crate::name::{Name, fold};
use crate::seal::IdentityPublicKey;

/// One frame from a client.
#[derive(Clone, Debug, PartialEq)]
pub enum FromClient<'a> {
    /// How far the client has got.
    Ack(Ack),
    /// How a connection came about.
    Report(Report),
    /// Something that wants an answer, with its `id`.
    Request(u64, Request<'a>),
}

/// What wants an answer.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is described at its struct")]
pub enum Request<'a> {
    Hello(Hello<'a>),
    Ping(Ping),
    Join(Join<'a>),
    Leave(Leave),
    Profile(Profile<'a>),
    Send(Send<'a>),
    Publish(Publish<'a>),
    Ice(IceRequest),
    Announce(Announce),
    Unannounce(Unannounce),
    Find(Find),
    Invite(Invite<'a>),
    Respond(Respond),
    Cancel(Cancel),
}

/// Why a frame is none: the code of the `error` frame, and what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error's code.
    pub code: ErrorCode,
    /// The frame's `id`, when it was readable.
    pub re: Option<u64>,
    /// Whether it wanted to join a channel: failed joins are counted (§11).
    pub joining: bool,
}

/// The first frame of every connection (§5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello<'a> {
    /// The participant's key.
    #[serde(with = "key")]
    pub key: ParticipantKey,
    /// The client's name and version; at most 200 characters.
    #[serde(borrow, default, deserialize_with = "agent", skip_serializing_if = "Option::is_none")]
    pub agent: Option<Cow<'a, str>>,
    /// The session to go on with.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume<'a>>,
}

/// The session that a client wants to go on with (§5).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Resume<'a> {
    /// The token of the last `welcome`.
    #[serde(borrow)]
    pub token: Cow<'a, str>,
    /// The epoch of the last `welcome`.
    #[serde(borrow)]
    pub epoch: Cow<'a, str>,
    /// The offset of the last frame that the client has got, or 0.
    pub offset: u64,
}

impl std::fmt::Debug for Resume<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Resume(… at {})", self.offset)
    }
}

/// How far the client has got (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Every frame up to this offset has arrived.
    #[serde(deserialize_with = "positive")]
    pub offset: u64,
}

/// "Are you there?" (§5)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

/// Into a channel (§6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// What the others are to know.
    #[serde(borrow)]
    pub profile: SealedProfile<'a>,
}

/// Out of a channel (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The channel.
    pub channel: ChannelId,
}

/// Another profile (§6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// What the others are to know from now on.
    #[serde(borrow)]
    pub profile: SealedProfile<'a>,
}

/// To one member of a channel (§7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Send<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The receiver.
    pub to: ParticipantId,
    /// What it says.
    #[serde(borrow)]
    pub payload: SealedPayload<'a>,
}

/// To every other member of a channel (§7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publish<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// What it says.
    #[serde(borrow)]
    pub payload: SealedPayload<'a>,
}

/// Asks for ICE servers with a fresh credential (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceRequest {}

/// "I want to be found" (§8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announce {
    /// Under this name.
    pub name: Name,
    /// The key that invitations are sealed to.
    #[serde(with = "identity")]
    pub identity: IdentityPublicKey,
    /// What the participant is doing.
    pub presence: Presence,
}

/// "I want to be found no more" (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unannounce {}

/// Who is there (§8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// How the name begins.
    pub prefix: Prefix,
}

/// How a name begins: at most 64 characters, possibly none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Prefix(String);

impl Prefix {
    /// Checks the length.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.chars().count() <= limits::NAME).then(|| Self(text.to_owned()))
    }

    /// The prefix without regard to case.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(self.0.trim_start())
    }
}

/// Rings somebody (§8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invite<'a> {
    /// Who is invited.
    pub to: ParticipantId,
    /// The sealed invitation.
    #[serde(borrow)]
    pub payload: SealedPayload<'a>,
    /// How long it rings, in seconds: 5 to 120.
    #[serde(deserialize_with = "ring")]
    pub timeout: u16,
}

/// Answers an invitation (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Respond {
    /// Who invited.
    pub to: ParticipantId,
    /// The `id` of the `invite`.
    #[serde(deserialize_with = "positive")]
    pub invitation: u64,
    /// The answer.
    pub answer: Answer,
}

/// The answer to an invitation (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Accept,
    /// No.
    Decline,
    /// In another call.
    Busy,
}

/// Takes an invitation back (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The `id` of the `invite`.
    #[serde(deserialize_with = "positive")]
    pub invitation: u64,
}

/// How a connection to a peer came about (§12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The path.
    pub path: Path,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}

/// The path that a connection took (§12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// From peer to peer.
    Direct,
    /// Through a TURN server.
    Relayed,
    /// None.
    Failed,
}

impl Path {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
            Self::Failed => "failed",
        }
    }
}

/// Why a connection failed (§12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// No pair of candidates worked.
    IceFailed,
    /// There were no candidates.
    NoCandidates,
    /// The DTLS handshake failed.
    DtlsFailed,
    /// The peer went away.
    PeerGone,
    /// Something else.
    Other,
}

impl FailureReason {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IceFailed => "ice_failed",
            Self::NoCandidates => "no_candidates",
            Self::DtlsFailed => "dtls_failed",
            Self::PeerGone => "peer_gone",
            Self::Other => "other",
        }
    }
}

bodies! {
    Hello<'a> => "hello", Ack => "ack", Ping => "ping", Join<'a> => "join", Leave => "leave",
    Profile<'a> => "profile", Send<'a> => "send", Publish<'a> => "publish", IceRequest => "ice",
    Announce => "announce", Unannounce => "unannounce", Find => "find", Invite<'a> => "invite",
    Respond => "respond", Cancel => "cancel", Report => "report",
}

impl<'a> FromClient<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// With what the client is to be told. The length is not checked here: it is the connection's to know.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Refusal> {
        let bad = Refusal { code: ErrorCode::BadFrame, re: None, joining: false };
        let text = str::from_utf8(frame).map_err(|_| bad)?;
        let envelope = Envelope::parse(text).ok_or(bad)?;
        let re = number(envelope.id);
        let kind = envelope.kind().ok_or(Refusal { re, ..bad })?;
        let request = match kind.as_ref() {
            "ack" => return body(text, re).map(Self::Ack),
            "report" => return body(text, re).map(Self::Report),
            "hello" => body(text, re).map(Request::Hello),
            "ping" => body(text, re).map(Request::Ping),
            "join" => {
                body(text, re).map(Request::Join).map_err(|refusal| Refusal { joining: true, ..refusal })
            }
            "leave" => body(text, re).map(Request::Leave),
            "profile" => body(text, re).map(Request::Profile),
            "send" => body(text, re).map(Request::Send),
            "publish" => body(text, re).map(Request::Publish),
            "ice" => body(text, re).map(Request::Ice),
            "announce" => body(text, re).map(Request::Announce),
            "unannounce" => body(text, re).map(Request::Unannounce),
            "find" => body(text, re).map(Request::Find),
            "invite" => body(text, re).map(Request::Invite),
            "respond" => body(text, re).map(Request::Respond),
            "cancel" => body(text, re).map(Request::Cancel),
            _ => Err(Refusal { code: ErrorCode::UnknownType, re, ..bad }),
        }?;
        Ok(Self::Request(re.ok_or(bad)?, request))
    }
}

fn body<'a, B: Deserialize<'a>>(text: &'a str, re: Option<u64>) -> Result<B, Refusal> {
    serde_json::from_str(text).map_err(|_| Refusal { code: diagnose(text), re, joining: false })
}

/// What is wrong with a frame that doesn't read: a channel and a name have codes of their own.
fn diagnose(text: &str) -> ErrorCode {
    #[derive(Deserialize)]
    struct Suspects {
        channel: Option<String>,
        name: Option<String>,
        prefix: Option<String>,
    }
    match serde_json::from_str(text) {
        Ok(Suspects { channel: Some(channel), .. }) if ChannelId::parse(&channel).is_none() => {
            ErrorCode::BadChannel
        }
        Ok(Suspects { name: Some(name), .. }) if Name::parse(&name).is_none() => ErrorCode::BadName,
        Ok(Suspects { prefix: Some(prefix), .. }) if Prefix::parse(&prefix).is_none() => ErrorCode::BadName,
        _ => ErrorCode::BadFrame,
    }
}

fn agent<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Agent<'a>(#[serde(borrow)] Cow<'a, str>);
    match Option::<Agent<'a>>::deserialize(deserializer)? {
        Some(Agent(text)) if text.chars().count() > limits::AGENT => {
            Err(serde::de::Error::custom("at most 200 characters"))
        }
        agent => Ok(agent.map(|Agent(text)| text)),
    }
}

fn ring<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let seconds = u16::deserialize(deserializer)?;
    if (5..=120).contains(&seconds) { Ok(seconds) } else { Err(serde::de::Error::custom("5 to 120 seconds")) }
}

/// Gives a text type, with a function that reads it, the face that serde wants.
macro_rules! text {
    ($name:ident, $type:ty, $parse:path) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $parse(&Cow::<str>::deserialize(deserializer)?)
                    .ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    };
}
text!(name, Name, Name::parse);
text!(prefix, Prefix, Prefix::parse);

/// A participant key shows its text only here, in `hello`.
mod key {
    use super::{Cow, Deserialize, ParticipantKey};

    pub(super) fn serialize<S: serde::Serializer>(
        key: &ParticipantKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&key.to_text())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ParticipantKey, D::Error> {
        ParticipantKey::parse(&Cow::<str>::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("not a participant key"))
    }
}

pub(super) mod identity {
    use super::{Cow, Deserialize, IdentityPublicKey};

    pub(in super::super) fn serialize<S: serde::Serializer>(
        key: &IdentityPublicKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&key.to_text())
    }

    pub(in super::super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<IdentityPublicKey, D::Error> {
        IdentityPublicKey::parse(&Cow::<str>::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("not a P-256 public key"))
    }
}
