//! The short way of a packet: what the two relay functions say.

use std::net::SocketAddr;

use peerline_stun::attribute::{DATA, XOR_PEER_ADDRESS};
use peerline_stun::{Class, MessageWriter, Method, TransactionId};

use crate::{AllocationId, Client};

/// What to do with a datagram (or a framed message of a stream) from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// Send `payload` to `peer` from the relayed address of the peer's family.
    Relay {
        /// Whose relay socket.
        allocation: AllocationId,
        /// To where.
        peer: SocketAddr,
        /// The datagram's part that is the application's.
        payload: &'a [u8],
        /// The client wants the IP header's don't-fragment bit (RFC 8656 §14).
        dont_fragment: bool,
    },
    /// Not for relaying: give it to [`Server::handle_input`](crate::Server::handle_input).
    Control,
    /// Ignore it. It has been counted.
    Dropped(Dropped),
}

/// What to do with a datagram from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromPeer {
    /// Send header, payload and `header.padding()` zero bytes to the client.
    Relay {
        /// To whom, and over which transport.
        client: Client,
        /// What goes in front of the payload.
        header: RelayHeader,
    },
    /// Ignore it. It has been counted.
    Dropped(Dropped),
}

/// Why a packet isn't relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// Neither STUN nor ChannelData, or one that contradicts itself.
    Malformed,
    /// The client has no allocation, or it has run out.
    NoAllocation,
    /// The channel isn't bound.
    NoChannel,
    /// There is no permission for the peer.
    NoPermission,
    /// The peer is a port of this server that isn't a relay.
    Forbidden,
    /// The allocation has no relayed address of the peer's family.
    NoAddress,
    /// The bandwidth is used up.
    OverBudget,
    /// With its header the payload is longer than a datagram can be.
    TooLarge,
}

impl Dropped {
    /// All reasons, as an index for whoever counts them.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::NoAllocation,
        Self::NoChannel,
        Self::NoPermission,
        Self::Forbidden,
        Self::NoAddress,
        Self::OverBudget,
        Self::TooLarge,
    ];
}

/// What goes in front of a payload: a ChannelData header of 4 bytes, or a Data or Send indication of 36 (IPv4) or 48 (IPv6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayHeader {
    bytes: [u8; Self::MAX],
    length: u8,
    padding: u8,
}

impl RelayHeader {
    /// The longest header, in bytes.
    pub const MAX: usize = 48;

    /// The header of ChannelData (RFC 8656 §12.4). Over a stream it is padded (§12.5).
    #[inline]
    pub fn channel(number: u16, payload_length: u16, stream: bool) -> Self {
        let [a, b] = number.to_be_bytes();
        let [c, d] = payload_length.to_be_bytes();
        let mut bytes = [0; Self::MAX];
        bytes[..4].copy_from_slice(&[a, b, c, d]);
        Self { bytes, length: 4, padding: if stream { padding(payload_length) } else { 0 } }
    }

    /// The header of a Data indication (RFC 8656 §11.3). `None` when the message would be too long for its own length field.
    #[inline]
    pub(crate) fn data(peer: SocketAddr, payload_length: u16, transaction: TransactionId) -> Option<Self> {
        Self::indication(Method::DATA, peer, payload_length, transaction)
    }

    /// The header of a Send indication (RFC 8656 §11.1). `None` when the message would be too long for its own length field.
    pub fn send(peer: SocketAddr, payload_length: u16, transaction: TransactionId) -> Option<Self> {
        Self::indication(Method::SEND, peer, payload_length, transaction)
    }

    #[inline]
    fn indication(
        method: Method,
        peer: SocketAddr,
        payload_length: u16,
        transaction: TransactionId,
    ) -> Option<Self> {
        let padding = padding(payload_length);
        let mut bytes = [0; Self::MAX];
        let mut writer = MessageWriter::new(&mut bytes, Class::Indication, method, transaction);
        writer.xor_address(XOR_PEER_ADDRESS, peer);
        let length = writer.finish().ok()?;
        let body = u16::try_from(length - 20 + 4).ok()?;
        let body = body.checked_add(payload_length)?.checked_add(u16::from(padding))?;
        bytes[2..4].copy_from_slice(&body.to_be_bytes());
        bytes.get_mut(length..length + 2)?.copy_from_slice(&DATA.to_be_bytes());
        bytes.get_mut(length + 2..length + 4)?.copy_from_slice(&payload_length.to_be_bytes());
        Some(Self { bytes, length: u8::try_from(length + 4).ok()?, padding })
    }

    /// The header itself.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// How many zero bytes follow the payload, 0 to 3.
    #[inline]
    pub fn padding(&self) -> usize {
        usize::from(self.padding)
    }

    /// Writes the header so that it ends where the payload begins: `buffer` is the headroom before the payload.
    /// Says where in `buffer` it begins; `None` when there is too little room.
    #[inline]
    pub fn write_before(&self, buffer: &mut [u8]) -> Option<usize> {
        let start = buffer.len().checked_sub(usize::from(self.length))?;
        buffer.get_mut(start..)?.copy_from_slice(self.as_bytes());
        Some(start)
    }
}

#[inline]
fn padding(length: u16) -> u8 {
    (length.wrapping_neg() & 3).to_le_bytes()[0]
}
