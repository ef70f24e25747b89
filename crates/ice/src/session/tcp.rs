//! Pairs of TCP candidates (RFC 6544): their connections come before their checks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_sdp::TcpType;

use super::checklist::LAST_WAITS;
use super::{Context, Session};
use crate::locals::BaseId;
use crate::pair::{Pair, Standing};
use crate::{Event, PairId, Timing};

/// How long a connection may take to open.
const OPENING: Duration = Duration::from_secs(10);
/// How long datagrams that are tried for the first time have before connections are opened, too: most round trips are shorter, and
/// behind NATs it takes two.
const HEAD_START: Duration = Duration::from_millis(250);
/// The same where new pairs of datagrams are tried all the time.
const HEAD_START_MAX: Duration = Duration::from_millis(750);
/// How long connections are kept beside a nominated pair of datagrams: the other side may not know of it yet (RFC 8445 §8.3.1).
const FREEING: Duration = Duration::from_secs(3);

/// When pairs of datagrams were tried for the first time, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstTries {
    first: Instant,
    newest: Instant,
}

impl FirstTries {
    /// Another is tried. One that comes later than the others' head start is the first of the next.
    pub fn note(tries: &mut Option<Self>, now: Instant) {
        let first = tries.filter(|tries| now < tries.newest + HEAD_START).map_or(now, |tries| tries.first);
        *tries = Some(Self { first, newest: now });
    }

    fn head_start_ends(self) -> Instant {
        (self.newest + HEAD_START).min(self.first + HEAD_START_MAX)
    }
}

impl Session {
    /// Opens the connection, or sends the check when it stands (RFC 6544 §7.1).
    pub(super) fn send_check_over_tcp(&mut self, context: &mut Context<'_>, id: PairId) {
        let (now, last) = (context.now, context.timing.retransmissions);
        let answering = answering(context.timing);
        let Some(pair) = self.pair_mut(id) else {
            return;
        };
        let waits = |time| Standing::InProgress { sent: last, next: now + time };
        match context.tcp.of_pair(pair.base, pair.remote) {
            Some(connection) if connection.local.is_some() => {
                pair.set(now, waits(answering));
                self.send(context, id);
            }
            Some(_) => pair.set(now, waits(OPENING)),
            None => match open(context, pair) {
                Opening::Begun => pair.set(now, waits(OPENING)),
                Opening::Full => pair.put_off(now),
                Opening::NotOurs => pair.set(now, Standing::Failed),
            },
        }
    }

    pub fn connection_opened(&mut self, now: Instant, base: BaseId, remote: SocketAddr) {
        let pair = self.pair_between(base, remote).filter(|pair| pair.life().is_none());
        if let Some(id) = pair.map(|pair| pair.id) {
            self.trigger(now, id);
        }
    }

    /// Whatever the pair was, it isn't any more. Another one is waited for, `expiry` at most.
    pub fn connection_lost(&mut self, now: Instant, base: BaseId, remote: SocketAddr, expiry: Duration) {
        let is_its = |pair: &&mut Pair| pair.base == base && pair.remote == remote;
        let Some(pair) = self.pairs.iter_mut().find(is_its) else {
            return;
        };
        pair.set(now, Standing::Failed);
        pair.nominated = false;
        pair.nominating = false;
        pair.wanted = None;
        if self.selected == Some(pair.id) {
            self.selected = None;
            self.lost_until = Some(now + expiry);
        }
    }

    /// Whether a pair depends on a connection, or may when the other side's password is known.
    pub fn needs_connection(&self, base: BaseId, remote: SocketAddr) -> bool {
        let is_early = self.early.iter().any(|check| check.base == base && check.source == remote);
        let needs = |pair: &Pair| !matches!(pair.standing, Standing::Failed | Standing::Frozen);
        is_early || self.pair_between(base, remote).is_some_and(needs)
    }

    /// Nobody opens connections while datagrams pass directly, or may: pairs of TCP that haven't been begun with rest.
    pub(super) fn rests(&self, pair: &Pair, now: Instant) -> bool {
        let is_untried = matches!(pair.standing, Standing::Frozen | Standing::Waiting);
        let is_better = |other: &Pair| {
            other.directness() > pair.directness() && other.life().is_some_and(|life| !life.is_silent(now))
        };
        pair.is_tcp && is_untried && (self.pairs.iter().any(is_better) || self.datagrams_come_first(now))
    }

    fn datagrams_come_first(&self, now: Instant) -> bool {
        let may_pass = |pair: &Pair| pair.is_direct_datagram() && pair.is_open();
        self.first_tries.is_none_or(|tries| now < tries.head_start_ends()) && self.pairs.iter().any(may_pass)
    }

    /// RFC 6544 §8: when datagrams have been decided for, connections end. Their pairs are there for when datagrams don't pass any more.
    pub(super) fn conclude_tcp(&mut self, now: Instant) {
        let is_decided = |pair: &Pair| pair.nominated && pair.is_direct_datagram();
        if !self.selected_pair().is_some_and(is_decided) || self.is_silent(now) {
            self.concluded = None;
            return;
        }
        if *self.concluded.get_or_insert(now) + FREEING > now {
            return;
        }
        for pair in self.pairs.iter_mut().filter(|pair| is_connected(pair)) {
            pair.set(now, Standing::Frozen);
            pair.nominated = false;
            pair.nominating = false;
            pair.wanted = None;
        }
    }

    /// When something changes for pairs of TCP because of those of datagrams.
    pub(super) fn next_tcp_timeout(&self, now: Instant) -> Option<Instant> {
        let head_start = self.first_tries.map(FirstTries::head_start_ends);
        let head_start = head_start.filter(|_| self.pairs.iter().any(|pair| pair.is_tcp && pair.is_open()));
        let freeing = self.concluded.map(|concluded| concluded + FREEING);
        let freeing = freeing.filter(|_| self.pairs.iter().any(is_connected));
        head_start.into_iter().chain(freeing).filter(|at| *at > now).min()
    }
}

/// Whether a pair has a connection, or may.
fn is_connected(pair: &Pair) -> bool {
    pair.is_tcp && !matches!(pair.standing, Standing::Failed | Standing::Frozen)
}

/// How long an answer is waited for, Ti. The check is sent once: TCP repeats it itself. RFC 8489 §6.2.2 has the time in which one over
/// UDP fails, and that is shorter here than with its own first wait.
fn answering(timing: &Timing) -> Duration {
    let until_last = 1_u32.checked_shl(timing.retransmissions.saturating_sub(1)).unwrap_or(u32::MAX) - 1;
    timing.retransmission.saturating_mul(until_last.saturating_add(LAST_WAITS))
}

/// What came of having a connection opened.
enum Opening {
    Begun,
    /// There are too many at the moment.
    Full,
    /// RFC 6544 §6.2: the other side opens those of passive candidates.
    NotOurs,
}

fn open(context: &mut Context<'_>, pair: &Pair) -> Opening {
    let Some(base) = context.locals.base(pair.base) else {
        return Opening::NotOurs;
    };
    let local = match base.tcp {
        Some(TcpType::Active) => SocketAddr::new(base.address.ip(), 0),
        Some(TcpType::SimultaneousOpen) => base.address,
        Some(TcpType::Passive) | None => return Opening::NotOurs,
    };
    let remote = pair.remote;
    let Some(connection) = context.tcp.add(base.id, remote, None, context.limits.tcp_connections) else {
        return Opening::Full;
    };
    context.sequence.connected(context.now, local.ip());
    context.events.push_back(Event::OpenTcp { connection, local, remote });
    Opening::Begun
}
