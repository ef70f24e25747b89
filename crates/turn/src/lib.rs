//! TURN (RFC 8656) and its TCP towards peers (RFC 6062), both sides, as machines without sockets, clock or locks.
//!
//! The client's is in [`turn_client`]; all else is the server's.
//!
//! [`Server`] is driven by an owner that holds the sockets: one per UDP worker thread, one per TCP or TLS
//! connection. What several servers share (relay sockets, port numbers, reservations, quotas) is the owner's to
//! decide: the machine asks with [`Event::AllocationRequested`] and goes on with [`Server::allocated`].
//!
//! Packets take the short way: [`Server::relay_from_client`] and [`Server::relay_from_peer`] only look up and
//! compare; they queue nothing, allocate nothing and take no lock.

mod allocation;
mod budget;
mod client;
mod clock;
mod config;
mod connections;
mod credentials;
mod event;
mod nonce;
mod peers;
mod policy;
mod relay;
mod relayed_ports;
mod server;
mod statistics;
pub mod turn_client;

pub use allocation::AllocationId;
pub use budget::ByteBudget;
pub use client::{Client, Transport};
pub use clock::WallClock;
pub use config::{Config, Limits};
pub use connections::{ConnectError, ConnectionId, ConnectionIds};
pub use credentials::{Credentials, Issued, issue};
pub use event::{
    AllocationRequest, Budgets, EndReason, Event, Families, Granted, IcmpError, Refusal, RequestId,
    ReservationToken, Transmit,
};
pub use nonce::NonceKey;
pub use peerline_stun::binding::Listener;
pub use policy::{Forbidden, PeerPolicy};
pub use relay::{Dropped, FromClient, FromPeer, RelayHeader};
pub use relayed_ports::RelayedPorts;
pub use server::Server;
pub use statistics::Statistics;
