//! What holds on any network: seeded, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/seeds.rs"]
mod seeds;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::*;
use peerline_sctp::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use seeds::try_seeds;

/// A network as bad as networks get.
fn link(rng: &mut StdRng) -> Link {
    let mut link = Link { delay: rng.random_range(1..150) * MILLISECOND, ..Link::default() };
    if rng.random_bool(0.6) {
        link.loss = rng.random_range(0.0..0.3);
    }
    if rng.random_bool(0.3) {
        link.jitter = rng.random_range(1..60) * MILLISECOND;
    }
    if rng.random_bool(0.3) {
        link.duplication = rng.random_range(0.0..0.2);
    }
    if rng.random_bool(0.3) {
        link.reordering = rng.random_range(0.0..0.2);
    }
    if rng.random_bool(0.4) {
        link.bandwidth = Some(rng.random_range(20_000..2_000_000));
        link.queue = rng.random_range(8_000..400_000);
    }
    // What is left for SCTP of links with an MTU of 576 to 1,500.
    link.mtu = rng.random_range(500..1424);
    if rng.random_bool(0.3) {
        let from = rng.random_range(0..5_000) * MILLISECOND;
        link.blackouts = vec![(from, from + rng.random_range(1_000..20_000) * MILLISECOND)];
    }
    link
}

fn config(rng: &mut StdRng) -> Config {
    Config {
        interleaving: rng.random_bool(0.5),
        zero_checksum: rng.random_bool(0.5),
        receive_window: rng.random_range(3_000..200_000),
        max_receive_window: rng.random_range(200_000..4_000_000),
        max_packet_size: rng.random_range(1188..4000),
        ..Config::default()
    }
}

/// A message's bytes tell which it is.
fn message(stream: u16, number: u32, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length.max(10));
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(&(length.max(10) as u32).to_be_bytes());
    let mut state = u32::from(stream) ^ number.wrapping_mul(2_654_435_761);
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.push((state >> 24) as u8);
    }
    Bytes::from(bytes)
}

/// Which message this is; panics where it isn't one, whole.
fn read(bytes: &Bytes) -> (u16, u32) {
    let stream = u16::from_be_bytes([bytes[0], bytes[1]]);
    let number = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]);
    let length = u32::from_be_bytes([bytes[6], bytes[7], bytes[8], bytes[9]]) as usize;
    assert_eq!(*bytes, message(stream, number, length), "the message is intact");
    (stream, number)
}

fn random_length(rng: &mut StdRng) -> usize {
    match rng.random_range(0..10) {
        0..5 => rng.random_range(1..200),
        5..8 => rng.random_range(200..4_000),
        _ => rng.random_range(4_000..60_000),
    }
}

