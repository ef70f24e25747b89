//! What an operator decides.

use std::sync::Arc;
use std::time::Duration;

use peerline_stun::binding::Listener;

use crate::{ConnectionIds, Credentials, Families, NonceKey, PeerPolicy, RelayedPorts, WallClock};

/// How a server behaves. Shared by all servers of a process.
#[derive(Debug)]
pub struct Config {
    /// The realm and who may allocate.
    pub credentials: Credentials,
    /// The key of the nonces, the same for all servers of a process.
    pub nonce_key: NonceKey,
    /// Unix time.
    pub wall_clock: Arc<WallClock>,
    /// Whom a client may send to.
    pub policy: PeerPolicy,
    /// The relay ports that are alive, on the addresses in [`PeerPolicy::own`].
    pub relayed_ports: Arc<RelayedPorts>,
    /// The same for relayed addresses of TCP.
    pub relayed_tcp_ports: Arc<RelayedPorts>,
    /// Names for TCP connections with peers, the same for all servers of a process.
    pub connection_ids: Arc<ConnectionIds>,
    /// The UDP addresses the server listens at: Binding answers tell of a second one (RFC 5780).
    pub listeners: Vec<Listener>,
    /// The families the owner has relayed addresses of.
    pub families: Families,
    /// Limits.
    pub limits: Limits,
}

/// Limits on what a client can make a server hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Permissions per allocation. Default: 128.
    pub permissions: usize,
    /// Channels per allocation. Default: 64.
    pub channels: usize,
    /// TCP connections with peers per allocation (RFC 6062). Default: 16.
    pub connections: usize,
    /// Allocations of one server. Default: 65,536.
    pub allocations: usize,
    /// An allocation's lifetime when the client asks for none, and the least it gets. Default: 10 minutes
    /// (RFC 8656 §3.2).
    pub lifetime: Duration,
    /// The longest lifetime. Default: 1 hour (RFC 8656 §7.2).
    pub lifetime_max: Duration,
    /// How long a nonce is good for. Default: 1 hour (RFC 8656 §5).
    pub nonce_lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            permissions: 128,
            channels: 64,
            connections: 16,
            allocations: 65_536,
            lifetime: Duration::from_secs(600),
            lifetime_max: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(3600),
        }
    }
}
