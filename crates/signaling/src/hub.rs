//! The hub: the server's side of `docs/signaling.md` as plain state.
//!
//! It knows participants, channels, who can be found and who rings whom, for as long as it lives. It doesn't know
//! what a connection is made of, nor what a payload says. After every call of a verb the owner drains
//! [`Hub::poll_event`] and [`Hub::poll_ready`]; what is ready is pulled with [`Hub::poll_transmit`] whenever the
//! connection can take more, so that what a slow client doesn't read stays here, under the hub's limits.
//!
//! Each file below adds one part of the protocol to [`Hub`], or is one thing that the hub keeps.

mod address;
mod channel;
mod config;
mod connections;
mod delivery;
mod directory;
mod discovery;
mod event;
mod holdings;
mod input;
mod invitation;
mod lifecycle;
mod log;
mod membership;
mod outcomes;
mod rate;
mod session;
mod sessions;
mod timers;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use rand::RngCore;
use rand::rngs::StdRng;

use self::address::Addresses;
use self::channel::Channel;
use self::connections::{Connections, ERRORS, Stage};
use self::directory::Directory;
use self::invitation::Ringing;
use self::log::{Awaiting, Entry, Place};
use self::outcomes::Outcome;
use self::sessions::Sessions;
use self::timers::{Timer, Timers};
use crate::base64url;
use crate::error::{CloseCode, ErrorCode};
use crate::frame::{Body, Number};
use crate::identifier::{ChannelId, ParticipantId};
use crate::message::{Done, Drain, FromClient, Pong, Refusal, Refused, Report, Request};

pub use self::address::SourceAddress;
pub use self::config::{Config, IceGrant, IceServers};
pub use self::connections::ConnectionId;
pub use self::event::{Event, Statistics};
pub use self::input::Input;
pub use self::rate::Allowance;

/// Everybody who is connected to one server.
pub struct Hub {
    config: Config,
    started: Instant,
    epoch: String,
    random: StdRng,
    ice: Box<dyn IceServers>,
    draining: bool,
    connections: Connections,
    sessions: Sessions,
    /// Sessions without a connection that nobody would miss, by the end of their grace time.
    unused: BTreeSet<(Instant, ParticipantId)>,
    channels: HashMap<ChannelId, Channel, SeedableRandomState>,
    directory: Directory,
    /// By caller and `id` of the `invite`.
    ringing: HashMap<(ParticipantId, u64), Ringing>,
    addresses: Addresses,
    timers: Timers,
    events: VecDeque<Event>,
    statistics: Statistics,
}

/// The answer to a request.
enum Reply {
    Now {
        kind: &'static str,
        body: String,
    },
    /// It has been given already, or will be later.
    Given,
}

impl Reply {
    fn with<B: Body>(body: &B) -> Self {
        Self::Now { kind: B::TYPE, body: body.to_json() }
    }

    fn done() -> Self {
        Self::with(&Done::default())
    }
}

/// Why a request is not done, and when to try again.
struct Problem {
    code: ErrorCode,
    retry: Option<Duration>,
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry: None }
    }
}

impl Problem {
    fn retry(code: ErrorCode, after: Duration) -> Self {
        Self { code, retry: Some(after) }
    }
}

const SOON: Duration = Duration::from_secs(1);

impl Hub {
    /// An empty hub with an epoch of its own.
    #[must_use]
    pub fn new(now: Instant, config: Config, ice: Box<dyn IceServers>, mut random: StdRng) -> Self {
        let mut epoch = [0; 16];
        random.fill_bytes(&mut epoch);
        // Nobody can choose who collides.
        let hasher = SeedableRandomState::with_seed(random.next_u64(), SharedSeed::global_random());
        Self {
            started: now,
            epoch: base64url::encode(&epoch),
            random,
            ice,
            draining: false,
            connections: Connections::new(hasher.clone()),
            sessions: Sessions::new(&config, hasher.clone()),
            unused: BTreeSet::new(),
            channels: HashMap::with_hasher(hasher),
            directory: Directory::default(),
            ringing: HashMap::new(),
            addresses: Addresses::new(now, config.joins, config.failed_joins, config.addresses),
            timers: Timers::default(),
            events: VecDeque::new(),
            statistics: Statistics::default(),
            config,
        }
    }

