//! One of those to whom files are offered.

use std::time::Duration;

use peerline::channel::{ChannelSender, ParticipantId};
use peerline::transfer::{FileIndex, Files, Outcome, SendEvent, SendProgress, Sending};
use tokio::sync::{mpsc, watch};

use crate::exit::{Failure, Problem};
use crate::meeting::Meeting;
use crate::notes::{Note, Notes};
use crate::progress::Meter;
use crate::transfer::{Completed, TransferNote, completed_without, failure, problem};

/// How often somebody may close an offer without an answer, before we take it that it knows nothing of files.
const UNANSWERED: u32 = 3;
/// How long to wait before an offer is made again over a connection that stands.
const PAUSE: Duration = Duration::from_secs(1);

/// What happens in one of the transfers to a participant.
pub(super) struct Report {
    pub(super) participant: ParticipantId,
    transfer: u32,
    event: SendEvent,
}

pub(super) struct Receiver {
    participant: ParticipantId,
    name: String,
    /// Whom its transfer is named for, and the files under that name, from the first offer on.
    named: Option<(String, Files)>,
    notes: Notes,
    reporter: mpsc::Sender<Report>,
    cancelled: watch::Sender<bool>,
    state: State,
    /// How many transfers there were, the present one included.
    transfers: u32,
    /// How many of them ended without an answer; `None`: one was accepted.
    unanswered: Option<u32>,
    /// It has left, perhaps because it has everything: its transfer will tell.
    is_gone: bool,
}

enum State {
    /// For the connection, or for it to come back.
    Waiting,
    Offered,
    Sending(Box<Underway>),
    Done,
}

/// A transfer that was accepted.
struct Underway {
    meter: Meter,
    progress: SendProgress,
    failed: usize,
}

impl Receiver {
    pub(super) fn new(participant: ParticipantId, notes: Notes, reporter: mpsc::Sender<Report>) -> Self {
        Self {
            participant,
            name: String::new(),
            named: None,
            notes,
            reporter,
            cancelled: watch::Sender::new(false),
            state: State::Waiting,
            transfers: 0,
            unanswered: Some(0),
            is_gone: false,
        }
    }

    /// Whether it has been asked, or takes files.
    pub(super) const fn is_busy(&self) -> bool {
        matches!(self.state, State::Offered | State::Sending(_))
    }

    /// Whether it has everything, or doesn't want it.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether it has left, and nothing more is to be heard of it.
    pub(super) const fn is_over(&self) -> bool {
        self.is_gone && !self.is_busy()
    }

    /// Whom its transfer is named for.
    pub(super) fn person(&self) -> Option<&String> {
        self.named.as_ref().map(|(person, _)| person)
    }

    /// Tells it that this is the end.
    pub(super) fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    pub(super) const fn leave(&mut self) {
        self.is_gone = true;
    }

    /// Asks it, over a connection that stands.
    pub(super) fn connected(&mut self, meeting: &Meeting, person: &str, named: impl FnOnce() -> Files) {
        if self.is_gone || !matches!(self.state, State::Waiting) {
            return;
        }
        self.name = meeting.name_of(self.participant);
        self.state = State::Offered;
        self.transfers += 1;
        let (_, files) = self.named.get_or_insert_with(|| (person.to_owned(), named()));
        let files = files.clone();
        if self.transfers == 1 {
            let (name, offer) = (self.name.clone(), files.offer());
            self.tell(TransferNote::Offered { name, files: offer.files().len(), bytes: offer.bytes() });
        }
        let pause = if self.transfers == 1 { Duration::ZERO } else { PAUSE };
        let transfer = Transfer {
            participant: self.participant,
            number: self.transfers,
            files,
            reporter: self.reporter.clone(),
            cancelled: self.cancelled.subscribe(),
        };
        tokio::spawn(transfer.run(meeting.sender(), pause));
    }

