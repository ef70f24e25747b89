//! The connection's transports: datagrams in, datagrams out.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use peerline_dtls as dtls;
use peerline_ice::{
    self as ice, Agent, Credential, Nat64Prefix, RelayId, Server, ServerId, TcpConnectionId, TcpType,
    Transport,
};
use peerline_sctp::ChannelEvent;

use crate::train::Train;
use crate::{
    Connection, Datagram, DtlsTransportState, Event, IceConnectionState, IceGatheringState,
    PeerConnectionState, SignalingState, Transmit,
};

/// DTLS datagrams that are kept before the peer's answer has come.
const MAX_EARLY: usize = 4;
/// A handshake's datagrams are no longer.
const MAX_EARLY_LENGTH: usize = 2048;

/// For how many events of this crate's own there is always room.
const EVENTS_KEPT: usize = 2;

/// What came in directly since ICE was told of it last.
#[derive(Debug, Default)]
pub(crate) struct Received {
    path: Option<(Transport, SocketAddr, SocketAddr)>,
    packets: u64,
    bytes: u64,
}

impl Connection {
    /// The ICE agent, for its state and what it counts.
    pub fn ice(&self) -> &Agent {
        &self.ice
    }

    /// An address to send from and receive at.
    pub fn add_local_address(&mut self, now: Instant, address: SocketAddr) {
        self.ice.add_local_address(now, address);
        self.settle(now);
    }

    /// The same; the peer is told `name`, for which the owner answers on its link.
    pub fn add_hidden_local_address(&mut self, now: Instant, address: SocketAddr, name: String) {
        self.ice.add_hidden_local_address(now, address, name);
        self.settle(now);
    }

    /// The address is gone.
    pub fn remove_local_address(&mut self, now: Instant, address: SocketAddr) {
        self.ice.remove_local_address(now, address);
        self.settle(now);
    }

    /// A router forwards what comes to `external` to the socket at `local`; `None`: it doesn't any more.
    pub fn set_port_mapping(&mut self, now: Instant, local: SocketAddr, external: Option<SocketAddr>) {
        self.ice.set_port_mapping(now, local, external);
        self.settle(now);
    }

    /// This network has no IPv4, and a translator to it.
    pub fn set_nat64(&mut self, now: Instant, prefix: Nat64Prefix) {
        self.ice.set_nat64(now, prefix);
        self.settle(now);
    }

    /// A server to be asked for candidates: one of the configuration's, its name resolved.
    pub fn add_server(&mut self, now: Instant, server: Server) -> ServerId {
        let id = self.ice.add_server(now, server);
        self.settle(now);
        id
    }

    /// A new user name and password for a TURN server.
    pub fn set_credential(&mut self, now: Instant, server: ServerId, credential: Credential) {
        self.ice.set_credential(now, server, credential);
        self.settle(now);
    }

    /// All addresses and servers are there: gathering ends when what is under way has ended.
    pub fn sources_complete(&mut self, now: Instant) {
        self.ice.sources_complete(now);
        self.settle(now);
    }

    /// The answer to [`Event::ResolveName`]; no addresses if the name couldn't be resolved.
    pub fn resolved(&mut self, now: Instant, name: &str, addresses: &[IpAddr]) {
        self.ice.resolved(now, name, addresses);
        self.settle(now);
    }

    /// The answer to [`Event::OpenRelay`]: the socket is bound to, or the connection is from, `local`.
    pub fn relay_opened(&mut self, now: Instant, relay: RelayId, local: SocketAddr) {
        self.ice.relay_opened(now, relay, local);
        self.settle(now);
    }

    /// The answer to [`Event::OpenRelay`] if the server can't be reached, and later if its connection has ended.
    pub fn relay_closed(&mut self, now: Instant, relay: RelayId) {
        self.ice.relay_closed(now, relay);
        self.settle(now);
    }

    /// An address that TCP connections to the peer are opened from, or accepted at
    /// ([`Agent::add_tcp_address`](ice::Agent::add_tcp_address)).
    pub fn add_tcp_address(&mut self, now: Instant, address: SocketAddr, tcp_type: TcpType) {
        self.ice.add_tcp_address(now, address, tcp_type);
        self.settle(now);
    }

    /// The answer to [`Event::OpenTcp`]: the connection is from `local`.
    pub fn tcp_opened(&mut self, now: Instant, connection: TcpConnectionId, local: SocketAddr) {
        self.ice.tcp_opened(now, connection, local);
        self.settle(now);
    }

