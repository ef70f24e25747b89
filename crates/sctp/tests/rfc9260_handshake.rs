//! How associations begin and end: RFC 9260 §5, §8, §9, and without handshake (draft-hancke-tsvwg-snap).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;

fn fresh() -> Network<Association> {
    let machines = [association(Config::default(), 1), association(Config::default(), 2)];
    Network::new(machines, [Link::default(), Link::default()], 1)
}

fn both_connected(network: &mut Network<Association>) -> bool {
    network.events.iter().all(|events| events.contains(&Event::Connected))
}

/// §5.1: four packets, and data goes with the third, so that the first message takes one and a half round trips.
#[test]
fn rfc9260_5_1_the_first_message_goes_with_cookie_echo() {
    let mut network = fresh();
    network.tap = Some(Vec::new());
    network.machines[0].connect(network.now).unwrap();
    network.send(0, "first");
    assert!(network.run_until(SECOND, |network| !network.received().is_empty()));
    assert_eq!(network.elapsed(), 30 * MILLISECOND);
    network.run(SECOND);
    assert!(both_connected(&mut network));
    let wire: Vec<_> =
        network.tap.take().unwrap().iter().map(|(side, packet)| (*side, kinds(packet))).collect();
    assert_eq!(wire[..3], [(0, vec![INIT]), (1, vec![INIT_ACK]), (0, vec![COOKIE_ECHO, I_DATA])]);
    assert!(wire[3..].iter().any(|(side, kinds)| *side == 1 && kinds.first() == Some(&COOKIE_ACK)));
}

/// §5.1: T1-init and T1-cookie.
#[test]
fn rfc9260_5_1_each_lost_packet_of_the_handshake_is_repeated() {
    for (from, kind) in [(0, INIT), (1, INIT_ACK), (0, COOKIE_ECHO), (1, COOKIE_ACK)] {
        let mut network = fresh();
        network.drop_kind(from, kind, 2);
        network.machines[0].connect(network.now).unwrap();
        network.send(0, "first");
        assert!(network.run_until(10 * SECOND, both_connected), "chunk {kind} lost");
        network.run(5 * SECOND);
        assert_eq!(network.received(), ["first"], "chunk {kind} lost");
    }
}

/// §5.1: the handshake fails after as many tries as configured.
#[test]
fn rfc9260_5_1_6_nobody_answers() {
    let config = Config { max_init_retransmissions: Some(3), ..Config::default() };
    let mut network = Network::new(
        [association(config, 1), association(Config::default(), 2)],
        [Link { loss: 1.0, ..Link::default() }, Link::default()],
        1,
    );
    network.machines[0].connect(network.now).unwrap();
    network.run(60 * SECOND);
    assert_eq!(network.events[0], [Event::Closed(CloseReason::TimedOut)]);
}

/// §5.2.1: both sides begin at once, as WebRTC's do.
#[test]
fn rfc9260_5_2_1_inits_collide() {
    let mut network = fresh();
    for side in 0..2 {
        network.machines[side].connect(network.now).unwrap();
    }
    network.send(0, "hello");
    network.run(SECOND);
    for side in 0..2 {
        let connected = network.events[side].iter().filter(|event| **event == Event::Connected).count();
        assert_eq!(connected, 1, "side {side}");
    }
    assert_eq!(network.received(), ["hello"]);
}

/// §5.2.4 D: a repeated COOKIE ECHO is answered, and changes nothing.
#[test]
fn rfc9260_5_2_4_cookie_echo_twice() {
    let mut network = fresh();
    network.tap = Some(Vec::new());
    network.machines[0].connect(network.now).unwrap();
    network.run(SECOND);
    let wire = network.tap.take().unwrap();
    let (_, echo) = wire.iter().find(|(_, packet)| kinds(packet) == [COOKIE_ECHO]).unwrap();
    network.tap = Some(Vec::new());
    network.machines[1].handle_input(network.now, echo);
    network.drain();
    assert_eq!(kinds(&network.tap.take().unwrap()[0].1), [COOKIE_ACK]);
    assert_eq!(network.events[1].iter().filter(|event| **event == Event::Connected).count(), 1);
}

