//! What a channel's conversation with the server puts into the log.

use peerline_signaling::client::{Event, MemberState, State};

use super::{EventLog, LogEvent};

impl EventLog {
    /// Writes what the signaling client says, as far as it is of interest here.
    pub(crate) fn hear_signaling(&self, event: &Event) {
        let server = |state: &'static str, reason| LogEvent::Server { state: state.into(), reason };
        let event = match event {
            Event::StateChanged(State::Connecting) => server("connecting", None),
            Event::StateChanged(State::Online) => server("online", None),
            Event::HelloRefused(refusal)
            | Event::JoinRefused(_, refusal)
            | Event::RejoinRefused(_, refusal) => server("refused", Some(refusal.message.clone())),
            Event::Closed(_) => server("closed", None),
            Event::Arrived { participant, state, .. } | Event::MemberState { participant, state, .. } => {
                let state = match state {
                    MemberState::Present => "present",
                    MemberState::Away => "away",
                    MemberState::Missing => "missing",
                };
                LogEvent::Participant { participant: participant.to_string(), state: state.into() }
            }
            Event::Left { participant, .. } => {
                LogEvent::Participant { participant: participant.to_string(), state: "left".into() }
            }
            _ => return,
        };
        self.say(event);
    }
}
