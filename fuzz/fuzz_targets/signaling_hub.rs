//! The hub under any sequence of connections, frames, times and losses: it neither panics nor holds more than it may.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use peerline_signaling::hub::{Config, ConnectionId, Event, Hub, IceGrant, IceServers};
use peerline_signaling::message::{Ice, ToClient};
use peerline_signaling::{ChannelId, Limits, ParticipantId, ParticipantKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
enum Step {
    Connect { address: u8 },
    Hello { connection: u8, key: u8, resumes: bool },
    Frame { connection: u8, frame: Frame },
    Text { connection: u8, text: String },
    Bytes { connection: u8, bytes: Vec<u8> },
    Read { connection: u8, frames: u8 },
    Disconnect { connection: u8 },
    Sleep { milliseconds: u16 },
    Drain,
}

/// A frame that is well formed, so that the fuzzer gets past the parser.
#[derive(Arbitrary, Debug)]
struct Frame {
    kind: u8,
    id: u8,
    channel: u8,
    participant: u8,
    number: u8,
    length: u16,
}

impl Frame {
    fn text(&self) -> String {
        let Self { id, number, .. } = self;
        let channel = ChannelId::from_bytes(&[self.channel % 20; 32]);
        let to = participant(self.participant);
        let payload = "p".repeat(usize::from(self.length) % 3_000);
        let identity = format!("B{}", "A".repeat(86));
        let presence = ["online", "away", "in_call"][usize::from(number % 3)];
        let answer = ["accept", "decline", "busy"][usize::from(number % 3)];
        let timeout = 5 + number % 116;
        match self.kind % 16 {
            0 | 1 => format!(r#"{{"type":"join","id":{id},"channel":"{channel}","profile":"{payload}"}}"#),
            2 => format!(r#"{{"type":"leave","id":{id},"channel":"{channel}"}}"#),
            3 => format!(r#"{{"type":"profile","id":{id},"channel":"{channel}","profile":"{payload}"}}"#),
            4 | 5 => format!(r#"{{"type":"send","id":{id},"channel":"{channel}","to":"{to}","payload":"{payload}"}}"#),
            6 | 7 => format!(r#"{{"type":"publish","id":{id},"channel":"{channel}","payload":"{payload}"}}"#),
            8 => format!(r#"{{"type":"ack","offset":{number}}}"#),
            9 => format!(r#"{{"type":"announce","id":{id},"name":"n{number}","identity":"{identity}","presence":"{presence}"}}"#),
            10 => format!(r#"{{"type":"unannounce","id":{id}}}"#),
            11 => format!(r#"{{"type":"find","id":{id},"prefix":"n"}}"#),
            12 => format!(r#"{{"type":"invite","id":{id},"to":"{to}","payload":"{payload}","timeout":{timeout}}}"#),
            13 => format!(r#"{{"type":"respond","id":{id},"to":"{to}","invitation":{number},"answer":"{answer}"}}"#),
            14 => format!(r#"{{"type":"cancel","id":{id},"invitation":{number}}}"#),
            _ => format!(r#"{{"type":"ice","id":{id}}}"#),
        }
    }
}

fn key(number: u8) -> ParticipantKey {
    ParticipantKey::from_bytes([number % 10; 32])
}

fn participant(number: u8) -> ParticipantId {
    key(number).participant()
}

struct NoServers;

impl IceServers for NoServers {
    fn grant(&mut self, _: ConnectionId, _: &ParticipantId) -> IceGrant {
        IceGrant { ice: Ice::default(), lifetime: Duration::from_secs(600) }
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let start = Instant::now();
    let mut now = start;
    // Small, so that every limit is met.
    let config = Config {
        limits: Limits { queue: 16, channels: 4, members: 4, ..Limits::default() },
        queue_bytes: 20_000,
        sessions: 8,
        addresses: 8,
        ..Config::default()
    };
    let mut hub = Hub::new(now, config, Box::new(NoServers), StdRng::seed_from_u64(1));
    let mut connections: Vec<ConnectionId> = Vec::new();
    // The newest token of each key, and what was read with it.
    let mut welcomes: [Option<(String, String, u64)>; 10] = Default::default();
    let mut keys: std::collections::HashMap<ConnectionId, usize> = Default::default();
    let mut buffer = Vec::new();

    for step in steps {
        let pick = |connections: &[ConnectionId], index: u8| {
            connections.get(usize::from(index) % connections.len().max(1)).copied().unwrap_or(ConnectionId(0))
        };
        match step {
            Step::Connect { address } => {
                let connection = ConnectionId(connections.len() as u64 + 1);
                connections.push(connection);
                hub.connect(now, connection, IpAddr::from(Ipv4Addr::new(192, 0, 2, address)).into());
            }
            Step::Hello { connection, key: number, resumes } => {
                let connection = pick(&connections, connection);
                let slot = usize::from(number % 10);
                let resume = match &welcomes[slot] {
                    Some((token, epoch, offset)) if resumes => {
                        format!(r#","resume":{{"token":"{token}","epoch":"{epoch}","offset":{offset}}}"#)
                    }
                    _ => String::new(),
                };
                keys.insert(connection, slot);
                let hello = format!(r#"{{"type":"hello","id":1,"key":"{}"{resume}}}"#, key(number).to_text());
                hub.handle_input(now, connection, hello.as_bytes());
            }
            Step::Frame { connection, frame } => {
                hub.handle_input(now, pick(&connections, connection), frame.text().as_bytes());
            }
            Step::Text { connection, text } => {
                hub.handle_input(now, pick(&connections, connection), text.as_bytes());
            }
            Step::Bytes { connection, bytes } => hub.handle_input(now, pick(&connections, connection), &bytes),
            Step::Read { connection, frames } => {
                let connection = pick(&connections, connection);
                for _ in 0..frames {
                    if hub.poll_transmit(connection, &mut buffer).is_none() {
                        break;
                    }
                    assert!(buffer.len() <= 65_536);
                    let (number, frame) = ToClient::parse(&buffer).unwrap().unwrap();
                    let Some(slot) = keys.get(&connection) else { continue };
                    match (number, frame) {
                        (_, ToClient::Welcome(welcome)) => {
                            let offset = match &welcomes[*slot] {
                                Some((.., offset)) if welcome.recovered => *offset,
                                _ => 0,
                            };
                            welcomes[*slot] = Some((welcome.resume.into_owned(), welcome.epoch.into_owned(), offset));
                        }
                        (peerline_signaling::frame::Number::Offset(newest), _) => {
                            if let Some((.., offset)) = &mut welcomes[*slot] {
                                *offset = newest;
                            }
                        }
                        _ => {}
                    }
                }
            }
            Step::Disconnect { connection } => hub.disconnect(now, pick(&connections, connection)),
            Step::Sleep { milliseconds } => now += Duration::from_millis(milliseconds.into()),
            Step::Drain => hub.drain(now, 1..=10),
        }
        hub.handle_timeout(now);
        while let Some(event) = hub.poll_event() {
            if let Event::Close { connection, .. } = event
                && connection.0 % 2 == 0
            {
                hub.disconnect(now, connection);
            }
        }
        while hub.poll_ready().is_some() {}
        let held = hub.statistics();
        assert!(held.sessions <= 8 && held.findable <= 8 && held.members <= 8 * 4 && held.ringing <= 8 * 4);
        assert!(held.away <= held.sessions && held.channels <= held.members);
    }

    // Once everybody is gone and every time is over, nothing is left.
    for connection in connections {
        hub.disconnect(now, connection);
    }
    while let Some(at) = hub.poll_timeout() {
        hub.handle_timeout(now.max(at));
        now = now.max(at);
    }
    let held = hub.statistics();
    assert_eq!((held.connections, held.sessions, held.away, held.channels), (0, 0, 0, 0));
    assert_eq!((held.members, held.findable, held.ringing), (0, 0, 0));
});
