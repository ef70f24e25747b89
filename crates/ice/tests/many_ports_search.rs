//! A NAT that gives each destination another port, at random, is passed by trying many, if the other side is seen at one port and
//! both want it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::*;
use peerline_ice::*;

/// Behind two NATs, with relays.
fn meet(seed: u64, nats: [Nat; 2], is_allowed: bool) -> World {
    let mut world = World::new(seed);
    let [one, other] = nats;
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(one));
    world.peer(controlled(), &["10.0.1.2:6000"], Some(other));
    for peer in [0, 1] {
        world.stun_server(peer);
        world.turn_server(peer, Transport::Udp);
        if is_allowed {
            let now = world.now;
            world.peers[peer].agent.allow_port_search(now);
        }
    }
    world.connect(0, 1);
    world
}

fn random_and_home() -> [Nat; 2] {
    [Nat::scattering("192.0.2.1"), Nat::home("198.51.100.1")]
}

/// Over neither side's relay.
fn is_direct(peer: &Peer) -> bool {
    peer.route().is_some_and(|route| !route.is_relayed() && route.remote.ip() != SERVER_IP)
}

fn both_direct(world: &World) -> bool {
    world.both(is_direct)
}

fn sockets(world: &World) -> [usize; 2] {
    [0, 1].map(|peer| world.peers[peer].search_sockets.len())
}

/// How many datagrams a peer has sent to others than the server.
fn sent_to_peer(world: &World, peer: usize) -> Vec<Duration> {
    let sent = world.peers[peer].sent.iter().filter(|(_, remote)| remote.ip() != SERVER_IP);
    sent.map(|(at, _)| *at - world.start).collect()
}

#[test]
fn many_ports_find_one_that_lets_in() {
    for seed in 0..6 {
        let mut nats = random_and_home();
        if seed % 2 == 0 {
            nats.reverse();
        }
        let mut world = meet(seed, nats, true);
        world.loss = if seed < 4 { 0.0 } else { 0.02 };
        let took = world.run_until(ms(16_000), both_direct);
        assert!(took.is_some(), "seed {seed}");
        world.loss = 0.0;
        world.run_for(ms(1000));
        world.assert_data_passes();
        // Those that weren't hit are closed.
        let symmetric = usize::from(seed % 2 == 0);
        assert!((1..=3).contains(&sockets(&world)[symmetric]), "seed {seed}: {:?}", sockets(&world));
        assert_eq!(sockets(&world)[1 - symmetric], 0);
        // The pair is one like any other.
        let before = world.now - world.start;
        world.run_for(ms(40_000));
        assert!(both_direct(&world), "seed {seed}");
        for peer in [0, 1] {
            let since = sent_to_peer(&world, peer).iter().filter(|at| **at > before).count();
            assert!(since < 100, "{since} datagrams since");
        }
    }
}

#[test]
fn without_both_sides_wish_the_relay_carries() {
    for allowed in [None, Some(0), Some(1)] {
        let mut world = meet(1, random_and_home(), false);
        if let Some(peer) = allowed {
            let now = world.now;
            world.peers[peer].agent.allow_port_search(now);
        }
        world.run_for(ms(20_000));
        assert!(world.both(|peer| peer.route().is_some() && !is_direct(peer)), "{allowed:?}");
        world.assert_data_passes();
        assert_eq!(sockets(&world), [0, 0]);
        for peer in [0, 1].into_iter().filter(|peer| Some(*peer) != allowed) {
            assert!(world.peers[peer].requests_sent < 300, "{}", world.peers[peer].requests_sent);
        }
    }
}

#[test]
fn packets_sockets_and_time_are_bounded() {
    let hopeless = || [Nat::scattering("192.0.2.1"), Nat::scattering("198.51.100.1")];
    let mut world = meet(1, hopeless(), true);
    let most = std::cell::Cell::new([0, 0]);
    world.run_until(ms(20_000), |world| {
        let (now, before) = (sockets(world), most.get());
        most.set([now[0].max(before[0]), now[1].max(before[1])]);
        false
    });
    assert_eq!(most.get(), [256, 256]);
    assert_eq!(sockets(&world), [0, 0]);
    let mut ordinary = meet(1, hopeless(), false);
    ordinary.run_for(ms(20_000));
    for peer in [0, 1] {
        let sent = sent_to_peer(&world, peer);
        let busiest =
            sent.iter().map(|from| sent.iter().filter(|at| (*from..*from + ms(1000)).contains(*at)).count());
        // Some are ordinary checks.
        assert!(busiest.max().unwrap() <= 230);
        let more = sent.len() - sent_to_peer(&ordinary, peer).len();
        assert!((2000..=2400).contains(&more), "{more}");
    }
    // Restarts don't bring it back before its time.
    world.restart(0);
    world.restart(1);
    world.exchange_descriptions(0, 1);
    let restarted = world.now - world.start;
    world.run_for(ms(35_000));
    let since = |world: &World| sent_to_peer(world, 0).iter().filter(|at| **at > restarted).count();
    assert!(since(&world) < 300, "{}", since(&world));
    world.run_for(ms(30_000));
    assert!((2000..2800).contains(&since(&world)), "{}", since(&world));
    assert_eq!(sockets(&world), [0, 0]);
}

