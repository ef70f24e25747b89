//! RFC 7675: consent is asked for again and again, and without it nothing is sent; RFC 8445 §11: pairs are kept alive.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use peerline_ice::*;

fn connected(seed: u64) -> World {
    let mut world = World::two(seed);
    world.connect(0, 1);
    world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("completed");
    world
}

/// With two paths: the better one between 192.0.2.1 and 198.51.100.1, the other over IPv4 addresses that end in 2.
fn two_paths(seed: u64) -> World {
    let mut world = World::new(seed);
    world.peer(Config::default(), &["192.0.2.1:5000", "192.0.2.2:5000"], None);
    world.peer(controlled(), &["198.51.100.1:6000", "198.51.100.2:6000"], None);
    for (a, b) in [("192.0.2.1", "198.51.100.2"), ("192.0.2.2", "198.51.100.1")] {
        world.blackholes.insert((a.parse().unwrap(), b.parse().unwrap()));
    }
    world.connect(0, 1);
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("completed");
    assert!(world.both(|peer| peer.route().unwrap().local.ip().to_string().ends_with(".1")));
    world
}

fn cut_better_path(world: &mut World) {
    world.blackholes.insert(("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap()));
}

#[test]
fn consent_is_asked_for_every_4_to_6_seconds() {
    let mut world = connected(1);
    let count = |world: &World| {
        let statistics = world.peers[0].agent.statistics();
        statistics.pairs.iter().map(|pair| pair.counters.consent_requests_sent).sum::<u64>()
    };
    let mut at = Vec::new();
    for _ in 0..20 {
        let before = count(&world);
        world.run_until(ms(10_000), |world| count(world) > before).expect("a consent check");
        at.push(world.now);
    }
    let gaps: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (ms(4000)..=ms(6000)).contains(gap)), "{gaps:?}");
    let shortest = gaps.iter().min().unwrap();
    assert!(*gaps.iter().max().unwrap() > *shortest + ms(500), "randomized: {gaps:?}");
    assert!(world.both_in(State::Completed));
}

#[test]
fn after_30_seconds_without_an_answer_nothing_is_sent_any_more() {
    let mut world = connected(2);
    world.loss = 1.0;
    let disconnected =
        world.run_until(ms(20_000), |world| world.both_in(State::Disconnected)).expect("disconnected");
    assert!((ms(4000)..ms(9000)).contains(&disconnected), "{disconnected:?}");
    assert!(world.both_routed(), "data may still be sent");
    let failed = world.run_until(ms(60_000), |world| world.both_in(State::Failed)).expect("failed");
    let total = disconnected + failed;
    assert!((ms(24_000)..=ms(36_000)).contains(&total), "{total:?}");
    assert!(world.both(|peer| peer.route().is_none()));
    assert!(world.both(|peer| peer.events.iter().any(|(_, event)| *event == Event::RouteChanged(None))));
    let sent = [0, 1].map(|peer| world.peers[peer].requests_sent);
    world.loss = 0.0;
    world.run_for(ms(120_000));
    assert_eq!(sent, [0, 1].map(|peer| world.peers[peer].requests_sent));
}

/// How long it takes from when the path is doubted until both know that it is gone.
fn disconnected_after(world: &mut World) -> Duration {
    let sent = [0, 1].map(|peer| world.peers[peer].requests_sent);
    for peer in [0, 1] {
        let now = world.now;
        world.peers[peer].agent.suspect(now);
        world.drain(peer);
    }
    let time = world.run_until(ms(20_000), |world| world.both_in(State::Disconnected)).expect("disconnected");
    for (peer, before) in sent.into_iter().enumerate() {
        assert!(world.peers[peer].requests_sent >= before + 3, "one that is lost, or two, is not enough");
    }
    time
}

#[test]
fn a_path_is_gone_after_1_2_seconds_without_an_answer_or_three_round_trips() {
    for (one_way, longest) in [(1, 1200), (50, 1200), (190, 1200), (210, 1260), (500, 3000)] {
        let mut world = World::two(9);
        world.delay = ms(one_way);
        world.connect(0, 1);
        world.run_until(ms(20_000), |world| world.both_in(State::Completed)).expect("completed");
        // Not while a check is on its way.
        world.run_for(ms(1500));
        world.loss = 1.0;
        assert_eq!(disconnected_after(&mut world), ms(longest), "{one_way} ms one way");
    }
}

