//! The side that offers files and sends what the other side asks for.

mod offering;
mod outgoing;
mod pipeline;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::claim::Claim;
use crate::error::{Cancelled, Error, FileFailure, Outcome};
use crate::job::{Hashed, Read};
use crate::limits::{CONTROL, REQUESTS};
use crate::message::{Control, Message, Transmit};
use crate::offer::{FileIndex, Offer};
use crate::piece::OVERHEAD;

use offering::Offering;
use outgoing::Outgoing;
use pipeline::{Pipeline, Step};

/// How a sender sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest message, in bytes: the other side's `max-message-size`, but at most 65,535, which is the most
    /// that every implementation takes. 16,384 at least.
    pub message_size: usize,
    /// Bytes that may wait in the data channel: no piece is sent while `bufferedAmount` is at or above this.
    pub buffered: usize,
}

impl Settings {
    /// The largest message that every implementation takes: Pion never completes a longer one.
    const LARGEST_MESSAGE: usize = 65_535;
}

impl Default for Settings {
    /// Messages of 65,535 bytes, 4 MiB in the data channel.
    fn default() -> Self {
        Self { message_size: Self::LARGEST_MESSAGE, buffered: 4 << 20 }
    }
}

/// What a sender has to say.
#[derive(Debug)]
pub enum Event {
    /// The receiver wants this much; it may be less than was offered.
    Accepted {
        /// Files that will be asked for.
        files: u32,
        /// Their bytes.
        bytes: u64,
    },
    /// Fill the buffer from the file, and give it back by [`Sender::handle_read`] or [`Sender::handle_read_failed`].
    /// Several may be out at once, and come back in any order.
    Read(Read),
    /// All of this file is on its way; the receiver may not have written it yet.
    FileSent(FileIndex),
    /// This file could not be read; the others go on.
    FileFailed(FileIndex, FileFailure),
    /// [`Sender::progress`] changed.
    Progress,
    /// The end: nothing follows. Close the data channel when what `poll_transmit` still gives has been sent.
    Ended(Outcome),
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub files: u32,
    /// Bytes that the receiver has, those included that it had before.
    pub bytes: u64,
    /// Of these, bytes that it had before.
    pub resumed: u64,
    /// All bytes that it wants; 0 before it has accepted.
    pub total: u64,
    /// Bytes of the present file that have been compared with what the receiver says it has, and not yet counted.
    pub checking: u64,
}

/// Offers files over one data channel, and sends what the receiver asks for.
#[derive(Debug)]
pub struct Sender {
    offer: Arc<Offer>,
    settings: Settings,
    phase: Phase,
    buffered: usize,
    events: VecDeque<Event>,
    progress: Progress,
}

#[derive(Debug)]
enum Phase {
    /// The offer is being written.
    Offering(Offering),
    /// The receiver is thinking.
    Offered,
    /// The receiver asks.
    Sending(Box<Sending>),
    /// Over, with a last word.
    Ended(Option<Control>),
}

/// What is known while the receiver asks for files.
#[derive(Debug)]
struct Sending {
    pipeline: Pipeline,
    outgoing: Option<Outgoing>,
    /// Bytes of chunks that the receiver holds at most.
    window: u64,
    /// Bytes of chunks sent, and those of them that are written.
    sent: u64,
    written: u64,
    /// Bytes that the receiver had before.
    confirmed: u64,
    /// Each file is asked for once.
    asked: Vec<bool>,
    files_done: u32,
}

impl Sender {
    /// Begins with the offer.
    #[must_use]
    pub fn new(offer: impl Into<Arc<Offer>>, settings: Settings) -> Self {
        let message_size = settings.message_size.clamp(CONTROL, Settings::LARGEST_MESSAGE);
        Self {
            offer: offer.into(),
            settings: Settings { message_size, ..settings },
            phase: Phase::Offering(Offering::new()),
            buffered: 0,
            events: VecDeque::new(),
            progress: Progress::default(),
        }
    }

