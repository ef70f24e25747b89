//! The other side's checks, and its answers to this side's (RFC 8445 §7.2.5 and §7.3).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_stun::{Class, ErrorCode, Message};
use rand::Rng;

use super::{Context, EarlyCheck, Outgoing, Session};
use crate::check::{self, Check};
use crate::locals::{Base, BaseId};
use crate::pair::{Life, Sent, Standing};
use crate::{Event, PairId, Role};

/// How long a pair has to answer again before it is trusted with data after it was silent.
const PROBATION: Duration = Duration::from_secs(10);

impl Session {
    /// Whether a check or an answer was made by somebody who knows the password that it needs.
    pub fn is_authentic(&self, message: &Message<'_>) -> bool {
        match message.class() {
            Class::Request => {
                let is_for_us = check::username(message).is_some_and(|(ufrag, _)| ufrag == self.local.ufrag);
                is_for_us && check::is_authentic(message, &self.local.pwd)
            }
            _ => {
                let remote = self.remote.as_ref().filter(|_| self.is_own_transaction(&message.transaction()));
                remote.is_some_and(|remote| check::is_authentic(message, &remote.credentials.pwd))
            }
        }
    }

    /// Takes in a check that names this session. Says whether it was authentic.
    pub fn handle_request(
        &mut self,
        context: &mut Context<'_>,
        base: BaseId,
        source: SocketAddr,
        request: &Message<'_>,
    ) -> bool {
        if !check::is_authentic(request, &self.local.pwd) {
            return false;
        }
        let check = match Check::read(request) {
            Ok(check) => check,
            Err(code) => {
                self.answer(context, base, source, request, Err(code));
                return true;
            }
        };
        if let Some((role, tie_breaker)) = check.role
            && role == *context.role
            && !self.settle_conflict(context, role, tie_breaker)
        {
            self.answer(context, base, source, request, Err(ErrorCode::ROLE_CONFLICT));
            return true;
        }
        let wanted = check.use_candidate.then_some(check.nomination.unwrap_or(0));
        let ufrag = check::username(request).map(|(_, ufrag)| ufrag).unwrap_or_default();
        let is_kept = match &self.remote {
            Some(remote) if remote.credentials.ufrag == ufrag => {
                self.check_received(context, base, source, check.priority, wanted)
            }
            // Of a generation that is over.
            Some(_) => self.pair_between(base, source).is_some(),
            None => {
                let check =
                    EarlyCheck { ufrag: ufrag.to_owned(), base, source, priority: check.priority, wanted };
                self.check_received_early(check, context.limits.early_checks)
            }
        };
        // Without an answer the other side doesn't take to a path that isn't known here.
        if is_kept {
            self.answer(context, base, source, request, Ok(source));
        }
        true
    }

    /// Remembers a check until the other side's password is known. Says whether there was room for it.
    fn check_received_early(&mut self, check: EarlyCheck, limit: usize) -> bool {
        let is_same = |known: &&mut EarlyCheck| known.base == check.base && known.source == check.source;
        let has_room = self.early.len() < limit;
        match self.early.iter_mut().find(is_same) {
            Some(known) => known.wanted = known.wanted.max(check.wanted),
            None if has_room => self.early.push(check),
            None => return false,
        }
        true
    }

    /// Both agents have the same role (RFC 8445 §7.3.1.1). Says whether this one has given way; otherwise the other has to.
    fn settle_conflict(&mut self, context: &mut Context<'_>, role: Role, theirs: u64) -> bool {
        let ours_is_larger = *context.tie_breaker >= theirs;
        let gives_way = match role {
            Role::Controlling => !ours_is_larger,
            Role::Controlled => ours_is_larger,
        };
        if gives_way {
            self.switch_role(context);
        }
        gives_way
    }

    fn switch_role(&mut self, context: &mut Context<'_>) {
        *context.role = context.role.opposite();
        context.events.push_back(Event::RoleChanged(*context.role));
        for pair in &mut self.pairs {
            pair.nominating = false;
        }
    }

    fn answer(
        &mut self,
        context: &mut Context<'_>,
        base: BaseId,
        source: SocketAddr,
        request: &Message<'_>,
        answer: Result<SocketAddr, ErrorCode>,
    ) {
        if let Some(bytes) = check::write_answer(request, answer, &self.local.pwd, context.embedding) {
            context.outbox.push_back(Outgoing { base, remote: source, bytes });
        }
    }

