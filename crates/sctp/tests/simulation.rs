//! What holds on any network: seeded, in virtual time. `SEEDS=10000 cargo test --release` tries more of them, and
//! `SEED=17` one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn seeds(default: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse::<u64>().ok());
    match number("SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEEDS").unwrap_or(default)).collect(),
    }
}

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
    for seed in seeds(300) {
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
    }
}

/// RFC 3758 §3.5: what is given up is not sent again, and holds nothing else up.
#[test]
fn partial_reliability_never_delivers_late() {
    for seed in seeds(200) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut links = [link(&mut rng), link(&mut rng)];
        for link in &mut links {
            link.mtu = 1188;
        }
        let seldom = format!("seed {seed}: {links:?}");
        let slowest = links[0].delay * 4 + links[0].jitter;
        let queueing = links[0].bandwidth.map_or(Duration::ZERO, |bandwidth| {
            Duration::from_secs_f64(links[0].queue as f64 / bandwidth as f64)
        });
        let configs = [config(&mut rng), config(&mut rng)];
        let mut network = connected(configs, links, seed);
        let lifetime = rng.random_range(1..500) * MILLISECOND;
        let mut sent = Vec::new();
        // Stream 0 ordered and 1 unordered with a lifetime, 2 ordered and 3 unordered without retransmission, 4 reliable.
        for number in 0..rng.random_range(10..80) {
            let stream = rng.random_range(0..5);
            let reliability = match stream {
                0 | 1 => Reliability::MaxLifetime(lifetime),
                2 | 3 => Reliability::MaxRetransmissions(0),
                _ => Reliability::Reliable,
            };
            let options = SendOptions { ordered: stream % 2 == 0, reliability };
            let payload = message(stream, number, random_length(&mut rng) / 4);
            let now = network.now;
            network.machines[0]
                .send(now, StreamId(stream), PayloadProtocol::BINARY, payload, options)
                .unwrap();
            sent.push((stream, number, now));
            network.run(rng.random_range(0..60) * MILLISECOND);
            // Late is what comes when its time is over, plus what the way took.
            let now = network.now;
            for event in network.events[1].drain(..) {
                let Event::Message(one) = event else { continue };
                let (stream, number) = read(&one.payload);
                let &(.., at) =
                    sent.iter().find(|&&(s, n, _)| (s, n) == (stream, number)).expect("it was sent");
                let late = at + lifetime + slowest + queueing + 60 * MILLISECOND;
                assert!(stream != 1 || now <= late, "{seldom}: {:?} after it was sent", now - at);
                sent.retain(|&(s, n, _)| (s, n) != (stream, number));
            }
        }
        network.run(200 * SECOND);
        let mut last = HashMap::<u16, u32>::new();
        for event in network.events[1].drain(..) {
            let Event::Message(one) = event else { continue };
            let (stream, number) = read(&one.payload);
            if stream % 2 == 0 {
                assert!(last.insert(stream, number).is_none_or(|last| last < number), "{seldom}: order");
            }
            let before = sent.len();
            sent.retain(|&(s, n, _)| (s, n) != (stream, number));
            assert_eq!(sent.len(), before - 1, "{seldom}: {stream}/{number} arrives once");
        }
        assert!(sent.iter().all(|&(stream, ..)| stream != 4), "{seldom}: a reliable message is missing");
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
    }
}
