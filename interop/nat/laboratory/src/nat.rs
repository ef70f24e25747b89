//! A NAT in the words of RFC 4787 (for UDP) and RFC 5382 (for TCP): which external port an internal one gets, and who may
//! send to it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::packet::Transport;

/// What a mapping (RFC 4787 §4.1) or a filter (§5) depends on, beside the internal address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behavior {
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
}

impl Behavior {
    /// As much of a remote address as counts.
    fn scope(self, remote: SocketAddr) -> SocketAddr {
        match self {
            Self::EndpointIndependent => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            Self::AddressDependent => SocketAddr::new(remote.ip(), 0),
            Self::AddressAndPortDependent => remote,
        }
    }
}

/// Which external port a new mapping gets (RFC 4787 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortAssignment {
    /// The internal one, or the next one that is free.
    Preservation,
    Random,
    /// The one after that of the mapping before.
    Sequential,
}

/// How a NAT behaves.
#[derive(Debug, Clone, Copy)]
pub struct Behaviors {
    pub mapping: Behavior,
    pub filtering: Behavior,
    pub ports: PortAssignment,
    /// Whether two internal hosts reach each other by their external addresses (RFC 4787 §6).
    pub hairpinning: bool,
}

#[derive(Debug)]
pub struct Nat {
    pub external: IpAddr,
    pub behaviors: Behaviors,
    mappings: HashMap<Key, Mapping>,
    /// External ports that are in use, and by which mapping.
    ports: HashMap<(Transport, u16), Key>,
    next_port: u16,
    random: StdRng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    transport: Transport,
    internal: SocketAddr,
    remote: SocketAddr,
}

#[derive(Debug)]
struct Mapping {
    port: u16,
    used: Instant,
    /// Whom something was sent to, as far as the filter looks at it, and when.
    permitted: HashMap<SocketAddr, Instant>,
}

/// Ports below are not assigned.
const LOWEST: u16 = 1024;

/// How long a mapping lasts that nothing is sent through (RFC 4787 REQ-5, RFC 5382 REQ-5).
const fn lifetime(transport: Transport) -> Duration {
    match transport {
        Transport::Udp => Duration::from_secs(120),
        Transport::Tcp => Duration::from_secs(7440),
    }
}

impl Nat {
    pub fn new(external: IpAddr, behaviors: Behaviors, mut random: StdRng) -> Self {
        let next_port = random.random_range(LOWEST..=u16::MAX);
        Self { external, behaviors, mappings: HashMap::new(), ports: HashMap::new(), next_port, random }
    }

    /// Something goes from an internal endpoint to a remote one: where it seems to come from. `None`: no port is left.
    pub fn outbound(
        &mut self,
        now: Instant,
        transport: Transport,
        internal: SocketAddr,
        remote: SocketAddr,
    ) -> Option<SocketAddr> {
        let key = Key { transport, internal, remote: self.behaviors.mapping.scope(remote) };
        if self.mappings.get(&key).is_none_or(|mapping| mapping.is_over(now, transport)) {
            self.forget_what_is_over(now);
            let port = self.assign(transport, internal.port())?;
            self.ports.insert((transport, port), key);
            self.mappings.insert(key, Mapping { port, used: now, permitted: HashMap::new() });
        }
        let mapping = self.mappings.get_mut(&key)?;
        mapping.used = now;
        mapping.permitted.insert(self.behaviors.filtering.scope(remote), now);
        Some(SocketAddr::new(self.external, mapping.port))
    }

    /// Something comes from a remote endpoint to an external port: whom it is for. `None`: for nobody, or it is filtered.
    pub fn inbound(
        &self,
        now: Instant,
        transport: Transport,
        port: u16,
        remote: SocketAddr,
    ) -> Option<SocketAddr> {
        let key = self.ports.get(&(transport, port))?;
        let mapping = self.mappings.get(key)?;
        let is_over = |since: Instant| now.saturating_duration_since(since) > lifetime(transport);
        let permitted = match self.behaviors.filtering {
            Behavior::EndpointIndependent => Some(&mapping.used),
            filtering => mapping.permitted.get(&filtering.scope(remote)),
        };
        // RFC 4787 REQ-6: what comes in prolongs nothing.
        permitted.filter(|since| !is_over(**since)).map(|_| key.internal)
    }

