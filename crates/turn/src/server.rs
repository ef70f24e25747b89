//! The server's machine: its state, its verbs, and how an allocation ends.
//!
//! Requests are in the files beside: who asks ([`authenticate`]), what for ([`allocate`], [`refresh`], [`permit`],
//! [`connect`]), and what packets need ([`packets`]).

mod allocate;
mod answer;
mod authenticate;
mod connect;
mod packets;
mod permit;
mod refresh;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use peerline_stun::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, CHANNEL_NUMBER, CONNECTION_ID, DONT_FRAGMENT, EVEN_PORT, LIFETIME,
    MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, NONCE, PASSWORD_ALGORITHM, REALM, REQUESTED_ADDRESS_FAMILY,
    REQUESTED_TRANSPORT, RESERVATION_TOKEN, USERHASH, USERNAME, XOR_PEER_ADDRESS,
};
use peerline_stun::binding::{self, Arrival};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use slab::Slab;

use crate::allocation::Allocation;
use crate::{AllocationId, Client, Config, ConnectionId, EndReason, Event, Statistics, Transmit};
use allocate::Pending;
pub(crate) use authenticate::Authenticated;
use connect::PendingBind;

/// The attributes of requests that are understood.
const KNOWN: &[u16] = &[
    USERNAME,
    USERHASH,
    REALM,
    NONCE,
    MESSAGE_INTEGRITY,
    MESSAGE_INTEGRITY_SHA256,
    PASSWORD_ALGORITHM,
    CHANNEL_NUMBER,
    CONNECTION_ID,
    LIFETIME,
    XOR_PEER_ADDRESS,
    REQUESTED_ADDRESS_FAMILY,
    ADDITIONAL_ADDRESS_FAMILY,
    EVEN_PORT,
    REQUESTED_TRANSPORT,
    DONT_FRAGMENT,
    RESERVATION_TOKEN,
];

/// A TURN and STUN server for any number of clients (UDP), or for one (a TCP or TLS connection).
#[derive(Debug)]
pub struct Server {
    config: Arc<Config>,
    /// Only clients with a credential get into this table, and its hash is seeded: nobody can choose who collides.
    by_client: HashMap<Client, AllocationId, SeedableRandomState>,
    allocations: Slab<Allocation>,
    /// When to look at an allocation again: one entry for each. Packets never touch it.
    deadlines: BTreeSet<(Instant, AllocationId)>,
    pending: Vec<Pending>,
    pending_binds: Vec<PendingBind>,
    /// When to give up connections with peers that aren't made, or aren't taken over.
    connection_deadlines: BTreeSet<(Instant, ConnectionId, AllocationId)>,
    transmits: VecDeque<(Transmit, Box<[u8]>)>,
    events: VecDeque<Event>,
    statistics: Statistics,
    next_generation: u32,
    next_request: u64,
    /// Names connections with peers.
    random: StdRng,
    /// The indications' transaction identifiers are counted: nothing answers to them.
    next_indication: u64,
}

/// A request that is refused, with the error's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused(ErrorCode);

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self(code)
    }
}

impl Server {
    /// A server without allocations. `random` seeds its hash table, its transaction identifiers and its connections' names.
    pub fn new(config: Arc<Config>, random: &mut StdRng) -> Self {
        let hasher = SeedableRandomState::with_seed(random.random(), SharedSeed::global_random());
        Self {
            config,
            by_client: HashMap::with_hasher(hasher),
            allocations: Slab::new(),
            deadlines: BTreeSet::new(),
            pending: Vec::new(),
            pending_binds: Vec::new(),
            connection_deadlines: BTreeSet::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            statistics: Statistics::default(),
            next_generation: 0,
            next_request: 0,
            random: StdRng::from_rng(random),
            next_indication: random.random(),
        }
    }

    /// Takes in a STUN message that [`relay_from_client`](Self::relay_from_client) called `Control`:
    /// a datagram, or a framed message of a stream. Anything else is ignored.
    /// Then drain [`poll_transmit`](Self::poll_transmit) and [`poll_event`](Self::poll_event).
    pub fn handle_input(&mut self, now: Instant, client: &Client, message: &[u8]) {
        let Ok(request) = Message::parse(message) else {
            return;
        };
        if request.class() != Class::Request || request.fingerprint() == Some(false) {
            return;
        }
        match request.method() {
            Method::BINDING => self.answer_binding(client, &request),
            Method::ALLOCATE
            | Method::REFRESH
            | Method::CREATE_PERMISSION
            | Method::CHANNEL_BIND
            | Method::CONNECT
            | Method::CONNECTION_BIND
                if !request.is_classic() =>
            {
                self.handle_request(now, client, &request);
            }
            // A stranger gets no answer to what isn't understood.
            _ => {}
        }
    }

    fn answer_binding(&mut self, client: &Client, request: &Message<'_>) {
        let listeners = if client.transport.is_stream() { &[][..] } else { &self.config.listeners };
        let arrival = Arrival { source: client.remote, local: client.local, listeners };
        let mut buffer = [0; 1600];
        if let Some(answer) = binding::respond(request, &arrival, &mut buffer) {
            self.statistics.bindings += 1;
            let to = Client { remote: answer.to, local: answer.from, ..*client };
            self.transmit(&to, buffer.get(..answer.length).unwrap_or_default());
        }
    }

