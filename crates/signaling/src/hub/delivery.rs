//! Messages between the members of a channel (`docs/signaling.md` §7), and their acknowledgement.

use std::time::Instant;

use super::connections::ConnectionId;
use super::log::{Awaiting, Entry, Place};
use super::outcomes::Outcome;
use super::session::{Session, Standing};
use super::{Hub, Problem, Reply, SOON};
use crate::error::ErrorCode;
use crate::identifier::ParticipantId;
use crate::message::{Done, Message, Publish, Send, State};

impl Hub {
    pub(super) fn send(
        &mut self,
        now: Instant,
        sender: ParticipantId,
        id: u64,
        send: &Send<'_>,
    ) -> Result<Outcome, Problem> {
        let Send { channel, to, payload } = send;
        self.require_joined(&sender, channel)?;
        let is_member = *to != sender && self.channels.get(channel).is_some_and(|channel| channel.has(to));
        let Some(mut receiver) = self.sessions.get_mut(to).filter(|_| is_member) else {
            return Err(Problem {
                code: ErrorCode::PeerGone,
                retry: (*to != sender && self.is_young(now)).then_some(SOON),
            });
        };
        let message = Message { channel: *channel, from: sender, to: Some(*to), id, payload: *payload };
        let mut entry = Entry::new(Place::Channel(*channel), &message);
        if !receiver.has_room(entry.size()) {
            return Err(Problem::retry(ErrorCode::PeerBusy, SOON));
        }
        self.statistics.messages += 1;
        let standing = receiver.standing(channel);
        match (receiver.connection(), standing) {
            (Some(connection), Some(Standing::Joined)) => {
                receiver.log.push(entry);
                self.connections.call(connection);
                Ok(Outcome::Done)
            }
            _ => {
                entry.awaiting = Some(Awaiting { sender, id });
                put_in_line(&mut receiver, standing, entry);
                Ok(Outcome::Pending)
            }
        }
    }

    pub(super) fn publish(
        &mut self,
        sender: ParticipantId,
        id: u64,
        publish: &Publish<'_>,
    ) -> Result<Reply, Problem> {
        let mut busy = Vec::new();
        let reply = self.once(sender, id, |hub| {
            let (receivers, full) = hub.put_in_line_for_all(sender, id, publish)?;
            busy = full;
            Ok(Outcome::Published(receivers))
        })?;
        if busy.is_empty() {
            return Ok(reply);
        }
        // Forgotten, so that a repetition tries those who were busy again; the others drop what they have seen.
        let receivers = self.sessions.get_mut(&sender).and_then(|mut session| session.outcomes.forget(id));
        match receivers {
            Some(Outcome::Published(receivers)) => {
                Ok(Reply::with(&Done { receivers: Some(receivers.into()), busy }))
            }
            _ => Ok(reply),
        }
    }

    /// Returns how many members the message is in line for, and those whose queue was full.
    fn put_in_line_for_all(
        &mut self,
        sender: ParticipantId,
        id: u64,
        publish: &Publish<'_>,
    ) -> Result<(u16, Vec<ParticipantId>), Problem> {
        let Publish { channel: channel_id, payload } = publish;
        self.require_joined(&sender, channel_id)?;
        let message = Message { channel: *channel_id, from: sender, to: None, id, payload: *payload };
        let entry = Entry::new(Place::Channel(*channel_id), &message);
        let (mut receivers, mut busy) = (0, Vec::new());
        for occupant in self.channels.get(channel_id).into_iter().flat_map(|channel| channel.others(&sender))
        {
            let Some(mut receiver) = self.sessions.get_mut(&occupant.participant) else { continue };
            if !receiver.has_room(entry.size()) {
                busy.push(occupant.participant);
                continue;
            }
            receivers += 1;
            // Who is present has joined.
            let standing = match occupant.state {
                State::Present => Some(Standing::Joined),
                State::Away => receiver.standing(channel_id),
            };
            put_in_line(&mut receiver, standing, entry.clone());
            if let Some(connection) = receiver.connection() {
                self.connections.call(connection);
            }
        }
        self.statistics.messages += u64::from(receivers);
        if receivers == 0 && !busy.is_empty() {
            return Err(Problem::retry(ErrorCode::PeerBusy, SOON));
        }
        Ok((receivers, busy))
    }

    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        participant: &ParticipantId,
        offset: u64,
    ) {
        let acknowledged =
            self.sessions.get_mut(participant).map(|mut session| session.log.acknowledge(offset));
        let Some(is_fit) = acknowledged else { return };
        if is_fit {
            self.resynchronize(participant);
        } else {
            let refusal = crate::message::Refusal { code: ErrorCode::BadFrame, re: None, joining: false };
            self.refuse_frame(now, connection, super::Stage::Open(*participant), refusal);
        }
    }
}

fn put_in_line(receiver: &mut Session, standing: Option<Standing>, entry: Entry) {
    if standing == Some(Standing::Held) {
        receiver.hold(entry);
    } else {
        receiver.log.push(entry);
    }
}
