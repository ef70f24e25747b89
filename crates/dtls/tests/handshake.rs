//! Two machines and the network between them: how they come together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_dtls::*;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn config(versions: Versions) -> Config {
    Config { versions, seed: Some(1), ..Config::default() }
}

fn assert_data_passes(pair: &mut Pair) {
    let datagram = pair.active.seal(b"there");
    pair.deliver(Direction::ToPassive, &datagram);
    let datagram = pair.passive.seal(b"and back");
    pair.deliver(Direction::ToActive, &datagram);
    assert_eq!(pair.passive.received.last().unwrap(), b"there");
    assert_eq!(pair.active.received.last().unwrap(), b"and back");
}

#[test]
fn both_sides_connect_with_dtls_1_3_rfc_9147() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.run();
    for end in [&pair.active, &pair.passive] {
        assert_eq!(end.connected().version, Version::Dtls13);
        assert!(end.dtls.is_connected());
    }
    assert_data_passes(&mut pair);
}

#[test]
fn a_peer_that_knows_dtls_1_2_only_is_accepted_rfc_6347() {
    for (active, passive) in [
        (Versions::Both, Versions::Only12),
        (Versions::Only12, Versions::Both),
        (Versions::Only12, Versions::Only12),
    ] {
        let mut pair = Pair::new(config(active), config(passive));
        pair.run();
        assert_eq!(pair.active.connected().version, Version::Dtls12);
        assert_eq!(pair.passive.connected().version, Version::Dtls12);
        assert_data_passes(&mut pair);
    }
}

#[test]
fn each_learns_the_others_certificate_rfc_8827_6_5() {
    let certificates = [(); 2].map(|()| Certificate::generate(calendar()).unwrap());
    let [active, passive] = certificates.clone();
    let mut pair = Pair::with(
        Config::default(),
        Config::default(),
        certificates,
        vec![passive.fingerprint()],
        vec![active.fingerprint()],
    );
    pair.run();
    assert_eq!(&*pair.active.connected().peer_certificate, passive.der());
    assert_eq!(&*pair.passive.connected().peer_certificate, active.der());
}

#[test]
fn a_certificate_that_was_kept_is_as_good_as_new() {
    let certificates = [(); 2].map(|()| Certificate::generate(calendar()).unwrap());
    let kept =
        certificates.each_ref().map(|certificate| Certificate::from_pem(&certificate.to_pem()).unwrap());
    let [active, passive] = certificates.map(|certificate| vec![certificate.fingerprint()]);
    let mut pair = Pair::with(Config::default(), Config::default(), kept, passive, active);
    pair.run();
    assert_data_passes(&mut pair);
}

#[test]
fn both_derive_the_same_srtp_keys_rfc_5764_4_2() {
    for versions in [Versions::Only13, Versions::Only12] {
        let mut pair = Pair::new(config(versions), config(versions));
        pair.run();
        let [active, passive] =
            [&pair.active, &pair.passive].map(|end| end.connected().srtp.as_ref().expect("keys"));
        assert_eq!(active.profile(), passive.profile());
        assert_eq!(active.local(), passive.remote());
        assert_eq!(active.remote(), passive.local());
        assert_ne!(active.local(), active.remote());
        let (key, salt) = active.profile().lengths();
        assert_eq!((active.local().0.len(), active.local().1.len()), (key, salt));
    }
}

#[test]
fn a_wrong_fingerprint_ends_it_before_any_data_rfc_8122_6_2() {
    for versions in [Versions::Only13, Versions::Only12] {
        for wrong_side in [Direction::ToActive, Direction::ToPassive] {
            let certificates = [(); 2].map(|()| Certificate::generate(calendar()).unwrap());
            let other = Certificate::generate(calendar()).unwrap().fingerprint();
            let [active, passive] = [&certificates[0], &certificates[1]].map(Certificate::fingerprint);
            let (active_expects, passive_expects) = match wrong_side {
                Direction::ToActive => (other, active),
                Direction::ToPassive => (passive, other),
            };
            let mut pair = Pair::with(
                config(versions),
                config(versions),
                certificates,
                vec![active_expects],
                vec![passive_expects],
            );
            pair.run();
            let (deceived, deceiver) = match wrong_side {
                Direction::ToActive => (&mut pair.active, &mut pair.passive),
                Direction::ToPassive => (&mut pair.passive, &mut pair.active),
            };
            assert_eq!(deceived.failure(), &Failure::FingerprintMismatch);
            assert!(!deceived.events.iter().any(|event| matches!(event, Event::Connected(_))));
            assert_eq!(deceived.dtls.seal_into(b"no", &mut [0; 100]), Err(SealError::NotConnected));
            if deceiver.dtls.is_connected() {
                let datagram = deceiver.seal(b"never to be read");
                deceived.take(pair.now, &datagram);
            }
            assert!(deceived.received.is_empty());
            assert_eq!(deceived.dtls.poll_timeout(), None);
        }
    }
}

