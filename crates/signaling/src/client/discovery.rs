//! Being findable, finding, and ringing (`docs/signaling.md` §8).

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::content::presentable;
use super::event::{Event, IncomingInvitation, Refusal};
use super::outbox::{Purpose, RequestId};
use super::{Client, CommandError, opaque, quoted};
use crate::error::ErrorCode;
use crate::identifier::ParticipantId;
use crate::link::Link;
use crate::message::{
    self, Announce, Cancel, Find, InvitationEnded, InvitationResult, Invite, Prefix, Presence, Respond,
    Unannounce,
};
use crate::name::Name;
use crate::seal::{IdentityPublicKey, InvitationContext, seal_invitation};

pub use crate::message::Answer as InvitationAnswer;

/// How much later than its time an invitation is given up whose end the server never told.
const MARGIN: Duration = Duration::from_secs(15);
/// Invitations that may ring here at once; servers allow 4.
const RINGING: usize = 64;

/// What the server is to be told again when it has lost its memory.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    name: Name,
    presence: Presence,
}

/// An invitation that we have open.
#[derive(Debug)]
pub(super) struct Invited {
    to: ParticipantId,
    timeout: u16,
    /// When it is surely over; `None` while the server has not said that it rings.
    until: Option<Instant>,
}

/// Whom to ring, and how.
#[derive(Clone, Debug)]
pub struct InviteOptions<'a> {
    /// Who.
    pub to: ParticipantId,
    /// Its public key, as `find` returned it.
    pub identity: IdentityPublicKey,
    /// Where to meet.
    pub link: &'a Link,
    /// What we call ourselves.
    pub name: &'a str,
    /// How long it rings, in seconds: 5 to 120.
    pub timeout: u16,
}

/// The plaintext of an invitation.
#[derive(Serialize, Deserialize)]
struct InvitationContent {
    link: String,
    name: String,
    identity: String,
}

impl Client {
    /// Makes oneself findable; again to change name or presence. It lasts until [`Self::unannounce`], whatever the server forgets.
    ///
    /// # Errors
    /// When the session has ended, or too many requests wait.
    pub fn announce(
        &mut self,
        now: Instant,
        name: Name,
        presence: Presence,
    ) -> Result<RequestId, CommandError> {
        self.ready_for_request()?;
        self.announced = Some(Announcement { name: name.clone(), presence });
        let id = self.next_id();
        let body = Announce { name, identity: *self.identity.public(), presence };
        Ok(self.request(now, id, Purpose::Announce { asked: true }, &body))
    }

    /// Is findable no more.
    ///
    /// # Errors
    /// When the session has ended, or too many requests wait.
    pub fn unannounce(&mut self, now: Instant) -> Result<RequestId, CommandError> {
        self.ready_for_request()?;
        self.announced = None;
        let id = self.next_id();
        Ok(self.request(now, id, Purpose::Unannounce, &Unannounce {}))
    }

    /// Asks who is findable and has a name that begins so: at most 50 people, by name, without oneself.
    ///
    /// # Errors
    /// When the session has ended, or too many requests wait.
    pub fn find(&mut self, now: Instant, prefix: Prefix) -> Result<RequestId, CommandError> {
        self.ready_for_request()?;
        let id = self.next_id();
        Ok(self.request(now, id, Purpose::Find, &Find { prefix }))
    }

    /// Rings somebody; [`Event::InvitationEnded`] says how it ended, with the number that this returns.
    ///
    /// # Errors
    /// When the other side's key is none, the session has ended, or too many requests wait.
    pub fn invite(&mut self, now: Instant, options: &InviteOptions<'_>) -> Result<u64, CommandError> {
        self.ready_for_request()?;
        let id = self.next_id();
        let content = InvitationContent {
            link: options.link.to_string(),
            name: options.name.to_owned(),
            identity: self.identity.public().to_text(),
        };
        let plaintext = serde_json::to_vec(&content).unwrap_or_default();
        let context = InvitationContext { caller: self.participant, invited: options.to, id };
        let sealed = seal_invitation(&mut self.random, &options.identity, &context, &plaintext)
            .map_err(|_| CommandError::Identity)?;
        let (to, timeout) = (options.to, options.timeout.clamp(5, 120));
        let raw = quoted(&sealed);
        let invite = Invite { to, payload: opaque(raw.as_deref())?, timeout };
        self.inviting.insert(id, Invited { to, timeout, until: None });
        self.request(now, id, Purpose::Invite, &invite);
        Ok(id)
    }

    /// Takes an invitation back.
    pub fn cancel(&mut self, now: Instant, invitation: u64) {
        let Some(invited) = self.inviting.remove(&invitation) else { return };
        self.outbox.remove(invitation);
        let id = self.next_id();
        self.request(now, id, Purpose::Cancel, &Cancel { invitation });
        self.invitation_over(invitation, &invited, InvitationResult::Cancelled);
    }

    /// Answers an invitation that rings here.
    pub fn respond(&mut self, now: Instant, from: ParticipantId, invitation: u64, answer: InvitationAnswer) {
        if self.ringing.remove(&(from, invitation)).is_some() {
            self.send_response(now, from, invitation, answer);
        }
    }

    pub(super) fn cancel_all(&mut self, now: Instant) {
        for invitation in self.inviting.keys().copied().collect::<Vec<_>>() {
            self.cancel(now, invitation);
        }
    }

