//! What the hub knows of one participant (`docs/signaling.md` §5).

use std::collections::VecDeque;
use std::time::Instant;

use aws_lc_rs::{constant_time, digest};
use rand::RngCore;
use rand::rngs::StdRng;

use super::connections::ConnectionId;
use super::holdings::Holder;
use super::log::{Awaiting, Entry, Log, Place};
use super::outcomes::Outcomes;
use crate::base64url;
use crate::identifier::{ChannelId, ParticipantId};

/// Whether a session has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attachment {
    /// It has this one.
    Connected(ConnectionId),
    /// It is kept until then.
    Away(Instant),
}

/// How a participant stands in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has joined.
    Joined,
    /// It had joined in a session that its present one replaces. The others see it away; what they say to it is held.
    Held,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    pub(super) channel: ChannelId,
    pub(super) standing: Standing,
}

/// The token of a session, as the hub keeps it: whoever reads the hub's memory cannot resume with it.
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    /// Makes a token; its text goes to the client, its hash stays.
    pub(super) fn issue(random: &mut StdRng) -> (String, Self) {
        let mut token = [0; 32];
        random.fill_bytes(&mut token);
        (base64url::encode(&token), Self::of(&token))
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        base64url::decode_array::<32>(text)
            .is_some_and(|token| constant_time::verify_slices_are_equal(&Self::of(&token).0, &self.0).is_ok())
    }

    fn of(token: &[u8; 32]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
        Self(hash)
    }
}

pub(super) struct Session {
    pub(super) attachment: Attachment,
    pub(super) token: TokenHash,
    /// Who is charged for it: the address at which it began.
    pub(super) holder: Holder,
    pub(super) log: Log,
    pub(super) memberships: Vec<Membership>,
    /// Messages of channels in which the participant is [`Standing::Held`], in order.
    pub(super) held: VecDeque<Entry>,
    held_bytes: usize,
    /// Channels whose changes did not fit into the log: a `resync` follows.
    pub(super) stale: Vec<ChannelId>,
    pub(super) outcomes: Outcomes,
    /// Invitations that ring here: caller and id.
    pub(super) ringing: Vec<(ParticipantId, u64)>,
    /// Invitations that this participant has open.
    pub(super) inviting: Vec<u64>,
}

impl Session {
    pub(super) fn new(connection: ConnectionId, token: TokenHash, holder: Holder) -> Self {
        Self {
            attachment: Attachment::Connected(connection),
            token,
            holder,
            log: Log::new(),
            memberships: Vec::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            stale: Vec::new(),
            outcomes: Outcomes::default(),
            ringing: Vec::new(),
            inviting: Vec::new(),
        }
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.attachment {
            Attachment::Connected(connection) => Some(connection),
            Attachment::Away(_) => None,
        }
    }

    pub(super) fn standing(&self, channel: &ChannelId) -> Option<Standing> {
        self.memberships
            .iter()
            .find(|membership| membership.channel == *channel)
            .map(|membership| membership.standing)
    }

    pub(super) fn has_joined(&self, channel: &ChannelId) -> bool {
        self.standing(channel) == Some(Standing::Joined)
    }

    /// The bytes that wait for the participant.
    pub(super) fn queued_bytes(&self) -> usize {
        self.log.bytes() + self.held_bytes
    }

    /// Whether a frame of this size still has a place in a queue of so many frames and bytes.
    pub(super) fn has_room(&self, size: usize, queue: usize, queue_bytes: usize) -> bool {
        self.log.len() + self.held.len() < queue && self.queued_bytes() + size <= queue_bytes
    }

    pub(super) fn hold(&mut self, entry: Entry) {
        self.held_bytes += entry.size();
        self.held.push_back(entry);
    }

    /// Takes what was held for this channel.
    pub(super) fn release(&mut self, channel: &ChannelId) -> Vec<Entry> {
        let (released, held): (Vec<_>, Vec<_>) =
            self.held.drain(..).partition(|entry| entry.place == Place::Channel(*channel));
        self.held = held.into();
        self.held_bytes -= released.iter().map(Entry::size).sum::<usize>();
        released
    }

    /// Whether nobody would miss this session: it is in no channel, cannot be found, and has nothing to be told.
    pub(super) fn is_unused(&self) -> bool {
        self.memberships.is_empty()
            && self.log.len() == 0
            && self.ringing.is_empty()
            && self.inviting.is_empty()
    }

    /// Begins anew for the same participant: it has to join its channels again. What it knew of them is void, what was said to it is not.
    pub(super) fn renew(&mut self, connection: ConnectionId, token: TokenHash) {
        self.attachment = Attachment::Connected(connection);
        self.token = token;
        self.stale.clear();
        let before = std::mem::replace(&mut self.log, Log::new());
        for entry in before.into_entries() {
            match entry.place {
                Place::State => {}
                Place::Participant => self.log.push(entry),
                // One who has left a channel need not be told what was said there.
                Place::Channel(channel) if self.standing(&channel).is_some() => self.hold(entry),
                Place::Channel(_) => {}
            }
        }
        for membership in &mut self.memberships {
            membership.standing = Standing::Held;
        }
    }

    /// Whom to tell that this session ended without having taken their frames.
    pub(super) fn abandoned(&mut self) -> Vec<Awaiting> {
        let mut awaiting = self.log.settle();
        awaiting.extend(self.held.iter_mut().filter_map(|entry| entry.awaiting.take()));
        awaiting
    }
}
