//! What a worker does with packets: from a socket through the TURN machine to another socket.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use peerline_turn::{
    AllocationId, AllocationRequest, Client, Event, FromClient, FromPeer, Granted, Refusal, Server, Transport,
};
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::addresses::Family;
use super::icmp::{self, is_icmp};
use super::outbox::{Door, Flow, Hint, Outbox, Train};
use super::quota::StrangerLimit;
use super::shared::{Lease, Shared};
use super::socket::{BATCH, Received, Socket, datagrams};
use super::worker::Report;

/// Batches taken from one socket before the others have their turn.
const BATCHES: usize = 16;
const CLOCK_ADJUSTMENT: Duration = Duration::from_secs(10);

/// What a readiness event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Listener(usize),
    Relay(usize, Family),
}

/// A worker's socket at a listening address.
#[derive(Debug)]
struct Listener {
    socket: Socket,
    address: SocketAddr,
}

/// An allocation's sockets. The fields are dropped in this order: sockets before the lease of their ports.
#[derive(Debug)]
struct Slot {
    ipv4: Option<Leg>,
    ipv6: Option<Leg>,
    allocation: AllocationId,
    /// The way to the client: like the way of its packets, backward.
    client: Client,
    door: Door,
    source: Option<IpAddr>,
    to_client: Hint,
    lease: Lease,
}

/// A relay socket.
#[derive(Debug)]
struct Leg {
    socket: Socket,
    to_peer: Hint,
    /// Whether the last look found more than one packet.
    is_busy: bool,
}

/// What a new allocation is made of: its lease, and a relay socket for IPv4, for IPv6.
type Opened = (Lease, Option<Leg>, Option<Leg>);

impl Slot {
    fn leg(&self, family: Family) -> Option<&Leg> {
        match family {
            Family::Ipv4 => self.ipv4.as_ref(),
            Family::Ipv6 => self.ipv6.as_ref(),
        }
    }

    fn leg_mut(&mut self, family: Family) -> Option<&mut Leg> {
        match family {
            Family::Ipv4 => self.ipv4.as_mut(),
            Family::Ipv6 => self.ipv6.as_mut(),
        }
    }
}

/// The machine and all that packets leave by.
pub(super) struct Relaying {
    server: Server,
    shared: Arc<Shared>,
    registry: Registry,
    listeners: Vec<Listener>,
    slots: Vec<Option<Slot>>,
    outbox: Outbox,
    strangers: StrangerLimit,
    /// Sources with allocations, and how many.
    known: HashMap<IpAddr, usize>,
    /// Relay sockets with ICMP errors to look at, and the error that a call returned for it.
    icmp: Vec<(u32, Family, Option<io::Error>)>,
    answer: Box<[u8]>,
    clock_adjusted: Instant,
    strangers_ignored: u64,
    send_failures: u64,
}

impl Relaying {
    pub(super) fn new(
        now: Instant,
        shared: Arc<Shared>,
        registry: Registry,
        sockets: Vec<(SocketAddr, UdpSocket)>,
    ) -> io::Result<Self> {
        let mut listeners = Vec::with_capacity(sockets.len());
        for (index, (address, socket)) in sockets.into_iter().enumerate() {
            let mut socket = Socket::new(socket, address.ip().is_unspecified())?;
            registry.register(&mut socket.io, Token(index), Interest::READABLE)?;
            listeners.push(Listener { socket, address });
        }
        Ok(Self {
            server: Server::new(shared.turn_config().clone(), &mut StdRng::from_os_rng()),
            shared,
            registry,
            listeners,
            slots: Vec::new(),
            outbox: Outbox::new(),
            strangers: StrangerLimit::new(now),
            known: HashMap::new(),
            icmp: Vec::new(),
            answer: vec![0; 2048].into(),
            clock_adjusted: now,
            strangers_ignored: 0,
            send_failures: 0,
        })
    }

