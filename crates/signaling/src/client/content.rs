//! What participants say to each other (`docs/signaling.md` §9): sealed through the server, or by the data channel `peerline`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::limits;
use crate::name::misleads;

/// The longest text of a chat message, in characters.
pub const TEXT: usize = 8_000;
/// The latest time that a browser's `Date` can hold, in milliseconds since 1970: it would fail to show a later one.
const LAST_TIME: f64 = 8.64e15;

/// One message between participants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// An offer or an answer.
    Description {
        /// Higher than any before in an offer; the offer's in an answer.
        negotiation: u64,
        /// The session description.
        description: SessionDescription,
    },
    /// An ICE candidate, or the end of them.
    Candidate {
        /// The number of the description that it belongs to.
        negotiation: u64,
        /// `None`: there are no more.
        #[serde(deserialize_with = "present")]
        candidate: Option<CandidateInit>,
    },
    /// "My path broke: please offer with an ICE restart."
    Restart {
        /// The newest number.
        negotiation: u64,
    },
    /// Text for people.
    Chat(Chat),
    /// "That chat has arrived."
    Received {
        /// Which.
        chat: ChatId,
    },
    /// The connection ends on purpose.
    Bye,
}

/// The W3C's `RTCSessionDescriptionInit`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDescription {
    /// Offer or answer.
    #[serde(rename = "type")]
    pub kind: DescriptionType,
    /// The session description, with the secrets of the connection.
    pub sdp: String,
}

impl fmt::Debug for SessionDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionDescription({:?})", self.kind)
    }
}

/// The W3C's `RTCSdpType`, without what never travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DescriptionType {
    /// An offer.
    Offer,
    /// An answer.
    Answer,
}

/// The W3C's `RTCIceCandidateInit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CandidateInit {
    /// `candidate:…` (RFC 8839 §5.1).
    pub candidate: String,
    /// The `mid` of its media section.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// The number of its media section.
    #[serde(rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// The user name fragment of its generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// Text for people.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// Names the message; it may come by two ways.
    pub chat: ChatId,
    /// 1 to 8,000 characters.
    pub text: String,
    /// Milliseconds since 1970, by the sender's clock.
    pub time: f64,
}

impl fmt::Debug for Chat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Chat({})", self.chat.as_str())
    }
}

/// The name of a chat message: 16 random bytes, as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ChatId(String);

impl ChatId {
    /// Names a message by 16 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        Self(base64url::encode(bytes))
    }

    /// The identifier's text: 22 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ChatId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let valid = text.len() == 22
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if valid { Ok(Self(text)) } else { Err(serde::de::Error::custom("22 characters of base64url")) }
    }
}

impl Content {
    /// Reads a message; `None` for what is malformed or of a kind that this client doesn't know, which it ignores.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let content: Self = serde_json::from_slice(json).ok()?;
        let valid = match &content {
            Self::Description { negotiation, .. }
            | Self::Candidate { negotiation, .. }
            | Self::Restart { negotiation } => (1..1 << 53).contains(negotiation),
            Self::Chat(chat) => is_text(&chat.text) && chat.time.abs() <= LAST_TIME,
            Self::Received { .. } | Self::Bye => true,
        };
        valid.then_some(content)
    }

    /// The message as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and structs cannot fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether it may be the text of a chat message.
#[must_use]
pub fn is_text(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= TEXT
}

/// What a participant tells everybody about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// What it calls itself, as it may be shown; possibly empty.
    pub name: String,
    /// Its public key, in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whether its microphone is on.
    pub microphone: bool,
    /// Whether its camera is on.
    pub camera: bool,
}

