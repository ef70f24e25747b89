//! RFC 8656, the client's side: against the server's machine, and against servers that behave otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::*;
use peerline_stun::attribute::*;
use peerline_stun::integrity::{LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method};
use peerline_turn::turn_client::{Allocated, Config, Credential, Event, Failure, Input, TurnClient};
use peerline_turn::{Client, Families, FromClient, Refusal, Transport, issue};
use rand::SeedableRng;
use rand::rngs::StdRng;

const BOTH: Families = Families { ipv4: true, ipv6: true };
const IPV4: Families = Families { ipv4: true, ipv6: false };

/// A client at one end of a wire and the server at the other. The wire can be cut.
struct Wire {
    scene: Scene,
    client: TurnClient,
    at: Client,
    cut: bool,
    requests: Vec<Vec<u8>>,
    events: Vec<Event>,
}

fn credential(user: &str) -> Credential {
    let issued = issue(SECRET, user, START + 86_400);
    Credential { username: issued.username, password: issued.password }
}

impl Wire {
    fn new(scene: Scene, families: Families) -> Self {
        Self::of(scene, families, udp("198.51.100.1:1000"), credential("alice"))
    }

    fn of(scene: Scene, families: Families, at: Client, credential: Credential) -> Self {
        let config = Config { transport: at.transport, credential, families };
        let client = TurnClient::new(scene.now, config, StdRng::seed_from_u64(3));
        let mut wire = Self { scene, client, at, cut: false, requests: Vec::new(), events: Vec::new() };
        wire.exchange();
        wire
    }

    /// What the client has to say goes to the server, and what that answers comes back, until all is said.
    fn exchange(&mut self) {
        let mut buffer = [0; 2300];
        while let Some(length) = self.client.poll_transmit(&mut buffer) {
            self.requests.push(buffer[..length].to_vec());
            if self.cut {
                continue;
            }
            for (_, answer) in self.scene.input(&self.at, &buffer[..length]) {
                assert_eq!(self.client.handle_input(self.scene.now, &answer), Input::Control);
            }
        }
        self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
    }

    fn sleep(&mut self, seconds: u64) {
        let until = self.scene.now + Duration::from_secs(seconds);
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= until) {
            let step = at.saturating_duration_since(self.scene.now);
            self.scene.now += step;
            self.scene.sleep(0);
            self.client.handle_timeout(self.scene.now);
            self.exchange();
        }
        self.scene.now = until;
        self.scene.sleep(0);
    }

    fn allocated(&self) -> Allocated {
        *self.client.allocated().expect("an allocation")
    }

    /// The client sends to `peer`; says what the peer gets.
    fn send(&mut self, peer: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = [0; 1500];
        let length = self.client.wrap(address(peer), payload, &mut buffer).unwrap();
        match self.scene.server.relay_from_client(self.scene.now, &self.at, &buffer[..length]) {
            FromClient::Relay { peer: to, payload, .. } => {
                assert_eq!(to, address(peer));
                Some(payload.to_vec())
            }
            _ => None,
        }
    }

    /// `peer` sends; says what the client makes of it.
    fn receive(&mut self, peer: &str, payload: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let message = self.scene.peer_sends(peer, payload).ok()?;
        match self.client.handle_input(self.scene.now, &message) {
            Input::Data { peer, payload } => Some((peer, payload.to_vec())),
            _ => None,
        }
    }
}

#[test]
fn section_7_an_allocation_takes_a_challenge_and_an_answer() {
    let wire = Wire::new(Scene::new(), IPV4);
    assert_eq!(wire.requests.len(), 2);
    let granted = wire.allocated();
    assert_eq!(wire.events, [Event::Allocated(granted)]);
    assert_eq!(granted.ipv4, Some(address("203.0.113.1:50000")));
    assert_eq!((granted.ipv6, granted.mapped), (None, Some(address("198.51.100.1:1000"))));
    // RFC 8489 §9.2: the stronger algorithm is taken where the server offers it.
    let signed = Message::parse(&wire.requests[1]).unwrap();
    assert!(
        signed.attribute(MESSAGE_INTEGRITY_SHA256).is_some() && signed.attribute(MESSAGE_INTEGRITY).is_none()
    );
}

#[test]
fn section_7_both_families_are_asked_for_at_once() {
    let granted = Wire::new(Scene::new(), BOTH).allocated();
    assert!(granted.ipv4.is_some() && granted.ipv6.is_some());
    // A server without IPv6 gives what it has.
    let scene = Scene::with(|config| config.families = IPV4);
    let mut wire = Wire::new(scene, BOTH);
    let granted = wire.allocated();
    assert!(granted.ipv4.is_some());
    // The machine's owner in this test grants IPv6 whatever it says; the client takes what it is told.
    wire.client.permit(wire.scene.now, "198.51.100.9".parse().unwrap());
    wire.exchange();
    assert!(wire.send("198.51.100.9:9", b"hello").is_some());
}

