//! Writing a message (RFC 8489 §5).

use std::net::SocketAddr;

use crate::attribute::{
    ERROR_CODE, FINGERPRINT, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, UNKNOWN_ATTRIBUTES,
};
use crate::fingerprint::fingerprint;
use crate::integrity::{self, Algorithm};
use crate::message::{HEADER, message_type};
use crate::{Class, ErrorCode, MAGIC_COOKIE, Message, Method, TransactionId, address};

/// The buffer is too short for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the buffer is too short for the message")]
pub struct Full;

/// Writes a message into a caller's buffer, attribute after attribute. A buffer that is too short shows at
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct MessageWriter<'a> {
    buffer: &'a mut [u8],
    transaction: TransactionId,
    length: usize,
    full: bool,
}

impl<'a> MessageWriter<'a> {
    /// Begins a message.
    pub fn new(buffer: &'a mut [u8], class: Class, method: Method, transaction: TransactionId) -> Self {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        id[4..].copy_from_slice(transaction.as_bytes());
        Self::begin(buffer, class, method, transaction, id)
    }

    /// Begins the answer to `request`, which may be a classic one.
    pub fn answer(buffer: &'a mut [u8], class: Class, request: &Message<'_>) -> Self {
        let id = request.cookie_and_transaction();
        Self::begin(buffer, class, request.method(), request.transaction(), id)
    }

    fn begin(
        buffer: &'a mut [u8],
        class: Class,
        method: Method,
        transaction: TransactionId,
        id: [u8; 16],
    ) -> Self {
        let mut writer = Self { buffer, transaction, length: 0, full: false };
        writer.put(&message_type(class, method).to_be_bytes());
        writer.put(&[0; 2]);
        writer.put(&id);
        writer
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.buffer.get_mut(self.length..end) {
            Some(room) if end <= HEADER + 0xFFFC => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            _ => self.full = true,
        }
    }

    /// How long the message is so far, in bytes.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Never: a message has a header.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Appends an attribute and its padding.
    pub fn attribute(&mut self, number: u16, value: &[u8]) -> &mut Self {
        let Ok(length) = u16::try_from(value.len()) else {
            self.full = true;
            return self;
        };
        self.put(&number.to_be_bytes());
        self.put(&length.to_be_bytes());
        self.put(value);
        let padding = value.len().next_multiple_of(4) - value.len();
        self.put([0; 3].get(..padding).unwrap_or_default());
        self
    }

    /// Appends a number of 32 bits, such as LIFETIME.
    pub fn number(&mut self, number: u16, value: u32) -> &mut Self {
        self.attribute(number, &value.to_be_bytes())
    }

    /// Appends an address, such as ALTERNATE-SERVER.
    pub fn address(&mut self, number: u16, address: SocketAddr) -> &mut Self {
        let (value, length) = address::write(address);
        self.attribute(number, value.get(..length).unwrap_or_default())
    }

    /// Appends an address hidden by exclusive or, such as XOR-MAPPED-ADDRESS.
    pub fn xor_address(&mut self, number: u16, address: SocketAddr) -> &mut Self {
        let hidden = address::exclusive_or(address, &self.transaction);
        self.address(number, hidden)
    }

    /// Appends ERROR-CODE, without a reason phrase.
    pub fn error(&mut self, code: ErrorCode) -> &mut Self {
        self.attribute(ERROR_CODE, &code.value())
    }

    /// Appends UNKNOWN-ATTRIBUTES, of which at most 16 are told.
    pub fn unknown_attributes(&mut self, unknown: impl Iterator<Item = u16>) -> &mut Self {
        let mut value = [0; 32];
        let mut length = 0;
        for (room, number) in value.chunks_exact_mut(2).zip(unknown) {
            room.copy_from_slice(&number.to_be_bytes());
            length += 2;
        }
        self.attribute(UNKNOWN_ATTRIBUTES, value.get(..length).unwrap_or_default())
    }

    /// Appends MESSAGE-INTEGRITY.
    pub fn integrity(&mut self, key: &[u8]) -> &mut Self {
        self.append_integrity(MESSAGE_INTEGRITY, Algorithm::Sha1, key)
    }

    /// Appends MESSAGE-INTEGRITY-SHA256, in full length.
    pub fn integrity_sha256(&mut self, key: &[u8]) -> &mut Self {
        self.append_integrity(MESSAGE_INTEGRITY_SHA256, Algorithm::Sha256, key)
    }

    fn append_integrity(&mut self, number: u16, algorithm: Algorithm, key: &[u8]) -> &mut Self {
        let written = self.buffer.get(..self.length).unwrap_or_default();
        match integrity::compute(algorithm, key, written, algorithm.length()) {
            Some(tag) => self.attribute(number, tag.as_ref()),
            None => {
                self.full = true;
                self
            }
        }
    }

    /// Appends FINGERPRINT: the last attribute.
    pub fn fingerprint(&mut self) -> &mut Self {
        self.write_length(8);
        let written = self.buffer.get(..self.length).unwrap_or_default();
        let value = fingerprint(&[written]);
        self.number(FINGERPRINT, value)
    }

    fn write_length(&mut self, more: usize) {
        let body = (self.length + more).saturating_sub(HEADER);
        let length = u16::try_from(body).unwrap_or(u16::MAX);
        if let Some(room) = self.buffer.get_mut(2..4) {
            room.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Completes the header and says how long the message is, in bytes.
    ///
    /// # Errors
    /// [`Full`] when the buffer was too short.
    pub fn finish(&mut self) -> Result<usize, Full> {
        self.write_length(0);
        if self.full { Err(Full) } else { Ok(self.length) }
    }
}
