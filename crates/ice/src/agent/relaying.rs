//! The agent's side of its relays (RFC 8656).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use peerline_stun::ErrorCode;
use peerline_turn::turn_client::{self, Allocated, Failure, TurnClient};
use peerline_turn::{Families, Transport};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Agent, Queued};
use crate::locals::Relayed;
use crate::pair::Standing;
use crate::relay::Stage;
use crate::session::Outgoing;
use crate::{Credential, Event, IceTransportPolicy, RelayId, Server, ServerId, Transmit};

/// How often a server may refer to another (RFC 8489 §10).
const REDIRECTS_MAX: u8 = 3;
/// The longest message that is framed for a relay here: a check.
const LONGEST: usize = 2200;

impl Agent {
    /// New user name and password for a TURN server: allocations are kept up with them from now on.
    pub fn set_credential(&mut self, now: Instant, server: ServerId, credential: Credential) {
        for (id, known) in &mut self.sources.servers {
            if let Server::Turn { credential: known, .. } = known
                && *id == server
            {
                known.clone_from(&credential);
            }
        }
        for relay in self.relays.iter_mut().filter(|relay| relay.server == server) {
            if let Some(client) = relay.client_mut() {
                client.set_credential(credential.clone());
            }
        }
        self.settle(now);
    }

    /// The answer to [`Event::OpenRelay`]: the socket is bound to, or the connection is from, `local`.
    pub fn relay_opened(&mut self, now: Instant, relay: RelayId, local: SocketAddr) {
        let Some(relay) = self.relays.iter_mut().find(|known| known.id == relay) else {
            return;
        };
        let server = self.sources.servers.iter().find(|(id, _)| *id == relay.server);
        let (Stage::Opening, Some((_, Server::Turn { credential, .. }))) = (&relay.stage, server) else {
            return;
        };
        let config = turn_client::Config {
            transport: relay.transport,
            credential: credential.clone(),
            families: Families { ipv4: true, ipv6: true },
        };
        let random = StdRng::from_seed(self.random.random());
        relay.stage = Stage::Open { client: Box::new(TurnClient::new(now, config, random)), local };
        self.settle(now);
    }

    /// The answer to [`Event::OpenRelay`] when the server can't be reached, and later when the connection has been closed.
    pub fn relay_closed(&mut self, now: Instant, relay: RelayId) {
        if let Some(relay) = self.relays.iter_mut().find(|known| known.id == relay) {
            if relay.is_pending() {
                let (server, local) = (relay.server, relay.interface);
                self.events.push_back(Event::ServerFailed { server, local, code: None });
            }
            relay.stage = Stage::Closed;
            let id = relay.id;
            self.remove_relayed(now, id);
        }
        self.settle(now);
    }

    /// Ends a relay whose socket is of no use any longer.
    pub(super) fn drop_relay(&mut self, now: Instant, relay: RelayId) {
        self.relays.retain(|known| known.id != relay);
        self.remove_relayed(now, relay);
        self.events.push_back(Event::CloseRelay(relay));
    }

    fn remove_relayed(&mut self, now: Instant, relay: RelayId) {
        let bases = self.locals.bases.iter().filter(|base| base.relay == Some(relay));
        for base in bases.map(|base| base.id).collect::<Vec<_>>() {
            self.remove_base(now, base);
        }
    }

    /// What the relays have to say.
    pub(super) fn drain_relays(&mut self, now: Instant) {
        let ids: Vec<_> = self.relays.iter().map(|relay| relay.id).collect();
        for id in ids {
            while let Some(event) = self.relay_mut(id).and_then(TurnClient::poll_event) {
                match event {
                    turn_client::Event::Allocated(granted) => self.allocated(now, id, granted),
                    turn_client::Event::Failed(failure) => self.relay_failed(now, id, failure),
                    turn_client::Event::PeerRefused(peer, _) => self.peer_refused(now, id, peer),
                    // The route is compared with the one told before anyway.
                    turn_client::Event::ChannelBound(_) => {}
                    // Relays here are of UDP.
                    turn_client::Event::Connected(..) | turn_client::Event::ConnectFailed(..) => {}
                    turn_client::Event::Closed => self.drop_relay(now, id),
                }
            }
        }
    }