#[test]
fn one_of_several_fingerprints_is_enough_rfc_8122_5() {
    let certificates = [(); 2].map(|()| Certificate::generate(calendar()).unwrap());
    let [active, passive] = certificates.clone();
    let other = Certificate::generate(calendar()).unwrap();
    let mut pair = Pair::with(
        Config::default(),
        Config::default(),
        certificates,
        vec![other.fingerprint(), Fingerprint::of(HashFunction::Sha512, passive.der())],
        vec![Fingerprint::of(HashFunction::Sha384, active.der()), other.fingerprint()],
    );
    pair.run();
    assert!(pair.active.dtls.is_connected() && pair.passive.dtls.is_connected());
}

#[test]
fn without_a_fingerprint_there_is_no_connection() {
    let certificate = Certificate::generate(calendar()).unwrap();
    let made = Dtls::new(beginning(), &Config::default(), Role::Active, &certificate, Vec::new());
    assert_eq!(made.err(), Some(NewError::NoFingerprint));
}

#[test]
fn a_handshake_survives_losses_rfc_9147_5_8() {
    // DTLS 1.2 acknowledges nothing by itself and repeats whole flights: it bears less.
    for (versions, passes) in [(Versions::Both, 0.7), (Versions::Only13, 0.7), (Versions::Only12, 0.85)] {
        for seed in 0..40 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut pair = Pair::new(config(versions), config(versions));
            while !(pair.active.dtls.is_connected() && pair.passive.dtls.is_connected()) {
                pair.run_through(|_, _| random.random_bool(passes));
                assert!(
                    pair.advance() || (pair.active.dtls.is_connected() && pair.passive.dtls.is_connected()),
                    "{versions:?}, seed {seed}: {:?} {:?}",
                    pair.active.events,
                    pair.passive.events
                );
            }
            assert_data_passes(&mut pair);
        }
    }
}

#[test]
fn reordered_and_doubled_datagrams_do_no_harm_rfc_9147_5_8() {
    for versions in [Versions::Both, Versions::Only12] {
        for seed in 0..40 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut pair = Pair::new(config(versions), config(versions));
            let connected = |pair: &Pair| pair.active.dtls.is_connected() && pair.passive.dtls.is_connected();
            for _ in 0..10_000 {
                pair.collect();
                if pair.in_flight.is_empty() {
                    if connected(&pair) || !pair.advance() {
                        break;
                    }
                    continue;
                }
                let index = random.random_range(0..pair.in_flight.len());
                let (direction, datagram) = pair.in_flight[index].clone();
                if random.random_bool(0.8) {
                    pair.in_flight.swap_remove(index);
                }
                pair.deliver(direction, &datagram);
            }
            assert!(
                connected(&pair),
                "{versions:?}, seed {seed}: {:?} {:?}",
                pair.active.events,
                pair.passive.events
            );
            assert_data_passes(&mut pair);
        }
    }
}

#[test]
fn a_lost_acknowledgement_of_the_last_flight_is_made_up_for_rfc_9147_5_8_1() {
    let mut pair = Pair::new(Config::default(), Config::default());
    while !pair.passive.dtls.is_connected() {
        pair.collect();
        for (direction, datagram) in std::mem::take(&mut pair.in_flight) {
            pair.deliver(direction, &datagram);
        }
    }
    // What the server sends now is its acknowledgement: it gets lost. Data takes the numbers that follow.
    assert!(!pair.passive.sent().is_empty());
    assert_data_passes(&mut pair);
    let repeated = pair.active.dtls.poll_timeout().expect("the last flight's timer");
    assert!(pair.advance() && pair.now == repeated);
    pair.run();
    assert_data_passes(&mut pair);
    // Nothing is repeated any more: what is left is the time until the handshake is forgotten.
    for _ in 0..3 {
        if pair.advance() {
            pair.run_through(|_, _| panic!("nothing should be sent"));
        }
    }
    assert_data_passes(&mut pair);
}

#[test]
fn no_timer_is_left_once_the_last_flight_is_acknowledged_rfc_9147_5_8_1() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.run();
    assert_eq!(pair.active.dtls.poll_timeout(), None);
    assert_eq!(pair.passive.dtls.poll_timeout(), None);
    assert_data_passes(&mut pair);
}

