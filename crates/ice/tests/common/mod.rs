//! Agents in a network of virtual time: NATs, loss, firewalls, a STUN and TURN server, and signaling between them.
#![allow(dead_code, clippy::disallowed_methods)]

mod nat;
mod tcp;
mod turn_node;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_ice::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[allow(unused_imports)]
pub use nat::Behaviour;
pub use nat::Nat;
pub use tcp::TcpEnd;
#[allow(unused_imports)]
pub use turn_node::{LISTENER, OTHER_LISTENER, SECOND_LISTENER, SERVER_IP, TurnNode};

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[derive(Debug, Clone)]
pub struct Packet {
    pub transport: Transport,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
enum Arrival {
    Packet(Packet),
    Signal { to: usize, signal: Signal },
}

#[derive(Debug, Clone)]
enum Signal {
    Parameters(RemoteParameters),
    Candidate(Candidate),
    EndOfCandidates,
}

/// The prefix of every translator.
pub fn nat64() -> Nat64Prefix {
    Nat64Prefix::find(["64:ff9b::192.0.0.170".parse().unwrap()]).unwrap()
}

/// What an address behind a translator stands for.
fn nat64_destination(address: SocketAddr) -> Option<SocketAddr> {
    let IpAddr::V6(ip) = address.ip() else { return None };
    let [.., a, b, c, d] = ip.octets();
    nat64().contains(ip).then(|| SocketAddr::new(IpAddr::from([a, b, c, d]), address.port()))
}

/// One agent and its machine.
pub struct Peer {
    pub agent: Agent,
    pub addresses: Vec<SocketAddr>,
    pub nat: Option<usize>,
    pub events: Vec<(Instant, Event)>,
    pub received: Vec<Vec<u8>>,
    /// What came within checks, and what the layer above has to say to each.
    pub embedded: Vec<Vec<u8>>,
    pub replies: VecDeque<Vec<Box<[u8]>>>,
    /// Names of the host behind them, for the other side's multicast DNS.
    pub names: BTreeMap<IpAddr, String>,
    pub other: Option<usize>,
    /// Signaling waits until this side has all its candidates.
    pub half_trickle: bool,
    /// Nothing passes to and from these addresses.
    pub cut: BTreeSet<IpAddr>,
    pub udp_blocked: bool,
    pub lite: bool,
    pub relay_ports: BTreeMap<RelayId, SocketAddr>,
    /// It has TCP candidates: active ones, and passive ones at these addresses.
    pub tcp: bool,
    pub tcp_listens: Vec<SocketAddr>,
    pub tcp_ends: BTreeMap<TcpConnectionId, TcpEnd>,
    /// The owner grants no search of many ports.
    pub refuses_search: bool,
    /// Those that were opened for it.
    pub search_sockets: BTreeSet<SocketAddr>,
    next_port: u16,
    pub requests_sent: usize,
    /// When datagrams were sent, and to where.
    pub sent: Vec<(Instant, SocketAddr)>,
}

impl Peer {
    pub fn states(&self) -> Vec<State> {
        let states = self.events.iter().filter_map(|(_, event)| match event {
            Event::StateChanged(state) => Some(*state),
            _ => None,
        });
        states.collect()
    }

    pub fn candidates(&self) -> Vec<Candidate> {
        let told = self.events.iter().filter_map(|(_, event)| match event {
            Event::LocalCandidate(candidate) => Some(candidate.clone()),
            _ => None,
        });
        told.collect()
    }