/// Streams 0 to 3 ordered and reliable, 4 and 5 unordered and reliable.
#[test]
fn every_reliable_message_arrives_once_in_order_intact() {
    try_seeds("every_reliable_message_arrives_once_in_order_intact", 2000, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let links = [link(&mut rng), link(&mut rng)];
        let configs = [config(&mut rng), config(&mut rng)];
        let seldom = format!("seed {seed}: {links:?}");
        let machines = configs.map(|config| association(config, rng.random()));
        let mut network = Network::new(machines, links, seed);
        network.machines[0].connect(network.now).unwrap();
        if rng.random_bool(0.5) {
            network.machines[1].connect(network.now).unwrap();
        }
        let mut numbers = HashMap::<(usize, u16), u32>::new();
        for _ in 0..rng.random_range(1..40) {
            for side in 0..2 {
                for _ in 0..rng.random_range(0..4) {
                    let stream = rng.random_range(0..6);
                    let number = numbers.entry((side, stream)).or_default();
                    let payload = message(stream, *number, random_length(&mut rng));
                    *number += 1;
                    let options = SendOptions { ordered: stream < 4, ..SendOptions::default() };
                    let now = network.now;
                    network.machines[side]
                        .send(now, StreamId(stream), PayloadProtocol::BINARY, payload, options)
                        .unwrap();
                }
            }
            network.run(rng.random_range(0..800) * MILLISECOND);
        }
        let expected: u32 = numbers.values().sum();
        let all = |network: &mut Network<Association>| {
            let messages =
                |events: &Vec<Event>| events.iter().filter(|e| matches!(e, Event::Message(_))).count();
            network.events.iter().map(messages).sum::<usize>() == expected as usize
        };
        let complete = network.run_until(Duration::from_secs(3_000), all);
        let figures = || network.machines.each_ref().map(Association::statistics);
        assert!(complete, "{seldom}: not all arrived; {:#?}", figures());
        network.run(30 * SECOND);
        for (side, events) in network.events.iter().enumerate() {
            let mut next = HashMap::<u16, u32>::new();
            let mut seen = std::collections::HashSet::new();
            for event in events {
                let Event::Message(one) = event else {
                    assert!(
                        matches!(event, Event::Connected | Event::BufferedAmountLow(_)),
                        "{seldom}: {event:?}"
                    );
                    continue;
                };
                let (stream, number) = read(&one.payload);
                assert_eq!(one.stream, StreamId(stream), "{seldom}");
                assert!(seen.insert((stream, number)), "{seldom}: side {side} got {stream}/{number} twice");
                if stream < 4 {
                    let next = next.entry(stream).or_default();
                    assert_eq!(number, *next, "{seldom}: order of stream {stream}");
                    *next += 1;
                }
            }
        }
        for machine in &network.machines {
            assert_eq!(machine.statistics().buffered_amount, 0);
            assert_eq!(machine.statistics().bytes_in_flight, 0, "{seldom}");
        }
    });
}

/// What the wire shows of one side's chunks of data.
#[derive(Default)]
struct Wire {
    /// For each TSN: the message that its payload is of, and how often it was sent.
    chunks: HashMap<u32, ((u16, u32), u32)>,
    /// The message that each stream has come to: those of one stream aren't interleaved.
    current: HashMap<u16, u32>,
}

impl Wire {
    /// Takes in a packet, and says of each chunk of data which message it is of and how often it has been sent by now.
    fn note(&mut self, packet: &[u8]) -> Vec<((u16, u32), u32)> {
        let mut sent = Vec::new();
        for (kind, flags, value) in chunks(packet) {
            let payload = match kind {
                DATA => &value[12..],
                I_DATA => &value[16..],
                _ => continue,
            };
            let tsn = u32::from_be_bytes(value[..4].try_into().unwrap());
            let stream = u16::from_be_bytes(value[4..6].try_into().unwrap());
            let (message, times) = self.chunks.entry(tsn).or_insert_with(|| {
                let number = self.current.entry(stream).or_default();
                // The first piece of a message.
                if flags & 2 != 0 {
                    *number = u32::from_be_bytes(payload[2..6].try_into().unwrap());
                }
                ((stream, *number), 0)
            });
            *times += 1;
            sent.push((*message, *times));
        }
        sent
    }
}

/// A message of the test below.
struct Sent {
    at: Instant,
    arrived: bool,
}

