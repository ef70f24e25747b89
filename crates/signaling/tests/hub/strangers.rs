//! Whatever comes in, the hub goes on, and holds no more than it may.

use peerline_signaling::hub::Config;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::simulation::{Client, World, channel};

fn frames() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/messages.json")).unwrap();
    vectors["from_client"]["valid"].as_array().unwrap().iter().map(|vector| vector["frame"].clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_answered_by_errors(inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..40)) {
        let mut world = World::new();
        let ada = world.client(1);
        for input in inputs {
            world.input(ada.connection, &input);
            for answer in world.pull(ada.connection) {
                prop_assert_eq!(&answer["type"], "error");
            }
        }
    }

    #[test]
    fn frames_with_flipped_bytes_do_no_harm(picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..200)) {
        let frames = frames();
        let mut world = World::new();
        let mut meeting = world.meeting(2);
        for (frame, byte, value) in picks {
            let mut text = frames[frame.index(frames.len())].to_string().into_bytes();
            let index = byte.index(text.len());
            text[index] = value;
            world.input(meeting[0].connection, &text);
            world.pull(meeting[0].connection);
        }
        // The other one has not been disturbed.
        let pong = meeting[1].ask(&mut world, json!({"type": "ping"}));
        prop_assert_eq!(&pong["type"], "pong");
    }
}

#[test]
fn a_crowd_that_does_everything_leaves_nothing_behind() {
    let mut world = World::with(Config { sessions: 64, ..Config::default() });
    for round in 0..2_000_u32 {
        let mut client = Client::new((round % 251) as u8 + 1);
        client.connect(&mut world);
        let hello = client.hello_frame(None);
        if client.ask(&mut world, hello)["type"] == "welcome" {
            if round % 3 == 0 {
                client.pose(&mut world, client.join_frame(&channel((round % 17) as u8)));
            }
            for frame in frames() {
                if frame["type"] != "hello" {
                    client.say(&mut world, &frame);
                }
            }
        }
        client.lose(&mut world);
        let held = world.statistics();
        assert!(
            held.sessions <= 64 && held.connections == 0 && held.members <= 64 * 16 && held.findable <= 64
        );
        world.sleep(1);
    }
    world.sleep(60);
    let left = world.statistics();
    assert_eq!(
        (left.sessions, left.away, left.channels, left.members, left.findable, left.ringing),
        (0, 0, 0, 0, 0, 0)
    );
    assert_eq!(world.hub.poll_timeout(), None);
}
