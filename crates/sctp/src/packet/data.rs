//! DATA (RFC 9260 §3.3.1) and I-DATA (RFC 8260 §2.1).

use super::{CHUNK_HEADER, Chunk, kind, writer};
use crate::{PayloadProtocol, StreamId, Tsn};

/// Which of the two an association uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataKind {
    Data,
    IData,
}

impl DataKind {
    /// Bytes before the payload.
    #[inline]
    pub(crate) const fn header_length(self) -> usize {
        match self {
            Self::Data => 16,
            Self::IData => 20,
        }
    }

    #[inline]
    const fn chunk_kind(self) -> u8 {
        match self {
            Self::Data => kind::DATA,
            Self::IData => kind::I_DATA,
        }
    }
}

/// The flags of a chunk of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DataFlags {
    /// I: to be acknowledged at once.
    pub(crate) immediate: bool,
    /// U: the message has no place in the stream's order.
    pub(crate) unordered: bool,
    /// B: the message begins here.
    pub(crate) first: bool,
    /// E: the message ends here.
    pub(crate) last: bool,
}

impl DataFlags {
    #[inline]
    fn from_bits(bits: u8) -> Self {
        Self { immediate: bits & 8 != 0, unordered: bits & 4 != 0, first: bits & 2 != 0, last: bits & 1 != 0 }
    }

    #[inline]
    fn bits(self) -> u8 {
        u8::from(self.immediate) << 3
            | u8::from(self.unordered) << 2
            | u8::from(self.first) << 1
            | u8::from(self.last)
    }
}

/// A piece of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Data<'a> {
    pub(crate) tsn: Tsn,
    pub(crate) stream: StreamId,
    pub(crate) flags: DataFlags,
    /// Which message of the stream: its stream sequence number, or its message identifier.
    pub(crate) message: u32,
    /// Which piece of the message: its TSN, or its fragment sequence number.
    pub(crate) fragment: u32,
    /// Meaningful in a message's first piece only.
    pub(crate) protocol: PayloadProtocol,
    pub(crate) payload: &'a [u8],
}

impl<'a> Data<'a> {
    /// Reads a chunk of either kind.
    #[inline]
    pub(crate) fn parse(chunk: &Chunk<'a>, data_kind: DataKind) -> Option<Self> {
        let flags = DataFlags::from_bits(chunk.flags);
        let (common, rest) = chunk.value.split_first_chunk::<6>()?;
        let &[t0, t1, t2, t3, s0, s1] = common;
        let tsn = Tsn(u32::from_be_bytes([t0, t1, t2, t3]));
        let stream = StreamId(u16::from_be_bytes([s0, s1]));
        let (message, fragment, protocol, payload) = match data_kind {
            DataKind::Data => {
                let (&[q0, q1, p0, p1, p2, p3], payload) = rest.split_first_chunk::<6>()?;
                let protocol = u32::from_be_bytes([p0, p1, p2, p3]);
                (u32::from(u16::from_be_bytes([q0, q1])), tsn.0, protocol, payload)
            }
            DataKind::IData => {
                let (&[_, _, m0, m1, m2, m3, p0, p1, p2, p3], payload) = rest.split_first_chunk::<10>()?;
                let shared = u32::from_be_bytes([p0, p1, p2, p3]);
                let fragment = if flags.first { 0 } else { shared };
                (u32::from_be_bytes([m0, m1, m2, m3]), fragment, shared, payload)
            }
        };
        Some(Self { tsn, stream, flags, message, fragment, protocol: PayloadProtocol(protocol), payload })
    }

    /// Bytes of the chunk.
    #[inline]
    pub(crate) fn length(&self, data_kind: DataKind) -> usize {
        data_kind.header_length() + self.payload.len()
    }

    /// Writes the chunk into room of exactly its length.
    #[inline]
    pub(crate) fn write(&self, data_kind: DataKind, room: &mut [u8]) {
        writer::write_header(room, data_kind.chunk_kind(), self.flags.bits());
        let Some(body) = room.get_mut(CHUNK_HEADER..) else { return };
        let [t0, t1, t2, t3] = self.tsn.0.to_be_bytes();
        let [s0, s1] = self.stream.0.to_be_bytes();
        let [m0, m1, m2, m3] = self.message.to_be_bytes();
        let payload = match data_kind {
            DataKind::Data => {
                let Some((header, payload)) = body.split_first_chunk_mut::<12>() else { return };
                let [p0, p1, p2, p3] = self.protocol.0.to_be_bytes();
                *header = [t0, t1, t2, t3, s0, s1, m2, m3, p0, p1, p2, p3];
                payload
            }
            DataKind::IData => {
                let Some((header, payload)) = body.split_first_chunk_mut::<16>() else { return };
                let shared = if self.flags.first { self.protocol.0 } else { self.fragment };
                let [p0, p1, p2, p3] = shared.to_be_bytes();
                *header = [t0, t1, t2, t3, s0, s1, 0, 0, m0, m1, m2, m3, p0, p1, p2, p3];
                payload
            }
        };
        if payload.len() == self.payload.len() {
            payload.copy_from_slice(self.payload);
        }
    }
}
