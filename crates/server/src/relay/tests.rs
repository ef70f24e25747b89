//! The relay over real sockets: what unit tests of its parts can't show.

mod abuse;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use peerline_stun::attribute::{
    CHANNEL_NUMBER, DATA, EVEN_PORT, ICMP, LIFETIME, NONCE, REALM, REQUESTED_TRANSPORT, RESERVATION_TOKEN,
    USERNAME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use peerline_stun::integrity::{LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use peerline_turn::Credentials;

use super::*;

const CHANNEL: u16 = 0x4001;
/// Only a broken relay takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

fn config() -> Config {
    Config {
        listen: vec![Listening { address: ([127, 0, 0, 1], 0).into(), is_optional: false }],
        public_ipv4: None,
        public_ipv6: None,
        ports: 49_152..=65_535,
        credentials: Credentials::new("test").with_user("alice", "wonder").with_user("eve", "wonder"),
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        lan: false,
        tcp: false,
        limits: Limits::default(),
        quotas: Quotas::default(),
        workers: NonZeroUsize::new(2),
    }
}

struct TestClient {
    socket: UdpSocket,
    user: &'static str,
    nonce: Vec<u8>,
    transaction: u8,
}

impl TestClient {
    fn new(relay: &Relay) -> Self {
        Self::of(relay, "alice")
    }

    fn of(relay: &Relay, user: &'static str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(relay.addresses()[0]).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, user, nonce: Vec::new(), transaction: 0 }
    }

    /// Sends a request and returns its answer.
    fn ask(&mut self, method: Method, attributes: &[(u16, &[u8])], peer: Option<SocketAddr>) -> Vec<u8> {
        self.transaction = self.transaction.wrapping_add(1);
        let mut buffer = [0; 1500];
        let transaction = TransactionId::new([self.transaction; 12]);
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, method, transaction);
        for (number, value) in attributes {
            writer.attribute(*number, value);
        }
        if let Some(peer) = peer {
            writer.xor_address(XOR_PEER_ADDRESS, peer);
        }
        if !self.nonce.is_empty() {
            let key = LongTermKey::derive(PasswordAlgorithm::Md5, self.user, "test", "wonder");
            writer
                .attribute(USERNAME, self.user.as_bytes())
                .attribute(REALM, b"test")
                .attribute(NONCE, &self.nonce)
                .integrity(key.as_bytes());
        }
        let length = writer.finish().unwrap();
        self.socket.send(&buffer[..length]).unwrap();
        self.receive()
    }

    fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2000];
        let length = self.socket.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    /// Allocates after the challenge; the answer.
    fn allocate(&mut self, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let all = [&[(REQUESTED_TRANSPORT, &[17, 0, 0, 0][..])], attributes].concat();
        if self.nonce.is_empty() {
            let challenge = self.ask(Method::ALLOCATE, &all, None);
            let challenge = Message::parse(&challenge).unwrap();
            self.nonce = challenge.attribute(NONCE).unwrap().to_vec();
        }
        self.ask(Method::ALLOCATE, &all, None)
    }

    fn bind(&mut self, peer: SocketAddr) {
        let [high, low] = CHANNEL.to_be_bytes();
        let answer = self.ask(Method::CHANNEL_BIND, &[(CHANNEL_NUMBER, &[high, low, 0, 0])], Some(peer));
        assert_eq!(Message::parse(&answer).unwrap().class(), Class::Success);
    }

    fn release(&mut self) {
        let answer = self.ask(Method::REFRESH, &[(LIFETIME, &[0; 4])], None);
        assert_eq!(Message::parse(&answer).unwrap().class(), Class::Success);
    }

    fn send(&self, payload: &[u8]) {
        let mut message = CHANNEL.to_be_bytes().to_vec();
        message.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        message.extend_from_slice(payload);
        self.socket.send(&message).unwrap();
    }
}

fn relayed(answer: &[u8]) -> SocketAddr {
    let message = Message::parse(answer).unwrap();
    assert_eq!(message.error(), None);
    message.xor_address(XOR_RELAYED_ADDRESS).unwrap()
}

fn error(answer: &[u8]) -> u16 {
    Message::parse(answer).unwrap().error().unwrap().0.number()
}

fn peer() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_burst_of_packets_of_all_sizes_arrives_whole_and_in_order_both_ways() {
    let relay = Relay::start(config()).unwrap();
    let (mut client, peer) = (TestClient::new(&relay), peer());
    let relayed = relayed(&client.allocate(&[]));
    client.bind(peer.local_addr().unwrap());
    // Runs of one size, that travel as trains, and single ones; and an empty one.
    let size = |index: usize| [100, 100, 100, 100, 7, 1200, 1200, 1200, 1400, 0, 33][index % 11];
    let packet = |index: usize| vec![index as u8; size(index)];
    let mut buffer = [0; 2000];
    for burst in 0..8 {
        let indices = burst * 30..(burst + 1) * 30;
        indices.clone().for_each(|index| client.send(&packet(index)));
        for index in indices.clone() {
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!((from.port(), &buffer[..length]), (relayed.port(), &packet(index)[..]));
            peer.send_to(&buffer[..length], from).unwrap();
        }
        for index in indices {
            let message = client.receive();
            assert_eq!(message[..2], CHANNEL.to_be_bytes());
            assert_eq!(message[2..4], (size(index) as u16).to_be_bytes());
            assert_eq!(message[4..], packet(index));
        }
    }
    wait_until("the packets are counted", || {
        let turn = relay.statistics().turn;
        (turn.packets_from_clients, turn.packets_from_peers) == (240, 240)
    });
    assert_eq!(relay.statistics().send_failures, 0);
}

