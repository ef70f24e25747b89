//! Binding requests: RFC 8489, RFC 5780, RFC 3489.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;

use peerline_stun::attribute::*;
use peerline_stun::binding::{Answer, Arrival, Listener, respond};
use peerline_stun::*;

const TRANSACTION: TransactionId = TransactionId::new(*b"transactions");

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn client() -> SocketAddr {
    address("198.51.100.7:4321")
}

/// Two addresses with two ports, behind a NAT that maps 10.0.0.x to 203.0.113.x; and another family beside them.
fn listeners() -> Vec<Listener> {
    let pairs = [
        ("10.0.0.1:3478", "203.0.113.1:3478"),
        ("10.0.0.1:3479", "203.0.113.1:3479"),
        ("[2001:db8::1]:3478", "[2001:db8::1]:3478"),
        ("10.0.0.2:3478", "203.0.113.2:3478"),
        ("10.0.0.2:3479", "203.0.113.2:3479"),
    ];
    pairs.map(|(bound, public)| Listener { bound: address(bound), public: address(public) }).to_vec()
}

fn request(write: impl Fn(&mut MessageWriter<'_>)) -> Vec<u8> {
    let mut buffer = [0; 1500];
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TRANSACTION);
    write(&mut writer);
    let length = writer.finish().unwrap();
    buffer[..length].to_vec()
}

fn ask(request: &[u8], local: &str, listeners: &[Listener]) -> Option<(Answer, Vec<u8>)> {
    let mut buffer = [0; 1500];
    let arrival = Arrival { source: client(), local: address(local), listeners };
    let answer = respond(&Message::parse(request).unwrap(), &arrival, &mut buffer)?;
    Some((answer, buffer[..answer.length].to_vec()))
}

#[test]
fn a_server_with_one_address_answers_only_the_mapped_address() {
    let listeners = &listeners()[..1];
    let (answer, bytes) = ask(&request(|_| ()), "10.0.0.1:3478", listeners).unwrap();
    assert_eq!((answer.from, answer.to), (address("10.0.0.1:3478"), client()));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.class(), message.transaction()), (Class::Success, TRANSACTION));
    let attributes: Vec<u16> = message.attributes().map(|attribute| attribute.number).collect();
    assert_eq!(attributes, [XOR_MAPPED_ADDRESS]);
    assert_eq!(message.mapped_address(), Some(client()));
}

#[test]
fn a_server_with_two_addresses_tells_of_the_other() {
    let (_, bytes) = ask(&request(|_| ()), "10.0.0.1:3478", &listeners()).unwrap();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.address(MAPPED_ADDRESS), Some(client()));
    assert_eq!(message.xor_address(XOR_MAPPED_ADDRESS), Some(client()));
    assert_eq!(message.address(RESPONSE_ORIGIN), Some(address("203.0.113.1:3478")));
    assert_eq!(message.address(OTHER_ADDRESS), Some(address("203.0.113.2:3479")));
}

#[test]
fn loopback_is_the_other_address_of_loopback_only() {
    let ips = ["127.0.0.1", "203.0.113.1", "127.0.0.2", "203.0.113.2", "::1", "2001:db8::1", "2001:db8::2"];
    let all = ips.iter().flat_map(|ip| [3478, 3479].map(|port| SocketAddr::new(ip.parse().unwrap(), port)));
    let listeners: Vec<_> = all.map(|address| Listener { bound: address, public: address }).collect();
    let other = |local: &str| {
        let (_, bytes) = ask(&request(|_| ()), local, &listeners).unwrap();
        Message::parse(&bytes).unwrap().address(OTHER_ADDRESS)
    };
    for (local, expected) in [
        ("127.0.0.1:3478", "127.0.0.2:3479"),
        ("127.0.0.2:3479", "127.0.0.1:3478"),
        ("203.0.113.1:3478", "203.0.113.2:3479"),
        ("203.0.113.2:3479", "203.0.113.1:3478"),
        ("[2001:db8::1]:3478", "[2001:db8::2]:3479"),
    ] {
        assert_eq!(other(local), Some(address(expected)), "{local}");
    }
    assert_eq!(other("[::1]:3478"), None, "the only one of its kind");
}

