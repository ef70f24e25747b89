//! The agent: its state and its verbs.
//!
//! What is beside: where candidates come from ([`gathering`], [`relaying`]), connections to the other side ([`tcp`]), what comes in ([`input`]), what travels with
//! checks ([`embedded`]), how it is configured otherwise ([`reconfiguring`]), which ports a
//! NAT gives ([`predicting`]) and which it may have given ([`searching`]), whether the server that relays is there ([`watching`]), and what it
//! says of itself ([`report`]). The pairs are the [`Session`]'s.

mod embedded;
mod gathering;
mod input;
mod predicting;
mod reconfiguring;
mod relaying;
mod report;
mod searching;
mod tcp;
mod watching;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_stun::TransactionId;
use peerline_turn::turn_client::TurnClient;
use rand::Rng;
use rand::rngs::StdRng;

use crate::embedding::Embedding;
use crate::locals::{BaseId, Locals};
use crate::pair::{Pair, Standing};
use crate::relay::{Relay, Stage};
use crate::session::{Context, Outgoing, Session};
use crate::tcp::TcpConnections;
use crate::{
    Candidate, CandidateId, Config, Credentials, Event, GatheringState, IceTransportPolicy, Role, Route,
    State, Transmit,
};
use embedded::Deferred;
use gathering::Sources;
use predicting::Prediction;
use searching::PortSearch;

/// What the other side's description says of its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteParameters {
    /// `a=ice-ufrag` and `a=ice-pwd`.
    pub credentials: Credentials,
    /// `a=ice-lite`: it answers checks and sends none (RFC 8445 §2.5).
    pub lite: bool,
}

/// Why a remote candidate isn't used. None of these makes a description wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    /// Neither UDP nor TCP, or no address (or a name below `.local`) that can be sent to.
    #[error("this kind of candidate isn't supported")]
    Unsupported,
    /// It belongs to other credentials than the other side's current ones.
    #[error("the candidate belongs to another generation")]
    Generation,
    /// There are [`Limits::remote_candidates`](crate::Limits::remote_candidates) already.
    #[error("there are too many candidates")]
    TooMany,
}

/// How often the selected pair is doubted for what changes on either side.
const SUSPICION: Duration = Duration::from_secs(1);
/// How long is waited between two attempts to find what has changed.
const RECOVERY: Duration = Duration::from_secs(6);

/// For how many events there is always room.
const EVENTS_KEPT: usize = 2;

/// A datagram that waits to be sent.
#[derive(Debug)]
struct Queued {
    transmit: Transmit,
    bytes: Box<[u8]>,
}

/// One side of one transport.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    random: StdRng,
    role: Role,
    tie_breaker: u64,
    state: State,
    gathering: GatheringState,
    sources: Sources,
    relays: Vec<Relay>,
    locals: Locals,
    tcp: TcpConnections,
    prediction: Prediction,
    port_search: PortSearch,
    current: Session,
    /// The generation before, until the current one has found a pair.
    previous: Option<Session>,
    next_pair: u32,
    /// What the sessions have written.
    outbox: VecDeque<Outgoing>,
    transmits: VecDeque<Queued>,
    events: VecDeque<Event>,
    embedding: Embedding,
    deferred: Option<Deferred>,
    /// What candidates are to be from the next restart on.
    reconfigured: Option<IceTransportPolicy>,
    /// How often that has been so.
    reconfigurations: u32,
    route: Option<Route>,
    selected_changes: u32,
    /// Addresses that were told by [`Event::RemoteAddress`], and whether they were proved.
    told: Vec<(SocketAddr, SocketAddr, bool)>,
    /// The transaction of Send indications: nothing answers to it.
    indications: TransactionId,
    /// When the selected pair was doubted last.
    suspected: Option<Instant>,
    /// While disconnected: when everything is tried again.
    recovers: Option<Instant>,
    /// When something is to be done.
    deadline: Option<Instant>,
    closed: bool,
}

