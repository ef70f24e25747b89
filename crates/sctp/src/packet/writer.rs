//! Writing packets straight into the owner's buffer, and control chunks into vectors.

use super::{CHUNK_HEADER, COMMON_HEADER, checksum, kind, padded};
use crate::VerificationTag;

/// A packet in the making, at the beginning of a buffer.
#[derive(Debug)]
pub(crate) struct PacketWriter<'a> {
    buffer: &'a mut [u8],
    length: usize,
    limit: usize,
}

impl<'a> PacketWriter<'a> {
    /// Begins a packet of at most `limit` bytes. `None` where the buffer is of no use.
    #[inline]
    pub(crate) fn new(
        buffer: &'a mut [u8],
        limit: usize,
        source_port: u16,
        destination_port: u16,
        tag: VerificationTag,
    ) -> Option<Self> {
        let limit = limit.min(buffer.len()) & !3;
        let header = buffer.first_chunk_mut::<COMMON_HEADER>()?;
        let [s0, s1] = source_port.to_be_bytes();
        let [d0, d1] = destination_port.to_be_bytes();
        let [t0, t1, t2, t3] = tag.0.to_be_bytes();
        *header = [s0, s1, d0, d1, t0, t1, t2, t3, 0, 0, 0, 0];
        Some(Self { buffer, length: COMMON_HEADER, limit })
    }

    /// Bytes that still fit.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.limit.saturating_sub(self.length)
    }

    /// No chunk has been written yet.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length == COMMON_HEADER
    }

    /// Makes room for exactly one chunk of this length, which fits no packet of the path's size any more.
    pub(crate) fn lift_limit(&mut self, chunk_length: usize) {
        self.limit = (self.length + padded(chunk_length)).min(self.buffer.len() & !3);
    }

    /// Room for a chunk of `length` bytes, with its padding zeroed; `None` where it doesn't fit.
    #[inline]
    pub(crate) fn chunk(&mut self, length: usize) -> Option<&mut [u8]> {
        let end = self.length + padded(length);
        if end > self.limit {
            return None;
        }
        let whole = self.buffer.get_mut(self.length..end)?;
        self.length = end;
        let (chunk, padding) = whole.split_at_mut_checked(length)?;
        padding.fill(0);
        Some(chunk)
    }

    /// Appends a chunk that was written elsewhere; `false` where it doesn't fit.
    pub(crate) fn append(&mut self, chunk: &[u8]) -> bool {
        match self.chunk(chunk.len()) {
            Some(room) => {
                room.copy_from_slice(chunk);
                true
            }
            None => false,
        }
    }

    /// Fills the packet with a PAD chunk (RFC 4820 §3) to exactly `length` bytes.
    pub(crate) fn pad_to(&mut self, length: usize) {
        let missing = length.saturating_sub(self.length);
        if missing < CHUNK_HEADER {
            return;
        }
        if let Some(chunk) = self.chunk(missing) {
            chunk.fill(0);
            write_header(chunk, kind::PAD, 0);
        }
    }

    /// The packet's length, its checksum filled in where one is wanted.
    #[inline]
    pub(crate) fn finish(self, with_checksum: bool) -> usize {
        if with_checksum && let Some(packet) = self.buffer.get_mut(..self.length) {
            checksum::write(packet);
        }
        self.length
    }
}

/// Writes a chunk's header to its beginning; the length is the slice's.
#[inline]
pub(crate) fn write_header(chunk: &mut [u8], kind: u8, flags: u8) {
    let [l0, l1] = u16::try_from(chunk.len()).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(header) = chunk.first_chunk_mut::<CHUNK_HEADER>() {
        *header = [kind, flags, l0, l1];
    }
}

/// A control chunk in the making; its length is filled in at the end.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    bytes: Vec<u8>,
}

impl ChunkWriter {
    pub(crate) fn new(kind: u8, flags: u8) -> Self {
        Self { bytes: vec![kind, flags, 0, 0] }
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(value);
        self
    }

    /// A parameter or error cause: type, length, value. The one before is padded first.
    pub(crate) fn parameter(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.bytes.resize(padded(self.bytes.len()), 0);
        let length = u16::try_from(value.len() + CHUNK_HEADER).unwrap_or(u16::MAX);
        self.u16(kind).u16(length).bytes(value)
    }

    /// The chunk, without padding of its own.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
        if let Some(field) = self.bytes.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        self.bytes
    }
}
