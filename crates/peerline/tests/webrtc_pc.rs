//! W3C webrtc-pc and webrtc-stats, by their sections: what an application may rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::negotiate;
use peerline::*;
use serde_json::Value;
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

fn peer_with(configuration: Configuration) -> PeerConnection {
    let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
    Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() })
        .unwrap()
        .peer_connection(configuration)
        .unwrap()
}

fn peer() -> PeerConnection {
    peer_with(Configuration::default())
}

/// Two peers with a negotiated channel.
async fn connected() -> [(PeerConnection, DataChannel); 2] {
    let sides = [(); 2].map(|()| {
        let peer = peer();
        let init = DataChannelInit { negotiated: true, id: Some(7), ..DataChannelInit::default() };
        let channel = peer.create_data_channel("both know of it", init).unwrap();
        (peer, channel)
    });
    negotiate(&sides[0].0, &sides[1].0).await;
    for (_, channel) in &sides {
        timeout(PATIENCE, channel.opened()).await.expect("in time").unwrap();
    }
    sides
}

async fn receive(channel: &DataChannel) -> Message {
    timeout(PATIENCE, channel.recv()).await.expect("in time").expect("open")
}

#[tokio::test]
async fn negotiated_channels_are_not_announced_6_1() {
    let [(one, ours), (two, theirs)] = connected().await;
    assert_eq!((ours.id(), theirs.id(), ours.negotiated()), (Some(7), Some(7), true));
    ours.send_text("to you").unwrap();
    theirs.send_text("and to you").unwrap();
    assert_eq!(receive(&theirs).await, Message::Text("to you".into()));
    assert_eq!(receive(&ours).await, Message::Text("and to you".into()));
    for peer in [&one, &two] {
        peer.close();
        while let Some(event) = timeout(PATIENCE, peer.next_event()).await.expect("in time") {
            assert!(!matches!(event, Event::DataChannel(_)), "announced");
        }
    }
}

/// Both have offered: the impolite one passes over the other's offer, the polite one takes back its own.
#[tokio::test]
async fn both_sides_may_offer_at_once_10_7() {
    let [polite, impolite] = [peer(), peer()];
    let channels = [&polite, &impolite]
        .map(|peer| peer.create_data_channel("mine", DataChannelInit::default()).unwrap());
    for peer in [&polite, &impolite] {
        peer.set_local_description(None).unwrap();
        peer.gathering_complete().await;
    }
    polite.set_remote_description(impolite.local_description().unwrap()).unwrap();
    assert_eq!(polite.signaling_state(), SignalingState::HaveRemoteOffer);
    polite.set_local_description(None).unwrap();
    impolite.set_remote_description(polite.local_description().unwrap()).unwrap();
    for channel in &channels {
        timeout(PATIENCE, channel.opened()).await.expect("in time").unwrap();
    }
}

#[tokio::test]
async fn an_offer_can_be_taken_back_4_4_1_5() {
    let peer = peer();
    let _channel = peer.create_data_channel("", DataChannelInit::default()).unwrap();
    peer.set_local_description(None).unwrap();
    assert_eq!(peer.signaling_state(), SignalingState::HaveLocalOffer);
    peer.set_local_description(Some(Description::rollback())).unwrap();
    assert_eq!(peer.signaling_state(), SignalingState::Stable);
    assert_eq!(peer.local_description(), None);
    let error = peer.set_local_description(Some(Description::rollback())).unwrap_err();
    assert_eq!(error.name(), "InvalidStateError");
}

