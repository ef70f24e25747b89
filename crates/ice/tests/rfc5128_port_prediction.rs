//! RFC 5128 §3.4: NATs that give each destination the next port are passed by telling which one that is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_sdp::CandidateType;

/// Behind a NAT that numbers ports one after the other.
fn sequential(public: &str) -> Nat {
    Nat::symmetric(public)
}

/// Both know the server's two ports, by what it is told for: STUN and a relay over UDP, and a relay over TCP.
fn meet(seed: u64, one: Nat, other: Nat) -> World {
    let mut world = World::new(seed);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(one));
    world.peer(controlled(), &["10.0.1.2:6000"], Some(other));
    for peer in [0, 1] {
        world.stun_server(peer);
        world.turn_server(peer, Transport::Udp);
        let (now, credential) = (world.now, world.turn.credential("alice"));
        let server = Server::Turn { address: SECOND_LISTENER, transport: Transport::Tcp, credential };
        world.peers[peer].agent.add_server(now, server);
    }
    world.connect(0, 1);
    world
}

fn both_direct(world: &World) -> bool {
    world.both(|peer| peer.route().is_some_and(|route| !route.is_relayed()))
}

/// What was told of a NAT that no server has seen.
fn predicted(world: &World, peer: usize) -> usize {
    let reflexive = |told: &&Candidate| told.kind == CandidateType::ServerReflexive;
    let told = world.peers[peer].candidates();
    let told: Vec<_> = told.iter().filter(reflexive).collect();
    let first = told.first().expect("a server has seen it").priority;
    assert!(told.iter().skip(1).all(|told| told.priority < first), "{told:#?}");
    told.len() - 1
}

#[test]
fn one_side_tells_the_port_that_the_other_one_sees() {
    for seed in 0..20 {
        for jitter in [ms(0), ms(5)] {
            for is_first in [true, false] {
                let nats = [sequential("192.0.2.1"), Nat::home("198.51.100.1")];
                let [one, other] = nats;
                let mut world = if is_first { meet(seed, one, other) } else { meet(seed, other, one) };
                world.jitter = jitter;
                let took = world.run_until(ms(3000), both_direct);
                assert!(took.is_some(), "seed {seed}, {jitter:?}, {is_first}");
                world.assert_data_passes();
                assert!((1..=5).contains(&predicted(&world, usize::from(!is_first))));
                assert_eq!(predicted(&world, usize::from(is_first)), 0);
            }
        }
    }
}

#[test]
fn both_sides_meet_at_ports_that_come_next() {
    for seed in 0..20 {
        let mut world = meet(seed, sequential("192.0.2.1"), sequential("198.51.100.1"));
        world.signaling_delay = ms(seed * 5);
        assert!(world.run_until(ms(5000), both_direct).is_some(), "seed {seed}");
        world.assert_data_passes();
        for peer in [0, 1] {
            assert!((1..=16).contains(&predicted(&world, peer)), "{}", predicted(&world, peer));
        }
    }
}

#[test]
fn what_cannot_be_predicted_is_not_told() {
    for nats in [
        [Nat::scattering("192.0.2.1"), Nat::home("198.51.100.1")],
        [Nat::scattering("192.0.2.1"), Nat::scattering("198.51.100.1")],
        [Nat::home("192.0.2.1"), Nat::home("198.51.100.1")],
    ] {
        let [one, other] = nats;
        let mut world = meet(1, one, other);
        world.run_until(ms(3000), World::both_routed).expect("connected");
        world.run_for(ms(3000));
        assert_eq!([predicted(&world, 0), predicted(&world, 1)], [0, 0]);
    }
}

/// The second port may be somebody else's, who doesn't speak STUN over UDP.
#[test]
fn a_second_port_that_does_not_answer_delays_nothing() {
    let mut world = World::new(1);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(sequential("192.0.2.1")));
    world.peer(controlled(), &["10.0.1.2:6000"], Some(Nat::home("198.51.100.1")));
    for peer in [0, 1] {
        world.stun_server(peer);
        world.turn_server(peer, Transport::Udp);
        let (now, credential) = (world.now, world.turn.credential("alice"));
        let address = "203.0.113.1:5349".parse().unwrap();
        world.peers[peer]
            .agent
            .add_server(now, Server::Turn { address, transport: Transport::Tcp, credential });
    }
    world.connect(0, 1);
    let took = world.run_until(ms(1000), World::both_routed).expect("connected");
    assert!(took < ms(700), "{took:?}");
    world.run_for(ms(15_000));
    for peer in [0, 1] {
        assert_eq!(predicted(&world, peer), 0);
        assert!(world.peers[peer].agent.gathering_state() == GatheringState::Complete);
        let failed =
            world.peers[peer].events.iter().filter(|(_, event)| matches!(event, Event::ServerFailed { .. }));
        assert!(failed.count() <= 1, "the relay alone");
    }
}
