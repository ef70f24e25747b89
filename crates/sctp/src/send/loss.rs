//! Loss detection by time (RACK) and tail loss probes (RFC 8985), on TSNs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::flight::{Fate, Flight, Sent};
use super::proportional::RateReduction;
use super::{Newest, Sender};
use crate::{Event, Tsn};

/// Reports behind a chunk after which it is lost at once where no reordering was ever seen (RFC 8985 §6.2 step 4).
const REPORTS_BEHIND: u32 = 3;

/// How far the reordering window may grow, in quarters of the least round trip.
const WIDEST_WINDOW: u32 = 16;

/// Recoveries after which the reordering window is narrow again.
const RECOVERIES_BEFORE_RESET: u32 = 16;

/// How many retransmissions are remembered, to learn whether a recovery was for nothing.
const MOST_REMEMBERED: usize = 64;

/// How long the peer may delay the acknowledgement of a single chunk (RFC 9260 §6.2).
const PEER_DELAY: Duration = Duration::from_millis(200);

/// A time during which the congestion window isn't reduced again.
#[derive(Debug, Clone, Copy)]
struct Recovery {
    /// It ends when all up to here is acknowledged.
    end: Tsn,
    /// It began with a timeout: everything is sent again, and the window grows meanwhile.
    by_timeout: bool,
}

/// What is known for telling lost from late.
#[derive(Debug, Default)]
pub(super) struct LossDetection {
    /// Chunks in the order of their transmission, each with its count; those of an earlier transmission, or of a chunk
    /// that is acknowledged, are dropped when they come to the front.
    order: VecDeque<(Tsn, u32)>,
    /// The chunk sent last among all that were delivered.
    newest: Option<(Instant, Tsn)>,
    newest_round_trip: Duration,
    /// The highest TSN delivered.
    highest: Option<Tsn>,
    /// Blocks that the last SACK reported, and those of the one that is being processed.
    blocks: Vec<(Tsn, Tsn)>,
    new_blocks: Vec<(Tsn, Tsn)>,
    reordering_seen: bool,
    /// Quarters of the least round trip that a chunk may be late.
    window: u32,
    /// When the window last grew.
    grown_at: Option<Tsn>,
    recoveries_since_growth: u32,
    recovery: Option<Recovery>,
    /// How the rate comes down in a recovery that isn't by timeout.
    pub(super) reduction: Option<RateReduction>,
    /// What was sent again in this recovery, unless that was too much.
    resent: Vec<Tsn>,
    is_undoable: bool,
    /// The first retransmission of a recovery waits for no window (RFC 9260 §7.2.4).
    pub(super) may_resend_at_once: bool,
    pub(super) reordering_timer: Option<Instant>,
    pub(super) probe_timer: Option<Instant>,
    pub(super) probe_armed_at: Option<Instant>,
    /// A probe is to be sent.
    pub(super) is_probing: bool,
    /// One was sent, and nothing has been acknowledged since.
    has_probed: bool,
}

impl LossDetection {
    #[inline]
    pub(super) fn sent(&mut self, tsn: Tsn, transmission: u32, bytes: usize) {
        self.order.push_back((tsn, transmission));
        if let Some(reduction) = &mut self.reduction {
            reduction.sent(bytes);
        }
    }

    /// A chunk was sent again.
    pub(super) fn resent(&mut self, tsn: Tsn, transmission: u32, bytes: usize) {
        self.sent(tsn, transmission, bytes);
        self.may_resend_at_once = false;
        if self.resent.len() < MOST_REMEMBERED {
            self.resent.push(tsn);
        } else {
            self.is_undoable = false;
        }
    }

    #[inline]
    pub(super) fn note_delivered(&mut self, sent: &Sent, tsn: Tsn) {
        match self.highest {
            // Sent once, and delivered after what was sent later (RFC 8985 §6.2 step 3).
            Some(highest) if !tsn.is_after(highest) => self.reordering_seen |= sent.retransmissions == 0,
            _ => self.highest = Some(tsn),
        }
    }

