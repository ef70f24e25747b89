//! §6: who is in the channel.

use std::time::Duration;

use peerline_signaling::ErrorCode;
use peerline_signaling::client::{CommandError, Event, LeaveReason, MemberState};

use crate::network::{Network, link, profile};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn take(network: &mut Network, peer: usize) -> Vec<Event> {
    network.peers[peer].events.drain(..).collect()
}

#[test]
fn whoever_comes_later_offers_and_the_lower_identifier_is_polite() {
    let mut network = Network::new(1, 2);
    for peer in 0..2 {
        network.act(peer, |client, now| client.join(now, &link(1), profile(&format!("N{peer}")))).unwrap();
        network.pass(seconds(1));
    }
    let ids = [network.id(0), network.id(1)];
    for (peer, other, expected) in [(0, 1, false), (1, 0, true)] {
        let arrived: Vec<_> = take(&mut network, peer)
            .into_iter()
            .filter_map(|event| match event {
                Event::Arrived { participant, polite, offers, profile, state, .. } => {
                    Some((participant, polite, offers, profile.name, state))
                }
                _ => None,
            })
            .collect();
        let polite = ids[peer] < ids[other];
        assert_eq!(arrived, [(ids[other], polite, expected, format!("N{other}"), MemberState::Present)]);
    }
}

#[test]
fn a_member_is_away_then_back_or_gone() {
    let mut network = Network::meeting(2, 2);
    network.peers[1].cut_until = Some(network.now + seconds(20));
    network.break_transport(1);
    network.pass(seconds(1));
    assert!(matches!(take(&mut network, 0)[..], [Event::MemberState { state: MemberState::Away, .. }]));
    network.pass(seconds(30));
    assert!(matches!(take(&mut network, 0)[..], [Event::MemberState { state: MemberState::Present, .. }]));
    network.peers[1].cut_until = Some(network.now + seconds(100));
    network.break_transport(1);
    network.pass(seconds(70));
    let events = take(&mut network, 0);
    assert!(matches!(events.last(), Some(Event::Left { reason: LeaveReason::Timeout, .. })), "{events:?}");
    // It enters by itself when it has a way again.
    network.pass(seconds(60));
    assert!(matches!(take(&mut network, 0)[..], [Event::Arrived { .. }]));
}

#[test]
fn after_a_restart_the_members_are_missing_until_they_are_back() {
    let mut network = Network::meeting(3, 3);
    network.peers[2].cut_until = Some(network.now + seconds(1_000));
    network.stop_hub();
    network.start_hub();
    network.pass(seconds(10));
    let (one, two) = (network.id(1), network.id(2));
    let states: Vec<_> = take(&mut network, 0)
        .into_iter()
        .filter_map(|event| match event {
            Event::MemberState { participant, state, .. } => Some((participant, state)),
            Event::Arrived { .. } | Event::Left { .. } => panic!("{event:?}"),
            _ => None,
        })
        .collect();
    assert!(states.contains(&(two, MemberState::Missing)));
    assert_eq!(states.iter().rev().find(|(who, _)| *who == one), Some(&(one, MemberState::Present)));
    network.pass(seconds(60));
    let events = take(&mut network, 0);
    assert!(
        matches!(events[..], [Event::Left { participant, reason: LeaveReason::Timeout, .. }] if participant == two),
        "{events:?}"
    );
}

#[test]
fn a_profile_changes_and_only_those_with_the_link_are_seen() {
    let mut network = Network::meeting(4, 2);
    let channel = link(1).channel();
    network.act(1, |client, now| client.set_profile(now, &channel, profile("Grace"))).unwrap();
    network.pass(seconds(1));
    assert!(
        matches!(&take(&mut network, 0)[..], [Event::ProfileChanged { profile, .. }] if profile.name == "Grace")
    );
    let long = profile(&"x".repeat(3_000));
    let refused = network.act(1, |client, now| client.set_profile(now, &channel, long));
    assert_eq!(refused, Err(CommandError::TooLong));
    network.act(1, |client, now| client.leave(now, &channel));
    network.pass(seconds(1));
    assert!(matches!(take(&mut network, 0)[..], [Event::Left { reason: LeaveReason::Left, .. }]));
    let unjoined = network.act(1, |client, now| client.publish(now, &channel, b"x"));
    assert_eq!(unjoined, Err(CommandError::NotJoined));
}

#[test]
fn a_full_channel_says_so() {
    let mut network = Network::meeting(5, 9);
    let refused: Vec<_> = (0..9)
        .filter(|peer| {
            let now = network.now;
            network.peers[*peer].client.join(now, &link(1), profile("again")).is_ok()
        })
        .collect();
    assert_eq!(refused.len(), 1, "one of nine was not let in");
    network.pass(seconds(1));
    assert!(take(&mut network, refused[0]).iter().any(|event| {
        matches!(event, Event::JoinRefused(_, refusal) if refusal.code == Some(ErrorCode::ChannelFull))
    }));
}

#[test]
fn what_is_said_before_the_server_let_us_in_follows() {
    let mut network = Network::new(6, 2);
    let (link, receiver) = (link(1), network.id(0));
    network.act(0, |client, now| client.join(now, &link, profile("Ada"))).unwrap();
    network.pass(seconds(1));
    network.act(1, |client, now| {
        client.join(now, &link, profile("Grace")).unwrap();
        client.send(now, &link.channel(), receiver, b"early").unwrap();
    });
    network.pass(seconds(1));
    assert!(network.peers[0].events.iter().any(|event| {
        matches!(event, Event::Message { payload, everybody: false, .. } if payload.0 == b"early")
    }));
}
