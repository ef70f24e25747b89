//! The golden vectors of links, keys, seals and frames.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong stops")]

use peerline_signaling::message::{FromClient, ToClient};
use peerline_signaling::seal::{
    Context, IdentityKey, InvitationContext, Receiver, ReplayWindow, SealKey, SealedId, seal_invitation,
};
use peerline_signaling::{ChannelId, Link, ParticipantId, ParticipantKey, frame};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;

fn sealing() -> Value {
    serde_json::from_str(include_str!("../vectors/sealing.json")).unwrap()
}

fn messages() -> Value {
    serde_json::from_str(include_str!("../vectors/messages.json")).unwrap()
}

fn each(vectors: &Value, name: &str, mut check: impl FnMut(&Value)) {
    let list = vectors[name].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().for_each(&mut check);
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// 32 bytes from base64url, by way of a key.
fn bytes<const N: usize>(text: &str) -> [u8; N] {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
}

fn context(vector: &Value) -> Context {
    Context {
        channel: ChannelId::parse(text(vector, "channel")).unwrap(),
        sender: ParticipantId::parse(text(vector, "sender")).unwrap(),
        receiver: match text(vector, "receiver") {
            "*" => Receiver::Everybody,
            participant => Receiver::One(ParticipantId::parse(participant).unwrap()),
        },
        id: vector["id"].as_u64().map_or(SealedId::Profile, SealedId::Message),
    }
}

#[test]
fn a_link_gives_channel_and_seal_key() {
    each(&sealing(), "links", |vector| {
        let link = Link::parse(text(vector, "link")).unwrap();
        assert_eq!(link.origin(), text(vector, "origin"));
        assert_eq!(link.channel().as_str(), text(vector, "channel"));
        assert_eq!(link.seal_key(), SealKey::from_bytes(bytes(text(vector, "seal_key"))));
        assert_eq!(link.to_string(), text(vector, "link"));
        assert_eq!(Link::new(text(vector, "origin"), bytes(text(vector, "secret"))), Ok(link));
    });
}

#[test]
fn what_is_no_link_is_refused() {
    each(&sealing(), "invalid_links", |vector| {
        assert!(Link::parse(text(vector, "link")).is_err(), "{}", text(vector, "name"));
    });
}

#[test]
fn a_key_gives_its_participant() {
    each(&sealing(), "participants", |vector| {
        let key = ParticipantKey::parse(text(vector, "key")).unwrap();
        assert_eq!(key.participant().as_str(), text(vector, "participant"));
        assert_eq!(key.to_text(), text(vector, "key"));
    });
}

#[test]
fn payloads_are_sealed_and_open_where_they_belong() {
    let mut random = StdRng::seed_from_u64(1);
    each(&sealing(), "sealed", |vector| {
        let key = SealKey::from_bytes(bytes(text(vector, "seal_key")));
        let (context, plaintext) = (context(vector), text(vector, "plaintext").as_bytes());
        let sealed = key.seal_with_nonce(bytes(text(vector, "nonce")), &context, plaintext).unwrap();
        assert_eq!(sealed, text(vector, "sealed"));
        assert_eq!(key.open(&context, &sealed).as_deref(), Ok(plaintext));
        let other = key.seal(&mut random, &context, plaintext).unwrap();
        assert_ne!(other, sealed);
        assert_eq!(key.open(&context, &other).as_deref(), Ok(plaintext));
    });
}

#[test]
fn a_payload_in_the_wrong_place_stays_closed() {
    each(&sealing(), "not_opened", |vector| {
        let key = SealKey::from_bytes(bytes(text(vector, "seal_key")));
        assert!(key.open(&context(vector), text(vector, "sealed")).is_err(), "{}", text(vector, "name"));
    });
}

fn invitation(vector: &Value) -> (IdentityKey, InvitationContext) {
    let context = InvitationContext {
        caller: ParticipantId::parse(text(vector, "caller")).unwrap(),
        invited: ParticipantId::parse(text(vector, "invited")).unwrap(),
        id: vector["id"].as_u64().unwrap(),
    };
    (IdentityKey::from_bytes(&bytes(text(&vector["identity"], "private"))).unwrap(), context)
}

#[test]
fn invitations_open_for_the_invited() {
    let mut random = StdRng::seed_from_u64(1);
    each(&sealing(), "invitations", |vector| {
        let (identity, context) = invitation(vector);
        assert_eq!(identity.public().to_text(), text(&vector["identity"], "public"));
        let plaintext = text(vector, "plaintext").as_bytes();
        assert_eq!(identity.open_invitation(&context, text(vector, "sealed")).as_deref(), Ok(plaintext));
        let other = seal_invitation(&mut random, identity.public(), &context, plaintext).unwrap();
        assert_eq!(identity.open_invitation(&context, &other).as_deref(), Ok(plaintext));
    });
    each(&sealing(), "invitations_not_opened", |vector| {
        let (identity, context) = invitation(vector);
        assert!(
            identity.open_invitation(&context, text(vector, "sealed")).is_err(),
            "{}",
            text(vector, "name")
        );
    });
}

#[test]
fn replays_are_refused() {
    each(&sealing(), "replay", |vector| {
        let mut window = ReplayWindow::new();
        for step in vector["steps"].as_array().unwrap() {
            let id = step[0].as_u64().unwrap();
            assert_eq!(window.accept(id), step[1].as_bool().unwrap(), "{}: {id}", text(vector, "name"));
        }
    });
}

#[test]
fn frames_of_a_client_are_read_as_their_type() {
    each(&messages()["from_client"], "valid", |vector| {
        let frame = vector["frame"].to_string();
        let read = FromClient::parse(frame.as_bytes())
            .unwrap_or_else(|error| panic!("{}: {error:?}", vector["name"]));
        let id = match read {
            FromClient::Request(id, _) => Some(id),
            FromClient::Ack(_) | FromClient::Report(_) => None,
        };
        assert_eq!(id, vector["frame"]["id"].as_u64());
    });
}

#[test]
fn frames_of_the_server_are_read_and_written_again() {
    fn write(number: frame::Number, frame: &ToClient<'_>) -> String {
        match frame {
            ToClient::Welcome(body) => frame::to_text(number, body),
            ToClient::Ok(body) => frame::to_text(number, body),
            ToClient::Error(body) => frame::to_text(number, body),
            ToClient::Pong(body) => frame::to_text(number, body),
            ToClient::Joined(body) => frame::to_text(number, body),
            ToClient::Found(body) => frame::to_text(number, body),
            ToClient::Ice(body) => frame::to_text(number, body),
            ToClient::Arrived(body) => frame::to_text(number, body),
            ToClient::State(body) => frame::to_text(number, body),
            ToClient::Profile(body) => frame::to_text(number, body),
            ToClient::Left(body) => frame::to_text(number, body),
            ToClient::Message(body) => frame::to_text(number, body),
            ToClient::Resync(body) => frame::to_text(number, body),
            ToClient::Drain(body) => frame::to_text(number, body),
            ToClient::Invitation(body) => frame::to_text(number, body),
            ToClient::InvitationEnded(body) => frame::to_text(number, body),
        }
    }
    each(&messages()["to_client"], "valid", |vector| {
        let text = vector["frame"].to_string();
        let (number, read) = ToClient::parse(text.as_bytes()).unwrap().unwrap();
        let written: Value = serde_json::from_str(&write(number, &read)).unwrap();
        assert_eq!(written, vector["frame"], "{}", vector["name"]);
    });
    assert_eq!(ToClient::parse(br#"{"type":"tomorrow","offset":1}"#), Ok(None));
    assert!(ToClient::parse(b"garbage").is_err());
}

#[test]
fn the_schema_names_every_type_and_every_member() {
    let schema: Value = serde_json::from_str(include_str!("../vectors/schema.json")).unwrap();
    for (direction, side) in [("from_client", "client"), ("to_client", "server")] {
        let mut seen = std::collections::BTreeSet::new();
        each(&messages()[direction], "valid", |vector| {
            let frame = vector["frame"].as_object().unwrap();
            let name = format!("{side}.{}", frame["type"].as_str().unwrap());
            let definition = &schema["$defs"][&name];
            // "tomorrow" stands for the members of later versions.
            for member in frame.keys().filter(|member| *member != "tomorrow") {
                assert!(definition["properties"][member].is_object(), "{name} has no {member}");
            }
            for member in definition["required"].as_array().unwrap() {
                assert!(frame.contains_key(member.as_str().unwrap()), "{}: no {member}", vector["name"]);
            }
            seen.insert(name);
        });
        let defined = schema["$defs"].as_object().unwrap().keys().filter(|name| name.starts_with(side));
        assert!(defined.eq(&seen));
    }
}

#[test]
fn secrets_are_not_shown() {
    let link = Link::new("https://call.example", [7; 32]).unwrap();
    let shown = format!(
        "{link:?} {:?} {:?} {:?}",
        link.channel(),
        link.seal_key(),
        ParticipantKey::from_bytes([7; 32])
    );
    assert_eq!(shown, "Link(https://call.example/c/#…) ChannelId(…) SealKey(…) ParticipantKey(…)");
}