/// §5.2.4 A: the peer has lost everything and begins again.
#[test]
fn rfc9260_5_2_4_restart() {
    let mut network = pair();
    network.send(0, "before");
    network.run(SECOND);
    assert_eq!(network.received(), ["before"]);
    network.machines[0] = association(Config::default(), 77);
    network.machines[0].connect(network.now).unwrap();
    network.send(0, "after");
    network.run(SECOND);
    assert!(network.events[1].contains(&Event::Restarted));
    assert_eq!(network.received(), ["after"]);
    let now = network.now;
    network.machines[1]
        .send(now, StreamId(0), PayloadProtocol::BINARY, Bytes::from("back"), SendOptions::default())
        .unwrap();
    network.run(SECOND);
    assert!(network.events[0].iter().any(|event| matches!(event, Event::Message(_))));
}

/// §5.1.5: a cookie that we didn't sign is none.
#[test]
fn rfc9260_5_1_5_a_forged_cookie_is_dropped() {
    let mut network = fresh();
    let mut cookie = vec![COOKIE_ECHO, 0, 0, 80];
    cookie.resize(80, 7);
    network.forge(&[&cookie]);
    network.drain();
    assert_eq!(network.machines[1].state(), State::Closed);
    assert_eq!(network.machines[1].statistics().packets_dropped, 1);
}

/// §5.2.6: a cookie that comes too late is refused, and the handshake begins again.
#[test]
fn rfc9260_5_2_6_a_stale_cookie() {
    let config = Config { cookie_lifetime: SECOND, ..Config::default() };
    let mut network = Network::new(
        [association(Config::default(), 1), association(config, 2)],
        [Link { blackouts: vec![(15 * MILLISECOND, 3 * SECOND)], ..Link::default() }, Link::default()],
        1,
    );
    network.machines[0].connect(network.now).unwrap();
    assert!(network.run_until(20 * SECOND, both_connected));
}

/// RFC 9260 §8.5, §6.8: what has the wrong tag or checksum is dropped.
#[test]
fn rfc9260_8_5_foreign_packets_are_dropped() {
    let mut network = pair_of([Config { zero_checksum: false, ..Config::default() }, Config::default()]);
    network.tap = Some(Vec::new());
    network.filter = Some(Box::new(|side, _| side == 0));
    network.send(0, "hello");
    network.drain();
    let (_, packet) = network.tap.take().unwrap().remove(0);
    for broken in [4, 8, 30] {
        let mut packet = packet.clone();
        packet[broken] ^= 1;
        network.machines[1].handle_input(network.now, &packet);
        assert_eq!(network.received(), [""; 0], "byte {broken}");
    }
    network.machines[1].handle_input(network.now, &packet);
    assert_eq!(network.received(), ["hello"]);
}

/// §8.3: an idle path is probed; §8.1: without answers the association fails, if it is to.
#[test]
fn rfc9260_8_1_path_failure() {
    let config =
        Config { max_retransmissions: Some(4), heartbeat_interval: Some(5 * SECOND), ..Config::default() };
    let mut network = pair_of([config, Config::default()]);
    network.run(60 * SECOND);
    assert_eq!(network.machines[0].state(), State::Established);
    network.links[1].loss = 1.0;
    network.run(60 * SECOND);
    assert_eq!(network.events[0].last(), Some(&Event::Closed(CloseReason::TimedOut)));
}

/// §9.1.
#[test]
fn rfc9260_9_1_abort_says_why() {
    let mut network = pair();
    let now = network.now;
    network.machines[0].abort(now, "enough");
    network.run(SECOND);
    assert_eq!(network.events[0], [Event::Closed(CloseReason::Aborted)]);
    let reason = CloseReason::AbortedByPeer { code: Some(12), reason: "enough".into() };
    assert_eq!(network.events[1], [Event::Closed(reason)]);
    let options = SendOptions::default();
    let refused =
        network.machines[0].send(now, StreamId(0), PayloadProtocol::BINARY, Bytes::from("x"), options);
    assert_eq!(refused, Err(SendError::Closed));
}

/// §9.2: what was sent arrives before the association closes, on a lossy path too.
#[test]
fn rfc9260_9_2_shutdown_delivers_first() {
    for (seed, both) in [(1, false), (2, true), (3, false), (4, true)] {
        let link = Link { loss: 0.2, ..Link::default() };
        let mut network = connected([Config::default(), Config::default()], [link.clone(), link], seed);
        for number in 0..50_u8 {
            network.send(0, vec![number; 3_000]);
        }
        let now = network.now;
        network.machines[0].shutdown(now);
        if both {
            network.machines[1].shutdown(now);
        }
        network.run(120 * SECOND);
        assert_eq!(network.received().len(), 50, "seed {seed}");
        assert_eq!(network.events[0].last(), Some(&Event::Closed(CloseReason::Shutdown)), "seed {seed}");
        assert!(matches!(network.events[1].last(), Some(Event::Closed(_))), "seed {seed}");
    }
}

