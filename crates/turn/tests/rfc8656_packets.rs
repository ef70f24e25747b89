//! RFC 8656 §9 to §12: permissions, Send and Data, channels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use peerline_stun::attribute::*;
use peerline_stun::{Class, Message, Method};
use peerline_turn::*;

const CLIENT: &str = "198.51.100.1:1000";
const PEER: &str = "198.51.100.9:9";

fn scene() -> (Scene, Login) {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    (scene, login)
}

#[test]
fn nothing_is_relayed_without_a_permission() {
    let (mut scene, _) = scene();
    assert_eq!(scene.client_sends(&udp(CLIENT), &send_indication(PEER, b"x")), Err(Dropped::NoPermission));
    assert_eq!(scene.peer_sends(PEER, b"x"), Err(Dropped::NoPermission));
    assert_eq!(scene.server.statistics().dropped(Dropped::NoPermission), 2);
}

#[test]
fn a_permission_is_for_an_address_and_any_port() {
    let (mut scene, login) = scene();
    assert_eq!(scene.permit(&udp(CLIENT), &login, &[PEER]), 0);
    for port in [1, 9, 65535] {
        let peer = format!("198.51.100.9:{port}");
        let relayed = scene.client_sends(&udp(CLIENT), &send_indication(&peer, b"hello"));
        assert_eq!(relayed, Ok((address(&peer), b"hello".to_vec())));
        assert!(scene.peer_sends(&peer, b"x").is_ok());
    }
    assert_eq!(scene.peer_sends("198.51.100.10:9", b"x"), Err(Dropped::NoPermission));
}

#[test]
fn one_request_may_permit_several_peers() {
    let (mut scene, login) = scene();
    let peers = ["198.51.100.9:1", "198.51.100.10:2", "198.51.100.11:3"];
    assert_eq!(scene.permit(&udp(CLIENT), &login, &peers), 0);
    for peer in peers {
        assert!(scene.peer_sends(peer, b"x").is_ok());
    }
}

#[test]
fn one_forbidden_peer_spoils_the_whole_request() {
    let (mut scene, login) = scene();
    assert_eq!(scene.permit(&udp(CLIENT), &login, &[PEER, "10.0.0.1:1"]), 403);
    assert_eq!(scene.permit(&udp(CLIENT), &login, &[PEER, "[2001:db8::9]:1"]), 443);
    assert_eq!(scene.permit(&udp(CLIENT), &login, &[]), 400);
    assert_eq!(scene.peer_sends(PEER, b"x"), Err(Dropped::NoPermission));
}

#[test]
fn a_permission_lasts_5_minutes_and_packets_do_not_refresh_it() {
    let (mut scene, login) = scene();
    scene.refresh(&udp(CLIENT), &login, 3600);
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    scene.sleep(299);
    assert!(scene.peer_sends(PEER, b"x").is_ok());
    assert!(scene.client_sends(&udp(CLIENT), &send_indication(PEER, b"x")).is_ok());
    scene.sleep(1);
    assert_eq!(scene.peer_sends(PEER, b"x"), Err(Dropped::NoPermission));
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    scene.sleep(200);
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    scene.sleep(299);
    assert!(scene.peer_sends(PEER, b"x").is_ok());
}

#[test]
fn permissions_are_limited_and_what_has_expired_does_not_count() {
    let mut scene = Scene::with(|config| config.limits.permissions = 3);
    let (login, _) = scene.allocated(&udp(CLIENT));
    let all = ["198.51.100.9:1", "198.51.100.10:1", "198.51.100.11:1", "198.51.100.12:1"];
    assert_eq!(scene.permit(&udp(CLIENT), &login, &all), 508);
    assert_eq!(scene.permit(&udp(CLIENT), &login, &all[..3]), 0);
    assert_eq!(scene.permit(&udp(CLIENT), &login, &all[..3]), 0, "refreshing needs no room");
    assert_eq!(scene.permit(&udp(CLIENT), &login, &all[3..]), 508);
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4000, all[3]), 508);
    scene.sleep(300);
    assert_eq!(scene.permit(&udp(CLIENT), &login, &all[1..]), 0);
}

