//! `peerline recv`: takes files that somebody offers (`docs/transfer.md`).

mod listing;
mod offers;

use std::convert::Infallible;
use std::future::pending;
use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use peerline::channel::{ChannelEvent, ParticipantId};
use peerline::transfer::{
    DeclineReason, Directory, Existing, FileIndex, IncomingOffer, LABEL, Offer, OfferLost, Outcome, Plan,
    ReceiveEvent, Receiving,
};
use tokio::sync::mpsc;

use self::offers::Offers;
use crate::client::{Client, OnSignal};
use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem, fail};
use crate::input;
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::{Note, Notes};
use crate::place::{Expiry, Place, Where};
use crate::progress::Meter;
use crate::terminal;
use crate::transfer::{Completed, TransferNote, completed_without, failure, problem};

#[derive(Args, Debug)]
pub(crate) struct RecvOptions {
    /// Where the other side is
    #[arg(value_name = "CODE|LINK")]
    place: Place,

    /// The directory that files are put into; it is made if need be
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    to: PathBuf,

    /// Take what is offered without asking
    #[arg(long, short)]
    yes: bool,

    /// Replace files that are there already
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    expiry: Expiry,

    /// Tell what happens as JSON lines on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    client: ClientOptions,
}

pub(crate) fn run(options: &RecvOptions) -> ExitCode {
    if !options.yes && !stdin().is_terminal() {
        return fail(Failure::Usage, "Nobody can be asked here: say --yes to take whatever is offered.");
    }
    let directory = match Directory::create(&options.to) {
        Ok(directory) => directory,
        Err(error) => return fail(Failure::Failed, format!("--to {}: {error}.", options.to.display())),
    };
    let RecvOptions { place, expiry, json, client, .. } = options;
    let notes = if *json { Notes::JsonResult } else { Notes::Sentences };
    let place = Where::At(place.clone());
    Client { options: client, place, expiry, notes, on_signal: OnSignal::Cancelled, direct: true }.run(
        async |meeting| {
            let existing = if options.overwrite { Existing::Replace } else { Existing::Keep };
            let receiver = Receiver {
                directory,
                existing,
                notes,
                asks: !options.yes,
                offers: Offers::default(),
                lines: None,
                taken: None,
                now: Now::Nothing,
            };
            receiver.run(meeting).await
        },
    )
}

struct Receiver {
    directory: Directory,
    existing: Existing,
    notes: Notes,
    asks: bool,
    offers: Offers,
    /// Standard input, from the first question on.
    lines: Option<mpsc::Receiver<String>>,
    /// What was accepted, and of whom: it needn't be accepted again.
    taken: Option<(Sender, Offer)>,
    now: Now,
}

enum Now {
    Nothing,
    /// Somebody is asked here.
    Asking(Box<Asking>),
    Receiving(Box<Underway>),
}

/// Who offers.
#[derive(Clone)]
struct Sender {
    participant: ParticipantId,
    /// The public key that it is known by, as it says.
    identity: Option<String>,
    name: String,
}

struct Asking {
    sender: Sender,
    incoming: IncomingOffer,
    plan: Plan,
}

/// A transfer that was accepted.
struct Underway {
    name: String,
    receiving: Receiving,
    meter: Meter,
    failed: usize,
}

/// What comes of what is going on.
enum News {
    /// A line of the terminal; `None` at its end.
    Answer(Option<String>),
    Lost(OfferLost),
    Event(Option<ReceiveEvent>),
}

