//! `peerline join`: a channel as JSON lines, for scripts.

mod command;
mod event;

use std::future::ready;
use std::pin::Pin;
use std::process::ExitCode;

use clap::Args;
use peerline::channel::{Answer, ChannelError, ChannelSender, Name};
use serde_json::Value;
use tokio::task::JoinSet;

use self::command::{Command, Wish};
use self::event::Event;
use crate::client::{Client, OnSignal};
use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem};
use crate::input;
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::Notes;
use crate::place::Room;

#[derive(Args, Debug)]
pub(crate) struct JoinOptions {
    #[command(flatten)]
    room: Room,
    #[command(flatten)]
    client: ClientOptions,
}

/// Commands that are carried out at the same time; further ones wait to be read.
const AT_ONCE: usize = 256;

pub(crate) fn run(options: &JoinOptions) -> ExitCode {
    let JoinOptions { room, client } = options;
    let (place, notes, on_signal) = (room.place(), Notes::Silent, OnSignal::Done);
    Client { options: client, place, expiry: &room.expiry, notes, on_signal, direct: false }.run(join)
}

async fn join(meeting: &mut Meeting) -> Result<(), Problem> {
    if let Some(made) = meeting.made() {
        Event::made(made).print()?;
    }
    Event::Joined { participant: meeting.id().to_string() }.print()?;
    let mut lines = input::lines();
    let mut leaving = false;
    let mut outcomes = JoinSet::new();
    while !leaving || !outcomes.is_empty() {
        tokio::select! {
            event = meeting.next_event() => {
                let event = match event? {
                    MeetingEvent::Channel(event) => Event::of(event),
                    MeetingEvent::Path(participant, path) => {
                        Some(Event::Path { participant: participant.to_string(), path })
                    }
                };
                event.as_ref().map_or(Ok(()), Event::print)?;
            }
            // At the end of the input there are no more commands: what happens is told all the same.
            Some(line) = lines.recv(), if !leaving && outcomes.len() < AT_ONCE => {
                if let Some(Command { id, wish }) = Command::parse(&line) {
                    leaving = matches!(wish, Ok(Wish::Leave));
                    let outcome = fulfil(wish, &meeting.sender());
                    outcomes.spawn(async { (id, outcome.await) });
                }
            }
            Some(outcome) = outcomes.join_next() => {
                let (re, outcome) = outcome.map_err(|error| Problem::new(Failure::Failed, error))?;
                match outcome {
                    Ok(()) => Event::Done { re }.print()?,
                    Err(message) => Event::Error { re, message }.print()?,
                }
            }
        }
    }
    Ok(())
}

/// Begins at once what is asked for; resolves when it is done, or with what is wrong.
fn fulfil(
    wish: Result<Wish, String>,
    sender: &ChannelSender,
) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
    let said = |error: ChannelError| error.to_string();
    match wish {
        Ok(Wish::Say { text }) => {
            let chat = sender.chat(&text);
            Box::pin(async move { chat.await.map_err(said) })
        }
        Ok(Wish::Send { to, payload }) => {
            let sent = sender.send(to, Value::Object(payload).to_string().into_bytes());
            Box::pin(async move {
                match sent.await.map_err(said)? {
                    Answer::Refused(refusal) => Err(refusal.message),
                    Answer::Abandoned => Err("the channel was left before the server answered".to_owned()),
                    _ => Ok(()),
                }
            })
        }
        Ok(Wish::Name { name }) => {
            let name = Name::parse(&name).ok_or_else(|| "a name has 1 to 64 characters".to_owned());
            let told = name.and_then(|name| sender.set_name(name.as_str()).map_err(said));
            Box::pin(ready(told))
        }
        Ok(Wish::Leave) => Box::pin(ready(Ok(()))),
        Err(message) => Box::pin(ready(Err(message))),
    }
}
