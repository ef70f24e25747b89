//! Resetting streams (RFC 6525).

use std::time::Instant;

use super::Association;
use crate::packet::{Reconfiguration, ResetResult, outgoing_reset, response};
use crate::{Event, StreamId, Tsn};

/// A request of ours that isn't answered.
#[derive(Debug)]
struct Request {
    number: u32,
    /// The peer had said "in progress": it is to be made under a new number.
    is_in_progress: bool,
    streams: Vec<StreamId>,
    last_assigned: Tsn,
    deadline: Instant,
    attempts: u32,
}

/// A request of the peer that waits for data sent before it.
#[derive(Debug)]
struct Deferred {
    number: u32,
    last_assigned: Tsn,
    streams: Vec<StreamId>,
}

/// Requests to reset streams, in both directions.
#[derive(Debug, Default)]
pub(super) struct Resets {
    next_number: u32,
    /// Streams of ours that are to be reset once all their messages have been sent.
    wanted: Vec<StreamId>,
    request: Option<Request>,
    /// The number that the peer's next request has.
    expected: u32,
    last_result: Option<ResetResult>,
    deferred: Option<Deferred>,
    /// The last one that was performed late: the peer may not know, and ask for it again under a new number.
    performed_late: Option<Deferred>,
}

impl Resets {
    /// Numbers begin with the initial TSNs (RFC 6525 §4.1). What was wanted before is wanted still.
    pub(super) fn restart(&mut self, local_tsn: Tsn, peer_tsn: Tsn) {
        let wanted = std::mem::take(&mut self.wanted);
        *self = Self { next_number: local_tsn.0, expected: peer_tsn.0, wanted, ..Self::default() };
    }

    #[inline]
    pub(super) fn is_resetting(&self, stream: StreamId) -> bool {
        self.wanted.contains(&stream)
            || self.request.as_ref().is_some_and(|request| request.streams.contains(&stream))
    }

    #[inline]
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.request.as_ref().map(|request| request.deadline)
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        number
    }

    pub(super) fn want(&mut self, stream: StreamId) {
        if !self.is_resetting(stream) {
            self.wanted.push(stream);
        }
    }

    #[inline]
    pub(super) fn is_anything_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }
}

/// How many streams one request names at most, so that it fits the smallest packet.
const STREAMS_PER_REQUEST: usize = 128;

impl Association {
    /// Asks for the reset of streams whose messages have all been sent (RFC 6525 §5.1.2). One request at a time.
    pub(super) fn request_resets(&mut self, now: Instant) {
        if self.resets.request.is_some() || self.resets.wanted.is_empty() {
            return;
        }
        if !self.negotiated().is_some_and(|negotiated| negotiated.stream_reset) {
            self.events.extend(self.resets.wanted.drain(..).map(Event::StreamResetRefused));
            return;
        }
        let sender = &self.sender;
        let mut streams = Vec::new();
        self.resets.wanted.retain(|&stream| {
            let is_taken = sender.is_drained(stream) && streams.len() < STREAMS_PER_REQUEST;
            if is_taken {
                streams.push(stream);
            }
            !is_taken
        });
        if streams.is_empty() {
            return;
        }
        let last_assigned = sender.last_assigned();
        let number = self.resets.take_number();
        self.resets.request = Some(Request {
            number,
            is_in_progress: false,
            streams,
            last_assigned,
            deadline: now,
            attempts: 0,
        });
        self.send_reset_request(now);
    }

    fn send_reset_request(&mut self, now: Instant) {
        let timeout = self.sender.round_trip.timeout();
        let Some(request) = &mut self.resets.request else { return };
        if std::mem::take(&mut request.is_in_progress) {
            request.number = self.resets.next_number;
            self.resets.next_number = self.resets.next_number.wrapping_add(1);
        }
        request.deadline =
            now + (timeout * (1 << request.attempts.min(4))).min(self.config.rto_max.max(timeout));
        request.attempts += 1;
        let last_answered = self.resets.expected.wrapping_sub(1);
        let chunk = outgoing_reset(request.number, last_answered, request.last_assigned, &request.streams);
        self.push_control(chunk);
    }

