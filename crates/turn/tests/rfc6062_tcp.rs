//! RFC 6062: TCP towards peers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use peerline_stun::attribute::*;
use peerline_stun::{Class, Message, MessageWriter, Method};
use peerline_turn::*;

const CLIENT: &str = "198.51.100.1:1000";
const DATA_CLIENT: &str = "198.51.100.1:1001";
const PEER: &str = "198.51.100.9:8080";

fn ask_for_tcp(
    scene: &mut Scene,
    client: &Client,
    write: impl FnOnce(&mut MessageWriter<'_>),
) -> (Login, u16) {
    let mut login = scene.login("alice");
    scene.challenge(client, &mut login);
    let response = scene.ask(client, &login, Method::ALLOCATE, |writer| {
        writer.attribute(REQUESTED_TRANSPORT, &[6, 0, 0, 0]);
        write(writer);
    });
    (login, response.code())
}

/// A client with an allocation of TCP.
fn scene() -> (Scene, Login, AllocationId) {
    scene_with(|_| ())
}

fn scene_with(change: impl FnOnce(&mut Config)) -> (Scene, Login, AllocationId) {
    let mut scene = Scene::with(change);
    let (login, code) = ask_for_tcp(&mut scene, &tcp(CLIENT), |_| ());
    assert_eq!(code, 0);
    let allocation = scene.allocations[0];
    (scene, login, allocation)
}

/// Sends a Connect request; what is answered at once, if anything.
fn connect(scene: &mut Scene, login: &Login, peer: &str) -> Option<u16> {
    let request = scene.signed(login, Method::CONNECT, |writer| {
        writer.xor_address(XOR_PEER_ADDRESS, address(peer));
    });
    scene.input(&tcp(CLIENT), &request).pop().map(|(_, answer)| Response(answer).code())
}

/// The last connection that the owner was asked to make.
fn asked(scene: &Scene) -> Option<ConnectionId> {
    scene.events.iter().rev().find_map(|event| match event {
        Event::ConnectRequested { connection, .. } => Some(*connection),
        _ => None,
    })
}

fn ended(scene: &Scene) -> Vec<ConnectionId> {
    let ended = scene.events.iter().filter_map(|event| match event {
        Event::ConnectionEnded { connection, .. } => Some(*connection),
        _ => None,
    });
    ended.collect()
}

/// The owner's answer, and what the client is told.
fn made(scene: &mut Scene, allocation: AllocationId, answer: Result<(), ConnectError>) -> Response {
    let connection = asked(scene).unwrap();
    assert_eq!(scene.server.connected(scene.now, allocation, connection, answer), answer.is_ok());
    let mut sent = scene.drain();
    assert_eq!(sent.len(), 1);
    Response(sent.remove(0).1)
}

/// A connection that the client has asked for and that is there.
fn connected(scene: &mut Scene, login: &Login, allocation: AllocationId, peer: &str) -> ConnectionId {
    assert_eq!(connect(scene, login, peer), None);
    let response = made(scene, allocation, Ok(()));
    assert_eq!((response.code(), response.message().method()), (0, Method::CONNECT));
    let told = response.message().number(CONNECTION_ID);
    assert_eq!(told, asked(scene).map(|connection| connection.0));
    asked(scene).unwrap()
}

#[test]
fn a_tcp_allocation_is_made_over_tcp_and_tls() {
    let mut scene = Scene::new();
    let tls = Client { transport: Transport::Tls, ..tcp("198.51.100.2:1000") };
    for (client, expected) in [(udp(CLIENT), 400), (tcp(CLIENT), 0), (tls, 0)] {
        assert_eq!(ask_for_tcp(&mut scene, &client, |_| ()).1, expected, "{client:?}");
    }
    assert!(scene.requests.iter().all(|request| request.is_tcp));
}

#[test]
fn without_the_operators_leave_tcp_is_a_transport_that_is_not_supported() {
    let mut scene = Scene::with(|config| config.policy.tcp = PeerPolicy::default().tcp);
    // However wide its network is open otherwise.
    let open = |config: &mut Config| {
        config.policy =
            PeerPolicy { lan: true, allow: vec!["0.0.0.0/0".parse().unwrap()], ..PeerPolicy::default() };
    };
    for scene in [&mut scene, &mut Scene::with(open)] {
        assert_eq!(ask_for_tcp(scene, &tcp(CLIENT), |_| ()).1, 442);
        assert!(scene.requests.is_empty());
        scene.allocated(&tcp(CLIENT));
    }
}

#[test]
fn what_is_for_udp_contradicts_a_tcp_allocation() {
    for (number, value) in [
        (EVEN_PORT, &[0][..]),
        (DONT_FRAGMENT, &[]),
        (RESERVATION_TOKEN, &[0; 8]),
        (ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
    ] {
        let (_, code) = ask_for_tcp(&mut Scene::new(), &tcp(CLIENT), |writer| {
            writer.attribute(number, value);
        });
        assert_eq!(code, 400, "{number:#x}");
    }
    let (_, code) = ask_for_tcp(&mut Scene::new(), &tcp(CLIENT), |writer| {
        writer.attribute(REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    });
    assert_eq!(code, 0);
}

#[test]
fn a_tcp_allocation_has_neither_channels_nor_datagrams() {
    let (mut scene, login, _) = scene();
    let client = tcp(CLIENT);
    assert_eq!(scene.bind(&client, &login, 0x4001, PEER), 400);
    assert_eq!(scene.permit(&client, &login, &[PEER]), 0);
    assert_eq!(scene.client_sends(&client, &send_indication(PEER, b"x")), Err(Dropped::NoAddress));
}

#[test]
fn servers_of_a_process_name_their_connections_apart_even_with_the_same_dice() {
    let (mut one, login, allocation) = scene();
    let ids = one.config.connection_ids.clone();
    let (mut other, other_login, other_allocation) = scene_with(|config| config.connection_ids = ids);
    let first = connected(&mut one, &login, allocation, PEER);
    let second = connected(&mut other, &other_login, other_allocation, PEER);
    assert_ne!(first, second);
}

#[test]
fn connect_is_answered_when_the_connection_is_there() {
    let (mut scene, login, allocation) = scene();
    let connection = connected(&mut scene, &login, allocation, PEER);
    let expected = Event::ConnectRequested { allocation, connection, peer: address(PEER) };
    assert_eq!(scene.events.last(), Some(&expected));
    // RFC 6062 §5.2 asks for no permission.
    let other = connected(&mut scene, &login, allocation, "198.51.100.9:8081");
    assert_ne!(connection, other);
}

#[test]
fn a_peer_is_connected_to_once() {
    let (mut scene, login, allocation) = scene();
    assert_eq!(connect(&mut scene, &login, PEER), None);
    assert_eq!(connect(&mut scene, &login, PEER), Some(446), "while the first is being made");
    made(&mut scene, allocation, Ok(()));
    assert_eq!(connect(&mut scene, &login, PEER), Some(446), "while it waits");
    let connection = asked(&scene).unwrap();
    scene.server.connection_bound(allocation, connection);
    assert_eq!(connect(&mut scene, &login, PEER), Some(446), "while it is in use");
    scene.server.connection_closed(allocation, connection);
    connected(&mut scene, &login, allocation, PEER);
}

#[test]
fn a_connection_that_fails_is_told_and_forgotten() {
    let (mut scene, login, allocation) = scene();
    for (error, code) in [(ConnectError::Failed, 447), (ConnectError::QuotaReached, 486)] {
        assert_eq!(connect(&mut scene, &login, PEER), None);
        assert_eq!(made(&mut scene, allocation, Err(error)).code(), code);
    }
    connected(&mut scene, &login, allocation, PEER);
}

#[test]
fn a_connection_that_is_not_made_within_30_seconds_has_failed() {
    let (mut scene, login, allocation) = scene();
    assert_eq!(connect(&mut scene, &login, PEER), None);
    let connection = asked(&scene).unwrap();
    scene.now += Duration::from_millis(29_999);
    scene.server.handle_timeout(scene.now);
    assert!(scene.drain().is_empty());
    scene.now += Duration::from_millis(1);
    scene.server.handle_timeout(scene.now);
    let sent = scene.drain();
    assert_eq!(Response(sent[0].1.clone()).code(), 447);
    assert_eq!(ended(&scene), [connection]);
    // It comes about nevertheless: too late.
    assert!(!scene.server.connected(scene.now, allocation, connection, Ok(())));
    assert!(scene.drain().is_empty());
}

#[test]
fn a_connection_that_is_not_taken_over_within_30_seconds_ends() {
    let (mut scene, login, allocation) = scene();
    let left = connected(&mut scene, &login, allocation, PEER);
    let taken = connected(&mut scene, &login, allocation, "198.51.100.9:8081");
    scene.sleep(29);
    scene.server.connection_bound(allocation, taken);
    assert!(ended(&scene).is_empty());
    scene.sleep(1);
    assert_eq!(ended(&scene), [left]);
    scene.sleep(500);
    assert_eq!(ended(&scene), [left]);
}

#[test]
fn connect_needs_a_tcp_allocation_and_a_peer_that_may_be_reached() {
    let (mut scene, login, _) = scene();
    let nothing = scene.ask(&tcp(CLIENT), &login, Method::CONNECT, |_| ());
    assert_eq!(nothing.code(), 400);
    for (peer, code) in [
        ("198.51.100.9:0", 400),
        ("127.0.0.1:8080", 403),
        ("169.254.169.254:8080", 403),
        ("[2001:db8::9]:8080", 443),
        // Mail and web sites.
        ("198.51.100.9:25", 403),
        ("198.51.100.9:443", 403),
        // The server's own ports, but for those of its relays.
        ("203.0.113.1:2222", 403),
    ] {
        assert_eq!(connect(&mut scene, &login, peer), Some(code), "{peer}");
    }
    assert_eq!(asked(&scene), None);
    for (client, is_allocated) in [(tcp("198.51.100.3:1000"), false), (tcp("198.51.100.4:1000"), true)] {
        let mut login = scene.login("alice");
        scene.challenge(&client, &mut login);
        if is_allocated {
            assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 0);
        }
        let response = scene.ask(&client, &login, Method::CONNECT, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, address(PEER));
        });
        assert_eq!(response.code(), 437);
    }
}

