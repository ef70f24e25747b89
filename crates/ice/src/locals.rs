//! This side's candidates and the bases they are sent from (RFC 8445 §5.1).

use std::net::{IpAddr, SocketAddr};

use peerline_sdp::{Address, Candidate, CandidateType, TcpType};
use peerline_turn::Transport;

use crate::{CandidateId, Nat64Prefix, RelayId, ServerId};

/// Type preferences (RFC 8445 §5.1.2.2). Relays differ by how the server is reached: UDP before TCP before TLS.
const HOST: u32 = 126;
const PEER_REFLEXIVE: u32 = 110;
const SERVER_REFLEXIVE: u32 = 100;
/// Addresses that nobody has seen yet come after those that were.
const PREDICTED: u32 = 95;
/// Those of TCP are below all that are UDP's, so that the lower latency is taken where there is a choice (RFC 6544 §4.2).
/// libwebrtc has the same.
const TCP_HOST: u32 = 90;
const TCP_PEER_REFLEXIVE: u32 = 80;

/// The port of active candidates, which have none (RFC 6544 §4.5): discard's.
const DISCARD: u16 = 9;

/// A STUN server that says something else each time doesn't make this side hold more.
const CANDIDATES_MAX: usize = 128;

/// A candidate's priority (RFC 8445 §5.1.2.1); the component is always the first.
const fn priority(type_preference: u32, local_preference: u16) -> u32 {
    type_preference << 24 | (local_preference as u32) << 8 | 255
}

/// Names a base; unique within its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BaseId(u32);

/// What datagrams are sent from: a socket, or the relayed address of an allocation.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub id: BaseId,
    pub address: SocketAddr,
    /// What the other side is told in place of the address (draft-ietf-mmusic-mdns-ice-candidates §3.1.1).
    pub name: Option<String>,
    /// The allocation whose relayed address it is.
    pub relay: Option<RelayId>,
    /// Who opens the TCP connections of this address; `None`: it is one of UDP.
    pub tcp: Option<TcpType>,
    pub candidate: CandidateId,
    pub local_preference: u16,
    pub priority: u32,
    pub foundation: u32,
    /// Whether pairs are made with it: not with an own address when only relayed ones may be used, nor with a relay that
    /// the configuration doesn't have any more.
    pub is_paired: bool,
    /// The other side has found it among many ports, and nobody was told of it: no more than the pairs that came of that it is of use
    /// for.
    pub is_found: bool,
}

impl Base {
    /// The priority of a peer-reflexive candidate that a check from here may show (RFC 8445 §7.1.1).
    pub fn peer_reflexive_priority(&self) -> u32 {
        let type_preference = if self.tcp.is_some() { TCP_PEER_REFLEXIVE } else { PEER_REFLEXIVE };
        priority(type_preference, self.local_preference)
    }

    /// What carries this candidate's packets, as it is told.
    fn transport(&self) -> peerline_sdp::Transport {
        self.tcp.map_or(peerline_sdp::Transport::Udp, peerline_sdp::Transport::Tcp)
    }

    /// What a candidate of the other side's is that goes with this one (RFC 6544 §6.2).
    pub fn opposite(&self) -> peerline_sdp::Transport {
        use peerline_sdp::Transport::{Tcp, Udp};
        match self.tcp {
            None => Udp,
            Some(TcpType::Active) => Tcp(TcpType::Passive),
            Some(TcpType::Passive) => Tcp(TcpType::Active),
            Some(TcpType::SimultaneousOpen) => Tcp(TcpType::SimultaneousOpen),
        }
    }

    /// The candidate of an address of this machine's.
    fn host_candidate(&self) -> LocalCandidate {
        let address = self.address;
        let mut candidate = candidate(self.foundation, self.priority, address, CandidateType::Host, None);
        candidate.transport = self.transport();
        if let Some(name) = &self.name {
            candidate.address = Address::Name(name.clone());
        }
        LocalCandidate {
            id: self.candidate,
            base: self.id,
            address,
            candidate,
            server: None,
            relay_protocol: None,
        }
    }

    /// What its other candidates name as the address that they are related to.
    fn related(&self) -> SocketAddr {
        if self.name.is_some() { nowhere(self.address.is_ipv4()) } else { self.address }
    }

