//! Two connections and a network between them, all in memory, in virtual time, from one seed.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use peerline_connection::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::common::{connection_with, start};

/// What one direction of the network does to datagrams.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The time from end to end.
    pub delay: Duration,
    /// What is added to it at random, which reorders.
    pub jitter: Duration,
    /// How many datagrams of one are lost.
    pub loss: f64,
    /// How many come twice.
    pub duplication: f64,
    /// How many are held back for another three times the delay.
    pub reordering: f64,
    /// Bytes a second; none for any.
    pub bandwidth: Option<u64>,
    /// Bytes that wait for the bandwidth at most; what is more is lost.
    pub queue: u64,
    /// The longest UDP payload that passes.
    pub longest_payload: usize,
    /// When nothing passes, counted from the start.
    pub blackouts: Vec<Range<Duration>>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            bandwidth: None,
            queue: 1 << 20,
            longest_payload: 1472,
            blackouts: Vec::new(),
        }
    }
}

/// Something on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    arrival: Instant,
    number: u64,
    to: usize,
    transport: Transport,
    source: SocketAddr,
    destination: SocketAddr,
    payload: Vec<u8>,
}

pub struct Peer {
    pub connection: Connection,
    pub address: SocketAddr,
    pub events: Vec<(Instant, Event)>,
    /// How many datagrams it sent, and how many calls that took.
    pub datagrams: u64,
    pub transmits: u64,
    /// Its ends of TCP connections: its own address, and the other one.
    pub tcp: Vec<(TcpConnectionId, SocketAddr, SocketAddr)>,
    link: Link,
    link_free_at: Instant,
}

/// The whole little world.
pub struct World {
    pub now: Instant,
    pub peers: [Peer; 2],
    /// Candidates pass between the peers by themselves, with this delay.
    pub trickle: bool,
    /// Only TCP passes.
    pub udp_blocked: bool,
    pub random: StdRng,
    flights: BinaryHeap<Reverse<Flight>>,
    flown: u64,
    buffer: Vec<u8>,
}

impl World {
    pub fn new(seed: u64, configuration: &Configuration, links: [Link; 2]) -> Self {
        Self::of_two(seed, [configuration, configuration], links)
    }

    /// With a configuration for each peer.
    pub fn of_two(seed: u64, configurations: [&Configuration; 2], links: [Link; 2]) -> Self {
        let now = start();
        let mut index = 0;
        let peers = links.map(|link| {
            let mut configuration = configurations[index as usize].clone();
            index += 1;
            configuration.dtls.seed = Some(seed * 2 + index);
            let mut connection = connection_with(configuration, seed.wrapping_mul(1_000_003) + index);
            let address: SocketAddr = format!("192.0.2.{index}:{}", 50_000 + index).parse().unwrap();
            connection.add_local_address(now, address);
            connection.sources_complete(now);
            Peer {
                connection,
                address,
                events: Vec::new(),
                datagrams: 0,
                transmits: 0,
                tcp: Vec::new(),
                link,
                link_free_at: now,
            }
        });
        let random = StdRng::seed_from_u64(seed);
        let buffer = vec![0; 65_536];
        Self {
            now,
            peers,
            trickle: true,
            udp_blocked: false,
            random,
            flights: BinaryHeap::new(),
            flown: 0,
            buffer,
        }
    }

    /// Both open TCP connections, and accept them.
    pub fn add_tcp(&mut self) {
        for peer in &mut self.peers {
            for tcp_type in [TcpType::Active, TcpType::Passive] {
                peer.connection.add_tcp_address(self.now, peer.address, tcp_type);
            }
        }
    }

    /// Nothing that this peer sends passes during this time, counted from the start.
    pub fn black_out(&mut self, index: usize, time: Range<Duration>) {
        self.peers[index].link.blackouts.push(time);
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now - start()
    }

    /// Offer and answer, which take no time.
    pub fn negotiate(&mut self, offerer: usize) {
        let now = self.now;
        let answerer = 1 - offerer;
        self.peers[offerer].connection.set_local_description(now, None).unwrap();
        let offer = self.peers[offerer].connection.local_description().unwrap();
        self.peers[answerer].connection.set_remote_description(now, offer).unwrap();
        self.peers[answerer].connection.set_local_description(now, None).unwrap();
        let answer = self.peers[answerer].connection.local_description().unwrap();
        self.peers[offerer].connection.set_remote_description(now, answer).unwrap();
        self.drain(offerer);
        self.drain(answerer);
    }

