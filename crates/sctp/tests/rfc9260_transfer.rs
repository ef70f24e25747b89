//! How data passes: RFC 9260 §6 and §7, RFC 8985, RFC 8899, and what a peer can make us hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;

const ROUND_TRIP: std::time::Duration = std::time::Duration::from_millis(20);

/// One chunk of data in each packet.
fn plain() -> Network<Association> {
    let config = Config { max_packet_size: 1188, ..Config::default() };
    pair_of([config.clone(), config])
}

/// §6.2: one acknowledgement for a received burst, however many packets it has.
#[test]
fn rfc9260_6_2_one_sack_per_burst() {
    let mut network = pair();
    network.send(0, vec![1; 10_000]);
    let mut buffer = [0; 1500];
    let mut packets = 0;
    while let Some(length) = network.machines[0].poll_transmit(network.now, &mut buffer) {
        network.machines[1].handle_input(network.now, &buffer[..length]);
        packets += 1;
    }
    assert!(packets >= 8);
    let length = network.machines[1].poll_transmit(network.now, &mut buffer).unwrap();
    assert_eq!(kinds(&buffer[..length]), [SACK]);
    assert_eq!(network.machines[1].poll_transmit(network.now, &mut buffer), None);
}

/// §6.2: the acknowledgement of a single packet waits a little, and goes with data if there is some.
#[test]
fn rfc9260_6_2_a_delayed_sack() {
    let mut network = pair();
    network.tap = Some(Vec::new());
    network.send(0, "alone");
    network.run(SECOND);
    let (_, sack) = network.tap.take().unwrap().into_iter().find(|(side, _)| *side == 1).unwrap();
    assert_eq!(kinds(&sack), [SACK]);
    assert_eq!(network.received(), ["alone"]);
    network.tap = Some(Vec::new());
    network.send(0, "question");
    network.run_until(SECOND, |network| !network.received().is_empty());
    let now = network.now;
    let options = SendOptions::default();
    network.machines[1]
        .send(now, StreamId(0), PayloadProtocol::BINARY, Bytes::from("answer"), options)
        .unwrap();
    network.drain();
    let wire = network.tap.take().unwrap();
    assert_eq!(kinds(&wire.last().unwrap().1), [SACK, I_DATA]);
}

/// §7.2.4, RFC 8985 §6: one packet lost of many is sent again a round trip later, without a timeout.
#[test]
fn rfc8985_6_a_single_loss_costs_one_round_trip() {
    let mut network = plain();
    let mut count = 0;
    network.filter = Some(Box::new(move |side, packet| {
        count += usize::from(side == 0 && kinds(packet).contains(&I_DATA));
        side == 0 && count == 3
    }));
    network.send(0, vec![1; 9_000]);
    let begun = network.now;
    assert!(network.run_until(SECOND, |network| !network.received().is_empty()));
    assert!(network.now - begun <= 2 * ROUND_TRIP, "{:?}", network.now - begun);
    let statistics = network.machines[0].statistics();
    assert_eq!((statistics.retransmissions, statistics.timeouts), (1, 0));
}

/// RFC 8985 §7: the last packets of a transfer being lost, a probe finds out long before the timeout.
#[test]
fn rfc8985_7_a_lost_tail_is_probed() {
    let mut network = plain();
    let mut count = 0;
    network.filter = Some(Box::new(move |side, packet| {
        count += usize::from(side == 0 && kinds(packet).contains(&I_DATA));
        side == 0 && (6..=8).contains(&count)
    }));
    network.send(0, vec![1; 9_000]);
    let begun = network.now;
    assert!(network.run_until(SECOND, |network| !network.received().is_empty()));
    assert!(network.now - begun <= 5 * ROUND_TRIP, "{:?}", network.now - begun);
    assert_eq!(network.machines[0].statistics().timeouts, 0);
}

/// RFC 8985 §6.2 step 4: a path that reorders is learned, and not taken for a lossy one.
#[test]
fn rfc8985_6_2_reordering_is_not_loss() {
    let link = Link { jitter: 8 * MILLISECOND, ..Link::default() };
    let mut network = connected([Config::default(), Config::default()], [link, Link::default()], 3);
    for _ in 0..200 {
        network.send(0, vec![1; 60_000]);
        network.run(ROUND_TRIP);
    }
    network.run(5 * SECOND);
    assert_eq!(network.received().len(), 200);
    let statistics = network.machines[0].statistics();
    assert!(statistics.retransmissions < 600, "{statistics:?}");
    assert_eq!(statistics.timeouts, 0);
}

