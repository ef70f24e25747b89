//! One generation of an agent: its credentials, the other side's candidates, and the pairs (RFC 8445 §6 and §9).
//!
//! A restart makes a new one, and the old one serves until that has found a pair.

mod checklist;
mod inbound;
mod selection;
mod tcp;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_sdp::{Address, Candidate, CandidateType, TcpType, Transport};
use peerline_stun::TransactionId;
use rand::rngs::StdRng;

use crate::agent::{CandidateError, RemoteParameters};
use crate::embedding::Embedding;
use crate::locals::{BaseId, Locals};
use crate::pair::{Pair, Standing};
use crate::port_sequence::PortSequence;
use crate::tcp::TcpConnections;
use crate::{CandidateId, Credentials, Event, Limits, PairId, Role, State, Timing};
use checklist::Triggered;
use tcp::FirstTries;

/// How long a peer-reflexive candidate is kept at least.
const PEER_REFLEXIVE_KEPT: Duration = Duration::from_secs(10);

/// What a session needs of its agent.
pub(crate) struct Context<'a> {
    pub now: Instant,
    pub timing: &'a Timing,
    pub limits: &'a Limits,
    pub role: &'a mut Role,
    pub tie_breaker: &'a mut u64,
    pub locals: &'a mut Locals,
    pub tcp: &'a mut TcpConnections,
    pub random: &'a mut StdRng,
    pub next_pair: &'a mut u32,
    pub outbox: &'a mut VecDeque<Outgoing>,
    pub events: &'a mut VecDeque<Event>,
    pub embedding: &'a mut Embedding,
    pub sequence: &'a mut PortSequence,
}

/// A message to be sent from a base, which may be a relay.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub base: BaseId,
    pub remote: SocketAddr,
    pub bytes: Box<[u8]>,
}

/// A candidate of the other side's.
#[derive(Debug)]
pub(crate) struct RemoteCandidate {
    pub id: CandidateId,
    pub address: SocketAddr,
    pub candidate: Candidate,
    /// When it became known.
    since: Instant,
}

impl RemoteCandidate {
    fn is_at(&self, address: SocketAddr, transport: &Transport) -> bool {
        self.address == address && self.candidate.transport == *transport
    }

    fn is_peer_reflexive(&self) -> bool {
        self.candidate.kind == CandidateType::PeerReflexive
    }
}

/// A check with this side's password that came before the other side's was known.
#[derive(Debug)]
struct EarlyCheck {
    ufrag: String,
    base: BaseId,
    source: SocketAddr,
    priority: u32,
    wanted: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub local: Credentials,
    pub remote: Option<RemoteParameters>,
    pub remotes: Vec<RemoteCandidate>,
    /// Candidates behind names that the owner resolves.
    unresolved: Vec<(String, Candidate)>,
    pub remotes_ended: bool,
    early: Vec<EarlyCheck>,
    pub pairs: Vec<Pair>,
    triggered: Triggered,
    /// When the next check may be sent (RFC 8445 §6.1.4.2).
    next_check: Option<Instant>,
    pub selected: Option<PairId>,
    /// When pairs of datagrams were tried for the first time.
    first_tries: Option<FirstTries>,
    /// Since when data has gone over a nominated pair of datagrams.
    concluded: Option<Instant>,
    /// When the other side's parameters became known: the PAC timer counts from here (RFC 8863).
    started: Option<Instant>,
    /// When a pair succeeded for the first time.
    first_success: Option<Instant>,
    /// There was a pair and there is none: until when another is waited for.
    lost_until: Option<Instant>,
    pub has_failed: bool,
}

impl Session {
    pub fn new(random: &mut StdRng) -> Self {
        Self {
            local: Credentials::generate(random),
            remote: None,
            remotes: Vec::new(),
            unresolved: Vec::new(),
            remotes_ended: false,
            early: Vec::new(),
            pairs: Vec::new(),
            triggered: Triggered::default(),
            next_check: None,
            selected: None,
            first_tries: None,
            concluded: None,
            started: None,
            first_success: None,
            lost_until: None,
            has_failed: false,
        }
    }

