//! SACK (RFC 9260 §3.3.4).

use super::{CHUNK_HEADER, PacketWriter, kind, writer};
use crate::Tsn;

/// Bytes before the gap blocks.
const FIXED: usize = CHUNK_HEADER + 12;
/// Bytes of a gap block, and of a duplicate.
const ENTRY: usize = 4;

/// A selective acknowledgement as received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sack<'a> {
    pub(crate) cumulative: Tsn,
    pub(crate) window: u32,
    gaps: &'a [[u8; ENTRY]],
    duplicates: &'a [[u8; ENTRY]],
}

impl<'a> Sack<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Option<Self> {
        let (&[c0, c1, c2, c3, w0, w1, w2, w3, g0, g1, d0, d1], rest) = value.split_first_chunk::<12>()?;
        let gap_count = usize::from(u16::from_be_bytes([g0, g1]));
        let duplicate_count = usize::from(u16::from_be_bytes([d0, d1]));
        let (entries, _) = rest.as_chunks::<ENTRY>();
        Some(Self {
            cumulative: Tsn(u32::from_be_bytes([c0, c1, c2, c3])),
            window: u32::from_be_bytes([w0, w1, w2, w3]),
            gaps: entries.get(..gap_count)?,
            duplicates: entries.get(gap_count..)?.get(..duplicate_count)?,
        })
    }

    /// The blocks received beyond the cumulative TSN: first and last of each. Nothing says that they are in order.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (Tsn, Tsn)> + '_ {
        self.gaps.iter().map(|&[s0, s1, e0, e1]| {
            let start = u16::from_be_bytes([s0, s1]);
            let end = u16::from_be_bytes([e0, e1]);
            (self.cumulative.plus(u32::from(start)), self.cumulative.plus(u32::from(end)))
        })
    }

    /// What came more than once.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = Tsn> + '_ {
        self.duplicates.iter().map(|&bytes| Tsn(u32::from_be_bytes(bytes)))
    }

    /// Writes a SACK with as many blocks and duplicates as fit; `false` where not even the fixed part does.
    pub(crate) fn write(
        writer: &mut PacketWriter<'_>,
        cumulative: Tsn,
        window: u32,
        blocks: impl ExactSizeIterator<Item = (Tsn, Tsn)>,
        duplicates: &[Tsn],
    ) -> bool {
        let Some(room) = writer.remaining().checked_sub(FIXED) else { return false };
        let gap_count = blocks.len().min(room / ENTRY);
        let duplicate_count = duplicates.len().min(room / ENTRY - gap_count);
        let length = FIXED + ENTRY * (gap_count + duplicate_count);
        let Some(chunk) = writer.chunk(length) else { return false };
        writer::write_header(chunk, kind::SACK, 0);
        let Some((fixed, entries)) = chunk.split_first_chunk_mut::<FIXED>() else { return false };
        let [c0, c1, c2, c3] = cumulative.0.to_be_bytes();
        let [w0, w1, w2, w3] = window.to_be_bytes();
        let [g0, g1] = count(gap_count);
        let [d0, d1] = count(duplicate_count);
        let [h0, h1, h2, h3, ..] = *fixed;
        *fixed = [h0, h1, h2, h3, c0, c1, c2, c3, w0, w1, w2, w3, g0, g1, d0, d1];
        let (entries, _) = entries.as_chunks_mut::<ENTRY>();
        let (gap_entries, duplicate_entries) = entries.split_at_mut(gap_count.min(entries.len()));
        for (entry, (start, end)) in gap_entries.iter_mut().zip(blocks) {
            let [s0, s1] = offset(start, cumulative);
            let [e0, e1] = offset(end, cumulative);
            *entry = [s0, s1, e0, e1];
        }
        for (entry, tsn) in duplicate_entries.iter_mut().zip(duplicates) {
            *entry = tsn.0.to_be_bytes();
        }
        true
    }
}

fn count(entries: usize) -> [u8; 2] {
    u16::try_from(entries).unwrap_or(u16::MAX).to_be_bytes()
}

fn offset(tsn: Tsn, cumulative: Tsn) -> [u8; 2] {
    u16::try_from(tsn.since(cumulative)).unwrap_or(u16::MAX).to_be_bytes()
}