/// §6.3.3: when all is lost, it is sent again after a timeout, which doubles.
#[test]
fn rfc9260_6_3_3_timeout() {
    let mut network = pair();
    network.links[0].loss = 1.0;
    network.send(0, "hello");
    network.run(2 * SECOND);
    assert!(network.machines[0].statistics().timeouts >= 2);
    network.links[0].loss = 0.0;
    network.run(3 * SECOND);
    assert_eq!(network.received(), ["hello"]);
}

/// Where little is on its way, it takes no more than two timeouts more in the same time.
#[test]
fn a_few_chunks_are_soon_sent_again() {
    let timeouts = |count| {
        let mut network = pair();
        network.links[0].loss = 1.0;
        for _ in 0..count {
            network.send(0, vec![1; 1000]);
        }
        network.run(5 * SECOND);
        network.machines[0].statistics().timeouts
    };
    let (few, many) = (timeouts(1), timeouts(8));
    assert!((1..=2).contains(&(few - many)), "{few} {many}");
}

/// §6.1 A: a receiver that doesn't read stops the sender, and lets it go on.
#[test]
fn rfc9260_6_1_a_the_window_closes_and_opens() {
    let window = 100_000;
    let config = Config { receive_window: window, max_receive_window: window, ..Config::default() };
    let mut network = pair_of([Config::default(), config]);
    let mut unread = 0;
    for _ in 0..100 {
        network.send(0, vec![1; 10_000]);
        network.run(100 * MILLISECOND);
        unread += network.received().iter().map(Bytes::len).sum::<usize>();
        network.machines[1].set_unread(unread);
    }
    assert!(unread <= window as usize + 20_000, "{unread}");
    network.run(20 * SECOND);
    let stalled = network.machines[0].statistics();
    assert_eq!(network.machines[0].state(), State::Established);
    assert!(stalled.buffered_amount > 0);
    network.machines[1].set_unread(0);
    network.run(5 * SECOND);
    assert_eq!(unread + network.received().iter().map(Bytes::len).sum::<usize>(), 1_000_000);
}

/// The receive window follows what the path can carry, up to its ceiling.
#[test]
fn the_receive_window_grows() {
    let config = Config { receive_window: 20_000, max_receive_window: 3_000_000, ..Config::default() };
    let mut network = pair_of([Config::default(), config]);
    for _ in 0..20 {
        network.send(0, vec![1; 65_536]);
    }
    network.run(10 * SECOND);
    let window = network.machines[1].statistics().receive_window;
    assert!((200_000..=3_000_000).contains(&window), "{window}");
}

