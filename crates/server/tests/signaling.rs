//! `/signal`: WebSockets over HTTP/1.1 and HTTP/2 that carry frames to the hub and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::TestServer;
use common::turn_client::TurnClient;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::Request;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};

/// One participant's WebSocket.
struct Participant<S> {
    socket: WebSocketStream<S>,
    id: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Participant<S> {
    fn new(socket: WebSocketStream<S>) -> Self {
        Self { socket, id: 0 }
    }

    async fn ask(&mut self, mut frame: Value) -> Value {
        self.id += 1;
        frame["id"] = self.id.into();
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
        let id = self.id;
        self.find(|answer| answer["re"] == id).await
    }

    /// The first frame that fits; others before it are passed over.
    async fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(5), self.socket.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            let Message::Text(text) = message else { panic!("{message:?}") };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if fits(&frame) {
                return frame;
            }
        }
    }

    /// The code that the server closes with.
    async fn close_code(&mut self) -> Option<u16> {
        loop {
            match tokio::time::timeout(Duration::from_secs(5), self.socket.next()).await.unwrap() {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    async fn hello(&mut self, key: u8) -> Value {
        self.ask(json!({"type": "hello", "key": URL_SAFE_NO_PAD.encode([key; 32]), "agent": "test"})).await
    }

    async fn join(&mut self) -> Value {
        let channel = URL_SAFE_NO_PAD.encode([5; 32]);
        self.ask(json!({"type": "join", "channel": channel, "profile": URL_SAFE_NO_PAD.encode([0; 40])}))
            .await
    }
}

fn upgrade(host: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .uri("/signal")
        .header("host", host)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", tungstenite::handshake::client::generate_key());
    if !headers.iter().any(|(name, _)| *name == "sec-websocket-protocol") {
        request = request.header("sec-websocket-protocol", "peerline.v1");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    headers: &[(&str, &str)],
) -> Result<Participant<S>, u16> {
    // tungstenite wants an absolute address, and makes the request line of its path.
    let mut request = upgrade(host, headers);
    *request.uri_mut() = format!("ws://{host}/signal").parse().unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "peerline.v1");
            Ok(Participant::new(socket))
        }
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn two_participants_meet_over_http_1_and_http_2() {
    let server = TestServer::start(&[]).await;
    let mut ada = open(server.connect().await, "localhost", &[]).await.unwrap();
    let mut bob = open_http2(&server).await;
    assert_eq!(ada.hello(1).await["type"], "welcome");
    let bob_is = bob.hello(2).await["participant"].as_str().unwrap().to_owned();
    assert_eq!(ada.join().await["members"], json!([]));
    assert_eq!(bob.join().await["members"].as_array().unwrap().len(), 1);
    let arrived = ada.find(|frame| frame["type"] == "arrived").await;
    assert_eq!(arrived["member"]["participant"], bob_is.as_str());

    let channel = arrived["channel"].clone();
    let payload = URL_SAFE_NO_PAD.encode([9; 100]);
    let sent = ada.ask(json!({"type": "send", "channel": channel, "to": bob_is, "payload": payload})).await;
    assert_eq!(sent["type"], "ok");
    let message = bob.find(|frame| frame["type"] == "message").await;
    assert_eq!(message["payload"], payload);
}

#[tokio::test]
async fn http_1_carries_web_sockets_over_tls_and_for_clients_that_do_not_wait_for_the_answer() {
    let server = TestServer::start(&[]).await;
    let mut ada = open(server.connect_tls(&[b"http/1.1"]).await, "localhost", &[]).await.unwrap();
    assert_eq!(ada.hello(1).await["type"], "welcome");

    let mut stream = server.connect_tls(&[b"http/1.1"]).await;
    let hello = json!({"type": "hello", "id": 1, "key": URL_SAFE_NO_PAD.encode([2; 32])}).to_string();
    let mut bytes = b"GET /signal HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: peerline.v1\r\n\r\n"
        .to_vec();
    // RFC 6455 §5.2: a text of up to 125 bytes, masked with zeros.
    bytes.extend([0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0]);
    bytes.extend(hello.as_bytes());
    stream.write_all(&bytes).await.unwrap();
    let mut read = String::new();
    while !read.contains(r#"{"type":"welcome","re":1"#) {
        let mut buffer = [0; 4_096];
        let length =
            tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.unwrap().unwrap();
        assert_ne!(length, 0, "{read}");
        read += &String::from_utf8_lossy(&buffer[..length]);
    }
    assert!(read.starts_with("HTTP/1.1 101 "), "{read}");
    assert!(
        read.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{read}"
    );
}

type Http2 = hyper::client::conn::http2::SendRequest<Empty<bytes::Bytes>>;

async fn open_http2(server: &TestServer) -> Participant<TokioIo<hyper::upgrade::Upgraded>> {
    let mut sender = connect_http2(server).await;
    let response = upgrade_http2(&mut sender).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], "peerline.v1");
    let upgraded = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    Participant::new(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await)
}

