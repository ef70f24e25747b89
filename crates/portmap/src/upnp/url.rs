//! Addresses of documents at a router.

use std::net::Ipv4Addr;

/// The longest path.
const LONGEST: usize = 512;

/// Port and path at a router whose address is known otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The port.
    pub port: u16,
    /// The path with its query.
    pub path: String,
}

impl Url {
    /// Reads `http://ADDRESS:PORT/PATH`; `None` if that isn't at `router`.
    #[must_use]
    pub fn parse(text: &str, router: Ipv4Addr) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let split = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(split)?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
            None => (authority, 80),
        };
        if !scheme.eq_ignore_ascii_case("http") || host.parse() != Ok(router) {
            return None;
        }
        Some(Self { port, path: checked(if path.is_empty() { "/" } else { path })? })
    }

    /// Reads what stands in the document behind this URL: another URL, or a path.
    #[must_use]
    pub fn join(&self, text: &str, router: Ipv4Addr) -> Option<Self> {
        let text = text.trim();
        if text.contains("://") {
            return Self::parse(text, router);
        }
        let path = if text.starts_with('/') {
            text.to_owned()
        } else {
            let directory = self.path.rfind('/').and_then(|end| self.path.get(..=end))?;
            format!("{directory}{text}")
        };
        Some(Self { port: self.port, path: checked(&path)? })
    }
}

/// What may stand in a request's first line.
fn checked(path: &str) -> Option<String> {
    let is_allowed = path.len() <= LONGEST && path.bytes().all(|byte| byte.is_ascii_graphic());
    is_allowed.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    #[test]
    fn a_router_speaks_of_itself_only() {
        let url = Url::parse("http://192.168.1.1:5000/rootDesc.xml", ROUTER).unwrap();
        assert_eq!(url, Url { port: 5000, path: "/rootDesc.xml".to_owned() });
        assert_eq!(Url::parse("HTTP://192.168.1.1", ROUTER), Some(Url { port: 80, path: "/".to_owned() }));
        for wrong in [
            "http://192.168.1.2:5000/",
            "http://router.test/",
            "https://192.168.1.1/",
            "http://user@192.168.1.1/",
            "http://192.168.1.1:0/",
            "http://192.168.1.1/a b",
            "http://192.168.1.1/\r\nHost: x",
            "192.168.1.1/",
        ] {
            assert_eq!(Url::parse(wrong, ROUTER), None, "{wrong}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_description() {
        let url = Url { port: 5000, path: "/igd/desc.xml".to_owned() };
        let joined = |text: &str| url.join(text, ROUTER).map(|url| (url.port, url.path));
        assert_eq!(joined("/ctl/IPConn"), Some((5000, "/ctl/IPConn".to_owned())));
        assert_eq!(joined("ctl"), Some((5000, "/igd/ctl".to_owned())));
        assert_eq!(joined("http://192.168.1.1:49152/ctl"), Some((49152, "/ctl".to_owned())));
        assert_eq!(joined("http://192.0.2.1/ctl"), None);
        assert_eq!(joined("c t l"), None);
    }
}
