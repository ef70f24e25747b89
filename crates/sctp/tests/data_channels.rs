//! Data channels (RFC 8831) and their establishment (RFC 8832).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use peerline_sctp::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn unconnected(links: [Link; 2], seed: u64) -> Network<DataChannels> {
    let config = || Config { max_send_message_size: 1 << 20, ..Config::default() };
    let machines = [seed ^ 3, seed ^ 12].map(|seed| DataChannels::new(config(), StdRng::seed_from_u64(seed)));
    Network::new(machines, links, seed)
}

/// 0 is the DTLS client.
fn connect(network: &mut Network<DataChannels>) {
    network.machines[0].set_role(Role::Client);
    network.machines[1].set_role(Role::Server);
    for side in 0..2 {
        network.machines[side].connect(network.now).unwrap();
    }
    let both = |network: &mut Network<DataChannels>| {
        network.events.iter().all(|events| events.contains(&ChannelEvent::Connected))
    };
    assert!(network.run_until(60 * SECOND, both));
}

fn open(network: &mut Network<DataChannels>, side: usize, init: DataChannelInit) -> ChannelHandle {
    let now = network.now;
    network.machines[side].open(now, init).unwrap()
}

fn labelled(label: &str) -> DataChannelInit {
    DataChannelInit { label: label.into(), ..DataChannelInit::default() }
}

fn announced(events: &[ChannelEvent]) -> Vec<ChannelHandle> {
    let announced = |event: &ChannelEvent| match event {
        ChannelEvent::Announced(handle) => Some(*handle),
        _ => None,
    };
    events.iter().filter_map(announced).collect()
}

fn messages(events: &[ChannelEvent]) -> Vec<Payload> {
    let message = |event: &ChannelEvent| match event {
        ChannelEvent::Message(_, payload) => Some(payload.clone()),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

/// An open channel between both, by its handles.
fn channel(network: &mut Network<DataChannels>, init: DataChannelInit) -> [ChannelHandle; 2] {
    let ours = open(network, 0, init);
    network.run_until(60 * SECOND, |network| !announced(&network.events[1]).is_empty());
    network.run(SECOND);
    let theirs = announced(&network.events[1]).pop().unwrap();
    network.events = [Vec::new(), Vec::new()];
    [ours, theirs]
}

/// RFC 8832 §5.1: what a channel is to be reaches the other side whole.
#[test]
fn rfc8832_5_1_open() {
    let kinds = [
        (true, Reliability::Reliable),
        (false, Reliability::Reliable),
        (true, Reliability::MaxRetransmissions(3)),
        (false, Reliability::MaxRetransmissions(0)),
        (true, Reliability::MaxLifetime(Duration::from_millis(1_500))),
        (false, Reliability::MaxLifetime(Duration::from_millis(10))),
    ];
    let mut network = unconnected([Link::default(), Link::default()], 1);
    connect(&mut network);
    for (ordered, reliability) in kinds {
        let init = DataChannelInit {
            label: "a label, ö".into(),
            protocol: "a protocol".into(),
            ordered,
            reliability,
            priority: 1024,
            ..DataChannelInit::default()
        };
        let [ours, theirs] = channel(&mut network, init);
        assert_eq!(network.machines[0].describe(ours), network.machines[1].describe(theirs));
        assert_eq!(network.machines[0].state(ours), ChannelState::Open);
    }
}

/// RFC 8832 §6: the DTLS client takes even ids, the server odd ones.
#[test]
fn rfc8832_6_ids_by_role() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    let early = open(&mut network, 1, labelled("early"));
    assert_eq!(network.machines[1].describe(early).unwrap().id, None);
    assert_eq!(network.machines[1].state(early), ChannelState::Connecting);
    connect(&mut network);
    let late = open(&mut network, 1, labelled("late"));
    let other = open(&mut network, 0, labelled("other"));
    let id = |network: &Network<DataChannels>, side: usize, handle| {
        network.machines[side].describe(handle).unwrap().id
    };
    assert_eq!(id(&network, 1, early), Some(StreamId(1)));
    assert_eq!(id(&network, 1, late), Some(StreamId(3)));
    assert_eq!(id(&network, 0, other), Some(StreamId(0)));
    network.run(SECOND);
    assert_eq!(announced(&network.events[0]).len(), 2);
    assert!(network.events[1].contains(&ChannelEvent::Open(early)));
}

/// W3C `createDataChannel`: what is refused.
#[test]
fn w3c_create_data_channel_errors() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    let now = network.now;
    let channels = &mut network.machines[0];
    let negotiated = |id| DataChannelInit { negotiated: true, id, ..DataChannelInit::default() };
    assert_eq!(channels.open(now, labelled(&"x".repeat(65_536))), Err(ChannelError::NameTooLong));
    assert_eq!(channels.open(now, negotiated(None)), Err(ChannelError::InvalidId));
    assert_eq!(channels.open(now, negotiated(Some(StreamId(65_535)))), Err(ChannelError::InvalidId));
    assert!(channels.open(now, negotiated(Some(StreamId(4)))).is_ok());
    assert_eq!(channels.open(now, negotiated(Some(StreamId(4)))), Err(ChannelError::IdInUse));
    let unknown = channels.open(now, labelled("not open")).unwrap();
    assert_eq!(channels.send(now, unknown, Payload::text("x")), Err(ChannelError::NotOpen));
}

