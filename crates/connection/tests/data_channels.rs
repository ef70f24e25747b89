//! Two connections in memory: from descriptions to messages and to the end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/network.rs"]
mod network;

use std::time::Duration;

use common::*;
use network::{Link, World};
use peerline_connection::*;
use peerline_ice::Role;

/// A world with a channel that the first peer opens.
fn with_channel(configuration: &Configuration, link: Link) -> (World, ChannelHandle) {
    let mut world = World::new(1, configuration, [link.clone(), link]);
    let now = world.now;
    let channel =
        world.peers[0].connection.create_data_channel(now, "chat", DataChannelInit::default()).unwrap();
    world.negotiate(0);
    (world, channel)
}

fn announced(world: &World, index: usize) -> Option<ChannelHandle> {
    world.peers[index].events.iter().find_map(|(_, event)| match event {
        Event::DataChannel(channel) => Some(*channel),
        _ => None,
    })
}

/// A world where both sides have the channel open.
fn open(configuration: &Configuration, link: Link) -> (World, [ChannelHandle; 2]) {
    let (mut world, left) = with_channel(configuration, link);
    let is_open = |world: &mut World| {
        world.happened(0, |event| *event == Event::DataChannelOpen(left)) && announced(world, 1).is_some()
    };
    assert!(world.run_until(Duration::from_secs(10), is_open), "no channel: {:?}", states(&world));
    let right = announced(&world, 1).unwrap();
    (world, [left, right])
}

fn states(world: &World) -> Vec<(IceConnectionState, DtlsTransportState)> {
    let states =
        |connection: &Connection| (connection.ice_connection_state(), connection.dtls_transport_state());
    world.peers.iter().map(|peer| states(&peer.connection)).collect()
}

fn messages(world: &World, index: usize) -> Vec<(PayloadKind, Vec<u8>)> {
    let of = |event: &Event| match event {
        Event::DataChannelMessage { kind, data, .. } => Some((*kind, data.to_vec())),
        _ => None,
    };
    world.peers[index].events.iter().filter_map(|(_, event)| of(event)).collect()
}

#[test]
fn descriptions_become_an_open_channel_with_messages_both_ways() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    for (index, channel) in channels.into_iter().enumerate() {
        let now = world.now;
        let connection = &mut world.peers[index].connection;
        assert_eq!(connection.connection_state(), PeerConnectionState::Connected);
        connection.send(now, channel, Payload::text("hello")).unwrap();
        connection.send(now, channel, Payload::binary(vec![7; 100_000])).unwrap();
        connection.send(now, channel, Payload::text("")).unwrap();
        connection.send(now, channel, Payload::binary(vec![])).unwrap();
        world.drain(index);
    }
    let expected = [
        (PayloadKind::Text, b"hello".to_vec()),
        (PayloadKind::Binary, vec![7; 100_000]),
        (PayloadKind::Text, vec![]),
        (PayloadKind::Binary, vec![]),
    ];
    let all = |world: &mut World| (0..2).all(|index| messages(world, index).len() >= 4);
    assert!(world.run_until(Duration::from_secs(10), all));
    for index in 0..2 {
        assert_eq!(messages(&world, index), expected);
    }
    let described = world.peers[1].connection.data_channel(channels[1]).unwrap();
    assert_eq!((described.label.as_str(), described.ordered), ("chat", true));
    assert_eq!(described.id, world.peers[0].connection.data_channel(channels[0]).unwrap().id);
}

#[test]
fn states_change_in_the_w3cs_order() {
    let (world, _) = open(&Configuration::default(), Link::default());
    for peer in &world.peers {
        let changes: Vec<_> = peer
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::ConnectionStateChange(state) => Some(*state),
                _ => None,
            })
            .collect();
        assert_eq!(changes, [PeerConnectionState::Connecting, PeerConnectionState::Connected]);
        let ended = peer.events.iter().position(
            |(_, event)| matches!(event, Event::IceCandidate(candidate) if candidate.candidate.is_empty()),
        );
        let complete = Event::IceGatheringStateChange(IceGatheringState::Complete);
        let completed = peer.events.iter().position(|(_, event)| *event == complete);
        assert!(ended.unwrap() < completed.unwrap());
    }
}

