//! §5: hello, resumption, fencing, heartbeat, restart.

use peerline_signaling::hub::{Config, Event};
use serde_json::json;

use crate::simulation::{Client, World, channel};

#[test]
fn hello_is_answered_by_welcome() {
    let mut world = World::new();
    let mut ada = Client::new(1);
    ada.connect(&mut world);
    let welcome = ada.hello(&mut world, None);
    assert_eq!(welcome["participant"], ada.participant);
    assert_eq!((&welcome["grace"], &welcome["heartbeat"]), (&json!(60), &json!(25)));
    assert_eq!(welcome["recovered"], false);
    assert_eq!(
        welcome["limits"],
        json!({"frame": 65536, "frames_per_second": 100, "burst": 400, "channels": 16, "members": 8, "queue": 512})
    );
    assert_eq!(welcome["resume"].as_str().unwrap().len(), 43);
}

#[test]
fn a_frame_before_hello_closes_the_connection() {
    for (frame, code) in [
        (json!({"type": "ping", "id": 1}), "hello_first"),
        (json!({"type": "ack", "offset": 1}), "hello_first"),
        (json!({"type": "teleport", "id": 1}), "hello_first"),
        (json!({"type": "hello", "id": 1}), "bad_frame"),
    ] {
        let mut world = World::new();
        let connection = world.connect_from("192.0.2.1");
        world.input(connection, frame.to_string().as_bytes());
        assert_eq!(world.pull(connection)[0]["code"], code);
        assert_eq!(world.closed[&connection], 4002);
        // What comes after is ignored.
        world.input(connection, frame.to_string().as_bytes());
        assert_eq!(world.pull(connection).len(), 0);
    }
}

#[test]
fn a_connection_without_hello_is_closed_after_ten_seconds() {
    let mut world = World::new();
    let connection = world.connect_from("192.0.2.1");
    world.sleep(9);
    assert!(world.closed.is_empty());
    world.sleep(1);
    assert_eq!(world.closed[&connection], 4002);
}

#[test]
fn a_second_hello_is_a_bad_frame() {
    let mut world = World::new();
    let mut ada = world.client(1);
    let hello = ada.hello_frame(None);
    assert_eq!(ada.ask_in_vain(&mut world, hello), "bad_frame");
}

#[test]
fn a_client_that_says_nothing_for_two_heartbeats_is_idle() {
    let mut world = World::new();
    let mut ada = world.client(1);
    for _ in 0..4 {
        world.sleep(49);
        assert_eq!(ada.ask(&mut world, json!({"type": "ping"}))["type"], "pong");
    }
    world.sleep(50);
    assert_eq!(world.closed[&ada.connection], 4004);
    assert!(ada.come_back(&mut world), "idle connections leave their session behind");
}

#[test]
fn a_session_is_resumed_within_the_grace_time() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].announce(&mut world, "Bob");
    meeting[1].lose(&mut world);
    assert_eq!(meeting[0].told(&mut world)[0]["state"], "away");
    meeting[0].stay(&mut world, 59);
    assert!(meeting[1].come_back(&mut world));
    assert_eq!(meeting[0].told(&mut world)[0]["state"], "present");
    // Memberships and announcements stand.
    let frame = meeting[0].send_frame(&meeting[1], "hi");
    assert_eq!(meeting[0].ask(&mut world, frame)["type"], "ok");
    assert_eq!(meeting[1].told_types(&mut world), ["message"]);
    assert_eq!(meeting[0].find(&mut world, "bob").len(), 1);
}

#[test]
fn after_the_grace_time_the_session_is_gone() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].announce(&mut world, "Bob");
    meeting[1].lose(&mut world);
    meeting[0].stay(&mut world, 60);
    let told = meeting[0].told(&mut world);
    assert_eq!(told[0]["state"], "away");
    assert_eq!((&told[1]["type"], &told[1]["reason"]), (&json!("left"), &json!("timeout")));
    assert_eq!(meeting[0].find(&mut world, "").len(), 0);
    assert!(!meeting[1].come_back(&mut world));
    let channel = channel(1);
    let frame = json!({"type": "publish", "channel": channel, "payload": "x"});
    assert_eq!(meeting[1].ask_in_vain(&mut world, frame), "not_joined");
}

#[test]
fn every_frame_after_the_offset_follows_again() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let (ada, rest) = meeting.split_at_mut(1);
    let (ada, bob) = (&mut ada[0], &mut rest[0]);
    let before = bob.offset;
    for text in ["one", "two", "three"] {
        let frame = ada.send_frame(bob, text);
        assert_eq!(ada.ask(&mut world, frame)["type"], "ok");
    }
    // Two were sent on a connection that broke; of these, one arrived.
    world.pull_one(bob.connection);
    world.pull_one(bob.connection);
    bob.offset = before + 1;
    bob.lose(&mut world);
    assert!(bob.come_back(&mut world));
    let told = bob.told(&mut world);
    assert_eq!(told.iter().map(|frame| &frame["payload"]).collect::<Vec<_>>(), ["two", "three"]);
    assert_eq!(
        told.iter().map(|frame| frame["offset"].as_u64().unwrap()).collect::<Vec<_>>(),
        [before + 2, before + 3]
    );
}