/// Negotiated channels are open with the association, and nothing is said of them.
#[test]
fn rfc8831_6_4_negotiated() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    let init = DataChannelInit { negotiated: true, id: Some(StreamId(7)), ..labelled("both") };
    let handles = [open(&mut network, 0, init.clone()), open(&mut network, 1, init)];
    connect(&mut network);
    let now = network.now;
    network.machines[0].send(now, handles[0], Payload::text("hello")).unwrap();
    network.run(SECOND);
    assert!(network.events[1].contains(&ChannelEvent::Message(handles[1], Payload::text("hello"))));
    assert!(network.events.iter().all(|events| announced(events).is_empty()));
}

/// RFC 8831 §6.6, §8: text and binary, and both empty.
#[test]
fn rfc8831_6_6_text_binary_and_empty() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    connect(&mut network);
    let [ours, theirs] = channel(&mut network, labelled("all"));
    let all = [
        Payload::text("text"),
        Payload::text(""),
        Payload::binary(&b"\0\xFF"[..]),
        Payload::binary(Bytes::new()),
    ];
    let now = network.now;
    for payload in &all {
        network.machines[0].send(now, ours, payload.clone()).unwrap();
        network.machines[1].send(now, theirs, payload.clone()).unwrap();
    }
    network.run(SECOND);
    assert_eq!(messages(&network.events[1]), all);
    assert_eq!(messages(&network.events[0]), all);
}

/// RFC 8832 §6: until the peer has the opening, messages of an unordered channel are ordered, so as not to come before it.
#[test]
fn rfc8832_6_nothing_comes_before_the_opening() {
    for seed in 0..50 {
        let link = Link { jitter: 40 * MILLISECOND, loss: 0.2, ..Link::default() };
        let mut network = unconnected([link.clone(), link], seed);
        connect(&mut network);
        let ours = open(&mut network, 0, DataChannelInit { ordered: false, ..labelled("unordered") });
        for number in 0..20 {
            let now = network.now;
            network.machines[0].send(now, ours, Payload::text(format!("{number}"))).unwrap();
            network.run(10 * MILLISECOND);
        }
        network.run(20 * SECOND);
        assert_eq!(messages(&network.events[1]).len(), 20, "seed {seed}");
    }
}

