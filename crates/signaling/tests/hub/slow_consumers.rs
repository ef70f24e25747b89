//! §5: what is kept for a client that doesn't keep up.

use peerline_signaling::hub::Config;
use serde_json::json;

use crate::simulation::{Client, World, channel};

/// Publishes until the queue of the meeting's last client, who acknowledges nothing, is full.
fn fill(world: &mut World, meeting: &mut [Client]) -> u32 {
    let mut published = 0;
    loop {
        world.sleep_for(std::time::Duration::from_millis(10));
        let publish = json!({"type": "publish", "channel": channel(1), "payload": "x"});
        let answer = meeting[0].ask(world, publish);
        meeting[0].acknowledge(world);
        if answer["type"] == "error" || !answer["busy"].is_null() {
            return published;
        }
        published += 1;
    }
}

#[test]
fn a_full_queue_makes_its_owner_busy() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let before = u32::try_from(meeting[1].offset).unwrap();
    assert_eq!(fill(&mut world, &mut meeting), 512 - before);
    let frame = meeting[0].send_frame(&meeting[1], "x");
    let answer = meeting[0].ask(&mut world, frame.clone());
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("peer_busy"), &json!(1)));
    // Nothing was done, so the same frame goes through when there is room.
    meeting[1].told(&mut world);
    meeting[1].acknowledge(&mut world);
    let mut again = frame;
    again["id"] = meeting[0].id.into();
    meeting[0].say(&mut world, &again);
    let id = meeting[0].id;
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["type"], "ok");
    assert_eq!(meeting[1].told_types(&mut world), ["message"]);
}

#[test]
fn a_queue_holds_a_mebibyte() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let publish = json!({"type": "publish", "channel": channel(1), "payload": "x".repeat(60_000)});
    let sent = (0..100).take_while(|_| meeting[0].ask(&mut world, publish.clone())["type"] == "ok").count();
    assert_eq!(sent, (1 << 20) / 60_400);
}

#[test]
fn all_queues_together_hold_no_more_than_the_hub_may() {
    let mut world = World::with(Config { queued_bytes: 20_000, ..Config::default() });
    let mut meeting = world.meeting(3);
    for client in &mut meeting {
        client.acknowledge(&mut world);
    }
    assert_eq!(world.statistics().queued_bytes, 0);
    let to_second = meeting[0].send_frame(&meeting[1], &"x".repeat(15_000));
    let to_third = meeting[0].send_frame(&meeting[2], &"x".repeat(15_000));
    assert_eq!(meeting[0].ask(&mut world, to_second)["type"], "ok");
    let answer = meeting[0].ask(&mut world, to_third.clone());
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("peer_busy"), &json!(1)));
    assert!((15_000..=20_000).contains(&world.statistics().queued_bytes));
    // What one acknowledges makes room for all, and so does the end of a session.
    meeting[1].told(&mut world);
    meeting[1].acknowledge(&mut world);
    assert_eq!(world.statistics().queued_bytes, 0);
    assert_eq!(meeting[0].ask(&mut world, to_third)["type"], "ok");
    meeting[2].lose(&mut world);
    for _ in 0..4 {
        world.sleep(16);
        for client in &mut meeting[..2] {
            client.told(&mut world);
            client.acknowledge(&mut world);
        }
    }
    assert_eq!(world.statistics().queued_bytes, 0);
}

#[test]
fn the_queues_of_one_address_hold_no_more_than_its_share() {
    let mut world = World::with(Config { queued_bytes_per_address: 20_000, ..Config::default() });
    let mut meeting: Vec<_> = (1..=4).map(Client::new).collect();
    for (number, client) in meeting.iter_mut().enumerate() {
        client.address = if number < 2 { "198.51.100.1".into() } else { format!("192.0.2.{number}") };
        client.connect(&mut world);
        client.hello(&mut world, None);
        client.join(&mut world, &channel(1));
    }
    let payload = "x".repeat(15_000);
    let [first, second, third] = [0, 1, 3].map(|to| meeting[2].send_frame(&meeting[to], &payload));
    assert_eq!(meeting[2].ask(&mut world, first)["type"], "ok");
    assert_eq!(meeting[2].ask_in_vain(&mut world, second), "peer_busy");
    assert_eq!(meeting[2].ask(&mut world, third)["type"], "ok");
}