#[test]
fn section_10_a_permission_lets_datagrams_through_in_both_directions() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    assert_eq!(wire.send("198.51.100.9:9", b"hello"), None);
    wire.client.permit(wire.scene.now, "198.51.100.9".parse().unwrap());
    wire.exchange();
    for payload in [&b"hello"[..], b"", b"1", b"four"] {
        assert_eq!(wire.send("198.51.100.9:9", payload).as_deref(), Some(payload));
        let back = wire.receive("198.51.100.9:9", payload);
        assert_eq!(back, Some((address("198.51.100.9:9"), payload.to_vec())));
    }
    // Asking twice is asking once.
    let asked = wire.requests.len();
    wire.client.permit(wire.scene.now, "198.51.100.9".parse().unwrap());
    wire.exchange();
    assert_eq!(wire.requests.len(), asked);
}

#[test]
fn section_10_a_refused_peer_is_told() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    wire.client.permit(wire.scene.now, "127.0.0.1".parse().unwrap());
    wire.exchange();
    let refused = Event::PeerRefused("127.0.0.1".parse().unwrap(), ErrorCode::FORBIDDEN);
    assert_eq!(wire.events.last(), Some(&refused));
    // A family the allocation doesn't have isn't even asked for.
    let asked = wire.requests.len();
    wire.client.permit(wire.scene.now, "2001:db8::9".parse().unwrap());
    wire.exchange();
    assert_eq!(wire.requests.len(), asked);
}

#[test]
fn section_12_a_channel_shortens_the_frame() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    let peer = address("198.51.100.9:9");
    wire.client.permit(wire.scene.now, peer.ip());
    wire.client.bind(wire.scene.now, peer);
    assert_eq!(wire.client.channel(peer), None);
    wire.exchange();
    assert_eq!(wire.events.last(), Some(&Event::ChannelBound(peer)));
    assert_eq!(wire.client.channel(peer), Some(0x4000));
    let mut buffer = [0; 100];
    assert_eq!(wire.client.wrap(peer, b"hello", &mut buffer), Some(9));
    assert_eq!(wire.send("198.51.100.9:9", b"hello").as_deref(), Some(&b"hello"[..]));
    assert_eq!(wire.receive("198.51.100.9:9", b"hello"), Some((peer, b"hello".to_vec())));
    assert_eq!(wire.client.wrap(peer, b"hello", &mut [0; 8]), None);
}

#[test]
fn section_12_5_over_a_stream_channel_data_is_padded() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let at = Client { transport, ..tcp("198.51.100.1:1000") };
        let mut wire = Wire::of(Scene::new(), IPV4, at, credential("alice"));
        let peer = address("198.51.100.9:9");
        wire.client.permit(wire.scene.now, peer.ip());
        wire.client.bind(wire.scene.now, peer);
        wire.exchange();
        let mut buffer = [0xFF; 100];
        assert_eq!(wire.client.wrap(peer, b"hello", &mut buffer), Some(12));
        assert_eq!(&buffer[..13], b"\x40\x00\x00\x05hello\0\0\0\xFF");
    }
}

#[test]
fn sections_8_10_12_everything_is_refreshed_before_it_runs_out() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    let peer = address("198.51.100.9:9");
    wire.client.permit(wire.scene.now, peer.ip());
    wire.client.permit(wire.scene.now, "198.51.100.10".parse().unwrap());
    wire.client.bind(wire.scene.now, peer);
    wire.exchange();
    for _ in 0..100 {
        wire.sleep(137);
        assert_eq!(wire.send("198.51.100.9:9", b"hello").as_deref(), Some(&b"hello"[..]));
        assert_eq!(wire.send("198.51.100.10:7", b"hello").as_deref(), Some(&b"hello"[..]));
        assert_eq!(wire.client.channel(peer), Some(0x4000));
    }
    assert_eq!(wire.events.len(), 2, "{:?}", wire.events);
}

#[test]
fn peers_of_no_interest_are_left_to_run_out() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    let peer = address("198.51.100.9:9");
    wire.client.permit(wire.scene.now, peer.ip());
    wire.client.bind(wire.scene.now, peer);
    wire.exchange();
    wire.client.retain_peers(|_| false);
    wire.sleep(700);
    assert_eq!(wire.scene.server.allocations(), 1);
    assert!(wire.scene.peer_sends("198.51.100.9:9", b"hello").is_err());
    assert_eq!(wire.client.channel(peer), None);
}

