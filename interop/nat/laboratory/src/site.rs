//! The types of sites: how somebody is connected to the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::gateway::{Egress, Gateway};
use crate::internet::{Internet, NetworkId, NodeId};
use crate::nat::{Behavior, Behaviors, Nat, PortAssignment};

/// How a site is connected; `docs/nat-laboratory.md` has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteType {
    None,
    Firewall,
    FullCone,
    Restricted,
    PortRestricted,
    Symmetric,
    SymSeq,
    AddrSymmetric,
    UdpBlocked,
    Tcp443,
    Tls443,
    Proxy,
    Cgnat,
    SharedCgn,
    DualStack,
    Ipv6Only,
    Nat64,
}

impl SiteType {
    pub const ALL: [Self; 17] = [
        Self::None,
        Self::Firewall,
        Self::FullCone,
        Self::Restricted,
        Self::PortRestricted,
        Self::Symmetric,
        Self::SymSeq,
        Self::AddrSymmetric,
        Self::UdpBlocked,
        Self::Tcp443,
        Self::Tls443,
        Self::Proxy,
        Self::Cgnat,
        Self::SharedCgn,
        Self::DualStack,
        Self::Ipv6Only,
        Self::Nat64,
    ];

    /// The NAT nearest to the host. `None`: it has none.
    fn behaviors(self) -> Option<Behaviors> {
        use Behavior::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
        let (mapping, filtering, ports) = match self {
            Self::None | Self::Firewall | Self::Ipv6Only => return None,
            Self::FullCone => (EndpointIndependent, EndpointIndependent, PortAssignment::Preservation),
            Self::Restricted => (EndpointIndependent, AddressDependent, PortAssignment::Preservation),
            Self::Symmetric | Self::DualStack => {
                (AddressAndPortDependent, AddressAndPortDependent, PortAssignment::Random)
            }
            Self::SymSeq => (AddressAndPortDependent, AddressAndPortDependent, PortAssignment::Sequential),
            Self::AddrSymmetric => (AddressDependent, AddressAndPortDependent, PortAssignment::Random),
            Self::PortRestricted
            | Self::UdpBlocked
            | Self::Tcp443
            | Self::Tls443
            | Self::Proxy
            | Self::Cgnat
            | Self::SharedCgn
            | Self::Nat64 => (EndpointIndependent, AddressAndPortDependent, PortAssignment::Preservation),
        };
        Some(Behaviors { mapping, filtering, ports, hairpinning: false })
    }

    fn has_ipv4(self) -> bool {
        !matches!(self, Self::Ipv6Only | Self::Nat64)
    }

    fn has_ipv6(self) -> bool {
        matches!(self, Self::Firewall | Self::DualStack | Self::Ipv6Only | Self::Nat64)
    }

    fn egress(self, proxy: Ipv4Addr) -> Egress {
        match self {
            Self::UdpBlocked => Egress::NoUdp,
            Self::Tcp443 => Egress::Port443,
            Self::Tls443 => Egress::Tls443,
            Self::Proxy => Egress::Proxy(proxy.into()),
            _ => Egress::Everything,
        }
    }
}

/// What all reach: two addresses of each version of IP, so that a NAT's behavior can be seen (RFC 5780).
pub const SERVER: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 11)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11)),
];

/// The address that the homes behind the shared NAT have in common.
const SHARED: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 254);

/// The highest number of a site: each has two external addresses.
pub const HIGHEST: u8 = 126;

/// A site in the internet.
#[derive(Debug)]
pub struct Site {
    pub host: Host,
    pub proxy: Option<Host>,
    /// What connects it: its link is the site's.
    pub access: NodeId,
    /// The NAT whose address the provider gives out.
    nat: Option<NodeId>,
    /// The external address at present, and another one.
    external: [IpAddr; 2],
    gateways: Vec<NodeId>,
}

/// A machine with a network stack of its own.
#[derive(Debug, Clone)]
pub struct Host {
    pub node: NodeId,
    pub addresses: Vec<IpAddr>,
}

