//! What a connection holds while nothing happens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../peerline/tests/cost/counting.rs"]
mod counting;
#[path = "common/network.rs"]
mod network;

use std::time::Duration;

use counting::Count;
use network::{Link, World};
use peerline_connection::*;

/// Longer than SCTP waits until it asks whether the path is alive.
const IDLE: Duration = Duration::from_secs(70);

#[test]
fn what_bulk_has_taken_is_given_back_when_a_connection_idles() {
    let link = Link {
        delay: Duration::from_millis(50),
        bandwidth: Some(125_000_000),
        queue: 8 << 20,
        ..Link::default()
    };
    let mut world = World::new(1, &Configuration::default(), [link.clone(), link]);
    let now = world.now;
    let channel =
        world.peers[0].connection.create_data_channel(now, "bulk", DataChannelInit::default()).unwrap();
    world.negotiate(0);
    let is_open = |world: &mut World| world.happened(0, |event| *event == Event::DataChannelOpen(channel));
    assert!(world.run_until(Duration::from_secs(10), is_open));
    world.run(IDLE);
    world.forget();
    let before = Count::now();
    let message = bytes::Bytes::from(vec![7; 64 << 10]);
    let now = world.now;
    for _ in 0..512 {
        world.peers[0].connection.send(now, channel, Payload::binary(message.clone())).unwrap();
    }
    world.drain(0);
    let has_all = |world: &mut World| {
        let messages = world.peers[1].events.iter();
        messages.filter(|(_, event)| matches!(event, Event::DataChannelMessage { .. })).count() == 512
    };
    assert!(world.run_until(Duration::from_secs(60), has_all));
    let busy = before.since().bytes;
    world.run(IDLE);
    world.forget();
    drop(message);
    let idle = before.since().bytes;
    assert!(idle < 4 << 10, "{idle} bytes more than before; {busy} while it was busy");
}
