//! Two connections over networks of every kind, each from one seed: what was promised of a channel holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/network.rs"]
mod network;
#[path = "../../sctp/tests/common/seeds.rs"]
mod seeds;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use network::{Link, World};
use peerline_connection::*;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// How long anything may take in virtual time.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is sent over one channel by one side.
#[derive(Debug, Clone)]
struct Traffic {
    side: usize,
    init: DataChannelInit,
    messages: u32,
    /// Bytes.
    longest: usize,
    /// Between two messages.
    interval: Duration,
}

#[derive(Debug, Clone)]
struct Scenario {
    links: [Link; 2],
    configurations: [Configuration; 2],
    traffic: Vec<Traffic>,
    /// Nothing is sent before the peer has acknowledged the channels: until then unordered messages are ordered
    /// (RFC 8832 §6).
    is_patient: bool,
    /// One side restarts ICE at this time, counted from the first message.
    restart: Option<(usize, Duration)>,
    /// Counted from when the channels are open.
    blackouts: Vec<(Duration, Duration)>,
}

fn milliseconds(random: &mut StdRng, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.random_range(least..=most))
}

impl Scenario {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let random = &mut random;
        // Each trouble is there in some of the worlds only, so that it is seen alone as well.
        let has = |random: &mut StdRng| random.random_bool(0.4);
        let mtu = if has(random) { random.random_range(576..1500) } else { 1500 };
        let mut link = || Link {
            delay: milliseconds(random, 0, 150),
            jitter: if has(random) { milliseconds(random, 1, 50) } else { Duration::ZERO },
            loss: if has(random) { random.random_range(0.0..=0.3) } else { 0.0 },
            duplication: if has(random) { random.random_range(0.0..=0.1) } else { 0.0 },
            reordering: if has(random) { random.random_range(0.0..=0.1) } else { 0.0 },
            bandwidth: has(random).then(|| random.random_range(50_000..=5_000_000)),
            queue: random.random_range(20_000..=200_000),
            longest_payload: mtu - 28,
            blackouts: Vec::new(),
        };
        let links = [link(), link()];
        let mut configuration = || {
            let mut configuration = Configuration { sctp_snap: has(random), ..Configuration::default() };
            configuration.sctp.interleaving = has(random);
            configuration.sctp.zero_checksum = has(random);
            // RFC 9147 §4.4: the handshake has to fit the path; a datagram may not be fragmented here.
            configuration.dtls.mtu = configuration.dtls.mtu.min(mtu - 28);
            configuration
        };
        let configurations = [configuration(), configuration()];
        // Congestion control takes loss for congestion: a lot of both takes hours.
        let is_lossy = links.iter().any(|link| link.loss > 0.03);
        let most = if is_lossy { 128 << 10 } else { 2 << 20 };
        let traffic = (0..random.random_range(1..=4)).map(|_| Traffic::new(random, most)).collect();
        let blackouts = if random.random_bool(0.25) {
            vec![(milliseconds(random, 0, 3000), milliseconds(random, 1000, 20_000))]
        } else {
            Vec::new()
        };
        let restart = has(random).then(|| (random.random_range(0..2), milliseconds(random, 0, 5000)));
        Self { links, configurations, traffic, is_patient: has(random), restart, blackouts }
    }

    /// The longest time that a datagram may take: what wasn't sent too late is there by then.
    fn latency(&self, side: usize) -> Duration {
        let link = &self.links[side];
        let queueing =
            link.bandwidth.map_or(0.0, |bandwidth| (link.queue + 70_000) as f64 / bandwidth as f64);
        let held = if link.reordering > 0.0 { link.delay * 3 } else { Duration::ZERO };
        link.delay + held + link.jitter + Duration::from_secs_f64(queueing)
    }
}

impl Traffic {
    fn new(random: &mut StdRng, most: usize) -> Self {
        let priorities = [Priority::VeryLow, Priority::Low, Priority::Medium, Priority::High];
        let mut init = DataChannelInit {
            ordered: random.random_bool(0.6),
            priority: *priorities.choose(random).unwrap(),
            ..DataChannelInit::default()
        };
        match random.random_range(0..4) {
            0 => init.max_retransmits = Some(random.random_range(0..=3)),
            1 => init.max_packet_life_time = Some(random.random_range(0..=1000)),
            _ => {}
        }
        let is_bulk = random.random_bool(0.2);
        let most = if random.random_bool(0.2) { most } else { 128 << 10 };
        Self {
            side: random.random_range(0..2),
            init,
            messages: if is_bulk { random.random_range(1..=4) } else { random.random_range(1..=60) },
            longest: if is_bulk { most } else { *[1, 100, 1200, 8000].choose(random).unwrap() },
            interval: if random.random_bool(0.5) { Duration::ZERO } else { milliseconds(random, 1, 200) },
        }
    }