    /// What is offered.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// How far the transfer is.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes a message of the data channel.
    pub fn handle_message(&mut self, message: Message<'_>) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        let control = match message {
            Message::Text(text) => Control::parse(text),
            Message::Binary(_) => Err(Error::BadMessage("a receiver sends no chunks")),
        };
        if let Err(error) = control.and_then(|control| self.handle_control(control)) {
            self.fail(error);
        }
    }

    /// Takes a filled buffer back.
    pub fn handle_read(&mut self, hashed: Hashed) {
        if let Phase::Sending(sending) = &mut self.phase {
            sending.pipeline.handle_read(hashed);
            self.ask();
        }
    }

    /// Takes a buffer back that could not be filled: the file fails, the others go on.
    pub fn handle_read_failed(&mut self, read: Read, reason: FileFailure) {
        if let Phase::Sending(sending) = &mut self.phase {
            sending.pipeline.handle_failed(read, reason);
            self.ask();
        }
    }

    /// Takes the data channel's `bufferedAmount`, in bytes. Between two calls the machine counts what it sends; so it
    /// is called when the amount has become low, and before `poll_transmit` where the owner can.
    pub fn handle_buffered_amount(&mut self, bytes: usize) {
        self.buffered = bytes;
    }

    /// The data channel is closed.
    pub fn handle_closed(&mut self) {
        self.end(Outcome::Interrupted, None);
    }

    /// Stops the transfer.
    pub fn cancel(&mut self) {
        self.end(Outcome::Cancelled(Cancelled::Here), Some(Control::Cancel));
    }

    /// Whether pieces wait until less is in the data channel. What has left it since the last
    /// [`handle_buffered_amount`](Self::handle_buffered_amount) is not counted.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.buffered >= self.settings.buffered
    }

    /// Puts the next message into `buffer`, which is emptied first. `None`: nothing to send, or enough in the data channel.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        buffer.clear();
        let transmit = self.write_next(buffer)?;
        self.buffered = self.buffered.saturating_add(buffer.len());
        Some(transmit)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn handle_control(&mut self, control: Control) -> Result<(), Error> {
        match (control, &mut self.phase) {
            (Control::Cancel, _) => self.end(Outcome::Cancelled(Cancelled::There), None),
            (Control::Error { code, message }, _) => {
                self.end(Outcome::Failed(Error::There { code, message }), None)
            }
            (Control::Unknown, _) => {}
            (Control::Decline { reason }, Phase::Offered) => self.end(Outcome::Declined(reason), None),
            (Control::Accept { files, bytes, window }, Phase::Offered) => self.begin(files, bytes, window)?,
            (Control::Get { file, have }, Phase::Sending(_)) => self.handle_get(file, have)?,
            (Control::Written { bytes }, Phase::Sending(sending)) => {
                if bytes < sending.written || bytes > sending.sent {
                    return Err(Error::BadMessage("more is written than was sent"));
                }
                sending.written = bytes;
                self.show_progress();
            }
            (Control::Complete, Phase::Sending(sending)) => {
                if sending.outgoing.is_some() || !sending.pipeline.is_idle() {
                    return Err(Error::BadMessage("complete before all has been sent"));
                }
                self.end(Outcome::Completed, None);
            }
            _ => return Err(Error::BadMessage("a message at a wrong time")),
        }
        Ok(())
    }

    fn begin(&mut self, files: u32, bytes: u64, window: u64) -> Result<(), Error> {
        let offered = self.offer.files().len();
        if files as usize > offered
            || bytes > self.offer.bytes()
            || window < self.offer.chunk().bytes() as u64
        {
            return Err(Error::BadMessage("an accept that does not fit the offer"));
        }
        self.phase = Phase::Sending(Box::new(Sending {
            pipeline: Pipeline::new(self.offer.chunk()),
            outgoing: None,
            window,
            sent: 0,
            written: 0,
            confirmed: 0,
            asked: vec![false; offered],
            files_done: 0,
        }));
        self.progress.total = bytes;
        self.events.push_back(Event::Accepted { files, bytes });
        Ok(())
    }

    fn handle_get(&mut self, file: FileIndex, have: Vec<Claim>) -> Result<(), Error> {
        let Phase::Sending(sending) = &mut self.phase else { return Ok(()) };
        let size = self.offer.file(file).map(|file| file.size);
        let asked = usize::try_from(file.0).ok().and_then(|index| sending.asked.get_mut(index));
        let (Some(size), Some(asked @ false)) = (size, asked) else {
            return Err(Error::BadMessage("a file that is not there, or a second time"));
        };
        if !Claim::are_valid(&have, self.offer.chunk().count(size)) {
            return Err(Error::BadMessage("claims that do not fit the file"));
        }
        *asked = true;
        if sending.pipeline.requests() >= REQUESTS {
            return Err(Error::BadMessage("too many files at once"));
        }
        sending.pipeline.request(file, size, have);
        self.ask();
        Ok(())
    }

    /// Asks the owner for what is to be read next.
    fn ask(&mut self) {
        let Phase::Sending(sending) = &mut self.phase else { return };
        while let Some(read) = sending.pipeline.poll_read() {
            self.events.push_back(Event::Read(read));
        }
    }

    fn write_next(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        match &mut self.phase {
            Phase::Offering(offering) => {
                let (text, last) = offering.next(&self.offer);
                if last {
                    self.phase = Phase::Offered;
                }
                buffer.extend_from_slice(text.as_bytes());
                Some(Transmit::Text)
            }
            Phase::Offered => None,
            Phase::Ended(last_word) => {
                buffer.extend_from_slice(last_word.take()?.text().as_bytes());
                Some(Transmit::Text)
            }
            Phase::Sending(_) => self.write_files(buffer),
        }
    }

    fn write_files(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        if self.is_full() {
            return None;
        }
        loop {
            let Phase::Sending(sending) = &mut self.phase else { return None };
            if let Some(outgoing) = &mut sending.outgoing {
                if outgoing.write_piece(self.settings.message_size - OVERHEAD, buffer) {
                    let done = sending.outgoing.take();
                    sending.pipeline.recycle(done.map(Outgoing::into_buffer));
                    self.ask();
                }
                return Some(Transmit::Binary);
            }
            let room = sending.window.saturating_sub(sending.sent - sending.written);
            let step = sending.pipeline.next_step(room);
            // What was compared may have made the way free for further reading.
            let control = match step {
                None => {
                    self.ask();
                    self.show_progress();
                    return None;
                }
                Some(Step::Send(chunk)) => {
                    sending.sent += chunk.read.bytes.len() as u64;
                    sending.outgoing = Some(Outgoing::new(chunk));
                    continue;
                }
                Some(Step::Confirmed(bytes)) => {
                    sending.confirmed += bytes;
                    self.show_progress();
                    continue;
                }
                Some(Step::End(file, hash)) => {
                    sending.files_done += 1;
                    self.events.push_back(Event::FileSent(file));
                    Control::End { file, hash }
                }
                Some(Step::Failed(file, reason)) => {
                    self.events.push_back(Event::FileFailed(file, reason));
                    Control::Failed { file, reason }
                }
            };
            self.show_progress();
            self.ask();
            buffer.extend_from_slice(control.text().as_bytes());
            return Some(Transmit::Text);
        }
    }

    fn show_progress(&mut self) {
        let Phase::Sending(sending) = &self.phase else { return };
        let progress = Progress {
            files: sending.files_done,
            bytes: sending.confirmed + sending.written,
            resumed: sending.confirmed,
            checking: sending.pipeline.checking(),
            ..self.progress
        };
        if progress != self.progress {
            self.progress = progress;
            // One is enough: whoever takes it looks at the newest.
            if !self.events.iter().any(|event| matches!(event, Event::Progress)) {
                self.events.push_back(Event::Progress);
            }
        }
    }

    fn fail(&mut self, error: Error) {
        let last_word = Control::error(&error);
        self.end(Outcome::Failed(error), Some(last_word));
    }

    fn end(&mut self, outcome: Outcome, last_word: Option<Control>) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.phase = Phase::Ended(last_word);
        // Nobody needs to read for it any more.
        self.events.retain(|event| !matches!(event, Event::Read(_)));
        self.events.push_back(Event::Ended(outcome));
    }
}