    fn send_response(
        &mut self,
        now: Instant,
        from: ParticipantId,
        invitation: u64,
        answer: InvitationAnswer,
    ) {
        let id = self.next_id();
        self.request(now, id, Purpose::Respond, &Respond { to: from, invitation, answer });
    }

    /// Being findable ends with the session.
    pub(super) fn announce_again(&mut self) {
        let Some(Announcement { name, presence }) = self.announced.clone() else { return };
        // What waits for an answer says the same, or something newer.
        let waits = self.outbox.any(|purpose| matches!(purpose, Purpose::Announce { .. }));
        if !waits {
            let id = self.next_id();
            let body = Announce { name, identity: *self.identity.public(), presence };
            let frame = crate::frame::to_text(crate::frame::Number::Id(id), &body);
            self.outbox.insert(id, Purpose::Announce { asked: false }, frame, false);
        }
    }

    /// The server began a new life: what rang there rings no more. What it had not answered is sent again.
    pub(super) fn forget_invitations(&mut self) {
        let rang: Vec<_> =
            self.inviting.iter().filter(|(_, invited)| invited.until.is_some()).map(|(id, _)| *id).collect();
        for id in rang {
            if let Some(invited) = self.inviting.remove(&id) {
                self.invitation_over(id, &invited, InvitationResult::Gone);
            }
        }
        for (from, id) in std::mem::take(&mut self.ringing).into_keys() {
            self.rings_no_more(from, id, InvitationResult::Gone);
        }
    }

    /// The server says that it rings.
    pub(super) fn rings(&mut self, now: Instant, id: u64) {
        if let Some(invited) = self.inviting.get_mut(&id) {
            invited.until = Some(now + Duration::from_secs(invited.timeout.into()) + MARGIN);
        }
    }

    pub(super) fn invite_refused(&mut self, id: u64, refusal: &Refusal) {
        if let Some(invited) = self.inviting.remove(&id) {
            let result = match refusal.code {
                Some(ErrorCode::RateLimited | ErrorCode::PeerBusy) => InvitationResult::Busy,
                _ => InvitationResult::Gone,
            };
            self.invitation_over(id, &invited, result);
        }
    }

    pub(super) fn take_invitation(&mut self, now: Instant, invitation: &message::Invitation<'_>) {
        let message::Invitation { from, id, payload, timeout, .. } = invitation;
        if self.ringing.contains_key(&(*from, *id)) {
            return;
        }
        let context = InvitationContext { caller: *from, invited: self.participant, id: *id };
        let opened = self.identity.open_invitation(&context, &payload.to_text());
        let content = opened.ok().and_then(|plaintext| {
            let content: InvitationContent = serde_json::from_slice(&plaintext).ok()?;
            let link = Link::parse(&content.link).ok()?;
            Some((link, content.name, IdentityPublicKey::parse(&content.identity)?))
        });
        let Some((link, name, identity)) = content else {
            return self.send_response(now, *from, *id, InvitationAnswer::Decline);
        };
        if self.ringing.len() >= RINGING {
            return self.send_response(now, *from, *id, InvitationAnswer::Busy);
        }
        self.ringing.insert((*from, *id), now + Duration::from_secs((*timeout).into()) + MARGIN);
        self.events.push_back(Event::Invitation(Box::new(IncomingInvitation {
            from: *from,
            id: *id,
            link,
            name: presentable(&name),
            identity,
            timeout: *timeout,
        })));
    }

    pub(super) fn take_invitation_ended(&mut self, ended: &InvitationEnded) {
        let InvitationEnded { from, invitation, result, .. } = *ended;
        if from == self.participant {
            // The answer to the `invite` may have been lost.
            if self.outbox.purpose(invitation) == Some(Purpose::Invite) {
                self.outbox.remove(invitation);
            }
            if let Some(invited) = self.inviting.remove(&invitation) {
                self.invitation_over(invitation, &invited, result);
            }
        } else if self.ringing.remove(&(from, invitation)).is_some() {
            self.rings_no_more(from, invitation, result);
        }
    }

    pub(super) fn invitations_timeout(&self) -> Option<Instant> {
        let inviting = self.inviting.values().filter_map(|invited| invited.until);
        inviting.chain(self.ringing.values().copied()).min()
    }

    pub(super) fn check_invitations(&mut self, now: Instant) {
        let over: Vec<_> = self
            .inviting
            .iter()
            .filter(|(_, invited)| invited.until.is_some_and(|until| until <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            if let Some(invited) = self.inviting.remove(&id) {
                self.invitation_over(id, &invited, InvitationResult::Timeout);
            }
        }
        let over: Vec<_> =
            self.ringing.iter().filter(|(_, until)| **until <= now).map(|(name, _)| *name).collect();
        for name in over {
            self.ringing.remove(&name);
            self.rings_no_more(name.0, name.1, InvitationResult::Timeout);
        }
    }

    fn invitation_over(&mut self, id: u64, invited: &Invited, result: InvitationResult) {
        let (from, to) = (self.participant, invited.to);
        self.events.push_back(Event::InvitationEnded { from, to, id, result });
    }

    fn rings_no_more(&mut self, from: ParticipantId, id: u64, result: InvitationResult) {
        let to = self.participant;
        self.events.push_back(Event::InvitationEnded { from, to, id, result });
    }
}