async fn connect_http2(server: &TestServer) -> Http2 {
    let stream = TokioIo::new(server.connect_tls(&[b"h2"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<bytes::Bytes>>(TokioExecutor::new(), stream)
            .await
            .unwrap();
    tokio::spawn(connection);
    // The server's settings have come once it has answered: only then does the client know of RFC 8441.
    let first = Request::get("https://localhost/healthz").body(Empty::new()).unwrap();
    assert_eq!(sender.send_request(first).await.unwrap().status(), 200);
    sender
}

async fn upgrade_http2(sender: &mut Http2) -> hyper::Response<hyper::body::Incoming> {
    let request = Request::connect("https://localhost/signal")
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "peerline.v1")
        .header("origin", "https://localhost")
        .body(Empty::new())
        .unwrap();
    sender.send_request(request).await.unwrap()
}

#[tokio::test]
async fn web_sockets_are_counted_though_they_share_a_connection() {
    let server = TestServer::start(&["--max-connections", "2"]).await;
    let mut sender = connect_http2(&server).await;
    let first = upgrade_http2(&mut sender).await;
    let second = upgrade_http2(&mut sender).await;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let refused = upgrade_http2(&mut sender).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(
        server
            .get("/metrics", &[])
            .await
            .text()
            .contains("peerline_connections_refused_total{reason=\"full\"} 1")
    );
}

#[tokio::test]
async fn a_client_that_reads_late_loses_nothing() {
    let server = TestServer::start(&[]).await;
    let ada = open(server.connect().await, "localhost", &[]).await.unwrap();
    let bob = open(server.connect().await, "localhost", &[]).await.unwrap();
    read_late(ada, bob).await;
}

async fn read_late<S: AsyncRead + AsyncWrite + Unpin>(mut ada: Participant<S>, mut bob: Participant<S>) {
    ada.hello(1).await;
    let bob_is = bob.hello(2).await["participant"].clone();
    let channel = ada.join().await["channel"].clone();
    bob.join().await;
    // More than a batch and less than the queue, while nobody reads at the other end.
    let payload = URL_SAFE_NO_PAD.encode([9; 6_000]);
    let mut sent = Vec::new();
    for _ in 0..100 {
        let answer =
            ada.ask(json!({"type": "send", "channel": channel, "to": bob_is, "payload": payload})).await;
        assert_eq!(answer["type"], "ok");
        sent.push(ada.id);
    }
    for id in sent {
        let message = bob.find(|frame| frame["type"] == "message").await;
        assert_eq!(message["id"], id);
        let ack = json!({"type": "ack", "offset": message["offset"]}).to_string();
        bob.socket.send(Message::text(ack)).await.unwrap();
    }
    // The acknowledgements were all fit: no error stands before this answer.
    assert_eq!(bob.ask(json!({"type": "ping"})).await["type"], "pong");
}

/// A WebSocket's stream on HTTP/2, by a client that gives back what it has read and asks for what it wants to write.
struct Http2Stream {
    sending: h2::SendStream<bytes::Bytes>,
    receiving: h2::RecvStream,
    chunk: bytes::Bytes,
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.chunk.is_empty() {
            match ready!(self.receiving.poll_data(context)) {
                Some(chunk) => self.chunk = chunk.map_err(std::io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.chunk.len().min(buffer.remaining());
        buffer.put_slice(&self.chunk.split_to(length));
        // RFC 9113 §5.2: what has been read makes room for more.
        self.receiving.flow_control().release_capacity(length).map_err(std::io::Error::other)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.sending.reserve_capacity(bytes.len());
        while self.sending.capacity() == 0 {
            match ready!(self.sending.poll_capacity(context)) {
                Some(capacity) => drop(capacity.map_err(std::io::Error::other)?),
                None => return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into())),
            }
        }
        let length = self.sending.capacity().min(bytes.len());
        let data = bytes::Bytes::copy_from_slice(&bytes[..length]);
        self.sending.send_data(data, false).map_err(std::io::Error::other)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.sending.send_data(bytes::Bytes::new(), true).map_err(std::io::Error::other))
    }
}

/// Two WebSockets in one HTTP/2 connection, each stream with a window of the least size that browsers use.
async fn open_h2(server: &TestServer) -> [Participant<Http2Stream>; 2] {
    let stream = server.connect_tls(&[b"h2"]).await;
    let (sender, connection) =
        h2::client::Builder::new().initial_window_size(65_535).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    // The server's settings, which offer extended CONNECT, come with its first answer.
    let first = Request::get("https://localhost/healthz").body(()).unwrap();
    let mut sender = sender.ready().await.unwrap();
    assert_eq!(sender.send_request(first, true).unwrap().0.await.unwrap().status(), 200);
    assert!(sender.is_extended_connect_protocol_enabled());
    let mut opened = Vec::new();
    for _ in 0..2 {
        let request = Request::connect("https://localhost/signal")
            .extension(h2::ext::Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "peerline.v1")
            .body(())
            .unwrap();
        sender = sender.ready().await.unwrap();
        let (response, sending) = sender.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        let stream = Http2Stream { sending, receiving: response.into_body(), chunk: bytes::Bytes::new() };
        opened.push(Participant::new(WebSocketStream::from_raw_socket(stream, Role::Client, None).await));
    }
    opened.try_into().ok().unwrap()
}

#[tokio::test]
async fn a_client_that_reads_late_over_http_2_loses_nothing() {
    let server = TestServer::start(&[]).await;
    let [ada, bob] = open_h2(&server).await;
    read_late(ada, bob).await;
}

#[tokio::test]
async fn hypers_client_that_reads_late_over_http_2_loses_nothing() {
    // It waited for ever once, where the client above got along.
    let server = TestServer::start(&[]).await;
    read_late(open_http2(&server).await, open_http2(&server).await).await;
}

#[tokio::test]
async fn an_http_2_connection_that_nobody_uses_is_closed_and_one_with_a_web_socket_is_not() {
    let server = TestServer::start(&[]).await;
    let [mut ada, _bob] = open_h2(&server).await;
    ada.hello(1).await;
    let stream = server.connect_tls(&[b"h2"]).await;
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let ended = tokio::spawn(connection);
    let request = Request::get("https://localhost/healthz").body(()).unwrap();
    let mut sender = sender.ready().await.unwrap();
    assert_eq!(sender.send_request(request, true).unwrap().0.await.unwrap().status(), 200);
    for _ in 0..15 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(9)).await;
        tokio::time::resume();
        assert_eq!(ada.ask(json!({"type": "ping"})).await["type"], "pong");
    }
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the server closes").unwrap().unwrap();
    assert_eq!(ada.ask(json!({"type": "ping"})).await["type"], "pong");
}

