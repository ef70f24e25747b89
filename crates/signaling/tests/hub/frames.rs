//! The golden vectors of frames, through a hub.

use serde_json::{Value, json};

use crate::simulation::World;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/messages.json")).unwrap()
}

#[test]
fn what_is_no_frame_is_answered_with_its_code() {
    for vector in vectors()["from_client"]["invalid"].as_array().unwrap() {
        let mut world = World::new();
        let ada = world.client(1);
        let text = match vector["text"].as_str() {
            Some(text) => text.to_owned(),
            None => {
                let fill =
                    vector["fill"].as_str().unwrap().repeat(vector["times"].as_u64().unwrap() as usize);
                format!("{}{fill}{}", vector["before"].as_str().unwrap(), vector["after"].as_str().unwrap())
            }
        };
        world.input(ada.connection, text.as_bytes());
        let answers = world.pull(ada.connection);
        assert_eq!(answers.len(), 1, "{}", vector["name"]);
        let answer = &answers[0];
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &vector["error"]),
            "{}",
            vector["name"]
        );
        assert_eq!(answer["re"], vector["re"], "{}", vector["name"]);
        assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

#[test]
fn every_valid_frame_is_understood() {
    for vector in vectors()["from_client"]["valid"].as_array().unwrap() {
        let mut world = World::new();
        let mut ada = world.client(1);
        let frame = vector["frame"].clone();
        if frame["type"] == "hello" {
            ada.connect(&mut world);
        }
        ada.say(&mut world, &frame);
        for answer in world.pull(ada.connection) {
            let code = answer["code"].as_str().unwrap_or_default();
            assert!(code != "unknown_type", "{}: {answer}", vector["name"]);
            // The one acknowledges what was never sent.
            assert!(code != "bad_frame" || frame["type"] == "ack", "{}: {answer}", vector["name"]);
        }
    }
}

#[test]
fn a_frame_that_is_not_utf8_is_no_frame() {
    let mut world = World::new();
    let ada = world.client(1);
    world.input(ada.connection, b"{\"type\":\"ping\",\"id\":2,\"x\":\"\xff\"}");
    assert_eq!(world.pull(ada.connection)[0]["code"], "bad_frame");
}

#[test]
fn a_frame_of_65536_bytes_passes_and_a_larger_one_closes_the_connection() {
    let mut world = World::new();
    let mut ada = world.client(1);
    let frame = |length: usize| {
        let head = r#"{"type":"ping","id":9,"filler":""#;
        format!("{head}{}\"}}", "A".repeat(length - head.len() - 2))
    };
    world.input(ada.connection, frame(65_536).as_bytes());
    assert_eq!(ada.answer_to(&mut world, 9).unwrap()["type"], "pong");
    world.input(ada.connection, frame(65_537).as_bytes());
    assert_eq!(world.pull(ada.connection)[0]["code"], "too_large");
    assert_eq!(world.closed[&ada.connection], 1009);
}

#[test]
fn the_longest_payload_arrives_in_one_frame() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let payload = "A".repeat(65_280);
    let publish = json!({"type": "publish", "channel": crate::simulation::channel(1), "payload": payload});
    assert_eq!(meeting[0].ask(&mut world, publish)["receivers"], 1);
    let told = meeting[1].told(&mut world);
    assert_eq!(told[0]["payload"], payload);
}

#[test]
fn a_payload_with_escapes_arrives_as_it_was() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let text = "\"\\ \u{1} \u{2028} 世界";
    let frame = meeting[0].send_frame(&meeting[1], text);
    assert_eq!(meeting[0].ask(&mut world, frame)["type"], "ok");
    assert_eq!(meeting[1].told(&mut world)[0]["payload"], text);
}
