//! The checklist: which pair is checked next, and when (RFC 8445 §6.1.2 and §6.1.4).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use peerline_sdp::{CandidateType, TcpType};
use peerline_stun::TransactionId;
use rand::Rng;

use super::tcp::FirstTries;
use super::{Context, Outgoing, Session};
use crate::check::{self, Check};
use crate::locals::BaseId;
use crate::pair::{Foundation, Pair, Sent, Standing};
use crate::{CandidateId, Limits, PairCounters, PairId, Role, Timing};

/// How many first waits an answer is waited for after the last check, Rm (RFC 8489 §6.2.1).
pub(super) const LAST_WAITS: u32 = 16;

/// Pairs that the other side's checks ask for, in the order they came (RFC 8445 §6.1.4.1).
pub(super) type Triggered = VecDeque<PairId>;

impl Session {
    /// Makes a pair, unless there is one, it can't work, or there are too many better ones.
    pub(super) fn add_pair(
        &mut self,
        context: &mut Context<'_>,
        base: BaseId,
        remote: CandidateId,
    ) -> Option<PairId> {
        let base = context.locals.base(base)?;
        let remote = self.remotes.iter().find(|known| known.id == remote)?;
        if let Some(pair) = self.pair_between(base.id, remote.address) {
            return Some(pair.id);
        }
        if !base.is_paired
            || !base.reaches(remote.address)
            || base.opposite() != remote.candidate.transport
            || self.has_failed
        {
            return None;
        }
        // RFC 6544 §6.2: that of a passive candidate is the other side's to open, and there is no pair before.
        let is_passive = base.tcp == Some(TcpType::Passive);
        if is_passive && context.tcp.of_pair(base.id, remote.address).is_none() {
            return None;
        }
        *context.next_pair += 1;
        let mut pair = Pair {
            id: PairId(*context.next_pair),
            base: base.id,
            remote: remote.address,
            local_candidate: base.candidate,
            remote_candidate: remote.id,
            is_relayed: base.relay.is_some() || remote.candidate.kind == CandidateType::Relayed,
            is_tcp: base.tcp.is_some(),
            foundation: Foundation { local: base.foundation, remote: remote.candidate.foundation.clone() },
            local_priority: base.priority,
            remote_priority: remote.candidate.priority,
            standing: Standing::Waiting,
            outstanding: VecDeque::new(),
            checked: None,
            refusals: 0,
            not_before: None,
            triggers: 0,
            nominated: false,
            nominating: false,
            wanted: None,
            counters: PairCounters::default(),
            round_trip: None,
            least_round_trip: None,
            total_round_trip: Duration::ZERO,
            history: VecDeque::new(),
        };
        // RFC 8838 §12: frozen as long as a pair like it is being checked.
        let being_checked = |other: &Pair| {
            other.foundation == pair.foundation
                && matches!(other.standing, Standing::Waiting | Standing::InProgress { .. })
        };
        if self.pairs.iter().any(being_checked) {
            pair.standing = Standing::Frozen;
        }
        pair.note(context.now);
        self.make_room(&pair, context.limits, *context.role)?;
        let id = pair.id;
        // One pair is the rule, and it is large.
        self.pairs.reserve_exact(1);
        self.pairs.push(pair);
        Some(id)
    }

    /// Drops the worst pair when there are too many, unless the new one is worse (RFC 8445 §6.1.2.5).
    fn make_room(&mut self, new: &Pair, limits: &Limits, role: Role) -> Option<()> {
        if self.pairs.len() < limits.pairs {
            return Some(());
        }
        let is_idle =
            |pair: &&Pair| !matches!(pair.standing, Standing::InProgress { .. } | Standing::Succeeded(_));
        // One that has failed is worse than any.
        let worth = |pair: &Pair| (pair.standing != Standing::Failed, pair.priority(role));
        let worst = self.pairs.iter().filter(is_idle).min_by_key(|pair| worth(pair))?;
        if worth(worst) > worth(new) {
            return None;
        }
        let id = worst.id;
        self.pairs.retain(|pair| pair.id != id);
        Some(())
    }

    /// The other side's check, or a role conflict, asks for a check of this pair at once.
    pub(super) fn trigger(&mut self, now: Instant, id: PairId) {
        if self.has_failed {
            return;
        }
        if let Some(pair) = self.pair_mut(id) {
            pair.set(now, Standing::Waiting);
            pair.not_before = None;
        }
        if !self.triggered.contains(&id) {
            self.triggered.push_back(id);
        }
    }

    /// Pairs like one that has succeeded will probably succeed, too (RFC 8445 §7.2.5.3.3).
    pub(super) fn unfreeze(&mut self, now: Instant, foundation: &Foundation) {
        for pair in self.pairs.iter_mut().filter(|pair| pair.foundation == *foundation) {
            if pair.standing == Standing::Frozen {
                pair.set(now, Standing::Waiting);
            }
        }
    }

    /// A pair like it that has been asked once in vain is no reason to wait: RFC 8445 would have it fail first.
    fn can_unfreeze(&self, pair: &Pair, now: Instant) -> bool {
        let is_active = |other: &Pair| {
            other.foundation == pair.foundation
                && matches!(other.standing, Standing::Waiting | Standing::InProgress { sent: 1, .. })
        };
        pair.standing == Standing::Frozen && !self.pairs.iter().any(is_active) && !self.rests(pair, now)
    }

