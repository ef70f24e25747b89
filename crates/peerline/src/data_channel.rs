//! Data channels (W3C `RTCDataChannel`).

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use peerline_connection::{ChannelError, ChannelHandle, Payload, PayloadKind};
use peerline_sctp::{DataChannelInit as Description, Reliability};

use crate::endpoint::lock;
use crate::mailbox::Mailbox;
use crate::peer::Peer;
use crate::{ByteStream, Error};

/// How many bytes may wait to be sent before [`DataChannel::send_when_ready`] and [`ByteStream`] wait: enough to keep a
/// fast path busy, too little to make a cancelled transfer go on for long.
pub(crate) const BACKLOG: usize = 1 << 20;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text, as a browser's `send(string)` sends it. What isn't UTF-8 was replaced.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes; of text its UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }
}

impl From<Payload> for Message {
    fn from(payload: Payload) -> Self {
        match payload.kind {
            PayloadKind::Text => Self::Text(String::from_utf8_lossy(&payload.data).into_owned()),
            PayloadKind::Binary => Self::Binary(payload.data),
        }
    }
}

/// Where a channel stands (W3C `RTCDataChannelState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DataChannelState {
    /// Being opened.
    Connecting,
    /// Messages can be sent and received.
    Open,
    /// One side closes it: what was sent still arrives.
    Closing,
    /// Over.
    Closed,
}

impl DataChannelState {
    /// The W3C's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// What happens on a channel.
#[derive(Debug)]
pub enum DataChannelEvent {
    /// Messages can be sent (W3C `open`). Channels that the peer opened are open when they are handed out.
    Open,
    /// W3C `message`.
    Message(Message),
    /// What waits to be sent has become as little as
    /// [`set_buffered_amount_low_threshold`](DataChannel::set_buffered_amount_low_threshold) says (W3C `bufferedamountlow`).
    BufferedAmountLow,
    /// The peer closes the channel (W3C `closing`).
    Closing,
    /// W3C `close`; with an error if neither side wanted it (W3C `error`). Nothing follows.
    Close(Option<ChannelError>),
}

impl DataChannelEvent {
    /// Bytes that take up the receive window until they are read.
    fn length(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            _ => 0,
        }
    }
}

/// What the driver tells a channel.
#[derive(Debug)]
pub(crate) enum ChannelEvent {
    Open(Option<Box<Description>>),
    Message(Message),
    Part { data: Bytes, is_last: bool },
    BufferedAmountLow,
    Closing,
    Closed(Option<ChannelError>),
}

/// What handles and driver share of a channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) handle: ChannelHandle,
    /// Names it in statistics: ids are given later, and again.
    pub(crate) number: u32,
    description: Mutex<Description>,
    state: AtomicU8,
    pub(crate) events: Mailbox<DataChannelEvent>,
    /// For [`ByteStream`]: bytes instead of messages.
    pub(crate) bytes: Mailbox<Bytes>,
    state_waiters: Mutex<Vec<Waker>>,
    low_threshold: AtomicUsize,
    pub(crate) sent: Count,
    pub(crate) received: Count,
}

/// How many messages, and their bytes. One at a time counts: who has the peer's lock, or the driver.
#[derive(Debug, Default)]
pub(crate) struct Count {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Count {
    fn add(&self, messages: u64, bytes: usize) {
        let (messages_before, bytes_before) = self.get();
        self.messages.store(messages_before + messages, Ordering::Relaxed);
        self.bytes.store(bytes_before + bytes as u64, Ordering::Relaxed);
    }

    /// Messages and bytes.
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

impl Channel {
    pub(crate) fn new(handle: ChannelHandle, number: u32, description: Description) -> Self {
        Self {
            handle,
            number,
            description: Mutex::new(description),
            state: AtomicU8::new(DataChannelState::Connecting as u8),
            events: Mailbox::new(),
            bytes: Mailbox::new(),
            state_waiters: Mutex::new(Vec::new()),
            low_threshold: AtomicUsize::new(0),
            sent: Count::default(),
            received: Count::default(),
        }
    }

    pub(crate) fn description(&self) -> Description {
        lock(&self.description).clone()
    }

    pub(crate) fn state(&self) -> DataChannelState {
        const CONNECTING: u8 = DataChannelState::Connecting as u8;
        const OPEN: u8 = DataChannelState::Open as u8;
        const CLOSING: u8 = DataChannelState::Closing as u8;
        match self.state.load(Ordering::Acquire) {
            CONNECTING => DataChannelState::Connecting,
            OPEN => DataChannelState::Open,
            CLOSING => DataChannelState::Closing,
            _ => DataChannelState::Closed,
        }
    }