#[test]
fn negotiated_channels_are_open_on_both_sides_without_a_word() {
    let mut world = World::new(1, &Configuration::default(), [Link::default(), Link::default()]);
    let now = world.now;
    let init = DataChannelInit { negotiated: true, id: Some(7), ..DataChannelInit::default() };
    let channels: Vec<_> = (0..2)
        .map(|index| world.peers[index].connection.create_data_channel(now, "", init.clone()).unwrap())
        .collect();
    world.negotiate(0);
    let is_open = |world: &mut World| {
        (0..2).all(|index| world.happened(index, |event| *event == Event::DataChannelOpen(channels[index])))
    };
    assert!(world.run_until(Duration::from_secs(10), is_open));
    assert!(announced(&world, 0).is_none() && announced(&world, 1).is_none());
}

#[test]
fn rfc8832_section_6_ids_go_by_the_dtls_role() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    // The answerer is the DTLS client, which takes the even ids.
    let id = |world: &World, index: usize, channel| {
        world.peers[index].connection.data_channel(channel).unwrap().id
    };
    assert_eq!(id(&world, 0, channels[0]).unwrap().0 % 2, 1);
    let now = world.now;
    let other =
        world.peers[1].connection.create_data_channel(now, "back", DataChannelInit::default()).unwrap();
    assert_eq!(id(&world, 1, other).unwrap().0 % 2, 0);
}

#[test]
fn closing_a_channel_closes_it_on_both_sides() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    let now = world.now;
    world.peers[0].connection.send(now, channels[0], Payload::text("last words")).unwrap();
    world.peers[0].connection.close_data_channel(now, channels[0]);
    world.drain(0);
    let is_closed = |world: &mut World| {
        (0..2).all(|index| {
            let close = Event::DataChannelClose { channel: channels[index], error: None };
            world.happened(index, |event| *event == close)
        })
    };
    assert!(world.run_until(Duration::from_secs(10), is_closed));
    assert_eq!(messages(&world, 1).len(), 1, "what was sent arrives first");
}

#[test]
fn closing_a_connection_tells_the_peer_at_once() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    let now = world.now;
    world.peers[0].events.clear();
    world.peers[0].connection.close(now);
    world.drain(0);
    assert_eq!(world.peers[0].connection.connection_state(), PeerConnectionState::Closed);
    let is_closed = |world: &mut World| {
        world.happened(
            1,
            |event| matches!(event, Event::DataChannelClose { channel, .. } if *channel == channels[1]),
        )
    };
    assert!(world.run_until(Duration::from_millis(100), is_closed), "one way takes 10 ms");
    assert_eq!(world.peers[0].events, [], "webrtc-pc §4.4.1.9: closing fires no events");
    assert_eq!(world.peers[1].connection.dtls_transport_state(), DtlsTransportState::Closed);
    world.run(Duration::from_secs(60));
    assert_eq!(world.peers[0].connection.poll_timeout(), None, "nothing is left to do");
}

#[test]
fn a_wrong_fingerprint_ends_the_connection_before_any_message() {
    let mut world = World::new(1, &Configuration::default(), [Link::default(), Link::default()]);
    let now = world.now;
    world.peers[0].connection.create_data_channel(now, "chat", DataChannelInit::default()).unwrap();
    world.peers[0].connection.set_local_description(now, None).unwrap();
    let mut offer = world.peers[0].connection.local_description().unwrap();
    let certificate = format!("a=fingerprint:{}", certificate().fingerprint());
    let promised = lines(&offer.sdp, "a=fingerprint:")[0].to_owned();
    offer.sdp = offer.sdp.replace(&promised, &certificate);
    world.peers[1].connection.set_remote_description(now, offer).unwrap();
    world.peers[1].connection.set_local_description(now, None).unwrap();
    let answer = world.peers[1].connection.local_description().unwrap();
    world.peers[0].connection.set_remote_description(now, answer).unwrap();
    world.drain(0);
    world.drain(1);
    world.run(Duration::from_secs(5));
    assert_eq!(world.peers[1].connection.connection_state(), PeerConnectionState::Failed);
    assert!(world.happened(1, |event| matches!(event, Event::DtlsTransportError(_))));
    for index in 0..2 {
        assert!(
            !world
                .happened(index, |event| matches!(event, Event::DataChannelOpen(_) | Event::DataChannel(_)))
        );
    }
}

