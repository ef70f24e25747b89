//! What comes in (RFC 7983 §7 for what is what).

use std::net::SocketAddr;
use std::time::Instant;

use peerline_stun::{Class, Message, Method};
use peerline_turn::Transport;
use peerline_turn::turn_client::Input;

use super::Agent;
use super::embedded::Deferred;
use crate::check;
use crate::locals::{Base, BaseId};
use crate::relay::Watch;
use crate::session::Session;
use crate::{Event, PairId, Received};

/// How many addresses are told at most by [`Event::RemoteAddress`].
const TOLD_MAX: usize = 200;

impl Agent {
    /// A datagram, or a framed message of a stream ([`peerline_stun::framing`]), that came from `remote` at `local`.
    ///
    /// What is neither STUN nor ChannelData and came directly need not be handed in: it is for the layer above, and
    /// [`count_received`](Self::count_received) counts it.
    pub fn handle_input<'a>(
        &mut self,
        now: Instant,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &'a [u8],
    ) -> Received<'a> {
        self.handle_deferred(now);
        if self.closed && self.relays.is_empty() {
            return Received::Ignored;
        }
        let relay = self.relays.iter_mut().find(|relay| relay.is_between(transport, local, remote));
        if let Some(relay) = relay {
            let id = relay.id;
            let input =
                relay.client_mut().map_or(Input::Ignored, |client| client.handle_input(now, datagram));
            if input != Input::Ignored {
                relay.watch = Watch::Heard(now);
            }
            match input {
                Input::Control => {
                    self.settle(now);
                    return Received::Handled;
                }
                Input::Data { peer, payload } => {
                    let base = self.locals.relayed(id, peer.ip()).map(|base| base.id);
                    return base
                        .map_or(Received::Ignored, |base| self.handle_datagram(now, base, peer, payload));
                }
                // On a shared socket the server also answers Binding requests.
                Input::Ignored => {}
            }
        }
        if transport != Transport::Udp {
            return self.handle_stream(now, transport, local, remote, datagram);
        }
        if self.locals.host(local).is_none() && !self.keep_found(local, datagram) {
            return Received::Ignored;
        }
        let Some(base) = self.locals.host(local).map(|base| base.id) else {
            return Received::Ignored;
        };
        if is_stun(datagram)
            && let Ok(message) = Message::parse(datagram)
            && self.handle_binding(now, local, remote, &message)
        {
            self.settle(now);
            return Received::Handled;
        }
        self.handle_datagram(now, base, remote, datagram)
    }

    /// What came over a connection that isn't a relay's.
    fn handle_stream<'a>(
        &mut self,
        now: Instant,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &'a [u8],
    ) -> Received<'a> {
        let connection = self.tcp.between(local, remote).filter(|_| transport == Transport::Tcp);
        let Some(connection) = connection else {
            return Received::Ignored;
        };
        connection.is_unproved = false;
        let base = connection.base;
        let received = self.handle_datagram(now, base, remote, datagram);
        if received == Received::Ignored {
            // It may have shown that this is nobody's connection.
            self.settle(now);
        }
        received
    }

    /// A datagram from a peer, out of its frame if it had one.
    fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        base: BaseId,
        remote: SocketAddr,
        datagram: &'a [u8],
    ) -> Received<'a> {
        if !self.is_in_use(base) || self.closed {
            return Received::Ignored;
        }
        if !is_stun(datagram) {
            let bytes = datagram.len();
            return match self.count_between(now, base, remote, 1, u64::try_from(bytes).unwrap_or(0)) {
                Some(pair) => {
                    if self.current.selected.is_some_and(|selected| selected != pair) {
                        // The other side has left the pair that this one sends by.
                        self.suspect_for_change(now);
                    }
                    Received::Data { payload: datagram, pair }
                }
                None => Received::Ignored,
            };
        }
        let Ok(message) = Message::parse(datagram) else {
            return Received::Ignored;
        };
        if message.method() != Method::BINDING || message.is_classic() {
            return Received::Ignored;
        }
        if let Some(payload) = self.take_embedded(&message) {
            self.deferred = Some(Deferred { base, remote, message: datagram.into() });
            return Received::Embedded { payload };
        }
        self.handle_message(now, base, remote, &message)
    }

    /// Whether there are, or may be, pairs with this base.
    fn is_in_use(&self, base: BaseId) -> bool {
        let sessions = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        self.locals.base(base).is_some_and(|base| base.is_paired)
            || sessions.flat_map(|session| &session.pairs).any(|pair| pair.base == base)
    }

    /// A check, or what answers one.
    pub(super) fn handle_message(
        &mut self,
        now: Instant,
        base: BaseId,
        remote: SocketAddr,
        message: &Message<'_>,
    ) -> Received<'static> {
        let received = match message.class() {
            Class::Request => self.handle_request(now, base, remote, message),
            Class::Success | Class::Error => self.handle_response(now, base, remote, message),
            // A keepalive of RFC 5245 §10.
            Class::Indication => Received::Handled,
        };
        self.settle(now);
        received
    }

    fn handle_request(
        &mut self,
        now: Instant,
        base: BaseId,
        remote: SocketAddr,
        request: &Message<'_>,
    ) -> Received<'static> {
        let Some((ufrag, _)) = check::username(request) else {
            return Received::Ignored;
        };
        let is_for = |session: &Session| session.local.ufrag == ufrag;
        let of_previous = self.previous.as_ref().is_some_and(is_for);
        if !of_previous && !is_for(&self.current) {
            return Received::Ignored;
        }
        let (mut context, session) = self.context(now, of_previous);
        let authentic =
            session.is_some_and(|session| session.handle_request(&mut context, base, remote, request));
        if !authentic {
            return Received::Ignored;
        }
        self.tell_remote(base, remote, false);
        Received::Handled
    }

    fn handle_response(
        &mut self,
        now: Instant,
        base: BaseId,
        remote: SocketAddr,
        response: &Message<'_>,
    ) -> Received<'static> {
        for of_previous in [false, true] {
            let (mut context, session) = self.context(now, of_previous);
            let answered =
                session.and_then(|session| session.handle_response(&mut context, base, remote, response));
            if answered.is_some() {
                self.tell_remote(base, remote, true);
                return Received::Handled;
            }
        }
        Received::Ignored
    }

    /// An authentic check, or with `proved` an answer, came from there.
    fn tell_remote(&mut self, base: BaseId, remote: SocketAddr, proved: bool) {
        self.tcp.authenticate(base, remote);
        let is_socket = |base: &&Base| base.relay.is_none() && base.tcp.is_none();
        let Some(base) = self.locals.base(base).filter(is_socket) else {
            return;
        };
        let local = base.address;
        let has_room = self.told.len() < TOLD_MAX;
        match self.told.iter_mut().find(|(own, other, _)| *own == local && *other == remote) {
            Some((.., known)) if *known || !proved => return,
            Some((.., known)) => *known = true,
            None if has_room => self.told.push((local, remote, proved)),
            None => return,
        }
        self.events.push_back(Event::RemoteAddress { local, remote, proved });
    }

    /// Counts datagrams of the layer above that came from `remote` to `local` directly and were not handed to
    /// [`handle_input`](Self::handle_input) (which counts them itself).
    pub fn count_received(
        &mut self,
        now: Instant,
        (transport, local, remote): (Transport, SocketAddr, SocketAddr),
        packets: u64,
        bytes: u64,
    ) {
        let base = match transport {
            Transport::Udp => self.locals.host(local).map(|base| base.id),
            _ => self.tcp.between(local, remote).map(|connection| connection.base),
        };
        if let Some(base) = base {
            self.count_between(now, base, remote, packets, bytes);
        }
    }

    fn count_between(
        &mut self,
        now: Instant,
        base: BaseId,
        remote: SocketAddr,
        packets: u64,
        bytes: u64,
    ) -> Option<PairId> {
        let sessions = [Some(&mut self.current), self.previous.as_mut()];
        let pair = sessions.into_iter().flatten().find_map(|session| {
            session.pairs.iter_mut().find(|pair| pair.remote == remote && pair.base == base)
        })?;
        pair.counters.packets_received += packets;
        pair.counters.bytes_received += bytes;
        pair.counters.last_packet_received = Some(now);
        Some(pair.id)
    }

    /// Counts datagrams of the layer above that were sent over `pair`.
    pub fn count_sent(&mut self, now: Instant, pair: PairId, packets: u64, bytes: u64) {
        let sessions = [Some(&mut self.current), self.previous.as_mut()];
        if let Some(pair) = sessions.into_iter().flatten().find_map(|session| session.pair_mut(pair)) {
            pair.counters.packets_sent += packets;
            pair.counters.bytes_sent += bytes;
            pair.counters.last_packet_sent = Some(now);
        }
    }
}

/// RFC 7983 §7.
fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}
