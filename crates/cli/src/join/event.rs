//! What a script hears: a JSON object on each line of standard output (`docs/command-line.md`).

use std::io::{Write as _, stdout};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use peerline::channel::{ChannelEvent, LeaveReason, Participant, ParticipantId, ParticipantState, Way};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::meeting::Made;
use crate::path::Path;
use crate::terminal;

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// A code was made.
    Code { code: String, link: String, expires: u64 },
    /// A link was made.
    Link { link: String },
    /// We are in the channel.
    Joined { participant: String },
    /// Somebody is there.
    Arrived { participant: Person },
    /// Somebody told something else about itself, or can be reached, or cannot.
    Changed { participant: Person },
    /// The direct connection to somebody takes this way.
    Path { participant: String, path: Path },
    /// Somebody is gone.
    Left { participant: Person, reason: &'static str },
    /// Somebody came while the code was in use, and is not spoken to.
    LeftOut { participant: Person },
    /// Somebody wrote something.
    Chat { from: String, name: String, chat: String, text: String, time: f64, way: &'static str },
    /// Somebody sent a message of a script's own.
    Message { from: String, everybody: bool, payload: Value },
    /// The same, of something that is not JSON.
    Bytes { from: String, everybody: bool, base64: String },
    /// The connection to the server broke, or is there again.
    Server {
        online: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A command was carried out.
    Done { re: Option<Box<RawValue>> },
    /// A command was not carried out.
    Error { re: Option<Box<RawValue>>, message: String },
}

/// Somebody else.
#[derive(Debug, Serialize)]
pub(super) struct Person {
    id: String,
    name: String,
    identity: Option<String>,
    microphone: bool,
    camera: bool,
    state: &'static str,
    present: bool,
}

impl From<Participant> for Person {
    fn from(participant: Participant) -> Self {
        let Participant { id, name, identity, microphone, camera, state, present } = participant;
        let state = match state {
            ParticipantState::Connecting => "connecting",
            ParticipantState::Connected => "connected",
            ParticipantState::Away => "away",
            ParticipantState::Failed => "failed",
        };
        Self { id: id.to_string(), name, identity, microphone, camera, state, present }
    }
}

impl Event {
    /// What a script hears of the code or the link that was made.
    pub(super) fn made(made: &Made) -> Self {
        let Made { code, link, expires } = made.clone();
        match code {
            Some(code) => Self::Code { code, link, expires: expires.as_secs() },
            None => Self::Link { link },
        }
    }

    /// What a script hears of something that happened.
    pub(super) fn of(event: ChannelEvent) -> Option<Self> {
        Some(match event {
            ChannelEvent::Joined => Self::Server { online: true, reason: None },
            ChannelEvent::Reconnecting(reason) => Self::Server { online: false, reason },
            ChannelEvent::ParticipantArrived(participant) => {
                Self::Arrived { participant: participant.into() }
            }
            ChannelEvent::ParticipantChanged(participant) => {
                Self::Changed { participant: participant.into() }
            }
            ChannelEvent::ParticipantLeft(participant, reason) => {
                let reason = match reason {
                    LeaveReason::Left => "left",
                    LeaveReason::Timeout => "timeout",
                };
                Self::Left { participant: participant.into(), reason }
            }
            ChannelEvent::LeftOut(participant) => Self::LeftOut { participant: participant.into() },
            ChannelEvent::Chat(message) => {
                let way = match message.way {
                    Way::Data => "direct",
                    Way::Server => "server",
                };
                let (from, name, chat) = (message.from.to_string(), message.name, message.id);
                Self::Chat { from, name, chat, text: message.text, time: message.time, way }
            }
            ChannelEvent::Message { from, everybody, payload } => Self::message(from, everybody, &payload),
            // Channels of an application's own are not for scripts; dropped, they are closed.
            ChannelEvent::DataChannel(..) | ChannelEvent::Closed(_) => return None,
        })
    }

    fn message(from: ParticipantId, everybody: bool, payload: &[u8]) -> Self {
        let from = from.to_string();
        match serde_json::from_slice(payload) {
            Ok(payload) => Self::Message { from, everybody, payload },
            Err(_) => Self::Bytes { from, everybody, base64: BASE64_STANDARD.encode(payload) },
        }
    }

    pub(super) fn print(&self) -> std::io::Result<()> {
        let json = serde_json::to_string(self)?;
        let mut output = stdout().lock();
        writeln!(output, "{}", terminal::json(&json))?;
        output.flush()
    }
}
