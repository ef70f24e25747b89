//! What RFC 8489 asks of a message's reader and writer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;

use peerline_stun::attribute::*;
use peerline_stun::framing::{FRAME_MAX, Frame, next_frame};
use peerline_stun::integrity::{Algorithm, Integrity, verify};
use peerline_stun::*;
use proptest::prelude::*;

const TRANSACTION: TransactionId = TransactionId::new(*b"transactions");

fn message(write: impl Fn(&mut MessageWriter<'_>)) -> Vec<u8> {
    let mut buffer = [0; 2000];
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TRANSACTION);
    write(&mut writer);
    let length = writer.finish().unwrap();
    buffer[..length].to_vec()
}

#[test]
fn class_and_method_are_woven_together() {
    for class in [Class::Request, Class::Indication, Class::Success, Class::Error] {
        for number in 0..0x1000 {
            let method = Method::new(number);
            let mut buffer = [0; 20];
            MessageWriter::new(&mut buffer, class, method, TRANSACTION).finish().unwrap();
            let read = Message::parse(&buffer).unwrap();
            assert_eq!((read.class(), read.method()), (class, method));
        }
    }
}

#[test]
fn length_must_be_exact_and_a_multiple_of_4() {
    let bytes = message(|writer| {
        writer.number(LIFETIME, 600);
    });
    assert!(Message::parse(&bytes).is_ok());
    assert_eq!(Message::parse(&bytes[..bytes.len() - 4]).unwrap_err(), ParseError::Length);
    assert_eq!(Message::parse(&[&bytes[..], &[0; 4]].concat()).unwrap_err(), ParseError::Length);
    let mut odd = [&bytes[..], &[0; 2]].concat();
    odd[3] += 2;
    assert_eq!(Message::parse(&odd).unwrap_err(), ParseError::Length);
    assert_eq!(Message::parse(&[]).unwrap_err(), ParseError::Length);
    assert_eq!(Message::parse(&[0x80; 20]).unwrap_err(), ParseError::NotStun);
}

#[test]
fn an_attribute_that_reaches_beyond_the_message_is_refused() {
    let mut bytes = message(|writer| {
        writer.number(LIFETIME, 600);
    });
    bytes[23] = 5;
    assert_eq!(Message::parse(&bytes).unwrap_err(), ParseError::Attribute);
}

#[test]
fn attributes_after_the_integrity_do_not_count() {
    let bytes = message(|writer| {
        writer
            .attribute(USERNAME, b"one")
            .integrity(b"key")
            .number(LIFETIME, 1)
            .integrity_sha256(b"key")
            .number(LIFETIME, 2)
            .integrity(b"key")
            .fingerprint()
            .number(LIFETIME, 3);
    });
    let message = Message::parse(&bytes).unwrap();
    let numbers: Vec<u16> = message.attributes().map(|attribute| attribute.number).collect();
    assert_eq!(numbers, [USERNAME, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, FINGERPRINT]);
    assert_eq!(message.fingerprint(), Some(false), "it is not the last attribute");
}

#[test]
fn both_integrities_and_the_fingerprint_of_one_message_hold() {
    let bytes = message(|writer| {
        writer.attribute(USERNAME, b"one").integrity(b"key").integrity_sha256(b"key").fingerprint();
    });
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(verify(&message, Algorithm::Sha1, b"key"), Integrity::Right);
    assert_eq!(verify(&message, Algorithm::Sha256, b"key"), Integrity::Right);
    assert_eq!(message.fingerprint(), Some(true));
}

/// A request whose MESSAGE-INTEGRITY-SHA256 is cut to `length` bytes. The HMAC covers the header with the cut length.
fn truncated(length: usize) -> Vec<u8> {
    use aws_lc_rs::hmac;
    let mut bytes = message(|writer| {
        writer.attribute(USERNAME, b"somebody");
    });
    let body = u16::try_from(bytes.len() - 20 + 4 + length.next_multiple_of(4)).unwrap();
    bytes[2..4].copy_from_slice(&body.to_be_bytes());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"key"), &bytes);
    bytes.extend(MESSAGE_INTEGRITY_SHA256.to_be_bytes());
    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
    bytes.extend(&tag.as_ref()[..length]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn sha256_integrity_may_be_cut_to_16_bytes_or_more_in_steps_of_4() {
    for length in 0..=32 {
        let bytes = truncated(length);
        let message = Message::parse(&bytes).unwrap();
        let expected = if length >= 16 && length % 4 == 0 { Integrity::Right } else { Integrity::Wrong };
        assert_eq!(verify(&message, Algorithm::Sha256, b"key"), expected, "{length} bytes");
    }
}

#[test]
fn addresses_of_both_families_survive_plain_and_hidden() {
    for address in ["192.0.2.1:0", "255.255.255.255:65535", "[::]:1", "[2001:db8::1]:3478"] {
        let address: SocketAddr = address.parse().unwrap();
        let bytes = message(|writer| {
            writer.xor_address(XOR_MAPPED_ADDRESS, address).address(ALTERNATE_SERVER, address);
        });
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.xor_address(XOR_MAPPED_ADDRESS), Some(address));
        assert_eq!(message.address(ALTERNATE_SERVER), Some(address));
    }
    for wrong in
        [&[0, 1, 0, 0][..], &[0, 1, 0, 0, 1, 2, 3], &[0, 2, 0, 0, 1, 2, 3, 4], &[0, 3, 0, 0, 1, 2, 3, 4], &[]]
    {
        assert_eq!(address::read(wrong), None);
    }
}

