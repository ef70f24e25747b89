//! TURN over TCP and TLS on the one port: two clients, each behind its own relay address, exchange datagrams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::time::Duration;

use common::TestServer;
use common::turn_client::{CHANNEL, TurnClient, user};
use peerline_stun::attribute::{DATA, ICMP, LIFETIME, XOR_PEER_ADDRESS};
use peerline_stun::{Class, Message, Method};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

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
