//! RFC 8838: candidates one by one, early and late; and names instead of addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_sdp::CandidateType;

fn behind_nats(seed: u64) -> World {
    let mut world = World::new(seed);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
    world.peer(controlled(), &["10.0.1.2:5000"], Some(Nat::home("198.51.100.1")));
    for peer in [0, 1] {
        world.stun_server(peer);
        world.turn_server(peer, Transport::Udp);
    }
    world
}

#[test]
fn slow_signaling_delays_and_harms_nothing() {
    let mut world = behind_nats(1);
    world.signaling_delay = ms(700);
    world.connect(0, 1);
    world.run_until(ms(10_000), World::both_routed).expect("connected");
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
    world.assert_data_passes();
}

/// §16: all candidates come at once, with the description.
#[test]
fn half_trickle_works_in_either_direction() {
    for half in [0, 1] {
        let mut world = behind_nats(2);
        world.peers[half].half_trickle = true;
        world.connect(0, 1);
        world.run_until(ms(15_000), World::both_routed).expect("connected");
        world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
        world.assert_data_passes();
    }
}

/// §13: gathering is complete when all has been asked, and then the end is told.
#[test]
fn the_end_of_candidates_comes_after_the_last() {
    let mut world = behind_nats(3);
    world.connect(0, 1);
    world.run_for(ms(5000));
    let events: Vec<_> = world.peers[0].events.iter().map(|(_, event)| event.clone()).collect();
    let last = events.iter().rposition(|event| matches!(event, Event::LocalCandidate(_))).unwrap();
    let complete = Event::GatheringStateChanged(GatheringState::Complete);
    assert!(events.iter().position(|event| *event == complete).unwrap() > last);
    let kinds: Vec<_> = world.peers[0].candidates().iter().map(|candidate| candidate.kind.clone()).collect();
    assert_eq!(kinds, [CandidateType::Host, CandidateType::ServerReflexive, CandidateType::Relayed]);
}

/// Gathering doesn't wait for routers: what they grant is told when it is there, and opens what was closed until then.
#[test]
fn a_port_mapping_that_comes_late_opens_the_way() {
    let mut world = World::new(11);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::symmetric("192.0.2.1")));
    world.peer(controlled(), &["10.0.1.2:5000"], Some(Nat::symmetric("198.51.100.1")));
    for peer in [0, 1] {
        world.stun_server(peer);
    }
    world.connect(0, 1);
    world.run_for(ms(5000));
    assert!(!world.both_routed());
    assert_eq!(world.peers[1].agent.gathering_state(), GatheringState::Complete);
    let inside = address("10.0.1.2:5000");
    let external = world.nats[1].forward(inside);
    let now = world.now;
    world.peers[1].agent.set_port_mapping(now, inside, Some(external));
    world.drain(1);
    let told = world.peers[1].candidates().pop().unwrap();
    assert_eq!((told.address.ip(), told.port), (Some(external.ip()), external.port()));
    assert_eq!((told.kind, told.related), (CandidateType::ServerReflexive, Some((inside.ip().into(), 5000))));
    world.run_until(ms(1000), World::both_routed).expect("connected");
    world.assert_data_passes();
}

#[test]
fn a_port_mapping_is_told_again_after_a_restart_as_long_as_it_holds() {
    let mut world = World::two(12);
    let (inside, external) = (address("192.0.2.1:5000"), address("203.0.113.1:4000"));
    let now = world.now;
    // Known before gathering begins.
    world.peers[0].agent.set_port_mapping(now, inside, Some(external));
    world.connect(0, 1);
    let is_told = |world: &World| {
        world.peers[0].agent.local_candidates().any(|told| told.address.ip() == Some(external.ip()))
    };
    assert!(is_told(&world));
    world.restart(0);
    assert!(is_told(&world));
    world.peers[0].agent.set_port_mapping(now, inside, None);
    world.restart(0);
    assert!(!is_told(&world));
    // Nothing is told of a socket that isn't there, nor with relays only.
    world.peers[0].agent.set_port_mapping(now, address("192.0.2.7:1"), Some(external));
    assert!(!is_told(&world));
    let config = Config { transport_policy: IceTransportPolicy::Relay, ..Config::default() };
    let hidden = world.peer(config, &["192.0.2.3:5000"], None);
    world.gather(hidden);
    world.peers[hidden].agent.set_port_mapping(now, address("192.0.2.3:5000"), Some(external));
    assert_eq!(world.peers[hidden].agent.local_candidates().count(), 0);
}

#[test]
fn servers_that_dont_answer_hold_gathering_up_for_ten_seconds_at_most() {
    let mut world = behind_nats(4);
    world.turn.dead = true;
    world.connect(0, 1);
    let complete = |peer: &Peer| peer.agent.gathering_state() == GatheringState::Complete;
    let time = world.run_until(ms(60_000), |world| world.both(complete)).expect("complete");
    assert!(time <= ms(10_000), "{time:?}");
    world.run_for(ms(40_000));
    let failed =
        world.peers[0].events.iter().filter(|(_, event)| matches!(event, Event::ServerFailed { .. })).count();
    assert_eq!(failed, 2, "asked for its address, and for an allocation");
}

