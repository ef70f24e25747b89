//! Two associations that talk to each other, and a third party that knows the tag and sends one of them anything.
//! Nothing panics or runs for ever, and what is held stays within its limits.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use peerline_sctp::{
    Association, Config, Delivery, Event, PayloadProtocol, Reliability, SendOptions, StreamId,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
enum Step {
    Send { second: bool, stream: u8, length: u16, ordered: bool, reliability: u8 },
    /// Any chunks under the right tag.
    Forge { second: bool, chunks: Vec<(u8, u8, Vec<u8>)> },
    /// A chunk of data near what is expected.
    Data { second: bool, interleaved: bool, flags: u8, tsn: i16, stream: u8, message: u8, fragment: u8, length: u8 },
    /// FORWARD-TSN near what is expected.
    Forward { second: bool, interleaved: bool, tsn: i16, skipped: Vec<(u8, u8)> },
    /// A SACK near what was sent.
    Sack { second: bool, tsn: i16, window: u32, gaps: Vec<(u8, u8)> },
    /// Anything at all.
    Raw { second: bool, bytes: Vec<u8> },
    Reset { second: bool, stream: u8 },
    Parts { second: bool, stream: u8 },
    Unread { second: bool, bytes: u32 },
    /// Lets packets through, for one round trip, or loses them.
    Exchange { lost: bool },
    Wait { milliseconds: u16 },
    Shutdown { second: bool },
    PathChanged { second: bool },
}

#[derive(Arbitrary, Debug)]
struct Case {
    interleaving: bool,
    snap: bool,
    steps: Vec<Step>,
}

fuzz_target!(|case: Case| {
    let mut now = Instant::now();
    let config = Config {
        interleaving: case.interleaving,
        max_receive_message_size: 20_000,
        receive_limit: 200_000,
        receive_window: 30_000,
        max_receive_window: 60_000,
        max_buffered_amount: 200_000,
        ..Config::default()
    };
    let mut both = [1, 2].map(|seed| Association::new(config.clone(), StdRng::seed_from_u64(seed)));
    let inits = both.each_ref().map(Association::local_init);
    if case.snap {
        both[0].connect_with_remote_init(now, &inits[1]).unwrap();
        both[1].connect_with_remote_init(now, &inits[0]).unwrap();
    } else {
        both[0].connect(now).unwrap();
    }
    for step in case.steps {
        match step {
            Step::Send { second, stream, length, ordered, reliability } => {
                let reliability = match reliability {
                    0..100 => Reliability::Reliable,
                    100..200 => Reliability::MaxRetransmissions(u16::from(reliability) - 100),
                    _ => Reliability::MaxLifetime(Duration::from_millis(u64::from(reliability) - 200)),
                };
                let payload = Bytes::from(vec![1; usize::from(length)]);
                let options = SendOptions { ordered, reliability };
                let one = &mut both[usize::from(second)];
                let _ = one.send(now, StreamId(stream.into()), PayloadProtocol::BINARY, payload, options);
            }
            Step::Forge { second, chunks } => {
                let chunks: Vec<_> = chunks.iter().map(|(kind, flags, value)| chunk(*kind, *flags, value)).collect();
                forge(&mut both, &inits, now, second, &chunks.concat());
            }
            Step::Data { second, interleaved, flags, tsn, stream, message, fragment, length } => {
                let mut value = near(&inits[usize::from(!second)], tsn).to_vec();
                value.extend([0, stream]);
                if interleaved {
                    value.extend([0, 0, 0, 0, 0, message, 0, 0, 0, fragment]);
                } else {
                    value.extend([0, message, 0, 0, 0, 53]);
                }
                value.resize(value.len() + usize::from(length), 7);
                let chunk = chunk(if interleaved { 64 } else { 0 }, flags, &value);
                forge(&mut both, &inits, now, second, &chunk);
            }
            Step::Forward { second, interleaved, tsn, skipped } => {
                let mut value = near(&inits[usize::from(!second)], tsn).to_vec();
                for (stream, message) in skipped {
                    if interleaved {
                        value.extend([0, stream & 7, 0, stream >> 7, 0, 0, 0, message]);
                    } else {
                        value.extend([0, stream, 0, message]);
                    }
                }
                let chunk = chunk(if interleaved { 194 } else { 192 }, 0, &value);
                forge(&mut both, &inits, now, second, &chunk);
            }
            Step::Sack { second, tsn, window, gaps } => {
                let mut value = near(&inits[usize::from(second)], tsn).to_vec();
                value.extend(window.to_be_bytes());
                value.extend((gaps.len() as u16).to_be_bytes());
                value.extend([0, 0]);
                for (start, end) in gaps {
                    value.extend([0, start, 0, end]);
                }
                forge(&mut both, &inits, now, second, &chunk(3, 0, &value));
            }
            Step::Raw { second, bytes } => both[usize::from(second)].handle_input(now, &bytes),
            Step::Reset { second, stream } => both[usize::from(second)].reset_stream(StreamId(stream.into())),
            Step::Parts { second, stream } => {
                both[usize::from(second)].set_delivery(StreamId(stream.into()), Delivery::Parts);
            }
            Step::Unread { second, bytes } => both[usize::from(second)].set_unread((bytes & 0xFFFF) as usize),
            Step::Exchange { lost } => exchange(&mut both, now, lost),
            Step::Wait { milliseconds } => now += Duration::from_millis(milliseconds.into()),
            Step::Shutdown { second } => both[usize::from(second)].shutdown(now),
            Step::PathChanged { second } => both[usize::from(second)].path_changed(now),
        }
        for one in &mut both {
            if one.poll_timeout().is_some_and(|at| at <= now) {
                one.handle_timeout(now);
            }
        }
    }
    for _ in 0..20 {
        exchange(&mut both, now, false);
        now += Duration::from_secs(1);
        for one in &mut both {
            one.handle_timeout(now);
        }
    }
});

fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, flags];
    chunk.extend(((value.len() + 4) as u16).to_be_bytes());
    chunk.extend(value);
    chunk.resize((chunk.len() + 3) & !3, 0);
    chunk
}

/// A TSN near the first one that an INIT announces.
fn near(init: &[u8], offset: i16) -> [u8; 4] {
    let first = u32::from_be_bytes([init[16], init[17], init[18], init[19]]);
    first.wrapping_add_signed(offset.into()).to_be_bytes()
}

/// Hands one of them a packet as the other could have sent it.
fn forge(both: &mut [Association; 2], inits: &[Vec<u8>; 2], now: Instant, second: bool, chunks: &[u8]) {
    let to = usize::from(second);
    let mut packet = vec![0x13, 0x88, 0x13, 0x88];
    packet.extend(&inits[to][4..8]);
    packet.extend([0; 4]);
    packet.extend(chunks);
    both[to].handle_input(now, &packet);
}

fn exchange(both: &mut [Association; 2], now: Instant, lost: bool) {
    let mut buffer = [0; 2_000];
    for _ in 0..4 {
        for from in 0..2 {
            let mut packets = 0;
            while let Some(length) = both[from].poll_transmit(now, &mut buffer) {
                packets += 1;
                assert!(packets < 10_000, "it never stops sending");
                if !lost {
                    both[1 - from].handle_input(now, &buffer[..length]);
                }
            }
            while let Some(event) = both[from].poll_event() {
                if let Event::Message(message) = event {
                    assert!(!message.payload.is_empty() && message.payload.len() <= 20_000);
                }
            }
        }
    }
}