    /// As after the router was started again.
    pub fn forget(&mut self) {
        self.mappings.clear();
        self.ports.clear();
    }

    fn forget_what_is_over(&mut self, now: Instant) {
        let ports = &mut self.ports;
        self.mappings.retain(|key, mapping| {
            let is_over = mapping.is_over(now, key.transport);
            if is_over {
                ports.remove(&(key.transport, mapping.port));
            }
            !is_over
        });
    }

    fn assign(&mut self, transport: Transport, internal: u16) -> Option<u16> {
        let first = match self.behaviors.ports {
            PortAssignment::Preservation => internal.max(LOWEST),
            PortAssignment::Random => self.random.random_range(LOWEST..=u16::MAX),
            PortAssignment::Sequential => self.next_port,
        };
        let mut all = (first..=u16::MAX).chain(LOWEST..first);
        let port = all.find(|port| !self.ports.contains_key(&(transport, *port)))?;
        if self.behaviors.ports == PortAssignment::Sequential {
            self.next_port = port.checked_add(1).unwrap_or(LOWEST);
        }
        Some(port)
    }
}

impl Mapping {
    fn is_over(&self, now: Instant, transport: Transport) -> bool {
        now.saturating_duration_since(self.used) > lifetime(transport)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::Behavior::*;
    use super::*;

    const EXTERNAL: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

    struct Tested {
        nat: Nat,
        now: Instant,
    }

    impl Tested {
        fn new(mapping: Behavior, filtering: Behavior, ports: PortAssignment) -> Self {
            let behaviors = Behaviors { mapping, filtering, ports, hairpinning: false };
            Self { nat: Nat::new(EXTERNAL, behaviors, StdRng::seed_from_u64(1)), now: Instant::now() }
        }

        fn out(&mut self, internal: &str, remote: &str) -> u16 {
            let (internal, remote) = (internal.parse().unwrap(), remote.parse().unwrap());
            let external = self.nat.outbound(self.now, Transport::Udp, internal, remote).unwrap();
            assert_eq!(external.ip(), EXTERNAL);
            external.port()
        }

        fn is_let_in(&self, port: u16, remote: &str) -> bool {
            self.nat.inbound(self.now, Transport::Udp, port, remote.parse().unwrap()).is_some()
        }
    }

    const HOST: &str = "10.0.1.2:5000";
    const X1: &str = "198.51.100.10:1000";
    const X2: &str = "198.51.100.10:2000";
    const Y1: &str = "198.51.100.11:1000";

    /// RFC 4787 §4.1: X1':x1' for another port of the same address, and for another address.
    #[test]
    fn mappings_depend_on_what_the_behavior_says() {
        for (mapping, same_for_port, same_for_address) in [
            (EndpointIndependent, true, true),
            (AddressDependent, true, false),
            (AddressAndPortDependent, false, false),
        ] {
            let mut tested = Tested::new(mapping, AddressAndPortDependent, PortAssignment::Random);
            let first = tested.out(HOST, X1);
            assert_eq!(tested.out(HOST, X1), first, "a mapping is kept");
            assert_eq!(tested.out(HOST, X2) == first, same_for_port, "{mapping:?}");
            assert_eq!(tested.out(HOST, Y1) == first, same_for_address, "{mapping:?}");
        }
    }

    /// RFC 4787 §5: who may send to a mapping that was used towards X1.
    #[test]
    fn filters_depend_on_what_the_behavior_says() {
        for (filtering, other_port, other_address) in [
            (EndpointIndependent, true, true),
            (AddressDependent, true, false),
            (AddressAndPortDependent, false, false),
        ] {
            let mut tested = Tested::new(EndpointIndependent, filtering, PortAssignment::Random);
            let port = tested.out(HOST, X1);
            assert!(tested.is_let_in(port, X1), "{filtering:?}");
            assert_eq!(tested.is_let_in(port, X2), other_port, "{filtering:?}");
            assert_eq!(tested.is_let_in(port, Y1), other_address, "{filtering:?}");
            assert!(!tested.is_let_in(port ^ 1, X1), "a port without a mapping");
        }
    }

    #[test]
    fn what_comes_in_is_for_the_host_that_has_the_mapping() {
        let mut tested = Tested::new(EndpointIndependent, EndpointIndependent, PortAssignment::Random);
        for host in ["10.0.1.2:5000", "10.0.1.3:5000", "10.0.1.2:5001"] {
            let port = tested.out(host, X1);
            let internal = tested.nat.inbound(tested.now, Transport::Udp, port, Y1.parse().unwrap());
            assert_eq!(internal, Some(host.parse().unwrap()));
            assert_eq!(tested.nat.inbound(tested.now, Transport::Tcp, port, Y1.parse().unwrap()), None);
        }
    }

    /// RFC 4787 §4.2.1: a port is preserved, and no two hosts share one (REQ-3).
    #[test]
    fn ports_are_preserved_where_they_are_free() {
        let mut tested = Tested::new(EndpointIndependent, AddressDependent, PortAssignment::Preservation);
        assert_eq!(tested.out("10.0.1.2:5000", X1), 5000);
        assert_eq!(tested.out("10.0.1.3:5000", X1), 5001);
        assert_eq!(tested.out("10.0.1.2:5000", Y1), 5000);
    }

    #[test]
    fn sequential_ports_follow_one_another() {
        let mut tested = Tested::new(AddressAndPortDependent, AddressDependent, PortAssignment::Sequential);
        tested.nat.next_port = u16::MAX;
        assert_eq!([X1, X2, Y1].map(|remote| tested.out(HOST, remote)), [u16::MAX, LOWEST, LOWEST + 1]);
    }

    #[test]
    fn random_ports_do_not_follow_one_another() {
        let mut tested = Tested::new(AddressAndPortDependent, AddressDependent, PortAssignment::Random);
        let ports = [X1, X2, Y1].map(|remote| tested.out(HOST, remote));
        assert!(ports.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 16), "{ports:?}");
    }

