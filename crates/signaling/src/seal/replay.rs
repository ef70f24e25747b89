//! The refusal of replays (§3): a receiver keeps one window for each sender.

/// How far below the highest `id` a message may still arrive.
const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;

/// The highest `id` opened so far, and which of the 1,024 below it.
#[derive(Clone, Debug, Default)]
pub struct ReplayWindow {
    highest: u64,
    /// One bit for each `id` of the window, at `id % 1024`; the bit of `highest` itself is not kept.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// A window that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of `id`, and says whether it is new. Ask only once the payload has opened: what cannot be opened must not move the window.
    pub fn accept(&mut self, id: u64) -> bool {
        if !(1..1 << 53).contains(&id) || id == self.highest {
            return false;
        }
        if id > self.highest {
            self.advance(id);
            return true;
        }
        if self.highest - id > WINDOW {
            return false;
        }
        let new = !self.bit(id);
        self.set(id, true);
        new
    }

    fn advance(&mut self, id: u64) {
        if id - self.highest > WINDOW {
            self.seen = [0; WORDS];
        } else {
            // The slot of the old highest is its own; those between belong to ids that fell out of the window.
            for skipped in self.highest + 1..id {
                self.set(skipped, false);
            }
            self.set(self.highest, true);
        }
        self.highest = id;
    }

    fn bit(&self, id: u64) -> bool {
        let slot = id % WINDOW;
        self.seen.get((slot / 64) as usize).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    fn set(&mut self, id: u64, on: bool) {
        let slot = id % WINDOW;
        if let Some(word) = self.seen.get_mut((slot / 64) as usize) {
            *word = *word & !(1 << (slot % 64)) | u64::from(on) << (slot % 64);
        }
    }
}
