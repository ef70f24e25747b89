//! Two relayed connections, and the server that relays them vanishes without a word: what is sent over a reliable channel arrives
//! whole and in order over the other server, after a gap.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../ice/tests/common/turn_node.rs"]
#[allow(dead_code)]
mod turn_node;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use common::{connection_with, start};
use peerline_connection::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use turn_node::{LISTENER, OTHER_LISTENER, TurnNode};

/// From a peer to a server, and from there to the other peer.
const DELAY: Duration = Duration::from_millis(20);
/// How long nothing may arrive.
const GAP: Duration = Duration::from_secs(3);
/// Between two messages.
const INTERVAL: Duration = Duration::from_millis(20);

/// A datagram, on its way.
#[derive(Debug, Clone)]
struct Packet {
    transport: Transport,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Vec<u8>,
}

struct Peer {
    connection: Connection,
    /// Its socket for each relay.
    sockets: BTreeMap<RelayId, SocketAddr>,
    is_open: bool,
    received: Vec<(Instant, u32)>,
}

struct World {
    now: Instant,
    peers: [Peer; 2],
    servers: [TurnNode; 2],
    flights: BinaryHeap<Reverse<(Instant, usize)>>,
    packets: Vec<Option<Packet>>,
    buffer: Vec<u8>,
}

impl World {
    fn new(seed: u64) -> Self {
        let now = start();
        let mut random = StdRng::seed_from_u64(seed);
        let servers = [LISTENER, OTHER_LISTENER].map(|listener| TurnNode::new(now, listener, &mut random));
        let mut index = 0;
        let peers = [(); 2].map(|()| {
            index += 1;
            let mut configuration =
                Configuration { ice_transport_policy: IceTransportPolicy::Relay, ..Configuration::default() };
            configuration.dtls.seed = Some(seed * 2 + index);
            let mut connection = connection_with(configuration, seed * 1000 + index);
            connection.add_local_address(now, format!("192.0.2.{index}:5000").parse().unwrap());
            for server in &servers {
                let credential = server.credential("alice");
                let (address, transport) = (server.listener, Transport::Udp);
                connection.add_server(now, Server::Turn { address, transport, credential });
            }
            connection.sources_complete(now);
            Peer { connection, sockets: BTreeMap::new(), is_open: false, received: Vec::new() }
        });
        let (flights, packets) = (BinaryHeap::new(), Vec::new());
        Self { now, peers, servers, flights, packets, buffer: vec![0; 65_536] }
    }

    fn negotiate(&mut self) {
        let now = self.now;
        let [one, two] = &mut self.peers;
        one.connection.set_local_description(now, None).unwrap();
        two.connection.set_remote_description(now, one.connection.local_description().unwrap()).unwrap();
        two.connection.set_local_description(now, None).unwrap();
        one.connection.set_remote_description(now, two.connection.local_description().unwrap()).unwrap();
        self.drain();
    }

    fn send(&mut self, packet: Packet) {
        self.flights.push(Reverse((self.now + DELAY, self.packets.len())));
        self.packets.push(Some(packet));
    }

    fn drain(&mut self) {
        // Twice, because a candidate that is told may give the other side something to do.
        for index in [0, 1, 0, 1] {
            while self.drain_one(index) {}
        }
    }

    /// Says whether there was something.
    fn drain_one(&mut self, index: usize) -> bool {
        let peer = &mut self.peers[index];
        if let Some(transmit) = peer.connection.poll_transmit(self.now, &mut self.buffer) {
            let bytes = self.buffer[..transmit.length].to_vec();
            let Transmit { transport, local: source, remote: destination, segment_size, .. } = transmit;
            for bytes in bytes.chunks(segment_size.unwrap_or(bytes.len())) {
                self.send(Packet { transport, source, destination, bytes: bytes.to_vec() });
            }
            return true;
        }
        let Some(event) = peer.connection.poll_event() else {
            return false;
        };
        match event {
            Event::OpenRelay { relay, local, .. } => {
                let port = 20_000 + u16::try_from(peer.sockets.len()).unwrap();
                let socket = SocketAddr::new(local.ip(), port);
                peer.sockets.insert(relay, socket);
                peer.connection.relay_opened(self.now, relay, socket);
            }
            Event::IceCandidate(candidate) => {
                // The other side may not have our description yet; then the description has the candidate.
                let _ = self.peers[1 - index].connection.add_ice_candidate(self.now, &candidate);
            }
            Event::DataChannelOpen(_) => peer.is_open = true,
            Event::DataChannelMessage { data, .. } => {
                let number = u32::from_be_bytes(data[..].try_into().unwrap());
                peer.received.push((self.now, number));
            }
            _ => {}
        }
        true
    }

