//! The records of DTLS 1.3 that carry application data (RFC 9147 §4): header, protection, replay.

use std::ops::Range;

use aws_lc_rs::aead::quic::{self, HeaderProtectionKey};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::secret::{Suite, TrafficSecret};

/// The content types that protected records have (RFC 9147 §4).
pub(crate) mod content {
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
    pub const ACK: u8 = 26;
}

/// What a sealed record has more than its plaintext: the header, the content type, the tag.
pub(crate) const OVERHEAD: usize = HEADER + 1 + TAG;

/// The header as we write it: 16 bits of record number, and the length.
pub(crate) const HEADER: usize = 5;
const TAG: usize = 16;

/// Record numbers have 48 bits (RFC 9147 §4.2).
const NUMBERS: u64 = 1 << 48;

/// One epoch's keys of one direction.
pub(crate) struct Protection {
    key: LessSafeKey,
    iv: [u8; 12],
    number_key: HeaderProtectionKey,
}

/// A record that was opened: its number, its content type, and where in it the content lies.
pub(crate) struct Opened {
    pub number: u64,
    pub content_type: u8,
    pub content: Range<usize>,
}

/// The beginning of a protected record (RFC 9147 §4, figure 3): `001CSLEE`, record number, perhaps the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The low two bits of the epoch.
    pub epoch_bits: u8,
    /// The header's length: everything before the ciphertext.
    header: usize,
    /// The record's length, header included.
    pub record: usize,
}

impl Header {
    /// Of the record that `datagram` begins with. `None`: it is no whole protected record.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let first = *datagram.first()?;
        // Nobody was given a connection identifier (the bit C), so none can come.
        if first & 0b1111_0000 != 0b0010_0000 {
            return None;
        }
        let number = if first & 0b1000 == 0 { 1 } else { 2 };
        let (header, record) = if first & 0b100 == 0 {
            (1 + number, datagram.len())
        } else {
            let length = datagram.get(1 + number..)?.first_chunk()?;
            (3 + number, 3 + number + usize::from(u16::from_be_bytes(*length)))
        };
        let is_whole = record <= datagram.len() && header + 1 + TAG <= record;
        is_whole.then_some(Self { epoch_bits: first & 0b11, header, record })
    }
}

impl Protection {
    pub fn new(secret: &TrafficSecret) -> Option<Self> {
        let (algorithm, number_algorithm) = match secret.suite() {
            Suite::Aes128GcmSha256 => (&AES_128_GCM, &quic::AES_128),
            Suite::Aes256GcmSha384 => (&AES_256_GCM, &quic::AES_256),
        };
        let mut iv = [0; 12];
        secret.expand("iv", &mut iv)?;
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        let bytes = bytes.get_mut(..algorithm.key_len())?;
        secret.expand("key", bytes)?;
        let key = LessSafeKey::new(UnboundKey::new(algorithm, bytes).ok()?);
        secret.expand("sn", bytes)?;
        Some(Self { key, iv, number_key: HeaderProtectionKey::new(number_algorithm, bytes).ok()? })
    }

    /// RFC 8446 §5.3: the record number, xored into the end of the IV.
    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, of_number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= of_number;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Writes a record to the beginning of `datagram`, where its content of `content` bytes lies already, behind the room
    /// for the [`HEADER`]. Gives back its length; `None`: the buffer is too small, or the numbers are used up. No number
    /// may be used twice.
    pub fn seal(
        &self,
        epoch: u64,
        number: u64,
        content_type: u8,
        content: usize,
        datagram: &mut [u8],
    ) -> Option<usize> {
        if number >= NUMBERS {
            return None;
        }
        let length = content + OVERHEAD;
        let (header, ciphertext) = datagram.get_mut(..length)?.split_first_chunk_mut::<HEADER>()?;
        let [.., number_0, number_1] = number.to_be_bytes();
        let [length_0, length_1] = u16::try_from(ciphertext.len()).ok()?.to_be_bytes();
        *header = [0b0010_1100 | (epoch & 0b11) as u8, number_0, number_1, length_0, length_1];
        let (inner, tag) = ciphertext.split_last_chunk_mut::<TAG>()?;
        *inner.last_mut()? = content_type;
        let sealed =
            self.key.seal_in_place_separate_tag(self.nonce(number), Aad::from(*header), inner).ok()?;
        tag.copy_from_slice(sealed.as_ref());
        let mask = self.number_key.new_mask(ciphertext.get(..16)?).ok()?;
        for (byte, mask) in header.iter_mut().skip(1).take(2).zip(mask) {
            *byte ^= mask;
        }
        Some(length)
    }