impl Agent {
    /// An agent that has not begun. `random` makes its credentials, transactions and tie-breaker: it has to be unpredictable.
    pub fn new(config: Config, mut random: StdRng) -> Self {
        Self {
            role: config.role,
            tie_breaker: random.random(),
            current: Session::new(&mut random),
            indications: TransactionId::new(random.random()),
            embedding: Embedding::new(config.dtls_in_stun),
            deferred: None,
            reconfigured: None,
            reconfigurations: 0,
            config,
            random,
            state: State::New,
            gathering: GatheringState::New,
            sources: Sources::default(),
            relays: Vec::new(),
            locals: Locals::default(),
            tcp: TcpConnections::default(),
            prediction: Prediction::default(),
            port_search: PortSearch::default(),
            previous: None,
            next_pair: 0,
            outbox: VecDeque::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            route: None,
            selected_changes: 0,
            told: Vec::new(),
            suspected: None,
            recovers: None,
            deadline: None,
            closed: false,
        }
    }

    /// What this side's description says: user name fragment and password.
    pub fn local_credentials(&self) -> &Credentials {
        &self.current.local
    }

    /// The user name fragments that checks to this agent begin with: two while a restart is under way.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        let sessions = [Some(&self.current), self.previous.as_ref()];
        sessions.into_iter().flatten().map(|session| session.local.ufrag.as_str())
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Sets the role, which is known from the first offer and answer on.
    pub fn set_role(&mut self, now: Instant, role: Role) {
        self.role = role;
        self.settle(now);
    }

    /// What the other side's description says. Once set, they change only after [`restart`](Self::restart): others are ignored.
    /// Checks begin as soon as there are candidates, too.
    pub fn set_remote(&mut self, now: Instant, remote: RemoteParameters) {
        let (mut context, session) = self.context(now, false);
        if let Some(session) = session {
            session.set_remote(&mut context, remote);
        }
        self.settle(now);
    }

