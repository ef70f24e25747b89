//! Whatever bytes come in: reading, checking, framing and answering them neither panics nor reads beyond them.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use peerline_stun::binding::{Arrival, Listener, respond};
use peerline_stun::framing::{Frame, next_frame};
use peerline_stun::integrity::{Algorithm, verify};
use peerline_stun::nonce_cookie::SecurityFeatures;
use peerline_stun::{Class, Message, MessageWriter, address, attribute};

fn listeners() -> Vec<Listener> {
    let addresses = ["192.0.2.1:3478", "192.0.2.1:3479", "192.0.2.2:3478", "192.0.2.2:3479"];
    let addresses = addresses.map(|text| text.parse::<SocketAddr>().expect("an address"));
    addresses.map(|address| Listener { bound: address, public: address }).to_vec()
}

fuzz_target!(|data: &[u8]| {
    let mut stream = data;
    while let Frame::Complete { message, consumed } = next_frame(stream) {
        assert!(message.len() <= consumed && consumed <= stream.len());
        stream = &stream[consumed..];
    }
    let _ = SecurityFeatures::read(data);

    let Ok(message) = Message::parse(data) else {
        return;
    };
    for attribute in message.attributes() {
        let _ = address::read_xor(attribute.value, &message.transaction());
    }
    let _ = (message.mapped_address(), message.error(), message.text(attribute::USERNAME));
    let fingerprint = message.fingerprint();
    let integrity = [Algorithm::Sha1, Algorithm::Sha256].map(|algorithm| verify(&message, algorithm, b"key"));

    // What is read and written again reads the same.
    let mut copy = vec![0; data.len() + 4];
    let mut writer = MessageWriter::answer(&mut copy, message.class(), &message);
    for attribute in message.attributes() {
        writer.attribute(attribute.number, attribute.value);
    }
    let length = writer.finish().expect("no longer than the original");
    let again = Message::parse(&copy[..length]).expect("well-formed");
    assert!(
        message
            .attributes()
            .map(|one| (one.number, one.value))
            .eq(again.attributes().map(|one| (one.number, one.value)))
    );
    if length == data.len() && copy[..length] == *data {
        assert_eq!(fingerprint, again.fingerprint());
        assert_eq!(
            integrity,
            [Algorithm::Sha1, Algorithm::Sha256].map(|algorithm| verify(&again, algorithm, b"key"))
        );
    }

    let listeners = listeners();
    for count in [0, 1, 4] {
        let source = "198.51.100.1:1".parse().expect("an address");
        let arrival = Arrival { source, local: listeners[0].bound, listeners: &listeners[..count] };
        let mut buffer = [0; 1600];
        if let Some(answer) = respond(&message, &arrival, &mut buffer) {
            assert_eq!(answer.to.ip(), source.ip());
            assert!(answer.length <= data.len().max(80));
            let answer = Message::parse(&buffer[..answer.length]).expect("an answer is a message");
            assert!(matches!(answer.class(), Class::Success | Class::Error));
            assert_eq!(answer.transaction(), message.transaction());
        }
    }
});
