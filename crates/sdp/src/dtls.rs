//! DTLS's attributes (RFC 8122, RFC 4145, RFC 8842).

use crate::scanner::{Scanner, is_token};
use crate::{Attribute, ValueError};

/// `a=fingerprint`: the hash of a certificate (RFC 8122 §5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The hash function, in lower case: `sha-256`.
    pub algorithm: String,
    /// The hash.
    pub hash: Vec<u8>,
}

impl Attribute for Fingerprint {
    const NAME: &'static str = "fingerprint";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let algorithm =
            scanner.convert("a hash function", |word| is_token(word).then(|| word.to_ascii_lowercase()))?;
        let hash = scanner.convert("bytes in hexadecimal, with colons between", |word| {
            let byte = |pair: &str| {
                let is_hexadecimal = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
                is_hexadecimal.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
            };
            // No hash function is longer than 64 bytes.
            word.split(':').map(byte).take(65).collect::<Option<Vec<u8>>>().filter(|hash| hash.len() <= 64)
        })?;
        scanner.end()?;
        Ok(Self { algorithm, hash })
    }

    fn value(&self) -> String {
        let hash: Vec<_> = self.hash.iter().map(|byte| format!("{byte:02X}")).collect();
        format!("{} {}", self.algorithm, hash.join(":"))
    }
}

/// `a=setup`: which side begins the DTLS handshake (RFC 4145 §4, RFC 8842 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// This side: it is the DTLS client.
    Active,
    /// The other side.
    Passive,
    /// The answerer chooses.
    ActPass,
    /// Neither, for now.
    HoldConn,
}

impl Setup {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }
}

impl Attribute for Setup {
    const NAME: &'static str = "setup";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let setup = scanner.convert("active, passive, actpass or holdconn", |word| {
            [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn]
                .into_iter()
                .find(|setup| setup.as_str().eq_ignore_ascii_case(word))
        })?;
        scanner.end()?;
        Ok(setup)
    }

    fn value(&self) -> String {
        self.as_str().to_owned()
    }
}

/// `a=tls-id`: changes when a new DTLS association is wanted (RFC 8842 §4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsId(pub String);

impl Attribute for TlsId {
    const NAME: &'static str = "tls-id";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let id = scanner.convert("20 to 255 letters, digits, +, /, - or _", |word| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
            ((20..=255).contains(&word.len()) && word.bytes().all(is_allowed)).then(|| word.to_owned())
        })?;
        scanner.end()?;
        Ok(Self(id))
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}
