//! The golden vectors, which the tests of the browser SDK read too.

use peerline_transfer::{
    Chain, Digest, FilePath, InvalidPath, Message, Outcome, Receiver, Sender, receiver, sender,
};
use serde_json::Value;

use crate::world::offer;

fn vectors(name: &str) -> Value {
    let texts = [
        ("paths", include_str!("../../vectors/paths.json")),
        ("hashes", include_str!("../../vectors/hashes.json")),
        ("messages", include_str!("../../vectors/messages.json")),
    ];
    let text = texts.iter().find(|(file, _)| *file == name).unwrap().1;
    serde_json::from_str(text).unwrap()
}

fn each(vectors: &Value, name: &str, mut check: impl FnMut(&Value)) {
    let list = vectors[name].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().for_each(&mut check);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn section_4_paths() {
    let paths = vectors("paths");
    each(&paths, "valid", |path| assert!(FilePath::parse(text(path)).is_ok(), "{path}"));
    each(&paths, "invalid", |vector| {
        let reason = match text(&vector["reason"]) {
            "empty" => InvalidPath::Empty,
            "climbs" => InvalidPath::Climbs,
            "too long" => InvalidPath::TooLong,
            "character" => InvalidPath::Character,
            "reserved" => InvalidPath::Reserved,
            other => panic!("{other}"),
        };
        assert_eq!(FilePath::parse(text(&vector["path"])), Err(reason), "{vector}");
    });
    each(&paths, "sanitised", |vector| {
        let segments = vector["segments"].as_array().unwrap().iter().map(text);
        assert_eq!(FilePath::sanitise(segments).unwrap().as_str(), text(&vector["path"]), "{vector}");
    });
}

/// Bytes of a vector: byte i is (i · 31 + i div 256) mod 256.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * 31 + index / 256) % 256).unwrap()).collect()
}

#[test]
fn section_5_hashes() {
    each(&vectors("hashes"), "files", |vector| {
        let bytes = pattern(usize::try_from(vector["length"].as_u64().unwrap()).unwrap());
        let chunk = usize::try_from(vector["chunk"].as_u64().unwrap()).unwrap();
        let digests: Vec<Digest> = bytes.chunks(chunk).map(Digest::of).collect();
        assert_eq!(digests.iter().collect::<Chain>().hash().to_string(), text(&vector["hash"]), "{vector}");
        let expected: Vec<&str> = vector["digests"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(digests.iter().map(Digest::to_string).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn section_3_messages_of_a_sender() {
    let messages = vectors("messages");
    each(&messages, "to_receiver", |vector| {
        let mut receiver = Receiver::new(receiver::Settings::default());
        for message in vector["messages"].as_array().unwrap() {
            receiver.handle_message(Message::Text(text(message)));
        }
        let mut outcome = None;
        while let Some(event) = receiver.poll_event() {
            outcome = match event {
                receiver::Event::Offered => Some("offered".to_owned()),
                receiver::Event::Ended(Outcome::Cancelled(_)) => Some("cancelled".to_owned()),
                receiver::Event::Ended(_) => Some(told_code(&mut receiver)),
                _ => outcome,
            };
        }
        assert_eq!(outcome.unwrap_or_else(|| "waiting".to_owned()), text(&vector["outcome"]), "{vector}");
    });
}

/// The code of the error that a receiver tells.
fn told_code(receiver: &mut Receiver) -> String {
    let mut buffer = Vec::new();
    receiver.poll_transmit(&mut buffer);
    let error: Value = serde_json::from_slice(&buffer).unwrap();
    text(&error["code"]).to_owned()
}

#[test]
fn section_5_pieces_of_a_sender() {
    each(&vectors("messages"), "sent", |vector| {
        let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
        let mut sender = Sender::new(offer([length]), sender::Settings::default());
        let mut buffer = Vec::new();
        while sender.poll_transmit(&mut buffer).is_some() {}
        for message in vector["messages"].as_array().unwrap() {
            sender.handle_message(Message::Text(text(message)));
        }
        let (mut sent, mut events) = (Vec::new(), Vec::new());
        loop {
            events.extend(std::iter::from_fn(|| sender.poll_event()));
            for event in events.drain(..) {
                if let sender::Event::Read(mut read) = event {
                    let start = usize::try_from(read.offset()).unwrap();
                    let bytes = read.bytes_mut();
                    bytes.copy_from_slice(&pattern(length)[start..start + bytes.len()]);
                    sender.handle_read(read.hash());
                }
            }
            let Some(transmit) = sender.poll_transmit(&mut buffer) else {
                // What was compared may have made the way free for further reading.
                match sender.poll_event() {
                    None => break,
                    Some(event) => events.push(event),
                }
                continue;
            };
            sent.push(match transmit {
                peerline_transfer::Transmit::Text => String::from_utf8(buffer.clone()).unwrap(),
                peerline_transfer::Transmit::Binary => {
                    let header: String = buffer.iter().take(48).map(|byte| format!("{byte:02x}")).collect();
                    format!("{} {header}", buffer.len())
                }
            });
        }
        let expected: Vec<&str> = vector["sent"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(sent, expected, "{vector}");
    });
}
