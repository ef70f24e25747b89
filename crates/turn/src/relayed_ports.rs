//! Which of the server's own relay ports are alive.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// A set of live relay ports, one for each address family, shared by every server and the owner of the sockets.
///
/// Two relayed peers have to meet, so a server's own relay addresses are always permitted; this set keeps
/// everything else that listens on those addresses out of reach.
#[derive(Debug)]
pub struct RelayedPorts {
    ipv4: Box<[AtomicU64]>,
    ipv6: Box<[AtomicU64]>,
}

impl RelayedPorts {
    /// No port is alive.
    pub fn new() -> Self {
        let none = || (0..1024).map(|_| AtomicU64::new(0)).collect();
        Self { ipv4: none(), ipv6: none() }
    }

    /// A relay socket has been bound to `relayed`.
    pub fn insert(&self, relayed: SocketAddr) {
        if let Some((word, bit)) = self.locate(relayed) {
            word.fetch_or(bit, Ordering::Release);
        }
    }

    /// The relay socket of `relayed` is about to be closed.
    pub fn remove(&self, relayed: SocketAddr) {
        if let Some((word, bit)) = self.locate(relayed) {
            word.fetch_and(!bit, Ordering::Release);
        }
    }

    /// Whether `relayed`'s port is a live relay port of its family.
    #[inline]
    pub fn contains(&self, relayed: SocketAddr) -> bool {
        self.locate(relayed).is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    #[inline]
    fn locate(&self, relayed: SocketAddr) -> Option<(&AtomicU64, u64)> {
        let words = if relayed.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        let port = usize::from(relayed.port());
        words.get(port / 64).map(|word| (word, 1 << (port % 64)))
    }
}

impl Default for RelayedPorts {
    fn default() -> Self {
        Self::new()
    }
}
