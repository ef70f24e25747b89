//! RFC 8445 §9: restart; and what changes under a running agent: addresses, NATs, credentials.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::*;
use peerline_ice::*;
use peerline_sdp::CandidateType;

fn connected(seed: u64) -> World {
    let mut world = World::two(seed);
    world.connect(0, 1);
    world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("completed");
    world
}

#[test]
fn the_old_pair_serves_until_there_is_a_new_one() {
    let mut world = connected(1);
    let old = [0, 1].map(|peer| world.peers[peer].agent.local_credentials().clone());
    world.restart(0);
    assert_eq!(world.peers[0].agent.ufrags().count(), 2);
    assert_ne!(world.peers[0].agent.local_credentials(), &old[0]);
    // The offer takes its time.
    world.run_for(ms(20_000));
    assert!(world.both(|peer| peer.agent.state().is_connected()));
    world.assert_data_passes();

    world.restart(1);
    world.assert_data_passes();
    world.exchange_descriptions(0, 1);
    let one_left = |world: &World| world.both(|peer| peer.agent.ufrags().count() == 1);
    world.run_until(ms(2000), one_left).expect("restarted");
    world.run_until(ms(2000), |world| world.both_in(State::Completed)).expect("completed");
    world.assert_data_passes();
    assert!(world.both(|peer| {
        let states = peer.states();
        !states.contains(&State::Disconnected) && !states.contains(&State::Failed)
    }));
}

/// §9: candidates are told again, with the new user name fragment.
#[test]
fn candidates_are_gathered_again() {
    let mut world = World::new(2);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
    world.peer(controlled(), &["198.51.100.1:6000"], None);
    world.stun_server(0);
    world.turn_server(0, Transport::Udp);
    world.connect(0, 1);
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
    let before = world.peers[0].candidates().len();
    assert_eq!(before, 3);
    // The NAT has been replaced, as when a laptop goes elsewhere.
    world.nats[0].forget();
    for peer in [0, 1] {
        world.restart(peer);
    }
    assert_eq!(world.peers[0].agent.gathering_state(), GatheringState::Gathering);
    world.exchange_descriptions(0, 1);
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
    let told = world.peers[0].candidates();
    let ufrag = world.peers[0].agent.local_credentials().ufrag.clone();
    let new: Vec<_> = told[before..].iter().filter(|candidate| candidate.ufrag() == Some(&ufrag)).collect();
    assert_eq!(new.len(), 3, "{new:?}");
    assert!(told.iter().any(|candidate| candidate.port > 31_000 && candidate.port < 32_000), "a new mapping");
    world.assert_data_passes();
    assert_eq!(world.turn.relays.len(), 1, "the allocation is kept");
}

#[test]
fn a_restart_that_is_rolled_back_leaves_everything_as_it_was() {
    let mut world = connected(3);
    let credentials = world.peers[0].agent.local_credentials().clone();
    let now = world.now;
    world.peers[0].agent.restart(now);
    world.peers[0].agent.cancel_restart(now);
    world.drain(0);
    assert_eq!(world.peers[0].agent.local_credentials(), &credentials);
    world.run_for(ms(60_000));
    assert!(world.both_in(State::Completed));
    world.assert_data_passes();
}

#[test]
fn a_restart_brings_a_failed_agent_back() {
    let mut world = connected(4);
    world.loss = 1.0;
    world.run_until(ms(60_000), |world| world.both_in(State::Failed)).expect("failed");
    world.loss = 0.0;
    for peer in [0, 1] {
        world.restart(peer);
    }
    assert!(world.both_in(State::Checking));
    world.exchange_descriptions(0, 1);
    let time = world.run_until(ms(5000), World::both_routed).expect("connected");
    assert!(time <= ms(150), "{time:?}");
    world.assert_data_passes();
}

#[test]
fn roles_are_kept_in_a_restart() {
    let mut world = connected(5);
    for peer in [1, 0] {
        world.restart(peer);
    }
    world.exchange_descriptions(0, 1);
    world.run_for(ms(5000));
    assert_eq!([0, 1].map(|peer| world.peers[peer].agent.role()), [Role::Controlling, Role::Controlled]);
}