#[test]
fn a_flight_that_is_repeated_without_end_is_not_answered_without_end() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let mut last_flight = Vec::new();
    pair.run_through(|direction, datagram| {
        if direction == Direction::ToPassive {
            last_flight = datagram.to_vec();
        }
        true
    });
    let mut answers = 0;
    for _ in 0..1000 {
        pair.deliver(Direction::ToPassive, &last_flight);
        answers += pair.passive.sent().len();
    }
    assert!((1..100).contains(&answers), "{answers}");
    assert_data_passes(&mut pair);
}

#[test]
fn data_that_overtakes_the_last_flight_is_kept_for_later_rfc_9147_4_2_1() {
    let mut pair = Pair::new(Config::default(), Config::default());
    while !pair.active.dtls.is_connected() {
        pair.collect();
        for (direction, datagram) in std::mem::take(&mut pair.in_flight) {
            pair.deliver(direction, &datagram);
        }
    }
    let last_flight = pair.active.sent();
    for number in 0..40_u8 {
        let datagram = pair.active.seal(&[number]);
        pair.deliver(Direction::ToPassive, &datagram);
    }
    assert!(pair.passive.received.is_empty());
    for datagram in last_flight {
        pair.deliver(Direction::ToPassive, &datagram);
    }
    // No more than a few are kept for who hasn't proved anything.
    let kept: Vec<Vec<u8>> = (0..16).map(|number| vec![number]).collect();
    assert_eq!(pair.passive.received, kept);
    assert!(matches!(pair.passive.events[..], [Event::Connected(_)]));
    assert_data_passes(&mut pair);
}

#[test]
fn a_silent_peer_is_given_up_in_the_end() {
    for versions in [Versions::Both, Versions::Only13, Versions::Only12] {
        let mut pair = Pair::new(config(versions), config(versions));
        let begin = pair.now;
        while pair.active.dtls.poll_timeout().is_some() {
            pair.run_through(|_, _| false);
            pair.advance();
        }
        assert_eq!(pair.active.failure(), &Failure::Timeout);
        assert_eq!((pair.now - begin).as_secs(), 40);
    }
}

/// Whichever datagram is lost, and however the flights are cut: what is sent again doesn't lie in the same datagrams.
#[test]
fn a_flight_that_is_repeated_in_part_completes_the_handshake_rfc_9147_7_2() {
    for versions in [Versions::Only13, Versions::Only12] {
        for mtu in (420..820).step_by(9) {
            for lost in 0..6 {
                let config = Config { mtu, ..config(versions) };
                let mut pair = Pair::new(config.clone(), config);
                let begin = pair.now;
                let mut sent = 0;
                loop {
                    pair.run_through(|_, _| {
                        sent += 1;
                        sent != lost + 1
                    });
                    if pair.active.dtls.is_connected() && pair.passive.dtls.is_connected() {
                        break;
                    }
                    let is_timely = pair.advance() && (pair.now - begin).as_secs() < 2;
                    assert!(is_timely, "{versions:?}, MTU {mtu}: datagram {lost} is missed for ever");
                }
            }
        }
    }
}

#[test]
fn datagrams_of_the_handshake_keep_to_the_mtu_rfc_9147_4_4() {
    for versions in [Versions::Only13, Versions::Only12] {
        for mtu in [300, 548, 1200] {
            let config = Config { mtu, ..config(versions) };
            let mut pair = Pair::new(config.clone(), config);
            pair.run_through(|_, datagram| {
                assert!(datagram.len() <= mtu, "{versions:?}: {} > {mtu}", datagram.len());
                true
            });
            assert_data_passes(&mut pair);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_between_the_flights_neither_panics_nor_hinders_the_client(
        garbage in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..8),
    ) {
        let mut pair = Pair::new(Config::default(), Config::default());
        for datagram in &garbage {
            // Epoch 0 handshake and alert records from anywhere may end a handshake; this is about everything else.
            if datagram.first().is_none_or(|first| !(20..=26).contains(first)) {
                pair.deliver(Direction::ToActive, datagram);
                pair.deliver(Direction::ToPassive, datagram);
            }
        }
        pair.run();
        prop_assert!(pair.active.dtls.is_connected() && pair.passive.dtls.is_connected());
    }

    #[test]
    fn a_damaged_handshake_never_panics_and_never_connects_strangers(
        seed in any::<u64>(),
        versions in prop::sample::select(vec![Versions::Both, Versions::Only12]),
    ) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut pair = Pair::new(config(versions), config(versions));
        for _ in 0..50 {
            pair.collect();
            for (direction, mut datagram) in std::mem::take(&mut pair.in_flight) {
                if random.random_bool(0.5) && !datagram.is_empty() {
                    let index = random.random_range(0..datagram.len());
                    datagram[index] ^= 1 << random.random_range(0..8);
                    datagram.truncate(random.random_range(1..=datagram.len()));
                }
                pair.deliver(direction, &datagram);
            }
            if !pair.advance() {
                break;
            }
        }
    }
}