    fn is_reliable(&self) -> bool {
        self.init.max_retransmits.is_none() && self.init.max_packet_life_time.is_none()
    }

    /// The `number`th message. It tells which it is, as far as it has room, and all its bytes depend on that.
    fn message(&self, channel: usize, number: u32) -> Vec<u8> {
        let mut random = StdRng::seed_from_u64(((channel as u64) << 32) | u64::from(number));
        let length = random.random_range(0..=self.longest).max(8);
        let mut message = vec![0; length];
        random.fill(&mut message[8..]);
        message[..4].copy_from_slice(&(channel as u32).to_be_bytes());
        message[4..8].copy_from_slice(&number.to_be_bytes());
        message
    }
}

/// What one side has seen of one channel's traffic.
#[derive(Default)]
struct Seen {
    sent: HashMap<u32, Instant>,
    received: Vec<(Instant, u32)>,
}

struct Run {
    world: World,
    scenario: Scenario,
    handles: Vec<ChannelHandle>,
    seen: Vec<Seen>,
    open: Vec<bool>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let scenario = Scenario::new(seed);
        let mut world = World::of_two(seed, scenario.configurations.each_ref(), scenario.links.clone());
        let now = world.now;
        let handles: Vec<_> = scenario
            .traffic
            .iter()
            .enumerate()
            .map(|(index, traffic)| {
                let connection = &mut world.peers[traffic.side].connection;
                connection.create_data_channel(now, &index.to_string(), traffic.init.clone()).unwrap()
            })
            .collect();
        let seen = handles.iter().map(|_| Seen::default()).collect();
        let open = vec![false; handles.len()];
        Self { world, scenario, handles, seen, open }
    }

    /// Looks at what has happened; an application that sees its connection fail restarts it.
    fn look(&mut self) {
        for side in 0..2 {
            for (when, event) in std::mem::take(&mut self.world.peers[side].events) {
                match event {
                    Event::DataChannelOpen(handle) => {
                        let is_it = |index: &usize| {
                            self.handles[*index] == handle && self.scenario.traffic[*index].side == side
                        };
                        let index = (0..self.handles.len()).find(is_it).expect("one of ours");
                        self.open[index] = true;
                    }
                    Event::DataChannelMessage { data, .. } => self.receive(side, when, &data),
                    Event::DataChannelClose { .. } => panic!("a channel closed"),
                    Event::DtlsTransportError(failure) => panic!("{failure}"),
                    Event::IceConnectionStateChange(IceConnectionState::Failed) => {
                        self.world.peers[side].connection.restart_ice();
                        self.world.negotiate(side);
                    }
                    _ => {}
                }
            }
        }
    }

    fn receive(&mut self, side: usize, when: Instant, data: &[u8]) {
        let word = |range: std::ops::Range<usize>| u32::from_be_bytes(data[range].try_into().unwrap());
        let (channel, number) = (word(0..4) as usize, word(4..8));
        let traffic = &self.scenario.traffic[channel];
        assert_eq!(traffic.side, 1 - side, "the other side's");
        assert!(data == traffic.message(channel, number), "message {number} of {channel} is broken");
        self.seen[channel].received.push((when, number));
    }

    fn connect(&mut self) {
        self.world.negotiate(self.scenario.traffic[0].side);
        let until = self.world.now + PATIENCE;
        while !self.open.iter().all(|open| *open) {
            assert!(
                self.world.step(until),
                "no channel: {:?}",
                self.world.peers.each_ref().map(|peer| &peer.connection)
            );
            self.look();
        }
        if self.scenario.is_patient {
            self.world.run(Duration::from_secs(20));
            self.look();
        }
        let since_start = self.world.elapsed();
        for (begin, length) in &self.scenario.blackouts {
            for side in 0..2 {
                let begin = since_start + *begin;
                self.world.black_out(side, begin..begin + *length);
            }
        }
    }

    fn send(&mut self) {
        let begin = self.world.now;
        let mut schedule: Vec<(Instant, Option<(usize, u32)>)> = Vec::new();
        for (channel, traffic) in self.scenario.traffic.iter().enumerate() {
            let numbers = 0..traffic.messages;
            schedule
                .extend(numbers.map(|number| (begin + traffic.interval * number, Some((channel, number)))));
        }
        schedule.extend(self.scenario.restart.map(|(_, when)| (begin + when, None)));
        schedule.sort();
        for (when, message) in schedule {
            while self.world.now < when {
                self.world.step(when);
                self.look();
            }
            match (message, self.scenario.restart) {
                (Some((channel, number)), _) => self.send_message(channel, number),
                (None, Some((side, _))) => {
                    self.world.peers[side].connection.restart_ice();
                    self.world.negotiate(side);
                }
                (None, None) => {}
            }
        }
    }

    fn send_message(&mut self, channel: usize, number: u32) {
        let traffic = &self.scenario.traffic[channel];
        let side = traffic.side;
        let message = Payload::binary(traffic.message(channel, number));
        let connection = &mut self.world.peers[side].connection;
        connection.send(self.world.now, self.handles[channel], message).unwrap();
        self.seen[channel].sent.insert(number, self.world.now);
        self.world.drain(side);
    }

    fn finish(&mut self) {
        let until = self.world.now + PATIENCE;
        let is_complete = |run: &Self| {
            let mut all = run.scenario.traffic.iter().zip(&run.seen);
            all.all(|(traffic, seen)| {
                !traffic.is_reliable() || seen.received.len() >= traffic.messages as usize
            })
        };
        while !is_complete(self) {
            let counts: Vec<_> =
                self.seen.iter().map(|seen| (seen.received.len(), seen.sent.len())).collect();
            assert!(self.world.step(until), "messages are missing: {counts:?}");
            self.look();
        }
        // What may still come twice, or late.
        let until = self.world.now + Duration::from_secs(20);
        while self.world.step(until) {
            self.look();
        }
        self.look();
    }

    fn check(&self) {
        for (channel, (traffic, seen)) in self.scenario.traffic.iter().zip(&self.seen).enumerate() {
            let numbers: Vec<u32> = seen.received.iter().map(|(_, number)| *number).collect();
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), numbers.len(), "a message of {channel} came twice");
            if traffic.init.ordered {
                assert_eq!(sorted, numbers, "messages of {channel} came out of order");
            }
            if traffic.is_reliable() {
                assert_eq!(
                    sorted,
                    (0..traffic.messages).collect::<Vec<_>>(),
                    "messages of {channel} are missing"
                );
            }
            // An ordered message may have to wait until the loss of one before it is known.
            let is_timely = self.scenario.is_patient && !traffic.init.ordered;
            if let (Some(lifetime), true) = (traffic.init.max_packet_life_time, is_timely) {
                let lifetime = Duration::from_millis(lifetime.into());
                let latency = self.scenario.latency(traffic.side) + Duration::from_millis(5);
                for (arrival, number) in &seen.received {
                    let taken = *arrival - seen.sent[number];
                    assert!(
                        taken <= lifetime + latency,
                        "message {number} of {channel} took {taken:?}, lifetime {lifetime:?}, latency {latency:?}"
                    );
                }
            }
        }
    }
}

/// Shows the scenario of a run that fails.
struct Witness<'a>(&'a Scenario);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#?}", self.0);
        }
    }
}

fn run(seed: u64) -> Run {
    let mut run = Run::new(seed);
    let scenario = run.scenario.clone();
    let _witness = Witness(&scenario);
    run.connect();
    run.send();
    run.finish();
    run.check();
    run
}

#[test]
fn what_was_promised_of_a_channel_holds_on_any_network() {
    seeds::try_seeds("what_was_promised_of_a_channel_holds_on_any_network", 10_000, |seed| {
        run(seed);
    });
}

/// Or a failing seed would be of no use.
#[test]
fn a_seed_takes_the_same_course_each_time() {
    let course = |seed| {
        let run = run(seed);
        let received: Vec<_> = run.seen.into_iter().map(|seen| seen.received).collect();
        (received, run.world.peers.map(|peer| peer.datagrams))
    };
    for seed in 1..=100 {
        assert!(course(seed) == course(seed), "seed {seed} took two courses");
    }
}
