//! §7: sending, publishing, deferred answers, repetitions.

use peerline_signaling::hub::Config;
use serde_json::json;

use crate::simulation::{World, channel};

#[test]
fn a_message_to_one_reaches_that_one() {
    let mut world = World::new();
    let mut meeting = world.meeting(3);
    let frame = meeting[0].send_frame(&meeting[1], "hello");
    let answer = meeting[0].ask(&mut world, frame);
    assert_eq!(answer, json!({"type": "ok", "re": meeting[0].id}));
    let message = &meeting[1].told(&mut world)[0];
    assert_eq!(
        *message,
        json!({"type": "message", "offset": message["offset"], "channel": channel(1), "from": meeting[0].participant,
            "to": meeting[1].participant, "id": meeting[0].id, "payload": "hello"})
    );
    assert!(meeting[2].told(&mut world).is_empty());
}

#[test]
fn what_is_published_reaches_every_other_member() {
    let mut world = World::new();
    let mut meeting = world.meeting(4);
    let publish = json!({"type": "publish", "channel": channel(1), "payload": "hello"});
    let answer = meeting[0].ask(&mut world, publish);
    assert_eq!(answer, json!({"type": "ok", "re": meeting[0].id, "receivers": 3}));
    for other in &mut meeting[1..] {
        let told = other.told(&mut world);
        assert_eq!((told.len(), &told[0]["payload"], &told[0]["to"]), (1, &json!("hello"), &json!(null)));
    }
    assert!(meeting[0].told(&mut world).is_empty());
}

#[test]
fn who_is_no_member_is_gone() {
    let mut world = World::new();
    let mut meeting = world.meeting(1);
    let stranger = world.client(9);
    let frame = meeting[0].send_frame(&stranger, "x");
    assert_eq!(meeting[0].ask(&mut world, frame)["retry"], json!(null));
    let frame = meeting[0].send_frame(&meeting[0], "x");
    assert_eq!(meeting[0].ask_in_vain(&mut world, frame), "peer_gone");
}

#[test]
fn after_a_restart_who_is_gone_may_be_on_the_way_back() {
    let mut world = World::with(Config::default());
    let mut meeting = world.meeting(1);
    let mut late = crate::simulation::Client::new(2);
    let frame = meeting[0].send_frame(&late, "x");
    let answer = meeting[0].ask(&mut world, frame.clone());
    assert_eq!((&answer["code"], &answer["retry"]), (&json!("peer_gone"), &json!(1)));
    late.connect(&mut world);
    late.hello(&mut world, None);
    late.join(&mut world, &channel(1));
    // Nothing had been done: the same frame goes through now.
    let mut again = frame;
    again["id"] = meeting[0].id.into();
    meeting[0].say(&mut world, &again);
    let id = meeting[0].id;
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["type"], "ok");
    assert_eq!(late.told_types(&mut world), ["message"]);
}

#[test]
fn a_message_to_one_who_is_away_is_answered_when_it_follows() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].lose(&mut world);
    let frame = meeting[0].send_frame(&meeting[1], "later");
    let id = meeting[0].pose(&mut world, frame.clone());
    assert_eq!(meeting[0].answer_to(&mut world, id), None);
    // Repeating changes nothing.
    let mut again = frame;
    again["id"] = id.into();
    meeting[0].say(&mut world, &again);
    assert_eq!(meeting[0].answer_to(&mut world, id), None);
    world.sleep(30);
    assert!(meeting[1].come_back(&mut world));
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["type"], "ok");
    assert_eq!(meeting[0].answer_to(&mut world, id), None);
    assert_eq!(meeting[1].told(&mut world).iter().filter(|frame| frame["type"] == "message").count(), 1);
}

#[test]
fn a_message_to_one_who_does_not_come_back_is_answered_peer_gone() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].lose(&mut world);
    let frame = meeting[0].send_frame(&meeting[1], "later");
    let id = meeting[0].pose(&mut world, frame.clone());
    world.sleep(30);
    meeting[0].ask(&mut world, json!({"type": "ping"}));
    world.sleep(30);
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["code"], "peer_gone");
    let mut again = frame;
    again["id"] = id.into();
    meeting[0].say(&mut world, &again);
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["code"], "peer_gone");
}

