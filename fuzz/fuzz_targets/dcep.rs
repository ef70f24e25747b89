//! A peer that sends any messages, resets any streams, and an application that opens and closes channels.
//! Nothing panics; every channel that was announced or opened closes once at most.
#![no_main]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use peerline_sctp::{
    Association, ChannelEvent, ChannelHandle, Config, DataChannelInit, DataChannels, Payload, PayloadProtocol, Role,
    SendOptions, StreamId,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
enum Step {
    /// Any message of the peer's.
    Message { stream: u8, protocol: u8, bytes: Vec<u8>, unordered: bool },
    /// DATA_CHANNEL_OPEN with lengths that may be wrong.
    Opening { stream: u8, kind: u8, label_length: u8, protocol_length: u8, names: Vec<u8> },
    PeerResets { stream: u8 },
    Open { negotiated: Option<u8> },
    Close { channel: u8 },
    Send { channel: u8, text: bool, length: u8 },
    Exchange,
    Wait { milliseconds: u16 },
}

fuzz_target!(|steps: Vec<Step>| {
    let mut now = Instant::now();
    let mut peer = Association::new(Config::default(), StdRng::seed_from_u64(1));
    let mut channels = DataChannels::new(Config::default(), StdRng::seed_from_u64(2));
    peer.connect_with_remote_init(now, &channels.local_init()).unwrap();
    let init = peer.local_init();
    channels.set_role(Role::Server);
    channels.connect_with_remote_init(now, &init).unwrap();
    let mut known: Vec<ChannelHandle> = Vec::new();
    let mut closed = HashSet::new();
    for step in steps {
        match step {
            Step::Message { stream, protocol, bytes, unordered } => {
                let options = SendOptions { ordered: !unordered, ..SendOptions::default() };
                let protocol = PayloadProtocol(48 + u32::from(protocol % 12));
                let _ = peer.send(now, StreamId((stream % 8).into()), protocol, Bytes::from(bytes), options);
            }
            Step::Opening { stream, kind, label_length, protocol_length, names } => {
                let mut bytes = vec![3, kind, 1, 0, 0, 0, 0, 5, 0, label_length, 0, protocol_length];
                bytes.extend(names);
                let stream = StreamId((stream % 8).into());
                let _ = peer.send(now, stream, PayloadProtocol::DCEP, Bytes::from(bytes), SendOptions::default());
            }
            Step::PeerResets { stream } => peer.reset_stream(StreamId((stream % 8).into())),
            Step::Open { negotiated } => {
                let id = negotiated.map(|id| StreamId((id % 8).into()));
                let init = DataChannelInit { negotiated: id.is_some(), id, ..DataChannelInit::default() };
                known.extend(channels.open(now, init));
            }
            Step::Close { channel } => {
                if let Some(&handle) = known.get(usize::from(channel)) {
                    channels.close(now, handle);
                }
            }
            Step::Send { channel, text, length } => {
                if let Some(&handle) = known.get(usize::from(channel)) {
                    let data = vec![b'x'; length.into()];
                    let payload = if text {
                        Payload::text(String::from_utf8(data).unwrap())
                    } else {
                        Payload::binary(data)
                    };
                    let _ = channels.send(now, handle, payload);
                }
            }
            Step::Exchange => {}
            Step::Wait { milliseconds } => now += Duration::from_millis(milliseconds.into()),
        }
        let mut buffer = [0; 2_000];
        for _ in 0..3 {
            while let Some(length) = peer.poll_transmit(now, &mut buffer) {
                channels.handle_input(now, &buffer[..length]);
            }
            while let Some(event) = channels.poll_event() {
                match event {
                    ChannelEvent::Announced(handle) => known.push(handle),
                    ChannelEvent::Closed(handle, _) => assert!(closed.insert(handle), "closed twice"),
                    _ => {}
                }
            }
            while let Some(length) = channels.poll_transmit(now, &mut buffer) {
                peer.handle_input(now, &buffer[..length]);
            }
            while peer.poll_event().is_some() {}
        }
        for at in [peer.poll_timeout(), channels.poll_timeout()] {
            if at.is_some_and(|at| at <= now) {
                peer.handle_timeout(now);
                channels.handle_timeout(now);
            }
        }
    }
    let open: HashSet<_> = channels.channels().collect();
    assert!(open.is_disjoint(&closed));
});
