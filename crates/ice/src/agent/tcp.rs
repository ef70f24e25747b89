//! The agent's TCP candidates and connections (RFC 6544). They are the owner's to listen for, to open and to close.

use std::net::SocketAddr;
use std::time::Instant;

use peerline_sdp::TcpType;

use super::Agent;
use crate::session::Session;
use crate::tcp::TcpConnection;
use crate::{Event, TcpConnectionId};

impl Agent {
    /// An address that TCP connections are opened from (active; its port doesn't count), at which they are accepted (passive), or
    /// both at once (simultaneous-open). It counts beside a [local address](Self::add_local_address) of the same IP, and is gone
    /// with that.
    pub fn add_tcp_address(&mut self, now: Instant, address: SocketAddr, tcp_type: TcpType) {
        let entry = (address, tcp_type);
        let addresses = &mut self.sources.tcp_addresses;
        // One of each type for each address.
        let limit = 3 * self.config.limits.local_addresses;
        if addresses.len() >= limit
            || addresses.contains(&entry)
            || address.ip().is_unspecified()
            || self.closed
        {
            return;
        }
        addresses.reserve_exact(1);
        addresses.push(entry);
        if self.sources.began.is_some() {
            self.pursue(now);
            self.settle(now);
        }
    }

    /// The candidates of TCP that there are none of yet.
    pub(super) fn pursue_tcp(&mut self, now: Instant) {
        for (address, tcp_type) in self.sources.tcp_addresses.clone() {
            if self.locals.tcp(address, tcp_type).is_none() {
                let is_paired = self.config.transport_policy == crate::IceTransportPolicy::All;
                if let Some(base) = self.locals.add_tcp(address, tcp_type, is_paired) {
                    self.add_base(now, base);
                }
            }
        }
    }

    /// The answer to [`Event::OpenTcp`]: the connection is from `local`.
    pub fn tcp_opened(&mut self, now: Instant, connection: TcpConnectionId, local: SocketAddr) {
        let Some(opened) = self.tcp.get_mut(connection).filter(|opened| opened.local.is_none()) else {
            return;
        };
        opened.local = Some(local);
        let (base, remote) = (opened.base, opened.remote);
        for session in [Some(&mut self.current), self.previous.as_mut()].into_iter().flatten() {
            session.connection_opened(now, base, remote);
        }
        self.settle(now);
    }

    /// A connection from `remote` to the passive candidate at `local` whose first message is a check for this agent. That message is to
    /// be handed in next: if it isn't authentic, [`Event::CloseTcp`] follows. `None`: it isn't wanted.
    pub fn tcp_accepted(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<TcpConnectionId> {
        let base = self.locals.tcp(local, TcpType::Passive).filter(|base| base.is_paired)?.id;
        if self.closed || self.tcp.of_pair(base, remote).is_some() {
            return None;
        }
        let accepted = self.tcp.add(base, remote, Some(local), self.config.limits.tcp_connections);
        self.settle(now);
        accepted
    }

    /// Whether an authentic check or answer has come over the connection from `remote` to `local`. What else comes before that may be
    /// anybody's.
    pub fn is_tcp_authentic(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.tcp.is_authentic(local, remote)
    }

    /// The answer to [`Event::OpenTcp`] if there is no way there, and later if the connection has ended.
    pub fn tcp_closed(&mut self, now: Instant, connection: TcpConnectionId) {
        if let Some(closed) = self.tcp.remove(connection) {
            self.connection_lost(now, &closed);
            self.settle(now);
        }
    }

    /// RFC 6544 §7.1: the pair has failed with its connection.
    fn connection_lost(&mut self, now: Instant, lost: &TcpConnection) {
        let expiry = self.config.timing.consent_expiry;
        for session in [Some(&mut self.current), self.previous.as_mut()].into_iter().flatten() {
            session.connection_lost(now, lost.base, lost.remote, expiry);
        }
    }

    /// Lets connections go that no pair needs any more, and those of strangers.
    pub(super) fn release_tcp(&mut self) {
        if self.tcp.is_empty() {
            return;
        }
        let Self { tcp, locals, current, previous, .. } = self;
        let sessions = || [Some(&*current), previous.as_ref()].into_iter().flatten();
        let is_useless = |connection: &TcpConnection| {
            let needs = |session: &Session| session.needs_connection(connection.base, connection.remote);
            let is_alive = locals.base(connection.base).is_some();
            !is_alive || !connection.is_unproved && !sessions().any(needs)
        };
        let useless = tcp.extract(is_useless);
        self.events.extend(useless.into_iter().map(Event::CloseTcp));
    }
}
