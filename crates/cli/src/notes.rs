//! What a command tells while it works, on standard error: sentences for people, or JSON lines for scripts.

use std::fmt;
use std::io::{Write as _, stderr, stdout};
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::MultiProgress;
use serde::Serialize;

use crate::path::Path;
use crate::terminal;
use crate::transfer::TransferNote;

/// Bars at the end of the terminal: notes are written above them.
pub(crate) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Where notes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notes {
    /// To people.
    Sentences,
    /// To scripts, one JSON object a line.
    Json,
    /// The same on standard output, for commands that write nothing else there.
    JsonResult,
    /// Nowhere.
    Silent,
}

/// Something to tell. Names are others' own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub(crate) enum Note {
    /// A new code was made.
    Code {
        code: String,
        /// The same for a browser.
        link: String,
        /// How long it is good, in seconds.
        #[serde(serialize_with = "seconds")]
        expires: Duration,
    },
    /// A new link was made.
    Link { link: String },
    /// Nobody is there yet.
    Waiting,
    /// Somebody is there.
    Arrived { name: String },
    /// A direct connection stands.
    Connected { name: String, path: Path },
    /// It broke, and is made again.
    Disconnected { name: String },
    /// No direct connection comes about.
    ThroughServer { name: String },
    /// No direct connection comes about, and nothing else will do.
    Unreachable { name: String },
    /// Somebody is gone.
    Left { name: String },
    /// Somebody is not spoken to, because the code is in use.
    LeftOut { name: String },
    /// The connection to the server broke.
    ServerLost { reason: Option<String> },
    /// It is there again.
    ServerBack,
    /// Connections to this address are forwarded.
    Listening { address: String, target: String },
    /// Others may be connected to this address.
    Allowing { target: String },
    /// This participant makes the connections.
    ForwardingBy { name: String, target: String },
    /// One connection did not come about, or broke; others go on.
    StreamFailed { target: String, reason: String },
    /// Something that is not as it should be, and stops nothing.
    Warning { warning: String },
    /// Files, on their way to or from somebody.
    #[serde(untagged)]
    Transfer(TransferNote),
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { code, link, expires } => write!(
                formatter,
                "The code is  {}\nfor one person, within {}. In a browser: {link}",
                terminal::bold(code, &stderr()),
                spoken(*expires)
            ),
            Self::Link { link } => write!(formatter, "The link is  {}", terminal::bold(link, &stderr())),
            Self::Waiting => formatter.write_str("Nobody is here yet. Waiting …"),
            Self::Arrived { name } => write!(formatter, "{name} is here."),
            Self::Connected { name, path: Path::Direct } => {
                write!(formatter, "{name} is connected directly.")
            }
            Self::Connected { name, path: Path::Relayed } => {
                write!(formatter, "{name} is connected through the relay.")
            }
            Self::Disconnected { name } => {
                write!(formatter, "{name}: the connection broke; connecting again …")
            }
            Self::ThroughServer { name } => {
                write!(formatter, "{name} can't be reached directly; messages go sealed through the server.")
            }
            Self::Unreachable { name } => {
                write!(formatter, "{name} can't be connected so far; trying again …")
            }
            Self::Left { name } => write!(formatter, "{name} left."),
            Self::LeftOut { name } => write!(
                formatter,
                "{name} came with the same code and is left out. If it is not who you expect, make a new code."
            ),
            Self::ServerLost { reason: Some(reason) } => {
                write!(formatter, "The server is away ({reason}); connecting again …")
            }
            Self::ServerLost { reason: None } => {
                formatter.write_str("The server is away; connecting again …")
            }
            Self::ServerBack => formatter.write_str("The server is back."),
            Self::Listening { address, target } => write!(formatter, "{address} leads to {target}."),
            Self::Allowing { target } => write!(formatter, "{target} may be connected to."),
            Self::ForwardingBy { name, target } => write!(formatter, "{name} connects to {target}."),
            Self::StreamFailed { target, reason } => {
                write!(formatter, "A connection to {target} failed: {reason}.")
            }
            Self::Warning { warning } => formatter.write_str(warning),
            Self::Transfer(note) => note.fmt(formatter),
        }
    }
}

impl Notes {
    pub(crate) fn tell(self, note: &Note) {
        // Nobody may be reading; the work goes on.
        let _ = match self {
            Self::Sentences => BARS.suspend(|| writeln!(stderr().lock(), "{note}")),
            Self::Json => writeln!(stderr().lock(), "{}", json(note)),
            Self::JsonResult => writeln!(stdout().lock(), "{}", json(note)),
            Self::Silent => Ok(()),
        };
    }
}

fn json(note: &Note) -> String {
    serde_json::to_string(note).unwrap_or_default()
}

/// `90 minutes`, `1 hour`.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)).unwrap_or((1, "second"));
    let number = seconds / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_read_json() {
        let link = "https://a.example/c/#v1.…".to_owned();
        let code = Note::Code { code: "a-b".to_owned(), link, expires: Duration::from_secs(3_600) };
        assert_eq!(
            json(&code),
            r#"{"note":"code","code":"a-b","link":"https://a.example/c/#v1.…","expires":3600}"#
        );
        let connected = Note::Connected { name: "Ada".to_owned(), path: Path::Direct };
        assert_eq!(json(&connected), r#"{"note":"connected","name":"Ada","path":"direct"}"#);
        assert_eq!(json(&Note::Waiting), r#"{"note":"waiting"}"#);
    }

    #[test]
    fn times_are_told_in_whole_units() {
        for (seconds, said) in
            [(3_600, "1 hour"), (5_400, "90 minutes"), (61, "61 seconds"), (172_800, "2 days")]
        {
            assert_eq!(spoken(Duration::from_secs(seconds)), said);
        }
    }
}