#[tokio::test]
async fn pages_of_other_sites_are_kept_out_unless_they_are_allowed() {
    let server = TestServer::start(&["--allow-origin", "https://partner.example"]).await;
    let host = format!("localhost:{}", server.address().port());
    let own = format!("http://{host}");
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://partner.example", true),
        ("https://evil.example", false),
        ("http://localhost", false),
        ("null", false),
        ("", true), // no header: no browser
    ] {
        let opened = open(server.connect().await, &host, &[("origin", origin)]).await;
        assert_eq!(opened.err(), (!allowed).then_some(403), "{origin}");
    }
    assert!(
        server
            .get("/metrics", &[])
            .await
            .text()
            .contains("peerline_connections_refused_total{reason=\"origin\"} 3")
    );
}

#[tokio::test]
async fn only_peerline_is_spoken() {
    let server = TestServer::start(&[]).await;
    for protocol in ["", "chat", "peerline.v2"] {
        let opened = open(server.connect().await, "localhost", &[("sec-websocket-protocol", protocol)]).await;
        assert_eq!(opened.err(), Some(400), "{protocol}");
    }
    assert!(server.get("/signal", &[]).await.status >= 400);
}

#[tokio::test]
async fn a_participant_gets_ice_servers_by_the_name_it_came_by() {
    let server = TestServer::start(&[]).await;
    let port = server.address().port();
    for (host, name) in [("localhost:1", "localhost"), ("[::1]:1", "[::1]"), ("127.0.0.1", "127.0.0.1")] {
        let mut participant = open(server.connect().await, host, &[]).await.unwrap();
        participant.hello(name.len() as u8).await;
        let ice = participant.join().await["ice"].clone();
        let urls = [
            format!("stun:{name}:{port}"),
            format!("turn:{name}:{port}?transport=udp"),
            format!("turn:{name}:{port}?transport=tcp"),
            format!("turns:{name}:{port}?transport=tcp"),
        ];
        assert_eq!(ice["servers"][0]["urls"], json!(urls[..1]));
        assert_eq!(ice["servers"][1]["urls"], json!(urls[1..]));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires = ice["expires"].as_u64().unwrap();
        assert!((now + 600..=now + 3600).contains(&expires));
        let username = ice["servers"][1]["username"].as_str().unwrap();
        assert!(username.starts_with(&format!("{expires}:")), "{username}");
        assert!(!ice["servers"][1]["credential"].as_str().unwrap().is_empty());
    }
}