    /// The first time counts: other credentials come with a restart only.
    pub fn set_remote(&mut self, context: &mut Context<'_>, remote: RemoteParameters) {
        if self.remote.is_some() {
            return;
        }
        if remote.lite {
            // RFC 8445 §6.1.1: the full agent decides.
            *context.role = Role::Controlling;
        }
        let early = std::mem::take(&mut self.early);
        let ufrag = remote.credentials.ufrag.clone();
        // What was told with another user name fragment before this one was known belongs to another generation.
        let is_current = |candidate: &Candidate| candidate.ufrag().is_none_or(|other| other == ufrag);
        let stale: Vec<_> =
            self.remotes.iter().filter(|known| !is_current(&known.candidate)).map(|known| known.id).collect();
        self.remotes.retain(|known| !stale.contains(&known.id));
        self.pairs.retain(|pair| !stale.contains(&pair.remote_candidate));
        self.unresolved.retain(|(_, candidate)| is_current(candidate));
        self.remote = Some(remote);
        self.started = Some(context.now);
        for check in early.into_iter().filter(|check| check.ufrag == ufrag) {
            self.check_received(context, check.base, check.source, check.priority, check.wanted);
        }
    }

    pub fn add_remote(
        &mut self,
        context: &mut Context<'_>,
        candidate: &Candidate,
    ) -> Result<(), CandidateError> {
        let current = self.remote.as_ref().map(|remote| &remote.credentials.ufrag);
        if let (Some(ufrag), Some(current)) = (candidate.ufrag(), current)
            && ufrag != current
        {
            return Err(CandidateError::Generation);
        }
        let is_known = !matches!(candidate.kind, CandidateType::Other(_));
        let is_ours = matches!(candidate.transport, Transport::Udp | Transport::Tcp(_));
        if !is_ours || candidate.component != 1 || !is_known {
            return Err(CandidateError::Unsupported);
        }
        if self.remotes.len() + self.unresolved.len() >= context.limits.remote_candidates {
            return Err(CandidateError::TooMany);
        }
        if candidate.transport == Transport::Tcp(TcpType::Active) {
            // RFC 6544 §4.5: its connections come from elsewhere, and show themselves from where.
            return Ok(());
        }
        match &candidate.address {
            Address::Ip(ip) => {
                let ip = ip.to_canonical();
                let address = SocketAddr::new(ip, candidate.port);
                let is_nowhere = address.port() == 0 || ip.is_unspecified() || ip.is_multicast();
                if is_nowhere || !may_be_sent_to(address, &candidate.transport) {
                    return Err(CandidateError::Unsupported);
                }
                self.add_addresses(context, address, candidate);
            }
            // Other names would let a stranger have this machine ask for whatever it likes.
            Address::Name(name) if is_mdns(name) && candidate.port != 0 => {
                let asked = self.unresolved.iter().any(|(other, _)| other == name);
                self.unresolved.push((name.clone(), candidate.clone()));
                if !asked {
                    context.events.push_back(Event::ResolveName(name.clone()));
                }
            }
            Address::Name(_) => return Err(CandidateError::Unsupported),
        }
        Ok(())
    }

    pub fn resolved(&mut self, context: &mut Context<'_>, name: &str, addresses: &[IpAddr]) {
        let of_name = |entry: &mut (String, Candidate)| entry.0 == name;
        let candidates: Vec<_> = self.unresolved.extract_if(.., of_name).collect();
        for (_, candidate) in candidates {
            for ip in addresses {
                let address = SocketAddr::new(ip.to_canonical(), candidate.port);
                let has_room = self.remotes.len() + self.unresolved.len() < context.limits.remote_candidates;
                if has_room && may_be_sent_to(address, &candidate.transport) {
                    self.add_address(context, address, candidate.clone());
                }
            }
        }
    }

