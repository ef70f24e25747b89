//! Allocate (RFC 8656 §7.2).

use std::time::{Duration, Instant};

use peerline_stun::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, ADDRESS_ERROR_CODE, ALTERNATE_SERVER, DONT_FRAGMENT, EVEN_PORT, LIFETIME,
    REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT, RESERVATION_TOKEN, XOR_MAPPED_ADDRESS,
    XOR_RELAYED_ADDRESS,
};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};

use super::authenticate::Authenticated;
use super::{Refused, Server};
use crate::allocation::{Allocation, Grant, Missing, Relayed};
use crate::peers::Peers;
use crate::{
    AllocationId, AllocationRequest, Client, Event, Families, Granted, Limits, Refusal, RequestId,
    ReservationToken,
};

/// As numbers of protocols over IP.
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// An Allocate request that the owner hasn't answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    id: RequestId,
    pub client: Client,
    transaction: TransactionId,
    user: Authenticated,
    families: Families,
    is_tcp: bool,
    lifetime: Duration,
}

/// Reads a family attribute (RFC 8656 §18.6): `true` for IPv4.
pub(super) fn family(value: &[u8]) -> Result<bool, Refused> {
    match value.first() {
        Some(&IPV4) if value.len() == 4 => Ok(true),
        Some(&IPV6) if value.len() == 4 => Ok(false),
        _ if value.len() == 4 => Err(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED.into()),
        _ => Err(ErrorCode::BAD_REQUEST.into()),
    }
}

/// How long an allocation lives on: what the request wants, within the limits (RFC 8656 §7.2 and §8.2).
pub(super) fn lifetime(request: &Message<'_>, limits: &Limits) -> Result<Duration, Refused> {
    let wanted = match request.attribute(LIFETIME) {
        None => 0,
        Some(_) => request.number(LIFETIME).ok_or(ErrorCode::BAD_REQUEST)?,
    };
    let wanted = Duration::from_secs(u64::from(wanted));
    Ok(wanted.min(limits.lifetime_max).max(limits.lifetime))
}

pub(super) fn seconds(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}

impl Server {
    pub(super) fn allocate(
        &mut self,
        client: &Client,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<(), Refused> {
        if self.pending.iter().any(|pending| pending.client == *client) {
            // A retransmission that came before the owner's answer: that will answer both.
            return Ok(());
        }
        if let Ok(id) = self.own_allocation(client, user)
            && let Some(allocation) = self.allocation(id)
            && allocation.transaction == request.transaction()
        {
            let grant = allocation.granted.clone();
            self.answer(client, request, user, Class::Success, |writer| {
                write_success(writer, &grant, client)
            });
            return Ok(());
        }
        if self.by_client.contains_key(client) {
            return Err(ErrorCode::ALLOCATION_MISMATCH.into());
        }
        self.next_request += 1;
        let wanted = self.read_allocate(client, request, user)?;
        if self.allocations.len() + self.pending.len() >= self.config.limits.allocations {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY.into());
        }
        self.pending.push(Pending {
            id: wanted.request,
            client: *client,
            transaction: request.transaction(),
            user: user.clone(),
            families: wanted.families,
            is_tcp: wanted.is_tcp,
            lifetime: wanted.lifetime,
        });
        self.events.push_back(Event::AllocationRequested(wanted));
        Ok(())
    }