    /// Opens a record in place. `accepts` looks at the number before the work is done. `None`: forged, or refused.
    pub fn open(
        &self,
        header: Header,
        record: &mut [u8],
        expected: u64,
        accepts: impl FnOnce(u64) -> bool,
    ) -> Option<Opened> {
        let (head, ciphertext) = record.split_at_mut_checked(header.header)?;
        // RFC 9147 §4.2.3: the number is masked with what the ciphertext's beginning encrypts to.
        let mask = self.number_key.new_mask(ciphertext.get(..16)?).ok()?;
        let length = if head.first()? & 0b1000 == 0 { 1 } else { 2 };
        let mut low_bits = 0;
        for (byte, mask) in head.iter_mut().skip(1).take(length).zip(mask) {
            *byte ^= mask;
            low_bits = low_bits << 8 | u64::from(*byte);
        }
        let number = nearest(low_bits, 8 * length as u32, expected);
        if number >= NUMBERS || !accepts(number) {
            return None;
        }
        let inner = self.key.open_in_place(self.nonce(number), Aad::from(&*head), ciphertext).ok()?;
        // RFC 9147 §4: the content, its type, and zeros.
        let type_at = inner.iter().rposition(|byte| *byte != 0)?;
        let content_type = *inner.get(type_at)?;
        Some(Opened { number, content_type, content: header.header..header.header + type_at })
    }
}

/// Room for a record, with its content in place.
pub(crate) fn with_content(content: &[u8]) -> Vec<u8> {
    let mut record = vec![0; HEADER];
    record.extend_from_slice(content);
    record.resize(content.len() + OVERHEAD, 0);
    record
}

/// The number with these low bits that is nearest to the expected one (RFC 9147 §4.2.2).
fn nearest(low_bits: u64, bits: u32, expected: u64) -> u64 {
    let window = 1 << bits;
    let candidate = (expected & !(window - 1)) | low_bits;
    if candidate + window / 2 < expected {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// Which numbers came in already (RFC 9147 §4.5.1), for the last 1,024: a fast path may overtake a slow one by hundreds.
pub(crate) struct Window {
    /// One more than the highest number that came in.
    next: u64,
    /// A bit for each of the numbers before, in a ring.
    seen: [u64; Self::WORDS],
}

impl Window {
    const WORDS: usize = 16;
    const LENGTH: u64 = Self::WORDS as u64 * 64;

    pub fn new() -> Self {
        Self { next: 0, seen: [0; Self::WORDS] }
    }

    /// One more than the highest number that came in.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether a number is new, as far as is remembered.
    pub fn accepts(&self, number: u64) -> bool {
        if number >= self.next {
            return true;
        }
        self.next - number <= Self::LENGTH && self.word(number) & bit(number) == 0
    }

    /// A record with this number was authentic.
    pub fn insert(&mut self, number: u64) {
        if number >= self.next {
            // The numbers jumped over have not been seen; those a whole ring before share their bits.
            let first = self.next.max(number.saturating_sub(Self::LENGTH - 1));
            for skipped in first..number {
                *self.word_mut(skipped) &= !bit(skipped);
            }
            self.next = number + 1;
        }
        *self.word_mut(number) |= bit(number);
    }

    fn word(&self, number: u64) -> u64 {
        self.seen[(number / 64) as usize % Self::WORDS]
    }

    fn word_mut(&mut self, number: u64) -> &mut u64 {
        &mut self.seen[(number / 64) as usize % Self::WORDS]
    }
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}
