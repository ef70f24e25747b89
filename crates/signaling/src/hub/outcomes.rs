//! The answers that a participant has had lately, so that a frame which it repeats is answered and not done again (`docs/signaling.md` §5).

use std::collections::VecDeque;

/// How many answers are remembered. Beyond them a repeated message is delivered again, and its receivers drop it (§3).
const REMEMBERED: usize = 256;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done.
    Done,
    /// Put in line for so many members.
    Published(u16),
    /// In line for somebody who is away.
    Pending,
    /// Was in line for somebody who did not come back.
    Gone,
}

/// The newest outcomes, in the order in which the frames were done.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    remembered: VecDeque<(u64, Outcome)>,
    highest: u64,
}

impl Outcomes {
    pub(super) fn get(&self, id: u64) -> Option<Outcome> {
        // Ids grow: nearly every frame stops here.
        if id > self.highest {
            return None;
        }
        self.remembered.iter().rev().find(|(known, _)| *known == id).map(|(_, outcome)| *outcome)
    }

    pub(super) fn remember(&mut self, id: u64, outcome: Outcome) {
        if self.remembered.len() >= REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back((id, outcome));
        self.highest = self.highest.max(id);
    }

    /// Notes what became of a frame that was [`Outcome::Pending`]; false when it was settled before.
    pub(super) fn settle(&mut self, id: u64, outcome: Outcome) -> bool {
        match self.remembered.iter_mut().rev().find(|(known, _)| *known == id) {
            Some((_, known)) if *known == Outcome::Pending => {
                *known = outcome;
                true
            }
            Some(_) => false,
            // So long ago that it is forgotten: one answer too many is better than none.
            None => true,
        }
    }

    /// Takes out an outcome, so that a repetition is done again.
    pub(super) fn forget(&mut self, id: u64) -> Option<Outcome> {
        let index = self.remembered.iter().rposition(|(known, _)| *known == id)?;
        self.remembered.remove(index).map(|(_, outcome)| outcome)
    }
}
