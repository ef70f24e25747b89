//! What is held for a client, and how it is written.

use std::net::Ipv4Addr;

use peerline_stun::attribute::{NONCE, REALM, REQUESTED_TRANSPORT, USERNAME, XOR_PEER_ADDRESS};
use peerline_stun::integrity::{LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use peerline_turn::{Credentials, Limits};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::relay::{Config, Listening, Quotas, Relay};

/// ChannelData with a payload of three bytes and one of padding.
const MESSAGE: [u8; 8] = [0x40, 1, 0, 3, 7, 7, 7, 0];

fn output(transport: Transport) -> Output {
    let mut output = Output::new(transport);
    output.bytes.extend_from_slice(&[MESSAGE, MESSAGE].concat());
    output
}

fn relay() -> Relay {
    let config = Config {
        listen: vec![Listening { address: (Ipv4Addr::LOCALHOST, 0).into(), is_optional: false }],
        public_ipv4: None,
        public_ipv6: None,
        ports: 49_152..=65_535,
        credentials: Credentials::new("test").with_user("ada", "lovelace"),
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        lan: false,
        tcp: true,
        limits: Limits::default(),
        quotas: Quotas::default(),
        workers: std::num::NonZeroUsize::new(1),
    };
    Relay::start(config).unwrap()
}

/// A connection's client that reads nothing but what it asks for here.
struct TestClient {
    turn: TurnStream,
    nonce: Vec<u8>,
}

impl TestClient {
    fn new(relay: &Relay) -> Self {
        let remote = (Ipv4Addr::LOCALHOST, 1000).into();
        let client = client(remote, (Ipv4Addr::LOCALHOST, 3478).into(), false);
        Self { turn: TurnStream::new(relay.shared().clone(), client), nonce: Vec::new() }
    }

    fn send(&mut self, method: Method, attributes: impl FnOnce(&mut MessageWriter<'_>)) {
        let mut buffer = [0; 1000];
        let transaction = TransactionId::new([7; 12]);
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, method, transaction);
        attributes(&mut writer);
        if !self.nonce.is_empty() {
            let key = LongTermKey::derive(PasswordAlgorithm::Md5, "ada", "test", "lovelace");
            writer.attribute(USERNAME, b"ada").attribute(REALM, b"test").attribute(NONCE, &self.nonce);
            writer.integrity(key.as_bytes());
        }
        let length = writer.finish().unwrap();
        self.turn.input.extend_from_slice(&buffer[..length]);
        self.turn.take_input(now()).unwrap();
    }

    fn ask(&mut self, method: Method, attributes: impl FnOnce(&mut MessageWriter<'_>)) -> Vec<u8> {
        self.turn.output.bytes.clear();
        self.send(method, attributes);
        self.turn.output.bytes.to_vec()
    }

    /// Gets a relayed address of TCP.
    fn allocate(&mut self) {
        let challenge = self.ask(Method::ALLOCATE, |_| ());
        self.nonce = Message::parse(&challenge).unwrap().attribute(NONCE).unwrap().to_vec();
        let answer = self.ask(Method::ALLOCATE, |writer| {
            writer.attribute(REQUESTED_TRANSPORT, &[6, 0, 0, 0]);
        });
        assert_eq!(Message::parse(&answer).unwrap().class(), Class::Success);
    }

    /// Asks and reads no answer for as long as it is listened to: how many bytes wait for it then.
    fn asks_without_reading(&mut self) -> usize {
        self.turn.output.bytes.clear();
        let mut requests = 0;
        while self.turn.reads() {
            self.send(Method::BINDING, |_| ());
            requests += 1;
            assert!(requests < 100_000, "it is listened to for ever");
        }
        self.turn.output.bytes.len()
    }
}

#[test]
fn tcp_takes_all_messages_at_once() {
    assert_eq!(output(Transport::Tcp).next().len(), 16);
}

#[test]
fn tls_takes_one_message_at_a_time_though_it_takes_a_part_of_it_first() {
    let mut output = output(Transport::Tls);
    assert_eq!(output.next(), MESSAGE);
    output.wrote(5);
    assert_eq!(output.next(), [7, 7, 0]);
    output.wrote(3);
    assert_eq!(output.next(), MESSAGE);
}

#[tokio::test]
async fn little_is_held_for_a_stranger_who_asks_and_does_not_read() {
    let relay = relay();
    let mut client = TestClient::new(&relay);
    assert!(client.asks_without_reading() < 6000);
    client.allocate();
    assert!(client.asks_without_reading() > OUTPUT_MAX);
}

#[tokio::test]
async fn who_does_not_read_is_told_of_no_peer_that_connects() {
    let relay = relay();
    let mut client = TestClient::new(&relay);
    client.allocate();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for is_told in [true, false] {
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (arrived, source) = listener.accept().await.unwrap();
        client.ask(Method::CREATE_PERMISSION, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, source);
        });
        client.turn.output.bytes.clear();
        if !is_told {
            client.asks_without_reading();
        }
        let before = client.turn.output.bytes.len();
        client.turn.take_connection(now(), News::Arrived(arrived, source));
        assert_eq!(client.turn.output.bytes.len() > before, is_told);
        if !is_told {
            assert_eq!(peer.read(&mut [0]).await.unwrap(), 0, "its connection is closed");
        }
    }
}
