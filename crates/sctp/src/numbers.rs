//! The number spaces of SCTP, each a type of its own, compared by serial arithmetic (RFC 1982, RFC 9260 §2.6).

use std::fmt;

/// A Transmission Sequence Number (RFC 9260 §2.6): counts DATA and I-DATA chunks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tsn(pub u32);

impl Tsn {
    /// The number `count` after this one.
    #[inline]
    #[must_use]
    pub fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// The number after this one.
    #[inline]
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The number before this one.
    #[inline]
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// How far this number lies after `earlier`; wraps round when it lies before.
    #[inline]
    pub fn since(self, earlier: Tsn) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Whether this number comes after `other`.
    #[inline]
    pub fn is_after(self, other: Tsn) -> bool {
        serial_after(self.0, other.0)
    }
}

impl fmt::Debug for Tsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tsn({})", self.0)
    }
}

/// Whether `a` comes after `b` among 32-bit serial numbers.
#[inline]
pub(crate) fn serial_after(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b);
    distance != 0 && distance < 1 << 31
}

/// Whether `a` comes after `b` among 16-bit serial numbers.
#[inline]
pub(crate) fn serial_after_16(a: u16, b: u16) -> bool {
    let distance = a.wrapping_sub(b);
    distance != 0 && distance < 1 << 15
}

/// A stream identifier (RFC 9260 §3.3.1): names a stream in one direction; a data channel uses the same one both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u16);

/// A Stream Sequence Number (RFC 9260 §3.3.1): counts the ordered messages of a stream that DATA chunks carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamSequence(pub u16);

/// A Message Identifier (RFC 8260 §2.1): counts the messages of a stream that I-DATA chunks carry, ordered and unordered
/// ones apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(pub u32);

/// A verification tag (RFC 9260 §8.5): proves that a packet belongs to this association. Zero is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerificationTag(pub u32);

impl fmt::Debug for VerificationTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VerificationTag")
    }
}

/// A payload protocol identifier (RFC 9260 §3.3.1): says what a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadProtocol(pub u32);

impl PayloadProtocol {
    /// A message of the Data Channel Establishment Protocol (RFC 8832 §8.1).
    pub const DCEP: Self = Self(50);
    /// Text in UTF-8 (RFC 8831 §8).
    pub const STRING: Self = Self(51);
    /// A fragment of binary data, deprecated (RFC 8831 §8); on reception it is a message like others.
    pub const BINARY_PARTIAL: Self = Self(52);
    /// Bytes (RFC 8831 §8).
    pub const BINARY: Self = Self(53);
    /// A fragment of text, deprecated (RFC 8831 §8); on reception it is a message like others.
    pub const STRING_PARTIAL: Self = Self(54);
    /// An empty text; one byte is sent, which is to be ignored (RFC 8831 §6.6).
    pub const STRING_EMPTY: Self = Self(56);
    /// No bytes; one byte is sent, which is to be ignored (RFC 8831 §6.6).
    pub const BINARY_EMPTY: Self = Self(57);
}
