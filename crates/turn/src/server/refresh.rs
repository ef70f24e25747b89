//! Refresh (RFC 8656 §8.2).

use std::time::Instant;

use peerline_stun::attribute::{LIFETIME, REQUESTED_ADDRESS_FAMILY};
use peerline_stun::{Class, ErrorCode, Message};

use super::allocate::{family, lifetime, seconds};
use super::authenticate::Authenticated;
use super::{Refused, Server};
use crate::{AllocationId, EndReason};

impl Server {
    pub(super) fn refresh(
        &mut self,
        now: Instant,
        id: AllocationId,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<(), Refused> {
        let allocation = self.allocation(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let client = allocation.client;
        // Of a dual allocation, both addresses are meant unless one is named.
        let only = match request.attribute(REQUESTED_ADDRESS_FAMILY) {
            None => None,
            Some(value) => {
                let ipv4 = family(value).map_err(|_| ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH)?;
                let address = if ipv4 { allocation.ipv4 } else { allocation.ipv6 };
                address.ok_or(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH)?;
                Some(ipv4)
            }
        };
        if request.number(LIFETIME) == Some(0) {
            match only {
                None => self.end(id, EndReason::Released),
                Some(ipv4) => self.remove_address(id, ipv4, EndReason::Released),
            }
            self.answer(&client, request, user, Class::Success, |writer| {
                writer.number(LIFETIME, 0);
            });
            return Ok(());
        }
        let lifetime = lifetime(request, &self.config.limits)?;
        self.change_deadline(id, |allocation| {
            let ipv4 = allocation.ipv4.as_mut().filter(|_| only != Some(false));
            let ipv6 = allocation.ipv6.as_mut().filter(|_| only != Some(true));
            for relayed in ipv4.into_iter().chain(ipv6) {
                relayed.expires = now + lifetime;
            }
            None
        });
        self.answer(&client, request, user, Class::Success, |writer| {
            writer.number(LIFETIME, seconds(lifetime));
        });
        Ok(())
    }
}
