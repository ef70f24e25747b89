//! How fast a transfer is on a simulated link of 1 Gbit/s, beside what CUBIC is expected to reach (RFC 9438 §5.2).
//! Virtual time; nothing depends on the machine's speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;

const GIGABIT: u64 = 125_000_000;
const SEGMENT: f64 = 1160.0;

/// Payload bytes per second from 0 to 1, over `time` after a warm-up of `warm_up`.
fn rate(round_trip: Duration, loss: f64, queue: usize, warm_up: Duration, time: Duration) -> f64 {
    let config = Config { max_packet_size: 1188, ..Config::default() };
    let there = Link { loss, bandwidth: Some(GIGABIT), queue, ..Link::after(round_trip / 2) };
    let back = Link { bandwidth: Some(GIGABIT), queue, ..Link::after(round_trip / 2) };
    let mut network = connected([config.clone(), config], [there, back], 11);
    let message = Bytes::from(vec![7; 64 << 10]);
    let (mut received, mut measured_from) = (0, None);
    let begun = network.now;
    while network.now < begun + warm_up + time {
        let now = network.now;
        while network.machines[0].statistics().buffered_amount < 4 << 20 {
            let options = SendOptions::default();
            network.machines[0]
                .send(now, StreamId(0), PayloadProtocol::BINARY, message.clone(), options)
                .unwrap();
        }
        network.run(5 * MILLISECOND);
        for event in network.events[1].drain(..) {
            if let Event::Message(message) = event {
                received += message.payload.len();
            }
        }
        if measured_from.is_none() && network.now >= begun + warm_up {
            measured_from = Some(received);
        }
    }
    let statistics = network.machines[0].statistics();
    let rate = (received - measured_from.unwrap()) as f64 / time.as_secs_f64();
    println!(
        "RTT {round_trip:?}, loss {loss}, queue {queue}: {:.1} Mbit/s, {} retransmissions, {} timeouts, window {}, smoothed {:?}",
        rate * 8e-6,
        statistics.retransmissions,
        statistics.timeouts,
        statistics.congestion_window,
        statistics.smoothed_round_trip.unwrap(),
    );
    rate
}

/// RFC 9438 §5.1 and §5.2: the average window of CUBIC, and of Reno, the greater of which counts.
fn expected(round_trip: Duration, loss: f64) -> f64 {
    let round_trip = round_trip.as_secs_f64();
    let cubic = 1.054 * (round_trip / loss).powf(0.75);
    let reno = (1.5 / loss).sqrt();
    cubic.max(reno) * SEGMENT / round_trip
}

#[test]
fn a_clean_link_is_filled_at_50_and_100_ms() {
    for milliseconds in [50, 100] {
        let round_trip = milliseconds * MILLISECOND;
        let queue = (GIGABIT as f64 * round_trip.as_secs_f64()) as usize / 2;
        let rate = rate(round_trip, 0.0, queue, 40 * round_trip, 20 * round_trip);
        assert!(rate > 0.85 * GIGABIT as f64, "{rate} of {GIGABIT}");
    }
}

#[test]
fn rfc9438_loss_costs_no_more_than_it_costs_tcp() {
    for milliseconds in [50, 100] {
        for loss in [0.001, 0.01] {
            let round_trip = milliseconds * MILLISECOND;
            let rate = rate(round_trip, loss, 6_000_000, 10 * SECOND, 60 * SECOND);
            let expected = expected(round_trip, loss);
            assert!(rate > 0.9 * expected, "{rate} of {expected}");
        }
    }
}