#[test]
fn a_data_indication_carries_peer_and_payload() {
    let (mut scene, login) = scene();
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    let mut transactions = std::collections::HashSet::new();
    for length in 0..20 {
        let payload = vec![7; length];
        let bytes = scene.peer_sends(PEER, &payload).unwrap();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Indication, Method::DATA));
        assert_eq!(message.xor_address(XOR_PEER_ADDRESS), Some(address(PEER)));
        assert_eq!(message.attribute(DATA), Some(&payload[..]));
        assert!(transactions.insert(message.transaction()));
    }
}

#[test]
fn a_data_indication_of_an_ipv6_peer_fits_the_headroom() {
    let mut scene = Scene::new();
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    scene.allocate(&udp(CLIENT), &login, |writer| {
        writer.attribute(REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    });
    scene.permit(&udp(CLIENT), &login, &["[2001:db8::9]:9"]);
    let id = scene.allocations[0];
    let FromPeer::Relay { header, .. } =
        scene.server.relay_from_peer(scene.now, id, address("[2001:db8::9]:9"), 5)
    else {
        panic!("permitted");
    };
    assert_eq!((header.as_bytes().len(), header.padding()), (RelayHeader::MAX, 3));
    let mut packet = [&[0; 60][..], b"hello", &[0; 3]].concat();
    let begin = header.write_before(&mut packet[..60]).unwrap();
    let message = Message::parse(&packet[begin..]).unwrap();
    assert_eq!(message.attribute(DATA), Some(&b"hello"[..]));
    assert_eq!(header.write_before(&mut [0; 47]), None);
}

#[test]
fn a_send_indication_needs_peer_and_data_and_nothing_unknown() {
    let (mut scene, login) = scene();
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    let without_peer = indication(|writer| {
        writer.attribute(DATA, b"x");
    });
    let without_data = indication(|writer| {
        writer.xor_address(XOR_PEER_ADDRESS, address(PEER));
    });
    let unknown = indication(|writer| {
        writer.xor_address(XOR_PEER_ADDRESS, address(PEER)).attribute(DATA, b"x").attribute(0x7FFE, b"");
    });
    let to_port_0 = send_indication("198.51.100.9:0", b"x");
    for wrong in [without_peer, without_data, unknown, to_port_0, send_indication(PEER, b"x")[..36].to_vec()]
    {
        assert_eq!(scene.client_sends(&udp(CLIENT), &wrong), Err(Dropped::Malformed));
    }
    let empty = send_indication(PEER, b"");
    assert_eq!(
        scene.client_sends(&udp(CLIENT), &empty),
        Ok((address(PEER), Vec::new())),
        "empty is a datagram too"
    );
}

#[test]
fn dont_fragment_reaches_the_owner() {
    let (mut scene, login) = scene();
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    let bytes = indication(|writer| {
        writer
            .xor_address(XOR_PEER_ADDRESS, address(PEER))
            .attribute(DONT_FRAGMENT, b"")
            .attribute(DATA, b"x");
    });
    let relayed = scene.server.relay_from_client(scene.now, &udp(CLIENT), &bytes);
    assert!(matches!(relayed, FromClient::Relay { dont_fragment: true, .. }));
}

#[test]
fn a_channel_carries_both_ways() {
    let (mut scene, login) = scene();
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4001, PEER), 0);
    let relayed = scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"hello"));
    assert_eq!(relayed, Ok((address(PEER), b"hello".to_vec())));
    assert_eq!(scene.peer_sends(PEER, b"hello").unwrap(), channel_data(0x4001, b"hello"));
    let other_port = scene.peer_sends("198.51.100.9:10", b"hello").unwrap();
    assert_eq!(Message::parse(&other_port).unwrap().method(), Method::DATA, "another port has no channel");
}

