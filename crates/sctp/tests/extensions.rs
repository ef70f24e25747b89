//! Partial reliability (RFC 3758), stream reset (RFC 6525), interleaving (RFC 8260).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;

fn unreliable(reliability: Reliability) -> SendOptions {
    SendOptions { ordered: true, reliability }
}

fn data_only() -> Config {
    Config { interleaving: false, ..Config::default() }
}

/// RFC 3758 §3.5, RFC 8260 §2.3: a message that is given up holds nothing up, with either kind of chunk.
#[test]
fn rfc3758_3_5_a_lost_message_is_skipped() {
    for (config, forward) in [(Config::default(), I_FORWARD_TSN), (data_only(), FORWARD_TSN)] {
        for ordered in [true, false] {
            let mut network = pair_of([config.clone(), config.clone()]);
            network.tap = Some(Vec::new());
            let options = SendOptions { ordered, reliability: Reliability::MaxRetransmissions(0) };
            network.links[0].loss = 1.0;
            network.send_with(0, vec![1; 5_000], options);
            network.drain();
            network.links[0].loss = 0.0;
            network.send_with(0, "after", options);
            network.run(SECOND);
            assert_eq!(network.received(), ["after"]);
            assert!(network.events[0].contains(&Event::Abandoned(StreamId(0))));
            let wire = network.tap.take().unwrap();
            assert!(wire.iter().any(|(side, packet)| *side == 0 && kinds(packet).contains(&forward)));
            assert_eq!(network.machines[0].statistics().retransmissions, 0);
        }
    }
}

/// RFC 3758 §3.5: a message whose beginning has arrived, and is acknowledged, is skipped as well.
#[test]
fn rfc3758_3_5_a_begun_message_is_skipped() {
    for config in [Config::default(), data_only()] {
        let slow = Link { bandwidth: Some(20_000), queue: 5_000, ..Link::default() };
        let mut network = connected([config.clone(), config], [slow, Link::default()], 1);
        network.run(5 * SECOND);
        network.send_with(0, vec![1; 60_000], unreliable(Reliability::MaxLifetime(500 * MILLISECOND)));
        network.run(SECOND);
        network.send(0, "after");
        network.run(5 * SECOND);
        assert_eq!(network.received(), ["after"]);
    }
}

/// RFC 3758 §3.5 F: a FORWARD TSN that is lost is repeated.
#[test]
fn rfc3758_3_5_forward_tsn_is_repeated() {
    let mut network = pair();
    network.links[0].loss = 1.0;
    network.send_with(0, "lost", unreliable(Reliability::MaxRetransmissions(0)));
    network.run(2 * SECOND);
    network.links[0].loss = 0.0;
    network.drop_kind(0, I_FORWARD_TSN, 2);
    network.send(0, "after");
    network.run(20 * SECOND);
    assert_eq!(network.received(), ["after"]);
    assert_eq!(network.machines[0].statistics().bytes_in_flight, 0);
}

/// RFC 3758 §3.6: what lies beyond a FORWARD TSN is left alone, though it has come already.
#[test]
fn rfc3758_3_6_a_begun_message_behind_one_given_up_arrives() {
    let mut network = pair_of([data_only(), data_only()]);
    let is_lost = [true, false, true, false];
    let mut data = is_lost.into_iter();
    network.filter = Some(Box::new(move |side, packet| {
        side == 0 && kinds(packet).contains(&DATA) && data.next().unwrap_or(false)
    }));
    network.send_with(0, vec![1; 1000], unreliable(Reliability::MaxRetransmissions(0)));
    network.drain();
    network.send_with(1, vec![2; 3000], SendOptions { ordered: false, ..SendOptions::default() });
    network.run(5 * SECOND);
    assert_eq!(network.received(), [vec![2; 3000]]);
}

