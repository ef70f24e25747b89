//! A router between a network inside and one outside: what it lets out, translates, and lets in.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::nat::Nat;
use crate::packet::{Flow, Packet, Transport, embedded, extracted};

#[derive(Debug)]
pub struct Gateway {
    pub egress: Egress,
    /// What has no NAT to go through meets a stateful firewall.
    pub nat: Option<Nat>,
    /// The NAT is one for IPv6, too, towards addresses with its prefix (RFC 6146).
    pub is_nat64: bool,
    firewall: Firewall,
    inspection: Inspection,
}

/// What may go out at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    Everything,
    NoUdp,
    /// TCP to port 443.
    Port443,
    /// The same, and the first that the client says has to be a TLS handshake: or else the connection is reset.
    Tls443,
    /// TCP to port 443, from this host (a proxy) alone.
    Proxy(IpAddr),
}

/// What becomes of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub outward: Option<Packet>,
    pub inward: Option<Packet>,
}

impl Gateway {
    pub fn new(egress: Egress, nat: Option<Nat>) -> Self {
        Self {
            egress,
            nat,
            is_nat64: false,
            firewall: Firewall::default(),
            inspection: Inspection::default(),
        }
    }

    /// A packet from inside.
    pub fn outbound(&mut self, now: Instant, packet: Packet) -> Passed {
        let flow = packet.flow;
        let is_tcp_443 = flow.transport == Transport::Tcp && flow.destination.port() == 443;
        let passes = match self.egress {
            Egress::Everything => true,
            Egress::NoUdp => flow.transport == Transport::Tcp,
            Egress::Port443 => is_tcp_443,
            Egress::Tls443 => {
                if is_tcp_443 && !self.inspection.passes(&packet) {
                    return match packet.resets() {
                        Some([back, on]) => Passed { inward: Some(back), outward: self.translate(now, on) },
                        None => Passed::default(),
                    };
                }
                is_tcp_443
            }
            Egress::Proxy(proxy) => is_tcp_443 && flow.source.ip() == proxy,
        };
        if !passes {
            return Passed::default();
        }
        match &self.nat {
            Some(nat) if nat.external == flow.destination.ip() => {
                let inward = if nat.behaviors.hairpinning { self.hairpin(now, packet) } else { None };
                Passed { inward, outward: None }
            }
            _ => Passed { inward: None, outward: self.translate(now, packet) },
        }
    }

    /// A packet from outside, as it goes on inside.
    pub fn inbound(&self, now: Instant, mut packet: Packet) -> Option<Packet> {
        let Flow { transport, source, destination } = packet.flow;
        match &self.nat {
            Some(nat) if nat.external == destination.ip() => {
                let internal = nat.inbound(now, transport, destination.port(), source)?;
                packet.flow.destination = internal;
                if let (IpAddr::V4(address), true) = (source.ip(), internal.is_ipv6()) {
                    packet.flow.source = SocketAddr::new(embedded(address).into(), source.port());
                }
                Some(packet)
            }
            _ => self.firewall.lets_in(now, packet.flow).then_some(packet),
        }
    }

    /// RFC 4787 REQ-9: with the external address and port as its source.
    fn hairpin(&mut self, now: Instant, packet: Packet) -> Option<Packet> {
        let translated = self.translate(now, packet)?;
        self.inbound(now, translated)
    }

    fn translate(&mut self, now: Instant, mut packet: Packet) -> Option<Packet> {
        let Flow { transport, source, destination } = packet.flow;
        let remote = match destination.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(address) => extracted(address).filter(|_| self.is_nat64),
        };
        match (&mut self.nat, remote) {
            (Some(nat), Some(remote)) => {
                let remote = SocketAddr::new(remote.into(), destination.port());
                packet.flow.source = nat.outbound(now, transport, source, remote)?;
                packet.flow.destination = remote;
            }
            _ => self.firewall.note(now, packet.flow),
        }
        Some(packet)
    }

    /// As after it was started again.
    pub fn forget(&mut self) {
        self.nat.iter_mut().for_each(Nat::forget);
        self.firewall = Firewall::default();
    }
}

