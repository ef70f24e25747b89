//! §11, and the limits of single members elsewhere.

use peerline_signaling::hub::Config;
use serde_json::json;

use crate::simulation::{Client, World, channel};

#[test]
fn a_hundred_frames_a_second_for_long_and_four_hundred_at_once() {
    let mut world = World::new();
    let mut ada = world.client(1);
    let ping = json!({"type": "ping"});
    world.sleep(10);
    for _ in 0..400 {
        assert_eq!(ada.ask(&mut world, ping.clone())["type"], "pong");
    }
    let answer = ada.ask(&mut world, ping.clone());
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("rate_limited"), &json!(1)));
    world.sleep(1);
    for _ in 0..100 {
        assert_eq!(ada.ask(&mut world, ping.clone())["type"], "pong");
    }
    assert_eq!(ada.ask_in_vain(&mut world, ping), "rate_limited");
}

#[test]
fn an_acknowledgement_is_heard_at_any_rate() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let ack = json!({"type": "ack", "offset": meeting[0].offset});
    for _ in 0..1_000 {
        meeting[0].say(&mut world, &ack);
    }
    assert!(meeting[0].told(&mut world).is_empty());
}

#[test]
fn a_channel_has_eight_members() {
    let mut world = World::new();
    let mut meeting = world.meeting(8);
    let mut ninth = world.client(9);
    let join = ninth.join_frame(&channel(1));
    assert_eq!(ninth.ask_in_vain(&mut world, join), "channel_full");
    meeting[0].ask(&mut world, json!({"type": "leave", "channel": channel(1)}));
    assert_eq!(ninth.join(&mut world, &channel(1))["members"].as_array().unwrap().len(), 7);
}

#[test]
fn a_member_who_is_away_keeps_its_place() {
    let mut world = World::new();
    let mut meeting = world.meeting(8);
    meeting[0].lose(&mut world);
    let mut ninth = world.client(9);
    let join = ninth.join_frame(&channel(1));
    assert_eq!(ninth.ask_in_vain(&mut world, join), "channel_full");
    meeting[0].come_back_anew(&mut world);
    meeting[0].join(&mut world, &channel(1));
}

#[test]
fn a_session_is_in_sixteen_channels() {
    let mut world = World::new();
    let mut ada = world.client(1);
    for number in 1..=16 {
        ada.join(&mut world, &channel(number));
    }
    let join = ada.join_frame(&channel(17));
    assert_eq!(ada.ask_in_vain(&mut world, join), "too_many_channels");
    ada.join(&mut world, &channel(16));
    ada.ask(&mut world, json!({"type": "leave", "channel": channel(1)}));
    ada.join(&mut world, &channel(17));
}

#[test]
fn an_address_joins_thirty_times_in_ten_seconds() {
    let mut world = World::new();
    let mut clients: Vec<_> = (1..=4)
        .map(|number| {
            let mut client = Client::new(number);
            // Four hosts of one /64.
            client.address = format!("2001:db8::{number}");
            client.connect(&mut world);
            client.hello(&mut world, None);
            client
        })
        .collect();
    for number in 0..30 {
        clients[usize::from(number % 3)].join(&mut world, &channel(number));
    }
    let join = clients[3].join_frame(&channel(99));
    let answer = clients[3].ask(&mut world, join);
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("too_many_joins"), &json!(10)));
    // Joining again is no new join, and other addresses are not concerned.
    clients[0].join(&mut world, &channel(0));
    world.client(9).join(&mut world, &channel(99));
    world.sleep(10);
    clients[3].join(&mut world, &channel(99));
}

#[test]
fn an_address_fails_to_join_twenty_times_in_a_minute() {
    let mut world = World::new();
    world.meeting(8);
    let mut mallory = world.client(99);
    let mut join = mallory.join_frame(&channel(1));
    for attempt in 0..20 {
        if attempt == 10 {
            join["channel"] = "guess".into();
        }
        assert_eq!(
            mallory.ask_in_vain(&mut world, join.clone()),
            if attempt < 10 { "channel_full" } else { "bad_channel" }
        );
    }
    let answer = mallory.ask(&mut world, join);
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("too_many_joins"), &json!(60)));
    let join = mallory.join_frame(&channel(2));
    assert_eq!(mallory.ask_in_vain(&mut world, join), "too_many_joins");
    world.sleep(30);
    mallory.ask(&mut world, json!({"type": "ping"}));
    world.sleep(30);
    mallory.join(&mut world, &channel(2));
}

