//! What a connection costs: memory while it idles, allocations while data flows. Each test's runtime is one thread, so that
//! what its endpoints do is counted, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;

use std::time::Duration;

use bytes::Bytes;
use counting::Count;
use futures_util::future::{join, join_all};
use peerline::*;
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

fn endpoint() -> Endpoint {
    let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
    Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() }).unwrap()
}

type Side = (PeerConnection, DataChannel);

/// Connects two endpoints by one channel, over which a message has gone each way.
async fn connect(offerer: &Endpoint, answerer: &Endpoint) -> (Side, Side) {
    let [one, two] =
        [offerer, answerer].map(|endpoint| endpoint.peer_connection(Configuration::default()).unwrap());
    let ours = one.create_data_channel("test", DataChannelInit::default()).unwrap();
    one.set_local_description(None).unwrap();
    one.gathering_complete().await;
    two.set_remote_description(one.local_description().unwrap()).unwrap();
    two.set_local_description(None).unwrap();
    two.gathering_complete().await;
    one.set_remote_description(two.local_description().unwrap()).unwrap();
    let theirs = loop {
        let event = timeout(PATIENCE, two.next_event()).await.expect("in time");
        if let Event::DataChannel(channel) = event.expect("open") {
            break channel;
        }
    };
    timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
    for (from, to) in [(&ours, &theirs), (&theirs, &ours)] {
        from.send_text("hello").unwrap();
        timeout(PATIENCE, to.recv()).await.expect("in time").unwrap();
    }
    ((one, ours), (two, theirs))
}

/// Sends messages one way, and reads them.
async fn send(from: &DataChannel, to: &DataChannel, size: usize, count: usize) {
    let message = Bytes::from(vec![7; size]);
    let sending = async {
        for _ in 0..count {
            from.send_when_ready(Message::Binary(message.clone())).await.unwrap();
        }
    };
    let receiving = async {
        for _ in 0..count {
            let received = timeout(PATIENCE, to.recv()).await.expect("in time");
            assert_eq!(received.expect("open").len(), size);
        }
    };
    join(sending, receiving).await;
}

/// Of the 40 KiB that it may take in all, the allocator's own share and the holes that handshakes leave are the rest.
#[tokio::test]
async fn an_idle_connection_holds_less_than_24_kib() {
    const PAIRS: usize = 16;
    let (answerer, another) = (endpoint(), endpoint());
    let offerers: Vec<_> = (0..PAIRS).map(|_| endpoint()).collect();
    let mut pairs = Vec::with_capacity(2 * PAIRS + 1);
    // What endpoints have once, however many their connections are, doesn't count.
    for endpoint in offerers.iter().chain([&answerer]) {
        let pair = connect(endpoint, &another).await;
        send(&pair.0.1, &pair.1.1, 64 << 10, 64).await;
        pairs.push(pair);
    }
    let before = Count::now();
    pairs.extend(join_all(offerers.iter().map(|offerer| connect(offerer, &answerer))).await);
    let each = before.since().bytes / (2 * PAIRS as isize);
    assert!(each < 24 << 10, "{each} bytes for each side of a connection");
}

/// What allocates for each message is the message: its bytes are the application's to keep.
#[tokio::test]
async fn packets_allocate_nothing() {
    let ((_one, ours), (_two, theirs)) = connect(&endpoint(), &endpoint()).await;
    for (size, count) in [(64 << 10, 256), (1 << 10, 4096)] {
        send(&ours, &theirs, size, count).await;
        let before = Count::now();
        send(&ours, &theirs, size, count).await;
        let beyond_messages = before.since().allocations.saturating_sub(count as u64);
        let packets = (size * count / 1100) as u64;
        assert!(beyond_messages < packets / 100, "{beyond_messages} allocations for {packets} packets");
    }
}
