//! SCTP on the wire: packets and chunks (RFC 9260 §3), read without allocation.

mod checksum;
mod data;
mod error_cause;
mod forward_tsn;
mod init;
mod parameter;
mod reconfiguration;
mod sack;
mod writer;

pub(crate) use data::{Data, DataFlags, DataKind};
pub(crate) use error_cause::{Cause, ErrorCauses, abort_chunk, error_chunk};
pub(crate) use forward_tsn::{ForwardTsn, Skipped};
pub(crate) use init::{Init, InitFlaw, InitKind, write_init};
pub(crate) use parameter::Parameters;
pub(crate) use reconfiguration::{Reconfiguration, ResetResult, outgoing_reset, response};
pub(crate) use sack::Sack;
pub(crate) use writer::{ChunkWriter, PacketWriter};

use crate::VerificationTag;

/// Chunk types (RFC 9260 §3.2, RFC 3758 §3.2, RFC 4820 §3, RFC 6525 §3.1, RFC 8260 §2).
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const INIT: u8 = 1;
    pub(crate) const INIT_ACK: u8 = 2;
    pub(crate) const SACK: u8 = 3;
    pub(crate) const HEARTBEAT: u8 = 4;
    pub(crate) const HEARTBEAT_ACK: u8 = 5;
    pub(crate) const ABORT: u8 = 6;
    pub(crate) const SHUTDOWN: u8 = 7;
    pub(crate) const SHUTDOWN_ACK: u8 = 8;
    pub(crate) const ERROR: u8 = 9;
    pub(crate) const COOKIE_ECHO: u8 = 10;
    pub(crate) const COOKIE_ACK: u8 = 11;
    pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;
    pub(crate) const I_DATA: u8 = 64;
    pub(crate) const RE_CONFIG: u8 = 130;
    pub(crate) const PAD: u8 = 132;
    pub(crate) const FORWARD_TSN: u8 = 192;
    pub(crate) const I_FORWARD_TSN: u8 = 194;
}

/// The T bit of ABORT and SHUTDOWN COMPLETE (RFC 9260 §8.5.1): the tag is the receiver's own, reflected.
pub(crate) const REFLECTED_TAG: u8 = 1;

/// Bytes of the common header.
pub(crate) const COMMON_HEADER: usize = 12;

/// Bytes of a chunk's header.
pub(crate) const CHUNK_HEADER: usize = 4;

/// Rounds up to where the next chunk or parameter begins.
#[inline]
pub(crate) const fn padded(length: usize) -> usize {
    (length + 3) & !3
}

/// A packet whose common header has been read (RFC 9260 §3.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) tag: VerificationTag,
    bytes: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the header; `None` where there isn't even room for one chunk.
    #[inline]
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<COMMON_HEADER>()?;
        if rest.len() < CHUNK_HEADER {
            return None;
        }
        let [s0, s1, d0, d1, t0, t1, t2, t3, ..] = *header;
        Some(Self {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            tag: VerificationTag(u32::from_be_bytes([t0, t1, t2, t3])),
            bytes,
        })
    }

    /// Whether the checksum is right, or is zero where `zero_allowed` (RFC 9653 §5.3).
    #[inline]
    pub(crate) fn checksum_holds(&self, zero_allowed: bool) -> bool {
        let Some([.., c0, c1, c2, c3]) = self.bytes.first_chunk::<COMMON_HEADER>() else { return false };
        let stated = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
        (stated == 0 && zero_allowed) || stated == checksum::of_packet(self.bytes)
    }

    /// Its chunks, up to the first that can't be read.
    #[inline]
    pub(crate) fn chunks(&self) -> Chunks<'a> {
        Chunks { rest: self.bytes.get(COMMON_HEADER..).unwrap_or_default() }
    }
}

/// A chunk: its type, flags, and what follows its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) value: &'a [u8],
    /// The whole chunk without padding, as an error cause wants it.
    pub(crate) whole: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads one chunk from the front, and says what is left behind its padding.
    #[inline]
    pub(crate) fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let &[kind, flags, l0, l1] = bytes.first_chunk::<CHUNK_HEADER>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let whole = bytes.get(..length)?;
        let value = whole.get(CHUNK_HEADER..)?;
        let rest = bytes.get(padded(length)..).unwrap_or_default();
        Some((Self { kind, flags, value, whole }, rest))
    }
}

/// Iterates over a packet's chunks.
#[derive(Debug, Clone)]
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    #[inline]
    fn next(&mut self) -> Option<Chunk<'a>> {
        let (chunk, rest) = Chunk::split(self.rest)?;
        self.rest = rest;
        Some(chunk)
    }
}

/// What a chunk or parameter of unknown type asks for in its two highest bits (RFC 9260 §3.2, §3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unrecognized {
    /// What follows is still to be processed.
    pub(crate) goes_on: bool,
    /// The sender wants to know.
    pub(crate) is_reported: bool,
}

impl Unrecognized {
    pub(crate) fn chunk(kind: u8) -> Self {
        Self { goes_on: kind & 0x80 != 0, is_reported: kind & 0x40 != 0 }
    }

    pub(crate) fn parameter(kind: u16) -> Self {
        Self { goes_on: kind & 0x8000 != 0, is_reported: kind & 0x4000 != 0 }
    }
}
