//! The many-ports search: a direct way between a NAT that gives each destination another port, at random, and one that gives all the
//! same (RFC 5128 §3.4 is of those whose ports can be foretold).
//!
//! The side behind the first opens many sockets, and each sends to the other side's address: so its NAT has as many ports that let
//! that address in. The other side sends to ports of the first one's address as they come. When one is hit, the check goes through
//! to the socket behind it, and is answered and returned like any other: the pair is one of ICE's then.
//!
//! It is bounded, and only begins when a relay carries what ordinary checks found no better way for. It goes to no address but one
//! that the other side's description names, and from which checks over a relay were answered: whoever is there knows the
//! password, so that nobody is searched who hasn't told it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_sdp::CandidateType;
use peerline_stun::{Class, Message, Method, TransactionId};
use rand::Rng;

use super::{Agent, Queued};
use crate::check::{self, Check};
use crate::embedding::Embedding;
use crate::locals::Base;
use crate::session::{RemoteCandidate, Session, is_public};
use crate::{Event, IceTransportPolicy, Transmit, Transport};

/// How long ordinary checks have had since the first one was answered: those that find a direct pair have by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between two packets: 200 a second are 250 kbit/s, which a call leaves free where it can be held at all.
const GAP: Duration = Duration::from_millis(5);
/// What came too late to be sent at its time is made up for as long as it is no more than this.
const BURST: u32 = 10;
/// How long is searched. With 256 of 64,512 ports open and 2,400 tried, all miss once in 8,000 times.
const DURATION: Duration = Duration::from_secs(12);
/// How often the owner is asked again who hasn't granted a search. After [`DURATION`] the other side's is over, and it isn't wanted.
const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// How many sockets are opened. More would be found sooner, but NATs for many people allow each only some hundreds of ports.
const SOCKETS: usize = 256;
/// NATs leave the well-known ports alone (RFC 4787 REQ-3).
const PORTS: std::ops::RangeInclusive<u16> = 1024..=u16::MAX;

/// What is remembered of searches.
#[derive(Debug, Default)]
pub(super) struct PortSearch {
    /// The owner wants it.
    pub is_allowed: bool,
    /// When the newest one began.
    began: Option<Instant>,
    /// When the owner was asked for this generation's, first and last.
    asked: Option<(Instant, Instant)>,
    /// This generation has had its own.
    is_over: bool,
    /// In a box: few agents ever search.
    search: Option<Box<Search>>,
}

/// A search that is under way.
#[derive(Debug)]
struct Search {
    /// The socket that ordinary checks are sent from.
    local: SocketAddr,
    /// The other side's address.
    remote: SocketAddr,
    manner: Manner,
    /// When the next packet is sent.
    next: Instant,
    ends: Instant,
}

/// What this side does, by what its NAT does.
#[derive(Debug)]
enum Manner {
    /// It is seen at one port: it tries the other side's.
    Guessing,
    /// Each destination sees another port of it: it opens as many as it may.
    Opening {
        /// How many sockets the owner was asked for.
        asked: usize,
        sockets: Vec<SocketAddr>,
        /// Which socket sends next.
        turn: usize,
    },
}

impl PortSearch {
    /// A new generation may search anew.
    pub fn restart(&mut self) {
        self.is_over = false;
        self.asked = None;
    }
}

impl Agent {
    /// From the beginning of a search to that of the next, which a restart may bring: until then routers have forgotten the last one.
    /// Owners keep it for an address, whichever agents want to search that.
    pub const PORT_SEARCH_REST: Duration = Duration::from_secs(60);

    /// Allows the many-ports search where nothing but a relay has been found: up to 256 more sockets, or checks to many ports of the
    /// other side's address, 200 a second for 12 s. Off unless this is called; with each the owner has a say
    /// ([`Event::PortSearchWanted`]).
    pub fn allow_port_search(&mut self, now: Instant) {
        self.port_search.is_allowed = true;
        self.settle(now);
    }

    /// The answer to [`Event::PortSearchWanted`]. There is none where it may not be.
    pub fn grant_port_search(&mut self, now: Instant, remote: IpAddr) {
        if self.port_search.asked.is_some()
            && self.may_search()
            && let Some((local, remote)) = self.searched().filter(|(_, searched)| searched.ip() == remote)
        {
            let manner = if self.is_mapped_by_destination(local) {
                Manner::Opening { asked: 0, sockets: Vec::new(), turn: 0 }
            } else {
                Manner::Guessing
            };
            // Its ports don't follow one another, or one that was foretold would have been met.
            self.prediction.sequence.clear();
            self.port_search.began = Some(now);
            let search = Search { local, remote, manner, next: now, ends: now + DURATION };
            self.port_search.search = Some(Box::new(search));
        }
        self.settle(now);
    }

