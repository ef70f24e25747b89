//! The fingerprint of a certificate, as SDP carries it (RFC 8122 §5).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;

/// The hash functions whose fingerprints are believed.
///
/// SHA-1, MD5 and MD2 are names that RFC 8122 §5 knows too; a fingerprint of theirs proves nothing today and is
/// [refused](FingerprintError::UnsupportedHashFunction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// `sha-256`, which everybody sends.
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

impl HashFunction {
    /// The name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// The function that the name in SDP means. Case is no matter (RFC 8122 §5).
    pub fn from_name(name: &str) -> Result<Self, FingerprintError> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .ok_or(FingerprintError::UnsupportedHashFunction)
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// Why a fingerprint can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// Not one of [`HashFunction`]. Such a line is to be ignored while another one is left (RFC 8122 §5).
    #[error("this hash function is unknown or too weak")]
    UnsupportedHashFunction,
    /// Not pairs of hexadecimal digits with colons between, or not as many as the hash function gives.
    #[error("the fingerprint's value is malformed")]
    Malformed,
}

/// A certificate's fingerprint. Written and parsed as the value of `a=fingerprint`: `sha-256 12:AB:…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    hash_function: HashFunction,
    value: Box<[u8]>,
}

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(hash_function: HashFunction, certificate: &[u8]) -> Self {
        let value = digest::digest(hash_function.algorithm(), certificate);
        Self { hash_function, value: value.as_ref().into() }
    }

    /// From the two fields of SDP and of the W3C's `RTCDtlsFingerprint`. Case is no matter (RFC 8122 §5).
    pub fn new(hash_function: &str, value: &str) -> Result<Self, FingerprintError> {
        let hash_function = HashFunction::from_name(hash_function)?;
        let hash: Option<Vec<u8>> = value.split(':').map(hexadecimal).collect();
        Self::from_hash(hash_function, hash.ok_or(FingerprintError::Malformed)?)
    }

    /// From a hash that has been read already.
    pub fn from_hash(hash_function: HashFunction, hash: Vec<u8>) -> Result<Self, FingerprintError> {
        if hash.len() != hash_function.algorithm().output_len() {
            return Err(FingerprintError::Malformed);
        }
        Ok(Self { hash_function, value: hash.into() })
    }

    /// With which function it was made.
    pub fn hash_function(&self) -> HashFunction {
        self.hash_function
    }

    /// The hash.
    pub fn bytes(&self) -> &[u8] {
        &self.value
    }

    /// The hash as SDP writes it: upper-case pairs of digits with colons between.
    pub fn value(&self) -> String {
        let mut text = String::with_capacity(self.value.len() * 3);
        for (index, byte) in self.value.iter().enumerate() {
            if index > 0 {
                text.push(':');
            }
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
        text
    }

    /// Whether it is this certificate's (DER).
    pub fn matches(&self, certificate: &[u8]) -> bool {
        digest::digest(self.hash_function.algorithm(), certificate).as_ref() == &*self.value
    }
}

fn hexadecimal(pair: &str) -> Option<u8> {
    let is_pair = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_pair.then(|| u8::from_str_radix(pair, 16).ok())?
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.hash_function.name(), self.value())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let (hash_function, value) = text.trim().split_once(' ').ok_or(FingerprintError::Malformed)?;
        Self::new(hash_function, value.trim_start())
    }
}