#[test]
fn who_publishes_is_told_whose_queue_is_full() {
    let mut world = World::new();
    let mut meeting = world.meeting(3);
    let slow = meeting[2].participant.clone();
    for _ in 0..600 {
        world.sleep_for(std::time::Duration::from_millis(10));
        let publish = json!({"type": "publish", "channel": channel(1), "payload": "x"});
        let answer = meeting[0].ask(&mut world, publish);
        meeting[0].acknowledge(&mut world);
        meeting[1].told(&mut world);
        meeting[1].acknowledge(&mut world);
        if !answer["busy"].is_null() {
            assert_eq!((&answer["receivers"], &answer["busy"]), (&json!(1), &json!([slow])));
            return;
        }
    }
    panic!("no queue was full");
}

#[test]
fn changes_that_have_no_room_are_folded_into_one_resync() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    fill(&mut world, &mut meeting);
    let mut carol = world.client(3);
    carol.join(&mut world, &channel(1));
    carol.ask(&mut world, json!({"type": "profile", "channel": channel(1), "profile": "new"}));
    let mut dave = world.client(4);
    dave.join(&mut world, &channel(1));
    dave.ask(&mut world, json!({"type": "leave", "channel": channel(1)}));
    let told = meeting[1].told(&mut world);
    assert!(told.iter().all(|frame| frame["type"] == "message"));
    meeting[1].acknowledge(&mut world);
    let told = meeting[1].told(&mut world);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], "resync");
    let channels = told[0]["channels"].as_array().unwrap();
    assert_eq!((channels.len(), &channels[0]["channel"]), (1, &json!(channel(1))));
    let members = channels[0]["members"].as_array().unwrap();
    let names: Vec<_> = members.iter().map(|member| member["participant"].as_str().unwrap()).collect();
    assert_eq!(names, [&meeting[0].participant, &carol.participant]);
    assert_eq!(members[1]["profile"], "new");
    // From here on changes come one by one again.
    dave.join(&mut world, &channel(1));
    assert_eq!(meeting[1].told_types(&mut world), ["arrived"]);
}

#[test]
fn a_resync_of_many_full_channels_comes_in_frames_of_allowed_size() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    for number in 2..=16 {
        meeting[1].join(&mut world, &channel(number));
    }
    fill(&mut world, &mut meeting);
    for (number, other) in (2..=16).flat_map(|number| (0..7).map(move |other| (number, other))) {
        let mut member = world.client(20 + (number - 2) * 7 + other);
        let join = json!({"type": "join", "channel": channel(number), "profile": "p".repeat(2_048)});
        assert_eq!(member.ask(&mut world, join)["type"], "joined");
    }
    meeting[1].told(&mut world);
    meeting[1].acknowledge(&mut world);
    let told = meeting[1].told(&mut world);
    assert!(told.len() > 1 && told.iter().all(|frame| frame["type"] == "resync"));
    let channels: usize = told.iter().map(|frame| frame["channels"].as_array().unwrap().len()).sum();
    assert_eq!(channels, 15);
}

#[test]
fn a_resync_waits_for_one_who_is_away() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].lose(&mut world);
    fill(&mut world, &mut meeting);
    world.client(3).join(&mut world, &channel(1));
    // Everything is still unacknowledged, so there is no room yet.
    assert!(meeting[1].come_back(&mut world));
    assert!(!meeting[1].told_types(&mut world).contains(&"resync".to_owned()));
    meeting[1].acknowledge(&mut world);
    assert_eq!(meeting[1].told_types(&mut world), ["resync"]);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_closed() {
    let mut world = World::new();
    let mut ada = world.client(1);
    for _ in 0..2_000 {
        world.sleep_for(std::time::Duration::from_millis(10));
        ada.pose(&mut world, json!({"type": "ping"}));
    }
    assert_eq!(world.closed[&ada.connection], 4005);
    assert_eq!(world.pull(ada.connection).len(), 0);
}

#[test]
fn the_end_of_an_invitation_is_told_even_when_the_queue_is_full() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].announce(&mut world, "Bob");
    let invite = meeting[0].invite_frame(&meeting[1]);
    meeting[0].ask(&mut world, invite.clone());
    let cancel = json!({"type": "cancel", "invitation": meeting[0].id});
    fill(&mut world, &mut meeting);
    assert_eq!(meeting[0].ask(&mut world, cancel)["type"], "ok");
    assert_eq!(meeting[0].ask_in_vain(&mut world, invite), "peer_busy");
    assert_eq!(meeting[1].told_types(&mut world).last().unwrap(), "invitation_ended");
}
