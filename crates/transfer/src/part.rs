//! The state file beside a part file: which chunks were written, and their digests (`docs/transfer.md` §9).

use thiserror::Error;

use crate::digest::Digest;
use crate::offer::{ChunkSize, OfferedFile};

const MAGIC: &[u8; 8] = b"PEERPART";
const HEADER: usize = 24;

/// Bytes of a record: the chunk's number and its digest.
pub const RECORD_LENGTH: usize = 8 + Digest::LENGTH;

/// What a state file says of a part file: for each chunk the digest of what was written there. The chunks are
/// compared with it before anything is built on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartState {
    pub(crate) digests: Vec<Option<Digest>>,
}

/// The state file is not of this file: another size, another size of chunks, or no state file at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the state file belongs to another file")]
pub struct ForeignState;

impl PartState {
    /// What a new state file begins with.
    #[must_use]
    pub fn header(file: &OfferedFile, chunk: ChunkSize) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let (magic, rest) = header.split_at_mut(8);
        let (size, chunk_size) = rest.split_at_mut(8);
        magic.copy_from_slice(MAGIC);
        size.copy_from_slice(&file.size.to_be_bytes());
        chunk_size.copy_from_slice(&(chunk.bytes() as u64).to_be_bytes());
        header
    }

    /// Reads a state file. A last record that was cut off, and records that can't be, are left out.
    ///
    /// # Errors
    ///
    /// [`ForeignState`] where part and state can't be used for this file.
    pub fn parse(bytes: &[u8], file: &OfferedFile, chunk: ChunkSize) -> Result<Self, ForeignState> {
        let (header, records) = bytes.split_first_chunk::<HEADER>().ok_or(ForeignState)?;
        if *header != Self::header(file, chunk) {
            return Err(ForeignState);
        }
        let mut digests = Vec::new();
        for record in records.chunks_exact(RECORD_LENGTH) {
            let Some((index, digest)) = record.split_first_chunk::<8>() else { continue };
            let (index, Ok(digest)) = (u64::from_be_bytes(*index), <[u8; Digest::LENGTH]>::try_from(digest))
            else {
                continue;
            };
            if index >= chunk.count(file.size) {
                continue;
            }
            let Ok(index) = usize::try_from(index) else { continue };
            if digests.len() <= index {
                digests.resize(index + 1, None);
            }
            if let Some(place) = digests.get_mut(index) {
                *place = Some(Digest::from_bytes(digest));
            }
        }
        Ok(Self { digests })
    }
}

pub(crate) fn record(chunk: u64, digest: &Digest) -> [u8; RECORD_LENGTH] {
    let mut record = [0; RECORD_LENGTH];
    let (index, bytes) = record.split_at_mut(8);
    index.copy_from_slice(&chunk.to_be_bytes());
    bytes.copy_from_slice(digest.as_bytes());
    record
}
