//! What holds for any input at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_stun::Method;
use peerline_stun::attribute::*;
use peerline_turn::*;
use proptest::prelude::*;

/// Something a client may do.
#[derive(Debug, Clone)]
enum Step {
    Allocate { client: u8, attributes: Vec<(u16, Vec<u8>)> },
    Request { client: u8, method: u16, attributes: Vec<(u16, Vec<u8>)> },
    Garbage { client: u8, bytes: Vec<u8> },
    Packet { client: u8, channel: u16, payload: Vec<u8> },
    FromPeer { allocation: usize, port: u16, length: usize },
    Disconnect { client: u8 },
    Sleep { seconds: u64 },
}

fn attributes() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    let number = prop::sample::select(vec![
        REQUESTED_TRANSPORT,
        LIFETIME,
        XOR_PEER_ADDRESS,
        CHANNEL_NUMBER,
        DATA,
        EVEN_PORT,
        RESERVATION_TOKEN,
        REQUESTED_ADDRESS_FAMILY,
        ADDITIONAL_ADDRESS_FAMILY,
        DONT_FRAGMENT,
        0x7FFE,
    ]);
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..24),
        Just(vec![17, 0, 0, 0]),
        Just(vec![0x40, 0, 0, 0]),
        Just(vec![0, 0, 0, 0]),
        Just(vec![2, 0, 0, 0]),
        any::<u8>().prop_map(|last| vec![0, 1, 0x21, 0x13, 0xC6 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, last]),
    ];
    prop::collection::vec((number, value), 0..6)
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..4_u8;
    prop_oneof![
        3 => (client.clone(), attributes()).prop_map(|(client, attributes)| Step::Allocate { client, attributes }),
        6 => (client.clone(), 1..12_u16, attributes())
            .prop_map(|(client, method, attributes)| Step::Request { client, method, attributes }),
        2 => (client.clone(), prop::collection::vec(any::<u8>(), 0..120))
            .prop_map(|(client, bytes)| Step::Garbage { client, bytes }),
        2 => (client.clone(), 0x4000..0x4003_u16, prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(client, channel, payload)| Step::Packet { client, channel, payload }),
        2 => (any::<usize>(), any::<u16>(), any::<usize>())
            .prop_map(|(allocation, port, length)| Step::FromPeer { allocation, port, length }),
        1 => client.prop_map(|client| Step::Disconnect { client }),
        1 => (0..1000_u64).prop_map(|seconds| Step::Sleep { seconds }),
    ]
}

fn input(scene: &mut Scene, client: &Client, bytes: &[u8]) {
    if scene.server.relay_from_client(scene.now, client, bytes) == FromClient::Control {
        scene.server.handle_input(scene.now, client, bytes);
    }
    scene.drain();
}

fn run(scene: &mut Scene, logins: &mut [Login], step: Step) {
    let client_of = |client: u8| udp(&format!("198.51.100.{client}:1000"));
    match step {
        Step::Allocate { client, attributes } => {
            let login = logins[usize::from(client)].clone();
            let bytes = scene.signed(&login, Method::ALLOCATE, |writer| {
                writer.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
                for (number, value) in &attributes {
                    writer.attribute(*number, value);
                }
            });
            input(scene, &client_of(client), &bytes);
        }
        Step::Request { client, method, attributes } => {
            let login = logins[usize::from(client)].clone();
            let bytes = scene.signed(&login, Method::new(method), |writer| {
                for (number, value) in &attributes {
                    writer.attribute(*number, value);
                }
            });
            input(scene, &client_of(client), &bytes);
        }
        Step::Garbage { client, bytes } => input(scene, &client_of(client), &bytes),
        Step::Packet { client, channel, payload } => {
            input(scene, &client_of(client), &channel_data(channel, &payload));
        }
        Step::FromPeer { allocation, port, length } => {
            if let Some(&id) = scene.allocations.get(allocation % scene.allocations.len().max(1)) {
                let peer = format!("198.51.100.9:{port}");
                let _ = scene.server.relay_from_peer(scene.now, id, address(&peer), length);
                let error = IcmpError { kind: 3, code: 3, data: 0 };
                scene.server.handle_icmp(scene.now, id, address(&peer), error);
                scene.drain();
            }
        }
        Step::Disconnect { client } => {
            scene.server.handle_disconnect(scene.now, &client_of(client));
            scene.drain();
        }
        Step::Sleep { seconds } => scene.sleep(seconds),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic_and_leave_nothing_behind(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..50)
    ) {
        let mut scene = Scene::new();
        for bytes in inputs {
            input(&mut scene, &udp("198.51.100.1:1000"), &bytes);
        }
        prop_assert_eq!(scene.server.allocations(), 0);
        prop_assert!(scene.events.is_empty());
    }

    #[test]
    fn every_allocation_ends_once_and_state_stays_bounded(steps in prop::collection::vec(step(), 0..80)) {
        let mut scene = Scene::new();
        let mut logins = Vec::new();
        for client in 0..4 {
            let mut login = scene.login("alice");
            scene.challenge(&udp(&format!("198.51.100.{client}:1000")), &mut login);
            logins.push(login);
        }
        for step in steps {
            run(&mut scene, &mut logins, step);
            prop_assert!(scene.server.allocations() <= 4);
            prop_assert_eq!(scene.server.poll_timeout().is_some(), scene.server.allocations() > 0);
            prop_assert_eq!(scene.allocations.len() - scene.ended().len(), scene.server.allocations());
        }
        scene.sleep(4000);
        prop_assert_eq!(scene.server.allocations(), 0);
        prop_assert_eq!(scene.server.poll_timeout(), None);
    }
}
