//! A stream of bytes in both directions over one data channel, each of which ends by itself (`docs/streams.md`).

mod credit;
mod inbox;
mod message;

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use peerline::{DataChannel, DataChannelEvent, Message};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use self::credit::Room;
use self::inbox::Inbox;
pub(crate) use self::message::{Control, ResetCode};

/// The protocol of the data channel, whatever its label.
pub(crate) const PROTOCOL: &str = "peerline.stream.v1";
/// The longest message of bytes: there are implementations that never complete a longer one.
const LONGEST: usize = 65_535;
/// How long the other side may take to close the channel.
const CLOSING: Duration = Duration::from_secs(5);

/// How much may be on its way at first, and later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit {
    /// Bytes that we may send before the other side's first grant, or by it.
    pub(crate) may_send: u64,
    /// Bytes that the other side may send before our first grant, or by it.
    pub(crate) may_receive: u64,
    /// Bytes that are held while what they go to is slow.
    pub(crate) window: u64,
}

/// Why a stream ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The other side broke it.
    #[error("{0}")]
    Reset(ResetCode),
    /// The channel is closed.
    #[error("the connection broke")]
    Closed,
    #[error("reading failed: {0}")]
    Reading(io::Error),
    #[error("writing failed: {0}")]
    Writing(io::Error),
    #[error("the other side does not keep to the protocol")]
    BadMessage,
}

/// Carries bytes both ways until both directions have ended and everything has arrived.
///
/// When it fails the other side is told why, and the channel is closed. Dropping the future closes nothing.
pub(crate) async fn carry(
    channel: &DataChannel,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    credit: Credit,
) -> Result<(), Broken> {
    let room = Mutex::new(Room::new(credit.window, credit.may_receive));
    let (allow, allowed) = watch::channel(credit.may_send);
    let inbox = Inbox::default();
    let carried = tokio::try_join!(
        receive(channel, &room, &inbox, allow),
        pass_on(channel, &room, &inbox, output),
        send(channel, allowed, input),
    );
    if let Err(broken) = &carried {
        reset(channel, broken);
    }
    match (carried, close(channel).await) {
        // Sending may fail before the reason is read.
        (Err(Broken::Closed), Some(code)) => Err(Broken::Reset(code)),
        (carried, _) => carried.map(|_| ()),
    }
}

/// Takes what comes, until it is complete in both directions.
async fn receive(
    channel: &DataChannel,
    room: &Mutex<Room>,
    inbox: &Inbox,
    allow: watch::Sender<u64>,
) -> Result<(), Broken> {
    let (mut has_ended, mut is_complete) = (false, false);
    while !has_ended || !is_complete {
        match channel.next_event().await {
            Some(DataChannelEvent::Message(Message::Binary(bytes))) => {
                if has_ended || !lock(room).receive(bytes.len()) {
                    return Err(Broken::BadMessage);
                }
                inbox.put(&bytes);
            }
            Some(DataChannelEvent::Message(Message::Text(json))) => match Control::parse(&json) {
                Some(Control::Grant { bytes }) => _ = allow.send_if_modified(|allowed| raise(allowed, bytes)),
                Some(Control::End) => {
                    has_ended = true;
                    inbox.end();
                }
                Some(Control::Complete) => is_complete = true,
                Some(Control::Reset { code }) => return Err(Broken::Reset(code)),
                Some(Control::Unknown) => {}
                Some(Control::Open { .. }) | None => return Err(Broken::BadMessage),
            },
            Some(DataChannelEvent::Close(_)) | None => return Err(Broken::Closed),
            Some(_) => {}
        }
    }
    Ok(())
}

fn raise(allowed: &mut u64, to: u64) -> bool {
    let higher = to > *allowed;
    *allowed = to.max(*allowed);
    higher
}

/// Writes what has come, and makes room for more.
async fn pass_on(
    channel: &DataChannel,
    room: &Mutex<Room>,
    inbox: &Inbox,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), Broken> {
    loop {
        let grant = lock(room).grant();
        if let Some(bytes) = grant {
            say(channel, &Control::Grant { bytes })?;
        }
        let Some(bytes) = inbox.take().await else { break };
        output.write_all(&bytes).await.map_err(Broken::Writing)?;
        if inbox.is_empty() {
            output.flush().await.map_err(Broken::Writing)?;
        }
        lock(room).pass_on(bytes.len());
    }
    output.shutdown().await.map_err(Broken::Writing)?;
    drop(output);
    say(channel, &Control::Complete)
}

/// Sends what is read, as far as the other side has room.
async fn send(
    channel: &DataChannel,
    mut allowed: watch::Receiver<u64>,
    mut input: impl AsyncRead + Unpin,
) -> Result<(), Broken> {
    let (mut sent, mut buffer) = (0, BytesMut::new());
    loop {
        let allowed = *allowed.wait_for(|allowed| *allowed > sent).await.map_err(|_| Broken::Closed)?;
        let most = usize::try_from(allowed - sent).unwrap_or(LONGEST).min(LONGEST);
        buffer.reserve(most);
        let length = input.read_buf(&mut (&mut buffer).limit(most)).await.map_err(Broken::Reading)?;
        if length == 0 {
            return say(channel, &Control::End);
        }
        let bytes = Message::Binary(buffer.split().freeze());
        channel.send_when_ready(bytes).await.map_err(|_| Broken::Closed)?;
        sent += length as u64;
    }
}

/// The first message, which is to be a control message.
pub(crate) async fn hear(channel: &DataChannel) -> Option<Control> {
    match channel.recv().await? {
        Message::Text(json) => Control::parse(&json),
        Message::Binary(_) => None,
    }
}

pub(crate) fn say(channel: &DataChannel, control: &Control) -> Result<(), Broken> {
    channel.send_text(control.to_json()).map_err(|_| Broken::Closed)
}

/// Tells the other side what broke here.
fn reset(channel: &DataChannel, broken: &Broken) {
    let code = match broken {
        Broken::Reset(..) | Broken::Closed => return,
        Broken::Reading(_) | Broken::Writing(_) => ResetCode::Broken,
        Broken::BadMessage => ResetCode::BadMessage,
    };
    let _ = say(channel, &Control::Reset { code });
}

/// Closes the channel; resolves when the other side has everything that was sent by it, or takes too long. Returns the
/// reset that came meanwhile.
async fn close(channel: &DataChannel) -> Option<ResetCode> {
    channel.close();
    let closed = async {
        let mut reset = None;
        while let Some(event) = channel.next_event().await {
            if let DataChannelEvent::Message(Message::Text(json)) = event
                && let Some(Control::Reset { code }) = Control::parse(&json)
            {
                reset = Some(code);
            }
        }
        reset
    };
    tokio::time::timeout(CLOSING, closed).await.ok().flatten()
}

/// Nothing is left half done under this lock.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
