//! CRC-32 of ISO/IEC 3309, and FINGERPRINT's checksum, which is made of it (RFC 8489 §14.7).

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

/// The CRC-32 of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    !update(!0, bytes)
}

fn update(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| {
        let index = crc.to_le_bytes()[0] ^ byte;
        TABLE[usize::from(index)] ^ crc >> 8
    })
}

/// The fingerprint of the concatenation of `parts`.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u32 {
    !parts.iter().fold(!0, |crc, part| update(crc, part)) ^ EXCLUSIVE_OR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_crc32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(fingerprint(&[b"12345", b"6789"]) ^ EXCLUSIVE_OR, 0xCBF4_3926);
    }
}