    /// A candidate that was told and whose address is known.
    /// An address, and the one that stands for it where IPv4 is translated.
    fn add_addresses(&mut self, context: &mut Context<'_>, address: SocketAddr, candidate: &Candidate) {
        self.add_address(context, address, candidate.clone());
        let translated = context.locals.nat64.and_then(|prefix| prefix.translate(address));
        if let Some(translated) = translated
            && self.remotes.len() < context.limits.remote_candidates
        {
            self.add_address(context, translated, candidate.clone());
        }
    }

    /// A translator was found: what stands for the addresses that are known already.
    pub fn translate_remotes(&mut self, context: &mut Context<'_>) {
        let known: Vec<_> =
            self.remotes.iter().map(|remote| (remote.address, remote.candidate.clone())).collect();
        for (address, candidate) in known {
            self.add_addresses(context, address, &candidate);
        }
    }

    fn add_address(&mut self, context: &mut Context<'_>, address: SocketAddr, candidate: Candidate) {
        let known = self.remotes.iter_mut().find(|known| known.is_at(address, &candidate.transport));
        if let Some(known) = known {
            if known.is_peer_reflexive() {
                // RFC 8838 §11.4: it was seen before it was told.
                known.candidate = candidate;
                let (id, candidate) = (known.id, known.candidate.clone());
                for pair in self.pairs.iter_mut().filter(|pair| pair.remote_candidate == id) {
                    pair.remote_priority = candidate.priority;
                    pair.foundation.remote = candidate.foundation.clone();
                    pair.is_relayed |= candidate.kind == CandidateType::Relayed;
                }
            }
            return;
        }
        let id = context.locals.next_candidate_id();
        self.remotes.reserve_exact(1);
        self.remotes.push(RemoteCandidate { id, address, candidate, since: context.now });
        let bases: Vec<_> = context.locals.bases.iter().map(|base| base.id).collect();
        for base in bases {
            self.add_pair(context, base, id);
        }
    }

    /// The candidate at `source`, which is made when it is a new one (RFC 8445 §7.3.1.3).
    fn remote_at(
        &mut self,
        context: &mut Context<'_>,
        source: SocketAddr,
        transport: Transport,
        priority: u32,
    ) -> Option<CandidateId> {
        if let Some(known) = self.remotes.iter().find(|known| known.is_at(source, &transport)) {
            return Some(known.id);
        }
        let of_peers = self.remotes.iter().filter(|known| known.is_peer_reflexive()).count();
        let is_full = of_peers >= context.limits.peer_reflexive
            || self.remotes.len() >= context.limits.remote_candidates;
        if is_full {
            self.drop_useless_peer_reflexive(context.now)?;
        }
        let id = context.locals.next_candidate_id();
        let candidate = Candidate {
            foundation: format!("prflx{}", id.0),
            component: 1,
            transport,
            priority,
            address: source.ip().into(),
            port: source.port(),
            kind: CandidateType::PeerReflexive,
            related: None,
            extensions: Vec::new(),
        };
        self.remotes.reserve_exact(1);
        self.remotes.push(RemoteCandidate { id, address: source, candidate, since: context.now });
        Some(id)
    }

    /// Makes room by dropping the oldest peer-reflexive candidate that no pair works with any more. Not a new one: where both sides'
    /// NATs take another port for each destination, every check shows a new candidate, which is checked in turn, without end.
    fn drop_useless_peer_reflexive(&mut self, now: Instant) -> Option<()> {
        let has_failed = |remote: &RemoteCandidate| {
            let mut pairs = self.pairs.iter().filter(|pair| pair.remote_candidate == remote.id);
            pairs.all(|pair| pair.standing == Standing::Failed)
        };
        let is_useless = |remote: &&RemoteCandidate| {
            remote.is_peer_reflexive() && remote.since + PEER_REFLEXIVE_KEPT <= now && has_failed(remote)
        };
        let id = self.remotes.iter().find(is_useless)?.id;
        self.remotes.retain(|remote| remote.id != id);
        self.pairs.retain(|pair| pair.remote_candidate != id);
        Some(())
    }