    /// RFC 8985 §6.2 steps 1 and 2.
    pub(super) fn note_newest(&mut self, now: Instant, newest: &Newest, least_round_trip: Duration) {
        let round_trip = now.saturating_duration_since(newest.sent_at);
        if newest.retransmissions > 0 && round_trip < least_round_trip {
            // Too soon: it is the first transmission that was acknowledged.
            return;
        }
        self.has_probed = false;
        self.newest_round_trip = round_trip;
        let is_newer = self.newest.is_none_or(|(at, tsn)| {
            newest.sent_at > at || (newest.sent_at == at && newest.tsn.is_after(tsn))
        });
        if is_newer {
            self.newest = Some((newest.sent_at, newest.tsn));
        }
    }

    /// The peer got a chunk more than once: if we sent it again, that was for nothing (RFC 8985 §6.2 step 4).
    pub(super) fn note_duplicate(&mut self, tsn: Tsn) {
        let Some(at) = self.resent.iter().position(|&resent| resent == tsn) else { return };
        self.resent.swap_remove(at);
        self.reordering_seen = true;
        if self.grown_at.is_none_or(|grown| tsn.is_after(grown)) {
            self.window = (self.window + 1).min(WIDEST_WINDOW);
            self.grown_at = self.highest;
            self.recoveries_since_growth = 0;
        }
    }

    pub(super) fn forget_blocks_up_to(&mut self, cumulative: Tsn) {
        self.blocks.retain(|&(_, end)| end.is_after(cumulative));
        self.new_blocks.clear();
    }

    /// Visits the ranges of a block that the last SACK didn't report. Blocks that aren't in order, or reach beyond what
    /// was sent, are no blocks.
    pub(super) fn new_in_block(
        &mut self,
        (start, end): (Tsn, Tsn),
        cumulative: Tsn,
        last: Tsn,
        mut visit: impl FnMut(&mut Self, Tsn, Tsn),
    ) {
        let previous_end = self.new_blocks.last().map_or(cumulative, |&(_, end)| end);
        if !start.is_after(previous_end) || start.is_after(end) || end.is_after(last) {
            return;
        }
        self.new_blocks.push((start, end));
        let mut from = start;
        let mut at = self.blocks.partition_point(|&(_, known_end)| start.is_after(known_end));
        while let Some(&(known_start, known_end)) = self.blocks.get(at)
            && !known_start.is_after(end)
        {
            if known_start.is_after(from) {
                visit(self, from, known_start.previous());
            }
            from = known_end.next();
            at += 1;
        }
        if !from.is_after(end) {
            visit(self, from, end);
        }
    }

    /// Nothing is outstanding: gives back the room for what was.
    pub(super) fn shrink(&mut self) {
        self.order = VecDeque::new();
        self.blocks.shrink_to_fit();
        self.new_blocks.shrink_to_fit();
        self.resent.shrink_to_fit();
    }

    pub(super) fn keep_new_blocks(&mut self) {
        std::mem::swap(&mut self.blocks, &mut self.new_blocks);
    }

    #[inline]
    pub(super) fn is_in_recovery(&self) -> bool {
        self.recovery.is_some_and(|recovery| !recovery.by_timeout)
    }

    fn enter_recovery(&mut self, recovery: Recovery, in_flight: usize) {
        self.recovery = Some(recovery);
        self.reduction = (!recovery.by_timeout).then(|| RateReduction::new(in_flight));
        self.resent.clear();
        self.is_undoable = !recovery.by_timeout;
        self.may_resend_at_once = true;
        // What was learned of lateness is doubted after a while (RFC 8985 §6.2 step 4).
        self.recoveries_since_growth += 1;
        if self.recoveries_since_growth > RECOVERIES_BEFORE_RESET {
            self.window = 0;
        }
    }

    pub(super) fn leave_recovery(&mut self) {
        self.recovery = None;
        self.reduction = None;
    }

    pub(super) fn reduce_in_proportion(
        &mut self,
        bytes: usize,
        in_flight: usize,
        window: usize,
        segment: usize,
    ) {
        if let Some(reduction) = &mut self.reduction {
            reduction.acknowledged(bytes, in_flight, window, segment);
        }
    }

    /// Ends the recovery that reaches up to here. True where it was for nothing, as far as is known by now.
    pub(super) fn end_recovery_at(&mut self, cumulative: Tsn) -> bool {
        if self.recovery.is_some_and(|recovery| !recovery.end.is_after(cumulative)) {
            self.leave_recovery();
        }
        let was_for_nothing = self.is_undoable && self.resent.is_empty() && !self.may_resend_at_once;
        if was_for_nothing {
            self.is_undoable = false;
            self.leave_recovery();
        }
        was_for_nothing
    }

