//! How much of the relay one user, and one source address, may have.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerline_turn::{Budgets, ByteBudget};

/// Quotas. What a source on this machine does is counted for its user only, and takes nobody's bandwidth:
/// behind a proxy on this machine every client has the same address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Allocations of one user at once. Default: 4,096, a quarter of the usual ports.
    pub allocations_per_user: usize,
    /// Allocations of one source address (IPv6: of one /64) at once. Default: 4,096.
    pub allocations_per_source: usize,
    /// TCP connections with peers of one user at once (RFC 6062). Default: 256.
    pub connections_per_user: usize,
    /// The same of one source address (IPv6: of one /64). Default: 512.
    pub connections_per_source: usize,
    /// The same of all together: each takes a file descriptor. Default: 4,096, a quarter of the usual TCP connections.
    pub connections: usize,
    /// Bytes a second of one user's allocations together, both directions. Default: 250 million.
    pub bandwidth_per_user: Option<u64>,
    /// Bytes a second of one source address's allocations together, both directions. Default: 250 million.
    pub bandwidth_per_source: Option<u64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            allocations_per_user: 4096,
            allocations_per_source: 4096,
            connections_per_user: 256,
            connections_per_source: 512,
            connections: 4096,
            bandwidth_per_user: Some(250_000_000),
            bandwidth_per_source: Some(250_000_000),
        }
    }
}

/// Whom allocations are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: Arc<str>,
    /// `None` for a source on this machine.
    pub(super) source: Option<IpAddr>,
}

impl Owner {
    pub(super) fn new(user: &str, source: Option<IpAddr>) -> Self {
        Self { user: user.into(), source: source.map(source_network) }
    }
}

/// Who has how many allocations. An owner without any isn't held.
#[derive(Debug)]
pub(super) struct Ledger {
    quotas: Quotas,
    users: HashMap<Arc<str>, Account>,
    sources: HashMap<IpAddr, Account>,
    /// TCP connections with peers, of all.
    connections: usize,
}

#[derive(Debug)]
struct Account {
    allocations: usize,
    /// TCP connections with peers. They may be closed later than their allocation ends.
    connections: usize,
    budget: Option<Arc<ByteBudget>>,
}

impl Ledger {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self { quotas, users: HashMap::new(), sources: HashMap::new(), connections: 0 }
    }

    /// Counts one more allocation; `None` when `owner` has as many as it may have.
    pub(super) fn enter(&mut self, now: Instant, owner: &Owner) -> Option<Budgets> {
        let quotas = &self.quotas;
        let count = |account: Option<&Account>| account.map_or(0, |account| account.allocations);
        let source = owner.source.as_ref();
        if count(self.users.get(&owner.user)) >= quotas.allocations_per_user
            || count(source.and_then(|source| self.sources.get(source))) >= quotas.allocations_per_source
        {
            return None;
        }
        // Traffic that never leaves this machine takes nobody's bandwidth.
        let per_user = quotas.bandwidth_per_user.filter(|_| source.is_some());
        let user = enter(&mut self.users, owner.user.clone(), now, per_user);
        let source =
            source.and_then(|source| enter(&mut self.sources, *source, now, quotas.bandwidth_per_source));
        Some(Budgets { user, source })
    }

    /// Counts one more TCP connection with a peer; `false` when the user, its source, or all together have as many as they may
    /// have, or the owner has no allocation.
    pub(super) fn connect(&mut self, owner: &Owner) -> bool {
        let Quotas { connections_per_user, connections_per_source, connections, .. } = self.quotas;
        let Some(user) = self.users.get_mut(&owner.user) else {
            return false;
        };
        let mut source = owner.source.as_ref().and_then(|source| self.sources.get_mut(source));
        if self.connections >= connections
            || user.connections >= connections_per_user
            || source.as_ref().is_some_and(|source| source.connections >= connections_per_source)
        {
            return false;
        }
        self.connections += 1;
        user.connections += 1;
        if let Some(source) = &mut source {
            source.connections += 1;
        }
        true
    }

    /// Counts one TCP connection less.
    pub(super) fn disconnect(&mut self, owner: &Owner) {
        let disconnect = |account: &mut Account| account.connections = account.connections.saturating_sub(1);
        self.connections = self.connections.saturating_sub(1);
        change(&mut self.users, &owner.user, disconnect);
        if let Some(source) = &owner.source {
            change(&mut self.sources, source, disconnect);
        }
    }

    /// Counts one allocation less.
    pub(super) fn leave(&mut self, owner: &Owner) {
        let leave = |account: &mut Account| account.allocations = account.allocations.saturating_sub(1);
        change(&mut self.users, &owner.user, leave);
        if let Some(source) = &owner.source {
            change(&mut self.sources, source, leave);
        }
    }
}

