//! The receiving half: which TSNs have come, what they make up, when to say so, and how much more may come.
//!
//! It knows nothing of sending.

mod acknowledgement;
mod reassembly;
mod runs;
mod tracker;
mod window;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::acknowledgement::Acknowledgement;
use self::reassembly::{Limits, Reassembly};
use self::tracker::{Arrival, TsnTracker};
use self::window::ReceiveWindow;
use crate::packet::{Data, DataKind, ForwardTsn, PacketWriter, Sack};
use crate::{Config, Delivery, Event, StreamId, Tsn};

/// A SACK is repeated on another path after the round trip and so much more: a browser may take two of its checks of connectivity, 48 ms
/// apart, to find that it can send by that path.
const CHECKS: Duration = Duration::from_millis(100);
/// The longest time until then (RFC 9260 §6.2: no acknowledgement waits for longer).
const LONGEST_REMINDER: Duration = Duration::from_millis(500);

/// What came of a chunk of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Taken.
    New,
    /// Known already.
    Duplicate,
    /// Dropped: it lies too far ahead, or beyond the window; it will come again.
    Dropped,
    /// The peer makes us hold more than the limit.
    OutOfResource,
}

/// The receiving half of an association.
#[derive(Debug)]
pub(crate) struct Receiver {
    tracker: TsnTracker,
    reassembly: Reassembly,
    acknowledgement: Acknowledgement,
    window: ReceiveWindow,
    unread: usize,
}

impl Receiver {
    /// Awaits nothing yet.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            tracker: TsnTracker::new(Tsn(0)),
            reassembly: Reassembly::new(Limits {
                message: config.max_receive_message_size,
                held: config.receive_limit,
            }),
            acknowledgement: Acknowledgement::default(),
            window: ReceiveWindow::new(
                config.receive_window,
                config.max_receive_window,
                config.receive_limit,
            ),
            unread: 0,
        }
    }

    /// Awaits `initial` as the first TSN: the association is established, or was restarted.
    pub(crate) fn restart(&mut self, initial: Tsn, data_kind: DataKind) {
        self.tracker = TsnTracker::new(initial);
        self.reassembly.restart(data_kind);
        self.acknowledgement = Acknowledgement::default();
    }

    /// Takes in a chunk; what it completes goes to `events`. `is_known_stream` is false for a stream that isn't there,
    /// whose data is acknowledged and dropped.
    #[inline]
    pub(crate) fn handle_data(
        &mut self,
        data: &Data<'_>,
        is_known_stream: bool,
        events: &mut VecDeque<Event>,
    ) -> Received {
        match self.tracker.classify(data.tsn) {
            Arrival::Duplicate => {
                self.tracker.note_duplicate(data.tsn);
                self.acknowledgement.demand();
                return Received::Duplicate;
            }
            Arrival::TooFar => {
                self.acknowledgement.demand();
                return Received::Dropped;
            }
            Arrival::New => {}
        }
        // What fills the first gap is always taken: it is what makes room (RFC 9260 §6.2).
        let makes_room = self.tracker.has_gaps() && data.tsn == self.tracker.cumulative().next();
        if !makes_room && self.available() == 0 {
            self.acknowledgement.demand();
            return Received::Dropped;
        }
        if !self.reassembly.has_room_for(data.payload.len(), self.unread) {
            return Received::OutOfResource;
        }
        self.tracker.insert(data.tsn);
        self.acknowledgement.note_data(data.flags.immediate || self.tracker.has_gaps());
        self.window.note(data.payload.len());
        if is_known_stream {
            self.reassembly.insert(data, events);
        }
        Received::New
    }

    /// The peer gave messages up (RFC 3758 §3.6).
    pub(crate) fn handle_forward_tsn(
        &mut self,
        forward: &ForwardTsn<'_>,
        streams: u16,
        events: &mut VecDeque<Event>,
    ) {
        if !forward.cumulative.is_after(self.tracker.cumulative()) {
            self.acknowledgement.demand();
            return;
        }
        self.tracker.advance(forward.cumulative);
        for skipped in forward.skipped().filter(|skipped| skipped.stream.0 < streams) {
            self.reassembly.skip(skipped, events);
        }
        // The tracker may have come further, over pieces of messages that aren't given up.
        self.reassembly.forget_unordered_data(forward.cumulative);
        self.acknowledgement.demand();
    }

    /// Streams start anew, all where none is named (RFC 6525 §5.2.2). Returns those that had been used.
    pub(crate) fn reset_streams(&mut self, streams: &[StreamId]) -> Vec<StreamId> {
        self.reassembly.reset(streams)
    }

    /// All up to here has come.
    pub(crate) fn cumulative(&self) -> Tsn {
        self.tracker.cumulative()
    }

    pub(crate) fn set_delivery(&mut self, stream: StreamId, delivery: Delivery) {
        self.reassembly.set_delivery(stream, delivery);
    }

    /// What the application has yet to read. Room that opens up is told to the peer (RFC 9260 §6.2).
    pub(crate) fn set_unread(&mut self, bytes: usize) {
        self.unread = bytes;
        if self.window.is_worth_an_update(self.available()) {
            self.acknowledgement.demand();
        }
    }

    /// Gives back the room that isn't used.
    pub(crate) fn shrink(&mut self) {
        self.tracker.shrink();
        self.reassembly.shrink();
    }

    /// Bytes that may still come.
    fn available(&self) -> usize {
        self.window.size().saturating_sub(self.reassembly.waiting() + self.unread)
    }

    pub(crate) fn window(&self) -> u32 {
        u32::try_from(self.window.size()).unwrap_or(u32::MAX)
    }

    /// A received burst is over; the owner wants to know what to send.
    #[inline]
    pub(crate) fn end_burst(&mut self, now: Instant, delay: Duration, round_trip: Option<Duration>) {
        self.window.tune(now, round_trip);
        self.acknowledgement.end_burst(now, delay);
    }

    /// What came last by a path that is gone may not have been acknowledged: that is said again, once the peer is likely to send by the
    /// next path, too. A peer whose timer was doubled again and again goes on then; what it sends when it hears of this earlier is lost,
    /// and it won't go on a second time, for it knows already.
    pub(crate) fn path_changed(&mut self, now: Instant, round_trip: Option<Duration>) {
        let wait = round_trip.unwrap_or_default() + CHECKS;
        self.acknowledgement.remind_at(now + wait.min(LONGEST_REMINDER));
    }

    /// Whether a SACK is due.
    #[inline]
    pub(crate) fn is_sack_due(&self) -> bool {
        self.acknowledgement.is_due()
    }

    /// Whether a SACK could go with something else.
    #[inline]
    pub(crate) fn is_sack_pending(&self) -> bool {
        self.acknowledgement.is_pending()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.acknowledgement.handle_timeout(now);
    }

    #[inline]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.acknowledgement.deadline()
    }

    /// Writes a SACK (RFC 9260 §6.2).
    pub(crate) fn write_sack(&mut self, writer: &mut PacketWriter<'_>) {
        let available = self.available();
        let announced = u32::try_from(available).unwrap_or(u32::MAX);
        let tracker = &mut self.tracker;
        if Sack::write(writer, tracker.cumulative(), announced, tracker.gaps(), tracker.duplicates()) {
            tracker.clear_duplicates();
            self.window.note_announced(available);
            self.acknowledgement.sent();
        }
    }
}
