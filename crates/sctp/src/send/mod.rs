//! The sending half: what is sent next, what became of it, and how fast.
//!
//! It knows nothing of receiving, nor of how an association begins and ends.

mod cubic;
mod flight;
mod hystart;
mod loss;
mod messages;
mod pacing;
mod partial;
mod proportional;
mod round_trip;
mod streams;
mod transmit;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::cubic::{Acknowledged, Cubic};
use self::flight::{Fate, Flight};
use self::loss::LossDetection;
use self::messages::{Messages, Outgoing};
use self::pacing::Pacer;
use self::partial::Forwarding;
pub(crate) use self::round_trip::RoundTrip;
use self::streams::OutgoingStreams;
use crate::packet::{DataKind, Sack};
use crate::{Config, Event, PayloadProtocol, Reliability, SendOptions, StreamId, Tsn};

/// So few chunks on their way are a thin stream.
const THIN: usize = 4;
/// So many timeouts in a row of one don't double the next.
const THIN_TIMEOUTS: u32 = 2;

/// Lifetimes are whole milliseconds (RFC 8832 §5.1), and a message lives through its last one: with a lifetime of zero it
/// is sent if it can be sent at once.
const LIFETIME_UNIT: Duration = Duration::from_millis(1);

/// What the handshake decides about sending.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) data_kind: DataKind,
    pub(crate) partial_reliability: bool,
    pub(crate) peer_window: u32,
}

/// Counts for the statistics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) bytes: u64,
    pub(crate) retransmissions: u64,
    pub(crate) timeouts: u64,
    pub(crate) abandoned: u64,
}

/// The sending half of an association.
#[derive(Debug)]
pub(crate) struct Sender {
    messages: Messages,
    streams: OutgoingStreams,
    flight: Flight,
    /// Chunks to be sent again; some may have been acknowledged or given up since.
    retransmissions: VecDeque<Tsn>,
    congestion: Cubic,
    pacer: Pacer,
    pub(crate) round_trip: RoundTrip,
    loss: LossDetection,
    forwarding: Forwarding,
    terms: Terms,
    /// The retransmission timer (RFC 9260 §6.3).
    retransmission_timer: Option<Instant>,
    /// The congestion window, and not a lack of data, was what limited the last transmission.
    is_window_limited: bool,
    /// Timeouts since the peer last acknowledged anything.
    timeouts_in_a_row: u32,
    transmissions: u32,
    last_sent: Option<Instant>,
    pub(crate) counters: Counters,
}

impl Sender {
    pub(crate) fn new(config: &Config, initial: Tsn) -> Self {
        Self {
            messages: Messages::default(),
            streams: OutgoingStreams::default(),
            flight: Flight::new(initial),
            retransmissions: VecDeque::new(),
            congestion: Cubic::new(config.packet_size),
            pacer: Pacer::default(),
            round_trip: RoundTrip::new(config),
            loss: LossDetection::default(),
            forwarding: Forwarding::new(initial.previous()),
            terms: Terms { data_kind: DataKind::Data, partial_reliability: false, peer_window: 0 },
            retransmission_timer: None,
            is_window_limited: false,
            timeouts_in_a_row: 0,
            transmissions: 0,
            last_sent: None,
            counters: Counters::default(),
        }
    }