#[test]
fn what_a_client_gives_back_can_be_had_again() {
    // Two ports below those that the kernel gives to others, not the same in two runs at once.
    let low = 20_000 + (std::process::id() % 6000) as u16 * 2;
    let relay = Relay::start(Config { ports: low..=low + 1, ..config() }).unwrap();
    let (mut first, mut second, mut third) =
        (TestClient::new(&relay), TestClient::new(&relay), TestClient::new(&relay));
    let ports = [relayed(&first.allocate(&[])).port(), relayed(&second.allocate(&[])).port()];
    assert_eq!(error(&third.allocate(&[])), 508);
    first.release();
    assert_eq!(relayed(&third.allocate(&[])).port(), ports[0]);
    let allocations = relay.statistics().allocations;
    assert_eq!((allocations.live, allocations.total, allocations.refused_by_capacity), (2, 3, 1));
}

#[test]
fn an_even_port_can_be_had_and_the_next_one_reserved() {
    let relay = Relay::start(config()).unwrap();
    let (mut first, mut second) = (TestClient::new(&relay), TestClient::new(&relay));
    let answer = first.allocate(&[(EVEN_PORT, &[0x80])]);
    let even = relayed(&answer).port();
    assert!(even.is_multiple_of(2));
    let token = Message::parse(&answer).unwrap().attribute(RESERVATION_TOKEN).unwrap();
    assert_eq!(relayed(&second.allocate(&[(RESERVATION_TOKEN, token)])).port(), even + 1);
    // A token is good once.
    assert_eq!(error(&TestClient::new(&relay).allocate(&[(RESERVATION_TOKEN, token)])), 508);
}

#[test]
fn a_user_has_no_more_than_its_quota() {
    let quotas = Quotas { allocations_per_user: 1, ..Quotas::default() };
    let relay = Relay::start(Config { quotas, ..config() }).unwrap();
    let (mut first, mut second) = (TestClient::new(&relay), TestClient::new(&relay));
    relayed(&first.allocate(&[]));
    assert_eq!(error(&second.allocate(&[])), 486);
    first.release();
    relayed(&second.allocate(&[]));
    // A reserved port counts as well.
    second.release();
    assert_eq!(error(&first.allocate(&[(EVEN_PORT, &[0x80])])), 486);
}

#[test]
fn the_client_hears_that_nobody_listens_at_its_peer() {
    let relay = Relay::start(config()).unwrap();
    let mut client = TestClient::new(&relay);
    client.allocate(&[]);
    let gone = peer().local_addr().unwrap();
    client.bind(gone);
    client.send(b"anybody?");
    let indication = client.receive();
    let indication = Message::parse(&indication).unwrap();
    assert_eq!((indication.class(), indication.method()), (Class::Indication, Method::DATA));
    assert_eq!(indication.xor_address(XOR_PEER_ADDRESS), Some(gone));
    // RFC 8656 §18.13: 7 bits of type, 9 bits of code. Destination unreachable, port unreachable.
    assert_eq!(indication.attribute(ICMP), Some(&[0, 0, 3 << 1, 3, 0, 0, 0, 0][..]));
    assert_eq!(indication.attribute(DATA), None);
    // The error stops nothing.
    let peer = peer();
    let answer = client.ask(Method::CREATE_PERMISSION, &[], Some(peer.local_addr().unwrap()));
    assert_eq!(Message::parse(&answer).unwrap().class(), Class::Success);
}

#[test]
fn two_relayed_peers_meet_on_whatever_worker() {
    let relay = Relay::start(config()).unwrap();
    let mut clients: Vec<_> = (0..6).map(|_| TestClient::new(&relay)).collect();
    let addresses: Vec<_> = clients.iter_mut().map(|client| relayed(&client.allocate(&[]))).collect();
    for pair in clients.chunks_mut(2).zip(addresses.chunks(2)) {
        let ([a, b], [relayed_a, relayed_b]) = pair else { unreachable!() };
        a.bind(*relayed_b);
        b.bind(*relayed_a);
        a.send(b"hello");
        assert_eq!(b.receive()[4..], *b"hello");
        b.send(b"hello yourself");
        assert_eq!(a.receive()[4..], *b"hello yourself");
    }
}

#[test]
fn a_taken_address_is_an_error_and_a_missing_family_need_not_be() {
    let relay = Relay::start(config()).unwrap();
    let taken = Listening { address: relay.addresses()[0], is_optional: true };
    let second = Relay::start(Config { listen: vec![taken], ..config() });
    assert!(matches!(second, Err(StartError::Listen { address, .. }) if address == taken.address));
    relay.shutdown();
    // Once the first one has stopped, everything is free again.
    let third = Relay::start(Config { listen: vec![taken], ..config() }).unwrap();
    let missing = Listening { address: "[2001:db8::77]:0".parse().unwrap(), is_optional: true };
    let fourth = Relay::start(Config { listen: vec![missing], ..config() }).unwrap();
    assert_eq!((third.addresses().len(), fourth.addresses().len()), (1, 0));
}

#[test]
fn a_wildcard_socket_answers_from_the_address_it_was_asked_at() {
    let listen = vec![Listening { address: ([0, 0, 0, 0], 0).into(), is_optional: false }];
    let relay = Relay::start(Config { listen, ..config() }).unwrap();
    let port = relay.addresses()[0].port();
    for server in [[127, 0, 0, 1], [127, 0, 0, 5_u8]] {
        // A connected socket takes answers from that address only.
        let mut client = TestClient::new(&relay);
        client.socket.connect(SocketAddr::from((server, port))).unwrap();
        let answer = client.ask(Method::BINDING, &[], None);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.xor_address(XOR_MAPPED_ADDRESS), Some(client.socket.local_addr().unwrap()));
    }
}