#[test]
fn a_token_is_good_once_and_only_with_its_key_epoch_and_offset() {
    let mut world = World::new();
    let mut ada = world.client(1);
    let first = ada.resume();
    ada.lose(&mut world);
    ada.connect(&mut world);
    assert_eq!(ada.hello(&mut world, Some(first.clone()))["recovered"], true);
    ada.lose(&mut world);
    ada.connect(&mut world);
    assert_eq!(ada.hello(&mut world, Some(first))["recovered"], false);

    let right = ada.resume();
    for (member, wrong) in
        [("token", json!("A".repeat(43))), ("token", json!("")), ("epoch", json!("x")), ("offset", json!(99))]
    {
        let mut resume = ada.resume();
        resume[member] = wrong;
        ada.lose(&mut world);
        ada.connect(&mut world);
        assert_eq!(ada.hello(&mut world, Some(resume))["recovered"], false, "{member}");
    }
    let mut mallory = Client::new(2);
    mallory.connect(&mut world);
    assert_eq!(mallory.hello(&mut world, Some(right))["recovered"], false);
    assert_ne!(mallory.participant, ada.participant);
}

#[test]
fn after_a_restart_the_epoch_is_another_and_the_identifier_the_same() {
    let mut world = World::new();
    let mut ada = world.client(1);
    ada.join(&mut world, &channel(1));
    let epoch = ada.epoch.clone();
    let mut world = World::with(Config::default());
    assert!(!ada.come_back(&mut world));
    assert_ne!(ada.epoch, epoch);
    assert_eq!(ada.participant, Client::new(1).participant);
}

#[test]
fn a_newer_connection_fences_the_older() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let older = meeting[1].connection;
    // The client has noticed before the server that its connection broke.
    assert!(meeting[1].come_back(&mut world));
    assert_eq!(world.closed[&older], 4001);
    // Its end, when it comes, changes nothing.
    meeting[0].told(&mut world);
    world.disconnect(older);
    assert_eq!(meeting[0].told(&mut world).len(), 0);
    let frame = meeting[0].send_frame(&meeting[1], "hi");
    assert_eq!(meeting[0].ask(&mut world, frame)["type"], "ok");
    assert_eq!(meeting[1].told_types(&mut world), ["message"]);
}

#[test]
fn a_new_session_of_the_same_participant_arrives_without_having_left() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].lose(&mut world);
    meeting[1].come_back_anew(&mut world);
    meeting[1].join(&mut world, &channel(1));
    assert_eq!(meeting[0].told_types(&mut world), ["state", "arrived"]);
    assert_eq!(world.statistics().members, 2);
}

#[test]
fn channels_that_the_new_session_does_not_join_are_left_after_the_grace_time() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].come_back_anew(&mut world);
    world.sleep(30);
    assert_eq!(meeting[1].ask(&mut world, json!({"type": "ping"}))["type"], "pong");
    assert_eq!(meeting[0].ask(&mut world, json!({"type": "ping"}))["type"], "pong");
    assert_eq!(meeting[0].told_types(&mut world), ["state"]);
    world.sleep(30);
    let told = meeting[0].told(&mut world);
    assert_eq!((&told[0]["type"], &told[0]["reason"]), (&json!("left"), &json!("timeout")));
}

#[test]
fn drain_announces_the_restart_and_lets_nobody_in() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    world.hub.drain(world.now, 1..=10);
    let told = meeting[0].told(&mut world);
    assert_eq!((&told[0]["type"], &told[0]["reconnect"]), (&json!("drain"), &json!([1, 10])));
    // The client goes on.
    let frame = meeting[0].send_frame(&meeting[1], "hi");
    assert_eq!(meeting[0].ask(&mut world, frame)["type"], "ok");

    let mut carol = Client::new(3);
    carol.connect(&mut world);
    let hello = carol.hello_frame(None);
    let answer = carol.ask(&mut world, hello);
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("draining"), &json!(1)));
    assert_eq!(world.closed[&carol.connection], 1012);
}

#[test]
fn the_owner_hears_of_sessions_and_reported_paths() {
    let mut world = World::new();
    let mut ada = world.client(1);
    ada.join(&mut world, &channel(1));
    ada.say(&mut world, &json!({"type": "report", "path": "failed", "reason": "ice_failed"}));
    ada.lose(&mut world);
    world.sleep(60);
    let events: Vec<_> = world.events.iter().map(|event| format!("{event:?}")).collect();
    for (event, expected) in
        events.iter().zip(["SessionStarted", "Joined", "PathReported", "Left", "SessionEnded"])
    {
        assert!(event.starts_with(expected), "{event} is not {expected}");
    }
    assert!(matches!(world.events[2], Event::PathReported { reason: Some(_), .. }));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_a_bad_frame() {
    let mut world = World::new();
    let mut ada = world.client(1);
    ada.say(&mut world, &json!({"type": "ack", "offset": 1}));
    assert_eq!(ada.told(&mut world)[0]["code"], "bad_frame");
}

#[test]
fn a_hub_that_everybody_has_left_holds_nothing() {
    let mut world = World::new();
    for mut client in world.meeting(4) {
        client.announce(&mut world, "Somebody");
        client.lose(&mut world);
    }
    world.sleep(60);
    let left = world.statistics();
    assert_eq!(
        (left.connections, left.sessions, left.away, left.channels, left.members, left.findable),
        (0, 0, 0, 0, 0, 0)
    );
    assert_eq!(world.hub.poll_timeout(), None);
}
