//! Which addresses clients are given.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use peerline_turn::{Families, Listener, RelayedPorts};

/// Where a relay socket is bound, and how peers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bound: IpAddr,
    pub(super) public: IpAddr,
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub(super) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }
}

/// This machine's addresses as far as relaying goes, as they were when the server started.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Of all interfaces.
    interfaces: Vec<IpAddr>,
    /// What the default route leaves from: IPv4, IPv6.
    primary: [Option<IpAddr>; 2],
    /// `--public-ip`: IPv4, IPv6.
    public: [Option<IpAddr>; 2],
}

impl Addresses {
    pub(super) fn of_this_machine(public_ipv4: Option<Ipv4Addr>, public_ipv6: Option<Ipv6Addr>) -> Self {
        let interfaces: Vec<IpAddr> =
            if_addrs::get_if_addrs().unwrap_or_default().iter().map(if_addrs::Interface::ip).collect();
        let primary = [Family::Ipv4, Family::Ipv6].map(|family| {
            default_route(family).or_else(|| {
                let mut candidates = interfaces.iter().copied().filter(|ip| Family::of(*ip) == family);
                candidates.find(|ip| is_usable(*ip))
            })
        });
        Self::new(interfaces, primary, [public_ipv4.map(IpAddr::V4), public_ipv6.map(IpAddr::V6)])
    }

    fn new(interfaces: Vec<IpAddr>, primary: [Option<IpAddr>; 2], public: [Option<IpAddr>; 2]) -> Self {
        Self { interfaces, primary, public }
    }

    /// The relayed address of `family` for a client that reached the server at `arrival`.
    ///
    /// It is `--public-ip` where there is one; otherwise the address that the client's packet came in at, because that
    /// one leads here. Loopback leads here for nobody else, so those clients get the machine's primary address, if any.
    pub(super) fn place(&self, family: Family, arrival: IpAddr) -> Option<Place> {
        let slot = family as usize;
        let primary = self.primary.get(slot).copied().flatten();
        let public = self.public.get(slot).copied().flatten();
        if let Some(public) = public {
            let bound = primary.or_else(|| self.loopback(family))?;
            return Some(Place { bound, public });
        }
        let same_family = Family::of(arrival) == family;
        let bound = if same_family && is_usable(arrival) {
            arrival
        } else {
            primary.or_else(|| self.loopback(family).filter(|_| arrival.is_loopback()))?
        };
        Some(Place { bound, public: bound })
    }

    fn loopback(&self, family: Family) -> Option<IpAddr> {
        self.interfaces.iter().copied().find(|ip| ip.is_loopback() && Family::of(*ip) == family)
    }

    /// The families that relayed addresses can be had of.
    pub(super) fn families(&self) -> Families {
        let has = |family| self.interfaces.iter().any(|ip| Family::of(*ip) == family);
        Families { ipv4: has(Family::Ipv4), ipv6: has(Family::Ipv6) }
    }

    /// Every address that is this machine's for others. As peers they are reached at live relay ports only, so that the
    /// relay is no way to what else listens here.
    pub(super) fn own(&self) -> Vec<IpAddr> {
        let arrivals = self.interfaces.iter().copied();
        let both = |arrival| [Family::Ipv4, Family::Ipv6].map(|family| self.place(family, arrival));
        let places = arrivals.flat_map(both).flatten();
        let mut own: Vec<_> = places.flat_map(|place| [place.bound, place.public]).collect();
        own.extend(self.interfaces.iter().copied().filter(|ip| is_usable(*ip)));
        own.sort();
        own.dedup();
        own
    }

    /// Whether `ip` belongs to this machine.
    pub(super) fn is_here(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.interfaces.contains(&ip)
    }

    /// Where to send what is meant for `peer`: a relay of ours that peers see at the public address is here, and the
    /// NAT in front of us may not send it back (RFC 4787 §6 hairpinning).
    pub(super) fn toward(&self, peer: SocketAddr, alive: &RelayedPorts) -> SocketAddr {
        let slot = Family::of(peer.ip()) as usize;
        match (self.public.get(slot), self.primary.get(slot)) {
            (Some(Some(public)), Some(Some(bound))) if *public == peer.ip() && alive.contains(peer) => {
                SocketAddr::new(*bound, peer.port())
            }
            _ => peer,
        }
    }

    /// Whom a packet from `source` is from as clients know it: the other direction of [`toward`](Self::toward).
    pub(super) fn seen_as(&self, source: SocketAddr, alive: &RelayedPorts) -> SocketAddr {
        let slot = Family::of(source.ip()) as usize;
        match (self.public.get(slot), self.primary.get(slot)) {
            (Some(Some(public)), Some(Some(bound))) if *bound == source.ip() && alive.contains(source) => {
                SocketAddr::new(*public, source.port())
            }
            _ => source,
        }
    }

    /// The addresses that behaviour discovery may name (RFC 5780 §6): every one that `bound` stands for. Loopback answers to
    /// loopback only, there by a second address that Linux has anyway, so that developers can try it on one machine.
    pub(super) fn listeners(&self, bound: &[SocketAddr]) -> Vec<Listener> {
        let mut all = Vec::new();
        for address in bound {
            let family = Family::of(address.ip());
            if address.ip().is_unspecified() {
                let usable =
                    self.interfaces.iter().filter(|ip| Family::of(**ip) == family && is_usable(**ip));
                all.extend(usable.map(|ip| SocketAddr::new(*ip, address.port())));
                if family == Family::Ipv4 && cfg!(target_os = "linux") {
                    let loopback = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];
                    all.extend(loopback.map(|ip| SocketAddr::new(ip.into(), address.port())));
                }
            } else {
                all.push(*address);
            }
        }
        let public = |address: &SocketAddr| {
            let slot = Family::of(address.ip()) as usize;
            match self.public.get(slot).copied().flatten() {
                None => Some(*address),
                Some(_) if address.ip().is_loopback() => Some(*address),
                // One public address stands for one of ours: nothing is known about the others.
                Some(public) => (self.primary.get(slot) == Some(&Some(address.ip())))
                    .then(|| SocketAddr::new(public, address.port())),
            }
        };
        let listener = |bound: SocketAddr| Some(Listener { bound, public: public(&bound)? });
        all.into_iter().filter_map(listener).collect()
    }
}

