//! What an agent counts, in the W3C's words (webrtc-stats).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_sdp::Candidate;
use peerline_turn::Transport;

use crate::{CandidateId, PairId, Role, ServerId, State};

/// W3C `RTCStatsIceCandidatePairState`: a pair's state (RFC 8445 §6.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairState {
    /// Waits until another pair of its foundation has been checked.
    Frozen,
    /// To be checked.
    Waiting,
    /// A check is on its way.
    InProgress,
    /// A check was answered: data can flow.
    Succeeded,
    /// No check was answered, or consent has been lost.
    Failed,
}

impl PairState {
    /// The W3C's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Waiting => "waiting",
            Self::InProgress => "in-progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// W3C `RTCIceCandidatePairStats`, with a history.
#[derive(Debug, Clone, PartialEq)]
pub struct PairStatistics {
    /// Names the pair.
    pub id: PairId,
    /// This side's candidate.
    pub local: CandidateId,
    /// The other side's candidate.
    pub remote: CandidateId,
    /// Where its checks stand.
    pub state: PairState,
    /// Data may flow over it by the controlling agent's decision.
    pub nominated: bool,
    /// Data flows over it.
    pub selected: bool,
    /// RFC 8445 §6.1.2.3.
    pub priority: u64,
    /// The newest round trip.
    pub current_round_trip_time: Option<Duration>,
    /// The shortest round trip.
    pub least_round_trip_time: Option<Duration>,
    /// The sum of all round trips: divided by `responses_received` it is the mean.
    pub total_round_trip_time: Duration,
    /// What was counted.
    pub counters: PairCounters,
    /// When it came into which state: the newest 16.
    pub history: Vec<(Instant, PairState)>,
}

/// What is counted of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairCounters {
    /// Datagrams of the layer above sent.
    pub packets_sent: u64,
    /// Datagrams of the layer above received.
    pub packets_received: u64,
    /// Their bytes, without headers of a relay.
    pub bytes_sent: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// When the newest was sent.
    pub last_packet_sent: Option<Instant>,
    /// When the newest was received.
    pub last_packet_received: Option<Instant>,
    /// Checks sent, repetitions and consent checks included.
    pub requests_sent: u64,
    /// Checks received.
    pub requests_received: u64,
    /// Answers sent.
    pub responses_sent: u64,
    /// Answers received.
    pub responses_received: u64,
    /// Consent checks sent (RFC 7675).
    pub consent_requests_sent: u64,
}

/// W3C `RTCIceCandidateStats`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateStatistics {
    /// Names the candidate.
    pub id: CandidateId,
    /// What is known of it.
    pub candidate: Candidate,
    /// Of a local candidate: the socket it is sent from.
    pub base: Option<SocketAddr>,
    /// Of a relayed or server-reflexive local candidate: which server.
    pub server: Option<ServerId>,
    /// Of a relayed local candidate: how the server is reached.
    pub relay_protocol: Option<Transport>,
}

/// The part of W3C's `RTCTransportStats` that is ICE's, with all candidates and pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The state.
    pub state: State,
    /// The role.
    pub role: Role,
    /// This side's user name fragment.
    pub local_ufrag: String,
    /// The pair that data flows over.
    pub selected_pair: Option<PairId>,
    /// How often data was given another pair.
    pub selected_pair_changes: u32,
    /// This side's candidates.
    pub local_candidates: Vec<CandidateStatistics>,
    /// The other side's candidates.
    pub remote_candidates: Vec<CandidateStatistics>,
    /// The pairs.
    pub pairs: Vec<PairStatistics>,
}
