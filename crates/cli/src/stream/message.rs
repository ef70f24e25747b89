//! The control messages of a stream (`docs/streams.md` §2).

use serde::{Deserialize, Serialize};

/// The longest control message, in bytes.
const LONGEST: usize = 4_096;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Control {
    /// The first message of a forwarded stream: what to connect to.
    Open { host: String, port: u16 },
    /// There is room for so many bytes in all.
    Grant { bytes: u64 },
    /// No bytes follow.
    End,
    /// All bytes, and the end of them, have come and are passed on.
    Complete,
    /// The stream breaks.
    Reset {
        #[serde(deserialize_with = "code")]
        code: ResetCode,
    },
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// Why a stream breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetCode {
    /// What is to be connected to is not allowed.
    #[error("the other side does not allow it")]
    NotAllowed,
    /// Nobody listens there.
    #[error("nobody listens there")]
    Refused,
    /// There is no way there, or no such name.
    #[error("there is no way there")]
    Unreachable,
    /// There are as many streams as there may be.
    #[error("there are too many connections at the same time")]
    Busy,
    /// What bytes came from or went to broke.
    #[error("it broke at the other end")]
    Broken,
    /// The other side's message was none, or came at a wrong time.
    #[error("we did not keep to the protocol")]
    BadMessage,
    /// Of a later version.
    #[error("the other side broke it")]
    Other,
}

fn code<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ResetCode, D::Error> {
    let code = String::deserialize(deserializer)?;
    let known = serde_json::from_value(code.into());
    Ok(known.unwrap_or(ResetCode::Other))
}

impl Control {
    /// `None` for what breaks the protocol.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        (json.len() <= LONGEST).then(|| serde_json::from_str(json).ok())?
    }

    pub(crate) fn to_json(&self) -> String {
        // Strings, numbers and structs cannot fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_they_are_written() {
        let messages = [
            (Control::Open { host: "::1".to_owned(), port: 80 }, r#"{"type":"open","host":"::1","port":80}"#),
            (Control::Grant { bytes: 1 << 40 }, r#"{"type":"grant","bytes":1099511627776}"#),
            (Control::End, r#"{"type":"end"}"#),
            (Control::Complete, r#"{"type":"complete"}"#),
            (Control::Reset { code: ResetCode::NotAllowed }, r#"{"type":"reset","code":"not_allowed"}"#),
        ];
        for (message, json) in messages {
            assert_eq!(message.to_json(), json);
            assert_eq!(Control::parse(json), Some(message));
        }
    }

    #[test]
    fn what_a_later_version_says_is_no_error_and_nonsense_is() {
        assert_eq!(Control::parse(r#"{"type":"tomorrow","x":1}"#), Some(Control::Unknown));
        let reset = Control::Reset { code: ResetCode::Other };
        assert_eq!(Control::parse(r#"{"type":"reset","code":"tomorrow"}"#), Some(reset));
        let long = format!(r#"{{"type":"end","x":"{}"}}"#, "x".repeat(LONGEST));
        for wrong in ["", "[]", r#"{"type":"grant","bytes":-1}"#, r#"{"type":"open","port":80}"#, &long] {
            assert_eq!(Control::parse(wrong), None, "{wrong:.40}");
        }
    }
}