    /// RFC 4787 REQ-5 and REQ-6.
    #[test]
    fn a_mapping_lasts_while_something_goes_out() {
        let mut tested = Tested::new(EndpointIndependent, EndpointIndependent, PortAssignment::Random);
        let port = tested.out(HOST, X1);
        for _ in 0..3 {
            tested.now += Duration::from_secs(119);
            assert_eq!(tested.out(HOST, X1), port);
        }
        tested.now += Duration::from_secs(119);
        assert!(tested.is_let_in(port, X1));
        tested.now += Duration::from_secs(2);
        assert!(!tested.is_let_in(port, X1), "what came in prolonged it");
        assert_ne!(tested.out(HOST, X1), port);
        assert_eq!(tested.nat.mappings.len(), 1);
        assert_eq!(tested.nat.ports.len(), 1);
    }

    #[test]
    fn a_filter_lasts_as_long_as_something_goes_that_way() {
        let mut tested = Tested::new(EndpointIndependent, AddressDependent, PortAssignment::Random);
        let port = tested.out(HOST, X1);
        tested.now += Duration::from_secs(100);
        tested.out(HOST, Y1);
        tested.now += Duration::from_secs(21);
        assert!(!tested.is_let_in(port, X1));
        assert!(tested.is_let_in(port, Y1));
    }

    #[test]
    fn it_can_forget_everything() {
        let mut tested = Tested::new(EndpointIndependent, EndpointIndependent, PortAssignment::Random);
        let port = tested.out(HOST, X1);
        tested.nat.forget();
        assert!(!tested.is_let_in(port, X1));
        assert_ne!(tested.out(HOST, X1), port);
    }
}