    /// RFC 8656 §5: who is it, is all of it understood, and does the allocation belong to the same user.
    fn handle_request(&mut self, now: Instant, client: &Client, request: &Message<'_>) {
        // What has run out must not stand in the way of a new allocation.
        self.handle_timeout(now);
        let user = match self.authenticate(now, client, request) {
            Ok(user) => user,
            Err(rejection) => return self.reject(now, client, request, rejection),
        };
        if request.unknown_attributes(KNOWN).next().is_some() {
            return self.refuse_unknown(client, request, &user);
        }
        let done = match request.method() {
            Method::ALLOCATE => self.allocate(client, request, &user),
            Method::CONNECTION_BIND => self.bind_connection(client, request, &user),
            method => self.own_allocation(client, &user).and_then(|id| match method {
                Method::REFRESH => self.refresh(now, id, request, &user),
                Method::CREATE_PERMISSION => self.create_permission(now, id, request, &user),
                Method::CONNECT => self.connect(now, id, request, &user),
                _ => self.bind_channel(now, id, request, &user),
            }),
        };
        if let Err(Refused(code)) = done {
            self.refuse(client, request, &user, code);
        }
    }

    /// The client's allocation, if it was made by the same user (RFC 8656 §5).
    fn own_allocation(&self, client: &Client, user: &Authenticated) -> Result<AllocationId, Refused> {
        let id = *self.by_client.get(client).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let allocation = self.allocation(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if *allocation.username != *user.username {
            return Err(ErrorCode::WRONG_CREDENTIALS.into());
        }
        Ok(id)
    }

    #[inline]
    fn allocation(&self, id: AllocationId) -> Option<&Allocation> {
        let allocation = self.allocations.get(id.index())?;
        (allocation.generation == id.generation).then_some(allocation)
    }

    #[inline]
    fn allocation_mut(&mut self, id: AllocationId) -> Option<&mut Allocation> {
        let allocation = self.allocations.get_mut(id.index())?;
        (allocation.generation == id.generation).then_some(allocation)
    }

    /// A client's connection has been closed: its allocation, if it has one, ends.
    pub fn handle_disconnect(&mut self, now: Instant, client: &Client) {
        let _ = now;
        self.pending.retain(|pending| pending.client != *client);
        self.pending_binds.retain(|pending| pending.client != *client);
        if let Some(&id) = self.by_client.get(client) {
            self.end(id, EndReason::Disconnected);
        }
    }

    fn end(&mut self, id: AllocationId, reason: EndReason) {
        if self.allocation(id).is_none() {
            return;
        }
        let Some(allocation) = self.allocations.try_remove(id.index()) else {
            return;
        };
        self.by_client.remove(&allocation.client);
        if let Some(deadline) = allocation.deadline() {
            self.deadlines.remove(&(deadline, id));
        }
        for connection in &allocation.connections {
            if let Some(deadline) = connection.deadline() {
                self.connection_deadlines.remove(&(deadline, connection.id(), id));
            }
        }
        self.events.push_back(Event::AllocationEnded {
            allocation: id,
            client: allocation.client,
            username: allocation.username,
            reason,
        });
    }

    /// Takes one address of an allocation away; with the last one the allocation ends.
    fn remove_address(&mut self, id: AllocationId, ipv4: bool, reason: EndReason) {
        let Some(allocation) = self.allocation_mut(id) else {
            return;
        };
        let other = if ipv4 { allocation.ipv6 } else { allocation.ipv4 };
        if other.is_none() {
            return self.end(id, reason);
        }
        self.change_deadline(id, |allocation| {
            let relayed = allocation.remove_address(ipv4)?;
            Some(Event::AddressEnded { allocation: id, relayed })
        });
    }

    /// Changes an allocation's addresses or their lifetimes, and when it is looked at again.
    fn change_deadline(&mut self, id: AllocationId, change: impl FnOnce(&mut Allocation) -> Option<Event>) {
        let Some(allocation) = self.allocation_mut(id) else {
            return;
        };
        let before = allocation.deadline();
        let event = change(allocation);
        let after = allocation.deadline();
        if let Some(before) = before {
            self.deadlines.remove(&(before, id));
        }
        if let Some(after) = after {
            self.deadlines.insert((after, id));
        }
        self.events.extend(event);
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) had asked for.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if now < deadline {
                break;
            }
            let ipv4 = self
                .allocation(id)
                .and_then(|allocation| allocation.ipv4)
                .is_some_and(|relayed| relayed.expires == deadline);
            self.deadlines.remove(&(deadline, id));
            self.remove_address(id, ipv4, EndReason::Expired);
        }
        self.end_connections(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let allocation = self.deadlines.first().map(|(deadline, _)| *deadline);
        let connection = self.connection_deadlines.first().map(|(deadline, ..)| *deadline);
        allocation.into_iter().chain(connection).min()
    }

    /// Tells a client of something that it hasn't asked for.
    fn indicate(&mut self, client: &Client, method: Method, write: impl FnOnce(&mut MessageWriter<'_>)) {
        self.next_indication = self.next_indication.wrapping_add(1);
        let transaction = packets::indication(self.next_indication);
        let mut buffer = [0; 64];
        let mut writer = MessageWriter::new(&mut buffer, Class::Indication, method, transaction);
        write(&mut writer);
        if let Ok(length) = writer.finish() {
            self.transmit(client, buffer.get(..length).unwrap_or_default());
        }
    }

    fn transmit(&mut self, client: &Client, bytes: &[u8]) {
        let transmit = Transmit {
            transport: client.transport,
            remote: client.remote,
            local: client.local,
            length: bytes.len(),
        };
        self.transmits.push_back((transmit, bytes.into()));
    }

    /// The next answer, written to the beginning of `buffer` (which should have 1,600 bytes; what doesn't fit is dropped).
    pub fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<Transmit> {
        loop {
            let (transmit, bytes) = self.transmits.pop_front()?;
            if let Some(room) = buffer.get_mut(..bytes.len()) {
                room.copy_from_slice(&bytes);
                return Some(transmit);
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// What has been counted.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}
