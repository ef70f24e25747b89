//! Work that the machines hand to their owner: bytes to read, bytes to write. Jobs own their buffers, so they can
//! go to another thread; hashing happens in them, not in the machine.

use std::fmt;

use crate::digest::Digest;
use crate::offer::FileIndex;

/// Bytes of a file to read.
pub struct Read {
    pub(crate) token: u64,
    pub(crate) file: FileIndex,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Read {
    /// Which file. For a sender one of the offer's, for a receiver the part that it has of it.
    #[must_use]
    pub const fn file(&self) -> FileIndex {
        self.file
    }

    /// Where in the file to begin, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The buffer to fill to its end.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Says that the buffer is filled: makes the digest, which takes its time.
    #[must_use]
    pub fn hash(self) -> Hashed {
        let digest = Digest::of(&self.bytes);
        Hashed { read: self, digest }
    }
}

/// Bytes that were read, and their digest.
#[derive(Debug)]
pub struct Hashed {
    pub(crate) read: Read,
    pub(crate) digest: Digest,
}

/// A chunk to write, as it came.
pub struct Write {
    pub(crate) file: FileIndex,
    pub(crate) chunk: u64,
    pub(crate) offset: u64,
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
}

impl Write {
    /// Compares the bytes with the sender's digest, which takes its time.
    ///
    /// # Errors
    ///
    /// [`Damaged`] where they differ; it goes to [`Receiver::handle_damaged`](crate::Receiver::handle_damaged).
    pub fn verify(self) -> Result<Verified, Damaged> {
        if Digest::of(&self.bytes) == self.digest {
            Ok(Verified(self))
        } else {
            Err(Damaged { file: self.file, chunk: self.chunk })
        }
    }
}

/// A chunk that is as it was sent: to be written, and given back when it is.
#[derive(Debug)]
pub struct Verified(pub(crate) Write);

impl Verified {
    /// Which file.
    #[must_use]
    pub const fn file(&self) -> FileIndex {
        self.0.file
    }

    /// Where in the file the bytes belong.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.0.offset
    }

    /// The bytes to write.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// What to append to the state file when the bytes are written (`docs/transfer.md` §9).
    #[must_use]
    pub fn record(&self) -> [u8; crate::part::RECORD_LENGTH] {
        crate::part::record(self.0.chunk, &self.0.digest)
    }
}

/// A chunk that is not as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    pub(crate) file: FileIndex,
    pub(crate) chunk: u64,
}

impl fmt::Debug for Read {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, bytes, .. } = self;
        write!(formatter, "Read({} bytes of file {file} at {offset})", bytes.len())
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, bytes, .. } = self;
        write!(formatter, "Write({} bytes of file {file} at {offset})", bytes.len())
    }
}
