//! A NAT in the terms of RFC 4787.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use peerline_ice::Transport;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What a mapping, or its filter, depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
}

impl Behaviour {
    fn key(self, remote: SocketAddr) -> Option<SocketAddr> {
        match self {
            Self::EndpointIndependent => None,
            Self::AddressDependent => Some(SocketAddr::new(remote.ip(), 0)),
            Self::AddressAndPortDependent => Some(remote),
        }
    }
}

type Inside = (Transport, SocketAddr);

#[derive(Debug)]
pub struct Nat {
    pub public: IpAddr,
    pub mapping: Behaviour,
    pub filtering: Behaviour,
    ports: BTreeMap<(Inside, Option<SocketAddr>), u16>,
    insides: BTreeMap<u16, Inside>,
    permitted: Vec<(u16, Option<SocketAddr>)>,
    /// Ports that anybody may send to, for somebody inside has asked for it.
    forwarded: BTreeMap<u16, SocketAddr>,
    next: u16,
    /// Ports don't follow one another, but come from here.
    scattered: Option<StdRng>,
}

impl Nat {
    pub fn new(public: &str, mapping: Behaviour, filtering: Behaviour) -> Self {
        Self {
            public: public.parse().unwrap(),
            mapping,
            filtering,
            ports: BTreeMap::new(),
            insides: BTreeMap::new(),
            permitted: Vec::new(),
            forwarded: BTreeMap::new(),
            next: 30_000,
            scattered: None,
        }
    }

    /// What most homes have.
    pub fn home(public: &str) -> Self {
        Self::new(public, Behaviour::EndpointIndependent, Behaviour::AddressAndPortDependent)
    }

    pub fn symmetric(public: &str) -> Self {
        Self::new(public, Behaviour::AddressAndPortDependent, Behaviour::AddressAndPortDependent)
    }

    /// The same, with ports that don't follow one another.
    pub fn scattering(public: &str) -> Self {
        Self { scattered: Some(StdRng::seed_from_u64(1)), ..Self::symmetric(public) }
    }

    /// Makes a port mapping, as PCP does: gives its address outside.
    pub fn forward(&mut self, inside: SocketAddr) -> SocketAddr {
        let port = 4000;
        self.forwarded.insert(port, inside);
        SocketAddr::new(self.public, port)
    }

    /// Its mappings for UDP are gone; streams live on, or the owner would see them end.
    pub fn forget(&mut self) {
        self.ports.retain(|((transport, _), _), _| transport.is_stream());
        self.insides.retain(|_, (transport, _)| transport.is_stream());
        self.permitted.retain(|(port, _)| self.insides.contains_key(port));
        self.next += 1000;
    }

    /// The mappings of one socket are gone.
    pub fn forget_socket(&mut self, socket: SocketAddr) {
        self.ports.retain(|((_, inside), _), _| *inside != socket);
        self.insides.retain(|_, (_, inside)| *inside != socket);
        self.permitted.retain(|(port, _)| self.insides.contains_key(port));
    }

    pub fn outbound(
        &mut self,
        _now: Instant,
        transport: Transport,
        inside: SocketAddr,
        remote: SocketAddr,
    ) -> SocketAddr {
        let key = ((transport, inside), self.mapping.key(remote));
        let port = match self.ports.get(&key) {
            Some(port) => *port,
            None => {
                self.next += 1;
                if let Some(random) = &mut self.scattered {
                    let mut ports = std::iter::repeat_with(|| random.random_range(1024..=u16::MAX));
                    self.next = ports.find(|port| !self.insides.contains_key(port)).unwrap();
                }
                self.ports.insert(key, self.next);
                self.insides.insert(self.next, (transport, inside));
                self.next
            }
        };
        let permitted = (port, self.filtering.key(remote));
        if !self.permitted.contains(&permitted) {
            self.permitted.push(permitted);
        }
        SocketAddr::new(self.public, port)
    }

    pub fn inbound(
        &mut self,
        _now: Instant,
        transport: Transport,
        remote: SocketAddr,
        outside: SocketAddr,
    ) -> Option<SocketAddr> {
        if let Some(inside) = self.forwarded.get(&outside.port()).filter(|_| transport == Transport::Udp) {
            // What is answered goes out where it came in.
            self.ports.insert(((transport, *inside), self.mapping.key(remote)), outside.port());
            return Some(*inside);
        }
        let (over, inside) = *self.insides.get(&outside.port())?;
        let permitted = (outside.port(), self.filtering.key(remote));
        (over == transport && self.permitted.contains(&permitted)).then_some(inside)
    }
}
