//! The machine that asks for one port's mapping, keeps it, and gives it back.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::{is_plausible, nat_pmp, pcp};

/// Where routers listen, for both protocols (RFC 6886 §3, RFC 6887 §19.1).
pub const PORT: u16 = 5351;

/// What is asked for, in seconds: what a program that was killed leaves behind is gone after that.
pub const LIFETIME: u32 = 1200;

/// RFC 6886 §3.1: the first answer is awaited for 250 ms, each further one twice as long. After this many nobody answers.
const FIRST: Duration = Duration::from_millis(250);
const REQUESTS: u32 = 6;

/// RFC 6887 §11.2.1: renewals are no closer together.
const RENEWAL: Duration = Duration::from_secs(4);

/// What has become of the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The router forwards from there; it may be another address than before.
    Mapped(SocketAddrV4),
    /// It doesn't any more.
    Lost,
    /// The router knows neither protocol, or doesn't want to. Nothing more is sent.
    Ended,
}

/// What a router is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 6887.
    Pcp,
    /// RFC 6886.
    NatPmp,
}

#[derive(Debug)]
enum State {
    /// Nobody has answered so far.
    Asking {
        sent: u32,
        next: Instant,
    },
    Mapped {
        protocol: Protocol,
        external: SocketAddrV4,
        renew: Instant,
        expires: Instant,
    },
    Ended,
}

