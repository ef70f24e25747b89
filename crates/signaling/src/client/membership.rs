//! Who is in which channel (`docs/signaling.md` §6).

use std::time::Instant;

use super::channel::{Channel, Member, Membership};
use super::content::Profile;
use super::event::{Event, LeaveReason, MemberState, Refusal};
use super::outbox::Purpose;
use super::{Client, CommandError, opaque, quoted};
use crate::frame::{self, Number};
use crate::identifier::{ChannelId, ParticipantId};
use crate::link::Link;
use crate::message::{
    self, Arrived, Join, Joined, Leave, Left, LeftReason, ProfileChanged, Resync, State, StateChanged,
};

impl Client {
    /// Enters a channel: [`Event::Joined`] follows, or [`Event::JoinRefused`]. It is joined again whenever the server
    /// has lost its memory. The link's server has to be the one that the owner connects to.
    ///
    /// # Errors
    /// When it has been joined already, the profile is too long, or the session has ended.
    pub fn join(&mut self, now: Instant, link: &Link, profile: Profile) -> Result<ChannelId, CommandError> {
        self.ready_for_request()?;
        let id = link.channel();
        if self.channels.contains_key(&id) {
            return Err(CommandError::AlreadyJoined);
        }
        let channel = Channel::new(link, profile);
        let sealed = self.seal_profile(&channel)?;
        opaque::<{ crate::limits::PROFILE }>(sealed.as_deref())?;
        self.channels.insert(id, channel);
        self.send_join(&id);
        self.pump(now);
        Ok(id)
    }

    /// Leaves a channel. What was said there and not yet answered is given up.
    pub fn leave(&mut self, now: Instant, channel: &ChannelId) {
        if self.channels.remove(channel).is_none() {
            return;
        }
        self.abandon(|purpose| purpose.channel() == Some(channel));
        let id = self.next_id();
        let leave = Leave { channel: *channel };
        if matches!(self.phase, super::Phase::Open(_)) {
            // Ahead of what waits: whoever leaves wants to be gone.
            self.transmit(now, frame::to_text(Number::Id(id), &leave));
        }
        // Kept: a connection that breaks now must not keep us in the channel.
        self.outbox.insert(id, Purpose::Leave, frame::to_text(Number::Id(id), &leave), false);
    }

    /// Tells the members of a channel something else about oneself.
    ///
    /// # Errors
    /// When the channel has not been joined, the profile is too long, or too many requests wait.
    pub fn set_profile(
        &mut self,
        now: Instant,
        channel: &ChannelId,
        profile: Profile,
    ) -> Result<(), CommandError> {
        self.ready_for_request()?;
        let mut changed = self.channels.remove(channel).ok_or(CommandError::NotJoined)?;
        let before = std::mem::replace(&mut changed.profile, profile);
        let sealed = self.seal_profile(&changed);
        let body = sealed.as_ref().map_err(|error| *error).and_then(|sealed| {
            Ok(message::Profile { channel: *channel, profile: opaque(sealed.as_deref())? })
        });
        if body.is_err() {
            changed.profile = before;
        }
        let held = changed.membership.is_held();
        self.channels.insert(*channel, changed);
        let body = body?;
        // The `join` that is on its way, or is to come, brings the new one along; an older change is void.
        self.abandon(|purpose| *purpose == Purpose::Profile(*channel));
        if held {
            let id = self.next_id();
            self.request(now, id, Purpose::Profile(*channel), &body);
        } else {
            self.abandon(|purpose| *purpose == Purpose::Join(*channel));
            self.send_join(channel);
            self.pump(now);
        }
        Ok(())
    }

    fn seal_profile(
        &mut self,
        channel: &Channel,
    ) -> Result<Option<Box<serde_json::value::RawValue>>, CommandError> {
        let context = channel.profile_context(self.participant);
        let json = channel.profile.to_json();
        let sealed = channel.key().seal(&mut self.random, &context, json.as_bytes());
        Ok(quoted(&sealed.map_err(|_| CommandError::TooLong)?))
    }

    fn send_join(&mut self, id: &ChannelId) {
        let request = self.next_id();
        let Some(channel) = self.channels.remove(id) else { return };
        let sealed = self.seal_profile(&channel).unwrap_or_default();
        self.channels.insert(*id, channel);
        // Its length was checked when it was set.
        let Ok(profile) = opaque(sealed.as_deref()) else { return };
        let join = frame::to_text(Number::Id(request), &Join { channel: *id, profile });
        self.outbox.insert(request, Purpose::Join(*id), join, self.phase.is_open());
    }

    /// The server forgot us.
    pub(super) fn rejoin_all(&mut self) {
        self.outbox.abandon(|purpose| matches!(purpose, Purpose::Join(_) | Purpose::Profile(_)));
        for id in self.channels.keys().copied().collect::<Vec<_>>() {
            if let Some(channel) = self.channels.get_mut(&id)
                && channel.membership != Membership::New
            {
                channel.membership = Membership::Lost;
            }
            self.send_join(&id);
        }
    }

    /// The server can be reached again; the members may not have got what we said last.
    pub(super) fn reached(&mut self) {
        for (id, channel) in &self.channels {
            for (participant, member) in &channel.members {
                if channel.membership.is_held() && member.state == MemberState::Present {
                    let (channel, participant, state) = (*id, *participant, MemberState::Present);
                    self.events.push_back(Event::MemberState { channel, participant, state });
                }
            }
        }
    }

