//! The many-ports searches of an endpoint's peers: when one may begin, and its sockets.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use peerline_ice::Agent;

use super::Peers;
use crate::endpoint::directory::PeerId;
use crate::endpoint::socket::Socket;

/// How many sockets all searches have together: as many as one of them opens.
const SOCKETS: usize = 256;
/// How many addresses are remembered that were searched; until there is room again no other is.
const ADDRESSES_MAX: usize = 64;

/// Who searches. There is one search at a time, so that all of them together send 200 packets a second, and no address is searched
/// again before its rest: a peer that comes back under another name is one whose address was searched.
#[derive(Debug, Default)]
pub(super) struct Searches {
    newest: Option<PeerId>,
    /// The addresses that were searched, and when that began. The oldest is the first.
    begun: VecDeque<(Instant, IpAddr)>,
}

impl Searches {
    /// Whether `peer` may search `remote` now. That it is allowed is remembered.
    fn begin(
        &mut self,
        now: Instant,
        peer: PeerId,
        remote: IpAddr,
        is_searching: impl Fn(PeerId) -> bool,
    ) -> bool {
        while self.begun.front().is_some_and(|(at, _)| *at + Agent::PORT_SEARCH_REST <= now) {
            self.begun.pop_front();
        }
        let is_at_rest = self.begun.iter().any(|(_, address)| *address == remote);
        let is_busy = self.newest.is_some_and(is_searching);
        if is_at_rest || is_busy || self.begun.len() >= ADDRESSES_MAX {
            return false;
        }
        self.newest = Some(peer);
        self.begun.push_back((now, remote));
        true
    }
}

impl Peers {
    /// Whether a peer's many-ports search may begin: not without a socket.
    pub(in crate::endpoint) fn may_search(&mut self, now: Instant, peer: PeerId, remote: IpAddr) -> bool {
        let table = &self.table;
        let is_searching = |peer: PeerId| {
            let driven = table.get(&peer);
            driven.is_some_and(|driven| driven.peer.look(|connection| connection.ice().is_searching_ports()))
        };
        self.count_search_sockets() < SOCKETS && self.searches.begin(now, peer, remote, is_searching)
    }

    /// Opens a socket for a peer's many-ports search, unless all peers together have as many as are opened at most.
    pub(in crate::endpoint) fn open_search_socket(
        &mut self,
        peer: PeerId,
        local: IpAddr,
    ) -> Option<SocketAddr> {
        let has_room = self.count_search_sockets() < SOCKETS;
        let driven = self.table.get_mut(&peer).filter(|_| has_room)?;
        let socket = Socket::bind(SocketAddr::new(local, 0)).ok()?;
        let local = socket.local();
        driven.searching.push(socket);
        self.note_sockets(peer);
        Some(local)
    }

    pub(in crate::endpoint) fn close_search_socket(&mut self, peer: PeerId, local: SocketAddr) {
        if let Some(driven) = self.table.get_mut(&peer) {
            driven.searching.retain(|socket| socket.local() != local);
            self.note_sockets(peer);
        }
    }

    /// Those that were found included.
    fn count_search_sockets(&self) -> usize {
        self.table.values().map(|driven| driven.searching.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn one_searches_at_a_time_and_each_address_once_a_minute() {
        let mut searches = Searches::default();
        let now = Instant::now();
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let (one, other, renewed) = (PeerId(1), PeerId(2), PeerId(3));
        assert!(searches.begin(now, one, ip(1), |_| false));
        assert!(!searches.begin(now + second, other, ip(2), |peer| peer == one), "one is searching");
        assert!(searches.begin(now + second * 2, other, ip(2), |_| false), "its search is over");
        assert!(!searches.begin(now + minute - second, renewed, ip(1), |_| false), "whoever is there");
        assert!(searches.begin(now + minute, renewed, ip(1), |_| false));
        assert!(!searches.begin(now + minute, one, ip(2), |_| false));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut searches = Searches::default();
        let now = Instant::now();
        let granted = (0..=255).filter(|last| searches.begin(now, PeerId(1), ip(*last), |_| false));
        assert_eq!(granted.count(), ADDRESSES_MAX);
        assert!(searches.begin(now + Agent::PORT_SEARCH_REST, PeerId(1), ip(200), |_| false));
        assert_eq!(searches.begun.len(), 1);
    }
}
