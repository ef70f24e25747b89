//! Which pair data flows over, how it is nominated and kept alive, and when it has to be left
//! (RFC 8445 §8 and §11, RFC 7675).

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use rand::Rng;

use super::{Context, Session};
use crate::pair::{Life, Pair, Standing, Unanswered};
use crate::{PairId, Role, Timing};

/// Checks of a pair that doesn't answer are sent again after one and a half of its round trips, but in this range.
const PROBE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// A pair is silent when so many checks have had their time without an answer.
const SILENT: u32 = 3;
/// How many round trips a pair may be silent at least until that is called disconnected.
const ROUND_TRIPS: u32 = 3;
/// A controlling agent that repeats USE-CANDIDATE does it at least this often for the pair it wants: Chromium's interval is 2.5 s.
const WANTED_REPEATED: Duration = Duration::from_secs(6);
/// How many pairs are kept in reserve.
const RESERVE: usize = 5;

impl Life {
    /// Whether it doesn't answer at the moment: data takes another pair if one does.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.unanswered.and_then(|unanswered| unanswered.silent).is_some_and(|silent| silent <= now)
    }

    /// When consent is gone. Of a pair in reserve, which may have rested for long, only silence counts.
    fn expires(&self, is_selected: bool, timing: &Timing) -> Option<Instant> {
        let since = self.unanswered?.since;
        Some(if is_selected { self.answered } else { since } + timing.consent_expiry)
    }
}

impl Pair {
    /// Whether nothing has come for so long that the application should know.
    pub fn is_disconnected(&self, now: Instant, timing: &Timing) -> bool {
        self.disconnected_at(timing).is_some_and(|at| at <= now)
    }

    fn disconnected_at(&self, timing: &Timing) -> Option<Instant> {
        let life = self.life()?;
        let round_trips = self.round_trip.unwrap_or_default() * ROUND_TRIPS;
        Some(life.unanswered?.since.max(life.heard) + timing.disconnected.max(round_trips))
    }
}

/// What makes one pair better than another; the greatest is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    answers: bool,
    trusted: bool,
    nominated: bool,
    nomination: u32,
    recent: bool,
    priority: u64,
}

impl Session {
    fn worth(&self, pair: &Pair, now: Instant, role: Role, newest_wish: Option<Instant>) -> Worth {
        let life = pair.life();
        let wish = pair.wanted.filter(|_| role == Role::Controlled);
        Worth {
            answers: life.is_some_and(|life| !life.is_silent(now)),
            trusted: life.is_some_and(|life| life.trusted <= now),
            nominated: wish.is_some(),
            nomination: wish.map_or(0, |(_, number)| number),
            recent: wish.zip(newest_wish).is_some_and(|((at, _), newest)| newest <= at + WANTED_REPEATED),
            priority: pair.priority(role),
        }
    }

    /// The best pair that data may flow over: consent has been given within its time (RFC 7675 §5.1).
    fn best(&self, now: Instant, role: Role, timing: &Timing) -> Option<&Pair> {
        let newest_wish = self.pairs.iter().filter_map(|pair| pair.wanted.map(|(at, _)| at)).max();
        let has_consent = |life: &Life| now < life.answered + timing.consent_expiry;
        let usable = self.pairs.iter().filter(|pair| pair.life().is_some_and(has_consent));
        usable.max_by_key(|pair| self.worth(pair, now, role, newest_wish))
    }

    /// Looks at what has changed: selects, nominates, sets the times of checks, and gives up.
    pub fn update(&mut self, context: &mut Context<'_>, gathered: bool) {
        if self.has_failed || self.remote.is_none() {
            return;
        }
        self.lose_consent(context);
        self.select(context);
        if *context.role == Role::Controlling {
            self.nominate(context);
        }
        self.conclude_tcp(context.now);
        self.schedule(context);
        self.has_failed = self.fails_at(context.timing, gathered).is_some_and(|at| at <= context.now);
        if self.has_failed {
            self.triggered.clear();
        }
    }