/// An address that others than this machine, and not only on the same link, can use.
fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified()),
    }
}

/// The address that packets to the world leave from. Connecting a UDP socket sends nothing: it asks the routing table.
fn default_route(family: Family) -> Option<IpAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849) that no network of ours should hold.
    let (from, to): (SocketAddr, SocketAddr) = match family {
        Family::Ipv4 => ((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::new(198, 51, 100, 1), 9).into()),
        Family::Ipv6 => {
            ((Ipv6Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into())
        }
    };
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    is_usable(ip).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn machine(public: Option<&str>) -> Addresses {
        let interfaces = ["127.0.0.1", "::1", "203.0.113.5", "203.0.113.6", "2001:db8:1::5", "fe80::1"];
        Addresses::new(
            interfaces.map(ip).to_vec(),
            [Some(ip("203.0.113.5")), Some(ip("2001:db8:1::5"))],
            [public.map(ip), None],
        )
    }

    fn place(addresses: &Addresses, family: Family, arrival: &str) -> (IpAddr, IpAddr) {
        let place = addresses.place(family, ip(arrival)).unwrap();
        (place.bound, place.public)
    }

    #[test]
    fn the_relayed_address_is_where_the_client_came_in() {
        let machine = machine(None);
        let there = ip("203.0.113.6");
        assert_eq!(place(&machine, Family::Ipv4, "203.0.113.6"), (there, there));
    }

    #[test]
    fn who_came_by_loopback_or_by_the_other_family_gets_the_primary_address() {
        let machine = machine(None);
        let primary = ip("203.0.113.5");
        for arrival in ["127.0.0.1", "::1", "2001:db8:1::5"] {
            assert_eq!(place(&machine, Family::Ipv4, arrival), (primary, primary));
        }
        let primary = ip("2001:db8:1::5");
        for arrival in ["127.0.0.1", "::1", "203.0.113.6", "fe80::1"] {
            assert_eq!(place(&machine, Family::Ipv6, arrival), (primary, primary));
        }
    }

    #[test]
    fn a_machine_that_has_only_loopback_relays_there() {
        let machine = Addresses::new(vec![ip("127.0.0.1")], [None, None], [None, None]);
        let loopback = ip("127.0.0.1");
        assert_eq!(place(&machine, Family::Ipv4, "127.0.0.1"), (loopback, loopback));
        assert_eq!(machine.own(), [loopback]);
        assert!(!machine.families().ipv6);
    }

    #[test]
    fn two_relayed_peers_meet_behind_a_nat_that_does_not_hairpin() {
        let machine = machine(Some("198.51.100.9"));
        assert_eq!(place(&machine, Family::Ipv4, "203.0.113.6"), (ip("203.0.113.5"), ip("198.51.100.9")));
        let alive = RelayedPorts::new();
        let relayed: SocketAddr = "198.51.100.9:50000".parse().unwrap();
        assert_eq!(machine.toward(relayed, &alive), relayed, "no relay of ours: the NAT knows");
        alive.insert(relayed);
        let here: SocketAddr = "203.0.113.5:50000".parse().unwrap();
        assert_eq!(machine.toward(relayed, &alive), here);
        assert_eq!(machine.seen_as(here, &alive), relayed);
        let stranger: SocketAddr = "192.0.2.7:50000".parse().unwrap();
        assert_eq!(machine.seen_as(stranger, &alive), stranger);
    }

    #[test]
    fn behaviour_discovery_names_every_address_that_is_listened_at() {
        let bound = ["0.0.0.0:3478", "[::]:3478", "127.0.0.1:8443"].map(|address| address.parse().unwrap());
        let names = |machine: &Addresses, of_loopback: bool| -> Vec<String> {
            let listeners = machine.listeners(&bound);
            let class = listeners.iter().filter(|listener| listener.public.ip().is_loopback() == of_loopback);
            class.map(|listener| listener.public.to_string()).collect()
        };
        let (open, mapped) = (machine(None), machine(Some("198.51.100.9")));
        assert_eq!(names(&open, false), ["203.0.113.5:3478", "203.0.113.6:3478", "[2001:db8:1::5]:3478"]);
        assert_eq!(names(&mapped, false), ["198.51.100.9:3478", "[2001:db8:1::5]:3478"]);
        for machine in [open, mapped] {
            let loopback = names(&machine, true);
            assert!(loopback.contains(&"127.0.0.1:8443".to_owned()), "what was asked for by name");
            assert_eq!(loopback.contains(&"127.0.0.2:3478".to_owned()), cfg!(target_os = "linux"));
        }
    }

    #[test]
    fn every_address_of_the_machine_is_its_own_also_behind_a_nat() {
        let own = machine(Some("198.51.100.9")).own();
        for address in ["198.51.100.9", "203.0.113.5", "203.0.113.6", "2001:db8:1::5"] {
            assert!(own.contains(&ip(address)), "{address}");
        }
        assert!(!own.contains(&ip("127.0.0.1")));
    }

    #[test]
    fn two_loopback_addresses_alone_are_two_addresses() {
        let bound = ["127.0.0.1:3478", "127.0.0.2:3478"].map(|address| address.parse().unwrap());
        assert_eq!(machine(None).listeners(&bound).len(), 2);
    }
}
