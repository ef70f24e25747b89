//! The `o=` line.

use crate::ValueError;
use crate::scanner::Scanner;

/// Who made the description, and which version of it this is (RFC 8866 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The user's name on its host; `-` for none.
    pub username: String,
    /// Names the session. RFC 9429 §5.2.1: 63 random bits.
    pub session_id: u64,
    /// Grows with each new description of this session.
    pub version: u64,
    /// Where it was made: network type, address type and address. WebRTC says nothing here: `IN IP4 127.0.0.1`.
    pub address: String,
}

impl Origin {
    /// The origin of a first description (RFC 9429 §5.2.1).
    pub fn new(session_id: u64) -> Self {
        let address = "IN IP4 127.0.0.1".to_owned();
        Self { username: "-".to_owned(), session_id, version: 2, address }
    }

    pub(crate) fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let username = scanner.word("a user name")?.to_owned();
        let session_id = scanner.number("a session id")?;
        let version = scanner.number("a session version")?;
        let mut address = scanner.clone();
        for expected in ["a network type", "an address type", "an address"] {
            scanner.word(expected)?;
        }
        scanner.end()?;
        Ok(Self { username, session_id, version, address: address.take_rest().to_owned() })
    }

    pub(crate) fn value(&self) -> String {
        let Self { username, session_id, version, address } = self;
        format!("{username} {session_id} {version} {address}")
    }
}
