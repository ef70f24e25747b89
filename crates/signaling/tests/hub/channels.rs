//! §6: joining, members, politeness, ICE servers.

use serde_json::{Value, json};

use crate::simulation::{World, channel};

fn sealing() -> Value {
    serde_json::from_str(include_str!("../../vectors/sealing.json")).unwrap()
}

#[test]
fn who_joins_sees_the_others_and_is_seen() {
    let mut world = World::new();
    let (mut ada, mut bob) = (world.client(1), world.client(2));
    let first = ada.join(&mut world, &channel(1));
    assert_eq!(first["members"], json!([]));
    let second = bob.join(&mut world, &channel(1));
    let seen = &second["members"][0];
    assert_eq!((&seen["participant"], &seen["state"]), (&json!(ada.participant), &json!("present")));
    assert_eq!(seen["profile"], format!("profile-of-{}", ada.participant));
    let arrived = &ada.told(&mut world)[0];
    assert_eq!((&arrived["type"], &arrived["channel"]), (&json!("arrived"), &json!(channel(1))));
    assert_eq!(arrived["member"]["participant"], bob.participant);
    // Exactly one of the two is polite: the lower one as text.
    assert_eq!(seen["polite"], bob.participant < ada.participant);
    assert_eq!(arrived["member"]["polite"], ada.participant < bob.participant);
}

#[test]
fn the_lower_identifier_as_text_is_polite() {
    for vector in sealing()["politeness"].as_array().unwrap() {
        let read = |member: &str| {
            peerline_signaling::ParticipantId::parse(vector[member].as_str().unwrap()).unwrap()
        };
        assert_eq!(read("receiver").is_polite_towards(&read("member")), vector["polite"].as_bool().unwrap());
    }
}

#[test]
fn channels_are_apart() {
    let mut world = World::new();
    let (mut ada, mut bob) = (world.client(1), world.client(2));
    ada.join(&mut world, &channel(1));
    assert_eq!(bob.join(&mut world, &channel(2))["members"], json!([]));
    assert!(ada.told(&mut world).is_empty());
    let frame = json!({"type": "send", "channel": channel(1), "to": ada.participant, "payload": "x"});
    assert_eq!(bob.ask_in_vain(&mut world, frame), "not_joined");
}

#[test]
fn joining_again_is_answered_the_same_and_replaces_the_profile() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let joined =
        meeting[0].ask(&mut world, json!({"type": "join", "channel": channel(1), "profile": "another"}));
    assert_eq!(joined["members"][0]["participant"], meeting[1].participant);
    let told = meeting[1].told(&mut world);
    assert_eq!((&told[0]["type"], &told[0]["profile"]), (&json!("profile"), &json!("another")));
    assert_eq!(world.statistics().members, 2);
}

#[test]
fn a_profile_is_changed_for_all() {
    let mut world = World::new();
    let mut meeting = world.meeting(3);
    let frame = json!({"type": "profile", "channel": channel(1), "profile": "muted"});
    assert_eq!(meeting[0].ask(&mut world, frame.clone())["type"], "ok");
    let changed = meeting[0].participant.clone();
    for other in &mut meeting[1..] {
        let told = other.told(&mut world);
        assert_eq!((&told[0]["participant"], &told[0]["profile"]), (&json!(changed), &json!("muted")));
    }
    let mut dave = world.client(4);
    assert_eq!(dave.ask_in_vain(&mut world, frame), "not_joined");
    let joined = dave.join(&mut world, &channel(1));
    assert!(joined["members"].as_array().unwrap().iter().any(|member| member["profile"] == "muted"));
}

#[test]
fn who_leaves_is_gone_and_a_repeated_leave_is_answered_the_same() {
    let mut world = World::new();
    let mut meeting = world.meeting(2);
    let leave = json!({"type": "leave", "channel": channel(1)});
    assert_eq!(meeting[1].ask(&mut world, leave.clone())["type"], "ok");
    let told = meeting[0].told(&mut world);
    assert_eq!((&told[0]["type"], &told[0]["reason"]), (&json!("left"), &json!("left")));
    let mut again = leave.clone();
    again["id"] = meeting[1].id.into();
    meeting[1].say(&mut world, &again);
    let id = meeting[1].id;
    assert_eq!(meeting[1].answer_to(&mut world, id).unwrap()["type"], "ok");
    assert_eq!(meeting[1].ask_in_vain(&mut world, leave), "not_joined");
    let frame = meeting[0].send_frame(&meeting[1], "x");
    assert_eq!(meeting[0].ask_in_vain(&mut world, frame), "peer_gone");
}

#[test]
fn a_credential_comes_with_every_join_on_request_and_before_it_ends() {
    let mut world = World::new();
    let mut ada = world.client(1);
    let joined = ada.join(&mut world, &channel(1));
    assert!(joined["ice"]["servers"][0]["username"].as_str().unwrap().ends_with(&ada.participant));
    let asked = ada.ask(&mut world, json!({"type": "ice"}));
    assert_eq!(asked["type"], "ice");
    assert!(asked["expires"].as_u64() > joined["ice"]["expires"].as_u64());
    for _ in 0..89 {
        world.sleep(30);
        ada.ask(&mut world, json!({"type": "ping"}));
    }
    assert!(ada.told(&mut world).is_empty());
    world.sleep(31);
    let told = ada.told(&mut world);
    assert_eq!(told[0]["type"], "ice");
    assert!(told[0]["expires"].as_u64() > asked["expires"].as_u64());
}

#[test]
fn a_credential_that_ends_while_its_participant_is_away_is_renewed_on_return() {
    let mut world = World::new();
    let mut ada = world.client(1);
    ada.join(&mut world, &channel(1));
    for _ in 0..89 {
        world.sleep(30);
        ada.ask(&mut world, json!({"type": "ping"}));
    }
    ada.lose(&mut world);
    world.sleep(50);
    assert!(ada.come_back(&mut world));
    world.sleep(5);
    assert_eq!(ada.told_types(&mut world), ["ice"]);
}