    /// The handshake is done, as far as sending is concerned.
    pub(crate) fn establish(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// The peer has begun again: what was sent is gone (RFC 9260 §5.2.4 A).
    pub(crate) fn restart(&mut self, config: &Config, initial: Tsn) {
        let mut streams = std::mem::take(&mut self.streams);
        streams.restart_all();
        *self = Self { streams, counters: self.counters, ..Self::new(config, initial) };
    }

    /// Queues a message.
    #[inline]
    pub(crate) fn enqueue(
        &mut self,
        now: Instant,
        stream: StreamId,
        protocol: PayloadProtocol,
        payload: Bytes,
        options: SendOptions,
    ) {
        let length = payload.len();
        let (expires, max_retransmissions) = match options.reliability {
            Reliability::Reliable => (None, None),
            Reliability::MaxLifetime(lifetime) => {
                (now.checked_add(lifetime.saturating_add(LIFETIME_UNIT)), None)
            }
            Reliability::MaxRetransmissions(most) => (None, Some(most)),
        };
        let message = self.messages.add(Outgoing {
            payload,
            stream,
            protocol,
            unordered: !options.ordered,
            number: 0,
            sent: 0,
            fragments: 0,
            outstanding: 0,
            expires,
            max_retransmissions,
            is_abandoned: false,
        });
        self.streams.enqueue(stream, message, length);
    }

    pub(crate) fn buffered(&self) -> usize {
        self.streams.buffered()
    }

    pub(crate) fn buffered_of(&self, stream: StreamId) -> usize {
        self.streams.buffered_of(stream)
    }

    pub(crate) fn set_low_threshold(&mut self, stream: StreamId, bytes: usize) {
        self.streams.set_low_threshold(stream, bytes);
    }

    pub(crate) fn set_priority(&mut self, stream: StreamId, priority: u16) {
        self.streams.set_priority(stream, priority);
    }

    /// All messages of the stream have been sent, though perhaps not acknowledged.
    pub(crate) fn is_drained(&self, stream: StreamId) -> bool {
        self.streams.is_drained(stream)
    }

    pub(crate) fn restart_stream(&mut self, stream: StreamId) {
        self.streams.restart(stream);
    }

    /// All that was queued has been acknowledged, or given up with the peer's knowledge.
    pub(crate) fn is_finished(&self) -> bool {
        self.streams.buffered() == 0 && self.flight.is_empty()
    }

    /// Everything is finished: gives back the room for it.
    pub(crate) fn shrink(&mut self) {
        self.messages.shrink();
        self.streams.shrink();
        self.flight.shrink();
        self.retransmissions.shrink_to_fit();
        self.loss.shrink();
    }

    /// The TSN assigned last.
    pub(crate) fn last_assigned(&self) -> Tsn {
        self.flight.next().previous()
    }

    pub(crate) fn bytes_in_flight(&self) -> usize {
        self.flight.in_flight()
    }

    pub(crate) fn congestion_window(&self) -> usize {
        self.congestion.window()
    }

    pub(crate) fn peer_window(&self) -> u32 {
        self.terms.peer_window
    }

    pub(crate) fn timeouts_in_a_row(&self) -> u32 {
        self.timeouts_in_a_row
    }

    /// Packets go another way: what was learned of the old one doesn't hold, and the new one begins as that of an association does
    /// (RFC 9260 §7.2.1).
    pub(crate) fn path_changed(&mut self, now: Instant, segment: usize, events: &mut VecDeque<Event>) {
        self.round_trip.forget();
        self.congestion = Cubic::new(segment);
        self.pacer = Pacer::default();
        // Where nothing was acknowledged for a while the old path is gone, and with it what went there. The new one has lost nothing:
        // neither its window nor its timeout nor the count of failures is to suffer from it.
        if std::mem::take(&mut self.timeouts_in_a_row) > 0 {
            self.lose_flight(now, events);
        }
        self.loss.leave_recovery();
    }

    pub(crate) fn set_segment(&mut self, segment: usize) {
        self.congestion.set_segment(segment);
    }

    #[inline]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [
            self.retransmission_timer,
            self.loss.reordering_timer,
            self.loss.probe_timer,
            self.pacer.release_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The congestion window has room, and it is time.
    #[inline]
    fn may_send(&mut self, now: Instant) -> bool {
        let has_room = match &self.loss.reduction {
            Some(reduction) => reduction.allows_sending(),
            None => self.flight.in_flight() < self.congestion.window(),
        };
        has_room && self.pacer.allows_sending(now)
    }

    /// Processes a SACK (RFC 9260 §6.2.1). False for one that acknowledges what was never sent.
    pub(crate) fn handle_sack(
        &mut self,
        now: Instant,
        sack: &Sack<'_>,
        events: &mut VecDeque<Event>,
    ) -> bool {
        self.handle_acknowledgement(now, sack.cumulative, Some(sack), events)
    }

    /// A cumulative TSN alone, as SHUTDOWN carries it (RFC 9260 §3.3.8).
    pub(crate) fn handle_cumulative(&mut self, now: Instant, tsn: Tsn, events: &mut VecDeque<Event>) -> bool {
        self.handle_acknowledgement(now, tsn, None, events)
    }

    fn handle_acknowledgement(
        &mut self,
        now: Instant,
        cumulative: Tsn,
        sack: Option<&Sack<'_>>,
        events: &mut VecDeque<Event>,
    ) -> bool {
        let last = self.last_assigned();
        if cumulative.is_after(last) {
            return false;
        }
        if self.flight.cumulative().is_after(cumulative) {
            // It was overtaken by a later one (RFC 9260 §6.2.1 D i).
            return true;
        }
        let advances = cumulative != self.flight.cumulative();
        let mut news = News::default();
        while self.flight.cumulative() != cumulative {
            let tsn = self.flight.cumulative().next();
            let Some(sent) = self.flight.pop() else { break };
            if sent.fate != Fate::Acknowledged {
                news.add(&sent, tsn);
                self.loss.note_delivered(&sent, tsn);
            }
            self.messages.acknowledged(sent.message);
        }
        if let Some(sack) = sack {
            self.loss.forget_blocks_up_to(cumulative);
            for block in sack.blocks() {
                self.acknowledge_block(block, last, &mut news);
            }
            self.loss.keep_new_blocks();
            for tsn in sack.duplicates() {
                self.loss.note_duplicate(tsn);
            }
            self.terms.peer_window = sack.window;
        }
        self.timeouts_in_a_row = 0;
        if news.chunks > 0 {
            self.take_news(now, &news, cumulative);
        }
        if self.loss.end_recovery_at(cumulative) {
            self.congestion.undo();
        }
        self.forwarding.acknowledged(cumulative);
        if news.chunks > 0 || advances {
            self.detect_losses(now, events);
            let window = self.congestion.window();
            self.loss.reduce_in_proportion(
                news.bytes,
                self.flight.in_flight(),
                window,
                self.congestion.segment(),
            );
            self.retransmission_timer = (!self.flight.is_empty()).then(|| now + self.round_trip.timeout());
        }
        let round_trip = self.round_trip.smoothed();
        self.pacer.set_rate(self.congestion.window(), round_trip, self.congestion.is_slow_start());
        self.forward_over_abandoned();
        if !advances {
            self.forwarding.repeat_if_stale(now, cumulative, self.round_trip.smoothed());
        }
        self.arm_probe(now);
        true
    }

    /// What a gap block reports beyond what the last SACK reported.
    fn acknowledge_block(&mut self, block: (Tsn, Tsn), last: Tsn, news: &mut News) {
        let (flight, loss) = (&mut self.flight, &mut self.loss);
        let cumulative = flight.cumulative();
        loss.new_in_block(block, cumulative, last, |loss, start, end| {
            for distance in 0..=end.since(start) {
                let tsn = start.plus(distance);
                let Some(&sent) = flight.get(tsn) else { return };
                if sent.fate != Fate::Acknowledged {
                    news.add(&sent, tsn);
                    loss.note_delivered(&sent, tsn);
                    flight.set_fate(tsn, Fate::Acknowledged);
                }
            }
        });
    }

    /// Round trip and congestion window learn of what was acknowledged.
    fn take_news(&mut self, now: Instant, news: &News, cumulative: Tsn) {
        let sample = news
            .newest
            .filter(|newest| newest.retransmissions == 0)
            .map(|newest| now.saturating_duration_since(newest.sent_at));
        if let Some(sample) = sample {
            self.round_trip.sample(sample);
        }
        if let Some(newest) = news.newest {
            self.loss.note_newest(now, &newest, self.round_trip.minimum());
        }
        if self.loss.is_in_recovery() {
            return;
        }
        if self.is_window_limited {
            self.congestion.acknowledged(&Acknowledged {
                now,
                bytes: news.bytes,
                chunks: news.chunks,
                sample,
                smoothed_round_trip: self.round_trip.smoothed().unwrap_or_default(),
                cumulative,
                highest: self.last_assigned(),
            });
        } else {
            self.congestion.pause();
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        self.pacer.release(now);
        if self.loss.reordering_timer.is_some_and(|at| at <= now) {
            self.detect_losses(now, events);
            self.forward_over_abandoned();
        }
        if self.retransmission_timer.is_some_and(|at| at <= now) {
            self.time_out(now, events);
        } else if self.loss.probe_timer.is_some_and(|at| at <= now) {
            self.loss.probe();
        }
    }

    /// The retransmission timer expired (RFC 9260 §6.3.3).
    fn time_out(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        self.counters.timeouts += 1;
        self.timeouts_in_a_row += 1;
        // RFC 9260 §6.3.3 E2 doubles it each time, lest a full network is filled further. A few chunks don't fill any, and somebody
        // waits for them: Linux treats its thin streams so, too (`tcp_thin_linear_timeouts`).
        if self.flight.len() > THIN || self.timeouts_in_a_row > THIN_TIMEOUTS {
            self.round_trip.back_off();
        }
        self.congestion.timed_out(self.timeouts_in_a_row == 1);
        self.lose_flight(now, events);
    }

    /// All that isn't acknowledged is taken for lost.
    fn lose_flight(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        self.retransmissions.clear();
        let cumulative = self.flight.cumulative();
        // The first outstanding chunk can't have been reported by a gap block, unless the peer has dropped it since
        // (RFC 9260 §6.2.1: "reneging").
        let reneged = self.flight.front().is_some_and(|sent| sent.fate == Fate::Acknowledged);
        for distance in 1..=self.flight.len() as u32 {
            let tsn = cumulative.plus(distance);
            let Some(&sent) = self.flight.get(tsn) else { break };
            if sent.fate != Fate::Acknowledged || reneged {
                self.flight.set_fate(tsn, Fate::Lost);
                self.retransmissions.push_back(tsn);
                self.abandon_if_hopeless(now, &sent, events);
            }
        }
        self.loss.flight_lost(self.last_assigned(), reneged);
        self.forward_over_abandoned();
        self.forwarding.repeat(cumulative);
        self.retransmission_timer = (!self.flight.is_empty()).then(|| now + self.round_trip.timeout());
    }

    /// All that isn't acknowledged is to be sent again, with a COOKIE ECHO that is (RFC 9260 §5.1).
    pub(crate) fn resend_all(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        self.time_out(now, events);
    }

    /// How long nothing may be sent before the congestion window is out of date (RFC 9260 §7.2.1).
    fn note_sending(&mut self, now: Instant) {
        if let Some(last) = self.last_sent
            && self.flight.is_empty()
        {
            let idle = now.saturating_duration_since(last);
            let timeout = self.round_trip.timeout().max(Duration::from_millis(1));
            let timeouts = (idle.as_micros() / timeout.as_micros()) as u32;
            if timeouts > 0 {
                self.congestion.idle(timeouts);
            }
        }
        self.last_sent = Some(now);
    }
}

/// What one acknowledgement newly reports.
#[derive(Debug, Default)]
struct News {
    bytes: usize,
    chunks: u32,
    /// The chunk that was sent last.
    newest: Option<Newest>,
}

/// The chunk, among those acknowledged, that was sent last.
#[derive(Debug, Clone, Copy)]
struct Newest {
    sent_at: Instant,
    tsn: Tsn,
    retransmissions: u16,
}

impl News {
    #[inline]
    fn add(&mut self, sent: &flight::Sent, tsn: Tsn) {
        self.bytes += usize::from(sent.length);
        self.chunks += 1;
        let is_newer = self.newest.is_none_or(|newest| {
            sent.sent_at > newest.sent_at || (sent.sent_at == newest.sent_at && tsn.is_after(newest.tsn))
        });
        if is_newer {
            self.newest = Some(Newest { sent_at: sent.sent_at, tsn, retransmissions: sent.retransmissions });
        }
    }
}
