//! TURN over TCP and TLS on the one port: two clients, each behind its own relay address, exchange datagrams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::TestServer;
use peerline_stun::attribute::{
    CHANNEL_NUMBER, DATA, ICMP, LIFETIME, NONCE, REALM, REQUESTED_TRANSPORT, USERNAME, XOR_PEER_ADDRESS,
    XOR_RELAYED_ADDRESS,
};
use peerline_stun::framing::{Frame, next_frame};
use peerline_stun::integrity::{LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const USER: &str = "ada";
const PASSWORD: &str = "lovelace";
const CHANNEL: u16 = 0x4001;

/// A TURN client over any stream.
struct TurnClient<S> {
    stream: S,
    input: Vec<u8>,
    credential: Option<(String, String, LongTermKey)>,
    transactions: u8,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TurnClient<S> {
    fn new(stream: S) -> Self {
        Self { stream, input: Vec::new(), credential: None, transactions: 0 }
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match next_frame(&self.input) {
                Frame::Complete { message, consumed } => {
                    let message = message.to_vec();
                    self.input.drain(..consumed);
                    return Some(message);
                }
                Frame::Incomplete => {}
                Frame::Invalid => panic!("the server sent what is no TURN"),
            }
            let mut buffer = [0; 4096];
            let read =
                tokio::time::timeout(Duration::from_secs(5), self.stream.read(&mut buffer)).await.unwrap();
            match read {
                Ok(length) if length > 0 => self.input.extend_from_slice(&buffer[..length]),
                _ => return None,
            }
        }
    }

    async fn request(&mut self, method: Method, attributes: impl Fn(&mut MessageWriter<'_>)) -> Vec<u8> {
        self.transactions += 1;
        let mut buffer = [0; 1024];
        let mut writer = MessageWriter::new(
            &mut buffer,
            Class::Request,
            method,
            TransactionId::new([self.transactions; 12]),
        );
        attributes(&mut writer);
        if let Some((realm, nonce, key)) = &self.credential {
            writer.attribute(USERNAME, USER.as_bytes());
            writer.attribute(REALM, realm.as_bytes());
            writer.attribute(NONCE, nonce.as_bytes());
            writer.integrity(key.as_bytes());
        }
        let length = writer.finish().unwrap();
        self.stream.write_all(&buffer[..length]).await.unwrap();
        self.next().await.unwrap()
    }

    async fn allocate(&mut self) -> SocketAddr {
        let ask = |writer: &mut MessageWriter<'_>| {
            writer.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        };
        let challenge = self.request(Method::ALLOCATE, ask).await;
        let challenge = Message::parse(&challenge).unwrap();
        assert_eq!(challenge.error().unwrap().0.number(), 401);
        let realm = challenge.text(REALM).unwrap().to_owned();
        let nonce = challenge.text(NONCE).unwrap().to_owned();
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, USER, &realm, PASSWORD);
        self.credential = Some((realm, nonce, key));
        let answer = self.request(Method::ALLOCATE, ask).await;
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.class(), Class::Success, "{:?}", answer.error());
        answer.xor_address(XOR_RELAYED_ADDRESS).unwrap()
    }

    async fn permit(&mut self, peer: SocketAddr) {
        let answer = self.request(Method::CREATE_PERMISSION, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, peer);
        });
        assert_eq!(Message::parse(&answer.await).unwrap().class(), Class::Success);
    }

    async fn bind_channel(&mut self, peer: SocketAddr) {
        let answer = self.request(Method::CHANNEL_BIND, |writer| {
            writer.number(CHANNEL_NUMBER, u32::from(CHANNEL) << 16);
            writer.xor_address(XOR_PEER_ADDRESS, peer);
        });
        assert_eq!(Message::parse(&answer.await).unwrap().class(), Class::Success);
    }

    async fn send_indication(&mut self, peer: SocketAddr, data: &[u8]) {
        let mut buffer = [0; 2048];
        let mut writer =
            MessageWriter::new(&mut buffer, Class::Indication, Method::SEND, TransactionId::new([9; 12]));
        writer.xor_address(XOR_PEER_ADDRESS, peer).attribute(DATA, data);
        let length = writer.finish().unwrap();
        self.stream.write_all(&buffer[..length]).await.unwrap();
    }

    async fn send_channel(&mut self, data: &[u8]) {
        let mut frame = CHANNEL.to_be_bytes().to_vec();
        frame.extend((data.len() as u16).to_be_bytes());
        frame.extend(data);
        frame.resize(frame.len().next_multiple_of(4), 0);
        self.stream.write_all(&frame).await.unwrap();
    }
}

