//! Gathering: addresses, servers, and what comes of asking each from each (RFC 8445 §5.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_sdp::TcpType;
use peerline_stun::transaction::{Due, Retransmission, Transaction};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use peerline_turn::Transport;
use rand::Rng;

use super::{Agent, Queued};
use crate::locals::{Base, reaches_server};
use crate::relay::Relay;
use crate::{Event, GatheringState, Nat64Prefix, RelayId, Server, ServerId, Transmit};

/// How a STUN server is asked: for ten seconds, and at the beginning faster than RFC 8489 §6.2.1, since somebody waits.
const ASKING: Retransmission = Retransmission { timeout: Duration::from_millis(250), count: 6, last: 8 };
/// How long gathering waits for servers. What they say later is told nevertheless.
const PATIENCE: Duration = Duration::from_secs(10);
/// As long as there is no pair, NATs are kept from forgetting what servers saw (RFC 8445 §5.1.1.4).
const REFRESH: Duration = Duration::from_secs(20);

/// The addresses and servers to gather from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub addresses: Vec<SocketAddr>,
    /// What others are told in place of some of them.
    names: Vec<(SocketAddr, String)>,
    pub servers: Vec<(ServerId, Server)>,
    next_server: u32,
    next_relay: u32,
    pub began: Option<Instant>,
    /// No more are coming.
    pub complete: bool,
    pub bindings: Vec<Binding>,
    /// Where TCP connections are opened from and accepted.
    pub tcp_addresses: Vec<(SocketAddr, TcpType)>,
    /// Local addresses, and where a router forwards from to them.
    pub port_mappings: Vec<(SocketAddr, SocketAddr)>,
}

/// A STUN server being asked from an address.
#[derive(Debug)]
pub(super) struct Binding {
    server: ServerId,
    remote: SocketAddr,
    local: SocketAddr,
    transaction: TransactionId,
    progress: Progress,
    /// It only shows whether a NAT gives each destination another port, and isn't waited for.
    is_second: bool,
}

#[derive(Debug)]
enum Progress {
    Asking(Transaction),
    Answered { again: Instant },
    Failed,
}

impl Sources {
    pub fn address_of(&self, server: ServerId) -> Option<SocketAddr> {
        self.servers.iter().find(|(id, _)| *id == server).map(|(_, server)| server.address())
    }
}

impl Agent {
    /// An address to send from and receive at. All sockets together have one address of each interface and family, the best first.
    pub fn add_local_address(&mut self, now: Instant, address: SocketAddr) {
        let sources = &mut self.sources;
        if sources.addresses.len() >= self.config.limits.local_addresses
            || sources.addresses.contains(&address)
            || address.ip().is_unspecified()
            || self.closed
        {
            return;
        }
        sources.addresses.push(address);
        if sources.began.is_some() {
            self.pursue(now);
            self.settle(now);
            // Systems send everything by the best interface, whatever its address is: by the new one it may get no answer.
            self.suspect_for_change(now);
        }
    }

    /// The same, but the other side learns `name` in place of the address, and no other address of ours that isn't the
    /// internet's (draft-ietf-mmusic-mdns-ice-candidates §3.1). The owner answers for the name on its link.
    pub fn add_hidden_local_address(&mut self, now: Instant, address: SocketAddr, name: String) {
        let names = &mut self.sources.names;
        names.retain(|(other, _)| *other != address);
        names.push((address, name));
        names.truncate(self.config.limits.local_addresses);
        self.add_local_address(now, address);
    }

    /// The address is gone, with everything that depends on it.
    pub fn remove_local_address(&mut self, now: Instant, address: SocketAddr) {
        self.sources.addresses.retain(|other| *other != address);
        self.sources.names.retain(|(other, _)| *other != address);
        self.sources.bindings.retain(|binding| binding.local != address);
        self.sources.port_mappings.retain(|(local, _)| *local != address);
        let lost: Vec<_> =
            self.relays.iter().filter(|relay| relay.interface == address).map(|relay| relay.id).collect();
        for relay in lost {
            self.drop_relay(now, relay);
        }
        self.sources.tcp_addresses.retain(|(other, _)| other.ip() != address.ip());
        self.lose_search_sockets(now, address.ip());
        let is_its = |base: &&Base| {
            let is_tcp = base.tcp.is_some() && base.address.ip() == address.ip();
            base.relay.is_none() && (base.address == address || is_tcp)
        };
        for base in self.locals.bases.iter().filter(is_its).map(|base| base.id).collect::<Vec<_>>() {
            self.remove_base(now, base);
        }
        self.settle(now);
    }

