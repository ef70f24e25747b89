//! What `send` and `recv` tell.

use std::fmt;

use indicatif::HumanBytes;
use peerline::transfer::{DeclineReason, FileFailure, Outcome};
use serde::Serialize;

use crate::exit::{Failure, Problem};
use crate::terminal;

/// Something to tell of files on their way. Names of people and paths are others' own words, made fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub(crate) enum TransferNote {
    /// Somebody is asked whether it wants files, or asks us.
    Offered { name: String, files: usize, bytes: u64 },
    /// The receiver takes them.
    Accepted { name: String, files: u32, bytes: u64 },
    /// How far it is.
    Progress(Progress),
    /// One file could not be sent; the others go on.
    FileFailed { path: String, reason: &'static str },
    /// It was broken off, and goes on when the other side is there again.
    Interrupted { name: String },
    /// All is there.
    Completed(Completed),
    /// Somebody didn't want it, or it could not be finished.
    Ended { name: String, reason: String },
}

/// How far a transfer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    pub(crate) name: String,
    /// Files that are done.
    pub(crate) files: u32,
    /// Bytes that the receiver has.
    pub(crate) bytes: u64,
    /// Of these, bytes that it had before.
    pub(crate) resumed: u64,
    /// Bytes that it wants.
    pub(crate) total: u64,
    /// Bytes in a second.
    pub(crate) rate: u64,
}

/// What a transfer has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Completed {
    pub(crate) name: String,
    pub(crate) files: u32,
    pub(crate) bytes: u64,
    pub(crate) resumed: u64,
}

impl fmt::Display for TransferNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered { name, files, bytes } => {
                write!(formatter, "Offered to {name}: {}. Waiting for the answer …", amount(*files, *bytes))
            }
            Self::Accepted { name, files, bytes } => {
                write!(formatter, "{name} takes {}.", amount(*files as usize, *bytes))
            }
            Self::Progress(Progress { name, bytes, total, rate, .. }) => {
                let percent = bytes.saturating_mul(100) / total.max(&1);
                write!(formatter, "{name}: {percent} % of {}", HumanBytes(*total))?;
                if let Some(left) = total.saturating_sub(*bytes).checked_div(*rate) {
                    write!(formatter, ", {}/s, {left} s left", HumanBytes(*rate))?;
                }
                Ok(())
            }
            Self::FileFailed { path, reason } => write!(formatter, "{path} {reason}; the others go on."),
            Self::Interrupted { name } => {
                write!(
                    formatter,
                    "{name}: broken off. It goes on when the other side is back (Ctrl-C ends) …"
                )
            }
            Self::Completed(Completed { name, files, bytes, resumed }) => {
                write!(formatter, "{name}: done. {}", amount(*files as usize, *bytes))?;
                if *resumed > 0 {
                    write!(formatter, ", of which {} were there before", HumanBytes(*resumed))?;
                }
                formatter.write_str(".")
            }
            Self::Ended { name, reason } => write!(formatter, "{name}: {reason}"),
        }
    }
}

/// `3 files, 2.00 GiB`.
pub(crate) fn amount(files: usize, bytes: u64) -> String {
    format!("{files} file{}, {}", if files == 1 { "" } else { "s" }, HumanBytes(bytes))
}

/// What became of a file that the sender could not send.
pub(crate) const fn failure(reason: FileFailure) -> &'static str {
    match reason {
        FileFailure::Changed => "has changed meanwhile and was not sent",
        FileFailure::Unreadable | FileFailure::Other => "could not be read and was not sent",
    }
}

/// How a transfer went that came to its end, without so many of the files.
pub(crate) fn completed_without(failed: usize) -> Result<(), Problem> {
    if failed == 0 {
        return Ok(());
    }
    Err(Problem::new(Failure::Failed, format!("{failed} of the files could not be sent.")))
}

/// Why a transfer came to nothing, as seen from this side. `None`: it didn't, or it goes on.
pub(crate) fn problem(outcome: &Outcome) -> Option<Problem> {
    let refused = |why: &str| Some(Problem::new(Failure::Refused, why));
    match outcome {
        Outcome::Completed | Outcome::Interrupted => None,
        Outcome::Declined(DeclineReason::NoSpace) => refused("The other side has no room for as much."),
        Outcome::Declined(DeclineReason::Busy) => {
            refused("The other side has other offers to look at first.")
        }
        Outcome::Declined(DeclineReason::Declined | DeclineReason::Other) => {
            refused("The other side does not want it.")
        }
        Outcome::Cancelled(_) => refused("It was cancelled. What has come is kept for the next time."),
        Outcome::Failed(error) => {
            let why = terminal::line(&format!("It can't go on: {error}."));
            Some(Problem::new(Failure::Failed, why))
        }
    }
}