#[test]
fn a_restart_keeps_channels_open() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    world.peers[1].connection.restart_ice();
    world.negotiate(1);
    let now = world.now;
    world.peers[0].connection.send(now, channels[0], Payload::text("meanwhile")).unwrap();
    world.drain(0);
    world.run(Duration::from_secs(5));
    assert_eq!(messages(&world, 1).len(), 1);
    for index in 0..2 {
        assert_eq!(world.peers[index].connection.connection_state(), PeerConnectionState::Connected);
        assert!(!world.happened(index, |event| matches!(event, Event::DataChannelClose { .. })));
    }
}

#[test]
fn rfc8445_section_6_1_1_a_restart_before_the_handshake_keeps_the_roles() {
    let mut world = World::new(1, &Configuration::default(), [Link::default(), Link::default()]);
    let now = world.now;
    world.peers[0].connection.create_data_channel(now, "early", DataChannelInit::default()).unwrap();
    world.negotiate(0);
    let roles = |world: &World| world.peers.each_ref().map(|peer| peer.connection.ice().role());
    let before = roles(&world);
    assert_eq!(before, [Role::Controlling, Role::Controlled]);
    world.peers[1].connection.restart_ice();
    world.negotiate(1);
    assert_eq!(roles(&world), before);
    let is_connected = |world: &mut World| {
        world.peers.iter().all(|peer| peer.connection.connection_state() == PeerConnectionState::Connected)
    };
    assert!(world.run_until(Duration::from_secs(10), is_connected));
}

#[test]
fn rfc5245_section_5_2_a_restart_by_an_agent_without_ice2_gives_it_the_control() {
    let (mut world, _) = open(&Configuration::default(), Link::default());
    assert_eq!(world.peers[0].connection.ice().role(), Role::Controlling);
    assert!(world.peers.iter().all(|peer| peer.connection.remote_has_ice2()));
    let now = world.now;
    world.peers[1].connection.restart_ice();
    world.peers[1].connection.set_local_description(now, None).unwrap();
    let mut offer = world.peers[1].connection.local_description().unwrap();
    offer.sdp = offer.sdp.replace("trickle ice2", "trickle");
    world.peers[0].connection.set_remote_description(now, offer).unwrap();
    assert!(world.peers[0].connection.remote_has_ice2(), "this is only proposed");
    world.peers[0].connection.set_local_description(now, None).unwrap();
    assert!(!world.peers[0].connection.remote_has_ice2());
    assert_eq!(world.peers[0].connection.ice().role(), Role::Controlled);
}

#[test]
fn renegotiation_disturbs_nothing() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    world.negotiate(1);
    world.negotiate(0);
    let now = world.now;
    world.peers[1].connection.send(now, channels[1], Payload::text("still there")).unwrap();
    world.drain(1);
    world.run(Duration::from_secs(1));
    assert_eq!(messages(&world, 0).len(), 1);
}

#[test]
fn snap_spares_the_association_its_handshake() {
    let time = |sctp_snap| {
        let configuration = Configuration { sctp_snap, ..Configuration::default() };
        let link = Link { delay: Duration::from_millis(50), ..Link::default() };
        let (world, _) = open(&configuration, link);
        world.elapsed()
    };
    let (with, without) = (time(true), time(false));
    assert!(with + Duration::from_millis(90) < without, "{with:?}, {without:?}");
}