fn enter<K: Hash + Eq>(
    accounts: &mut HashMap<K, Account>,
    key: K,
    now: Instant,
    bandwidth: Option<u64>,
) -> Option<Arc<ByteBudget>> {
    let account = accounts.entry(key).or_insert(Account { allocations: 0, connections: 0, budget: None });
    account.allocations += 1;
    let rate = bandwidth?;
    // A quarter of a second may come at once.
    let budget = account.budget.get_or_insert_with(|| Arc::new(ByteBudget::new(now, rate, rate / 4)));
    Some(budget.clone())
}

/// Changes an account, and forgets it when nothing is left of it.
fn change<K: Hash + Eq>(accounts: &mut HashMap<K, Account>, key: &K, change: impl FnOnce(&mut Account)) {
    if let Some(account) = accounts.get_mut(key) {
        change(account);
        if account.allocations == 0 && account.connections == 0 {
            accounts.remove(key);
        }
    }
}

/// An IPv6 host has a whole /64 to itself, so that is what counts as one source.
pub(super) fn source_network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Token buckets in a table of fixed size: how many unauthenticated requests of an address are answered.
///
/// A forged source address makes a server that answers strangers a reflector, so there is a limit on what one address is
/// sent; and a stranger makes nobody hold anything, so addresses share the buckets by their (keyed) hash.
#[derive(Debug)]
pub(super) struct StrangerLimit {
    key: std::hash::RandomState,
    start: Instant,
    buckets: Box<[Bucket]>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Answers that are left.
    tokens: u32,
    /// When it was last filled, milliseconds after the start.
    filled: u32,
}

impl StrangerLimit {
    const BUCKETS: usize = 4096;
    const PER_SECOND: u32 = 200;
    const BURST: u32 = 600;

    pub(super) fn new(now: Instant) -> Self {
        let full = Bucket { tokens: Self::BURST, filled: 0 };
        Self { key: std::hash::RandomState::new(), start: now, buckets: vec![full; Self::BUCKETS].into() }
    }

