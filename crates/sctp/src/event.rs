//! What an association has to say.

use bytes::Bytes;

use crate::{PayloadProtocol, StreamId};

/// What happened; see [`Association::poll_event`](crate::Association::poll_event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The association is established (RFC 9260 §11.2.4 "communication up").
    Connected,
    /// A message arrived.
    Message(Message),
    /// A part of a message arrived, on a stream that is delivered in [`Parts`](crate::Delivery::Parts).
    Part(Part),
    /// A message longer than [`max_receive_message_size`](crate::Config::max_receive_message_size) came, and was dropped.
    MessageTooLarge(StreamId),
    /// A message of this stream was given up before it had arrived (RFC 3758).
    Abandoned(StreamId),
    /// The unsent bytes of this stream fell to its
    /// [threshold](crate::Association::set_buffered_amount_low_threshold) or below.
    BufferedAmountLow(StreamId),
    /// The peer has reset these of its outgoing streams (RFC 6525 §5.2.2): all their messages have been delivered.
    StreamsReset(Vec<StreamId>),
    /// The reset of one of our outgoing streams is done: it starts anew.
    StreamResetDone(StreamId),
    /// The peer refuses to reset this stream, or can't; it goes on as it was.
    StreamResetRefused(StreamId),
    /// The peer has lost all state and begun again (RFC 9260 §5.2.4): streams start anew, what wasn't acknowledged is gone.
    Restarted,
    /// The association is over; nothing follows.
    Closed(CloseReason),
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// On which stream.
    pub stream: StreamId,
    /// What it is.
    pub protocol: PayloadProtocol,
    /// Its bytes, at least one.
    pub payload: Bytes,
}

/// A piece of a message; the pieces of one message come in order, never mixed with another's of the same stream and order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// On which stream.
    pub stream: StreamId,
    /// What the message is.
    pub protocol: PayloadProtocol,
    /// The next bytes.
    pub payload: Bytes,
    /// The message begins here; if one was begun before, that one was given up by the peer.
    pub is_first: bool,
    /// The message ends here.
    pub is_last: bool,
}

/// Why an association ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// [`shutdown`](crate::Association::shutdown) of either side completed: all that was sent has arrived.
    Shutdown,
    /// We aborted it.
    Aborted,
    /// The peer aborted it; the error cause code (RFC 9260 §3.3.10) if it gave one, and what it said in words.
    AbortedByPeer {
        /// The first cause's code.
        code: Option<u16>,
        /// The upper layer's reason, or an explanation for a protocol violation.
        reason: String,
    },
    /// The peer doesn't answer.
    TimedOut,
    /// The peer broke the protocol, and was told so.
    ProtocolViolation(&'static str),
    /// The peer made us hold more than [`receive_limit`](crate::Config::receive_limit).
    OutOfResource,
}