    fn token(&self, index: usize, family: Family) -> Token {
        Token(self.listeners.len() + index * 2 + family as usize)
    }

    /// What an event with this token is about.
    pub(super) fn source(&self, token: Token) -> Source {
        match token.0.checked_sub(self.listeners.len()) {
            None => Source::Listener(token.0),
            Some(relay) if relay.is_multiple_of(2) => Source::Relay(relay / 2, Family::Ipv4),
            Some(relay) => Source::Relay(relay / 2, Family::Ipv6),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.server.poll_timeout()
    }

    /// Ends what has run out.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.server.poll_timeout().is_some_and(|due| due <= now) {
            self.server.handle_timeout(now);
            self.drain(now);
        }
    }

    /// There may be an ICMP error for [`tell_icmp`](Self::tell_icmp).
    pub(super) fn look_for_icmp(&mut self, index: usize, family: Family) {
        self.icmp.push((index as u32, family, None));
    }

    /// What has been counted.
    pub(super) fn report(&self) -> Report {
        Report {
            turn: *self.server.statistics(),
            strangers_ignored: self.strangers_ignored,
            send_failures: self.send_failures,
        }
    }

    /// Packets relayed so far.
    pub(super) fn packets(&self) -> u64 {
        let statistics = self.server.statistics();
        statistics.packets_from_clients + statistics.packets_from_peers
    }

    /// Takes what clients sent to a listening socket; says whether that was all.
    pub(super) fn take_from_clients(&mut self, now: Instant, index: usize, received: &mut Received) -> bool {
        for _ in 0..BATCHES {
            let Some(listener) = self.listeners.get(index) else {
                return true;
            };
            let bound = listener.address;
            let Ok(count) = received.fill(&listener.socket, BATCH) else {
                return true;
            };
            for (meta, train) in received.trains(count) {
                let arrival = match meta.dst_ip {
                    Some(ip) if bound.ip().is_unspecified() => ip,
                    _ => bound.ip(),
                };
                let client = Client {
                    transport: Transport::Udp,
                    remote: meta.addr,
                    local: SocketAddr::new(arrival, bound.port()),
                };
                for datagram in datagrams(meta, train) {
                    self.relay_from_client(now, &client, meta.ecn, datagram);
                }
            }
            // A socket that had less than we asked for was empty, and tells us when it no longer is.
            if count < BATCH {
                return true;
            }
        }
        false
    }

    #[inline]
    fn relay_from_client(
        &mut self,
        now: Instant,
        client: &Client,
        ecn: Option<EcnCodepoint>,
        datagram: &[u8],
    ) {
        match self.server.relay_from_client(now, client, datagram) {
            FromClient::Relay { allocation, peer, payload, dont_fragment: false } => {
                self.send_to_peer(allocation, peer, ecn, payload)
            }
            FromClient::Relay { allocation, peer, payload, dont_fragment: true } => {
                self.flush();
                self.set_dont_fragment(allocation, peer, true);
                self.send_to_peer(allocation, peer, ecn, payload);
                self.flush();
                self.set_dont_fragment(allocation, peer, false);
            }
            FromClient::Control => self.control(now, client, datagram),
            FromClient::Dropped(_) => {}
        }
    }

    fn control(&mut self, now: Instant, client: &Client, datagram: &[u8]) {
        let source = client.remote.ip();
        let is_known = self.shared.is_here(source) || self.known.contains_key(&source);
        if !is_known && !self.strangers.admit(now, source) {
            self.strangers_ignored += 1;
            return;
        }
        if now.saturating_duration_since(self.clock_adjusted) > CLOCK_ADJUSTMENT {
            self.clock_adjusted = now;
            self.shared.adjust_clock(now);
        }
        self.server.handle_input(now, client, datagram);
        self.drain(now);
    }

    #[inline]
    fn send_to_peer(
        &mut self,
        allocation: AllocationId,
        peer: SocketAddr,
        ecn: Option<EcnCodepoint>,
        payload: &[u8],
    ) {
        let index = allocation.index();
        let family = Family::of(peer.ip());
        let Some(Some(slot)) = self.slots.get_mut(index) else {
            return;
        };
        let Some(leg) = slot.leg_mut(family) else {
            return;
        };
        let flow = Flow {
            door: Door::Relay(index as u32),
            destination: self.shared.toward(peer),
            source: None,
            ecn,
        };
        let most = leg.socket.max_segments();
        if let Some(room) = self.outbox.room(&mut leg.to_peer, &flow, payload.len(), most) {
            room.copy_from_slice(payload);
            return;
        }
        self.flush();
        if let Some(room) = self.outbox.room(&mut Hint::default(), &flow, payload.len(), most) {
            room.copy_from_slice(payload);
        }
    }

    fn set_dont_fragment(&self, allocation: AllocationId, peer: SocketAddr, dont_fragment: bool) {
        let slot = self.slots.get(allocation.index());
        if let Some(leg) = slot.and_then(|slot| slot.as_ref()?.leg(Family::of(peer.ip()))) {
            leg.socket.set_dont_fragment(dont_fragment);
        }
    }

    /// Takes what peers sent to a relay socket; says whether that was all.
    pub(super) fn take_from_peers(
        &mut self,
        now: Instant,
        index: usize,
        family: Family,
        received: &mut Received,
    ) -> bool {
        for _ in 0..BATCHES {
            // An event may be about a socket that is gone by now.
            let Some(Some(slot)) = self.slots.get_mut(index) else {
                return true;
            };
            let Some(leg) = slot.leg_mut(family) else {
                return true;
            };
            // Asking for two shows that there is only one, without another call.
            let most = if leg.is_busy { BATCH } else { 2 };
            let count = match received.fill(&leg.socket, most) {
                Ok(count) => count,
                Err(error) if is_icmp(&error) => {
                    self.icmp.push((index as u32, family, Some(error)));
                    return false;
                }
                Err(_) => return true,
            };
            leg.is_busy = count > 1;
            for (meta, train) in received.trains(count) {
                self.relay_from_peer(now, index, meta, train);
            }
            if count < most {
                return true;
            }
        }
        false
    }

    #[inline]
    fn relay_from_peer(&mut self, now: Instant, index: usize, meta: &RecvMeta, train: &[u8]) {
        let peer = self.shared.seen_as(meta.addr);
        for datagram in datagrams(meta, train) {
            let Some(Some(slot)) = self.slots.get_mut(index) else {
                return;
            };
            let decision = self.server.relay_from_peer(now, slot.allocation, peer, datagram.len());
            let FromPeer::Relay { header, .. } = decision else {
                continue;
            };
            let flow =
                Flow { door: slot.door, destination: slot.client.remote, source: slot.source, ecn: meta.ecn };
            let Door::Listener(listener) = slot.door else {
                return;
            };
            let listener = self.listeners.get(listener as usize);
            let most = listener.map_or(1, |listener| listener.socket.max_segments());
            let header_length = header.as_bytes().len();
            let size = header_length + datagram.len() + header.padding();
            let fill = |room: &mut [u8]| {
                let (front, rest) = room.split_at_mut(header_length);
                let (payload, padding) = rest.split_at_mut(datagram.len());
                front.copy_from_slice(header.as_bytes());
                payload.copy_from_slice(datagram);
                padding.fill(0);
            };
            if let Some(room) = self.outbox.room(&mut slot.to_client, &flow, size, most) {
                fill(room);
                continue;
            }
            self.flush();
            if let Some(room) = self.outbox.room(&mut Hint::default(), &flow, size, most) {
                fill(room);
            }
        }
    }

    /// Sends what waits in the outbox.
    pub(super) fn flush(&mut self) {
        for train in self.outbox.waiting() {
            let flow = &train.flow;
            match flow.door {
                Door::Listener(index) => {
                    if let Some(listener) = self.listeners.get(index as usize) {
                        send(&listener.socket, train, &mut self.send_failures);
                    }
                }
                Door::Relay(index) => {
                    let family = Family::of(flow.destination.ip());
                    let slot = self.slots.get(index as usize).and_then(Option::as_ref);
                    if let Some(leg) = slot.and_then(|slot| slot.leg(family))
                        && let Some(error) = send(&leg.socket, train, &mut self.send_failures)
                    {
                        self.icmp.push((index, family, Some(error)));
                    }
                }
            }
        }
        self.outbox.clear();
    }

    /// Tells clients of ICMP errors that came back for what they sent (RFC 8656 §11.5).
    pub(super) fn tell_icmp(&mut self, now: Instant) {
        const MOST: usize = 16;
        while let Some((index, family, mut pending)) = self.icmp.pop() {
            for _ in 0..MOST {
                let slot = self.slots.get(index as usize).and_then(Option::as_ref);
                let Some((slot, leg)) = slot.and_then(|slot| Some((slot, slot.leg(family)?))) else {
                    break;
                };
                let Some((peer, error)) = icmp::take(&leg.socket.io, pending.take().as_ref()) else {
                    break;
                };
                let peer = self.shared.seen_as(peer);
                self.server.handle_icmp(now, slot.allocation, peer, error);
            }
            self.drain(now);
        }
    }

    /// Does all that the machine wants done. Events first: whoever reads that its allocation has ended may ask for the port again.
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::AllocationRequested(request) => self.allocate(now, &request),
                Event::AllocationEnded { allocation, client, .. } => self.end(allocation, &client),
                Event::AddressEnded { allocation, relayed } => self.close(allocation, relayed),
                // TCP towards peers is for clients of TCP and TLS (RFC 6062 §5.1).
                Event::ConnectRequested { .. }
                | Event::ConnectionBindRequested { .. }
                | Event::ConnectionEnded { .. } => {}
            }
        }
        while let Some(transmit) = self.server.poll_transmit(&mut self.answer) {
            let Some((index, source)) = self.door_of(transmit.local) else {
                continue;
            };
            if let Some(listener) = self.listeners.get(index)
                && let Some(contents) = self.answer.get(..transmit.length)
            {
                let answer = Transmit {
                    destination: transmit.remote,
                    ecn: None,
                    contents,
                    segment_size: None,
                    src_ip: source,
                };
                if listener.socket.send(&answer).is_err() {
                    self.send_failures += 1;
                }
            }
        }
    }

    /// The listening socket that answers from `local`, and the source address to name when it has several.
    fn door_of(&self, local: SocketAddr) -> Option<(usize, Option<IpAddr>)> {
        let mut listeners = self.listeners.iter();
        if let Some(exact) = listeners.position(|listener| listener.address == local) {
            return Some((exact, None));
        }
        let is_wildcard = |listener: &Listener| {
            let bound = listener.address;
            bound.ip().is_unspecified() && bound.port() == local.port() && bound.is_ipv4() == local.is_ipv4()
        };
        let wildcard = self.listeners.iter().position(is_wildcard)?;
        Some((wildcard, Some(local.ip())))
    }

    fn allocate(&mut self, now: Instant, request: &AllocationRequest) {
        let granted = self.open(now, request);
        let (answer, opened) = match granted {
            Ok((granted, opened)) => (Ok(granted), Some(opened)),
            Err(refusal) => (Err(refusal), None),
        };
        let allocation = self.server.allocated(now, request.request, answer);
        // An allocation that isn't wanted any more gives everything back by being dropped.
        let (Some(allocation), Some((lease, mut ipv4, mut ipv6))) = (allocation, opened) else {
            return;
        };
        let Some((index, source)) = self.door_of(request.client.local) else {
            return;
        };
        for (family, leg) in [(Family::Ipv4, &mut ipv4), (Family::Ipv6, &mut ipv6)] {
            if let Some(leg) = leg {
                let token = self.token(allocation.index(), family);
                if let Err(error) = self.registry.register(&mut leg.socket.io, token, Interest::READABLE) {
                    tracing::error!(%error, "a relay socket cannot be waited for");
                }
            }
        }
        let slot = Slot {
            ipv4,
            ipv6,
            allocation,
            client: request.client,
            door: Door::Listener(index as u32),
            source,
            to_client: Hint::default(),
            lease,
        };
        if self.slots.len() <= allocation.index() {
            self.slots.resize_with(allocation.index() + 1, || None);
        }
        if let Some(place) = self.slots.get_mut(allocation.index()) {
            *place = Some(slot);
        }
        *self.known.entry(request.client.remote.ip()).or_default() += 1;
    }

    /// Binds what is asked for.
    fn open(&self, now: Instant, request: &AllocationRequest) -> Result<(Granted, Opened), Refusal> {
        let (mut lease, granted) = self.shared.allocate(now, request)?;
        let mut sockets = [&mut lease.ipv4, &mut lease.ipv6].map(|relayed| relayed.as_mut()?.take());
        let mut leg = |family: Family| -> Result<Option<Leg>, Refusal> {
            let Some(socket) = sockets.get_mut(family as usize).and_then(Option::take) else {
                return Ok(None);
            };
            let open = || -> io::Result<Leg> {
                let socket = Socket::new(socket.into(), false)?;
                icmp::hear(&socket.io, family == Family::Ipv4)?;
                Ok(Leg { socket, to_peer: Hint::default(), is_busy: false })
            };
            open().map(Some).map_err(|error| {
                tracing::error!(%error, "a relay socket cannot be used");
                Refusal::InsufficientCapacity
            })
        };
        let (ipv4, ipv6) = (leg(Family::Ipv4)?, leg(Family::Ipv6)?);
        Ok((granted, (lease, ipv4, ipv6)))
    }

    /// Closes one of an allocation's two relay sockets.
    fn close(&mut self, allocation: AllocationId, relayed: SocketAddr) {
        self.flush();
        if let Some(Some(slot)) = self.slots.get_mut(allocation.index()) {
            if relayed.is_ipv4() {
                (slot.ipv4, slot.lease.ipv4) = (None, None);
            } else {
                (slot.ipv6, slot.lease.ipv6) = (None, None);
            }
        }
    }

    fn end(&mut self, allocation: AllocationId, client: &Client) {
        // What was relayed before the end still leaves.
        self.flush();
        if let Some(slot) = self.slots.get_mut(allocation.index()) {
            *slot = None;
        }
        let source = client.remote.ip();
        if let Some(count) = self.known.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.known.remove(&source);
            }
        }
    }
}

/// Sends a train. Returns the ICMP error of an earlier packet that it met on its way.
fn send(socket: &Socket, train: &Train, failures: &mut u64) -> Option<io::Error> {
    let transmit = |contents, segment_size| Transmit {
        destination: train.flow.destination,
        ecn: train.flow.ecn,
        contents,
        segment_size,
        src_ip: train.flow.source,
    };
    let whole = transmit(train.bytes(), (train.segments > 1).then_some(train.segment));
    let mut icmp = None;
    let mut result = socket.send(&whole);
    if let Err(error) = &result
        && is_icmp(error)
    {
        icmp = result.err();
        result = socket.send(&whole);
    }
    match result {
        Ok(()) => {}
        // A full socket buffer: a datagram network drops what it can't carry.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => *failures += train.segments as u64,
        // The kernel or the interface wants no segmentation after all.
        Err(_) => {
            for datagram in train.bytes().chunks(train.segment.max(1)) {
                if socket.send(&transmit(datagram, None)).is_err() {
                    *failures += 1;
                }
            }
        }
    }
    icmp
}
