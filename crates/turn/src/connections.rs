//! The TCP connections of an allocation (RFC 6062): with peers, until a client takes them over and while it has them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use peerline_stun::TransactionId;

use crate::server::Authenticated;

/// How long a connection may take to be made (RFC 6062 §5.2), and then to be taken over by the client.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// CONNECTION-ID (RFC 6062 §6.2.1): names a connection between a relayed address and a peer, for all servers of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// Makes [`ConnectionId`]s, one after the other. It is no secret: who takes a connection over has to be its allocation's user.
#[derive(Debug, Default)]
pub struct ConnectionIds(AtomicU32);

impl ConnectionIds {
    pub(crate) fn next(&self) -> ConnectionId {
        ConnectionId(self.0.fetch_add(1, Ordering::Relaxed))
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
    pub id: ConnectionId,
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
    /// When it is given up.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Connecting { until, .. } | Stage::Waiting { until } => Some(*until),
            Stage::Bound => None,
        }
    }
}