    /// A router forwards what comes to `external` to the socket at `local`, so that others reach it there, whatever they have been
    /// sent before; `None`: it doesn't any more. Gathering doesn't wait for it: the candidate is told when it is known, after the
    /// end of gathering as well.
    pub fn set_port_mapping(&mut self, now: Instant, local: SocketAddr, external: Option<SocketAddr>) {
        let mappings = &mut self.sources.port_mappings;
        mappings.retain(|(other, _)| *other != local);
        mappings.extend(external.map(|external| (local, external)));
        mappings.truncate(self.config.limits.local_addresses);
        if self.sources.began.is_some() && !self.closed {
            self.tell_port_mappings();
            self.settle(now);
        }
    }

    /// RFC 8445 §5.1.1.2: it is reached there like at an address that a server sees, and has the type and the priority of one.
    fn tell_port_mappings(&mut self) {
        for (local, external) in self.sources.port_mappings.clone() {
            let added = self.locals.add_server_reflexive(local, external, None);
            if let Some(id) = added.map(|candidate| candidate.id) {
                self.tell(id);
            }
        }
    }

    /// From this network, which has no IPv4, a translator leads there (RFC 7050): remote candidates of IPv4 are checked through
    /// it, and the address that it gives this side is one of its candidates.
    pub fn set_nat64(&mut self, now: Instant, prefix: Nat64Prefix) {
        self.locals.nat64 = Some(prefix);
        let (mut context, session) = self.context(now, false);
        if let Some(session) = session {
            session.translate_remotes(&mut context);
        }
        self.settle(now);
    }

    /// A server to be asked for candidates.
    pub fn add_server(&mut self, now: Instant, server: Server) -> ServerId {
        let sources = &mut self.sources;
        sources.next_server += 1;
        let id = ServerId(sources.next_server);
        sources.servers.push((id, server));
        if sources.began.is_some() {
            self.pursue(now);
            self.settle(now);
        }
        id
    }

    /// Begins to gather from all addresses and servers that are known; what is added later is gathered from at once.
    pub fn gather(&mut self, now: Instant) {
        if self.sources.began.is_none() && !self.closed {
            self.sources.began = Some(now);
            self.set_gathering(GatheringState::Gathering);
            self.pursue(now);
            self.settle(now);
        }
    }

    /// No more addresses and servers will be added for now: gathering is complete when what is under way has ended.
    pub fn sources_complete(&mut self, now: Instant) {
        self.sources.complete = true;
        self.settle(now);
    }

    pub(super) fn set_gathering(&mut self, state: GatheringState) {
        if self.gathering != state {
            self.gathering = state;
            self.events.push_back(Event::GatheringStateChanged(state));
        }
    }

    /// Begins with everything that hasn't been begun.
    pub(super) fn pursue(&mut self, now: Instant) {
        for address in self.sources.addresses.clone() {
            if self.locals.host(address).is_none() {
                let is_paired = self.config.transport_policy == crate::IceTransportPolicy::All;
                let names = &self.sources.names;
                let name = names.iter().find(|(other, _)| *other == address).map(|(_, name)| name.clone());
                let base = self.locals.add_host(address, name, is_paired);
                self.add_base(now, base);
            }
            for (server, description) in self.sources.servers.clone() {
                let remote = description.address();
                if !reaches_server(address.ip(), remote.ip()) {
                    continue;
                }
                match description {
                    Server::Stun { .. } => self.ask(now, server, remote, address),
                    Server::Turn { transport, .. } => {
                        // It sees the address, too, and its answer is there sooner than a relay.
                        if transport == Transport::Udp {
                            self.ask(now, server, remote, address);
                        }
                        self.open_relay(now, server, transport, remote, address, 0);
                    }
                }
            }
        }
        self.pursue_tcp(now);
        self.tell_port_mappings();
    }