#[test]
fn section_8_closing_gives_the_allocation_back() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    wire.client.close(wire.scene.now);
    wire.exchange();
    assert_eq!(wire.events.last(), Some(&Event::Closed));
    assert_eq!(wire.scene.server.allocations(), 0);
    assert_eq!(wire.client.poll_timeout(), None);
    // Also when the server has gone.
    let mut wire = Wire::new(Scene::new(), IPV4);
    wire.cut = true;
    wire.client.close(wire.scene.now);
    wire.exchange();
    wire.sleep(60);
    assert_eq!(wire.events.last(), Some(&Event::Closed));
    assert_eq!(wire.client.poll_timeout(), None);
}

#[test]
fn rfc_8489_6_2_1_requests_are_sent_again() {
    let scene = Scene::new();
    let now = scene.now;
    let mut wire = Wire::new(scene, IPV4);
    assert!(wire.client.allocated().is_some());
    wire.cut = true;
    wire.requests.clear();
    wire.client.permit(now, "198.51.100.9".parse().unwrap());
    wire.exchange();
    wire.sleep(1);
    assert!(wire.requests.len() >= 3, "the path's round trip is known to be short");
    assert!(wire.requests.iter().all(|request| *request == wire.requests[0]));
    wire.sleep(60);
    assert_eq!(wire.events.last(), Some(&Event::Failed(Failure::TimedOut)));
    assert_eq!(wire.client.poll_timeout(), None);
}

#[test]
fn rfc_8489_9_2_5_a_wrong_password_is_tried_once() {
    let wrong = Credential { password: "wrong".into(), ..credential("alice") };
    let wire = Wire::of(Scene::new(), IPV4, udp("198.51.100.1:1000"), wrong);
    assert_eq!(wire.requests.len(), 2);
    assert_eq!(wire.events, [Event::Failed(Failure::Refused(ErrorCode::UNAUTHENTICATED))]);
}

#[test]
fn rfc_8489_9_2_5_a_stale_nonce_is_replaced() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    // The server's nonces last an hour, and the allocation 10 minutes: it lives on for a day.
    wire.sleep(86_000);
    assert_eq!(wire.scene.server.allocations(), 1);
    assert_eq!(wire.events.len(), 1, "{:?}", wire.events);
}

#[test]
fn credentials_can_be_replaced_while_running() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    // RFC 8656 §5: the allocation goes on with the user name it was made with.
    wire.client.set_credential(credential("bertha"));
    wire.sleep(4000);
    assert_eq!(wire.scene.server.allocations(), 1);
    assert_eq!(wire.events.len(), 1, "{:?}", wire.events);

    // A credential that comes before the server has answered is used for the allocation.
    let scene = Scene::new();
    let wrong = Credential { password: "wrong".into(), ..credential("alice") };
    let config = Config { transport: Transport::Udp, credential: wrong, families: IPV4 };
    let client = TurnClient::new(scene.now, config, StdRng::seed_from_u64(4));
    let at = udp("198.51.100.1:1000");
    let mut wire = Wire { scene, client, at, cut: false, requests: Vec::new(), events: Vec::new() };
    wire.client.set_credential(credential("alice"));
    wire.exchange();
    assert!(wire.client.allocated().is_some());
}

#[test]
fn rfc_8489_10_another_server_is_told() {
    let mut scene = Scene::new();
    let alternate = address("203.0.113.77:3478");
    scene.owner = Some(Box::new(move |_| Err(Refusal::TryAlternate(alternate))));
    let wire = Wire::new(scene, IPV4);
    assert_eq!(wire.events, [Event::Failed(Failure::TryAlternate(alternate))]);
}

#[test]
fn section_7_4_refusals_are_told() {
    for (refusal, code) in [(Refusal::AllocationQuotaReached, 486), (Refusal::InsufficientCapacity, 508)] {
        let mut scene = Scene::new();
        scene.owner = Some(Box::new(move |_| Err(refusal)));
        let wire = Wire::new(scene, IPV4);
        assert_eq!(wire.events, [Event::Failed(Failure::Refused(ErrorCode::new(code).unwrap()))]);
    }
    // The same 5-tuple twice (437).
    let first = Wire::new(Scene::new(), IPV4);
    let second = Wire::of(first.scene, IPV4, first.at, credential("bertha"));
    assert_eq!(second.events, [Event::Failed(Failure::Refused(ErrorCode::ALLOCATION_MISMATCH))]);
}

/// A server that was restarted knows nothing of the allocation.
#[test]
fn section_8_an_allocation_that_the_server_has_forgotten_has_ended() {
    let mut wire = Wire::new(Scene::new(), IPV4);
    wire.scene.server.handle_disconnect(wire.scene.now, &wire.at);
    wire.sleep(600);
    assert_eq!(wire.events.last(), Some(&Event::Failed(Failure::Refused(ErrorCode::ALLOCATION_MISMATCH))));
}

