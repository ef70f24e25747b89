//! Networks that have one way out: TLS to a server with a certificate of its own, a proxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/test_server.rs"]
mod test_server;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use peerline::channel::{
    Channel, ChannelError, ChannelEvent, ChannelOptions, ConnectError, Link, ParticipantState,
};
use peerline::*;
use test_server::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy that wants to know who asks, and leads every host to the server.
struct TestProxy {
    proxy: Proxy,
    /// The first line of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://ada:love%3Alace@{}", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(client, server, log.clone()));
            }
        });
        Self { proxy, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn tunnel(mut client: TcpStream, server: SocketAddr, asked: Arc<Mutex<Vec<String>>>) {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        request.push(byte.into());
    }
    asked.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
    // ada:love:lace
    if !request.contains("\r\nProxy-Authorization: Basic YWRhOmxvdmU6bGFjZQ==\r\n") {
        let _ = client.write_all(b"HTTP/1.1 407 Who are you?\r\n\r\n").await;
        return;
    }
    let mut to_server = TcpStream::connect(server).await.unwrap();
    // In pieces, as it may come.
    for piece in ["HTTP/1.1 2", "00 Connection established\r\nVia: 1.1 test\r", "\n\r\n"] {
        client.write_all(piece.as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let _ = copy_bidirectional(&mut client, &mut to_server).await;
}

fn endpoint(proxy: Option<&Proxy>) -> Endpoint {
    let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
    Endpoint::bind(EndpointConfig { interfaces, proxy: proxy.cloned(), ..EndpointConfig::default() }).unwrap()
}

/// Whether a relay is found at this URL.
async fn finds_relay(endpoint: &Endpoint, url: &str, trust: HashMap<String, Trust>) -> bool {
    let server = IceServer {
        urls: vec![url.to_owned()],
        username: Some("ada".to_owned()),
        credential: Some("lovelace".to_owned()),
    };
    let configuration = Configuration { ice_servers: vec![server], trust, ..Configuration::default() };
    let peer = endpoint.peer_connection(configuration).unwrap();
    peer.create_data_channel("test", DataChannelInit::default()).unwrap();
    peer.set_local_description(None).unwrap();
    timeout(PATIENCE, peer.gathering_complete()).await.expect("in time");
    peer.local_description().unwrap().sdp.contains(" typ relay ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_over_tls_is_believed_as_its_host_is() {
    let server = TestServer::start().await;
    let url = format!("turns:localhost:{}?transport=tcp", server.address().port());
    let endpoint = endpoint(None);
    let other = CertificateFingerprint([7; 32]);
    let own = server.fingerprint();
    for (host, trust, expected) in [
        ("localhost", Trust::Authorities, false),
        ("localhost", Trust::Fingerprint(other), false),
        ("localhost", Trust::Fingerprint(own), true),
        ("LOCALHOST", Trust::Fingerprint(own), true),
        ("localhost", Trust::Anybody, true),
        // What is said of one host doesn't hold for another.
        ("elsewhere.test", Trust::Anybody, false),
    ] {
        let trust = [(host.to_owned(), trust)].into();
        let described = format!("{trust:?}");
        assert_eq!(finds_relay(&endpoint, &url, trust).await, expected, "{described}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_are_reached_through_a_proxy_rfc_9110_9_3_6() {
    let server = TestServer::start().await;
    let proxy = TestProxy::start(server.address()).await;
    let endpoint_behind_it = endpoint(Some(&proxy.proxy));
    // A name that only the proxy knows (RFC 6761 §6.4).
    for url in ["turn:relay.invalid:3478?transport=tcp", "turns:relay.invalid:443?transport=tcp"] {
        let trust = HashMap::from([("relay.invalid".to_owned(), Trust::Fingerprint(server.fingerprint()))]);
        assert!(finds_relay(&endpoint_behind_it, url, trust).await, "{url}");
    }
    let asked = proxy.asked();
    assert_eq!(asked, ["CONNECT relay.invalid:3478 HTTP/1.1", "CONNECT relay.invalid:443 HTTP/1.1"]);
    let excepting = endpoint(Some(&proxy.proxy.clone().except(".invalid")));
    assert!(!finds_relay(&excepting, "turn:relay.invalid:3478?transport=tcp", HashMap::new()).await);
    assert_eq!(proxy.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_meet_whose_only_way_out_is_a_proxy() {
    let server = TestServer::start().await;
    let proxy = TestProxy::start(server.address()).await;
    let link = Link::new("https://call.invalid:8443", [7; 32]).unwrap();
    let options = |name| ChannelOptions {
        trust: Trust::Fingerprint(server.fingerprint()),
        proxy: Some(proxy.proxy.clone()),
        endpoint: Some(endpoint(Some(&proxy.proxy))),
        ice_transport_policy: IceTransportPolicy::Relay,
        wait_for_server: false,
        ..ChannelOptions::named(name)
    };
    let mut ada = timeout(PATIENCE, Channel::join(&link, options("ada"))).await.expect("in time").unwrap();
    let grace = timeout(PATIENCE, Channel::join(&link, options("grace"))).await.expect("in time").unwrap();
    let connected = async {
        loop {
            match ada.next_event().await.expect("the channel is open") {
                ChannelEvent::ParticipantChanged(participant)
                    if participant.state == ParticipantState::Connected =>
                {
                    assert_eq!(participant.id, grace.id());
                    return;
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, connected).await.expect("in time");
    let asked = proxy.asked();
    assert!(asked.iter().all(|asked| asked.starts_with("CONNECT call.invalid:")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_does_not_answer_is_asked_of_the_proxy() {
    let server = TestServer::start().await;
    let proxy = TestProxy::start(server.address()).await;
    // RFC 5737: nobody's.
    let link = Link::new("https://192.0.2.1", [7; 32]).unwrap();
    let options = ChannelOptions {
        trust: Trust::Fingerprint(server.fingerprint()),
        proxy: Some(proxy.proxy.clone()),
        direct: false,
        wait_for_server: false,
        ..ChannelOptions::named("ada")
    };
    timeout(PATIENCE, Channel::join(&link, options)).await.expect("in time").unwrap();
    assert_eq!(proxy.asked(), ["CONNECT 192.0.2.1:443 HTTP/1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_named_with_its_reason() {
    let server = TestServer::start().await;
    let proxy = TestProxy::start(server.address()).await;
    let nobody = proxy.proxy.to_string().parse().unwrap();
    let link = Link::new("https://call.invalid", [7; 32]).unwrap();
    let options =
        ChannelOptions { proxy: Some(nobody), wait_for_server: false, ..ChannelOptions::named("eve") };
    let refused = timeout(PATIENCE, Channel::join(&link, options)).await.expect("in time");
    let Err(ChannelError::Connect(error @ ConnectError::Unreachable { .. })) = refused.map(|_| ()) else {
        panic!("it was let in");
    };
    let told = error.to_string();
    let said = format!("; through the proxy {}: it wants to know who asks", proxy.proxy);
    assert!(told.starts_with("call.invalid:443 cannot be reached: ") && told.contains(&said), "{told}");
}