/// RFC 8832 §5.1: a lifetime of zero milliseconds is none in which nothing may be sent.
#[test]
fn rfc8832_5_1_a_lifetime_of_zero_allows_sending_at_once() {
    let mut network = pair();
    network.send_with(0, "now or never", unreliable(Reliability::MaxLifetime(Duration::ZERO)));
    // The clock of whoever sends it goes on.
    network.now += MILLISECOND / 2;
    network.run(SECOND);
    assert_eq!(network.received(), ["now or never"]);
}

/// RFC 7496 §3.1: a message that waits for longer than its lifetime isn't sent at all.
#[test]
fn rfc7496_3_1_expired_before_sending() {
    let mut network = pair();
    network.links[0].bandwidth = Some(50_000);
    for number in 0..40_u8 {
        network.send_with(0, vec![number; 20_000], unreliable(Reliability::MaxLifetime(300 * MILLISECOND)));
    }
    network.run(20 * SECOND);
    let received = network.received().len();
    assert!((1..20).contains(&received), "{received}");
    assert_eq!(network.machines[0].buffered_amount(StreamId(0)), 0);
    let abandoned = network.events[0].iter().filter(|event| matches!(event, Event::Abandoned(_))).count();
    assert_eq!(abandoned + received, 40);
}

/// RFC 6525 §5.1.2, §5.2.2: streams are reset each way, after all that was sent, and can be used again.
#[test]
fn rfc6525_5_reset_after_everything_has_arrived() {
    for seed in 0..20 {
        let link = Link { loss: 0.15, jitter: 5 * MILLISECOND, ..Link::default() };
        let mut network = connected([Config::default(), Config::default()], [link.clone(), link], seed);
        for generation in 0..3_u8 {
            for number in 0..20_u8 {
                network.send(7, vec![generation, number]);
            }
            network.machines[0].reset_stream(StreamId(7));
            let now = network.now;
            let refused = network.machines[0].send(
                now,
                StreamId(7),
                PayloadProtocol::BINARY,
                Bytes::from("no"),
                SendOptions::default(),
            );
            assert_eq!(refused, Err(SendError::Resetting));
            let done = |network: &mut Network<Association>| {
                network.events[0].contains(&Event::StreamResetDone(StreamId(7)))
            };
            assert!(network.run_until(60 * SECOND, done), "seed {seed}");
            network.run(SECOND);
            let reset =
                network.events[1].iter().position(|event| matches!(event, Event::StreamsReset(_))).unwrap();
            let messages =
                network.events[1].iter().filter(|event| matches!(event, Event::Message(_))).count();
            assert_eq!(messages, 20, "seed {seed}");
            let before =
                network.events[1][..reset].iter().filter(|event| matches!(event, Event::Message(_))).count();
            assert_eq!(before, 20, "seed {seed}: all messages come before the reset");
            assert_eq!(
                network.events[1].iter().filter(|event| matches!(event, Event::StreamsReset(_))).count(),
                1
            );
            network.events = [Vec::new(), Vec::new()];
        }
    }
}

/// RFC 6525 §5.2.7: "in progress" is asked again.
#[test]
fn rfc6525_5_2_7_in_progress() {
    let mut network = pair();
    network.drop_kind(0, I_DATA, 1);
    network.send(0, "lost at first");
    network.machines[0].reset_stream(StreamId(0));
    network.run(5 * SECOND);
    assert_eq!(network.received(), ["lost at first"]);
    assert_eq!(
        network.events[0],
        [Event::BufferedAmountLow(StreamId(0)), Event::StreamResetDone(StreamId(0))]
    );
    assert_eq!(network.events[1], [Event::StreamsReset(vec![StreamId(0)])]);
}

