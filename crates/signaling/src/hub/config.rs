//! What the owner of a hub may choose.

use std::time::Duration;

use super::connections::ConnectionId;
use super::rate::Allowance;
use crate::identifier::ParticipantId;
use crate::limits::Limits;
use crate::message::Ice;

/// Times and sizes; the defaults are those of `docs/signaling.md`.
#[derive(Clone, Debug)]
pub struct Config {
    /// What one session may do.
    pub limits: Limits,
    /// How much may wait for a session's acknowledgement, in bytes.
    pub queue_bytes: usize,
    /// How long a session is kept without a connection.
    pub grace: Duration,
    /// How long a client may say nothing before it sends a `ping`; after twice that its connection is closed.
    pub heartbeat: Duration,
    /// How long a connection may take to say `hello`.
    pub hello: Duration,
    /// How many sessions there may be.
    pub sessions: usize,
    /// How many of them may have begun at one address: an IPv4 address, an IPv6 /64; at an IPv6 /48 four times as many.
    pub sessions_per_address: usize,
    /// How much may wait for acknowledgement in all sessions, in bytes.
    pub queued_bytes: usize,
    /// How much of it in the sessions that began at one address; at an IPv6 /48 four times as much.
    pub queued_bytes_per_address: usize,
    /// How often an address may join.
    pub joins: Allowance,
    /// How often an address may fail to join.
    pub failed_joins: Allowance,
    /// How many addresses are remembered for that.
    pub addresses: usize,
    /// How many invitations ring for a participant at once.
    pub ringing: usize,
    /// How many invitations a participant may have open.
    pub inviting: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            queue_bytes: 1 << 20,
            grace: Duration::from_secs(60),
            heartbeat: Duration::from_secs(25),
            hello: Duration::from_secs(10),
            sessions: 100_000,
            sessions_per_address: 2_000,
            queued_bytes: 256 << 20,
            queued_bytes_per_address: 32 << 20,
            joins: Allowance { count: 30, per: Duration::from_secs(10) },
            failed_joins: Allowance { count: 20, per: Duration::from_secs(60) },
            addresses: 65_536,
            ringing: 4,
            inviting: 16,
        }
    }
}

/// Where the hub gets the ICE servers that it hands to participants. Asked while a frame is handled, so it answers at once.
pub trait IceServers: Send {
    /// Servers with a TURN credential for this participant, who is connected through `connection`.
    fn grant(&mut self, connection: ConnectionId, participant: &ParticipantId) -> IceGrant;
}

/// ICE servers with a credential that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceGrant {
    /// What the participant is told.
    pub ice: Ice,
    /// How long from now the credential is good. A new one is granted after three quarters of it.
    pub lifetime: Duration,
}