#[tokio::test]
async fn what_a_configuration_may_not_become_4_4_1_6() {
    let certificate = Certificate::generate(std::time::SystemTime::now()).unwrap();
    let configuration = Configuration { certificates: vec![certificate], ..Configuration::default() };
    let peer = peer_with(configuration.clone());
    assert_eq!(peer.configuration(), configuration);
    let refused = |change: &dyn Fn(&mut Configuration)| {
        let mut changed = configuration.clone();
        change(&mut changed);
        peer.set_configuration(changed).unwrap_err().name()
    };
    let other = Certificate::generate(std::time::SystemTime::now()).unwrap();
    assert_eq!(refused(&|it| it.certificates = vec![other.clone()]), "InvalidModificationError");
    assert_eq!(refused(&|it| it.bundle_policy = BundlePolicy::MaxBundle), "InvalidModificationError");
    let server = |url: &str| IceServer { urls: vec![url.into()], ..IceServer::default() };
    assert_eq!(refused(&|it| it.ice_servers = vec![server("https://example.org")]), "SyntaxError");
    assert_eq!(refused(&|it| it.ice_servers = vec![server("turn:example.org")]), "InvalidAccessError");
    assert_eq!(peer.configuration(), configuration, "what is refused changes nothing");
    // None at all are the same as before.
    peer.set_configuration(Configuration::default()).unwrap();
    assert_eq!(peer.configuration().certificates, configuration.certificates);
    peer.close();
    assert_eq!(refused(&|_| {}), "InvalidStateError");
}

#[tokio::test]
async fn a_closed_connection_does_nothing_any_more_4_4_1_9() {
    let [(one, ours), _two] = connected().await;
    one.close();
    assert_eq!(one.signaling_state(), SignalingState::Closed);
    assert_eq!(one.connection_state(), PeerConnectionState::Closed);
    let names = [
        one.create_offer(false).unwrap_err().name(),
        one.create_answer().unwrap_err().name(),
        one.set_local_description(None).unwrap_err().name(),
        one.set_remote_description(Description::offer("")).unwrap_err().name(),
        one.add_ice_candidate(&IceCandidate::default()).unwrap_err().name(),
        one.create_data_channel("", DataChannelInit::default()).unwrap_err().name(),
        ours.send_text("").unwrap_err().name(),
        one.connected().await.unwrap_err().name(),
    ];
    assert_eq!(names, ["InvalidStateError"; 8]);
    one.restart_ice();
    one.close();
}

