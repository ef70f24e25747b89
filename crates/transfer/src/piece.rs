//! Binary messages: pieces of chunks (`docs/transfer.md` §5).

use crate::digest::Digest;
use crate::error::Error;
use crate::offer::FileIndex;

const PIECE: u8 = 1;
const LAST: u8 = 2;
const HEADER: usize = 16;

/// Bytes that a piece may have besides the file's: the header, and in a chunk's last piece the digest.
pub(crate) const OVERHEAD: usize = HEADER + Digest::LENGTH;

/// A piece of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) file: FileIndex,
    /// Where in the file it begins.
    pub(crate) offset: u64,
    /// The chunk's digest, with its last piece.
    pub(crate) digest: Option<Digest>,
    /// At least one byte.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&[if self.digest.is_some() { LAST } else { PIECE }, 0, 0, 0]);
        buffer.extend_from_slice(&self.file.0.to_be_bytes());
        buffer.extend_from_slice(&self.offset.to_be_bytes());
        if let Some(digest) = &self.digest {
            buffer.extend_from_slice(digest.as_bytes());
        }
        buffer.extend_from_slice(self.bytes);
    }

    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, Error> {
        Self::read(message).ok_or(Error::BadMessage("no piece of a chunk"))
    }

    fn read(message: &'a [u8]) -> Option<Self> {
        let (&[kind, 0, 0, 0], rest) = message.split_first_chunk::<4>()? else { return None };
        let (file, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (digest, bytes) = match kind {
            PIECE => (None, rest),
            LAST => {
                let (digest, bytes) = rest.split_first_chunk()?;
                (Some(Digest::from_bytes(*digest)), bytes)
            }
            _ => return None,
        };
        let (file, offset) = (FileIndex(u32::from_be_bytes(*file)), u64::from_be_bytes(*offset));
        (!bytes.is_empty()).then_some(Self { file, offset, digest, bytes })
    }
}
