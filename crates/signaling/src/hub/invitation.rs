//! Ringing (`docs/signaling.md` §8).

use std::time::{Duration, Instant};

use super::log::{Awaiting, Entry, Place};
use super::outcomes::Outcome;
use super::timers::Timer;
use super::{Hub, Problem, SOON};
use crate::error::ErrorCode;
use crate::identifier::ParticipantId;
use crate::message::{Answer, Cancel, Invitation, InvitationEnded, InvitationResult, Invite, Respond};

/// An invitation that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ringing {
    pub(super) invited: ParticipantId,
}

impl Hub {
    pub(super) fn invite(
        &mut self,
        now: Instant,
        caller: ParticipantId,
        id: u64,
        invite: &Invite<'_>,
    ) -> Result<Outcome, Problem> {
        let Invite { to: invited, payload, timeout } = invite;
        if *invited == caller || !self.directory.has(invited) {
            return Err(Problem {
                code: ErrorCode::NotFound,
                retry: (*invited != caller && self.is_young(now)).then_some(SOON),
            });
        }
        // So old a repetition that its answer is forgotten.
        if self.ringing.contains_key(&(caller, id)) {
            return Ok(Outcome::Done);
        }
        let Some(own) = self.sessions.get(&caller) else { return Err(ErrorCode::NotFound.into()) };
        // The end of every invitation is told, whether or not there is room; so whoever leaves no room may not begin one.
        if own.inviting.len() >= self.config.inviting || !self.sessions.has_room(own, 0) {
            return Err(Problem::retry(ErrorCode::RateLimited, 5 * SOON));
        }
        let Some(session) = self.sessions.get(invited) else { return Err(ErrorCode::NotFound.into()) };
        if session.ringing.len() >= self.config.ringing {
            self.tell_ended(&caller, caller, *invited, id, InvitationResult::Busy);
            return Ok(Outcome::Done);
        }
        let name = self.directory.get(&caller).map(|announcement| announcement.name.clone());
        let body = Invitation { from: caller, id, name, payload: *payload, timeout: *timeout };
        let mut entry = Entry::new(Place::Participant, &body);
        if !self.sessions.has_room(session, entry.size()) {
            return Err(Problem::retry(ErrorCode::PeerBusy, SOON));
        }
        let outcome = if session.connection().is_some() {
            Outcome::Done
        } else {
            entry.awaiting = Some(Awaiting { sender: caller, id });
            Outcome::Pending
        };
        self.push(invited, entry);
        self.ringing.insert((caller, id), Ringing { invited: *invited });
        self.timers.arm(Timer::Ring(caller, id), now + Duration::from_secs((*timeout).into()));
        if let Some(mut session) = self.sessions.get_mut(invited) {
            session.ringing.push((caller, id));
        }
        if let Some(mut session) = self.sessions.get_mut(&caller) {
            session.inviting.push(id);
        }
        Ok(outcome)
    }

    pub(super) fn respond(
        &mut self,
        participant: ParticipantId,
        respond: &Respond,
    ) -> Result<Outcome, Problem> {
        let Respond { to: caller, invitation, answer } = *respond;
        let rings_here =
            self.ringing.get(&(caller, invitation)).is_some_and(|ringing| ringing.invited == participant);
        if !rings_here {
            return Err(ErrorCode::NotFound.into());
        }
        let result = match answer {
            Answer::Accept => InvitationResult::Accepted,
            Answer::Decline => InvitationResult::Declined,
            Answer::Busy => InvitationResult::Busy,
        };
        self.end_invitation(caller, invitation, result);
        Ok(Outcome::Done)
    }

    pub(super) fn cancel(&mut self, caller: ParticipantId, cancel: &Cancel) -> Result<Outcome, Problem> {
        if !self.ringing.contains_key(&(caller, cancel.invitation)) {
            return Err(ErrorCode::NotFound.into());
        }
        self.end_invitation(caller, cancel.invitation, InvitationResult::Cancelled);
        Ok(Outcome::Done)
    }

    /// Nobody answered in time.
    pub(super) fn stop_ringing(&mut self, caller: ParticipantId, id: u64) {
        self.end_invitation(caller, id, InvitationResult::Timeout);
    }

    /// One of the two is gone: so are the invitations that it has open, and those that ring for it.
    pub(super) fn end_invitations(&mut self, participant: &ParticipantId) {
        let Some(session) = self.sessions.get(participant) else { return };
        let own = session.inviting.iter().map(|id| (*participant, *id));
        let invitations: Vec<_> = own.chain(session.ringing.iter().copied()).collect();
        for (caller, id) in invitations {
            self.end_invitation(caller, id, InvitationResult::Gone);
        }
    }

    fn end_invitation(&mut self, caller: ParticipantId, id: u64, result: InvitationResult) {
        let Some(Ringing { invited }) = self.ringing.remove(&(caller, id)) else { return };
        self.timers.disarm(Timer::Ring(caller, id));
        let is_pending = self.sessions.get_mut(&caller).is_some_and(|mut session| {
            session.inviting.retain(|open| *open != id);
            session.outcomes.get(id) == Some(Outcome::Pending)
        });
        // One that waited for somebody who was away is over without having rung.
        if is_pending {
            self.settle(vec![Awaiting { sender: caller, id }], Outcome::Done);
        }
        if let Some(mut session) = self.sessions.get_mut(&invited) {
            session.ringing.retain(|ringing| *ringing != (caller, id));
        }
        self.tell_ended(&caller, caller, invited, id, result);
        self.tell_ended(&invited, caller, invited, id, result);
    }

    fn tell_ended(
        &mut self,
        receiver: &ParticipantId,
        from: ParticipantId,
        to: ParticipantId,
        invitation: u64,
        result: InvitationResult,
    ) {
        let ended = InvitationEnded { from, to, invitation, result };
        self.push(receiver, Entry::new(Place::Participant, &ended));
    }
}
