//! What the other side learns of this machine's addresses: nothing, where they are hidden.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::negotiate;
use peerline::event_log::{EventLog, EventLogReader, LogEvent};
use peerline::*;
use peerline_server::{Config, Options, Server};
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);
/// What every description says, whoever makes it (RFC 9429 §5.2.1).
const ORIGIN: &str = "IN IP4 127.0.0.1";

/// A relay at 127.0.0.1.
struct Relay {
    server: Server,
    data_dir: PathBuf,
}

impl Relay {
    async fn start(name: &str) -> Self {
        let data_dir = std::env::temp_dir().join(format!("peerline-{name}-{}", std::process::id()));
        let arguments = ["--listen", "127.0.0.1:0", "--turn-user", "ada:lovelace", "--data-dir"];
        let arguments = arguments.into_iter().chain([data_dir.to_str().unwrap()]);
        let options = Options::from_arguments(arguments).unwrap();
        let server = Server::start(Config::try_from(options).unwrap()).await.unwrap();
        Self { server, data_dir }
    }

    fn ice_server(&self) -> IceServer {
        let port = self.server.tcp_addresses()[0].port();
        IceServer {
            urls: vec![
                format!("stun:127.0.0.1:{port}"),
                format!("turn:127.0.0.1:{port}?transport=udp"),
                format!("turn:127.0.0.1:{port}?transport=tcp"),
            ],
            username: Some("ada".to_owned()),
            credential: Some("lovelace".to_owned()),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

/// A peer, all that it has told, and its log.
struct Watched {
    peer: PeerConnection,
    told: Arc<Mutex<Vec<String>>>,
    log: EventLogReader,
}

impl Watched {
    fn new(address: [u8; 4], hide_host_addresses: bool, configuration: Configuration) -> Self {
        let interfaces = Interfaces::Only(vec![IpAddr::from(address)]);
        let config = EndpointConfig { interfaces, hide_host_addresses, ..EndpointConfig::default() };
        let peer = Endpoint::bind(config).unwrap().peer_connection(configuration).unwrap();
        let (events, log) = EventLog::new("test/1");
        peer.set_event_log(&events);
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = told.clone();
        peer.on_event(move |event| {
            if let Event::IceCandidate(candidate) = event {
                tells.lock().unwrap().push(format!("{candidate:?}"));
            }
        });
        Self { peer, told, log }
    }

    /// Everything that has left for the other side.
    fn told(&self) -> String {
        let description = self.peer.local_description().unwrap().sdp;
        assert_eq!(description.matches(ORIGIN).count(), 1, "{description}");
        let told = self.told.lock().unwrap().join("\n");
        format!("{}\n{told}", description.replace(ORIGIN, ""))
    }

    /// What this side would tell of the other one: its statistics, and its log without its own addresses.
    fn tells_on(&mut self) -> String {
        let mut lines = vec![serde_json::to_string(&self.peer.stats()).unwrap()];
        while let Some(record) = self.log.try_next() {
            if !matches!(record.event, LogEvent::Connection { .. }) {
                lines.push(serde_json::to_string(&record).unwrap());
            }
        }
        lines.join("\n")
    }
}

async fn connect(one: &Watched, other: &Watched) {
    let _channel = one.peer.create_data_channel("test", DataChannelInit::default()).unwrap();
    timeout(PATIENCE, negotiate(&one.peer, &other.peer)).await.expect("in time");
    for side in [one, other] {
        timeout(PATIENCE, side.peer.connected()).await.expect("in time").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_meet_by_names_and_see_no_address() {
    let side = || Watched::new([127, 0, 0, 1], true, Configuration::default());
    let (mut one, mut other) = (side(), side());
    connect(&one, &other).await;
    for side in [&mut one, &mut other] {
        for text in [side.told(), side.tells_on()] {
            assert!(text.contains(".local"), "{text}");
            assert!(!text.contains("127.0.0.1"), "{text}");
        }
    }
}

/// Neither with the relay only, where nothing else is told, nor with names, which lead nowhere here.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_relayed_shows_no_address_of_his_own() {
    let relay = Relay::start("hidden-addresses").await;
    for (policy, hides) in [(IceTransportPolicy::Relay, false), (IceTransportPolicy::All, true)] {
        let side = |address| {
            let configuration = Configuration {
                ice_servers: vec![relay.ice_server()],
                ice_transport_policy: policy,
                ..Configuration::default()
            };
            Watched::new(address, hides, configuration)
        };
        let (mut one, mut other) = (side([127, 0, 0, 2]), side([127, 0, 0, 3]));
        connect(&one, &other).await;
        for side in [&mut one, &mut other] {
            let told = side.told();
            assert!(told.contains(" typ relay raddr 0.0.0.0 rport 0"), "{told}");
            assert_eq!(told.contains(" typ host"), hides, "{told}");
            for text in [told, side.tells_on()] {
                assert!(!text.contains("127.0.0.2") && !text.contains("127.0.0.3"), "{text}");
            }
        }
    }
}
