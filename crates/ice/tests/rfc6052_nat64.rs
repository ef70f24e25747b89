//! RFC 6052: a machine without IPv4 meets one without IPv6, by its network's translator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_sdp::CandidateType;

/// One without IPv4 behind a translator, one without IPv6 behind a NAT.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.peer(Config::default(), &["[2001:db8::2]:5000"], Some(Nat::home("203.0.113.64")));
    world.peer(controlled(), &["10.0.1.2:5000"], Some(Nat::home("198.51.100.1")));
    world
}

fn stun_server_of_ipv6(world: &mut World) {
    let (now, address) = (world.now, nat64().translate(LISTENER).unwrap());
    world.peers[0].agent.add_server(now, Server::Stun { address });
}

#[test]
fn ipv6_only_meets_ipv4_only_directly() {
    let mut world = world(1);
    let now = world.now;
    world.peers[0].agent.set_nat64(now, nat64());
    stun_server_of_ipv6(&mut world);
    world.stun_server(1);
    world.connect(0, 1);
    world.run_until(ms(3000), World::both_routed).expect("connected");
    world.assert_data_passes();
    let told = world.peers[0].candidates();
    let seen = told.iter().find(|told| told.kind == CandidateType::ServerReflexive).unwrap();
    assert_eq!(seen.address.ip(), Some("203.0.113.64".parse().unwrap()));
}

/// The network is asked while candidates come already.
#[test]
fn the_translator_may_be_found_late() {
    let mut world = world(2);
    world.stun_server(1);
    world.connect(0, 1);
    world.run_for(ms(2000));
    assert!(!world.both_routed());
    let now = world.now;
    world.peers[0].agent.set_nat64(now, nat64());
    stun_server_of_ipv6(&mut world);
    world.drain(0);
    world.run_until(ms(3000), World::both_routed).expect("connected");
    world.assert_data_passes();
}

#[test]
fn without_one_there_is_no_way() {
    let mut world = world(3);
    stun_server_of_ipv6(&mut world);
    world.stun_server(1);
    world.connect(0, 1);
    world.run_for(ms(5000));
    assert!(!world.both_routed());
    assert!(world.peers[0].candidates().iter().all(|told| told.address.ip().unwrap().is_ipv6()));
}
