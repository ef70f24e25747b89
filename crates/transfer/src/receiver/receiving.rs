//! The accepted files: which are open, asked for, coming, written.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::Error;
use crate::job::{Read, Write};
use crate::limits::{FILES_AHEAD, READ_AHEAD};
use crate::message::Control;
use crate::offer::{ChunkSize, FileIndex, Offer};
use crate::part::PartState;
use crate::piece::Piece;

use super::arriving::Arriving;
use super::checking::Checking;
use super::incoming::{Asked, Incoming, Stage};
use super::{Event, Progress};

#[derive(Debug)]
pub(super) struct Receiving {
    offer: Arc<Offer>,
    /// Files that have not been opened.
    wanted: VecDeque<FileIndex>,
    /// Open files, in the order in which they are asked for and come.
    files: VecDeque<Incoming>,
    arriving: Option<Arriving>,
    window: u64,
    /// Bytes of chunks that have begun to come and are not written.
    held: u64,
    /// Bytes of chunks that are written, and what the sender knows of that.
    written: u64,
    told: u64,
    /// Bytes that were there before.
    claimed: u64,
    checked: u64,
    done: u32,
    spare: Vec<Vec<u8>>,
}

impl Receiving {
    pub(super) const fn new(offer: Arc<Offer>, wanted: VecDeque<FileIndex>, window: u64) -> Self {
        Self {
            offer,
            wanted,
            files: VecDeque::new(),
            arriving: None,
            window,
            held: 0,
            written: 0,
            told: 0,
            claimed: 0,
            checked: 0,
            done: 0,
            spare: Vec::new(),
        }
    }