/// A peer has an address more: how long it takes until both use it.
fn time_to_use(world: &mut World, moving: usize, new: SocketAddr) -> Duration {
    let now = world.now;
    world.peers[moving].agent.add_local_address(now, new);
    world.drain(moving);
    let routed = |world: &World| {
        world.both(|peer| peer.route().is_some_and(|route| route.local == new || route.remote == new))
    };
    world.run_until(ms(30_000), routed).expect("moved")
}

/// No signaling is needed: the other side learns the new address from a check.
#[test]
fn an_interface_is_lost_and_another_taken() {
    for moving in [0, 1] {
        let mut world = connected(6);
        let old = world.peers[moving].addresses[0];
        let new = address("203.0.113.200:7000");
        let now = world.now;
        world.peers[moving].other = None;
        world.peers[moving].addresses = vec![new];
        world.peers[moving].agent.remove_local_address(now, old);
        world.drain(moving);
        assert_eq!(world.peers[moving].agent.state(), State::Disconnected);
        assert_eq!(world.peers[moving].route(), None);
        world.run_for(ms(1000));
        let time = time_to_use(&mut world, moving, new);
        assert!(time < ms(8500), "{time:?}");
        world.run_for(ms(500));
        world.assert_data_passes();
        assert!(world.both(|peer| peer.agent.state().is_connected()));
    }
}

/// The system sends everything by the interface that is there again, and there the addresses of the others get no answer, though
/// what is sent to them arrives. Nobody sends anything, so nobody misses anything.
#[test]
fn an_interface_that_comes_and_takes_the_way_of_the_others_is_used_within_a_second_and_a_half() {
    for moving in [0, 1] {
        let mut world = connected(9);
        world.run_for(ms(10_000));
        let (old, new) = (world.peers[moving].addresses[0], address("203.0.113.200:7000"));
        world.dead_ends.insert(old.ip());
        world.peers[moving].addresses.push(new);
        let time = time_to_use(&mut world, moving, new);
        assert!(time < ms(1500), "{time:?}");
        world.assert_data_passes();
        assert!(world.both(|peer| !peer.states().contains(&State::Disconnected)));
    }
}

#[test]
fn an_interface_that_is_lost_for_good_fails() {
    let mut world = connected(7);
    let now = world.now;
    world.peers[0].addresses.clear();
    world.peers[0].agent.remove_local_address(now, address("192.0.2.1:5000"));
    world.drain(0);
    let time =
        world.run_until(ms(60_000), |world| world.peers[0].agent.state() == State::Failed).expect("failed");
    assert!(time >= ms(30_000), "{time:?}");
    world.run_until(ms(60_000), |world| world.both_in(State::Failed)).expect("failed");
}

/// A router that forgets its mappings: checks make new ones, and the other side sees them.
#[test]
fn a_nat_that_is_restarted_is_passed_again() {
    let mut world = World::new(8);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
    world.peer(controlled(), &["198.51.100.1:6000"], None);
    world.connect(0, 1);
    world.run_until(ms(10_000), World::both_routed).expect("connected");
    world.run_for(ms(3000));
    world.nats[0].forget();
    world.run_for(ms(9000));
    world.assert_data_passes();
}

/// The provider gives the router another address. Both sides' NATs let only those in that they have sent to, so the other side
/// has to be told the new one: nothing but this side's asking a server finds it.
#[test]
fn another_address_of_the_router_is_found_before_anybody_is_told_that_something_is_wrong() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.1")));
        world.peer(controlled(), &["10.1.0.2:6000"], Some(Nat::home("198.51.100.1")));
        for peer in [0, 1] {
            world.stun_server(peer);
        }
        world.connect(0, 1);
        world.run_until(ms(10_000), World::both_routed).expect("connected");
        world.run_for(ms(60_000));
        world.nats[0].forget();
        world.nats[0].public = "192.0.2.7".parse().unwrap();
        // What SCTP's first timeout does.
        for peer in [0, 1] {
            let now = world.now;
            world.peers[peer].agent.suspect(now);
            world.drain(peer);
        }
        let found =
            |peer: &Peer| peer.route().is_some_and(|route| route.remote.ip().to_string() == "192.0.2.7");
        let time = world.run_until(ms(20_000), |world| found(&world.peers[1])).expect("found");
        assert!(time < ms(2000), "{time:?}");
        world.run_for(ms(500));
        world.assert_data_passes();
        assert!(world.both(|peer| !peer.states().contains(&State::Disconnected)));
    }
}

