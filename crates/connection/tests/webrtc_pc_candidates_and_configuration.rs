//! webrtc-pc §4.4.1.7 (addIceCandidate), §4.4.1.6 (setConfiguration), §4.2 (RTCIceServer), §6.1 (createDataChannel).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_connection::*;

const HOST: &str = "candidate:1 1 udp 2113929471 203.0.113.100 10100 typ host";

fn candidate(candidate: &str) -> IceCandidate {
    IceCandidate { candidate: candidate.into(), sdp_mid: Some("2".into()), ..IceCandidate::default() }
}

fn with_remote_offer() -> Connection {
    let mut connection = connection(1);
    let offer = Description::offer(browser("chromium-offer-media-data"));
    connection.set_remote_description(start(), offer).unwrap();
    connection
}

#[test]
fn add_ice_candidate_wants_a_remote_description() {
    let mut connection = connection(1);
    let error = connection.add_ice_candidate(start(), &candidate(HOST)).unwrap_err();
    assert_eq!(error.name(), "InvalidStateError");
    let mut connection = with_remote_offer();
    connection.close(start());
    assert_eq!(
        connection.add_ice_candidate(start(), &candidate(HOST)).unwrap_err().name(),
        "InvalidStateError"
    );
}

#[test]
fn add_ice_candidate_puts_it_into_its_section() {
    let mut connection = with_remote_offer();
    let section = |connection: &Connection, index: usize| {
        let sdp = connection.remote_description().unwrap().sdp;
        sdp.split("m=").nth(index + 1).unwrap().to_owned()
    };
    connection.add_ice_candidate(start(), &candidate(HOST)).unwrap();
    assert!(section(&connection, 2).contains(&format!("a={HOST}\r\n")));
    assert!(!section(&connection, 1).contains(HOST));
    let by_index = IceCandidate { sdp_mid: None, sdp_mline_index: Some(1), ..candidate(HOST) };
    connection.add_ice_candidate(start(), &by_index).unwrap();
    assert!(section(&connection, 1).contains(HOST));
    // The index isn't looked at beside a name.
    let both = IceCandidate {
        sdp_mline_index: Some(9),
        ..candidate("candidate:2 1 udp 1 203.0.113.100 10101 typ host")
    };
    connection.add_ice_candidate(start(), &both).unwrap();
    connection.add_ice_candidate(start(), &candidate("")).unwrap();
    assert!(section(&connection, 2).contains("a=end-of-candidates\r\n"));
    connection.add_ice_candidate(start(), &IceCandidate::default()).unwrap();
    assert!(section(&connection, 0).contains("a=end-of-candidates\r\n"), "no section named: all");
}

#[test]
fn add_ice_candidate_refuses_what_has_no_place() {
    let mut connection = with_remote_offer();
    let mut name =
        |candidate: IceCandidate| connection.add_ice_candidate(start(), &candidate).unwrap_err().name();
    assert_eq!(name(IceCandidate { sdp_mid: None, ..candidate(HOST) }), "TypeError");
    assert_eq!(name(IceCandidate { sdp_mid: Some("9".into()), ..candidate(HOST) }), "OperationError");
    let index = IceCandidate { sdp_mid: None, sdp_mline_index: Some(3), ..candidate(HOST) };
    assert_eq!(name(index), "OperationError");
    let other = IceCandidate { username_fragment: Some("other".into()), ..candidate(HOST) };
    assert_eq!(name(other), "OperationError");
    assert_eq!(name(candidate("(Invalid) candidate \r\n string")), "OperationError");
    assert_eq!(name(candidate("candidate:1 1 udp")), "OperationError");
}

#[test]
fn add_ice_candidate_ignores_what_it_cannot_use() {
    let mut connection = with_remote_offer();
    for unusable in [
        "candidate:1 1 tcp 1518280447 203.0.113.100 9 typ host tcptype active",
        "candidate:1 1 tcp 1518280447 203.0.113.100 9 typ host",
        "candidate:1 1 quic 1 203.0.113.100 9 typ satellite",
        "candidate:1 2 udp 1 203.0.113.100 9 typ host",
        "candidate:1 1 udp 1 example.org 9 typ host",
    ] {
        connection.add_ice_candidate(start(), &candidate(unusable)).unwrap();
    }
    connection.set_local_description(start(), None).unwrap();
}

#[test]
fn a_description_does_not_grow_without_end() {
    let mut connection = with_remote_offer();
    for port in 1..2000 {
        let one = format!("candidate:1 1 udp 1 203.0.113.100 {port} typ host");
        connection.add_ice_candidate(start(), &candidate(&one)).unwrap();
    }
    assert!(connection.remote_description().unwrap().sdp.matches("a=candidate:").count() < 300);
}

