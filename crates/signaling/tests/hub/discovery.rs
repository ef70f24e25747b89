//! §8: announcing, finding, ringing.

use serde_json::{Value, json};

use crate::simulation::{Client, IDENTITY, World, channel};

/// Two clients who can be found: Ada, who calls, and Bob.
fn two(world: &mut World) -> (Client, Client) {
    let (mut ada, mut bob) = (world.client(1), world.client(2));
    ada.announce(world, "Ada");
    bob.announce(world, "Bob");
    (ada, bob)
}

fn ended(frame: &Value) -> (&str, &str) {
    (frame["type"].as_str().unwrap(), frame["result"].as_str().unwrap_or_default())
}

#[test]
fn who_announces_is_found_by_the_beginning_of_the_name_without_regard_to_case() {
    let mut world = World::new();
    let mut asker = world.client(9);
    for (number, name) in [(1, "Ada"), (2, "adam"), (3, "Bob"), (4, "Ädel"), (5, "Ada")] {
        world.client(number).announce(&mut world, name);
    }
    let names = |people: Vec<Value>| -> Vec<String> {
        people.iter().map(|person| person["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(asker.find(&mut world, "AD")), ["Ada", "Ada", "adam"]);
    assert_eq!(names(asker.find(&mut world, "äD")), ["Ädel"]);
    assert_eq!(names(asker.find(&mut world, "")), ["Ada", "Ada", "adam", "Bob", "Ädel"]);
    assert_eq!(names(asker.find(&mut world, "x")), [""; 0]);
}

#[test]
fn a_person_is_shown_with_identity_and_presence() {
    let mut world = World::new();
    let (mut ada, mut bob) = two(&mut world);
    let person =
        json!({"name": "Bob", "participant": bob.participant, "identity": IDENTITY, "presence": "online"});
    assert_eq!(ada.find(&mut world, "bob"), [person]);
    for presence in ["away", "in_call", "online"] {
        let frame =
            json!({"type": "announce", "name": " Robert ", "identity": IDENTITY, "presence": presence});
        assert_eq!(bob.ask(&mut world, frame)["type"], "ok");
        let found = ada.find(&mut world, "");
        assert_eq!(found.len(), 1, "the asker is left out, and so is the old name");
        assert_eq!((&found[0]["name"], &found[0]["presence"]), (&json!("Robert"), &json!(presence)));
    }
    bob.lose(&mut world);
    assert_eq!(ada.find(&mut world, "")[0]["presence"], "away");
    assert!(bob.come_back(&mut world));
    assert_eq!(ada.find(&mut world, "")[0]["presence"], "online");
}

#[test]
fn being_findable_ends_by_choice_or_with_the_session() {
    let mut world = World::new();
    let (mut ada, mut bob) = two(&mut world);
    assert_eq!(bob.ask(&mut world, json!({"type": "unannounce"}))["type"], "ok");
    assert!(ada.find(&mut world, "").is_empty());
    bob.announce(&mut world, "Bob");
    bob.come_back_anew(&mut world);
    assert!(ada.find(&mut world, "").is_empty());
}

#[test]
fn at_most_fifty_are_found() {
    let mut world = World::new();
    for number in 1..=60 {
        world.client(number).announce(&mut world, &"𝔄".repeat(64));
    }
    assert_eq!(world.client(99).find(&mut world, "").len(), 50);
}

#[test]
fn an_invitation_rings_and_its_answer_reaches_both_once() {
    for (answer, result) in [("accept", "accepted"), ("decline", "declined"), ("busy", "busy")] {
        let mut world = World::new();
        let (mut ada, mut bob) = two(&mut world);
        let invite = ada.invite_frame(&bob);
        assert_eq!(ada.ask(&mut world, invite)["type"], "ok");
        let id = ada.id;
        let rings = &bob.told(&mut world)[0];
        assert_eq!(
            *rings,
            json!({"type": "invitation", "offset": 1, "from": ada.participant, "id": id, "name": "Ada", "payload": "sealed-invitation", "timeout": 30})
        );
        let respond = json!({"type": "respond", "to": ada.participant, "invitation": id, "answer": answer});
        assert_eq!(bob.ask(&mut world, respond.clone())["type"], "ok");
        for client in [&mut ada, &mut bob] {
            let told = client.told(&mut world);
            assert_eq!(told.len(), 1);
            assert_eq!(ended(&told[0]), ("invitation_ended", result));
            assert_eq!(told[0]["invitation"], id);
        }
        assert_eq!(bob.ask_in_vain(&mut world, respond), "not_found");
        world.sleep(30);
        assert!(ada.told(&mut world).is_empty());
    }
}

#[test]
fn an_invitation_that_rings_is_not_replaced_by_another_of_its_id() {
    let mut world = World::new();
    let (mut ada, bob) = two(&mut world);
    let mut carol = world.client(3);
    carol.announce(&mut world, "Carol");
    let mut invite = ada.invite_frame(&bob);
    invite["timeout"] = 120.into();
    ada.ask(&mut world, invite);
    let id = ada.id;
    // So much later that the answer is forgotten.
    for _ in 0..300 {
        world.sleep_for(std::time::Duration::from_millis(20));
        let publish = json!({"type": "publish", "channel": channel(1), "payload": "x"});
        if ada.ask(&mut world, publish.clone())["code"] == "not_joined" {
            ada.join(&mut world, &channel(1));
        }
    }
    let mut again = ada.invite_frame(&carol);
    again["id"] = id.into();
    ada.say(&mut world, &again);
    assert_eq!(ada.answer_to(&mut world, id).unwrap()["type"], "ok");
    assert!(carol.told(&mut world).is_empty());
    assert_eq!(world.statistics().ringing, 1);
}

#[test]
fn a_caller_who_cannot_be_found_has_no_name() {
    let mut world = World::new();
    let (mut ada, mut bob) = two(&mut world);
    ada.ask(&mut world, json!({"type": "unannounce"}));
    let invite = ada.invite_frame(&bob);
    assert_eq!(ada.ask(&mut world, invite)["type"], "ok");
    assert_eq!(bob.told(&mut world)[0]["name"], json!(null));
}

#[test]
fn an_invitation_ends_by_itself_or_is_taken_back() {
    let mut world = World::new();
    let (mut ada, mut bob) = two(&mut world);
    let invite = ada.invite_frame(&bob);
    ada.ask(&mut world, invite.clone());
    world.sleep(29);
    assert!(ada.told(&mut world).is_empty());
    world.sleep(1);
    assert_eq!(ended(&ada.told(&mut world)[0]), ("invitation_ended", "timeout"));
    assert_eq!(ended(&bob.told(&mut world)[1]), ("invitation_ended", "timeout"));

    ada.ask(&mut world, invite);
    let cancel = json!({"type": "cancel", "invitation": ada.id});
    assert_eq!(ada.ask(&mut world, cancel.clone())["type"], "ok");
    assert_eq!(ended(&ada.told(&mut world)[0]), ("invitation_ended", "cancelled"));
    assert_eq!(ended(&bob.told(&mut world)[1]), ("invitation_ended", "cancelled"));
    assert_eq!(ada.ask_in_vain(&mut world, cancel), "not_found");
}

#[test]
fn an_invitation_ends_with_either_side() {
    for caller_leaves in [true, false] {
        let mut world = World::new();
        let (mut ada, mut bob) = two(&mut world);
        let mut invite = ada.invite_frame(&bob);
        invite["timeout"] = 120.into();
        ada.ask(&mut world, invite);
        bob.told(&mut world);
        let (gone, stays) = if caller_leaves { (&mut ada, &mut bob) } else { (&mut bob, &mut ada) };
        gone.lose(&mut world);
        world.sleep(30);
        stays.ask(&mut world, json!({"type": "ping"}));
        world.sleep(30);
        assert_eq!(ended(&stays.told(&mut world)[0]), ("invitation_ended", "gone"));
        assert_eq!(world.statistics().ringing, 0);
    }
}

#[test]
fn only_who_can_be_found_can_be_invited_and_only_the_invited_can_answer() {
    let mut world = World::new();
    let (mut ada, bob) = two(&mut world);
    let mut carol = world.client(3);
    let invite = ada.invite_frame(&carol);
    assert_eq!(ada.ask_in_vain(&mut world, invite), "not_found");
    let invite = ada.invite_frame(&bob);
    ada.ask(&mut world, invite);
    let respond = json!({"type": "respond", "to": ada.participant, "invitation": ada.id, "answer": "accept"});
    assert_eq!(carol.ask_in_vain(&mut world, respond), "not_found");
    let cancel = json!({"type": "cancel", "invitation": ada.id});
    assert_eq!(carol.ask_in_vain(&mut world, cancel), "not_found");
}

#[test]
fn a_fifth_invitation_at_once_is_busy_for_its_caller_alone() {
    let mut world = World::new();
    let (_, mut bob) = two(&mut world);
    for number in 11..=14 {
        let mut caller = world.client(number);
        let invite = caller.invite_frame(&bob);
        assert_eq!(caller.ask(&mut world, invite)["type"], "ok");
    }
    let mut fifth = world.client(15);
    let invite = fifth.invite_frame(&bob);
    assert_eq!(fifth.ask(&mut world, invite)["type"], "ok");
    assert_eq!(ended(&fifth.told(&mut world)[0]), ("invitation_ended", "busy"));
    assert_eq!(bob.told_types(&mut world), ["invitation"; 4]);
}

#[test]
fn who_is_away_is_rung_on_return() {
    let mut world = World::new();
    let (mut ada, mut bob) = two(&mut world);
    bob.lose(&mut world);
    let invite = ada.invite_frame(&bob);
    let id = ada.pose(&mut world, invite);
    assert_eq!(ada.answer_to(&mut world, id), None);
    world.sleep(10);
    bob.come_back_anew(&mut world);
    assert_eq!(ada.answer_to(&mut world, id).unwrap()["type"], "ok");
    assert_eq!(bob.told_types(&mut world), ["invitation"]);
}

#[test]
fn an_invitation_that_never_rang_is_answered_when_it_ends() {
    let mut world = World::new();
    let (mut ada, mut bob) = two(&mut world);
    bob.lose(&mut world);
    let invite = ada.invite_frame(&bob);
    let id = ada.pose(&mut world, invite);
    world.sleep(30);
    assert_eq!(ada.answer_to(&mut world, id).unwrap()["type"], "ok");
    assert_eq!(ended(&ada.told(&mut world)[0]), ("invitation_ended", "timeout"));
    assert!(bob.come_back(&mut world));
    assert_eq!(bob.told_types(&mut world), ["invitation", "invitation_ended"]);
    assert_eq!(ada.answer_to(&mut world, id), None);
}