#[test]
fn two_relayed_peers_meet_at_live_tcp_relays_only() {
    let (mut scene, login, _) = scene();
    let other = tcp("198.51.100.2:1000");
    assert_eq!(ask_for_tcp(&mut scene, &other, |_| ()).1, 0);
    let (at_one, at_other) = (address("203.0.113.1:50000"), "203.0.113.1:50002");
    assert_eq!(connect(&mut scene, &login, at_other), None);
    // The other's client lets it in by a permission for this server's address.
    let allocation = scene.allocations[1];
    assert_eq!(scene.server.peer_connected(scene.now, allocation, at_one), None);
    let other_login = {
        let mut login = scene.login("alice");
        scene.challenge(&other, &mut login);
        login
    };
    assert_eq!(scene.permit(&other, &other_login, &["203.0.113.1:0"]), 0);
    assert!(scene.server.peer_connected(scene.now, allocation, at_one).is_some());
    assert_eq!(scene.server.peer_connected(scene.now, allocation, address("203.0.113.1:22")), None);
    scene.drain();
    // A relayed address of UDP is none of TCP.
    let (_, udp_relay) = scene.allocated(&udp("198.51.100.3:1000"));
    assert_eq!(connect(&mut scene, &login, &udp_relay.to_string()), Some(403));
}

