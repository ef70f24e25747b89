//! The side that is offered files and asks for those it wants.

mod arriving;
mod checking;
mod incoming;
mod listing;
mod receiving;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::{Cancelled, DeclineReason, Error, FileFailure, Outcome};
use crate::job::{Damaged, Hashed, Read, Verified, Write};
use crate::limits::Limits;
use crate::message::{Control, Message, Transmit};
use crate::offer::{FileIndex, Offer};
use crate::part::PartState;

use listing::Listing;
use receiving::Receiving;

/// What a receiver takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What an offer may be at most.
    pub limits: Limits,
    /// Bytes of chunks that are held at most until they are written. At least two chunks are.
    pub window: u64,
}

impl Default for Settings {
    /// A window of 64 MiB: it is filled only where the disk is slower than the network.
    fn default() -> Self {
        Self { limits: Limits::default(), window: 64 << 20 }
    }
}

/// What a receiver has to say.
#[derive(Debug)]
pub enum Event {
    /// There is an offer, see [`Receiver::offer`]; answer with [`Receiver::accept`] or [`Receiver::decline`].
    Offered,
    /// Make the part file ready, and answer with [`Receiver::open`] or [`Receiver::skip`].
    Open(FileIndex),
    /// Fill the buffer from the part file, and give it back by [`Receiver::handle_read`] or [`Receiver::handle_read_failed`].
    Read(Read),
    /// Verify, write to the part file, append the record to the state file, and give it back by
    /// [`Receiver::handle_written`] or [`Receiver::handle_damaged`]. Several may be out at once, and come back in any order.
    Write(Write),
    /// The file is whole and its hash is the sender's. Bring it to its place, and answer with
    /// [`Receiver::handle_finished`].
    Finish {
        /// Which file.
        file: FileIndex,
        /// The hash of the whole file (`docs/transfer.md` §5).
        hash: Digest,
    },
    /// The sender could not send this file; the others go on. Its part stays as it is.
    FileFailed(FileIndex, FileFailure),
    /// [`Receiver::progress`] changed.
    Progress,
    /// The end: nothing follows. Close the data channel when what `poll_transmit` still gives has been sent; after
    /// [`Outcome::Completed`] leave that to the sender, who may not have heard of it yet.
    Ended(Outcome),
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub files: u32,
    /// Bytes that are written, those included that were there before.
    pub bytes: u64,
    /// Of these, bytes that were there before.
    pub resumed: u64,
    /// All bytes that were accepted; 0 before.
    pub total: u64,
    /// Bytes of the part files that have been compared with their state.
    pub checked: u64,
}

/// Takes an offer of one data channel, and the files that its owner wants.
#[derive(Debug)]
pub struct Receiver {
    settings: Settings,
    phase: Phase,
    offer: Option<Arc<Offer>>,
    control: VecDeque<Control>,
    events: VecDeque<Event>,
    progress: Progress,
}

#[derive(Debug)]
enum Phase {
    Awaiting,
    /// The offer comes in parts.
    Listing(Listing),
    /// The owner is thinking.
    Offered,
    Receiving(Box<Receiving>),
    Ended,
}

