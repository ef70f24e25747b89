//! Pairs of TCP candidates (RFC 6544): their connections come before their checks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_sdp::TcpType;

use super::{Context, Session};
use crate::locals::BaseId;
use crate::pair::{Pair, Standing};
use crate::{Event, PairId};

/// How long a connection may take to open.
const OPENING: Duration = Duration::from_secs(10);
/// How long an answer is waited for, Ti (RFC 8489 §6.2.2). The check is sent once: TCP repeats it itself.
const ANSWERING: Duration = Duration::from_millis(39_500);

impl Session {
    /// Opens the connection, or sends the check when it stands (RFC 6544 §7.1).
    pub(super) fn send_check_over_tcp(&mut self, context: &mut Context<'_>, id: PairId) {
        let (now, last) = (context.now, context.timing.retransmissions);
        let Some(pair) = self.pair_mut(id) else {
            return;
        };
        let waits = |time| Standing::InProgress { sent: last, next: now + time };
        match context.tcp.of_pair(pair.base, pair.remote) {
            Some(connection) if connection.local.is_some() => {
                pair.set(now, waits(ANSWERING));
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
        is_early || self.pair_between(base, remote).is_some_and(|pair| pair.standing != Standing::Failed)
    }

    /// Nobody opens connections while datagrams pass directly: pairs of TCP that haven't been begun with rest.
    pub(super) fn rests(&self, pair: &Pair, now: Instant) -> bool {
        let is_untried = matches!(pair.standing, Standing::Frozen | Standing::Waiting);
        let is_better = |other: &Pair| {
            other.directness() > pair.directness() && other.life().is_some_and(|life| !life.is_silent(now))
        };
        pair.is_tcp && is_untried && self.pairs.iter().any(is_better)
    }
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
    context.events.push_back(Event::OpenTcp { connection, local, remote });
    Opening::Begun
}
