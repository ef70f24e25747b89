//! Outgoing streams: whose message goes next (RFC 8260 §3).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

use super::messages::{MessageKey, Messages, Outgoing};
use crate::packet::{DataFlags, DataKind};
use crate::stream_table::StreamTable;
use crate::{Event, StreamId};

/// The weight of a stream of which nothing was said: "low" (RFC 8831 §6.4), the W3C's default.
const DEFAULT_PRIORITY: u16 = 256;

/// A message isn't split to use up less room than this at a packet's end.
const LEAST_PIECE: usize = 256;

/// The sending end of one stream.
#[derive(Debug)]
struct OutgoingStream {
    waiting: VecDeque<MessageKey>,
    buffered: usize,
    low_threshold: usize,
    next_ordered: u32,
    next_unordered: u32,
    priority: u16,
    /// Grows by what is sent, the slower the greater the priority: the stream with the least is next.
    virtual_time: u64,
    is_scheduled: bool,
}

impl Default for OutgoingStream {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            buffered: 0,
            low_threshold: 0,
            next_ordered: 0,
            next_unordered: 0,
            priority: DEFAULT_PRIORITY,
            virtual_time: 0,
            is_scheduled: false,
        }
    }
}

impl OutgoingStream {
    /// So many bytes wait less; says so where that crosses the threshold.
    fn release(&mut self, id: StreamId, bytes: usize, events: &mut VecDeque<Event>) {
        let before = self.buffered;
        self.buffered = before.saturating_sub(bytes);
        if before > self.low_threshold && self.buffered <= self.low_threshold {
            events.push_back(Event::BufferedAmountLow(id));
        }
    }
}

/// A piece of a message, about to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) message: MessageKey,
    pub(super) offset: u32,
    pub(super) length: u16,
    pub(super) fragment: u32,
    pub(super) flags: DataFlags,
}

/// What is next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// This piece.
    Piece(Piece),
    /// A message of which something was sent has outlived its lifetime: it is to be given up first.
    Expired(MessageKey),
    /// Nothing that fits.
    Nothing,
}

/// How long the next piece may be, in bytes of payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct PieceRoom {
    /// In this packet.
    pub(super) here: usize,
    /// In any packet.
    pub(super) at_most: usize,
}

/// All outgoing streams, scheduled by weighted fair queueing (RFC 8260 §3.6): each gets a share by its priority, and what
/// comes to a stream that had nothing to send goes before the rest of a stream that has much.
#[derive(Debug, Default)]
pub(super) struct OutgoingStreams {
    table: StreamTable<OutgoingStream>,
    schedule: BinaryHeap<Reverse<(u64, u16)>>,
    virtual_time: u64,
    /// The stream whose message was begun and has to be finished before another's, where messages aren't interleaved.
    begun: Option<StreamId>,
    buffered: usize,
}

impl OutgoingStreams {
    #[inline]
    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    pub(super) fn buffered_of(&self, stream: StreamId) -> usize {
        self.table.get(stream).map_or(0, |stream| stream.buffered)
    }

    pub(super) fn set_low_threshold(&mut self, stream: StreamId, bytes: usize) {
        self.table.entry(stream).low_threshold = bytes;
    }

    pub(super) fn set_priority(&mut self, stream: StreamId, priority: u16) {
        self.table.entry(stream).priority = priority.max(1);
    }

    /// Appends a message to its stream.
    #[inline]
    pub(super) fn enqueue(&mut self, stream: StreamId, message: MessageKey, length: usize) {
        self.buffered += length;
        let entry = self.table.entry(stream);
        entry.buffered += length;
        entry.waiting.push_back(message);
        self.schedule(stream);
    }

    /// Puts a stream that has something to send in its place among others.
    fn schedule(&mut self, id: StreamId) {
        let stream = self.table.entry(id);
        if stream.is_scheduled || stream.waiting.is_empty() {
            return;
        }
        stream.is_scheduled = true;
        stream.virtual_time = stream.virtual_time.max(self.virtual_time);
        self.schedule.push(Reverse((stream.virtual_time, id.0)));
    }

    pub(super) fn shrink(&mut self) {
        self.table.iter_mut().for_each(|(_, stream)| stream.waiting.shrink_to_fit());
    }

    /// All messages of the stream have been sent.
    pub(super) fn is_drained(&self, stream: StreamId) -> bool {
        self.table.get(stream).is_none_or(|stream| stream.waiting.is_empty())
    }

    /// The stream's messages are numbered from zero again (RFC 6525 §5.1.2).
    pub(super) fn restart(&mut self, stream: StreamId) {
        let stream = self.table.entry(stream);
        stream.next_ordered = 0;
        stream.next_unordered = 0;
    }

