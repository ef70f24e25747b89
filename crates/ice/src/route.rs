//! How a datagram of the layer above goes out.

use std::net::SocketAddr;

use peerline_stun::TransactionId;
use peerline_turn::{RelayHeader, Transport};

use crate::PairId;

/// The way of the selected pair. It is copied out of the agent, so that a train of datagrams can be built without asking it
/// for each; [`Event::RouteChanged`](crate::Event::RouteChanged) says when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The pair, for counting.
    pub pair: PairId,
    /// How: a datagram, or over the connection to the relay or to the peer.
    pub transport: Transport,
    /// Which socket.
    pub local: SocketAddr,
    /// To where: the peer's address, or the relay's.
    pub remote: SocketAddr,
    /// What is put around each datagram.
    pub framing: Framing,
}

/// What is put around a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Nothing: it goes to the peer directly.
    Direct,
    /// ChannelData (RFC 8656 §12.4).
    Channel {
        /// The channel's number.
        number: u16,
    },
    /// A Send indication (RFC 8656 §11.1), as long as the channel isn't bound yet.
    Indication {
        /// The peer.
        peer: SocketAddr,
        /// Nothing answers to it.
        transaction: TransactionId,
    },
}

impl Route {
    /// Whether it leads over a relay.
    pub const fn is_relayed(&self) -> bool {
        !matches!(self.framing, Framing::Direct)
    }

    /// What goes before a datagram of `length` bytes; [`RelayHeader::padding`] zero bytes follow it.
    /// `None` when nothing is put around it, and also when it is too long for any header.
    pub fn header(&self, length: usize) -> Option<RelayHeader> {
        let length = u16::try_from(length).ok()?;
        match self.framing {
            Framing::Direct => None,
            Framing::Channel { number } => {
                Some(RelayHeader::channel(number, length, self.transport.is_stream()))
            }
            Framing::Indication { peer, transaction } => RelayHeader::send(peer, length, transaction),
        }
    }

    /// How many bytes the header and the padding have at most.
    pub const fn overhead(&self) -> usize {
        match self.framing {
            Framing::Direct => 0,
            Framing::Channel { .. } => 4 + if self.transport.is_stream() { 3 } else { 0 },
            Framing::Indication { .. } => RelayHeader::MAX + 3,
        }
    }
}