    /// A connection has been made; it has to say `hello` soon.
    pub fn connect(&mut self, now: Instant, connection: ConnectionId, source: SourceAddress) {
        self.connections.insert(now, connection, source, self.config.limits.burst);
        self.timers.arm(Timer::Hello(connection), now + self.config.hello);
    }

    /// One whole frame has come in. A frame that was too large to be read may be handed in cut off, as long as it is still too large.
    pub fn handle_input(&mut self, now: Instant, connection: ConnectionId, frame: &[u8]) {
        self.handle_frame(now, connection, Input::read(frame, self.config.limits.frame));
    }

    /// One whole frame has come in, and has been read.
    pub fn handle_frame(&mut self, now: Instant, connection: ConnectionId, input: Input<'_>) {
        self.statistics.frames += 1;
        let limits = self.config.limits;
        let Some(state) = self.connections.get_mut(connection) else { return };
        state.heard = now;
        let stage = state.stage;
        let Input(parsed) = input;
        // What makes room is always welcome, and costs next to nothing.
        let within_rate = matches!(parsed, Ok(FromClient::Ack(_)))
            || state.bucket.take(now, limits.frames_per_second, limits.burst);
        match (stage, parsed) {
            (Stage::Closing, _) => {}
            (_, Err(refusal)) => self.refuse_frame(now, connection, stage, refusal),
            (Stage::New, Ok(FromClient::Request(id, Request::Hello(hello)))) => {
                self.hello(now, connection, id, &hello);
            }
            (Stage::New, Ok(frame)) => {
                let re = match frame {
                    FromClient::Request(id, _) => Some(id),
                    FromClient::Ack(_) | FromClient::Report(_) => None,
                };
                self.refuse(connection, re, ErrorCode::HelloFirst.into());
                self.close(now, connection, CloseCode::NoHello);
            }
            (Stage::Open(participant), Ok(FromClient::Ack(ack))) => {
                self.acknowledge(now, connection, &participant, ack.offset);
            }
            (Stage::Open(_), Ok(FromClient::Report(Report { path, reason }))) => {
                if within_rate {
                    self.events.push_back(Event::PathReported { path, reason });
                } else {
                    self.refuse(connection, None, Problem::retry(ErrorCode::RateLimited, SOON));
                }
            }
            (Stage::Open(participant), Ok(FromClient::Request(id, request))) => {
                let result = if within_rate {
                    self.request(now, connection, participant, id, &request)
                } else {
                    Err(Problem::retry(ErrorCode::RateLimited, SOON))
                };
                match result {
                    Ok(Reply::Now { kind, body }) => self.answer(&participant, id, kind, &body),
                    Ok(Reply::Given) => {}
                    Err(problem) => self.refuse(connection, Some(id), problem),
                }
            }
        }
        self.close_unread(now);
    }

    fn request(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        participant: ParticipantId,
        id: u64,
        request: &Request<'_>,
    ) -> Result<Reply, Problem> {
        match request {
            Request::Hello(_) => Err(ErrorCode::BadFrame.into()),
            Request::Ping(_) => Ok(Reply::with(&Pong {})),
            Request::Join(join) => self.join(now, connection, participant, id, join),
            Request::Profile(profile) => self.change_profile(participant, profile),
            Request::Leave(leave) => self.once(participant, id, |hub| hub.leave(now, participant, leave)),
            Request::Send(send) => self.once(participant, id, |hub| hub.send(now, participant, id, send)),
            Request::Publish(publish) => self.publish(participant, id, publish),
            Request::Ice(_) => Ok(Reply::with(&self.grant_ice(now, connection, participant))),
            Request::Announce(announce) => self.announce(participant, announce),
            Request::Unannounce(_) => self.unannounce(participant),
            Request::Find(find) => self.find(participant, find),
            Request::Invite(invite) => {
                self.once(participant, id, |hub| hub.invite(now, participant, id, invite))
            }
            Request::Respond(respond) => self.once(participant, id, |hub| hub.respond(participant, respond)),
            Request::Cancel(cancel) => self.once(participant, id, |hub| hub.cancel(participant, cancel)),
        }
    }

