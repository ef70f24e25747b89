//! How sessions begin, break, go on and end (`docs/signaling.md` §5).

use std::time::Instant;

use super::connections::{ConnectionId, Stage};
use super::event::Event;
use super::log::{Entry, Place};
use super::outcomes::Outcome;
use super::session::{Attachment, Standing, TokenHash};
use super::timers::Timer;
use super::{Hub, Problem, SOON};
use crate::error::{CloseCode, ErrorCode};
use crate::frame::{Body, Number};
use crate::identifier::ParticipantId;
use crate::message::{Hello, Ice, LeftReason, Resume, State, Welcome};

impl Hub {
    pub(super) fn hello(&mut self, now: Instant, connection: ConnectionId, id: u64, hello: &Hello<'_>) {
        if self.draining {
            self.refuse(connection, Some(id), Problem::retry(ErrorCode::Draining, SOON));
            return self.close(now, connection, CloseCode::Restart);
        }
        let participant = hello.key.participant();
        let Some(source) = self.connections.get(connection).map(|state| state.source) else { return };
        let known = self.sessions.contains(&participant);
        if !known
            && (!self.sessions.may_begin(source)
                || self.sessions.len() >= self.config.sessions && !self.forget_one_unused())
        {
            self.refuse(connection, Some(id), Problem::retry(ErrorCode::Overloaded, self.config.grace));
            return self.close(now, connection, CloseCode::NoHello);
        }
        self.fence(now, &participant);
        let (text, token) = TokenHash::issue(&mut self.random);
        let recovered = known && self.resume(connection, &participant, hello.resume.as_ref());
        if !known {
            self.sessions.begin(participant, source, connection, token);
        } else if let Some(mut session) = self.sessions.get_mut(&participant) {
            if recovered {
                session.token = token;
            } else {
                session.renew(connection, token);
                if !session.memberships.is_empty() {
                    self.timers.arm(Timer::Held(participant), now + self.config.grace);
                }
                // Being findable ends with the session (§8).
                self.directory.remove(&participant);
            }
        }
        if let Some(state) = self.connections.get_mut(connection) {
            state.stage = Stage::Open(participant);
        }
        self.timers.disarm(Timer::Hello(connection));
        self.timers.arm(Timer::Idle(connection), now + 2 * self.config.heartbeat);
        let welcome = Welcome {
            participant,
            epoch: self.epoch.as_str().into(),
            resume: text.into(),
            grace: self.config.grace.as_secs(),
            heartbeat: self.config.heartbeat.as_secs(),
            recovered,
            limits: self.config.limits,
        }
        .to_json();
        self.connections.answer(connection, 0, Welcome::TYPE, Number::Re(id), &welcome);
        self.events.push_back(Event::SessionStarted { connection, participant, recovered });
        let settled =
            self.sessions.get_mut(&participant).map(|mut session| session.log.settle()).unwrap_or_default();
        self.settle(settled, Outcome::Done);
        if recovered {
            self.change_state(&participant, State::Present);
            self.resynchronize(&participant);
        }
    }

    /// Takes the session of this participant from its connection, older than the one that says `hello`.
    fn fence(&mut self, now: Instant, participant: &ParticipantId) {
        let Some(session) = self.sessions.get(participant) else { return };
        match session.attachment {
            Attachment::Connected(older) => self.close(now, older, CloseCode::Fenced),
            Attachment::Away(_) => {}
        }
        if let Some(Attachment::Away(until)) =
            self.sessions.get(participant).map(|session| session.attachment)
        {
            self.statistics.away -= 1;
            self.unused.remove(&(until, *participant));
            self.timers.disarm(Timer::Grace(*participant));
        }
    }

    /// Goes on with a session, if the client proves that it is the one it knows.
    fn resume(
        &mut self,
        connection: ConnectionId,
        participant: &ParticipantId,
        resume: Option<&Resume<'_>>,
    ) -> bool {
        let Some(mut session) = self.sessions.get_mut(participant) else { return false };
        let recovered = resume.is_some_and(|resume| {
            session.token.matches(&resume.token)
                && resume.epoch == self.epoch
                && session.log.resume(resume.offset)
        });
        if recovered {
            session.attachment = Attachment::Connected(connection);
        }
        recovered
    }

    /// The transport of this connection is gone.
    pub fn disconnect(&mut self, now: Instant, connection: ConnectionId) {
        self.timers.disarm(Timer::Hello(connection));
        if let Some(state) = self.connections.remove(connection)
            && let Stage::Open(participant) = state.stage
        {
            self.timers.disarm(Timer::Idle(connection));
            self.detach(now, &participant);
        }
        self.close_unread(now);
    }