/// Asks the router for a mapping of one UDP port.
///
/// Its owner hands in what the router sends from [`PORT`], and nothing that others send.
#[derive(Debug)]
pub struct Mapper {
    internal: SocketAddrV4,
    nonce: pcp::Nonce,
    state: State,
    /// The router has said that it doesn't know PCP.
    is_without_pcp: bool,
    /// By which of the protocols it was asked: by both of them, where the first one wasn't answered at once.
    has_asked_pcp: bool,
    has_asked_nat_pmp: bool,
    /// What NAT-PMP tells apart from the mapping.
    address: Option<Ipv4Addr>,
    port: Option<(u16, u32)>,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Mapper {
    /// A mapping for the socket at `internal` is wanted. `random` makes what tells answers to us from forged ones.
    #[must_use]
    pub fn new(now: Instant, internal: SocketAddrV4, mut random: StdRng) -> Self {
        Self {
            internal,
            nonce: random.random(),
            state: State::Asking { sent: 0, next: now },
            is_without_pcp: false,
            has_asked_pcp: false,
            has_asked_nat_pmp: false,
            address: None,
            port: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// By what the router has granted the mapping.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        match self.state {
            State::Mapped { protocol, .. } => Some(protocol),
            State::Asking { .. } | State::Ended => None,
        }
    }

    /// A datagram came from the router.
    pub fn handle_input(&mut self, now: Instant, datagram: &[u8]) {
        if matches!(self.state, State::Ended) {
            return;
        }
        match pcp::response(datagram, &self.nonce, self.internal.port()) {
            Some(pcp::Response::Mapped { external, lifetime }) => {
                return self.mapped(now, Protocol::Pcp, external, lifetime);
            }
            Some(pcp::Response::Refused) => return self.refused(Protocol::Pcp),
            None => {}
        }
        match nat_pmp::response(datagram, self.internal.port()) {
            Some(nat_pmp::Response::Address(address)) => self.address = Some(address),
            Some(nat_pmp::Response::Mapped { port, lifetime }) => self.port = Some((port, lifetime)),
            Some(nat_pmp::Response::OtherVersion) if !self.is_without_pcp => {
                self.is_without_pcp = true;
                return self.ask(Protocol::NatPmp);
            }
            Some(nat_pmp::Response::Refused) => return self.refused(Protocol::NatPmp),
            // It says so to each request by PCP.
            Some(nat_pmp::Response::OtherVersion) | None => return,
        }
        if let (Some(address), Some((port, lifetime))) = (self.address, self.port) {
            self.mapped(now, Protocol::NatPmp, SocketAddrV4::new(address, port), lifetime);
        }
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) had asked for.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Asking { sent: REQUESTS, next } if next <= now => self.end(),
            State::Asking { sent, next } if next <= now => {
                self.state = State::Asking { sent: sent + 1, next: now + FIRST * 2_u32.pow(sent) };
                if !self.is_without_pcp {
                    self.ask(Protocol::Pcp);
                }
                // Many know NAT-PMP only, and not all of those say so.
                if sent > 0 || self.is_without_pcp {
                    self.ask(Protocol::NatPmp);
                }
            }
            State::Mapped { expires, .. } if expires <= now => {
                self.events.push_back(Event::Lost);
                (self.address, self.port) = (None, None);
                self.state = State::Asking { sent: 0, next: now };
                self.handle_timeout(now);
            }
            State::Mapped { protocol, external, renew, expires } if renew <= now => {
                let renew = now + ((expires - now) / 2).max(RENEWAL);
                self.state = State::Mapped { protocol, external, renew, expires };
                (self.address, self.port) = (None, None);
                self.ask(protocol);
            }
            _ => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Asking { next, .. } => Some(next),
            State::Mapped { renew, expires, .. } => Some(renew.min(expires)),
            State::Ended => None,
        }
    }

    /// The next datagram for the router, written to the beginning of `buffer`, which has room for 60 bytes: its length.
    pub fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let datagram = self.transmits.pop_front()?;
        buffer.get_mut(..datagram.len())?.copy_from_slice(&datagram);
        Some(datagram.len())
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Gives the mapping back, also one that the router may be about to grant. What [`poll_transmit`](Self::poll_transmit) has is
    /// still to be sent; nobody answers to it.
    pub fn close(&mut self) {
        self.transmits.clear();
        if matches!(std::mem::replace(&mut self.state, State::Ended), State::Ended) {
            return;
        }
        if self.has_asked_pcp && !self.is_without_pcp {
            // RFC 6887 §15.1: who gives a mapping back suggests nothing.
            let none = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
            self.transmits.push_back(pcp::request(self.internal, none, 0, &self.nonce));
        }
        if self.has_asked_nat_pmp {
            // RFC 6886 §3.4.
            self.transmits.push_back(nat_pmp::map_request(self.internal.port(), 0, 0));
        }
    }

    fn ask(&mut self, protocol: Protocol) {
        // The same port outside: then what others have been told of the NAT's mapping may be the same as this one.
        let (any, port) = (Ipv4Addr::UNSPECIFIED, self.internal.port());
        let suggested = match self.state {
            State::Mapped { external, .. } => external,
            State::Asking { .. } | State::Ended => SocketAddrV4::new(any, port),
        };
        match protocol {
            Protocol::Pcp => {
                self.has_asked_pcp = true;
                self.transmits.push_back(pcp::request(self.internal, suggested, LIFETIME, &self.nonce));
            }
            Protocol::NatPmp => {
                self.has_asked_nat_pmp = true;
                self.transmits.push_back(nat_pmp::address_request());
                self.transmits.push_back(nat_pmp::map_request(port, suggested.port(), LIFETIME));
            }
        }
    }

    fn mapped(&mut self, now: Instant, protocol: Protocol, external: SocketAddrV4, lifetime: u32) {
        let before = match self.state {
            // The first that answers is kept to.
            State::Mapped { protocol: other, .. } if other != protocol => return,
            State::Mapped { external, .. } => Some(external),
            State::Asking { .. } => None,
            State::Ended => return,
        };
        if lifetime == 0 || external.port() == 0 || !is_plausible(*external.ip()) {
            return;
        }
        // A router may say more than it will remember.
        let lifetime = Duration::from_secs(lifetime.min(2 * LIFETIME).into());
        let renew = now + (lifetime / 2).max(RENEWAL);
        self.state = State::Mapped { protocol, external, renew, expires: now + lifetime };
        if before != Some(external) {
            self.events.push_back(Event::Mapped(external));
        }
    }

    fn refused(&mut self, by: Protocol) {
        match self.state {
            State::Mapped { protocol, .. } if protocol != by => {}
            State::Mapped { .. } => {
                self.events.push_back(Event::Lost);
                self.end();
            }
            State::Asking { .. } if by == Protocol::Pcp => {
                // It may be that it grants the older protocol.
                if !std::mem::replace(&mut self.is_without_pcp, true) {
                    self.ask(Protocol::NatPmp);
                }
            }
            State::Asking { .. } => self.end(),
            State::Ended => {}
        }
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.transmits.clear();
        self.events.push_back(Event::Ended);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;
    use crate::pcp::tests::answer;

    struct World {
        now: Instant,
        mapper: Mapper,
    }

    impl World {
        fn new() -> Self {
            let now = Instant::now();
            let mapper = Mapper::new(now, "10.1.0.2:4000".parse().unwrap(), StdRng::seed_from_u64(7));
            let mut world = Self { now, mapper };
            world.pass(Duration::ZERO);
            world
        }

        fn pass(&mut self, time: Duration) {
            let until = self.now + time;
            while let Some(timeout) = self.mapper.poll_timeout().filter(|timeout| *timeout <= until) {
                self.now = self.now.max(timeout);
                self.mapper.handle_timeout(self.now);
            }
            self.now = until;
        }

        fn sent(&mut self) -> Vec<Vec<u8>> {
            let mut buffer = [0; 100];
            std::iter::from_fn(|| {
                let length = self.mapper.poll_transmit(&mut buffer)?;
                Some(buffer[..length].to_vec())
            })
            .collect()
        }

        fn events(&mut self) -> Vec<Event> {
            std::iter::from_fn(|| self.mapper.poll_event()).collect()
        }

        fn hear(&mut self, datagram: &[u8]) {
            self.mapper.handle_input(self.now, datagram);
        }
    }

    fn external() -> SocketAddrV4 {
        "203.0.113.2:5000".parse().unwrap()
    }

    const ADDRESS: [u8; 12] = [0, 128, 0, 0, 0, 0, 0, 1, 203, 0, 113, 2];
    const MAPPED: [u8; 16] = [0, 129, 0, 0, 0, 0, 0, 1, 0x0F, 0xA0, 0x13, 0x88, 0, 0, 2, 0x58];
    const OTHER_VERSION: [u8; 8] = [0, 129, 0, 1, 0, 0, 0, 1];

    #[test]
    fn pcp_maps_renews_and_gives_back() {
        let mut world = World::new();
        let request = world.sent().remove(0);
        world.hear(&answer(&request, 0, external(), 600));
        assert_eq!(world.events(), [Event::Mapped(external())]);
        world.pass(Duration::from_secs(299));
        assert!(world.sent().is_empty());
        world.pass(Duration::from_secs(1));
        let renewal = world.sent().remove(0);
        assert_eq!(&renewal[42..44], &[0x13, 0x88], "the port that it has");
        world.hear(&answer(&renewal, 0, external(), 600));
        assert!(world.events().is_empty(), "nothing has changed");
        world.pass(Duration::from_secs(300));
        let renewal = world.sent().remove(0);
        let elsewhere = "203.0.113.9:6000".parse().unwrap();
        world.hear(&answer(&renewal, 0, elsewhere, 600));
        assert_eq!(world.events(), [Event::Mapped(elsewhere)], "the router has another address");
        world.mapper.close();
        let last = world.sent();
        assert_eq!((last.len(), &last[0][4..8]), (1, &[0; 4][..]));
        let nothing = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0];
        assert_eq!(last[0][42..60], nothing, "§15.1: no port and no address is suggested");
        assert_eq!(world.mapper.poll_timeout(), None);
    }

    #[test]
    fn a_router_of_nat_pmp_is_spoken_to_in_its_language_rfc_6887_appendix_a() {
        let mut world = World::new();
        assert_eq!(world.sent().len(), 1);
        world.hear(&OTHER_VERSION);
        world.hear(&OTHER_VERSION);
        assert_eq!(world.sent(), [nat_pmp::address_request(), nat_pmp::map_request(4000, 4000, LIFETIME)]);
        world.hear(&MAPPED);
        assert!(world.events().is_empty(), "the address is still missing");
        world.hear(&ADDRESS);
        assert_eq!(world.events(), [Event::Mapped(external())]);
        world.pass(Duration::from_secs(300));
        assert_eq!(world.sent(), [nat_pmp::address_request(), nat_pmp::map_request(4000, 5000, LIFETIME)]);
        world.hear(&ADDRESS);
        world.hear(&MAPPED);
        world.mapper.close();
        assert_eq!(world.sent(), [nat_pmp::map_request(4000, 0, 0)]);
    }

    #[test]
    fn a_router_that_only_answers_nat_pmp_is_found_after_250_ms() {
        let mut world = World::new();
        world.sent();
        world.pass(Duration::from_millis(250));
        assert!(world.sent().contains(&nat_pmp::address_request()));
        world.hear(&ADDRESS);
        world.hear(&MAPPED);
        assert_eq!(world.events(), [Event::Mapped(external())]);
    }

    #[test]
    fn nobody_is_asked_for_ever() {
        let mut world = World::new();
        world.pass(Duration::from_secs(3600));
        let sent = world.sent().len();
        assert_eq!(world.events(), [Event::Ended]);
        assert!(sent == 0, "what is late isn't sent");
        let mut world = World::new();
        let mut sent = 0;
        for _ in 0..3600 {
            sent += world.sent().len();
            world.pass(Duration::from_secs(1));
        }
        assert_eq!(sent, 6 + 5 * 2);
        world.mapper.close();
        assert!(world.sent().is_empty(), "there is nothing to give back");
    }

    #[test]
    fn what_a_router_may_be_about_to_grant_is_given_back() {
        let mut world = World::new();
        let request = world.sent().remove(0);
        world.mapper.close();
        let last = world.sent();
        assert_eq!((last.len(), &last[0][4..8]), (1, &[0; 4][..]), "§15.1: no lifetime");
        assert_eq!(last[0][24..36], request[24..36], "§11.1: the mapping is known by its nonce");
        // One that didn't answer at once was asked by both protocols.
        let mut world = World::new();
        world.pass(Duration::from_millis(250));
        world.sent();
        world.mapper.close();
        let last = world.sent();
        assert_eq!((last.len(), &last[0][4..8]), (2, &[0; 4][..]));
        assert_eq!(last[1], nat_pmp::map_request(4000, 0, 0));
        // Nobody was asked before the first timeout.
        let now = Instant::now();
        let mut mapper = Mapper::new(now, "10.1.0.2:4000".parse().unwrap(), StdRng::seed_from_u64(7));
        mapper.close();
        assert_eq!(mapper.poll_transmit(&mut [0; 100]), None);
    }

    #[test]
    fn a_refusal_is_the_end() {
        let mut world = World::new();
        let request = world.sent().remove(0);
        world.hear(&answer(&request, 2, external(), 600));
        assert_eq!(world.sent(), [nat_pmp::address_request(), nat_pmp::map_request(4000, 4000, LIFETIME)]);
        world.hear(&[0, 129, 0, 2, 0, 0, 0, 1]);
        assert_eq!(world.events(), [Event::Ended]);
        world.pass(Duration::from_secs(3600));
        assert!(world.sent().is_empty());
    }

    #[test]
    fn a_mapping_that_is_not_renewed_is_lost_and_asked_for_anew() {
        let mut world = World::new();
        let request = world.sent().remove(0);
        world.hear(&answer(&request, 0, external(), 600));
        world.events();
        world.pass(Duration::from_secs(599));
        let renewals = world.sent().len();
        assert!((5..=80).contains(&renewals), "{renewals}");
        assert!(world.events().is_empty());
        world.pass(Duration::from_secs(1));
        assert_eq!(world.events(), [Event::Lost]);
        let request = world.sent().remove(0);
        world.hear(&answer(&request, 0, external(), 600));
        assert_eq!(world.events(), [Event::Mapped(external())]);
    }

    #[test]
    fn what_no_router_would_say_is_not_believed() {
        let mut world = World::new();
        let request = world.sent().remove(0);
        for wrong in ["0.0.0.0:5000", "127.0.0.1:5000", "224.0.0.1:5000", "203.0.113.2:0"] {
            world.hear(&answer(&request, 0, wrong.parse().unwrap(), 600));
        }
        world.hear(&answer(&request, 0, external(), 0));
        let mut forged = answer(&request, 0, external(), 600);
        forged[24] ^= 1;
        world.hear(&forged);
        assert!(world.events().is_empty());
    }
}
