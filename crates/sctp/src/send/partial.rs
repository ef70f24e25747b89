//! Giving messages up, and telling the peer (RFC 3758 §3.5, RFC 8260 §2.3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Sender;
use super::flight::{Fate, Sent};
use super::messages::MessageKey;
use crate::packet::{DataKind, ForwardTsn, PacketWriter, Skipped};
use crate::{Event, Tsn};

/// How far the peer may take everything as come: the "advanced peer acknowledgement point".
#[derive(Debug)]
pub(super) struct Forwarding {
    point: Tsn,
    is_due: bool,
    sent_at: Option<Instant>,
}

impl Forwarding {
    pub(super) fn new(point: Tsn) -> Self {
        Self { point, is_due: false, sent_at: None }
    }

    pub(super) fn acknowledged(&mut self, cumulative: Tsn) {
        if !self.point.is_after(cumulative) {
            self.point = cumulative;
            self.is_due = false;
        }
    }

    /// The peer doesn't seem to know (RFC 3758 §3.5 F).
    pub(super) fn repeat(&mut self, cumulative: Tsn) {
        self.is_due |= self.point.is_after(cumulative);
    }

    /// As [`repeat`](Self::repeat), once a round trip.
    pub(super) fn repeat_if_stale(&mut self, now: Instant, cumulative: Tsn, round_trip: Option<Duration>) {
        let since = self.sent_at.map(|at| now.saturating_duration_since(at));
        if since.zip(round_trip).is_some_and(|(since, round_trip)| since > round_trip) {
            self.repeat(cumulative);
        }
    }

    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }
}

impl Sender {
    /// Gives up the message of a lost chunk if it isn't to be sent again. Says whether it was given up.
    pub(super) fn abandon_if_hopeless(
        &mut self,
        now: Instant,
        sent: &Sent,
        events: &mut VecDeque<Event>,
    ) -> bool {
        let Some(message) = self.messages.get(sent.message) else { return true };
        if message.is_abandoned {
            return true;
        }
        let is_hopeless = message.has_expired(now)
            || message.max_retransmissions.is_some_and(|most| sent.retransmissions >= most);
        if !is_hopeless || !self.terms.partial_reliability {
            return false;
        }
        self.abandon(now, sent.message, events);
        true
    }

    /// A message has outlived its lifetime after its beginning was sent: given up, where the peer can deal with that.
    pub(super) fn abandon_begun(&mut self, now: Instant, key: MessageKey, events: &mut VecDeque<Event>) {
        if self.terms.partial_reliability {
            self.abandon(now, key, events);
            self.forward_over_abandoned();
        } else if let Some(message) = self.messages.get_mut(key) {
            message.expires = None;
        }
    }

    /// Gives up a message of which something was sent.
    fn abandon(&mut self, now: Instant, key: MessageKey, events: &mut VecDeque<Event>) {
        let Some(message) = self.messages.get_mut(key) else { return };
        message.is_abandoned = true;
        let stream = message.stream;
        self.counters.abandoned += 1;
        events.push_back(Event::Abandoned(stream));
        let unsent = message.unsent();
        if unsent > 0 {
            // The peer may have all that was sent, and would wait for the rest: a last chunk that is never sent gives us
            // a TSN to skip.
            message.outstanding += 1;
            let fragment = message.fragments;
            self.streams.drop_unsent(key, message, events);
            self.flight.push(Sent {
                sent_at: now,
                message: key,
                offset: 0,
                fragment,
                transmission: 0,
                length: 0,
                retransmissions: 0,
                fate: Fate::Lost,
            });
        }
        if let Some(message) = self.messages.get_mut(key) {
            message.sent = 0;
            message.payload = bytes::Bytes::new();
        }
    }

    /// Advances the point over chunks of messages that were given up (RFC 3758 §3.5 C2), and over others among them that
    /// have arrived.
    pub(super) fn forward_over_abandoned(&mut self) {
        let mut at = self.forwarding.point.next();
        while let Some(sent) = self.flight.get(at) {
            if self.messages.is_abandoned(sent.message) {
                self.forwarding.point = at;
                self.forwarding.is_due = true;
            } else if sent.fate != Fate::Acknowledged {
                return;
            }
            at = at.next();
        }
    }

    /// Writes a FORWARD TSN or I-FORWARD-TSN, as far as it fits.
    pub(super) fn write_forward_tsn(&mut self, now: Instant, writer: &mut PacketWriter<'_>) {
        let data_kind = self.terms.data_kind;
        let capacity = ForwardTsn::capacity(writer.remaining(), data_kind);
        let mut skipped: Vec<Skipped> = Vec::new();
        let mut cumulative = self.flight.cumulative();
        let mut at = cumulative.next();
        while !at.is_after(self.forwarding.point)
            && let Some(sent) = self.flight.get(at)
        {
            if let Some(message) = self.messages.get(sent.message).filter(|message| message.is_abandoned)
                && (data_kind == DataKind::IData || !message.unordered)
            {
                let this =
                    Skipped { stream: message.stream, unordered: message.unordered, message: message.number };
                let same = |one: &&mut Skipped| one.stream == this.stream && one.unordered == this.unordered;
                if let Some(known) = skipped.iter_mut().find(same) {
                    known.message = this.message;
                } else if skipped.len() < capacity {
                    skipped.push(this);
                } else {
                    break;
                }
            }
            cumulative = at;
            at = at.next();
        }
        if cumulative != self.flight.cumulative()
            && ForwardTsn::write(writer, data_kind, cumulative, &skipped)
        {
            self.forwarding.is_due = false;
            self.forwarding.sent_at = Some(now);
            self.retransmission_timer.get_or_insert(now + self.round_trip.timeout());
        }
    }
}
