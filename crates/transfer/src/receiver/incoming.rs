//! One file on its way in.

use crate::claim::Claim;
use crate::digest::{Chain, Digest};
use crate::error::Error;
use crate::offer::{ChunkSize, FileIndex};

use super::checking::Checking;

#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) file: FileIndex,
    pub(super) size: u64,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The owner opens the part file.
    Opening,
    /// The part file is compared with its state.
    Checking(Checking),
    /// To be asked for.
    Ready(Vec<Option<Digest>>),
    /// Asked for: chunks come.
    Asked(Asked),
    /// All has come; what is not written yet is being written.
    Writing { chunks: usize, hash: Digest },
    /// The owner brings the file to its place.
    Finishing,
}

/// A file whose chunks come.
#[derive(Debug)]
pub(super) struct Asked {
    /// Digests of the chunks that were there before.
    known: Vec<Option<Digest>>,
    /// The next chunk that may come.
    pub(super) next: u64,
    /// The hash of the chunks before that one.
    chain: Chain,
    /// Chunks that are out to be written.
    pub(super) writing: usize,
}

impl Asked {
    pub(super) fn new(mut known: Vec<Option<Digest>>) -> (Self, Vec<Claim>) {
        let claims = Claim::all_of(&mut known);
        (Self { known, next: 0, chain: Chain::new(), writing: 0 }, claims)
    }

    /// Bytes of the chunks that were there before.
    pub(super) fn claimed(&self, size: u64, chunk: ChunkSize) -> u64 {
        let known = (0_u64..).zip(&self.known).filter(|(_, digest)| digest.is_some());
        known.map(|(index, _)| chunk.length(index, size) as u64).sum()
    }

    /// Whether chunk `index` may come next: those that are left out must be there.
    pub(super) fn may_come(&self, index: u64) -> bool {
        index >= self.next && (self.next..index).all(|index| self.known_at(index).is_some())
    }

    /// Chunk `index` has come; says whether it had been there before.
    pub(super) fn come(&mut self, index: u64, digest: &Digest) -> bool {
        self.pass(index);
        self.chain.push(digest);
        self.next = index + 1;
        self.writing += 1;
        self.known_at(index).is_some()
    }

    /// All of `count` chunks have come or been there.
    pub(super) fn end(&mut self, count: u64, hash: &Digest, file: FileIndex) -> Result<(), Error> {
        if self.next > count || !self.may_come(count) {
            return Err(Error::BadMessage("an end before all chunks"));
        }
        self.pass(count);
        if self.chain.hash() == *hash { Ok(()) } else { Err(Error::HashMismatch(file)) }
    }

    /// Goes on to chunk `index`; the chunks between were there before.
    fn pass(&mut self, index: u64) {
        for index in self.next..index {
            if let Some(digest) = self.known_at(index) {
                self.chain.push(&digest);
            }
        }
        self.next = index;
    }

    fn known_at(&self, index: u64) -> Option<Digest> {
        *self.known.get(usize::try_from(index).ok()?)?
    }
}
