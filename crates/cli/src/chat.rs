//! `peerline chat`: text with browsers and terminals.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use clap::Args;
use peerline::channel::{ChannelError, ChannelEvent, ChatMessage};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::{Client, OnSignal};
use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem};
use crate::input;
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::Notes;
use crate::place::Room;
use crate::terminal;

/// The longest text of a message, in characters (`docs/signaling.md` §9).
const TEXT: usize = 8_000;
/// Messages on their way at the same time; further lines wait to be read.
const AT_ONCE: usize = 256;

#[derive(Args, Debug)]
pub(crate) struct ChatOptions {
    #[command(flatten)]
    room: Room,
    #[command(flatten)]
    client: ClientOptions,
}

pub(crate) fn run(options: &ChatOptions) -> ExitCode {
    let ChatOptions { room, client } = options;
    let (place, notes, on_signal) = (room.place(), Notes::Sentences, OnSignal::Done);
    Client { options: client, place, expiry: &room.expiry, notes, on_signal, direct: false }.run(chat)
}

async fn chat(meeting: &mut Meeting) -> Result<(), Problem> {
    let mut lines = Some(input::lines());
    // What was written while nobody was there; it is said to the first who comes.
    let mut waiting: Option<String> = None;
    let mut deliveries = JoinSet::new();
    loop {
        if meeting.people().next().is_some()
            && let Some(line) = waiting.take()
        {
            say(meeting, &mut deliveries, &line);
        }
        if lines.is_none() && waiting.is_none() && deliveries.is_empty() {
            return Ok(());
        }
        tokio::select! {
            event = meeting.next_event() => if let MeetingEvent::Channel(ChannelEvent::Chat(message)) = event? {
                show(&meeting.name_of(message.from), &message)?;
            },
            line = next(&mut lines), if waiting.is_none() && deliveries.len() < AT_ONCE => match line {
                Some(line) => waiting = Some(line),
                None => lines = None,
            },
            Some(delivered) = deliveries.join_next() => {
                delivered.map_err(|error| Problem::new(Failure::Failed, error))??;
            }
        }
    }
}

/// The next line; after the last one `None` once, then it waits for ever.
async fn next(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// A long line is several messages, an empty one none.
fn say(meeting: &Meeting, deliveries: &mut JoinSet<Result<(), ChannelError>>, line: &str) {
    if line.trim().is_empty() {
        return;
    }
    let characters: Vec<_> = line.chars().collect();
    for text in characters.chunks(TEXT) {
        deliveries.spawn(meeting.sender().chat(&text.iter().collect::<String>()));
    }
}

fn show(name: &str, message: &ChatMessage) -> std::io::Result<()> {
    let mut output = stdout().lock();
    writeln!(output, "{}: {}", terminal::bold(name, &output), terminal::paragraph(&message.text))?;
    output.flush()
}
