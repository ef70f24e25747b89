//! draft-hancke-webrtc-sped: a handshake's datagrams travel with checks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_stun::attribute::{DTLS_IN_STUN, DTLS_IN_STUN_ACKNOWLEDGEMENT, PRIORITY, USERNAME};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId, crc32};

/// A datagram as DTLS might send it: its first byte is that of a handshake record.
fn dtls(what: u8) -> Box<[u8]> {
    let mut datagram = vec![what; 300];
    datagram[0] = 22;
    datagram.into()
}

fn two(seed: u64, embed: [bool; 2]) -> World {
    let mut world = World::new(seed);
    let [ours, theirs] = embed;
    world.peer(Config { dtls_in_stun: ours, ..Config::default() }, &["192.0.2.1:5000"], None);
    world.peer(Config { dtls_in_stun: theirs, ..controlled() }, &["198.51.100.1:6000"], None);
    world
}

/// A check of somebody who knows `pwd`, for `agent`.
fn check(agent: &Agent, pwd: &str, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut buffer = [0; 1500];
    let mut writer =
        MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TransactionId::new([7; 12]));
    writer.attribute(USERNAME, format!("{}:them", agent.local_credentials().ufrag).as_bytes());
    writer.number(PRIORITY, 1);
    for (number, value) in attributes {
        writer.attribute(*number, value);
    }
    let length = writer.integrity(pwd.as_bytes()).fingerprint().finish().unwrap();
    buffer[..length].to_vec()
}

#[test]
fn a_hello_and_the_reply_to_it_take_one_round_trip_5_4() {
    let mut world = two(1, [true, true]);
    let now = world.now;
    world.peers[0].agent.embed(now, vec![dtls(1)]);
    world.peers[1].replies = [vec![dtls(2)]].into();
    world.connect(0, 1);
    let time = world.run_until(ms(5000), |world| !world.peers[0].embedded.is_empty());
    assert_eq!(time, Some(ms(100)), "as long as the check and its answer");
    // With each check until it is acknowledged.
    assert!(world.peers[1].embedded.iter().all(|datagram| **datagram == *dtls(1)));
    assert_eq!(world.peers[0].embedded, [dtls(2).to_vec()]);
}

#[test]
fn messages_say_what_has_come_and_what_is_to_come_4_2() {
    let mut world = two(1, [true, false]);
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    agent.add_local_address(now, address("192.0.2.1:5000"));
    agent.gather(now);
    let pwd = agent.local_credentials().pwd.clone();
    let mut ask = |attributes: &[(u16, &[u8])], reply: Vec<Box<[u8]>>| {
        let check = check(agent, &pwd, attributes);
        let (local, remote) = (address("192.0.2.1:5000"), address("198.51.100.1:6000"));
        let received = agent.handle_input(now, Transport::Udp, local, remote, &check);
        if matches!(received, Received::Embedded { .. }) {
            agent.embed(now, reply);
        }
        let mut buffer = [0; 2300];
        let length = agent.poll_transmit(&mut buffer).expect("an answer").length;
        let answer = Message::parse(&buffer[..length]).unwrap();
        let datagram = answer.attribute(DTLS_IN_STUN).map(<[u8]>::to_vec);
        (datagram, answer.attribute(DTLS_IN_STUN_ACKNOWLEDGEMENT).map(<[u8]>::to_vec))
    };
    let crc = |datagram: &[u8]| crc32(datagram).to_be_bytes();
    // Nothing has come, and there is nothing to say: this side goes along nevertheless.
    assert_eq!(ask(&[(DTLS_IN_STUN, &[])], vec![]), (Some(vec![]), Some(vec![])));
    let (one, two, three) = (dtls(1), dtls(2), dtls(3));
    let acknowledged = Some(crc(&one).to_vec());
    let said = ask(&[(DTLS_IN_STUN, &one)], vec![two.clone(), three.clone()]);
    assert_eq!(said, (Some(two.to_vec()), acknowledged.clone()));
    // One after the other, until they are acknowledged.
    assert_eq!(ask(&[(DTLS_IN_STUN, &[])], vec![]).0, Some(three.to_vec()));
    assert_eq!(ask(&[(DTLS_IN_STUN, &[])], vec![]).0, Some(two.to_vec()));
    let of_two = crc(&two);
    assert_eq!(
        ask(&[(DTLS_IN_STUN_ACKNOWLEDGEMENT, &of_two), (DTLS_IN_STUN, &[])], vec![]).0,
        Some(three.to_vec())
    );
    let of_three = crc(&three);
    let said = ask(&[(DTLS_IN_STUN_ACKNOWLEDGEMENT, &of_three), (DTLS_IN_STUN, &[])], vec![]);
    assert_eq!(said, (Some(vec![]), acknowledged), "all has arrived");
    // What isn't DTLS isn't handed on, nor acknowledged.
    assert_eq!(ask(&[(DTLS_IN_STUN, &[200, 1, 2])], vec![]).1.map(|crcs| crcs.len()), Some(4));
    // No more than four, the newest.
    for number in 10..20 {
        ask(&[(DTLS_IN_STUN, &dtls(number))], vec![]);
    }
    let newest = (16..20).flat_map(|number| crc(&dtls(number))).collect::<Vec<_>>();
    assert_eq!(ask(&[(DTLS_IN_STUN, &[])], vec![]).1, Some(newest));
}

