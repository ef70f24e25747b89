//! Messages out of chunks (RFC 9260 §6.5, §6.6, §6.9; RFC 8260 §2.2.3).

use std::collections::VecDeque;

use bytes::Bytes;

use super::runs::Runs;
use crate::numbers::{serial_after, serial_after_16};
use crate::packet::{Data, DataKind, Skipped};
use crate::stream_table::StreamTable;
use crate::{Delivery, Event, Message, Part, PayloadProtocol, StreamId, Tsn};

/// What may be held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The longest message, in bytes.
    pub(crate) message: usize,
    /// All together, in bytes.
    pub(crate) held: usize,
}

/// Bytes held, over all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holdings {
    /// The longest message that is assembled.
    pub(super) longest: usize,
    /// All that is allocated.
    pub(super) held: usize,
    /// What waits for something missing: it takes up the receive window. What grows in order doesn't, or a message
    /// longer than the window could never arrive.
    pub(super) waiting: usize,
}

/// How messages are numbered: by 16-bit stream sequence numbers, or by 32-bit message identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbering(DataKind);

impl Numbering {
    #[inline]
    pub(super) fn is_after(self, a: u32, b: u32) -> bool {
        match self.0 {
            DataKind::Data => serial_after_16(a as u16, b as u16),
            DataKind::IData => serial_after(a, b),
        }
    }

    #[inline]
    fn following(self, message: u32) -> u32 {
        match self.0 {
            DataKind::Data => u32::from((message as u16).wrapping_add(1)),
            DataKind::IData => message.wrapping_add(1),
        }
    }
}

/// The receiving end of one stream.
#[derive(Debug, Default)]
struct IncomingStream {
    delivery: Delivery,
    /// Data came since the stream began.
    is_used: bool,
    /// The ordered message whose turn it is.
    next: u32,
    ordered: Runs,
    unordered: Runs,
    /// How long the last message was: a guess at the next one's length.
    last_length: usize,
}

impl IncomingStream {
    /// Delivers the messages whose turn it is.
    #[inline]
    fn deliver_ordered(&mut self, numbering: Numbering, deliverer: &mut Deliverer<'_>) {
        while self.ordered.front().is_some_and(|front| front.message == self.next)
            && let Some(length) = deliverer.progress(&mut self.ordered, 0)
        {
            self.last_length = length;
            self.next = numbering.following(self.next);
        }
    }
}

/// Puts messages together, stream by stream, and delivers them when their turn comes.
#[derive(Debug)]
pub(super) struct Reassembly {
    limits: Limits,
    numbering: Numbering,
    streams: StreamTable<IncomingStream>,
    holdings: Holdings,
}

