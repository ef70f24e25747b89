//! Which TSNs have come (RFC 9260 §6.2).

use std::collections::VecDeque;

use crate::Tsn;

/// How far ahead of the cumulative TSN a chunk may lie: gap blocks count in 16 bits (RFC 9260 §3.3.4).
const FARTHEST: u32 = 65_535;

/// How many duplicates are remembered for the next SACK.
const MOST_DUPLICATES: usize = 16;

/// How many gaps there may be: what the peer could make us remember. A path that needs more has lost far more.
const MOST_GAPS: usize = 8_192;

/// TSNs received in a row, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    start: Tsn,
    end: Tsn,
}

/// What a TSN is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    New,
    Duplicate,
    TooFar,
}

/// Knows what has come: all up to the cumulative TSN, and blocks beyond it.
#[derive(Debug)]
pub(super) struct TsnTracker {
    cumulative: Tsn,
    /// Sorted, apart from each other and from the cumulative TSN.
    blocks: VecDeque<Block>,
    duplicates: Vec<Tsn>,
}

impl TsnTracker {
    pub(super) fn new(initial: Tsn) -> Self {
        Self { cumulative: initial.previous(), blocks: VecDeque::new(), duplicates: Vec::new() }
    }

    #[inline]
    pub(super) fn cumulative(&self) -> Tsn {
        self.cumulative
    }

    pub(super) fn shrink(&mut self) {
        self.blocks.shrink_to_fit();
        self.duplicates.shrink_to_fit();
    }

    #[inline]
    pub(super) fn has_gaps(&self) -> bool {
        !self.blocks.is_empty()
    }

    #[inline]
    pub(super) fn classify(&self, tsn: Tsn) -> Arrival {
        let distance = tsn.since(self.cumulative);
        if distance == 0 || distance >= 1 << 31 {
            return Arrival::Duplicate;
        }
        if distance > FARTHEST {
            return Arrival::TooFar;
        }
        if self.blocks.is_empty() {
            return Arrival::New;
        }
        let at = self.first_block_ending_at_or_after(tsn);
        match self.blocks.get(at) {
            Some(block) if !block.start.is_after(tsn) => Arrival::Duplicate,
            _ if self.blocks.len() >= MOST_GAPS && distance != 1 => Arrival::TooFar,
            _ => Arrival::New,
        }
    }

    /// Remembers a TSN that was classified as new.
    #[inline]
    pub(super) fn insert(&mut self, tsn: Tsn) {
        if tsn == self.cumulative.next() {
            self.cumulative = tsn;
            self.absorb();
            return;
        }
        let at = self.first_block_ending_at_or_after(tsn);
        let joins_next = self.blocks.get(at).is_some_and(|next| next.start == tsn.next());
        let before = at
            .checked_sub(1)
            .filter(|&before| self.blocks.get(before).is_some_and(|block| block.end == tsn.previous()));
        match (before, joins_next) {
            (Some(before), true) => {
                let end = self.blocks.remove(at).map_or(tsn, |next| next.end);
                if let Some(block) = self.blocks.get_mut(before) {
                    block.end = end;
                }
            }
            (Some(before), false) => {
                if let Some(block) = self.blocks.get_mut(before) {
                    block.end = tsn;
                }
            }
            (None, true) => {
                if let Some(next) = self.blocks.get_mut(at) {
                    next.start = tsn;
                }
            }
            (None, false) => self.blocks.insert(at, Block { start: tsn, end: tsn }),
        }
    }

    /// Takes all up to `cumulative` as come (RFC 3758 §3.6).
    pub(super) fn advance(&mut self, cumulative: Tsn) {
        self.cumulative = cumulative;
        while self.blocks.front().is_some_and(|block| !block.end.is_after(cumulative)) {
            self.blocks.pop_front();
        }
        if let Some(front) = self.blocks.front_mut()
            && !front.start.is_after(cumulative)
        {
            front.start = cumulative.next();
        }
        self.absorb();
    }

