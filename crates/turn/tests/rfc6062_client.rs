//! RFC 6062, the client's side, against the server's machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;

use common::*;
use peerline_stun::ErrorCode;
use peerline_turn::turn_client::{Config, Credential, DataConnection, Event, Failure, Input, TurnClient};
use peerline_turn::{Client, ConnectError, ConnectionId, Families, Transport, issue};
use rand::SeedableRng;
use rand::rngs::StdRng;

const CLIENT: &str = "198.51.100.1:1000";
const DATA_CLIENT: &str = "198.51.100.1:1001";
const PEER: &str = "198.51.100.9:8080";

fn credential() -> Credential {
    let issued = issue(SECRET, "alice", START + 86_400);
    Credential { username: issued.username, password: issued.password }
}

/// A client with an allocation of TCP, and the server.
struct Wire {
    scene: Scene,
    client: TurnClient,
    events: Vec<Event>,
}

impl Wire {
    fn new() -> Self {
        let scene = Scene::new();
        let families = Families { ipv4: true, ipv6: true };
        let config = Config { transport: Transport::Tcp, credential: credential(), families };
        let client = TurnClient::with_tcp_relay(scene.now, config, StdRng::seed_from_u64(3));
        let mut wire = Self { scene, client, events: Vec::new() };
        wire.exchange();
        assert_eq!(wire.events.len(), 1);
        wire
    }

    fn exchange(&mut self) {
        let mut buffer = [0; 2300];
        while let Some(length) = self.client.poll_transmit(&mut buffer) {
            let answers = self.scene.input(&tcp(CLIENT), &buffer[..length]);
            self.take(answers.into_iter().map(|(_, answer)| answer).collect());
        }
        self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
    }

    fn take(&mut self, answers: Vec<Vec<u8>>) {
        for answer in answers {
            assert_eq!(self.client.handle_input(self.scene.now, &answer), Input::Control);
        }
    }

    /// What the server has to say by itself.
    fn hear(&mut self) {
        let said = self.scene.drain().into_iter().map(|(_, message)| message).collect();
        self.take(said);
        self.exchange();
    }

    /// Asks for a connection, which the server's owner makes or doesn't.
    fn connect(&mut self, answer: Result<(), ConnectError>) -> ConnectionId {
        self.client.connect(self.scene.now, address(PEER));
        self.exchange();
        let Some(peerline_turn::Event::ConnectRequested { allocation, connection, peer }) =
            self.scene.events.last().cloned()
        else {
            panic!("nothing was asked for");
        };
        assert_eq!(peer, address(PEER));
        self.scene.server.connected(self.scene.now, allocation, connection, answer);
        self.hear();
        connection
    }
}

#[test]
fn an_allocation_of_tcp_has_one_family() {
    let wire = Wire::new();
    assert!(wire.scene.requests[0].is_tcp);
    let granted = wire.client.allocated().unwrap();
    assert!(granted.ipv4.is_some() && granted.ipv6.is_none());
}

#[test]
fn the_server_connects_to_a_peer() {
    let mut wire = Wire::new();
    let connection = wire.connect(Ok(()));
    assert_eq!(wire.events.last(), Some(&Event::Connected(address(PEER), connection)));
}

#[test]
fn a_peer_that_is_not_reached_is_told_with_the_reason() {
    let mut wire = Wire::new();
    wire.connect(Err(ConnectError::Failed));
    let failed = Event::ConnectFailed(address(PEER), ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE);
    assert_eq!(wire.events.last(), Some(&failed));
    let inside: SocketAddr = address("10.0.0.1:8080");
    wire.client.connect(wire.scene.now, inside);
    wire.exchange();
    assert_eq!(wire.events.last(), Some(&Event::ConnectFailed(inside, ErrorCode::FORBIDDEN)));
    assert!(wire.client.allocated().is_some());
}

#[test]
fn a_peer_connects_that_is_permitted() {
    let mut wire = Wire::new();
    wire.client.permit(wire.scene.now, address(PEER).ip());
    wire.exchange();
    let allocation = wire.scene.allocations[0];
    let connection = wire.scene.server.peer_connected(wire.scene.now, allocation, address(PEER)).unwrap();
    wire.hear();
    assert_eq!(wire.events.last(), Some(&Event::Connected(address(PEER), connection)));
}

/// What the data connection and the server's machine say to each other; how it ended.
fn bind(wire: &mut Wire, credential: Credential, is_there: bool) -> Result<(), Failure> {
    let connection = wire.connect(Ok(()));
    let client: Client = tcp(DATA_CLIENT);
    let random = StdRng::seed_from_u64(4);
    let mut data = DataConnection::new(wire.scene.now, Transport::Tcp, credential, connection, random);
    let mut buffer = [0; 2300];
    while let Some(length) = data.poll_transmit(&mut buffer) {
        let mut answers = wire.scene.input(&client, &buffer[..length]);
        if answers.is_empty() {
            wire.scene.server.connection_bind_answered(&client, connection, is_there);
            answers = wire.scene.drain();
        }
        for (_, answer) in answers {
            if let Some(end) = data.handle_input(wire.scene.now, &answer) {
                assert_eq!(data.poll_timeout(), None);
                return end;
            }
        }
    }
    panic!("it didn't end");
}

#[test]
fn a_data_connection_takes_it_over() {
    assert_eq!(bind(&mut Wire::new(), credential(), true), Ok(()));
}

#[test]
fn a_data_connection_that_is_refused_says_why() {
    let refused = bind(&mut Wire::new(), credential(), false);
    assert_eq!(refused, Err(Failure::Refused(ErrorCode::BAD_REQUEST)));
    let stranger = Credential { password: "a guess".to_owned(), ..credential() };
    let refused = bind(&mut Wire::new(), stranger, true);
    assert_eq!(refused, Err(Failure::Refused(ErrorCode::UNAUTHENTICATED)));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let now = start();
    let (credential, random) = (credential(), StdRng::seed_from_u64(5));
    let mut data = DataConnection::new(now, Transport::Tls, credential, ConnectionId(7), random);
    let mut failure = None;
    while let Some(at) = data.poll_timeout() {
        failure = data.handle_timeout(at);
    }
    assert_eq!(failure, Some(Failure::TimedOut));
}
