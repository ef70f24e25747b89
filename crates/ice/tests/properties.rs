//! What holds for any input at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::time::Instant;

use peerline_ice::*;
use peerline_stun::attribute::*;
use peerline_stun::{Class, MessageWriter, Method, TransactionId};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

const LOCAL: &str = "192.0.2.1:5000";

fn agent(now: Instant) -> Agent {
    let mut agent = Agent::new(Config::default(), StdRng::seed_from_u64(1));
    agent.add_local_address(now, LOCAL.parse().unwrap());
    agent.gather(now);
    let credentials = Credentials { ufrag: "them".into(), pwd: "a password of 22 characters".into() };
    agent.set_remote(now, RemoteParameters { credentials, lite: false });
    while agent.poll_event().is_some() {}
    agent
}

fn check(to: &Credentials) -> Vec<u8> {
    let mut buffer = [0; 300];
    let transaction = TransactionId::new([3; 12]);
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, transaction);
    writer
        .attribute(USERNAME, format!("{}:them", to.ufrag).as_bytes())
        .number(PRIORITY, 7)
        .attribute(ICE_CONTROLLED, &[9; 8]);
    let length = writer.integrity(to.pwd.as_bytes()).fingerprint().finish().unwrap();
    buffer[..length].to_vec()
}

proptest! {
    #[test]
    fn noise_is_neither_answered_nor_kept(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        port in 1..u16::MAX,
        tcp in any::<bool>(),
    ) {
        let now = Instant::now();
        let mut agent = agent(now);
        let source = SocketAddr::from(([203, 0, 113, 9], port));
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let received = agent.handle_input(now, transport, LOCAL.parse().unwrap(), source, &bytes);
        prop_assert_ne!(received, Received::Handled);
        prop_assert_eq!(agent.poll_transmit(&mut [0; 1500]), None);
        prop_assert_eq!(agent.statistics().remote_candidates.len(), 0);
    }

    #[test]
    fn a_check_that_was_changed_on_its_way_is_ignored(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let now = Instant::now();
        let mut agent = agent(now);
        let mut bytes = check(agent.local_credentials());
        // FINGERPRINT comes after MESSAGE-INTEGRITY, and may as well be missing.
        let position = position.index(bytes.len() - 8);
        bytes[position] ^= 1 << bit;
        let source = "203.0.113.9:9".parse().unwrap();
        let received = agent.handle_input(now, Transport::Udp, LOCAL.parse().unwrap(), source, &bytes);
        // An indication (a keepalive) says nothing and needs no proof.
        prop_assert!(received == Received::Ignored || bytes[0] == 0 && bytes[1] == 0x11);
        prop_assert_eq!(agent.poll_transmit(&mut [0; 1500]), None);
        prop_assert_eq!(agent.statistics().remote_candidates.len(), 0);
    }

    #[test]
    fn candidates_of_any_kind_are_taken_or_refused(
        priority in any::<u32>(),
        port in any::<u16>(),
        ip in any::<std::net::IpAddr>(),
        kind in prop::sample::select(vec!["host", "srflx", "prflx", "relay", "novel"]),
        component in 1..4_u16,
    ) {
        let now = Instant::now();
        let mut agent = agent(now);
        let text = format!("candidate:1 {component} udp {priority} {ip} {port} typ {kind}");
        let candidate = text.parse().unwrap();
        let added = agent.add_remote_candidate(now, &candidate);
        let statistics = agent.statistics();
        prop_assert_eq!(statistics.remote_candidates.len(), usize::from(added.is_ok()));
        prop_assert!(statistics.pairs.len() <= 1);
    }
}

#[test]
fn an_unchanged_check_is_answered() {
    let now = Instant::now();
    let mut agent = agent(now);
    let bytes = check(agent.local_credentials());
    let source = "203.0.113.9:9".parse().unwrap();
    let received = agent.handle_input(now, Transport::Udp, LOCAL.parse().unwrap(), source, &bytes);
    assert_eq!(received, Received::Handled);
    assert!(agent.poll_transmit(&mut [0; 1500]).is_some());
}