impl Receiver {
    /// Waits for an offer.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Awaiting,
            offer: None,
            control: VecDeque::new(),
            events: VecDeque::new(),
            progress: Progress::default(),
        }
    }

    /// What is offered; none before [`Event::Offered`].
    #[must_use]
    pub const fn offer(&self) -> Option<&Arc<Offer>> {
        self.offer.as_ref()
    }

    /// How far the transfer is.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes a message of the data channel.
    pub fn handle_message(&mut self, message: Message<'_>) {
        let handled = match message {
            _ if matches!(self.phase, Phase::Ended) => return,
            Message::Text(text) => Control::parse(text).and_then(|control| self.handle_control(control)),
            Message::Binary(bytes) => match &mut self.phase {
                Phase::Receiving(receiving) => receiving.handle_piece(bytes, &mut self.events),
                _ => Err(Error::BadMessage("a chunk before it was asked for")),
            },
        };
        self.settle(handled);
    }

    /// Wants these files of the offer; of what is not offered, or named twice, one is wanted once or none.
    pub fn accept(&mut self, files: impl IntoIterator<Item = FileIndex>) {
        let (Phase::Offered, Some(offer)) = (&self.phase, &self.offer) else { return };
        let wanted = files.into_iter().collect::<std::collections::BTreeSet<_>>();
        let wanted: VecDeque<FileIndex> =
            wanted.into_iter().filter(|&file| offer.file(file).is_some()).collect();
        let bytes = wanted.iter().filter_map(|&file| offer.file(file)).map(|file| file.size).sum();
        let window = self.settings.window.max(2 * offer.chunk().bytes() as u64);
        let count = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
        self.control.push_back(Control::Accept { files: count, bytes, window });
        self.progress.total = bytes;
        self.phase = Phase::Receiving(Box::new(Receiving::new(Arc::clone(offer), wanted, window)));
        self.settle(Ok(()));
    }

    /// Does not want the offer.
    pub fn decline(&mut self, reason: DeclineReason) {
        if matches!(self.phase, Phase::Offered) {
            self.control.push_back(Control::Decline { reason });
            self.end(Outcome::Declined(reason));
        }
    }

    /// Answers [`Event::Open`]: the part file is there. With a `part`, what it says is compared with the part file first.
    pub fn open(&mut self, file: FileIndex, part: Option<PartState>) {
        self.receiving(|receiving, _| receiving.open(file, part));
    }

    /// Answers [`Event::Open`]: this file is not wanted after all.
    pub fn skip(&mut self, file: FileIndex) {
        self.receiving(|receiving, _| receiving.skip(file));
    }

    /// Takes bytes of a part file.
    pub fn handle_read(&mut self, hashed: Hashed) {
        self.receiving(|receiving, _| receiving.handle_read(hashed.read, Some(hashed.digest)));
    }

    /// Takes a buffer back that could not be filled: that chunk is fetched again.
    pub fn handle_read_failed(&mut self, read: Read) {
        self.receiving(|receiving, _| receiving.handle_read(read, None));
    }

    /// Takes a chunk back that is written.
    pub fn handle_written(&mut self, written: Verified) {
        self.receiving(|receiving, events| receiving.handle_written(written.0, events));
    }

    /// A chunk was not as its digest says: the transfer fails.
    pub fn handle_damaged(&mut self, damaged: Damaged) {
        self.fail(Error::Damaged { file: damaged.file, chunk: damaged.chunk });
    }

    /// Answers [`Event::Finish`]: the file is at its place.
    pub fn handle_finished(&mut self, file: FileIndex) {
        self.receiving(|receiving, _| receiving.handle_finished(file));
    }

    /// The owner can't go on: the other side is told why. [`Error::WriteFailed`] and [`Error::NoSpace`] are meant for this.
    pub fn fail(&mut self, error: Error) {
        if !matches!(self.phase, Phase::Ended) {
            self.control.push_back(Control::error(&error));
            self.end(Outcome::Failed(error));
        }
    }

    /// The data channel is closed.
    pub fn handle_closed(&mut self) {
        self.end(Outcome::Interrupted);
    }

    /// Stops the transfer. Part files stay for a later one.
    pub fn cancel(&mut self) {
        if !matches!(self.phase, Phase::Ended) {
            self.control.push_back(Control::Cancel);
            self.end(Outcome::Cancelled(Cancelled::Here));
        }
    }

    /// Puts the next message into `buffer`, which is emptied first.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        buffer.clear();
        let control = self.control.pop_front().or_else(|| self.next_control())?;
        buffer.extend_from_slice(control.text().as_bytes());
        Some(Transmit::Text)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn next_control(&mut self) -> Option<Control> {
        let Phase::Receiving(receiving) = &mut self.phase else { return None };
        let control = receiving.poll_control();
        self.show_progress();
        control
    }

    fn handle_control(&mut self, control: Control) -> Result<(), Error> {
        match (control, &mut self.phase) {
            (Control::Cancel, _) => self.end(Outcome::Cancelled(Cancelled::There)),
            (Control::Error { code, message }, _) => {
                self.end(Outcome::Failed(Error::There { code, message }))
            }
            (Control::Unknown, _) => {}
            (Control::Offer { transfer, files, bytes, chunk }, Phase::Awaiting) => {
                self.phase =
                    Phase::Listing(Listing::new(transfer, chunk, files, bytes, self.settings.limits)?);
            }
            (Control::Files { files }, Phase::Listing(listing)) => {
                if let Some(offer) = listing.add(files)? {
                    self.offer = Some(Arc::new(offer));
                    self.phase = Phase::Offered;
                    self.events.push_back(Event::Offered);
                }
            }
            (Control::End { file, hash }, Phase::Receiving(receiving)) => {
                receiving.handle_end(file, hash, &mut self.events)?;
            }
            (Control::Failed { file, reason }, Phase::Receiving(receiving)) => {
                receiving.handle_failed(file)?;
                self.events.push_back(Event::FileFailed(file, reason));
            }
            _ => return Err(Error::BadMessage("a message at a wrong time")),
        }
        Ok(())
    }

    fn receiving(&mut self, act: impl FnOnce(&mut Receiving, &mut VecDeque<Event>)) {
        if let Phase::Receiving(receiving) = &mut self.phase {
            act(receiving, &mut self.events);
            self.settle(Ok(()));
        }
    }

    /// After every input: what follows from it.
    fn settle(&mut self, handled: Result<(), Error>) {
        if let Err(error) = handled {
            self.fail(error);
        }
        let Phase::Receiving(receiving) = &mut self.phase else { return };
        receiving.go_on(&mut self.events);
        if receiving.is_complete() {
            self.control.extend(receiving.poll_written());
            self.control.push_back(Control::Complete);
            self.show_progress();
            self.end(Outcome::Completed);
        } else {
            self.show_progress();
        }
    }

    fn show_progress(&mut self) {
        let Phase::Receiving(receiving) = &self.phase else { return };
        let progress = Progress { total: self.progress.total, ..receiving.progress() };
        if progress == self.progress {
            return;
        }
        self.progress = progress;
        // One is enough: whoever takes it looks at the newest.
        if !self.events.iter().any(|event| matches!(event, Event::Progress)) {
            self.events.push_back(Event::Progress);
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if matches!(self.phase, Phase::Ended) {
            return;
        }
        self.phase = Phase::Ended;
        // What has come is verified and may still be written; nothing else is to be done.
        self.events
            .retain(|event| matches!(event, Event::Write(_) | Event::Progress | Event::FileFailed(..)));
        self.events.push_back(Event::Ended(outcome));
    }
}