    /// No answer, or the peer had asked for time.
    pub(super) fn handle_reset_timeout(&mut self, now: Instant) {
        if self.resets.poll_timeout().is_some_and(|at| at <= now) {
            self.send_reset_request(now);
        }
    }

    pub(super) fn handle_reconfiguration(&mut self, now: Instant, value: &[u8]) {
        // A chunk holds two parameters at most (RFC 6525 §3.1).
        for parameter in Reconfiguration::parse(value).take(2) {
            match parameter {
                Reconfiguration::OutgoingReset { request, last_assigned, streams } => {
                    let streams = streams.iter().map(|&id| StreamId(u16::from_be_bytes(id))).collect();
                    self.handle_outgoing_reset(request, last_assigned, streams);
                }
                Reconfiguration::Unsupported { request } => {
                    self.answer_once(request, |_| ResetResult::Denied);
                }
                Reconfiguration::Response { request, result } => {
                    self.handle_reset_response(now, request, result)
                }
            }
        }
    }

    /// The peer resets streams it sends on (RFC 6525 §5.2.2).
    fn handle_outgoing_reset(&mut self, number: u32, last_assigned: Tsn, streams: Vec<StreamId>) {
        self.answer_once(number, |association| {
            if last_assigned.is_after(association.receiver.cumulative()) {
                association.resets.deferred = Some(Deferred { number, last_assigned, streams });
                return ResetResult::InProgress;
            }
            association.resets.deferred = None;
            let late = association.resets.performed_late.take();
            if late.is_none_or(|late| (late.last_assigned, &late.streams) != (last_assigned, &streams)) {
                association.reset_incoming(&streams);
            }
            ResetResult::Performed
        });
    }

    /// Processes a request unless it was processed already (RFC 6525 §5.2.1), and answers it.
    fn answer_once(&mut self, number: u32, process: impl FnOnce(&mut Self) -> ResetResult) {
        let result = if number == self.resets.expected {
            self.resets.expected = number.wrapping_add(1);
            let result = process(self);
            self.resets.last_result = Some(result);
            result
        } else if number == self.resets.expected.wrapping_sub(1) {
            self.resets.last_result.unwrap_or(ResetResult::BadSequenceNumber)
        } else {
            ResetResult::BadSequenceNumber
        };
        self.push_control(response(number, result));
    }

    /// All that was sent before the reset has arrived by now.
    #[inline]
    pub(super) fn perform_deferred_reset(&mut self) {
        let cumulative = self.receiver.cumulative();
        let is_due = |deferred: &mut Deferred| !deferred.last_assigned.is_after(cumulative);
        if let Some(deferred) = self.resets.deferred.take_if(is_due) {
            self.reset_incoming(&deferred.streams);
            self.resets.last_result = Some(ResetResult::Performed);
            self.push_control(response(deferred.number, ResetResult::Performed));
            self.resets.performed_late = Some(deferred);
        }
    }

    fn reset_incoming(&mut self, streams: &[StreamId]) {
        let limit = self.negotiated().map_or(0, |negotiated| negotiated.incoming_streams);
        if streams.iter().any(|stream| stream.0 >= limit) {
            return;
        }
        let reset = self.receiver.reset_streams(streams);
        if !reset.is_empty() {
            self.events.push_back(Event::StreamsReset(reset));
        }
    }

    /// RFC 6525 §5.2.7.
    fn handle_reset_response(&mut self, now: Instant, number: u32, result: ResetResult) {
        let timeout = self.sender.round_trip.timeout();
        let Some(request) = self.resets.request.as_mut().filter(|request| request.number == number) else {
            return;
        };
        match result {
            ResetResult::InProgress | ResetResult::RequestInProgress => {
                // Peers repeat this answer to this number for ever: asked again under a new one.
                request.is_in_progress = true;
                request.attempts = 0;
                request.deadline = now + timeout;
                return;
            }
            ResetResult::Performed | ResetResult::NothingToDo => {
                for &stream in &request.streams {
                    self.sender.restart_stream(stream);
                    self.events.push_back(Event::StreamResetDone(stream));
                }
            }
            ResetResult::Denied | ResetResult::BadSequenceNumber | ResetResult::Other => {
                self.events.extend(request.streams.iter().copied().map(Event::StreamResetRefused));
            }
        }
        self.resets.request = None;
    }
}