#[test]
fn over_a_stream_channel_data_is_padded() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&tcp(CLIENT));
    scene.bind(&tcp(CLIENT), &login, 0x4001, PEER);
    assert_eq!(
        scene.peer_sends(PEER, b"hello").unwrap(),
        [0x40, 1, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 0, 0]
    );
}

#[test]
fn channel_data_shorter_than_it_says_is_dropped_and_padding_is_ignored() {
    let (mut scene, login) = scene();
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    let bytes = channel_data(0x4001, b"hello");
    for length in 1..bytes.len() {
        assert_eq!(scene.client_sends(&udp(CLIENT), &bytes[..length]), Err(Dropped::Malformed));
    }
    let padded = [&bytes[..], &[0; 3]].concat();
    assert_eq!(scene.client_sends(&udp(CLIENT), &padded), Ok((address(PEER), b"hello".to_vec())));
    assert_eq!(scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"")), Ok((address(PEER), Vec::new())));
}

#[test]
fn a_channel_and_a_peer_belong_together_until_the_binding_expires() {
    let (mut scene, login) = scene();
    let client = udp(CLIENT);
    assert_eq!(scene.bind(&client, &login, 0x4001, PEER), 0);
    assert_eq!(scene.bind(&client, &login, 0x4001, PEER), 0, "again is a refresh");
    assert_eq!(scene.bind(&client, &login, 0x4001, "198.51.100.9:10"), 400);
    assert_eq!(scene.bind(&client, &login, 0x4002, PEER), 400);
    scene.refresh(&client, &login, 3600);
    scene.sleep(600);
    assert_eq!(scene.bind(&client, &login, 0x4001, "198.51.100.9:10"), 0);
    assert_eq!(scene.bind(&client, &login, 0x4002, PEER), 0);
}

#[test]
fn channel_numbers_begin_at_0x4000() {
    let (mut scene, login) = scene();
    for wrong in [0, 0x3FFF, 0x8000, 0xFFFF] {
        assert_eq!(scene.bind(&udp(CLIENT), &login, wrong, PEER), 400);
    }
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4FFF, PEER), 0);
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x7FFF, "198.51.100.10:1"), 0, "as RFC 5766 has it");
}

#[test]
fn a_channel_bind_needs_both_attributes_and_a_reachable_peer() {
    let (mut scene, login) = scene();
    let only_number = scene.ask(&udp(CLIENT), &login, Method::CHANNEL_BIND, |writer| {
        writer.attribute(CHANNEL_NUMBER, &[0x40, 0, 0, 0]);
    });
    let only_peer = scene.ask(&udp(CLIENT), &login, Method::CHANNEL_BIND, |writer| {
        writer.xor_address(XOR_PEER_ADDRESS, address(PEER));
    });
    assert_eq!((only_number.code(), only_peer.code()), (400, 400));
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4000, "127.0.0.1:9"), 403);
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4000, "[2001:db8::9]:9"), 443);
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4000, "198.51.100.9:0"), 400);
}

#[test]
fn a_channel_lasts_10_minutes_and_its_permission_5() {
    let (mut scene, login) = scene();
    let client = udp(CLIENT);
    scene.refresh(&client, &login, 3600);
    scene.bind(&client, &login, 0x4001, PEER);
    scene.sleep(300);
    assert_eq!(scene.client_sends(&client, &channel_data(0x4001, b"x")), Err(Dropped::NoPermission));
    assert_eq!(scene.peer_sends(PEER, b"x"), Err(Dropped::NoPermission));
    scene.permit(&client, &login, &[PEER]);
    assert!(scene.client_sends(&client, &channel_data(0x4001, b"x")).is_ok());
    assert_eq!(scene.peer_sends(PEER, b"x").unwrap()[0], 0x40);
    scene.sleep(299);
    scene.permit(&client, &login, &[PEER]);
    scene.sleep(1);
    assert_eq!(scene.client_sends(&client, &channel_data(0x4001, b"x")), Err(Dropped::NoChannel));
    assert_eq!(scene.peer_sends(PEER, b"x").unwrap()[0], 0, "a Data indication again");
}

