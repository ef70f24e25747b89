//! Who sent a request, by which way, and under which name it found this server.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, Request, header, uri::Authority};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The connection that a request came on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The other end: a client or a proxy.
    pub(crate) peer: SocketAddr,
    /// Whether TLS ends here.
    pub(crate) is_tls: bool,
}

/// The name and port in a request, checked, so that it can stand in headers, links and ICE server URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    name: Name,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Ip(IpAddr),
    Domain(String),
}

impl Host {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let host = authority.host();
        // Whatever stands before the host (a user) or is no port after it makes the whole invalid.
        let port = match text.strip_prefix(host)? {
            "" => None,
            rest => Some(rest.strip_prefix(':')?.parse().ok()?),
        };
        let name = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => Name::Ip(IpAddr::V6(v6.parse().ok()?)),
            None => match host.parse() {
                Ok(v4) => Name::Ip(IpAddr::V4(v4)),
                Err(_) => Name::Domain(domain(host)?),
            },
        };
        Some(Self { name, port })
    }

    /// The name without a port, with brackets around an IPv6 address: as it stands in a URL.
    pub(crate) fn without_port(&self) -> impl fmt::Display + '_ {
        struct WithoutPort<'a>(&'a Host);
        impl fmt::Display for WithoutPort<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.0.name {
                    Name::Ip(IpAddr::V6(ip)) => write!(formatter, "[{ip}]"),
                    Name::Ip(IpAddr::V4(ip)) => write!(formatter, "{ip}"),
                    Name::Domain(domain) => formatter.write_str(domain),
                }
            }
        }
        WithoutPort(self)
    }

    /// Whether `self`, the host of an origin with this scheme, is the one that `other`, a `Host` header, names.
    pub(super) fn is_same(&self, other: &Self, scheme: &str) -> bool {
        let usual = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
        self.name == other.name && self.port.unwrap_or(usual) == other.port.unwrap_or(usual)
    }

    /// True for the names that always lead to the machine they are used on (RFC 6761 §6.3).
    pub(crate) fn is_loopback(&self) -> bool {
        match &self.name {
            Name::Ip(ip) => ip.is_loopback(),
            Name::Domain(domain) => domain == "localhost" || domain.ends_with(".localhost"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.without_port())?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

fn domain(host: &str) -> Option<String> {
    let is_valid = (1..=253).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_valid.then(|| host.to_ascii_lowercase())
}

/// The sender of one request.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Its address, as far as we can believe it.
    pub(crate) address: IpAddr,
    /// The name under which it found us.
    pub(crate) host: Host,
    /// Whether it spoke HTTPS to us or to a proxy that we trust.
    pub(crate) is_secure: bool,
    /// Whether the request has passed no proxy, trusted or not.
    pub(crate) is_direct: bool,
}

impl Client {
    /// Reads the request's headers. `None` when it does not say a valid `Host`.
    pub(crate) fn of<B>(request: &Request<B>, arrival: Arrival, trusted: &[IpNet]) -> Option<Self> {
        let headers = request.headers();
        let named = request.uri().authority().map(Authority::as_str).or_else(|| text(headers, &header::HOST));
        let peer = arrival.peer.ip().to_canonical();
        let forwarded = Forwarded::read(headers);
        let mut client = Self {
            address: peer,
            host: Host::parse(named?)?,
            is_secure: arrival.is_tls,
            is_direct: forwarded.is_empty,
        };
        if is_in(trusted, peer) {
            // Each proxy appends whom it heard: from the right, the first that is no proxy of ours is the client.
            // What stands left of a node without an address was written by nobody we know.
            let stranger =
                forwarded.nodes.iter().rev().find(|node| node.is_none_or(|address| !is_in(trusted, address)));
            if let Some(Some(address)) = stranger {
                client.address = *address;
            }
            if let Some(protocol) = forwarded.protocol {
                client.is_secure = protocol.eq_ignore_ascii_case("https");
            }
            if let Some(host) = forwarded.host.as_deref().and_then(Host::parse) {
                client.host = host;
            }
        }
        Some(client)
    }

    /// Whether this machine itself asks, not a proxy on it for somebody else.
    pub(crate) fn is_local(&self) -> bool {
        self.address.is_loopback() && self.is_direct
    }
}

/// Whether `ip` is in one of `networks`.
pub(crate) fn is_in(networks: &[IpNet], ip: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&ip))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The X-Forwarded headers where they stand, else `Forwarded` (RFC 7239). Proxies write the older ones unless told
/// otherwise, and pass on what a client wrote into the other.
#[derive(Default)]
struct Forwarded {
    is_empty: bool,
    /// From the client to the last proxy but one; `None` for one that says no address.
    nodes: Vec<Option<IpAddr>>,
    protocol: Option<String>,
    host: Option<String>,
}