/// RFC 8831 §6.7: closing delivers what was sent, is seen by both, and frees the id.
#[test]
fn rfc8831_6_7_close() {
    for seed in 0..30 {
        let link = Link { loss: 0.1, jitter: 5 * MILLISECOND, ..Link::default() };
        let mut network = unconnected([link.clone(), link], seed);
        connect(&mut network);
        for round in 0..3 {
            let [ours, theirs] = channel(&mut network, labelled("again"));
            assert_eq!(network.machines[0].describe(ours).unwrap().id, Some(StreamId(0)), "seed {seed}");
            let now = network.now;
            for _ in 0..10 {
                network.machines[0].send(now, ours, Payload::binary(vec![round; 5_000])).unwrap();
            }
            let both_at_once = round == 1;
            network.machines[0].close(now, ours);
            if both_at_once {
                network.machines[1].close(now, theirs);
            }
            assert_eq!(network.machines[0].send(now, ours, Payload::text("no")), Err(ChannelError::NotOpen));
            assert_eq!(network.machines[0].state(ours), ChannelState::Closing);
            network.run(60 * SECOND);
            assert!(
                network.events[0].contains(&ChannelEvent::Closed(ours, None)),
                "seed {seed} round {round}"
            );
            assert!(
                network.events[1].contains(&ChannelEvent::Closed(theirs, None)),
                "seed {seed} round {round}"
            );
            assert_eq!(network.machines[0].state(ours), ChannelState::Closed);
            if !both_at_once {
                assert_eq!(messages(&network.events[1]).len(), 10);
                assert!(network.events[1].contains(&ChannelEvent::Closing(theirs)));
            }
            network.events = [Vec::new(), Vec::new()];
        }
        assert_eq!(network.machines[0].channels().count() + network.machines[1].channels().count(), 0);
    }
}

/// A channel closed before it was ever announced.
#[test]
fn w3c_close_before_connecting() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    let handle = open(&mut network, 0, labelled("never"));
    let now = network.now;
    network.machines[0].close(now, handle);
    network.drain();
    assert_eq!(network.events[0], [ChannelEvent::Closed(handle, None)]);
}

/// When the association ends, all channels close first.
#[test]
fn w3c_association_closed() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    connect(&mut network);
    let [ours, theirs] = channel(&mut network, labelled("gone"));
    let now = network.now;
    network.machines[0].abort(now, "bye");
    network.run(SECOND);
    let reason = CloseReason::AbortedByPeer { code: Some(12), reason: "bye".into() };
    let closed = ChannelEvent::Closed(theirs, Some(ChannelError::Closed));
    assert_eq!(network.events[1], [closed, ChannelEvent::AssociationClosed(reason)]);
    let closed = ChannelEvent::Closed(ours, Some(ChannelError::Closed));
    assert_eq!(network.events[0], [closed, ChannelEvent::AssociationClosed(CloseReason::Aborted)]);
    assert_eq!(network.machines[0].open(now, labelled("late")), Err(ChannelError::Closed));
}

/// W3C `bufferedAmount` and `bufferedamountlow`.
#[test]
fn w3c_buffered_amount() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    connect(&mut network);
    let [ours, _] = channel(&mut network, labelled("buffered"));
    network.machines[0].set_buffered_amount_low_threshold(ours, 1_000);
    let now = network.now;
    network.machines[0].send(now, ours, Payload::binary(vec![0; 200_000])).unwrap();
    assert_eq!(network.machines[0].buffered_amount(ours), 200_000);
    network.run(5 * SECOND);
    assert_eq!(network.machines[0].buffered_amount(ours), 0);
    assert_eq!(network.events[0], [ChannelEvent::BufferedAmountLow(ours)]);
    let refused = network.machines[0].send(now, ours, Payload::binary(vec![0; (1 << 20) + 1]));
    assert_eq!(refused, Err(ChannelError::MessageTooLarge));
}

