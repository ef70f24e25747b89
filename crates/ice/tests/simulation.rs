//! Many networks, each from a seed: whatever is between two agents, they find a way, keep it, and find another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../sctp/tests/common/seeds.rs"]
mod seeds;

use common::*;
use peerline_ice::*;
use rand::Rng;

fn behaviour(random: &mut impl Rng) -> Behaviour {
    match random.random_range(0..3) {
        0 => Behaviour::EndpointIndependent,
        1 => Behaviour::AddressDependent,
        _ => Behaviour::AddressAndPortDependent,
    }
}

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    for (peer, role) in [Role::Controlling, Role::Controlled].into_iter().enumerate() {
        let nat = world.random.random_bool(0.7).then(|| {
            let (mapping, filtering) = (behaviour(&mut world.random), behaviour(&mut world.random));
            Nat::new(["192.0.2.1", "198.51.100.1"][peer], mapping, filtering)
        });
        let inside = ["10.0.0.2:5000", "10.0.1.2:5000"];
        let outside = ["192.0.2.9:5000", "198.51.100.9:5000"];
        let mut addresses = vec![if nat.is_some() { inside[peer] } else { outside[peer] }];
        if world.random.random_bool(0.3) {
            addresses.push(["172.16.0.2:5000", "172.17.0.2:5000"][peer]);
        }
        if world.random.random_bool(0.2) {
            addresses.push(["[2001:db8:1::2]:5000", "[2001:db8:2::2]:5000"][peer]);
        }
        let relay_only = world.random.random_bool(0.1);
        let transport_policy = if relay_only { IceTransportPolicy::Relay } else { IceTransportPolicy::All };
        let role = if world.random.random_bool(0.1) { role.opposite() } else { role };
        let config = Config { role, transport_policy, ..Config::default() };
        world.peer(config, &addresses, nat);
        world.stun_server(peer);
        let transports = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let transport = transports[world.random.random_range(0..3)];
        world.turn_server(peer, transport);
        world.peers[peer].half_trickle = world.random.random_bool(0.2);
        world.peers[peer].udp_blocked = transport.is_stream() && world.random.random_bool(0.1);
    }
    world.delay = ms(world.random.random_range(1..150));
    world.jitter = ms(world.random.random_range(0..50));
    world.signaling_delay = ms(world.random.random_range(0..500));
    world.loss = if world.random.random_bool(0.5) { 0.0 } else { world.random.random_range(0.0..0.3) };
    world.duplication = if world.random.random_bool(0.5) { 0.0 } else { 0.1 };
    for peer in 0..2 {
        world.peers[peer].tcp = world.random.random_bool(0.5);
        if world.random.random_bool(0.5) {
            world.peers[peer].tcp_listens = world.peers[peer].addresses.clone();
        }
    }
    world
}

/// Something happens to a running connection.
fn disturb(world: &mut World) {
    match world.random.random_range(0..7) {
        // Nothing gets through for a while.
        0 => {
            let loss = std::mem::replace(&mut world.loss, 1.0);
            let time = ms(world.random.random_range(500..15_000));
            world.run_for(time);
            world.loss = loss;
        }
        // A router forgets.
        1 => world.nats.iter_mut().for_each(Nat::forget),
        2 => {
            let peer = world.random.random_range(0..2);
            let now = world.now;
            world.peers[peer].agent.suspect(now);
            world.drain(peer);
        }
        3 => {
            world.restart(0);
            world.run_for(ms(300));
            world.restart(1);
            world.exchange_descriptions(0, 1);
        }
        // A restart that comes to nothing.
        4 => {
            world.restart(1);
            world.run_for(ms(300));
            let now = world.now;
            world.peers[1].agent.cancel_restart(now);
            world.drain(1);
        }
        // A router ends one side's connections.
        5 => {
            let peer = world.random.random_range(0..2);
            world.reset_connections(peer);
        }
        // One side gets another address.
        _ => {
            let peer = world.random.random_range(0..2);
            let old = world.peers[peer].addresses[0];
            let new = std::net::SocketAddr::new(old.ip(), old.port() + 1);
            let now = world.now;
            world.peers[peer].addresses[0] = new;
            let listens = !world.peers[peer].tcp_listens.is_empty();
            if listens {
                world.peers[peer].tcp_listens[0] = new;
            }
            world.peers[peer].agent.remove_local_address(now, old);
            world.peers[peer].agent.add_local_address(now, new);
            let tcp_types = [(world.peers[peer].tcp, TcpType::Active), (listens, TcpType::Passive)];
            for (_, tcp_type) in tcp_types.into_iter().filter(|(is_wanted, _)| *is_wanted) {
                world.peers[peer].agent.add_tcp_address(now, new, tcp_type);
            }
            world.drain(peer);
        }
    }
}

fn run(seed: u64) {
    let mut world = world(seed);
    world.connect(0, 1);
    let time = world.run_until(ms(30_000), World::both_routed);
    assert!(time.is_some(), "no way was found");
    for _ in 0..3 {
        let calm = ms(world.random.random_range(1000..20_000));
        world.run_for(calm);
        disturb(&mut world);
    }
    // Afterwards all is calm, and then all has to be well.
    world.loss = 0.0;
    world.duplication = 0.0;
    world.run_for(ms(45_000));
    let states = [0, 1].map(|peer| world.peers[peer].agent.state());
    assert!(states.iter().all(|state| state.is_connected()), "{states:?}");
    world.assert_data_passes();
    let roles = [0, 1].map(|peer| world.peers[peer].agent.role());
    assert_ne!(roles[0], roles[1]);
    for peer in &world.peers {
        let checks =
            peer.agent.statistics().pairs.into_iter().map(|pair| (pair.counters.requests_sent, pair));
        let most = checks.max_by_key(|(sent, _)| *sent);
        assert!(
            peer.requests_sent < 5000,
            "{} packets, {} to the server, most to {most:?}",
            peer.requests_sent,
            world.turn.control
        );
    }
    for peer in [0, 1] {
        let now = world.now;
        world.peers[peer].agent.close(now);
        world.drain(peer);
    }
    // What the server could not be told of, as an address was gone, runs out.
    world.run_for(ms(660_000));
    assert_eq!(world.turn.server.allocations(), 0);
}

#[test]
fn whatever_is_between_them_they_stay_connected() {
    seeds::try_seeds("whatever_is_between_them_they_stay_connected", 300, run);
}
