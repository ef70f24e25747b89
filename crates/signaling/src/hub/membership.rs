//! Who is in which channel, and what the others are told of it (`docs/signaling.md` §6).

use std::time::Instant;

use super::connections::ConnectionId;
use super::event::Event;
use super::log::{Entry, Place};
use super::outcomes::Outcome;
use super::session::{Membership, Standing};
use super::{Hub, Problem, Reply};
use crate::error::ErrorCode;
use crate::frame::Body;
use crate::identifier::{ChannelId, ParticipantId};
use crate::message::{
    Arrived, Join, Joined, Leave, Left, LeftReason, Profile, ProfileChanged, Resync, State, StateChanged,
};

/// How much of a `resync` goes into one frame, in bytes.
const RESYNC: usize = 60_000;

impl Hub {
    pub(super) fn join(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        participant: ParticipantId,
        request: u64,
        join: &Join<'_>,
    ) -> Result<Reply, Problem> {
        let Join { channel: id, profile } = join;
        match self.sessions.get(&participant).and_then(|session| session.standing(id)) {
            Some(Standing::Joined) => {
                self.replace_profile(participant, &Profile { channel: *id, profile: *profile });
            }
            standing => {
                self.allow_join(now, connection, &participant, id, standing.is_some())?;
                self.enter(participant, join);
            }
        }
        let ice = self.grant_ice(now, connection, participant);
        let members = self.channels.get(id).map(|channel| channel.members(&participant)).unwrap_or_default();
        let joined = Joined { channel: *id, members, ice }.to_json();
        self.answer(&participant, request, Joined::TYPE, &joined);
        self.follow_up(participant, id);
        Ok(Reply::Given)
    }

    /// Checks the limits of the address, the participant and the channel (§11).
    fn allow_join(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        participant: &ParticipantId,
        channel: &ChannelId,
        returns: bool,
    ) -> Result<(), Problem> {
        let source = self.connections.get(connection).map(|connection| connection.source);
        if let Some(source) = source
            && let Some(retry) = self.addresses.closed_for(now, source)
        {
            return Err(Problem::retry(ErrorCode::TooManyJoins, retry));
        }
        let limits = &self.config.limits;
        let channels = self.sessions.get(participant).map_or(0, |session| session.memberships.len());
        let members = self.channels.get(channel).map_or(0, |channel| channel.occupants.len());
        let problem = if !returns && channels >= limits.channels {
            Some(ErrorCode::TooManyChannels)
        } else if !returns && members >= limits.members {
            Some(ErrorCode::ChannelFull)
        } else {
            None
        };
        match (source, problem) {
            (Some(source), Some(_)) => self.addresses.failed(now, source),
            (Some(source), None) => self.addresses.joined(now, source),
            (None, _) => {}
        }
        problem.map_or(Ok(()), |code| Err(code.into()))
    }

    fn enter(&mut self, participant: ParticipantId, join: &Join<'_>) {
        let Some(mut session) = self.sessions.get_mut(&participant) else { return };
        match session.memberships.iter_mut().find(|membership| membership.channel == join.channel) {
            Some(membership) => membership.standing = Standing::Joined,
            None => {
                session.memberships.push(Membership { channel: join.channel, standing: Standing::Joined });
                self.statistics.members += 1;
                self.events.push_back(Event::Joined { participant });
            }
        }
        drop(session);
        self.channels.entry(join.channel).or_default().enter(participant, &join.profile);
        self.tell_others(&join.channel, &participant, |channel, receiver| {
            let arrived = channel.occupants.iter().find(|occupant| occupant.participant == participant)?;
            let member = arrived.as_seen_by(receiver)?;
            Some(Entry::new(Place::State, &Arrived { channel: join.channel, member }))
        });
    }

    /// What was said to the participant while it was not in the channel follows behind the answer to its `join`.
    fn follow_up(&mut self, participant: ParticipantId, channel: &ChannelId) {
        let Some(mut session) = self.sessions.get_mut(&participant) else { return };
        let released = session.release(channel);
        let mut awaiting = Vec::new();
        for mut entry in released {
            awaiting.extend(entry.awaiting.take());
            session.log.push(entry);
        }
        drop(session);
        self.settle(awaiting, Outcome::Done);
    }

    pub(super) fn change_profile(
        &mut self,
        participant: ParticipantId,
        profile: &Profile<'_>,
    ) -> Result<Reply, Problem> {
        self.require_joined(&participant, &profile.channel)?;
        self.replace_profile(participant, profile);
        Ok(Reply::done())
    }

