//! Which port a symmetric NAT has given to a destination, where it numbers them one after the other (RFC 5128 §3.4).
//!
//! Such a NAT takes the next port for each destination that a socket sends to for the first time. Servers show some of these ports,
//! and which other destinations came before and after is known here: so the ports of those follow.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::locals::is_private;

/// How far apart the ports of two destinations may be that were sent to one after the other.
const STEP_MAX: u16 = 4;
/// Ports that others behind the same NAT may have taken without being noticed.
const MARGIN: u16 = 1;
/// As many ports are given for one destination at most.
const PORTS_MAX: usize = 5;
/// For how long an observation says what comes after it.
const TRUST: Duration = Duration::from_secs(3);
/// A connection that is opened takes its port within this.
const OPENING: Duration = Duration::from_millis(50);
/// How many are remembered.
const DESTINATIONS_MAX: usize = 256;

/// What has taken ports of a NAT: of each interface another one.
#[derive(Debug, Default)]
pub(crate) struct PortSequence {
    /// In the order in which they were sent to first.
    destinations: Vec<Destination>,
    /// Connections over TCP that were opened at an interface: some NATs take ports for them from the same numbers.
    connections: Vec<(Instant, IpAddr)>,
}

#[derive(Debug)]
struct Destination {
    at: Instant,
    local: SocketAddr,
    remote: SocketAddr,
    /// As what it sees us.
    seen: Option<SocketAddr>,
}

/// A destination that has told what it sees.
#[derive(Debug, Clone, Copy)]
struct Seen {
    position: usize,
    at: Instant,
    mapped: SocketAddr,
}

impl PortSequence {
    /// A datagram goes out.
    pub fn sent(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr) {
        let is_known = self.position(local, remote).is_some();
        if !is_known && is_behind_nat(local.ip()) && self.destinations.len() < DESTINATIONS_MAX {
            self.destinations.push(Destination { at: now, local, remote, seen: None });
        }
    }

    /// A connection is opened.
    pub fn connected(&mut self, now: Instant, interface: IpAddr) {
        if is_behind_nat(interface) && self.connections.len() < DESTINATIONS_MAX {
            self.connections.push((now, interface));
        }
    }

    /// A destination sees the socket at `local` as `mapped`.
    pub fn seen(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr, mapped: SocketAddr) {
        let is_it = |known: &&mut Destination| known.local == local && known.remote == remote;
        let before = self.destinations.iter_mut().find(is_it).and_then(|known| known.seen);
        if before.is_some_and(|before| before != mapped) {
            // The NAT has forgotten everything, or is another one.
            self.destinations.retain(|known| known.local.ip() != local.ip());
            self.sent(now, local, remote);
        }
        if let Some(known) = self.destinations.iter_mut().find(is_it) {
            known.seen = Some(mapped);
        }
    }

    /// It isn't needed any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// When something was last sent to a new destination.
    pub fn last(&self, interface: IpAddr) -> Option<Instant> {
        self.destinations.iter().rfind(|known| known.local.ip() == interface).map(|known| known.at)
    }

    /// The addresses that a destination may see a socket as, which has been sent to; none where ports don't follow one
    /// another, or it isn't known whether they do.
    pub fn predict(&self, local: SocketAddr, remote: SocketAddr) -> Vec<SocketAddr> {
        self.ports(local, remote).unwrap_or_default()
    }

    fn ports(&self, local: SocketAddr, remote: SocketAddr) -> Option<Vec<SocketAddr>> {
        let step = self.step(local)?;
        let position = self.position(local, remote)?;
        let at = self.destinations.get(position)?.at;
        let seen = || self.seen_from(local);
        let before = seen().rfind(|seen| seen.position < position && at < seen.at + TRUST);
        let after = seen().find(|seen| seen.position > position);
        let ip = before.or(after)?.mapped.ip();
        let lowest = before.and_then(|before| self.port_after(before, position, step));
        let highest = after.and_then(|after| {
            let distance = self.between(local.ip(), position, after.position).checked_mul(step)?;
            after.mapped.port().checked_sub(distance)
        });
        let (from, to) = match before {
            Some(before) => (before.at, at),
            None => (at, after?.at),
        };
        let unsure = self.others(local.ip(), from, to).checked_mul(step)?;
        let (lowest, highest) = match (lowest, highest) {
            (Some(lowest), Some(highest)) => (lowest, highest),
            (Some(lowest), None) => (lowest, lowest.checked_add(unsure)?),
            (None, Some(highest)) => (highest.checked_sub(unsure)?, highest),
            (None, None) => return None,
        };
        let ports = (lowest..=highest).step_by(step.into()).take(PORTS_MAX);
        Some(ports.map(|port| SocketAddr::new(ip, port)).collect())
    }