    fn deliver(&mut self, packet: Packet) {
        if let Some(server) =
            self.servers.iter_mut().find(|server| server.listener.ip() == packet.destination.ip())
        {
            for packet in server.handle(self.now, packet) {
                self.send(packet);
            }
            return;
        }
        let owns = |peer: &&mut Peer| peer.sockets.values().any(|socket| *socket == packet.destination);
        if let Some(peer) = self.peers.iter_mut().find(owns) {
            let Packet { transport, source, destination, mut bytes } = packet;
            let (local, remote) = (destination, source);
            peer.connection
                .handle_input(self.now, Datagram { transport, local, remote, payload: &mut bytes });
        }
    }

    /// Lets time pass until `until`.
    fn run(&mut self, until: Instant) {
        loop {
            let arrival = self.flights.peek().map(|Reverse((at, _))| *at);
            let timeouts = self.peers.iter().filter_map(|peer| peer.connection.poll_timeout());
            let servers = self.servers.iter().filter_map(TurnNode::poll_timeout);
            let next = timeouts.chain(servers).chain(arrival).min().filter(|next| *next <= until);
            let Some(next) = next else {
                self.now = until;
                return;
            };
            self.now = next.max(self.now);
            while let Some(Reverse((at, number))) = self.flights.peek().copied() {
                if at > self.now {
                    break;
                }
                self.flights.pop();
                if let Some(packet) = self.packets[number].take() {
                    self.deliver(packet);
                }
            }
            let now = self.now;
            self.servers.iter_mut().for_each(|server| server.handle_timeout(now));
            for peer in &mut self.peers {
                if peer.connection.poll_timeout().is_some_and(|at| at <= now) {
                    peer.connection.handle_timeout(now);
                }
            }
            self.drain();
        }
    }

    /// The server by whose relay a peer sends.
    fn relayed_by(&self, index: usize) -> Option<IpAddr> {
        self.peers[index].connection.ice().selected_route().map(|route| route.remote.ip())
    }
}

/// What the receiver sees of numbers that `sender` sends, when the server that relays is gone from the hundredth on.
fn longest_gap(seed: u64, sender: usize) -> Duration {
    let mut world = World::new(seed);
    // Both sides know of it without a message, so that either may be the one that sends.
    let init = DataChannelInit { negotiated: true, id: Some(0), ..DataChannelInit::default() };
    let now = world.now;
    let channels = [0, 1]
        .map(|index| world.peers[index].connection.create_data_channel(now, "count", init.clone()).unwrap());
    world.negotiate();
    let deadline = world.now + Duration::from_secs(30);
    while !world.peers.iter().all(|peer| peer.is_open) {
        assert!(world.now < deadline, "it opens");
        world.run(world.now + INTERVAL);
    }
    let mut relaying = None;
    let mut number = 0_u32;
    while number < 1000 {
        let now = world.now;
        let payload = Payload::binary(number.to_be_bytes().to_vec());
        world.peers[sender].connection.send(now, channels[sender], payload).unwrap();
        number += 1;
        if number == 100 {
            relaying = world.relayed_by(0);
            let server = world.servers.iter_mut().find(|server| Some(server.listener.ip()) == relaying);
            server.unwrap().dead = true;
        }
        world.drain();
        world.run(now + INTERVAL);
    }
    world.run(world.now + Duration::from_secs(5));
    let received = &world.peers[1 - sender].received;
    let numbers: Vec<_> = received.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>(), "each once and in order");
    assert!([0, 1].iter().all(|index| world.relayed_by(*index) != relaying));
    received.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap()
}

#[test]
fn what_is_relayed_goes_on_over_the_other_server_whichever_side_sends() {
    for seed in 1..6 {
        for sender in [0, 1] {
            let gap = longest_gap(seed, sender);
            assert!(gap < GAP, "seed {seed}, {sender} sends: {gap:?}");
        }
    }
}