/// Not of the specification: futures of ours may be dropped at any time.
#[tokio::test]
async fn what_is_cancelled_has_taken_and_sent_nothing() {
    let [(_one, ours), (_two, theirs)] = connected().await;
    let message = |number: u32| Message::Text(format!("{number} {}", "and more".repeat(2000)));
    let sender = tokio::spawn(async move {
        for number in 0..500 {
            // Given up again and again, until it is done.
            while timeout(Duration::ZERO, ours.send_when_ready(message(number))).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
        ours
    });
    for number in 0..500 {
        let received = loop {
            match timeout(Duration::ZERO, theirs.recv()).await {
                Ok(received) => break received,
                Err(_) => tokio::time::sleep(Duration::from_micros(100)).await,
            }
        };
        assert_eq!(received, Some(message(number)));
    }
    sender.await.unwrap();
}

#[tokio::test]
async fn handlers_see_the_connection_come_up_4_3() {
    let [one, two] = [peer(), peer()];
    let _channel = one.create_data_channel("", DataChannelInit::default()).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let states = seen.clone();
    one.on_event(move |event| {
        if let Event::ConnectionStateChange(state) = event {
            states.lock().unwrap().push(state);
        }
    });
    negotiate(&one, &two).await;
    timeout(PATIENCE, one.connected()).await.expect("in time").unwrap();
    two.close();
    let is_over = async {
        while one.dtls_transport_state() != DtlsTransportState::Closed {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, is_over).await.expect("in time");
    assert_eq!(*seen.lock().unwrap(), [PeerConnectionState::Connecting, PeerConnectionState::Connected]);
}

#[tokio::test]
async fn transports_tell_what_was_agreed_on_5_5_6_1_1() {
    let certificate = Certificate::generate(std::time::SystemTime::now()).unwrap();
    let one =
        peer_with(Configuration { certificates: vec![certificate.clone()], ..Configuration::default() });
    let two = peer_with(Configuration { max_message_size: 100_000, ..Configuration::default() });
    let channel = one.create_data_channel("", DataChannelInit::default()).unwrap();
    assert_eq!((one.max_message_size(), one.max_channels(), two.remote_certificate()), (None, None, None));
    negotiate(&one, &two).await;
    timeout(PATIENCE, channel.opened()).await.expect("in time").unwrap();
    assert_eq!(one.max_message_size(), Some(100_000));
    assert!(one.max_channels() > Some(1000));
    assert_eq!(two.remote_certificate().as_deref(), Some(certificate.der()));
    assert_eq!(channel.send(vec![0; 100_001]).unwrap_err().name(), "TypeError");
    channel.send(vec![0; 100_000]).unwrap();
}

#[tokio::test]
async fn statistics_are_the_specifications_dictionaries_webrtc_stats_8() {
    let [(one, ours), (_two, theirs)] = connected().await;
    ours.send_text("once").unwrap();
    receive(&theirs).await;
    let report = serde_json::to_value(one.stats()).unwrap();
    let again = serde_json::to_value(one.stats()).unwrap();
    let ids = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(ids(&report), ids(&again), "ids stay");
    let mut kinds = BTreeSet::new();
    for (id, stats) in report.as_object().unwrap() {
        let mut members: BTreeSet<&str> =
            stats.as_object().unwrap().keys().map(std::string::String::as_str).collect();
        assert_eq!(stats["id"], **id);
        assert!(stats["timestamp"].as_f64().unwrap() > 1e12, "milliseconds since 1970");
        let kind = stats["type"].as_str().unwrap();
        kinds.insert(kind);
        for common in ["id", "timestamp", "type"] {
            assert!(members.remove(common));
        }
        let (required, optional) = dictionary(kind);
        for member in required {
            assert!(members.remove(member), "{kind} without {member}");
        }
        for member in members {
            assert!(optional.contains(&member), "{member} is no member of {kind}");
        }
        // What is named is there.
        for (member, value) in stats.as_object().unwrap() {
            if member.ends_with("Id") && member != "id" {
                assert!(report.get(value.as_str().unwrap()).is_some(), "{kind}: {member}");
            }
        }
    }
    let wanted = [
        "candidate-pair",
        "certificate",
        "data-channel",
        "local-candidate",
        "peer-connection",
        "remote-candidate",
        "transport",
    ];
    assert_eq!(kinds, wanted.into());
}

/// What members a dictionary has: those that have to be there, and those that may.
fn dictionary(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "peer-connection" => (&["dataChannelsOpened", "dataChannelsClosed"], &[]),
        "transport" => (
            &[
                "packetsSent",
                "packetsReceived",
                "bytesSent",
                "bytesReceived",
                "iceRole",
                "iceLocalUsernameFragment",
                "dtlsState",
                "iceState",
                "selectedCandidatePairId",
                "localCertificateId",
                "remoteCertificateId",
                "tlsVersion",
                "dtlsRole",
                "selectedCandidatePairChanges",
            ],
            &["dtlsCipher", "srtpCipher"],
        ),
        "candidate-pair" => (
            &[
                "transportId",
                "localCandidateId",
                "remoteCandidateId",
                "state",
                "nominated",
                "packetsSent",
                "packetsReceived",
                "bytesSent",
                "bytesReceived",
                "totalRoundTripTime",
                "requestsSent",
                "requestsReceived",
                "responsesSent",
                "responsesReceived",
                "consentRequestsSent",
            ],
            &["lastPacketSentTimestamp", "lastPacketReceivedTimestamp", "currentRoundTripTime"],
        ),
        "local-candidate" | "remote-candidate" => (
            &["transportId", "address", "port", "protocol", "candidateType", "priority", "foundation"],
            &["url", "relayProtocol", "relatedAddress", "relatedPort", "usernameFragment", "tcpType"],
        ),
        "data-channel" => (
            &["label", "protocol", "state", "messagesSent", "bytesSent", "messagesReceived", "bytesReceived"],
            &["dataChannelIdentifier"],
        ),
        "certificate" => {
            (&["fingerprint", "fingerprintAlgorithm", "base64Certificate"], &["issuerCertificateId"])
        }
        other => panic!("{other} is no dictionary"),
    }
}
