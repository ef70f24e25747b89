//! What one side lets the other make it hold and do (`docs/transfer.md` §8).

/// The longest control message, in bytes of UTF-8.
pub(crate) const CONTROL: usize = 16_384;

/// The largest size and sum of sizes, in bytes: what every language's numbers hold exactly.
pub(crate) const SIZE: u64 = (1 << 53) - 1;

/// The ranges that one request may claim.
pub(crate) const CLAIMS: usize = 64;

/// The files that a receiver asks for ahead of what has arrived.
pub(crate) const FILES_AHEAD: usize = 64;

/// The requests that a sender keeps in line.
pub(crate) const REQUESTS: usize = 256;

/// The chunks that are read ahead of what is sent, or of what is checked.
pub(crate) const READ_AHEAD: usize = 4;

/// What a receiver takes from a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files of one offer.
    pub files: usize,
    /// Bytes of all paths of one offer together.
    pub paths: usize,
    /// Bytes of all files together; at most 2^53 − 1.
    pub bytes: u64,
}

impl Default for Limits {
    /// 65,536 files with 4 MiB of paths, of any size.
    fn default() -> Self {
        Self { files: 65_536, paths: 4 << 20, bytes: SIZE }
    }
}