/// RFC 8445 §7.3: checks may come before signaling. They are answered, remembered, and their senders checked as soon as it can be.
#[test]
fn checks_that_come_before_the_other_sides_password_are_not_lost() {
    let mut world = World::two(5);
    world.gather(0);
    world.gather(1);
    let [first, second] = [0, 1].map(|peer| world.peers[peer].agent.local_credentials().clone());
    let candidates = world.peers[1].candidates();
    let now = world.now;
    // Agent 0 knows all; agent 1 nothing.
    world.peers[0].agent.set_remote(now, RemoteParameters { credentials: second, lite: false });
    for candidate in &candidates {
        world.peers[0].agent.add_remote_candidate(now, candidate).unwrap();
    }
    world.drain(0);
    world.run_until(ms(1000), |world| world.peers[0].route().is_some()).expect("answered");
    assert_eq!(world.peers[1].route(), None);
    assert_eq!(world.peers[1].agent.statistics().remote_candidates.len(), 0);
    world.run_for(ms(5000));
    let now = world.now;
    world.peers[1].agent.set_remote(now, RemoteParameters { credentials: first, lite: false });
    world.drain(1);
    let time = world.run_until(ms(5000), World::both_routed).expect("connected");
    assert!(time <= ms(100), "{time:?}");
    world.assert_data_passes();
    let statistics = world.peers[1].agent.statistics();
    assert_eq!(statistics.remote_candidates[0].candidate.kind, CandidateType::PeerReflexive);
    // §11.4: told at last, it is a host candidate.
    let told = world.peers[0].candidates();
    let now = world.now;
    world.peers[1].agent.add_remote_candidate(now, &told[0]).unwrap();
    let statistics = world.peers[1].agent.statistics();
    assert_eq!(statistics.remote_candidates.len(), 1);
    assert_eq!(statistics.remote_candidates[0].candidate.kind, CandidateType::Host);
}

/// §5.3 and RFC 8839 §5.4: the extension `ufrag` says which generation a candidate belongs to.
#[test]
fn candidates_of_another_generation_are_refused() {
    let mut world = World::two(6);
    let now = world.now;
    let credentials = world.peers[1].agent.local_credentials().clone();
    let current = format!("candidate:1 1 udp 1 198.51.100.1 1 typ host ufrag {}", credentials.ufrag);
    let agent = &mut world.peers[0].agent;
    // Before the description it isn't known which is the current one.
    let stale = "candidate:1 1 udp 1 198.51.100.1 2 typ host ufrag stale".parse().unwrap();
    assert_eq!(agent.add_remote_candidate(now, &stale), Ok(()));
    agent.set_remote(now, RemoteParameters { credentials, lite: false });
    assert_eq!(agent.statistics().remote_candidates.len(), 0);
    assert_eq!(agent.add_remote_candidate(now, &stale), Err(CandidateError::Generation));
    assert_eq!(agent.add_remote_candidate(now, &current.parse().unwrap()), Ok(()));
    assert_eq!(agent.statistics().remote_candidates.len(), 1);
}

#[test]
fn what_cannot_be_sent_to_is_refused() {
    let mut world = World::two(7);
    let now = world.now;
    for text in [
        "candidate:1 1 tcp 1 198.51.100.1 9 typ host",
        "candidate:1 1 tcp 1 198.51.100.1 0 typ host tcptype passive",
        "candidate:1 2 udp 1 198.51.100.1 5 typ host",
        "candidate:1 1 udp 1 198.51.100.1 0 typ host",
        "candidate:1 1 udp 1 0.0.0.0 5 typ host",
        "candidate:1 1 udp 1 224.0.0.1 5 typ host",
        "candidate:1 1 udp 1 example.org 5 typ host",
        "candidate:1 1 udp 1 a.b.local 5 typ host",
        "candidate:1 1 udp 1 .local 5 typ host",
        "candidate:1 1 udp 1 198.51.100.1 5 typ novel",
        "candidate:1 1 sctp 1 198.51.100.1 5 typ host",
    ] {
        let added = world.peers[0].agent.add_remote_candidate(now, &text.parse().unwrap());
        assert_eq!(added, Err(CandidateError::Unsupported), "{text}");
    }
    assert_eq!(world.peers[0].agent.poll_event(), None, "no name is resolved");
}

