//! The short way of a packet (RFC 8656 §11 and §12): look up and compare. Nothing is queued or allocated, no lock is taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use peerline_stun::attribute::{DATA, DONT_FRAGMENT, ICMP, XOR_PEER_ADDRESS};
use peerline_stun::{Message, Method, TransactionId, address};

use super::Server;
use crate::{
    AllocationId, Budgets, ByteBudget, Client, Dropped, FromClient, FromPeer, IcmpError, RelayHeader,
};

/// The first two bytes of a Send indication.
const SEND_INDICATION: [u8; 2] = [0x00, 0x16];

/// The longest payload of a datagram over IPv4, in bytes.
const DATAGRAM_MAX: usize = 65_507;

/// What a budget is charged for each packet besides its payload: the headers of IPv4 and UDP, in bytes.
const OVERHEAD: usize = 28;

impl Budgets {
    /// Takes `bytes` of a stream out of the budgets; `false` when they have to wait.
    pub fn admit_stream(&self, now: Instant, bytes: usize) -> bool {
        self.take(now, bytes)
    }

    /// Takes `bytes` out of all budgets, or out of none.
    #[inline]
    fn take(&self, now: Instant, bytes: usize) -> bool {
        let admits =
            |budget: &Option<Arc<ByteBudget>>| budget.as_ref().is_none_or(|budget| budget.admit(now, bytes));
        if !admits(&self.user) {
            return false;
        }
        let is_admitted = admits(&self.source);
        // What isn't relayed costs nothing.
        if !is_admitted && let Some(user) = &self.user {
            user.refund(bytes);
        }
        is_admitted
    }

    #[inline]
    fn admit(&self, now: Instant, payload: usize) -> Result<(), Dropped> {
        self.take(now, payload + OVERHEAD).then_some(()).ok_or(Dropped::OverBudget)
    }
}

