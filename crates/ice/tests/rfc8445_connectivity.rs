//! RFC 8445: two agents find a pair.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_sdp::CandidateType;

#[test]
fn two_agents_without_anything_between_them_connect() {
    let mut world = World::two(1);
    world.connect(0, 1);
    world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("completed");
    assert!(world.both(|peer| peer.states() == [State::Checking, State::Connected, State::Completed]));
    world.assert_data_passes();
}

/// The first check of each side and its answer take a round trip; half of one more would be for a side that only answers.
#[test]
fn the_first_usable_pair_takes_at_most_one_and_a_half_round_trips() {
    let round_trip = ms(100);
    let mut world = World::two(1);
    world.connect(0, 1);
    let time = world.run_until(ms(5000), World::both_routed).unwrap();
    assert!(time <= round_trip * 3 / 2, "{time:?}");

    // The controlled side learns the other's candidates late, and the other way round.
    for late in [0, 1] {
        let mut world = World::two(2);
        world.connect(0, 1);
        let early = 1 - late;
        world.peers[early].other = None;
        let time = world.run_until(ms(5000), World::both_routed).unwrap();
        assert!(time <= round_trip * 3 / 2, "{time:?}");
    }

    // Several addresses, NATs, and a relay, with all candidates known before.
    let mut world = World::new(3);
    world.peer(
        Config::default(),
        &["10.0.0.2:5000", "[2001:db8:1::2]:5000", "172.16.0.1:5000"],
        Some(Nat::home("192.0.2.1")),
    );
    world.peer(
        controlled(),
        &["172.16.0.2:5000", "10.1.0.2:6000", "[2001:db8:9::2]:5000"],
        Some(Nat::home("198.51.100.1")),
    );
    for peer in [0, 1] {
        world.stun_server(peer);
        world.turn_server(peer, Transport::Udp);
        world.gather(peer);
    }
    world.run_for(ms(2000));
    assert!(world.both(|peer| peer.agent.gathering_state() == GatheringState::Complete));
    let candidates = [0, 1].map(|peer| world.peers[peer].candidates());
    let now = world.now;
    for (peer, other) in [(0, 1), (1, 0)] {
        for candidate in &candidates[other] {
            world.peers[peer].agent.add_remote_candidate(now, candidate).unwrap();
        }
        world.peers[peer].agent.end_of_remote_candidates(now);
    }
    world.exchange_parameters(0, 1);
    let time = world.run_until(ms(5000), World::both_routed).unwrap();
    assert!(time <= round_trip * 3 / 2, "{time:?}");
}

#[test]
fn nats_of_most_homes_are_passed() {
    let mut world = World::new(4);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
    world.peer(controlled(), &["10.0.1.2:5000"], Some(Nat::home("198.51.100.1")));
    for peer in [0, 1] {
        world.stun_server(peer);
    }
    world.connect(0, 1);
    world.run_until(ms(10_000), World::both_routed).expect("connected");
    world.assert_data_passes();
    let statistics = world.peers[0].agent.statistics();
    let pair = statistics.pairs.iter().find(|pair| Some(pair.id) == statistics.selected_pair).unwrap();
    let local = statistics.local_candidates.iter().find(|candidate| candidate.id == pair.local).unwrap();
    assert_eq!(local.candidate.kind, CandidateType::ServerReflexive);
    assert_eq!(pair.counters.bytes_sent, 1041);
    assert_eq!(pair.counters.bytes_received, 1041);
    assert!(pair.current_round_trip_time.unwrap() >= ms(100));
}

/// §7.3.1.3 and §7.2.5.3.1: a symmetric NAT shows another port to each, which both sides learn from checks.
#[test]
fn a_symmetric_nat_against_one_that_filters_by_nothing_is_passed_by_peer_reflexive_candidates() {
    let mut world = World::new(5);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::symmetric("192.0.2.1")));
    let open = Nat::new("198.51.100.1", Behaviour::EndpointIndependent, Behaviour::EndpointIndependent);
    world.peer(controlled(), &["10.0.1.2:5000"], Some(open));
    for peer in [0, 1] {
        world.stun_server(peer);
    }
    world.connect(0, 1);
    world.run_until(ms(10_000), World::both_routed).expect("connected");
    world.assert_data_passes();
    let statistics = world.peers[1].agent.statistics();
    let remote = statistics
        .remote_candidates
        .iter()
        .find(|known| known.candidate.kind == CandidateType::PeerReflexive);
    assert_eq!(remote.unwrap().candidate.address.ip(), Some("192.0.2.1".parse().unwrap()));
}

