//! Whom a relay may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::RelayedPorts;

/// Decides which peers a client may send to. Addresses that lead into the operator's own network are
/// refused unless the operator opens them.
#[derive(Debug, Clone, Default)]
pub struct PeerPolicy {
    /// Networks that are open although they would be refused (`--relay-allow`). A metadata service is opened only by
    /// naming its very address (`169.254.169.254/32`); what isn't one host (multicast, broadcast, unspecified) by nothing.
    pub allow: Vec<IpNet>,
    /// Opens private, unique-local, link-local, CGNAT and benchmarking addresses (`--lan`).
    pub lan: bool,
    /// Whether peers are connected to by TCP, and may connect (RFC 6062; `--tcp-relay`). Otherwise nobody has an allocation of TCP.
    pub tcp: bool,
    /// The server's own relay addresses, as peers see them and as they are bound.
    pub own: Vec<IpAddr>,
}

/// The first port that isn't a system port.
const FIRST_USER_PORT: u16 = 1024;

/// The relay may not reach this peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay may not reach this peer")]
pub struct Forbidden;

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Public,
    /// Somebody's own network: private, unique-local, link-local, CGNAT, benchmarking.
    Local,
    /// This machine, and what else an operator may open on purpose.
    Closed,
    /// A cloud's metadata service, which gives credentials to whoever asks.
    Metadata,
    /// Not one host, or another spelling of an IPv4 address.
    Never,
}

impl PeerPolicy {
    /// Whether a permission may be made for `ip` (RFC 8656 §10.2).
    ///
    /// # Errors
    /// [`Forbidden`] when the relay may not reach it.
    pub fn check(&self, ip: IpAddr) -> Result<(), Forbidden> {
        let open = match scope(ip) {
            Scope::Never => false,
            Scope::Metadata => self.allow.contains(&IpNet::from(ip)),
            _ if self.allows(ip) || self.own.contains(&ip) => true,
            Scope::Public => {
                !embedded_ipv4(ip).iter().flatten().any(|ip| self.own.contains(&IpAddr::V4(*ip)))
            }
            Scope::Local => self.lan,
            Scope::Closed => false,
        };
        if open { Ok(()) } else { Err(Forbidden) }
    }

    /// Whether `peer` may be sent to: like [`check`](Self::check), and on the server's own addresses only live relay ports.
    ///
    /// # Errors
    /// [`Forbidden`] when it may not.
    pub fn check_port(&self, peer: SocketAddr, relayed: &RelayedPorts) -> Result<(), Forbidden> {
        self.check(peer.ip())?;
        if self.only_relayed(peer.ip()) && !relayed.contains(peer) { Err(Forbidden) } else { Ok(()) }
    }

    /// Whether `peer` may be connected to by TCP (RFC 6062 §5.2): like [`check_port`](Self::check_port), and at no system port
    /// (RFC 6335 §6) unless its network is opened. Everybody in a call has a credential, and a relay is no proxy to others'
    /// mail, shells and web sites.
    ///
    /// # Errors
    /// [`Forbidden`] when it may not.
    pub fn check_tcp(&self, peer: SocketAddr, relayed: &RelayedPorts) -> Result<(), Forbidden> {
        self.check_port(peer, relayed)?;
        if peer.port() < FIRST_USER_PORT && !self.allows(peer.ip()) { Err(Forbidden) } else { Ok(()) }
    }

    /// Whether `ip` is open only because it is the server's own.
    pub(crate) fn only_relayed(&self, ip: IpAddr) -> bool {
        self.own.contains(&ip) && !self.allows(ip)
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(&ip))
    }
}

fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(ip) => scope_ipv4(ip),
        IpAddr::V6(ip) => scope_ipv6(ip),
    }
}

/// Link-local services of several clouds, Alibaba's (100.100.100.200), Oracle's (192.0.0.192) and Azure's (168.63.129.16).
const METADATA_IPV4: [Ipv4Addr; 7] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 42, 42),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// Amazon's, Google's, Scaleway's, and the link-local one of OpenStack.
const METADATA_IPV6: [Ipv6Addr; 5] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

fn scope_ipv4(ip: Ipv4Addr) -> Scope {
    if METADATA_IPV4.contains(&ip) {
        return Scope::Metadata;
    }
    match ip.octets() {
        // "This network": Linux takes it for this machine (CVE-2020-26262).
        [0, ..] => Scope::Never,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => Scope::Never,
        [127, ..] | [192, 0, 0, _] => Scope::Closed,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..] | [100, 64..=127, ..] => Scope::Local,
        // For measurements (RFC 2544 appendix C); clouds and clusters number their insides with it.
        [198, 18..=19, ..] => Scope::Local,
        _ => Scope::Public,
    }
}

fn scope_ipv6(ip: Ipv6Addr) -> Scope {
    if METADATA_IPV6.contains(&ip) {
        return Scope::Metadata;
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Closed,
        // Unspecified, IPv4-compatible, IPv4-mapped, IPv4-translated (RFC 4291 §2.5.5, RFC 2765 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Scope::Never,
        // NAT64 of one's own network (RFC 8215), discard-only (RFC 6666).
        [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] => Scope::Closed,
        // Unique-local, link-local, and what was site-local before.
        [0xfc00..=0xfdff, ..] | [0xfe80..=0xfeff, ..] => Scope::Local,
        [0xff00..=0xffff, ..] => Scope::Never,
        // `--lan` does not open a private address that is spelled this way.
        _ if embedded_ipv4(IpAddr::V6(ip)).iter().flatten().any(|ip| scope_ipv4(*ip) != Scope::Public) => {
            Scope::Never
        }
        _ => Scope::Public,
    }
}

/// The IPv4 addresses that packets to `ip` may end at.
fn embedded_ipv4(ip: IpAddr) -> [Option<Ipv4Addr>; 3] {
    let IpAddr::V6(ip) = ip else {
        return [None; 3];
    };
    let [server, client] = match ip.segments() {
        // NAT64 (RFC 6052 §2.1).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [Some(ipv4(high, low)), None],
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => [Some(ipv4(high, low)), None],
        // Teredo (RFC 4380 §4): the server, and the client with its bits turned over.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            [Some(ipv4(high, low)), Some(ipv4(!client_high, !client_low))]
        }
        _ => [None, None],
    };
    // ISATAP (RFC 5214 §6.1): behind any prefix.
    let within = match ip.segments() {
        [.., 0 | 0x200, 0x5efe, high, low] => Some(ipv4(high, low)),
        _ => None,
    };
    [server, client, within]
}

fn ipv4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