    /// States only go forward.
    pub(crate) fn advance(&self, state: DataChannelState) {
        self.state.fetch_max(state as u8, Ordering::AcqRel);
        let waiters = std::mem::take(&mut *lock(&self.state_waiters));
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Messages that came together cost one look into the mailbox. Gives back how many bytes of them have been read.
    pub(crate) fn deliver_messages(&self, messages: impl IntoIterator<Item = Message>) -> usize {
        let (mut count, mut bytes) = (0, 0);
        let is_read = self.events.deliver(messages.into_iter().map(|message| {
            count += 1;
            bytes += message.len();
            DataChannelEvent::Message(message)
        }));
        self.received.add(count, bytes);
        if is_read { bytes } else { 0 }
    }

    /// Gives back how many bytes have been read.
    pub(crate) fn deliver(&self, event: ChannelEvent) -> usize {
        match event {
            ChannelEvent::Open(description) => {
                if let Some(description) = description {
                    *lock(&self.description) = *description;
                }
                self.advance(DataChannelState::Open);
                self.events.deliver([DataChannelEvent::Open]);
            }
            ChannelEvent::Message(message) => return self.deliver_messages([message]),
            ChannelEvent::Part { data, is_last } => {
                let length = data.len();
                self.received.add(is_last.into(), length);
                return if self.bytes.deliver([data]) { length } else { 0 };
            }
            ChannelEvent::BufferedAmountLow => {
                self.events.deliver([DataChannelEvent::BufferedAmountLow]);
            }
            ChannelEvent::Closing => {
                self.advance(DataChannelState::Closing);
                self.events.deliver([DataChannelEvent::Closing]);
            }
            ChannelEvent::Closed(error) => {
                self.advance(DataChannelState::Closed);
                self.events.deliver([DataChannelEvent::Close(error)]);
                self.events.close();
                self.bytes.close();
            }
        }
        0
    }
}

/// A bidirectional channel of messages (W3C `RTCDataChannel`, RFC 8831).
///
/// A clone is the same channel. It is closed when the last clone is dropped. Of several tasks that read, each message
/// goes to one.
#[derive(Debug, Clone)]
pub struct DataChannel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    peer: Arc<Peer>,
    channel: Arc<Channel>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.channel.state() < DataChannelState::Closing {
            let handle = self.channel.handle;
            self.peer.call(|state, now| state.connection.close_data_channel(now, handle));
        }
        // What nobody will read doesn't count against the receive window any more.
        self.channel.events.set_handler(Box::new(drop), |event| self.peer.has_read(event.length()));
        self.channel.bytes.set_handler(Box::new(drop), |data| self.peer.has_read(data.len()));
    }
}

impl DataChannel {
    pub(crate) fn new(peer: Arc<Peer>, channel: Arc<Channel>) -> Self {
        Self { inner: Arc::new(Inner { peer, channel }) }
    }

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.inner.peer
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.inner.channel
    }

    /// W3C `label`.
    pub fn label(&self) -> String {
        lock(&self.inner.channel.description).label.clone()
    }

    /// W3C `protocol`.
    pub fn protocol(&self) -> String {
        lock(&self.inner.channel.description).protocol.clone()
    }

    /// W3C `ordered`.
    pub fn ordered(&self) -> bool {
        lock(&self.inner.channel.description).ordered
    }

    /// W3C `maxPacketLifeTime`, in milliseconds.
    pub fn max_packet_life_time(&self) -> Option<u16> {
        match lock(&self.inner.channel.description).reliability {
            Reliability::MaxLifetime(time) => Some(u16::try_from(time.as_millis()).unwrap_or(u16::MAX)),
            _ => None,
        }
    }

    /// W3C `maxRetransmits`.
    pub fn max_retransmits(&self) -> Option<u16> {
        match lock(&self.inner.channel.description).reliability {
            Reliability::MaxRetransmissions(count) => Some(count),
            _ => None,
        }
    }

    /// W3C `negotiated`.
    pub fn negotiated(&self) -> bool {
        lock(&self.inner.channel.description).negotiated
    }

    /// W3C `id`, 0 to 65,534. Unless negotiated it is known when the channel is open.
    pub fn id(&self) -> Option<u16> {
        lock(&self.inner.channel.description).id.map(|id| id.0)
    }

    /// W3C `readyState`.
    pub fn ready_state(&self) -> DataChannelState {
        self.inner.channel.state()
    }

    /// W3C `bufferedAmount`: how many bytes of messages haven't been given to the network yet.
    pub fn buffered_amount(&self) -> usize {
        let handle = self.inner.channel.handle;
        self.inner.peer.look(|connection| connection.buffered_amount(handle))
    }

    /// W3C `bufferedAmountLowThreshold`, in bytes. Default 0.
    pub fn buffered_amount_low_threshold(&self) -> usize {
        self.inner.channel.low_threshold.load(Ordering::Relaxed)
    }

