//! What one address may do (`docs/signaling.md` §11), in a table that doesn't grow with the number of strangers.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::rate::{Allowance, Window};

/// Where a connection comes from, as far as limits go: an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceAddress(IpAddr);

impl From<IpAddr> for SourceAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl SourceAddress {
    /// The /48 of an IPv6 address: what a site gets.
    pub(super) fn site(self) -> Option<u64> {
        match self.0 {
            IpAddr::V6(address) => Some((address.to_bits() >> 80) as u64),
            IpAddr::V4(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Record {
    joins: Window,
    failures: Window,
}

/// The joins and failed joins of every address that was heard of lately. Two generations: what is touched moves
/// into the young one, and when that is full or old it becomes the old one, whose rest is forgotten.
#[derive(Debug)]
pub(super) struct Addresses {
    joins: Allowance,
    failures: Allowance,
    capacity: usize,
    young: HashMap<SourceAddress, Record>,
    old: HashMap<SourceAddress, Record>,
    turned: Instant,
}

impl Addresses {
    pub(super) fn new(now: Instant, joins: Allowance, failures: Allowance, capacity: usize) -> Self {
        Self { joins, failures, capacity, young: HashMap::new(), old: HashMap::new(), turned: now }
    }

    /// How long this address may not join.
    pub(super) fn closed_for(&mut self, now: Instant, source: SourceAddress) -> Option<Duration> {
        let (joins, failures) = (self.joins, self.failures);
        let record = self.record(now, source);
        record.joins.closed_for(now, &joins).max(record.failures.closed_for(now, &failures))
    }

    pub(super) fn joined(&mut self, now: Instant, source: SourceAddress) {
        let allowance = self.joins;
        self.record(now, source).joins.count(now, &allowance);
    }

    pub(super) fn failed(&mut self, now: Instant, source: SourceAddress) {
        let allowance = self.failures;
        self.record(now, source).failures.count(now, &allowance);
    }

    fn record(&mut self, now: Instant, source: SourceAddress) -> &mut Record {
        let lifetime = self.joins.per.max(self.failures.per);
        if self.young.len() >= self.capacity / 2 || now.saturating_duration_since(self.turned) > lifetime {
            self.old = std::mem::take(&mut self.young);
            self.turned = now;
        }
        let known = self.old.remove(&source);
        self.young.entry(source).or_insert_with(|| {
            known.unwrap_or(Record { joins: Window::new(now), failures: Window::new(now) })
        })
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOINS: Allowance = Allowance { count: 3, per: Duration::from_secs(10) };
    const FAILURES: Allowance = Allowance { count: 2, per: Duration::from_secs(60) };

    fn start() -> Instant {
        #[allow(clippy::disallowed_methods)]
        Instant::now()
    }

    fn address(text: &str) -> SourceAddress {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_ipv6_address_counts_as_its_64() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn an_address_may_join_again_when_its_window_is_over() {
        let (now, here) = (start(), address("192.0.2.1"));
        let mut addresses = Addresses::new(now, JOINS, FAILURES, 16);
        for _ in 0..3 {
            assert_eq!(addresses.closed_for(now, here), None);
            addresses.joined(now, here);
        }
        assert_eq!(addresses.closed_for(now + Duration::from_secs(4), here), Some(Duration::from_secs(6)));
        assert_eq!(addresses.closed_for(now, address("192.0.2.2")), None);
        assert_eq!(addresses.closed_for(now + Duration::from_secs(10), here), None);
    }

    #[test]
    fn a_million_addresses_leave_a_small_table_and_what_is_in_use_stays_known() {
        let (now, here) = (start(), address("192.0.2.1"));
        let mut addresses = Addresses::new(now, JOINS, FAILURES, 1_000);
        for _ in 0..2 {
            addresses.failed(now, here);
        }
        for stranger in 0..1_000_000_u32 {
            addresses.failed(now, IpAddr::from(stranger.to_be_bytes()).into());
            assert!(addresses.len() <= 1_001);
            if stranger % 100 == 0 {
                assert!(addresses.closed_for(now, here).is_some());
            }
        }
    }
}
