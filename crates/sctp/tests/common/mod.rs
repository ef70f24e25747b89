//! Two machines and a network between them, in virtual time.
#![allow(dead_code, clippy::unwrap_used, clippy::disallowed_methods)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use peerline_sctp::{Association, ChannelEvent, Config, DataChannels, Event};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub const MILLISECOND: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// What the network needs of a machine.
pub trait Machine {
    type Event;
    fn handle_input(&mut self, now: Instant, packet: &[u8]);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize>;
    fn poll_event(&mut self) -> Option<Self::Event>;
}

macro_rules! machine {
    ($kind:ty, $event:ty) => {
        impl Machine for $kind {
            type Event = $event;
            fn handle_input(&mut self, now: Instant, packet: &[u8]) {
                <$kind>::handle_input(self, now, packet);
            }
            fn handle_timeout(&mut self, now: Instant) {
                <$kind>::handle_timeout(self, now);
            }
            fn poll_timeout(&self) -> Option<Instant> {
                <$kind>::poll_timeout(self)
            }
            fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
                <$kind>::poll_transmit(self, now, buffer)
            }
            fn poll_event(&mut self) -> Option<$event> {
                <$kind>::poll_event(self)
            }
        }
    };
}

machine!(Association, Event);
machine!(DataChannels, ChannelEvent);

/// One direction of a path.
#[derive(Debug, Clone)]
pub struct Link {
    pub delay: Duration,
    /// Each packet is late by up to this much; packets overtake each other.
    pub jitter: Duration,
    /// Probabilities.
    pub loss: f64,
    pub duplication: f64,
    /// Packets held back by three times the delay.
    pub reordering: f64,
    /// Bytes per second, and how many bytes may wait.
    pub bandwidth: Option<u64>,
    pub queue: usize,
    /// Larger packets are lost.
    pub mtu: usize,
    /// Nothing passes, from and until, since the beginning.
    pub blackouts: Vec<(Duration, Duration)>,
    /// UDP, IP and DTLS, counted against the bandwidth.
    pub overhead: usize,
    pub busy_until: Option<Instant>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: 10 * MILLISECOND,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            bandwidth: None,
            queue: usize::MAX,
            mtu: usize::MAX,
            blackouts: Vec::new(),
            overhead: 65,
            busy_until: None,
        }
    }
}

