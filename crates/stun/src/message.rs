//! Reading a message (RFC 8489 §5).

use crate::attribute::{self, FINGERPRINT, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, XOR_MAPPED_ADDRESS};
use crate::fingerprint::fingerprint;
use crate::{ErrorCode, address};
use std::net::SocketAddr;

/// What tells a message of RFC 5389 and later from one of RFC 3489.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// The length of a message's header, in bytes.
pub(crate) const HEADER: usize = 20;

/// Why bytes aren't a STUN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The first two bits aren't zero: something else than STUN.
    #[error("not a STUN message")]
    NotStun,
    /// The header's length isn't that of what follows.
    #[error("the message's length is wrong")]
    Length,
    /// An attribute is longer than the message.
    #[error("an attribute's length is wrong")]
    Attribute,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Answers a request.
    Success,
    /// Refuses a request.
    Error,
}

/// What is asked for: a number of 12 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(u16);

impl Method {
    /// Binding (RFC 8489).
    pub const BINDING: Self = Self(1);
    /// Allocate (RFC 8656).
    pub const ALLOCATE: Self = Self(3);
    /// Refresh (RFC 8656).
    pub const REFRESH: Self = Self(4);
    /// Send (RFC 8656).
    pub const SEND: Self = Self(6);
    /// Data (RFC 8656).
    pub const DATA: Self = Self(7);
    /// CreatePermission (RFC 8656).
    pub const CREATE_PERMISSION: Self = Self(8);
    /// ChannelBind (RFC 8656).
    pub const CHANNEL_BIND: Self = Self(9);
    /// Connect (RFC 6062).
    pub const CONNECT: Self = Self(10);
    /// ConnectionBind (RFC 6062).
    pub const CONNECTION_BIND: Self = Self(11);
    /// ConnectionAttempt (RFC 6062).
    pub const CONNECTION_ATTEMPT: Self = Self(12);