    fn ask(&mut self, now: Instant, server: ServerId, remote: SocketAddr, local: SocketAddr) {
        let asked = self.sources.bindings.iter().any(|other| other.remote == remote && other.local == local);
        let useful = self.locals.host(local).is_some_and(|base| base.is_paired);
        if asked || !useful {
            return;
        }
        let transaction = TransactionId::new(self.random.random());
        // RFC 8445 §14.2: one after the other.
        let under_way = u32::try_from(self.sources.bindings.len()).unwrap_or(u32::MAX);
        let start = now + self.config.timing.pacing.saturating_mul(under_way);
        let progress = Progress::Asking(Transaction::new(start, ASKING));
        let binding = Binding { server, remote, local, transaction, progress, is_second: false };
        self.sources.bindings.push(binding);
        self.ask_due(now);
    }

    /// A NAT stands before `local`. Whether it gives each destination another port shows at a second port of a server: where
    /// one relays over TCP, ours answers over UDP as well. Others may not, and then nothing is known.
    fn ask_second(&mut self, now: Instant, local: SocketAddr) {
        let bindings = &self.sources.bindings;
        let is_asked = |remote| bindings.iter().any(|other| other.local == local && other.remote == remote);
        let has_second = bindings.iter().any(|binding| binding.local == local && binding.is_second);
        let mut servers = self.sources.servers.iter().filter_map(|(id, server)| match server {
            Server::Turn { address, transport: Transport::Tcp | Transport::Tls, .. } => Some((*id, *address)),
            _ => None,
        });
        let found = servers.find(|(_, remote)| {
            remote.is_ipv4()
                && !remote.ip().is_unspecified()
                && reaches_server(local.ip(), remote.ip())
                && !is_asked(*remote)
        });
        if let Some((server, remote)) = found.filter(|_| !has_second) {
            let transaction = TransactionId::new(self.random.random());
            let progress = Progress::Asking(Transaction::new(now, ASKING));
            let binding = Binding { server, remote, local, transaction, progress, is_second: true };
            self.sources.bindings.push(binding);
            self.ask_due(now);
        }
    }

