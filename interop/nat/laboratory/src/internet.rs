//! Networks, the gateways between them, and the hosts in them: which way a packet takes.
//!
//! Without sockets and clock, as the protocols' machines are: packets go in by [`Internet::handle_input`], time by
//! [`Internet::handle_timeout`], and what reaches a host comes out of [`Internet::poll_transmit`].

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::gateway::Gateway;
use crate::link::{Link, Quality};
use crate::packet::Packet;

/// A host or a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkId(usize);

#[derive(Debug)]
pub struct Internet {
    nodes: Vec<Node>,
    networks: Vec<Network>,
    moving: BinaryHeap<Moving>,
    sent: u64,
    arrived: VecDeque<(NodeId, Packet)>,
    random: StdRng,
}

#[derive(Debug)]
struct Node {
    /// The network that it is in; a gateway is in the one outside of it.
    network: NetworkId,
    to_network: Link,
    from_network: Link,
    /// A gateway, and the network inside of it.
    gateway: Option<(Gateway, NetworkId)>,
}

#[derive(Debug, Default)]
struct Network {
    nodes: HashMap<IpAddr, NodeId>,
    /// Where all other addresses are.
    gateway: Option<NodeId>,
}

/// A packet on a link.
#[derive(Debug)]
struct Moving {
    arrives: Instant,
    /// Packets that arrive at the same time keep their order.
    number: u64,
    to: Place,
    packet: Packet,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Network(NetworkId),
    Node(NodeId),
}

impl Internet {
    /// The network that all others are reached through.
    pub const CORE: NetworkId = NetworkId(0);

    pub fn new(seed: u64) -> Self {
        Self {
            nodes: Vec::new(),
            networks: vec![Network::default()],
            moving: BinaryHeap::new(),
            sent: 0,
            arrived: VecDeque::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub fn random(&mut self) -> StdRng {
        StdRng::seed_from_u64(self.random.random())
    }

    pub fn host(&mut self, network: NetworkId, addresses: impl IntoIterator<Item = IpAddr>) -> NodeId {
        let host = self.node(network, None);
        for address in addresses {
            self.route(network, address, host);
        }
        host
    }

    /// A gateway, and the network inside of it. Its external address leads to it.
    pub fn gateway(&mut self, outside: NetworkId, gateway: Gateway) -> (NodeId, NetworkId) {
        let inside = NetworkId(self.networks.len());
        let external = gateway.nat.as_ref().map(|nat| nat.external);
        let node = self.node(outside, Some((gateway, inside)));
        self.networks.push(Network { gateway: Some(node), ..Network::default() });
        if let Some(external) = external {
            self.route(outside, external, node);
        }
        (node, inside)
    }

    fn node(&mut self, network: NetworkId, gateway: Option<(Gateway, NetworkId)>) -> NodeId {
        let [to_network, from_network] = [self.random(), self.random()].map(Link::new);
        self.nodes.push(Node { network, to_network, from_network, gateway });
        NodeId(self.nodes.len() - 1)
    }

    /// In this network, an address leads to a node.
    pub fn route(&mut self, network: NetworkId, address: IpAddr, node: NodeId) {
        if let Some(network) = self.networks.get_mut(network.0) {
            network.nodes.insert(address, node);
        }
    }

    pub fn set_quality(&mut self, node: NodeId, quality: Quality) {
        for link in self.links(node) {
            link.quality = quality;
        }
    }

    pub fn set_up(&mut self, node: NodeId, is_up: bool) {
        for link in self.links(node) {
            link.is_up = is_up;
        }
    }

    fn links(&mut self, node: NodeId) -> impl Iterator<Item = &mut Link> {
        let node = self.nodes.get_mut(node.0);
        node.into_iter().flat_map(|node| [&mut node.to_network, &mut node.from_network])
    }

    /// Gives a gateway another external address; what was mapped to the old one is gone.
    pub fn readdress(&mut self, node: NodeId, external: IpAddr) {
        if let Some(Node { network, gateway: Some((gateway, _)), .. }) = self.nodes.get_mut(node.0)
            && let Some(nat) = &mut gateway.nat
        {
            let (network, before) = (*network, std::mem::replace(&mut nat.external, external));
            gateway.forget();
            if let Some(network) = self.networks.get_mut(network.0) {
                network.nodes.remove(&before);
            }
            self.route(network, external, node);
        }
    }

    /// A gateway is as after it was started again.
    pub fn forget(&mut self, node: NodeId) {
        if let Some(Node { gateway: Some((gateway, _)), .. }) = self.nodes.get_mut(node.0) {
            gateway.forget();
        }
    }

    /// A host sends a packet.
    pub fn handle_input(&mut self, now: Instant, host: NodeId, packet: Packet) {
        self.leave(now, host, packet);
        self.handle_timeout(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            if let Some(Moving { arrives, to, packet, .. }) = self.moving.pop() {
                match to {
                    Place::Network(network) => self.enter(arrives, network, packet),
                    Place::Node(node) => self.reach(arrives, node, packet),
                }
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.moving.peek().map(|moving| moving.arrives)
    }

    /// A packet that has reached a host.
    pub fn poll_transmit(&mut self) -> Option<(NodeId, Packet)> {
        self.arrived.pop_front()
    }

    fn leave(&mut self, now: Instant, node: NodeId, packet: Packet) {
        if let Some(Node { network, to_network, .. }) = self.nodes.get_mut(node.0)
            && let Some(arrives) = to_network.carry(now, packet.length())
        {
            let to = Place::Network(*network);
            self.send(arrives, to, packet);
        }
    }

    fn enter(&mut self, now: Instant, network: NetworkId, packet: Packet) {
        let Some(Network { nodes, gateway }) = self.networks.get(network.0) else { return };
        if let Some(node) = nodes.get(&packet.flow.destination.ip()).copied() {
            if let Some(Node { from_network, .. }) = self.nodes.get_mut(node.0)
                && let Some(arrives) = from_network.carry(now, packet.length())
            {
                self.send(arrives, Place::Node(node), packet);
            }
        } else if let Some(node) = *gateway
            && let Some(Node { gateway: Some((gateway, inside)), .. }) = self.nodes.get_mut(node.0)
        {
            let inside = *inside;
            let passed = gateway.outbound(now, packet);
            if let Some(packet) = passed.outward {
                self.leave(now, node, packet);
            }
            if let Some(packet) = passed.inward {
                self.send(now, Place::Network(inside), packet);
            }
        }
    }

    fn reach(&mut self, now: Instant, node: NodeId, packet: Packet) {
        match self.nodes.get(node.0).map(|node| &node.gateway) {
            Some(Some((gateway, inside))) => {
                let inside = *inside;
                if let Some(packet) = gateway.inbound(now, packet) {
                    self.send(now, Place::Network(inside), packet);
                }
            }
            Some(None) => self.arrived.push_back((node, packet)),
            None => {}
        }
    }

    fn send(&mut self, arrives: Instant, to: Place, packet: Packet) {
        self.sent += 1;
        self.moving.push(Moving { arrives, number: self.sent, to, packet });
    }
}

/// The heap's greatest is the one that arrives first.
impl Ord for Moving {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrives, other.number).cmp(&(self.arrives, self.number))
    }
}

impl PartialOrd for Moving {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Moving {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Moving {}
