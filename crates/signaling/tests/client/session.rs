//! §4 and §5: connections begin, break and go on.

use std::time::Duration;

use peerline_signaling::CloseCode;
use peerline_signaling::client::{Client, ClosedReason, Config, Event, State};
use peerline_signaling::seal::IdentityKey;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::network::{Network, link, profile};

/// A client without a network: the test plays the server.
struct Alone {
    client: Client,
    now: std::time::Instant,
}

impl Alone {
    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "any instant will do")]
        let now = std::time::Instant::now();
        let identity = IdentityKey::from_bytes(&[1; 32]).unwrap();
        let client = Client::new(now, Config::default(), identity, StdRng::seed_from_u64(1));
        Self { client, now }
    }

    fn connect(&mut self) -> Value {
        assert_eq!(self.event(), Some(Event::Connect));
        self.client.connected(self.now);
        self.frame().unwrap()
    }

    fn welcome(&mut self, hello: &Value, epoch: &str, recovered: bool) {
        self.say(json!({
            "type": "welcome", "re": hello["id"], "participant": self.client.participant(), "epoch": epoch,
            "resume": "token", "grace": 60, "heartbeat": 25, "recovered": recovered,
            "limits": {"frame": 65536, "frames_per_second": 100, "burst": 400, "channels": 16, "members": 8, "queue": 512},
        }));
    }

    fn say(&mut self, frame: Value) {
        self.client.handle_input(self.now, frame.to_string().as_bytes());
    }

    fn frame(&mut self) -> Option<Value> {
        self.client.poll_transmit().map(|frame| serde_json::from_str(&frame).unwrap())
    }

    fn event(&mut self) -> Option<Event> {
        self.client.poll_event()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    /// Waits for the next timeout, and returns how long that took.
    fn wait(&mut self) -> Duration {
        let at = self.client.poll_timeout().unwrap();
        let waited = at.saturating_duration_since(self.now);
        self.now = self.now.max(at);
        self.client.handle_timeout(self.now);
        waited
    }
}

#[test]
fn the_first_frame_is_hello_and_a_broken_session_is_resumed() {
    let mut alone = Alone::new();
    let hello = alone.connect();
    assert_eq!((hello["type"].as_str(), hello["resume"].is_null()), (Some("hello"), true));
    alone.welcome(&hello, "one", false);
    assert_eq!(alone.event(), Some(Event::StateChanged(State::Online)));
    alone.say(json!({"type": "ice", "offset": 1, "servers": [], "expires": 1}));
    alone.say(json!({"type": "ice", "offset": 2, "servers": [], "expires": 2}));
    alone.client.disconnected(alone.now, 1006);
    alone.events();
    assert!(alone.wait() <= Duration::from_millis(300));
    let hello = alone.connect();
    assert_eq!(hello["resume"], json!({"token": "token", "epoch": "one", "offset": 2}));
    alone.welcome(&hello, "one", true);
    // What comes again is dropped.
    alone.events();
    alone.say(json!({"type": "ice", "offset": 2, "servers": [], "expires": 2}));
    assert_eq!(alone.event(), None);
    alone.say(json!({"type": "ice", "offset": 3, "servers": [], "expires": 3}));
    assert!(matches!(alone.event(), Some(Event::IceServers(ice)) if ice.expires == 3));
}

#[test]
fn frames_are_acknowledged_at_least_every_32_and_every_2_seconds() {
    let mut alone = Alone::new();
    let hello = alone.connect();
    alone.welcome(&hello, "one", false);
    for offset in 1..=40 {
        alone.say(json!({"type": "ice", "offset": offset, "servers": [], "expires": 1}));
    }
    let acks: Vec<_> = std::iter::from_fn(|| alone.frame()).collect();
    assert_eq!(acks, [json!({"type": "ack", "offset": 16}), json!({"type": "ack", "offset": 32})]);
    assert!(alone.wait() <= Duration::from_secs(2));
    assert_eq!(alone.frame(), Some(json!({"type": "ack", "offset": 40})));
}

#[test]
fn a_silent_client_sends_a_ping_and_gives_a_dead_connection_up() {
    let mut alone = Alone::new();
    let hello = alone.connect();
    alone.welcome(&hello, "one", false);
    assert_eq!(alone.wait(), Duration::from_secs(25));
    let ping = alone.frame().unwrap();
    assert_eq!(ping["type"], "ping");
    alone.say(json!({"type": "pong", "re": ping["id"]}));
    assert_eq!(alone.wait(), Duration::from_secs(25));
    alone.events();
    assert_eq!(alone.wait(), Duration::from_secs(10));
    assert_eq!(alone.events(), [Event::Disconnect, Event::StateChanged(State::Connecting)]);
}