#[test]
fn binding_a_channel_refreshes_the_permission() {
    let (mut scene, login) = scene();
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    scene.sleep(250);
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    scene.sleep(299);
    assert!(scene.peer_sends(PEER, b"x").is_ok());
}

#[test]
fn channels_are_limited() {
    let mut scene = Scene::with(|config| config.limits.channels = 2);
    let (login, _) = scene.allocated(&udp(CLIENT));
    for (number, expected) in [(0x4000, 0), (0x4001, 0), (0x4002, 508), (0x4001, 0)] {
        assert_eq!(scene.bind(&udp(CLIENT), &login, number, &format!("198.51.100.9:{number}")), expected);
    }
}

#[test]
fn nothing_is_relayed_once_the_allocation_is_over() {
    let (mut scene, login) = scene();
    scene.sleep(400);
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    // Even when nobody has called handle_timeout yet.
    scene.now += Duration::from_secs(200);
    assert_eq!(scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"x")), Err(Dropped::NoAddress));
    assert_eq!(scene.client_sends(&udp(CLIENT), &send_indication(PEER, b"x")), Err(Dropped::NoAddress));
    assert_eq!(scene.peer_sends(PEER, b"x"), Err(Dropped::NoAddress));
    scene.server.handle_timeout(scene.now);
    assert_eq!(scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"x")), Err(Dropped::NoAllocation));
}

#[test]
fn strangers_are_not_relayed() {
    let (mut scene, login) = scene();
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    for other in [udp("198.51.100.1:1001"), tcp(CLIENT)] {
        assert_eq!(scene.client_sends(&other, &channel_data(0x4001, b"x")), Err(Dropped::NoAllocation));
        assert_eq!(scene.client_sends(&other, &send_indication(PEER, b"x")), Err(Dropped::NoAllocation));
    }
    assert_eq!(scene.client_sends(&udp(CLIENT), &[0x80; 30]), Err(Dropped::Malformed));
    assert_eq!(scene.client_sends(&udp(CLIENT), &[]), Err(Dropped::Malformed));
}

#[test]
fn two_relayed_peers_meet_and_nothing_else_of_this_machine_is_reached() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    let (_, other) = scene.allocated(&udp("198.51.100.2:1000"));
    let (other, web) = (other.to_string(), "203.0.113.1:80");
    assert_eq!(scene.permit(&udp(CLIENT), &login, &[&other]), 0);
    assert!(scene.client_sends(&udp(CLIENT), &send_indication(&other, b"x")).is_ok());
    assert_eq!(scene.client_sends(&udp(CLIENT), &send_indication(web, b"x")), Err(Dropped::Forbidden));
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4000, web), 403);
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4001, &other), 0);
    assert!(scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"x")).is_ok());
    scene.config.relayed_ports.remove(address(&other));
    assert_eq!(scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"x")), Err(Dropped::Forbidden));
}

#[test]
fn bandwidth_is_limited_by_user_and_by_source() {
    for by_user in [true, false] {
        let mut scene = Scene::new();
        let budget = Arc::new(ByteBudget::new(scene.now, 1000, 5 * 128));
        let budgets = match by_user {
            true => Budgets { user: Some(budget), source: None },
            false => Budgets { user: None, source: Some(budget) },
        };
        scene.owner = Some(Box::new(move |_| {
            Ok(Granted {
                ipv4: Some(address("203.0.113.1:50000")),
                budgets: budgets.clone(),
                ..Granted::default()
            })
        }));
        let (login, _) = scene.allocated(&udp(CLIENT));
        scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
        let packet = channel_data(0x4001, &[0; 100]);
        for _ in 0..4 {
            assert!(scene.client_sends(&udp(CLIENT), &packet).is_ok());
        }
        assert!(scene.peer_sends(PEER, &[0; 100]).is_ok(), "both directions count");
        assert_eq!(scene.client_sends(&udp(CLIENT), &packet), Err(Dropped::OverBudget));
        assert_eq!(scene.peer_sends(PEER, &[0; 100]), Err(Dropped::OverBudget));
        scene.sleep(1);
        assert!(scene.client_sends(&udp(CLIENT), &packet).is_ok());
    }
}

