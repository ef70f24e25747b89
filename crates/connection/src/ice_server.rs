//! Servers as applications name them (W3C `RTCIceServer`; RFC 7064, RFC 7065).

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A STUN or TURN server, by one or more URLs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IceServer {
    /// `stun:` and `turn:` URLs.
    pub urls: Vec<String>,
    /// The user name; TURN needs one.
    pub username: Option<String>,
    /// The password; TURN needs one.
    pub credential: Option<String>,
}

/// Without the password.
impl fmt::Debug for IceServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl IceServer {
    /// The URLs, read and checked (webrtc-pc §4.4.1.1, "set a configuration").
    ///
    /// # Errors
    /// `SyntaxError` for a URL that isn't one, `InvalidAccessError` for a TURN server without user name or password.
    pub fn parse_urls(&self) -> Result<Vec<IceServerUrl>, Error> {
        if self.urls.is_empty() {
            return Err(Error::Syntax("an ICE server without URLs"));
        }
        let urls: Vec<IceServerUrl> = self.urls.iter().map(|url| url.parse()).collect::<Result<_, _>>()?;
        let needs_credential = urls.iter().any(|url| url.scheme.is_turn());
        if needs_credential && (self.username.is_none() || self.credential.is_none()) {
            return Err(Error::InvalidAccess("a TURN server without user name or credential"));
        }
        // RFC 8489 §14.3: the attribute that carries it has room for that much.
        if needs_credential && self.username.as_ref().is_some_and(|name| name.len() > 508) {
            return Err(Error::InvalidAccess("a user name longer than 508 bytes"));
        }
        Ok(urls)
    }
}

/// What a server is asked for, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IceServerScheme {
    /// `stun:`
    Stun,
    /// `stuns:`: over TLS.
    Stuns,
    /// `turn:`, over UDP unless `transport=tcp` is said.
    Turn,
    /// `turns:`: over TLS, or over DTLS with `transport=udp`.
    Turns,
}

impl IceServerScheme {
    /// Whether it relays.
    pub const fn is_turn(self) -> bool {
        matches!(self, Self::Turn | Self::Turns)
    }

    /// Whether it is TLS or DTLS.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Stuns | Self::Turns)
    }
}

/// A server's URL, read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IceServerUrl {
    /// What for.
    pub scheme: IceServerScheme,
    /// A name, or an address; that of IPv6 without brackets.
    pub host: String,
    /// The port: 3478 unless said, 5349 with TLS.
    pub port: u16,
    /// Over TCP (or TLS) and not UDP (or DTLS).
    pub is_tcp: bool,
}

/// RFC 7064 §3.1, RFC 7065 §3.1; the port is always said.
impl fmt::Display for IceServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            IceServerScheme::Stun => "stun",
            IceServerScheme::Stuns => "stuns",
            IceServerScheme::Turn => "turn",
            IceServerScheme::Turns => "turns",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(formatter, "{scheme}:{open}{}{close}:{}", self.host, self.port)?;
        if self.scheme.is_turn() {
            write!(formatter, "?transport={}", if self.is_tcp { "tcp" } else { "udp" })?;
        }
        Ok(())
    }
}

impl FromStr for IceServerUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        const MALFORMED: Error = Error::Syntax("not the URL of a STUN or TURN server");
        let (scheme, rest) = url.split_once(':').ok_or(MALFORMED)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "stun" => IceServerScheme::Stun,
            "stuns" => IceServerScheme::Stuns,
            "turn" => IceServerScheme::Turn,
            "turns" => IceServerScheme::Turns,
            _ => return Err(MALFORMED),
        };
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(MALFORMED)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| MALFORMED)?;
                match port.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if port.is_empty() => (host, None),
                    None => return Err(MALFORMED),
                }
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%:".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err(MALFORMED);
        }
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().map_err(|_| MALFORMED)?
            }
            Some(_) => return Err(MALFORMED),
            None if scheme.is_secure() => 5349,
            None => 3478,
        };
        let is_tcp = match query {
            None => scheme.is_secure(),
            Some(_) if !scheme.is_turn() => return Err(MALFORMED),
            Some("transport=udp") => false,
            Some("transport=tcp") => true,
            Some(_) => return Err(MALFORMED),
        };
        Ok(Self { scheme, host: host.to_owned(), port, is_tcp })
    }
}