    /// A UDP socket of this machine's that others are told of.
    pub fn is_socket(&self) -> bool {
        self.relay.is_none() && self.tcp.is_none() && !self.is_found
    }

    /// Whether `remote` can be sent to from here (RFC 8445 §6.1.2.2).
    pub fn reaches(&self, remote: SocketAddr) -> bool {
        let (here, there) = (self.address.ip(), remote.ip());
        let relayed = self.relay.is_some();
        here.is_ipv4() == there.is_ipv4()
            && remote.port() != 0
            && !there.is_unspecified()
            && !is_multicast_or_broadcast(there)
            && if relayed {
                // A relay on this machine, for peers on it.
                (!there.is_loopback() || here.is_loopback()) && !is_link_local(there)
            } else {
                here.is_loopback() == there.is_loopback()
                    && is_link_local_ipv6(here) == is_link_local_ipv6(there)
            }
    }
}

/// Stands for a related address that isn't told (RFC 8839 §5.1), with the port that browsers give it.
fn nowhere(is_ipv4: bool) -> SocketAddr {
    SocketAddr::new(if is_ipv4 { IpAddr::from([0; 4]) } else { IpAddr::from([0_u16; 8]) }, 0)
}

/// Whether an address says where somebody is in a network that isn't the internet.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // RFC 6598: between a home's NAT and its provider's.
            let is_shared = first == 100 && second & 0xC0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

fn is_multicast_or_broadcast(ip: IpAddr) -> bool {
    ip.is_multicast() || matches!(ip, IpAddr::V4(ip) if ip.is_broadcast())
}

fn is_link_local_ipv6(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether servers elsewhere can be asked from `ip`. Where one is that has no address, its owner knows.
pub(crate) fn reaches_server(ip: IpAddr, server: IpAddr) -> bool {
    let same_scope =
        || ip.is_loopback() == server.is_loopback() && is_link_local(ip) == is_link_local(server);
    ip.is_ipv4() == server.is_ipv4() && (server.is_unspecified() || same_scope())
}

/// A candidate of this side's.
#[derive(Debug, Clone)]
pub(crate) struct LocalCandidate {
    pub id: CandidateId,
    pub base: BaseId,
    /// Where it is, whatever the other side is told.
    pub address: SocketAddr,
    pub candidate: Candidate,
    pub server: Option<ServerId>,
    pub relay_protocol: Option<Transport>,
}

impl LocalCandidate {
    fn is_peer_reflexive(&self) -> bool {
        self.candidate.kind == CandidateType::PeerReflexive
    }
}

/// What makes candidates alike (RFC 8445 §5.1.1.3).
#[derive(Debug, PartialEq, Eq)]
struct Likeness {
    kind: CandidateType,
    base: IpAddr,
    server: Option<SocketAddr>,
    transport: Option<Transport>,
}

/// All bases and candidates of this side.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    pub bases: Vec<Base>,
    pub candidates: Vec<LocalCandidate>,
    /// How IPv4 is reached from IPv6 here, where that is known.
    pub nat64: Option<Nat64Prefix>,
    likenesses: Vec<Likeness>,
    next_base: u32,
    next_candidate: u32,
    /// How many addresses of each family there have been: they take turns (RFC 8421 §4).
    ipv4: u16,
    ipv6: u16,
}

/// An allocation, as its candidate needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relayed {
    pub relay: RelayId,
    pub server: ServerId,
    pub server_address: SocketAddr,
    pub transport: Transport,
    /// The local address that the server is asked from.
    pub from: SocketAddr,
    pub relayed: SocketAddr,
    pub mapped: Option<SocketAddr>,
}

impl Locals {
    pub fn next_candidate_id(&mut self) -> CandidateId {
        self.next_candidate += 1;
        CandidateId(self.next_candidate)
    }

    /// Whether the other side is told of a candidate: those that aren't paired are of no use to it, peer-reflexive ones and those that
    /// it has found it knows already.
    pub fn is_told(&self, candidate: &LocalCandidate) -> bool {
        let is_told = |base: &Base| base.is_paired && !base.is_found;
        !candidate.is_peer_reflexive() && self.base(candidate.base).is_some_and(is_told)
    }

    pub fn base(&self, id: BaseId) -> Option<&Base> {
        self.bases.iter().find(|base| base.id == id)
    }

