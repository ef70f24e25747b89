//! Messages of the data channel and the JSON of the control messages (`docs/transfer.md` §3).

use serde::{Deserialize, Serialize};

use crate::claim::Claim;
use crate::digest::Digest;
use crate::error::{DeclineReason, Error, ErrorCode, FileFailure};
use crate::limits::{CLAIMS, CONTROL, SIZE};
use crate::offer::{ChunkSize, FileIndex, TransferId};

/// A message of the data channel, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A string message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// The kind of the message that `poll_transmit` has put into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// To be sent as a string; the buffer holds its UTF-8.
    Text,
    /// To be sent as binary.
    Binary,
}

/// The latest time that every language's dates can hold, in milliseconds since 1970, and back.
const LAST_TIME: i64 = 8_640_000_000_000_000;

/// Characters of an error's sentence.
const SENTENCE: usize = 200;

/// A control message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Control {
    /// Begins an offer; `files` follow until all have come.
    Offer { transfer: TransferId, files: u32, bytes: u64, chunk: ChunkSize },
    /// Some of the offer's files, in order.
    Files { files: Vec<FileEntry> },
    /// The receiver wants this many files and bytes, and holds `window` bytes at most.
    Accept { files: u32, bytes: u64, window: u64 },
    /// The receiver does not want it.
    Decline { reason: DeclineReason },
    /// The receiver wants this file, and has these parts of it.
    Get {
        file: FileIndex,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        have: Vec<Claim>,
    },
    /// The file has been sent: all chunks that the receiver did not have.
    End { file: FileIndex, hash: Digest },
    /// The file can't be sent.
    Failed { file: FileIndex, reason: FileFailure },
    /// Bytes of chunks that the receiver has written since the channel opened.
    Written { bytes: u64 },
    /// The receiver has all that it wanted.
    Complete,
    /// Somebody stopped the transfer.
    Cancel,
    /// This side gives up.
    Error { code: ErrorCode, message: String },
    /// A type of a later version: ignored.
    #[serde(other)]
    Unknown,
}

/// One file of `files`; the path is looked at later, so that its error can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) path: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<i64>,
}

impl Control {
    /// Reads a control message.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > CONTROL {
            return Err(Error::TooLarge("a control message"));
        }
        let control: Self =
            serde_json::from_str(text).map_err(|_| Error::BadMessage("no control message"))?;
        match control.in_range() {
            true => Ok(control.tidied()),
            false => Err(Error::BadMessage("a number is out of range")),
        }
    }

    /// The message's text.
    pub(crate) fn text(&self) -> String {
        // Nothing here can fail: no map has keys that are no strings, no float is there.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is said when this side gives up.
    pub(crate) fn error(error: &Error) -> Self {
        Self::Error { code: error.code(), message: error.to_string() }
    }

    fn in_range(&self) -> bool {
        match self {
            Self::Offer { bytes, .. } | Self::Written { bytes } => *bytes <= SIZE,
            Self::Accept { bytes, window, .. } => *bytes <= SIZE && *window <= SIZE,
            Self::Files { files } => files.iter().all(|file| {
                file.size <= SIZE && file.modified.is_none_or(|time| (-LAST_TIME..=LAST_TIME).contains(&time))
            }),
            Self::Get { have, .. } => have.len() <= CLAIMS,
            _ => true,
        }
    }

    /// A stranger's sentence, as it may be shown.
    fn tidied(mut self) -> Self {
        if let Self::Error { message, .. } = &mut self {
            *message = message.chars().filter(|character| !character.is_control()).take(SENTENCE).collect();
        }
        self
    }
}