    /// All streams' messages are numbered from zero again, and none waits.
    pub(super) fn restart_all(&mut self) {
        for (_, stream) in self.table.iter_mut() {
            *stream = OutgoingStream {
                priority: stream.priority,
                low_threshold: stream.low_threshold,
                ..OutgoingStream::default()
            };
        }
        self.schedule.clear();
        self.begun = None;
        self.buffered = 0;
    }

    /// The stream and message that are next. Messages whose time is over are dropped on the way.
    #[inline]
    fn head(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        events: &mut VecDeque<Event>,
    ) -> Option<(StreamId, MessageKey)> {
        loop {
            let (id, place) = match self.begun {
                Some(id) => (id, None),
                None => self.schedule.peek().map(|&Reverse((place, id))| (StreamId(id), Some(place)))?,
            };
            let stream = self.table.get_mut(id)?;
            let Some(&key) = stream.waiting.front() else {
                if self.begun.take().is_none() {
                    stream.is_scheduled = false;
                    self.schedule.pop();
                }
                continue;
            };
            // It has sent since: its place among others, if there are any, is a later one.
            if self.schedule.len() > 1 && place.is_some_and(|place| place < stream.virtual_time) {
                self.schedule.pop();
                self.schedule.push(Reverse((stream.virtual_time, id.0)));
                continue;
            }
            match messages.get(key) {
                Some(message) if message.sent > 0 || !message.has_expired(now) => return Some((id, key)),
                expired => {
                    let bytes = expired.map_or(0, Outgoing::unsent);
                    stream.waiting.pop_front();
                    stream.release(id, bytes, events);
                    self.buffered -= bytes;
                    messages.remove(key);
                    events.push_back(Event::Abandoned(id));
                }
            }
        }
    }

    /// Takes the next piece.
    #[inline]
    pub(super) fn next_piece(
        &mut self,
        now: Instant,
        room: PieceRoom,
        data_kind: DataKind,
        messages: &mut Messages,
        events: &mut VecDeque<Event>,
    ) -> Next {
        let Some((id, key)) = self.head(now, messages, events) else { return Next::Nothing };
        if messages.get(key).is_some_and(|message| message.has_expired(now)) {
            return Next::Expired(key);
        }
        self.cut(id, key, room, data_kind, messages, events).map_or(Next::Nothing, Next::Piece)
    }

    #[inline]
    fn cut(
        &mut self,
        id: StreamId,
        key: MessageKey,
        room: PieceRoom,
        data_kind: DataKind,
        messages: &mut Messages,
        events: &mut VecDeque<Event>,
    ) -> Option<Piece> {
        let message = messages.get_mut(key)?;
        let unsent = message.unsent();
        let length = unsent.min(room.at_most);
        let length = if length <= room.here {
            length
        } else if unsent > room.at_most && room.here >= LEAST_PIECE {
            room.here & !3
        } else {
            return None;
        };
        let stream = self.table.get_mut(id)?;
        let is_first = message.sent == 0;
        let is_last = length == unsent;
        if is_first {
            let number = if message.unordered && data_kind == DataKind::IData {
                &mut stream.next_unordered
            } else {
                &mut stream.next_ordered
            };
            message.number = *number;
            // Unordered DATA has no number of its own (RFC 9260 §6.6).
            if data_kind == DataKind::IData || !message.unordered {
                *number = number.wrapping_add(1);
            }
            if data_kind == DataKind::Data {
                message.number &= 0xFFFF;
            }
        }
        let piece = Piece {
            message: key,
            offset: message.sent,
            length: length as u16,
            fragment: message.fragments,
            flags: DataFlags {
                immediate: false,
                unordered: message.unordered,
                first: is_first,
                last: is_last,
            },
        };
        message.sent += length as u32;
        message.fragments += 1;
        message.outstanding += 1;
        self.virtual_time = stream.virtual_time;
        stream.virtual_time += (length as u64 + 16) * 1024 / u64::from(stream.priority);
        stream.release(id, length, events);
        self.buffered -= length;
        if is_last {
            stream.waiting.pop_front();
        }
        self.begun = (data_kind == DataKind::Data && !is_last).then_some(id);
        Some(piece)
    }

    /// A message that had been begun is given up: what is unsent of it isn't sent.
    pub(super) fn drop_unsent(&mut self, key: MessageKey, message: &Outgoing, events: &mut VecDeque<Event>) {
        let id = message.stream;
        let Some(stream) = self.table.get_mut(id) else { return };
        if stream.waiting.front() == Some(&key) {
            stream.waiting.pop_front();
            let bytes = message.unsent();
            stream.release(id, bytes, events);
            self.buffered -= bytes;
        }
        if self.begun == Some(id) {
            self.begun = None;
        }
    }
}
