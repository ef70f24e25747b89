//! What a script asks for: a JSON object on each line of standard input (`docs/command-line.md`).

use peerline::channel::ParticipantId;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The kinds of message that Peerline's clients say to each other themselves (`docs/signaling.md` §9).
const OURS: [&str; 7] = ["profile", "description", "candidate", "restart", "chat", "received", "bye"];

/// One line.
#[derive(Debug)]
pub(super) struct Command {
    /// Comes back in the answer.
    pub(super) id: Option<Box<RawValue>>,
    pub(super) wish: Result<Wish, String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Wish {
    /// Writes a chat message to everybody.
    Say { text: String },
    /// Sends a message of the script's own to one participant, or to everybody.
    Send { to: Option<ParticipantId>, payload: Map<String, Value> },
    /// Changes the name that the others see.
    Name { name: String },
    /// Leaves when all that was asked for before is done.
    Leave,
}

impl Command {
    /// `None` for an empty line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Numbered {
            id: Option<Box<RawValue>>,
        }
        if line.trim().is_empty() {
            return None;
        }
        let id = serde_json::from_str(line).ok().and_then(|Numbered { id }| id);
        let wish = serde_json::from_str(line).map_err(|error| error.to_string()).and_then(check);
        Some(Self { id, wish })
    }
}

fn check(wish: Wish) -> Result<Wish, String> {
    if let Wish::Send { payload, .. } = &wish {
        match payload.get("kind") {
            Some(Value::String(kind)) if OURS.contains(&kind.as_str()) => {
                return Err(format!("the kind “{kind}” is Peerline's own: take another one"));
            }
            Some(Value::String(_)) => {}
            _ => return Err("the payload has no member `kind` that is a string".to_owned()),
        }
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(line: &str) -> Result<Wish, String> {
        Command::parse(line).unwrap().wish
    }

    #[test]
    fn what_is_documented_is_read() {
        assert!(Command::parse("  ").is_none());
        let say = Command::parse(r#"{"do":"say","id":"a1","text":"hello"}"#).unwrap();
        assert_eq!(say.id.unwrap().get(), r#""a1""#);
        assert!(matches!(say.wish, Ok(Wish::Say { text }) if text == "hello"));
        let send = wish(r#"{"do":"send","to":"AAAAAAAAAAAAAAAAAAAAAA","payload":{"kind":"move","x":1}}"#);
        assert!(matches!(send, Ok(Wish::Send { to: Some(_), .. })));
        assert!(matches!(
            wish(r#"{"do":"send","payload":{"kind":"move"}}"#),
            Ok(Wish::Send { to: None, .. })
        ));
        assert!(matches!(wish(r#"{"do":"leave"}"#), Ok(Wish::Leave)));
    }

    #[test]
    fn what_is_wrong_is_said_and_keeps_its_number() {
        for line in [
            r#"{"id":7,"do":"dance"}"#,
            r#"{"id":7,"do":"say"}"#,
            r#"{"id":7,"do":"send","payload":{"x":1}}"#,
            r#"{"id":7,"do":"send","payload":{"kind":"bye"}}"#,
            r#"{"id":7,"do":"send","to":"Ada","payload":{"kind":"move"}}"#,
        ] {
            let command = Command::parse(line).unwrap();
            assert!(command.wish.is_err(), "{line}");
            assert_eq!(command.id.unwrap().get(), "7", "{line}");
        }
        assert!(Command::parse("hello").unwrap().wish.is_err());
    }
}