#[test]
fn nothing_is_taken_from_whoever_does_not_know_the_password_9_1() {
    let mut world = two(1, [true, false]);
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    agent.add_local_address(now, address("192.0.2.1:5000"));
    agent.gather(now);
    let check = check(agent, "a password that is wrong", &[(DTLS_IN_STUN, &dtls(1))]);
    let (local, remote) = (address("192.0.2.1:5000"), address("198.51.100.1:6000"));
    let received = agent.handle_input(now, Transport::Udp, local, remote, &check);
    assert_eq!(received, Received::Ignored);
    assert!(agent.embeds(), "nor does it end it");
}

#[test]
fn whoever_does_not_know_of_it_is_left_in_peace_5_5() {
    for embed in [[true, false], [false, true]] {
        let mut world = two(1, embed);
        let now = world.now;
        for peer in [0, 1] {
            if embed[peer] {
                world.peers[peer].agent.embed(now, vec![dtls(1)]);
            }
        }
        world.connect(0, 1);
        world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("completed");
        assert!(world.both(|peer| !peer.agent.embeds() && peer.embedded.is_empty()));
        // The hello goes out by itself then.
        let embedding = usize::from(embed[1]);
        let mut buffer = [0; 2048];
        assert_eq!(world.peers[embedding].agent.poll_embedded(&mut buffer), Some(300));
        assert_eq!(world.peers[embedding].agent.poll_embedded(&mut buffer), None);
    }
}

#[test]
fn every_datagram_of_a_flight_arrives_whatever_is_lost_5_8() {
    for seed in 0..50 {
        let mut world = two(seed, [true, true]);
        world.loss = 0.3;
        let now = world.now;
        for peer in [0, 1] {
            world.peers[peer].agent.embed(now, (1..=3).map(dtls).collect());
        }
        world.connect(0, 1);
        let has_all = |peer: &Peer| (1..=3).all(|what| peer.embedded.contains(&dtls(what).to_vec()));
        world.run_until(ms(5_000), |world| world.both(has_all)).expect("all of both sides, soon");
    }
}

#[test]
fn it_ends_when_both_handshakes_are_complete_4_4() {
    let mut world = two(1, [true, true]);
    let now = world.now;
    world.peers[0].agent.embed(now, vec![dtls(1)]);
    world.connect(0, 1);
    world.run_until(ms(5000), |world| !world.peers[1].embedded.is_empty()).unwrap();
    world.peers.iter_mut().for_each(|peer| peer.agent.embedding_complete());
    world.run_until(ms(30_000), |world| world.both(|peer| !peer.agent.embeds())).expect("an end");
}
