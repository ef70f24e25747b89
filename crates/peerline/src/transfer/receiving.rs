//! The receiving side's effects.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use peerline_transfer::receiver::{Event, Progress};
use peerline_transfer::{
    Damaged, DeclineReason, Error, FileFailure, FileIndex, Hashed, Offer, Outcome, PartState, Read, Receiver,
    Verified, Write,
};

use super::directory::Directory;
use super::disk::Disk;
use super::part::{Opened, Part};
use super::plan::{Existing, Plan};
use super::wire::{News, Wire};
use crate::Message;

/// What happens while files are received.
#[derive(Debug)]
pub enum ReceiveEvent {
    /// This file is at its place, and its hash is the sender's.
    FileReceived(FileIndex),
    /// The sender could not send this file; the others go on.
    FileFailed(FileIndex, FileFailure),
    /// This file can't be written, and so the transfer ends: [`Self::Ended`] follows.
    WriteFailed(FileIndex, io::Error),
    /// It went on.
    Progress(Progress),
    /// The end: nothing follows.
    Ended(Outcome),
}

/// Files that are being received. It goes on while [`next_event`](Self::next_event) is called. Dropped, it breaks off;
/// what has come is kept for the next time.
#[derive(Debug)]
pub struct Receiving {
    wire: Wire,
    machine: Receiver,
    offer: Arc<Offer>,
    disk: Disk<Job, Done>,
    /// How it ended; told when all is written and the last word has arrived.
    outcome: Option<Outcome>,
    told: bool,
}

impl Receiving {
    pub(super) fn new(
        wire: Wire,
        mut machine: Receiver,
        offer: Arc<Offer>,
        plan: Plan,
        existing: Existing,
    ) -> io::Result<Self> {
        let wanted = plan.wanted(existing);
        let has_room = plan.needed_bytes(existing) <= plan.available;
        let mut place =
            Place { root: plan.directory, existing, offer: Arc::clone(&offer), open: HashMap::new() };
        let disk = Disk::start(move |job| place.work(job))?;
        if has_room {
            machine.accept(wanted);
        } else {
            machine.decline(DeclineReason::NoSpace);
        }
        Ok(Self { wire, machine, offer, disk, outcome: None, told: false })
    }