#[test]
fn a_change_request_is_answered_from_the_other_address() {
    let expected = [(0, "10.0.0.1:3478"), (2, "10.0.0.1:3479"), (4, "10.0.0.2:3478"), (6, "10.0.0.2:3479")];
    for (change, from) in expected {
        let request = request(|writer| {
            writer.number(CHANGE_REQUEST, change);
        });
        let (answer, bytes) = ask(&request, "10.0.0.1:3478", &listeners()).unwrap();
        assert_eq!((answer.from, answer.to), (address(from), client()));
        let origin = Message::parse(&bytes).unwrap().address(RESPONSE_ORIGIN).unwrap();
        assert_eq!(origin, address(&from.replace("10.0.0", "203.0.113")));
    }
}

#[test]
fn a_change_request_that_cannot_be_granted_is_an_unknown_attribute() {
    let change = |flags| {
        request(|writer| {
            writer.number(CHANGE_REQUEST, flags);
        })
    };
    let (_, bytes) = ask(&change(6), "10.0.0.1:3478", &listeners()[..1]).unwrap();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.error(), Some((ErrorCode::UNKNOWN_ATTRIBUTE, "")));
    assert_eq!(message.attribute(UNKNOWN_ATTRIBUTES), Some(&[0, 3][..]));
    let (_, bytes) = ask(&change(0), "10.0.0.1:3478", &listeners()[..1]).unwrap();
    assert_eq!(Message::parse(&bytes).unwrap().class(), Class::Success);
}

#[test]
fn on_a_stream_no_other_address_can_be_asked_for() {
    for attribute in [CHANGE_REQUEST, RESPONSE_PORT, PADDING] {
        let request = request(|writer| {
            writer.number(attribute, 6);
        });
        let (answer, bytes) = ask(&request, "10.0.0.1:3478", &[]).unwrap();
        assert_eq!((answer.from, answer.to), (address("10.0.0.1:3478"), client()));
        let error = Message::parse(&bytes).unwrap().error();
        assert_eq!(error, Some((ErrorCode::UNKNOWN_ATTRIBUTE, "")));
    }
}

#[test]
fn response_port_changes_the_port_and_never_the_address() {
    let request = request(|writer| {
        writer.attribute(RESPONSE_PORT, &5000_u16.to_be_bytes());
    });
    let (answer, _) = ask(&request, "10.0.0.1:3478", &listeners()).unwrap();
    assert_eq!(answer.to, address("198.51.100.7:5000"));
}

#[test]
fn response_port_excludes_padding_and_zero() {
    let both = request(|writer| {
        writer.attribute(RESPONSE_PORT, &[19, 136, 0, 0]).attribute(PADDING, &[0; 100]);
    });
    let zero = request(|writer| {
        writer.attribute(RESPONSE_PORT, &[0, 0, 0, 0]);
    });
    for request in [both, zero] {
        let (answer, bytes) = ask(&request, "10.0.0.1:3478", &listeners()).unwrap();
        assert_eq!(answer.to, client());
        assert_eq!(Message::parse(&bytes).unwrap().error(), Some((ErrorCode::BAD_REQUEST, "")));
    }
}

#[test]
fn padding_never_makes_an_answer_larger_than_its_request() {
    for padding in 0..1400 {
        let request = request(|writer| {
            writer.attribute(PADDING, &vec![0; padding]);
        });
        let (answer, _) = ask(&request, "10.0.0.1:3478", &listeners()).unwrap();
        assert!(answer.length <= request.len().max(68), "{padding}: {}", answer.length);
        if padding > 100 {
            assert_eq!(answer.length, request.len());
        }
    }
}