    /// Sends and tells all that a peer has.
    pub fn drain(&mut self, index: usize) {
        loop {
            let mut is_idle = true;
            let peer = &mut self.peers[index];
            while let Some(transmit) = peer.connection.poll_transmit(self.now, &mut self.buffer) {
                is_idle = false;
                peer.transmits += 1;
                let bytes = &self.buffer[..transmit.length];
                let segment = transmit.segment_size.unwrap_or(transmit.length);
                assert!(segment > 0 && transmit.length > 0);
                for payload in bytes.chunks(segment) {
                    peer.datagrams += 1;
                    let mut pass = |arrival| {
                        self.flown += 1;
                        self.flights.push(Reverse(Flight {
                            arrival,
                            number: self.flown,
                            to: 1 - index,
                            transport: transmit.transport,
                            source: transmit.local,
                            destination: transmit.remote,
                            payload: payload.to_vec(),
                        }));
                    };
                    let link = &peer.link;
                    let elapsed = self.now - start();
                    let is_blocked = self.udp_blocked && transmit.transport == Transport::Udp;
                    let is_lost = is_blocked
                        || payload.len() > link.longest_payload
                        || link.blackouts.iter().any(|blackout| blackout.contains(&elapsed))
                        || self.random.random_bool(link.loss);
                    let mut departure = self.now;
                    if let Some(bandwidth) = link.bandwidth {
                        let begin = peer.link_free_at.max(self.now);
                        let waiting = (begin - self.now).as_secs_f64() * bandwidth as f64;
                        if waiting > link.queue as f64 {
                            continue;
                        }
                        let bytes = (payload.len() + 28) as f64;
                        peer.link_free_at = begin + Duration::from_secs_f64(bytes / bandwidth as f64);
                        departure = peer.link_free_at;
                    }
                    let mut arrival = || {
                        let late = link.jitter.mul_f64(self.random.random_range(0.0..=1.0));
                        let is_held = self.random.random_bool(link.reordering);
                        departure + link.delay * if is_held { 4 } else { 1 } + late
                    };
                    let arrivals = [arrival(), arrival()];
                    let is_doubled = self.random.random_bool(link.duplication);
                    if !is_lost {
                        pass(arrivals[0]);
                        if is_doubled {
                            pass(arrivals[1]);
                        }
                    }
                }
            }
            while let Some(event) = self.peers[index].connection.poll_event() {
                is_idle = false;
                if let (true, Event::IceCandidate(candidate)) = (self.trickle, &event) {
                    // The other side may not have our description yet; then the description has the candidate.
                    let _ = self.peers[1 - index].connection.add_ice_candidate(self.now, candidate);
                }
                match event {
                    // Handshakes take no time here.
                    Event::OpenTcp { connection, local, remote } => {
                        let peer = &mut self.peers[index];
                        let own = SocketAddr::new(local.ip(), 40_000 + peer.tcp.len() as u16);
                        peer.tcp.push((connection, own, remote));
                        peer.connection.tcp_opened(self.now, connection, own);
                    }
                    Event::CloseTcp(connection) => self.peers[index].tcp.retain(|end| end.0 != connection),
                    _ => {}
                }
                self.peers[index].events.push((self.now, event));
            }
            if is_idle {
                return;
            }
        }
    }

    /// What happened so far is forgotten, and takes no memory any more.
    pub fn forget(&mut self) {
        self.peers.iter_mut().for_each(|peer| peer.events = Vec::new());
        self.flights.shrink_to_fit();
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let arrival = self.flights.peek().map(|Reverse(flight)| flight.arrival);
        let timeouts = self.peers.iter().filter_map(|peer| peer.connection.poll_timeout());
        timeouts.chain(arrival).min()
    }

    /// Lets time pass to what happens next, but no further than `until`. False if that is reached.
    pub fn step(&mut self, until: Instant) -> bool {
        let next = self.next().unwrap_or(until).min(until).max(self.now);
        self.now = next;
        while let Some(Reverse(flight)) = self.flights.peek() {
            if flight.arrival > self.now {
                break;
            }
            let Some(Reverse(mut flight)) = self.flights.pop() else { break };
            let peer = &mut self.peers[flight.to];
            let (own, remote) = (flight.destination, flight.source);
            let mut is_known = peer.tcp.iter().any(|end| (end.1, end.2) == (own, remote));
            if flight.transport == Transport::Udp {
                is_known = own == peer.address;
            } else if !is_known && own == peer.address {
                let accepted = peer.connection.tcp_accepted(self.now, own, remote);
                peer.tcp.extend(accepted.map(|connection| (connection, own, remote)));
                is_known = accepted.is_some();
            }
            if is_known {
                let datagram = Datagram {
                    transport: flight.transport,
                    local: flight.destination,
                    remote: flight.source,
                    payload: &mut flight.payload,
                };
                peer.connection.handle_input(self.now, datagram);
            }
        }
        for peer in &mut self.peers {
            if peer.connection.poll_timeout().is_some_and(|timeout| timeout <= self.now) {
                peer.connection.handle_timeout(self.now);
            }
        }
        // Twice, because a candidate that is told may give the other side something to do.
        for index in [0, 1, 0] {
            self.drain(index);
        }
        self.now < until
    }

    /// Lets time pass until `is_done`, at most for `time`.
    pub fn run_until(&mut self, time: Duration, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + time;
        loop {
            if is_done(self) {
                return true;
            }
            if !self.step(until) {
                return is_done(self);
            }
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Whether this has happened to a peer.
    pub fn happened(&self, index: usize, is_it: impl Fn(&Event) -> bool) -> bool {
        self.peers[index].events.iter().any(|(_, event)| is_it(event))
    }
}
