//! Pieces of messages that aren't whole yet.

use std::collections::VecDeque;

use super::reassembly::{Holdings, Numbering};
use crate::PayloadProtocol;
use crate::numbers::serial_after;
use crate::packet::Data;

/// What a run costs beside its bytes, so that the smallest pieces aren't free.
const OVERHEAD: usize = 96;

/// From where on buffers grow by a part and don't double.
const LARGE: usize = 1 << 20;

/// Pieces of one message that follow each other.
#[derive(Debug)]
pub(super) struct Run {
    /// Which message: its number in the stream; always 0 for unordered DATA, where TSNs tell messages apart.
    pub(super) message: u32,
    /// Which piece of the message comes first here, and which would follow.
    start: u32,
    next: u32,
    /// The message begins here.
    pub(super) is_first: bool,
    /// The message ends here.
    pub(super) is_last: bool,
    pub(super) protocol: PayloadProtocol,
    pub(super) data: Vec<u8>,
    /// Its bytes take up the receive window.
    is_waiting: bool,
    /// Its beginning has been delivered.
    pub(super) is_begun: bool,
    /// The message is too long: its bytes are dropped.
    pub(super) is_discarded: bool,
}

impl Run {
    fn append(&mut self, bytes: &[u8], holdings: &mut Holdings) {
        if self.is_discarded {
            return;
        }
        let before = self.data.capacity();
        if before - self.data.len() < bytes.len() {
            // Twice as much, or a quarter more where that is much, but no more than any message may have.
            let step = if before < LARGE { before } else { before / 4 };
            let most = holdings.longest.saturating_sub(self.data.len());
            self.data.reserve_exact(step.min(most).max(bytes.len()));
        }
        self.data.extend_from_slice(bytes);
        holdings.held += self.data.capacity() - before;
        if self.is_waiting {
            holdings.waiting += bytes.len();
        }
    }

    /// Its turn has come: what it holds doesn't take up the window any more.
    pub(super) fn stop_waiting(&mut self, holdings: &mut Holdings) {
        if self.is_waiting {
            self.is_waiting = false;
            holdings.waiting = holdings.waiting.saturating_sub(self.data.len() + OVERHEAD);
        }
    }

    /// Hands out its bytes.
    pub(super) fn take(&mut self, holdings: &mut Holdings) -> Vec<u8> {
        holdings.held = holdings.held.saturating_sub(self.data.capacity());
        if self.is_waiting {
            holdings.waiting = holdings.waiting.saturating_sub(self.data.len());
        }
        std::mem::take(&mut self.data)
    }
}

/// The runs of one stream and order, sorted by message and piece.
#[derive(Debug, Default)]
pub(super) struct Runs(VecDeque<Run>);

impl Runs {
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(super) fn front(&self) -> Option<&Run> {
        self.0.front()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Run> {
        self.0.get_mut(at)
    }

    pub(super) fn remove(&mut self, at: usize, holdings: &mut Holdings) {
        if let Some(mut run) = self.0.remove(at) {
            run.take(holdings);
            holdings.held = holdings.held.saturating_sub(OVERHEAD);
            if run.is_waiting {
                holdings.waiting = holdings.waiting.saturating_sub(OVERHEAD);
            }
        }
    }

    /// Removes the runs that `is_lost`.
    pub(super) fn remove_where(&mut self, is_lost: impl Fn(&Run) -> bool, holdings: &mut Holdings) {
        let mut at = 0;
        while let Some(run) = self.0.get(at) {
            if is_lost(run) {
                self.remove(at, holdings);
            } else {
                at += 1;
            }
        }
    }

    /// Removes the runs that begin at or before this TSN (of unordered DATA).
    pub(super) fn remove_up_to_piece(&mut self, piece: u32, holdings: &mut Holdings) {
        self.remove_where(|run| !serial_after(run.start, piece), holdings);
    }

    /// Adds a piece to the run that it continues, or as a new one, and says which run that is.
    /// `None` for a piece that contradicts what came before. A new run gets room for `expected` bytes.
    #[inline]
    pub(super) fn insert(
        &mut self,
        message: u32,
        data: &Data<'_>,
        numbering: Numbering,
        is_waiting: bool,
        expected: usize,
        holdings: &mut Holdings,
    ) -> Option<usize> {
        let continues = |run: &Run| {
            run.message == message && run.next == data.fragment && !run.is_last && !data.flags.first
        };
        let at = if self.0.back().is_some_and(continues) {
            self.0.len()
        } else {
            self.0.partition_point(|run| {
                if run.message == message {
                    serial_after(data.fragment, run.start)
                } else {
                    numbering.is_after(message, run.message)
                }
            })
        };
        let at = match at.checked_sub(1) {
            Some(left) if self.0.get(left).is_some_and(continues) => {
                let run = self.0.get_mut(left)?;
                run.append(data.payload, holdings);
                run.next = run.next.wrapping_add(1);
                run.is_last = data.flags.last;
                left
            }
            left => {
                let covers = |run: &Run| {
                    run.message == message
                        && data.fragment.wrapping_sub(run.start) < run.next.wrapping_sub(run.start)
                };
                let is_known = left.and_then(|left| self.0.get(left)).is_some_and(covers)
                    || self.0.get(at).is_some_and(covers);
                if is_known {
                    return None;
                }
                let mut run = Run {
                    message,
                    start: data.fragment,
                    next: data.fragment.wrapping_add(1),
                    is_first: data.flags.first,
                    is_last: data.flags.last,
                    protocol: data.protocol,
                    data: Vec::with_capacity(expected),
                    is_waiting,
                    is_begun: false,
                    is_discarded: false,
                };
                holdings.held += OVERHEAD + run.data.capacity();
                if is_waiting {
                    holdings.waiting += OVERHEAD;
                }
                run.append(data.payload, holdings);
                self.0.insert(at, run);
                at
            }
        };
        self.absorb(at, holdings);
        Some(at)
    }

    /// Joins to a message's beginning what follows it. Other runs aren't joined: each byte is moved once at most.
    fn absorb(&mut self, at: usize, holdings: &mut Holdings) {
        loop {
            let Some(run) = self.0.get(at) else { return };
            let follows = |next: &Run| {
                next.message == run.message && next.start == run.next && !next.is_first && !run.is_last
            };
            if !run.is_first || !self.0.get(at + 1).is_some_and(follows) {
                return;
            }
            let Some(following) = self.0.get_mut(at + 1) else { return };
            let (next, is_last, bytes) = (following.next, following.is_last, following.take(holdings));
            self.remove(at + 1, holdings);
            let Some(run) = self.0.get_mut(at) else { return };
            run.append(&bytes, holdings);
            (run.next, run.is_last) = (next, is_last);
        }
    }
}