#[test]
fn in_another_network_an_answer_is_late_after_half_a_second_or_three_round_trips_but_no_later_than_after_waking()
 {
    for (round_trip, patience) in [(20, 500), (300, 900), (9_000, 3_000)] {
        let mut alone = Alone::new();
        let hello = alone.connect();
        alone.now += Duration::from_millis(round_trip);
        alone.welcome(&hello, "one", false);
        alone.events();
        alone.client.network_changed(alone.now);
        assert_eq!(alone.frame().unwrap()["type"], "ping");
        assert_eq!(alone.wait(), Duration::from_millis(patience));
        assert_eq!(alone.events(), [Event::Disconnect, Event::StateChanged(State::Connecting)]);
    }
}

#[test]
fn in_another_network_a_connection_that_was_being_made_is_made_anew() {
    let mut alone = Alone::new();
    assert_eq!(alone.events(), [Event::Connect]);
    alone.client.network_changed(alone.now);
    assert_eq!(alone.events(), [Event::Disconnect, Event::Connect]);
    alone.client.connected(alone.now);
    alone.client.network_changed(alone.now);
    assert_eq!(alone.events(), [Event::Disconnect, Event::Connect]);
    alone.client.disconnected(alone.now, 1006);
    alone.client.network_changed(alone.now);
    assert_eq!(alone.events(), [Event::Connect], "it doesn't wait any longer");
    alone.client.connected(alone.now);
    let frames: Vec<_> = std::iter::from_fn(|| alone.frame()).collect();
    assert_eq!(frames.len(), 1, "each connection is greeted once: {frames:?}");
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_again_with_growing_waits() {
    let mut alone = Alone::new();
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(alone.event(), Some(Event::Connect));
        alone.client.disconnected(alone.now, 1006);
        waits.push(alone.wait());
    }
    assert!(waits[0] <= Duration::from_millis(300));
    assert!((Duration::from_millis(2_500)..=Duration::from_secs(5)).contains(&waits[7]), "{waits:?}");
    // One that never opens is given up.
    assert_eq!(alone.event(), Some(Event::Connect));
    assert_eq!(alone.wait(), Duration::from_secs(10));
    assert_eq!(alone.event(), Some(Event::Disconnect));
}

#[test]
fn a_draining_server_is_left_alone_for_as_long_as_it_asks() {
    let mut alone = Alone::new();
    let hello = alone.connect();
    alone.welcome(&hello, "one", false);
    alone.say(json!({"type": "drain", "offset": 1, "reconnect": [3, 9]}));
    assert!(alone.events().contains(&Event::StateChanged(State::Draining)));
    alone.client.disconnected(alone.now, CloseCode::Restart.number());
    alone.events();
    let waited = alone.wait();
    assert!((Duration::from_secs(3)..=Duration::from_secs(9)).contains(&waited), "{waited:?}");
    // It is still about to stop: `retry` is heard.
    let hello = alone.connect();
    alone.say(json!({"type": "error", "re": hello["id"], "code": "draining", "message": "", "retry": 20}));
    assert!(matches!(alone.event(), Some(Event::HelloRefused(_))));
    alone.client.disconnected(alone.now, CloseCode::Restart.number());
    assert_eq!(alone.wait(), Duration::from_secs(20));
}

#[test]
fn a_fenced_session_ends() {
    let mut alone = Alone::new();
    let hello = alone.connect();
    alone.welcome(&hello, "one", false);
    alone.events();
    alone.client.disconnected(alone.now, CloseCode::Fenced.number());
    assert_eq!(
        alone.events(),
        [Event::StateChanged(State::Closed), Event::Closed(ClosedReason::Fenced), Event::Disconnect]
    );
    assert_eq!(alone.client.poll_timeout(), None);
}

#[test]
fn an_error_with_retry_is_tried_again_with_the_same_id() {
    let mut alone = Alone::new();
    let hello = alone.connect();
    alone.welcome(&hello, "one", false);
    alone
        .client
        .announce(
            alone.now,
            peerline_signaling::name::Name::parse("Ada").unwrap(),
            peerline_signaling::message::Presence::Online,
        )
        .unwrap();
    let announce = alone.frame().unwrap();
    alone.say(
        json!({"type": "error", "re": announce["id"], "code": "rate_limited", "message": "", "retry": 2}),
    );
    assert_eq!(alone.wait(), Duration::from_secs(2));
    assert_eq!(alone.frame(), Some(announce.clone()));
    // A code of a later version is an error all the same.
    alone.events();
    alone.say(json!({"type": "error", "re": announce["id"], "code": "tomorrow", "message": "no"}));
    let Some(Event::Answered(_, peerline_signaling::client::Answer::Refused(refusal))) = alone.event() else {
        panic!("no answer")
    };
    assert_eq!((refusal.code, refusal.message.as_str()), (None, "no"));
}

#[test]
fn closing_leaves_every_channel_at_once() {
    let mut network = Network::meeting(1, 2);
    network.act(0, Client::close);
    network.pass(Duration::from_secs(1));
    assert!(network.peers[1].events.iter().any(|event| matches!(event, Event::Left { .. })));
    let now = network.now;
    assert!(network.peers[0].client.join(now, &link(2), profile("Ada")).is_err());
}