    pub(super) fn flight_lost(&mut self, last_assigned: Tsn, reneged: bool) {
        self.order.clear();
        self.reordering_timer = None;
        self.probe_timer = None;
        self.is_probing = false;
        if reneged {
            self.blocks.clear();
        }
        self.enter_recovery(Recovery { end: last_assigned, by_timeout: true }, 0);
    }

    /// The time for a probe has come.
    pub(super) fn probe(&mut self) {
        self.probe_timer = None;
        self.is_probing = true;
        self.has_probed = true;
    }

    /// How late a chunk may be (RFC 8985 §6.2 step 4).
    fn reordering_window(&self, flight: &Flight, least: Duration, smoothed: Duration) -> Duration {
        if !self.reordering_seen && (self.recovery.is_some() || self.reports_behind(flight) >= REPORTS_BEHIND)
        {
            return Duration::ZERO;
        }
        (least / 4 * (1 + self.window)).min(smoothed)
    }

    /// How many chunks beyond the first gap have been reported.
    fn reports_behind(&self, flight: &Flight) -> u32 {
        let mut reports = 0_u32;
        for &(start, end) in &self.blocks {
            reports = reports.saturating_add(end.since(start).saturating_add(1));
            if reports >= REPORTS_BEHIND {
                break;
            }
        }
        if flight.is_empty() { 0 } else { reports }
    }
}

impl Sender {
    /// Looks which chunks are lost by now, and when to look again (RFC 8985 §6.2 step 5).
    pub(super) fn detect_losses(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        self.loss.reordering_timer = None;
        let Some((newest_at, newest)) = self.loss.newest else { return };
        let smoothed = self.round_trip.smoothed().unwrap_or_default();
        let window = self.loss.reordering_window(&self.flight, self.round_trip.minimum(), smoothed);
        let allowed = self.loss.newest_round_trip + window;
        while let Some(&(tsn, transmission)) = self.loss.order.front() {
            let sent = match self.flight.get(tsn) {
                Some(&sent) if sent.fate == Fate::InFlight && sent.transmission == transmission => sent,
                _ => {
                    self.loss.order.pop_front();
                    continue;
                }
            };
            if sent.sent_at > newest_at || (sent.sent_at == newest_at && !newest.is_after(tsn)) {
                return;
            }
            let due = sent.sent_at + allowed;
            if due > now {
                self.loss.reordering_timer = Some(due);
                return;
            }
            self.loss.order.pop_front();
            self.lose(now, tsn, &sent, events);
        }
    }

    /// A chunk is lost: it is sent again or given up, and the first of several reduces the congestion window.
    fn lose(&mut self, now: Instant, tsn: Tsn, sent: &Sent, events: &mut VecDeque<Event>) {
        if self.loss.recovery.is_none() {
            self.congestion.lost();
            let recovery = Recovery { end: self.last_assigned(), by_timeout: false };
            self.loss.enter_recovery(recovery, self.flight.in_flight());
        }
        self.flight.set_fate(tsn, Fate::Lost);
        if !self.abandon_if_hopeless(now, sent, events) {
            self.retransmissions.push_back(tsn);
        }
    }

    /// Arms the timer of the tail loss probe (RFC 8985 §7.2).
    pub(super) fn arm_probe(&mut self, now: Instant) {
        self.loss.probe_armed_at = Some(now);
        self.loss.probe_timer = None;
        let Some(smoothed) = self.round_trip.smoothed() else { return };
        if self.flight.in_flight() == 0 || self.loss.recovery.is_some() || self.loss.has_probed {
            return;
        }
        let lone = if self.flight.len() == 1 { PEER_DELAY } else { Duration::ZERO };
        self.loss.probe_timer = Some(now + smoothed * 2 + lone);
    }

    /// The last chunk in flight is to be sent again, as a probe (RFC 8985 §7.3).
    pub(super) fn resend_last(&mut self) -> Option<Tsn> {
        let (tsn, sent) = self.flight.latest_first().find(|(_, sent)| sent.fate == Fate::InFlight)?;
        let message = self.messages.get(sent.message)?;
        if message.is_abandoned
            || message.max_retransmissions.is_some_and(|most| sent.retransmissions >= most)
        {
            return None;
        }
        self.flight.set_fate(tsn, Fate::Lost);
        Some(tsn)
    }
}