    /// Whether one is under way.
    pub fn is_searching_ports(&self) -> bool {
        self.port_search.search.is_some()
    }

    /// The answer to [`Event::OpenSocket`]. There is none where no socket can be had.
    pub fn socket_opened(&mut self, now: Instant, local: SocketAddr) {
        match self.port_search.search.as_mut().map(|search| &mut search.manner) {
            Some(Manner::Opening { sockets, .. }) if sockets.len() < SOCKETS => sockets.push(local),
            // It came too late.
            _ => self.events.push_back(Event::CloseSocket(local)),
        }
        self.settle(now);
    }

    /// Asks to begin, goes on, or ends.
    pub(super) fn search_ports(&mut self, now: Instant) {
        let is_wanted = self.port_search.is_allowed && !self.closed && self.is_relayed();
        let is_over = |search: &Search| !is_wanted || search.ends <= now;
        if self.port_search.search.as_deref().is_some_and(is_over) {
            self.end_port_search();
        }
        if self.port_search_begins().is_some_and(|at| at <= now)
            && let Some((_, remote)) = self.searched()
        {
            let first = self.port_search.asked.map_or(now, |(first, _)| first);
            self.port_search.asked = Some((first, now));
            self.port_search.is_over = first + DURATION <= now;
            if !self.port_search.is_over {
                self.events.push_back(Event::PortSearchWanted { remote: remote.ip() });
            }
        }
        while let Some(search) = self.port_search.search.as_mut().filter(|search| search.next <= now) {
            let late = now.checked_sub(GAP * BURST).unwrap_or(now);
            search.next = (search.next + GAP).max(late);
            self.search_once();
        }
    }

    /// Opens a socket, or sends one check.
    fn search_once(&mut self) {
        let Some(Search { local, remote, manner, .. }) = self.port_search.search.as_deref_mut() else {
            return;
        };
        let (local, remote) = match manner {
            Manner::Guessing => {
                let port = self.random.random_range(PORTS);
                (*local, SocketAddr::new(remote.ip(), port))
            }
            Manner::Opening { asked, sockets, turn } => {
                if *asked < SOCKETS {
                    *asked += 1;
                    self.events.push_back(Event::OpenSocket { local: local.ip() });
                }
                // Each is sent from again and again: packets are lost.
                let Some(socket) = sockets.get(*turn % sockets.len().max(1)) else { return };
                *turn += 1;
                (*socket, *remote)
            }
        };
        self.send_search(local, remote);
    }

    /// A check whose answer isn't waited for: where it arrives, the other side sends one of its own.
    fn send_search(&mut self, local: SocketAddr, remote: SocketAddr) {
        let Some(of_remote) = &self.current.remote else { return };
        let base = self.port_search.search.as_ref().and_then(|search| self.locals.host(search.local));
        let Some(priority) = base.map(Base::peer_reflexive_priority) else { return };
        let role = Some((self.role, self.tie_breaker));
        let check = Check { priority, role, use_candidate: false, nomination: None };
        let transaction = TransactionId::new(self.random.random());
        let credentials = (&self.current.local, &of_remote.credentials);
        let bytes =
            check::write(&check, transaction, credentials.0, credentials.1, &mut Embedding::new(false));
        if let Some(bytes) = bytes {
            let transmit = Transmit { transport: Transport::Udp, local, remote, length: bytes.len() };
            self.transmits.push_back(Queued { transmit, bytes });
        }
    }