/// A server as of RFC 5766 that refuses everything it doesn't know.
#[test]
fn an_old_server_that_refuses_two_families_gives_one() {
    let scene = Scene::new();
    let now = scene.now;
    let user = credential("bob");
    let config = Config { transport: Transport::Udp, credential: user.clone(), families: BOTH };
    let mut client = TurnClient::new(now, config, StdRng::seed_from_u64(5));
    let key = LongTermKey::derive(PasswordAlgorithm::Md5, &user.username, "old", &user.password);
    let mut refused = 0;
    let mut buffer = [0; 2300];
    while let Some(length) = client.poll_transmit(&mut buffer) {
        let request = Message::parse(&buffer[..length]).unwrap();
        let mut answer = [0; 500];
        let signed = request.attribute(MESSAGE_INTEGRITY).is_some();
        let two = request.attribute(ADDITIONAL_ADDRESS_FAMILY).is_some();
        let class = if signed && !two { Class::Success } else { Class::Error };
        let mut writer = MessageWriter::answer(&mut answer, class, &request);
        match (signed, two) {
            (false, _) => {
                writer.error(ErrorCode::UNAUTHENTICATED).attribute(REALM, b"old").attribute(NONCE, b"once");
            }
            (true, true) => {
                refused += 1;
                writer.error(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED).integrity(key.as_bytes());
            }
            (true, false) => {
                writer
                    .xor_address(XOR_RELAYED_ADDRESS, address("203.0.113.1:50000"))
                    .number(LIFETIME, 600)
                    .integrity(key.as_bytes());
            }
        }
        let length = writer.finish().unwrap();
        assert_eq!(client.handle_input(now, &answer[..length]), Input::Control);
    }
    assert_eq!(refused, 1);
    assert!(client.allocated().is_some());
}

/// RFC 8489 §9.2.5: what isn't signed with the password isn't from the server.
#[test]
fn forged_answers_are_ignored() {
    let scene = Scene::new();
    let now = scene.now;
    let config = Config { transport: Transport::Udp, credential: credential("alice"), families: IPV4 };
    let mut client = TurnClient::new(now, config, StdRng::seed_from_u64(6));
    let mut buffer = [0; 2300];
    let answer = |request: &[u8], class, write: &dyn Fn(&mut MessageWriter<'_>)| {
        let mut answer = [0; 500];
        let request = Message::parse(request).unwrap();
        let mut writer = MessageWriter::answer(&mut answer, class, &request);
        write(&mut writer);
        let length = writer.finish().unwrap();
        answer[..length].to_vec()
    };
    let length = client.poll_transmit(&mut buffer).unwrap();
    let success = |writer: &mut MessageWriter<'_>| {
        writer.xor_address(XOR_RELAYED_ADDRESS, address("192.0.2.66:1"));
    };
    // Before the challenge there is nothing to sign with, and so no success either.
    let forged = answer(&buffer[..length], Class::Success, &success);
    assert_eq!(client.handle_input(now, &forged), Input::Ignored);
    let challenge = answer(&buffer[..length], Class::Error, &|writer| {
        writer.error(ErrorCode::UNAUTHENTICATED).attribute(REALM, b"old").attribute(NONCE, b"once");
    });
    assert_eq!(client.handle_input(now, &challenge), Input::Control);
    let length = client.poll_transmit(&mut buffer).unwrap();
    for key in [None, Some(&b"guess"[..])] {
        let forged = answer(&buffer[..length], Class::Success, &|writer| {
            success(writer);
            key.map(|key| writer.integrity(key));
        });
        assert_eq!(client.handle_input(now, &forged), Input::Ignored);
    }
    // An answer to somebody else, or to another question.
    let other = {
        let mut other = [0; 100];
        let transaction = Message::parse(&buffer[..length]).unwrap().transaction();
        let mut writer = MessageWriter::new(&mut other, Class::Error, Method::REFRESH, transaction);
        let length = writer.error(ErrorCode::BAD_REQUEST).finish().unwrap();
        other[..length].to_vec()
    };
    assert_eq!(client.handle_input(now, &other), Input::Ignored);
    assert!(client.allocated().is_none() && client.poll_event().is_none());
    // Data of peers that weren't permitted.
    for data in
        [channel_data(0x4000, b"hello"), channel_data(0x3FFF, b""), vec![0x40], vec![0x40, 0, 0, 9, 1]]
    {
        assert_eq!(client.handle_input(now, &data), Input::Ignored);
    }
}