#[test]
fn padding_of_any_length_is_answered_within_1500_bytes() {
    let all = ["[2001:db8::1]:3478", "[2001:db8::1]:3479", "[2001:db8::2]:3478", "[2001:db8::2]:3479"];
    let listeners = all.map(address).map(|address| Listener { bound: address, public: address });
    let mut buffer = vec![0; 9000];
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TRANSACTION);
    let length = writer.attribute(PADDING, &[0; 8000]).finish().unwrap();
    let request = Message::parse(&buffer[..length]).unwrap();
    let source = address("[2001:db8::7]:4321");
    let arrival = Arrival { source, local: listeners[0].bound, listeners: &listeners };
    let answer = respond(&request, &arrival, &mut [0; 1500]).unwrap();
    assert_eq!(answer.length, 1500);
}

#[test]
fn unknown_comprehension_required_attributes_are_listed() {
    let request = request(|writer| {
        writer.attribute(0x7777, b"").attribute(0x8FFF, b"optional").attribute(0x1234, b"abcd");
    });
    let (_, bytes) = ask(&request, "10.0.0.1:3478", &listeners()[..1]).unwrap();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.class(), Class::Error);
    assert_eq!(message.error(), Some((ErrorCode::UNKNOWN_ATTRIBUTE, "")));
    assert_eq!(message.attribute(UNKNOWN_ATTRIBUTES), Some(&[0x77, 0x77, 0x12, 0x34][..]));
}

#[test]
fn a_wrong_fingerprint_is_not_answered() {
    let mut request = request(|writer| {
        writer.fingerprint();
    });
    assert!(ask(&request, "10.0.0.1:3478", &listeners()).is_some());
    request[27] ^= 1;
    assert!(ask(&request, "10.0.0.1:3478", &listeners()).is_none());
}

#[test]
fn only_binding_requests_are_answered() {
    for (class, method) in [
        (Class::Indication, Method::BINDING),
        (Class::Success, Method::BINDING),
        (Class::Error, Method::BINDING),
        (Class::Request, Method::ALLOCATE),
    ] {
        let mut buffer = [0; 20];
        MessageWriter::new(&mut buffer, class, method, TRANSACTION).finish().unwrap();
        assert!(ask(&buffer, "10.0.0.1:3478", &listeners()).is_none());
    }
}

fn classic(change: Option<u8>) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0];
    request.extend(*b"sixteen bytes id");
    if let Some(change) = change {
        request[3] = 8;
        request.extend([0, 3, 0, 4, 0, 0, 0, change]);
    }
    request
}

#[test]
fn a_classic_request_gets_a_plain_mapped_address_and_its_own_identifier() {
    let (_, bytes) = ask(&classic(Some(0)), "10.0.0.1:3478", &listeners()[..1]).unwrap();
    assert_eq!(bytes[4..20], *b"sixteen bytes id");
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_classic());
    assert_eq!(message.class(), Class::Success);
    assert_eq!(message.address(MAPPED_ADDRESS), Some(client()));
    assert_eq!(message.attributes().count(), 1);
}

#[test]
fn a_classic_client_is_told_of_the_changed_address_and_answered_from_there() {
    let (answer, bytes) = ask(&classic(Some(6)), "10.0.0.1:3478", &listeners()).unwrap();
    assert_eq!(answer.from, address("10.0.0.2:3479"));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.address(SOURCE_ADDRESS), Some(address("203.0.113.2:3479")));
    assert_eq!(message.address(CHANGED_ADDRESS), Some(address("203.0.113.2:3479")));
}

#[test]
fn a_classic_response_address_reflects_nothing() {
    let mut request = classic(None);
    request[3] = 12;
    request.extend([0, 2, 0, 8, 0, 1, 0, 80, 192, 0, 2, 99]);
    let (answer, bytes) = ask(&request, "10.0.0.1:3478", &listeners()).unwrap();
    assert_eq!(answer.to, client());
    assert_eq!(Message::parse(&bytes).unwrap().error(), Some((ErrorCode::UNKNOWN_ATTRIBUTE, "")));
}
