//! What it costs to set connections up, with no network: for each pair two certificates, offer and answer, checks, the
//! handshakes of DTLS and SCTP, one message, and the close. Prints milliseconds for a pair, both sides together.
//!
//! `cargo run --release -p peerline-connection --example setup [PAIRS]`
//!
//! Times differ from run to run; instructions hardly do. Those of 100 pairs are the difference between two runs like
//! `valgrind --tool=callgrind target/release/examples/setup 110`, the other one with 10.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use peerline_connection::{
    Certificate, Configuration, Connection, DataChannelInit, Datagram, Event, Payload, Transmit,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn main() {
    let pairs: u64 = std::env::args().nth(1).map_or(1000, |text| text.parse().expect("a number of pairs"));
    let mut buffer = vec![0; 65_536];
    // What a process makes once: the random generator's seed, above all.
    set_up(pairs, &mut buffer);
    let begun = Instant::now();
    for pair in 0..pairs {
        set_up(pair, &mut buffer);
    }
    println!("{:.3} ms for a pair", begun.elapsed().as_secs_f64() * 1e3 / pairs as f64);
}

/// From nothing to a message that has come, and to the peer's knowing of the close.
fn set_up(pair: u64, buffer: &mut [u8]) {
    let mut now = Instant::now();
    let mut offerer = connection(now, 2 * pair, 1);
    let mut answerer = connection(now, 2 * pair + 1, 2);
    let channel = offerer.create_data_channel(now, "setup", DataChannelInit::default()).unwrap();
    offerer.set_local_description(now, None).unwrap();
    answerer.set_remote_description(now, offerer.local_description().unwrap()).unwrap();
    answerer.set_local_description(now, None).unwrap();
    offerer.set_remote_description(now, answerer.local_description().unwrap()).unwrap();
    let mut has_come = false;
    while !has_come {
        let idles = !(pass(now, &mut offerer, &mut answerer, buffer)
            | pass(now, &mut answerer, &mut offerer, buffer));
        while let Some(event) = offerer.poll_event() {
            if event == Event::DataChannelOpen(channel) {
                offerer.send(now, channel, Payload::text("hello")).unwrap();
            }
        }
        has_come |= std::iter::from_fn(|| answerer.poll_event())
            .any(|event| matches!(event, Event::DataChannelMessage { .. }));
        if idles {
            let timeouts = [&offerer, &answerer].map(Connection::poll_timeout);
            now = timeouts.into_iter().flatten().min().expect("something to wait for").max(now);
            for connection in [&mut offerer, &mut answerer] {
                connection.handle_timeout(now);
            }
        }
    }
    offerer.close(now);
    pass(now, &mut offerer, &mut answerer, buffer);
    assert!(
        std::iter::from_fn(|| answerer.poll_event())
            .any(|event| matches!(event, Event::DataChannelClose { .. }))
    );
    answerer.close(now);
}

fn connection(now: Instant, seed: u64, host: u8) -> Connection {
    let certificate = Certificate::generate(SystemTime::now()).unwrap();
    let mut connection =
        Connection::new(Configuration::default(), certificate, StdRng::seed_from_u64(seed)).unwrap();
    connection.add_local_address(now, SocketAddr::from(([192, 0, 2, host], 50_000)));
    connection.sources_complete(now);
    connection
}

/// What one has to send comes to the other at once. `false`: it was nothing.
fn pass(now: Instant, from: &mut Connection, to: &mut Connection, buffer: &mut [u8]) -> bool {
    let mut has_passed = false;
    while let Some(Transmit { transport, local, remote, length, segment_size }) =
        from.poll_transmit(now, buffer)
    {
        has_passed = true;
        for payload in buffer[..length].chunks_mut(segment_size.unwrap_or(length)) {
            to.handle_input(now, Datagram { transport, local: remote, remote: local, payload });
        }
    }
    has_passed
}