#[test]
fn a_short_silence_is_survived() {
    let mut world = connected(3);
    world.loss = 1.0;
    world.run_until(ms(20_000), |world| world.both_in(State::Disconnected)).expect("disconnected");
    world.run_for(ms(10_000));
    world.loss = 0.0;
    let time = world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("connected again");
    assert!(time < ms(1500), "{time:?}");
    world.assert_data_passes();
}

#[test]
fn a_lost_check_or_two_are_not_seen() {
    let mut world = connected(4);
    world.loss = 0.1;
    world.run_for(ms(600_000));
    for peer in &world.peers {
        assert!(peer.agent.state().is_connected());
        assert!(!peer.states().contains(&State::Failed));
    }
}

#[test]
fn when_the_selected_pair_falls_silent_another_is_taken() {
    for seed in 0..10 {
        let mut world = two_paths(seed);
        cut_better_path(&mut world);
        let on_other =
            |peer: &Peer| peer.route().is_some_and(|route| route.local.ip().to_string().ends_with(".2"));
        let time = world.run_until(ms(20_000), |world| world.both(on_other)).expect("taken over");
        assert!(time < ms(8500), "{time:?}");
        world.assert_data_passes();
        assert!(world.both(|peer| !peer.states().contains(&State::Disconnected)));
    }
}

#[test]
fn the_layer_above_can_have_the_pairs_checked_at_once() {
    let mut world = two_paths(5);
    cut_better_path(&mut world);
    for peer in [0, 1] {
        let now = world.now;
        world.peers[peer].agent.suspect(now);
        world.drain(peer);
    }
    let on_other =
        |peer: &Peer| peer.route().is_some_and(|route| route.local.ip().to_string().ends_with(".2"));
    let time = world.run_until(ms(20_000), |world| world.both(on_other)).expect("taken over");
    assert!(time < ms(1500), "{time:?}");
    world.assert_data_passes();
}

#[test]
fn a_better_pair_that_answers_again_has_to_prove_itself_first() {
    let mut world = two_paths(6);
    cut_better_path(&mut world);
    world.run_for(ms(15_000));
    world.blackholes.remove(&("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap()));
    let on_better =
        |peer: &Peer| peer.route().is_some_and(|route| route.local.ip().to_string().ends_with(".1"));
    let time = world.run_until(ms(60_000), |world| on_better(&world.peers[0])).expect("back on it");
    assert!(time >= ms(10_000), "{time:?}");
    world.run_for(ms(500));
    world.assert_data_passes();
}

/// RFC 8445 §11: mappings in NATs last as long as the pair.
#[test]
fn pairs_in_reserve_are_kept_alive() {
    let mut world = two_paths(7);
    let asked = |world: &World| {
        let statistics = world.peers[0].agent.statistics();
        let reserve =
            statistics.pairs.iter().filter(|pair| !pair.selected && pair.state == PairState::Succeeded);
        reserve.map(|pair| pair.counters.responses_received).collect::<Vec<_>>()
    };
    let before = asked(&world);
    assert_eq!(before.len(), 1);
    world.run_for(ms(150_000));
    let after = asked(&world);
    assert!((8..=13).contains(&(after[0] - before[0])), "{before:?} {after:?}");
}

/// An answer counts only with the password of whom was asked.
#[test]
fn a_forged_answer_gives_no_consent() {
    use peerline_stun::{Class, Message, MessageWriter};
    let mut world = connected(8);
    world.blackholes.insert(("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap()));
    let mut buffer = [0; 2300];
    let mut failed = false;
    while world.now < world.start + ms(60_000) && !failed {
        let now = world.peers[0].agent.poll_timeout().unwrap();
        world.now = now;
        let agent = &mut world.peers[0].agent;
        agent.handle_timeout(now);
        while let Some(transmit) = agent.poll_transmit(&mut buffer) {
            let request = Message::parse(&buffer[..transmit.length]).unwrap();
            let mut answer = [0; 200];
            let mut writer = MessageWriter::answer(&mut answer, Class::Success, &request);
            let length = writer
                .xor_address(peerline_stun::attribute::XOR_MAPPED_ADDRESS, transmit.local)
                .integrity(b"a password that is a guess")
                .fingerprint()
                .finish()
                .unwrap();
            let Transmit { local, remote, .. } = transmit;
            let received = agent.handle_input(now, Transport::Udp, local, remote, &answer[..length]);
            assert_eq!(received, Received::Ignored);
        }
        failed = agent.state() == State::Failed;
    }
    assert!(failed);
}