#[test]
fn what_the_source_may_not_have_is_not_charged_to_the_user() {
    let mut scene = Scene::new();
    let user = Arc::new(ByteBudget::new(scene.now, 1000, 10 * 128));
    let source = Arc::new(ByteBudget::new(scene.now, 1000, 5 * 128));
    let budgets = Budgets { user: Some(user.clone()), source: Some(source) };
    let of_stream = budgets.clone();
    scene.owner = Some(Box::new(move |_| {
        let budgets = budgets.clone();
        Ok(Granted { ipv4: Some(address("203.0.113.1:50000")), budgets, ..Granted::default() })
    }));
    let (login, _) = scene.allocated(&udp(CLIENT));
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    let packet = channel_data(0x4001, &[0; 100]);
    for _ in 0..5 {
        assert!(scene.client_sends(&udp(CLIENT), &packet).is_ok());
    }
    for _ in 0..100 {
        assert_eq!(scene.client_sends(&udp(CLIENT), &packet), Err(Dropped::OverBudget));
        assert!(!of_stream.admit_stream(scene.now, 128));
    }
    // The user has the other half still, and no more.
    assert!(user.admit(scene.now, 5 * 128));
    assert!(!user.admit(scene.now, 1));
}

#[test]
fn a_payload_that_does_not_fit_a_datagram_with_its_header_is_dropped() {
    let (mut scene, login) = scene();
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    for length in [65_472, 65_507, 65_535, 65_536, usize::MAX] {
        let id = scene.allocations[0];
        let relayed = scene.server.relay_from_peer(scene.now, id, address(PEER), length);
        assert_eq!(relayed, FromPeer::Dropped(Dropped::TooLarge), "{length}");
    }
    assert!(scene.peer_sends(PEER, &[0; 65_468]).is_ok());
}

#[test]
fn an_icmp_error_is_told_in_a_data_indication() {
    let (mut scene, login) = scene();
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    let id = scene.allocations[0];
    scene.server.handle_icmp(scene.now, id, address(PEER), IcmpError { kind: 3, code: 4, data: 1400 });
    let sent = scene.drain();
    assert_eq!(sent[0].0.remote, address(CLIENT));
    let message = Message::parse(&sent[0].1).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Indication, Method::DATA));
    assert_eq!(message.xor_address(XOR_PEER_ADDRESS), Some(address(PEER)));
    assert_eq!(message.attribute(ICMP), Some(&[0, 0, 6, 4, 0, 0, 5, 0x78][..]));
    assert_eq!(message.attribute(DATA), None);
}

#[test]
fn icmp_of_other_types_or_about_other_peers_is_not_told() {
    let (mut scene, login) = scene();
    scene.permit(&udp(CLIENT), &login, &[PEER]);
    let id = scene.allocations[0];
    for (peer, kind) in [(PEER, 0), (PEER, 5), (PEER, 1), ("198.51.100.10:1", 3), ("[2001:db8::9]:1", 1)] {
        scene.server.handle_icmp(scene.now, id, address(peer), IcmpError { kind, code: 0, data: 0 });
        assert!(scene.drain().is_empty());
    }
}

#[test]
fn what_is_relayed_is_counted() {
    let (mut scene, login) = scene();
    scene.bind(&udp(CLIENT), &login, 0x4001, PEER);
    scene.client_sends(&udp(CLIENT), &channel_data(0x4001, b"12345")).unwrap();
    scene.peer_sends(PEER, b"123").unwrap();
    let statistics = scene.server.statistics();
    assert_eq!((statistics.packets_from_clients, statistics.bytes_from_clients), (1, 5));
    assert_eq!((statistics.packets_from_peers, statistics.bytes_from_peers), (1, 3));
    assert_eq!((statistics.allocations, statistics.answered(code(401))), (1, 1));
}
