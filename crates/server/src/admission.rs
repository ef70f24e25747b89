//! How many TCP connections and how many WebSockets are let in, in total and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

/// Enough for an office behind one address, with some tabs for everybody.
const PER_ADDRESS: u32 = 1_000;
/// Connections of one address that have not yet said what they speak, or not finished their TLS handshake.
const HALF_OPEN_PER_ADDRESS: u32 = 100;
/// A TLS handshake costs memory and a signature: this bounds what all addresses together can ask at once.
const HALF_OPEN: u32 = 4_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 4]),
    /// A /64 is one customer's: single addresses in it cost nothing.
    V6([u8; 8]),
}

impl Source {
    /// `None` for this machine, which is bounded by the total only.
    fn of(ip: IpAddr) -> Option<Self> {
        match ip.to_canonical() {
            ip if ip.is_loopback() => None,
            IpAddr::V4(ip) => Some(Self::V4(ip.octets())),
            IpAddr::V6(ip) => ip.octets().first_chunk().copied().map(Self::V6),
        }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    open: u32,
    half_open: u32,
}

#[derive(Debug, Default)]
struct Counts {
    total: Count,
    sources: HashMap<Source, Count>,
}

/// Counts connections and refuses those that are too many.
#[derive(Debug)]
pub(crate) struct Admission {
    max_connections: u32,
    /// Many clients come by each of these: they are bounded by the total only.
    proxies: Vec<IpNet>,
    counts: Mutex<Counts>,
}

impl Admission {
    pub(crate) fn new(max_connections: usize, proxies: &[IpNet]) -> Arc<Self> {
        Arc::new(Self {
            max_connections: u32::try_from(max_connections).unwrap_or(u32::MAX),
            proxies: proxies.to_vec(),
            counts: Mutex::default(),
        })
    }

    /// Lets a connection in, or not. It counts for as long as the answer is kept.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admitted> {
        let is_proxy = self.proxies.iter().any(|network| network.contains(&peer.to_canonical()));
        let source = Source::of(peer).filter(|_| !is_proxy);
        let mut counts = self.lock();
        let from_source = source.and_then(|source| counts.sources.get(&source)).copied().unwrap_or_default();
        if counts.total.open >= self.max_connections
            || counts.total.half_open >= HALF_OPEN.min(self.max_connections)
            || from_source.open >= PER_ADDRESS
            || from_source.half_open >= HALF_OPEN_PER_ADDRESS
        {
            return None;
        }
        counts.change(source, |count| {
            count.open += 1;
            count.half_open += 1;
        });
        drop(counts);
        Some(Admitted { admission: self.clone(), source, half_open: true })
    }

    pub(crate) fn open(&self) -> u32 {
        self.lock().total.open
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn change(&mut self, source: Option<Source>, change: impl Fn(&mut Count)) {
        change(&mut self.total);
        let Some(source) = source else { return };
        let count = self.sources.entry(source).or_default();
        change(count);
        if count.open == 0 {
            self.sources.remove(&source);
        }
    }
}

/// A connection that has been let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    source: Option<Source>,
    half_open: bool,
}

impl Admitted {
    /// The connection has finished its handshake.
    pub(crate) fn established(&mut self) {
        if std::mem::take(&mut self.half_open) {
            self.admission.lock().change(self.source, |count| count.half_open -= 1);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.established();
        self.admission.lock().change(self.source, |count| count.open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_keep_the_others_out() {
        let admission = Admission::new(10_000, &[]);
        let half_open: Vec<_> = std::iter::from_fn(|| admission.admit(ip("198.51.100.1"))).collect();
        assert_eq!(half_open.len(), HALF_OPEN_PER_ADDRESS as usize);
        assert!(admission.admit(ip("198.51.100.2")).is_some());
        drop(half_open);
        assert!(admission.admit(ip("198.51.100.1")).is_some());
    }

    #[test]
    fn a_64_is_one_address_and_so_is_a_mapped_one() {
        assert_eq!(Source::of(ip("2001:db8::1")), Source::of(ip("2001:db8::ffff:2")));
        assert_ne!(Source::of(ip("2001:db8::1")), Source::of(ip("2001:db8:0:1::1")));
        assert_eq!(Source::of(ip("::ffff:198.51.100.1")), Source::of(ip("198.51.100.1")));
    }

    #[test]
    fn established_connections_are_bounded_too() {
        let admission = Admission::new(10_000, &[]);
        let mut open = Vec::new();
        while let Some(mut admitted) = admission.admit(ip("198.51.100.1")) {
            admitted.established();
            open.push(admitted);
        }
        assert_eq!(open.len(), PER_ADDRESS as usize);
    }

    #[test]
    fn a_trusted_proxy_is_many_clients() {
        let admission = Admission::new(10_000, &["10.0.0.0/8".parse().unwrap()]);
        let behind_proxy: Vec<_> =
            (0..=HALF_OPEN_PER_ADDRESS).filter_map(|_| admission.admit(ip("::ffff:10.0.0.1"))).collect();
        assert_eq!(behind_proxy.len(), HALF_OPEN_PER_ADDRESS as usize + 1);
    }

    #[test]
    fn this_machine_is_bounded_by_the_total_only_and_nothing_is_kept_of_who_has_left() {
        let admission = Admission::new(2_000, &[]);
        let mut open = Vec::new();
        while let Some(mut admitted) = admission.admit(ip("127.0.0.1")) {
            admitted.established();
            open.push(admitted);
        }
        assert_eq!(open.len(), 2_000);
        drop(open);
        drop(admission.admit(ip("198.51.100.1")));
        assert_eq!(admission.open(), 0);
        assert!(admission.lock().sources.is_empty());
    }
}