#[test]
fn a_peer_that_is_permitted_may_connect_and_the_client_is_told() {
    let (mut scene, login, allocation) = scene();
    assert_eq!(scene.server.peer_connected(scene.now, allocation, address(PEER)), None);
    assert!(scene.drain().is_empty());
    scene.permit(&tcp(CLIENT), &login, &[PEER]);
    let connection = scene.server.peer_connected(scene.now, allocation, address(PEER)).unwrap();
    let sent = scene.drain();
    assert_eq!(sent[0].0.remote, address(CLIENT));
    let message = Message::parse(&sent[0].1).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Indication, Method::CONNECTION_ATTEMPT));
    assert_eq!(message.xor_address(XOR_PEER_ADDRESS), Some(address(PEER)));
    assert_eq!(message.number(CONNECTION_ID), Some(connection.0));
    // A permission lasts five minutes.
    scene.sleep(300);
    assert_eq!(ended(&scene), [connection]);
    assert_eq!(scene.server.peer_connected(scene.now, allocation, address(PEER)), None);
}

#[test]
fn connections_of_an_allocation_are_limited_and_places_come_back() {
    let (mut scene, login, allocation) = scene_with(|config| config.limits.connections = 2);
    scene.permit(&tcp(CLIENT), &login, &[PEER]);
    let first = connected(&mut scene, &login, allocation, PEER);
    let from_peer = scene.server.peer_connected(scene.now, allocation, address("198.51.100.9:5000"));
    assert!(from_peer.is_some());
    scene.drain();
    assert_eq!(connect(&mut scene, &login, "198.51.100.9:8082"), Some(508));
    assert_eq!(scene.server.peer_connected(scene.now, allocation, address("198.51.100.9:5001")), None);
    scene.server.connection_closed(allocation, first);
    connected(&mut scene, &login, allocation, "198.51.100.9:8082");
}

