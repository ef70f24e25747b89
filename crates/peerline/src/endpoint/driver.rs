//! The driver: one task that carries datagrams between sockets and peers.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use peerline_connection::{Connection, Datagram, Event, SignalingState, Transmit, Transport};
use tokio::time::Sleep;

use super::directory::PeerId;
use super::interface_changes::InterfaceChanges;
use super::missing_addresses::MissingAddresses;
use super::multicast_dns::HostNames;
use super::peers::{Driven, Peers, Relay};
use super::port_mapping::PortMapping;
use super::socket::{Received, Socket};
use super::stream::{self, Stream};
use super::tcp::{self, Listener};
use super::{EndpointConfig, Interfaces, Note, Shared, lock, multicast_dns, servers};
use crate::peer::{Delivery, Peer, State};
use crate::{IceTransportPolicy, Trust};

/// How many trains one peer may send before others have their turn.
const TRAINS: usize = 4;

/// For how long the driver takes turns before other tasks of its thread have theirs. Being scheduled again costs more than a
/// short turn, and may move the task to another processor; a turn with long trains takes longer than this by itself.
const SHARE: Duration = Duration::from_micros(200);

/// How often the interfaces are looked at, whatever the kernel says of them.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// Changes come in bursts: the interfaces are looked at once for all that happens within this.
const BURST: Duration = Duration::from_millis(50);

/// The largest UDP payload over IPv4: a train is no longer.
const TRAIN: usize = 65_507;

pub(super) struct Driver {
    shared: Arc<Shared>,
    config: EndpointConfig,
    /// Those at this machine's addresses, which all peers share.
    sockets: Vec<Socket>,
    received: Received,
    /// Room for what is taken from [`Shared`] and from peers.
    notes: Vec<Note>,
    deliveries: Vec<Delivery>,
    requests: Vec<(PeerId, Event)>,
    peers: Peers,
    outbox: Outbox,
    sleep: Pin<Box<Sleep>>,
    sleeps_until: Option<Instant>,
    interface_changes: InterfaceChanges,
    missing: MissingAddresses,
    look_around: Instant,
    /// Whether ports are mapped: from the first peer on that has a use for it.
    maps_ports: bool,
    /// By the socket's address.
    port_mappings: HashMap<SocketAddr, PortMapping>,
    /// Whether TCP connections are accepted: from the first peer on that has a use for it.
    listens: bool,
    /// By the UDP socket's address.
    listeners: HashMap<SocketAddr, Listener>,
    /// What others learn in place of the sockets' addresses, where those are hidden.
    host_names: HostNames,
}

/// Trains that wait to be sent.
struct Outbox {
    trains: Vec<Train>,
    /// Those before are sent.
    sent: usize,
    /// Those from here on are empty.
    used: usize,
}