    /// What an authentic check brings about besides its answer (RFC 8445 §7.3.1.3 to §7.3.1.5). Says whether there is a pair.
    pub(super) fn check_received(
        &mut self,
        context: &mut Context<'_>,
        base: BaseId,
        source: SocketAddr,
        priority: u32,
        wanted: Option<u32>,
    ) -> bool {
        let transport = context.locals.base(base).map(Base::opposite);
        let remote = transport.and_then(|transport| self.remote_at(context, source, transport, priority));
        let Some(id) = remote.and_then(|remote| self.add_pair(context, base, remote)) else {
            return false;
        };
        let controlled = *context.role == Role::Controlled;
        let now = context.now;
        let Some(pair) = self.pair_mut(id) else {
            return false;
        };
        pair.counters.requests_received += 1;
        pair.counters.responses_sent += 1;
        if let Some(number) = wanted.filter(|_| controlled) {
            pair.wanted = Some((now, number));
        }
        let is_wanted = pair.wanted.is_some();
        if let Some(life) = pair.life_mut() {
            life.heard = now;
            pair.nominated |= is_wanted;
        } else if pair.may_be_triggered(now) {
            self.trigger(now, id);
        }
        true
    }

    /// Takes in an answer. Says from which pair it is, if it is authentic.
    pub fn handle_response(
        &mut self,
        context: &mut Context<'_>,
        base: BaseId,
        source: SocketAddr,
        response: &Message<'_>,
    ) -> Option<PairId> {
        let transaction = response.transaction();
        let is_asked = |sent: &Sent| sent.transaction == transaction;
        let pair = self.pairs.iter_mut().find(|pair| pair.outstanding.iter().any(is_asked))?;
        let remote = self.remote.as_ref()?;
        let id = pair.id;
        let is_authentic = check::is_authentic(response, &remote.credentials.pwd);
        let is_refusal = response.error().is_some_and(|(code, _)| code != ErrorCode::ROLE_CONFLICT);
        if is_refusal && pair.is_tcp && (pair.remote, pair.base) == (source, base) {
            // Without the password it can't be told who doesn't know it (RFC 8489 §9.1.3), but a connection is from one end only.
            pair.answered(&transaction)?;
            pair.refused(context.now);
            return is_authentic.then_some(id);
        }
        if !is_authentic {
            return None;
        }
        let sent = pair.answered(&transaction)?;
        // RFC 8445 §7.2.5.2.1: an answer from elsewhere shows that the path isn't the same in both directions.
        if pair.remote != source || pair.base != base {
            pair.set(context.now, Standing::Failed);
            return None;
        }
        match (response.class(), response.error()) {
            (Class::Success, _) => self.check_succeeded(context, id, sent, response),
            (_, Some((ErrorCode::ROLE_CONFLICT, _))) => self.conflict_told(context, id, sent),
            // Others come of a race with signaling, as 401 does while the other side restarts: the check is sent again.
            _ => {}
        }
        Some(id)
    }

    /// RFC 8445 §7.2.5.1.
    fn conflict_told(&mut self, context: &mut Context<'_>, id: PairId, sent: Sent) {
        if sent.role == *context.role {
            self.switch_role(context);
            *context.tie_breaker = context.random.random();
        }
        if self.pair(id).is_some_and(|pair| pair.life().is_none()) {
            self.trigger(context.now, id);
        }
    }

    fn check_succeeded(&mut self, context: &mut Context<'_>, id: PairId, sent: Sent, response: &Message<'_>) {
        let Some(mapped) = response.mapped_address() else {
            return;
        };
        let now = context.now;
        let limit = context.limits.peer_reflexive;
        let Some(pair) = self.pairs.iter_mut().find(|pair| pair.id == id) else {
            return;
        };
        // An active candidate's connections are all from elsewhere: one that nothing has changed on the way is its own.
        let connection = context.tcp.of_pair(pair.base, pair.remote);
        let is_unchanged = connection.is_some_and(|connection| connection.local == Some(mapped));
        if !is_unchanged && let Some(local) = context.locals.seen_as(pair.base, mapped, limit) {
            pair.local_candidate = local;
        }
        pair.measured(now.saturating_duration_since(sent.at));
        pair.lived(now);
        let foundation = pair.foundation.clone();
        let is_nomination = sent.use_candidate && *context.role == Role::Controlling && pair.nominating;
        if is_nomination {
            pair.nominating = false;
        }
        pair.nominated |= is_nomination || pair.wanted.is_some() && *context.role == Role::Controlled;
        if is_nomination {
            // There is one nominated pair: the newest.
            for other in self.pairs.iter_mut().filter(|other| other.id != id) {
                other.nominated = false;
            }
        }
        self.first_success.get_or_insert(now);
        self.lost_until = None;
        self.unfreeze(now, &foundation);
    }
}

impl crate::pair::Pair {
    /// A check was answered.
    fn lived(&mut self, now: Instant) {
        match self.life_mut() {
            Some(life) => {
                if life.is_silent(now) {
                    life.trusted = now + PROBATION;
                }
                life.answered = now;
                life.heard = now;
                life.unanswered = None;
                // Its time is set by how it is used.
                life.next = None;
            }
            None => {
                let life = Life { answered: now, heard: now, unanswered: None, next: None, trusted: now };
                self.set(now, Standing::Succeeded(life));
            }
        }
    }
}