impl Receiver {
    async fn run(mut self, meeting: &mut Meeting) -> Result<(), Problem> {
        let mut stopping = Box::pin(meeting.stopping());
        let mut is_stopping = false;
        loop {
            tokio::select! {
                event = meeting.next_event() => match event? {
                    MeetingEvent::Channel(ChannelEvent::DataChannel(from, channel)) if channel.label() == LABEL => {
                        self.offers.receive(from, channel);
                    }
                    _ => {}
                },
                Some((from, offer)) = self.offers.next() => match offer {
                    Ok(offer) => self.consider(Sender::new(from, meeting), offer).await?,
                    Err(why) => {
                        let why = format!("An offer of {} can't be taken: {why}.", meeting.name_of(from));
                        self.notes.tell(&Note::Warning { warning: terminal::line(&why) });
                    }
                },
                news = self.now.next(&mut self.lines) => {
                    if let Some(done) = self.take(news).await {
                        return done;
                    }
                }
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    match std::mem::replace(&mut self.now, Now::Nothing) {
                        Now::Receiving(mut underway) => {
                            underway.receiving.cancel();
                            self.now = Now::Receiving(underway);
                        }
                        Now::Asking(asking) => {
                            asking.incoming.decline(DeclineReason::Declined).await;
                            return Ok(());
                        }
                        Now::Nothing => return Ok(()),
                    }
                }
            }
        }
    }

    /// Takes an offer that goes on with what was accepted, asks about the first other one, and has no time for more.
    async fn consider(&mut self, sender: Sender, incoming: IncomingOffer) -> Result<(), Problem> {
        let offer = incoming.offer();
        let goes_on = self.taken.as_ref().is_some_and(|(of, taken)| sender.is(of) && offer == taken);
        let is_known = match &self.now {
            Now::Asking(asking) => sender.is(&asking.sender) && offer == asking.incoming.offer(),
            Now::Receiving(_) => goes_on || self.is_repeated(&sender, offer),
            Now::Nothing => true,
        };
        if !is_known {
            self.offers.decline(sender.participant, incoming);
            return Ok(());
        }
        let was_asking = matches!(self.now, Now::Asking(_));
        // What is offered again has broken off, whether or not that shows.
        self.now = Now::Nothing;
        let plan = tokio::select! {
            plan = incoming.plan(&self.directory) => plan,
            never = unasked(&mut self.lines) => match never {},
        };
        let plan = plan.map_err(|error| {
            Problem::new(Failure::Failed, format!("{}: {error}.", self.directory.path().display()))
        })?;
        let refusal = listing::refusal(&plan, incoming.offer(), self.existing);
        if goes_on || !self.asks || refusal.is_some() {
            if !goes_on {
                self.tell_offer(&sender.name, &incoming, &plan);
            }
            if let Some((problem, reason)) = refusal {
                if let Some(reason) = reason {
                    incoming.decline(reason).await;
                }
                return Err(problem);
            }
            return self.accept(sender, incoming, plan);
        }
        if !was_asking {
            self.tell_offer(&sender.name, &incoming, &plan);
        }
        self.ask();
        self.now = Now::Asking(Box::new(Asking { sender, incoming, plan }));
        Ok(())
    }

    /// Whether the same person offers the files of what is under way under another name: a page that was loaded again doesn't
    /// know the one before.
    fn is_repeated(&self, sender: &Sender, offer: &Offer) -> bool {
        let taken = self.taken.as_ref();
        taken.is_some_and(|(of, taken)| {
            sender.identity.is_some() && sender.is(of) && taken.files() == offer.files()
        })
    }

    fn tell_offer(&self, name: &str, incoming: &IncomingOffer, plan: &Plan) {
        let offer = incoming.offer();
        match self.notes {
            Notes::Sentences => {
                // Nobody may be reading.
                let _ =
                    write!(stderr().lock(), "{}", listing::text(name, offer, plan, self.directory.path()));
            }
            notes => {
                let (name, files, bytes) = (name.to_owned(), offer.files().len(), offer.bytes());
                notes.tell(&Note::Transfer(TransferNote::Offered { name, files, bytes }));
            }
        }
    }

    /// Asks on the terminal. What was typed before is no answer to this.
    fn ask(&mut self) {
        // It may not be a terminal any more.
        let _ = rustix::termios::tcflush(stdin(), rustix::termios::QueueSelector::IFlush);
        let lines = self.lines.get_or_insert_with(input::lines);
        while lines.try_recv().is_ok() {}
        prompt();
    }

    fn accept(&mut self, sender: Sender, incoming: IncomingOffer, plan: Plan) -> Result<(), Problem> {
        let name = sender.name.clone();
        self.taken = Some((sender, incoming.offer().clone()));
        let bytes = plan.wanted_bytes(incoming.offer(), self.existing);
        let first = plan.missing.first().and_then(|&file| incoming.offer().file(file));
        let meter = Meter::new(self.notes, &name, bytes);
        meter.set_file(first.map_or("", |file| file.path.as_str()));
        let receiving = incoming.accept(plan, self.existing)?;
        self.now = Now::Receiving(Box::new(Underway { name, receiving, meter, failed: 0 }));
        Ok(())
    }

    /// Takes what came of what is going on. Returns how it went, if that is decided.
    async fn take(&mut self, news: News) -> Option<Result<(), Problem>> {
        match (news, std::mem::replace(&mut self.now, Now::Nothing)) {
            (News::Answer(line), Now::Asking(asking)) => {
                // The end of the input is no.
                match line.unwrap_or_default().trim().to_lowercase().as_str() {
                    "y" | "yes" => {
                        let Asking { sender, incoming, plan } = *asking;
                        return self.accept(sender, incoming, plan).err().map(Err);
                    }
                    "" | "n" | "no" => {
                        asking.incoming.decline(DeclineReason::Declined).await;
                        return Some(Err(Problem::new(Failure::Refused, "Declined.")));
                    }
                    _ => {
                        prompt();
                        self.now = Now::Asking(asking);
                    }
                }
            }
            (News::Lost(OfferLost::Withdrawn), _) => {
                return Some(Err(Problem::new(Failure::Refused, "The other side has taken the offer back.")));
            }
            (News::Lost(error), Now::Asking(asking)) => {
                let name = asking.sender.name;
                self.notes.tell(&Note::Transfer(TransferNote::Ended { name, reason: format!("{error}.") }));
            }
            (News::Event(event), Now::Receiving(underway)) => return self.go_on(event, underway),
            (_, now) => self.now = now,
        }
        None
    }

    fn go_on(
        &mut self,
        event: Option<ReceiveEvent>,
        mut underway: Box<Underway>,
    ) -> Option<Result<(), Problem>> {
        let path = |file: FileIndex| {
            let file = self.taken.as_ref().and_then(|(_, offer)| offer.file(file));
            file.map(|file| file.path.as_str().to_owned()).unwrap_or_default()
        };
        match event? {
            ReceiveEvent::Progress(progress) => {
                underway.meter.set(progress.files, progress.bytes, progress.resumed, progress.checked);
            }
            ReceiveEvent::FileReceived(file) => {
                underway.meter.set_file(&path(FileIndex(file.0.saturating_add(1))));
            }
            ReceiveEvent::FileFailed(file, reason) => {
                underway.failed += 1;
                let note = TransferNote::FileFailed { path: path(file), reason: failure(reason) };
                self.notes.tell(&Note::Transfer(note));
            }
            ReceiveEvent::WriteFailed(file, error) => {
                let warning = format!("{}: {error}.", path(file));
                self.notes.tell(&Note::Warning { warning });
            }
            ReceiveEvent::Ended(outcome) => return self.end(&outcome, *underway),
        }
        self.now = Now::Receiving(underway);
        None
    }

    fn end(&self, outcome: &Outcome, underway: Underway) -> Option<Result<(), Problem>> {
        let Underway { name, receiving, meter, failed } = underway;
        let progress = receiving.progress();
        if *outcome == Outcome::Interrupted {
            drop(meter);
            self.notes.tell(&Note::Transfer(TransferNote::Interrupted { name }));
            return None;
        }
        if let Some(problem) = problem(outcome) {
            return Some(Err(problem));
        }
        meter.finish();
        let (files, bytes, resumed) = (progress.files, progress.bytes, progress.resumed);
        self.notes.tell(&Note::Transfer(TransferNote::Completed(Completed { name, files, bytes, resumed })));
        Some(completed_without(failed))
    }
}

