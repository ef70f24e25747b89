//! What is listened at, and what is connected to.

use std::fmt;
use std::str::FromStr;

/// `[HOST:]PORT`. Without a host it is this machine's loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// A name or an address, an IPv6 address without brackets. In lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_ascii_lowercase(), port }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "this is not PORT, ADDRESS:PORT or [IPV6]:PORT".to_owned();
        let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = |host: &str| {
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"[]/@".contains(&byte))
        };
        let host = match bare {
            Some(address) if address.contains(':') => address,
            None if !host.contains(':') => host,
            _ => return Err(wrong()),
        };
        if !is_host(host) {
            return Err(wrong());
        }
        Ok(Self::new(host, port.parse().map_err(|_| wrong())?))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_optional_and_ipv6_stands_in_brackets() {
        for (text, host, port) in [
            ("8080", "127.0.0.1", 8080),
            ("0.0.0.0:80", "0.0.0.0", 80),
            ("Db.Example:5432", "db.example", 5432),
            ("[::1]:22", "::1", 22),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target, Target { host: host.to_owned(), port });
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        for wrong in
            ["", ":80", "::1:22", "[::1]", "[a]:1", "host:", "host:99999", "a b:1", "http://a:1", "1.2.3.4"]
        {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