    /// W3C `bufferedAmountLowThreshold`, in bytes: when [`buffered_amount`](Self::buffered_amount) falls to it there is a
    /// [`DataChannelEvent::BufferedAmountLow`]. Default 0.
    pub fn set_buffered_amount_low_threshold(&self, bytes: usize) {
        self.inner.channel.low_threshold.store(bytes, Ordering::Relaxed);
        let handle = self.inner.channel.handle;
        self.inner.peer.call(|state, _| state.connection.set_buffered_amount_low_threshold(handle, bytes));
    }

    /// W3C `send` with bytes: queues a message. It isn't copied before it goes into packets.
    ///
    /// # Errors
    /// `InvalidStateError` unless the channel is open, `TypeError` for more bytes than the peer takes
    /// ([`PeerConnection::max_message_size`](crate::PeerConnection::max_message_size)), `OperationError` if 64 MiB wait
    /// already.
    pub fn send(&self, data: impl Into<Bytes>) -> Result<(), Error> {
        self.send_payload(Payload::binary(data))
    }

    /// W3C `send` with a string.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub fn send_text(&self, text: impl Into<String>) -> Result<(), Error> {
        self.send_payload(Payload::text(text))
    }

    pub(crate) fn send_payload(&self, payload: Payload) -> Result<(), Error> {
        let Inner { peer, channel } = &*self.inner;
        let length = payload.data.len();
        peer.call(|state, now| {
            state.connection.send(now, channel.handle, payload)?;
            channel.sent.add(1, length);
            Ok(())
        })
    }

    /// Waits until the channel is open and less than a mebibyte waits, then sends. Cancelled, it has sent nothing.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub async fn send_when_ready(&self, message: Message) -> Result<(), Error> {
        self.opened().await?;
        poll_fn(|context| self.poll_room(context)).await;
        self.send_payload(match message {
            Message::Text(text) => Payload::text(text),
            Message::Binary(data) => Payload::binary(data),
        })
    }

    /// Ready when less than [`BACKLOG`] waits, and when waiting would be in vain.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.ready_state() != DataChannelState::Open {
            return Poll::Ready(());
        }
        let handle = self.inner.channel.handle;
        self.inner.peer.drive(|state| {
            if state.connection.buffered_amount(handle) < BACKLOG {
                return Poll::Ready(());
            }
            state.wake_below(handle, BACKLOG / 2, context.waker());
            Poll::Pending
        })
    }

    /// Waits until the channel is open.
    ///
    /// # Errors
    /// `InvalidStateError` when it is closed instead.
    pub async fn opened(&self) -> Result<(), Error> {
        poll_fn(|context| {
            let mut waiters = lock(&self.inner.channel.state_waiters);
            match self.ready_state() {
                DataChannelState::Connecting => {
                    waiters.retain(|waker| !waker.will_wake(context.waker()));
                    waiters.push(context.waker().clone());
                    Poll::Pending
                }
                DataChannelState::Open => Poll::Ready(Ok(())),
                _ => Poll::Ready(Err(Error::InvalidState("the channel is closed"))),
            }
        })
        .await
    }

    /// The next message; other events are passed over. `None`: the channel is closed. Cancelled, it has taken nothing.
    pub async fn recv(&self) -> Option<Message> {
        loop {
            if let DataChannelEvent::Message(message) = self.next_event().await? {
                return Some(message);
            }
        }
    }

    /// The next event. `None`: the channel is closed and everything has been read. Cancelled, it has taken nothing.
    pub async fn next_event(&self) -> Option<DataChannelEvent> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&self, context: &mut Context<'_>) -> Poll<Option<DataChannelEvent>> {
        let event = std::task::ready!(self.inner.channel.events.poll_next(context));
        self.inner.peer.has_read(event.as_ref().map_or(0, DataChannelEvent::length));
        Poll::Ready(event)
    }

    /// The events as a stream.
    pub fn events(&self) -> impl Stream<Item = DataChannelEvent> + Send + Unpin + use<> {
        let channel = self.clone();
        futures_util::stream::poll_fn(move |context| channel.poll_event(context))
    }

    /// Calls `handler` with each event from now on, those that wait first. It runs on the endpoint's task, so it has to
    /// be quick; it may call whatever doesn't wait. The channel has to be kept: dropped, it is closed.
    pub fn on_event(&self, handler: impl FnMut(DataChannelEvent) + Send + 'static) {
        let Inner { peer, channel } = &*self.inner;
        channel.events.set_handler(Box::new(handler), |event| peer.has_read(event.length()));
    }

    /// W3C `close`: what was sent arrives first, then both sides' channels are closed.
    pub fn close(&self) {
        let handle = self.inner.channel.handle;
        self.inner.channel.advance(DataChannelState::Closing);
        self.inner.peer.call(|state, now| state.connection.close_data_channel(now, handle));
    }

    /// The channel as a stream of bytes (`AsyncRead` and `AsyncWrite`): where messages begin and end is lost.
    pub fn into_byte_stream(self) -> ByteStream {
        ByteStream::new(self)
    }
}
