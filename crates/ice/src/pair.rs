//! A candidate pair and the state of its checks (RFC 8445 §6.1.2).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_stun::TransactionId;

use crate::locals::BaseId;
use crate::{CandidateId, PairCounters, PairId, PairState, Role};

/// Requests whose answer is still taken: those of the last few seconds.
const OUTSTANDING_MAX: usize = 16;
const HISTORY_MAX: usize = 16;
const TRIGGER_WAIT: Duration = Duration::from_millis(200);
/// How long a pair is put off for which there is no connection at the moment, or no understanding.
const PUT_OFF: Duration = Duration::from_secs(1);
/// How many errors in a row a pair of TCP fails with.
const REFUSALS_MAX: u32 = 5;

/// What makes pairs alike (RFC 8445 §6.1.2.6): both candidates' foundations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foundation {
    pub local: u32,
    pub remote: String,
}

/// Where a pair's checks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Frozen,
    Waiting,
    InProgress {
        /// How many checks have been sent.
        sent: u32,
        /// When the next one is sent, or when there was no answer to the last.
        next: Instant,
    },
    Succeeded(Life),
    Failed,
}

/// How a pair that has succeeded is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// When a check was answered last: consent is counted from here (RFC 7675 §5.1).
    pub answered: Instant,
    /// When an authentic message came last.
    pub heard: Instant,
    /// The checks since the last answer, if there are any.
    pub unanswered: Option<Unanswered>,
    /// When it is checked next; a pair that isn't even kept in reserve isn't checked any more.
    pub next: Option<Instant>,
    /// A pair that was silent isn't trusted with data again before then, unless there is no other.
    pub trusted: Instant,
}

/// Checks of a pair that has succeeded before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// When the first was sent.
    pub since: Instant,
    /// How many have been sent.
    pub sent: u32,
    /// From when on the pair counts as silent.
    pub silent: Option<Instant>,
}

/// A request that hasn't been answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub transaction: TransactionId,
    pub at: Instant,
    pub role: Role,
    pub use_candidate: bool,
}

/// A local base and a remote candidate.
#[derive(Debug)]
pub(crate) struct Pair {
    pub id: PairId,
    pub base: BaseId,
    pub remote: SocketAddr,
    /// The local candidate as the other side sees it: the base's until a check has been answered.
    pub local_candidate: CandidateId,
    pub remote_candidate: CandidateId,
    /// A relay is on one side or both.
    pub is_relayed: bool,
    /// It is a TCP connection (RFC 6544).
    pub is_tcp: bool,
    pub foundation: Foundation,
    pub local_priority: u32,
    pub remote_priority: u32,
    pub standing: Standing,
    pub outstanding: VecDeque<Sent>,
    /// When it was checked last.
    pub checked: Option<Instant>,
    /// How many checks over its connection were answered by an error since one succeeded.
    pub refusals: u32,
    /// While it is waiting: it isn't checked before then.
    pub not_before: Option<Instant>,
    /// How often the other side's checks have asked for one since an answer came last.
    pub triggers: u32,
    /// The controlling agent has decided for it, and the check that says so was answered.
    pub nominated: bool,
    /// This agent is controlling and wants it: checks say so until one is answered.
    pub nominating: bool,
    /// The other agent is controlling and wanted it: when it said so last, and its number for it.
    pub wanted: Option<(Instant, u32)>,
    pub counters: PairCounters,
    pub round_trip: Option<Duration>,
    pub least_round_trip: Option<Duration>,
    pub total_round_trip: Duration,
    pub history: VecDeque<(Instant, PairState)>,
}

impl Pair {
    /// RFC 8445 §6.1.2.3.
    pub fn priority(&self, role: Role) -> u64 {
        let (local, remote) = (u64::from(self.local_priority), u64::from(self.remote_priority));
        let (controlling, controlled) = match role {
            Role::Controlling => (local, remote),
            Role::Controlled => (remote, local),
        };
        (controlling.min(controlled) << 32)
            + 2 * controlling.max(controlled)
            + u64::from(controlling > controlled)
    }

    /// The greater the better, whatever the priorities are: datagrams go before TCP, and that before a relay.
    pub const fn directness(&self) -> u8 {
        match (self.is_relayed, self.is_tcp) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }

    pub const fn is_direct_datagram(&self) -> bool {
        !self.is_relayed && !self.is_tcp
    }

    pub fn state(&self) -> PairState {
        match self.standing {
            Standing::Frozen => PairState::Frozen,
            Standing::Waiting => PairState::Waiting,
            Standing::InProgress { .. } => PairState::InProgress,
            Standing::Succeeded(_) => PairState::Succeeded,
            Standing::Failed => PairState::Failed,
        }
    }

    pub fn set(&mut self, now: Instant, standing: Standing) {
        let before = self.state();
        self.standing = standing;
        if before != self.state() {
            self.note(now);
        }
    }

    /// There is nothing wrong with it, but it can't be checked now.
    pub fn put_off(&mut self, now: Instant) {
        self.set(now, Standing::Waiting);
        self.not_before = Some(now + PUT_OFF);
    }

    /// A check over its connection was answered by an error. That may come of a race with signaling, as 401 does while the other side
    /// restarts; and nothing sends the check again there.
    pub fn refused(&mut self, now: Instant) {
        if matches!(self.standing, Standing::InProgress { .. }) {
            self.refusals += 1;
            if self.refusals < REFUSALS_MAX {
                self.put_off(now);
            } else {
                self.set(now, Standing::Failed);
            }
        }
    }

    /// Writes the state down.
    pub fn note(&mut self, now: Instant) {
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back((now, self.state()));
    }

    pub fn life(&self) -> Option<&Life> {
        match &self.standing {
            Standing::Succeeded(life) => Some(life),
            _ => None,
        }
    }

    pub fn life_mut(&mut self) -> Option<&mut Life> {
        match &mut self.standing {
            Standing::Succeeded(life) => Some(life),
            _ => None,
        }
    }

    /// Whether checks have still to show what it is worth.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Frozen | Standing::Waiting | Standing::InProgress { .. })
    }

    pub fn sent(&mut self, sent: Sent) {
        if self.outstanding.len() >= OUTSTANDING_MAX {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(sent);
        self.checked = Some(sent.at);
        self.counters.requests_sent += 1;
    }

    /// Takes the request out that `transaction` answers.
    pub fn answered(&mut self, transaction: &TransactionId) -> Option<Sent> {
        let position = self.outstanding.iter().position(|sent| sent.transaction == *transaction)?;
        self.outstanding.remove(position)
    }

    /// Whether a check from the other side is followed by one to it at once. Where NATs are so that the answers go astray,
    /// the checks of both sides would follow each other for ever.
    pub fn may_be_triggered(&mut self, now: Instant) -> bool {
        let (at_once, longest) = (3, 5);
        let wait = TRIGGER_WAIT * (1 << self.triggers.saturating_sub(at_once).min(longest));
        let may = self.triggers < at_once || self.checked.is_none_or(|checked| checked + wait <= now);
        self.triggers += u32::from(may);
        may
    }

    pub fn measured(&mut self, round_trip: Duration) {
        self.counters.responses_received += 1;
        self.triggers = 0;
        self.refusals = 0;
        self.round_trip = Some(round_trip);
        self.least_round_trip = Some(self.least_round_trip.map_or(round_trip, |least| least.min(round_trip)));
        self.total_round_trip += round_trip;
    }
}
