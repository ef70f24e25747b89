//! The test vectors of RFC 5769, and of RFC 8489 appendix B.1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;

use peerline_stun::attribute::{NONCE, PASSWORD_ALGORITHM, REALM, SOFTWARE, USERHASH, USERNAME};
use peerline_stun::integrity::{Algorithm, Integrity, LongTermKey, PasswordAlgorithm, userhash, verify};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};

const SHORT_TERM_PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: TransactionId =
    TransactionId::new([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);

/// RFC 5769 §2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae\
    802200105354554e207465737420636c69656e74\
    002400046e0001ff\
    80290008932ff9b151263b36\
    000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
    80280004e57a3bcf";

/// RFC 5769 §2.2.
const IPV4_RESPONSE: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae\
    8022000b7465737420766563746f7220\
    002000080001a147e112a643\
    000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7\
    80280004c07d4c96";

/// RFC 5769 §2.3.
const IPV6_RESPONSE: &str = "010100482112a442b7e7a701bc34d686fa87dfae\
    8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9\
    00080014a382954e4be67bf11784c97c8292c275bfe3ed41\
    80280004c8fb0b4c";

/// RFC 5769 §2.4.
const LONG_TERM_REQUEST: &str = "000100602112a44278ad3433c6ad72c029da412e\
    00060012e3839ee38388e383aae38383e382afe382b90000\
    0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341\
    0014000b6578616d706c652e6f726700\
    00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

/// RFC 8489 §B.1 as its erratum corrects it: with the length of the body, and PASSWORD-ALGORITHM.
const USERHASH_REQUEST: &str = "000100902112a44278ad3433c6ad72c029da412e\
    001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704\
    001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000\
    0014000b6578616d706c652e6f726700\
    001d000400020000\
    001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn sample_request() {
    let bytes = bytes(REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.class(), Class::Request);
    assert_eq!(message.method(), Method::BINDING);
    assert_eq!(message.transaction(), TRANSACTION);
    assert!(!message.is_classic());
    assert_eq!(message.text(USERNAME), Some("evtj:h6vY"));
    assert_eq!(message.text(SOFTWARE), Some("STUN test client"));
    assert_eq!(message.fingerprint(), Some(true));
    assert_eq!(verify(&message, Algorithm::Sha1, SHORT_TERM_PASSWORD), Integrity::Right);
    assert_eq!(verify(&message, Algorithm::Sha1, b"another"), Integrity::Wrong);
    assert_eq!(verify(&message, Algorithm::Sha256, SHORT_TERM_PASSWORD), Integrity::Absent);
}

#[test]
fn sample_ipv4_response() {
    let bytes = bytes(IPV4_RESPONSE);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.class(), Class::Success);
    let mapped: SocketAddr = "192.0.2.1:32853".parse().unwrap();
    assert_eq!(message.mapped_address(), Some(mapped));
    assert_eq!(message.fingerprint(), Some(true));
    assert_eq!(verify(&message, Algorithm::Sha1, SHORT_TERM_PASSWORD), Integrity::Right);
}

#[test]
fn sample_ipv6_response() {
    let bytes = bytes(IPV6_RESPONSE);
    let message = Message::parse(&bytes).unwrap();
    let mapped: SocketAddr = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
    assert_eq!(message.mapped_address(), Some(mapped));
    assert_eq!(message.fingerprint(), Some(true));
    assert_eq!(verify(&message, Algorithm::Sha1, SHORT_TERM_PASSWORD), Integrity::Right);
}

#[test]
fn sample_request_with_long_term_authentication() {
    let bytes = bytes(LONG_TERM_REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.text(USERNAME), Some("マトリックス"));
    assert_eq!(message.text(REALM), Some("example.org"));
    assert_eq!(message.text(NONCE), Some("f//499k954d6OL34oL9FSTvy64sA"));
    // The password after preparation: "The<soft hyphen>M<feminine ordinal>tr<roman numeral nine>".
    let key = LongTermKey::derive(PasswordAlgorithm::Md5, "マトリックス", "example.org", "TheMatrIX");
    assert_eq!(verify(&message, Algorithm::Sha1, key.as_bytes()), Integrity::Right);
}

#[test]
fn sample_request_with_userhash() {
    let bytes = bytes(USERHASH_REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attribute(USERHASH), Some(&userhash("マトリックス", "example.org")[..]));
    let algorithm = PasswordAlgorithm::parse(message.attribute(PASSWORD_ALGORITHM).unwrap()).unwrap();
    assert_eq!(algorithm, PasswordAlgorithm::Sha256);
    let key = LongTermKey::derive(algorithm, "マトリックス", "example.org", "TheMatrIX");
    assert_eq!(verify(&message, Algorithm::Sha256, key.as_bytes()), Integrity::Right);
}

#[test]
fn the_writer_makes_the_same_response() {
    let mut buffer = [0; 200];
    let mut writer = MessageWriter::new(&mut buffer, Class::Success, Method::BINDING, TRANSACTION);
    writer
        .attribute(SOFTWARE, b"test vector")
        .xor_address(0x0020, "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap())
        .integrity(SHORT_TERM_PASSWORD)
        .fingerprint();
    let length = writer.finish().unwrap();
    let message = Message::parse(&buffer[..length]).unwrap();
    assert_eq!(message.fingerprint(), Some(true));
    assert_eq!(verify(&message, Algorithm::Sha1, SHORT_TERM_PASSWORD), Integrity::Right);
    // The vector pads with spaces, so only the address can be compared as it is.
    assert_eq!(buffer[36..60], bytes(IPV6_RESPONSE)[36..60]);
}
