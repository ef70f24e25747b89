//! What the client keeps of one channel.

use std::collections::BTreeMap;
use std::time::Instant;

use super::content::Profile;
use super::event::MemberState;
use crate::identifier::{ChannelId, ParticipantId};
use crate::link::Link;
use crate::seal::{Context, Receiver, ReplayWindow, SealKey, SealedId};

/// Members of a channel that are kept; servers allow fewer (§11).
const MEMBERS: usize = 1_024;
/// Senders whose replays are refused. Those beyond are not heard: forgetting one would let the server repeat its messages.
const SENDERS: usize = 4_096;

/// Whether the server has us in the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It never had; the answer to our first `join` is on its way.
    New,
    /// It has.
    Held,
    /// It forgot us; the answer to our `join` is on its way.
    Lost,
    /// It forgot us and refused to let us back in: to be tried again.
    Refused(Instant),
}

impl Membership {
    pub(super) fn is_held(self) -> bool {
        self == Self::Held
    }
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) state: MemberState,
    /// When a missing member is given up.
    pub(super) until: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Channel {
    id: ChannelId,
    key: SealKey,
    pub(super) membership: Membership,
    pub(super) profile: Profile,
    pub(super) members: BTreeMap<ParticipantId, Member>,
    windows: BTreeMap<ParticipantId, ReplayWindow>,
}

impl Channel {
    pub(super) fn new(link: &Link, profile: Profile) -> Self {
        Self {
            id: link.channel(),
            key: link.seal_key(),
            membership: Membership::New,
            profile,
            members: BTreeMap::new(),
            windows: BTreeMap::new(),
        }
    }

    pub(super) const fn key(&self) -> &SealKey {
        &self.key
    }

    /// What a message in this channel is bound to.
    pub(super) const fn context(&self, sender: ParticipantId, receiver: Receiver, id: u64) -> Context {
        Context { channel: self.id, sender, receiver, id: SealedId::Message(id) }
    }

    /// What a profile in this channel is bound to.
    pub(super) const fn profile_context(&self, sender: ParticipantId) -> Context {
        Context { channel: self.id, sender, receiver: Receiver::Everybody, id: SealedId::Profile }
    }

    /// Opens a message, once.
    pub(super) fn open(&mut self, context: &Context, id: u64, sealed: &str) -> Option<Vec<u8>> {
        // Opened first: what cannot be opened must not move the window.
        let plaintext = self.key.open(context, sealed).ok()?;
        if !self.windows.contains_key(&context.sender) && self.windows.len() >= SENDERS {
            return None;
        }
        self.windows.entry(context.sender).or_default().accept(id).then_some(plaintext)
    }

    /// Opens a member's profile. Whoever cannot seal one does not have the link.
    pub(super) fn open_profile(&self, sender: ParticipantId, sealed: &str) -> Option<Profile> {
        let plaintext = self.key.open(&self.profile_context(sender), sealed).ok()?;
        Profile::parse(&plaintext)
    }

    pub(super) fn has_room(&self) -> bool {
        self.members.len() < MEMBERS
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        let rejoin = match self.membership {
            Membership::Refused(until) => Some(until),
            _ => None,
        };
        self.members.values().filter_map(|member| member.until).chain(rejoin).min()
    }
}
