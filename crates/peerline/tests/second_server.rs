//! What is relayed goes on when the server that relays it is gone: over another one in the list, or over the same one when it
//! is back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/test_server.rs"]
mod test_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::negotiate;
use peerline::channel::{Channel, ChannelEvent, ChannelOptions, Link, ParticipantState};
use peerline::*;
use test_server::TestServer;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may arrive while another server takes over: as long as so many messages of a channel that nothing happens to,
/// of which one is sent each ten milliseconds. So it makes no difference how busy the machine is; on one that isn't, it is
/// three seconds, as in ICE's tests in virtual time.
const GAP: u32 = 300;

fn endpoint() -> Endpoint {
    let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
    Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() }).unwrap()
}

/// A peer that may be relayed only, by these servers.
fn relayed_peer(servers: &[TestServer], transport: &str) -> PeerConnection {
    let server = |server: &TestServer| IceServer {
        urls: vec![url(server, transport)],
        username: Some("ada".to_owned()),
        credential: Some("lovelace".to_owned()),
    };
    let configuration = Configuration {
        ice_servers: servers.iter().map(server).collect(),
        ice_transport_policy: IceTransportPolicy::Relay,
        ..Configuration::default()
    };
    endpoint().peer_connection(configuration).unwrap()
}

fn url(server: &TestServer, transport: &str) -> String {
    format!("turn:{}?transport={transport}", server.address())
}

/// The server by whose relay `peer` sends.
fn relayed_by(peer: &PeerConnection) -> Option<String> {
    let stats = serde_json::to_value(peer.stats()).unwrap();
    let pair = stats["T0"]["selectedCandidatePairId"].as_str()?;
    let candidate = stats[pair]["localCandidateId"].as_str()?;
    stats[candidate]["url"].as_str().map(str::to_owned)
}

async fn data_channel(peer: &PeerConnection) -> DataChannel {
    loop {
        let event = timeout(PATIENCE, peer.next_event()).await.expect("in time");
        if let Event::DataChannel(channel) = event.expect("open") {
            return channel;
        }
    }
}

/// Sends numbers without end, one after the other.
async fn count(channel: DataChannel) {
    for number in 0_u32.. {
        channel.send(number.to_be_bytes().to_vec()).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Takes the numbers in as they arrive: none is missing.
struct Counted {
    channel: DataChannel,
    next: u32,
}

impl Counted {
    fn of(channel: DataChannel) -> Self {
        Self { channel, next: 0 }
    }

    async fn take(&mut self, count: u32) {
        for _ in 0..count {
            let message = timeout(PATIENCE, self.channel.recv()).await.expect("in time").expect("open");
            assert_eq!(message.as_bytes(), self.next.to_be_bytes());
            self.next += 1;
        }
    }

    /// The same; says for how long nothing came, at most.
    async fn take_by(&mut self, clock: &Clock, count: u32) -> u32 {
        let (mut last, mut longest) = (clock.now(), 0);
        for _ in 0..count {
            self.take(1).await;
            let now = clock.now();
            longest = longest.max(now - last);
            last = now;
        }
        longest
    }
}

/// A channel that nothing happens to: its messages tell the time.
struct Clock {
    ticks: Arc<AtomicU32>,
    tasks: [JoinHandle<()>; 2],
    _peers: [PeerConnection; 2],
}

impl Clock {
    async fn start() -> Self {
        let peers = [(); 2].map(|()| endpoint().peer_connection(Configuration::default()).unwrap());
        let [one, two] = &peers;
        let (ours, theirs) = channel_between(one, two).await;
        let ticks = Arc::new(AtomicU32::new(0));
        let (mut counted, told) = (Counted::of(theirs), ticks.clone());
        let ticking = tokio::spawn(async move {
            loop {
                counted.take(1).await;
                told.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { ticks, tasks: [tokio::spawn(count(ours)), ticking], _peers: peers }
    }

    fn now(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Both ends of a data channel.
async fn channel_between(one: &PeerConnection, two: &PeerConnection) -> (DataChannel, DataChannel) {
    let ours = one.create_data_channel("count", DataChannelInit::default()).unwrap();
    negotiate(one, two).await;
    let theirs = data_channel(two).await;
    timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
    (ours, theirs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayed_channel_moves_to_the_other_server_when_one_stops() {
    let clock = Clock::start().await;
    for (transport, offerer_sends) in [("udp", true), ("udp", false), ("tcp", true)] {
        let mut servers = vec![TestServer::start().await, TestServer::start().await];
        let [one, two] = [(); 2].map(|()| relayed_peer(&servers, transport));
        let (ours, theirs) = channel_between(&one, &two).await;
        let (from, to) = if offerer_sends { (ours, theirs) } else { (theirs, ours) };
        let counting = tokio::spawn(count(from));
        let mut counted = Counted::of(to);
        counted.take(100).await;
        let before = relayed_by(&one).unwrap();
        let relaying = servers.iter().position(|server| url(server, transport) == before).unwrap();
        let stopping = tokio::spawn(servers.swap_remove(relaying).stop());
        let mut gap = 0;
        let began = Instant::now();
        let has_moved = |peer| relayed_by(peer).is_some_and(|now| now != before);
        while !(has_moved(&one) && has_moved(&two)) {
            assert!(began.elapsed() < PATIENCE, "it stays with {before}");
            gap = gap.max(counted.take_by(&clock, 10).await);
        }
        stopping.await.unwrap();
        gap = gap.max(counted.take_by(&clock, 300).await);
        counting.abort();
        assert!(gap < GAP, "{transport}: nothing came for as long as {gap} messages elsewhere");
    }
}

/// The server is the one that the channel meets at, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_relayed_channel_goes_on_when_its_only_server_is_started_again() {
    let server = TestServer::start().await;
    let link = Link::new(&format!("https://localhost:{}", server.address().port()), [7; 32]).unwrap();
    let options = |name| ChannelOptions {
        trust: Trust::Fingerprint(server.fingerprint()),
        endpoint: Some(endpoint()),
        ice_transport_policy: IceTransportPolicy::Relay,
        ..ChannelOptions::named(name)
    };
    let (options_of_ada, options_of_grace) = (options("ada"), options("grace"));
    let mut ada = timeout(PATIENCE, Channel::join(&link, options_of_ada)).await.expect("in time").unwrap();
    let mut grace =
        timeout(PATIENCE, Channel::join(&link, options_of_grace)).await.expect("in time").unwrap();
    connected(&mut ada).await;
    let init = DataChannelInit::default();
    let ours = ada.sender().create_data_channel(grace.id(), "count", init).await.unwrap();
    let theirs = loop {
        let event = timeout(PATIENCE, grace.next_event()).await.expect("in time");
        if let ChannelEvent::DataChannel(_, channel) = event.expect("open") {
            break channel;
        }
    };
    timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
    // Somebody has to listen to both.
    for mut channel in [ada, grace] {
        tokio::spawn(async move { while channel.next_event().await.is_some() {} });
    }
    let counting = tokio::spawn(count(ours));
    let mut counted = Counted::of(theirs);
    counted.take(100).await;
    let _server = TestServer::start_again(server.stop().await).await;
    // More than can have been under way.
    counted.take(500).await;
    counting.abort();
}

async fn connected(channel: &mut Channel) {
    loop {
        let event = timeout(PATIENCE, channel.next_event()).await.expect("in time");
        if let ChannelEvent::ParticipantChanged(participant) = event.expect("open")
            && participant.state == ParticipantState::Connected
        {
            return;
        }
    }
}
