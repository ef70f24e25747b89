//! Two peers on this machine, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::negotiate;
use peerline::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

fn endpoint() -> Endpoint {
    let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
    Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() }).unwrap()
}

async fn data_channel(peer: &PeerConnection) -> DataChannel {
    loop {
        let event = timeout(PATIENCE, peer.next_event()).await.expect("in time");
        if let Event::DataChannel(channel) = event.expect("open") {
            return channel;
        }
    }
}

/// Two peers, and a channel's two ends.
async fn pair(init: DataChannelInit) -> ((PeerConnection, DataChannel), (PeerConnection, DataChannel)) {
    let [one, two] = [(); 2].map(|()| endpoint().peer_connection(Configuration::default()).unwrap());
    let ours = one.create_data_channel("test", init).unwrap();
    negotiate(&one, &two).await;
    let theirs = data_channel(&two).await;
    timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
    ((one, ours), (two, theirs))
}

#[tokio::test]
async fn messages_go_both_ways_rfc_8831() {
    let ((one, ours), (two, theirs)) = pair(DataChannelInit::default()).await;
    assert_eq!(one.connection_state(), PeerConnectionState::Connected);
    assert_eq!(two.connection_state(), PeerConnectionState::Connected);
    assert_eq!((theirs.label().as_str(), theirs.ordered()), ("test", true));
    assert_eq!(theirs.id(), ours.id());
    ours.send_text("text").unwrap();
    ours.send_text("").unwrap();
    ours.send(vec![]).unwrap();
    ours.send(vec![1, 2, 3]).unwrap();
    for expected in [
        Message::Text("text".into()),
        Message::Text(String::new()),
        Message::Binary(vec![].into()),
        Message::Binary(vec![1, 2, 3].into()),
    ] {
        assert_eq!(timeout(PATIENCE, theirs.recv()).await.unwrap(), Some(expected));
    }
    theirs.send_text("back").unwrap();
    assert_eq!(timeout(PATIENCE, ours.recv()).await.unwrap(), Some(Message::Text("back".into())));
}

#[tokio::test]
async fn candidates_can_follow_one_by_one_rfc_8838() {
    let [one, two] = [(); 2].map(|()| endpoint().peer_connection(Configuration::default()).unwrap());
    let ours = one.create_data_channel("trickle", DataChannelInit::default()).unwrap();
    one.set_local_description(None).unwrap();
    two.set_remote_description(one.local_description().unwrap()).unwrap();
    two.set_local_description(None).unwrap();
    one.set_remote_description(two.local_description().unwrap()).unwrap();
    for (from, to) in [(one.clone(), two.clone()), (two.clone(), one.clone())] {
        tokio::spawn(async move {
            // A channel that is dropped is closed.
            let mut channels = Vec::new();
            while let Some(event) = from.next_event().await {
                match event {
                    Event::IceCandidate(candidate) => to.add_ice_candidate(&candidate).unwrap(),
                    Event::DataChannel(channel) => channels.push(channel),
                    _ => (),
                }
            }
        });
    }
    timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
}

#[tokio::test]
async fn long_messages_arrive_whole() {
    let ((_one, ours), (_two, theirs)) = pair(DataChannelInit::default()).await;
    let message: Vec<u8> = (0..5_000_000_u32).map(|index| (index ^ index >> 8) as u8).collect();
    ours.send(message.clone()).unwrap();
    let received = timeout(PATIENCE, theirs.recv()).await.unwrap().unwrap();
    assert!(received.as_bytes() == message);
}

#[tokio::test]
async fn a_stream_of_bytes_ends_where_it_was_shut_down() {
    let ((_one, ours), (_two, theirs)) = pair(DataChannelInit::default()).await;
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|index| ((index * 7) >> 3) as u8).collect();
    let (mut ours, mut theirs) = (ours.into_byte_stream(), theirs.into_byte_stream());
    let sent = bytes.clone();
    let writer = tokio::spawn(async move {
        ours.write_all(&sent).await.unwrap();
        ours.shutdown().await.unwrap();
        ours
    });
    let mut received = Vec::new();
    timeout(PATIENCE, theirs.read_to_end(&mut received)).await.expect("in time").unwrap();
    assert!(received == bytes, "{} of {}", received.len(), bytes.len());
    writer.await.unwrap();
}

#[tokio::test]
async fn many_peers_share_one_port() {
    let server = endpoint();
    let mut clients = Vec::new();
    for index in 0..20 {
        let client = endpoint().peer_connection(Configuration::default()).unwrap();
        let ours = client.create_data_channel(&index.to_string(), DataChannelInit::default()).unwrap();
        let at_server = server.peer_connection(Configuration::default()).unwrap();
        negotiate(&client, &at_server).await;
        clients.push((client, ours, at_server));
    }
    for (index, (_, ours, at_server)) in clients.iter().enumerate() {
        let theirs = data_channel(at_server).await;
        assert_eq!(theirs.label(), index.to_string());
        timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
        ours.send_text(index.to_string()).unwrap();
        assert_eq!(timeout(PATIENCE, theirs.recv()).await.unwrap(), Some(Message::Text(index.to_string())));
    }
    assert_eq!(server.local_addresses().len(), 1);
}