    pub fn host(&self, address: SocketAddr) -> Option<&Base> {
        let is_host = |base: &&Base| base.relay.is_none() && base.tcp.is_none();
        self.bases.iter().filter(is_host).find(|base| base.address == address)
    }

    /// That of this type at an address; active ones have no port.
    pub fn tcp(&self, address: SocketAddr, tcp_type: TcpType) -> Option<&Base> {
        let address = tcp_address(address, tcp_type);
        self.bases.iter().filter(|base| base.tcp == Some(tcp_type)).find(|base| base.address == address)
    }

    pub fn relayed(&self, relay: RelayId, peer: IpAddr) -> Option<&Base> {
        let same_family = |base: &&Base| base.address.is_ipv4() == peer.is_ipv4();
        self.bases.iter().filter(|base| base.relay == Some(relay)).find(same_family)
    }

    fn foundation(&mut self, likeness: Likeness) -> u32 {
        let position = self.likenesses.iter().position(|other| *other == likeness).unwrap_or_else(|| {
            self.likenesses.reserve_exact(1);
            self.likenesses.push(likeness);
            self.likenesses.len() - 1
        });
        u32::try_from(position).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn next_base_id(&mut self) -> BaseId {
        self.next_base += 1;
        BaseId(self.next_base)
    }

    /// The families take turns, IPv6 first; loopback and link-local addresses come last.
    fn local_preference(&mut self, ip: IpAddr) -> u16 {
        let rank = if ip.is_ipv4() {
            self.ipv4 = self.ipv4.saturating_add(1);
            self.ipv4.saturating_mul(2)
        } else {
            self.ipv6 = self.ipv6.saturating_add(1);
            self.ipv6.saturating_mul(2) - 1
        };
        let best = if ip.is_loopback() || is_link_local(ip) { u16::MAX / 2 } else { u16::MAX };
        best.saturating_sub(rank)
    }

    /// Adds an address of this machine's; its candidate is told unless only relayed ones may be used.
    pub fn add_host(&mut self, address: SocketAddr, name: Option<String>, is_paired: bool) -> BaseId {
        let local_preference = self.local_preference(address.ip());
        let foundation = self.foundation(Likeness {
            kind: CandidateType::Host,
            base: address.ip(),
            server: None,
            transport: None,
        });
        let base = Base {
            id: self.next_base_id(),
            address,
            name,
            relay: None,
            tcp: None,
            candidate: self.next_candidate_id(),
            local_preference,
            priority: priority(HOST, local_preference),
            foundation,
            is_paired,
            is_found: false,
        };
        self.add_own(base)
    }

    /// The same for TCP (RFC 6544 §4.1): beside that of UDP at the same IP address, without which there is none.
    pub fn add_tcp(&mut self, address: SocketAddr, tcp_type: TcpType, is_paired: bool) -> Option<BaseId> {
        let is_of_udp =
            |base: &&Base| base.relay.is_none() && base.tcp.is_none() && base.address.ip() == address.ip();
        let of_udp = self.bases.iter().find(is_of_udp)?.clone();
        let local_preference = tcp_preference(of_udp.local_preference, tcp_type);
        let foundation = self.foundation(Likeness {
            kind: CandidateType::Host,
            base: address.ip(),
            server: None,
            transport: Some(Transport::Tcp),
        });
        let base = Base {
            id: self.next_base_id(),
            address: tcp_address(address, tcp_type),
            tcp: Some(tcp_type),
            candidate: self.next_candidate_id(),
            local_preference,
            priority: priority(TCP_HOST, local_preference),
            foundation,
            is_paired,
            ..of_udp
        };
        Some(self.add_own(base))
    }

    /// Adds another socket at an address of this machine's, which is told to nobody: the other side has found it.
    pub fn add_found(&mut self, origin: BaseId, address: SocketAddr) {
        if let Some(origin) = self.base(origin).cloned() {
            let (id, candidate) = (self.next_base_id(), self.next_candidate_id());
            let base = Base { id, address, candidate, is_found: true, ..origin };
            self.candidates.push(base.host_candidate());
            self.bases.push(base);
        }
    }

    fn add_own(&mut self, base: Base) -> BaseId {
        let id = base.id;
        if base.is_paired {
            self.candidates.reserve_exact(1);
            self.candidates.push(base.host_candidate());
        }
        self.bases.reserve_exact(1);
        self.bases.push(base);
        id
    }

    /// New pairs are made with own addresses, or not; with the relays of before they aren't.
    pub fn change_pairing(&mut self, with_hosts: bool) {
        for base in &mut self.bases {
            base.is_paired = base.relay.is_none() && with_hosts;
            let is_known = self.candidates.iter().any(|candidate| candidate.id == base.candidate);
            if base.is_paired && !is_known {
                self.candidates.push(base.host_candidate());
            }
        }
    }

    /// Adds the address that a STUN server sees, or without one that a router has said, unless it is known (RFC 8445 §5.1.3).
    pub fn add_server_reflexive(
        &mut self,
        base: SocketAddr,
        mapped: SocketAddr,
        server: Option<(ServerId, SocketAddr)>,
    ) -> Option<&LocalCandidate> {
        let base = self.host(base).filter(|base| base.is_paired)?;
        let (id, address, local_preference) = (base.id, base.address, base.local_preference);
        let (related, is_hidden) = (base.related(), base.name.is_some());
        // Where a name stands for the address, what everybody outside sees is told all the same, and nothing else.
        let is_told_already = if is_hidden { is_private(mapped.ip()) } else { mapped == address };
        let known = |known: &LocalCandidate| {
            known.base == id
                && known.address == mapped
                && known.candidate.kind == CandidateType::ServerReflexive
        };
        let is_full = self.candidates.len() >= CANDIDATES_MAX;
        // Servers behind a translator see its IPv4 address, and so does everybody else there.
        let is_translated = self.nat64.is_some() && mapped.is_ipv4();
        if is_full
            || is_told_already
            || (mapped.is_ipv4() != address.is_ipv4() && !is_translated)
            || self.candidates.iter().any(known)
        {
            return None;
        }
        let kind = CandidateType::ServerReflexive;
        let foundation = self.foundation(Likeness {
            kind: kind.clone(),
            base: address.ip(),
            server: server.map(|(_, address)| address),
            transport: None,
        });
        let priority = priority(SERVER_REFLEXIVE, local_preference);
        let candidate = candidate(foundation, priority, mapped, kind, Some(related));
        let local = LocalCandidate {
            id: self.next_candidate_id(),
            base: id,
            address: mapped,
            candidate,
            server: server.map(|(server, _)| server),
            relay_protocol: None,
        };
        self.candidates.push(local);
        self.candidates.last()
    }

    /// Adds an address at which `base` is probably seen by somebody, unless it is known; the higher its rank, the less it
    /// is preferred.
    pub fn add_predicted(&mut self, base: SocketAddr, mapped: SocketAddr, rank: u16) -> Option<CandidateId> {
        let base = self.host(base).filter(|base| base.is_paired)?;
        let (id, ip, related) = (base.id, base.address.ip(), base.related());
        let local_preference = base.local_preference.saturating_sub(rank);
        let is_known = self.candidates.iter().any(|known| known.base == id && known.address == mapped);
        // A server within a company's network, or a provider's, sees an address that is hidden, too.
        let is_hidden = base.name.is_some() && is_private(mapped.ip());
        if is_known || is_hidden || self.candidates.len() >= CANDIDATES_MAX {
            return None;
        }
        let kind = CandidateType::ServerReflexive;
        // Each its own: it says nothing of the others.
        let foundation =
            self.foundation(Likeness { kind: kind.clone(), base: ip, server: Some(mapped), transport: None });
        let candidate =
            candidate(foundation, priority(PREDICTED, local_preference), mapped, kind, Some(related));
        let local = LocalCandidate {
            id: self.next_candidate_id(),
            base: id,
            address: mapped,
            candidate,
            server: None,
            relay_protocol: None,
        };
        let id = local.id;
        self.candidates.push(local);
        Some(id)
    }

    /// Adds a relayed address.
    pub fn add_relayed(&mut self, relayed: &Relayed, hide_related: bool) -> BaseId {
        let Relayed { relay, server, server_address, transport, from, relayed, mapped } = *relayed;
        let base = self.host(from);
        let own = base.map_or(u16::MAX / 2, |base| base.local_preference);
        let hide_related = hide_related || base.is_some_and(|base| base.name.is_some());
        let local_preference = if relayed.is_ipv4() { own.saturating_sub(1) } else { own };
        let kind = CandidateType::Relayed;
        let foundation = self.foundation(Likeness {
            kind: kind.clone(),
            base: relayed.ip(),
            server: Some(server_address),
            transport: Some(transport),
        });
        let type_preference = match transport {
            Transport::Udp => 2,
            Transport::Tcp => 1,
            Transport::Tls => 0,
        };
        let base = Base {
            id: self.next_base_id(),
            address: relayed,
            name: None,
            relay: Some(relay),
            tcp: None,
            candidate: self.next_candidate_id(),
            local_preference,
            priority: priority(type_preference, local_preference),
            foundation,
            is_paired: true,
            is_found: false,
        };
        // With relayed candidates only, the other side isn't to learn where this one is (RFC 8828 §5.2, mode 4).
        let nowhere = nowhere(relayed.is_ipv4());
        let related = if hide_related { nowhere } else { mapped.unwrap_or(nowhere) };
        let candidate = candidate(foundation, base.priority, relayed, kind, Some(related));
        self.candidates.push(LocalCandidate {
            id: base.candidate,
            base: base.id,
            address: relayed,
            candidate,
            server: Some(server),
            relay_protocol: Some(transport),
        });
        let id = base.id;
        self.bases.push(base);
        id
    }

    /// The candidate that the other side sees when it is sent to from `base`: a known one, or a peer-reflexive one that is made
    /// (RFC 8445 §7.2.5.3.1) as long as there are fewer than `limit`.
    pub fn seen_as(&mut self, base: BaseId, mapped: SocketAddr, limit: usize) -> Option<CandidateId> {
        let known = |known: &&LocalCandidate| known.base == base && known.address == mapped;
        if let Some(known) = self.candidates.iter().find(known) {
            return Some(known.id);
        }
        let kind = CandidateType::PeerReflexive;
        let of_peers = self.candidates.iter().filter(|candidate| candidate.candidate.kind == kind).count();
        let own = self.base(base)?;
        let (address, of_base, is_tcp) = (own.address, own.candidate, own.tcp.is_some());
        let (priority, transport, related) = (own.peer_reflexive_priority(), own.transport(), own.related());
        if of_peers >= limit {
            return Some(of_base);
        }
        let foundation = self.foundation(Likeness {
            kind: kind.clone(),
            base: address.ip(),
            server: None,
            transport: is_tcp.then_some(Transport::Tcp),
        });
        let candidate = candidate(foundation, priority, mapped, kind, Some(related));
        let candidate = Candidate { transport, ..candidate };
        let id = self.next_candidate_id();
        self.candidates.push(LocalCandidate {
            id,
            base,
            address: mapped,
            candidate,
            server: None,
            relay_protocol: None,
        });
        Some(id)
    }

    /// Removes a base and its candidates.
    pub fn remove(&mut self, base: BaseId) {
        self.bases.retain(|other| other.id != base);
        self.candidates.retain(|candidate| candidate.base != base);
    }

    /// Removes what was learned from others, which has to be learned anew after a restart.
    pub fn remove_reflexive(&mut self) {
        let is_own = |kind: &CandidateType| matches!(kind, CandidateType::Host | CandidateType::Relayed);
        self.candidates.retain(|candidate| is_own(&candidate.candidate.kind));
    }
}

/// How a TCP candidate is told: an active one's port says nothing.
fn tcp_address(address: SocketAddr, tcp_type: TcpType) -> SocketAddr {
    let port = if tcp_type == TcpType::Active { DISCARD } else { address.port() };
    SocketAddr::new(address.ip(), port)
}

/// The local preference of a TCP candidate: first by who opens connections, then as the addresses of UDP are ordered (RFC 6544 §4.2).
fn tcp_preference(of_udp: u16, tcp_type: TcpType) -> u16 {
    const OTHER_MAX: u16 = (1 << 13) - 1;
    let direction: u16 = match tcp_type {
        TcpType::Active => 6,
        TcpType::Passive => 4,
        TcpType::SimultaneousOpen => 2,
    };
    let (best, of_best) =
        if of_udp > u16::MAX / 2 { (OTHER_MAX, u16::MAX) } else { (OTHER_MAX / 2, u16::MAX / 2) };
    (direction << 13) | best.saturating_sub(of_best - of_udp)
}

fn candidate(
    foundation: u32,
    priority: u32,
    address: SocketAddr,
    kind: CandidateType,
    related: Option<SocketAddr>,
) -> Candidate {
    Candidate {
        foundation: foundation.to_string(),
        component: 1,
        transport: peerline_sdp::Transport::Udp,
        priority,
        address: address.ip().into(),
        port: address.port(),
        kind,
        related: related.map(|related| (related.ip().into(), related.port())),
        extensions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_ipv6_is_first() {
        // RFC 8421 §4.
        let mut locals = Locals::default();
        let added = ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1", "[2001:db8::2]:1"];
        let ids = added.map(|text| locals.add_host(address(text), None, true));
        let mut by_priority: Vec<_> = ids.iter().map(|id| locals.base(*id).unwrap()).collect();
        by_priority.sort_by_key(|base| std::cmp::Reverse(base.priority));
        let order: Vec<_> = by_priority.iter().map(|base| base.address.to_string()).collect();
        assert_eq!(order, ["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.2:1"]);
    }

    #[test]
    fn priorities_are_those_of_rfc_8445_5_1_2() {
        assert_eq!(priority(HOST, 65535), 2_130_706_431);
        assert_eq!(priority(SERVER_REFLEXIVE, 65535), 1_694_498_815);
    }

    #[test]
    fn priorities_of_tcp_are_those_of_rfc_6544_4_2() {
        let mut locals = Locals::default();
        let (one, other) = (address("192.0.2.1:5"), address("192.0.2.2:5"));
        for host in [one, other] {
            locals.add_host(host, None, true);
        }
        let in_order = [
            (one, TcpType::Active),
            (other, TcpType::Active),
            (one, TcpType::Passive),
            (other, TcpType::Passive),
            (one, TcpType::SimultaneousOpen),
        ];
        let ids = in_order.map(|(address, tcp_type)| locals.add_tcp(address, tcp_type, true).unwrap());
        let priorities: Vec<_> = ids.iter().map(|id| locals.base(*id).unwrap().priority).collect();
        assert!(priorities.is_sorted_by(|one, other| one > other), "{priorities:?}");
        // direction-pref is the highest three bits of the local preference.
        let directions: Vec<_> = priorities.iter().map(|priority| priority >> 21 & 7).collect();
        assert_eq!(directions, [6, 6, 4, 4, 2]);
        // UDP is preferred, even by way of a NAT.
        assert!(priorities[0] < priority(SERVER_REFLEXIVE, 0));
        assert!(priorities[4] > priority(2, u16::MAX), "to a relay");
        assert_eq!(locals.base(ids[0]).unwrap().address.port(), DISCARD, "RFC 6544 §4.5");
    }

    #[test]
    fn scopes_dont_mix() {
        let mut locals = Locals::default();
        let cases = [
            ("192.0.2.1:1", "198.51.100.1:5", true),
            ("192.0.2.1:1", "127.0.0.1:5", false),
            ("127.0.0.1:1", "127.0.0.1:5", true),
            ("192.0.2.1:1", "[2001:db8::1]:5", false),
            ("[2001:db8::1]:1", "[fe80::1]:5", false),
            ("[fe80::2]:1", "[fe80::1]:5", true),
            ("192.0.2.1:1", "198.51.100.1:0", false),
            ("192.0.2.1:1", "0.0.0.0:5", false),
            ("192.0.2.1:1", "224.0.0.1:5", false),
            ("192.0.2.1:1", "255.255.255.255:5", false),
        ];
        for (here, there, expected) in cases {
            let id = locals.add_host(address(here), None, true);
            assert_eq!(locals.base(id).unwrap().reaches(address(there)), expected, "{here} {there}");
        }
        let relayed = |here, there| {
            let base = locals.bases.iter().find(|base| base.address == address(here)).unwrap();
            Base { relay: Some(RelayId(1)), ..base.clone() }.reaches(address(there))
        };
        assert!(!relayed("192.0.2.1:1", "127.0.0.1:5"));
        assert!(relayed("127.0.0.1:1", "127.0.0.1:5"), "by a relay on this machine");
    }
}