    /// What was set by [`set_remote`](Self::set_remote) for this generation.
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        self.current.remote.as_ref().map(|remote| &remote.credentials)
    }

    /// A candidate of the other side's.
    ///
    /// # Errors
    /// [`CandidateError`] when it is of no use to this agent.
    pub fn add_remote_candidate(
        &mut self,
        now: Instant,
        candidate: &Candidate,
    ) -> Result<(), CandidateError> {
        let (mut context, session) = self.context(now, false);
        let added = session.map_or(Ok(()), |session| session.add_remote(&mut context, candidate));
        if self.current.remotes_ended {
            // It had told all it had: something has changed over there.
            self.suspect_for_change(now);
        }
        self.settle(now);
        added
    }

    /// The other side has no more candidates (RFC 8838 §14).
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        self.current.remotes_ended = true;
        self.settle(now);
    }

    /// The answer to [`Event::ResolveName`]: no address when the name could not be resolved.
    pub fn resolved(&mut self, now: Instant, name: &str, addresses: &[IpAddr]) {
        let (mut context, session) = self.context(now, false);
        if let Some(session) = session {
            session.resolved(&mut context, name, addresses);
        }
        self.settle(now);
    }

    /// Begins anew with other credentials (RFC 8445 §9): candidates are told again, and the pair of before serves until
    /// there is a new one. [`set_remote`](Self::set_remote) follows when the other side's answer (or offer) is there.
    pub fn restart(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        let new = Session::new(&mut self.random);
        let old = std::mem::replace(&mut self.current, new);
        // A restart on top of one that has found nothing: what serves goes on serving.
        if self.previous.is_none() || old.selected.is_some() {
            self.previous = Some(old);
        }
        self.apply_reconfiguration();
        self.locals.remove_reflexive();
        self.sources.bindings.clear();
        self.prediction.restart();
        self.end_port_search();
        self.keep_living_found(now);
        self.port_search.restart();
        self.relays.retain(|relay| !matches!(relay.stage, Stage::Closed));
        self.add_all_bases(now);
        if self.sources.began.is_some() {
            self.sources.began = Some(now);
            self.set_gathering(GatheringState::Gathering);
            let told: Vec<_> = self.locals.candidates.iter().map(|candidate| candidate.id).collect();
            told.into_iter().for_each(|candidate| self.tell(candidate));
            self.pursue(now);
        }
        self.settle(now);
    }

    /// Takes the newest [`restart`](Self::restart) back, as an offer's rollback wants it. Does nothing after
    /// [`set_remote`](Self::set_remote).
    pub fn cancel_restart(&mut self, now: Instant) {
        if self.current.remote.is_none()
            && let Some(previous) = self.previous.take()
        {
            self.current = previous;
            self.add_all_bases(now);
            self.settle(now);
        }
    }

    /// The layer above hears nothing: the selected pair and those in reserve are checked at once, and the relay on the way is
    /// asked whether it knows of the allocation still: one that was started again doesn't, and says nothing of it by itself.
    pub fn suspect(&mut self, now: Instant) {
        self.doubt(now);
        self.handle_timeout(now);
    }

    fn doubt(&mut self, now: Instant) {
        self.suspected = Some(now);
        let base = self.current.selected_pair().map(|pair| pair.base);
        let relay = base.and_then(|base| self.locals.base(base)?.relay);
        if let Some(client) = relay.and_then(|relay| self.relay_mut(relay)) {
            client.verify(now);
        }
        self.current.ask_all(now);
        if let Some(previous) = &mut self.previous {
            previous.ask_all(now);
        }
    }

    /// Something has changed here, or what the other side does shows that it may know more: the selected pair may be dead.
    fn suspect_for_change(&mut self, now: Instant) {
        let is_due = self.suspected.is_none_or(|at| at + SUSPICION <= now);
        if is_due && self.current.selected.is_some() {
            self.suspect(now);
        }
    }

    /// The system says that nothing can be sent from `local` to `remote`: pairs that are being checked have failed, and a selected
    /// one is left as soon as another answers.
    pub fn unreachable(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr) {
        let Some(base) = self.locals.host(local).map(|base| base.id) else {
            return;
        };
        for session in [Some(&mut self.current), self.previous.as_mut()].into_iter().flatten() {
            for pair in session.pairs.iter_mut().filter(|pair| pair.base == base && pair.remote == remote) {
                if matches!(pair.standing, Standing::InProgress { .. }) {
                    pair.set(now, Standing::Failed);
                }
            }
        }
        let is_selected = |pair: &Pair| pair.base == base && pair.remote == remote;
        if self.current.selected_pair().is_some_and(is_selected) {
            self.current.ask_all(now);
        }
        self.handle_timeout(now);
    }

    /// Gives relays back, then falls silent. What [`poll_transmit`](Self::poll_transmit) has is still to be sent.
    pub fn close(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.previous = None;
        self.outbox.clear();
        self.close_search_sockets();
        let mut closing = Vec::new();
        for relay in &mut self.relays {
            match relay.client_mut() {
                Some(client) => client.close(now),
                None => closing.push(relay.id),
            }
        }
        for relay in closing {
            self.drop_relay(now, relay);
        }
        self.settle(now);
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) had asked for.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handle_deferred(now);
        for relay in &mut self.relays {
            if let Some(client) = relay.client_mut() {
                client.handle_timeout(now);
            }
        }
        if !self.closed {
            self.ask_due(now);
            self.watch_relay(now);
        }
        self.settle(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The next datagram, written to the beginning of `buffer` (which should have 2,300 bytes; what doesn't fit is dropped).
    pub fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<Transmit> {
        loop {
            let Queued { transmit, bytes } = self.transmits.pop_front()?;
            if let Some(room) = buffer.get_mut(..bytes.len()) {
                room.copy_from_slice(&bytes);
                return Some(transmit);
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_none() {
            // So many at once as at the beginning there won't be again.
            self.events.shrink_to(EVENTS_KEPT);
        }
        event
    }

    fn context(&mut self, now: Instant, of_previous: bool) -> (Context<'_>, Option<&mut Session>) {
        let context = Context {
            now,
            timing: &self.config.timing,
            limits: &self.config.limits,
            role: &mut self.role,
            tie_breaker: &mut self.tie_breaker,
            locals: &mut self.locals,
            tcp: &mut self.tcp,
            random: &mut self.random,
            next_pair: &mut self.next_pair,
            outbox: &mut self.outbox,
            events: &mut self.events,
            embedding: &mut self.embedding,
            sequence: &mut self.prediction.sequence,
        };
        let session = if of_previous { self.previous.as_mut() } else { Some(&mut self.current) };
        (context, session)
    }

    /// A base has been added: its candidate is told, and it is paired.
    fn add_base(&mut self, now: Instant, base: BaseId) {
        if let Some(candidate) = self.locals.base(base).map(|base| base.candidate) {
            self.tell(candidate);
        }
        let (mut context, session) = self.context(now, false);
        if let Some(session) = session {
            session.add_base(&mut context, base);
        }
    }

    fn add_all_bases(&mut self, now: Instant) {
        let bases: Vec<_> = self.locals.bases.iter().map(|base| base.id).collect();
        let (mut context, session) = self.context(now, false);
        if let Some(session) = session {
            for base in bases {
                session.add_base(&mut context, base);
            }
        }
    }

    fn remove_base(&mut self, now: Instant, base: BaseId) {
        for of_previous in [false, true] {
            let (context, session) = self.context(now, of_previous);
            if let Some(session) = session {
                session.remove_base(&context, base);
            }
        }
        self.locals.remove(base);
    }

    /// Tells the owner of a candidate, if the other side is to know it.
    fn tell(&mut self, candidate: CandidateId) {
        let known = self.locals.candidates.iter().find(|known| known.id == candidate);
        let told =
            known.filter(|known| self.locals.is_told(known)).map(|known| self.with_ufrag(&known.candidate));
        self.events.extend(told.map(Event::LocalCandidate));
    }

    /// After every change: what follows from it, and what is to be said and sent.
    fn settle(&mut self, now: Instant) {
        self.drain_relays(now);
        if !self.closed {
            self.check_gathering(now);
            let gathered = self.gathering == GatheringState::Complete;
            for of_previous in [false, true] {
                let (mut context, session) = self.context(now, of_previous);
                if let Some(session) = session {
                    session.handle_timeout(&mut context);
                    session.update(&mut context, gathered);
                }
            }
            if self.current.selected.is_some() {
                self.previous = None;
            }
            self.release_retired(now);
            self.release_tcp();
        }
        self.tell_state(now);
        self.tend_relays(now, self.state == State::Completed);
        self.flush(now);
        self.predict_ports(now);
        self.search_ports(now);
        self.drain_relays(now);
        self.tell_state(now);
        self.deadline = self.next_timeout(now);
    }

    fn tell_state(&mut self, now: Instant) {
        let timing = &self.config.timing;
        let gathered = self.gathering == GatheringState::Complete;
        let of_previous = self.previous.as_ref().map(|session| session.state(now, timing, false));
        let state = match (self.current.state(now, timing, gathered), of_previous) {
            _ if self.closed => State::Closed,
            // A restart is not seen as long as the pair of before serves.
            (State::New | State::Checking, Some(before)) if before != State::Failed => before,
            (State::New, Some(State::Failed)) => State::Checking,
            (state, _) => state,
        };
        let route = self.selected_route();
        if self.route != route {
            self.selected_changes +=
                u32::from(route.is_some() && self.route.map(|old| old.pair) != route.map(|new| new.pair));
            self.route = route;
            self.events.push_back(Event::RouteChanged(route));
        }
        if self.state != state {
            self.state = state;
            self.events.push_back(Event::StateChanged(state));
        }
        self.recover(now);
    }

    /// As long as no pair answers, everything is tried again, in case the network has changed. That begins before anybody is told of
    /// it: this machine may have another address meanwhile, and the other side learns it from here only.
    fn recover(&mut self, now: Instant) {
        let is_cut_off = self.state == State::Disconnected || self.current.is_silent(now);
        if !is_cut_off || !self.current.may_recover(now) {
            self.recovers = None;
        } else if self.recovers.is_none_or(|at| at <= now) {
            self.recovers = Some(now + RECOVERY);
            self.ask_again(now);
            self.current.check_failed_again(now);
        }
    }

    fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let relays = self
            .relays
            .iter()
            .filter_map(Relay::client)
            .filter_map(|(client, _): (&TurnClient, _)| client.poll_timeout());
        if self.closed {
            return relays.min();
        }
        let timing = &self.config.timing;
        let gathered = self.gathering == GatheringState::Complete;
        let sessions = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        let sessions = sessions.filter_map(|session| session.poll_timeout(now, timing, gathered));
        relays
            .chain(sessions)
            .chain(self.next_gathering_timeout())
            .chain(self.next_prediction())
            .chain(self.next_port_search())
            .chain(self.next_relay_watch())
            .chain(self.recovers)
            .min()
    }
}
