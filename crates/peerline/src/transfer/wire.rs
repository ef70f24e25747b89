//! A transfer's data channel, as both machines use it.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use peerline_transfer::Transmit;
use tokio::time::Instant;

use crate::endpoint::lock;
use crate::{DataChannel, DataChannelEvent, DataChannelState, Message};

/// The longest message of a transfer, in bytes.
const MESSAGE: usize = 65_535;
/// How long the last word may take to arrive.
const LAST_WORD: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Wire {
    channel: DataChannel,
    /// The next message is written to it.
    buffer: Vec<u8>,
    pieces: Pieces,
    closed: bool,
    /// Until when to wait for the channel to close.
    closes_by: Option<Instant>,
}

/// What comes by the channel.
pub(super) enum News {
    Message(Message),
    /// It opened, or has room again: something may be sent.
    Room,
    Closed,
}

impl Wire {
    pub(super) fn new(channel: DataChannel) -> Self {
        Self { channel, buffer: Vec::new(), pieces: Pieces::default(), closed: false, closes_by: None }
    }

    pub(super) fn buffered_amount(&self) -> usize {
        self.channel.buffered_amount()
    }

    /// Sends what the machine has to say.
    pub(super) fn transmit(&mut self, mut poll: impl FnMut(&mut Vec<u8>) -> Option<Transmit>) {
        if self.channel.ready_state() != DataChannelState::Open {
            return;
        }
        while let Some(transmit) = poll(&mut self.buffer) {
            let sent = match transmit {
                Transmit::Text => self.channel.send_text(String::from_utf8_lossy(&self.buffer)),
                Transmit::Binary => {
                    let next = self.pieces.take();
                    self.channel.send(self.pieces.lend(std::mem::replace(&mut self.buffer, next)))
                }
            };
            if sent.is_err() {
                self.channel.close();
                return;
            }
        }
    }

    /// What comes next; with `full` also when less than a mebibyte waits to be sent. Cancel-safe.
    pub(super) async fn next(&mut self, full: bool) -> News {
        if self.closed {
            return pending().await;
        }
        let full = full && self.channel.ready_state() == DataChannelState::Open;
        let room = poll_fn(|context| self.channel.poll_room(context));
        tokio::pin!(room);
        loop {
            let event = tokio::select! {
                event = self.channel.next_event() => event,
                () = &mut room, if full => return News::Room,
            };
            match event {
                Some(DataChannelEvent::Message(message)) => return News::Message(message),
                Some(DataChannelEvent::Open) => return News::Room,
                Some(DataChannelEvent::BufferedAmountLow | DataChannelEvent::Closing) => {}
                Some(DataChannelEvent::Close(_)) | None => {
                    self.closed = true;
                    return News::Closed;
                }
            }
        }
    }

    /// The end: closes the channel, or, where that is the other side's to do, waits for it.
    pub(super) fn end(&mut self, closes: bool) {
        if closes {
            self.channel.close();
        }
        self.closes_by = Some(Instant::now() + LAST_WORD);
    }

    /// Waits, after the end, until the channel is closed: so the last word has arrived, even where the program ends next.
    /// Cancel-safe.
    pub(super) async fn ended(&mut self) {
        if let Some(by) = self.closes_by
            && !self.closed
        {
            let closed = async { while !matches!(self.next(false).await, News::Closed) {} };
            let _ = tokio::time::timeout_at(by, closed).await;
            self.closed = true;
            self.channel.close();
        }
    }
}

/// Buffers of pieces, used again when their bytes have arrived: making them anew costs more than filling them, as the
/// system takes their memory back in between.
#[derive(Debug, Default)]
struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

/// Buffers that are kept; about as many are on their way at once.
const KEPT: usize = 64;

impl Pieces {
    fn take(&self) -> Vec<u8> {
        lock(&self.0).pop().unwrap_or_else(|| Vec::with_capacity(MESSAGE))
    }

    fn lend(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Piece { bytes, home: Arc::clone(&self.0) })
    }
}

struct Piece {
    bytes: Vec<u8>,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut home = lock(&self.home);
        if home.len() < KEPT {
            home.push(std::mem::take(&mut self.bytes));
        }
    }
}
