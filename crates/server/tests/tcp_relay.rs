//! TCP towards peers (RFC 6062), over TCP and TLS on the one port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::turn_client::{TurnClient, user};
use common::{TestServer, closed};
use peerline_stun::attribute::LIFETIME;
use peerline_stun::{Class, Message, Method};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

const BRIEFLY: Duration = Duration::from_secs(10);

const OPTIONS: [&str; 4] = ["--turn-user", "eve:evil", "--relay-allow", "127.0.0.0/8"];

async fn server() -> TestServer {
    TestServer::start(&[&OPTIONS[..], &["--turn-user", &user(), "--tcp-relay"]].concat()).await
}

/// Who has an allocation of TCP, and its relayed address.
async fn allocated(server: &TestServer) -> (TurnClient<TcpStream>, SocketAddr) {
    let mut client = TurnClient::new(server.connect().await);
    let relayed = client.allocate_tcp().await;
    (client, relayed)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A peer that connects. From this machine's other addresses, only relays are let in.
async fn connects_to(relayed: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    timeout(BRIEFLY, socket.connect(relayed)).await.expect("in time").unwrap()
}

/// A peer that is connected to, and the stream that carries the data.
async fn connected(server: &TestServer, client: &mut TurnClient<TcpStream>) -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let connection = client.connect(address).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    let (data, early) = TurnClient::new(server.connect().await).bind_connection(connection).await.unwrap();
    assert!(early.is_empty());
    (peer, data)
}

/// Bytes that tell their order.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| ((index * 7) >> 3) as u8).collect()
}

async fn reads<S: AsyncRead + Unpin>(stream: &mut S, expected: &[u8]) {
    let mut read = vec![0; expected.len()];
    timeout(BRIEFLY, stream.read_exact(&mut read)).await.expect("in time").unwrap();
    assert!(read == expected);
}

async fn reads_end<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut rest = Vec::new();
    timeout(BRIEFLY, stream.read_to_end(&mut rest)).await.expect("in time").unwrap();
    assert!(rest.is_empty());
}

