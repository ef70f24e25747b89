//! Every frame of `docs/signaling.md`, typed, in both directions.

mod from_client;
mod opaque;
mod to_client;

pub use from_client::{
    Ack, Announce, Answer, Cancel, FailureReason, Find, FromClient, Hello, IceRequest, Invite, Join, Leave,
    Path, Ping, Prefix, Profile, Publish, Refusal, Report, Request, Respond, Resume, Send, Unannounce,
};
pub use opaque::{Opaque, SealedPayload, SealedProfile};
pub use to_client::{
    Arrived, ChannelMembers, Done, Drain, Found, Ice, IceServer, Invitation, InvitationEnded,
    InvitationResult, Joined, Left, LeftReason, Member, Message, NotAFrame, Person, Pong, ProfileChanged,
    Refused, Resync, State, StateChanged, ToClient, Welcome,
};

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a participant who can be found is doing (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// There.
    Online,
    /// Not at the device, or in the grace time of a broken connection.
    Away,
    /// In a call.
    InCall,
}

/// The two members that every frame is told by. The rest is read once they are known.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    re: Option<&'a RawValue>,
    #[serde(borrow, default)]
    offset: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    fn parse(frame: &'a str) -> Option<Self> {
        // serde would read a struct from an array, too.
        frame.trim_start().starts_with('{').then(|| serde_json::from_str(frame).ok()).flatten()
    }

    /// The type's text; a JSON string may spell it with escapes.
    fn kind(&self) -> Option<Cow<'a, str>> {
        let raw = self.kind?.get();
        let plain = serde_json::from_str::<&str>(raw).map(Cow::Borrowed);
        plain.or_else(|_| serde_json::from_str::<String>(raw).map(Cow::Owned)).ok()
    }
}

/// Reads an integer from 1 to 2^53 − 1.
fn number(raw: Option<&RawValue>) -> Option<u64> {
    serde_json::from_str(raw?.get()).ok().filter(|number| (1..1 << 53).contains(number))
}

/// For serde: an integer from 1 to 2^53 − 1.
fn positive<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if (1..1 << 53).contains(&number) {
        Ok(number)
    } else {
        Err(serde::de::Error::custom("an integer from 1 to 2^53 - 1"))
    }
}

/// Says which frame a body is the body of.
macro_rules! bodies {
    ($($body:ident $(<$lifetime:lifetime>)? => $kind:literal),* $(,)?) => {
        $(impl $(<$lifetime>)? crate::frame::Body for $body $(<$lifetime>)? {
            const TYPE: &'static str = $kind;
        })*
    };
}
use bodies;
