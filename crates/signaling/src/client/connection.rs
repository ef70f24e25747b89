//! How connections begin, break and go on (`docs/signaling.md` §4 and §5).

use std::time::{Duration, Instant};

use rand::Rng as _;

use super::backoff::backoff;
use super::event::{ClosedReason, Event, Refusal, State};
use super::{Client, Purpose};
use crate::error::CloseCode;
use crate::frame::{self, Number};
use crate::limits::Limits;
use crate::message::{Ack, Drain, Hello, Ping, Resume, ToClient, Welcome};

/// At the latest after so many frames, or so long, the server hears how far we have got; it asks for 32, and 2 seconds.
const ACK_FRAMES: u64 = 16;
const ACK_DELAY: Duration = Duration::from_secs(1);
/// How many round trips an answer may take at least when the connection is likely gone.
const DOUBT_ROUND_TRIPS: u32 = 3;
/// What a server may ask for at most: a mistake there must not silence the client for good.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How far the present connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// The end.
    Closed,
    /// There is none; the next one is made then.
    Waiting { until: Instant },
    /// It is being made.
    Connecting { until: Instant },
    /// `hello` has been sent. `retry` is the server's word with a refusal.
    Greeting { since: Instant, until: Instant, retry: Option<Duration> },
    /// The session goes on.
    Open(Open),
}

#[derive(Debug)]
pub(super) struct Open {
    heartbeat: Duration,
    ping_at: Instant,
    pong_by: Option<Instant>,
    ack_at: Option<Instant>,
    acknowledged: u64,
    drain: Option<Drain>,
}

/// What a session is resumed by.
#[derive(Debug)]
pub(super) struct ResumePoint {
    token: String,
    epoch: String,
    offset: u64,
}

impl Phase {
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    pub(super) const fn state(&self) -> State {
        match self {
            Self::Closed => State::Closed,
            Self::Waiting { .. } | Self::Connecting { .. } | Self::Greeting { .. } => State::Connecting,
            Self::Open(Open { drain: Some(_), .. }) => State::Draining,
            Self::Open(_) => State::Online,
        }
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        match self {
            Self::Closed => None,
            Self::Waiting { until } | Self::Connecting { until } | Self::Greeting { until, .. } => {
                Some(*until)
            }
            Self::Open(open) => [open.pong_by, open.ack_at].into_iter().flatten().chain([open.ping_at]).min(),
        }
    }
}

impl Client {
    /// The connection that [`Event::Connect`] asked for is open.
    pub fn connected(&mut self, now: Instant) {
        let Phase::Connecting { until } = self.phase else { return };
        let id = self.next_id();
        let resume = self.resume.as_ref().map(|point| Resume {
            token: point.token.as_str().into(),
            epoch: point.epoch.as_str().into(),
            offset: point.offset,
        });
        let agent = Some(self.config.agent.as_str().into());
        let hello = frame::to_text(Number::Id(id), &Hello { key: self.key.clone(), agent, resume });
        self.phase = Phase::Greeting { since: now, until, retry: None };
        self.transmit(now, hello);
    }

    /// The connection could not be made, or broke, or was closed by the server with this close code (1006 when it just broke).
    pub fn disconnected(&mut self, now: Instant, code: u16) {
        if code == CloseCode::Fenced.number() {
            self.end(ClosedReason::Fenced);
        } else if !matches!(self.phase, Phase::Closed | Phase::Waiting { .. }) {
            self.lose(now);
        }
    }

    /// The machine woke up: connects at once, or finds out whether the connection still works.
    pub fn wake(&mut self, now: Instant) {
        match self.phase {
            Phase::Waiting { .. } => self.attempt(now),
            Phase::Open(_) => self.ping(now, self.config.probe),
            Phase::Closed | Phase::Connecting { .. } | Phase::Greeting { .. } => {}
        }
    }

    /// Our network is another one: as [`wake`](Self::wake), but the answer is late sooner, and what was begun in the network of before
    /// begins anew.
    pub fn network_changed(&mut self, now: Instant) {
        match self.phase {
            Phase::Closed => {}
            Phase::Waiting { .. } => self.attempt(now),
            Phase::Open(_) => {
                let patience = self.config.doubt.max(self.round_trip * DOUBT_ROUND_TRIPS);
                // What one learned of the round trip is the time from `hello` to `welcome`, and a busy server takes its time for that.
                self.ping(now, patience.min(self.config.probe));
            }
            Phase::Connecting { .. } | Phase::Greeting { .. } => {
                self.events.push_back(Event::Disconnect);
                // A greeting for the connection of before isn't one for the next.
                self.outgoing.clear();
                self.attempt(now);
            }
        }
    }

