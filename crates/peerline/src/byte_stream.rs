//! A data channel as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use peerline_connection::{Delivery, Payload};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{DataChannel, DataChannelEvent, DataChannelState, Message};

/// How long a message gets that is made of written bytes, in bytes: what every implementation takes (RFC 8841 §6.1).
const MESSAGE: usize = 65_536;

/// A [`DataChannel`] as `AsyncRead` and `AsyncWrite`. Split it with [`tokio::io::split`].
///
/// Each write becomes a binary message of up to 64 KiB; reading, messages lie one behind the other. Writing waits while
/// much is still to be sent. Shut down, it closes the channel: the peer then reads to the end.
#[derive(Debug)]
pub struct ByteStream {
    channel: DataChannel,
    /// What has arrived and wasn't read.
    rest: Bytes,
    at_end: bool,
}

impl ByteStream {
    pub(crate) fn new(channel: DataChannel) -> Self {
        let handle = channel.channel().handle;
        // A message of any length can be read while it arrives.
        channel.peer().call(|state, _| state.connection.set_delivery(handle, Delivery::Parts));
        Self { channel, rest: Bytes::new(), at_end: false }
    }

    /// The channel below.
    pub fn data_channel(&self) -> &DataChannel {
        &self.channel
    }

    /// The next bytes: first those of messages that came whole, before this was a stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.rest.is_empty() && !self.at_end {
            let channel = self.channel.channel();
            let is_closed = loop {
                match channel.events.poll_next(context) {
                    Poll::Ready(Some(DataChannelEvent::Message(message))) => {
                        self.rest = match message {
                            Message::Text(text) => text.into(),
                            Message::Binary(data) => data,
                        };
                        if !self.rest.is_empty() {
                            return Poll::Ready(());
                        }
                    }
                    Poll::Ready(Some(_)) => (),
                    Poll::Ready(None) => break true,
                    Poll::Pending => break false,
                }
            };
            match channel.bytes.poll_next(context) {
                Poll::Ready(Some(data)) => self.rest = data,
                Poll::Ready(None) => self.at_end = true,
                Poll::Pending if is_closed => self.at_end = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_fill(context));
        let length = this.rest.len().min(buffer.remaining());
        if let Some(read) = this.rest.get(..length) {
            buffer.put_slice(read);
        }
        this.rest.advance(length);
        this.channel.peer().has_read(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.channel.poll_room(context));
        let length = data.len().min(MESSAGE);
        let message = Bytes::copy_from_slice(data.get(..length).unwrap_or_default());
        self.channel.send_payload(Payload::binary(message)).map_err(broken)?;
        Poll::Ready(Ok(length))
    }

    /// Bytes go out as soon as the network takes them: there is nothing to flush.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.channel.ready_state() != DataChannelState::Closed {
            self.channel.close();
        }
        Poll::Ready(Ok(()))
    }
}

fn broken(error: crate::Error) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error)
}
