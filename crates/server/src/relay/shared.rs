//! What all UDP workers and all TCP and TLS connections share: touched when an allocation comes or goes, never for a packet.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use peerline_turn::{
    AllocationRequest, Granted, NonceKey, PeerPolicy, Refusal, RelayedPorts, ReservationToken, Statistics,
    WallClock,
};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use socket2::{Domain, Protocol, Socket, Type};

use super::addresses::{Addresses, Family, Place};
use super::connections::{Slot, WaitingConnections};
use super::ports::PortPool;
use super::quota::{Ledger, Owner};
use super::{Config, Listening};

/// How long a reserved port waits for its owner (RFC 8656 §7.2).
const RESERVATION_LIFETIME: Duration = Duration::from_secs(30);
/// A relay socket holds what arrives while its worker is busy with others.
const SOCKET_BUFFER: usize = 1 << 20;
/// How many ports are tried when other programs hold some of the range.
const PORT_ATTEMPTS: usize = 64;
/// Connections of peers that wait to be taken in: those of strangers are closed then, and must not crowd the others out.
const BACKLOG: i32 = 128;

/// Ports, quotas, policy, credentials: all that one relay has once.
#[derive(Debug)]
pub struct Shared {
    turn: Arc<peerline_turn::Config>,
    addresses: Addresses,
    state: Mutex<State>,
    streams: Mutex<Statistics>,
    /// TCP connections with peers that wait for their client.
    pub waiting: WaitingConnections,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    ipv4: PortPool,
    ipv6: PortPool,
    ledger: Ledger,
    reservations: HashMap<ReservationToken, Reservation>,
    live: usize,
    total: u64,
    refused: [u64; 3],
}

#[derive(Debug)]
struct Reservation {
    relayed: RelaySocket,
    owner: Owner,
    expires: Instant,
}

/// How many allocations there are and have been, and how many were refused, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocations {
    /// Alive now.
    pub live: usize,
    /// Granted since the start.
    pub total: u64,
    /// Refused: the user or its source address has as many as it may have.
    pub refused_by_quota: u64,
    /// Refused: no port left, or an unknown reservation token.
    pub refused_by_capacity: u64,
    /// Refused: no relayed address of that family.
    pub refused_by_family: u64,
}

/// A socket at a relayed address. Its port goes back to the pool when it is dropped.
#[derive(Debug)]
pub struct RelaySocket {
    /// `None` once it was taken.
    socket: Option<Socket>,
    bound: SocketAddr,
    is_tcp: bool,
    /// The address as peers see it.
    pub address: SocketAddr,
    shared: std::sync::Weak<Shared>,
}

/// An allocation that was granted. Its sockets, ports and quota are given back when it is dropped.
#[derive(Debug)]
pub struct Lease {
    /// The relayed IPv4 address.
    pub ipv4: Option<RelaySocket>,
    /// The relayed IPv6 address.
    pub ipv6: Option<RelaySocket>,
    owner: Owner,
    shared: Arc<Shared>,
}

impl Shared {
    pub(super) fn new(config: Config, listening: &[Listening]) -> Arc<Self> {
        let mut random = StdRng::from_os_rng();
        let addresses = Addresses::of_this_machine(config.public_ipv4, config.public_ipv6);
        let bound: Vec<_> = listening.iter().map(|listening| listening.address).collect();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let turn = peerline_turn::Config {
            credentials: config.credentials,
            nonce_key: NonceKey::generate(&mut random),
            wall_clock: Arc::new(WallClock::new(Instant::now(), unix)),
            policy: PeerPolicy {
                allow: config.allow,
                lan: config.lan,
                tcp: config.tcp,
                own: addresses.own(),
            },
            relayed_ports: Arc::new(RelayedPorts::new()),
            relayed_tcp_ports: Arc::new(RelayedPorts::new()),
            connection_ids: Arc::default(),
            listeners: addresses.listeners(&bound),
            families: addresses.families(),
            limits: config.limits,
        };
        let state = State {
            random,
            ipv4: PortPool::new(&config.ports),
            ipv6: PortPool::new(&config.ports),
            ledger: Ledger::new(config.quotas),
            reservations: HashMap::new(),
            live: 0,
            total: 0,
            refused: [0; 3],
        };
        Arc::new(Self {
            turn: Arc::new(turn),
            addresses,
            state: Mutex::new(state),
            streams: Mutex::default(),
            waiting: WaitingConnections::default(),
        })
    }

