//! Records after the handshake: application data, replay, forgery, the end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_dtls::*;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

fn connected(versions: Versions) -> Pair {
    let config = Config { versions, ..Config::default() };
    let mut pair = Pair::new(config.clone(), config);
    pair.run();
    pair
}

const VERSIONS: [Versions; 2] = [Versions::Only13, Versions::Only12];

#[test]
fn a_replayed_record_is_ignored_rfc_9147_4_5_1() {
    for versions in VERSIONS {
        let mut pair = connected(versions);
        let datagrams: Vec<_> = (0..20_u8).map(|number| pair.active.seal(&[number])).collect();
        for _ in 0..3 {
            for datagram in &datagrams {
                pair.deliver(Direction::ToPassive, datagram);
            }
        }
        assert_eq!(pair.passive.received.len(), 20, "{versions:?}");
    }
}

#[test]
fn a_record_that_comes_hundreds_too_late_is_accepted_and_thousands_too_late_is_not() {
    let mut pair = connected(Versions::Only13);
    let late = pair.active.seal(b"late");
    for _ in 0..1000 {
        let datagram = pair.active.seal(b"");
        pair.deliver(Direction::ToPassive, &datagram);
    }
    pair.deliver(Direction::ToPassive, &late);
    assert_eq!(pair.passive.received.pop().unwrap(), b"late");
    let too_late = pair.active.seal(b"too late");
    for _ in 0..1024 {
        let datagram = pair.active.seal(b"");
        pair.deliver(Direction::ToPassive, &datagram);
    }
    pair.deliver(Direction::ToPassive, &too_late);
    assert!(pair.passive.received.pop().unwrap().is_empty());
}

#[test]
fn a_damaged_record_is_ignored_rfc_9147_4_5_2() {
    for versions in VERSIONS {
        let mut pair = connected(versions);
        let datagram = pair.active.seal(b"genuine");
        for index in 0..datagram.len() {
            for bit in 0..8 {
                let mut forged = datagram.clone();
                forged[index] ^= 1 << bit;
                pair.deliver(Direction::ToPassive, &forged);
            }
            pair.deliver(Direction::ToPassive, &datagram[..index]);
        }
        // The version in the header of DTLS 1.2 is not compared with anything: there the genuine record came in already.
        assert!(pair.passive.received.is_empty() || versions == Versions::Only12);
        pair.deliver(Direction::ToPassive, &datagram);
        assert_eq!(pair.passive.received, [b"genuine"], "{versions:?}: {:?}", pair.passive.events);
    }
}

#[test]
fn several_records_in_one_datagram_all_arrive_rfc_9147_4_3() {
    for versions in VERSIONS {
        let mut pair = connected(versions);
        let datagram =
            [pair.active.seal(b"one"), pair.active.seal(b"two"), pair.active.seal(b"three")].concat();
        pair.deliver(Direction::ToPassive, &datagram);
        assert_eq!(pair.passive.received, [b"one".as_slice(), b"two", b"three"], "{versions:?}");
    }
}

#[test]
fn record_numbers_go_on_past_sixteen_bits_and_over_long_losses_rfc_9147_4_2_2() {
    let mut pair = connected(Versions::Only13);
    let mut random = StdRng::seed_from_u64(3);
    let mut buffer = [0; 100];
    let mut sent = 0_u32;
    while sent < 400_000 {
        // Up to 30,000 are lost in a row: the 16 bits on the wire leave room for 32,768.
        for _ in 0..random.random_range(0..30_000) {
            pair.active.dtls.seal_into(b"lost", &mut buffer).unwrap();
            sent += 1;
        }
        let datagram = pair.active.seal(&sent.to_be_bytes());
        pair.deliver(Direction::ToPassive, &datagram);
        assert_eq!(pair.passive.received.pop().unwrap(), sent.to_be_bytes());
    }
}

