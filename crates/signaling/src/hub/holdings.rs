//! What the sessions of each address hold together (`docs/signaling.md` §11): so that no address can keep the others out.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::quality::SeedableRandomState;
use slab::Slab;

use super::address::SourceAddress;
use super::config::Config;

/// A site has so many times what one of its networks may hold: an IPv6 /48 is 65,536 times a /64, and costs little more.
const SITE: usize = 4;

/// An address that holds sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder(usize);

/// Whose holdings are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    Address(SourceAddress),
    /// An IPv6 /48, of which everybody gets one who asks.
    Site(u64),
}

#[derive(Debug)]
struct Holding {
    network: Network,
    site: Option<Holder>,
    sessions: usize,
    bytes: usize,
}

/// Counts sessions and the bytes that wait in their queues. A session counts for the address at which it began, for as long as it lives.
#[derive(Debug)]
pub(super) struct Holdings {
    sessions_each: usize,
    bytes_each: usize,
    bytes_at_most: usize,
    bytes: usize,
    holdings: Slab<Holding>,
    by_network: HashMap<Network, Holder, SeedableRandomState>,
}

impl Holdings {
    pub(super) fn new(config: &Config, hasher: SeedableRandomState) -> Self {
        Self {
            sessions_each: config.sessions_per_address,
            bytes_each: config.queued_bytes_per_address,
            bytes_at_most: config.queued_bytes,
            bytes: 0,
            holdings: Slab::new(),
            by_network: HashMap::with_hasher(hasher),
        }
    }

    /// The bytes that wait in all queues.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether one more session may begin at this address.
    pub(super) fn may_begin(&self, source: SourceAddress) -> bool {
        let sessions = |network| {
            let holder = self.by_network.get(&network);
            holder.and_then(|holder| self.holdings.get(holder.0)).map_or(0, |holding| holding.sessions)
        };
        sessions(Network::Address(source)) < self.sessions_each
            && source.site().is_none_or(|site| sessions(Network::Site(site)) < SITE * self.sessions_each)
    }

    /// A session begins at this address.
    pub(super) fn begin(&mut self, source: SourceAddress) -> Holder {
        let site = source.site().map(|site| self.hold(Network::Site(site), None));
        self.hold(Network::Address(source), site)
    }

    fn hold(&mut self, network: Network, site: Option<Holder>) -> Holder {
        let holdings = &mut self.holdings;
        let holder = *self
            .by_network
            .entry(network)
            .or_insert_with(|| Holder(holdings.insert(Holding { network, site, sessions: 0, bytes: 0 })));
        if let Some(holding) = self.holdings.get_mut(holder.0) {
            holding.sessions += 1;
        }
        holder
    }

    /// A session of this holder ends, and `bytes` with it.
    pub(super) fn end(&mut self, holder: Holder, bytes: usize) {
        self.change(holder, bytes, 0);
        let mut next = Some(holder);
        while let Some(Holder(index)) = next {
            let Some(holding) = self.holdings.get_mut(index) else { return };
            holding.sessions -= 1;
            next = holding.site;
            if holding.sessions == 0 {
                self.by_network.remove(&holding.network);
                self.holdings.remove(index);
            }
        }
    }

    /// In a session of this holder wait `after` bytes instead of `before`.
    pub(super) fn change(&mut self, holder: Holder, before: usize, after: usize) {
        self.bytes = self.bytes - before + after;
        let mut next = Some(holder);
        while let Some(holding) = next.and_then(|Holder(index)| self.holdings.get_mut(index)) {
            holding.bytes = holding.bytes - before + after;
            next = holding.site;
        }
    }

    /// Whether `bytes` more may wait in a session of this holder.
    pub(super) fn has_room(&self, holder: Holder, bytes: usize) -> bool {
        let holding = self.holdings.get(holder.0);
        let site = holding.and_then(|holding| self.holdings.get(holding.site?.0));
        let fits =
            |holding: Option<&Holding>, most| holding.is_none_or(|holding| holding.bytes + bytes <= most);
        self.bytes + bytes <= self.bytes_at_most
            && fits(holding, self.bytes_each)
            && fits(site, SITE * self.bytes_each)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use foldhash::SharedSeed;

    use super::*;

    fn holdings() -> Holdings {
        let config = Config {
            sessions_per_address: 2,
            queued_bytes_per_address: 100,
            queued_bytes: 1_000,
            ..Config::default()
        };
        Holdings::new(&config, SeedableRandomState::with_seed(1, SharedSeed::global_fixed()))
    }

    fn address(text: &str) -> SourceAddress {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_address_begins_no_more_than_its_share_and_nothing_is_kept_of_who_has_left() {
        let mut holdings = holdings();
        let here = address("192.0.2.1");
        let began = [holdings.begin(here), holdings.begin(here)];
        assert!(!holdings.may_begin(here));
        assert!(holdings.may_begin(address("192.0.2.2")));
        for holder in began {
            holdings.end(holder, 0);
        }
        assert!(holdings.may_begin(here));
        assert!(holdings.by_network.is_empty() && holdings.holdings.is_empty());
    }

    #[test]
    fn the_networks_of_one_site_have_a_share_together() {
        let mut holdings = holdings();
        for network in 0..4 {
            let network = address(&format!("2001:db8:0:{network}::1"));
            for _ in 0..2 {
                assert!(holdings.may_begin(network));
                holdings.begin(network);
            }
            assert!(!holdings.may_begin(network));
        }
        assert!(!holdings.may_begin(address("2001:db8:0:4::1")));
        assert!(holdings.may_begin(address("2001:db8:1::1")));
    }

    #[test]
    fn bytes_are_bounded_for_an_address_for_a_site_and_for_all() {
        let mut holdings = holdings();
        let v4 = holdings.begin(address("192.0.2.1"));
        assert!(holdings.has_room(v4, 100) && !holdings.has_room(v4, 101));
        holdings.change(v4, 0, 100);
        assert!(!holdings.has_room(v4, 1));
        for network in 0..4 {
            let holder = holdings.begin(address(&format!("2001:db8:0:{network}::1")));
            assert!(holdings.has_room(holder, 100));
            holdings.change(holder, 0, 100);
        }
        let fifth = holdings.begin(address("2001:db8:0:5::1"));
        assert!(!holdings.has_room(fifth, 1), "the site's share is used up");
        for number in 0..5 {
            let holder = holdings.begin(address(&format!("198.51.100.{number}")));
            assert!(holdings.has_room(holder, 100));
            holdings.change(holder, 0, 100);
        }
        let last = holdings.begin(address("203.0.113.1"));
        assert!(!holdings.has_room(last, 1), "so is everybody's");
        holdings.end(v4, 100);
        assert!(holdings.has_room(last, 100));
        assert_eq!(holdings.bytes(), 900);
    }
}
