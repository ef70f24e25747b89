//! What a TCP client speaks, told by the first byte it sends.

use std::io;

use tokio::net::TcpStream;

/// The protocols that share the one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A TLS record of type handshake (RFC 8446 §5.1).
    Tls,
    /// A STUN message: the first two bits are zero (RFC 8489 §5). Its reader checks the rest.
    Stun,
    /// Everything else is left to the HTTP parser to accept or refuse.
    Http,
}

impl Protocol {
    /// RFC 7983 §7 tells STUN (0 to 3) and TLS (20 to 63) apart in the same way; an HTTP method is made of letters.
    pub(crate) fn of(first_byte: u8) -> Self {
        match first_byte {
            0x16 => Self::Tls,
            0..=3 => Self::Stun,
            _ => Self::Http,
        }
    }
}

/// Looks at the first byte without taking it. `None` when the client closes without a word.
pub(crate) async fn peek(stream: &TcpStream) -> io::Result<Option<Protocol>> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok((read > 0).then(|| Protocol::of(first[0])))
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn the_first_byte_tells_the_protocols_apart() {
        assert_eq!(Protocol::of(0x16), Protocol::Tls);
        // An Allocate request begins with 0x0003, a Binding request with 0x0001.
        assert_eq!(Protocol::of(0), Protocol::Stun);
        for method in ["GET", "POST", "HEAD", "OPTIONS", "PRI"] {
            assert_eq!(Protocol::of(method.as_bytes()[0]), Protocol::Http);
        }
    }
}