/// Lets in what answers something (RFC 6092): by address and port.
#[derive(Debug, Default)]
struct Firewall {
    /// When something last went out.
    flows: HashMap<Flow, Instant>,
}

impl Firewall {
    const LIFETIME: Duration = Duration::from_secs(120);

    fn note(&mut self, now: Instant, flow: Flow) {
        self.flows.insert(flow, now);
    }

    fn lets_in(&self, now: Instant, flow: Flow) -> bool {
        let since = self.flows.get(&flow.reversed());
        since.is_some_and(|since| now.saturating_duration_since(*since) <= Self::LIFETIME)
    }
}

/// Looks into the first bytes of a TCP connection.
#[derive(Debug, Default)]
struct Inspection {
    /// The connections in which the client has said something, and whether that was TLS.
    seen: HashMap<Flow, bool>,
}

impl Inspection {
    fn passes(&mut self, packet: &Packet) -> bool {
        let payload = packet.payload();
        match self.seen.get(&packet.flow) {
            Some(passes) => *passes,
            None if payload.is_empty() => true,
            None => {
                let passes = is_tls_handshake(payload);
                self.seen.insert(packet.flow, passes);
                passes
            }
        }
    }
}

/// A record of type `handshake` (RFC 8446 §5.1), with a `ClientHello` (§4) in it.
fn is_tls_handshake(payload: &[u8]) -> bool {
    matches!(payload, [22, 3, _, _, _, 1, ..])
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::nat::{Behavior, Behaviors, PortAssignment};

    const CLIENT_HELLO: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 252];
    const HOST: &str = "10.0.1.2:5000";
    const SERVER: &str = "198.51.100.10:443";

    fn packet(transport: Transport, source: &str, destination: &str, payload: &[u8]) -> Packet {
        let make = if transport == Transport::Udp { Packet::udp } else { Packet::tcp };
        make(source.parse().unwrap(), destination.parse().unwrap(), payload)
    }

    fn nat(hairpinning: bool) -> Nat {
        let behaviors = Behaviors {
            mapping: Behavior::EndpointIndependent,
            filtering: Behavior::AddressAndPortDependent,
            ports: PortAssignment::Preservation,
            hairpinning,
        };
        Nat::new("203.0.113.1".parse().unwrap(), behaviors, StdRng::seed_from_u64(1))
    }

    fn gets_out(egress: Egress, packet: Packet) -> bool {
        Gateway::new(egress, Some(nat(false))).outbound(Instant::now(), packet).outward.is_some()
    }

    #[test]
    fn nothing_goes_out_but_what_may() {
        let to = |transport, source, port| {
            packet(transport, &format!("{source}:5000"), &format!("198.51.100.10:{port}"), b"hello")
        };
        let proxy = "10.0.1.3".parse().unwrap();
        for (egress, udp, tcp, tcp_443, from_proxy) in [
            (Egress::Everything, true, true, true, true),
            (Egress::NoUdp, false, true, true, true),
            (Egress::Port443, false, false, true, true),
            (Egress::Proxy(proxy), false, false, false, true),
        ] {
            assert_eq!(gets_out(egress, to(Transport::Udp, "10.0.1.2", 443)), udp, "{egress:?}");
            assert_eq!(gets_out(egress, to(Transport::Tcp, "10.0.1.2", 3478)), tcp, "{egress:?}");
            assert_eq!(gets_out(egress, to(Transport::Tcp, "10.0.1.2", 443)), tcp_443, "{egress:?}");
            assert_eq!(gets_out(egress, to(Transport::Tcp, "10.0.1.3", 443)), from_proxy, "{egress:?}");
        }
    }

    #[test]
    fn inspection_resets_what_does_not_begin_as_tls() {
        let now = Instant::now();
        let mut gateway = Gateway::new(Egress::Tls443, Some(nat(false)));
        let say = |payload| packet(Transport::Tcp, HOST, SERVER, payload);
        assert!(gateway.outbound(now, say(b"")).outward.is_some(), "SYN");
        let passed = gateway.outbound(now, say(b"GET / HTTP/1.1"));
        assert_eq!(passed.inward.unwrap().flow, say(b"").flow.reversed());
        assert!(passed.outward.unwrap().payload().is_empty());
        assert!(gateway.outbound(now, say(CLIENT_HELLO)).inward.is_some(), "it is too late");

        let mut gateway = Gateway::new(Egress::Tls443, Some(nat(false)));
        for payload in [CLIENT_HELLO, b"whatever comes then"] {
            let passed = gateway.outbound(now, say(payload));
            assert_eq!(passed.inward, None);
            assert_eq!(passed.outward.unwrap().payload(), payload);
        }
        assert_eq!(gateway.outbound(now, packet(Transport::Udp, HOST, SERVER, b"hello")), Passed::default());
        assert_eq!(
            gateway.outbound(now, packet(Transport::Tcp, HOST, "198.51.100.10:80", b"")),
            Passed::default()
        );
    }

    #[test]
    fn a_firewall_lets_in_what_answers() {
        let now = Instant::now();
        for (inside, outside) in
            [("203.0.113.1:1", "198.51.100.10:2"), ("[2001:db8:1::2]:1", "[2001:db8::10]:2")]
        {
            let mut gateway = Gateway::new(Egress::Everything, None);
            let inward = packet(Transport::Udp, outside, inside, b"hello");
            assert_eq!(gateway.inbound(now, inward.clone()), None);
            let outward = packet(Transport::Udp, inside, outside, b"hello");
            assert_eq!(gateway.outbound(now, outward.clone()).outward, Some(outward));
            assert_eq!(gateway.inbound(now, inward.clone()), Some(inward.clone()));
            assert_eq!(gateway.inbound(now + Duration::from_secs(121), inward), None);
        }
    }

    /// RFC 4787 REQ-9: hairpinned packets have external addresses on both sides.
    #[test]
    fn hairpinning() {
        let now = Instant::now();
        for hairpinning in [true, false] {
            let mut gateway = Gateway::new(Egress::Everything, Some(nat(hairpinning)));
            for host in [HOST, "10.0.1.3:6000"] {
                gateway.outbound(now, packet(Transport::Udp, host, "198.51.100.10:3478", b""));
            }
            let send =
                |source, port| packet(Transport::Udp, source, &format!("203.0.113.1:{port}"), b"hello");
            assert_eq!(gateway.outbound(now, send(HOST, 6000)), Passed::default(), "filtered");
            let passed = gateway.outbound(now, send("10.0.1.3:6000", 5000));
            assert_eq!(passed.outward, None);
            let expected = packet(Transport::Udp, "203.0.113.1:6000", HOST, b"hello");
            assert_eq!(passed.inward, hairpinning.then_some(expected));
        }
    }

    #[test]
    fn nat64_reaches_ipv4_and_leaves_ipv6_alone() {
        let now = Instant::now();
        let mut gateway = Gateway::new(Egress::Everything, Some(nat(false)));
        gateway.is_nat64 = true;
        let out = packet(Transport::Udp, "[2001:db8:1::2]:7", "[64:ff9b::198.51.100.10]:9", b"hello");
        let sent = gateway.outbound(now, out.clone()).outward.unwrap();
        assert_eq!(sent, packet(Transport::Udp, "203.0.113.1:1024", "198.51.100.10:9", b"hello"));
        let answer = packet(Transport::Udp, "198.51.100.10:9", "203.0.113.1:1024", b"hello");
        assert_eq!(gateway.inbound(now, answer).unwrap().flow, out.flow.reversed());
        let native = packet(Transport::Udp, "[2001:db8:1::2]:7", "[2001:db8::10]:9", b"hello");
        assert_eq!(gateway.outbound(now, native.clone()).outward, Some(native));
    }
}