    /// What every `peerline_turn::Server` of this process is made with.
    pub fn turn_config(&self) -> &Arc<peerline_turn::Config> {
        &self.turn
    }

    /// Tells the credentials' clock what time it is outside; a monotonic clock stands still while a machine sleeps.
    pub fn adjust_clock(&self, now: Instant) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.turn.wall_clock.adjust(now, unix);
    }

    /// Answers an allocation request: binds its relay sockets, non-blocking, and counts it for its user and source.
    ///
    /// # Errors
    /// The refusal to hand to [`peerline_turn::Server::allocated`].
    pub fn allocate(
        self: &Arc<Self>,
        now: Instant,
        request: &AllocationRequest,
    ) -> Result<(Lease, Granted), Refusal> {
        let source = request.client.remote.ip();
        let source = (!self.addresses.is_here(source)).then_some(source);
        let owner = Owner::new(request.user(), source);
        let mut state = self.state();
        let answer = self.grant(&mut state, now, request, owner);
        match &answer {
            Ok(_) => {
                state.live += 1;
                state.total += 1;
            }
            Err(refusal) => {
                let [quota, capacity, family] = &mut state.refused;
                *match refusal {
                    Refusal::AllocationQuotaReached => quota,
                    Refusal::AddressFamilyNotSupported => family,
                    _ => capacity,
                } += 1;
            }
        }
        answer
    }

    fn grant(
        self: &Arc<Self>,
        state: &mut State,
        now: Instant,
        request: &AllocationRequest,
        owner: Owner,
    ) -> Result<(Lease, Granted), Refusal> {
        // A reservation's port must not be given back under the lock that we hold.
        let (expired, kept) = std::mem::take(&mut state.reservations)
            .into_iter()
            .partition::<HashMap<_, _>, _>(|(_, reservation)| reservation.expires <= now);
        state.reservations = kept;
        for (_, reservation) in expired {
            state.ledger.leave(&reservation.owner);
            self.close(state, reservation.relayed);
        }
        let budgets = state.ledger.enter(now, &owner).ok_or(Refusal::AllocationQuotaReached)?;
        // A reserved port counts like one in use.
        if request.reserve_next && state.ledger.enter(now, &owner).is_none() {
            state.ledger.leave(&owner);
            return Err(Refusal::AllocationQuotaReached);
        }

        let arrival = request.client.local.ip();
        let mut token = None;
        let mut ipv4 = Err(Refusal::AddressFamilyNotSupported);
        let mut ipv6 = Err(Refusal::AddressFamilyNotSupported);
        if let Some(wanted) = request.reservation_token {
            match state.redeem(wanted, &owner) {
                Some(relayed) if relayed.address.is_ipv6() => ipv6 = Ok(relayed),
                Some(relayed) => ipv4 = Ok(relayed),
                None => {
                    (ipv4, ipv6) = (Err(Refusal::InsufficientCapacity), Err(Refusal::InsufficientCapacity))
                }
            }
        } else {
            if request.families.ipv4 {
                let place = self.addresses.place(Family::Ipv4, arrival);
                ipv4 = self.bind(state, place, request).map(|(first, next)| {
                    token = next.map(|next| state.reserve(next, &owner, now));
                    first
                });
            }
            if request.families.ipv6 {
                let place = self.addresses.place(Family::Ipv6, arrival);
                ipv6 = self.bind(state, place, request).map(|(first, next)| {
                    token = token.or_else(|| next.map(|next| state.reserve(next, &owner, now)));
                    first
                });
            }
        }
        let refusal = match (&ipv4, &ipv6) {
            (Ok(_), _) | (_, Ok(_)) => None,
            (Err(refusal), _) if request.families.ipv4 => Some(*refusal),
            (_, Err(refusal)) => Some(*refusal),
        };
        if let Some(refusal) = refusal {
            state.ledger.leave(&owner);
            if request.reserve_next {
                state.ledger.leave(&owner);
            }
            return Err(refusal);
        }
        let lease = Lease { ipv4: ipv4.ok(), ipv6: ipv6.ok(), owner, shared: self.clone() };
        let granted = Granted {
            ipv4: lease.ipv4.as_ref().map(|relayed| relayed.address),
            ipv6: lease.ipv6.as_ref().map(|relayed| relayed.address),
            reservation_token: token,
            budgets,
        };
        Ok((lease, granted))
    }

    /// A relay socket at `place`, and the one beside it when the request wants its port reserved.
    fn bind(
        self: &Arc<Self>,
        state: &mut State,
        place: Option<Place>,
        request: &AllocationRequest,
    ) -> Result<(RelaySocket, Option<RelaySocket>), Refusal> {
        let place = place.ok_or(Refusal::AddressFamilyNotSupported)?;
        let mut occupied = Vec::new();
        let mut answer = Err(Refusal::InsufficientCapacity);
        // Ports that other programs hold stay taken until the end of the search, so that none is tried twice.
        for _ in 0..PORT_ATTEMPTS {
            let State { random, ipv4, ipv6, .. } = &mut *state;
            let pool = if place.bound.is_ipv4() { ipv4 } else { ipv6 };
            let port = if request.reserve_next {
                pool.take_pair(random)
            } else {
                pool.take(random, request.even_port)
            };
            let Some(port) = port else { break };
            let open = |port| if request.is_tcp { self.listen(place, port) } else { self.open(place, port) };
            let first = open(port);
            let next = request.reserve_next.then(|| open(port + 1));
            match (first, next) {
                (Ok(first), None) => answer = Ok((first, None)),
                (Ok(first), Some(Ok(next))) => answer = Ok((first, Some(next))),
                (first, next) => {
                    for relayed in [first.ok(), next.and_then(Result::ok)].into_iter().flatten() {
                        self.close(state, relayed);
                    }
                    occupied.push(port);
                    continue;
                }
            }
            break;
        }
        for port in occupied {
            let pool = state.pool(place.bound.is_ipv4());
            pool.give_back(port);
            if request.reserve_next {
                pool.give_back(port + 1);
            }
        }
        answer
    }

    fn open(self: &Arc<Self>, place: Place, port: u16) -> io::Result<RelaySocket> {
        let bound = SocketAddr::new(place.bound, port);
        let socket = Socket::new(Domain::for_address(bound), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if bound.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The kernel gives as much as its own limits allow.
        socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        socket.bind(&bound.into())?;
        Ok(self.relay_socket(socket, place, bound, false))
    }

    /// A socket that peers connect to (RFC 6062 §5.1). Connections to peers leave from its address, too, so that it has to be shared.
    fn listen(self: &Arc<Self>, place: Place, port: u16) -> io::Result<RelaySocket> {
        let bound = SocketAddr::new(place.bound, port);
        // Whoever shares a port may get its connections: first see that no other program has it.
        tcp_socket(bound, false)?;
        let socket = tcp_socket(bound, true)?;
        socket.listen(BACKLOG)?;
        Ok(self.relay_socket(socket, place, bound, true))
    }

    fn relay_socket(
        self: &Arc<Self>,
        socket: Socket,
        place: Place,
        bound: SocketAddr,
        is_tcp: bool,
    ) -> RelaySocket {
        let address = SocketAddr::new(place.public, bound.port());
        self.live(is_tcp).insert(address);
        RelaySocket { socket: Some(socket), bound, is_tcp, address, shared: Arc::downgrade(self) }
    }

    /// The live relayed addresses.
    fn live(&self, is_tcp: bool) -> &RelayedPorts {
        if is_tcp { &self.turn.relayed_tcp_ports } else { &self.turn.relayed_ports }
    }

    /// Closes a relay socket and gives its port back, under a lock that is already held.
    fn close(&self, state: &mut State, mut relayed: RelaySocket) {
        self.live(relayed.is_tcp).remove(relayed.address);
        // Closed first: whoever takes the port next can bind it.
        relayed.socket = None;
        relayed.shared = std::sync::Weak::new();
        state.pool(relayed.bound.is_ipv4()).give_back(relayed.bound.port());
    }

    /// How a peer of an allocation is reached; see [`Addresses::toward`].
    pub fn toward(&self, peer: SocketAddr) -> SocketAddr {
        self.addresses.toward(peer, &self.turn.relayed_ports)
    }

    /// How a client knows a peer whose packet came from `source`; see [`toward`](Self::toward).
    pub fn seen_as(&self, source: SocketAddr) -> SocketAddr {
        self.addresses.seen_as(source, &self.turn.relayed_ports)
    }

    /// The same for a peer that is connected to by TCP.
    pub fn toward_by_tcp(&self, peer: SocketAddr) -> SocketAddr {
        self.addresses.toward(peer, &self.turn.relayed_tcp_ports)
    }

    /// The same for a peer that has connected by TCP.
    pub fn seen_by_tcp(&self, source: SocketAddr) -> SocketAddr {
        self.addresses.seen_as(source, &self.turn.relayed_tcp_ports)
    }

    /// Whether `ip` belongs to this machine.
    pub(super) fn is_here(&self, ip: std::net::IpAddr) -> bool {
        self.addresses.is_here(ip)
    }

    /// Allocations over all transports.
    pub fn allocations(&self) -> Allocations {
        let state = self.state();
        let [quota, capacity, family] = state.refused;
        Allocations {
            live: state.live,
            total: state.total,
            refused_by_quota: quota,
            refused_by_capacity: capacity,
            refused_by_family: family,
        }
    }

    /// Adds what the machine of a closed TCP or TLS connection has counted.
    pub fn add_statistics(&self, of_stream: &Statistics) {
        *self.streams.lock().unwrap_or_else(PoisonError::into_inner) += of_stream;
    }

    pub(super) fn stream_statistics(&self) -> Statistics {
        *self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A TCP connection with a peer is over.
    pub(super) fn disconnect(&self, owner: &Owner) {
        self.state().ledger.disconnect(owner);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pool(&mut self, ipv4: bool) -> &mut PortPool {
        if ipv4 { &mut self.ipv4 } else { &mut self.ipv6 }
    }

    fn reserve(&mut self, relayed: RelaySocket, owner: &Owner, now: Instant) -> ReservationToken {
        let mut token = ReservationToken([0; 8]);
        self.random.fill_bytes(&mut token.0);
        let reservation = Reservation { relayed, owner: owner.clone(), expires: now + RESERVATION_LIFETIME };
        self.reservations.insert(token, reservation);
        token
    }

    /// The socket that was reserved under `token`, for the user who reserved it.
    fn redeem(&mut self, token: ReservationToken, owner: &Owner) -> Option<RelaySocket> {
        if self.reservations.get(&token)?.owner.user != owner.user {
            return None;
        }
        let reservation = self.reservations.remove(&token)?;
        self.ledger.leave(&reservation.owner);
        Some(reservation.relayed)
    }
}

impl RelaySocket {
    /// The socket itself, non-blocking, for whoever drives it; once. Close it before this is dropped: then the port
    /// can be bound again.
    pub fn take(&mut self) -> Option<Socket> {
        self.socket.take()
    }

    /// The address that it is bound to.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }
}

impl Drop for RelaySocket {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.live(self.is_tcp).remove(self.address);
            self.socket = None;
            shared.state().pool(self.bound.is_ipv4()).give_back(self.bound.port());
        }
    }
}

impl Lease {
    /// Counts one more TCP connection with a peer; `None` when there are as many as there may be.
    pub fn connection(&self) -> Option<Slot> {
        let is_free = self.shared.state().ledger.connect(&self.owner);
        is_free.then(|| Slot::new(self.owner.clone(), self.shared.clone()))
    }
}

/// A TCP socket at `bound`; with `shares`, others may be there as well that say so.
fn tcp_socket(bound: SocketAddr, shares: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(bound), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if bound.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // What is left of old connections is no hindrance.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shares)?;
    socket.bind(&bound.into())?;
    Ok(socket)
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        for relayed in [self.ipv4.take(), self.ipv6.take()].into_iter().flatten() {
            self.shared.close(&mut state, relayed);
        }
        state.ledger.leave(&self.owner);
        state.live -= 1;
    }
}