    /// What was offered.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// How far it is.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.machine.progress()
    }

    /// Stops it; [`ReceiveEvent::Ended`] follows. What has come is kept for the next time.
    pub fn cancel(&mut self) {
        self.machine.cancel();
    }

    /// What happened next; `None` after [`ReceiveEvent::Ended`]. Cancel-safe.
    pub async fn next_event(&mut self) -> Option<ReceiveEvent> {
        loop {
            self.wire.transmit(|buffer| self.machine.poll_transmit(buffer));
            if let Some(event) = self.machine.poll_event() {
                match self.take(event) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            if self.outcome.is_some() {
                return self.end().await;
            }
            tokio::select! {
                news = self.wire.next(false) => hear(&mut self.machine, news),
                done = self.disk.next() => if let Some(event) = self.settle(done) { return Some(event) },
            }
        }
    }

    /// Goes on to the end.
    pub async fn finish(mut self) -> Outcome {
        loop {
            match self.next_event().await {
                Some(ReceiveEvent::Ended(outcome)) => return outcome,
                Some(_) => {}
                None => return Outcome::Interrupted,
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<ReceiveEvent> {
        match event {
            Event::Offered => {}
            Event::Open(file) => self.disk.ask(Job::Open(file)),
            Event::Read(read) => self.disk.ask(Job::Read(read)),
            Event::Write(write) => self.disk.ask(Job::Write(write)),
            Event::Finish { file, .. } => self.disk.ask(Job::Finish(file)),
            Event::FileFailed(file, reason) => {
                self.disk.ask(Job::Leave(file));
                return Some(ReceiveEvent::FileFailed(file, reason));
            }
            Event::Progress => return Some(ReceiveEvent::Progress(self.machine.progress())),
            Event::Ended(outcome) => {
                if let Outcome::Failed(Error::HashMismatch(file)) = outcome {
                    self.disk.ask(Job::Discard(file));
                }
                self.disk.finish();
                // §2: after `complete` the sender closes.
                self.wire.end(outcome != Outcome::Completed);
                self.outcome = Some(outcome);
            }
        }
        None
    }

    fn settle(&mut self, done: Option<Done>) -> Option<ReceiveEvent> {
        match done {
            Some(Done::Opened(file, part)) => self.machine.open(file, part),
            Some(Done::Complete(file)) => self.machine.skip(file),
            Some(Done::Read(Ok(hashed))) => self.machine.handle_read(hashed),
            Some(Done::Read(Err(read))) => self.machine.handle_read_failed(read),
            Some(Done::Written(chunk)) => self.machine.handle_written(chunk),
            Some(Done::Damaged(damaged)) => self.machine.handle_damaged(damaged),
            Some(Done::Finished(file)) => {
                self.machine.handle_finished(file);
                return Some(ReceiveEvent::FileReceived(file));
            }
            Some(Done::Failed(file, error)) => {
                self.machine.fail(failure(&error));
                return Some(ReceiveEvent::WriteFailed(file, error));
            }
            None => self.machine.fail(Error::WriteFailed),
        }
        None
    }

    async fn end(&mut self) -> Option<ReceiveEvent> {
        while self.disk.next().await.is_some() {}
        self.wire.ended().await;
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        self.outcome.clone().map(ReceiveEvent::Ended)
    }
}

/// Gives the machine what the channel brought.
pub(super) fn hear(machine: &mut Receiver, news: News) {
    match news {
        News::Message(Message::Text(text)) => machine.handle_message(peerline_transfer::Message::Text(&text)),
        News::Message(Message::Binary(bytes)) => {
            machine.handle_message(peerline_transfer::Message::Binary(&bytes));
        }
        News::Room => {}
        News::Closed => machine.handle_closed(),
    }
}

/// What the sender is told.
fn failure(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace,
        _ => Error::WriteFailed,
    }
}

#[derive(Debug)]
enum Job {
    Open(FileIndex),
    Read(Read),
    Write(Write),
    Finish(FileIndex),
    /// Nothing more will come: the part stays.
    Leave(FileIndex),
    /// What came is of no use.
    Discard(FileIndex),
}

#[derive(Debug)]
enum Done {
    Opened(FileIndex, Option<PartState>),
    /// It is there already.
    Complete(FileIndex),
    Read(Result<Hashed, Read>),
    Written(Verified),
    Damaged(Damaged),
    Finished(FileIndex),
    Failed(FileIndex, io::Error),
}

/// Where files are received to, in the disk's thread.
struct Place {
    root: Directory,
    existing: Existing,
    offer: Arc<Offer>,
    open: HashMap<FileIndex, Part>,
}

impl Place {
    fn work(&mut self, job: Job) -> Option<Done> {
        let (file, worked) = match job {
            Job::Open(file) => (file, self.open(file)),
            Job::Read(read) => return Some(Done::Read(self.read(read))),
            Job::Write(write) => match write.verify() {
                Ok(chunk) => (chunk.file(), self.write(chunk)),
                Err(damaged) => return Some(Done::Damaged(damaged)),
            },
            Job::Finish(file) => (file, self.finish(file)),
            Job::Leave(file) => {
                self.open.remove(&file);
                return None;
            }
            Job::Discard(file) => {
                let part = self.open.remove(&file);
                // Nothing is lost if it stays: its hashes are compared before it is built on.
                let _ = part.map(Part::discard);
                return None;
            }
        };
        Some(worked.unwrap_or_else(|error| Done::Failed(file, error)))
    }

    fn open(&mut self, file: FileIndex) -> io::Result<Done> {
        let offered = self.offer.file(file).ok_or(io::ErrorKind::NotFound)?;
        match Part::open(&self.root, offered, self.offer.chunk(), self.existing)? {
            Opened::Part(part, state) => {
                self.open.insert(file, part);
                Ok(Done::Opened(file, state))
            }
            Opened::Complete => Ok(Done::Complete(file)),
        }
    }

    fn read(&self, mut read: Read) -> Result<Hashed, Read> {
        match self.open.get(&read.file()).map(|part| part.read(&mut read)) {
            Some(Ok(())) => Ok(read.hash()),
            _ => Err(read),
        }
    }

    fn write(&mut self, chunk: Verified) -> io::Result<Done> {
        let part = self.open.get_mut(&chunk.file()).ok_or(io::ErrorKind::NotFound)?;
        part.write(&chunk)?;
        Ok(Done::Written(chunk))
    }

    fn finish(&mut self, file: FileIndex) -> io::Result<Done> {
        let part = self.open.remove(&file).ok_or(io::ErrorKind::NotFound)?;
        part.finish(self.existing)?;
        Ok(Done::Finished(file))
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn section_7_a_full_disk_is_told_apart() {
        for full in [Errno::NOSPC, Errno::DQUOT] {
            assert_eq!(failure(&full.into()), Error::NoSpace);
        }
        assert_eq!(failure(&Errno::IO.into()), Error::WriteFailed);
    }
}