    /// Takes news of a transfer. Returns how it went, if that is decided.
    pub(super) fn take(&mut self, report: Report) -> Option<Result<(), Problem>> {
        if report.transfer != self.transfers {
            return None;
        }
        let files = self.named.as_ref().map(|(_, files)| files.clone());
        let file = |file| files.as_ref().and_then(|files| files.offer().file(file));
        let path = |index: FileIndex| file(index).map_or("", |file| file.path.as_str());
        match (report.event, &mut self.state) {
            (SendEvent::Accepted { files, bytes }, _) => {
                self.unanswered = None;
                let name = self.name.clone();
                self.tell(TransferNote::Accepted { name, files, bytes });
                let meter = Meter::new(self.notes, &self.name, bytes);
                meter.set_file(path(FileIndex(0)));
                self.state = State::Sending(Box::new(Underway {
                    meter,
                    progress: SendProgress::default(),
                    failed: 0,
                }));
            }
            (SendEvent::Progress(progress), State::Sending(underway)) => underway.set(progress),
            (SendEvent::FileSent(file), State::Sending(underway)) => {
                underway.meter.set_file(path(FileIndex(file.0.saturating_add(1))));
            }
            (SendEvent::FileFailed(file, reason), State::Sending(underway)) => {
                underway.failed += 1;
                self.tell(TransferNote::FileFailed { path: path(file).to_owned(), reason: failure(reason) });
            }
            (SendEvent::Ended(outcome), _) => return self.end(&outcome),
            _ => {}
        }
        None
    }

    fn end(&mut self, outcome: &Outcome) -> Option<Result<(), Problem>> {
        let underway = match std::mem::replace(&mut self.state, State::Done) {
            State::Sending(underway) => Some(underway),
            _ => None,
        };
        let name = self.name.clone();
        if *outcome == Outcome::Interrupted {
            if underway.is_some() {
                self.tell(TransferNote::Interrupted { name });
            } else if let Some(unanswered) = &mut self.unanswered {
                *unanswered += 1;
                if *unanswered >= UNANSWERED {
                    return Some(Err(self.give_up("It does not take files.", Failure::Refused)));
                }
            }
            self.state = State::Waiting;
            return None;
        }
        if let Some(Problem { failure, why }) = problem(outcome) {
            return Some(Err(self.give_up(&why, failure)));
        }
        let (mut failed, mut done) = (0, Completed { name, ..Completed::default() });
        if let Some(underway) = underway {
            let SendProgress { files, bytes, resumed, .. } = underway.progress;
            failed = underway.failed;
            underway.meter.finish();
            done = Completed { files, bytes, resumed, ..done };
        }
        self.tell(TransferNote::Completed(done));
        Some(completed_without(failed))
    }

    fn give_up(&self, why: &str, failure: Failure) -> Problem {
        self.tell(TransferNote::Ended { name: self.name.clone(), reason: why.to_owned() });
        Problem::new(failure, format!("{}: {why}", self.name))
    }

    fn tell(&self, note: TransferNote) {
        self.notes.tell(&Note::Transfer(note));
    }
}

impl Underway {
    fn set(&mut self, progress: SendProgress) {
        let SendProgress { files, bytes, resumed, checking, .. } = progress;
        self.progress = progress;
        self.meter.set(files, bytes, resumed, bytes + checking);
    }
}

/// One offer and what becomes of it, in a task of its own.
struct Transfer {
    participant: ParticipantId,
    number: u32,
    files: Files,
    reporter: mpsc::Sender<Report>,
    cancelled: watch::Receiver<bool>,
}

impl Transfer {
    async fn run(mut self, channel: ChannelSender, pause: Duration) {
        tokio::time::sleep(pause).await;
        let connection = channel.peer_connection(self.participant).await;
        let sending = connection.ok().and_then(|connection| Sending::offer(&connection, &self.files).ok());
        // Without a connection it is as if that had broken: another one follows.
        let Some(mut sending) = sending else {
            return self.report(SendEvent::Ended(Outcome::Interrupted)).await;
        };
        let mut is_cancelled = false;
        loop {
            let event = tokio::select! {
                event = sending.next_event() => event,
                _ = self.cancelled.wait_for(|cancelled| *cancelled), if !is_cancelled => {
                    is_cancelled = true;
                    sending.cancel();
                    continue;
                }
            };
            match event {
                Some(event) => self.report(event).await,
                None => return,
            }
        }
    }

    async fn report(&self, event: SendEvent) {
        let report = Report { participant: self.participant, transfer: self.number, event };
        // Nobody listens any more when the meeting is over.
        let _ = self.reporter.send(report).await;
    }
}