impl Server {
    /// The short way for what a client sends: ChannelData and Send indications. Everything else is `Control`.
    /// `message` is a datagram, or a framed message of a stream (with or without its padding).
    #[inline]
    pub fn relay_from_client<'a>(
        &mut self,
        now: Instant,
        client: &Client,
        message: &'a [u8],
    ) -> FromClient<'a> {
        let result = match *message {
            [0x40..=0x7F, ..] => self.channel_data(now, client, message),
            [first, second, ..] if [first, second] == SEND_INDICATION => {
                self.send_indication(now, client, message)
            }
            [0x00..=0x3F, ..] => return FromClient::Control,
            _ => Err(Dropped::Malformed),
        };
        match result {
            Ok((allocation, peer, payload, dont_fragment)) => {
                self.statistics.packets_from_clients += 1;
                self.statistics.bytes_from_clients += payload.len() as u64;
                FromClient::Relay { allocation, peer, payload, dont_fragment }
            }
            Err(reason) => {
                self.statistics.count_dropped(reason);
                FromClient::Dropped(reason)
            }
        }
    }

    #[inline]
    fn channel_data<'a>(
        &self,
        now: Instant,
        client: &Client,
        message: &'a [u8],
    ) -> Result<(AllocationId, SocketAddr, &'a [u8], bool), Dropped> {
        let (&[a, b, c, d], rest) = message.split_first_chunk::<4>().ok_or(Dropped::Malformed)?;
        let number = u16::from_be_bytes([a, b]);
        let payload = rest.get(..usize::from(u16::from_be_bytes([c, d]))).ok_or(Dropped::Malformed)?;
        let id = *self.by_client.get(client).ok_or(Dropped::NoAllocation)?;
        let allocation = self.allocation(id).ok_or(Dropped::NoAllocation)?;
        let channel = allocation.peers.channel(number).ok_or(Dropped::NoChannel)?;
        if !channel.is_bound(now) {
            return Err(Dropped::NoChannel);
        }
        if !channel.is_permitted(now) {
            return Err(Dropped::NoPermission);
        }
        allocation.relayed(now, channel.peer).ok_or(Dropped::NoAddress)?;
        self.check_own(channel.own, channel.peer)?;
        allocation.budgets.admit(now, payload.len())?;
        Ok((id, channel.peer, payload, false))
    }

    #[inline]
    fn send_indication<'a>(
        &self,
        now: Instant,
        client: &Client,
        message: &'a [u8],
    ) -> Result<(AllocationId, SocketAddr, &'a [u8], bool), Dropped> {
        let id = *self.by_client.get(client).ok_or(Dropped::NoAllocation)?;
        let allocation = self.allocation(id).ok_or(Dropped::NoAllocation)?;
        let send = Send::read(message).ok_or(Dropped::Malformed)?;
        let own = allocation.peers.permitted(now, send.peer.ip()).ok_or(Dropped::NoPermission)?;
        // What a TCP allocation relays is no datagram.
        allocation.relayed(now, send.peer).filter(|_| !allocation.is_tcp).ok_or(Dropped::NoAddress)?;
        self.check_own(own, send.peer)?;
        allocation.budgets.admit(now, send.data.len())?;
        Ok((id, send.peer, send.data, send.dont_fragment))
    }

    #[inline]
    fn check_own(&self, own: bool, peer: SocketAddr) -> Result<(), Dropped> {
        if own && !self.config.relayed_ports.contains(peer) { Err(Dropped::Forbidden) } else { Ok(()) }
    }

    /// The short way for a datagram of `payload_length` bytes that `peer` has sent to a relayed address of `allocation`.
    #[inline]
    pub fn relay_from_peer(
        &mut self,
        now: Instant,
        allocation: AllocationId,
        peer: SocketAddr,
        payload_length: usize,
    ) -> FromPeer {
        match self.check_from_peer(now, allocation, peer, payload_length) {
            Ok((client, header)) => {
                self.statistics.packets_from_peers += 1;
                self.statistics.bytes_from_peers += payload_length as u64;
                FromPeer::Relay { client, header }
            }
            Err(reason) => {
                self.statistics.count_dropped(reason);
                FromPeer::Dropped(reason)
            }
        }
    }

    #[inline]
    fn check_from_peer(
        &mut self,
        now: Instant,
        id: AllocationId,
        peer: SocketAddr,
        payload_length: usize,
    ) -> Result<(Client, RelayHeader), Dropped> {
        let allocation = self.allocation(id).ok_or(Dropped::NoAllocation)?;
        allocation.relayed(now, peer).ok_or(Dropped::NoAddress)?;
        let client = allocation.client;
        let stream = client.transport.is_stream();
        let length = u16::try_from(payload_length).map_err(|_| Dropped::TooLarge)?;
        let header = match allocation.peers.channel_of(peer).filter(|channel| channel.is_bound(now)) {
            Some(channel) if !channel.is_permitted(now) => return Err(Dropped::NoPermission),
            Some(channel) => RelayHeader::channel(channel.number, length, stream),
            None => {
                allocation.peers.permitted(now, peer.ip()).ok_or(Dropped::NoPermission)?;
                let transaction = indication(self.next_indication);
                RelayHeader::data(peer, length, transaction).ok_or(Dropped::TooLarge)?
            }
        };
        if !stream && header.as_bytes().len() + payload_length + header.padding() > DATAGRAM_MAX {
            return Err(Dropped::TooLarge);
        }
        allocation.budgets.admit(now, payload_length)?;
        self.next_indication = self.next_indication.wrapping_add(1);
        Ok((client, header))
    }

    /// An ICMP error came back for a datagram that was sent to `peer` (RFC 8656 §11.5): the client is told with a Data indication.
    pub fn handle_icmp(
        &mut self,
        now: Instant,
        allocation: AllocationId,
        peer: SocketAddr,
        error: IcmpError,
    ) {
        let relayed = if peer.is_ipv4() { matches!(error.kind, 3 | 11) } else { matches!(error.kind, 1..=3) };
        let Some(found) = self.allocation(allocation) else {
            return;
        };
        let permitted = found.peers.permitted(now, peer.ip()).is_some() && found.relayed(now, peer).is_some();
        if !relayed || !permitted {
            return;
        }
        let client = found.client;
        // 7 bits of type and 9 of code (RFC 8656 §18.13); no error has a type above 127.
        let [high, low] = (u16::from(error.kind) << 9 | u16::from(error.code)).to_be_bytes();
        let [a, b, c, d] = error.data.to_be_bytes();
        self.indicate(&client, Method::DATA, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, peer).attribute(ICMP, &[0, 0, high, low, a, b, c, d]);
        });
    }
}

#[inline]
pub(super) fn indication(count: u64) -> TransactionId {
    let [a, b, c, d, e, f, g, h] = count.to_be_bytes();
    TransactionId::new([b'p', b'e', b'e', b'r', a, b, c, d, e, f, g, h])
}

/// A Send indication (RFC 8656 §11.2), read in one pass. Each attribute that isn't understood and has to be makes it void.
struct Send<'a> {
    peer: SocketAddr,
    data: &'a [u8],
    dont_fragment: bool,
}

impl<'a> Send<'a> {
    #[inline]
    fn read(message: &'a [u8]) -> Option<Self> {
        let message = Message::parse(message).ok()?;
        let (mut peer, mut data, mut dont_fragment) = (None, None, false);
        for attribute in message.attributes() {
            match attribute.number {
                XOR_PEER_ADDRESS => peer = peer.or(Some(attribute.value)),
                DATA => data = data.or(Some(attribute.value)),
                DONT_FRAGMENT => dont_fragment = true,
                number if peerline_stun::attribute::is_comprehension_required(number) => return None,
                _ => {}
            }
        }
        let peer = address::read_xor(peer?, &message.transaction())?;
        let valid = !message.is_classic() && peer.port() != 0;
        valid.then_some(Self { peer, data: data?, dont_fragment })
    }
}
