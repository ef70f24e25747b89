//! From requests to chunks in order: reads ahead, compares what the receiver says it has, makes the files' hashes.

use std::collections::VecDeque;

use crate::claim::Claim;
use crate::digest::{Chain, Digest};
use crate::error::FileFailure;
use crate::job::{Hashed, Read};
use crate::limits::READ_AHEAD;
use crate::offer::{ChunkSize, FileIndex};

/// What is to be sent next.
#[derive(Debug)]
pub(super) enum Step {
    Send(Hashed),
    /// The receiver has as many bytes as it said: they needn't be sent.
    Confirmed(u64),
    End(FileIndex, Digest),
    Failed(FileIndex, FileFailure),
}

#[derive(Debug)]
pub(super) struct Pipeline {
    chunk: ChunkSize,
    /// Files that were asked for and not begun.
    requests: VecDeque<Plan>,
    /// The file whose chunks are being asked for.
    plan: Option<Plan>,
    /// What has been planned, in the order in which it is sent.
    slots: VecDeque<Slot>,
    /// The hash of the file at the front, as far as it has come.
    chain: Chain,
    /// The claim at the front that is being compared.
    check: Option<Check>,
    next_token: u64,
    spare: Vec<Vec<u8>>,
}

/// What is still to be read of a file.
#[derive(Debug)]
struct Plan {
    file: FileIndex,
    size: u64,
    next: u64,
    claims: VecDeque<Claim>,
    /// All of the first claim has been asked for: what comes then depends on what it turns out to be.
    waits: bool,
}

#[derive(Debug)]
enum Slot {
    Chunk { token: u64, file: FileIndex, purpose: Purpose, content: Option<Hashed> },
    End(FileIndex),
    Failed(FileIndex, FileFailure),
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    Send,
    /// Compare with a claim; the claim's hash stands with its last chunk.
    Check(Option<Digest>),
}

#[derive(Debug)]
struct Check {
    /// The hash of the claim's chunks so far.
    chain: Chain,
    /// The file's hash before the claim.
    before: Chain,
    bytes: u64,
}

impl Pipeline {
    pub(super) const fn new(chunk: ChunkSize) -> Self {
        Self {
            chunk,
            requests: VecDeque::new(),
            plan: None,
            slots: VecDeque::new(),
            chain: Chain::new(),
            check: None,
            next_token: 0,
            spare: Vec::new(),
        }
    }

    /// Files that wait.
    pub(super) fn requests(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn request(&mut self, file: FileIndex, size: u64, claims: Vec<Claim>) {
        self.requests.push_back(Plan { file, size, next: 0, claims: claims.into(), waits: false });
    }

    /// Nothing is left to send.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.plan.is_none() && self.slots.is_empty()
    }

    /// Bytes of the claim that have been compared so far.
    pub(super) fn checking(&self) -> u64 {
        self.check.as_ref().map_or(0, |check| check.bytes)
    }

    /// The next bytes to read, as long as not enough is ahead.
    pub(super) fn poll_read(&mut self) -> Option<Read> {
        // Ends of empty files take no memory worth counting, but are not planned without limit either.
        while self.slots.len() < 2 * READ_AHEAD && self.chunks_ahead() < READ_AHEAD {
            if self.plan.is_none() {
                self.plan = Some(self.requests.pop_front()?);
            }
            let plan = self.plan.as_mut()?;
            if plan.waits {
                return None;
            }
            if plan.next == self.chunk.count(plan.size) {
                self.slots.push_back(Slot::End(plan.file));
                self.plan = None;
                continue;
            }
            let claim = plan.claims.front().filter(|claim| claim.first <= plan.next);
            let purpose = match claim {
                None => Purpose::Send,
                Some(claim) if plan.next + 1 == claim.end => {
                    plan.waits = true;
                    Purpose::Check(Some(claim.hash))
                }
                Some(_) => Purpose::Check(None),
            };
            let (file, index, token) = (plan.file, plan.next, self.next_token);
            let mut bytes = self.spare.pop().unwrap_or_default();
            bytes.resize(self.chunk.length(index, plan.size), 0);
            plan.next += 1;
            self.next_token += 1;
            self.slots.push_back(Slot::Chunk { token, file, purpose, content: None });
            return Some(Read { token, file, offset: self.chunk.offset(index), bytes });
        }
        None
    }