/// A relayed call goes on over the other server when one fails.
#[tokio::test]
async fn a_participant_gets_a_credential_that_further_turn_servers_accept_too() {
    let secret = ["--turn-secret", "sixteen letters!"];
    let second = TestServer::start(&secret).await;
    let urls = ["udp", "tcp"].map(|transport| format!("turn:{}?transport={transport}", second.address()));
    let first = TestServer::start(&[&secret[..], &["--turn-server", &urls.join(",")]].concat()).await;
    let mut participant = open(first.connect().await, "localhost", &[]).await.unwrap();
    participant.hello(1).await;
    let servers = participant.join().await["ice"]["servers"].clone();
    assert_eq!(servers.as_array().map(Vec::len), Some(3));
    assert_eq!(servers[2]["urls"], json!(urls));
    for (server, given) in [(&first, &servers[1]), (&second, &servers[2])] {
        let [name, password] = ["username", "credential"].map(|key| given[key].as_str().unwrap());
        TurnClient::of(server.connect().await, name, password).allocate().await;
    }
}

#[tokio::test]
async fn what_is_no_frame_is_answered_or_closed() {
    let server = TestServer::start(&[]).await;
    let connect = async || open(server.connect().await, "localhost", &[]).await.unwrap();

    let mut too_large = connect().await;
    too_large.hello(1).await;
    too_large.socket.send(Message::text(" ".repeat(65_537))).await.unwrap();
    assert_eq!(too_large.find(|frame| frame["type"] == "error").await["code"], "too_large");
    assert_eq!(too_large.close_code().await, Some(1009));

    let mut binary = connect().await;
    binary.socket.send(Message::binary([1, 2, 3].as_slice())).await.unwrap();
    assert_eq!(binary.close_code().await, Some(1003));

    let mut impolite = connect().await;
    impolite.socket.send(Message::text("{\"type\":\"ping\",\"id\":1}")).await.unwrap();
    assert_eq!(impolite.find(|frame| frame["type"] == "error").await["code"], "hello_first");
    assert_eq!(impolite.close_code().await, Some(4002));
}

#[tokio::test]
async fn a_frame_far_too_large_is_never_kept() {
    let server = TestServer::start(&[]).await;
    let mut participant = open(server.connect().await, "localhost", &[]).await.unwrap();
    participant.hello(1).await;
    // The server stops reading in the midst of it: sending may fail.
    let _ = participant.socket.send(Message::text(" ".repeat(10_000_000))).await;
    assert!(matches!(participant.close_code().await, Some(1009) | None));
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_restart_is_announced_and_closes_with_1012() {
    let server = TestServer::start(&[]).await;
    let mut ada = open(server.connect().await, "localhost", &[]).await.unwrap();
    let mut bob = open_http2(&server).await;
    ada.hello(1).await;
    bob.hello(2).await;
    let began = std::time::Instant::now();
    let stopped = tokio::spawn(server.server.shut_down());
    let drain = ada.find(|frame| frame["type"] == "drain").await;
    assert!(drain["reconnect"].is_array());
    assert_eq!(ada.close_code().await, Some(1012));
    assert_eq!(bob.close_code().await, Some(1012));
    stopped.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
}
