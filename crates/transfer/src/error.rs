//! How a transfer ends, and what went wrong.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::offer::FileIndex;
use crate::path::InvalidPath;

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has every file that it asked for and that could be read.
    Completed,
    /// The receiver does not want it.
    Declined(DeclineReason),
    /// Somebody stopped it.
    Cancelled(Cancelled),
    /// It can't go on.
    Failed(Error),
    /// The data channel closed before the end. A later offer goes on where this one stopped.
    Interrupted,
}

/// Who stopped a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// This side.
    Here,
    /// The other side.
    There,
}

/// Why a receiver does not want an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// Somebody said no.
    Declined,
    /// It has no room for as much.
    NoSpace,
    /// It has enough offers to look at.
    Busy,
    /// One that this version doesn't know.
    #[serde(other)]
    Other,
}

/// Why one file could not be sent; the others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFailure {
    /// It can't be read, or is not there any more.
    Unreadable,
    /// It is not as it was offered.
    Changed,
    /// A reason that this version doesn't know.
    #[serde(other)]
    Other,
}

/// The codes that one side tells the other when it gives up (`docs/transfer.md` §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A message was not what this protocol says.
    BadMessage,
    /// A path of the offer breaks §4.
    BadPath,
    /// More than the receiver takes.
    TooLarge,
    /// More than the receiver's window.
    WindowExceeded,
    /// A chunk's bytes and its digest don't agree.
    Damaged,
    /// The chunks and the file's hash don't agree.
    HashMismatch,
    /// The receiver can't write.
    WriteFailed,
    /// The receiver's disk is full.
    NoSpace,
    /// One that this version doesn't know.
    #[serde(other)]
    Other,
}

/// Why a transfer can't go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The other side's message is none, or comes at a wrong time.
    #[error("the other side's message is not what the protocol says: {0}")]
    BadMessage(&'static str),
    /// A path of the offer can't be taken.
    #[error("the other side offers a file with a path that is refused: {0}")]
    BadPath(InvalidPath),
    /// The offer is larger than [`Limits`](crate::Limits).
    #[error("the other side offers more than is taken: {0}")]
    TooLarge(&'static str),
    /// The sender did not keep to the window.
    #[error("the other side sends more than it was allowed to")]
    WindowExceeded,
    /// The bytes of a chunk are not those of its digest.
    #[error("chunk {chunk} of file {file} arrived damaged")]
    Damaged {
        /// The file.
        file: FileIndex,
        /// The chunk, counted from 0.
        chunk: u64,
    },
    /// The whole file's hash differs from the one that the sender made.
    #[error("file {0} is not the file that was sent: their hashes differ")]
    HashMismatch(FileIndex),
    /// The owner could not write.
    #[error("a file can't be written")]
    WriteFailed,
    /// The owner's disk is full.
    #[error("there is no room left for the files")]
    NoSpace,
    /// The other side gave up.
    #[error("the other side gave up: {message} ({code:?})")]
    There {
        /// Why.
        code: ErrorCode,
        /// In words, as the other side wrote them; at most 200 characters and none of them a control character.
        message: String,
    },
}

impl Error {
    /// What the other side is told.
    pub(crate) const fn code(&self) -> ErrorCode {
        match self {
            Self::BadMessage(_) => ErrorCode::BadMessage,
            Self::BadPath(_) => ErrorCode::BadPath,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::WindowExceeded => ErrorCode::WindowExceeded,
            Self::Damaged { .. } => ErrorCode::Damaged,
            Self::HashMismatch(_) => ErrorCode::HashMismatch,
            Self::WriteFailed => ErrorCode::WriteFailed,
            Self::NoSpace => ErrorCode::NoSpace,
            Self::There { code, .. } => *code,
        }
    }
}