    /// A base has been added.
    pub fn add_base(&mut self, context: &mut Context<'_>, base: BaseId) {
        let remotes: Vec<_> = self.remotes.iter().map(|remote| remote.id).collect();
        for remote in remotes {
            self.add_pair(context, base, remote);
        }
    }

    /// A base has been removed.
    pub fn remove_base(&mut self, context: &Context<'_>, base: BaseId) {
        self.pairs.retain(|pair| pair.base != base);
        self.early.retain(|check| check.base != base);
        let selected = self.selected;
        if selected.is_some() && !self.pairs.iter().any(|pair| Some(pair.id) == selected) {
            self.selected = None;
            self.lost_until = Some(context.now + context.timing.consent_expiry);
        }
    }

    pub fn pair(&self, id: PairId) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.id == id)
    }

    pub fn pair_mut(&mut self, id: PairId) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.id == id)
    }

    pub fn pair_between(&self, base: BaseId, remote: SocketAddr) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.remote == remote && pair.base == base)
    }

    pub fn selected_pair(&self) -> Option<&Pair> {
        self.selected.and_then(|id| self.pair(id))
    }

    /// When a check was answered for the first time.
    pub fn first_success(&self) -> Option<Instant> {
        self.first_success
    }

    /// Whether datagrams pass without a relay: over TCP alone they don't.
    pub fn has_direct_pair(&self) -> bool {
        self.pairs.iter().any(|pair| !pair.is_relayed && !pair.is_tcp && pair.life().is_some())
    }

    pub fn is_own_transaction(&self, transaction: &TransactionId) -> bool {
        self.pairs.iter().flat_map(|pair| &pair.outstanding).any(|sent| sent.transaction == *transaction)
    }

    pub fn state(&self, now: Instant, timing: &Timing, gathered: bool) -> State {
        if self.has_failed {
            return State::Failed;
        }
        let Some(selected) = self.selected_pair() else {
            return match (self.lost_until, &self.remote) {
                (Some(_), _) => State::Disconnected,
                (None, Some(_)) if !(self.remotes.is_empty() && self.unresolved.is_empty()) => {
                    State::Checking
                }
                _ => State::New,
            };
        };
        let is_unchecked = |pair: &Pair| pair.is_open() && !self.rests(pair, now);
        let is_checked = !self.pairs.iter().any(is_unchecked) && self.unresolved.is_empty();
        match selected.life() {
            Some(_) if selected.is_disconnected(now, timing) => State::Disconnected,
            Some(_) if gathered && self.remotes_ended && is_checked && selected.nominated => State::Completed,
            _ => State::Connected,
        }
    }
}

/// Whoever tells a candidate has this machine connect to it, from within its network: not to the services of that one. Those of the
/// web are at public addresses, too, and peers are behind them where firewalls let nothing else through.
fn may_be_sent_to(address: SocketAddr, transport: &Transport) -> bool {
    let is_tcp = matches!(transport, Transport::Tcp(_));
    !is_tcp || address.port() >= 1024 || matches!(address.port(), 80 | 443) && is_public(address.ip())
}

/// Whether an address is outside of all private networks (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6).
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let is_shared = matches!(ip.octets(), [100, 64..=127, ..]);
            let is_this_network = ip.octets().first() == Some(&0);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared || is_this_network)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

/// RFC 6762 §3, in the form of draft-ietf-mmusic-mdns-ice-candidates §3.1.1: one label below `.local`.
fn is_mdns(name: &str) -> bool {
    let label = name.len().checked_sub(6).and_then(|at| name.split_at_checked(at));
    label.is_some_and(|(label, domain)| {
        domain.eq_ignore_ascii_case(".local")
            && !label.is_empty()
            && label.len() <= 63
            && !label.contains('.')
    })
}