/// A message longer than the window can be received: what grows in order doesn't take up the window.
#[test]
fn a_message_longer_than_the_window() {
    let receiver = Config {
        receive_window: 50_000,
        max_receive_window: 50_000,
        max_receive_message_size: 8 << 20,
        ..Config::default()
    };
    let sender = Config { max_send_message_size: 8 << 20, ..Config::default() };
    let mut network = pair_of([sender, receiver]);
    let message = Bytes::from((0..8_u32 << 20).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    network.send(0, message.clone());
    network.run(60 * SECOND);
    assert!(network.received() == [message]);
}

/// A message longer than we take is dropped and announced; what follows arrives.
#[test]
fn a_message_that_is_too_large() {
    let config = Config { max_receive_message_size: 10_000, ..Config::default() };
    let mut network = pair_of([Config::default(), config]);
    network.send(0, vec![1; 50_000]);
    network.send(0, "next");
    network.run(5 * SECOND);
    assert_eq!(network.received(), ["next"]);
    assert_eq!(network.events[1], [Event::MessageTooLarge(StreamId(0))]);
}

/// Parts come as they arrive, of messages longer than any limit.
#[test]
fn delivery_in_parts() {
    let config = Config { max_receive_message_size: 1_000, ..Config::default() };
    let mut network = pair_of([Config { max_send_message_size: 1 << 20, ..Config::default() }, config]);
    network.machines[1].set_delivery(StreamId(3), Delivery::Parts);
    network.links[0].loss = 0.1;
    let message = Bytes::from((0..600_000_u32).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    network.send(3, message.clone());
    network.send(3, "next");
    network.run(60 * SECOND);
    let mut messages = Vec::new();
    for event in &network.events[1] {
        let Event::Part(part) = event else { panic!("{event:?}") };
        if part.is_first {
            messages.push((Vec::new(), false));
        }
        let (bytes, is_complete) = messages.last_mut().unwrap();
        bytes.extend_from_slice(&part.payload);
        *is_complete = part.is_last;
    }
    assert_eq!(messages, [(message.to_vec(), true), (b"next".to_vec(), true)]);
    assert!(network.events[1].len() > 100);
}

/// What a peer can make us hold is limited: beyond, the association ends.
#[test]
fn a_peer_that_fills_our_memory() {
    let config = Config {
        receive_limit: 300_000,
        max_receive_message_size: 1 << 20,
        receive_window: 200_000,
        max_receive_window: 200_000,
        ..Config::default()
    };
    let mut network = pair_of([Config { max_send_message_size: 1 << 20, ..Config::default() }, config]);
    network.send(0, vec![1; 1 << 20]);
    network.run(10 * SECOND);
    assert_eq!(network.events[1].last(), Some(&Event::Closed(CloseReason::OutOfResource)));
}

/// `buffered_amount` counts what waits to be sent, and its threshold is announced once per crossing.
#[test]
fn buffered_amount() {
    let mut network = pair();
    network.machines[0].set_buffered_amount_low_threshold(StreamId(0), 20_000);
    for _ in 0..4 {
        network.send(0, vec![1; 65_536]);
    }
    assert_eq!(network.machines[0].buffered_amount(StreamId(0)), 4 * 65_536);
    network.run(5 * SECOND);
    assert_eq!(network.machines[0].buffered_amount(StreamId(0)), 0);
    assert_eq!(network.events[0], [Event::BufferedAmountLow(StreamId(0))]);
}

/// RFC 8899 §5.3: the largest packet that passes is found.
#[test]
fn rfc8899_5_3_packets_grow_to_what_passes() {
    for mtu in [1188, 1300, 1404, 5_000] {
        let link = Link { mtu, ..Link::default() };
        let config = Config { max_packet_size: 9_000, ..Config::default() };
        let mut network = connected([config.clone(), config], [link.clone(), link], 1);
        network.run(30 * SECOND);
        let size = network.machines[0].statistics().packet_size;
        assert!((mtu - 28..=mtu).contains(&size), "{size} of {mtu}");
        network.send(0, vec![1; 60_000]);
        network.run(SECOND);
        assert_eq!(network.received().len(), 1);
    }
}

/// RFC 8899 §5.2: a path that doesn't even carry the base size.
#[test]
fn rfc8899_5_2_a_narrow_path() {
    let link = Link { mtu: 512, ..Link::default() };
    let mut network = connected([Config::default(), Config::default()], [link.clone(), link], 1);
    for _ in 0..10 {
        network.send(0, vec![1; 60_000]);
    }
    network.run(30 * SECOND);
    assert_eq!(network.received().len(), 10);
    let size = network.machines[0].statistics().packet_size;
    assert!((484..=512).contains(&size), "{size}");
}

/// RFC 8899 §4.3: a path that becomes narrower. No chunk in flight is longer than the base size: all can be sent again.
#[test]
fn rfc8899_4_3_a_path_that_narrows() {
    let config = Config { max_packet_size: 9_000, ..Config::default() };
    let mut network = pair_of([config.clone(), config]);
    network.run(5 * SECOND);
    assert!(network.machines[0].statistics().packet_size > 8_000);
    for _ in 0..20 {
        network.send(0, vec![1; 60_000]);
    }
    network.run(15 * MILLISECOND);
    network.links[0].mtu = 1200;
    network.run(30 * SECOND);
    assert_eq!(network.received().len(), 20);
    let size = network.machines[0].statistics().packet_size;
    assert!((1176..=1200).contains(&size), "{size}");
}

/// §7.2.1: a new path begins slowly.
#[test]
fn rfc9260_7_2_1_another_path() {
    let mut network = pair();
    for _ in 0..40 {
        network.send(0, vec![1; 65_536]);
    }
    network.run(2 * SECOND);
    assert!(network.machines[0].statistics().congestion_window > 100_000);
    let now = network.now;
    network.machines[0].path_changed(now, None);
    assert!(network.machines[0].statistics().congestion_window < 20_000);
    network.send(0, "still there");
    network.run(2 * SECOND);
    assert_eq!(network.received().len(), 41);
}

/// Not all of 40 messages came by a path that is dead. Another one carries the rest soon after `side` has learned of it.
fn assert_rest_arrives_soon_after_another_path(mut network: Network<Association>, side: usize) {
    let received = network.received().len();
    network.filter = None;
    let now = network.now;
    network.machines[side].path_changed(now, None);
    assert_rest_arrives_soon(network, received);
}

/// Of 40 messages so many have come, and not all.
fn assert_rest_arrives_soon(mut network: Network<Association>, mut received: usize) {
    assert!(received < 40);
    let is_whole = network.run_until(2 * SECOND, |network| {
        received += network.received().len();
        received == 40
    });
    assert!(is_whole, "{received} of 40");
}

/// The timer of a path that was gone, doubled again and again, is no reason to wait on the next one.
#[test]
fn what_was_lost_on_a_dead_path_goes_by_the_next_one_at_once() {
    let mut network = pair();
    for _ in 0..40 {
        network.send(0, vec![1; 65_536]);
    }
    network.run(SECOND / 20);
    network.filter = Some(Box::new(|_, _| true));
    network.run(11 * SECOND);
    assert_rest_arrives_soon_after_another_path(network, 0);
}

/// §7.2.1, §6.3.1: what a dead path has lost says nothing about the next one, which begins as the first did.
#[test]
fn rfc9260_7_2_1_a_path_after_a_dead_one_begins_as_a_new_one() {
    let most = 3;
    let config = Config { max_retransmissions: Some(most), ..Config::default() };
    let mut network = connected([config.clone(), config], [Link::default(), Link::default()], 1);
    let initial = network.machines[0].statistics().congestion_window;
    network.run(SECOND);
    for _ in 0..40 {
        network.send(0, vec![1; 65_536]);
    }
    network.run(SECOND / 20);
    network.filter = Some(Box::new(|_, _| true));
    let times_out = |network: &mut Network<Association>| {
        let before = network.machines[0].statistics().timeouts;
        assert!(network.run_until(10 * SECOND, |network| network.machines[0].statistics().timeouts > before));
        network.now
    };
    // Three paths in a row that are dead: each has as many timeouts as the association survives, and no path more of them than before.
    for _ in 0..3 {
        for _ in 0..most {
            times_out(&mut network);
        }
        let now = network.now;
        network.machines[0].path_changed(now, None);
        let begun = network.machines[0].statistics();
        assert_eq!(begun.congestion_window, initial);
        network.drain();
        let begun = network.machines[0].statistics();
        assert!(begun.bytes_in_flight > initial / 2, "a window is sent at once: {begun:?}");
        assert!(begun.packet_size >= 1_000, "nothing says that it is a narrow one: {begun:?}");
        let (first, second) = (times_out(&mut network), times_out(&mut network));
        let initial_timeout = Config::default().rto_initial;
        assert_eq!((first - now, second - first), (initial_timeout, initial_timeout * 2));
        // One that works, for the next round to have something to lose.
        network.filter = None;
        let now = network.now;
        network.machines[0].path_changed(now, None);
        network.run(SECOND / 20);
        network.filter = Some(Box::new(|_, _| true));
    }
    network.filter = None;
    let now = network.now;
    network.machines[0].path_changed(now, None);
    network.run(5 * SECOND);
    assert_eq!(network.received().len(), 40);
}

/// Of 40 messages some came by a path that is dead by now, and a part of what came was never acknowledged.
fn with_an_unacknowledged_rest_on_a_dead_path() -> Network<Association> {
    let mut network = pair();
    for _ in 0..40 {
        network.send(0, vec![1; 65_536]);
    }
    network.run(SECOND / 20);
    network.filter = Some(Box::new(|side, _| side == 1));
    network.run(SECOND / 50);
    network.filter = Some(Box::new(|_, _| true));
    network
}

/// A sender that doesn't know of the new path, and whose timer was doubled again and again, goes on when the receiver says what it has.
#[test]
fn a_receiver_on_another_path_says_again_what_it_has() {
    let mut network = with_an_unacknowledged_rest_on_a_dead_path();
    network.run(11 * SECOND);
    assert_rest_arrives_soon_after_another_path(network, 1);
}

/// A sender whose timer was doubled, and who sends by the dead path for a while yet, gets to know what a receiver has only when that is of
/// use: not with what the receiver has to send itself.
#[test]
fn a_receiver_on_another_path_says_what_it_has_once_the_sender_can_use_it() {
    let mut network = with_an_unacknowledged_rest_on_a_dead_path();
    let (now, something) = (network.now, "of its own".into());
    network.machines[1]
        .send(now, StreamId(0), PayloadProtocol::BINARY, something, SendOptions::default())
        .unwrap();
    network.run(11 * SECOND);
    let received = network.received().len();
    let now = network.now;
    network.filter = Some(Box::new(|side, _| side == 0));
    network.machines[1].path_changed(now, Some(10 * MILLISECOND));
    network.run(50 * MILLISECOND);
    network.filter = None;
    assert_rest_arrives_soon(network, received);
}