    pub fn route(&self) -> Option<Route> {
        self.agent.selected_route()
    }
}

pub struct World {
    pub start: Instant,
    pub now: Instant,
    pub random: StdRng,
    pub peers: Vec<Peer>,
    pub nats: Vec<Nat>,
    pub turn: TurnNode,
    pub other_turn: TurnNode,
    /// One way.
    pub delay: Duration,
    pub jitter: Duration,
    pub loss: f64,
    pub duplication: f64,
    pub signaling_delay: Duration,
    /// Nothing is delivered between these.
    pub blackholes: BTreeSet<(IpAddr, IpAddr)>,
    /// What comes from these gets no further.
    pub dead_ends: BTreeSet<IpAddr>,
    arrivals: BTreeMap<u64, Arrival>,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    sequence: u64,
    pub delivered: usize,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let start = Instant::now();
        let mut random = StdRng::seed_from_u64(seed);
        Self {
            start,
            now: start,
            turn: TurnNode::new(start, LISTENER, &mut random),
            other_turn: TurnNode::new(start, OTHER_LISTENER, &mut random),
            random,
            peers: Vec::new(),
            nats: Vec::new(),
            delay: ms(50),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            signaling_delay: ms(0),
            blackholes: BTreeSet::new(),
            dead_ends: BTreeSet::new(),
            arrivals: BTreeMap::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
            delivered: 0,
        }
    }

    pub fn peer(&mut self, config: Config, addresses: &[&str], nat: Option<Nat>) -> usize {
        let random = StdRng::from_seed(self.random.random());
        let nat = nat.map(|nat| {
            self.nats.push(nat);
            self.nats.len() - 1
        });
        self.peers.push(Peer {
            agent: Agent::new(config, random),
            addresses: addresses.iter().map(|text| address(text)).collect(),
            nat,
            events: Vec::new(),
            received: Vec::new(),
            embedded: Vec::new(),
            replies: VecDeque::new(),
            names: BTreeMap::new(),
            other: None,
            half_trickle: false,
            cut: BTreeSet::new(),
            udp_blocked: false,
            lite: false,
            relay_ports: BTreeMap::new(),
            tcp: false,
            tcp_listens: Vec::new(),
            tcp_ends: BTreeMap::new(),
            refuses_search: false,
            search_sockets: BTreeSet::new(),
            next_port: 20_000,
            requests_sent: 0,
            sent: Vec::new(),
        });
        self.peers.len() - 1
    }

    /// A controlling and a controlled agent with one address each and nothing between them.
    pub fn two(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.peer(Config::default(), &["192.0.2.1:5000"], None);
        world.peer(controlled(), &["198.51.100.1:6000"], None);
        world
    }

    pub fn stun_server(&mut self, peer: usize) -> ServerId {
        let now = self.now;
        self.peers[peer].agent.add_server(now, Server::Stun { address: LISTENER })
    }

    pub fn turn_server(&mut self, peer: usize, transport: Transport) -> ServerId {
        self.turn_server_at(LISTENER, peer, transport)
    }

    pub fn turn_server_at(&mut self, address: SocketAddr, peer: usize, transport: Transport) -> ServerId {
        let (now, credential) = (self.now, self.turn.credential("alice"));
        let server = Server::Turn { address, transport, credential };
        self.peers[peer].agent.add_server(now, server)
    }

    /// Both sides gather, and tell each other what they are.
    pub fn connect(&mut self, a: usize, b: usize) {
        self.peers[a].other = Some(b);
        self.peers[b].other = Some(a);
        for peer in [a, b] {
            self.gather(peer);
        }
        self.exchange_parameters(a, b);
        for peer in [a, b] {
            self.drain(peer);
        }
    }

