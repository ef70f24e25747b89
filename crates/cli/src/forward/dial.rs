//! The side that connects: to what its owner has allowed, and to nothing else.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use peerline::DataChannel;
use peerline::channel::{ChannelEvent, LeaveReason, ParticipantState};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::target::Target;
use super::{LABEL, STREAMS, Said, UNASKED, credit};
use crate::exit::Problem;
use crate::meeting::{Meeting, MeetingEvent};
use crate::notes::{Note, Notes};
use crate::stream::{self, Control, PROTOCOL, ResetCode};

/// How long the other side may take to say what it wants, and the target to answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(
    meeting: &mut Meeting,
    allow: &[Target],
    by_link: bool,
    notes: Notes,
) -> Result<(), Problem> {
    for target in allow {
        notes.tell(&Note::Allowing { target: target.to_string() });
    }
    let offer = Said::Forward { allow: allow.iter().map(ToString::to_string).collect::<BTreeSet<_>>() };
    let offer = serde_json::to_vec(&offer).unwrap_or_default();
    let sender = meeting.sender();
    // It is repeated until the server has it; whoever is gone needs none.
    let offer_to = |participant| drop(sender.send(Some(participant), offer.clone()));
    let mut streams = JoinSet::new();
    loop {
        let event = tokio::select! {
            event = meeting.next_event() => event?,
            Some(_) = streams.join_next() => continue,
        };
        match event {
            MeetingEvent::Channel(ChannelEvent::ParticipantArrived(participant)) => offer_to(participant.id),
            // To the other side, we may have been away for so long that it took us for gone.
            MeetingEvent::Channel(ChannelEvent::ParticipantChanged(participant))
                if participant.state == ParticipantState::Connected =>
            {
                offer_to(participant.id);
            }
            MeetingEvent::Channel(ChannelEvent::DataChannel(_, channel))
                if channel.label() == LABEL && channel.protocol() == PROTOCOL =>
            {
                if streams.len() < STREAMS {
                    streams.spawn(serve(channel, allow.to_vec(), notes));
                } else {
                    refuse(&channel, ResetCode::Busy);
                }
            }
            // A code is good once.
            MeetingEvent::Channel(ChannelEvent::ParticipantLeft(_, LeaveReason::Left)) if !by_link => {
                return Ok(());
            }
            _ => {}
        }
    }
}

async fn serve(channel: DataChannel, allow: Vec<Target>, notes: Notes) {
    let wish = tokio::time::timeout(PATIENCE, stream::hear(&channel)).await;
    let Ok(Some(Control::Open { host, port })) = wish else {
        return refuse(&channel, ResetCode::BadMessage);
    };
    let target = Target::new(&host, port);
    let failed = |reason: String| {
        let target = crate::terminal::line(&target.to_string());
        notes.tell(&Note::StreamFailed { target, reason });
    };
    if !allow.contains(&target) {
        failed("it is not allowed".to_owned());
        return refuse(&channel, ResetCode::NotAllowed);
    }
    let mut socket = match connect(&target).await {
        Ok(socket) => socket,
        Err(error) => {
            failed(error.to_string());
            return refuse(&channel, code(&error));
        }
    };
    let _ = socket.set_nodelay(true);
    let (input, output) = socket.split();
    if let Err(broken) = stream::carry(&channel, input, output, credit(0, UNASKED)).await {
        failed(broken.to_string());
        let _ = socket.set_zero_linger();
    }
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((target.host.as_str(), target.port));
    tokio::time::timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn code(error: &io::Error) -> ResetCode {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ResetCode::Refused,
        _ => ResetCode::Unreachable,
    }
}

/// The channel is closed when it is dropped, after what was said.
fn refuse(channel: &DataChannel, code: ResetCode) {
    let _ = stream::say(channel, &Control::Reset { code });
}
