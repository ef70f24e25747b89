//! draft-hancke-webrtc-sped and draft-hancke-tsvwg-snap: how many round trips the first message takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/network.rs"]
mod network;

use std::time::Duration;

use common::lines;
use network::{Link, World};
use peerline_connection::*;

const ROUND_TRIP: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(60);

fn configuration(sctp_snap: bool, dtls_in_stun: bool) -> Configuration {
    Configuration { sctp_snap, dtls_in_stun, ..Configuration::default() }
}

fn links() -> [Link; 2] {
    [(); 2].map(|()| Link { delay: ROUND_TRIP / 2, ..Link::default() })
}

/// Connects two, sends a message as soon as that is possible, and says when it arrived: after both sides knew both
/// descriptions.
fn time_to_first_message(mut world: World, sender: usize) -> Duration {
    let now = world.now;
    let init = DataChannelInit { negotiated: true, id: Some(0), ..DataChannelInit::default() };
    let channels = world
        .peers
        .each_mut()
        .map(|peer| peer.connection.create_data_channel(now, "first", init.clone()).unwrap());
    world.negotiate(0);
    let is_open = |event: &Event| *event == Event::DataChannelOpen(channels[sender]);
    assert!(world.run_until(PATIENCE, |world| world.happened(sender, is_open)), "no channel");
    let now = world.now;
    world.peers[sender].connection.send(now, channels[sender], Payload::text("hello")).unwrap();
    world.drain(sender);
    let is_message = |event: &Event| matches!(event, Event::DataChannelMessage { .. });
    assert!(world.run_until(PATIENCE, |world| world.happened(1 - sender, is_message)), "no message");
    world.elapsed()
}

/// Of the first message of the DTLS client, which is the answerer, and of the server, which has the keys half a round trip
/// later.
fn round_trips(configurations: [&Configuration; 2]) -> [f64; 2] {
    [1, 0].map(|sender| {
        let time = time_to_first_message(World::of_two(1, configurations, links()), sender);
        time.as_secs_f64() / ROUND_TRIP.as_secs_f64()
    })
}

fn assert_at_most([client, server]: [f64; 2], [of_client, of_server]: [f64; 2], what: &str) {
    assert!(client <= of_client + 0.01 && server <= of_server + 0.01, "{what}: {client} and {server}");
}

#[test]
fn the_first_message_needs_one_and_a_half_round_trips_5_4() {
    for (sctp_snap, dtls_in_stun, at_most) in [
        (false, false, [4.5, 4.0]),
        (true, false, [2.5, 3.0]),
        (false, true, [3.5, 3.0]),
        (true, true, [1.5, 2.0]),
    ] {
        let configuration = configuration(sctp_snap, dtls_in_stun);
        let needed = round_trips([&configuration, &configuration]);
        assert_at_most(needed, at_most, &format!("snap {sctp_snap}, sped {dtls_in_stun}"));
    }
}

/// What Chromium goes by.
#[test]
fn descriptions_have_its_ice_options() {
    let (with, without) = (configuration(false, true), configuration(false, false));
    let options = |connection: &Connection| {
        let sdp = connection.local_description().unwrap().sdp;
        lines(&sdp, "a=ice-options:")[0].to_owned()
    };
    for (offerer, answerer, [offered, answered]) in [
        (&with, &with, ["a=ice-options:trickle ice2 sped googspedv1"; 2]),
        (&with, &without, ["a=ice-options:trickle ice2 sped googspedv1", "a=ice-options:trickle ice2"]),
        (&without, &with, ["a=ice-options:trickle ice2"; 2]),
    ] {
        let mut world = World::of_two(1, [offerer, answerer], links());
        let now = world.now;
        world.peers[0].connection.create_data_channel(now, "", DataChannelInit::default()).unwrap();
        world.negotiate(0);
        assert_eq!(options(&world.peers[0].connection), offered);
        assert_eq!(options(&world.peers[1].connection), answered);
    }
}

#[test]
fn beside_a_peer_that_does_not_know_it_nothing_is_slower_5_5() {
    let (with, without) = (configuration(true, true), configuration(true, false));
    let plain = round_trips([&without, &without]);
    for configurations in [[&with, &without], [&without, &with]] {
        assert_at_most(round_trips(configurations), plain, "beside one without");
    }
}

#[test]
fn dtls_1_2_is_embedded_as_well_5_2() {
    let mut configuration = configuration(true, true);
    configuration.dtls.versions = peerline_dtls::Versions::Only12;
    assert_at_most(round_trips([&configuration, &configuration]), [3.0, 2.5], "DTLS 1.2");
}

#[test]
fn it_connects_whatever_the_network_does_5_6_to_5_9() {
    for seed in 0..200 {
        let link = |seed: u64| Link {
            delay: Duration::from_millis(seed * 37 % 200),
            jitter: Duration::from_millis(seed * 11 % 60),
            loss: (seed % 4) as f64 / 10.0,
            duplication: (seed % 3) as f64 / 20.0,
            ..Link::default()
        };
        let one = configuration(seed % 2 == 0, true);
        // Every third peer doesn't know it.
        let other = configuration(true, seed % 3 != 0);
        let world = World::of_two(seed, [&one, &other], [link(seed), link(seed + 7)]);
        time_to_first_message(world, seed as usize % 2);
    }
}

/// One datagram in ten is lost on each of two links, in each direction. RFC 9147's timers and RFC 9260's would have somebody wait for
/// seconds, one time in ten.
#[test]
fn loss_costs_the_first_message_little() {
    let lossy = || links().map(|link| Link { loss: 0.19, ..link });
    let configuration = Configuration::default();
    let time = |seed: u64| {
        let world = World::new(seed, &configuration, lossy());
        time_to_first_message(world, usize::from(seed < 100))
    };
    let mut times: Vec<_> = (0..200).map(time).collect();
    times.sort();
    let (median, all_but_ten, most) = (times[100], times[190], times[199]);
    let within = |time, milliseconds| time < Duration::from_millis(milliseconds);
    let are_short = within(median, 400) && within(all_but_ten, 1200) && within(most, 2000);
    assert!(are_short, "{median:?}, {all_but_ten:?}, {most:?}");
}