/// Much passes, both ways at once, and the end of each direction.
async fn passes<A, B>(one: A, other: B)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let much = bytes(3_000_000);
    let ((mut one_reads, mut one_writes), (mut other_reads, mut other_writes)) =
        (tokio::io::split(one), tokio::io::split(other));
    let write = async |writer: &mut (dyn AsyncWrite + Unpin)| {
        writer.write_all(&much).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let read = async |reader: &mut (dyn AsyncRead + Unpin)| {
        let mut read = Vec::new();
        timeout(BRIEFLY * 6, reader.read_to_end(&mut read)).await.expect("in time").unwrap();
        assert!(read == much, "{} of {}", read.len(), much.len());
    };
    tokio::join!(
        write(&mut one_writes),
        write(&mut other_writes),
        read(&mut one_reads),
        read(&mut other_reads)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_connected_to_where_the_operator_has_not_asked_for_it() {
    let server = TestServer::start(&[&OPTIONS[..], &["--turn-user", &user(), "--lan"]].concat()).await;
    assert_eq!(TurnClient::new(server.connect().await).try_allocate_tcp().await, Err(442));
    TurnClient::new(server.connect().await).allocate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_connects_to_a_peer_and_data_passes_as_it_is() {
    let server = server().await;
    let (mut client, relayed) = allocated(&server).await;
    for is_tls in [false, true] {
        let (listener, address) = listen().await;
        let connection = client.connect(address).await.unwrap();
        let (mut peer, source) = listener.accept().await.unwrap();
        // RFC 6062 §5.2: the connection leaves from the relayed address.
        assert_eq!(source.port(), relayed.port());
        // What the peer says before the client has taken it over isn't lost.
        peer.write_all(b"welcome").await.unwrap();
        if is_tls {
            let data = TurnClient::new(server.connect_tls(&[b"stun.turn"]).await);
            let (mut data, early) = data.bind_connection(connection).await.unwrap();
            reads(&mut data, &b"welcome"[early.len()..]).await;
            passes(data, peer).await;
        } else {
            let data = TurnClient::new(server.connect().await);
            let (mut data, early) = data.bind_connection(connection).await.unwrap();
            reads(&mut data, &b"welcome"[early.len()..]).await;
            passes(data, peer).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_connects_to_the_relayed_address_when_it_is_permitted() {
    let server = server().await;
    let (mut client, relayed) = allocated(&server).await;
    // RFC 6062 §5.3: the others are closed at once.
    let stranger = connects_to(relayed).await;
    let seen_as = stranger.local_addr().unwrap();
    closed(stranger, BRIEFLY).await;
    client.permit(seen_as).await;
    let mut peer = connects_to(relayed).await;
    peer.write_all(b"hello").await.unwrap();
    let (from, connection) = client.connection_attempt().await;
    assert_eq!(from, peer.local_addr().unwrap());
    let (mut data, early) =
        TurnClient::new(server.connect().await).bind_connection(connection).await.unwrap();
    reads(&mut data, &b"hello"[early.len()..]).await;
    passes(data, peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_meet_at_their_relayed_addresses() {
    let server = server().await;
    let ((mut ada, at_ada), (mut grace, at_grace)) = (allocated(&server).await, allocated(&server).await);
    grace.permit(at_ada).await;
    let from_ada = ada.connect(at_grace).await.unwrap();
    let (from, to_grace) = grace.connection_attempt().await;
    assert_eq!(from, at_ada);
    let [(ada, _), (grace, _)] = [
        TurnClient::new(server.connect().await).bind_connection(from_ada).await.unwrap(),
        TurnClient::new(server.connect().await).bind_connection(to_grace).await.unwrap(),
    ];
    passes(ada, grace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_refuses_is_told_as_447_and_one_that_is_inside_as_403() {
    let server = server().await;
    let (mut client, _) = allocated(&server).await;
    let (listener, address) = listen().await;
    drop(listener);
    assert_eq!(client.connect(address).await, Err(447));
    assert_eq!(client.connect("10.0.0.1:8080".parse().unwrap()).await, Err(403));
    // Nothing of it stays behind.
    let (listener, address) = listen().await;
    let connection = client.connect(address).await.unwrap();
    assert_eq!(client.connect(address).await, Err(446));
    drop((listener, connection));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_taken_over_by_its_own_user_and_once() {
    let server = server().await;
    let (mut client, _) = allocated(&server).await;
    let (listener, address) = listen().await;
    let connection = client.connect(address).await.unwrap();
    let eve = TurnClient::of(server.connect().await, "eve", "evil");
    assert_eq!(eve.bind_connection(connection).await.err(), Some(400));
    let unknown = TurnClient::new(server.connect().await);
    assert_eq!(unknown.bind_connection(connection.wrapping_add(1000)).await.err(), Some(400));
    let data = TurnClient::new(server.connect().await).bind_connection(connection).await;
    assert!(data.is_ok());
    let again = TurnClient::new(server.connect().await).bind_connection(connection).await;
    assert_eq!(again.err(), Some(400));
    drop(listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_broken_on_one_side_ends_on_the_other_and_can_be_made_again() {
    let server = server().await;
    let (mut client, _) = allocated(&server).await;
    let (listener, address) = listen().await;
    for breaks_at_peer in [true, false] {
        let connection = timeout(BRIEFLY, client.connect_when_over(address)).await.expect("in time");
        let (peer, _) = listener.accept().await.unwrap();
        let (data, _) = TurnClient::new(server.connect().await).bind_connection(connection).await.unwrap();
        let (broken, other) = if breaks_at_peer { (peer, data) } else { (data, peer) };
        broken.set_zero_linger().unwrap();
        drop(broken);
        closed(other, BRIEFLY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_ended_in_order_can_be_made_again_at_once() {
    let server = server().await;
    let (mut client, _) = allocated(&server).await;
    let (listener, address) = listen().await;
    for _ in 0..2 {
        let connection = timeout(BRIEFLY, client.connect_when_over(address)).await.expect("in time");
        let (mut peer, _) = listener.accept().await.unwrap();
        let (mut data, _) =
            TurnClient::new(server.connect().await).bind_connection(connection).await.unwrap();
        // Who ends first is the one with TIME-WAIT: toward the peer, that is the relay.
        data.shutdown().await.unwrap();
        reads_end(&mut peer).await;
        peer.shutdown().await.unwrap();
        reads_end(&mut data).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_with_peers_leave_room_for_those_who_come() {
    let few = ["--turn-user", &user(), "--tcp-relay", "--max-connections", "12"];
    let server = TestServer::start(&[&OPTIONS[..], &few].concat()).await;
    let (mut client, _) = allocated(&server).await;
    let mut held = Vec::new();
    for expected in [Ok(()), Ok(()), Ok(()), Err(486)] {
        let (listener, address) = listen().await;
        assert_eq!(client.connect(address).await.map(|_| ()), expected, "after {}", held.len());
        held.push(listener);
    }
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_with_their_allocation_and_with_its_client() {
    let server = server().await;
    for is_released in [true, false] {
        let (mut client, relayed) = allocated(&server).await;
        let (peer, data) = connected(&server, &mut client).await;
        let (listener, address) = listen().await;
        client.connect(address).await.unwrap();
        let (waiting, _) = listener.accept().await.unwrap();
        if is_released {
            let freed = client.request(Method::REFRESH, |writer| {
                writer.number(LIFETIME, 0);
            });
            assert_eq!(Message::parse(&freed.await).unwrap().class(), Class::Success);
        } else {
            drop(client);
        }
        for stream in [peer, data, waiting] {
            closed(stream, BRIEFLY).await;
        }
        let is_over = async { while TcpStream::connect(relayed).await.is_ok() {} };
        timeout(BRIEFLY, is_over).await.expect("nobody listens any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_does_not_read_holds_the_other_back() {
    let server = server().await;
    let (mut client, _) = allocated(&server).await;
    let (mut peer, mut data) = connected(&server, &mut client).await;
    // What the kernels hold on the way is some megabytes; the server holds no more than a piece.
    let (piece, most) = (bytes(100_000), 64 << 20);
    let mut written = 0;
    while written < most {
        match timeout(Duration::from_secs(1), data.write(&piece[written % 100_000..])).await {
            Ok(length) => written += length.unwrap(),
            Err(_) => break,
        }
    }
    assert!(written < most, "{written} bytes were taken");
    // Nothing is lost.
    let mut read = vec![0; written];
    timeout(BRIEFLY * 6, peer.read_exact(&mut read)).await.expect("in time").unwrap();
    assert!(read.chunks(100_000).all(|chunk| *chunk == piece[..chunk.len()]));
}