    /// No pair answers. It may be that what servers saw and gave is no longer so: they are asked again, and what has changed is
    /// told.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for binding in &mut self.sources.bindings {
            if !matches!(binding.progress, Progress::Asking(_)) {
                binding.transaction = TransactionId::new(self.random.random());
                binding.progress = Progress::Asking(Transaction::new(now, ASKING));
            }
        }
        self.ask_due(now);
        for relay in &mut self.relays {
            if let Some(client) = relay.client_mut() {
                client.verify(now);
            }
        }
    }

    /// Sends the requests to STUN servers that are due.
    pub(super) fn ask_due(&mut self, now: Instant) {
        let needed = self.current.selected.is_none();
        for binding in &mut self.sources.bindings {
            if matches!(binding.progress, Progress::Answered { again } if needed && again <= now) {
                binding.transaction = TransactionId::new(self.random.random());
                binding.progress = Progress::Asking(Transaction::new(now, ASKING));
            }
            let Progress::Asking(transaction) = &mut binding.progress else {
                continue;
            };
            while let Some(due) = transaction.handle_timeout(now) {
                match due {
                    Due::Send => {
                        let mut bytes = [0; 20];
                        let id = binding.transaction;
                        let length =
                            MessageWriter::new(&mut bytes, Class::Request, Method::BINDING, id).finish();
                        let Binding { local, remote, .. } = *binding;
                        self.prediction.sequence.sent(now, local, remote);
                        let transmit = Transmit {
                            transport: Transport::Udp,
                            local,
                            remote,
                            length: length.unwrap_or(0),
                        };
                        self.transmits.push_back(Queued { transmit, bytes: bytes.into() });
                    }
                    Due::TimedOut if binding.is_second => {}
                    Due::TimedOut => {
                        let Binding { server, local, .. } = *binding;
                        self.events.push_back(Event::ServerFailed { server, local, code: None });
                    }
                }
            }
            if transaction.poll_timeout().is_none() {
                binding.progress = Progress::Failed;
            }
        }
    }

    /// Takes in a server's answer to [`ask`](Self::ask). Says whether it was one.
    pub(super) fn handle_binding(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        message: &Message<'_>,
    ) -> bool {
        let asked = |binding: &&mut Binding| {
            binding.transaction == message.transaction() && binding.local == local && binding.remote == remote
        };
        let Some(binding) = self.sources.bindings.iter_mut().find(asked) else {
            return false;
        };
        let (server, is_second) = (binding.server, binding.is_second);
        match (message.class(), message.mapped_address()) {
            (Class::Success, Some(mapped)) => {
                binding.progress = Progress::Answered { again: now + REFRESH };
                let mapped = SocketAddr::new(mapped.ip().to_canonical(), mapped.port());
                self.prediction.sequence.seen(now, local, remote, mapped);
                if is_second {
                    return true;
                }
                if mapped != local && mapped.is_ipv4() && local.is_ipv4() {
                    self.ask_second(now, local);
                }
                let added = self.locals.add_server_reflexive(local, mapped, Some((server, remote)));
                if let Some(id) = added.map(|candidate| candidate.id) {
                    self.tell(id);
                }
            }
            _ => {
                binding.progress = Progress::Failed;
                let code = message.error().map(|(code, _)| code);
                if !is_second {
                    self.events.push_back(Event::ServerFailed { server, local, code });
                }
            }
        }
        true
    }

    pub(super) fn open_relay(
        &mut self,
        now: Instant,
        server: ServerId,
        transport: Transport,
        remote: SocketAddr,
        interface: SocketAddr,
        redirects: u8,
    ) {
        let known = |relay: &Relay| relay.server == server && relay.interface == interface;
        let count = self.relays.iter().filter(|relay| !relay.is_retired).count();
        if self.relays.iter().any(known) || count >= self.config.limits.relays {
            return;
        }
        if transport.is_stream() {
            self.prediction.sequence.connected(now, interface.ip());
        }
        self.sources.next_relay += 1;
        let id = RelayId(self.sources.next_relay);
        self.relays.push(Relay::new(now, id, server, transport, interface, remote, redirects));
        self.events.push_back(Event::OpenRelay { relay: id, server, transport, local: interface, remote });
    }

    /// Gathering is complete when all has been asked and answered, or has taken too long.
    pub(super) fn check_gathering(&mut self, now: Instant) {
        if self.gathering != GatheringState::Gathering || !self.sources.complete {
            return;
        }
        let asking = self.sources.bindings.iter().any(|binding| match &binding.progress {
            Progress::Asking(_) => !binding.is_second,
            Progress::Answered { .. } | Progress::Failed => false,
        });
        let is_pending = asking || self.relays.iter().any(Relay::is_pending);
        if !is_pending || self.gathering_ends().is_none_or(|end| end <= now) {
            self.set_gathering(GatheringState::Complete);
        }
    }

    fn gathering_ends(&self) -> Option<Instant> {
        self.sources.began.map(|began| began + PATIENCE)
    }

    pub(super) fn next_gathering_timeout(&self) -> Option<Instant> {
        let needed = self.current.selected.is_none();
        let bindings = self.sources.bindings.iter().filter_map(|binding| match &binding.progress {
            Progress::Asking(transaction) => transaction.poll_timeout(),
            Progress::Answered { again } => needed.then_some(*again),
            Progress::Failed => None,
        });
        let waiting = self.gathering == GatheringState::Gathering && self.sources.complete;
        bindings.chain(self.gathering_ends().filter(|_| waiting)).min()
    }

    pub(super) fn is_asking(&self, transaction: &TransactionId) -> bool {
        self.sources.bindings.iter().any(|binding| binding.transaction == *transaction)
    }
}