    fn replace_profile(&mut self, participant: ParticipantId, profile: &Profile<'_>) {
        let Profile { channel: id, profile } = profile;
        let Some(channel) = self.channels.get_mut(id) else { return };
        channel.enter(participant, profile);
        let entry =
            Entry::new(Place::State, &ProfileChanged { channel: *id, participant, profile: *profile });
        self.tell_others(id, &participant, |_, _| Some(entry.clone()));
    }

    pub(super) fn leave(
        &mut self,
        _now: Instant,
        participant: ParticipantId,
        leave: &Leave,
    ) -> Result<Outcome, Problem> {
        self.require_joined(&participant, &leave.channel)?;
        self.remove_member(&leave.channel, &participant, LeftReason::Left);
        Ok(Outcome::Done)
    }

    /// Takes a participant out of a channel and tells the others why.
    pub(super) fn remove_member(&mut self, id: &ChannelId, participant: &ParticipantId, reason: LeftReason) {
        if let Some(mut session) = self.sessions.get_mut(participant) {
            session.memberships.retain(|membership| membership.channel != *id);
            session.stale.retain(|stale| stale != id);
        }
        let Some(channel) = self.channels.get_mut(id) else { return };
        channel.remove(participant);
        self.statistics.members -= 1;
        self.events.push_back(Event::Left { participant: *participant, reason });
        if channel.occupants.is_empty() {
            self.channels.remove(id);
            return;
        }
        let entry = Entry::new(Place::State, &Left { channel: *id, participant: *participant, reason });
        self.tell_others(id, participant, |_, _| Some(entry.clone()));
    }

    /// Tells the others in every channel that the participant's connection broke or came back.
    pub(super) fn change_state(&mut self, participant: &ParticipantId, state: State) {
        let Some(session) = self.sessions.get(participant) else { return };
        let joined: Vec<_> = session
            .memberships
            .iter()
            .filter(|membership| membership.standing == Standing::Joined)
            .map(|membership| membership.channel)
            .collect();
        for id in joined {
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            channel.set_state(participant, state);
            let change = StateChanged { channel: id, participant: *participant, state };
            let entry = Entry::new(Place::State, &change);
            self.tell_others(&id, participant, |_, _| Some(entry.clone()));
        }
    }

    /// Puts a change of the channel in line for its other members. Where there is no room, a `resync` will tell.
    fn tell_others(
        &mut self,
        id: &ChannelId,
        participant: &ParticipantId,
        mut entry_for: impl FnMut(&super::Channel, &ParticipantId) -> Option<Entry>,
    ) {
        let Some(channel) = self.channels.get(id) else { return };
        for occupant in channel.others(participant) {
            let receiver = &occupant.participant;
            let Some(mut session) = self.sessions.get_mut(receiver) else { continue };
            // Who has yet to join again is told everything then.
            if !session.has_joined(id) || session.stale.contains(id) {
                continue;
            }
            let Some(entry) = entry_for(channel, receiver) else { continue };
            if session.has_room(entry.size()) {
                session.log.push(entry);
                if let Some(connection) = session.connection() {
                    self.connections.call(connection);
                }
            } else {
                session.stale.push(*id);
            }
        }
    }

    /// Tells a session in full of the channels whose changes had no room, once there is some (§5).
    pub(super) fn resynchronize(&mut self, participant: &ParticipantId) {
        let Some(mut session) = self.sessions.get_mut(participant) else { return };
        if session.stale.is_empty() || !session.has_room(0) {
            return;
        }
        let mut channels = Vec::new();
        let mut size = 0;
        for id in std::mem::take(&mut session.stale) {
            let Some(channel) = self.channels.get(&id) else { continue };
            let members = channel.members_for_resync(id, participant);
            let length = serde_json::to_string(&members).map_or(0, |text| text.len());
            if size + length > RESYNC {
                session
                    .log
                    .push(Entry::new(Place::State, &Resync { channels: std::mem::take(&mut channels) }));
                size = 0;
            }
            size += length;
            channels.push(members);
        }
        session.log.push(Entry::new(Place::State, &Resync { channels }));
        if let Some(connection) = session.connection() {
            self.connections.call(connection);
        }
    }

    pub(super) fn require_joined(
        &self,
        participant: &ParticipantId,
        channel: &ChannelId,
    ) -> Result<(), Problem> {
        let joined = self.sessions.get(participant).is_some_and(|session| session.has_joined(channel));
        if joined { Ok(()) } else { Err(ErrorCode::NotJoined.into()) }
    }
}
