//! Two TURN servers in the list, or one that is started again: what is relayed moves by itself when the server that relays it
//! is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use common::*;
use peerline_ice::*;

const OTHER_SERVER_IP: IpAddr = OTHER_LISTENER.ip();
/// What is sent when a path is silent is sent again after so long by the layer above.
const RETRANSMISSION: Duration = ms(1000);
/// How long nothing may pass when a server is gone.
const GAP: Duration = ms(3000);

/// Two that may be relayed only, by these servers in this order.
fn relayed(seed: u64, servers: &[SocketAddr], transport: Transport) -> World {
    let mut world = World::new(seed);
    let relay_only = |config| Config { transport_policy: IceTransportPolicy::Relay, ..config };
    world.peer(relay_only(Config::default()), &["192.0.2.1:5000"], None);
    world.peer(relay_only(controlled()), &["198.51.100.1:6000"], None);
    for peer in [0, 1] {
        for server in servers {
            world.turn_server_at(*server, peer, transport);
        }
    }
    world.connect(0, 1);
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
    world
}

/// Whose relay this side sends by.
fn server_of(peer: &Peer) -> Option<IpAddr> {
    peer.route().map(|route| route.remote.ip())
}

fn consent_checks(peer: &Peer) -> u64 {
    let statistics = peer.agent.statistics();
    let selected = statistics.pairs.iter().find(|pair| pair.selected).expect("one is selected");
    selected.counters.consent_requests_sent
}

/// The server at this address.
fn turn_at(world: &mut World, ip: IpAddr) -> &mut TurnNode {
    if ip == SERVER_IP { &mut world.turn } else { &mut world.other_turn }
}

/// It knows nobody any more, and its nonces are others.
fn start_again(world: &mut World, ip: IpAddr) {
    let listener = turn_at(world, ip).listener;
    let started = TurnNode::new(world.now, listener, &mut world.random);
    *turn_at(world, ip) = started;
}

/// Runs until data of each side arrives at the other: how long that takes. Both send all the time, and the layer above
/// notices when nothing comes back.
fn gap(world: &mut World) -> Duration {
    let begin = world.now;
    let received = |world: &World| [0, 1].map(|peer| world.peers[peer].received.len());
    let before = received(world);
    let mut next_suspicion = begin + RETRANSMISSION;
    loop {
        for peer in [0, 1] {
            if world.peers[peer].route().is_some() {
                world.send_data(peer, &[200; 100]);
            }
        }
        world.run_for(ms(20));
        let now = received(world);
        if now[0] > before[0] && now[1] > before[1] {
            let gap = world.now - begin;
            settle(world);
            return gap;
        }
        assert!(world.now - begin < ms(60_000), "nothing passes any more");
        if world.now >= next_suspicion {
            next_suspicion = world.now + RETRANSMISSION;
            for peer in [0, 1] {
                let now = world.now;
                world.peers[peer].agent.suspect(now);
                world.drain(peer);
            }
        }
    }
}

/// What was under way has arrived or is lost.
fn settle(world: &mut World) {
    world.run_for(world.delay * 5);
}

#[test]
fn both_servers_relays_are_there_from_the_beginning() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let world = relayed(1, &[LISTENER, OTHER_LISTENER], transport);
        for peer in &world.peers {
            let mut relays: Vec<_> =
                peer.candidates().iter().filter_map(|candidate| candidate.address.ip()).collect();
            relays.sort();
            assert_eq!(relays, [SERVER_IP, OTHER_SERVER_IP]);
        }
        assert_eq!((world.turn.server.allocations(), world.other_turn.server.allocations()), (2, 2));
    }
}

#[test]
fn when_the_server_that_relays_dies_the_other_takes_over() {
    for seed in 0..5 {
        let mut world = relayed(seed, &[LISTENER, OTHER_LISTENER], Transport::Udp);
        let relaying = server_of(&world.peers[0]).unwrap();
        assert!(world.both(|peer| server_of(peer) == Some(relaying)));
        turn_at(&mut world, relaying).dead = true;
        settle(&mut world);
        let gap = gap(&mut world);
        assert!(gap < GAP, "seed {seed}: {gap:?}");
        assert!(world.both(|peer| server_of(peer) != Some(relaying)));
        world.assert_data_passes();
        assert!(world.both(|peer| !peer.states().contains(&State::Failed)));
    }
}

/// Only who sends notices that nothing comes back; the other side has to follow, or the answers are lost.
#[test]
fn the_side_that_only_listens_moves_with_the_one_that_sends() {
    for sender in [0, 1] {
        let mut world = relayed(6, &[LISTENER, OTHER_LISTENER], Transport::Udp);
        let relaying = server_of(&world.peers[0]).unwrap();
        turn_at(&mut world, relaying).dead = true;
        settle(&mut world);
        let begin = world.now;
        let moved = |peer: &Peer| server_of(peer).is_some_and(|server| server != relaying);
        while !world.both(moved) {
            world.send_data(sender, &[200; 100]);
            world.run_for(ms(20));
            if world.now == begin + RETRANSMISSION {
                let now = world.now;
                world.peers[sender].agent.suspect(now);
                world.drain(sender);
            }
            assert!(world.now - begin < GAP + ms(1500), "peer {sender} sends");
        }
    }
}

