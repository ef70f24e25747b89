//! FORWARD TSN (RFC 3758 §3.2) and I-FORWARD-TSN (RFC 8260 §2.3.1).

use super::{CHUNK_HEADER, DataKind, PacketWriter, kind, writer};
use crate::{StreamId, Tsn};

/// A message that was given up: the last one of its stream and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) stream: StreamId,
    pub(crate) unordered: bool,
    /// Its stream sequence number, or its message identifier.
    pub(crate) message: u32,
}

/// Either chunk, as received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForwardTsn<'a> {
    pub(crate) cumulative: Tsn,
    data_kind: DataKind,
    entries: &'a [u8],
}

/// Bytes of the chunk without its list.
const FIXED: usize = CHUNK_HEADER + 4;

const fn entry_length(data_kind: DataKind) -> usize {
    match data_kind {
        DataKind::Data => 4,
        DataKind::IData => 8,
    }
}

impl<'a> ForwardTsn<'a> {
    pub(crate) fn parse(value: &'a [u8], data_kind: DataKind) -> Option<Self> {
        let (&cumulative, entries) = value.split_first_chunk::<4>()?;
        Some(Self { cumulative: Tsn(u32::from_be_bytes(cumulative)), data_kind, entries })
    }

    /// The messages not to wait for.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = Skipped> + '_ {
        self.entries.chunks_exact(entry_length(self.data_kind)).filter_map(|entry| match *entry {
            [s0, s1, q0, q1] => Some(Skipped {
                stream: StreamId(u16::from_be_bytes([s0, s1])),
                unordered: false,
                message: u32::from(u16::from_be_bytes([q0, q1])),
            }),
            [s0, s1, _, flags, m0, m1, m2, m3] => Some(Skipped {
                stream: StreamId(u16::from_be_bytes([s0, s1])),
                unordered: flags & 1 != 0,
                message: u32::from_be_bytes([m0, m1, m2, m3]),
            }),
            _ => None,
        })
    }

    /// How many messages can be listed in `room` bytes.
    pub(crate) fn capacity(room: usize, data_kind: DataKind) -> usize {
        room.saturating_sub(FIXED) / entry_length(data_kind)
    }

    /// Writes the chunk; `false` where it doesn't fit.
    pub(crate) fn write(
        writer: &mut PacketWriter<'_>,
        data_kind: DataKind,
        cumulative: Tsn,
        skipped: &[Skipped],
    ) -> bool {
        let entry = entry_length(data_kind);
        let Some(chunk) = writer.chunk(FIXED + entry * skipped.len()) else { return false };
        let chunk_kind = match data_kind {
            DataKind::Data => kind::FORWARD_TSN,
            DataKind::IData => kind::I_FORWARD_TSN,
        };
        writer::write_header(chunk, chunk_kind, 0);
        let Some(body) = chunk.get_mut(CHUNK_HEADER..) else { return false };
        let Some((field, entries)) = body.split_first_chunk_mut::<4>() else { return false };
        *field = cumulative.0.to_be_bytes();
        for (room, one) in entries.chunks_exact_mut(entry).zip(skipped) {
            let [s0, s1] = one.stream.0.to_be_bytes();
            let [m0, m1, m2, m3] = one.message.to_be_bytes();
            match data_kind {
                DataKind::Data => room.copy_from_slice(&[s0, s1, m2, m3]),
                DataKind::IData => {
                    room.copy_from_slice(&[s0, s1, 0, u8::from(one.unordered), m0, m1, m2, m3]);
                }
            }
        }
        true
    }
}