#[test]
fn error_codes_are_300_to_699() {
    for number in 0..=1000 {
        let Some(code) = ErrorCode::new(number) else {
            assert!(!(300..=699).contains(&number));
            continue;
        };
        let bytes = message(|writer| {
            writer.error(code);
        });
        assert_eq!(Message::parse(&bytes).unwrap().error(), Some((code, "")));
    }
    assert_eq!(ErrorCode::parse(&[0, 0, 4, 100]), None);
    assert_eq!(ErrorCode::parse(&[0, 0, 2, 0]), None);
    assert_eq!(ErrorCode::parse(&[0, 0, 4]), None);
    assert_eq!(ErrorCode::parse(b"\0\0\x04\x01Unauthenticated").unwrap().1, "Unauthenticated");
}

#[test]
fn a_buffer_too_short_is_an_error_and_nothing_else() {
    for room in 0..60 {
        let mut buffer = vec![0; room];
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TRANSACTION);
        writer.attribute(USERNAME, b"abc").integrity(b"key").fingerprint();
        assert_eq!(writer.finish(), if room < 60 { Err(Full) } else { Ok(60) });
    }
}

#[test]
fn a_stream_of_messages_is_cut_into_them() {
    let stun = message(|writer| {
        writer.attribute(USERNAME, b"abc");
    });
    let channel = [0x40, 0x01, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
    let stream = [&stun[..], &channel, &stun].concat();
    for end in 0..stream.len() {
        let mut rest = &stream[..end];
        let mut whole = 0;
        while let Frame::Complete { message, consumed } = next_frame(rest) {
            assert!(message == stun || message == &channel[..9]);
            rest = &rest[consumed..];
            whole += 1;
        }
        assert_eq!(next_frame(rest), Frame::Incomplete);
        assert_eq!(whole, usize::from(end >= stun.len()) + usize::from(end >= stun.len() + channel.len()));
    }
}

#[test]
fn no_frame_is_longer_than_the_longest() {
    let longest = |header: &[u8]| {
        let mut stream = vec![0; 70_000];
        stream[..header.len()].copy_from_slice(header);
        match next_frame(&stream) {
            Frame::Complete { consumed, .. } => consumed,
            frame => panic!("{frame:?}"),
        }
    };
    let send = longest(&[0x00, 0x16, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42]);
    let channel_data = longest(&[0x40, 0x00, 0xFF, 0xFF]);
    assert_eq!(send.max(channel_data), FRAME_MAX);
}

#[test]
fn a_stream_of_something_else_is_refused_early() {
    for stream in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1", b"\x80", b"\xff\xff\xff\xff"] {
        // TLS begins like STUN, HTTP like a channel: those are told apart as soon as their length or cookie is.
        let padded = [stream, &[0; 70_000]].concat();
        let early = next_frame(&padded[..20.min(padded.len())]);
        assert!(early == Frame::Invalid || stream[0] >> 6 == 1, "{early:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = next_frame(&bytes);
        if let Ok(message) = Message::parse(&bytes) {
            let _ = (message.fingerprint(), message.mapped_address(), message.error(), message.is_classic());
            for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
                prop_assert_ne!(verify(&message, algorithm, b"key"), Integrity::Right);
            }
            for attribute in message.attributes() {
                prop_assert!(attribute.offset + 4 + attribute.value.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn what_is_written_is_read(values in prop::collection::vec((0x8030_u16.., prop::collection::vec(any::<u8>(), 0..60)), 0..10)) {
        let bytes = message(|writer| {
            for (number, value) in &values {
                writer.attribute(*number, value);
            }
        });
        let message = Message::parse(&bytes).unwrap();
        let read: Vec<_> = message.attributes().map(|attribute| (attribute.number, attribute.value.to_vec())).collect();
        prop_assert_eq!(read, values);
    }
}