    pub(super) fn relay_mut(&mut self, id: RelayId) -> Option<&mut TurnClient> {
        self.relays.iter_mut().find(|relay| relay.id == id)?.client_mut()
    }

    fn allocated(&mut self, now: Instant, id: RelayId, granted: Allocated) {
        let Some(relay) = self.relays.iter().find(|relay| relay.id == id) else {
            return;
        };
        let Some((_, local)) = relay.client() else {
            return;
        };
        let (server, server_address, transport, from) =
            (relay.server, relay.remote, relay.transport, relay.interface);
        let mapped = granted.mapped;
        // Where the socket is shared with a base, the server has told what that looks like, too.
        if transport == Transport::Udp
            && local == from
            && let Some(mapped) = mapped
        {
            let added = self.locals.add_server_reflexive(from, mapped, Some((server, server_address)));
            if let Some(candidate) = added.map(|candidate| candidate.id) {
                self.tell(candidate);
            }
        }
        let hide_related = self.config.transport_policy == IceTransportPolicy::Relay;
        for relayed in granted.ipv4.iter().chain(&granted.ipv6) {
            let relayed =
                Relayed { relay: id, server, server_address, transport, from, relayed: *relayed, mapped };
            let base = self.locals.add_relayed(&relayed, hide_related);
            self.add_base(now, base);
        }
    }

    fn relay_failed(&mut self, now: Instant, id: RelayId, failure: Failure) {
        let Some(position) = self.relays.iter().position(|relay| relay.id == id) else {
            return;
        };
        let Some(relay) = self.relays.get_mut(position) else {
            return;
        };
        relay.stage = Stage::Closed;
        let (server, transport, interface) = (relay.server, relay.transport, relay.interface);
        let redirects = relay.redirects;
        // The server, or a NAT on the way, has forgotten an allocation that was there: another one is made.
        if self.locals.bases.iter().any(|base| base.relay == Some(id)) && !self.closed {
            let remote = self.sources.address_of(server);
            self.drop_relay(now, id);
            if let Some(remote) = remote {
                self.open_relay(now, server, transport, remote, interface, 0);
            }
            return;
        }
        match failure {
            Failure::TryAlternate(alternate)
                if redirects < REDIRECTS_MAX
                    && crate::locals::reaches_server(interface.ip(), alternate.ip())
                    && alternate.port() != 0 =>
            {
                self.drop_relay(now, id);
                return self.open_relay(now, server, transport, alternate, interface, redirects + 1);
            }
            Failure::TryAlternate(_) => {
                let code = Some(ErrorCode::TRY_ALTERNATE);
                self.events.push_back(Event::ServerFailed { server, local: interface, code });
            }
            Failure::Refused(code) => {
                let code = Some(code);
                self.events.push_back(Event::ServerFailed { server, local: interface, code });
            }
            Failure::TimedOut | Failure::Protocol => {
                self.events.push_back(Event::ServerFailed { server, local: interface, code: None });
            }
        }
        // It stays in the list, so that it isn't tried again before a restart.
        self.remove_relayed(now, id);
        self.events.push_back(Event::CloseRelay(id));
    }

    fn peer_refused(&mut self, now: Instant, id: RelayId, peer: IpAddr) {
        let Some(base) = self.locals.relayed(id, peer).map(|base| base.id) else {
            return;
        };
        for session in [Some(&mut self.current), self.previous.as_mut()].into_iter().flatten() {
            for pair in session.pairs.iter_mut().filter(|pair| pair.base == base && pair.remote.ip() == peer)
            {
                if pair.is_open() {
                    pair.set(now, Standing::Failed);
                }
            }
        }
    }

