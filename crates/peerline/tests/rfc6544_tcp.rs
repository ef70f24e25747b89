//! RFC 6544: peers connect over TCP where UDP doesn't get through, and strangers who connect hold nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline::*;
use peerline_stun::attribute::USERNAME;
use peerline_stun::{Class, MessageWriter, Method, TransactionId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

fn endpoint(config: EndpointConfig) -> Endpoint {
    let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
    Endpoint::bind(EndpointConfig { interfaces, ..config }).unwrap()
}

/// A peer that has gathered, and listens where its description says.
async fn gathered(endpoint: &Endpoint, policy: IceTransportPolicy) -> PeerConnection {
    let configuration = Configuration { ice_transport_policy: policy, ..Configuration::default() };
    let peer = endpoint.peer_connection(configuration).unwrap();
    peer.create_data_channel("test", DataChannelInit::default()).unwrap();
    peer.set_local_description(None).unwrap();
    timeout(PATIENCE, peer.gathering_complete()).await.expect("in time");
    peer
}

/// What a peer says, without the candidates of a transport: as if nothing got through to it by that.
fn without(transport: &str, mut description: Description) -> Description {
    let is_of_it = |line: &str| line.starts_with("a=candidate:") && line.split(' ').nth(2) == Some(transport);
    description.sdp = description.sdp.split_inclusive('\n').filter(|line| !is_of_it(line)).collect();
    description
}

/// A peer's passive candidate.
fn passive(peer: &PeerConnection) -> Option<SocketAddr> {
    let sdp = peer.local_description().unwrap().sdp;
    let line =
        sdp.lines().find(|line| line.ends_with("tcptype passive") || line.contains("tcptype passive "))?;
    let mut words = line.split(' ').skip(4);
    Some(SocketAddr::new(words.next()?.parse().unwrap(), words.next()?.parse().unwrap()))
}

async fn connect(one: &PeerConnection, two: &PeerConnection, blocked: &str) -> (DataChannel, DataChannel) {
    let ours = one.create_data_channel("over", DataChannelInit::default()).unwrap();
    one.set_local_description(None).unwrap();
    one.gathering_complete().await;
    two.set_remote_description(without(blocked, one.local_description().unwrap())).unwrap();
    two.set_local_description(None).unwrap();
    two.gathering_complete().await;
    one.set_remote_description(without(blocked, two.local_description().unwrap())).unwrap();
    let theirs = async {
        loop {
            if let Event::DataChannel(channel) = two.next_event().await.expect("open") {
                return channel;
            }
        }
    };
    let theirs = timeout(PATIENCE, theirs).await.expect("in time");
    timeout(PATIENCE, ours.opened()).await.expect("in time").unwrap();
    (ours, theirs)
}

/// Protocol and type of both ends of the path that data takes.
fn path(peer: &PeerConnection) -> [(&'static str, Option<&'static str>); 2] {
    let report = peer.stats();
    let pair = report.selected_candidate_pair().unwrap();
    [&pair.local_candidate_id, &pair.remote_candidate_id].map(|id| match report.get(id) {
        Some(Stats::LocalCandidate(candidate) | Stats::RemoteCandidate(candidate)) => {
            (candidate.protocol, candidate.tcp_type)
        }
        _ => panic!("no candidate"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_opens_over_tcp_where_udp_does_not_get_through() {
    let endpoints = [(); 2].map(|()| endpoint(EndpointConfig::default()));
    let [one, two] = [&endpoints[0], &endpoints[1]]
        .map(|endpoint| endpoint.peer_connection(Configuration::default()).unwrap());
    let (ours, theirs) = connect(&one, &two, "udp").await;
    let [local, remote] = path(&one);
    assert_eq!((local.0, remote.0), ("tcp", "tcp"));
    let types = [local.1, remote.1];
    assert!(
        types == [Some("active"), Some("passive")] || types == [Some("passive"), Some("active")],
        "{types:?}"
    );
    let message: Vec<u8> = (0..2_000_000_u32).map(|index| (index ^ index >> 8) as u8).collect();
    for (from, to) in [(&ours, &theirs), (&theirs, &ours)] {
        from.send(message.clone()).unwrap();
        let received = timeout(PATIENCE, to.recv()).await.expect("in time").expect("open");
        assert!(received.as_bytes() == message);
    }
    one.close();
    assert_eq!(timeout(PATIENCE, theirs.recv()).await.expect("the other side is told"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_listens_at_the_port_that_udp_has() {
    // Somebody else may have one of them.
    for _ in 0..5 {
        let endpoint = endpoint(EndpointConfig::default());
        let peer = gathered(&endpoint, IceTransportPolicy::All).await;
        let listens_at = passive(&peer).expect("a passive candidate");
        if listens_at == endpoint.local_addresses()[0] {
            return;
        }
    }
    panic!("it listens elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_turned_off() {
    let endpoint = endpoint(EndpointConfig { tcp: false, ..EndpointConfig::default() });
    let peer = gathered(&endpoint, IceTransportPolicy::All).await;
    assert!(!peer.local_description().unwrap().sdp.contains(" tcp "));
    assert!(TcpStream::connect(endpoint.local_addresses()[0]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_where_only_relays_are_used() {
    let endpoint = endpoint(EndpointConfig::default());
    let peer = gathered(&endpoint, IceTransportPolicy::Relay).await;
    assert!(!peer.local_description().unwrap().sdp.contains("a=candidate:"));
    assert!(TcpStream::connect(endpoint.local_addresses()[0]).await.is_err());
}

/// A check for somebody, in its frame; without knowledge of the password.
fn forged_check(ufrag: &str) -> Vec<u8> {
    let mut buffer = [0; 200];
    let mut writer =
        MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TransactionId::new([7; 12]));
    writer.attribute(USERNAME, format!("{ufrag}:who").as_bytes());
    let length = writer.integrity(b"guessed").fingerprint().finish().unwrap();
    [&(length as u16).to_be_bytes()[..], &buffer[..length]].concat()
}

/// How long the other side keeps a connection on which it is sent this, if it is ended without a word.
async fn kept_for(mut stream: TcpStream, sent: &[u8], at_once: bool) -> Duration {
    let began = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        if at_once {
            let _ = writer.write_all(sent).await;
        } else {
            for byte in sent {
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(200)).await;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = write => {}
        read = timeout(PATIENCE, reader.read_to_end(&mut answer)) => {
            // A reset is an end, too.
            let _ = read.expect("it is ended");
        }
    }
    assert_eq!(answer, b"", "nothing is said to strangers");
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_sent_away() {
    let endpoint = endpoint(EndpointConfig::default());
    let peer = gathered(&endpoint, IceTransportPolicy::All).await;
    let address = passive(&peer).expect("a passive candidate");
    let sdp = peer.local_description().unwrap().sdp;
    let ufrag = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    let at_once = [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
        vec![0xFF; 5000],
        vec![0; 5000],
        forged_check("nobody"),
        forged_check(ufrag),
    ];
    let begun = forged_check(ufrag);
    let slowly = [&[][..], &begun[..1], &begun[..]];
    let open = async || TcpStream::connect(address).await.unwrap();
    let at_once = at_once.map(|sent| async move { kept_for(open().await, &sent, true).await });
    let slowly = slowly.map(|sent| async move { kept_for(open().await, sent, false).await });
    let (at_once, slowly) =
        tokio::join!(futures_util::future::join_all(at_once), futures_util::future::join_all(slowly));
    // All of them, however they go about it; and who shows what he is by his first bytes isn't waited for.
    let (longest, shortest) = (at_once.iter().max().unwrap(), slowly.iter().min().unwrap());
    assert!(*longest * 2 < *shortest, "{at_once:?} {slowly:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_silent_strangers_keep_nobody_out() {
    let endpoints = [(); 2].map(|()| endpoint(EndpointConfig::default()));
    let [one, two] = [&endpoints[0], &endpoints[1]]
        .map(|endpoint| endpoint.peer_connection(Configuration::default()).unwrap());
    // They listen from the first description on.
    let waiting = [
        gathered(&endpoints[0], IceTransportPolicy::All).await,
        gathered(&endpoints[1], IceTransportPolicy::All).await,
    ];
    let mut strangers = Vec::new();
    for peer in &waiting {
        let address = passive(peer).expect("a passive candidate");
        for _ in 0..100 {
            let stream = TcpStream::connect(address).await.unwrap();
            strangers.push(tokio::spawn(kept_for(stream, &[], true)));
        }
    }
    connect(&one, &two, "udp").await;
    assert_eq!(path(&one).map(|end| end.0), ["tcp", "tcp"]);
    // The oldest make room at once; the newest have all the time to say who they are.
    for of_one in strangers.chunks_mut(100) {
        let [oldest, .., newest] = of_one else { unreachable!() };
        let (oldest, newest) = (oldest.await.unwrap(), newest.await.unwrap());
        assert!(oldest * 2 < newest, "{oldest:?} {newest:?}");
    }
}