    pub(super) fn attempt(&mut self, now: Instant) {
        self.phase = Phase::Connecting { until: now + self.config.connect };
        self.events.push_back(Event::Connect);
    }

    pub(super) fn end(&mut self, reason: ClosedReason) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        let was_waiting = matches!(self.phase, Phase::Waiting { .. });
        self.phase = Phase::Closed;
        self.resume = None;
        self.abandon(|_| true);
        self.channels.clear();
        self.events.push_back(Event::StateChanged(State::Closed));
        self.events.push_back(Event::Closed(reason));
        if !was_waiting {
            self.events.push_back(Event::Disconnect);
        }
    }

    pub(super) fn check_connection(&mut self, now: Instant) {
        match &self.phase {
            Phase::Closed => {}
            Phase::Waiting { until } if *until <= now => self.attempt(now),
            Phase::Connecting { until } | Phase::Greeting { until, .. } if *until <= now => {
                self.drop_connection(now)
            }
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Greeting { .. } => {}
            Phase::Open(open) => {
                if open.pong_by.is_some_and(|by| by <= now) {
                    return self.drop_connection(now);
                }
                if open.ack_at.is_some_and(|at| at <= now) {
                    self.acknowledge(now);
                }
                if let Phase::Open(open) = &self.phase
                    && open.ping_at <= now
                {
                    self.ping(now, self.config.pong);
                }
            }
        }
    }

    pub(super) fn receive(&mut self, now: Instant, text: &[u8]) {
        if text.len() > Limits::default().frame || matches!(self.phase, Phase::Closed | Phase::Waiting { .. })
        {
            return;
        }
        if let Phase::Open(open) = &mut self.phase {
            open.pong_by = None;
        }
        let (number, frame) = match ToClient::parse(text) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return,
            Err(_) => return self.refused_for_unknown_reason(now, text),
        };
        match (&self.phase, number, frame) {
            (Phase::Greeting { .. }, _, ToClient::Welcome(welcome)) => self.welcomed(now, &welcome),
            (Phase::Greeting { .. }, _, ToClient::Error(refused)) => {
                let retry = refused.retry.map(Duration::from_secs);
                let refusal = Refusal { code: Some(refused.code), message: refused.message.into_owned() };
                self.hello_refused(refusal, retry);
            }
            (Phase::Open(_), Number::Offset(offset), frame) => self.take(now, offset, &frame),
            (Phase::Open(_), Number::Re(id), frame) => self.answered(now, id, frame),
            _ => {}
        }
    }

    pub(super) fn hello_refused(&mut self, refusal: Refusal, after: Option<Duration>) {
        if let Phase::Greeting { retry, .. } = &mut self.phase {
            *retry = after.map(|after| after.min(LONGEST_WAIT));
            self.events.push_back(Event::HelloRefused(refusal));
        }
    }

    fn welcomed(&mut self, now: Instant, welcome: &Welcome<'_>) {
        if let Phase::Greeting { since, .. } = self.phase {
            self.round_trip = now.saturating_duration_since(since);
        }
        let before = self.resume.take();
        let same_life = before.as_ref().is_some_and(|point| point.epoch == welcome.epoch);
        let recovered = welcome.recovered && same_life;
        let offset = before.filter(|_| recovered).map_or(0, |point| point.offset);
        self.resume = Some(ResumePoint {
            token: welcome.resume.clone().into_owned(),
            epoch: welcome.epoch.clone().into_owned(),
            offset,
        });
        let heartbeat = Duration::from_secs(welcome.heartbeat.clamp(1, 3_600));
        self.phase = Phase::Open(Open {
            heartbeat,
            ping_at: now + heartbeat,
            pong_by: None,
            ack_at: None,
            acknowledged: offset,
            drain: None,
        });
        self.failures = 0;
        self.pace.restart(now, &welcome.limits);
        // `hello` was one.
        self.pace.take(now);
        self.events.push_back(Event::StateChanged(State::Online));
        if !recovered {
            self.forgotten(same_life);
        }
        let Self { outbox, channels, .. } = self;
        outbox.repeat(|purpose| {
            purpose.needs_membership().is_none_or(|channel| {
                channels.get(channel).is_some_and(|channel| channel.membership.is_held())
            })
        });
        if recovered {
            self.reached();
        }
    }

    /// The server has no memory of our session: joins and announces again (§5).
    fn forgotten(&mut self, same_life: bool) {
        self.rejoin_all();
        self.announce_again();
        if !same_life {
            self.forget_invitations();
        }
    }

    /// Takes a frame that the server sent by itself: each once, in order.
    fn take(&mut self, now: Instant, offset: u64, frame: &ToClient<'_>) {
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(point) = self.resume.as_mut().filter(|point| point.offset < offset) else { return };
        point.offset = offset;
        open.ack_at.get_or_insert(now + ACK_DELAY);
        if offset - open.acknowledged >= ACK_FRAMES {
            self.acknowledge(now);
        }
        match frame {
            ToClient::Drain(drain) => {
                if let Phase::Open(open) = &mut self.phase {
                    open.drain = Some(*drain);
                    self.events.push_back(Event::StateChanged(State::Draining));
                }
            }
            ToClient::Ice(ice) => self.events.push_back(Event::IceServers(ice.clone())),
            ToClient::Message(message) => self.take_message(message),
            ToClient::Arrived(arrived) => self.take_arrived(arrived),
            ToClient::State(change) => self.take_state(change),
            ToClient::Profile(change) => self.take_profile(change),
            ToClient::Left(left) => self.take_left(left),
            ToClient::Resync(resync) => self.take_resync(now, resync),
            ToClient::Invitation(invitation) => self.take_invitation(now, invitation),
            ToClient::InvitationEnded(ended) => self.take_invitation_ended(ended),
            ToClient::Welcome(_)
            | ToClient::Ok(_)
            | ToClient::Error(_)
            | ToClient::Pong(_)
            | ToClient::Joined(_)
            | ToClient::Found(_) => {}
        }
    }

    fn acknowledge(&mut self, now: Instant) {
        let (Phase::Open(open), Some(point)) = (&mut self.phase, &self.resume) else { return };
        open.ack_at = None;
        if point.offset > open.acknowledged {
            open.acknowledged = point.offset;
            let ack = frame::to_text(Number::None, &Ack { offset: point.offset });
            self.transmit(now, ack);
        }
    }

    fn ping(&mut self, now: Instant, patience: Duration) {
        let id = self.next_id();
        self.transmit(now, frame::to_text(Number::Id(id), &Ping {}));
        if let Phase::Open(open) = &mut self.phase {
            let by = now + patience;
            open.pong_by = Some(open.pong_by.map_or(by, |earlier| earlier.min(by)));
        }
    }

    pub(super) fn restart_heartbeat(&mut self, now: Instant) {
        if let Phase::Open(open) = &mut self.phase {
            open.ping_at = now + open.heartbeat;
        }
    }

    /// Gives the connection up before the transport does: a broken network can hold that back for minutes.
    fn drop_connection(&mut self, now: Instant) {
        self.events.push_back(Event::Disconnect);
        self.lose(now);
    }

    fn lose(&mut self, now: Instant) {
        let random: f64 = self.random.random();
        let usual = backoff(self.failures, random);
        let wait = match &self.phase {
            Phase::Open(Open { drain: Some(Drain { reconnect: [from, to] }), .. }) => {
                let (from, to) = (f64::from(*from), f64::from(*to));
                Duration::from_secs_f64(from + (to - from).max(0.0) * random).min(LONGEST_WAIT)
            }
            Phase::Greeting { retry: Some(retry), .. } => usual.max(*retry),
            _ => usual,
        };
        self.failures = self.failures.saturating_add(1);
        let was_open = self.phase.is_open();
        self.phase = Phase::Waiting { until: now + wait };
        self.outgoing.clear();
        self.outbox.interrupt();
        if was_open {
            self.events.push_back(Event::StateChanged(State::Connecting));
        }
    }

    /// Gives up the requests that `which` picks, and tells the owner of those that it waits for.
    pub(super) fn abandon(&mut self, which: impl Fn(&Purpose) -> bool) {
        for (id, purpose) in self.outbox.abandon(which) {
            if purpose.is_asked() {
                self.events.push_back(Event::Answered(super::RequestId(id), super::Answer::Abandoned));
            }
        }
    }
}