#[test]
fn what_cannot_be_sealed_is_refused() {
    let mut pair = connected(Versions::Only13);
    let dtls = &mut pair.active.dtls;
    assert_eq!(dtls.seal_into(&[0; 10], &mut [0; 10 + Dtls::OVERHEAD - 1]), Err(SealError::TooLong));
    let mut buffer = vec![0; 20_000];
    assert_eq!(dtls.seal_into(&[0; 16_385], &mut buffer), Err(SealError::TooLong));
    assert!(dtls.seal_into(&[0; 16_384], &mut buffer).is_ok());
    assert!(dtls.seal_into(&[], &mut buffer).is_ok());
    let fresh = Pair::new(Config::default(), Config::default());
    let mut dtls = fresh.passive.dtls;
    assert_eq!(dtls.seal_into(&[0; 10], &mut buffer), Err(SealError::NotConnected));
}

#[test]
fn close_notify_ends_both_sides_rfc_8446_6_1() {
    for versions in VERSIONS {
        for closer in [Direction::ToActive, Direction::ToPassive] {
            let mut pair = connected(versions);
            // What was on its way is still delivered.
            let [to_passive, to_active] = [pair.active.seal(b"last words"), pair.passive.seal(b"last words")];
            let now = pair.now;
            match closer {
                Direction::ToActive => pair.passive.dtls.close(now),
                Direction::ToPassive => pair.active.dtls.close(now),
            }
            pair.deliver(Direction::ToPassive, &to_passive);
            pair.deliver(Direction::ToActive, &to_active);
            pair.run();
            for end in [&mut pair.active, &mut pair.passive] {
                assert_eq!(end.received, [b"last words"], "{versions:?}");
                assert!(matches!(end.events[..], [Event::Connected(_), Event::Closed]), "{:?}", end.events);
                assert_eq!(end.dtls.seal_into(b"no", &mut [0; 100]), Err(SealError::NotConnected));
                assert_eq!(end.dtls.poll_timeout(), None);
            }
        }
    }
}

#[test]
fn closing_before_the_handshake_is_complete_just_ends_it() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let now = pair.now;
    pair.active.dtls.close(now);
    pair.active.dtls.close(now);
    assert_eq!(pair.active.dtls.poll_timeout(), None);
    pair.active.drain();
    assert!(pair.active.events.is_empty());
}

#[test]
fn plaintext_alerts_after_the_handshake_are_ignored_rfc_9147_4_1() {
    for versions in VERSIONS {
        let mut pair = connected(versions);
        let close_notify = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0];
        let handshake_failure = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2, 40];
        pair.deliver(Direction::ToPassive, &close_notify);
        pair.deliver(Direction::ToPassive, &handshake_failure);
        let datagram = pair.active.seal(b"still here");
        pair.deliver(Direction::ToPassive, &datagram);
        assert_eq!(pair.passive.received, [b"still here"], "{versions:?}: {:?}", pair.passive.events);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_record_arrives_once_whatever_the_order(
        seed in any::<u64>(),
        lengths in prop::collection::vec(0..1500_usize, 1..50),
        versions in prop::sample::select(VERSIONS.to_vec()),
    ) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut pair = connected(versions);
        let mut plaintexts: Vec<Vec<u8>> =
            lengths.iter().map(|length| (0..*length).map(|_| random.random()).collect()).collect();
        let mut datagrams: Vec<_> = plaintexts.iter().map(|plaintext| pair.active.seal(plaintext)).collect();
        datagrams.shuffle(&mut random);
        for datagram in &datagrams {
            pair.deliver(Direction::ToPassive, datagram);
            if random.random_bool(0.3) {
                pair.deliver(Direction::ToPassive, datagram);
            }
        }
        plaintexts.sort();
        pair.passive.received.sort();
        prop_assert_eq!(&plaintexts, &pair.passive.received);
    }

    #[test]
    fn any_bytes_after_the_handshake_are_borne(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..30),
        first in prop::sample::select(vec![20_u8, 21, 22, 23, 26, 0x2C, 0x2D, 0x2E, 0x2F, 0x2A, 0x23, 0x3F]),
        versions in prop::sample::select(VERSIONS.to_vec()),
    ) {
        let mut pair = connected(versions);
        for mut datagram in datagrams {
            if let Some(byte) = datagram.first_mut() {
                *byte = first;
            }
            pair.deliver(Direction::ToPassive, &datagram);
        }
        let datagram = pair.active.seal(b"still here");
        pair.deliver(Direction::ToPassive, &datagram);
        prop_assert_eq!(&pair.passive.received, &[b"still here"]);
    }
}