/// draft-ietf-mmusic-mdns-ice-candidates: browsers hide their addresses.
#[test]
fn names_below_local_are_resolved_by_the_owner() {
    let mut world = World::two(8);
    world.peers[1]
        .names
        .insert("198.51.100.1".parse().unwrap(), "4a1b3c5d-0000-4000-8000-000000000001.local".into());
    // Agent 1 learns of nothing, so that agent 0 has to find it by its name.
    world.peers[0].other = None;
    world.gather(0);
    world.gather(1);
    world.peers[1].other = Some(0);
    world.peers[0].other = Some(1);
    world.exchange_parameters(0, 1);
    let candidate = world.peers[1].candidates().remove(0);
    let name = "4a1b3c5d-0000-4000-8000-000000000001.local".to_owned();
    let candidate = Candidate { address: peerline_sdp::Address::Name(name.clone()), ..candidate };
    let now = world.now;
    world.peers[0].agent.add_remote_candidate(now, &candidate).unwrap();
    world.drain(0);
    world.run_until(ms(5000), World::both_routed).expect("connected");
    assert!(world.peers[0].events.iter().any(|(_, event)| *event == Event::ResolveName(name.clone())));
    let shown = format!("{:?}", world.peers[0].agent.statistics().remote_candidates);
    assert!(shown.contains(".local") && !shown.contains("198.51.100.1"));
}

#[test]
fn what_a_stranger_can_make_an_agent_hold_is_limited() {
    let mut world = World::new(9);
    world.peer(Config::default(), &["192.0.2.1:5000", "192.0.2.2:5000"], None);
    let now = world.now;
    world.gather(0);
    let agent = &mut world.peers[0].agent;
    let remote = Credentials { ufrag: "them".into(), pwd: "a password of 22 chars".into() };
    agent.set_remote(now, RemoteParameters { credentials: remote.clone(), lite: false });
    for number in 0..500_u32 {
        let (a, b) = (number / 250, number % 250);
        let text = format!("candidate:{number} 1 udp {number} 198.51.{a}.{b} 99 typ host");
        let _ = agent.add_remote_candidate(now, &text.parse().unwrap());
        let name = format!("candidate:{number} 1 udp {number} n{number}.local 99 typ host");
        let _ = agent.add_remote_candidate(now, &name.parse().unwrap());
    }
    let statistics = agent.statistics();
    assert!(statistics.remote_candidates.len() <= 100);
    assert_eq!(statistics.pairs.len(), 100);
    while agent.poll_event().is_some() {}

    // Somebody who knows the password, from many ports.
    let mut world = World::two(10);
    world.gather(0);
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    let local = agent.local_credentials().clone();
    for known in [false, true] {
        if known {
            agent.set_remote(now, RemoteParameters { credentials: remote.clone(), lite: false });
        }
        for port in 1..200_u16 {
            let request = check(&local, "them", port, known);
            let source = std::net::SocketAddr::new("203.0.113.77".parse().unwrap(), port);
            let received =
                agent.handle_input(now, Transport::Udp, address("192.0.2.1:5000"), source, &request);
            assert_eq!(received, Received::Handled);
            let mut buffer = [0; 1500];
            while agent.poll_transmit(&mut buffer).is_some() {}
        }
        let statistics = agent.statistics();
        assert!(statistics.remote_candidates.len() <= 16);
        assert!(statistics.pairs.len() <= 16);
    }
}

/// Without the password there is no answer, and nothing is kept.
#[test]
fn a_stranger_gets_no_answer() {
    let mut world = World::two(11);
    world.gather(0);
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    let local = agent.local_credentials().clone();
    let wrong = Credentials { pwd: "another password of 22".into(), ..local.clone() };
    let other = Credentials { ufrag: "other".into(), ..local.clone() };
    while agent.poll_event().is_some() {}
    for credentials in [wrong, other] {
        let request = check(&credentials, "them", 1, true);
        let source = address("203.0.113.77:99");
        let received = agent.handle_input(now, Transport::Udp, address("192.0.2.1:5000"), source, &request);
        assert_eq!(received, Received::Ignored);
        assert_eq!(agent.poll_transmit(&mut [0; 1500]), None);
        assert_eq!(agent.poll_event(), None);
    }
    for noise in [&b""[..], &[0], &[0, 1, 0, 0], &[0x40, 0, 0, 1, 7], &[22, 254, 253], &[128; 40]] {
        let source = address("203.0.113.77:99");
        let received = agent.handle_input(now, Transport::Udp, address("192.0.2.1:5000"), source, noise);
        assert_eq!(received, Received::Ignored);
    }
}

fn check(to: &Credentials, from: &str, number: u16, use_candidate: bool) -> Vec<u8> {
    use peerline_stun::attribute::*;
    use peerline_stun::{Class, MessageWriter, Method, TransactionId};
    let mut buffer = [0; 500];
    let mut id = [7; 12];
    id[..2].copy_from_slice(&number.to_be_bytes());
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TransactionId::new(id));
    let username = format!("{}:{from}", to.ufrag);
    writer.attribute(USERNAME, username.as_bytes()).number(PRIORITY, 1_845_494_271);
    // What Chromium adds.
    writer.number(0xC057, 0x0001_000A).attribute(ICE_CONTROLLED, &[9; 8]);
    if use_candidate {
        writer.attribute(USE_CANDIDATE, &[]);
    }
    let length = writer.integrity(to.pwd.as_bytes()).fingerprint().finish().unwrap();
    buffer[..length].to_vec()
}