    /// What the next `count` destinations will see the socket as, if nothing else takes a port meanwhile.
    pub fn foresee(&self, now: Instant, local: SocketAddr, count: u16) -> Vec<SocketAddr> {
        let next = || {
            let step = self.step(local)?;
            let last = self.seen_from(local).rfind(|seen| now < seen.at + TRUST)?;
            let port = self.port_after(last, self.destinations.len(), step)?;
            let port = |number: u16| port.checked_add(step.checked_mul(number)?);
            Some((1..=count).filter_map(port).map(|port| SocketAddr::new(last.mapped.ip(), port)).collect())
        };
        next().unwrap_or_default()
    }

    /// The port that the destination at a later position has at least.
    fn port_after(&self, seen: Seen, position: usize, step: u16) -> Option<u16> {
        let interface = self.destinations.get(seen.position)?.local.ip();
        let distance = self.between(interface, seen.position, position).checked_mul(step)?;
        seen.mapped.port().checked_add(distance)
    }

    /// From one destination's port to the next one's; `None` if that isn't so, or isn't known.
    fn step(&self, local: SocketAddr) -> Option<u16> {
        let seen: Vec<_> = self.seen_from(local).collect();
        let fits = |step: u16, with_others: bool| {
            seen.windows(2).all(|two| {
                let [before, after] = two else { return false };
                let Some(distance) = after.mapped.port().checked_sub(before.mapped.port()) else {
                    return false;
                };
                let own = self.between(local.ip(), before.position, after.position);
                let others = if with_others { self.others(local.ip(), before.at, after.at) } else { 0 };
                let most = own.saturating_add(others).saturating_mul(step);
                before.mapped.ip() == after.mapped.ip()
                    && (own.saturating_mul(step)..=most).contains(&distance)
            })
        };
        // Without connections, it is rather so that nobody else has taken any.
        let has_connections = self.connections.iter().any(|(_, interface)| *interface == local.ip());
        let exactly = (1..=STEP_MAX).find(|step| !has_connections && fits(*step, false));
        let step = exactly.or_else(|| (1..=STEP_MAX).find(|step| fits(*step, true)));
        step.filter(|_| seen.len() > 1)
    }

    fn seen_from(&self, local: SocketAddr) -> impl DoubleEndedIterator<Item = Seen> {
        self.destinations.iter().enumerate().filter_map(move |(position, known)| {
            let mapped = known.seen.filter(|_| known.local == local)?;
            Some(Seen { position, at: known.at, mapped })
        })
    }

    /// How many destinations took a port after the one at `from`, up to and with the one at `to`.
    fn between(&self, interface: IpAddr, from: usize, to: usize) -> u16 {
        let destinations = self.destinations.iter().take(to.saturating_add(1)).skip(from + 1);
        let count = destinations.filter(|known| known.local.ip() == interface).count();
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// How many ports others than these destinations may have taken in a time.
    fn others(&self, interface: IpAddr, from: Instant, to: Instant) -> u16 {
        let is_within =
            |(at, other): &&(Instant, IpAddr)| *other == interface && *at <= to && from <= *at + OPENING;
        let connections = self.connections.iter().filter(is_within).count();
        u16::try_from(connections).unwrap_or(u16::MAX).saturating_add(MARGIN)
    }

    fn position(&self, local: SocketAddr, remote: SocketAddr) -> Option<usize> {
        self.destinations.iter().position(|known| known.local == local && known.remote == remote)
    }
}

fn is_behind_nat(interface: IpAddr) -> bool {
    interface.is_ipv4() && is_private(interface)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    const LOCAL: &str = "10.0.0.2:5000";
    const PEER: &str = "198.51.100.1:6000";

    struct Tested {
        sequence: PortSequence,
        now: Instant,
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn server(number: u16) -> SocketAddr {
        SocketAddr::new(address(PEER).ip(), 1000 + number)
    }

    impl Tested {
        fn new() -> Self {
            Self { sequence: PortSequence::default(), now: Instant::now() }
        }

        fn send(&mut self, remote: SocketAddr) {
            self.now += Duration::from_millis(1);
            self.sequence.sent(self.now, address(LOCAL), remote);
        }

        fn connect(&mut self) {
            self.sequence.connected(self.now, address(LOCAL).ip());
        }

        fn see(&mut self, remote: SocketAddr, port: u16) {
            self.send(remote);
            let mapped = SocketAddr::new([203, 0, 113, 1].into(), port);
            self.sequence.seen(self.now, address(LOCAL), remote, mapped);
        }

        fn predicted(&self, remote: SocketAddr) -> Vec<u16> {
            let predicted = self.sequence.predict(address(LOCAL), remote);
            assert!(predicted.iter().all(|predicted| predicted.ip() == IpAddr::from([203, 0, 113, 1])));
            predicted.iter().map(SocketAddr::port).collect()
        }
    }

    #[test]
    fn what_is_sent_after_an_observation_has_the_next_port() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.see(server(2), 4001);
        tested.send(server(3));
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [4003, 4004]);
        tested.send(server(3));
        assert_eq!(tested.predicted(address(PEER)), [4003, 4004], "a repetition takes no port");
    }