#[test]
fn while_nothing_is_sent_the_death_of_a_server_is_noticed_by_asking_it() {
    let mut longest = ms(0);
    for seed in 0..50 {
        let mut world = relayed(seed, &[LISTENER, OTHER_LISTENER], Transport::Udp);
        let relaying = server_of(&world.peers[0]).unwrap();
        // At any moment between two questions.
        world.run_for(ms(10_000 + 97 * seed));
        turn_at(&mut world, relaying).dead = true;
        let moved = |peer: &Peer| server_of(peer).is_some_and(|server| server != relaying);
        let time = world.run_until(ms(60_000), |world| world.both(moved)).expect("taken over");
        longest = longest.max(time);
        world.assert_data_passes();
    }
    assert!(longest < GAP, "{longest:?}");
}

/// The first is RFC 7675 §5.1's default, and at least 4 s; the second is what the other server's taking over in time costs.
#[test]
fn at_rest_consent_is_asked_for_every_5_seconds_and_the_server_every_second() {
    let mut world = relayed(8, &[LISTENER], Transport::Udp);
    world.run_for(ms(10_000));
    let before = [0, 1].map(|peer| consent_checks(&world.peers[peer]));
    let asked = world.turn.control;
    world.run_for(ms(60_000));
    for peer in [0, 1] {
        let checks = consent_checks(&world.peers[peer]) - before[peer];
        assert!((10..=15).contains(&checks), "{checks}");
    }
    let asked = world.turn.control - asked;
    assert!((60..=120).contains(&asked), "{asked} by both");
}

#[test]
fn while_data_comes_from_the_server_it_isnt_asked() {
    let mut world = relayed(8, &[LISTENER], Transport::Udp);
    let asked = world.turn.control;
    for _ in 0..40 {
        for peer in [0, 1] {
            world.send_data(peer, &[200; 100]);
        }
        world.run_for(ms(500));
    }
    assert!(world.turn.control - asked <= 4, "{}", world.turn.control - asked);
}

/// One relay is on the way, as is usual: its owner notices, and the other side follows its first datagram.
#[test]
fn who_is_relayed_by_the_other_sides_server_follows_when_that_is_gone() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        world.peer(Config::default(), &["10.0.0.2:5000"], Some(Nat::symmetric("192.0.2.1")));
        world.peer(controlled(), &["10.0.1.2:5000"], Some(Nat::symmetric("198.51.100.1")));
        for peer in [0, 1] {
            for server in [LISTENER, OTHER_LISTENER] {
                world.turn_server_at(server, peer, Transport::Udp);
            }
        }
        world.connect(0, 1);
        world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
        world.run_for(ms(10_000 + 97 * seed));
        let owners: Vec<_> =
            [0, 1].into_iter().filter(|peer| world.peers[*peer].route().unwrap().is_relayed()).collect();
        let [owner] = owners[..] else { panic!("{owners:?}") };
        let relaying = server_of(&world.peers[owner]).unwrap();
        turn_at(&mut world, relaying).dead = true;
        let moved = |peer: &Peer| server_of(peer).is_some_and(|server| server != relaying);
        let noticed = world.run_until(GAP, |world| moved(&world.peers[owner])).expect("noticed");
        world.send_data(owner, &[200; 100]);
        let followed = world.run_until(GAP, |world| world.both(moved)).expect("followed");
        assert!(noticed + followed < GAP + ms(1000), "{noticed:?} {followed:?}");
        world.assert_data_passes();
    }
}

#[test]
fn a_server_that_is_started_again_is_allocated_at_anew() {
    for seed in 0..5 {
        let mut world = relayed(seed, &[LISTENER], Transport::Udp);
        start_again(&mut world, SERVER_IP);
        settle(&mut world);
        let gap = gap(&mut world);
        assert!(gap < GAP, "seed {seed}: {gap:?}");
        assert_eq!(world.turn.server.allocations(), 2);
        world.assert_data_passes();
        assert!(world.both(|peer| !peer.states().contains(&State::Failed)));
    }
}

#[test]
fn a_server_that_is_away_for_a_while_is_found_again() {
    let mut world = relayed(3, &[LISTENER], Transport::Udp);
    world.turn.dead = true;
    world.run_for(ms(5000));
    start_again(&mut world, SERVER_IP);
    let gap = gap(&mut world);
    assert!(gap < ms(8000), "{gap:?}");
    world.assert_data_passes();
}

#[test]
fn a_server_that_came_back_is_there_when_the_other_dies() {
    let mut world = relayed(4, &[LISTENER, OTHER_LISTENER], Transport::Udp);
    let first = server_of(&world.peers[0]).unwrap();
    turn_at(&mut world, first).dead = true;
    settle(&mut world);
    gap(&mut world);
    let second = server_of(&world.peers[0]).unwrap();
    assert_ne!(first, second);
    world.run_for(ms(5000));
    start_again(&mut world, first);
    world.run_for(ms(20_000));
    assert_eq!(turn_at(&mut world, first).server.allocations(), 2);
    turn_at(&mut world, second).dead = true;
    settle(&mut world);
    let gap = gap(&mut world);
    assert!(gap < GAP, "{gap:?}");
    assert!(world.both(|peer| server_of(peer) == Some(first)));
    world.assert_data_passes();
}