    /// Joins the first block to the cumulative TSN where they touch.
    #[inline]
    fn absorb(&mut self) {
        if let Some(front) = self.blocks.front()
            && front.start == self.cumulative.next()
        {
            self.cumulative = front.end;
            self.blocks.pop_front();
        }
    }

    /// Arrivals are mostly at the end, or fill the first gap: looked at before searching.
    fn first_block_ending_at_or_after(&self, tsn: Tsn) -> usize {
        match (self.blocks.front(), self.blocks.back()) {
            (_, Some(back)) if tsn.is_after(back.end) => self.blocks.len(),
            (Some(front), _) if !tsn.is_after(front.end) => 0,
            _ => self.blocks.partition_point(|block| tsn.is_after(block.end)),
        }
    }

    pub(super) fn gaps(&self) -> impl ExactSizeIterator<Item = (Tsn, Tsn)> + '_ {
        self.blocks.iter().map(|block| (block.start, block.end))
    }

    pub(super) fn note_duplicate(&mut self, tsn: Tsn) {
        if self.duplicates.len() < MOST_DUPLICATES {
            self.duplicates.push(tsn);
        }
    }

    pub(super) fn duplicates(&self) -> &[Tsn] {
        &self.duplicates
    }

    pub(super) fn clear_duplicates(&mut self) {
        self.duplicates.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(tracker: &TsnTracker) -> Vec<(u32, u32)> {
        tracker.gaps().map(|(start, end)| (start.0, end.0)).collect()
    }

    #[test]
    fn blocks_grow_and_join_until_the_gap_is_filled() {
        let mut tracker = TsnTracker::new(Tsn(10));
        for tsn in [10, 12, 14, 13, 17, 16] {
            assert_eq!(tracker.classify(Tsn(tsn)), Arrival::New);
            tracker.insert(Tsn(tsn));
        }
        assert_eq!((tracker.cumulative(), blocks(&tracker)), (Tsn(10), vec![(12, 14), (16, 17)]));
        tracker.insert(Tsn(11));
        assert_eq!((tracker.cumulative(), blocks(&tracker)), (Tsn(14), vec![(16, 17)]));
        assert_eq!(tracker.classify(Tsn(16)), Arrival::Duplicate);
        assert_eq!(tracker.classify(Tsn(9)), Arrival::Duplicate);
        assert_eq!(tracker.classify(Tsn(15)), Arrival::New);
    }

    #[test]
    fn tsns_wrap_round() {
        let mut tracker = TsnTracker::new(Tsn(u32::MAX));
        tracker.insert(Tsn(1));
        tracker.insert(Tsn(u32::MAX));
        assert_eq!((tracker.cumulative(), blocks(&tracker)), (Tsn(u32::MAX), vec![(1, 1)]));
        tracker.insert(Tsn(0));
        assert_eq!((tracker.cumulative(), tracker.has_gaps()), (Tsn(1), false));
    }

    #[test]
    fn what_can_not_be_reported_is_not_taken() {
        let tracker = TsnTracker::new(Tsn(1));
        assert_eq!(tracker.classify(Tsn(65_535)), Arrival::New);
        assert_eq!(tracker.classify(Tsn(65_536)), Arrival::TooFar);
    }

    #[test]
    fn advancing_cuts_blocks_and_joins_what_follows() {
        let mut tracker = TsnTracker::new(Tsn(1));
        for tsn in [3, 4, 6, 8] {
            tracker.insert(Tsn(tsn));
        }
        tracker.advance(Tsn(3));
        assert_eq!((tracker.cumulative(), blocks(&tracker)), (Tsn(4), vec![(6, 6), (8, 8)]));
        tracker.advance(Tsn(7));
        assert_eq!((tracker.cumulative(), tracker.has_gaps()), (Tsn(8), false));
    }
}