impl Reassembly {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            numbering: Numbering(DataKind::Data),
            streams: StreamTable::default(),
            holdings: Holdings { longest: limits.message, held: 0, waiting: 0 },
        }
    }

    /// Forgets all messages, and takes chunks of this kind from now on; what the owner said of streams stays.
    pub(super) fn restart(&mut self, data_kind: DataKind) {
        for (_, stream) in self.streams.iter_mut() {
            *stream = IncomingStream { delivery: stream.delivery, ..IncomingStream::default() };
        }
        self.numbering = Numbering(data_kind);
        self.holdings = Holdings { longest: self.limits.message, held: 0, waiting: 0 };
    }

    pub(super) fn set_delivery(&mut self, stream: StreamId, delivery: Delivery) {
        self.streams.entry(stream).delivery = delivery;
    }

    pub(super) fn shrink(&mut self) {
        for (_, stream) in self.streams.iter_mut() {
            stream.ordered.shrink();
            stream.unordered.shrink();
        }
    }

    /// Bytes that take up the receive window.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.holdings.waiting
    }

    /// Whether `bytes` more can be held beside `unread` ones that the application has.
    #[inline]
    pub(super) fn has_room_for(&self, bytes: usize, unread: usize) -> bool {
        self.holdings.held + unread + bytes <= self.limits.held
    }

    /// Takes in a chunk whose TSN is new.
    #[inline]
    pub(super) fn insert(&mut self, data: &Data<'_>, events: &mut VecDeque<Event>) {
        let numbering = self.numbering;
        let stream = self.streams.entry(data.stream);
        stream.is_used = true;
        let mut deliverer = Deliverer {
            stream: data.stream,
            delivery: stream.delivery,
            holdings: &mut self.holdings,
            events,
        };
        let is_whole = data.flags.first && data.flags.last;
        if data.flags.unordered {
            if is_whole {
                deliverer.whole(data.protocol, data.payload);
                return;
            }
            let message = if numbering.0 == DataKind::Data { 0 } else { data.message };
            let expected = if stream.unordered.is_empty() { stream.last_length } else { 0 };
            let holdings = &mut *deliverer.holdings;
            if let Some(at) =
                stream.unordered.insert(message, data, numbering, !data.flags.first, expected, holdings)
                && let Some(length) = deliverer.progress(&mut stream.unordered, at)
            {
                stream.last_length = length;
            }
            return;
        }
        let is_turn = data.message == stream.next;
        if is_turn && is_whole {
            deliverer.whole(data.protocol, data.payload);
            stream.next = numbering.following(stream.next);
        } else if is_turn || numbering.is_after(data.message, stream.next) {
            let expected = if is_turn && stream.ordered.is_empty() { stream.last_length } else { 0 };
            let is_waiting = !(is_turn && data.flags.first);
            stream.ordered.insert(data.message, data, numbering, is_waiting, expected, deliverer.holdings);
        }
        stream.deliver_ordered(numbering, &mut deliverer);
    }

    /// A message was given up, and with it all before it (RFC 3758 §3.6, RFC 8260 §2.3.1).
    pub(super) fn skip(&mut self, skipped: Skipped, events: &mut VecDeque<Event>) {
        let numbering = self.numbering;
        let stream = self.streams.entry(skipped.stream);
        let mut deliverer = Deliverer {
            stream: skipped.stream,
            delivery: stream.delivery,
            holdings: &mut self.holdings,
            events,
        };
        if skipped.unordered {
            let is_skipped = |message| !numbering.is_after(message, skipped.message);
            stream.unordered.remove_where(|run| is_skipped(run.message), deliverer.holdings);
            return;
        }
        if numbering.is_after(stream.next, skipped.message) {
            return;
        }
        while let Some(front) = stream.ordered.front()
            && !numbering.is_after(front.message, skipped.message)
        {
            let is_whole = front.is_first && front.is_last;
            if !is_whole || deliverer.progress(&mut stream.ordered, 0).is_none() {
                stream.ordered.remove(0, deliverer.holdings);
            }
        }
        stream.next = numbering.following(skipped.message);
        stream.deliver_ordered(numbering, &mut deliverer);
    }

    /// Messages of unordered DATA with a piece at or before this TSN will never be whole (RFC 3758 §3.6).
    pub(super) fn forget_unordered_data(&mut self, cumulative: Tsn) {
        if self.numbering.0 == DataKind::IData {
            return;
        }
        for (_, stream) in self.streams.iter_mut() {
            stream.unordered.remove_up_to_piece(cumulative.0, &mut self.holdings);
        }
    }

    /// These streams start anew; all where none is named. Returns those that had been used (RFC 6525 §5.2.2).
    pub(super) fn reset(&mut self, named: &[StreamId]) -> Vec<StreamId> {
        let mut reset = Vec::new();
        let holdings = &mut self.holdings;
        let mut one = |id: StreamId, stream: &mut IncomingStream| {
            if stream.is_used || !named.is_empty() {
                reset.push(id);
            }
            stream.ordered.remove_where(|_| true, holdings);
            stream.unordered.remove_where(|_| true, holdings);
            *stream = IncomingStream { delivery: stream.delivery, ..IncomingStream::default() };
        };
        if named.is_empty() {
            self.streams.iter_mut().for_each(|(id, stream)| one(id, stream));
        } else {
            named.iter().for_each(|&id| one(id, self.streams.entry(id)));
        }
        reset
    }
}

/// Makes events of one stream's messages.
struct Deliverer<'a> {
    stream: StreamId,
    delivery: Delivery,
    holdings: &'a mut Holdings,
    events: &'a mut VecDeque<Event>,
}

impl Deliverer<'_> {
    /// A message came in one piece, and it is its turn.
    #[inline]
    fn whole(&mut self, protocol: PayloadProtocol, payload: &[u8]) {
        if payload.len() > self.holdings.longest && self.delivery == Delivery::Whole {
            self.events.push_back(Event::MessageTooLarge(self.stream));
        } else {
            self.message(protocol, Bytes::copy_from_slice(payload));
        }
    }

    fn message(&mut self, protocol: PayloadProtocol, payload: Bytes) {
        let stream = self.stream;
        self.events.push_back(match self.delivery {
            Delivery::Whole => Event::Message(Message { stream, protocol, payload }),
            Delivery::Parts => Event::Part(Part { stream, protocol, payload, is_first: true, is_last: true }),
        });
    }

    /// It is this run's turn: delivers what can be delivered of it. Returns the message's length once it is done with.
    #[inline]
    fn progress(&mut self, runs: &mut Runs, at: usize) -> Option<usize> {
        let run = runs.get_mut(at)?;
        if !run.is_first {
            return None;
        }
        run.stop_waiting(self.holdings);
        let (is_last, length) = (run.is_last, run.data.len());
        match self.delivery {
            Delivery::Parts if length > 0 || is_last => {
                let is_first = !run.is_begun;
                run.is_begun = true;
                let payload = Bytes::from(run.take(self.holdings));
                let (stream, protocol) = (self.stream, run.protocol);
                self.events.push_back(Event::Part(Part { stream, protocol, payload, is_first, is_last }));
            }
            Delivery::Whole if length > self.holdings.longest => {
                run.is_discarded = true;
                run.take(self.holdings);
                self.events.push_back(Event::MessageTooLarge(self.stream));
            }
            Delivery::Whole if is_last && !run.is_discarded => {
                let protocol = run.protocol;
                let payload = Bytes::from(run.take(self.holdings));
                self.message(protocol, payload);
            }
            _ => {}
        }
        if !is_last {
            return None;
        }
        runs.remove(at, self.holdings);
        Some(if self.delivery == Delivery::Whole { length.min(self.holdings.longest) } else { 0 })
    }
}
