//! What a channel is.

use bytes::Bytes;
use thiserror::Error;

use crate::{CloseReason, Reliability, StreamId};

/// Which side of DTLS we are; it decides who takes even stream ids (RFC 8832 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The DTLS client: even ids.
    Client,
    /// The DTLS server: odd ids.
    Server,
}

/// How a channel is to be (W3C `RTCDataChannelInit`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannelInit {
    /// Its name, at most 65,535 bytes of UTF-8.
    pub label: String,
    /// The application's protocol, at most 65,535 bytes of UTF-8.
    pub protocol: String,
    /// Messages arrive in order.
    pub ordered: bool,
    /// Reliable, or not for ever.
    pub reliability: Reliability,
    /// Both sides open it themselves, with the same `id`; nothing is said of it in band.
    pub negotiated: bool,
    /// Its stream: required when negotiated; otherwise `None`, and chosen by role.
    pub id: Option<StreamId>,
    /// Its weight among others that have messages waiting (RFC 8831 §6.4): 128 very low, 256 low, 512 medium, 1024 high.
    pub priority: u16,
}

impl Default for DataChannelInit {
    /// Without label, ordered, reliable, announced in band, of low priority (the W3C's default).
    fn default() -> Self {
        Self {
            label: String::new(),
            protocol: String::new(),
            ordered: true,
            reliability: Reliability::Reliable,
            negotiated: false,
            id: None,
            priority: 256,
        }
    }
}

/// Names a channel on this side, from when it is opened until it is [`Closed`](ChannelEvent::Closed).
/// Unlike the channel's id it exists from the beginning, and isn't used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelHandle {
    /// Counts channels.
    pub(super) serial: u32,
    /// Where it is kept.
    pub(super) place: u32,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// A message of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it is.
    pub kind: PayloadKind,
    /// Its bytes, which may be none. Text that the peer sent isn't checked to be UTF-8.
    pub data: Bytes,
}

impl Payload {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: PayloadKind::Text, data: Bytes::from(text.into()) }
    }

    /// Bytes.
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self { kind: PayloadKind::Binary, data: data.into() }
    }
}

/// W3C `RTCDataChannelState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelState {
    /// Waits for the association, or for the stream's id.
    Connecting,
    /// Messages flow.
    Open,
    /// One side has closed it; what was sent is on its way.
    Closing,
    /// Over.
    Closed,
}

/// What happened; see [`DataChannels::poll_event`](super::DataChannels::poll_event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelEvent {
    /// The association is established.
    Connected,
    /// The peer opened a channel (W3C `datachannel`); it is [`Open`](ChannelState::Open).
    Announced(ChannelHandle),
    /// A channel that we opened is open (W3C `open`).
    Open(ChannelHandle),
    /// A message arrived (W3C `message`).
    Message(ChannelHandle, Payload),
    /// A part of a message arrived, on a channel that is delivered in [`Parts`](crate::Delivery::Parts).
    Part {
        /// On which channel.
        channel: ChannelHandle,
        /// What the message is, and its next bytes.
        payload: Payload,
        /// The message begins here; if one was begun before, the peer gave that one up.
        is_first: bool,
        /// The message ends here.
        is_last: bool,
    },
    /// W3C `bufferedamountlow`.
    BufferedAmountLow(ChannelHandle),
    /// The peer closes the channel (W3C `closing`).
    Closing(ChannelHandle),
    /// Both halves are closed (W3C `close`); the handle is forgotten.
    /// With an error if that isn't what either side wanted.
    Closed(ChannelHandle, Option<ChannelError>),
    /// The peer has begun again: all channels that weren't negotiated have been closed.
    Restarted,
    /// The association is over; all channels have been closed. Nothing follows.
    AssociationClosed(CloseReason),
}

/// Why something can't be done with channels, or why a channel was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChannelError {
    /// No such channel, or it isn't open.
    #[error("the channel isn't open")]
    NotOpen,
    /// The association is over.
    #[error("the association is closed")]
    Closed,
    /// The label or protocol has more than 65,535 bytes.
    #[error("the label or protocol is longer than 65,535 bytes")]
    NameTooLong,
    /// A negotiated channel needs an id, another must not have one; and 65,535 isn't one (RFC 8832 §5).
    #[error("the id doesn't fit the channel")]
    InvalidId,
    /// The id is used by another channel.
    #[error("the id is in use")]
    IdInUse,
    /// All ids are used, or the peer has too few streams.
    #[error("no stream is left")]
    NoStreamLeft,
    /// The message is longer than the peer takes.
    #[error("the message is longer than the peer takes")]
    MessageTooLarge,
    /// Too much waits to be sent.
    #[error("too much waits to be sent")]
    BufferFull,
    /// The peer broke the rules of data channels.
    #[error("the peer broke the rules of data channels")]
    PeerViolation,
}
