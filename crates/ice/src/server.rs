//! The servers that help an agent see itself from outside.

use std::net::SocketAddr;

use peerline_turn::Transport;
use peerline_turn::turn_client::Credential;

/// Names a server that was added to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub(crate) u32);

/// Names an allocation on a TURN server, from when it is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId(pub(crate) u32);

/// A STUN or TURN server. Names are the owner's to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// Tells the address it sees, over UDP.
    Stun {
        /// Where it is.
        address: SocketAddr,
    },
    /// Relays.
    Turn {
        /// Where it is. An unspecified address if only the owner can tell, who connects through a proxy; its family is the one
        /// of the local addresses that it is asked from.
        address: SocketAddr,
        /// How it is reached. TCP connections and TLS are the owner's to open.
        transport: Transport,
        /// User name and password.
        credential: Credential,
    },
}

impl Server {
    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        match self {
            Self::Stun { address } | Self::Turn { address, .. } => *address,
        }
    }
}
