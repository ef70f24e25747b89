//! Comparing a part file with its state, chunk by chunk: what a flipped bit has spoilt is fetched again.

use crate::digest::Digest;
use crate::job::Read;
use crate::limits::READ_AHEAD;
use crate::offer::{ChunkSize, FileIndex};
use crate::part::PartState;

#[derive(Debug)]
pub(super) struct Checking {
    /// What the state says; what turns out to be something else is forgotten.
    known: Vec<Option<Digest>>,
    next: usize,
    out: usize,
}

impl Checking {
    pub(super) fn new(part: PartState) -> Self {
        Self { known: part.digests, next: 0, out: 0 }
    }

    /// The next chunk to read, as long as not enough is out.
    pub(super) fn poll_read(&mut self, file: FileIndex, size: u64, chunk: ChunkSize) -> Option<Read> {
        if self.out >= READ_AHEAD {
            return None;
        }
        let ahead = self.known.iter().skip(self.next).position(Option::is_some)?;
        let index = (self.next + ahead) as u64;
        self.next += ahead + 1;
        self.out += 1;
        let bytes = vec![0; chunk.length(index, size)];
        Some(Read { token: index, file, offset: chunk.offset(index), bytes })
    }

    /// Takes what a chunk is; none if it can't be read.
    pub(super) fn take(&mut self, read: &Read, digest: Option<Digest>) {
        self.out = self.out.saturating_sub(1);
        let place = usize::try_from(read.token).ok().and_then(|index| self.known.get_mut(index));
        if let Some(known) = place
            && *known != digest
        {
            *known = None;
        }
    }

    /// All has been compared: what the part file has.
    pub(super) fn result(&mut self) -> Option<Vec<Option<Digest>>> {
        let done = self.out == 0 && self.known.iter().skip(self.next).all(Option::is_none);
        done.then(|| std::mem::take(&mut self.known))
    }
}