    /// A datagram came at a socket that was opened for the search. If it is a check of the other side's, the socket is kept, as one
    /// that pairs are made with. Says whether it was one.
    pub(super) fn keep_found(&mut self, local: SocketAddr, datagram: &[u8]) -> bool {
        let Some(Search { local: origin, manner: Manner::Opening { sockets, .. }, .. }) =
            self.port_search.search.as_deref_mut()
        else {
            return false;
        };
        let is_check = |message: &Message<'_>| {
            message.class() == Class::Request
                && message.method() == Method::BINDING
                && self.current.is_authentic(message)
        };
        let Some(position) = sockets.iter().position(|socket| *socket == local) else { return false };
        if !Message::parse(datagram).is_ok_and(|message| is_check(&message)) {
            return false;
        }
        let Some(origin) = self.locals.host(*origin).map(|base| base.id) else { return false };
        sockets.swap_remove(position);
        self.locals.add_found(origin, local);
        true
    }

    /// The sockets that were opened are closed, but for those that were hit.
    pub(super) fn end_port_search(&mut self) {
        let Some(search) = self.port_search.search.take() else { return };
        self.port_search.is_over = true;
        if let Manner::Opening { sockets, .. } = search.manner {
            self.events.extend(sockets.into_iter().map(Event::CloseSocket));
        }
    }

    /// The address of this machine's is gone, and what was opened there with it.
    pub(super) fn lose_search_sockets(&mut self, now: Instant, ip: IpAddr) {
        if self.port_search.search.as_ref().is_some_and(|search| search.local.ip() == ip) {
            self.end_port_search();
        }
        if !self.closed {
            self.release_found(now, |base| base.address.ip() == ip);
        }
    }

    /// Of the sockets that were found, these are of no use any more.
    fn release_found(&mut self, now: Instant, is_useless: impl Fn(&Base) -> bool) {
        let useless = self.locals.bases.iter().filter(|base| base.is_found && is_useless(base));
        for (id, local) in useless.map(|base| (base.id, base.address)).collect::<Vec<_>>() {
            self.remove_base(now, id);
            self.events.push_back(Event::CloseSocket(local));
        }
    }

    /// A new generation begins: of what was found, what leads to a pair serves on.
    pub(super) fn keep_living_found(&mut self, now: Instant) {
        let pairs = self.previous.iter().flat_map(|session| &session.pairs);
        let living: Vec<_> = pairs.filter(|pair| pair.life().is_some()).map(|pair| pair.base).collect();
        self.release_found(now, |base| !living.contains(&base.id));
    }

    /// The agent is closed, and needs none of its sockets. Its pairs are left for those who count.
    pub(super) fn close_search_sockets(&mut self) {
        self.end_port_search();
        let found = self.locals.bases.iter().filter(|base| base.is_found);
        self.events.extend(found.map(|base| Event::CloseSocket(base.address)));
    }

    /// When there is something to do.
    pub(super) fn next_port_search(&self) -> Option<Instant> {
        let search = self.port_search.search.as_ref();
        search.map(|search| search.next.min(search.ends)).or_else(|| self.port_search_begins())
    }

    fn port_search_begins(&self) -> Option<Instant> {
        if !self.may_search() {
            return None;
        }
        let PortSearch { began, asked, .. } = &self.port_search;
        let patient = self.current.first_success()? + PATIENCE;
        let rested = began.map(|began| began + Self::PORT_SEARCH_REST);
        let asked_again = asked.map(|(_, last)| last + ASKED_AGAIN);
        self.searched().and_then(|_| [Some(patient), rested, asked_again].into_iter().flatten().max())
    }

    fn may_search(&self) -> bool {
        let PortSearch { is_allowed, is_over, search, .. } = &self.port_search;
        *is_allowed && !is_over && search.is_none() && !self.closed && self.is_relayed()
    }

    /// A relay is all that there is.
    fn is_relayed(&self) -> bool {
        let is_all = self.config.transport_policy == IceTransportPolicy::All;
        is_all && self.current.selected_pair().is_some_and(|pair| pair.is_relayed)
    }

    /// From where is searched, and what.
    fn searched(&self) -> Option<(SocketAddr, SocketAddr)> {
        let is_told = |remote: &&RemoteCandidate| {
            matches!(remote.candidate.kind, CandidateType::Host | CandidateType::ServerReflexive)
                && remote.candidate.transport == peerline_sdp::Transport::Udp
                && remote.address.is_ipv4()
                && is_public(remote.address.ip())
                && self.is_proved(&self.current, remote.address.ip())
        };
        let remote = self.current.remotes.iter().find(is_told)?.address;
        let is_usable = |base: &&Base| base.is_socket() && base.is_paired && base.reaches(remote);
        let own = self.locals.bases.iter().filter(is_usable);
        let local = own.max_by_key(|base| base.priority)?.address;
        Some((local, remote))
    }

    /// Whether checks over a relay of ours were answered from there. So it isn't somebody else's address whom the other side would
    /// have us trouble.
    fn is_proved(&self, session: &Session, ip: IpAddr) -> bool {
        session.pairs.iter().any(|pair| {
            let is_over_relay = self.locals.base(pair.base).is_some_and(|base| base.relay.is_some());
            is_over_relay && pair.remote.ip() == ip && pair.life().is_some()
        })
    }

    /// Whether a NAT shows a socket at another port to each destination: one was seen that no port mapping explains.
    fn is_mapped_by_destination(&self, local: SocketAddr) -> bool {
        let Some(base) = self.locals.host(local).map(|base| base.id) else { return false };
        let is_forwarded =
            |address| self.sources.port_mappings.iter().any(|(_, external)| *external == address);
        let mut ports = self.locals.candidates.iter().filter_map(|known| {
            let is_seen =
                matches!(known.candidate.kind, CandidateType::ServerReflexive | CandidateType::PeerReflexive);
            (known.base == base && is_seen && !is_forwarded(known.address)).then_some(known.address.port())
        });
        ports.next().is_some_and(|first| ports.any(|port| port != first))
    }
}