    pub(super) fn take_joined(&mut self, now: Instant, joined: &Joined<'_>) {
        let Some(channel) = self.channels.get_mut(&joined.channel) else { return };
        self.events.push_back(Event::IceServers(joined.ice.clone()));
        if !channel.membership.is_held() {
            channel.membership = Membership::Held;
            self.outbox.release(&joined.channel);
            self.events.push_back(Event::Joined(joined.channel));
        }
        self.meet(now, &joined.channel, &joined.members, true);
    }

    pub(super) fn join_refused(&mut self, now: Instant, id: ChannelId, refusal: Refusal) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if channel.membership == Membership::New {
            self.channels.remove(&id);
            self.abandon(|purpose| purpose.channel() == Some(&id));
            self.events.push_back(Event::JoinRefused(id, refusal));
        } else {
            channel.membership = Membership::Refused(now + self.config.rejoin);
            self.events.push_back(Event::RejoinRefused(id, refusal));
        }
    }

    pub(super) fn take_arrived(&mut self, arrived: &Arrived<'_>) {
        self.meet_one(&arrived.channel, &arrived.member, false);
    }

    pub(super) fn take_resync(&mut self, now: Instant, resync: &Resync<'_>) {
        for members in &resync.channels {
            self.meet(now, &members.channel, &members.members, false);
        }
    }

    /// Takes the server's list of the other members. Those who are not in it may be on their way back.
    fn meet(&mut self, now: Instant, id: &ChannelId, members: &[message::Member<'_>], offers: bool) {
        let until = now + self.config.missing;
        if let Some(channel) = self.channels.get_mut(id) {
            for (participant, member) in &mut channel.members {
                let listed = members.iter().any(|listed| listed.participant == *participant);
                if !listed && member.state != MemberState::Missing {
                    *member = Member { state: MemberState::Missing, until: Some(until) };
                    let (channel, participant, state) = (*id, *participant, MemberState::Missing);
                    self.events.push_back(Event::MemberState { channel, participant, state });
                }
            }
        }
        for member in members {
            self.meet_one(id, member, offers);
        }
    }

    fn meet_one(&mut self, id: &ChannelId, member: &message::Member<'_>, offers: bool) {
        let message::Member { participant, profile, state, polite } = member;
        let Some(channel) = self.channels.get_mut(id) else { return };
        let Some(profile) = channel.open_profile(*participant, &profile.to_text()) else { return };
        if *participant == self.participant {
            return;
        }
        let state = member_state(*state);
        let known = channel.members.contains_key(participant);
        if !known && !channel.has_room() {
            return;
        }
        channel.members.insert(*participant, Member { state, until: None });
        let (channel, participant, polite) = (*id, *participant, *polite);
        if known {
            self.events.push_back(Event::ProfileChanged { channel, participant, profile });
            self.events.push_back(Event::MemberState { channel, participant, state });
        } else {
            self.events.push_back(Event::Arrived { channel, participant, profile, state, polite, offers });
        }
    }

    pub(super) fn take_state(&mut self, change: &StateChanged) {
        let StateChanged { channel, participant, state } = *change;
        if let Some(member) = self.member(&channel, &participant) {
            let state = member_state(state);
            *member = Member { state, until: None };
            self.events.push_back(Event::MemberState { channel, participant, state });
        }
    }

    pub(super) fn take_profile(&mut self, change: &ProfileChanged<'_>) {
        let ProfileChanged { channel: id, participant, profile } = change;
        let Some(channel) = self.channels.get(id) else { return };
        if channel.members.contains_key(participant)
            && let Some(profile) = channel.open_profile(*participant, &profile.to_text())
        {
            let (channel, participant) = (*id, *participant);
            self.events.push_back(Event::ProfileChanged { channel, participant, profile });
        }
    }

    pub(super) fn take_left(&mut self, left: &Left) {
        let reason = match left.reason {
            LeftReason::Left => LeaveReason::Left,
            LeftReason::Timeout => LeaveReason::Timeout,
        };
        if let Some(channel) = self.channels.get_mut(&left.channel)
            && channel.members.remove(&left.participant).is_some()
        {
            let Left { channel, participant, .. } = *left;
            self.events.push_back(Event::Left { channel, participant, reason });
        }
    }

    /// Gives up missing members, and tries channels again that refused us.
    pub(super) fn check_channels(&mut self, now: Instant) {
        let mut again = Vec::new();
        for (id, channel) in &mut self.channels {
            channel.members.retain(|participant, member| {
                let gone = member.until.is_some_and(|until| until <= now);
                if gone {
                    let (channel, participant, reason) = (*id, *participant, LeaveReason::Timeout);
                    self.events.push_back(Event::Left { channel, participant, reason });
                }
                !gone
            });
            if let Membership::Refused(until) = channel.membership
                && until <= now
            {
                channel.membership = Membership::Lost;
                again.push(*id);
            }
        }
        for id in again {
            self.send_join(&id);
        }
    }

    fn member(&mut self, channel: &ChannelId, participant: &ParticipantId) -> Option<&mut Member> {
        self.channels.get_mut(channel)?.members.get_mut(participant)
    }
}

const fn member_state(state: State) -> MemberState {
    match state {
        State::Present => MemberState::Present,
        State::Away => MemberState::Away,
    }
}
