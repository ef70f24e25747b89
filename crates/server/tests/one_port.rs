//! One TCP port for everything: told apart, or closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::time::Duration;

use common::{TestServer, closed, get, tls};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const BRIEFLY: Duration = Duration::from_secs(5);

fn binding_request() -> Vec<u8> {
    let mut buffer = [0; 64];
    let length =
        MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TransactionId::new([7; 12]))
            .finish()
            .unwrap();
    buffer[..length].to_vec()
}

async fn is_bound<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    stream.write_all(&binding_request()).await.unwrap();
    let mut answer = vec![0; 20];
    tokio::time::timeout(BRIEFLY, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    let mut rest = vec![0; usize::from(u16::from_be_bytes([answer[2], answer[3]]))];
    stream.read_exact(&mut rest).await.unwrap();
    answer.extend(rest);
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(answer.class(), Class::Success);
    assert!(answer.mapped_address().is_some_and(|address| address.ip().is_loopback()));
}

#[tokio::test]
async fn http_stun_and_tls_share_the_port() {
    let server = TestServer::start(&[]).await;
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
    is_bound(server.connect().await).await;
    is_bound(server.connect_tls(&[b"stun.turn"]).await).await;
    let h1 = server.connect_tls(&[b"http/1.1"]).await;
    assert_eq!(get(h1, "/healthz", "localhost", &[]).await.status, 200);
}

#[tokio::test]
async fn clients_without_alpn_are_told_apart_by_their_first_byte() {
    let server = TestServer::start(&[]).await;
    is_bound(server.connect_tls(&[]).await).await;
    assert_eq!(get(server.connect_tls(&[]).await, "/healthz", "localhost", &[]).await.status, 200);
}

#[tokio::test]
async fn udp_answers_at_the_number_of_the_tcp_port() {
    let server = TestServer::start(&[]).await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&binding_request(), server.address()).await.unwrap();
    let mut buffer = [0; 512];
    let (length, from) = tokio::time::timeout(BRIEFLY, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(from, server.address());
    assert_eq!(Message::parse(&buffer[..length]).unwrap().mapped_address(), socket.local_addr().ok());
}

#[tokio::test]
async fn ipv6_is_served_beside_ipv4() {
    let server = TestServer::start_at("[::1]:0", &[]).await;
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
    let host = format!("[::1]:{}", server.address().port());
    assert_eq!(server.get("/healthz", &[("host", &host)]).await.status, 200);
}

#[tokio::test]
async fn garbage_is_closed_and_harms_nobody() {
    let server = TestServer::start(&[]).await;
    let mut seed = 1_u32;
    for first in 0..=255_u8 {
        let mut stream = server.connect().await;
        let mut bytes = vec![first];
        for _ in 0..200 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.push((seed >> 24) as u8);
        }
        // What looks like the beginning of a long STUN message or TLS record is ended, too.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        closed(stream, BRIEFLY).await;
    }
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn plain_http_is_for_the_names_of_this_machine() {
    let server = TestServer::start(&[]).await;
    for host in ["localhost", "localhost:1", "127.0.0.1:8443", "[::1]", "app.localhost"] {
        assert_eq!(server.get("/", &[("host", host)]).await.status, 200, "{host}");
    }
    // Somebody's DNS may lead to 127.0.0.1 as well.
    let rebound = server.get("/c/?a=b", &[("host", "evil.example:8443")]).await;
    assert_eq!((rebound.status, rebound.header("location")), (308, Some("https://evil.example:8443/c/?a=b")));
}

#[tokio::test]
async fn from_elsewhere_plain_http_is_sent_to_https_at_the_same_host() {
    let address = peerline_server::addresses::of_this_machine()
        .find(|ip| ip.is_ipv4())
        .expect("this test needs an address that is not loopback");
    let server = TestServer::start_at(&format!("{address}:0"), &[]).await;
    let host = server.address().to_string();
    let expect = |path: &str| format!("https://{host}{path}");
    for path in ["/", "/c/", "/signal", "//evil.example/", "/?next=https://evil.example"] {
        let answer = server.get(path, &[("host", &host)]).await;
        assert_eq!((answer.status, answer.header("location")), (308, Some(expect(path).as_str())));
    }
}

#[tokio::test]
async fn a_proxy_that_ends_tls_is_believed_when_it_is_trusted() {
    let headers =
        [("host", "call.example.org"), ("x-forwarded-proto", "https"), ("x-forwarded-for", "203.0.113.1")];
    let trusting = TestServer::start(&["--trusted-proxy", "127.0.0.1/32"]).await;
    assert_eq!(trusting.get("/", &headers).await.status, 200);
    let plain =
        [("host", "call.example.org"), ("x-forwarded-proto", "http"), ("x-forwarded-for", "203.0.113.1")];
    assert_eq!(trusting.get("/", &plain).await.status, 308);
    let other = TestServer::start(&[]).await;
    assert_eq!(other.get("/", &headers).await.status, 308);
}

#[tokio::test]
async fn who_says_nothing_is_closed_after_ten_seconds() {
    let server = TestServer::start(&[]).await;
    let silent = server.connect().await;
    let mut half_tls = server.connect().await;
    half_tls.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    let mut half_http = server.connect().await;
    half_http.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await.unwrap();
    let mut half_stun = server.connect().await;
    half_stun.write_all(&[0, 1, 0, 0x20]).await.unwrap();
    let within_tls = server.connect_tls(&[]).await;
    let half_http2 = server.connect_tls(&[b"h2"]).await;
    // Everything above has arrived once an answer to what came after it has.
    assert_eq!(server.get("/healthz", &[]).await.status, 200);

    tokio::time::pause();
    for _ in 0..4 {
        tokio::time::advance(Duration::from_secs(8)).await;
        // Sockets are not ruled by the paused clock: let them be looked at.
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
    closed(half_http2, BRIEFLY).await;
    closed(silent, BRIEFLY).await;
    closed(half_tls, BRIEFLY).await;
    closed(half_http, BRIEFLY).await;
    closed(half_stun, BRIEFLY).await;
    closed(within_tls, BRIEFLY).await;
}

#[tokio::test]
async fn the_certificate_is_read_again_while_the_server_runs() {
    let directory = common::TemporaryDirectory::new();
    let write = || {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        directory.file("key.pem", &certified.signing_key.serialize_pem());
        directory.file("cert.pem", &certified.cert.pem());
        certified.cert.der().to_vec()
    };
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let first = write();
    let server = TestServer::start(&["--cert", &path("cert.pem"), "--key", &path("key.pem")]).await;
    let shown = |stream: &tokio_rustls::client::TlsStream<tokio::net::TcpStream>| {
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    assert_eq!(shown(&server.connect_tls(&[]).await), first);
    let second = write();
    server.server.reload_certificate().unwrap();
    assert_eq!(shown(&server.connect_tls(&[]).await), second);
    directory.file("key.pem", "damaged");
    assert!(server.server.reload_certificate().is_err());
    assert_eq!(shown(&tls(server.connect().await, &[]).await), second, "the old certificate stays");
    // A certificate that browsers trust comes with the wish not to be called by plain HTTP any more.
    let answer = get(server.connect_tls(&[]).await, "/", "localhost", &[]).await;
    assert!(answer.header("strict-transport-security").is_some());
}
