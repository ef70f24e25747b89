//! One client's connection: its frames go to the hub, and what the hub has for it goes out.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use peerline_signaling::CloseCode;
use peerline_signaling::hub::{ConnectionId, Input};
use tokio::time::{Sleep, sleep, timeout};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::socket::Wire;
use super::{FRAME_MAX, Mailbox, Signaling, now};

/// An idle client costs this much for reading; a longer frame grows it for a while.
const READ_BUFFER: usize = 2 * 1024;
/// Pongs and the close frame: all that is not written by the hub's side.
const WRITE_BUFFER: usize = 4 * 1024;
/// A socket that doesn't take one batch in so long has nobody behind it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for the other side to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Frames that are read before answers are written.
const READ_BATCH: usize = 32;

/// One connection's side of the hub. The hub forgets the connection when this is dropped.
pub(crate) struct Connection {
    signaling: Arc<Signaling>,
    id: ConnectionId,
    mailbox: Arc<Mailbox>,
    web_socket: WebSocketContext,
    /// Connections that the hub has something for since this one was read.
    ready: Vec<Arc<Mailbox>>,
    /// Runs out when the other side takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The other side is gone, or has said good-bye.
    Gone,
    /// We close it.
    Close(u16),
}

impl Connection {
    pub(super) fn new(
        signaling: Arc<Signaling>,
        id: ConnectionId,
        mailbox: Arc<Mailbox>,
        read: &[u8],
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER)
            // One byte more than a frame may have: the hub says why it is too large.
            .max_message_size(Some(FRAME_MAX + 1))
            .max_frame_size(Some(FRAME_MAX + 1));
        let web_socket = WebSocketContext::from_partially_read(read.to_vec(), Role::Server, Some(config));
        Self { signaling, id, mailbox, web_socket, ready: Vec::new(), patience: None }
    }

    /// Carries frames until either side ends it.
    pub(crate) async fn serve(mut self) {
        let end = poll_fn(|context| self.poll_end(context)).await;
        match end {
            // The answer to a good-bye.
            End::Gone => self.mailbox.socket.flush(),
            End::Close(code) => {
                // What the hub has to say goes out before the end, too: an error, for one.
                let rest = poll_fn(|context| self.poll_rest(context));
                if let Ok(Ok(())) = timeout(WRITE_TIMEOUT, rest).await {
                    self.mailbox.socket.end();
                    let _ = timeout(CLOSE_TIMEOUT, self.close(code)).await;
                }
            }
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.mailbox.socket.register(context.waker());
        loop {
            // While the other side takes nothing, nothing is read from it either.
            match self.mailbox.socket.poll_flush(context) {
                Poll::Ready(Ok(())) => self.patience = None,
                Poll::Ready(Err(_)) => return Poll::Ready(End::Gone),
                Poll::Pending => {
                    let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
                    return patience.as_mut().poll(context).map(|()| End::Gone);
                }
            }
            if let Some(code) = self.mailbox.close_code() {
                return Poll::Ready(End::Close(code));
            }
            // A client that reads slowly is heard between two batches: what it acknowledges makes room.
            let has_more = self.mailbox.socket.has_more();
            if has_more {
                self.signaling.fill(self.id, &self.mailbox);
            }
            match self.poll_frames(context) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Ready(None) => {}
                Poll::Pending if has_more => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Hands the hub what has come, and every connection what the hub has for it then.
    fn poll_frames(&mut self, context: &mut Context<'_>) -> Poll<Option<End>> {
        let mut result = Poll::Ready(None);
        for _ in 0..READ_BATCH {
            let message = match self.poll_message(context) {
                Poll::Pending => {
                    result = Poll::Pending;
                    break;
                }
                Poll::Ready(message) => message,
            };
            let end = match message {
                Ok(Message::Text(text)) => {
                    self.input(text.as_bytes());
                    // Who leaves a batch of answers unread is not heard further for now.
                    if self.mailbox.socket.has_more() {
                        break;
                    }
                    continue;
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Binary(_)) => End::Close(CloseCode::Unsupported.number()),
                Ok(Message::Close(_)) => {
                    self.mailbox.socket.end();
                    let mut wire = Wire { socket: &self.mailbox.socket, context };
                    let _ = self.web_socket.flush(&mut wire);
                    End::Gone
                }
                Err(error) => self.refuse(&error),
            };
            result = Poll::Ready(Some(end));
            break;
        }
        for mailbox in self.ready.drain(..) {
            mailbox.socket.flush();
        }
        result
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let mut wire = Wire { socket: &self.mailbox.socket, context };
        match self.web_socket.read(&mut wire) {
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => Poll::Pending,
            message => Poll::Ready(message),
        }
    }

    /// Hands the hub one whole frame.
    fn input(&mut self, frame: &[u8]) {
        // Read here, so that nobody waits at the hub for that.
        let input = Input::read(frame, FRAME_MAX);
        self.signaling.call(&mut self.ready, |hub| hub.handle_frame(now(), self.id, input));
    }

    fn refuse(&mut self, error: &Error) -> End {
        use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        match error {
            Error::Capacity(_) => {
                // It was not kept; as far as the hub goes, any that is too large will do.
                self.input(&[b' '; FRAME_MAX + 1]);
                End::Close(CloseCode::TooLarge.number())
            }
            Error::Utf8(_) => End::Close(1007),
            Error::Protocol(error) if *error != ResetWithoutClosingHandshake => End::Close(1002),
            _ => End::Gone,
        }
    }

    /// Writes all that the hub has for this client.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        loop {
            ready!(self.mailbox.socket.poll_flush(context))?;
            if !self.mailbox.socket.has_more() {
                return Poll::Ready(Ok(()));
            }
            self.signaling.fill(self.id, &self.mailbox);
        }
    }

    /// Says good-bye, and reads on until the other side has, too: a kernel that holds unread input would reset the
    /// connection, and the frame would be lost.
    async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        let mut frame = Some(frame);
        poll_fn(|context| {
            self.mailbox.socket.register(context.waker());
            let mut wire = Wire { socket: &self.mailbox.socket, context };
            if let Some(frame) = frame.take() {
                let _ = self.web_socket.close(&mut wire, Some(frame));
            }
            if let Poll::Ready(Err(_)) = self.mailbox.socket.poll_flush(context) {
                return Poll::Ready(());
            }
            while ready!(self.poll_message(context)).is_ok() {}
            Poll::Ready(())
        })
        .await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.signaling.disconnect(self.id);
    }
}