struct Train {
    peer: PeerId,
    transmit: Transmit,
    buffer: Box<[u8]>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, config: EndpointConfig, sockets: Vec<Socket>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            config,
            sockets,
            received: Received::new(),
            notes: Vec::new(),
            deliveries: Vec::new(),
            requests: Vec::new(),
            peers: Peers::default(),
            outbox: Outbox { trains: Vec::new(), sent: 0, used: 0 },
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            sleeps_until: None,
            interface_changes: InterfaceChanges::watch(),
            missing: MissingAddresses::default(),
            look_around: now + LOOK_AROUND,
            maps_ports: false,
            port_mappings: HashMap::new(),
            listens: false,
            listeners: HashMap::new(),
            host_names: HostNames::default(),
        }
    }

    /// Ends when the endpoint and all connections on it are dropped.
    pub(super) async fn run(mut self) {
        // It shares its time itself: each turn takes a bounded share of what there is.
        tokio::task::unconstrained(poll_fn(|context| self.poll(context))).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.shared.driver.register(context.waker());
        let begun = Instant::now();
        let mut now = begun;
        while now - begun <= SHARE {
            self.take_notes(now);
            if self.interface_changes.poll(context) {
                self.look_around = self.look_around.min(now + BURST);
            }
            let received = self.receive(now, context);
            self.handle_timeouts(now);
            let is_blocked = self.serve(now, context);
            let has_work = received || (!is_blocked && self.peers.any_touched());
            if has_work || !self.shared.try_sleep() {
                now = Instant::now();
                continue;
            }
            // Whoever closed the last connection left a note; it was served above.
            if self.shared.closed.load(Ordering::Acquire) && !is_blocked && self.peers.is_empty() {
                return Poll::Ready(());
            }
            if self.sleep(now, context) {
                return Poll::Pending;
            }
            now = Instant::now();
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_notes(&mut self, now: Instant) {
        let mut notes = std::mem::take(&mut self.notes);
        std::mem::swap(&mut notes, &mut lock(&self.shared.notes).waiting);
        for note in notes.drain(..) {
            self.take_note(now, note);
        }
        self.notes = notes;
    }

    fn take_note(&mut self, now: Instant, note: Note) {
        let peers = &mut self.peers;
        match note {
            Note::Added(peer) => self.add(now, peer),
            Note::Touched(peer) => peers.take_touch(peer),
            Note::Server { peer, number, server, is_last } => {
                peers.drive(peer, |state| {
                    if number != state.connection.ice().reconfigurations() {
                        return;
                    }
                    if let Some((server, url)) = server {
                        let server = state.connection.add_server(now, server);
                        state.servers.insert(server, url);
                    }
                    if is_last {
                        state.connection.sources_complete(now);
                    }
                });
            }
            Note::Nat64 { peer, prefix } => {
                peers.call(peer, |connection| connection.set_nat64(now, prefix));
            }
            Note::Resolved { peer, name, addresses } => {
                peers.call(peer, |connection| connection.resolved(now, &name, &addresses));
            }
            Note::PortMapped { local, external } => self.tell_port_mapping(now, local, external),
            Note::EndPortMapping(ended) => {
                self.config.port_mapping = false;
                let mappings = std::mem::take(&mut self.port_mappings).into_values();
                let ending = futures_util::future::join_all(mappings.map(PortMapping::end));
                self.shared.runtime.spawn(async move {
                    ending.await;
                    // Whoever asked may be gone.
                    let _ = ended.send(());
                });
            }
            Note::StreamOpened { peer, relay, stream } => {
                let local = stream.local;
                let place = peers.get_mut(peer).and_then(|driven| driven.relays.get_mut(&relay));
                if let Some(place @ Relay::Opening) = place {
                    *place = Relay::Stream(stream);
                    peers.call(peer, |connection| connection.relay_opened(now, relay, local));
                }
            }
            Note::StreamMessage { peer, relay, mut message } => {
                let relay = peers.get_mut(peer).and_then(|driven| driven.relays.get(&relay));
                if let Some(Relay::Stream(stream)) = relay {
                    let Stream { transport, local, remote, .. } = *stream;
                    let payload = &mut message;
                    peers.call(peer, |connection| {
                        connection.handle_input(now, Datagram { transport, local, remote, payload });
                    });
                }
            }
            Note::Tcp(note) => peers.take_tcp_note(now, note),
            Note::StreamClosed { peer, relay } => {
                if peers.remove_relay(peer, relay) {
                    peers.call(peer, |connection| connection.relay_closed(now, relay));
                }
            }
        }
    }

    fn add(&mut self, now: Instant, peer: Arc<Peer>) {
        let id = peer.id;
        let policy = peer.look(|connection| connection.configuration().ice_transport_policy);
        let uses_sockets = policy != IceTransportPolicy::Relay;
        if uses_sockets {
            self.listens = true;
            self.listen();
        }
        peer.drive(|state| {
            for socket in &self.sockets {
                let name = self.host_names.of(&self.shared.runtime, &self.config, socket.local().ip());
                add_local_address(&mut state.connection, now, socket.local(), name);
            }
            if self.config.tcp {
                for local in self.sockets.iter().map(Socket::local) {
                    Listener::tell(self.listeners.get(&local), local, now, &mut state.connection);
                }
            }
            if self.config.port_search {
                state.connection.allow_port_search(now);
            }
            for (local, mapping) in &self.port_mappings {
                state.connection.set_port_mapping(now, *local, mapping.external);
            }
        });
        self.peers.add(peer);
        if uses_sockets && !std::mem::replace(&mut self.maps_ports, true) {
            self.map_ports();
        }
        self.look_up_servers(id, 0);
    }

    /// TCP connections are accepted at the sockets' addresses at which they haven't been.
    fn listen(&mut self) {
        if !self.config.tcp || !self.listens {
            return;
        }
        for local in self.sockets.iter().map(Socket::local) {
            if !self.listeners.contains_key(&local) {
                match Listener::bind(&self.shared, local) {
                    Ok(listener) => {
                        self.listeners.insert(local, listener);
                    }
                    Err(error) => tracing::debug!(%local, %error, "no TCP connections are accepted"),
                }
            }
        }
    }

    /// The router is asked to forward to the sockets for which it hasn't been.
    fn map_ports(&mut self) {
        let is_wanted = self.config.port_mapping && self.config.interfaces != Interfaces::AllAndLoopback;
        if !is_wanted || !self.maps_ports {
            return;
        }
        for local in self.sockets.iter().map(Socket::local) {
            if !self.port_mappings.contains_key(&local)
                && let Some(mapping) = PortMapping::keep(&self.shared, local)
            {
                self.port_mappings.insert(local, mapping);
            }
        }
    }

    fn tell_port_mapping(&mut self, now: Instant, local: SocketAddr, external: Option<SocketAddr>) {
        // The socket may be gone meanwhile.
        if let Some(mapping) = self.port_mappings.get_mut(&local) {
            mapping.external = external;
            for peer in self.peers.ids() {
                self.peers.call(peer, |connection| connection.set_port_mapping(now, local, external));
            }
        }
    }

    /// The names of the configuration's servers are resolved, for this one of its changes. What was looked up for others
    /// isn't waited for any more.
    fn look_up_servers(&mut self, peer: PeerId, number: u32) {
        let wanted = self.peers.drive(peer, |state| {
            let connection = &state.connection;
            let is_newest = number == connection.ice().reconfigurations();
            is_newest.then(|| connection.configuration().ice_servers.clone())
        });
        if let Some(servers) = wanted.flatten() {
            servers::look_up(&self.shared, peer, number, &servers, self.config.proxy.as_ref());
        }
    }

    /// Takes one batch from each socket that has something. `true`: there may be more.
    fn receive(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let mut more = false;
        for socket in &self.sockets {
            let Poll::Ready(taken) = socket.poll_receive(context, &mut self.received) else {
                continue;
            };
            more = true;
            let local = socket.local();
            match taken {
                Ok(count) => {
                    let (deliveries, requests) = (&mut self.deliveries, &mut self.requests);
                    for (remote, stride, train) in self.received.trains(count) {
                        self.peers.hand_in(now, (local, remote), stride, train, deliveries, requests);
                    }
                }
                Err(error) => tracing::debug!(%local, %error, "receiving failed"),
            }
        }
        let (deliveries, requests) = (&mut self.deliveries, &mut self.requests);
        more | self.peers.receive_from_own_sockets(now, context, &mut self.received, deliveries, requests)
    }

    fn handle_timeouts(&mut self, now: Instant) {
        while let Some(peer) = self.peers.next_due(now) {
            self.peers.call(peer, |connection| connection.handle_timeout(now));
        }
        if self.look_around <= now {
            self.look_around = now + LOOK_AROUND;
            if !self.peers.is_empty() || self.shared.present.receiver_count() > 0 {
                self.follow_interfaces(now);
            }
        }
    }

    /// Interfaces come and go.
    fn follow_interfaces(&mut self, now: Instant) {
        let Ok(addresses) = self.config.interfaces.addresses() else {
            return;
        };
        self.shared.present.send_if_modified(|present| {
            let has_changed = *present != addresses;
            present.clone_from(&addresses);
            has_changed
        });
        let bound: Vec<_> = self.sockets.iter().map(|socket| socket.local().ip()).collect();
        let given_up = self.missing.given_up(now, &bound, &addresses);
        let gone: Vec<_> =
            self.sockets.extract_if(.., |socket| given_up.contains(&socket.local().ip())).collect();
        if let Some(at) = self.missing.poll_timeout() {
            self.look_around = self.look_around.min(at);
        }
        let mut new = Vec::new();
        for address in addresses {
            if self.sockets.iter().all(|socket| socket.local().ip() != address)
                && let Ok(socket) = Socket::bind(SocketAddr::new(address, self.config.port))
            {
                new.push(socket.local());
                self.sockets.push(socket);
            }
        }
        if gone.is_empty() && new.is_empty() {
            // The default route may have come after the address.
            self.map_ports();
            return;
        }
        *lock(&self.shared.addresses) = self.sockets.iter().map(Socket::local).collect();
        self.listeners.retain(|local, _| gone.iter().all(|socket| socket.local() != *local));
        self.listen();
        for peer in self.peers.ids() {
            self.peers.call(peer, |connection| {
                for socket in &gone {
                    connection.remove_local_address(now, socket.local());
                }
                for address in &new {
                    let name = self.host_names.of(&self.shared.runtime, &self.config, address.ip());
                    add_local_address(connection, now, *address, name);
                    // A hidden address is hidden over TCP, too, once it is known as such.
                    if self.config.tcp {
                        Listener::tell(self.listeners.get(address), *address, now, connection);
                    }
                }
            });
        }
        for socket in &gone {
            self.host_names.remove(socket.local().ip());
            self.peers.directory.remove_local(socket.local());
            self.port_mappings.remove(&socket.local());
        }
        self.map_ports();
    }

    /// Takes from peers what they have to send and to say. `true`: a socket takes nothing more at the moment.
    fn serve(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        self.grant_requests(now);
        if !self.flush(context) {
            return true;
        }
        // Whoever is touched meanwhile has his turn next time.
        for _ in 0..self.peers.count_touched() {
            let Some((id, peer)) = self.peers.next_touched() else {
                break;
            };
            let (has_more, deadline, is_closed) = peer.drive(|state| {
                state.tell_unread(&peer);
                let mut has_more = self.outbox.fill(id, &mut state.connection, now);
                has_more |= state.take_events(&peer, &mut self.deliveries, &mut self.requests);
                state.take_writers(&mut self.deliveries);
                let is_closed = state.connection.signaling_state() == SignalingState::Closed;
                (has_more, state.connection.poll_timeout(), is_closed)
            });
            self.peers.schedule(id, deadline);
            self.grant_requests(now);
            let flushed = self.flush(context);
            peer.deliver(&mut self.deliveries);
            if has_more {
                self.peers.touch(id);
            } else if is_closed {
                self.peers.remove(id);
            }
            if !flushed {
                return true;
            }
        }
        false
    }

    /// Sends what waits. `false`: not all of it; the task is woken when there is room.
    fn flush(&mut self, context: &mut Context<'_>) -> bool {
        while let Some(train) =
            self.outbox.trains.get(self.outbox.sent).filter(|_| self.outbox.sent < self.outbox.used)
        {
            let Transmit { transport, local, remote, length, segment_size } = train.transmit;
            let contents = train.buffer.get(..length).unwrap_or_default();
            self.peers.directory.note_sent(train.peer, contents);
            let of_peer = self.peers.get(train.peer);
            if transport == Transport::Udp {
                let mut own = of_peer.into_iter().flat_map(Driven::sockets);
                let own = own.find(|socket| socket.local() == local);
                let socket = own.or_else(|| self.sockets.iter().find(|socket| socket.local() == local));
                while let Some(socket) = socket
                    && !socket.try_send(remote, contents, segment_size)
                {
                    if socket.poll_send_ready(context).is_pending() {
                        return false;
                    }
                }
            } else {
                let relays = of_peer.into_iter().flat_map(|driven| driven.relays.values());
                let to_relays = relays.filter_map(|relay| match relay {
                    Relay::Stream(stream) => Some(stream),
                    _ => None,
                });
                let to_peer = of_peer.into_iter().flat_map(|driven| driven.tcp.values().flatten());
                let mut streams = to_relays.chain(to_peer);
                let stream = streams.find(|stream| (stream.local, stream.remote) == (local, remote));
                if let Some(stream) = stream {
                    stream.send(contents);
                }
            }
            self.outbox.sent += 1;
        }
        self.outbox.sent = 0;
        self.outbox.used = 0;
        true
    }

    fn grant_requests(&mut self, now: Instant) {
        let mut requests = std::mem::take(&mut self.requests);
        for (peer, request) in requests.drain(..) {
            self.grant(now, peer, request);
        }
        self.requests = requests;
    }

    /// Does what a machine can't do itself.
    fn grant(&mut self, now: Instant, peer: PeerId, request: Event) {
        match request {
            Event::RemoteAddress { local, remote, proved } => {
                self.peers.directory.add_remote(peer, local, remote, proved);
            }
            Event::ServersWanted(number) => self.look_up_servers(peer, number),
            Event::ResolveName(name) => {
                let shared = self.shared.clone();
                self.shared.runtime.spawn(async move {
                    let addresses = multicast_dns::resolve(&name).await;
                    shared.tell(Note::Resolved { peer, name, addresses });
                });
            }
            Event::OpenRelay { relay, server, transport, local, remote } => {
                if transport == Transport::Udp {
                    // A socket of its own: a server has one allocation for each 5-tuple (RFC 8656 §5).
                    match Socket::bind(SocketAddr::new(local.ip(), 0)) {
                        Ok(socket) => {
                            let local = socket.local();
                            self.peers.insert_relay(peer, relay, Relay::Socket(socket));
                            self.peers.call(peer, |connection| connection.relay_opened(now, relay, local));
                        }
                        Err(_) => {
                            self.peers.call(peer, |connection| connection.relay_closed(now, relay));
                        }
                    }
                } else {
                    let describe = |state: &mut State| {
                        let host = state.servers.get(&server)?.host.clone();
                        let trusted = state.trust.iter().find(|(name, _)| name.eq_ignore_ascii_case(&host));
                        let trust = trusted.map_or_else(Trust::default, |(_, trust)| *trust);
                        // Another one, to which the server has referred, has no name.
                        let is_itself = state.connection.ice().server_address(server) == Some(remote);
                        let target = if is_itself { host.clone() } else { remote.ip().to_string() };
                        Some((host, trust, target))
                    };
                    let described = self.peers.drive(peer, describe).flatten();
                    let (host, trust, target) = described.unwrap_or_default();
                    let proxy = self.config.proxy.clone().filter(|proxy| proxy.serves(&target));
                    self.peers.insert_relay(peer, relay, Relay::Opening);
                    let target =
                        stream::Target { peer, relay, transport, local, remote, host, trust, target, proxy };
                    self.shared.runtime.spawn(stream::run(self.shared.clone(), target));
                }
            }
            Event::CloseRelay(relay) => {
                self.peers.remove_relay(peer, relay);
            }
            Event::OpenTcp { connection, local, remote } => {
                if let Some(driven) = self.peers.get_mut(peer) {
                    driven.tcp.insert(connection, None);
                    let name = (peer, connection);
                    self.shared.runtime.spawn(tcp::open(self.shared.clone(), name, local, remote));
                }
            }
            Event::PortSearchWanted { remote } => self.peers.grant_port_search(now, peer, remote),
            Event::OpenSocket { local } => {
                if let Some(local) = self.peers.open_search_socket(peer, local) {
                    self.peers.call(peer, |connection| connection.socket_opened(now, local));
                }
            }
            Event::CloseSocket(local) => {
                self.peers.close_search_socket(peer, local);
                self.peers.directory.remove_local(local);
            }
            Event::CloseTcp(connection) => {
                if let Some(driven) = self.peers.get_mut(peer) {
                    driven.tcp.remove(&connection);
                }
            }
            _ => (),
        }
    }

    /// Sets the alarm. `false`: it is time already. Deadlines go back and forth with each packet, and mostly pass unused: an
    /// alarm that is too early is cheaper, all in all, than one that follows them.
    fn sleep(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let deadline = self.peers.next_deadline();
        let until = deadline.map_or(self.look_around, |deadline| deadline.min(self.look_around));
        if self.sleeps_until.is_none_or(|sleeps_until| until < sleeps_until) {
            self.sleep.as_mut().reset(until.max(now).into());
            self.sleeps_until = Some(until);
        }
        let is_pending = self.sleep.as_mut().poll(context).is_pending();
        if !is_pending {
            self.sleeps_until = None;
        }
        is_pending
    }
}

/// With a name, the address is hidden behind that.
fn add_local_address(connection: &mut Connection, now: Instant, address: SocketAddr, name: Option<String>) {
    match name {
        Some(name) => connection.add_hidden_local_address(now, address, name),
        None => connection.add_local_address(now, address),
    }
}

/// The runtime is shut down: whoever waits for something learns that nothing comes.
impl Drop for Driver {
    fn drop(&mut self) {
        let now = Instant::now();
        for peer in self.peers.ids() {
            self.peers.call(peer, |connection| connection.close(now));
            self.peers.remove(peer);
        }
        self.shared.end_notes();
    }
}

impl Outbox {
    /// Takes up to [`TRAINS`] trains. `true`: there may be more.
    fn fill(&mut self, peer: PeerId, connection: &mut Connection, now: Instant) -> bool {
        for _ in 0..TRAINS {
            if self.used == self.trains.len() {
                let transmit = Transmit {
                    transport: Transport::Udp,
                    local: SocketAddr::from(([0; 4], 0)),
                    remote: SocketAddr::from(([0; 4], 0)),
                    length: 0,
                    segment_size: None,
                };
                self.trains.push(Train { peer, transmit, buffer: vec![0; TRAIN].into() });
            }
            let Some(train) = self.trains.get_mut(self.used) else {
                return true;
            };
            let Some(transmit) = connection.poll_transmit(now, &mut train.buffer) else {
                return false;
            };
            train.peer = peer;
            train.transmit = transmit;
            self.used += 1;
        }
        true
    }
}
