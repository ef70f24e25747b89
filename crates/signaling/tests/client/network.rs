//! Clients and a hub in virtual time, and a network between them that delays, breaks and goes silent.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use peerline_signaling::client::content::Profile;
use peerline_signaling::client::{Client, Config, Event};
use peerline_signaling::hub::{self, ConnectionId, Hub, IceGrant, IceServers};
use peerline_signaling::message::Ice;
use peerline_signaling::seal::IdentityKey;
use peerline_signaling::{Link, ParticipantId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

struct NoServers;

impl IceServers for NoServers {
    fn grant(&mut self, _: ConnectionId, _: &ParticipantId) -> IceGrant {
        IceGrant { ice: Ice::default(), lifetime: Duration::from_secs(3_600) }
    }
}

/// One transport between a client and the hub. Frames arrive in order; a broken one carries nothing more.
struct Transport {
    id: ConnectionId,
    opens: Option<Instant>,
    up: VecDeque<(Instant, String)>,
    down: VecDeque<(Instant, Vec<u8>)>,
    /// Nothing passes, and nobody is told.
    silent: bool,
    /// Closed by the hub, to be told to the client behind what is on its way.
    closing: Option<(Instant, u16)>,
}

pub struct Peer {
    pub client: Client,
    pub events: VecDeque<Event>,
    transport: Option<Transport>,
    /// Connections cannot be made before.
    pub cut_until: Option<Instant>,
}

pub struct Network {
    pub now: Instant,
    pub hub: Hub,
    pub peers: Vec<Peer>,
    pub random: StdRng,
    connections: u64,
    pub hub_down: bool,
}

pub fn link(number: u8) -> Link {
    Link::new("https://call.example", [number; 32]).unwrap()
}

pub fn profile(name: &str) -> Profile {
    Profile { name: name.to_owned(), ..Profile::default() }
}

impl Network {
    pub fn new(seed: u64, clients: u8) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let mut random = StdRng::seed_from_u64(seed);
        let hub = new_hub(now, &mut random);
        let peers = (1..=clients)
            .map(|number| {
                let identity = IdentityKey::from_bytes(&[number; 32]).unwrap();
                let client =
                    Client::new(now, Config::default(), identity, StdRng::seed_from_u64(random.random()));
                Peer { client, events: VecDeque::new(), transport: None, cut_until: None }
            })
            .collect();
        let mut network = Self { now, hub, peers, random, connections: 0, hub_down: false };
        // A young hub takes everybody whom it doesn't know for somebody on the way back (§7).
        network.pass(Duration::from_secs(120));
        network
    }

    /// Everybody in channel 1.
    pub fn meeting(seed: u64, clients: u8) -> Self {
        let mut network = Self::new(seed, clients);
        for number in 0..usize::from(clients) {
            let now = network.now;
            network.peers[number].client.join(now, &link(1), profile(&format!("Number {number}"))).unwrap();
        }
        network.pass(Duration::from_secs(2));
        for peer in &mut network.peers {
            peer.events.clear();
        }
        network
    }

    pub fn id(&self, peer: usize) -> ParticipantId {
        self.peers[peer].client.participant()
    }

    /// Acts on a client, and carries what that leads to.
    pub fn act<T>(&mut self, peer: usize, action: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let result = action(&mut self.peers[peer].client, self.now);
        self.drain(peer);
        result
    }

    /// Breaks a peer's transport; both sides hear of it.
    pub fn break_transport(&mut self, peer: usize) {
        if let Some(transport) = self.peers[peer].transport.take() {
            self.hub.disconnect(self.now, transport.id);
            self.peers[peer].client.disconnected(self.now, 1006);
            self.drain(peer);
            self.drain_hub();
        }
    }

    /// A peer's transport carries nothing more, and nobody is told.
    pub fn silence(&mut self, peer: usize) {
        if let Some(transport) = &mut self.peers[peer].transport {
            transport.silent = true;
            transport.up.clear();
            transport.down.clear();
        }
    }

    /// The hub is gone, and everything that it knew.
    pub fn stop_hub(&mut self) {
        self.hub_down = true;
        for peer in 0..self.peers.len() {
            if self.peers[peer].transport.take().is_some() {
                self.peers[peer].client.disconnected(self.now, 1012);
                self.drain(peer);
            }
        }
    }

    pub fn start_hub(&mut self) {
        self.hub = new_hub(self.now, &mut self.random);
        self.hub_down = false;
    }

    /// Lets time pass.
    pub fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        for peer in 0..self.peers.len() {
            self.drain(peer);
        }
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = until;
    }

    fn next(&self) -> Option<Instant> {
        let hub = self.hub.poll_timeout().filter(|_| !self.hub_down);
        let peers = self.peers.iter().flat_map(|peer| {
            let transport = peer.transport.as_ref().filter(|transport| !transport.silent);
            [
                peer.client.poll_timeout(),
                transport.and_then(|transport| transport.opens),
                transport.and_then(|transport| transport.up.front().map(|(at, _)| *at)),
                transport.and_then(|transport| transport.down.front().map(|(at, _)| *at)),
                transport
                    .filter(|transport| transport.down.is_empty())
                    .and_then(|transport| transport.closing)
                    .map(|(at, _)| at),
            ]
        });
        peers.flatten().chain(hub).min()
    }

    fn step(&mut self) {
        let now = self.now;
        if !self.hub_down && self.hub.poll_timeout().is_some_and(|at| at <= now) {
            self.hub.handle_timeout(now);
            self.drain_hub();
        }
        for peer in 0..self.peers.len() {
            if self.peers[peer].client.poll_timeout().is_some_and(|at| at <= now) {
                self.peers[peer].client.handle_timeout(now);
                self.drain(peer);
            }
            self.carry(peer);
        }
    }

    fn carry(&mut self, peer: usize) {
        let now = self.now;
        let cut = self.peers[peer].cut_until.is_some_and(|until| until > now) || self.hub_down;
        let Some(transport) = self.peers[peer].transport.as_mut().filter(|transport| !transport.silent)
        else {
            return;
        };
        if transport.opens.is_some_and(|at| at <= now) {
            transport.opens = None;
            if cut {
                self.peers[peer].transport = None;
                self.peers[peer].client.disconnected(now, 1006);
            } else {
                let address: IpAddr = format!("192.0.2.{}", peer + 1).parse().unwrap();
                self.hub.connect(now, transport.id, address.into());
                self.peers[peer].client.connected(now);
            }
            return self.drain(peer);
        }
        if let Some((_, frame)) = transport.up.pop_front_if(|(at, _)| *at <= now) {
            let id = transport.id;
            self.hub.handle_input(now, id, frame.as_bytes());
            return self.drain_hub();
        }
        if let Some((_, frame)) = transport.down.pop_front_if(|(at, _)| *at <= now) {
            self.peers[peer].client.handle_input(now, &frame);
            return self.drain(peer);
        }
        if transport.down.is_empty() && transport.closing.is_some_and(|(at, _)| at <= now) {
            let (_, code) = transport.closing.unwrap();
            self.peers[peer].transport = None;
            self.peers[peer].client.disconnected(now, code);
            self.drain(peer);
        }
    }

    fn delay(&mut self) -> Duration {
        Duration::from_millis(self.random.random_range(1..80))
    }

    fn drain(&mut self, peer: usize) {
        while let Some(frame) = self.peers[peer].client.poll_transmit() {
            let at = self.now + self.delay();
            if let Some(transport) = self.peers[peer].transport.as_mut().filter(|transport| !transport.silent)
            {
                let at = transport.up.back().map_or(at, |(before, _)| at.max(*before));
                transport.up.push_back((at, frame));
            }
        }
        while let Some(event) = self.peers[peer].client.poll_event() {
            match event {
                Event::Connect => {
                    self.forget(peer);
                    self.connections += 1;
                    let opens = Some(self.now + self.delay());
                    self.peers[peer].transport = Some(Transport {
                        id: ConnectionId(self.connections),
                        opens,
                        up: VecDeque::new(),
                        down: VecDeque::new(),
                        silent: false,
                        closing: None,
                    });
                }
                Event::Disconnect => self.forget(peer),
                event => self.peers[peer].events.push_back(event),
            }
        }
    }

    /// The client's side is closed. The hub hears of it, unless the network is silent.
    fn forget(&mut self, peer: usize) {
        let Some(transport) = self.peers[peer].transport.take() else { return };
        if !transport.silent && transport.opens.is_none() && !self.hub_down {
            for (_, frame) in transport.up {
                self.hub.handle_input(self.now, transport.id, frame.as_bytes());
            }
            self.hub.disconnect(self.now, transport.id);
            self.drain_hub();
        }
    }

    fn drain_hub(&mut self) {
        let mut buffer = Vec::new();
        loop {
            let mut idle = true;
            while let Some(connection) = self.hub.poll_ready() {
                idle = false;
                while self.hub.poll_transmit(connection, &mut buffer).is_some() {
                    let at = self.now + self.delay();
                    if let Some(transport) = self.transport(connection) {
                        let at = transport.down.back().map_or(at, |(before, _)| at.max(*before));
                        transport.down.push_back((at, buffer.clone()));
                    }
                }
            }
            while let Some(event) = self.hub.poll_event() {
                idle = false;
                if let hub::Event::Close { connection, code } = event {
                    while self.hub.poll_transmit(connection, &mut buffer).is_some() {}
                    self.hub.disconnect(self.now, connection);
                    let at = self.now + self.delay();
                    if let Some(transport) = self.transport(connection) {
                        transport.closing = Some((at, code.number()));
                    }
                }
            }
            if idle {
                return;
            }
        }
    }

    fn transport(&mut self, connection: ConnectionId) -> Option<&mut Transport> {
        let transports = self.peers.iter_mut().filter_map(|peer| peer.transport.as_mut());
        transports.into_iter().find(|transport| transport.id == connection && !transport.silent)
    }
}

fn new_hub(now: Instant, random: &mut StdRng) -> Hub {
    Hub::new(now, hub::Config::default(), Box::new(NoServers), StdRng::seed_from_u64(random.random()))
}