    pub(super) fn handle_read(&mut self, hashed: Hashed) {
        let wanted = self.slots.iter_mut().find_map(|slot| match slot {
            Slot::Chunk { token, content, .. } if *token == hashed.read.token => Some(content),
            _ => None,
        });
        match wanted {
            Some(content) => *content = Some(hashed),
            // Its file has failed meanwhile.
            None => self.recycle(Some(hashed.read.bytes)),
        }
    }

    pub(super) fn handle_failed(&mut self, read: Read, reason: FileFailure) {
        let failed = |slot: &Slot| matches!(slot, Slot::Chunk { token, .. } if *token == read.token);
        let file = read.file;
        let known = self.slots.iter().any(failed);
        self.recycle(Some(read.bytes));
        if !known {
            return;
        }
        let of_file = |slot: &Slot| match slot {
            Slot::Chunk { file: other, .. } | Slot::End(other) | Slot::Failed(other, _) => *other == file,
        };
        let first = self.slots.iter().position(of_file).unwrap_or(0);
        self.slots.retain(|slot| !of_file(slot));
        self.slots.insert(first, Slot::Failed(file, reason));
        if self.plan.as_ref().is_some_and(|plan| plan.file == file) {
            self.plan = None;
        }
    }

    /// What comes next, if it is there; a chunk only if `room` bytes are enough for it.
    pub(super) fn next_step(&mut self, room: u64) -> Option<Step> {
        loop {
            match self.slots.front()? {
                Slot::Chunk { content: None, .. } => return None,
                Slot::Chunk { content: Some(chunk), purpose: Purpose::Send, .. }
                    if chunk.read.bytes.len() as u64 > room =>
                {
                    return None;
                }
                _ => {}
            }
            match self.slots.pop_front()? {
                Slot::Chunk { content: Some(chunk), purpose: Purpose::Send, .. } => {
                    self.chain.push(&chunk.digest);
                    return Some(Step::Send(chunk));
                }
                Slot::Chunk { content: Some(chunk), purpose: Purpose::Check(last), .. } => {
                    if let Some(confirmed) = self.compare(chunk, last) {
                        return Some(Step::Confirmed(confirmed));
                    }
                }
                Slot::Chunk { content: None, .. } => return None,
                Slot::End(file) => {
                    let hash = std::mem::take(&mut self.chain).hash();
                    return Some(Step::End(file, hash));
                }
                Slot::Failed(file, reason) => {
                    self.chain = Chain::new();
                    self.check = None;
                    return Some(Step::Failed(file, reason));
                }
            }
        }
    }

    /// Takes a chunk of a claim; at the claim's end, says how many bytes it confirms.
    fn compare(&mut self, chunk: Hashed, last: Option<Digest>) -> Option<u64> {
        let before = self.chain;
        let check = self.check.get_or_insert(Check { chain: Chain::new(), before, bytes: 0 });
        check.chain.push(&chunk.digest);
        check.bytes += chunk.read.bytes.len() as u64;
        self.chain.push(&chunk.digest);
        self.recycle(Some(chunk.read.bytes));
        let claimed = last?;
        let check = self.check.take()?;
        let equal = check.chain.hash() == claimed;
        if let Some(plan) = &mut self.plan {
            plan.waits = false;
            let claim = plan.claims.pop_front();
            if !equal {
                // The file is another one than it was: what was claimed is sent anew.
                plan.next = claim.map_or(plan.next, |claim| claim.first);
                self.chain = check.before;
            }
        }
        equal.then_some(check.bytes)
    }

    pub(super) fn recycle(&mut self, buffer: Option<Vec<u8>>) {
        if self.spare.len() < READ_AHEAD {
            self.spare.extend(buffer);
        }
    }

    fn chunks_ahead(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot, Slot::Chunk { .. })).count()
    }
}
