//! FINGERPRINT's checksum (RFC 8489 §14.7): the CRC-32 of ISO/IEC 3309.

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Distinguishes a STUN checksum from that of an application that also uses CRC-32: "STUN".
const EXCLUSIVE_OR: u32 = 0x5354_554E;

/// The fingerprint of the concatenation of `parts`.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u32 {
    let crc = parts.iter().copied().flatten().fold(!0_u32, |crc, byte| {
        let index = crc.to_le_bytes()[0] ^ byte;
        TABLE[usize::from(index)] ^ crc >> 8
    });
    !crc ^ EXCLUSIVE_OR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_crc32() {
        assert_eq!(fingerprint(&[b"12345", b"6789"]) ^ EXCLUSIVE_OR, 0xCBF4_3926);
    }
}