#[test]
fn rfc7983_what_is_nobodys_is_ignored() {
    let (mut world, _) = open(&Configuration::default(), Link::default());
    let [left, right] = [world.peers[0].address, world.peers[1].address];
    for first in 0..=255u8 {
        for length in [1, 2, 13, 20, 100, 1500] {
            let mut payload = vec![0x55; length];
            payload[0] = first;
            let datagram =
                Datagram { transport: Transport::Udp, local: left, remote: right, payload: &mut payload };
            world.peers[0].connection.handle_input(world.now, datagram);
        }
    }
    let empty = Datagram { transport: Transport::Udp, local: left, remote: right, payload: &mut [] };
    world.peers[0].connection.handle_input(world.now, empty);
    world.drain(0);
    world.run(Duration::from_secs(1));
    assert_eq!(world.peers[0].connection.connection_state(), PeerConnectionState::Connected);
}

#[test]
fn long_messages_go_out_in_long_trains() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    let now = world.now;
    let (datagrams, transmits) = (world.peers[0].datagrams, world.peers[0].transmits);
    world.peers[0].connection.send(now, channels[0], Payload::binary(vec![1; 8 << 20])).unwrap();
    world.drain(0);
    let is_there = |world: &mut World| messages(world, 1).len() == 1;
    assert!(world.run_until(Duration::from_secs(60), is_there));
    let datagrams = world.peers[0].datagrams - datagrams;
    let transmits = world.peers[0].transmits - transmits;
    assert!(datagrams / transmits > 20, "{datagrams} datagrams by {transmits} calls");
}

#[test]
fn a_lost_path_is_noticed_by_the_data_that_is_lost() {
    let (mut world, channels) = open(&Configuration::default(), Link::default());
    world.run(Duration::from_secs(6));
    let gone = world.elapsed();
    for index in 0..2 {
        world.black_out(index, gone..gone + Duration::from_secs(60));
    }
    let now = world.now;
    world.peers[0].connection.send(now, channels[0], Payload::text("anybody?")).unwrap();
    world.drain(0);
    let is_noticed =
        |world: &mut World| world.peers[0].connection.connection_state() == PeerConnectionState::Disconnected;
    assert!(world.run_until(Duration::from_millis(3500), is_noticed), "RFC 7675 alone takes up to 7.5 s");
}

#[test]
fn nothing_waits_for_company_when_a_message_goes_to_and_fro() {
    let link = Link::default();
    let one_way = link.delay;
    let (mut world, channels) = open(&Configuration::default(), link);
    world.run(Duration::from_secs(5));
    let begin = world.now;
    for passed in 1..=200_u32 {
        let (from, to) = (passed as usize % 2, (passed as usize + 1) % 2);
        let now = world.now;
        world.peers[from].connection.send(now, channels[from], Payload::text("ping")).unwrap();
        world.drain(from);
        let received = messages(&world, to).len();
        assert!(world.run_until(Duration::from_secs(1), |world| messages(world, to).len() > received));
        assert_eq!(world.now - begin, one_way * passed);
    }
}

#[test]
fn the_time_for_a_handshake_begins_with_a_path_to_the_peer() {
    let mut world = World::new(1, &Configuration::default(), [Link::default(), Link::default()]);
    world.trickle = false;
    let now = world.now;
    let channel =
        world.peers[0].connection.create_data_channel(now, "chat", DataChannelInit::default()).unwrap();
    // Descriptions without candidates; those follow after more than a handshake's time.
    let without_candidates = |connection: &Connection| {
        let Description { kind, sdp } = connection.local_description().unwrap();
        let lines = sdp.split_inclusive('\n');
        let is_kept =
            |line: &&str| !line.starts_with("a=candidate") && !line.starts_with("a=end-of-candidates");
        Description { kind, sdp: lines.filter(is_kept).collect() }
    };
    let [left, right] = &mut world.peers;
    left.connection.set_local_description(now, None).unwrap();
    right.connection.set_remote_description(now, without_candidates(&left.connection)).unwrap();
    right.connection.set_local_description(now, None).unwrap();
    left.connection.set_remote_description(now, without_candidates(&right.connection)).unwrap();
    world.run(Configuration::default().dtls.handshake_timeout * 2);
    let now = world.now;
    for index in 0..2 {
        let sdp = world.peers[index].connection.local_description().unwrap().sdp;
        let candidate = lines(&sdp, "a=candidate").first().unwrap().replace("a=", "");
        let candidate = IceCandidate { candidate, sdp_mline_index: Some(0), ..IceCandidate::default() };
        world.peers[1 - index].connection.add_ice_candidate(now, &candidate).unwrap();
    }
    world.drain(0);
    world.drain(1);
    let is_open = |world: &mut World| world.happened(0, |event| *event == Event::DataChannelOpen(channel));
    assert!(world.run_until(Duration::from_secs(5), is_open), "{:?}", states(&world));
}

