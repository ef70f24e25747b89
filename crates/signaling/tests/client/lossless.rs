//! §5: "Nothing is lost, nothing comes twice."

use std::collections::BTreeMap;
use std::time::Duration;

use peerline_signaling::client::{Answer, Event, RequestId, State};
use rand::Rng as _;

use crate::network::{Network, link};

const CLIENTS: usize = 3;

struct Sent {
    from: usize,
    to: Vec<usize>,
    request: RequestId,
}

/// Says something at random, and notes it under a number of its own.
fn say(network: &mut Network, sent: &mut Vec<Sent>) {
    let from = network.random.random_range(0..CLIENTS);
    let to = network.random.random_range(0..CLIENTS);
    let text = sent.len().to_string();
    let channel = link(1).channel();
    let others: Vec<_> = (0..CLIENTS).filter(|other| *other != from).collect();
    let said = if to == from {
        network
            .act(from, |client, now| client.publish(now, &channel, text.as_bytes()))
            .map(|request| (request, others))
    } else {
        let receiver = network.id(to);
        let request = network.act(from, |client, now| client.send(now, &channel, receiver, text.as_bytes()));
        request.map(|request| (request, vec![to]))
    };
    let (request, to) = said.unwrap();
    sent.push(Sent { from, to, request });
}

/// What each has received, by number, and the answers to what each has said.
struct Heard {
    received: Vec<Vec<usize>>,
    answers: Vec<BTreeMap<RequestId, Answer>>,
}

fn heard(network: &mut Network) -> Heard {
    let mut heard = Heard { received: vec![Vec::new(); CLIENTS], answers: vec![BTreeMap::new(); CLIENTS] };
    for (number, peer) in network.peers.iter_mut().enumerate() {
        for event in peer.events.drain(..) {
            match event {
                Event::Message { payload, .. } => {
                    heard.received[number].push(str::from_utf8(&payload).unwrap().parse().unwrap());
                }
                Event::Answered(request, answer) => {
                    assert!(heard.answers[number].insert(request, answer).is_none(), "answered twice");
                }
                _ => {}
            }
        }
    }
    heard
}

#[test]
fn whatever_breaks_every_message_arrives_once() {
    for seed in 0..150 {
        let mut network = Network::meeting(seed, CLIENTS as u8);
        let mut sent = Vec::new();
        for _ in 0..60 {
            let who = network.random.random_range(0..CLIENTS);
            match network.random.random_range(0..13) {
                0 => network.break_transport(who),
                1 => network.silence(who),
                2 => {
                    // Without a way to the server for less than the grace time.
                    let until = network.now + Duration::from_secs(network.random.random_range(1..25));
                    network.peers[who].cut_until = Some(until);
                    network.break_transport(who);
                }
                3 => network.act(who, |client, now| client.wake(now)),
                4 => network.act(who, |client, now| client.network_changed(now)),
                5 => {
                    for _ in 0..40 {
                        say(&mut network, &mut sent);
                    }
                }
                _ => say(&mut network, &mut sent),
            }
            let pause = network.random.random_range(0..800);
            network.pass(Duration::from_millis(pause));
        }
        network.pass(Duration::from_secs(90));
        let heard = heard(&mut network);
        for (number, Sent { from, to, request }) in sent.iter().enumerate() {
            let answer = heard.answers[*from].get(request);
            let done = match answer {
                Some(Answer::Done) => true,
                Some(Answer::Published { receivers, busy }) => *receivers == to.len() && busy.is_empty(),
                _ => false,
            };
            assert!(done, "seed {seed}: message {number}: {answer:?}");
            for (receiver, received) in heard.received.iter().enumerate() {
                let times = received.iter().filter(|received| **received == number).count();
                assert_eq!(
                    times,
                    usize::from(to.contains(&receiver)),
                    "seed {seed}: message {number} to {receiver}"
                );
            }
        }
        for (number, peer) in network.peers.iter().enumerate() {
            assert_eq!(peer.client.state(), State::Online, "seed {seed}");
            assert_eq!(peer.client.unanswered(), 0, "seed {seed}");
            // In order from each to each (§7).
            for from in 0..CLIENTS {
                let order = heard.received[number].iter().filter(|message| sent[**message].from == from);
                assert!(order.is_sorted(), "seed {seed}: from {from} to {number}");
            }
        }
    }
}

#[test]
fn a_server_that_loses_its_memory_makes_nothing_come_twice_and_nothing_hang() {
    for seed in 0..60 {
        let mut network = Network::meeting(seed, CLIENTS as u8);
        let mut sent = Vec::new();
        for _ in 0..40 {
            let who = network.random.random_range(0..CLIENTS);
            match network.random.random_range(0..10) {
                0 => network.break_transport(who),
                1 => {
                    network.stop_hub();
                    let down = network.random.random_range(10..8_000);
                    network.pass(Duration::from_millis(down));
                    network.start_hub();
                }
                _ => say(&mut network, &mut sent),
            }
            let pause = network.random.random_range(0..2_000);
            network.pass(Duration::from_millis(pause));
        }
        network.pass(Duration::from_secs(90));
        let before = sent.len();
        for _ in 0..20 {
            say(&mut network, &mut sent);
        }
        network.pass(Duration::from_secs(5));
        let heard = heard(&mut network);
        for (number, Sent { from, to, request }) in sent.iter().enumerate() {
            assert!(heard.answers[*from].contains_key(request), "seed {seed}: silence about {number}");
            for (receiver, received) in heard.received.iter().enumerate() {
                let times = received.iter().filter(|received| **received == number).count();
                let expected = usize::from(to.contains(&receiver));
                assert!(times <= expected, "seed {seed}: message {number} twice");
                // Everybody is back in the channel.
                assert!(number < before || times == expected, "seed {seed}: message {number} to {receiver}");
            }
        }
    }
}