    /// The method with this number, of which the lowest 12 bits count.
    pub const fn new(number: u16) -> Self {
        Self(number & 0xFFF)
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// The message type: the class's two bits are woven into the method's twelve (RFC 8489 §5, figure 3).
pub(crate) const fn message_type(class: Class, method: Method) -> u16 {
    let class = match class {
        Class::Request => 0x000,
        Class::Indication => 0x010,
        Class::Success => 0x100,
        Class::Error => 0x110,
    };
    let method = method.0;
    class | method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
}

/// What an answer repeats of its request: 96 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId([u8; 12]);

impl TransactionId {
    /// The transaction identified by `bytes`.
    pub const fn new(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }
}

/// A message, read where it lies. Every attribute lies within it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message that fills `bytes`.
    ///
    /// A message without the magic cookie is one of RFC 3489: [`is_classic`](Self::is_classic).
    ///
    /// # Errors
    /// [`ParseError`] when `bytes` isn't exactly one message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let Some((&[first, _, high, low, ..], body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(ParseError::Length);
        };
        if first >> 6 != 0 {
            return Err(ParseError::NotStun);
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length != body.len() || !length.is_multiple_of(4) {
            return Err(ParseError::Length);
        }
        let mut rest = body;
        while let Some((&[_, _, high, low], after)) = rest.split_first_chunk::<4>() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            rest = after.get(length.next_multiple_of(4)..).ok_or(ParseError::Attribute)?;
        }
        Ok(Self { bytes })
    }

    /// All of its bytes.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn header<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().unwrap_or([0; N])
    }

    fn message_type(&self) -> u16 {
        u16::from_be_bytes(self.header(0))
    }

    /// Its class.
    pub fn class(&self) -> Class {
        match self.message_type() & 0x110 {
            0x000 => Class::Request,
            0x010 => Class::Indication,
            0x100 => Class::Success,
            _ => Class::Error,
        }
    }

    /// Its method.
    pub fn method(&self) -> Method {
        let bits = self.message_type();
        Method(bits & 0xF | (bits & 0xE0) >> 1 | (bits & 0x3E00) >> 2)
    }

    /// Whether it is one of RFC 3489, whose transaction identifier has 128 bits instead of the magic cookie.
    pub fn is_classic(&self) -> bool {
        u32::from_be_bytes(self.header(4)) != MAGIC_COOKIE
    }

    /// Its transaction identifier (of a classic message: the last 96 bits of it).
    pub fn transaction(&self) -> TransactionId {
        TransactionId(self.header(8))
    }

    /// The magic cookie (or what stands in its place) and the transaction identifier.
    pub(crate) fn cookie_and_transaction(&self) -> [u8; 16] {
        self.header(4)
    }

    /// The attributes that count, in order: after MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT,
    /// after MESSAGE-INTEGRITY-SHA256 only FINGERPRINT (RFC 8489 §14.5 and §14.6), after FINGERPRINT nothing.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { bytes: self.bytes, offset: HEADER, protected: Protected::No }
    }

    /// The value of the first attribute of that number.
    pub fn attribute(&self, number: u16) -> Option<&'a [u8]> {
        self.find(number).map(|attribute| attribute.value)
    }

    pub(crate) fn find(&self, number: u16) -> Option<Attribute<'a>> {
        self.attributes().find(|attribute| attribute.number == number)
    }

    /// The value of the first attribute of that number as text; `None` when it isn't UTF-8.
    pub fn text(&self, number: u16) -> Option<&'a str> {
        std::str::from_utf8(self.attribute(number)?).ok()
    }

    /// The value of the first attribute of that number as a number of 32 bits; `None` when it has another length.
    pub fn number(&self, number: u16) -> Option<u32> {
        let value = self.attribute(number)?.try_into().ok()?;
        Some(u32::from_be_bytes(value))
    }

    /// The address in the first attribute of that number, one that isn't hidden by exclusive or.
    pub fn address(&self, number: u16) -> Option<SocketAddr> {
        address::read(self.attribute(number)?)
    }

    /// The address in the first attribute of that number, such as XOR-RELAYED-ADDRESS.
    pub fn xor_address(&self, number: u16) -> Option<SocketAddr> {
        address::read_xor(self.attribute(number)?, &self.transaction())
    }

    /// The address in XOR-MAPPED-ADDRESS, or in MAPPED-ADDRESS.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.xor_address(XOR_MAPPED_ADDRESS).or_else(|| self.address(attribute::MAPPED_ADDRESS))
    }

    /// The code and the reason phrase of an error response.
    pub fn error(&self) -> Option<(ErrorCode, &'a str)> {
        ErrorCode::parse(self.attribute(attribute::ERROR_CODE)?)
    }

    /// Whether FINGERPRINT is right; `None` when there is none. It has to be the last attribute (RFC 8489 §14.7).
    pub fn fingerprint(&self) -> Option<bool> {
        let attribute = self.find(FINGERPRINT)?;
        let right = self.bytes.get(..attribute.offset).map(|covered| fingerprint(&[covered]).to_be_bytes());
        let last = attribute.offset + 8 == self.bytes.len();
        Some(last && right.is_some_and(|right| right == attribute.value))
    }

    /// The comprehension-required attributes that aren't among `known` (RFC 8489 §6.3).
    pub fn unknown_attributes(&self, known: &[u16]) -> impl Iterator<Item = u16> {
        self.attributes()
            .map(|attribute| attribute.number)
            .filter(move |&number| attribute::is_comprehension_required(number) && !known.contains(&number))
    }
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its number, see [`attribute`].
    pub number: u16,
    /// Its value, without padding.
    pub value: &'a [u8],
    /// Where in the message it begins: with its own header of 4 bytes.
    pub offset: usize,
}

/// How far the attributes already seen protect the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Protected {
    No,
    ByIntegrity,
    BySha256,
    ByFingerprint,
}

/// Iterates over a message's attributes; see [`Message::attributes`].
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    offset: usize,
    protected: Protected,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        loop {
            let offset = self.offset;
            let rest = self.bytes.get(offset..)?;
            let (&[a, b, high, low], rest) = rest.split_first_chunk::<4>()?;
            let number = u16::from_be_bytes([a, b]);
            let length = usize::from(u16::from_be_bytes([high, low]));
            let value = rest.get(..length)?;
            self.offset += 4 + length.next_multiple_of(4);
            let protects = match number {
                MESSAGE_INTEGRITY => Protected::ByIntegrity,
                MESSAGE_INTEGRITY_SHA256 => Protected::BySha256,
                FINGERPRINT => Protected::ByFingerprint,
                _ => Protected::No,
            };
            if self.protected == Protected::No || protects > self.protected {
                self.protected = self.protected.max(protects);
                return Some(Attribute { number, value, offset });
            }
        }
    }
}