/// §3.2: what chunks of unknown type ask for in their highest bits.
#[test]
fn rfc9260_3_2_unknown_chunks() {
    let heartbeat = [HEARTBEAT, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4];
    for (kind, goes_on, is_reported) in
        [(0x3F, false, false), (0x7F, false, true), (0xBF, true, false), (0xFE, true, true)]
    {
        let mut network = pair();
        network.tap = Some(Vec::new());
        network.forge(&[&[kind, 0, 0, 8, 9, 9, 9, 9], &heartbeat]);
        network.drain();
        let answers: Vec<u8> =
            network.tap.take().unwrap().iter().flat_map(|(_, packet)| kinds(packet)).collect();
        assert_eq!(answers.contains(&5), goes_on, "{kind:#x}");
        assert_eq!(answers.contains(&ERROR), is_reported, "{kind:#x}");
    }
}

/// §3.3.1: a chunk of data without data ends the association.
#[test]
fn rfc9260_3_3_10_9_no_user_data() {
    let mut network = pair();
    network.forge(&[&[I_DATA, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53]]);
    network.run(SECOND);
    assert!(matches!(network.events[1].last(), Some(Event::Closed(CloseReason::ProtocolViolation(_)))));
    assert!(matches!(
        network.events[0].last(),
        Some(Event::Closed(CloseReason::AbortedByPeer { code: Some(9), .. }))
    ));
}

/// draft-hancke-tsvwg-snap: INITs carried in SDP make a handshake superfluous.
#[test]
fn snap_no_handshake() {
    let mut network = fresh();
    let inits = network.machines.each_ref().map(Association::local_init);
    assert_eq!(inits[0][0], INIT);
    let now = network.now;
    network.machines[0].connect_with_remote_init(now, &inits[1]).unwrap();
    network.machines[1].connect_with_remote_init(now, &inits[0]).unwrap();
    network.tap = Some(Vec::new());
    network.send(0, "at once");
    assert!(network.run_until(SECOND, |network| !network.received().is_empty()));
    assert_eq!(network.elapsed(), 10 * MILLISECOND);
    network.run(SECOND);
    let wire = network.tap.take().unwrap();
    assert!(wire.iter().all(|(_, packet)| {
        !kinds(packet).iter().any(|kind| [INIT, INIT_ACK, COOKIE_ECHO, COOKIE_ACK].contains(kind))
    }));
    assert!(both_connected(&mut network));
    let negotiated = network.machines[0].negotiated().unwrap();
    assert!(negotiated.interleaving && negotiated.zero_checksum && negotiated.partial_reliability);
}

/// draft-hancke-tsvwg-snap: what isn't an INIT isn't taken, and a handshake can still follow.
#[test]
fn snap_broken_init() {
    let mut network = fresh();
    let now = network.now;
    let good = network.machines[1].local_init();
    for bad in [
        &good[..10],
        &good[4..],
        &[][..],
        &[INIT, 0, 0, 20, 0, 0, 0, 0, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1][..],
    ] {
        let refused = network.machines[0].connect_with_remote_init(now, bad);
        assert_eq!(refused, Err(ConnectError::InvalidInit));
    }
    network.machines[0].connect(now).unwrap();
    assert!(network.run_until(Duration::from_secs(1), both_connected));
}

/// RFC 9653 §5.2: packets go without checksum where both sides accept that, but never INIT, INIT ACK and COOKIE ECHO.
#[test]
fn rfc9653_5_2_zero_checksum() {
    for accepts in [true, false] {
        let config = Config { zero_checksum: accepts, ..Config::default() };
        let mut network = Network::new(
            [association(config, 1), association(Config::default(), 2)],
            [Link::default(), Link::default()],
            1,
        );
        network.tap = Some(Vec::new());
        network.machines[0].connect(network.now).unwrap();
        network.run(SECOND);
        network.send(0, "hello");
        network.run(SECOND);
        assert_eq!(network.received(), ["hello"]);
        for (_, packet) in network.tap.take().unwrap() {
            let is_zero = packet[8..12] == [0; 4];
            let must_have = kinds(&packet).iter().any(|kind| [INIT, INIT_ACK, COOKIE_ECHO].contains(kind));
            assert_eq!(is_zero, accepts && !must_have, "{:?}", kinds(&packet));
        }
    }
}
