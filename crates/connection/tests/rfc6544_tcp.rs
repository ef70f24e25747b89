//! RFC 6544: what the layers above ICE make of TCP connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/network.rs"]
mod network;

use std::time::Duration;

use network::{Link, World};
use peerline_connection::*;

/// Two that have no way but TCP, and a channel between them.
fn over_tcp(seed: u64) -> World {
    let mut world = World::new(seed, &Configuration::default(), [Link::default(), Link::default()]);
    world.add_tcp();
    world.udp_blocked = true;
    let now = world.now;
    world.peers[0].connection.create_data_channel(now, "over", DataChannelInit::default()).unwrap();
    world.negotiate(0);
    world
}

fn is_open(world: &mut World) -> bool {
    world.happened(0, |event| matches!(event, Event::DataChannelOpen(_)))
}

#[test]
fn what_was_learned_of_a_path_over_tcp_does_not_hold_for_one_over_udp_to_the_same_address() {
    let mut world = over_tcp(1);
    assert!(world.run_until(Duration::from_secs(10), is_open));
    world.run(Duration::from_secs(1));
    let transport = |world: &World, index: usize| {
        world.peers[index].connection.ice().selected_route().map(|route| route.transport)
    };
    let round_trip = |world: &World, index: usize| {
        world.peers[index].connection.data_channels().association().statistics().smoothed_round_trip
    };
    assert_eq!([0, 1].map(|index| transport(&world, index)), [Some(Transport::Tcp); 2]);
    // The one that has connected sends to where it would send datagrams.
    let remote = |world: &World, index: usize| {
        world.peers[index].connection.ice().selected_route().map(|route| route.remote)
    };
    let opener = (0..2).find(|index| remote(&world, *index) == Some(world.peers[1 - *index].address));
    let opener = opener.expect("one has connected");
    assert!(round_trip(&world, opener).is_some());
    world.udp_blocked = false;
    let is_udp = |world: &mut World| transport(world, opener) == Some(Transport::Udp);
    assert!(world.run_until(Duration::from_secs(10), is_udp));
    assert_eq!(remote(&world, opener), Some(world.peers[1 - opener].address));
    assert_eq!(round_trip(&world, opener), None);
}

#[test]
fn dtls_of_whoever_is_at_the_end_of_a_connection_is_not_taken_before_he_has_shown_that_he_knows_the_password()
{
    let mut world = over_tcp(2);
    let opened = |world: &World| (0..2).find(|index| !world.peers[*index].tcp.is_empty());
    assert!(world.run_until(Duration::from_secs(10), |world| opened(world).is_some()));
    let index = opened(&world).unwrap();
    let (_, local, remote) = world.peers[index].tcp[0];
    // How many of its datagrams count after one of DTLS has come.
    let send = |world: &mut World| {
        let (now, connection) = (world.now, &mut world.peers[index].connection);
        let mut payload = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        connection
            .handle_input(now, Datagram { transport: Transport::Tcp, local, remote, payload: &mut payload });
        connection.handle_timeout(now);
        let statistics = connection.ice().statistics();
        statistics.pairs.iter().map(|pair| pair.counters.packets_received).sum::<u64>()
    };
    assert_eq!(send(&mut world), 0, "a stranger's");
    assert!(world.run_until(Duration::from_secs(10), is_open));
    let first = send(&mut world);
    assert!(first > 0);
    assert_eq!(send(&mut world), first + 1, "the other side's");
}
