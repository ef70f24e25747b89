//! Two associations in memory, one sending as fast as it can: prints CPU seconds per gigabyte for both together.
//!
//! `cargo run --release -p peerline-sctp --example in_memory_throughput [MEBIBYTES] [PACKET_SIZE]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use peerline_sctp::{Association, Config, Event, PayloadProtocol, SendOptions, StreamId};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Packets per burst, as GSO and GRO would hand them over.
const BURST: usize = 50;

/// How much is kept queued.
const BUFFERED: usize = 1 << 20;

/// One way through the simulated network.
const DELAY: Duration = Duration::from_micros(25);

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let total = arguments.next().unwrap_or(1024) << 20;
    let packet_size = arguments.next().unwrap_or(1188);
    println!("message bytes | checksum | CPU s/GB | MB/s of one core | packets");
    for message in [64 << 10, 1 << 10, 64] {
        for zero_checksum in [true, false] {
            let total = if message < 1024 { total / 16 } else { total };
            run(total, message, zero_checksum, packet_size);
        }
    }
}

fn run(total: usize, message: usize, zero_checksum: bool, packet_size: usize) {
    let config = Config { zero_checksum, max_packet_size: packet_size, ..Config::default() };
    let mut now = Instant::now();
    let mut sender = Association::new(config.clone(), StdRng::seed_from_u64(1));
    let mut receiver = Association::new(config, StdRng::seed_from_u64(2));
    sender.connect(now).expect("an association that isn't started");
    let payload = Bytes::from(vec![7; message]);
    let stream = StreamId(0);
    let mut packets = vec![vec![0; packet_size]; BURST];
    let mut lengths = Vec::with_capacity(BURST);
    let (mut sent, mut received, mut bursts) = (0, 0, 0_u64);
    let begun = cpu();
    while received < total {
        while sent < total && sender.buffered_amount(stream) < BUFFERED {
            sender
                .send(now, stream, PayloadProtocol::BINARY, payload.clone(), SendOptions::default())
                .unwrap();
            sent += message;
        }
        let mut moved = false;
        for forth in [true, false] {
            let (from, to) = if forth { (&mut sender, &mut receiver) } else { (&mut receiver, &mut sender) };
            lengths.clear();
            for packet in &mut packets {
                match from.poll_transmit(now, packet) {
                    Some(length) => lengths.push(length),
                    None => break,
                }
            }
            now += DELAY;
            for (packet, &length) in packets.iter().zip(&lengths) {
                to.handle_input(now, &packet[..length]);
            }
            moved |= !lengths.is_empty();
            bursts += u64::from(forth);
            while let Some(event) = to.poll_event() {
                if let Event::Message(message) = event {
                    received += message.payload.len();
                }
            }
        }
        for one in [&mut sender, &mut receiver] {
            if let Some(at) = one.poll_timeout() {
                if !moved {
                    now = now.max(at);
                }
                if at <= now {
                    one.handle_timeout(now);
                }
            }
        }
    }
    let used = cpu().saturating_sub(begun).as_secs_f64();
    let gigabytes = received as f64 / 1e9;
    let statistics = sender.statistics();
    println!(
        "{message:>13} | {:>8} | {:8.3} | {:16.0} | {} in {bursts} bursts, {} retransmissions, packet size {}",
        if zero_checksum { "zero" } else { "CRC32c" },
        used / gigabytes,
        gigabytes * 1e3 / used,
        statistics.packets_sent,
        statistics.retransmissions,
        statistics.packet_size,
    );
}

/// CPU time of this thread (Linux: /proc/thread-self/schedstat, in nanoseconds).
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number"))
}