/// RFC 6525 §5.1.1: requests and answers that are lost are repeated, and performed once.
#[test]
fn rfc6525_5_1_1_lost_requests() {
    for from in 0..2 {
        let mut network = pair();
        network.drop_kind(from, RE_CONFIG, 3);
        network.send(0, "hello");
        network.machines[0].reset_stream(StreamId(0));
        network.run(20 * SECOND);
        assert!(network.events[0].contains(&Event::StreamResetDone(StreamId(0))));
        let resets = network.events[1].iter().filter(|event| matches!(event, Event::StreamsReset(_))).count();
        assert_eq!(resets, 1);
    }
}

/// RFC 8260 §1: a small message on another stream passes a big one, where messages are interleaved.
#[test]
fn rfc8260_1_a_small_message_passes_a_big_one() {
    for (config, interleaves) in [(Config::default(), true), (data_only(), false)] {
        let config = Config { max_send_message_size: 2 << 20, max_receive_message_size: 2 << 20, ..config };
        let slow = Link { bandwidth: Some(1_000_000), ..Link::default() };
        let mut network = connected([config.clone(), config], [slow, Link::default()], 1);
        network.run(SECOND);
        network.send(0, vec![1; 1 << 20]);
        network.run(200 * MILLISECOND);
        network.send(1, "small");
        network.run(5 * SECOND);
        let received = network.received();
        assert_eq!(received.first().unwrap().len() == 5, interleaves);
        assert_eq!(received.len(), 2);
    }
}

/// RFC 8260 §3.6: streams that have much to send share by their weights.
#[test]
fn rfc8260_3_6_weighted_fair_queueing() {
    let slow = Link { bandwidth: Some(1_000_000), queue: 100_000, ..Link::default() };
    let mut network = connected([Config::default(), Config::default()], [slow, Link::default()], 1);
    network.machines[0].set_priority(StreamId(0), 256);
    network.machines[0].set_priority(StreamId(1), 1024);
    for _ in 0..200 {
        network.send(0, vec![0; 10_000]);
        network.send(1, vec![1; 10_000]);
    }
    network.run(2 * SECOND);
    let received = network.received();
    let of = |stream: u8| received.iter().filter(|message| message[0] == stream).count() as f64;
    let share = of(1) / of(0);
    assert!((3.5..4.5).contains(&share), "{share}");
}

/// Beside a bulk transfer a 64-byte message on a stream of high priority takes less than twice the idle round trip and 5 ms
/// there and back, in 99 of 100 cases.
#[test]
fn a_message_of_high_priority_beside_a_bulk_transfer() {
    let config = Config { max_packet_size: 1188, ..Config::default() };
    let round_trip = 20 * MILLISECOND;
    // 100 Mbit/s, with a queue of half a round trip.
    let link = Link { bandwidth: Some(12_500_000), queue: 125_000, ..Link::after(round_trip / 2) };
    let mut network = connected([config.clone(), config], [link.clone(), link], 1);
    network.machines[0].set_priority(StreamId(1), 1024);
    let mut times = Vec::new();
    for number in 0..400_u32 {
        while network.machines[0].buffered_amount(StreamId(0)) < 1 << 20 {
            network.send(0, vec![0; 65_536]);
        }
        let sent = network.now;
        let mut small = vec![0; 64];
        small[..4].copy_from_slice(&number.to_be_bytes());
        network.send(1, small);
        let mut is_back = false;
        while !is_back {
            network.step(sent + 10 * SECOND);
            for message in network.received() {
                if message.len() == 64 {
                    let now = network.now;
                    let options = SendOptions::default();
                    network.machines[1]
                        .send(now, StreamId(1), PayloadProtocol::BINARY, message, options)
                        .unwrap();
                }
            }
            is_back = network.events[0].iter().any(|event| matches!(event, Event::Message(_)));
            network.events[0].clear();
        }
        if number >= 100 {
            times.push(network.now - sent);
        }
        network.run(7 * MILLISECOND);
    }
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    println!("median {:?}, p99 {p99:?}", times[times.len() / 2]);
    assert!(p99 < 2 * round_trip + Duration::from_millis(5), "{p99:?}");
}
