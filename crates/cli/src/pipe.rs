//! `peerline pipe`: standard input and output across the network (`docs/streams.md` §4).

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::process::ExitCode;

use clap::Args;
use peerline::channel::{ChannelEvent, ParticipantState};
use peerline::{DataChannel, DataChannelInit};
use tokio::io::stdin;
use tokio::task::JoinSet;

use crate::client::{Client, OnSignal};
use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem};
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::Notes;
use crate::place::PlaceOrNew;
use crate::stream::{self, Broken, Control, Credit, PROTOCOL};

const LABEL: &str = "peerline-pipe";
/// Bytes that are held while standard output is slow.
const WINDOW: u64 = 16 << 20;

#[derive(Args, Debug)]
pub(crate) struct PipeOptions {
    #[command(flatten)]
    place: PlaceOrNew,
    /// Tell what happens as JSON lines on standard error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientOptions,
}

/// The other end of the pipe.
struct End {
    channel: DataChannel,
    credit: Credit,
}

pub(crate) fn run(options: &PipeOptions) -> ExitCode {
    let PipeOptions { place, json, client } = options;
    let (expiry, place) = (&place.expiry, place.place());
    let by_link = place.is_for_many();
    let notes = if *json { Notes::Json } else { Notes::Sentences };
    Client { options: client, place, expiry, notes, on_signal: OnSignal::Broken, direct: true }
        .run(async |meeting| pipe(meeting, by_link).await)
}

async fn pipe(meeting: &mut Meeting, by_link: bool) -> Result<(), Problem> {
    let End { channel, credit } = find(meeting, by_link).await?;
    let carried = stream::carry(&channel, stdin(), standard_output()?, credit);
    tokio::pin!(carried);
    loop {
        tokio::select! {
            carried = &mut carried => return carried.map_err(problem),
            // Pipes that others begin now are closed by being dropped.
            event = meeting.next_event() => { event?; }
        }
    }
}

/// The only descriptor of standard output: when it is closed, its reader hears of the end, although the program goes on.
fn standard_output() -> std::io::Result<tokio::fs::File> {
    let output = rustix::io::fcntl_dupfd_cloexec(std::io::stdout(), 0)?;
    rustix::stdio::dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
    Ok(tokio::fs::File::from_std(output.into()))
}

/// The first with whom a pipe comes about. By a link there may be others, too, and browsers, which never answer.
async fn find(meeting: &mut Meeting, by_link: bool) -> Result<End, Problem> {
    let mut ends = JoinSet::new();
    let mut called = BTreeSet::new();
    loop {
        let event = tokio::select! {
            Some(end) = ends.join_next() => match end {
                Ok(Some(end)) => return Ok(end),
                _ => continue,
            },
            event = meeting.next_event() => event?,
        };
        match event {
            MeetingEvent::Channel(ChannelEvent::ParticipantChanged(participant)) => match participant.state {
                // One of the two begins.
                ParticipantState::Connected
                    if meeting.id() > participant.id && called.insert(participant.id) =>
                {
                    let init =
                        DataChannelInit { protocol: PROTOCOL.to_owned(), ..DataChannelInit::default() };
                    let sender = meeting.sender();
                    if let Ok(channel) = sender.create_data_channel(participant.id, LABEL, init).await {
                        ends.spawn(call(channel));
                    }
                }
                ParticipantState::Connected => {}
                // What was opened over a connection that broke is opened again over the next one.
                _ => _ = called.remove(&participant.id),
            },
            MeetingEvent::Channel(ChannelEvent::DataChannel(_, channel))
                if channel.label() == LABEL && channel.protocol() == PROTOCOL =>
            {
                ends.spawn(answer(channel));
            }
            MeetingEvent::Channel(ChannelEvent::ParticipantLeft(..)) if !by_link => {
                return Err(Problem::new(
                    Failure::Unconnected,
                    "The other side left before it was connected.",
                ));
            }
            _ => {}
        }
    }
}

/// The side that opens the channel waits for the other one's word, which makes it the one.
async fn call(channel: DataChannel) -> Option<End> {
    channel.opened().await.ok()?;
    let may_send = granted(&channel).await?;
    Some(End { channel, credit: Credit { may_send, may_receive: 0, window: WINDOW } })
}

async fn answer(channel: DataChannel) -> Option<End> {
    stream::say(&channel, &Control::Grant { bytes: WINDOW }).ok()?;
    let may_send = granted(&channel).await?;
    Some(End { channel, credit: Credit { may_send, may_receive: WINDOW, window: WINDOW } })
}

async fn granted(channel: &DataChannel) -> Option<u64> {
    match stream::hear(channel).await? {
        Control::Grant { bytes } => Some(bytes),
        _ => None,
    }
}

fn problem(broken: Broken) -> Problem {
    match broken {
        Broken::Reset(..) => {
            Problem::new(Failure::Refused, "The other side's standard input or output broke.")
        }
        Broken::Closed => Problem::new(Failure::Unconnected, "The connection broke before all had arrived."),
        Broken::Reading(error) => Problem::new(Failure::Failed, format!("Standard input: {error}")),
        Broken::Writing(error) => Problem::new(Failure::Failed, format!("Standard output: {error}")),
        Broken::BadMessage => Problem::new(Failure::Failed, "The other side does not keep to the protocol."),
    }
}