    /// Checks 3 to 9 of RFC 8656 §7.2, as far as they don't need the owner.
    fn read_allocate(
        &self,
        client: &Client,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<AllocationRequest, Refused> {
        let is_tcp = match request.attribute(REQUESTED_TRANSPORT) {
            Some(&[UDP, _, _, _]) => false,
            Some(&[TCP, _, _, _]) if self.config.policy.tcp => true,
            Some(&[_, _, _, _]) => return Err(ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL.into()),
            _ => return Err(ErrorCode::BAD_REQUEST.into()),
        };
        let even_port = request.attribute(EVEN_PORT);
        let token = request.attribute(RESERVATION_TOKEN);
        let requested = request.attribute(REQUESTED_ADDRESS_FAMILY);
        let additional = request.attribute(ADDITIONAL_ADDRESS_FAMILY);
        let dont_fragment = request.attribute(DONT_FRAGMENT).is_some();
        // RFC 6062 §5.1. Of two families each has an allocation of its own.
        let is_for_udp = even_port.is_some() || token.is_some() || dont_fragment || additional.is_some();
        if is_tcp && (is_for_udp || !client.transport.is_stream()) {
            return Err(ErrorCode::BAD_REQUEST.into());
        }
        let contradicts = token.is_some()
            && (even_port.is_some() || requested.is_some() || additional.is_some())
            || requested.is_some() && additional.is_some();
        let reserve_next = match even_port {
            None => false,
            Some(&[bits]) => bits & 0x80 != 0,
            Some(_) => return Err(ErrorCode::BAD_REQUEST.into()),
        };
        if contradicts || reserve_next && additional.is_some() {
            return Err(ErrorCode::BAD_REQUEST.into());
        }
        let families = match (requested, additional) {
            (Some(value), _) => {
                let ipv4 = family(value)?;
                Families { ipv4, ipv6: !ipv4 }
            }
            (None, Some(value)) if family(value)? => return Err(ErrorCode::BAD_REQUEST.into()),
            (None, Some(_)) => Families { ipv4: true, ipv6: true },
            (None, None) => Families { ipv4: true, ipv6: false },
        };
        let ours = self.config.families;
        let available = Families { ipv4: families.ipv4 && ours.ipv4, ipv6: families.ipv6 && ours.ipv6 };
        // What was reserved has the family of the allocation it was reserved with.
        if token.is_none() && available == Families::default() {
            return Err(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED.into());
        }
        let reservation_token = match token {
            None => None,
            Some(value) => Some(ReservationToken(value.try_into().map_err(|_| ErrorCode::BAD_REQUEST)?)),
        };
        Ok(AllocationRequest {
            request: RequestId(self.next_request),
            client: *client,
            username: user.username.clone(),
            families,
            is_tcp,
            even_port: even_port.is_some(),
            reserve_next,
            reservation_token,
            dont_fragment,
            lifetime: lifetime(request, &self.config.limits)?,
            is_static_user: self.config.credentials.is_static_user(&user.username),
        })
    }

    /// The owner's answer to [`Event::AllocationRequested`]. Says how the allocation is called; `None` when it wasn't granted
    /// or when the request is no longer known (its client has disconnected), and then whatever was granted has to be taken back.
    pub fn allocated(
        &mut self,
        now: Instant,
        request: RequestId,
        answer: Result<Granted, Refusal>,
    ) -> Option<AllocationId> {
        let position = self.pending.iter().position(|pending| pending.id == request)?;
        let pending = self.pending.swap_remove(position);
        let granted = match answer {
            Ok(granted) if granted.ipv4.is_some() || granted.ipv6.is_some() => granted,
            Ok(_) => return self.refuse_pending(&pending, Refusal::InsufficientCapacity),
            Err(refusal) => return self.refuse_pending(&pending, refusal),
        };
        let grant = Grant::new(&granted, pending.lifetime, self.missing(&pending, &granted));
        let client = pending.client;
        let id = self.insert(now, &pending, granted, grant.clone());
        self.answer_pending(&pending, Class::Success, |writer| write_success(writer, &grant, &client));
        Some(id)
    }

    /// The family that was asked for in addition and isn't there (RFC 8656 §7.2, check 9).
    fn missing(&self, pending: &Pending, granted: &Granted) -> Option<Missing> {
        if !(pending.families.ipv4 && pending.families.ipv6) {
            return None;
        }
        let ours = self.config.families;
        match (granted.ipv4, granted.ipv6) {
            (None, _) => Some(Missing { ipv4: true, supported: ours.ipv4 }),
            (_, None) => Some(Missing { ipv4: false, supported: ours.ipv6 }),
            _ => None,
        }
    }

    fn insert(&mut self, now: Instant, pending: &Pending, granted: Granted, grant: Grant) -> AllocationId {
        let expires = now + pending.lifetime;
        let relayed = |address: Option<_>| address.map(|address| Relayed { address, expires });
        self.next_generation = self.next_generation.wrapping_add(1);
        let allocation = Allocation {
            generation: self.next_generation,
            client: pending.client,
            username: pending.user.username.clone(),
            ipv4: relayed(granted.ipv4),
            ipv6: relayed(granted.ipv6),
            is_tcp: pending.is_tcp,
            peers: Peers::default(),
            connections: Vec::new(),
            budgets: granted.budgets,
            transaction: pending.transaction,
            granted: grant,
        };
        let slot = u32::try_from(self.allocations.insert(allocation)).unwrap_or(u32::MAX);
        let id = AllocationId { slot, generation: self.next_generation };
        self.by_client.insert(pending.client, id);
        self.deadlines.insert((expires, id));
        self.statistics.allocations += 1;
        id
    }

    fn refuse_pending(&mut self, pending: &Pending, refusal: Refusal) -> Option<AllocationId> {
        let code = match refusal {
            Refusal::AllocationQuotaReached => ErrorCode::ALLOCATION_QUOTA_REACHED,
            Refusal::InsufficientCapacity => ErrorCode::INSUFFICIENT_CAPACITY,
            Refusal::AddressFamilyNotSupported => ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED,
            Refusal::Forbidden => ErrorCode::FORBIDDEN,
            Refusal::TryAlternate(_) => ErrorCode::TRY_ALTERNATE,
        };
        self.statistics.count_error(code);
        self.answer_pending(pending, Class::Error, |writer| {
            writer.error(code);
            if let Refusal::TryAlternate(server) = refusal {
                writer.address(ALTERNATE_SERVER, server);
            }
        });
        None
    }

    fn answer_pending(
        &mut self,
        pending: &Pending,
        class: Class,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) {
        let Pending { client, transaction, user, .. } = pending;
        self.answer_later(client, Method::ALLOCATE, *transaction, user, class, write);
    }
}

fn write_success(writer: &mut MessageWriter<'_>, grant: &Grant, client: &Client) {
    for relayed in grant.ipv4.iter().chain(&grant.ipv6) {
        writer.xor_address(XOR_RELAYED_ADDRESS, *relayed);
    }
    writer.number(LIFETIME, seconds(grant.lifetime));
    if let Some(ReservationToken(token)) = grant.reservation_token {
        writer.attribute(RESERVATION_TOKEN, &token);
    }
    writer.xor_address(XOR_MAPPED_ADDRESS, client.remote);
    if let Some(missing) = grant.missing {
        let family = if missing.ipv4 { IPV4 } else { IPV6 };
        // 508 or 440, as class and number (RFC 8656 §18.12).
        let [class, number] = if missing.supported { [5, 8] } else { [4, 40] };
        writer.attribute(ADDRESS_ERROR_CODE, &[family, 0, class, number]);
    }
}
