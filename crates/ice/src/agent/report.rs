//! What an agent says of itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use peerline_sdp::{Candidate, CandidateType};

use super::Agent;
use crate::locals::{Base, is_private};
use crate::route::Framing;
use crate::session::Session;
use crate::{
    CandidateStatistics, GatheringState, IceTransportPolicy, PairStatistics, Route, ServerId, State,
    Statistics,
};
use peerline_stun::TransactionId;
use peerline_turn::Transport;

impl Agent {
    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// The gathering state.
    pub fn gathering_state(&self) -> GatheringState {
        self.gathering
    }

    /// This generation's candidates so far, as [`Event::LocalCandidate`](crate::Event::LocalCandidate) told them.
    pub fn local_candidates(&self) -> impl Iterator<Item = Candidate> {
        let told = self.locals.candidates.iter().filter(|candidate| self.locals.is_told(candidate));
        told.map(|candidate| self.with_ufrag(&candidate.candidate))
    }

    pub(super) fn with_ufrag(&self, candidate: &Candidate) -> Candidate {
        let mut candidate = candidate.clone();
        candidate.extensions.push(("ufrag".to_owned(), self.current.local.ufrag.clone()));
        candidate
    }

    /// Where a server is that was added, as long as it counts.
    pub fn server_address(&self, server: ServerId) -> Option<SocketAddr> {
        self.sources.address_of(server)
    }

    /// The session whose pair data flows over: the one before as long as the new one has none.
    pub(super) fn serving(&self) -> Option<&Session> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|session| session.selected.is_some())
    }

    /// How datagrams of the layer above go out.
    pub fn selected_route(&self) -> Option<Route> {
        if self.closed {
            return None;
        }
        let pair = self.serving()?.selected_pair()?;
        let base = self.locals.base(pair.base)?;
        let Some(relay) = base.relay else {
            let (transport, local) = match base.tcp {
                None => (Transport::Udp, base.address),
                Some(_) => (Transport::Tcp, self.tcp.of_pair(base.id, pair.remote)?.local?),
            };
            return Some(Route {
                pair: pair.id,
                transport,
                local,
                remote: pair.remote,
                framing: Framing::Direct,
            });
        };
        let relay = self.relays.iter().find(|known| known.id == relay)?;
        let (client, local) = relay.client()?;
        let framing = match client.channel(pair.remote) {
            Some(number) => Framing::Channel { number },
            None => Framing::Indication { peer: pair.remote, transaction: self.indications },
        };
        Some(Route { pair: pair.id, transport: relay.transport, local, remote: relay.remote, framing })
    }

    /// The newest round trip of the selected pair.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.serving()?.selected_pair()?.round_trip
    }

    /// Whether an answer with this transaction is for this agent.
    pub fn is_own_transaction(&self, transaction: &TransactionId) -> bool {
        let sessions = [Some(&self.current), self.previous.as_ref()];
        self.is_asking(transaction)
            || sessions.into_iter().flatten().any(|session| session.is_own_transaction(transaction))
            || self
                .relays
                .iter()
                .any(|relay| relay.client().is_some_and(|(client, _)| client.is_own_transaction(transaction)))
    }

    /// What has been counted, with all candidates and pairs.
    pub fn statistics(&self) -> Statistics {
        let session = self.serving().unwrap_or(&self.current);
        // The other side's addresses behind names stay there (W3C webrtc-stats §8.3): the text is as it was told.
        let remote_candidates = session.remotes.iter().map(|remote| CandidateStatistics {
            id: remote.id,
            candidate: undisclosed(&remote.candidate),
            base: None,
            server: None,
            relay_protocol: None,
        });
        let hides = self.config.transport_policy == IceTransportPolicy::Relay;
        let base_address = |base: &Base| (!hides && base.name.is_none()).then_some(base.address);
        let local_candidates = self.locals.candidates.iter().map(|local| CandidateStatistics {
            id: local.id,
            candidate: self.with_ufrag(&local.candidate),
            base: self.locals.base(local.base).and_then(base_address),
            server: local.server,
            relay_protocol: local.relay_protocol,
        });
        let pairs = session.pairs.iter().map(|pair| PairStatistics {
            id: pair.id,
            local: pair.local_candidate,
            remote: pair.remote_candidate,
            state: pair.state(),
            nominated: pair.nominated,
            selected: session.selected == Some(pair.id),
            priority: pair.priority(self.role),
            current_round_trip_time: pair.round_trip,
            least_round_trip_time: pair.least_round_trip,
            total_round_trip_time: pair.total_round_trip,
            counters: pair.counters,
            history: pair.history.iter().copied().collect(),
        });
        Statistics {
            state: self.state,
            role: self.role,
            local_ufrag: session.local.ufrag.clone(),
            selected_pair: session.selected,
            selected_pair_changes: self.selected_changes,
            local_candidates: local_candidates.collect(),
            remote_candidates: remote_candidates.collect(),
            pairs: pairs.collect(),
        }
    }
}

/// A private address that a check came from may be one that the other side hides behind a name, which has still to be resolved
/// (draft-ietf-mmusic-mdns-ice-candidates §3.3.2): what it isn't told by signaling isn't told on.
fn undisclosed(candidate: &Candidate) -> Candidate {
    let mut candidate = candidate.clone();
    if let Some(ip) = candidate.address.ip().filter(|ip| is_private(*ip))
        && candidate.kind == CandidateType::PeerReflexive
    {
        let nobody: IpAddr =
            if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        candidate.address = nobody.into();
    }
    candidate
}