#[test]
fn sixteen_bad_frames_within_a_minute_close_the_connection() {
    let mut world = World::new();
    let mut ada = world.client(1);
    for _ in 0..15 {
        world.input(ada.connection, b"garbage");
    }
    world.sleep(40);
    ada.ask(&mut world, json!({"type": "ping"}));
    world.sleep(20);
    for number in 0..16 {
        assert!(world.closed.is_empty(), "{number}");
        world.input(ada.connection, br#"{"type":"teleport","id":1}"#);
    }
    assert_eq!(world.closed[&ada.connection], 4003);
}

#[test]
fn a_full_hub_refuses_newcomers_but_not_those_it_knows() {
    let mut world = World::with(Config { sessions: 3, ..Config::default() });
    let mut meeting = world.meeting(3);
    let mut fourth = Client::new(4);
    fourth.connect(&mut world);
    let hello = fourth.hello_frame(None);
    let answer = fourth.ask(&mut world, hello);
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("overloaded"), &json!(60)));
    assert_eq!(world.closed[&fourth.connection], 4002);
    meeting[0].lose(&mut world);
    assert!(meeting[0].come_back(&mut world));
}

#[test]
fn an_address_that_announces_and_goes_keeps_nobody_else_out() {
    let mut world = World::with(Config { sessions_per_address: 3, ..Config::default() });
    let mut crowd: Vec<_> = (1..=4).map(Client::new).collect();
    for (number, client) in crowd.iter_mut().enumerate() {
        // Hosts of one /64.
        client.address = format!("2001:db8::{number}");
        client.connect(&mut world);
        if number == 3 {
            let hello = client.hello_frame(None);
            let answer = client.ask(&mut world, hello);
            assert_eq!((&answer["code"], &answer["retry"]), (&json!("overloaded"), &json!(60)));
            assert_eq!(world.closed[&client.connection], 4002);
        } else {
            client.hello(&mut world, None);
            client.announce(&mut world, "Crowd");
            client.lose(&mut world);
        }
    }
    // Others come, those it knows come back, and time makes room.
    world.client(9);
    assert!(crowd[0].come_back(&mut world));
    world.sleep(60);
    crowd[3].connect(&mut world);
    crowd[3].hello(&mut world, None);
}

#[test]
fn a_session_counts_where_it_began_for_as_long_as_it_lives() {
    let mut world = World::with(Config { sessions_per_address: 1, ..Config::default() });
    let mut ada = world.client(1);
    ada.lose(&mut world);
    let home = std::mem::replace(&mut ada.address, "198.51.100.1".to_owned());
    assert!(ada.come_back(&mut world));
    let mut there = Client::new(2);
    there.address = "198.51.100.1".to_owned();
    there.connect(&mut world);
    there.hello(&mut world, None);
    let mut neighbour = Client::new(3);
    neighbour.address = home;
    neighbour.connect(&mut world);
    let hello = neighbour.hello_frame(None);
    assert_eq!(neighbour.ask_in_vain(&mut world, hello), "overloaded");
}

#[test]
fn strangers_who_come_and_go_do_not_fill_the_hub() {
    let mut world = World::with(Config { sessions: 10, ..Config::default() });
    let mut meeting = world.meeting(2);
    meeting[1].lose(&mut world);
    for number in 10..=200 {
        let mut stranger = world.client(number);
        stranger.lose(&mut world);
        assert!(world.statistics().sessions <= 10);
    }
    assert!(meeting[1].come_back(&mut world), "a member who is away is not forgotten for a stranger");
}

#[test]
fn a_participant_has_sixteen_invitations_open() {
    let mut world = World::new();
    let mut ada = world.client(1);
    for number in 2..=18 {
        let mut other = world.client(number);
        other.announce(&mut world, "Other");
        let invite = ada.invite_frame(&other);
        let answer = ada.ask(&mut world, invite);
        assert_eq!(answer["type"], if number <= 17 { "ok" } else { "error" });
        assert_eq!(answer["code"], if number <= 17 { json!(null) } else { json!("rate_limited") });
    }
}