#[test]
fn closed_it_gives_its_relay_back_and_falls_silent() {
    let mut world = World::new(9);
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::symmetric("192.0.2.1")));
    world.peer(controlled(), &["10.1.0.1:6000"], Some(Nat::symmetric("198.51.100.1")));
    world.turn_server(0, Transport::Udp);
    world.stun_server(1);
    world.connect(0, 1);
    world.run_until(ms(10_000), World::both_routed).expect("connected");
    assert_eq!(world.turn.server.allocations(), 1);
    let now = world.now;
    world.peers[0].agent.close(now);
    world.drain(0);
    world.run_for(ms(2000));
    assert_eq!(world.peers[0].agent.state(), State::Closed);
    assert_eq!(world.turn.server.allocations(), 0);
    assert!(world.peers[0].relay_ports.is_empty());
    assert_eq!(world.peers[0].agent.poll_timeout(), None);
    assert_eq!(world.peers[0].route(), None);
}

/// W3C "set a configuration": other servers and another policy count from the next gathering on.
#[test]
fn another_policy_counts_from_the_next_restart_on() {
    let mut world = World::two(1);
    for peer in [0, 1] {
        world.turn_server(peer, Transport::Udp);
    }
    world.connect(0, 1);
    world.run_until(ms(20_000), |world| world.both_in(State::Completed)).expect("completed");
    assert!(!world.peers[0].route().unwrap().is_relayed());

    world.peers[0].agent.reconfigure(IceTransportPolicy::Relay);
    world.run_for(ms(10_000));
    assert!(!world.peers[0].route().unwrap().is_relayed(), "nothing changes before");
    world.peers[0].events.clear();
    restart_with_servers(&mut world, |world| {
        world.turn_server(0, Transport::Udp);
    });
    let kinds: Vec<_> = world.peers[0].candidates().into_iter().map(|told| told.kind).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == CandidateType::Relayed), "{kinds:?}");
    assert!(world.peers[0].route().unwrap().is_relayed());
    world.assert_data_passes();
    assert_eq!(world.peers[0].relay_ports.len(), 1, "the relay of before was given back");

    world.peers[0].agent.reconfigure(IceTransportPolicy::All);
    restart_with_servers(&mut world, |_| {});
    assert!(!world.peers[0].route().unwrap().is_relayed());
    world.run_for(ms(30_000));
    assert_eq!(world.peers[0].relay_ports.len(), 0, "there is no server any more");
    world.assert_data_passes();
}

#[test]
fn a_restart_with_another_policy_can_be_taken_back() {
    let mut world = connected(1);
    world.peers[0].agent.reconfigure(IceTransportPolicy::Relay);
    world.restart(0);
    let now = world.now;
    world.peers[0].agent.cancel_restart(now);
    // Consent is asked for, and given, as before.
    world.run_for(ms(40_000));
    assert!(world.both(|peer| peer.agent.state().is_connected()));
    world.assert_data_passes();
}

/// Both sides restart; the first one's servers are those that are added now. Data passes all the time.
fn restart_with_servers(world: &mut World, add: impl FnOnce(&mut World)) {
    let others: Vec<_> = world.peers.iter_mut().map(|peer| peer.other.take()).collect();
    for peer in [0, 1] {
        let now = world.now;
        world.peers[peer].agent.restart(now);
        world.drain(peer);
    }
    world.assert_data_passes();
    for (peer, other) in others.into_iter().enumerate() {
        world.peers[peer].other = other;
    }
    add(world);
    let now = world.now;
    world.peers[0].agent.sources_complete(now);
    world.drain(0);
    world.exchange_descriptions(0, 1);
    world.run_until(ms(20_000), |world| world.both_in(State::Completed)).expect("completed");
}