/// With candidates the handshake begins at once, in ICE's checks (SPED). Where none of those arrives within the handshake's time, and
/// ICE gives up, a restart begins everything anew.
#[test]
fn a_handshake_that_nobody_could_hear_begins_anew_with_a_restart() {
    let mut world = World::new(1, &Configuration::default(), [Link::default(), Link::default()]);
    let now = world.now;
    let channel =
        world.peers[0].connection.create_data_channel(now, "chat", DataChannelInit::default()).unwrap();
    let dark = Configuration::default().dtls.handshake_timeout * 3;
    world.black_out(0, Duration::ZERO..dark);
    world.black_out(1, Duration::ZERO..dark);
    world.negotiate(0);
    world.run(dark + Duration::from_secs(1));
    let is_open = |world: &mut World| world.happened(0, |event| *event == Event::DataChannelOpen(channel));
    assert!(!is_open(&mut world));
    assert_eq!(world.peers[0].connection.ice_connection_state(), IceConnectionState::Failed);
    world.peers[0].connection.restart_ice();
    world.negotiate(0);
    assert!(world.run_until(Duration::from_secs(5), is_open), "{:?}", states(&world));
}

/// RFC 7675 §5.1: a peer that is gone without a word doesn't consent any more.
#[test]
fn a_peer_that_vanishes_is_noticed() {
    let (mut world, _) = open(&Configuration::default(), Link::default());
    world.run(Duration::from_secs(20));
    let gone = world.elapsed();
    world.black_out(1, gone..Duration::from_secs(3600));
    world.peers[0].events.clear();
    world.run(Duration::from_secs(60));
    let when = |wanted: PeerConnectionState| {
        let is_it = |event: &Event| *event == Event::ConnectionStateChange(wanted);
        let event = world.peers[0].events.iter().find(|(_, event)| is_it(event));
        event.map(|(when, _)| *when - start() - gone)
    };
    let disconnected = when(PeerConnectionState::Disconnected).expect("disconnected");
    assert!(disconnected <= Duration::from_secs(9), "{disconnected:?}");
    let failed = when(PeerConnectionState::Failed).expect("failed");
    assert!(failed <= Duration::from_secs(31), "{failed:?}");
}

/// The receiver's next consent check may be six seconds away.
#[test]
fn who_only_receives_knows_within_two_seconds_that_nothing_comes_any_more() {
    let link = Link { bandwidth: Some(1_000_000), queue: 100_000, ..Link::default() };
    let (mut world, [channel, _]) = open(&Configuration::default(), link);
    let now = world.now;
    for _ in 0..40 {
        world.peers[0].connection.send(now, channel, Payload::binary(vec![7; 100_000])).unwrap();
    }
    world.drain(0);
    world.run(Duration::from_secs(1));
    assert!(!messages(&world, 1).is_empty());
    let cut = world.elapsed();
    world.black_out(0, cut..cut + Duration::from_secs(60));
    let is_disconnected = |world: &mut World| {
        world.peers[1].connection.ice_connection_state() == IceConnectionState::Disconnected
    };
    assert!(world.run_until(Duration::from_secs(2), is_disconnected));
}
