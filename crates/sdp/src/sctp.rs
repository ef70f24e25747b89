//! SCTP's attributes (RFC 8841).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::scanner::Scanner;
use crate::{Attribute, ValueError};

/// `a=sctp-port`: the port of the association within DTLS (RFC 8841 §5). WebRTC's is 5000; 0 refuses the association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SctpPort(pub u16);

/// `a=max-message-size`: the longest message that this side takes, in bytes; 0 is any (RFC 8841 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaxMessageSize(pub u64);

impl MaxMessageSize {
    /// What is meant when nothing is said (RFC 8841 §6.1).
    pub const DEFAULT: Self = Self(65_536);
}

/// `a=sctp-init`: this side's INIT chunk, header and all, which spares the association its handshake
/// (draft-hancke-tsvwg-snap). One that isn't base64 is no error, but as if it weren't there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SctpInit(pub Vec<u8>);

impl Attribute for SctpPort {
    const NAME: &'static str = "sctp-port";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let port = scanner.number("a port")?;
        scanner.end()?;
        Ok(Self(port))
    }

    fn value(&self) -> String {
        self.0.to_string()
    }
}

impl Attribute for MaxMessageSize {
    const NAME: &'static str = "max-message-size";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let size = scanner.number("a number of bytes")?;
        scanner.end()?;
        Ok(Self(size))
    }

    fn value(&self) -> String {
        self.0.to_string()
    }
}

impl Attribute for SctpInit {
    const NAME: &'static str = "sctp-init";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let chunk = scanner.convert("an INIT chunk in base64", |word| STANDARD.decode(word).ok())?;
        scanner.end()?;
        Ok(Self(chunk))
    }

    fn value(&self) -> String {
        STANDARD.encode(&self.0)
    }
}