#[test]
fn nobody_is_searched_who_has_not_answered() {
    let victim = address("203.0.113.77:4000");
    for symmetric in [0, 1] {
        let mut nats = random_and_home();
        if symmetric == 1 {
            nats.reverse();
        }
        let mut world = meet(1, nats, true);
        let now = world.now;
        for peer in [0, 1] {
            let text = format!(
                "candidate:9 1 udp 1694498815 {} {} typ srflx raddr 0.0.0.0 rport 0",
                victim.ip(),
                victim.port()
            );
            let candidate: Candidate = text.parse().unwrap();
            world.peers[peer].agent.add_remote_candidate(now, &candidate).unwrap();
        }
        world.run_for(ms(16_000));
        for peer in [0, 1] {
            let to = |sent: &&(_, SocketAddr)| sent.1.ip() == victim.ip();
            let checks = world.peers[peer].sent.iter().filter(to).count();
            assert!(checks <= 7, "{checks} packets to somebody else");
        }
        assert!(both_direct(&world), "the other side itself was searched");
    }
}

#[test]
fn what_is_direct_already_costs_nothing() {
    let homes = || [Nat::home("192.0.2.1"), Nat::home("198.51.100.1")];
    let [mut with, mut without] = [true, false].map(|is_allowed| meet(1, homes(), is_allowed));
    for world in [&mut with, &mut without] {
        world.run_for(ms(20_000));
        assert!(both_direct(world));
        assert_eq!(sockets(world), [0, 0]);
    }
    assert_eq!(
        [0, 1].map(|peer| with.peers[peer].requests_sent),
        [0, 1].map(|peer| without.peers[peer].requests_sent)
    );
}

#[test]
fn without_a_relay_or_with_ipv6_alone_nothing_is_searched() {
    let mut world = World::new(1);
    let [one, other] = random_and_home();
    world.peer(Config::default(), &["10.0.0.2:5000"], Some(one));
    world.peer(controlled(), &["10.0.1.2:6000"], Some(other));
    let mut ipv6 = World::new(1);
    ipv6.peer(Config::default(), &["[2001:db8::1]:5000"], None);
    ipv6.peer(controlled(), &["[2001:db8:1::1]:6000"], None);
    ipv6.blackholes.insert((address("[2001:db8::1]:1").ip(), address("[2001:db8:1::1]:1").ip()));
    for world in [&mut world, &mut ipv6] {
        for peer in [0, 1] {
            world.stun_server(peer);
            let now = world.now;
            world.peers[peer].agent.allow_port_search(now);
        }
        world.connect(0, 1);
        world.run_for(ms(60_000));
        assert!(world.both_in(State::Failed));
        for peer in [0, 1] {
            assert!(world.peers[peer].sent.len() < 300, "{}", world.peers[peer].sent.len());
        }
        assert_eq!(sockets(world), [0, 0]);
    }
}

/// The way that was found serves on after a restart, though nobody knows its port but those two.
#[test]
fn what_was_found_outlives_a_restart() {
    let mut world = meet(1, random_and_home(), true);
    world.run_until(ms(16_000), both_direct).expect("direct");
    world.run_for(ms(3000));
    world.restart(0);
    world.restart(1);
    world.exchange_descriptions(0, 1);
    let told = world.peers[0].candidates();
    let port = world.peers[0].search_sockets.first().unwrap().port();
    assert!(told.iter().all(|candidate| candidate.port != port), "{told:#?}");
    world.run_for(ms(3000));
    assert!(both_direct(&world));
    world.assert_data_passes();
}

/// What the NAT does shows at the socket that was told, not at the one that was found before.
#[test]
fn what_was_found_and_lost_is_searched_anew() {
    let mut world = meet(1, random_and_home(), true);
    world.run_until(ms(16_000), both_direct).expect("direct");
    world.run_for(ms(3000));
    let found = world.peers[0].search_sockets.clone();
    found.iter().for_each(|socket| world.nats[0].forget_socket(*socket));
    for peer in [0, 1] {
        world.restart(peer);
    }
    world.exchange_descriptions(0, 1);
    world
        .run_until(ms(20_000), |world| world.both(|peer| peer.route().is_some() && !is_direct(peer)))
        .expect("relayed");
    world.run_until(ms(80_000), both_direct).expect("direct again");
    assert!(world.peers[0].search_sockets.iter().any(|socket| !found.contains(socket)), "opened anew");
    world.run_for(ms(1000));
    world.assert_data_passes();
}

