//! The side that listens: each connection becomes a data channel.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use peerline::DataChannelInit;
use peerline::channel::{ChannelEvent, ChannelSender, LeaveReason, ParticipantId, ParticipantState};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::target::Target;
use super::{LABEL, STREAMS, Said, UNASKED, credit};
use crate::exit::{Failure, Problem};
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::{Note, Notes};
use crate::stream::{self, Broken, Control, PROTOCOL};
use crate::terminal;

/// How long to wait after the system could not give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens at once: whoever comes may connect.
pub(super) fn bind(local: &Target) -> Result<TcpListener, Problem> {
    let bound = TcpListener::bind((local.host.as_str(), local.port));
    let bound = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|error| Problem::new(Failure::Failed, format!("--local {local}: {error}.")))
}

pub(super) async fn run(
    meeting: &mut Meeting,
    listener: TcpListener,
    remote: &Target,
    by_link: bool,
    notes: Notes,
) -> Result<(), Problem> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (address, target) = (listener.local_addr()?.to_string(), remote.to_string());
    notes.tell(&Note::Listening { address, target: target.clone() });
    // Those who connect to what we want, and those to whom a direct connection stands.
    let (mut willing, mut connected) = (BTreeSet::new(), BTreeSet::new());
    // Those who don't, which is told once.
    let mut unwilling = BTreeSet::new();
    let mut partner: Option<ParticipantId> = None;
    let mut streams = JoinSet::new();
    loop {
        // It stays the same one until it is gone: whoever comes later takes nothing over.
        partner = partner.filter(|partner| willing.contains(partner));
        if partner.is_none() {
            partner = willing.intersection(&connected).next().copied();
            if let Some(partner) = partner {
                let name = meeting.name_of(partner);
                notes.tell(&Note::ForwardingBy { name, target: target.clone() });
            }
        }
        let reached = partner.filter(|partner| connected.contains(partner));
        let event = tokio::select! {
            event = meeting.next_event() => event?,
            // Without a partner they wait in the system's queue.
            socket = accept(&listener), if reached.is_some() && streams.len() < STREAMS => {
                if let Some(partner) = reached {
                    streams.spawn(forward(meeting.sender(), partner, remote.clone(), socket));
                }
                continue;
            }
            Some(ended) = streams.join_next() => {
                if let Ok(Err(broken)) = ended {
                    notes.tell(&Note::StreamFailed { target: target.clone(), reason: broken.to_string() });
                }
                continue;
            }
        };
        match event {
            MeetingEvent::Channel(ChannelEvent::Message { from, payload, .. }) => {
                let Ok(Said::Forward { allow }) = serde_json::from_slice(&payload) else { continue };
                if allow.contains(&target) {
                    willing.insert(from);
                    continue;
                }
                let allowed = terminal::line(&allow.into_iter().collect::<Vec<_>>().join(", "));
                let why = format!(
                    "{} does not allow connections to {target}. It allows: {allowed}.",
                    meeting.name_of(from)
                );
                if !by_link {
                    return Err(Problem::new(Failure::Refused, why));
                }
                if unwilling.insert(from) {
                    notes.tell(&Note::Warning { warning: why });
                }
            }
            MeetingEvent::Channel(ChannelEvent::ParticipantChanged(participant)) => {
                if participant.state == ParticipantState::Connected {
                    connected.insert(participant.id);
                } else {
                    connected.remove(&participant.id);
                }
            }
            MeetingEvent::Channel(ChannelEvent::ParticipantLeft(participant, reason)) => {
                willing.remove(&participant.id);
                unwilling.remove(&participant.id);
                connected.remove(&participant.id);
                // A code is good once.
                if !by_link && reason == LeaveReason::Left {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

/// The next connection. Cancel-safe.
async fn accept(listener: &tokio::net::TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            // Too many files are open, most likely; the connection waits in the queue.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn forward(
    sender: ChannelSender,
    partner: ParticipantId,
    target: Target,
    mut socket: TcpStream,
) -> Result<(), Broken> {
    let carried = carry(&sender, partner, target, &mut socket).await;
    if carried.is_err() {
        // Closed like this the connection is reset: whoever made it sees that it did not end well.
        let _ = socket.set_zero_linger();
    }
    carried
}

async fn carry(
    sender: &ChannelSender,
    partner: ParticipantId,
    target: Target,
    socket: &mut TcpStream,
) -> Result<(), Broken> {
    // What is small and waited for must not wait for the next.
    let _ = socket.set_nodelay(true);
    let init = DataChannelInit { protocol: PROTOCOL.to_owned(), ..DataChannelInit::default() };
    let channel = sender.create_data_channel(partner, LABEL, init).await.map_err(|_| Broken::Closed)?;
    channel.opened().await.map_err(|_| Broken::Closed)?;
    stream::say(&channel, &Control::Open { host: target.host, port: target.port })?;
    let (input, output) = socket.split();
    stream::carry(&channel, input, output, credit(UNASKED, 0)).await
}