/// The NAT of a provider, behind which several homes are.
#[derive(Debug)]
pub struct SharedNat(NetworkId);

impl SharedNat {
    pub fn new(internet: &mut Internet) -> Self {
        let behaviors = Behaviors { hairpinning: true, ..port_restricted() };
        let nat = Nat::new(SHARED.into(), behaviors, internet.random());
        Self(internet.gateway(Internet::CORE, Gateway::new(Egress::Everything, Some(nat))).1)
    }
}

fn port_restricted() -> Behaviors {
    Behaviors {
        mapping: Behavior::EndpointIndependent,
        filtering: Behavior::AddressAndPortDependent,
        ports: PortAssignment::Preservation,
        hairpinning: false,
    }
}

impl Site {
    /// The site with a number from 1 to [`HIGHEST`]: its addresses follow from that.
    pub fn new(internet: &mut Internet, shared: &SharedNat, kind: SiteType, number: u8) -> Self {
        let public = Ipv4Addr::new(203, 0, 113, number);
        let (external, other, outside) = match kind {
            SiteType::SharedCgn => {
                (Ipv4Addr::new(100, 64, number, 1), Ipv4Addr::new(100, 64, number, 3), shared.0)
            }
            SiteType::Cgnat => {
                let nat = Nat::new(public.into(), port_restricted(), internet.random());
                let gateway = Gateway::new(Egress::Everything, Some(nat));
                let (_, inside) = internet.gateway(Internet::CORE, gateway);
                (Ipv4Addr::new(100, 64, number, 1), Ipv4Addr::new(100, 64, number, 3), inside)
            }
            _ => (public, Ipv4Addr::new(203, 0, 113, number + HIGHEST), Internet::CORE),
        };
        let behaviors = kind.behaviors();
        let lan = |host| Ipv4Addr::new(10, 0, number, host);
        let ipv4 = if behaviors.is_some() { lan(2) } else { public };
        let ipv6 = Ipv6Addr::new(0x2001, 0xdb8, 1, number.into(), 0, 0, 0, 2);
        let addresses: Vec<IpAddr> =
            [kind.has_ipv4().then_some(IpAddr::V4(ipv4)), kind.has_ipv6().then_some(IpAddr::V6(ipv6))]
                .into_iter()
                .flatten()
                .collect();
        let external = [external, other].map(IpAddr::from);
        if kind == SiteType::None {
            let node = internet.host(outside, addresses.iter().copied());
            let host = Host { node, addresses };
            return Self { host, proxy: None, access: node, nat: None, external, gateways: Vec::new() };
        }
        let [address, _] = external;
        let nat = behaviors.map(|behaviors| Nat::new(address, behaviors, internet.random()));
        let mut gateway = Gateway::new(kind.egress(lan(3)), nat);
        gateway.is_nat64 = kind == SiteType::Nat64;
        let (gateway, inside) = internet.gateway(outside, gateway);
        // What isn't translated is reached through the gateway all the same.
        for address in addresses.iter().filter(|address| address.is_ipv6() || behaviors.is_none()) {
            internet.route(outside, *address, gateway);
        }
        let host = Host { node: internet.host(inside, addresses.iter().copied()), addresses };
        let proxy = (kind == SiteType::Proxy).then(|| {
            let address = IpAddr::V4(lan(3));
            Host { node: internet.host(inside, [address]), addresses: vec![address] }
        });
        let nat = behaviors.map(|_| gateway);
        Self { host, proxy, access: gateway, nat, external, gateways: vec![gateway] }
    }

    /// Its routers are started again.
    pub fn flush(&self, internet: &mut Internet) {
        for gateway in &self.gateways {
            internet.forget(*gateway);
        }
    }

    /// The provider gives out another address. `false`: the site has none of its own to be changed.
    pub fn readdress(&mut self, internet: &mut Internet) -> bool {
        let Some(nat) = self.nat else { return false };
        self.external.reverse();
        let [address, _] = self.external;
        internet.readdress(nat, address);
        true
    }
}
