//! A chunk that comes in pieces.

use crate::digest::Digest;
use crate::error::Error;
use crate::piece::Piece;

#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) chunk: u64,
    offset: u64,
    length: usize,
    bytes: Vec<u8>,
}

impl Arriving {
    /// `buffer` is emptied.
    pub(super) fn new(chunk: u64, offset: u64, length: usize, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.reserve_exact(length);
        Self { chunk, offset, length, bytes: buffer }
    }

    /// Takes the next piece; with the last one, gives the digest that came with it.
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> Result<Option<Digest>, Error> {
        let filled = self.bytes.len();
        if piece.offset != self.offset + filled as u64 {
            return Err(Error::BadMessage("a piece at a wrong place"));
        }
        let end = filled + piece.bytes.len();
        if end > self.length || (end == self.length) != piece.digest.is_some() {
            return Err(Error::BadMessage("a piece of a wrong length"));
        }
        self.bytes.extend_from_slice(piece.bytes);
        Ok(piece.digest)
    }

    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