    /// RFC 8445 §6.1.4.2: the best frozen pair of each foundation that nothing is done about.
    fn unfreeze_idle(&mut self, context: &Context<'_>) {
        let mut best: Vec<&Pair> = Vec::new();
        for pair in self.pairs.iter().filter(|pair| self.can_unfreeze(pair, context.now)) {
            let rival = best.iter_mut().find(|rival| rival.foundation == pair.foundation);
            match rival {
                Some(rival) if rival.priority(*context.role) < pair.priority(*context.role) => *rival = pair,
                Some(_) => {}
                None => best.push(pair),
            }
        }
        let ids: Vec<_> = best.iter().map(|pair| pair.id).collect();
        for id in ids {
            if let Some(pair) = self.pair_mut(id) {
                pair.set(context.now, Standing::Waiting);
            }
        }
    }

    /// No pair answers: what failed before may work now.
    pub fn check_failed_again(&mut self, now: Instant) {
        for pair in self.pairs.iter_mut().filter(|pair| pair.standing == Standing::Failed) {
            pair.set(now, Standing::Frozen);
        }
    }

    /// Sends what may be sent now: one check of pairs that haven't succeeded, and what keeps the others alive.
    pub fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.remote.is_none() || self.has_failed {
            return;
        }
        self.give_up(context);
        if self.next_check.is_none_or(|next| next <= context.now) {
            self.unfreeze_idle(context);
            if let Some(id) = self.next_to_check(context) {
                self.next_check = Some(context.now + context.timing.pacing);
                self.send_check(context, id);
            }
        }
        self.keep_alive(context);
    }

    fn give_up(&mut self, context: &Context<'_>) {
        for pair in &mut self.pairs {
            if let Standing::InProgress { sent, next } = pair.standing
                && sent >= context.timing.retransmissions
                && next <= context.now
            {
                pair.set(context.now, Standing::Failed);
            }
        }
    }

    fn next_to_check(&mut self, context: &Context<'_>) -> Option<PairId> {
        while let Some(id) = self.triggered.pop_front() {
            if self.pair(id).is_some_and(|pair| pair.standing == Standing::Waiting) {
                return Some(id);
            }
        }
        // A check that wasn't answered goes before a first one: its pair is a better one.
        let is_due = |pair: &&Pair| match pair.standing {
            Standing::Waiting => pair.not_before.is_none_or(|at| at <= context.now),
            Standing::InProgress { next, .. } => next <= context.now,
            _ => false,
        };
        let rank = |pair: &&Pair| {
            (matches!(pair.standing, Standing::InProgress { .. }), pair.priority(*context.role))
        };
        let due = self.pairs.iter().filter(is_due).filter(|pair| !self.rests(pair, context.now));
        due.max_by_key(rank).map(|pair| pair.id)
    }

    /// How long the answer to a first check is waited for, RTO (RFC 8445 §14.3).
    fn first_wait(&self, timing: &Timing) -> Duration {
        let under_way = |pair: &&Pair| {
            !pair.is_tcp && matches!(pair.standing, Standing::Waiting | Standing::InProgress { .. })
        };
        let under_way = u32::try_from(self.pairs.iter().filter(under_way).count()).unwrap_or(u32::MAX);
        timing.retransmission.max(timing.pacing.saturating_mul(under_way))
    }

    fn send_check(&mut self, context: &mut Context<'_>, id: PairId) {
        if self.pair(id).is_some_and(|pair| pair.is_tcp) {
            return self.send_check_over_tcp(context, id);
        }
        let wait = self.first_wait(context.timing);
        let now = context.now;
        let Some(pair) = self.pair_mut(id) else {
            return;
        };
        let sent = match pair.standing {
            Standing::InProgress { sent, .. } => sent + 1,
            _ => 1,
        };
        let factor = if sent >= context.timing.retransmissions {
            LAST_WAITS
        } else {
            1_u32.checked_shl(sent - 1).unwrap_or(u32::MAX)
        };
        pair.set(now, Standing::InProgress { sent, next: now + wait.saturating_mul(factor) });
        if pair.is_direct_datagram() && pair.checked.is_none() {
            FirstTries::note(&mut self.first_tries, now);
        }
        self.send(context, id);
    }

    /// Sends a check. Each is a transaction of its own, so that its answer tells the round trip.
    pub(super) fn send(&mut self, context: &mut Context<'_>, id: PairId) {
        let Self { remote: Some(remote), local, pairs, .. } = self else {
            return;
        };
        let Some(pair) = pairs.iter_mut().find(|pair| pair.id == id) else {
            return;
        };
        let Some(base) = context.locals.base(pair.base) else {
            return;
        };
        let role = *context.role;
        let use_candidate = pair.nominating && role == Role::Controlling;
        let check = Check {
            priority: base.peer_reflexive_priority(),
            role: Some((role, *context.tie_breaker)),
            use_candidate,
            nomination: None,
        };
        let transaction = TransactionId::new(context.random.random());
        if let Some(bytes) = check::write(&check, transaction, local, &remote.credentials, context.embedding)
        {
            pair.sent(Sent { transaction, at: context.now, role, use_candidate });
            context.outbox.push_back(Outgoing { base: pair.base, remote: pair.remote, bytes });
        }
    }

    /// When checks have something to do.
    pub(super) fn next_checklist_timeout(&self, now: Instant, timing: &Timing) -> Option<Instant> {
        let paced = |at: Instant| self.next_check.map_or(at, |next| next.max(at));
        let at_once =
            !self.triggered.is_empty() || self.pairs.iter().any(|pair| self.can_unfreeze(pair, now));
        let each = self.pairs.iter().filter_map(|pair| match pair.standing {
            Standing::Waiting if !self.rests(pair, now) => {
                Some(paced(pair.not_before.map_or(now, |at| at.max(now))))
            }
            Standing::InProgress { sent, next } if sent >= timing.retransmissions => Some(next),
            Standing::InProgress { next, .. } => Some(paced(next)),
            _ => None,
        });
        each.chain(at_once.then(|| paced(now))).min()
    }
}