/// Each pair of the statistics has its candidates beside it; a configuration with other servers makes no difference.
#[test]
fn what_was_found_is_told_to_nobody_and_counted_like_all() {
    let mut world = meet(1, random_and_home(), true);
    let assert_listed = |world: &World| {
        let statistics = world.peers[0].agent.statistics();
        for pair in &statistics.pairs {
            assert!(
                statistics.local_candidates.iter().any(|candidate| candidate.id == pair.local),
                "{pair:?}"
            );
        }
    };
    world.run_until(ms(16_000), |world| {
        assert_listed(world);
        both_direct(world)
    });
    assert!(both_direct(&world));
    world.run_for(ms(3000));
    let port = world.peers[0].search_sockets.first().unwrap().port();
    for policy in [IceTransportPolicy::All, IceTransportPolicy::Relay, IceTransportPolicy::All] {
        for peer in [0, 1] {
            world.peers[peer].agent.reconfigure(policy);
            world.restart(peer);
            world.turn_server(peer, Transport::Udp);
            let now = world.now;
            world.peers[peer].agent.sources_complete(now);
            world.drain(peer);
        }
        world.exchange_descriptions(0, 1);
        let told = world.peers[0].candidates();
        let is_found = |candidate: &Candidate| {
            candidate.port == port || candidate.related.as_ref().is_some_and(|(_, related)| *related == port)
        };
        assert!(!told.iter().any(is_found), "{told:#?}");
        assert!(!world.peers[0].agent.local_candidates().any(|candidate| is_found(&candidate)));
        world.run_for(ms(3000));
        assert_listed(&world);
        assert!(world.both(|peer| peer.route().is_some()));
        assert!(policy == IceTransportPolicy::All || world.both(|peer| !is_direct(peer)));
    }
}

#[test]
fn what_was_found_and_has_died_ends_with_its_generation() {
    let mut world = meet(1, random_and_home(), true);
    world.run_until(ms(16_000), both_direct).expect("direct");
    world.run_for(ms(3000));
    world.peers[0].search_sockets.clone().iter().for_each(|socket| world.nats[0].forget_socket(*socket));
    world.run_until(ms(40_000), |world| !is_direct(&world.peers[0])).expect("left");
    world.run_for(ms(40_000));
    world.restart(0);
    assert_eq!(sockets(&world), [0, 0]);
}

/// Somebody else's search may be over in time; once the other side's is, it would be in vain.
#[test]
fn the_owner_is_asked_each_second_while_the_other_side_searches() {
    let wishes = |world: &World| {
        let events = world.peers[0].events.iter();
        events.filter(|(_, event)| matches!(event, Event::PortSearchWanted { .. })).count()
    };
    let mut world = meet(1, random_and_home(), true);
    world.peers[0].refuses_search = true;
    world.run_for(ms(30_000));
    assert_eq!(wishes(&world), 12);
    assert_eq!(sockets(&world), [0, 0]);
    assert!(sent_to_peer(&world, 0).len() < 300, "{}", sent_to_peer(&world, 0).len());
    // Nothing is used up by that: the next generation may search at once.
    world.peers[0].refuses_search = false;
    world.run_for(ms(32_000));
    for peer in [0, 1] {
        world.restart(peer);
    }
    world.exchange_descriptions(0, 1);
    world.run_until(ms(16_000), both_direct).expect("direct");

    let mut world = meet(1, random_and_home(), true);
    world.peers[0].refuses_search = true;
    world.run_for(ms(5000));
    world.peers[0].refuses_search = false;
    world.run_until(ms(11_000), both_direct).expect("direct");
}

#[test]
fn what_was_opened_ends_with_the_agent() {
    for finds in [true, false] {
        let mut world = meet(1, random_and_home(), true);
        let is_there = |world: &World| if finds { both_direct(world) } else { sockets(world)[0] == 20 };
        world.run_until(ms(16_000), is_there).expect("sockets");
        assert_ne!(sockets(&world)[0], 0);
        let now = world.now;
        world.peers[0].agent.close(now);
        world.drain(0);
        assert_eq!(sockets(&world)[0], 0);
        world.peers[0].agent.remove_local_address(now, address("10.0.0.2:5000"));
        world.drain(0);
    }
}

#[test]
fn what_was_found_ends_with_its_address() {
    let mut world = meet(1, random_and_home(), true);
    world.run_until(ms(16_000), both_direct).expect("direct");
    let now = world.now;
    world.peers[0].agent.remove_local_address(now, address("10.0.0.2:5000"));
    world.drain(0);
    assert_eq!(sockets(&world), [0, 0]);
}
