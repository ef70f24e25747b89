//! RFC 8445 §8: which pair is taken when the other side decides, in each of the ways in which others do that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_ice::*;
use peerline_stun::attribute::*;
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use rand::SeedableRng;
use rand::rngs::StdRng;

const PWD: &str = "a password of 22 characters";
const NOMINATION: u16 = 0xC001;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The controlling side at two addresses, played by hand. It answers all checks at once.
struct Other {
    agent: Agent,
    now: Instant,
    checks: u8,
    /// It doesn't answer at this address.
    dead: Option<SocketAddr>,
}

impl Other {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config { role: Role::Controlled, ..Config::default() };
        let mut agent = Agent::new(config, StdRng::seed_from_u64(1));
        agent.add_local_address(now, address("192.0.2.1:5000"));
        agent.gather(now);
        agent.sources_complete(now);
        let credentials = Credentials { ufrag: "them".into(), pwd: PWD.into() };
        agent.set_remote(now, RemoteParameters { credentials, lite: false });
        for (host, priority) in [(1, 2_000), (2, 1_000)] {
            let text = format!("candidate:{host} 1 udp {priority} 198.51.100.{host} 6000 typ host");
            agent.add_remote_candidate(now, &text.parse().unwrap()).unwrap();
        }
        agent.end_of_remote_candidates(now);
        let mut other = Self { agent, now, checks: 0, dead: None };
        other.sleep(Duration::from_secs(1));
        other
    }

    fn sleep(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            self.answer();
            match self.agent.poll_timeout() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.agent.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    fn answer(&mut self) {
        let mut buffer = [0; 1500];
        while let Some(transmit) = self.agent.poll_transmit(&mut buffer) {
            let request = Message::parse(&buffer[..transmit.length]).unwrap();
            if request.class() != Class::Request || self.dead == Some(transmit.remote) {
                continue;
            }
            let mut answer = [0; 200];
            let mut writer = MessageWriter::answer(&mut answer, Class::Success, &request);
            writer.xor_address(XOR_MAPPED_ADDRESS, transmit.local).integrity(PWD.as_bytes()).fingerprint();
            let length = writer.finish().unwrap();
            let Transmit { local, remote, .. } = transmit;
            self.agent.handle_input(self.now, Transport::Udp, local, remote, &answer[..length]);
        }
        while self.agent.poll_event().is_some() {}
    }

    /// A check with USE-CANDIDATE from one of the addresses.
    fn nominates(&mut self, host: u8, number: Option<u32>) {
        self.checks += 1;
        let local = self.agent.local_credentials().clone();
        let mut buffer = [0; 300];
        let transaction = TransactionId::new([self.checks; 12]);
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, transaction);
        writer
            .attribute(USERNAME, format!("{}:them", local.ufrag).as_bytes())
            .number(PRIORITY, 1)
            .attribute(ICE_CONTROLLING, &[1; 8])
            .attribute(USE_CANDIDATE, &[]);
        number.map(|number| writer.number(NOMINATION, number));
        let length = writer.integrity(local.pwd.as_bytes()).fingerprint().finish().unwrap();
        let source = address(&format!("198.51.100.{host}:6000"));
        let at = address("192.0.2.1:5000");
        let received = self.agent.handle_input(self.now, Transport::Udp, at, source, &buffer[..length]);
        assert_eq!(received, Received::Handled);
        self.sleep(Duration::from_millis(50));
    }

    fn selected(&self) -> String {
        self.agent.selected_route().unwrap().remote.ip().to_string()
    }
}

#[test]
fn before_nomination_data_flows_over_the_best_pair() {
    let other = Other::new();
    assert_eq!(other.selected(), "198.51.100.1");
    assert_eq!(other.agent.state(), State::Connected, "not completed: nothing is nominated yet");
}

/// RFC 8445 §8.1.1.
#[test]
fn regular_nomination_is_followed() {
    let mut other = Other::new();
    other.nominates(2, None);
    assert_eq!(other.selected(), "198.51.100.2");
    assert_eq!(other.agent.state(), State::Completed);
    let nominated = other.agent.statistics().pairs.iter().filter(|pair| pair.nominated).count();
    assert_eq!(nominated, 1);
}

/// RFC 5245 §8.1.1.2: all pairs at once, and the best of them counts.
#[test]
fn of_aggressive_nominations_the_best_counts() {
    for order in [[1, 2], [2, 1]] {
        let mut other = Other::new();
        order.into_iter().for_each(|host| other.nominates(host, None));
        assert_eq!(other.selected(), "198.51.100.1");
    }
}

/// Chromium repeats USE-CANDIDATE with every check of the pair it uses, and when it uses another, with that one's.
#[test]
fn the_pair_whose_nomination_is_repeated_is_followed() {
    let mut other = Other::new();
    for _ in 0..5 {
        other.nominates(1, None);
        other.sleep(Duration::from_millis(2400));
    }
    assert_eq!(other.selected(), "198.51.100.1");
    for _ in 0..4 {
        other.nominates(2, None);
        other.sleep(Duration::from_millis(2400));
    }
    assert_eq!(other.selected(), "198.51.100.2");
    for _ in 0..2 {
        other.nominates(1, None);
        other.sleep(Duration::from_millis(2400));
    }
    assert_eq!(other.selected(), "198.51.100.1");
}

/// draft-thatcher-ice-renomination: the greatest number counts, whatever the priorities.
#[test]
fn numbered_nominations_are_followed() {
    let mut other = Other::new();
    other.nominates(1, Some(1));
    assert_eq!(other.selected(), "198.51.100.1");
    other.nominates(2, Some(2));
    assert_eq!(other.selected(), "198.51.100.2");
    other.nominates(1, Some(1));
    assert_eq!(other.selected(), "198.51.100.2");
    other.nominates(1, Some(3));
    assert_eq!(other.selected(), "198.51.100.1");
}

#[test]
fn a_nominated_pair_that_falls_silent_is_left_for_one_that_answers() {
    let mut other = Other::new();
    other.nominates(1, None);
    other.dead = Some(address("198.51.100.1:6000"));
    other.agent.suspect(other.now);
    other.sleep(Duration::from_secs(2));
    assert_eq!(other.selected(), "198.51.100.2");
    assert!(other.agent.state().is_connected());
}
