//! One allocation (RFC 8656 §3).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerline_stun::TransactionId;

use crate::connections::Connection;
use crate::peers::Peers;
use crate::{Budgets, Client, Granted, ReservationToken};

/// Names an allocation of one [`Server`](crate::Server). A name is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl AllocationId {
    /// A small number that no other living allocation of the same server has: an index for the owner's own table.
    /// It is used again once the allocation has ended.
    pub const fn index(self) -> usize {
        self.slot as usize
    }
}

/// A relayed transport address. Those of a dual allocation are refreshed and deleted each on its own (RFC 8656 §8.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relayed {
    pub address: SocketAddr,
    pub expires: Instant,
}

#[derive(Debug)]
pub(crate) struct Allocation {
    pub generation: u32,
    pub client: Client,
    pub username: Arc<str>,
    pub ipv4: Option<Relayed>,
    pub ipv6: Option<Relayed>,
    /// Its relayed addresses are of TCP (RFC 6062).
    pub is_tcp: bool,
    pub peers: Peers,
    pub connections: Vec<Connection>,
    pub budgets: Budgets,
    /// The request that made it: retransmitted, it gets the same answer (RFC 8656 §5).
    pub transaction: TransactionId,
    pub granted: Grant,
}

/// What the success response to an Allocate request says.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub ipv4: Option<SocketAddr>,
    pub ipv6: Option<SocketAddr>,
    pub lifetime: Duration,
    pub reservation_token: Option<ReservationToken>,
    /// An additional address was asked for: the family that could not be had.
    pub missing: Option<Missing>,
}

/// The family of a dual allocation that could not be had, and why: because there are no addresses of it, or no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    pub ipv4: bool,
    pub supported: bool,
}

impl Allocation {
    /// The relayed address that reaches peers of `peer`'s family.
    #[inline]
    pub fn relayed(&self, now: Instant, peer: SocketAddr) -> Option<&Relayed> {
        let relayed = if peer.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        relayed.as_ref().filter(|relayed| now < relayed.expires)
    }

    /// When the first of its addresses runs out.
    pub fn deadline(&self) -> Option<Instant> {
        self.ipv4.iter().chain(&self.ipv6).map(|relayed| relayed.expires).min()
    }

    /// Takes one address away, with its permissions and channels; the other family's stay (RFC 8656 §8.1).
    pub fn remove_address(&mut self, ipv4: bool) -> Option<SocketAddr> {
        let slot = if ipv4 { &mut self.ipv4 } else { &mut self.ipv6 };
        let relayed = slot.take()?;
        self.peers.forget(ipv4);
        Some(relayed.address)
    }
}

impl Grant {
    pub fn new(granted: &Granted, lifetime: Duration, missing: Option<Missing>) -> Self {
        Self {
            ipv4: granted.ipv4,
            ipv6: granted.ipv6,
            lifetime,
            reservation_token: granted.reservation_token,
            missing,
        }
    }
}