impl Sender {
    fn new(participant: ParticipantId, meeting: &Meeting) -> Self {
        let identity = meeting.person(participant).and_then(|person| person.identity.clone());
        Self { participant, identity, name: meeting.name_of(participant) }
    }

    /// Whether both are the same person, before and after its program was started again (`docs/transfer.md` §3).
    fn is(&self, other: &Self) -> bool {
        self.participant == other.participant || self.identity.is_some() && self.identity == other.identity
    }
}

impl Now {
    async fn next(&mut self, lines: &mut Option<mpsc::Receiver<String>>) -> News {
        match self {
            Self::Asking(asking) => tokio::select! {
                line = next(lines) => News::Answer(line),
                lost = asking.incoming.lost() => News::Lost(lost),
            },
            Self::Receiving(underway) => tokio::select! {
                event = underway.receiving.next_event() => News::Event(event),
                never = unasked(lines) => match never {},
            },
            Self::Nothing => match unasked(lines).await {},
        }
    }
}

async fn next(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => pending().await,
    }
}

/// Passes over what is typed while there is no question.
async fn unasked(lines: &mut Option<mpsc::Receiver<String>>) -> Infallible {
    while next(lines).await.is_some() {}
    pending().await
}

fn prompt() {
    let _ = write!(stderr().lock(), "Take it? [y/N] ");
}