    /// RFC 7675 §5.1: after 30 s without an answer nothing may be sent any more.
    fn lose_consent(&mut self, context: &Context<'_>) {
        let now = context.now;
        for pair in &mut self.pairs {
            let is_selected = self.selected == Some(pair.id);
            let expiry = pair.life().and_then(|life| life.expires(is_selected, context.timing));
            if expiry.is_some_and(|expiry| expiry <= now) {
                pair.set(now, Standing::Failed);
                pair.nominated = false;
                pair.nominating = false;
                pair.wanted = None;
                if self.selected == Some(pair.id) {
                    self.selected = None;
                    self.lost_until = Some(now);
                }
            }
        }
    }

    fn select(&mut self, context: &Context<'_>) {
        let now = context.now;
        let Some(best) = self.best(now, *context.role, context.timing) else {
            return;
        };
        let current = self.selected_pair().filter(|pair| pair.life().is_some());
        let silent_since = current
            .and_then(Pair::life)
            .filter(|life| life.is_silent(now))
            .and_then(|life| life.unanswered)
            .map(|unanswered| unanswered.since);
        let is_better = match (current, silent_since, best.life()) {
            (None, _, _) => true,
            // Only to one that has answered since.
            (Some(_), Some(since), Some(life)) => !life.is_silent(now) && life.answered >= since,
            (Some(current), _, _) => current.id != best.id,
        };
        let id = best.id;
        if is_better && self.selected != Some(id) {
            self.selected = Some(id);
            self.lost_until = None;
            // From now on this one has to be consented to: a check of reserve would come too late.
            if let Some(life) = self.pair_mut(id).and_then(Pair::life_mut)
                && life.unanswered.is_none()
            {
                life.next = None;
            }
        }
    }

    /// Regular nomination (RFC 8445 §8.1.1), without waiting longer than a better pair is likely to need.
    fn nominate(&mut self, context: &mut Context<'_>) {
        let Some(selected) = self.selected_pair() else {
            return;
        };
        if selected.nominated
            || selected.nominating
            || self.nominates_at(context.timing).is_none_or(|at| at > context.now)
        {
            return;
        }
        let id = selected.id;
        for pair in &mut self.pairs {
            pair.nominating = pair.id == id;
        }
        self.probe(context, id);
    }

    fn nominates_at(&self, timing: &Timing) -> Option<Instant> {
        let (selected, first) = (self.selected_pair()?, self.first_success?);
        let is_rival = |pair: &Pair| pair.is_open() && pair.directness() > selected.directness();
        Some(if self.pairs.iter().any(is_rival) { first + timing.relay_nomination } else { first })
    }

    /// Sends a check of a pair that has succeeded, and sets the time of the next.
    fn probe(&mut self, context: &mut Context<'_>, id: PairId) {
        let now = context.now;
        let is_selected = self.selected == Some(id);
        let Some(pair) = self.pair_mut(id) else {
            return;
        };
        pair.counters.consent_requests_sent += u64::from(is_selected);
        let patience = pair.round_trip.unwrap_or(PROBE.0) * 3 / 2;
        let Some(life) = pair.life_mut() else {
            return;
        };
        let unanswered = life.unanswered.get_or_insert(Unanswered { since: now, sent: 0, silent: None });
        unanswered.sent += 1;
        let sent = unanswered.sent;
        if sent == SILENT {
            unanswered.silent = Some(now + patience.clamp(PROBE.0, PROBE.1));
        }
        // The longer it is silent, the less often.
        let wait = patience.max(PROBE.0 * sent.min(5));
        life.next = Some(now + wait.clamp(PROBE.0, PROBE.1));
        self.send(context, id);
        // What is in reserve shows whether it would do better.
        if is_selected && sent == 2 {
            self.ask_all(now);
        }
    }

    /// All pairs that have succeeded are checked at once, but for those that are being asked anyway.
    pub fn ask_all(&mut self, now: Instant) {
        for life in self.pairs.iter_mut().filter_map(Pair::life_mut) {
            if life.unanswered.is_none() {
                life.next = Some(now);
            }
        }
    }