#[test]
fn a_message_that_waited_for_a_lost_session_follows_the_next_join() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let frame = meeting[0].send_frame(&meeting[1], "before");
    assert_eq!(meeting[0].ask(&mut world, frame)["type"], "ok");
    meeting[1].lose(&mut world);
    let frame = meeting[0].send_frame(&meeting[1], "while away");
    let first = meeting[0].pose(&mut world, frame);
    meeting[1].come_back_anew(&mut world);
    let frame = meeting[0].send_frame(&meeting[1], "before it joined");
    let second = meeting[0].pose(&mut world, frame);
    assert_eq!(
        (meeting[0].answer_to(&mut world, first), meeting[0].answer_to(&mut world, second)),
        (None, None)
    );
    assert!(meeting[1].told(&mut world).is_empty());
    let join = meeting[1].join_frame(&channel(1));
    meeting[1].pose(&mut world, join);
    assert_eq!(world.pull_one(meeting[1].connection).unwrap()["type"], "joined");
    for id in [first, second] {
        assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["type"], "ok");
    }
    let told = meeting[1].told(&mut world);
    let payloads: Vec<_> = told.iter().map(|frame| frame["payload"].as_str().unwrap()).collect();
    assert_eq!(payloads, ["before", "while away", "before it joined"]);
    assert_eq!(told[0]["offset"], 1);
}

#[test]
fn a_message_that_waited_for_a_channel_never_joined_again_is_answered_peer_gone() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    meeting[1].come_back_anew(&mut world);
    let frame = meeting[0].send_frame(&meeting[1], "x");
    let id = meeting[0].pose(&mut world, frame);
    world.sleep(30);
    meeting[0].ask(&mut world, json!({"type": "ping"}));
    meeting[1].ask(&mut world, json!({"type": "ping"}));
    world.sleep(30);
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["code"], "peer_gone");
}

#[test]
fn a_repeated_frame_is_answered_again_and_not_done_again() {
    let mut world = World::new();
    let mut meeting = world.meeting(3);
    let publish = json!({"type": "publish", "channel": channel(1), "payload": "once"});
    let send = meeting[0].send_frame(&meeting[1], "once");
    for (frame, receivers) in [(publish, json!(2)), (send, json!(null))] {
        let id = meeting[0].pose(&mut world, frame.clone());
        // The connection broke before the answer came.
        meeting[0].lose(&mut world);
        assert!(meeting[0].come_back(&mut world));
        let mut again = frame;
        again["id"] = id.into();
        meeting[0].say(&mut world, &again);
        let answer = meeting[0].answer_to(&mut world, id).unwrap();
        assert_eq!((&answer["type"], &answer["receivers"]), (&json!("ok"), &receivers));
        let messages = meeting[1].told(&mut world).iter().filter(|frame| frame["type"] == "message").count();
        assert_eq!(messages, 1);
    }
}

#[test]
fn a_repetition_is_known_in_a_new_session_of_the_same_participant() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let frame = meeting[0].send_frame(&meeting[1], "once");
    let id = meeting[0].pose(&mut world, frame.clone());
    meeting[0].lose(&mut world);
    meeting[0].come_back_anew(&mut world);
    meeting[0].join(&mut world, &channel(1));
    let mut again = frame;
    again["id"] = id.into();
    meeting[0].say(&mut world, &again);
    assert_eq!(meeting[0].answer_to(&mut world, id).unwrap()["type"], "ok");
    let messages = meeting[1].told(&mut world).iter().filter(|frame| frame["type"] == "message").count();
    assert_eq!(messages, 1);
}

#[test]
fn messages_from_one_to_one_arrive_in_order_whatever_breaks() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    for number in 0..100 {
        if number % 7 == 3 {
            meeting[1].lose(&mut world);
        }
        let frame = meeting[0].send_frame(&meeting[1], &number.to_string());
        meeting[0].pose(&mut world, frame);
        if number % 7 == 5 {
            assert!(meeting[1].come_back(&mut world));
        }
    }
    let told = meeting[1].told(&mut world);
    let numbers: Vec<_> = told
        .iter()
        .filter_map(|frame| frame["payload"].as_str())
        .map(|text| text.parse::<u32>().unwrap())
        .collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

#[test]
fn answers_and_news_come_in_the_order_in_which_they_happened() {
    let mut world = World::new();
    let mut ada = world.client(1);
    let mut bob = world.client(2);
    ada.pose(&mut world, ada.join_frame(&channel(1)));
    bob.join(&mut world, &channel(1));
    ada.pose(&mut world, json!({"type": "ping"}));
    let types: Vec<_> =
        world.pull(ada.connection).iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["joined", "arrived", "pong"]);
}
