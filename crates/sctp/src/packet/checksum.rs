//! CRC32c (RFC 9260 Appendix A).

use super::COMMON_HEADER;

/// Where the checksum stands in the common header.
const FIELD: usize = 8;

/// The checksum of a packet, as if its field were zero.
#[inline]
pub(super) fn of_packet(packet: &[u8]) -> u32 {
    let before = packet.get(..FIELD).unwrap_or_default();
    let after = packet.get(COMMON_HEADER..).unwrap_or_default();
    let mut header = [0; COMMON_HEADER];
    if let Some(ports_and_tag) = header.get_mut(..before.len()) {
        ports_and_tag.copy_from_slice(before);
    }
    crc32c::crc32c_append(crc32c::crc32c(&header), after)
}

/// Fills in the checksum.
#[inline]
pub(super) fn write(packet: &mut [u8]) {
    let checksum = of_packet(packet);
    if let Some(field) = packet.get_mut(FIELD..COMMON_HEADER) {
        field.copy_from_slice(&checksum.to_le_bytes());
    }
}