async fn exchange<A, B>(mut ada: TurnClient<A>, mut bob: TurnClient<B>)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let at_ada = ada.allocate().await;
    let at_bob = bob.allocate().await;
    ada.bind_channel(at_bob).await;
    bob.permit(at_ada).await;

    // ChannelData of every remainder of four comes out as Data indications in the same order.
    for length in 1..=9_usize {
        ada.send_channel(&vec![length as u8; length]).await;
        let message = bob.next().await.unwrap();
        let message = Message::parse(&message).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Indication, Method::DATA));
        assert_eq!(message.xor_address(XOR_PEER_ADDRESS), Some(at_ada));
        assert_eq!(message.attribute(DATA), Some(vec![length as u8; length].as_slice()));

        bob.send_indication(at_ada, &vec![b'x'; length]).await;
        let data = ada.next().await.unwrap();
        assert_eq!(data[..2], CHANNEL.to_be_bytes());
        assert_eq!(data[4..], vec![b'x'; length]);
    }
    let freed = ada.request(Method::REFRESH, |writer| {
        writer.number(LIFETIME, 0);
    });
    assert_eq!(Message::parse(&freed.await).unwrap().class(), Class::Success);
}

fn user() -> String {
    format!("{USER}:{PASSWORD}")
}

#[tokio::test]
async fn two_clients_over_tcp_meet() {
    let server = TestServer::start(&["--turn-user", &user()]).await;
    exchange(TurnClient::new(server.connect().await), TurnClient::new(server.connect().await)).await;
}

#[tokio::test]
async fn two_clients_over_tls_meet() {
    let server = TestServer::start(&["--turn-user", &user()]).await;
    let with_alpn = server.connect_tls(&[b"stun.turn"]).await;
    let without = server.connect_tls(&[]).await;
    exchange(TurnClient::new(with_alpn), TurnClient::new(without)).await;
}

#[tokio::test]
async fn an_allocation_ends_with_its_connection() {
    let server = TestServer::start(&["--turn-user", &user()]).await;
    let live = async || {
        let metrics = server.get("/metrics", &[]).await;
        metrics
            .text()
            .lines()
            .find_map(|line| line.strip_prefix("peerline_allocations ")?.parse::<u32>().ok())
            .unwrap()
    };
    let mut client = TurnClient::new(server.connect().await);
    client.allocate().await;
    assert_eq!(live().await, 1);
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), async {
        while live().await > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_stream_that_is_no_turn_is_closed() {
    let server = TestServer::start(&[]).await;
    // A wrong magic cookie, and a message far longer than a stranger may send.
    for bytes in
        [[[0, 1, 0, 0].as_slice(), &[0; 16]].concat(), [[0, 1, 0xff, 0xfc].as_slice(), &[0; 8192]].concat()]
    {
        let mut stream = server.connect().await;
        let _ = stream.write_all(&bytes).await;
        common::closed(stream, Duration::from_secs(5)).await;
    }
}

/// RFC 8656 §11.5.
#[tokio::test]
async fn a_client_over_tcp_hears_that_nobody_listens_at_its_peer() {
    let server = TestServer::start(&["--turn-user", &user(), "--relay-allow", "127.0.0.0/8"]).await;
    let mut client = TurnClient::new(server.connect().await);
    client.allocate().await;
    let gone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    client.bind_channel(gone).await;
    client.send_channel(b"anybody?").await;
    let indication = client.next().await.unwrap();
    let indication = Message::parse(&indication).unwrap();
    assert_eq!((indication.class(), indication.method()), (Class::Indication, Method::DATA));
    assert_eq!(indication.xor_address(XOR_PEER_ADDRESS), Some(gone));
    // RFC 8656 §18.13: 7 bits of type, 9 bits of code. Destination unreachable, port unreachable.
    assert_eq!(indication.attribute(ICMP), Some(&[0, 0, 3 << 1, 3, 0, 0, 0, 0][..]));
    // The error stops nothing.
    client.permit(gone).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_makes_us_hold_little() {
    let server = TestServer::start(&["--turn-user", &user()]).await;
    let mut lazy = TurnClient::new(server.connect().await);
    let mut busy = TurnClient::new(server.connect().await);
    let (at_lazy, at_busy) = (lazy.allocate().await, busy.allocate().await);
    lazy.permit(at_busy).await;
    busy.bind_channel(at_lazy).await;
    for _ in 0..20_000 {
        busy.send_channel(&[7; 1200]).await;
    }
    // The busy one is not held up, and the lazy one still has a connection that works.
    let answer = busy.request(Method::BINDING, |_| {}).await;
    assert_eq!(Message::parse(&answer).unwrap().class(), Class::Success);
    let first = lazy.next().await.unwrap();
    assert_eq!(Message::parse(&first).unwrap().attribute(DATA).map(<[u8]>::len), Some(1200));
}