    /// Whether one more request of `source` should be answered.
    pub(super) fn admit(&mut self, now: Instant, source: IpAddr) -> bool {
        use std::hash::BuildHasher;
        let hash = self.key.hash_one(source_network(source)) as usize;
        let now = now.saturating_duration_since(self.start);
        let Some(bucket) = self.buckets.get_mut(hash % Self::BUCKETS) else {
            return false;
        };
        let milliseconds = (now.as_millis() as u32).wrapping_sub(bucket.filled);
        let earned = u64::from(milliseconds) * u64::from(Self::PER_SECOND) / 1000;
        if earned > 0 {
            // What is less than a token stays on the clock.
            let taken = earned.min(u64::from(Self::BURST)) as u32;
            bucket.tokens = (bucket.tokens + taken).min(Self::BURST);
            let paid = Duration::from_millis(earned * 1000 / u64::from(Self::PER_SECOND));
            bucket.filled = bucket.filled.wrapping_add(paid.as_millis() as u32);
        }
        if bucket.tokens == 0 {
            return false;
        }
        bucket.tokens -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas() -> Quotas {
        Quotas { allocations_per_user: 2, allocations_per_source: 3, ..Quotas::default() }
    }

    fn owner(user: &str, source: &str) -> Owner {
        Owner::new(user, Some(source.parse().unwrap()))
    }

    #[test]
    fn a_user_has_its_quota_and_gets_it_back() {
        let now = Instant::now();
        let mut ledger = Ledger::new(quotas());
        assert!(ledger.enter(now, &owner("a", "203.0.113.1")).is_some());
        assert!(ledger.enter(now, &owner("a", "203.0.113.2")).is_some());
        assert!(ledger.enter(now, &owner("a", "203.0.113.3")).is_none());
        assert!(ledger.enter(now, &owner("b", "203.0.113.3")).is_some());
        ledger.leave(&owner("a", "203.0.113.1"));
        assert!(ledger.enter(now, &owner("a", "203.0.113.3")).is_some());
    }

    #[test]
    fn a_user_has_its_quota_of_tcp_connections_and_gets_it_back() {
        let now = Instant::now();
        let mut ledger = Ledger::new(Quotas { connections_per_user: 2, ..quotas() });
        let owner = owner("a", "203.0.113.1");
        assert!(!ledger.connect(&owner), "without an allocation");
        assert!(ledger.enter(now, &owner).is_some());
        assert!(ledger.connect(&owner) && ledger.connect(&owner) && !ledger.connect(&owner));
        ledger.disconnect(&owner);
        assert!(ledger.connect(&owner));
        ledger.leave(&owner);
        ledger.disconnect(&owner);
        assert!(!ledger.users.is_empty(), "one is still there");
        ledger.disconnect(&owner);
        assert!(ledger.users.is_empty());
    }

    #[test]
    fn a_source_has_its_quota_of_tcp_connections_however_many_users_it_names() {
        let now = Instant::now();
        let quotas = Quotas { allocations_per_source: 9, connections_per_source: 3, ..Quotas::default() };
        let mut ledger = Ledger::new(quotas);
        let users = [("a", "2001:db8::1"), ("b", "2001:db8::2"), ("c", "2001:db8::3"), ("d", "2001:db8::4")];
        let owners = users.map(|(user, source)| owner(user, source));
        assert!(owners.iter().all(|owner| ledger.enter(now, owner).is_some()));
        assert_eq!(owners.each_ref().map(|owner| ledger.connect(owner)), [true, true, true, false]);
        // Neither somebody elsewhere nor those on this machine are held up by it.
        for owner in [owner("d", "2001:db8:0:1::4"), Owner::new("d", None)] {
            assert!(ledger.enter(now, &owner).is_some() && ledger.connect(&owner));
        }
        ledger.disconnect(&owners[0]);
        assert!(ledger.connect(&owners[3]) && !ledger.connect(&owners[0]));
        // An allocation may end before its connections.
        ledger.leave(&owners[1]);
        assert!(!ledger.connect(&owners[0]));
    }

    #[test]
    fn all_together_have_a_quota_of_tcp_connections_and_nothing_stays_behind() {
        let now = Instant::now();
        let mut ledger = Ledger::new(Quotas { connections: 2, ..Quotas::default() });
        let owners = [owner("a", "203.0.113.1"), owner("b", "203.0.113.2"), Owner::new("c", None)];
        assert!(owners.iter().all(|owner| ledger.enter(now, owner).is_some()));
        assert_eq!(owners.each_ref().map(|owner| ledger.connect(owner)), [true, true, false]);
        ledger.disconnect(&owners[0]);
        assert!(ledger.connect(&owners[2]));
        for owner in &owners {
            ledger.leave(owner);
        }
        ledger.disconnect(&owners[1]);
        ledger.disconnect(&owners[2]);
        assert!(ledger.users.is_empty() && ledger.sources.is_empty() && ledger.connections == 0);
    }

    #[test]
    fn a_source_has_its_quota_and_in_ipv6_it_is_the_network() {
        let now = Instant::now();
        let mut ledger = Ledger::new(quotas());
        for (user, source) in [("a", "2001:db8::1"), ("b", "2001:db8::2"), ("c", "2001:db8::3:3")] {
            assert!(ledger.enter(now, &owner(user, source)).is_some());
        }
        assert!(ledger.enter(now, &owner("d", "2001:db8::4")).is_none());
        assert!(ledger.enter(now, &owner("d", "2001:db8:0:1::4")).is_some());
    }

    #[test]
    fn a_source_on_this_machine_is_counted_for_its_user_only() {
        let now = Instant::now();
        let mut ledger = Ledger::new(quotas());
        for user in ["a", "b", "c", "d"] {
            let budgets = ledger.enter(now, &Owner::new(user, None));
            assert!(budgets.is_some_and(|budgets| budgets.source.is_none() && budgets.user.is_none()));
        }
    }

    #[test]
    fn allocations_of_a_user_share_one_budget_and_nothing_stays_behind() {
        let now = Instant::now();
        let mut ledger = Ledger::new(quotas());
        let first = ledger.enter(now, &owner("a", "203.0.113.1")).unwrap();
        let second = ledger.enter(now, &owner("a", "203.0.113.2")).unwrap();
        assert!(Arc::ptr_eq(&first.user.unwrap(), &second.user.unwrap()));
        assert!(!Arc::ptr_eq(&first.source.unwrap(), &second.source.unwrap()));
        ledger.leave(&owner("a", "203.0.113.1"));
        ledger.leave(&owner("a", "203.0.113.2"));
        assert!(ledger.users.is_empty() && ledger.sources.is_empty());
    }

    #[test]
    fn a_stranger_is_answered_a_limited_number_of_times() {
        let start = Instant::now();
        let mut limit = StrangerLimit::new(start);
        let source = "203.0.113.1".parse().unwrap();
        let admitted =
            |limit: &mut StrangerLimit, now| (0..5000).filter(|_| limit.admit(now, source)).count();
        assert_eq!(admitted(&mut limit, start), 600);
        assert_eq!(admitted(&mut limit, start + Duration::from_secs(1)), 200);
        assert_eq!(admitted(&mut limit, start + Duration::from_secs(3600)), 600);
        assert!(limit.admit(start, "203.0.113.2".parse().unwrap()), "another address is not held back");
    }

    #[test]
    fn tokens_come_back_in_small_steps_too() {
        let start = Instant::now();
        let mut limit = StrangerLimit::new(start);
        let source = "203.0.113.1".parse().unwrap();
        while limit.admit(start, source) {}
        let admitted = (1..=1000)
            .filter(|millisecond| limit.admit(start + Duration::from_millis(*millisecond), source))
            .count();
        assert_eq!(admitted, 200);
    }
}
