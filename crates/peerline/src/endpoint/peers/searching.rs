//! The many-ports searches of an endpoint's peers: when one may begin, and its sockets.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use peerline_ice::Agent;
use rustix::process::{Resource, getrlimit};

use super::Peers;
use crate::endpoint::directory::PeerId;
use crate::endpoint::socket::Socket;

/// How many sockets all searches have together at most: as many as one of them opens.
const SOCKETS: usize = 256;
/// And no more than this part of the files that the system lets the process open: others need some, too.
const PART_OF_DESCRIPTORS: u64 = 4;
/// How many addresses are remembered that were searched; until there is room again no other is.
const ADDRESSES_MAX: usize = 64;

/// Who searches. There is one search at a time, so that all of them together send 200 packets a second, and no address is searched
/// again before its rest: a peer that comes back under another name is one whose address was searched.
#[derive(Debug)]
pub(super) struct Searches {
    sockets_max: usize,
    newest: Option<PeerId>,
    /// The addresses that were searched, and when that began. The oldest is the first.
    begun: VecDeque<(Instant, IpAddr)>,
}

impl Default for Searches {
    fn default() -> Self {
        let sockets_max = sockets_max(getrlimit(Resource::Nofile).current);
        Self { sockets_max, newest: None, begun: VecDeque::new() }
    }
}

/// How many sockets there may be, by the limit of open files, if there is one.
fn sockets_max(descriptors: Option<u64>) -> usize {
    let part = descriptors.map(|descriptors| descriptors / PART_OF_DESCRIPTORS);
    part.map_or(SOCKETS, |part| usize::try_from(part).unwrap_or(SOCKETS).min(SOCKETS))
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
    /// A peer's many-ports search is wanted. It begins if it may.
    pub(in crate::endpoint) fn grant_port_search(&mut self, now: Instant, peer: PeerId, remote: IpAddr) {
        if self.may_search(now, peer, remote) {
            self.call(peer, |connection| connection.grant_port_search(now, remote));
        }
    }

    /// Not without a socket.
    fn may_search(&mut self, now: Instant, peer: PeerId, remote: IpAddr) -> bool {
        let table = &self.table;
        let is_searching = |peer: PeerId| {
            let driven = table.get(&peer);
            driven.is_some_and(|driven| driven.peer.look(|connection| connection.ice().is_searching_ports()))
        };
        self.has_room_for_socket() && self.searches.begin(now, peer, remote, is_searching)
    }

    /// Opens a socket for a peer's many-ports search, unless all peers together have as many as are opened at most.
    pub(in crate::endpoint) fn open_search_socket(
        &mut self,
        peer: PeerId,
        local: IpAddr,
    ) -> Option<SocketAddr> {
        let has_room = self.has_room_for_socket();
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

    fn has_room_for_socket(&self) -> bool {
        // Those that were found are among them.
        let open: usize = self.table.values().map(|driven| driven.searching.len()).sum();
        open < self.searches.sockets_max
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::future::poll_fn;
    use std::net::{Ipv4Addr, UdpSocket};
    use std::task::Poll;
    use std::time::{Duration, SystemTime};

    use peerline_connection::{Certificate, Configuration, Connection};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::endpoint::socket::Received;
    use crate::endpoint::{Endpoint, EndpointConfig, Interfaces};
    use crate::peer::Peer;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// Two peers that have nothing to do.
    fn two_peers() -> (Peers, [PeerId; 2]) {
        let config =
            EndpointConfig { interfaces: Interfaces::Only(vec![LOOPBACK]), ..EndpointConfig::default() };
        let shared = Endpoint::bind(config).unwrap().inner.shared().clone();
        let certificate = Certificate::generate(SystemTime::now()).unwrap();
        let mut peers = Peers::default();
        let ids = [1, 2].map(|seed| {
            let configuration = Configuration::default();
            let random = StdRng::seed_from_u64(seed);
            let connection = Connection::new(configuration, certificate.clone(), random).unwrap();
            let peer = Peer::new(shared.clone(), connection, HashMap::new());
            peers.add(peer.clone());
            peer.id
        });
        while peers.next_touched().is_some() {}
        (peers, ids)
    }

    /// Waits for what comes, and says who is to be served for it.
    async fn receive(peers: &mut Peers) -> Vec<PeerId> {
        let mut received = Received::new();
        let (mut deliveries, mut requests) = (Vec::new(), Vec::new());
        poll_fn(|context| {
            let now = Instant::now();
            let (deliveries, requests) = (&mut deliveries, &mut requests);
            let has_come = peers.receive_from_own_sockets(now, context, &mut received, deliveries, requests);
            if has_come { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        std::iter::from_fn(|| peers.next_touched().map(|(id, _)| id)).collect()
    }

    #[tokio::test]
    async fn a_stranger_at_a_socket_of_the_search_disturbs_nobody() {
        let (mut peers, [one, other]) = two_peers();
        let [of_one, of_other] = [one, other].map(|peer| peers.open_search_socket(peer, LOOPBACK).unwrap());
        let sender = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        let from = sender.local_addr().unwrap();
        for local in [of_one, of_other] {
            sender.send_to(&[20; 50], local).unwrap();
            assert_eq!(receive(&mut peers).await, []);
        }
        // Whoever has proved to be the one's other side is that at its own socket alone.
        peers.directory.add_remote(one, of_one, from, true);
        sender.send_to(&[20; 50], of_one).unwrap();
        assert_eq!(receive(&mut peers).await, [one]);
        sender.send_to(&[20; 50], of_other).unwrap();
        assert_eq!(receive(&mut peers).await, []);
    }

    #[tokio::test]
    async fn a_socket_of_the_search_is_closed_when_it_isnt_needed() {
        let (mut peers, [one, other]) = two_peers();
        let [of_one, of_other] = [one, other].map(|peer| peers.open_search_socket(peer, LOOPBACK).unwrap());
        assert!(UdpSocket::bind(of_one).is_err(), "it is open");
        peers.close_search_socket(other, of_one);
        assert!(UdpSocket::bind(of_one).is_err(), "it is somebody else's");
        peers.close_search_socket(one, of_one);
        assert!(UdpSocket::bind(of_one).is_ok());
        peers.remove(other);
        assert!(UdpSocket::bind(of_other).is_ok());
        assert!(peers.with_sockets.is_empty());
    }

    #[tokio::test]
    async fn all_searches_together_have_so_many_sockets_and_dont_begin_without() {
        let (mut peers, [one, other]) = two_peers();
        peers.searches.sockets_max = 3;
        let first = peers.open_search_socket(one, LOOPBACK).unwrap();
        assert!((0..2).all(|_| peers.open_search_socket(one, LOOPBACK).is_some()));
        assert!([one, other].into_iter().all(|peer| peers.open_search_socket(peer, LOOPBACK).is_none()));
        let now = Instant::now();
        assert!(!peers.may_search(now, other, ip(1)));
        peers.close_search_socket(one, first);
        assert!(peers.may_search(now, other, ip(1)));
        assert!(peers.open_search_socket(other, LOOPBACK).is_some());
    }

    #[test]
    fn three_of_four_files_are_left_to_others() {
        let expected = [(None, 256), (Some(1 << 20), 256), (Some(1024), 256), (Some(256), 64), (Some(3), 0)];
        for (descriptors, sockets) in expected {
            assert_eq!(sockets_max(descriptors), sockets, "{descriptors:?}");
        }
    }

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