    /// Ends a connection: the owner closes the transport, the session goes on without it.
    pub(super) fn close(&mut self, now: Instant, connection: ConnectionId, code: CloseCode) {
        let Some(state) = self.connections.get_mut(connection) else { return };
        let stage = std::mem::replace(&mut state.stage, Stage::Closing);
        if stage == Stage::Closing {
            return;
        }
        self.timers.disarm(Timer::Hello(connection));
        self.timers.disarm(Timer::Idle(connection));
        self.events.push_back(Event::Close { connection, code });
        if let Stage::Open(participant) = stage {
            self.detach(now, &participant);
        }
    }

    /// A session has lost its connection: the grace time begins.
    fn detach(&mut self, now: Instant, participant: &ParticipantId) {
        let until = now + self.config.grace;
        let Some(mut session) = self.sessions.get_mut(participant) else { return };
        session.attachment = Attachment::Away(until);
        session.log.rewind();
        if session.is_unused() && !self.directory.has(participant) {
            self.unused.insert((until, *participant));
        }
        drop(session);
        self.statistics.away += 1;
        self.timers.arm(Timer::Grace(*participant), until);
        self.change_state(participant, State::Away);
    }

    /// Makes room for a new session, at the cost of the oldest that nobody would miss.
    fn forget_one_unused(&mut self) -> bool {
        let Some((_, participant)) = self.unused.first().copied() else { return false };
        self.timers.disarm(Timer::Grace(participant));
        self.end_session(&participant);
        true
    }

    /// Nobody came back for this session.
    pub(super) fn end_session(&mut self, participant: &ParticipantId) {
        let Some(session) = self.sessions.get(participant) else { return };
        if let Attachment::Away(until) = session.attachment {
            self.statistics.away -= 1;
            self.unused.remove(&(until, *participant));
        }
        let channels: Vec<_> = session.memberships.iter().map(|membership| membership.channel).collect();
        for channel in &channels {
            self.remove_member(channel, participant, LeftReason::Timeout);
        }
        self.directory.remove(participant);
        self.end_invitations(participant);
        if let Some(mut session) = self.sessions.remove(participant) {
            self.settle(session.abandoned(), Outcome::Gone);
        }
        self.timers.disarm(Timer::Held(*participant));
        self.timers.disarm(Timer::Ice(*participant));
        self.events.push_back(Event::SessionEnded { participant: *participant });
    }

    /// The channels that a replaced session was in and that the new one did not join again are left.
    pub(super) fn end_held(&mut self, participant: &ParticipantId) {
        let Some(session) = self.sessions.get(participant) else { return };
        let held: Vec<_> = session
            .memberships
            .iter()
            .filter(|membership| membership.standing == Standing::Held)
            .map(|membership| membership.channel)
            .collect();
        for channel in held {
            let abandoned = self
                .sessions
                .get_mut(participant)
                .map(|mut session| session.release(&channel))
                .unwrap_or_default()
                .iter()
                .filter_map(|entry| entry.awaiting)
                .collect();
            self.remove_member(&channel, participant, LeftReason::Timeout);
            self.settle(abandoned, Outcome::Gone);
        }
    }

    pub(super) fn check_idle(&mut self, now: Instant, connection: ConnectionId) {
        let Some(state) = self.connections.get(connection) else { return };
        let until = state.heard + 2 * self.config.heartbeat;
        if until > now {
            self.timers.arm(Timer::Idle(connection), until);
        } else {
            self.close(now, connection, CloseCode::Idle);
        }
    }

    /// Closes the connections whose clients leave their answers unread. Each leaves its channels `away`, which may fill further logs but no further answers.
    pub(super) fn close_unread(&mut self, now: Instant) {
        while let Some(connection) = self.connections.take_unread() {
            self.connections.forget_answers(connection);
            self.close(now, connection, CloseCode::Unread);
        }
    }

    /// A credential for this participant, and the time for its renewal.
    pub(super) fn grant_ice(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        participant: ParticipantId,
    ) -> Ice {
        let grant = self.ice.grant(connection, &participant);
        self.timers.arm(Timer::Ice(participant), now + (grant.lifetime / 4 * 3).max(SOON));
        grant.ice
    }

    /// The participant's credential is about to end.
    pub(super) fn renew_ice(&mut self, now: Instant, participant: ParticipantId) {
        let Some(session) = self.sessions.get(&participant) else { return };
        let has_room = self.sessions.has_room(session, 0);
        match session.connection() {
            Some(connection) if has_room => {
                let ice = self.grant_ice(now, connection, participant);
                self.push(&participant, Entry::new(Place::State, &ice));
            }
            // Not now: soon after it has come back, or has room.
            _ => self.timers.arm(Timer::Ice(participant), now + 5 * SOON),
        }
    }
}
