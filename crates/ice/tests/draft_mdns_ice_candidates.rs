//! draft-ietf-mmusic-mdns-ice-candidates: names in place of this machine's addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_sdp::{Address, CandidateType};

const NAMES: [&str; 2] =
    ["0a1b2c3d-0000-4000-8000-aabbccddeeff.local", "9f8e7d6c-0000-4000-8000-aabbccddeeff.local"];

/// The peer's addresses are hidden; the other side can resolve the name.
fn hide(world: &mut World, peer: usize) {
    let (now, name) = (world.now, NAMES[peer]);
    let address = world.peers[peer].addresses[0];
    world.peers[peer].names.insert(address.ip(), name.to_owned());
    world.peers[peer].agent.add_hidden_local_address(now, address, name.to_owned());
}

/// Everything that is told to the other side, and what the other side's statistics tell on.
fn told(world: &World, peer: usize) -> String {
    let candidates = world.peers[peer].candidates();
    let candidates: Vec<_> = candidates.iter().map(ToString::to_string).collect();
    let statistics = world.peers[1 - peer].agent.statistics();
    let known: Vec<_> =
        statistics.remote_candidates.iter().map(|known| known.candidate.to_string()).collect();
    [candidates, known].concat().join("\n")
}

#[test]
fn no_private_address_is_told_to_the_other_side() {
    let mut world = World::new(1);
    world.peer(Config::default(), &["10.0.1.2:5000"], Some(Nat::home("198.51.100.1")));
    world.peer(controlled(), &["10.0.2.2:6000"], Some(Nat::home("198.51.100.2")));
    for peer in [0, 1] {
        hide(&mut world, peer);
        world.stun_server(peer);
        world.turn_server(peer, Transport::Udp);
    }
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("connected");
    world.assert_data_passes();
    world.run_for(ms(2000));
    for peer in [0, 1] {
        let route = world.peers[peer].route().unwrap();
        assert!(!route.is_relayed(), "{route:?}");
        let told = told(&world, peer);
        assert!(told.contains(NAMES[peer]), "{told}");
        assert!(told.contains("typ srflx raddr 0.0.0.0 rport 0"), "{told}");
        assert!(told.contains("typ relay raddr 0.0.0.0 rport 0"), "{told}");
        assert!(!told.contains("10.0."), "{told}");
        let own = world.peers[peer].agent.statistics().local_candidates;
        let bases: Vec<_> = own.iter().filter_map(|own| own.base).collect();
        assert!(!bases.contains(&world.peers[peer].addresses[0]), "{bases:?}");
        let texts: Vec<_> = own.iter().map(|own| own.candidate.to_string()).collect();
        assert!(!texts.join("\n").contains("10.0."), "{texts:#?}");
    }
}

#[test]
fn neighbours_meet_by_the_name() {
    let mut world = World::new(2);
    world.peer(Config::default(), &["10.0.1.2:5000"], None);
    world.peer(controlled(), &["10.0.1.3:6000"], None);
    for peer in [0, 1] {
        hide(&mut world, peer);
    }
    world.connect(0, 1);
    world.run_until(ms(1000), World::both_routed).expect("connected");
    world.run_for(ms(1000));
    for peer in [0, 1] {
        let told = told(&world, peer);
        assert!(told.contains(NAMES[peer]) && !told.contains("10.0."), "{told}");
    }
}

/// A check comes from there before the name is resolved, and it never is.
#[test]
fn an_address_that_only_a_check_has_shown_is_not_told_on() {
    let mut world = World::new(3);
    world.peer(Config::default(), &["10.0.1.2:5000"], None);
    world.peer(controlled(), &["10.0.1.3:6000"], None);
    hide(&mut world, 0);
    world.peers[0].names.clear();
    world.connect(0, 1);
    world.run_until(ms(1000), World::both_routed).expect("connected");
    let known = world.peers[1].agent.statistics().remote_candidates;
    let of_checks: Vec<_> =
        known.iter().filter(|known| known.candidate.kind == CandidateType::PeerReflexive).collect();
    assert_eq!(of_checks.len(), 1, "{known:#?}");
    assert_eq!(of_checks[0].candidate.address, Address::Ip([0, 0, 0, 0].into()));
}

/// What everybody outside sees is told, though it is the host's own.
#[test]
fn a_public_address_is_told_as_what_a_server_sees() {
    let mut world = World::new(4);
    world.peer(Config::default(), &["192.0.2.1:5000"], None);
    world.peer(controlled(), &["10.0.2.2:6000"], Some(Nat::home("198.51.100.2")));
    hide(&mut world, 0);
    world.peers[0].names.clear();
    for peer in [0, 1] {
        world.stun_server(peer);
    }
    world.connect(0, 1);
    world.run_until(ms(1000), World::both_routed).expect("connected");
    let candidates = world.peers[0].candidates();
    let told: Vec<_> = candidates.iter().map(|told| (told.kind.clone(), told.address.to_string())).collect();
    assert_eq!(
        told,
        [
            (CandidateType::Host, NAMES[0].to_owned()),
            (CandidateType::ServerReflexive, "192.0.2.1".to_owned())
        ]
    );
}