impl Forwarded {
    fn read(headers: &HeaderMap) -> Self {
        let list = |name: &HeaderName| {
            let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
            lines.collect::<Vec<_>>().join(",")
        };
        let mut forwarded = Self::default();
        let is_old = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST]
            .iter()
            .any(|name| headers.contains_key(name));
        if headers.contains_key(header::FORWARDED) && !is_old {
            for element in list(&header::FORWARDED).split(',') {
                for pair in element.split(';') {
                    let Some((name, value)) = pair.split_once('=') else { continue };
                    let value = value.trim().trim_matches('"');
                    match name.trim().to_ascii_lowercase().as_str() {
                        "for" => forwarded.nodes.push(node(value)),
                        "proto" => forwarded.protocol = Some(value.to_owned()),
                        "host" => forwarded.host = Some(value.to_owned()),
                        _ => {}
                    }
                }
            }
            return forwarded;
        }
        let last = |name: &HeaderName| {
            let all = list(name);
            let last = all.rsplit(',').next().unwrap_or_default().trim();
            (!last.is_empty()).then(|| last.to_owned())
        };
        if headers.contains_key(&X_FORWARDED_FOR) {
            forwarded.nodes = list(&X_FORWARDED_FOR).split(',').map(|value| node(value.trim())).collect();
        }
        forwarded.protocol = last(&X_FORWARDED_PROTO);
        forwarded.host = last(&X_FORWARDED_HOST);
        forwarded.is_empty = !is_old;
        forwarded
    }
}

/// An address, with or without a port (RFC 7239 §6). Obfuscated and unknown nodes are none.
fn node(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    ip.or_else(with_port).or_else(bracketed).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> Option<Client> {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let arrival = Arrival { peer: SocketAddr::new(peer.parse().unwrap(), 4711), is_tls: false };
        Client::of(&request.body(()).unwrap(), arrival, &trusted)
    }

    #[test]
    fn a_host_that_could_break_out_of_a_url_is_no_host() {
        for bad in ["", "a b", "a/b", "user@a", "a:99999", "a:", "[::1", "[nonsense]", "a,b", "a'b", "a;b"] {
            assert_eq!(Host::parse(bad), None, "{bad}");
        }
        for good in ["localhost", "Call.Example.org:443", "192.0.2.2:8443", "[2001:db8::1]:8443"] {
            assert_eq!(Host::parse(good).unwrap().to_string(), good.to_ascii_lowercase());
        }
    }

    #[test]
    fn forwarded_headers_of_strangers_are_not_believed() {
        let headers = [("host", "a"), ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
        let stranger = client("198.51.100.1", &["10.0.0.0/8"], &headers).unwrap();
        assert_eq!(stranger.address.to_string(), "198.51.100.1");
        assert!(!stranger.is_secure);
        let proxied = client("10.0.0.1", &["10.0.0.0/8"], &headers).unwrap();
        assert_eq!(proxied.address.to_string(), "203.0.113.7");
        assert!(proxied.is_secure);
    }

    #[test]
    fn what_a_client_wrote_into_the_chain_itself_is_not_believed() {
        let headers = [("host", "a"), ("x-forwarded-for", "127.0.0.1, 203.0.113.7, 10.0.0.2")];
        let proxied = client("10.0.0.1", &["10.0.0.0/8"], &headers).unwrap();
        assert_eq!(proxied.address.to_string(), "203.0.113.7");
    }

    #[test]
    fn a_forwarded_header_beside_those_of_the_proxy_is_the_clients_own() {
        let headers = [
            ("host", "a"),
            ("forwarded", "for=192.0.2.66;host=evil.example"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
        ];
        let proxied = client("10.0.0.1", &["10.0.0.0/8"], &headers).unwrap();
        assert_eq!(proxied.address.to_string(), "203.0.113.7");
        assert_eq!(proxied.host.to_string(), "a");
    }

    #[test]
    fn what_stands_before_an_unknown_node_is_not_believed() {
        for headers in [
            [("host", "a"), ("x-forwarded-for", "192.0.2.66, unknown, 10.0.0.2")],
            [("host", "a"), ("forwarded", "for=192.0.2.66, for=_hidden")],
        ] {
            let proxied = client("10.0.0.1", &["10.0.0.0/8"], &headers).unwrap();
            assert_eq!(proxied.address.to_string(), "10.0.0.1");
        }
    }

    #[test]
    fn rfc_7239_is_understood() {
        let headers =
            [("host", "a"), ("forwarded", "for=\"[2001:db8::7]:4711\";proto=https;host=call.example.org")];
        let proxied = client("10.0.0.1", &["10.0.0.1/32"], &headers).unwrap();
        assert_eq!(proxied.address.to_string(), "2001:db8::7");
        assert_eq!(proxied.host.to_string(), "call.example.org");
        assert!(proxied.is_secure);
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        assert!(client("127.0.0.1", &[], &[("host", "a")]).unwrap().is_local());
        assert!(
            !client("127.0.0.1", &[], &[("host", "a"), ("x-forwarded-for", "203.0.113.7")])
                .unwrap()
                .is_local()
        );
        assert!(
            !client("127.0.0.1", &[], &[("host", "a"), ("forwarded", "for=unknown")]).unwrap().is_local()
        );
    }
}