impl Profile {
    /// Reads a profile; `None` for what is none.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            kind: String,
            name: String,
            #[serde(default)]
            identity: serde_json::Value,
            #[serde(default)]
            microphone: serde_json::Value,
            #[serde(default)]
            camera: serde_json::Value,
        }
        let wire: Wire = serde_json::from_slice(json).ok()?;
        (wire.kind == "profile").then(|| Self {
            name: presentable(&wire.name),
            identity: wire.identity.as_str().map(str::to_owned),
            microphone: wire.microphone == true,
            camera: wire.camera == true,
        })
    }

    /// The profile as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Wire<'a> {
            kind: &'static str,
            #[serde(flatten)]
            profile: &'a Profile,
        }
        serde_json::to_string(&Wire { kind: "profile", profile: self }).unwrap_or_default()
    }
}

/// A name that somebody else wrote and no server has looked at, as it may be shown; empty if nothing is left of it.
#[must_use]
pub fn presentable(name: &str) -> String {
    let shown: String = name.chars().filter(|character| !misleads(*character)).collect();
    shown.trim().chars().take(limits::NAME).collect()
}

/// For serde: a member that has to be there, although it may be null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<CandidateInit>, D::Error> {
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_browser_says_is_read() {
        let chat = r#"{"kind":"chat","chat":"AAAAAAAAAAAAAAAAAAAAAA","text":"hé","time":1790000000000}"#;
        let Some(Content::Chat(read)) = Content::parse(chat.as_bytes()) else { panic!("no chat") };
        assert_eq!(read.text, "hé");
        let candidate = r#"{"kind":"candidate","negotiation":3,"candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"abcd"}}"#;
        let Some(Content::Candidate { negotiation: 3, candidate: Some(read) }) =
            Content::parse(candidate.as_bytes())
        else {
            panic!("no candidate")
        };
        assert_eq!((read.sdp_mid.as_deref(), read.sdp_m_line_index), (Some("0"), Some(0)));
        for content in [
            Content::Candidate { negotiation: 1, candidate: None },
            Content::Restart { negotiation: 9 },
            Content::Bye,
            Content::Received { chat: ChatId::from_bytes(&[7; 16]) },
        ] {
            assert_eq!(Content::parse(content.to_json().as_bytes()), Some(content));
        }
        assert_eq!(Content::Bye.to_json(), r#"{"kind":"bye"}"#);
        assert_eq!(
            Content::Candidate { negotiation: 1, candidate: None }.to_json(),
            r#"{"kind":"candidate","negotiation":1,"candidate":null}"#
        );
    }

    #[test]
    fn what_is_malformed_or_of_an_unknown_kind_is_ignored() {
        let long = format!(
            r#"{{"kind":"chat","chat":"AAAAAAAAAAAAAAAAAAAAAA","text":"{}","time":1}}"#,
            "a".repeat(TEXT + 1)
        );
        for json in [
            "",
            "[]",
            r#"{"kind":"tomorrow"}"#,
            r#"{"kind":"restart","negotiation":0}"#,
            r#"{"kind":"restart","negotiation":1.5}"#,
            r#"{"kind":"candidate","negotiation":1}"#,
            r#"{"kind":"description","negotiation":1,"description":{"type":"rollback","sdp":""}}"#,
            r#"{"kind":"chat","chat":"short","text":"a","time":1}"#,
            r#"{"kind":"chat","chat":"AAAAAAAAAAAAAAAAAAAAAA","text":"","time":1}"#,
            r#"{"kind":"chat","chat":"AAAAAAAAAAAAAAAAAAAAAA","text":"a","time":1e300}"#,
            &long,
        ] {
            assert_eq!(Content::parse(json.as_bytes()), None, "{json:.80}");
        }
    }

    #[test]
    fn a_name_cannot_turn_the_text_around_it() {
        let profile = Profile::parse(
            "{\"kind\":\"profile\",\"name\":\" A\u{202e}da\\n \",\"microphone\":true,\"camera\":\"yes\"}"
                .as_bytes(),
        );
        let expected = Profile { name: "Ada".to_owned(), microphone: true, ..Profile::default() };
        assert_eq!(profile, Some(expected.clone()));
        assert_eq!(expected.to_json(), r#"{"kind":"profile","name":"Ada","microphone":true,"camera":false}"#);
        assert_eq!(Profile::parse(br#"{"kind":"chat","name":"Ada"}"#), None);
    }
}
