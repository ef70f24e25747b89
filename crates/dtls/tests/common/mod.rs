//! A pair of connections, a network between them, and a clock that goes when it is told to.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant, SystemTime};

use peerline_dtls::*;

/// The tests' calendar begins here: 2027-01-15.
pub fn calendar() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Any instant will do to count from.
#[allow(clippy::disallowed_methods)]
pub fn beginning() -> Instant {
    Instant::now()
}

/// One end, and what it said.
pub struct End {
    pub dtls: Dtls,
    pub events: Vec<Event>,
    pub received: Vec<Vec<u8>>,
}

impl End {
    pub fn connected(&self) -> &Connected {
        self.events
            .iter()
            .find_map(|event| match event {
                Event::Connected(connected) => Some(connected),
                _ => None,
            })
            .expect("connected")
    }

    pub fn failure(&self) -> &Failure {
        self.events
            .iter()
            .find_map(|event| match event {
                Event::Failed(failure) => Some(failure),
                _ => None,
            })
            .expect("failed")
    }

    pub fn take(&mut self, now: Instant, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        if let Some(data) = self.dtls.handle_input(now, &mut datagram) {
            self.received.push(data.to_vec());
        }
        self.drain();
    }

    pub fn drain(&mut self) {
        while let Some(data) = self.dtls.poll_data() {
            self.received.push(data.into());
        }
        self.events.extend(std::iter::from_fn(|| self.dtls.poll_event()));
    }

    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2048];
        let mut datagrams = Vec::new();
        while let Some(length) = self.dtls.poll_transmit(&mut buffer) {
            datagrams.push(buffer[..length].to_vec());
        }
        datagrams
    }

    pub fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; plaintext.len() + Dtls::OVERHEAD];
        let length = self.dtls.seal_into(plaintext, &mut datagram).unwrap();
        datagram.truncate(length);
        datagram
    }
}

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToActive,
    ToPassive,
}

pub struct Pair {
    pub now: Instant,
    pub active: End,
    pub passive: End,
    pub in_flight: Vec<(Direction, Vec<u8>)>,
}

impl Pair {
    pub fn new(active: Config, passive: Config) -> Self {
        let certificates = [(); 2].map(|()| Certificate::generate(calendar()).unwrap());
        let fingerprints = [&certificates[0], &certificates[1]].map(|certificate| certificate.fingerprint());
        let [for_passive, for_active] = fingerprints;
        Self::with(active, passive, certificates, vec![for_active], vec![for_passive])
    }

    pub fn with(
        active: Config,
        passive: Config,
        [active_certificate, passive_certificate]: [Certificate; 2],
        active_expects: Vec<Fingerprint>,
        passive_expects: Vec<Fingerprint>,
    ) -> Self {
        let now = beginning();
        let end = |config: &Config, role, certificate: &Certificate, expects| End {
            dtls: Dtls::new(now, config, role, certificate, expects).unwrap(),
            events: Vec::new(),
            received: Vec::new(),
        };
        Self {
            now,
            active: end(&active, Role::Active, &active_certificate, active_expects),
            passive: end(&passive, Role::Passive, &passive_certificate, passive_expects),
            in_flight: Vec::new(),
        }
    }

    /// Puts what both have to send on the wire.
    pub fn collect(&mut self) {
        self.in_flight
            .extend(self.active.sent().into_iter().map(|datagram| (Direction::ToPassive, datagram)));
        self.in_flight
            .extend(self.passive.sent().into_iter().map(|datagram| (Direction::ToActive, datagram)));
    }

    pub fn deliver(&mut self, direction: Direction, datagram: &[u8]) {
        match direction {
            Direction::ToActive => self.active.take(self.now, datagram),
            Direction::ToPassive => self.passive.take(self.now, datagram),
        }
    }

    /// Delivers everything, and what it brings forth, with no time passing.
    pub fn run(&mut self) {
        self.run_through(|_, _| true);
    }

    /// The same over a network that decides about each datagram.
    pub fn run_through(&mut self, mut passes: impl FnMut(Direction, &[u8]) -> bool) {
        loop {
            self.collect();
            if self.in_flight.is_empty() {
                break;
            }
            for (direction, datagram) in std::mem::take(&mut self.in_flight) {
                if passes(direction, &datagram) {
                    self.deliver(direction, &datagram);
                }
            }
        }
        self.active.drain();
        self.passive.drain();
    }

    /// Lets the clock go to the next timer. `false`: there is none.
    pub fn advance(&mut self) -> bool {
        let timers = [self.active.dtls.poll_timeout(), self.passive.dtls.poll_timeout()];
        let Some(next) = timers.into_iter().flatten().min() else {
            return false;
        };
        self.now = self.now.max(next);
        for end in [&mut self.active, &mut self.passive] {
            if end.dtls.poll_timeout().is_some_and(|timeout| timeout <= self.now) {
                end.dtls.handle_timeout(self.now);
                end.drain();
            }
        }
        true
    }
}