#[test]
fn two_symmetric_nats_take_the_relay() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let mut world = World::new(6);
        world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::symmetric("192.0.2.1")));
        world.peer(controlled(), &["10.0.1.2:5000"], Some(Nat::symmetric("198.51.100.1")));
        for peer in [0, 1] {
            world.stun_server(peer);
            world.turn_server(peer, transport);
        }
        world.connect(0, 1);
        let time = world.run_until(ms(10_000), World::both_routed).expect("connected");
        assert!(time < ms(1000), "{time:?}");
        world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
        // One relay is enough: the other side sends to it directly.
        let relayed: Vec<_> =
            [0, 1].into_iter().filter(|peer| world.peers[*peer].route().unwrap().is_relayed()).collect();
        assert!(!relayed.is_empty());
        world.assert_data_passes();
        // RFC 8656 §12: after the channel is bound it is used.
        let before = world.turn.channel_data;
        world.assert_data_passes();
        assert_eq!(world.turn.channel_data - before, 3 * relayed.len());
        for peer in relayed {
            assert!(matches!(world.peers[peer].route().unwrap().framing, Framing::Channel { .. }));
        }
    }
}

#[test]
fn where_udp_is_blocked_the_relay_over_tcp_is_taken() {
    let mut world = World::new(7);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
    world.peer(controlled(), &["198.51.100.1:5000"], None);
    world.peers[0].udp_blocked = true;
    world.stun_server(0);
    world.turn_server(0, Transport::Udp);
    world.turn_server(0, Transport::Tls);
    world.connect(0, 1);
    let time = world.run_until(ms(10_000), World::both_routed).expect("connected");
    assert!(time < ms(1000), "{time:?}");
    assert_eq!(world.peers[0].route().unwrap().transport, Transport::Tls);
    world.assert_data_passes();
}

/// Data waits for neither gathering nor nomination, and a better pair is taken over when it is found.
#[test]
fn a_better_pair_is_taken_over_later() {
    let mut world = World::new(8);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::symmetric("192.0.2.1")));
    world.peer(controlled(), &["198.51.100.1:5000"], None);
    world.turn_server(0, Transport::Udp);
    world.connect(0, 1);
    // At first only the relay's path works.
    world.blackholes.insert(("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap()));
    world.run_until(ms(5000), World::both_routed).expect("connected by the relay");
    assert!(world.peers[0].route().unwrap().is_relayed());
    world.assert_data_passes();
    world.blackholes.clear();
    let direct = |peer: &Peer| !peer.route().unwrap().is_relayed();
    world.run_until(ms(10_000), |world| direct(&world.peers[0])).expect("direct");
    world.run_for(ms(500));
    let remote = world.peers[1].route().unwrap().remote;
    assert_eq!(remote.ip(), world.nats[0].public, "the other side follows");
    world.assert_data_passes();
    assert!(world.peers[0].agent.statistics().selected_pair_changes == 2);
}

/// §7.3.1.1: both sides believe they decide, or neither does.
#[test]
fn role_conflicts_are_settled() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..10 {
            let mut world = World::new(seed);
            let config = Config { role, ..Config::default() };
            world.peer(config.clone(), &["192.0.2.1:5000"], None);
            world.peer(config, &["198.51.100.1:6000"], None);
            world.connect(0, 1);
            world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("completed");
            let roles = [0, 1].map(|peer| world.peers[peer].agent.role());
            assert_ne!(roles[0], roles[1]);
            let changes = world.peers.iter().flat_map(|peer| &peer.events);
            let changes = changes.filter(|(_, event)| matches!(event, Event::RoleChanged(_))).count();
            assert_eq!(changes, 1);
            world.assert_data_passes();
        }
    }
}