    /// Does what has not been done yet; answers a repeated frame again (§5).
    fn once(
        &mut self,
        participant: ParticipantId,
        id: u64,
        act: impl FnOnce(&mut Self) -> Result<Outcome, Problem>,
    ) -> Result<Reply, Problem> {
        let known = self.sessions.get(&participant).and_then(|session| session.outcomes.get(id));
        let outcome = match known {
            Some(outcome) => outcome,
            None => {
                let outcome = act(self)?;
                if let Some(mut session) = self.sessions.get_mut(&participant) {
                    session.outcomes.remember(id, outcome);
                }
                outcome
            }
        };
        match outcome {
            Outcome::Done => Ok(Reply::done()),
            Outcome::Published(receivers) => {
                Ok(Reply::with(&Done { receivers: Some(receivers.into()), busy: Vec::new() }))
            }
            Outcome::Pending => Ok(Reply::Given),
            Outcome::Gone => Err(ErrorCode::PeerGone.into()),
        }
    }

    /// Tells the senders of frames that waited for somebody what became of them.
    fn settle(&mut self, awaiting: Vec<Awaiting>, outcome: Outcome) {
        for Awaiting { sender, id } in awaiting {
            let Some(mut session) = self.sessions.get_mut(&sender) else { continue };
            if !session.outcomes.settle(id, outcome) {
                continue;
            }
            let connection = session.connection();
            drop(session);
            match (outcome, connection) {
                (Outcome::Gone, Some(connection)) => {
                    self.refuse(connection, Some(id), ErrorCode::PeerGone.into());
                }
                (_, Some(_)) => {
                    let body = Done::default().to_json();
                    self.answer(&sender, id, Done::TYPE, &body);
                }
                // Whoever is away repeats what is unanswered.
                (_, None) => {}
            }
        }
    }

    fn answer(&mut self, participant: &ParticipantId, re: u64, kind: &str, body: &str) {
        if let Some(session) = self.sessions.get(participant)
            && let Some(connection) = session.connection()
        {
            self.connections.answer(connection, session.log.last(), kind, Number::Re(re), body);
        }
    }

    fn refuse(&mut self, connection: ConnectionId, re: Option<u64>, problem: Problem) {
        self.statistics.refuse(problem.code);
        let retry = problem.retry.map(|after| after.as_millis().div_ceil(1_000).max(1) as u64);
        let body = Refused { code: problem.code, message: problem.code.message().into(), retry }.to_json();
        let after = match self.connections.get(connection).map(|connection| connection.stage) {
            Some(Stage::Open(participant)) => {
                self.sessions.get(&participant).map_or(0, |session| session.log.last())
            }
            _ => 0,
        };
        self.connections.answer(connection, after, Refused::TYPE, re.map_or(Number::None, Number::Re), &body);
    }

    /// Answers what is no frame, and closes the connection when that happens too often or cannot be mended.
    fn refuse_frame(&mut self, now: Instant, connection: ConnectionId, stage: Stage, refusal: Refusal) {
        let Some(state) = self.connections.get_mut(connection) else { return };
        let source = state.source;
        let mut code = refusal.code;
        let mut retry = None;
        let counts = matches!(code, ErrorCode::BadFrame | ErrorCode::UnknownType);
        if counts {
            state.errors.count(now, &ERRORS);
        }
        let too_many = counts && state.errors.closed_for(now, &ERRORS).is_some();
        if stage == Stage::New && code == ErrorCode::UnknownType {
            code = ErrorCode::HelloFirst;
        }
        if stage != Stage::New && refusal.joining {
            retry = self.addresses.closed_for(now, source);
            self.addresses.failed(now, source);
            if retry.is_some() {
                code = ErrorCode::TooManyJoins;
            }
        }
        self.refuse(connection, refusal.re, Problem { code, retry });
        if code == ErrorCode::TooLarge {
            self.close(now, connection, CloseCode::TooLarge);
        } else if stage == Stage::New {
            self.close(now, connection, CloseCode::NoHello);
        } else if too_many {
            self.close(now, connection, CloseCode::TooManyErrors);
        }
    }

