//! HTTP proxies that open connections for their clients (CONNECT, RFC 9110 §9.3.6).

mod answer;
mod bypass;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::answer::Answer;
use self::bypass::Bypass;
use crate::dial;
use crate::host::{authority, is_loopback};

/// An HTTP proxy: a way out of networks that have no other.
///
/// It is used for TCP and TLS (signaling, and TURN over these), beside the direct way, and not for hosts on this machine.
///
/// ```
/// let proxy: peerline::Proxy = "http://user:password@proxy.example:3128".parse()?;
/// let proxy = proxy.except("localhost,.intranet.example,10.0.0.0/8");
/// assert_eq!(proxy.to_string(), "http://proxy.example:3128");
/// # Ok::<(), peerline::ProxyUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    /// What the header `Proxy-Authorization` has to say (RFC 7617).
    authorization: Option<String>,
    bypasses: Vec<Bypass>,
    lately: Lately,
}

/// Whether it was the way that led out when one was last looked for: so much is known to all its clones, and makes no proxy
/// another one.
#[derive(Clone, Default)]
struct Lately(Arc<AtomicBool>);

impl PartialEq for Lately {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lately {}

/// A proxy is `http://HOST:PORT`, or `http://USER:PASSWORD@HOST:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")]
pub struct ProxyUrlError;

/// Why a proxy has opened no connection, as a sentence for people.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it wants to know who asks: http://USER:PASSWORD@HOST:PORT says it")]
    Unauthorized,
    #[error("it refused: {status} {reason}")]
    Refused { status: u16, reason: String },
    #[error("it does not answer as a proxy does")]
    Foreign,
}

impl Proxy {
    /// Leaves out hosts as `NO_PROXY` names them: domains with all below them, addresses, networks (`10.0.0.0/8`), `*`;
    /// commas between them.
    #[must_use]
    pub fn except(mut self, hosts: &str) -> Self {
        self.bypasses.extend(Bypass::parse_list(hosts));
        self
    }

    /// Whether `host` is asked for through it.
    pub(crate) fn serves(&self, host: &str) -> bool {
        !is_loopback(host) && !self.bypasses.iter().any(|bypass| bypass.matches(host))
    }

    /// Whether it was this way that led out lately, and not the direct one.
    pub(crate) fn leads_out(&self) -> bool {
        self.lately.0.load(Ordering::Relaxed)
    }

    /// Remembers which way has led out.
    pub(crate) fn note(&self, leads_out: bool) {
        self.lately.0.store(leads_out, Ordering::Relaxed);
    }

    /// Opens a connection through it, if possible from `local`. The proxy looks up the host's name.
    pub(crate) async fn connect(
        &self,
        local: Option<IpAddr>,
        host: &str,
        port: u16,
    ) -> io::Result<TcpStream> {
        let mut stream = dial::connect(local, &self.host, self.port).await?;
        stream.write_all(self.request(host, port).as_bytes()).await?;
        let mut bytes = Vec::with_capacity(1024);
        loop {
            let room = answer::LONGEST.saturating_sub(bytes.len());
            if (&mut stream).take(room as u64).read_buf(&mut bytes).await? == 0 {
                return Err(io::Error::other(Refusal::Foreign));
            }
            return match answer::read(&bytes) {
                Answer::Incomplete => continue,
                // Nobody that is asked for speaks first.
                Answer::Accepted(length) if length == bytes.len() => Ok(stream),
                Answer::Refused { status: 407, .. } => Err(io::Error::other(Refusal::Unauthorized)),
                Answer::Refused { status, reason } => {
                    Err(io::Error::other(Refusal::Refused { status, reason }))
                }
                Answer::Accepted(_) | Answer::Malformed => Err(io::Error::other(Refusal::Foreign)),
            };
        }
    }

    fn request(&self, host: &str, port: u16) -> String {
        let target = authority(host, port);
        let authorization = self
            .authorization
            .iter()
            .map(|authorization| format!("Proxy-Authorization: {authorization}\r\n"))
            .collect::<String>();
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n")
    }
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(url: &str) -> Result<Self, ProxyUrlError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(ProxyUrlError),
            // Common in HTTPS_PROXY.
            None => url,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(place) => {
                let (host, port) = place.split_once(']').ok_or(ProxyUrlError)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| ProxyUrlError)?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("80")))
            }
            None => place.split_once(':').map_or((place, Some("80")), |(host, port)| (host, Some(port))),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(ProxyUrlError);
        }
        let port = port.and_then(|port| port.parse().ok()).filter(|port| *port != 0).ok_or(ProxyUrlError)?;
        let authorization = user.map(basic).transpose()?;
        Ok(Self {
            host: host.to_owned(),
            port,
            authorization,
            bypasses: Vec::new(),
            lately: Lately::default(),
        })
    }
}

/// RFC 7617 §2, from the part of a URL that has the user (RFC 3986 §3.2.1).
fn basic(user: &str) -> Result<String, ProxyUrlError> {
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let user = unescape(user).filter(|user| !user.contains(&b':')).ok_or(ProxyUrlError)?;
    let password = unescape(password).ok_or(ProxyUrlError)?;
    Ok(format!("Basic {}", BASE64_STANDARD.encode([user, b":".to_vec(), password].concat())))
}

/// RFC 3986 §2.1.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

/// Without the password.
impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}", authority(&self.host, self.port))
    }
}

/// Without the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str) -> Proxy {
        url.parse().unwrap()
    }

    #[test]
    fn a_proxy_is_a_url() {
        for (url, printed) in [
            ("http://proxy.test:3128", "http://proxy.test:3128"),
            ("HTTP://10.0.0.1:3128/", "http://10.0.0.1:3128"),
            ("proxy.test:8080", "http://proxy.test:8080"),
            ("http://proxy.test", "http://proxy.test:80"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]:80"),
        ] {
            assert_eq!(proxy(url).to_string(), printed, "{url}");
        }
        for wrong in [
            "",
            "http://",
            "https://proxy.test:3128",
            "socks5://proxy.test:1080",
            "http://proxy.test:port",
            "http://proxy.test:0",
            "http://proxy.test/path",
            "http://a\r\nb:1",
            "http://[::1",
            "http://[proxy]:1",
            "http://us%er@proxy.test",
        ] {
            assert_eq!(wrong.parse::<Proxy>(), Err(ProxyUrlError), "{wrong}");
        }
    }

    #[test]
    fn user_and_password_go_into_the_request_rfc_7617_and_are_not_shown() {
        let proxy = proxy("http://Aladdin:open%20sesame@proxy.test:3128");
        let wanted = "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\
                      Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(proxy.request("2001:db8::1", 443), wanted);
        assert_eq!(format!("{proxy} {proxy:?}"), "http://proxy.test:3128 Proxy(http://proxy.test:3128)");
    }

    #[test]
    fn this_machine_and_the_excepted_are_reached_without_it() {
        let proxy = proxy("http://proxy.test:3128").except("intranet.test");
        assert!(proxy.serves("call.test"));
        for host in ["localhost", "127.0.0.1", "::1", "intranet.test", "a.intranet.test"] {
            assert!(!proxy.serves(host), "{host}");
        }
    }
}