impl Link {
    pub fn after(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// When a packet arrives, for each of its copies.
    fn carry(
        &mut self,
        begun: Instant,
        now: Instant,
        length: usize,
        rng: &mut StdRng,
    ) -> [Option<Instant>; 2] {
        let elapsed = now - begun;
        let dark = self.blackouts.iter().any(|&(from, until)| (from..until).contains(&elapsed));
        if dark || length > self.mtu || (self.loss > 0.0 && rng.random_bool(self.loss)) {
            return [None, None];
        }
        let mut leaves = now;
        if let Some(bandwidth) = self.bandwidth {
            let free = self.busy_until.unwrap_or(now).max(now);
            let waiting = (free - now).as_secs_f64() * bandwidth as f64;
            if waiting as usize + length > self.queue {
                return [None, None];
            }
            leaves = free + Duration::from_secs_f64((length + self.overhead) as f64 / bandwidth as f64);
            self.busy_until = Some(leaves);
        }
        let mut copy = || {
            let late = self.jitter.mul_f64(rng.random_range(0.0..1.0));
            let held = self.reordering > 0.0 && rng.random_bool(self.reordering);
            leaves + self.delay + late + if held { 3 * self.delay } else { Duration::ZERO }
        };
        let copies = [copy(), copy()];
        let is_doubled = self.duplication > 0.0 && rng.random_bool(self.duplication);
        [Some(copies[0]), is_doubled.then_some(copies[1])]
    }
}

/// A packet on its way: when it arrives, the how manieth it is, where it goes.
type Flying = (Instant, u64, usize, Vec<u8>);

/// Says of a packet, and who sent it, whether it is to be dropped.
type Filter = dyn FnMut(usize, &[u8]) -> bool;

/// Two machines, 0 and 1; `links[0]` leads from 0 to 1.
pub struct Network<M: Machine> {
    pub begun: Instant,
    pub now: Instant,
    pub machines: [M; 2],
    pub links: [Link; 2],
    pub events: [Vec<M::Event>; 2],
    flying: BinaryHeap<Reverse<Flying>>,
    pub rng: StdRng,
    packets: u64,
    /// What was sent, by whom: for tests that look at the wire.
    pub tap: Option<Vec<(usize, Vec<u8>)>>,
    /// Drops packets that it says true of.
    pub filter: Option<Box<Filter>>,
}

impl<M: Machine> Network<M> {
    pub fn new(machines: [M; 2], links: [Link; 2], seed: u64) -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            now,
            machines,
            links,
            events: [Vec::new(), Vec::new()],
            flying: BinaryHeap::new(),
            rng: StdRng::seed_from_u64(seed),
            packets: 0,
            tap: None,
            filter: None,
        }
    }

    /// Puts all that the machines want sent on the links, and collects their events.
    pub fn drain(&mut self) {
        let mut buffer = [0; 16 << 10];
        loop {
            let mut is_quiet = true;
            for side in 0..2 {
                while let Some(length) = self.machines[side].poll_transmit(self.now, &mut buffer) {
                    is_quiet = false;
                    let packet = &buffer[..length];
                    if let Some(tap) = &mut self.tap {
                        tap.push((side, packet.to_vec()));
                    }
                    if self.filter.as_mut().is_some_and(|drops| drops(side, packet)) {
                        continue;
                    }
                    let arrivals = self.links[side].carry(self.begun, self.now, length, &mut self.rng);
                    for at in arrivals.into_iter().flatten() {
                        self.packets += 1;
                        self.flying.push(Reverse((at, self.packets, 1 - side, packet.to_vec())));
                    }
                }
                while let Some(event) = self.machines[side].poll_event() {
                    is_quiet = false;
                    self.events[side].push(event);
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    /// Goes on to the next thing that happens, if that is before `until`.
    pub fn step(&mut self, until: Instant) -> bool {
        self.drain();
        let arrival = self.flying.peek().map(|Reverse((at, ..))| *at);
        let timeouts = self.machines.iter().filter_map(M::poll_timeout);
        let Some(next) = timeouts.chain(arrival).min().filter(|&next| next <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(Reverse((at, ..))) = self.flying.peek()
            && *at <= self.now
        {
            let Some(Reverse((_, _, to, packet))) = self.flying.pop() else { break };
            self.machines[to].handle_input(self.now, &packet);
        }
        for machine in &mut self.machines {
            if machine.poll_timeout().is_some_and(|at| at <= self.now) {
                machine.handle_timeout(self.now);
            }
        }
        self.drain();
        true
    }

    /// Lets so much time pass.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
    }

    /// Lets time pass until it is so; false where it isn't after `most`.
    pub fn run_until(&mut self, most: Duration, mut is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + most;
        loop {
            self.drain();
            if is_so(self) {
                return true;
            }
            if !self.step(until) {
                return is_so(self);
            }
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.begun
    }
}

pub fn association(config: Config, seed: u64) -> Association {
    Association::new(config, StdRng::seed_from_u64(seed))
}

/// Two associations that are established.
pub fn connected(configs: [Config; 2], links: [Link; 2], seed: u64) -> Network<Association> {
    let [first, second] = configs;
    let machines = [association(first, seed ^ 0xA5), association(second, seed ^ 0x5A)];
    let mut network = Network::new(machines, links, seed);
    network.machines[0].connect(network.now).unwrap();
    let both = |network: &mut Network<Association>| {
        network.events.iter().all(|events| events.contains(&Event::Connected))
    };
    assert!(network.run_until(Duration::from_secs(300), both), "seed {seed}: not connected");
    network
}

/// The chunks of a packet: type, flags, value.
pub fn chunks(packet: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
    let mut rest = &packet[12..];
    let mut chunks = Vec::new();
    while rest.len() >= 4 {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        chunks.push((rest[0], rest[1], rest[4..length].to_vec()));
        rest = rest.get((length + 3) & !3..).unwrap_or_default();
    }
    chunks
}

/// The types of a packet's chunks.
pub fn kinds(packet: &[u8]) -> Vec<u8> {
    chunks(packet).into_iter().map(|(kind, ..)| kind).collect()
}

pub const DATA: u8 = 0;
pub const INIT: u8 = 1;
pub const INIT_ACK: u8 = 2;
pub const SACK: u8 = 3;
pub const HEARTBEAT: u8 = 4;
pub const ABORT: u8 = 6;
pub const SHUTDOWN: u8 = 7;
pub const SHUTDOWN_ACK: u8 = 8;
pub const ERROR: u8 = 9;
pub const COOKIE_ECHO: u8 = 10;
pub const COOKIE_ACK: u8 = 11;
pub const SHUTDOWN_COMPLETE: u8 = 14;
pub const I_DATA: u8 = 64;
pub const RE_CONFIG: u8 = 130;
pub const FORWARD_TSN: u8 = 192;
pub const I_FORWARD_TSN: u8 = 194;

/// Two associations with nothing but defaults and 10 ms each way.
pub fn pair() -> Network<Association> {
    pair_of([Config::default(), Config::default()])
}

pub fn pair_of(configs: [Config; 2]) -> Network<Association> {
    let mut network = connected(configs, [Link::default(), Link::default()], 1);
    network.run(SECOND);
    network.events = [Vec::new(), Vec::new()];
    network
}

impl Network<Association> {
    /// 0 sends to 1, reliably and in order.
    pub fn send(&mut self, stream: u16, payload: impl Into<bytes::Bytes>) {
        self.send_with(stream, payload, peerline_sctp::SendOptions::default());
    }

    pub fn send_with(
        &mut self,
        stream: u16,
        payload: impl Into<bytes::Bytes>,
        options: peerline_sctp::SendOptions,
    ) {
        let (stream, protocol) = (peerline_sctp::StreamId(stream), peerline_sctp::PayloadProtocol::BINARY);
        self.machines[0].send(self.now, stream, protocol, payload.into(), options).unwrap();
    }

    /// What 1 received since the last call.
    pub fn received(&mut self) -> Vec<bytes::Bytes> {
        self.drain();
        let (messages, others) = std::mem::take(&mut self.events[1])
            .into_iter()
            .partition(|event| matches!(event, Event::Message(_)));
        self.events[1] = others;
        let payload = |event| match event {
            Event::Message(message) => Some(message.payload),
            _ => None,
        };
        <Vec<Event>>::into_iter(messages).filter_map(payload).collect()
    }

    /// Drops the packets of this side that have such a chunk, for so many times.
    pub fn drop_kind(&mut self, from: usize, kind: u8, mut times: usize) {
        self.filter = Some(Box::new(move |side, packet| {
            let is_hit = side == from && times > 0 && kinds(packet).contains(&kind);
            times -= usize::from(is_hit);
            is_hit
        }));
    }

    /// A packet as 0 would send it, with chunks of the test's making.
    pub fn forge(&mut self, chunks: &[&[u8]]) {
        let tag = self.tag_of_1();
        let mut packet = vec![0x13, 0x88, 0x13, 0x88];
        packet.extend_from_slice(&tag);
        packet.extend_from_slice(&[0; 4]);
        for chunk in chunks {
            packet.extend_from_slice(chunk);
            packet.resize((packet.len() + 3) & !3, 0);
        }
        self.machines[1].handle_input(self.now, &packet);
    }

    /// The tag that packets to 1 carry.
    pub fn tag_of_1(&mut self) -> [u8; 4] {
        let init = self.machines[1].local_init();
        [init[4], init[5], init[6], init[7]]
    }
}