    pub fn exchange_parameters(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            let credentials = self.peers[from].agent.local_credentials().clone();
            let parameters = RemoteParameters { credentials, lite: self.peers[from].lite };
            self.signal(to, Signal::Parameters(parameters));
        }
    }

    pub fn gather(&mut self, peer: usize) {
        let now = self.now;
        let Peer { agent, addresses, tcp, tcp_listens, .. } = &mut self.peers[peer];
        for address in addresses.iter() {
            agent.add_local_address(now, *address);
            if *tcp {
                agent.add_tcp_address(now, *address, TcpType::Active);
            }
        }
        for address in tcp_listens.iter() {
            agent.add_tcp_address(now, *address, TcpType::Passive);
        }
        agent.gather(now);
        agent.sources_complete(now);
        self.drain(peer);
    }

    /// An agent restarts, and tells nobody yet.
    pub fn restart(&mut self, peer: usize) {
        let (now, other) = (self.now, self.peers[peer].other.take());
        self.peers[peer].agent.restart(now);
        self.drain(peer);
        self.peers[peer].other = other;
    }

    /// Both sides' descriptions after a restart, with the candidates so far.
    pub fn exchange_descriptions(&mut self, a: usize, b: usize) {
        self.exchange_parameters(a, b);
        for (from, to) in [(a, b), (b, a)] {
            for candidate in self.peers[from].agent.local_candidates().collect::<Vec<_>>() {
                self.signal(to, Signal::Candidate(candidate));
            }
            if self.peers[from].agent.gathering_state() == GatheringState::Complete {
                self.signal(to, Signal::EndOfCandidates);
            }
        }
    }

    fn signal(&mut self, to: usize, signal: Signal) {
        let at = self.now + self.signaling_delay;
        self.enqueue(at, Arrival::Signal { to, signal });
    }

    fn enqueue(&mut self, at: Instant, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert(self.sequence, arrival);
        self.queue.push(Reverse((at, self.sequence)));
    }

    /// A machine, or the server, sends a packet.
    pub fn send(&mut self, packet: Packet) {
        if packet.transport == Transport::Udp {
            if self.random.random_bool(self.loss) {
                return;
            }
            if self.random.random_bool(self.duplication) {
                self.travel(packet.clone());
            }
        }
        self.travel(packet);
    }

    fn travel(&mut self, packet: Packet) {
        let jitter = self.jitter.mul_f64(self.random.random::<f64>());
        // A stream keeps its order.
        let jitter = if packet.transport == Transport::Udp { jitter } else { Duration::ZERO };
        self.enqueue(self.now + self.delay + jitter, Arrival::Packet(packet));
    }

    fn owner(&self, address: SocketAddr) -> Option<usize> {
        self.peers.iter().position(|peer| {
            peer.addresses.contains(&address)
                || peer.search_sockets.contains(&address)
                || peer.relay_ports.values().any(|own| *own == address)
                || peer.tcp_ends.values().any(|end| end.own == address)
        })
    }

    fn send_from(&mut self, peer: usize, mut packet: Packet) {
        let from = &self.peers[peer];
        let blocked = from.udp_blocked && packet.transport == Transport::Udp;
        if blocked || from.cut.contains(&packet.source.ip()) {
            return;
        }
        if let (Some(nat), Some(there)) = (from.nat, nat64_destination(packet.destination)) {
            packet.source = self.nats[nat].outbound(self.now, packet.transport, packet.source, there);
            packet.destination = there;
            return self.send(packet);
        }
        // Neighbours behind the same NAT reach each other directly.
        let neighbour = self.owner(packet.destination).is_some_and(|other| self.peers[other].nat == from.nat);
        if let Some(nat) = from.nat.filter(|_| !neighbour && is_private(packet.source.ip())) {
            if is_private(packet.destination.ip()) {
                return;
            }
            packet.source =
                self.nats[nat].outbound(self.now, packet.transport, packet.source, packet.destination);
        }
        self.send(packet);
    }

    fn deliver(&mut self, mut packet: Packet) {
        self.delivered += 1;
        let (source, destination) = (packet.source.ip(), packet.destination.ip());
        if self.blackholes.contains(&(source, destination))
            || self.blackholes.contains(&(destination, source))
            || self.dead_ends.contains(&source)
        {
            return;
        }
        let mut turns = [&mut self.turn, &mut self.other_turn];
        if let Some(turn) = turns.iter_mut().find(|turn| turn.listener.ip() == destination) {
            for packet in turn.handle(self.now, packet) {
                self.send(packet);
            }
            return;
        }
        if let Some(nat) = self.nats.iter_mut().position(|nat| nat.public == destination) {
            let Some(inside) =
                self.nats[nat].inbound(self.now, packet.transport, packet.source, packet.destination)
            else {
                return;
            };
            packet.destination = inside;
            if inside.is_ipv6() {
                packet.source = nat64().translate(packet.source).unwrap();
            }
        }
        let Some(to) = self.owner(packet.destination) else {
            return;
        };
        let peer = &mut self.peers[to];
        let blocked = peer.udp_blocked && packet.transport == Transport::Udp;
        if blocked || peer.cut.contains(&packet.destination.ip()) {
            return;
        }
        let is_between_peers =
            packet.transport == Transport::Tcp && ![SERVER_IP, OTHER_LISTENER.ip()].contains(&source);
        if is_between_peers && !self.take_segment(to, &packet) {
            return;
        }
        let peer = &mut self.peers[to];
        let Packet { transport, source, destination, bytes } = packet;
        match peer.agent.handle_input(self.now, transport, destination, source, &bytes) {
            Received::Data { payload, .. } => peer.received.push(payload.to_vec()),
            Received::Embedded { payload } => {
                peer.embedded.push(payload.to_vec());
                peer.agent.embed(self.now, peer.replies.pop_front().unwrap_or_default());
            }
            Received::Handled | Received::Ignored => {}
        }
        self.drain(to);
    }

    /// Sends a datagram of the layer above over the selected route.
    pub fn send_data(&mut self, peer: usize, payload: &[u8]) {
        let route = self.peers[peer].route().expect("a route");
        let mut bytes = payload.to_vec();
        if let Some(header) = route.header(payload.len()) {
            bytes = [header.as_bytes(), payload, &[0; 3][..header.padding()]].concat();
        }
        let now = self.now;
        self.peers[peer].agent.count_sent(now, route.pair, 1, payload.len() as u64);
        let Route { transport, local, remote, .. } = route;
        self.send_from(peer, Packet { transport, source: local, destination: remote, bytes });
    }

    pub fn drain(&mut self, index: usize) {
        let mut buffer = [0; 2300];
        loop {
            let now = self.now;
            let peer = &mut self.peers[index];
            if let Some(transmit) = peer.agent.poll_transmit(&mut buffer) {
                let Transmit { transport, local, remote, length } = transmit;
                let bytes = buffer[..length].to_vec();
                assert!(transport != Transport::Udp || length < 1200);
                peer.requests_sent += 1;
                if transport == Transport::Udp {
                    peer.sent.push((now, remote));
                }
                self.send_from(index, Packet { transport, source: local, destination: remote, bytes });
                continue;
            }
            let Some(event) = peer.agent.poll_event() else {
                break;
            };
            peer.events.push((now, event.clone()));
            self.handle_event(index, event);
        }
    }

    fn handle_event(&mut self, index: usize, event: Event) {
        let now = self.now;
        let peer = &mut self.peers[index];
        match event {
            Event::LocalCandidate(mut candidate) if !peer.half_trickle => {
                if let Some(name) = candidate.address.ip().and_then(|ip| peer.names.get(&ip)) {
                    candidate.address = peerline_sdp::Address::Name(name.clone());
                }
                if let Some(other) = peer.other {
                    self.signal(other, Signal::Candidate(candidate));
                }
            }
            Event::GatheringStateChanged(GatheringState::Complete) => {
                if let Some(other) = peer.other {
                    if std::mem::take(&mut peer.half_trickle) {
                        for candidate in peer.agent.local_candidates().collect::<Vec<_>>() {
                            self.signal(other, Signal::Candidate(candidate));
                        }
                    }
                    self.signal(other, Signal::EndOfCandidates);
                }
            }
            Event::OpenRelay { relay, transport, local, .. } => {
                if transport == Transport::Udp && peer.udp_blocked {
                    peer.agent.relay_closed(now, relay);
                } else {
                    peer.next_port += 1;
                    let own = SocketAddr::new(local.ip(), peer.next_port);
                    peer.relay_ports.insert(relay, own);
                    peer.agent.relay_opened(now, relay, own);
                }
            }
            Event::CloseRelay(relay) => {
                peer.relay_ports.remove(&relay);
            }
            Event::OpenTcp { connection, local, remote } => self.open_tcp(index, connection, local, remote),
            Event::PortSearchWanted { remote } if !peer.refuses_search => {
                peer.agent.grant_port_search(now, remote);
            }
            Event::OpenSocket { local } => {
                peer.next_port += 1;
                let own = SocketAddr::new(local, peer.next_port);
                peer.search_sockets.insert(own);
                peer.agent.socket_opened(now, own);
            }
            Event::CloseSocket(local) => assert!(peer.search_sockets.remove(&local), "closed once"),
            Event::CloseTcp(connection) => self.close_tcp(index, connection),
            Event::ResolveName(name) => {
                let other = peer.other.expect("somebody told the name");
                let named = self.peers[other].names.iter().find(|(_, known)| **known == name);
                let addresses: Vec<_> = named.map(|(ip, _)| *ip).into_iter().collect();
                self.peers[index].agent.resolved(now, &name, &addresses);
            }
            _ => {}
        }
    }

    fn handle_signal(&mut self, to: usize, signal: Signal) {
        let now = self.now;
        let agent = &mut self.peers[to].agent;
        match signal {
            Signal::Parameters(parameters) => agent.set_remote(now, parameters),
            Signal::Candidate(candidate) => {
                let _ = agent.add_remote_candidate(now, &candidate);
            }
            Signal::EndOfCandidates => agent.end_of_remote_candidates(now),
        }
        self.drain(to);
    }

    /// The next thing happens. Says when there is nothing left.
    pub fn step(&mut self, until: Instant) -> bool {
        let arrival = self.queue.peek().map(|Reverse((at, _))| *at);
        let timers = self.peers.iter().filter_map(|peer| peer.agent.poll_timeout());
        let turns = [&self.turn, &self.other_turn].into_iter().filter_map(|turn| turn.poll_timeout());
        let next = timers.chain(arrival).chain(turns).min().filter(|next| *next <= until);
        let Some(next) = next else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(next);
        if arrival.is_some_and(|at| at <= self.now)
            && let Some(Reverse((_, id))) = self.queue.pop()
        {
            match self.arrivals.remove(&id) {
                Some(Arrival::Packet(packet)) => self.deliver(packet),
                Some(Arrival::Signal { to, signal }) => self.handle_signal(to, signal),
                None => {}
            }
            return true;
        }
        self.turn.handle_timeout(self.now);
        self.other_turn.handle_timeout(self.now);
        for peer in 0..self.peers.len() {
            if self.peers[peer].agent.poll_timeout().is_some_and(|at| at <= self.now) {
                let now = self.now;
                self.peers[peer].agent.handle_timeout(now);
                self.drain(peer);
            }
        }
        true
    }

    /// Runs until `done`, and says how long it took; `None` when it didn't come to that within `limit`.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> Option<Duration> {
        let begin = self.now;
        let until = begin + limit;
        let mut at_once = (self.now, 0);
        while !done(self) {
            if !self.step(until) {
                return done(self).then(|| self.now - begin);
            }
            at_once = if at_once.0 == self.now { (self.now, at_once.1 + 1) } else { (self.now, 0) };
            assert!(at_once.1 < 5000, "time stands still");
        }
        Some(self.now - begin)
    }

    pub fn run_for(&mut self, time: Duration) {
        assert_eq!(self.run_until(time, |_| false), None);
    }

    pub fn both(&self, condition: impl Fn(&Peer) -> bool) -> bool {
        self.peers[..2].iter().all(condition)
    }

    pub fn both_routed(&self) -> bool {
        self.both(|peer| peer.route().is_some())
    }

    pub fn both_in(&self, state: State) -> bool {
        self.both(|peer| peer.agent.state() == state)
    }

    /// Data passes both ways.
    pub fn assert_data_passes(&mut self) {
        for (from, to) in [(0, 1), (1, 0)] {
            let before = self.peers[to].received.len();
            // Long enough that padding shows.
            for length in [20, 21, 1000] {
                self.send_data(from, &vec![200; length]);
            }
            self.run_for(self.delay * 4 + self.jitter * 4);
            let mut received: Vec<_> = self.peers[to].received[before..].iter().map(Vec::len).collect();
            received.sort_unstable();
            assert_eq!(received, [20, 21, 1000], "from {from} to {to}");
        }
    }
}

pub fn controlled() -> Config {
    Config { role: Role::Controlled, ..Config::default() }
}

fn is_private(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.is_private())
}
