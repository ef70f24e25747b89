//! How the program ends, for scripts and service managers.

use std::fmt::Display;
use std::process::ExitCode;

use peerline::channel::{ChannelError, ConnectError};

use crate::terminal;

pub(crate) const HELP: &str = "\
Exit status:
  0  done, or stopped by SIGTERM or Ctrl-C
  1  it could not be done: a port is taken, a directory cannot be written, …
  2  the options make no sense";

pub(crate) const SERVE_HELP: &str = "\
Signals:
  SIGTERM, SIGINT  tell the clients, let calls go on without the server, stop; a second one stops at once
  SIGHUP           read --cert and --key again

Exit status:
  0  stopped by SIGTERM or Ctrl-C
  1  it could not start: a port is taken, a directory cannot be written, …
  2  the options make no sense

Examples:
  peerline serve
  peerline serve --domain call.example.org --listen 443
  peerline serve --config /etc/peerline.toml
  PEERLINE_LISTEN=127.0.0.1:9000 peerline serve";

pub(crate) const DOCTOR_HELP: &str = "\
Exit status:
  0  calls come about, directly where the other side's network allows it
  1  it could not be found out
  2  the options make no sense
  4  calls come about by the relay only, or worse than they could
  5  calls do not come about

Examples:
  peerline doctor https://call.example.org
  peerline doctor --json | jq -r '.verdicts[].sentence'";

pub(crate) const EXPLAIN_HELP: &str = "\
Exit status:
  0  told
  1  a file can't be read, or is no log
  2  the options make no sense

Examples:
  peerline pipe --log mine.log
  peerline explain mine.log theirs.log
  peerline explain --json mine.log | jq -r '.calls[].verdict[].sentence'";

/// What the help of a command that meets somebody ends with: its exit status, and examples.
macro_rules! meeting_help {
    ($examples:literal) => {
        concat!(
            "\
Exit status:
  0  done
  1  it could not be done
  2  the options make no sense
  3  nobody came, or the code had expired
  4  the other side, or the server, refused or cancelled
  5  no connection to the server or to the other side, or it broke
  130, 143  stopped by Ctrl-C or SIGTERM before it was done",
            $examples
        )
    };
}

/// The exit status alone.
pub(crate) const MEETING_HELP: &str = meeting_help!("");

pub(crate) const CHAT_HELP: &str = meeting_help!(
    "

Examples:
  peerline chat --new
  peerline chat pillow-evacuate-shudder-bless-cavern
  echo \"the build is done\" | peerline chat \"$LINK\""
);

pub(crate) const JOIN_HELP: &str = meeting_help!(
    "

Examples:
  peerline join --new
  peerline join \"$LINK\" | jq -r 'select(.event == \"chat\") | .text'"
);

pub(crate) const PIPE_HELP: &str = meeting_help!(
    "

Examples:
  tar c photos | peerline pipe
  peerline pipe pillow-evacuate-shudder-bless-cavern </dev/null | tar x"
);

pub(crate) const FORWARD_HELP: &str = meeting_help!(
    "

Examples:
  peerline forward --allow 127.0.0.1:5432
  peerline forward \"$CODE\" --local 5432 --remote 127.0.0.1:5432"
);

/// Why the program ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Something that was asked for cannot be done.
    Failed,
    /// What was asked for makes no sense.
    Usage,
    /// Nobody came in time.
    Nobody,
    /// The other side, or the server, said no.
    Refused,
    /// The server or the other side cannot be reached, or not any more.
    Unconnected,
    /// The signal of this number.
    Signal(u8),
}

impl Failure {
    const fn status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Nobody => 3,
            Self::Refused => 4,
            Self::Unconnected => 5,
            // As a shell tells it.
            Self::Signal(number) => 128 + number,
        }
    }
}

/// Why a command did not do what it was asked for, and the sentence that says so.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) failure: Failure,
    pub(crate) why: String,
}

impl Problem {
    pub(crate) fn new(failure: Failure, why: impl Display) -> Self {
        Self { failure, why: why.to_string() }
    }
}

impl From<ChannelError> for Problem {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Connect(error) => error.into(),
            ChannelError::Refused(_) => Self::new(Failure::Refused, error),
            ChannelError::NoParticipant | ChannelError::Left => Self::new(Failure::Unconnected, error),
            _ => Self::new(Failure::Failed, error),
        }
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match &error {
            ConnectError::Address(_) => Self::new(Failure::Usage, format!("{error}.")),
            ConnectError::Plain(origin) => Self::new(
                Failure::Usage,
                format!(
                    "{origin} would be reached without encryption. Use https, or say --trust any if it is \
                     meant so."
                ),
            ),
            ConnectError::Unreachable { .. } => Self::new(
                Failure::Unconnected,
                format!("{error}. Is `peerline serve` running there? --server names another server."),
            ),
            ConnectError::Untrusted { address, certificate, error } => Self::new(
                Failure::Unconnected,
                format!(
                    "{address} is not trusted: {error}.\nThe SHA-256 of its certificate is\n{certificate}\n\
                     If whoever runs the server tells you the same, add\n--trust {certificate}"
                ),
            ),
            ConnectError::Foreign { .. } => Self::new(Failure::Unconnected, format!("{error}.")),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::new(Failure::Failed, error)
    }
}

/// Says why on standard error. A server's own words may be in it.
pub(crate) fn fail(failure: Failure, why: impl Display) -> ExitCode {
    eprintln!("peerline: {}", terminal::paragraph(&why.to_string()));
    ExitCode::from(failure.status())
}
