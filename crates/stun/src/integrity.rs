//! Message integrity and the keys of credentials (RFC 8489 §9, §14.5, §14.6).

use aws_lc_rs::{constant_time, digest, hmac};
use md5::{Digest, Md5};

use crate::Message;
use crate::attribute::{MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256};
use crate::message::HEADER;

/// The hash of a message integrity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// MESSAGE-INTEGRITY: HMAC-SHA1.
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256: HMAC-SHA256.
    Sha256,
}

impl Algorithm {
    /// The length of an untruncated value, in bytes.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// How a key is made from a password (RFC 8489 §18.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordAlgorithm {
    /// The key of RFC 5389.
    Md5,
    /// SHA-256.
    Sha256,
}

impl PasswordAlgorithm {
    /// The algorithm of that number.
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Md5),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Md5 => 1,
            Self::Sha256 => 2,
        }
    }

    /// Reads PASSWORD-ALGORITHM's value. Neither of the known algorithms has parameters.
    pub fn parse(value: &[u8]) -> Option<Self> {
        match *value {
            [high, low, 0, 0] => Self::from_number(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

/// The value of a PASSWORD-ALGORITHMS that offers SHA-256 and then MD5.
pub const PASSWORD_ALGORITHMS: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];

/// The key of a long-term credential (RFC 8489 §9.2.2). That of a short-term credential is the password itself.
#[derive(Clone, PartialEq, Eq)]
pub enum LongTermKey {
    /// MD5(username ":" realm ":" password).
    Md5([u8; 16]),
    /// SHA-256(username ":" realm ":" password).
    Sha256([u8; 32]),
}

impl LongTermKey {
    /// Makes the key.
    pub fn derive(algorithm: PasswordAlgorithm, username: &str, realm: &str, password: &str) -> Self {
        let parts = [username, ":", realm, ":", password].map(str::as_bytes);
        match algorithm {
            PasswordAlgorithm::Md5 => {
                let mut hash = Md5::new();
                parts.iter().for_each(|part| hash.update(part));
                Self::Md5(hash.finalize().into())
            }
            PasswordAlgorithm::Sha256 => Self::Sha256(sha256(&parts)),
        }
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(key) => key,
            Self::Sha256(key) => key,
        }
    }
}

impl std::fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LongTermKey(…)")
    }
}

/// The value of USERHASH (RFC 8489 §14.4): SHA-256(username ":" realm).
pub fn userhash(username: &str, realm: &str) -> [u8; 32] {
    sha256(&[username.as_bytes(), b":", realm.as_bytes()])
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// What became of checking a message's integrity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// It has no such attribute.
    Absent,
    /// The value isn't that of the key and the message, or its length isn't allowed.
    Wrong,
    /// The message is from somebody who has the key.
    Right,
}

/// Checks MESSAGE-INTEGRITY-SHA256 when `algorithm` says so, otherwise MESSAGE-INTEGRITY, in constant time.
///
/// MESSAGE-INTEGRITY-SHA256 may be cut to 16 bytes or more, a multiple of 4 (RFC 8489 §14.6).
pub fn verify(message: &Message<'_>, algorithm: Algorithm, key: &[u8]) -> Integrity {
    let number = match algorithm {
        Algorithm::Sha1 => MESSAGE_INTEGRITY,
        Algorithm::Sha256 => MESSAGE_INTEGRITY_SHA256,
    };
    let Some(attribute) = message.find(number) else {
        return Integrity::Absent;
    };
    let length = attribute.value.len();
    let allowed = match algorithm {
        Algorithm::Sha1 => length == 20,
        Algorithm::Sha256 => (16..=32).contains(&length) && length.is_multiple_of(4),
    };
    let covered = message.as_bytes().get(..attribute.offset);
    let right = covered.and_then(|covered| compute(algorithm, key, covered, length)).is_some_and(|tag| {
        let tag = tag.as_ref().get(..length).unwrap_or_default();
        constant_time::verify_slices_are_equal(tag, attribute.value).is_ok()
    });
    if allowed && right { Integrity::Right } else { Integrity::Wrong }
}

/// The HMAC of `covered`, a message up to its integrity attribute, with the header's length set to include that attribute of
/// `length` bytes.
pub(crate) fn compute(algorithm: Algorithm, key: &[u8], covered: &[u8], length: usize) -> Option<hmac::Tag> {
    let (&[a, b, _, _], rest) = covered.split_first_chunk::<4>()?;
    let length = u16::try_from(covered.len().checked_sub(HEADER)? + 4 + length).ok()?;
    let [high, low] = length.to_be_bytes();
    let algorithm = match algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
    };
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    context.update(&[a, b, high, low]);
    context.update(rest);
    Some(context.sign())
}
