//! How fast a transfer is over a long link of 1 Gbit/s, beside what the kernel's TCP reaches there: `make bench-distance`
//! measures both over real sockets. Here time is virtual, and nothing depends on the machine's speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;

const GIGABIT: u64 = 125_000_000;

/// IPv4, UDP and DTLS 1.3.
const OVERHEAD: usize = 50;

/// Payload in Mbit/s from 0 to 1 in the first `time` of a transfer. As much waits for the link as it carries in a round trip.
fn rate(round_trip: Duration, loss: f64, time: Duration, seed: u64) -> f64 {
    let queue = (GIGABIT as f64 * round_trip.as_secs_f64()) as usize;
    let link = Link {
        loss,
        bandwidth: Some(GIGABIT),
        queue,
        overhead: OVERHEAD,
        ..Link::after(round_trip / 2)
    };
    let mut network = connected([Config::default(), Config::default()], [link.clone(), link], seed);
    let message = Bytes::from(vec![7; 64 << 10]);
    let mut received = 0;
    let begun = network.now;
    while network.now < begun + time {
        let now = network.now;
        while network.machines[0].statistics().buffered_amount < 4 << 20 {
            network.machines[0]
                .send(now, StreamId(0), PayloadProtocol::BINARY, message.clone(), SendOptions::default())
                .unwrap();
        }
        network.run(5 * MILLISECOND);
        for event in network.events[1].drain(..) {
            if let Event::Message(message) = event {
                received += message.payload.len();
            }
        }
        if std::env::var_os("DBG").is_some() {
            let s = network.machines[0].statistics();
            eprintln!("{:?} {} cwnd {} flight {} rtt {:?} rtx {} rto {} peerwin {}", network.now - begun, received, s.congestion_window, s.bytes_in_flight, s.smoothed_round_trip.unwrap(), s.retransmissions, s.timeouts, s.peer_receive_window);
        }
    }
    let statistics = network.machines[0].statistics();
    let rate = received as f64 * 8e-6 / time.as_secs_f64();
    println!(
        "{round_trip:?}, loss {loss}: {rate:.2} Mbit/s, {} retransmissions, {} timeouts, window {}, smoothed {:?}",
        statistics.retransmissions,
        statistics.timeouts,
        statistics.congestion_window,
        statistics.smoothed_round_trip.unwrap(),
    );
    rate
}

fn average(round_trip: Duration, loss: f64) -> f64 {
    let rates = (1..=8).map(|seed| rate(round_trip, loss, 60 * SECOND, seed));
    rates.sum::<f64>() / 8.0
}

#[test]
fn a_clean_link_is_filled() {
    for milliseconds in [50, 100] {
        let rate = rate(milliseconds * MILLISECOND, 0.0, 20 * SECOND, 1);
        println!("{milliseconds}: {rate}");
    }
}

#[test]
fn loss_costs_no_more_than_it_costs_tcp() {
    for milliseconds in [50, 100] {
        for loss in [0.001, 0.01] {
            let rate = average(milliseconds * MILLISECOND, loss);
            println!("AVERAGE {milliseconds} {loss}: {rate}");
        }
    }
}