    #[test]
    fn what_is_sent_between_observations_has_a_port_between() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.connect();
        tested.send(address(PEER));
        tested.see(server(2), 4002);
        assert_eq!(tested.predicted(address(PEER)), [4001], "connections take other ports");
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.connect();
        tested.send(address(PEER));
        tested.see(server(2), 4003);
        assert_eq!(tested.predicted(address(PEER)), [4001, 4002], "before the connection or after it");
    }

    #[test]
    fn what_is_sent_before_an_observation_has_a_port_before() {
        let mut tested = Tested::new();
        tested.connect();
        tested.send(address(PEER));
        tested.see(server(1), 4002);
        tested.see(server(2), 4003);
        assert_eq!(tested.predicted(address(PEER)), [3999, 4000, 4001]);
    }

    #[test]
    fn connections_make_unsure() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.see(server(2), 4001);
        tested.connect();
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [4002, 4003, 4004]);
        tested.now += OPENING;
        tested.see(server(3), 4004);
        tested.send(server(4));
        assert_eq!(tested.predicted(server(4)), [4005, 4006], "it has its port by now");
    }

    #[test]
    fn a_step_may_be_larger() {
        let mut tested = Tested::new();
        for (number, port) in [(1, 4000), (2, 4003), (3, 4006)] {
            tested.see(server(number), port);
        }
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [4009, 4012]);
    }

    #[test]
    fn ports_that_do_not_follow_one_another_are_not_predicted() {
        for ports in [[4000, 4000], [4000, 3999], [4000, 4100], [65_535, 1024]] {
            let mut tested = Tested::new();
            tested.see(server(1), ports[0]);
            tested.see(server(2), ports[1]);
            tested.send(address(PEER));
            assert_eq!(tested.predicted(address(PEER)), [0; 0], "{ports:?}");
            assert!(tested.sequence.foresee(tested.now, address(LOCAL), 4).is_empty());
        }
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [0; 0], "one observation shows nothing");
        tested.see(server(2), u16::MAX);
        assert_eq!(tested.predicted(address(PEER)), [0; 0]);
    }

    #[test]
    fn an_observation_of_long_ago_says_nothing() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.see(server(2), 4001);
        tested.now += TRUST;
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [0; 0]);
        assert!(tested.sequence.foresee(tested.now, address(LOCAL), 4).is_empty());
    }

    #[test]
    fn what_comes_next_is_foreseen() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.see(server(2), 4001);
        tested.send(address(PEER));
        let ports = tested.sequence.foresee(tested.now, address(LOCAL), 3);
        assert_eq!(ports.iter().map(SocketAddr::port).collect::<Vec<_>>(), [4003, 4004, 4005]);
    }

    #[test]
    fn a_nat_that_was_started_again_begins_anew() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.see(server(2), 4001);
        tested.see(server(1), 9000);
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [0; 0]);
        tested.see(server(2), 9002);
        assert_eq!(tested.predicted(address(PEER)), [9001]);
    }

    #[test]
    fn each_interface_has_its_own_nat() {
        let mut tested = Tested::new();
        tested.see(server(1), 4000);
        tested.see(server(2), 4001);
        tested.sequence.sent(tested.now, address("10.0.1.2:5000"), server(1));
        tested.send(address(PEER));
        assert_eq!(tested.predicted(address(PEER)), [4002, 4003]);
        // Another socket at the same interface, of a relay, takes ports of the same NAT.
        tested.sequence.sent(tested.now, address("10.0.0.2:5001"), server(1));
        tested.send(server(3));
        assert_eq!(tested.predicted(server(3)), [4004, 4005]);
    }
}