    pub(super) const fn progress(&self) -> Progress {
        Progress {
            files: self.done,
            bytes: self.claimed + self.written,
            resumed: self.claimed,
            total: 0,
            checked: self.checked,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.wanted.is_empty() && self.files.is_empty()
    }

    pub(super) fn open(&mut self, file: FileIndex, part: Option<PartState>) {
        if let Some(incoming) = self.opening(file) {
            incoming.stage = match part {
                Some(part) => Stage::Checking(Checking::new(part)),
                None => Stage::Ready(Vec::new()),
            };
        }
    }

    pub(super) fn skip(&mut self, file: FileIndex) {
        if self.opening(file).is_some() {
            self.files.retain(|incoming| incoming.file != file);
        }
    }

    pub(super) fn handle_read(&mut self, read: Read, digest: Option<Digest>) {
        let incoming = self.files.iter_mut().find(|incoming| incoming.file == read.file);
        if let Some(Incoming { stage: Stage::Checking(checking), .. }) = incoming {
            checking.take(&read, digest);
            self.checked += read.bytes.len() as u64;
        }
    }

    pub(super) fn handle_piece(&mut self, message: &[u8], events: &mut VecDeque<Event>) -> Result<(), Error> {
        let piece = Piece::parse(message)?;
        let chunk = self.offer.chunk();
        let (size, asked) = Self::coming(&mut self.files, piece.file)?;
        if self.arriving.is_none() {
            let index = piece.offset / chunk.bytes() as u64;
            let length = chunk.length(index, size);
            if chunk.offset(index) != piece.offset || length == 0 || !asked.may_come(index) {
                return Err(Error::BadMessage("a chunk that was not asked for"));
            }
            if self.held + length as u64 > self.window {
                return Err(Error::WindowExceeded);
            }
            self.held += length as u64;
            let buffer = self.spare.pop().unwrap_or_default();
            self.arriving = Some(Arriving::new(index, piece.offset, length, buffer));
        }
        let Some(arriving) = &mut self.arriving else { return Ok(()) };
        let Some(digest) = arriving.add(&piece)? else { return Ok(()) };
        let (index, offset) = (arriving.chunk, arriving.offset());
        let bytes = self.arriving.take().map(Arriving::into_bytes).unwrap_or_default();
        if asked.come(index, &digest) {
            // It was there, but the sender's is another one.
            self.claimed -= bytes.len() as u64;
        }
        events.push_back(Event::Write(Write { file: piece.file, chunk: index, offset, digest, bytes }));
        Ok(())
    }

    pub(super) fn handle_written(&mut self, write: Write, events: &mut VecDeque<Event>) {
        let bytes = write.bytes.len() as u64;
        self.held = self.held.saturating_sub(bytes);
        self.written += bytes;
        if self.spare.len() < READ_AHEAD {
            self.spare.push(write.bytes);
        }
        let Some(incoming) = self.files.iter_mut().find(|incoming| incoming.file == write.file) else {
            return;
        };
        match &mut incoming.stage {
            Stage::Asked(asked) => asked.writing = asked.writing.saturating_sub(1),
            Stage::Writing { chunks, .. } => *chunks = chunks.saturating_sub(1),
            _ => {}
        }
        incoming.finish(events);
    }

    pub(super) fn handle_end(
        &mut self,
        file: FileIndex,
        hash: Digest,
        events: &mut VecDeque<Event>,
    ) -> Result<(), Error> {
        if self.arriving.is_some() {
            return Err(Error::BadMessage("an end within a chunk"));
        }
        let (size, asked) = Self::coming(&mut self.files, file)?;
        asked.end(self.offer.chunk().count(size), &hash, file)?;
        let chunks = asked.writing;
        if let Some(incoming) = self.files.iter_mut().find(|incoming| incoming.file == file) {
            incoming.stage = Stage::Writing { chunks, hash };
            incoming.finish(events);
        }
        Ok(())
    }

    pub(super) fn handle_failed(&mut self, file: FileIndex) -> Result<(), Error> {
        if self.arriving.is_some() {
            return Err(Error::BadMessage("a failure within a chunk"));
        }
        Self::coming(&mut self.files, file)?;
        self.files.retain(|incoming| incoming.file != file);
        Ok(())
    }

    pub(super) fn handle_finished(&mut self, file: FileIndex) {
        let finishing =
            |incoming: &Incoming| incoming.file == file && matches!(incoming.stage, Stage::Finishing);
        if self.files.iter().any(finishing) {
            self.files.retain(|incoming| incoming.file != file);
            self.done += 1;
        }
    }

    /// Opens the next files, and has part files read.
    pub(super) fn go_on(&mut self, events: &mut VecDeque<Event>) {
        let chunk = self.offer.chunk();
        for incoming in &mut self.files {
            let Stage::Checking(checking) = &mut incoming.stage else { continue };
            while let Some(read) = checking.poll_read(incoming.file, incoming.size, chunk) {
                events.push_back(Event::Read(read));
            }
            if let Some(known) = checking.result() {
                incoming.stage = Stage::Ready(known);
            }
        }
        // Small files are asked for together; what follows a large one is asked for when that is nearly there.
        let coming = |files: &VecDeque<Incoming>| {
            files.iter().map(|incoming| incoming.remaining(chunk)).fold(0, u64::saturating_add)
        };
        while self.files.len() < FILES_AHEAD && coming(&self.files) < self.window {
            let Some(file) = self.wanted.pop_front() else { break };
            let Some(size) = self.offer.file(file).map(|file| file.size) else { continue };
            self.files.push_back(Incoming { file, size, stage: Stage::Opening });
            events.push_back(Event::Open(file));
        }
    }

    /// What the sender is to be told next.
    pub(super) fn poll_control(&mut self) -> Option<Control> {
        if let Some(written) = self.poll_written() {
            return Some(written);
        }
        let chunk = self.offer.chunk();
        // Files are asked for in order, so that they come in order.
        let waiting = self.files.iter_mut().find(|incoming| {
            matches!(incoming.stage, Stage::Opening | Stage::Checking(_) | Stage::Ready(_))
        })?;
        let Stage::Ready(known) = &mut waiting.stage else { return None };
        let (asked, have) = Asked::new(std::mem::take(known));
        self.claimed += asked.claimed(waiting.size, chunk);
        waiting.stage = Stage::Asked(asked);
        Some(Control::Get { file: waiting.file, have })
    }

    pub(super) fn poll_written(&mut self) -> Option<Control> {
        let news = self.written != self.told;
        self.told = self.written;
        news.then_some(Control::Written { bytes: self.written })
    }

    /// The file whose chunks come now, which has to be `file`.
    fn coming(files: &mut VecDeque<Incoming>, file: FileIndex) -> Result<(u64, &mut Asked), Error> {
        let mut unfinished = files.iter_mut().filter_map(|incoming| match &mut incoming.stage {
            Stage::Writing { .. } | Stage::Finishing => None,
            Stage::Asked(asked) => Some(Some((incoming.file, incoming.size, asked))),
            _ => Some(None),
        });
        match unfinished.next() {
            Some(Some((coming, size, asked))) if coming == file => Ok((size, asked)),
            _ => Err(Error::BadMessage("a file that was not asked for now")),
        }
    }

    fn opening(&mut self, file: FileIndex) -> Option<&mut Incoming> {
        self.files
            .iter_mut()
            .find(|incoming| incoming.file == file && matches!(incoming.stage, Stage::Opening))
    }
}

impl Incoming {
    /// Bytes that may still come.
    fn remaining(&self, chunk: ChunkSize) -> u64 {
        match &self.stage {
            Stage::Asked(asked) => self.size.saturating_sub(chunk.offset(asked.next)),
            Stage::Writing { .. } | Stage::Finishing => 0,
            _ => self.size,
        }
    }

    /// When all has come and is written, the owner brings the file to its place.
    fn finish(&mut self, events: &mut VecDeque<Event>) {
        if let Stage::Writing { chunks: 0, hash } = self.stage {
            self.stage = Stage::Finishing;
            events.push_back(Event::Finish { file: self.file, hash });
        }
    }
}