    /// A connection from `remote` was accepted at `local`, and its first message is a check for this connection: it is to be handed
    /// in next. `None`: it isn't wanted.
    pub fn tcp_accepted(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<TcpConnectionId> {
        let accepted = self.ice.tcp_accepted(now, local, remote);
        self.settle(now);
        accepted
    }

    /// The answer to [`Event::OpenTcp`] if there is no way there, and later if the connection has ended.
    pub fn tcp_closed(&mut self, now: Instant, connection: TcpConnectionId) {
        self.ice.tcp_closed(now, connection);
        self.settle(now);
    }

    /// Allows the many-ports search ([`Agent::allow_port_search`](ice::Agent::allow_port_search)).
    pub fn allow_port_search(&mut self, now: Instant) {
        self.ice.allow_port_search(now);
        self.settle(now);
    }

    /// The answer to [`Event::PortSearchWanted`]; none where it may not be.
    pub fn grant_port_search(&mut self, now: Instant, remote: IpAddr) {
        self.ice.grant_port_search(now, remote);
        self.settle(now);
    }

    /// The answer to [`Event::OpenSocket`].
    pub fn socket_opened(&mut self, now: Instant, local: SocketAddr) {
        self.ice.socket_opened(now, local);
        self.settle(now);
    }

    /// The system says that nothing can be sent from `local` to `remote`.
    pub fn unreachable(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr) {
        self.ice.unreachable(now, local, remote);
        self.settle(now);
    }

    /// A datagram came. Which layer's it is, its first byte tells (RFC 7983).
    pub fn handle_input(&mut self, now: Instant, datagram: Datagram<'_>) {
        let Datagram { transport, local, remote, payload } = datagram;
        match payload.first() {
            // Whoever is at the end of a connection has to have shown that he knows the password.
            Some(20..=63) if transport.is_stream() && !self.ice.is_tcp_authentic(local, remote) => {}
            Some(20..=63) => {
                self.has_remote_address |= transport.is_stream();
                self.received.count(&mut self.ice, now, (transport, local, remote), payload.len());
                self.handle_dtls(now, payload);
            }
            Some(0..=3 | 64..=79) => {
                let start = payload.as_ptr().addr();
                let (inner, is_embedded) = match self.ice.handle_input(now, transport, local, remote, payload)
                {
                    ice::Received::Data { payload, .. } => (payload, false),
                    ice::Received::Embedded { payload } => (payload, true),
                    ice::Received::Handled | ice::Received::Ignored => (&[][..], false),
                };
                let offset = inner.as_ptr().addr().wrapping_sub(start);
                let inner = offset..offset.wrapping_add(inner.len());
                if let Some(inner) =
                    payload.get_mut(inner).filter(|inner| matches!(inner.first(), Some(20..=63)))
                {
                    // Whoever sent a check knows the password.
                    self.has_remote_address |= is_embedded;
                    self.handle_dtls(now, inner);
                }
                if is_embedded {
                    // The check is answered now, and what DTLS has to say goes along.
                    self.ice.embed(now, Vec::new());
                }
                self.settle(now);
            }
            // 128 to 191 is RTP and RTCP, for which no section is accepted; the rest is nobody's.
            _ => {}
        }
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_due = |timeout: Option<Instant>| timeout.is_some_and(|timeout| timeout <= now);
        self.received.report(&mut self.ice, now);
        if is_due(self.ice.poll_timeout()) {
            self.ice.handle_timeout(now);
        }
        if let Some(dtls) = self.dtls.as_mut().filter(|dtls| is_due(dtls.poll_timeout())) {
            dtls.handle_timeout(now);
        }
        if is_due(self.channels.poll_timeout()) {
            let timeouts = |connection: &Self| connection.channels.association().statistics().timeouts;
            let before = timeouts(self);
            self.channels.handle_timeout(now);
            if timeouts(self) > before {
                // Data tells sooner than the next consent check that the path may be gone.
                self.ice.suspect(now);
            }
        }
        if self.flow.has_stopped(now) {
            self.ice.suspect(now);
        }
        self.settle_dtls(now);
        self.settle(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(dtls::Dtls::poll_timeout);
        let channels = self.channels.poll_timeout();
        [self.ice.poll_timeout(), dtls, channels, self.flow.poll_timeout()].into_iter().flatten().min()
    }

    /// What is to be sent next, written to the beginning of `buffer`: one datagram, or several of one length
    /// ([`Transmit::segment_size`]). The buffer should have 65,507 bytes for long trains, and at least 2,048.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        self.received.report(&mut self.ice, now);
        if let Some(transmit) = self.ice.poll_transmit(buffer) {
            let ice::Transmit { transport, local, remote, length } = transmit;
            return Some(Transmit { transport, local, remote, length, segment_size: None });
        }
        let route = self.route?;
        // A handshake's datagrams are few: they may be copied behind a relay's header.
        let mut datagram = [0; MAX_EARLY_LENGTH];
        let transmit = |length, segment_size| Transmit {
            transport: route.transport,
            local: route.local,
            remote: route.remote,
            length,
            segment_size,
        };
        while let Some(length) = self.poll_handshake(&mut datagram) {
            let sealed = datagram.get(..length).unwrap_or_default();
            if let Some(framed) = Train::frame(&route, sealed, buffer) {
                self.ice.count_sent(now, route.pair, 1, length as u64);
                return Some(transmit(framed, None));
            }
        }
        let train = self.train.write(now, &mut self.channels, self.dtls.as_mut(), &route, buffer)?;
        self.ice.count_sent(now, route.pair, train.datagrams as u64, train.length as u64);
        Some(transmit(train.length, (train.datagrams > 1).then_some(train.segment)))
    }

    /// The next datagram of DTLS's own, written to the beginning of `buffer`.
    fn poll_handshake(&mut self, buffer: &mut [u8]) -> Option<usize> {
        self.ice.poll_embedded(buffer).or_else(|| self.dtls.as_mut()?.poll_transmit(buffer))
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(event) = self.events.pop_front() {
            // webrtc-pc §4.7.3: it isn't fired if by then no offer is needed any more, or can't be made.
            if event != Event::NegotiationNeeded || self.session.is_negotiation_needed() {
                return Some(event);
            }
        }
        // So many at once as at the beginning there won't be again.
        self.events.shrink_to(EVENTS_KEPT);
        if self.signaling_state() == SignalingState::Closed {
            return None;
        }
        loop {
            return Some(match self.channels.poll_event()? {
                ChannelEvent::Announced(channel) => Event::DataChannel(channel),
                ChannelEvent::Open(channel) => Event::DataChannelOpen(channel),
                ChannelEvent::Message(channel, payload) => {
                    Event::DataChannelMessage { channel, kind: payload.kind, data: payload.data }
                }
                ChannelEvent::Part { channel, payload, is_first, is_last } => Event::DataChannelPart {
                    channel,
                    kind: payload.kind,
                    data: payload.data,
                    is_first,
                    is_last,
                },
                ChannelEvent::BufferedAmountLow(channel) => Event::DataChannelBufferedAmountLow(channel),
                ChannelEvent::Closing(channel) => Event::DataChannelClosing(channel),
                ChannelEvent::Closed(channel, error) => Event::DataChannelClose { channel, error },
                // The channels themselves say what follows from these.
                ChannelEvent::Connected | ChannelEvent::Restarted | ChannelEvent::AssociationClosed(_) => {
                    continue;
                }
            });
        }
    }

    /// A DTLS datagram of the peer's.
    pub(crate) fn handle_dtls(&mut self, now: Instant, datagram: &mut [u8]) {
        let Some(dtls) = &mut self.dtls else {
            // The peer answers checks and may begin the handshake before its answer has reached us.
            let has_room = self.early.len() < MAX_EARLY && datagram.len() <= MAX_EARLY_LENGTH;
            if has_room && self.has_remote_address && self.signaling_state() != SignalingState::Closed {
                self.early.push((&*datagram).into());
                self.begin_dtls(now);
            }
            return;
        };
        if let Some(packet) = dtls.handle_input(now, datagram) {
            self.flow.take(now);
            // Whoever sends data has all of the handshake.
            self.ice.end_embedding();
            // Events come first: SCTP has to be begun before it takes packets.
            if self.dtls_state == DtlsTransportState::Connected {
                self.channels.handle_input(now, packet);
            } else {
                let packet: Box<[u8]> = packet.into();
                self.settle_dtls(now);
                self.channels.handle_input(now, &packet);
                return;
            }
        }
        self.settle_dtls(now);
    }

    /// Says goodbye to the peer: what SCTP and DTLS have for that goes out last.
    pub(crate) fn say_goodbye(&mut self, now: Instant) {
        let Some(dtls) = &mut self.dtls else { return };
        let mut packet = [0; MAX_EARLY_LENGTH];
        let mut datagram = [0; MAX_EARLY_LENGTH + dtls::Dtls::OVERHEAD];
        if let Some(length) = self.channels.poll_transmit(now, &mut packet)
            && let Ok(length) = dtls.seal_into(packet.get(..length).unwrap_or_default(), &mut datagram)
        {
            self.train.push_last_words(datagram.get(..length).unwrap_or_default());
        }
        dtls.close(now);
        while let Some(length) = dtls.poll_transmit(&mut datagram) {
            self.train.push_last_words(datagram.get(..length).unwrap_or_default());
        }
        self.dtls = None;
    }

    /// Takes in what DTLS has to say.
    fn settle_dtls(&mut self, now: Instant) {
        self.take_dtls_events(now);
        self.embed_handshake(now);
    }

    /// As long as the handshake travels with checks, what DTLS wants sent goes to ICE.
    pub(crate) fn embed_handshake(&mut self, now: Instant) {
        let Some(dtls) = self.dtls.as_mut().filter(|_| self.ice.embeds()) else { return };
        let mut datagram = [0; MAX_EARLY_LENGTH];
        let mut flight = Vec::new();
        while let Some(length) = dtls.poll_transmit(&mut datagram) {
            flight.extend(datagram.get(..length).map(Box::from));
        }
        if !flight.is_empty() {
            self.ice.embed(now, flight);
        }
    }

    fn take_dtls_events(&mut self, now: Instant) {
        loop {
            let Some(dtls) = &mut self.dtls else { return };
            if let Some(event) = dtls.poll_event() {
                match event {
                    dtls::Event::Connected(connected) => {
                        self.dtls_connected = Some(connected);
                        self.set_dtls_state(DtlsTransportState::Connected);
                        self.ice.embedding_complete();
                        self.begin_sctp(now);
                    }
                    dtls::Event::Closed => {
                        self.set_dtls_state(DtlsTransportState::Closed);
                        self.ice.end_embedding();
                        self.channels.abort(now, "");
                    }
                    // Nobody could hear it. It begins anew with a path, or with what else is agreed on.
                    dtls::Event::Failed(dtls::Failure::Timeout) if self.route.is_none() => {
                        self.dtls = None;
                        self.ice.forget_embedded();
                        return;
                    }
                    dtls::Event::Failed(failure) => {
                        self.events.push_back(Event::DtlsTransportError(failure));
                        self.set_dtls_state(DtlsTransportState::Failed);
                        self.ice.end_embedding();
                        self.channels.abort(now, "");
                    }
                }
                continue;
            }
            match dtls.poll_data() {
                Some(packet) => self.channels.handle_input(now, &packet),
                None => return,
            }
        }
    }

    /// DTLS is connected. If both sides know each other's INIT by now there is no handshake (draft-hancke-tsvwg-snap).
    fn begin_sctp(&mut self, now: Instant) {
        let init = self.session.agreement().filter(|agreement| agreement.has_local_init);
        let begun = match init.as_ref().and_then(|agreement| agreement.remote.sctp.init.as_ref()) {
            Some(init) => self.channels.connect_with_remote_init(now, init),
            None => self.channels.connect(now),
        };
        if begun.is_err() {
            // An INIT that can't be used is as if it weren't there.
            let _ = self.channels.connect(now);
        }
    }

    /// Takes in what ICE has to say.
    pub(crate) fn settle(&mut self, now: Instant) {
        while let Some(event) = self.ice.poll_event() {
            match event {
                ice::Event::LocalCandidate(candidate) => {
                    let told = self.session.add_local_candidate(candidate);
                    self.events.extend(told.map(Event::IceCandidate));
                }
                ice::Event::GatheringStateChanged(state) => self.gathering_changed(state),
                ice::Event::StateChanged(state) => self.ice_changed(state),
                ice::Event::RouteChanged(route) => {
                    // The same peer by another interface is another path.
                    let path = |route: ice::Route| (route.transport, route.local, route.remote);
                    let is_other = self.route.zip(route).is_some_and(|(old, new)| path(old) != path(new));
                    let round_trip = self.ice.round_trip_time();
                    if is_other {
                        self.channels.path_changed(now, round_trip);
                    }
                    if let Some(round_trip) = round_trip {
                        self.channels.expect_round_trip(round_trip);
                        self.flow.expect_round_trip(round_trip);
                    }
                    self.route = route;
                    if route.is_some() {
                        self.begin_dtls(now);
                    }
                }
                ice::Event::RoleChanged(_) => {}
                ice::Event::ServersWanted(number) => self.events.push_back(Event::ServersWanted(number)),
                ice::Event::ResolveName(name) => self.events.push_back(Event::ResolveName(name)),
                ice::Event::OpenRelay { relay, server, transport, local, remote } => {
                    self.events.push_back(Event::OpenRelay { relay, server, transport, local, remote });
                }
                ice::Event::CloseRelay(relay) => self.events.push_back(Event::CloseRelay(relay)),
                ice::Event::OpenTcp { connection, local, remote } => {
                    self.events.push_back(Event::OpenTcp { connection, local, remote });
                }
                ice::Event::CloseTcp(connection) => self.events.push_back(Event::CloseTcp(connection)),
                ice::Event::PortSearchWanted { remote } => {
                    self.events.push_back(Event::PortSearchWanted { remote });
                }
                ice::Event::OpenSocket { local } => self.events.push_back(Event::OpenSocket { local }),
                ice::Event::CloseSocket(local) => self.events.push_back(Event::CloseSocket(local)),
                ice::Event::RemoteAddress { local, remote, proved } => {
                    self.has_remote_address = true;
                    self.events.push_back(Event::RemoteAddress { local, remote, proved });
                }
                ice::Event::ServerFailed { server, local, code } => {
                    // webrtc-pc §4.8.2: 701 stands for a server that can't be reached.
                    let error_code = code.map_or(701, |code| code.number());
                    self.events.push_back(Event::IceCandidateError { server, local, error_code });
                }
            }
        }
    }

    fn gathering_changed(&mut self, state: ice::GatheringState) {
        let state = match state {
            ice::GatheringState::New => IceGatheringState::New,
            ice::GatheringState::Gathering => IceGatheringState::Gathering,
            ice::GatheringState::Complete => IceGatheringState::Complete,
        };
        if state == IceGatheringState::Complete {
            let ufrag = self.ice.local_credentials().ufrag.clone();
            let told = self.session.end_local_candidates(&ufrag);
            self.events.extend(told.map(Event::IceCandidate));
        }
        if state != self.ice_gathering_state {
            self.ice_gathering_state = state;
            self.events.push_back(Event::IceGatheringStateChange(state));
        }
    }

    fn ice_changed(&mut self, state: ice::State) {
        self.ice_connection_state = match state {
            ice::State::New => IceConnectionState::New,
            ice::State::Checking => IceConnectionState::Checking,
            ice::State::Connected => IceConnectionState::Connected,
            ice::State::Completed => IceConnectionState::Completed,
            ice::State::Disconnected => IceConnectionState::Disconnected,
            ice::State::Failed => IceConnectionState::Failed,
            ice::State::Closed => IceConnectionState::Closed,
        };
        self.events.push_back(Event::IceConnectionStateChange(self.ice_connection_state));
        self.update_connection_state();
    }

    pub(crate) fn set_dtls_state(&mut self, state: DtlsTransportState) {
        if self.dtls_state != state {
            self.dtls_state = state;
            self.events.push_back(Event::DtlsTransportStateChange(state));
            self.update_connection_state();
        }
    }

    fn update_connection_state(&mut self) {
        let state = PeerConnectionState::of(self.ice_connection_state, self.dtls_state);
        if self.connection_state != state {
            self.connection_state = state;
            self.events.push_back(Event::ConnectionStateChange(state));
        }
    }
}

impl Received {
    fn count(
        &mut self,
        ice: &mut Agent,
        now: Instant,
        path: (Transport, SocketAddr, SocketAddr),
        bytes: usize,
    ) {
        if self.path != Some(path) {
            self.report(ice, now);
            self.path = Some(path);
        }
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    /// Tells ICE what came in, once a burst.
    fn report(&mut self, ice: &mut Agent, now: Instant) {
        if let Some(path) = self.path.filter(|_| self.packets > 0) {
            ice.count_received(now, path, self.packets, self.bytes);
            *self = Self { path: self.path, ..Self::default() };
        }
    }
}
