//! The sending side's effects.

use std::sync::Arc;

use peerline_transfer::sender::{Event, Progress, Settings};
use peerline_transfer::{FileFailure, FileIndex, Hashed, Offer, Outcome, Read, Sender};

use super::disk::Disk;
use super::files::{Files, Sources};
use super::wire::{News, Wire};
use super::{LABEL, PROTOCOL};
use crate::data_channel::BACKLOG;
use crate::{DataChannelInit, Error, Message, PeerConnection, Priority};

/// What happens while files are sent.
#[derive(Debug)]
pub enum SendEvent {
    /// The receiver wants this much; it may be less than was offered.
    Accepted {
        /// Files that will be asked for.
        files: u32,
        /// Their bytes.
        bytes: u64,
    },
    /// All of this file is on its way; the receiver may not have written it yet.
    FileSent(FileIndex),
    /// This file could not be read, or is not as it was offered; the others go on.
    FileFailed(FileIndex, FileFailure),
    /// It went on.
    Progress(Progress),
    /// The end: nothing follows.
    Ended(Outcome),
}

/// Files that are offered, or being sent. It goes on while [`next_event`](Self::next_event) is called. Dropped, it breaks
/// off: the same files may be offered again, and go on.
#[derive(Debug)]
pub struct Sending {
    wire: Wire,
    machine: Sender,
    disk: Disk<Read, ReadDone>,
    /// How it ended; told when the last word has arrived.
    outcome: Option<Outcome>,
    told: bool,
}

type ReadDone = Result<Hashed, (Read, FileFailure)>;

impl Sending {
    /// Offers files by a data channel of its own.
    ///
    /// # Errors
    /// Those of [`PeerConnection::create_data_channel`], and `OperationError` where no thread can be started.
    pub fn offer(peer: &PeerConnection, files: &Files) -> Result<Self, Error> {
        let init = DataChannelInit {
            protocol: PROTOCOL.to_owned(),
            priority: Priority::VeryLow,
            ..Default::default()
        };
        let channel = peer.create_data_channel(LABEL, init)?;
        let longest = peer.max_message_size().unwrap_or(usize::MAX);
        let settings = Settings { message_size: longest, buffered: BACKLOG };
        let mut sources = Sources::of(files);
        let disk = Disk::start(move |read| Some(sources.read(read)))
            .map_err(|_| Error::Operation("no thread could be started"))?;
        let machine = Sender::new(Arc::clone(files.shared_offer()), settings);
        Ok(Self { wire: Wire::new(channel), machine, disk, outcome: None, told: false })
    }

    /// What is offered.
    #[must_use]
    pub fn files(&self) -> &Offer {
        self.machine.offer()
    }

    /// How far it is.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.machine.progress()
    }

    /// Stops it, or takes the offer back; [`SendEvent::Ended`] follows.
    pub fn cancel(&mut self) {
        self.machine.cancel();
    }

    /// What happened next; `None` after [`SendEvent::Ended`]. Cancel-safe.
    pub async fn next_event(&mut self) -> Option<SendEvent> {
        loop {
            let buffered = self.wire.buffered_amount();
            self.machine.handle_buffered_amount(buffered);
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
            // What has left the channel since then, even all of it, is news: nothing else may wake us.
            tokio::select! {
                news = self.wire.next(self.machine.is_full()) => self.hear(news),
                read = self.disk.next() => self.settle(read),
            }
        }
    }

    /// Goes on to the end.
    pub async fn finish(mut self) -> Outcome {
        loop {
            match self.next_event().await {
                Some(SendEvent::Ended(outcome)) => return outcome,
                Some(_) => {}
                None => return Outcome::Interrupted,
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Message(Message::Text(text)) => {
                self.machine.handle_message(peerline_transfer::Message::Text(&text));
            }
            News::Message(Message::Binary(bytes)) => {
                self.machine.handle_message(peerline_transfer::Message::Binary(&bytes));
            }
            News::Room => {}
            News::Closed => self.machine.handle_closed(),
        }
    }

    fn settle(&mut self, read: Option<ReadDone>) {
        match read {
            Some(Ok(hashed)) => self.machine.handle_read(hashed),
            Some(Err((read, reason))) => self.machine.handle_read_failed(read, reason),
            None => self.machine.cancel(),
        }
    }

    fn take(&mut self, event: Event) -> Option<SendEvent> {
        Some(match event {
            Event::Read(read) => {
                self.disk.ask(read);
                return None;
            }
            Event::Accepted { files, bytes } => SendEvent::Accepted { files, bytes },
            Event::FileSent(file) => SendEvent::FileSent(file),
            Event::FileFailed(file, reason) => SendEvent::FileFailed(file, reason),
            Event::Progress => SendEvent::Progress(self.machine.progress()),
            Event::Ended(outcome) => {
                self.disk.finish();
                self.wire.end(true);
                self.outcome = Some(outcome);
                return None;
            }
        })
    }

    async fn end(&mut self) -> Option<SendEvent> {
        self.wire.ended().await;
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        self.outcome.clone().map(SendEvent::Ended)
    }
}