#[tokio::test]
async fn a_closed_channel_closes_at_the_other_end_webrtc_pc_6_2() {
    let ((_one, ours), (_two, theirs)) = pair(DataChannelInit::default()).await;
    ours.send_text("last").unwrap();
    ours.close();
    assert!(ours.send_text("too late").is_err());
    assert_eq!(timeout(PATIENCE, theirs.recv()).await.unwrap(), Some(Message::Text("last".into())));
    assert_eq!(timeout(PATIENCE, theirs.recv()).await.unwrap(), None);
    assert_eq!(theirs.ready_state(), DataChannelState::Closed);
}

/// What an event leads to isn't left until something else happens: keepalives, after four to six seconds.
#[tokio::test(flavor = "multi_thread")]
async fn the_closing_of_a_channel_is_answered_at_once_rfc_8831_6_7() {
    let ((one, _ours), (two, _theirs)) = pair(DataChannelInit::default()).await;
    let close_many = async {
        for round in 0..40 {
            let ours = one.create_data_channel(&round.to_string(), DataChannelInit::default()).unwrap();
            let theirs = data_channel(&two).await;
            ours.close();
            assert_eq!((ours.recv().await, theirs.recv().await), (None, None));
        }
    };
    timeout(PATIENCE, close_many).await.expect("in time");
}

#[tokio::test]
async fn dropping_a_connection_closes_it_on_both_sides() {
    let ((one, ours), (two, theirs)) = pair(DataChannelInit::default()).await;
    drop(one);
    assert_eq!(timeout(PATIENCE, theirs.recv()).await.unwrap(), None);
    assert_eq!(timeout(PATIENCE, ours.recv()).await.unwrap(), None);
    assert!(ours.send_text("nowhere").is_err());
    assert_eq!(two.dtls_transport_state(), DtlsTransportState::Closed);
}

#[tokio::test]
async fn handlers_get_what_streams_would_get() {
    let ((_one, ours), (_two, theirs)) = pair(DataChannelInit::default()).await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let echo = theirs.clone();
    theirs.on_event(move |event| {
        if let DataChannelEvent::Message(Message::Text(text)) = event {
            echo.send_text(format!("{text}, again")).unwrap();
        }
    });
    ours.on_event(move |event| {
        if let DataChannelEvent::Message(message) = event {
            sender.send(message).unwrap();
        }
    });
    ours.send_text("once").unwrap();
    let answer = timeout(PATIENCE, receiver.recv()).await.unwrap();
    assert_eq!(answer, Some(Message::Text("once, again".into())));
    theirs.close();
}

#[tokio::test]
async fn a_peer_with_another_certificate_is_refused_rfc_8122_6_2() {
    let [one, two] = [(); 2].map(|()| endpoint().peer_connection(Configuration::default()).unwrap());
    let _channel = one.create_data_channel("never", DataChannelInit::default()).unwrap();
    one.set_local_description(None).unwrap();
    one.gathering_complete().await;
    two.set_remote_description(one.local_description().unwrap()).unwrap();
    two.set_local_description(None).unwrap();
    two.gathering_complete().await;
    let mut answer = two.local_description().unwrap();
    let at = answer.sdp.find("a=fingerprint:sha-256 ").unwrap() + 22;
    let other = if answer.sdp[at..].starts_with("00") { "11" } else { "00" };
    answer.sdp.replace_range(at..at + 2, other);
    one.set_remote_description(answer).unwrap();
    assert!(timeout(PATIENCE, one.connected()).await.expect("in time").is_err());
    assert_eq!(one.dtls_transport_state(), DtlsTransportState::Failed);
}

#[tokio::test]
async fn restarting_ice_keeps_the_channels_webrtc_pc_4_4_2() {
    let ((one, ours), (two, theirs)) = pair(DataChannelInit::default()).await;
    one.restart_ice();
    negotiate(&one, &two).await;
    for number in 0..100 {
        ours.send_text(number.to_string()).unwrap();
        assert_eq!(timeout(PATIENCE, theirs.recv()).await.unwrap(), Some(Message::Text(number.to_string())));
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

#[test]
fn everything_can_be_sent_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Endpoint>();
    check::<PeerConnection>();
    check::<DataChannel>();
    check::<ByteStream>();
    check::<Event>();
    check::<DataChannelEvent>();
}

#[tokio::test]
async fn statistics_have_the_specifications_dictionaries_webrtc_stats_8() {
    let ((one, ours), (_two, theirs)) = pair(DataChannelInit::default()).await;
    ours.send_text("four").unwrap();
    timeout(PATIENCE, theirs.recv()).await.unwrap();
    let report = one.stats();
    let selected = report.selected_candidate_pair().expect("a pair");
    assert_eq!(selected.state, "succeeded");
    assert!(selected.bytes_sent > 0 && selected.current_round_trip_time.is_some());
    for id in [&selected.local_candidate_id, &selected.remote_candidate_id] {
        let Some(Stats::LocalCandidate(candidate) | Stats::RemoteCandidate(candidate)) = report.get(id)
        else {
            panic!("{id} names no candidate");
        };
        assert_eq!((candidate.address.as_str(), candidate.protocol), ("127.0.0.1", "udp"));
    }
    let channel = report.iter().find_map(|(_, stats)| match stats {
        Stats::DataChannel(channel) => Some(channel),
        _ => None,
    });
    let channel = channel.expect("the channel");
    assert_eq!(
        (channel.label.as_str(), channel.state, channel.messages_sent, channel.bytes_sent),
        ("test", "open", 1, 4)
    );
}