/// §6.1.2.2: each family for itself, IPv6 preferred (RFC 8421).
#[test]
fn ipv6_is_preferred_and_ipv4_in_reserve() {
    let mut world = World::new(9);
    world.peer(Config::default(), &["192.0.2.1:5000", "[2001:db8::1]:5000"], None);
    world.peer(controlled(), &["198.51.100.1:6000", "[2001:db8::2]:6000"], None);
    world.connect(0, 1);
    world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("completed");
    assert!(world.both(|peer| peer.route().unwrap().local.is_ipv6()));
    let statistics = world.peers[0].agent.statistics();
    assert_eq!(statistics.pairs.iter().filter(|pair| pair.state == PairState::Succeeded).count(), 2);
}

/// §2.5: it answers checks and sends none.
#[test]
fn with_a_lite_agent_this_one_decides() {
    let mut world = World::two(10);
    // Stands in for a lite agent: it never learns of candidates, and answers.
    world.peers[0].other = None;
    world.peers[1].lite = true;
    world.peers[1].other = Some(0);
    let now = world.now;
    world.gather(0);
    world.gather(1);
    let config = world.peers[0].agent.role();
    assert_eq!(config, Role::Controlling);
    world.peers[0].agent.set_role(now, Role::Controlled);
    let credentials = world.peers[1].agent.local_credentials().clone();
    world.peers[0].agent.set_remote(now, RemoteParameters { credentials, lite: true });
    for candidate in world.peers[1].candidates() {
        world.peers[0].agent.add_remote_candidate(now, &candidate).unwrap();
    }
    world.peers[0].agent.end_of_remote_candidates(now);
    world.drain(0);
    assert_eq!(world.peers[0].agent.role(), Role::Controlling);
    world.run_until(ms(5000), |world| world.peers[0].agent.state() == State::Completed).expect("completed");
    assert_eq!(world.peers[1].requests_sent, 2, "an answer to the check, and one to the nomination");
}

/// W3C `iceTransportPolicy`: nothing is told or sent from the machine's own addresses.
#[test]
fn with_relayed_candidates_only_the_address_stays_hidden() {
    let mut world = World::new(11);
    let config = Config { transport_policy: IceTransportPolicy::Relay, ..Config::default() };
    world.peer(config, &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
    world.peer(controlled(), &["198.51.100.1:6000"], None);
    world.stun_server(0);
    world.turn_server(0, Transport::Udp);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("connected");
    for candidate in world.peers[0].candidates() {
        assert_eq!(candidate.kind, CandidateType::Relayed);
        let text = candidate.to_string();
        assert!(!text.contains("10.0.0.2") && !text.contains("192.0.2.1"), "{text}");
    }
    assert!(world.peers[0].route().unwrap().is_relayed());
    assert_eq!(world.peers[1].route().unwrap().remote.ip(), SERVER_IP);
    world.assert_data_passes();
}

/// §6.1.2.6 and RFC 8863: failed, but not before the other side's checks had their time.
#[test]
fn without_a_path_it_fails_after_the_pac_timer() {
    let mut world = World::two(12);
    world.loss = 1.0;
    world.connect(0, 1);
    let time = world.run_until(ms(60_000), |world| world.both_in(State::Failed)).expect("failed");
    assert!((ms(39_000)..ms(41_000)).contains(&time), "{time:?}");
    assert!(world.both(|peer| peer.states() == [State::Checking, State::Failed]));
    // Then it is silent.
    let sent = world.peers[0].requests_sent;
    world.run_for(ms(60_000));
    assert_eq!(world.peers[0].requests_sent, sent);
}

/// §14: checks are at least Ta apart.
#[test]
fn checks_are_paced() {
    let mut world = World::two(13);
    let now = world.now;
    world.gather(0);
    let credentials = world.peers[1].agent.local_credentials().clone();
    world.peers[0].agent.set_remote(now, RemoteParameters { credentials, lite: false });
    for port in 1..=90 {
        let text = format!("candidate:{port} 1 udp 2130706431 198.51.100.7 {port} typ host");
        world.peers[0].agent.add_remote_candidate(now, &text.parse().unwrap()).unwrap();
    }
    world.drain(0);
    world.run_for(ms(500));
    let sent = world.peers[0].requests_sent;
    assert!((49..=51).contains(&sent), "{sent}");
}