#[test]
fn ice_servers_are_checked() {
    let url = |url: &str| url.parse::<IceServerUrl>();
    for (text, scheme, host, port, is_tcp) in [
        ("stun:stun.example.org", IceServerScheme::Stun, "stun.example.org", 3478, false),
        ("STUN:192.0.2.1:19302", IceServerScheme::Stun, "192.0.2.1", 19302, false),
        ("turn:[2001:db8::1]:3479?transport=udp", IceServerScheme::Turn, "2001:db8::1", 3479, false),
        ("turn:[2001:db8::1]?transport=tcp", IceServerScheme::Turn, "2001:db8::1", 3478, true),
        ("turns:turn.example.org", IceServerScheme::Turns, "turn.example.org", 5349, true),
        ("turns:turn.example.org:443?transport=udp", IceServerScheme::Turns, "turn.example.org", 443, false),
    ] {
        let expected = IceServerUrl { scheme, host: host.into(), port, is_tcp };
        assert_eq!(url(&expected.to_string()).as_ref(), Ok(&expected), "{text}");
        assert_eq!(url(text), Ok(expected), "{text}");
    }
    for text in [
        "",
        "stun",
        "stun:",
        "http://example.org",
        "turn:host:x",
        "turn:host:65536",
        "turn:[::1",
        "turn:a b",
        "stun:host?transport=udp",
        "turn:host?transport=sctp",
        "turn:[host]",
        "turn://host",
        "turn:user@host",
    ] {
        assert_eq!(url(text).unwrap_err().name(), "SyntaxError", "{text}");
    }
    let server = |url: &str| IceServer { urls: vec![url.into()], ..IceServer::default() };
    let refuse = |server: IceServer| {
        let configuration = Configuration { ice_servers: vec![server], ..Configuration::default() };
        let random = rand::SeedableRng::seed_from_u64(0);
        Connection::new(configuration, certificate(), random).unwrap_err().name()
    };
    assert_eq!(refuse(IceServer::default()), "SyntaxError");
    assert_eq!(refuse(server("nonsense:")), "SyntaxError");
    assert_eq!(refuse(server("turn:turn.example.org")), "InvalidAccessError");
}

#[test]
fn set_configuration_keeps_the_bundle_policy() {
    let mut connection = connection(1);
    let changed = Configuration { bundle_policy: BundlePolicy::MaxBundle, ..Configuration::default() };
    assert_eq!(connection.set_configuration(changed).unwrap_err().name(), "InvalidModificationError");
    let changed =
        Configuration { ice_transport_policy: IceTransportPolicy::Relay, ..Configuration::default() };
    connection.set_configuration(changed.clone()).unwrap();
    assert_eq!(connection.configuration(), &changed);
}

#[test]
fn create_data_channel_refuses_what_cannot_be() {
    let mut connection = connection(1);
    let mut name = |label: &str, init: DataChannelInit| {
        connection.create_data_channel(start(), label, init).unwrap_err().name()
    };
    let default = DataChannelInit::default;
    assert_eq!(name(&"l".repeat(65_536), default()), "TypeError");
    assert_eq!(name("", DataChannelInit { protocol: "µ".repeat(32_768), ..default() }), "TypeError");
    let both = DataChannelInit { max_packet_life_time: Some(0), max_retransmits: Some(0), ..default() };
    assert_eq!(name("", both), "TypeError");
    assert_eq!(name("", DataChannelInit { negotiated: true, ..default() }), "TypeError");
    assert_eq!(name("", DataChannelInit { negotiated: true, id: Some(65_535), ..default() }), "TypeError");
    connection.close(start());
    assert_eq!(
        connection.create_data_channel(start(), "", default()).unwrap_err().name(),
        "InvalidStateError"
    );
}

/// RFC 9429 §5.2.2: ICE's credentials change with its configuration; webrtc-pc §4.4.1.6: servers count from then on.
#[test]
fn other_servers_count_from_the_next_offer_on() {
    let ufrag = |connection: &mut Connection| {
        let sdp = connection.create_offer(start(), false).unwrap().sdp;
        lines(&sdp, "a=ice-ufrag:")[0].to_owned()
    };
    let with = |url: &str| {
        let server = IceServer { urls: vec![url.into()], ..IceServer::default() };
        Configuration { ice_servers: vec![server], ..Configuration::default() }
    };
    let is_asked_for = |connection: &mut Connection| {
        let newest = Event::ServersWanted(connection.ice().reconfigurations());
        events(connection).contains(&newest)
    };
    let mut connection = connection_with(with("stun:one.example.org"), 1);
    connection.create_data_channel(start(), "", DataChannelInit::default()).unwrap();
    // Nothing has been gathered yet.
    connection.set_configuration(with("stun:two.example.org")).unwrap();
    connection.set_local_description(start(), None).unwrap();
    assert!(is_asked_for(&mut connection));
    let first = ufrag(&mut connection);
    connection.set_configuration(with("stun:two.example.org")).unwrap();
    assert_eq!(ufrag(&mut connection), first, "the same servers");
    connection.set_configuration(with("stun:three.example.org")).unwrap();
    assert!(!is_asked_for(&mut connection), "not before they are gathered from");
    let second = ufrag(&mut connection);
    assert_ne!(second, first);
    assert!(is_asked_for(&mut connection));
    // A restart that was only described is not one with the newest servers.
    connection.set_configuration(with("stun:four.example.org")).unwrap();
    let third = ufrag(&mut connection);
    assert!(third != first && third != second);
    assert!(is_asked_for(&mut connection));
}

#[test]
fn other_servers_count_though_a_restart_is_rolled_back() {
    let ufrag = |connection: &mut Connection| {
        let sdp = connection.create_offer(start(), false).unwrap().sdp;
        lines(&sdp, "a=ice-ufrag:")[0].to_owned()
    };
    let (mut left, mut right) = (connection(1), connection(2));
    left.create_data_channel(start(), "", DataChannelInit::default()).unwrap();
    left.set_local_description(start(), None).unwrap();
    right.set_remote_description(start(), left.local_description().unwrap()).unwrap();
    right.set_local_description(start(), None).unwrap();
    left.set_remote_description(start(), right.local_description().unwrap()).unwrap();
    let first = ufrag(&mut left);
    left.restart_ice();
    left.set_local_description(start(), None).unwrap();
    let server = IceServer { urls: vec!["stun:two.example.org".into()], ..IceServer::default() };
    left.set_configuration(Configuration { ice_servers: vec![server], ..Configuration::default() }).unwrap();
    left.set_local_description(start(), Some(Description::rollback())).unwrap();
    assert_ne!(ufrag(&mut left), first);
    assert!(events(&mut left).contains(&Event::ServersWanted(1)));
}
