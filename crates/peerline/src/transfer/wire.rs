//! A transfer's data channel, as both machines use it.

use std::future::{pending, poll_fn};
use std::time::Duration;

use peerline_transfer::Transmit;
use tokio::time::Instant;

use crate::{DataChannel, DataChannelEvent, DataChannelState, Message};

/// The longest message of a transfer, in bytes.
const MESSAGE: usize = 65_535;
/// How long the last word may take to arrive.
const LAST_WORD: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Wire {
    channel: DataChannel,
    buffer: Vec<u8>,
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
    pub(super) const fn new(channel: DataChannel) -> Self {
        Self { channel, buffer: Vec::new(), closed: false, closes_by: None }
    }

    pub(super) fn buffered_amount(&self) -> usize {
        self.channel.buffered_amount()
    }

    /// Sends what the machine has to say.
    pub(super) fn transmit(&mut self, mut poll: impl FnMut(&mut Vec<u8>) -> Option<Transmit>) {
        if self.channel.ready_state() != DataChannelState::Open {
            return;
        }
        // A piece goes out in the buffer that it was written to.
        self.buffer.reserve(MESSAGE);
        while let Some(transmit) = poll(&mut self.buffer) {
            let sent = match transmit {
                Transmit::Text => self.channel.send_text(String::from_utf8_lossy(&self.buffer)),
                Transmit::Binary => {
                    self.channel.send(std::mem::replace(&mut self.buffer, Vec::with_capacity(MESSAGE)))
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
