//! CreatePermission (RFC 8656 §10.2) and ChannelBind (§12.2).

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

use peerline_stun::attribute::{CHANNEL_NUMBER, XOR_PEER_ADDRESS};
use peerline_stun::{Class, ErrorCode, Message, address};

use super::authenticate::Authenticated;
use super::{Refused, Server};
use crate::AllocationId;
use crate::peers::BindError;

/// RFC 8656 §12 leaves 0x4000 to 0x4FFF; clients of RFC 5766 §11 choose up to 0x7FFF, and nothing else on a TURN port
/// begins with those bytes.
const CHANNELS: RangeInclusive<u16> = 0x4000..=0x7FFF;

impl Server {
    pub(super) fn create_permission(
        &mut self,
        now: Instant,
        id: AllocationId,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<(), Refused> {
        let mut peers = Vec::new();
        for attribute in request.attributes().filter(|attribute| attribute.number == XOR_PEER_ADDRESS) {
            let peer =
                address::read_xor(attribute.value, &request.transaction()).ok_or(ErrorCode::BAD_REQUEST)?;
            self.check_peer(now, id, peer)?;
            peers.push(peer.ip());
        }
        if peers.is_empty() {
            return Err(ErrorCode::BAD_REQUEST.into());
        }
        let config = self.config.clone();
        let allocation = self.allocation_mut(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        // All or none: a client could not tell which of them were installed.
        if !allocation.peers.has_room(now, peers.iter().copied(), config.limits.permissions) {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY.into());
        }
        for ip in peers {
            allocation.peers.permit(now, ip, config.policy.only_relayed(ip));
        }
        let client = allocation.client;
        self.answer(&client, request, user, Class::Success, |_| ());
        Ok(())
    }

    pub(super) fn bind_channel(
        &mut self,
        now: Instant,
        id: AllocationId,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<(), Refused> {
        let number = match request.attribute(CHANNEL_NUMBER) {
            Some(&[high, low, _, _]) => u16::from_be_bytes([high, low]),
            _ => return Err(ErrorCode::BAD_REQUEST.into()),
        };
        let peer = request.xor_address(XOR_PEER_ADDRESS).ok_or(ErrorCode::BAD_REQUEST)?;
        if self.allocation(id).is_some_and(|allocation| allocation.is_tcp) {
            // RFC 6062 §1: there are no channels where data has connections of its own.
            return Err(ErrorCode::BAD_REQUEST.into());
        }
        if !CHANNELS.contains(&number) || peer.port() == 0 {
            return Err(ErrorCode::BAD_REQUEST.into());
        }
        self.check_peer(now, id, peer)?;
        let config = self.config.clone();
        config.policy.check_port(peer, &config.relayed_ports).map_err(|_| ErrorCode::FORBIDDEN)?;
        let own = config.policy.only_relayed(peer.ip());
        let allocation = self.allocation_mut(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let client = allocation.client;
        match allocation.peers.bind(now, number, peer, own, &config.limits) {
            Ok(()) => self.answer(&client, request, user, Class::Success, |_| ()),
            Err(BindError::Taken) => return Err(ErrorCode::BAD_REQUEST.into()),
            Err(BindError::Full) => return Err(ErrorCode::INSUFFICIENT_CAPACITY.into()),
        }
        Ok(())
    }

    /// Whether the allocation can reach peers of that family, and the relay may reach this one.
    pub(super) fn check_peer(&self, now: Instant, id: AllocationId, peer: SocketAddr) -> Result<(), Refused> {
        let allocation = self.allocation(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        allocation.relayed(now, peer).ok_or(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH)?;
        self.config.policy.check(peer.ip()).map_err(|_| ErrorCode::FORBIDDEN)?;
        Ok(())
    }
}
