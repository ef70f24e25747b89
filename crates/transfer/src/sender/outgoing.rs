//! A chunk on its way, cut into pieces of nearly equal length.

use crate::job::Hashed;
use crate::piece::Piece;

#[derive(Debug)]
pub(super) struct Outgoing {
    chunk: Hashed,
    /// Bytes that were written.
    written: usize,
}

impl Outgoing {
    pub(super) const fn new(chunk: Hashed) -> Self {
        Self { chunk, written: 0 }
    }

    /// Writes the next piece, of at most `longest` bytes of the file, and says whether it was the last one.
    pub(super) fn write_piece(&mut self, longest: usize, buffer: &mut Vec<u8>) -> bool {
        let length = self.chunk.read.bytes.len();
        // A short message at the end of each chunk would cost as much as a long one.
        let piece = length.div_ceil(length.div_ceil(longest).max(1));
        let end = length.min(self.written + piece);
        let bytes = self.chunk.read.bytes.get(self.written..end).unwrap_or_default();
        let last = end == length;
        let offset = self.chunk.read.offset + self.written as u64;
        Piece { file: self.chunk.read.file, offset, digest: last.then_some(self.chunk.digest), bytes }
            .write(buffer);
        self.written = end;
        last
    }

    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.chunk.read.bytes
    }
}