    /// Sends what the sessions wrote: directly, or in a relay's frame.
    pub(super) fn flush(&mut self, now: Instant) {
        while let Some(Outgoing { base, remote, bytes }) = self.outbox.pop_front() {
            let Some(base) = self.locals.base(base) else {
                continue;
            };
            if base.tcp.is_some() {
                let connection = self.tcp.of_pair(base.id, remote);
                if let Some(local) = connection.and_then(|connection| connection.local) {
                    let (transport, length) = (Transport::Tcp, bytes.len());
                    self.transmits
                        .push_back(Queued { transmit: Transmit { transport, local, remote, length }, bytes });
                }
                continue;
            }
            let Some(relay) = base.relay else {
                let (local, length) = (base.address, bytes.len());
                self.prediction.sequence.sent(now, local, remote);
                let transmit = Transmit { transport: Transport::Udp, local, remote, length };
                self.transmits.push_back(Queued { transmit, bytes });
                continue;
            };
            if let Some(client) = self.relay_mut(relay) {
                client.permit(now, remote.ip());
            }
            // The permission is asked for first, and the message follows without waiting.
            self.flush_relay(now, relay);
            let mut buffer = [0; LONGEST];
            let framed = self.relay_mut(relay).and_then(|client| client.wrap(remote, &bytes, &mut buffer));
            if let Some(framed) = framed.and_then(|length| buffer.get(..length)) {
                self.queue_for_relay(now, relay, framed);
            }
        }
        let ids: Vec<_> = self.relays.iter().map(|relay| relay.id).collect();
        for id in ids {
            self.flush_relay(now, id);
        }
    }

    fn flush_relay(&mut self, now: Instant, relay: RelayId) {
        let mut buffer = [0; LONGEST];
        while let Some(length) = self.relay_mut(relay).and_then(|client| client.poll_transmit(&mut buffer)) {
            if let Some(bytes) = buffer.get(..length) {
                self.queue_for_relay(now, relay, bytes);
            }
        }
    }

    fn queue_for_relay(&mut self, now: Instant, relay: RelayId, bytes: &[u8]) {
        let Some(relay) = self.relays.iter().find(|known| known.id == relay) else {
            return;
        };
        if let Some((_, local)) = relay.client() {
            if relay.transport == Transport::Udp {
                self.prediction.sequence.sent(now, local, relay.remote);
            }
            let transmit =
                Transmit { transport: relay.transport, local, remote: relay.remote, length: bytes.len() };
            self.transmits.push_back(Queued { transmit, bytes: bytes.into() });
        }
    }

    /// Peers are let through as soon as there is a pair, so that their checks aren't lost; the selected pair's channel is bound;
    /// peers that are of no interest any longer are forgotten.
    pub(super) fn tend_relays(&mut self, now: Instant, completed: bool) {
        let sessions = || [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        let selected: Vec<_> = sessions()
            .filter_map(|session| session.selected_pair())
            .filter_map(|pair| Some((self.locals.base(pair.base)?.relay?, pair.remote)))
            .collect();
        if completed {
            let is_wanted = |peer: IpAddr| {
                sessions()
                    .flat_map(|session| &session.pairs)
                    .any(|pair| pair.remote.ip() == peer && pair.standing != Standing::Failed)
            };
            for relay in &mut self.relays {
                if let Some(client) = relay.client_mut() {
                    client.retain_peers(is_wanted);
                }
            }
        }
        let wanted = self.current.pairs.iter().filter(|pair| pair.standing != Standing::Failed);
        let wanted: Vec<_> =
            wanted.filter_map(|pair| Some((self.locals.base(pair.base)?.relay?, pair.remote.ip()))).collect();
        for (relay, peer) in wanted {
            if let Some(client) = self.relay_mut(relay) {
                client.permit(now, peer);
            }
        }
        for (relay, peer) in selected {
            if let Some(client) = self.relay_mut(relay) {
                client.bind(now, peer);
            }
        }
    }
}