/// With INITs in SDP, a channel's opening is the first packet of all: half a round trip to `datachannel`.
#[test]
fn snap_opens_in_half_a_round_trip() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    let handle = open(&mut network, 0, labelled("quick"));
    let inits = network.machines.each_ref().map(DataChannels::local_init);
    network.machines[0].set_role(Role::Client);
    network.machines[1].set_role(Role::Server);
    let now = network.now;
    network.machines[0].connect_with_remote_init(now, &inits[1]).unwrap();
    network.machines[1].connect_with_remote_init(now, &inits[0]).unwrap();
    network.drain();
    assert!(network.events[0].contains(&ChannelEvent::Open(handle)));
    assert!(network.run_until(SECOND, |network| !announced(&network.events[1]).is_empty()));
    assert_eq!(network.elapsed(), 10 * MILLISECOND);
}

/// With a handshake it goes with COOKIE ECHO: one and a half round trips.
#[test]
fn the_opening_goes_with_cookie_echo() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    open(&mut network, 0, labelled("quick"));
    network.machines[0].set_role(Role::Client);
    network.machines[1].set_role(Role::Server);
    network.machines[0].connect(network.now).unwrap();
    assert!(network.run_until(SECOND, |network| !announced(&network.events[1]).is_empty()));
    assert_eq!(network.elapsed(), 30 * MILLISECOND);
}

/// A channel delivered in parts takes messages of any length.
#[test]
fn parts() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    connect(&mut network);
    let [ours, theirs] = channel(&mut network, labelled("parts"));
    network.machines[1].set_delivery(theirs, Delivery::Parts);
    let now = network.now;
    network.machines[0].send(now, ours, Payload::binary(vec![5; 1 << 20])).unwrap();
    network.run(5 * SECOND);
    let (mut length, mut firsts, mut lasts) = (0, 0, 0);
    for event in &network.events[1] {
        let ChannelEvent::Part { channel, payload, is_first, is_last } = event else { panic!("{event:?}") };
        assert_eq!((*channel, payload.kind), (theirs, PayloadKind::Binary));
        length += payload.data.len();
        firsts += u32::from(*is_first);
        lasts += u32::from(*is_last);
    }
    assert_eq!((length, firsts, lasts), (1 << 20, 1, 1));
}

/// A message longer than we take closes the channel, and only it.
#[test]
fn a_message_too_large_closes_the_channel() {
    let mut network = unconnected([Link::default(), Link::default()], 1);
    connect(&mut network);
    let [ours, theirs] = channel(&mut network, labelled("large"));
    let [other, _] = channel(&mut network, labelled("other"));
    let now = network.now;
    network.machines[0].send(now, ours, Payload::binary(vec![5; 300 << 10])).unwrap();
    network.run(5 * SECOND);
    assert!(network.events[1].contains(&ChannelEvent::Closed(theirs, Some(ChannelError::PeerViolation))));
    assert!(network.events[0].contains(&ChannelEvent::Closed(ours, None)));
    assert_eq!(network.machines[0].state(other), ChannelState::Open);
}

/// 256 MiB as one message, without a copy of it on the sending side.
#[test]
fn a_message_of_256_mib() {
    let length = 256 << 20;
    let config =
        || Config { max_send_message_size: length, max_receive_message_size: length, ..Config::default() };
    let machines = [1, 2].map(|seed| DataChannels::new(config(), StdRng::seed_from_u64(seed)));
    let link = Link { bandwidth: Some(1_250_000_000), queue: 4 << 20, ..Link::after(MILLISECOND) };
    let mut network = Network::new(machines, [link.clone(), link], 1);
    connect(&mut network);
    let [ours, _] = channel(&mut network, labelled("huge"));
    let mut bytes = vec![0; length];
    for at in (0..length).step_by(1_000) {
        bytes[at] = (at / 1_000) as u8;
    }
    let message = Bytes::from(bytes);
    let now = network.now;
    network.machines[0].send(now, ours, Payload::binary(message.clone())).unwrap();
    let arrived = network.run_until(60 * SECOND, |network| !messages(&network.events[1]).is_empty());
    assert!(arrived, "{:?} {:?}", network.events, network.machines[0].association().statistics());
    let received = messages(&network.events[1]);
    assert_eq!(received.len(), 1);
    assert!(received[0].data == message, "the message is intact");
}
