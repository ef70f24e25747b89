//! What a server and its owner say to each other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::split_username;
use crate::{AllocationId, ByteBudget, Client, ConnectionId, Transport};

/// A datagram, or a piece of a stream, that the owner has to send. Its bytes are in the buffer handed to
/// [`Server::poll_transmit`](crate::Server::poll_transmit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// How: over the client's connection, or as a datagram.
    pub transport: Transport,
    /// To where.
    pub remote: SocketAddr,
    /// From where: the address the request came in at, except for a Binding answer that RFC 5780 wants from elsewhere.
    pub local: SocketAddr,
    /// How many bytes of the buffer.
    pub length: usize,
}

/// Names a pending [`AllocationRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

/// Address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

/// RESERVATION-TOKEN (RFC 8656 §18.7): the name of a port that is kept for a later allocation.
/// The owner makes it up (at random) and knows it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReservationToken(pub [u8; 8]);

/// An authenticated client wants an allocation (RFC 8656 §7.2). The owner answers with
/// [`Server::allocated`](crate::Server::allocated).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocationRequest {
    /// The name to answer under.
    pub request: RequestId,
    /// Who.
    pub client: Client,
    /// The user name of its credential, for quotas. Of a time-limited credential this includes the expiry;
    /// see [`user`](Self::user).
    pub username: Arc<str>,
    /// Which relayed addresses: one of the families, or both when the client asked for an additional one.
    /// Under a reservation token it is the family of what was reserved, whatever this says.
    pub families: Families,
    /// The relayed address is to be one of TCP, at which peers are listened to (RFC 6062 §5.1).
    pub is_tcp: bool,
    /// The port has to be even.
    pub even_port: bool,
    /// The next port (odd) has to be reserved as well, and its token returned.
    pub reserve_next: bool,
    /// The port that was reserved under this token is wanted.
    pub reservation_token: Option<ReservationToken>,
    /// Don't-fragment was asked for: the relay socket should be able to set it (RFC 8656 §14).
    pub dont_fragment: bool,
    /// How long the allocation will live unless it is refreshed.
    pub lifetime: Duration,
    /// A static user's name may look like a time-limited credential's, and is whole nevertheless.
    pub(crate) is_static_user: bool,
}

impl AllocationRequest {
    /// Whom quotas are counted for: the user name without a time-limited credential's expiry,
    /// so that a newly issued credential doesn't come with a new quota. Empty for a credential that names nobody.
    pub fn user(&self) -> &str {
        let time_limited = split_username(&self.username).filter(|_| !self.is_static_user);
        time_limited.map_or(&*self.username, |(_, user)| user)
    }
}

/// What the owner grants.
#[derive(Debug, Clone, Default)]
pub struct Granted {
    /// The relayed IPv4 address, as peers see it.
    pub ipv4: Option<SocketAddr>,
    /// The relayed IPv6 address, as peers see it.
    pub ipv6: Option<SocketAddr>,
    /// The token of the port that was reserved beside it.
    pub reservation_token: Option<ReservationToken>,
    /// Bandwidth limits.
    pub budgets: Budgets,
}

/// Bandwidth limits that an allocation is under; both directions count.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    /// Shared by all allocations of the same user.
    pub user: Option<Arc<ByteBudget>>,
    /// Shared by all allocations of the same source address.
    pub source: Option<Arc<ByteBudget>>,
}

/// Why the owner doesn't grant an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The user, or its address, has as many allocations as it may have (486).
    AllocationQuotaReached,
    /// No port left, none even, unknown reservation token (508).
    InsufficientCapacity,
    /// No relayed address of that family (440).
    AddressFamilyNotSupported,
    /// Relaying isn't allowed (403).
    Forbidden,
    /// Another server should be used (300, ALTERNATE-SERVER).
    TryAlternate(SocketAddr),
}

/// Why an allocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its client gave it back: Refresh with lifetime 0 (RFC 8656 §8.2).
    Released,
    /// Its lifetime ran out.
    Expired,
    /// The client's connection was closed, or the owner ended it.
    Disconnected,
}

/// What a server has to say to its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An allocation is asked for.
    AllocationRequested(AllocationRequest),
    /// One of the two relayed addresses of an allocation is gone, and the other lives on: the first one's socket should be closed.
    AddressEnded {
        /// Whose.
        allocation: AllocationId,
        /// Which, as it was granted.
        relayed: SocketAddr,
    },
    /// An allocation is gone: its relay sockets should be closed and its quota given back.
    AllocationEnded {
        /// Which.
        allocation: AllocationId,
        /// Whose.
        client: Client,
        /// Its user name, as in [`AllocationRequest::username`].
        username: Arc<str>,
        /// Why.
        reason: EndReason,
    },
    /// A TCP connection from the relayed address to a peer is asked for (RFC 6062 §5.2). The owner answers with
    /// [`Server::connected`](crate::Server::connected).
    ConnectRequested {
        /// Whose.
        allocation: AllocationId,
        /// How it will be called.
        connection: ConnectionId,
        /// To where.
        peer: SocketAddr,
    },
    /// A client wants its own connection to carry the data of one with a peer (RFC 6062 §5.4), which is likely another server's.
    /// The owner answers with [`Server::connection_bind_answered`](crate::Server::connection_bind_answered) at once.
    ConnectionBindRequested {
        /// Which connection is to carry it.
        client: Client,
        /// Of which.
        connection: ConnectionId,
        /// The user that has authenticated itself: it has to be the allocation's.
        username: Arc<str>,
    },
    /// A connection with a peer wasn't made, or wasn't taken over, in time: it should be closed.
    ConnectionEnded {
        /// Whose.
        allocation: AllocationId,
        /// Which.
        connection: ConnectionId,
    },
}

/// An ICMP or ICMPv6 error that came back for a relayed datagram (RFC 8656 §11.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    /// The ICMP or ICMPv6 type.
    pub kind: u8,
    /// The code.
    pub code: u8,
    /// The error's data: the next hop's MTU for "fragmentation needed" and "packet too big", otherwise 0.
    pub data: u32,
}