    /// Puts a frame in line for a session, whether or not it has room: for what must not get lost and is bounded elsewhere.
    fn push(&mut self, participant: &ParticipantId, entry: Entry) {
        if let Some(mut session) = self.sessions.get_mut(participant) {
            session.log.push(entry);
            if let Some(connection) = session.connection() {
                self.connections.call(connection);
            }
        }
    }

    /// Whether the hub is so young that those whom it doesn't know may still be on their way back.
    fn is_young(&self, now: Instant) -> bool {
        now < self.started + self.config.grace
    }

    /// The time that [`Self::poll_timeout`] asked for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_due(now) {
            match timer {
                Timer::Hello(connection) => self.close(now, connection, CloseCode::NoHello),
                Timer::Idle(connection) => self.check_idle(now, connection),
                Timer::Grace(participant) => self.end_session(&participant),
                Timer::Held(participant) => self.end_held(&participant),
                Timer::Ice(participant) => self.renew_ice(now, participant),
                Timer::Ring(caller, id) => self.stop_ringing(caller, id),
            }
        }
        self.close_unread(now);
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// What the owner has to do, or may count.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A connection that has something to send. It comes up once, and again when [`Self::poll_transmit`] has come to its end and there is something new.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        self.connections.take_ready()
    }

    /// Writes the next frame of this connection into `buffer`, in place of what is there; `None` when there is nothing more for now.
    pub fn poll_transmit(&mut self, connection: ConnectionId, buffer: &mut Vec<u8>) -> Option<()> {
        let mut wrote = false;
        self.transmit(connection, buffer, |_| {
            wrote = true;
            false
        });
        wrote.then_some(())
    }

    /// [`Self::poll_transmit`] again and again: hands each frame to `take`, until that wants no more or there is none.
    /// Returns whether there may be more.
    pub fn transmit(
        &mut self,
        connection: ConnectionId,
        buffer: &mut Vec<u8>,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> bool {
        let Some(state) = self.connections.get_mut(connection) else { return false };
        let mut session = match state.stage {
            Stage::Open(participant) => self.sessions.get_mut(&participant),
            Stage::New | Stage::Closing => None,
        };
        loop {
            buffer.clear();
            let wrote = match &mut session {
                Some(session) => state.take_answer(session.log.taken(), buffer) || session.log.take(buffer),
                // The log that the answers would have followed is another connection's now, or nobody's.
                None => state.take_answer(u64::MAX, buffer),
            };
            if !wrote {
                state.rest();
                return false;
            }
            if !take(buffer) {
                return true;
            }
        }
    }

    /// The server is about to stop: tells every client to come back after a random time within `reconnect`, in seconds, and lets no new one in.
    /// The owner gives the sockets a moment, and closes them with [`CloseCode::Restart`].
    pub fn drain(&mut self, _now: Instant, reconnect: RangeInclusive<u16>) {
        if std::mem::replace(&mut self.draining, true) {
            return;
        }
        let entry = Entry::new(Place::State, &Drain { reconnect: [*reconnect.start(), *reconnect.end()] });
        for participant in self.sessions.connected() {
            self.push(&participant, entry.clone());
        }
    }

    /// What the hub holds and has done.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            channels: self.channels.len(),
            findable: self.directory.len(),
            ringing: self.ringing.len(),
            queued_bytes: self.sessions.queued_bytes(),
            ..self.statistics
        }
    }
}
