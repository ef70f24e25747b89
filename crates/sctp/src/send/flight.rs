//! What has been sent and not yet acknowledged by the cumulative TSN.

use std::collections::VecDeque;
use std::time::Instant;

use super::messages::MessageKey;
use crate::Tsn;

/// What is known of a chunk that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It may arrive yet.
    InFlight,
    /// It didn't arrive, as far as we can tell.
    Lost,
    /// A gap block reported it.
    Acknowledged,
}

/// A chunk that was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) sent_at: Instant,
    pub(super) message: MessageKey,
    /// Where in the message its payload begins.
    pub(super) offset: u32,
    /// Which piece of the message it is.
    pub(super) fragment: u32,
    /// Counts transmissions, so that an earlier one of the same chunk is told from the latest.
    pub(super) transmission: u32,
    pub(super) length: u16,
    pub(super) retransmissions: u16,
    pub(super) fate: Fate,
}

/// Chunks in the order of their TSNs: a ring, indexed by distance from the first.
#[derive(Debug)]
pub(super) struct Flight {
    first: Tsn,
    chunks: VecDeque<Sent>,
    in_flight: usize,
    lost: usize,
}

impl Flight {
    pub(super) fn new(first: Tsn) -> Self {
        Self { first, chunks: VecDeque::new(), in_flight: 0, lost: 0 }
    }

    /// The TSN that the next chunk gets.
    #[inline]
    pub(super) fn next(&self) -> Tsn {
        self.first.plus(self.chunks.len() as u32)
    }

    /// The last TSN that was acknowledged cumulatively.
    #[inline]
    pub(super) fn cumulative(&self) -> Tsn {
        self.first.previous()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn shrink(&mut self) {
        self.chunks.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Payload bytes that may yet arrive.
    #[inline]
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Payload bytes not acknowledged, in flight or lost.
    #[inline]
    pub(super) fn outstanding(&self) -> usize {
        self.in_flight + self.lost
    }

    #[inline]
    fn index(&self, tsn: Tsn) -> usize {
        tsn.since(self.first) as usize
    }

    #[inline]
    pub(super) fn get(&self, tsn: Tsn) -> Option<&Sent> {
        self.chunks.get(self.index(tsn))
    }

    #[inline]
    pub(super) fn front(&self) -> Option<&Sent> {
        self.chunks.front()
    }

    /// From the last to the first.
    pub(super) fn latest_first(&self) -> impl Iterator<Item = (Tsn, &Sent)> {
        let first = self.first;
        self.chunks.iter().enumerate().rev().map(move |(at, sent)| (first.plus(at as u32), sent))
    }

    #[inline]
    pub(super) fn push(&mut self, sent: Sent) -> Tsn {
        let tsn = self.next();
        let length = usize::from(sent.length);
        match sent.fate {
            Fate::InFlight => self.in_flight += length,
            Fate::Lost => self.lost += length,
            Fate::Acknowledged => {}
        }
        self.chunks.push_back(sent);
        tsn
    }

    /// Removes the first chunk: it was acknowledged cumulatively.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Sent> {
        let sent = self.chunks.pop_front()?;
        self.first = self.first.next();
        self.leave(sent.fate, sent.length);
        Some(sent)
    }

    #[inline]
    fn leave(&mut self, fate: Fate, length: u16) {
        match fate {
            Fate::InFlight => self.in_flight -= usize::from(length),
            Fate::Lost => self.lost -= usize::from(length),
            Fate::Acknowledged => {}
        }
    }

    /// Changes a chunk's fate.
    #[inline]
    pub(super) fn set_fate(&mut self, tsn: Tsn, fate: Fate) {
        let at = self.index(tsn);
        let Some(sent) = self.chunks.get_mut(at) else { return };
        let (before, length) = (std::mem::replace(&mut sent.fate, fate), sent.length);
        self.leave(before, length);
        match fate {
            Fate::InFlight => self.in_flight += usize::from(length),
            Fate::Lost => self.lost += usize::from(length),
            Fate::Acknowledged => {}
        }
    }

    /// A lost chunk is sent again.
    pub(super) fn resend(&mut self, tsn: Tsn, now: Instant, transmission: u32) {
        self.set_fate(tsn, Fate::InFlight);
        let at = self.index(tsn);
        if let Some(sent) = self.chunks.get_mut(at) {
            sent.sent_at = now;
            sent.transmission = transmission;
            sent.retransmissions = sent.retransmissions.saturating_add(1);
        }
    }
}
