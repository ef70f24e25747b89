//! The TCP connections of an allocation (RFC 6062): with peers, until a client takes them over and while it has them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use peerline_stun::TransactionId;
use rand::Rng;

use crate::server::Authenticated;

/// How long a connection may take to be made (RFC 6062 §5.2), and then to be taken over by the client.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// CONNECTION-ID (RFC 6062 §6.2.1): names a connection between a relayed address and a peer, for all servers of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// The [`ConnectionId`]s in use. They are drawn at random: the clients of one call may share a credential, and one of them must
/// not find another's connections by counting.
#[derive(Debug, Default)]
pub struct ConnectionIds(Mutex<HashSet<u32>>);

impl ConnectionIds {
    /// An unused one, until what is returned is dropped.
    pub(crate) fn draw(self: &Arc<Self>, random: &mut impl Rng) -> DrawnId {
        let mut used = self.lock();
        // There are far fewer connections than names.
        let mut number = random.random();
        while !used.insert(number) {
            number = random.random();
        }
        DrawnId { id: ConnectionId(number), ids: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that no other connection gets as long as this is held.
#[derive(Debug)]
pub(crate) struct DrawnId {
    id: ConnectionId,
    ids: Arc<ConnectionIds>,
}

impl Drop for DrawnId {
    fn drop(&mut self) {
        self.ids.lock().remove(&self.id.0);
    }
}

/// Why there is no connection with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectError {
    /// The peer refuses, or can't be reached (447).
    Failed,
    /// The user has as many connections as it may have (486).
    QuotaReached,
}

/// A connection between a relayed address and a peer.
#[derive(Debug)]
pub(crate) struct Connection {
    pub drawn: DrawnId,
    pub peer: SocketAddr,
    pub stage: Stage,
}

/// How far a connection is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The client has asked for it, and the owner makes it.
    Connecting { transaction: TransactionId, user: Authenticated, until: Instant },
    /// The client knows of it, and hasn't taken it over.
    Waiting { until: Instant },
    /// Data passes.
    Bound,
}

impl Connection {
    pub fn id(&self) -> ConnectionId {
        self.drawn.id
    }

    /// When it is given up.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Connecting { until, .. } | Stage::Waiting { until } => Some(*until),
            Stage::Bound => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn a_name_is_not_given_again_while_it_is_used() {
        let ids = Arc::new(ConnectionIds::default());
        // The same dice each time.
        let draw = || ids.draw(&mut StdRng::seed_from_u64(1));
        let first = draw();
        let second = draw();
        assert_ne!(first.id, second.id);
        let before = first.id;
        drop(first);
        assert_eq!(draw().id, before);
        drop(second);
        assert!(ids.lock().is_empty());
    }

    #[test]
    fn names_do_not_follow_each_other() {
        let ids = Arc::new(ConnectionIds::default());
        let mut random = StdRng::seed_from_u64(1);
        let drawn: Vec<_> = (0..100).map(|_| ids.draw(&mut random)).collect();
        let near = drawn.windows(2).filter(|two| two[0].id.0.abs_diff(two[1].id.0) < 1000);
        assert_eq!(near.count(), 0);
    }
}
