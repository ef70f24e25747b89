//! Filling packets with data.

use std::collections::VecDeque;
use std::time::Instant;

use super::Sender;
use super::flight::{Fate, Sent};
use super::streams::{Next, PieceRoom};
use crate::packet::{Data, DataFlags, PacketWriter};
use crate::{Event, Tsn};

impl Sender {
    /// Whether there may be something to write. It costs little and errs to the safe side.
    #[inline]
    pub(crate) fn has_something(&mut self, now: Instant) -> bool {
        self.forwarding.is_due()
            || self.loss.is_probing
            || !self.retransmissions.is_empty()
            || (self.streams.buffered() > 0 && self.may_send(now))
    }

    /// Fills the rest of a packet: FORWARD TSN first, then what was lost, then what is new (RFC 9260 §6.1).
    /// New pieces of messages have at most `piece` bytes.
    #[inline]
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        writer: &mut PacketWriter<'_>,
        piece: usize,
        events: &mut VecDeque<Event>,
    ) {
        if self.forwarding.is_due() {
            self.write_forward_tsn(now, writer);
        }
        if !self.retransmissions.is_empty() && !self.write_retransmissions(now, writer, events) {
            return;
        }
        let wrote = self.write_new(now, writer, piece, events);
        if self.loss.is_probing {
            self.loss.is_probing = false;
            if !wrote && let Some(tsn) = self.resend_last() {
                self.loss.may_resend_at_once = true;
                self.retransmissions.push_front(tsn);
                self.write_retransmissions(now, writer, events);
            }
        }
    }

    /// Sends lost chunks again. False where some are left.
    fn write_retransmissions(
        &mut self,
        now: Instant,
        writer: &mut PacketWriter<'_>,
        events: &mut VecDeque<Event>,
    ) -> bool {
        while let Some(&tsn) = self.retransmissions.front() {
            let lost = self.flight.get(tsn).copied().filter(|sent| sent.fate == Fate::Lost);
            let Some(sent) = lost.filter(|sent| !self.abandon_if_hopeless(now, sent, events)) else {
                self.retransmissions.pop_front();
                continue;
            };
            if !self.may_send(now) && !self.loss.may_resend_at_once {
                self.is_window_limited = true;
                return false;
            }
            let length = self.terms.data_kind.header_length() + usize::from(sent.length);
            if length > writer.remaining() {
                if !writer.is_empty() {
                    return false;
                }
                // It was made for a path that carried more.
                writer.lift_limit(length);
            }
            if !self.write_chunk(writer, tsn, &sent, self.loss.is_probing) {
                return false;
            }
            self.retransmissions.pop_front();
            self.counters.retransmissions += 1;
            self.transmissions = self.transmissions.wrapping_add(1);
            self.flight.resend(tsn, now, self.transmissions);
            self.loss.resent(tsn, self.transmissions, usize::from(sent.length));
            self.pacer.sent(now, usize::from(sent.length));
            self.last_sent = Some(now);
            self.retransmission_timer.get_or_insert(now + self.round_trip.timeout());
        }
        self.forward_over_abandoned();
        true
    }

    /// Sends new data. Says whether there was any.
    #[inline]
    fn write_new(
        &mut self,
        now: Instant,
        writer: &mut PacketWriter<'_>,
        at_most: usize,
        events: &mut VecDeque<Event>,
    ) -> bool {
        let header = self.terms.data_kind.header_length();
        let mut wrote = false;
        if self.streams.buffered() == 0 {
            return false;
        }
        self.note_sending(now);
        loop {
            if !self.may_send(now) && !self.loss.is_probing {
                break;
            }
            // With nothing outstanding one chunk may go whatever the peer's window (RFC 9260 §6.1 A).
            let window = self.terms.peer_window as usize;
            let outstanding = self.flight.outstanding();
            if outstanding > 0 && outstanding + at_most > window {
                break;
            }
            let Some(here) = writer.remaining().checked_sub(header + 4) else { break };
            let room = PieceRoom { here: here + 4, at_most };
            let kind = self.terms.data_kind;
            let piece = match self.streams.next_piece(now, room, kind, &mut self.messages, events) {
                Next::Piece(piece) => piece,
                Next::Expired(message) => {
                    self.abandon_begun(now, message, events);
                    continue;
                }
                Next::Nothing => break,
            };
            self.transmissions = self.transmissions.wrapping_add(1);
            let sent = Sent {
                sent_at: now,
                message: piece.message,
                offset: piece.offset,
                fragment: piece.fragment,
                transmission: self.transmissions,
                length: piece.length,
                retransmissions: 0,
                fate: Fate::InFlight,
            };
            let tsn = self.flight.push(sent);
            self.loss.sent(tsn, self.transmissions, usize::from(piece.length));
            self.pacer.sent(now, usize::from(piece.length));
            self.write_piece(writer, tsn, &sent, piece.flags);
            wrote = true;
        }
        if wrote {
            self.is_window_limited = self.congestion.is_used_up_by(self.flight.in_flight());
            self.retransmission_timer.get_or_insert_with(|| now + self.round_trip.timeout());
            // For the rest of a burst the probe stays as it is.
            if self.loss.probe_timer.is_none()
                || self.flight.len() <= 2
                || self.loss.probe_armed_at != Some(now)
            {
                self.arm_probe(now);
            }
        }
        wrote
    }

    /// Writes a chunk that was sent before; its flags follow from where in its message it is.
    fn write_chunk(&mut self, writer: &mut PacketWriter<'_>, tsn: Tsn, sent: &Sent, immediate: bool) -> bool {
        let Some(message) = self.messages.get(sent.message) else { return false };
        let end = sent.offset as usize + usize::from(sent.length);
        let flags = DataFlags {
            immediate,
            unordered: message.unordered,
            first: sent.offset == 0,
            last: end == message.payload.len(),
        };
        self.write_piece(writer, tsn, sent, flags)
    }

    #[inline]
    fn write_piece(
        &mut self,
        writer: &mut PacketWriter<'_>,
        tsn: Tsn,
        sent: &Sent,
        flags: DataFlags,
    ) -> bool {
        let Some(message) = self.messages.get(sent.message) else { return false };
        let start = sent.offset as usize;
        let Some(payload) = message.payload.get(start..start + usize::from(sent.length)) else {
            return false;
        };
        let data = Data {
            tsn,
            stream: message.stream,
            flags,
            message: message.number,
            fragment: sent.fragment,
            protocol: message.protocol,
            payload,
        };
        let kind = self.terms.data_kind;
        let Some(room) = writer.chunk(data.length(kind)) else { return false };
        data.write(kind, room);
        self.counters.bytes += payload.len() as u64;
        true
    }
}