/// Sends ConnectionBind over another connection; what is answered at once, if anything.
fn bind(scene: &mut Scene, client: &Client, connection: Option<ConnectionId>) -> Option<u16> {
    let mut login = scene.login("alice");
    scene.challenge(client, &mut login);
    let request = scene.signed(&login, Method::CONNECTION_BIND, |writer| {
        if let Some(ConnectionId(connection)) = connection {
            writer.number(CONNECTION_ID, connection);
        }
    });
    scene.input(client, &request).pop().map(|(_, answer)| Response(answer).code())
}

#[test]
fn the_client_takes_a_connection_over_with_a_connection_of_its_own() {
    for (is_bound, code) in [(true, 0), (false, 400)] {
        let (mut scene, login, allocation) = scene();
        let connection = connected(&mut scene, &login, allocation, PEER);
        let client = tcp(DATA_CLIENT);
        assert_eq!(bind(&mut scene, &client, Some(connection)), None);
        let username = login.username.clone().into();
        let expected = Event::ConnectionBindRequested { client, connection, username };
        assert_eq!(scene.events.last(), Some(&expected));
        scene.server.connection_bind_answered(&client, connection, is_bound);
        let sent = scene.drain();
        assert_eq!((sent[0].0.remote, Response(sent[0].1.clone()).code()), (client.remote, code));
    }
}

#[test]
fn a_connection_is_taken_over_by_a_fresh_stream_that_names_it() {
    let (mut scene, login, allocation) = scene();
    let connection = connected(&mut scene, &login, allocation, PEER);
    assert_eq!(bind(&mut scene, &udp(DATA_CLIENT), Some(connection)), Some(400), "not over UDP");
    assert_eq!(bind(&mut scene, &tcp(DATA_CLIENT), None), Some(400), "without a name");
    assert_eq!(bind(&mut scene, &tcp(CLIENT), Some(connection)), Some(400), "not over the allocation's own");
    // As with every request, nobody is believed without a password.
    let request = scene.request(Method::CONNECTION_BIND, |writer| {
        writer.number(CONNECTION_ID, connection.0);
    });
    assert_eq!(scene.exchange(&tcp(DATA_CLIENT), &request).code(), 401);
}

#[test]
fn connections_end_with_their_allocation() {
    let (mut scene, login, allocation) = scene();
    connected(&mut scene, &login, allocation, PEER);
    assert_eq!(connect(&mut scene, &login, "198.51.100.9:8081"), None);
    assert_eq!(scene.refresh(&tcp(CLIENT), &login, 0).code(), 0);
    assert_eq!(scene.ended(), [EndReason::Released]);
    assert_eq!(scene.server.poll_timeout(), None);
    let late = asked(&scene).unwrap();
    assert!(!scene.server.connected(scene.now, allocation, late, Ok(())));
    assert!(scene.drain().is_empty());
}