/// RFC 3758 §3.5, RFC 7496 §3: what is given up is not sent again, arrives no later than the network can hold it back,
/// and holds nothing else up.
#[test]
fn partial_reliability_never_delivers_late() {
    try_seeds("partial_reliability_never_delivers_late", 2000, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut links = [link(&mut rng), link(&mut rng)];
        for link in &mut links {
            link.mtu = 1188;
        }
        let seldom = format!("seed {seed}: {links:?}");
        let slowest = links[0].delay * 4 + links[0].jitter;
        let queueing = links[0].bandwidth.map_or(Duration::ZERO, |bandwidth| {
            Duration::from_secs_f64((links[0].queue + links[0].overhead) as f64 / bandwidth as f64)
        });
        let configs = [config(&mut rng), config(&mut rng)];
        let mut network = connected(configs, links, seed);
        network.tap = Some(Vec::new());
        let lifetime = rng.random_range(0..500) * MILLISECOND;
        let most = rng.random_range(0..3);
        let mut wire = Wire::default();
        let mut sent = HashMap::<(u16, u32), Sent>::new();
        let mut last = HashMap::<u16, u32>::new();
        let mut watch = |network: &mut Network<Association>, sent: &mut HashMap<(u16, u32), Sent>, time| {
            let until = network.now + time;
            let mut goes_on = true;
            loop {
                network.drain();
                let now = network.now;
                for (_, packet) in network.tap.as_mut().unwrap().drain(..).filter(|(side, _)| *side == 0) {
                    for (message, times) in wire.note(&packet) {
                        let age = now - sent[&message].at;
                        match message.0 {
                            // A lifetime is counted in milliseconds, the last of which counts.
                            0 | 1 => assert!(age <= lifetime + MILLISECOND, "{seldom}: sent after {age:?}"),
                            2 | 3 => assert!(times <= most + 1, "{seldom}: sent {times} times"),
                            _ => {}
                        }
                    }
                }
                for event in network.events[1].drain(..) {
                    let Event::Message(one) = event else { continue };
                    let (stream, number) = read(&one.payload);
                    let sent = sent.get_mut(&(stream, number)).expect("it was sent");
                    assert!(!std::mem::replace(&mut sent.arrived, true), "{seldom}: {stream}/{number} twice");
                    if stream % 2 == 0 {
                        assert!(
                            last.insert(stream, number).is_none_or(|last| last < number),
                            "{seldom}: order"
                        );
                    }
                    // An ordered message may have come in time and wait for one before it.
                    if stream == 1 {
                        let age = now - sent.at;
                        assert!(age <= lifetime + MILLISECOND + slowest + queueing, "{seldom}: took {age:?}");
                    }
                }
                if !goes_on {
                    return;
                }
                goes_on = network.step(until);
            }
        };
        // Stream 0 ordered and 1 unordered with a lifetime, 2 ordered and 3 unordered with few retransmissions, 4 reliable.
        for number in 0..rng.random_range(10..80) {
            let stream = rng.random_range(0..5);
            let reliability = match stream {
                0 | 1 => Reliability::MaxLifetime(lifetime),
                2 | 3 => Reliability::MaxRetransmissions(most as u16),
                _ => Reliability::Reliable,
            };
            let options = SendOptions { ordered: stream % 2 == 0, reliability };
            let payload = message(stream, number, random_length(&mut rng) / 4);
            let now = network.now;
            network.machines[0]
                .send(now, StreamId(stream), PayloadProtocol::BINARY, payload, options)
                .unwrap();
            sent.insert((stream, number), Sent { at: now, arrived: false });
            watch(&mut network, &mut sent, rng.random_range(0..60) * MILLISECOND);
        }
        watch(&mut network, &mut sent, 200 * SECOND);
        let is_missing = |(&(stream, _), sent): (&(u16, u32), &Sent)| stream == 4 && !sent.arrived;
        assert!(!sent.iter().any(is_missing), "{seldom}: a reliable message is missing");
        // Both sides agree again on what is outstanding: nothing.
        assert_eq!(network.machines[0].statistics().bytes_in_flight, 0, "{seldom}");
        let payload = message(0, 9_999, 100);
        let now = network.now;
        let options = SendOptions::default();
        for stream in 0..5 {
            let payload = payload.clone();
            network.machines[0]
                .send(now, StreamId(stream), PayloadProtocol::BINARY, payload, options)
                .unwrap();
        }
        let five = |network: &mut Network<Association>| {
            network.events[1].iter().filter(|event| matches!(event, Event::Message(_))).count() == 5
        };
        assert!(network.run_until(100 * SECOND, five), "{seldom}: a stream is stuck");
    });
}