    /// Consent checks of the selected pair and keepalives of the reserve that are due.
    pub(super) fn keep_alive(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let is_due = |pair: &&Pair| pair.life().is_some_and(|life| life.next.is_some_and(|next| next <= now));
        let due: Vec<_> = self.pairs.iter().filter(is_due).map(|pair| pair.id).collect();
        for id in due {
            self.probe(context, id);
        }
    }

    /// Sets when pairs that have succeeded are checked next: the selected one for consent, the best others to be there when it
    /// fails, among them a relayed one. The rest is left alone.
    fn schedule(&mut self, context: &mut Context<'_>) {
        let role = *context.role;
        let mut reserve: Vec<_> = self
            .pairs
            .iter()
            .filter(|pair| pair.life().is_some() && self.selected != Some(pair.id))
            .map(|pair| (Reverse(pair.priority(role)), pair.is_relayed, pair.id))
            .collect();
        reserve.sort_unstable();
        let relayed = reserve.iter().find(|(_, is_relayed, _)| *is_relayed).map(|(.., id)| *id);
        let kept: Vec<_> = reserve.iter().take(RESERVE).map(|(.., id)| *id).chain(relayed).collect();
        for pair in &mut self.pairs {
            let (id, checked) = (pair.id, pair.checked);
            let Some(life) = pair.life_mut() else {
                continue;
            };
            let interval = if self.selected == Some(id) {
                // A handshake that travels with checks needs some until it is over: what is lost of it comes again with the next.
                if context.embedding.is_active() {
                    context.timing.retransmission
                } else {
                    context.timing.consent
                }
            } else if kept.contains(&id) {
                context.timing.keepalive
            } else {
                if life.unanswered.is_none() {
                    life.next = None;
                }
                continue;
            };
            if life.next.is_none() {
                let checked = checked.unwrap_or(context.now);
                life.next = Some(checked + interval.mul_f64(context.random.random_range(0.8..1.2)));
            }
        }
    }

    /// Whether the selected pair doesn't answer: then none does, or another would have been selected.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.selected_pair().and_then(Pair::life).is_some_and(|life| life.is_silent(now))
    }

    /// Whether it is worth while to try again: afterwards it comes to an end.
    pub fn may_recover(&self, now: Instant) -> bool {
        self.selected.is_some() || self.lost_until.is_some_and(|until| now < until)
    }

    /// When the session has failed unless something happens.
    fn fails_at(&self, timing: &Timing, gathered: bool) -> Option<Instant> {
        let has_hope = self.pairs.iter().any(|pair| pair.is_open() || pair.life().is_some());
        if has_hope {
            return None;
        }
        match self.lost_until {
            Some(until) => Some(until),
            // Without pairs there is hope as long as either side may have candidates still.
            None if self.pairs.is_empty() && !(gathered && self.remotes_ended) => None,
            None => self.started.map(|started| started + timing.patience),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) and [`update`](Self::update) have something to do.
    pub fn poll_timeout(&self, now: Instant, timing: &Timing, gathered: bool) -> Option<Instant> {
        if self.has_failed || self.remote.is_none() {
            return None;
        }
        let lives = self.pairs.iter().filter_map(Pair::life);
        let next = lives.clone().filter_map(|life| life.next);
        let expiry =
            self.pairs.iter().filter_map(|pair| pair.life()?.expires(self.selected == Some(pair.id), timing));
        let later = |at: &Instant| *at > now;
        let trusted = lives.map(|life| life.trusted).filter(later);
        let selected = self.selected_pair();
        let disconnected = selected.and_then(|pair| pair.disconnected_at(timing)).filter(later);
        let silent = selected
            .and_then(Pair::life)
            .and_then(|life| life.unanswered)
            .and_then(|unanswered| unanswered.silent)
            .filter(later);
        let nomination = self.nominates_at(timing).filter(later);
        next.chain(expiry)
            .chain(trusted)
            .chain(disconnected)
            .chain(silent)
            .chain(nomination)
            .chain(self.next_tcp_timeout(now))
            .chain(self.fails_at(timing, gathered))
            .chain(self.next_checklist_timeout(now, timing))
            .min()
    }
}
