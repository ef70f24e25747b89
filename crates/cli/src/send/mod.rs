//! `peerline send`: offers files to those who are there (`docs/transfer.md`).

mod receiver;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use peerline::channel::{ChannelEvent, ParticipantId, ParticipantState};
use peerline::transfer::{Files, LeftOut};
use tokio::sync::mpsc;

use self::receiver::{Receiver, Report};
use crate::client::{Client, OnSignal};
use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem, fail};
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::{Note, Notes};
use crate::place::{Expiry, Place, Where};
use crate::terminal;

/// Reports of transfers that wait to be looked at.
const REPORTS: usize = 64;

#[derive(Args, Debug)]
pub(crate) struct SendOptions {
    /// What to send; of folders all that is below them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Where the other side is; without, a new code is made for it. By a link everybody who is there is asked
    #[arg(long, value_name = "CODE|LINK")]
    to: Option<Place>,

    #[command(flatten)]
    expiry: Expiry,

    /// Tell what happens as JSON lines on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    client: ClientOptions,
}

pub(crate) fn run(options: &SendOptions) -> ExitCode {
    let SendOptions { files, to, expiry, json, client } = options;
    let notes = if *json { Notes::JsonResult } else { Notes::Sentences };
    let place = to.clone().map_or(Where::NewCode, Where::At);
    let files = match Files::collect(files) {
        Ok(files) => files,
        Err(error) => return fail(Failure::Failed, terminal::line(&format!("{error}."))),
    };
    for LeftOut { path, error } in files.left_out() {
        let why = error.as_ref().map_or("it is a link or a device".to_owned(), ToString::to_string);
        let warning = terminal::line(&format!("{} is left out: {why}.", path.display()));
        notes.tell(&Note::Warning { warning });
    }
    let by_link = place.is_for_many();
    // The same files in the same place go on with the same transfer when the program is started again.
    let secret = client.identity().ok().and_then(|identity| identity.secret("transfer").ok());
    let secret = secret.unwrap_or_else(rand::random);
    Client { options: client, place, expiry, notes, on_signal: OnSignal::Cancelled, direct: true }
        .run(async |meeting| Sending::new(files, secret, notes, by_link).run(meeting).await)
}

/// Files that are offered to everybody, or to the one partner that a code is for.
struct Sending {
    files: Files,
    /// Transfers are named by it.
    secret: [u8; 32],
    notes: Notes,
    by_link: bool,
    receivers: BTreeMap<ParticipantId, Receiver>,
    reports: mpsc::Receiver<Report>,
    reporter: mpsc::Sender<Report>,
    /// How it went with those who are done.
    results: Vec<Result<(), Problem>>,
}

impl Sending {
    fn new(files: Files, secret: [u8; 32], notes: Notes, by_link: bool) -> Self {
        let (reporter, reports) = mpsc::channel(REPORTS);
        let (receivers, results) = Default::default();
        Self { files, secret, notes, by_link, receivers, reports, reporter, results }
    }

    async fn run(mut self, meeting: &mut Meeting) -> Result<(), Problem> {
        let mut stopping = Box::pin(meeting.stopping());
        let mut is_stopping = false;
        loop {
            tokio::select! {
                event = meeting.next_event() => {
                    if let MeetingEvent::Channel(event) = event? {
                        self.meet(&event, meeting);
                    }
                }
                Some(report) = self.reports.recv() => self.take(report, meeting),
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    self.receivers.values().for_each(Receiver::cancel);
                }
            }
            self.receivers.retain(|_, receiver| !receiver.is_over());
            if self.is_done(meeting) || is_stopping && !self.receivers.values().any(Receiver::is_busy) {
                return self.result();
            }
        }
    }

    /// Whoever is connected is asked.
    fn meet(&mut self, event: &ChannelEvent, meeting: &Meeting) {
        match event {
            ChannelEvent::ParticipantArrived(participant) => {
                let receiver = Receiver::new(participant.id, self.notes, self.reporter.clone());
                self.receivers.insert(participant.id, receiver);
            }
            ChannelEvent::ParticipantChanged(participant)
                if participant.state == ParticipantState::Connected =>
            {
                self.ask(participant.id, meeting);
            }
            ChannelEvent::ParticipantLeft(participant, _) => {
                self.receivers.get_mut(&participant.id).map(Receiver::leave);
            }
            _ => {}
        }
    }

    fn take(&mut self, report: Report, meeting: &Meeting) {
        let Some(receiver) = self.receivers.get_mut(&report.participant) else { return };
        let participant = report.participant;
        if let Some(result) = receiver.take(report) {
            self.results.push(result);
        } else if state(meeting, participant) == Some(ParticipantState::Connected) {
            // Again, if it was broken off.
            self.ask(participant, meeting);
        }
    }

    fn ask(&mut self, participant: ParticipantId, meeting: &Meeting) {
        let person = self.person(participant, meeting);
        if let Some(receiver) = self.receivers.get_mut(&participant) {
            let place = format!("{} {person}", meeting.channel_name());
            let named = || self.files.clone().named_by(&self.secret, place.as_bytes());
            receiver.connected(meeting, &person, named);
        }
    }

    /// Whom a transfer is named for, so that nobody else learns its name (`docs/transfer.md` §3).
    fn person(&self, participant: ParticipantId, meeting: &Meeting) -> String {
        let is_taken = |person: &String| {
            self.receivers.iter().any(|(other, receiver)| {
                *other != participant
                    && receiver.person() == Some(person)
                    && state(meeting, *other) == Some(ParticipantState::Connected)
            })
        };
        let identity = meeting.person(participant).and_then(|person| person.identity.as_ref());
        let person = identity.map(|identity| format!("identity {identity}"));
        person.filter(|person| !is_taken(person)).unwrap_or_else(|| format!("participant {participant}"))
    }

    /// By a code when its partner is done; by a link when all are whom we can reach, and there was one.
    fn is_done(&self, meeting: &Meeting) -> bool {
        let is_out_of_reach = |participant: &ParticipantId| {
            let state = state(meeting, *participant);
            matches!(state, None | Some(ParticipantState::Away | ParticipantState::Failed))
        };
        let is_finished = |(participant, receiver): (&ParticipantId, &Receiver)| {
            receiver.is_done() || !receiver.is_busy() && is_out_of_reach(participant)
        };
        !self.results.is_empty() && (!self.by_link || self.receivers.iter().all(is_finished))
    }

    /// One who has everything is enough, where several were asked.
    fn result(mut self) -> Result<(), Problem> {
        if self.results.iter().any(Result::is_ok) {
            return Ok(());
        }
        self.results.pop().unwrap_or(Ok(()))
    }
}

fn state(meeting: &Meeting, participant: ParticipantId) -> Option<ParticipantState> {
    meeting.person(participant).map(|person| person.state)
}
