//! An allocation on a TURN server, from the wish for a socket on.

use std::net::SocketAddr;
use std::time::Instant;

use peerline_turn::Transport;
use peerline_turn::turn_client::TurnClient;

use crate::{RelayId, ServerId};

/// Where a relay stands.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The owner opens a socket or a connection.
    Opening,
    /// The server is being talked to from `local`.
    Open { client: Box<TurnClient>, local: SocketAddr },
    /// It came to nothing, or is over.
    Closed,
}

/// What is known of the server's being there, while data goes over it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watch {
    /// Something came from it then.
    Heard(Instant),
    /// Nothing has come since, and then it was asked.
    Asked(Instant),
    /// It didn't answer in time.
    Doubted,
}

/// An allocation, or the attempt at one.
#[derive(Debug)]
pub(crate) struct Relay {
    pub id: RelayId,
    pub server: ServerId,
    pub transport: Transport,
    /// The local address whose interface is used.
    pub interface: SocketAddr,
    /// The server.
    pub remote: SocketAddr,
    /// How often a server has referred to another.
    pub redirects: u8,
    /// Its server isn't one of the configuration's any more: it is given back when no pair needs it.
    pub is_retired: bool,
    pub stage: Stage,
    pub watch: Watch,
}

impl Relay {
    pub const fn new(
        now: Instant,
        id: RelayId,
        server: ServerId,
        transport: Transport,
        interface: SocketAddr,
        remote: SocketAddr,
        redirects: u8,
    ) -> Self {
        let (is_retired, stage, watch) = (false, Stage::Opening, Watch::Heard(now));
        Self { id, server, transport, interface, remote, redirects, is_retired, stage, watch }
    }

    /// Whether it may still bring a candidate that is wanted.
    pub fn is_pending(&self) -> bool {
        match &self.stage {
            _ if self.is_retired => false,
            Stage::Opening => true,
            Stage::Open { client, .. } => client.allocated().is_none(),
            Stage::Closed => false,
        }
    }

    pub fn client(&self) -> Option<(&TurnClient, SocketAddr)> {
        match &self.stage {
            Stage::Open { client, local } => Some((client, *local)),
            _ => None,
        }
    }

    pub fn client_mut(&mut self) -> Option<&mut TurnClient> {
        match &mut self.stage {
            Stage::Open { client, .. } => Some(client),
            _ => None,
        }
    }

    /// Whether messages between these are its.
    pub fn is_between(&self, transport: Transport, local: SocketAddr, remote: SocketAddr) -> bool {
        self.transport == transport
            && self.remote == remote
            && self.client().is_some_and(|(_, own)| own == local)
    }
}
