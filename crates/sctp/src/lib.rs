//! SCTP (RFC 9260) associations and the data channels of WebRTC (RFC 8831, 8832), as machines without sockets or clock.
//!
//! An [`Association`] carries messages on streams: reliably or [partially so](Reliability), ordered or not, interleaved
//! (RFC 8260) where the peer can. [`DataChannels`] is an association seen as WebRTC does: channels with labels,
//! text and binary messages.
//!
//! Both are driven by an owner that has the packets and the time: hand in all packets of a received burst with
//! `handle_input`, then drain `poll_transmit` and `poll_event` until both are empty, then wait for the next packet or
//! for `poll_timeout`. Acknowledgements are made when `poll_transmit` is called, so that a burst gets one.
//!
//! Folders are the wire (`packet`), the receiving half, the sending half, and the association that joins them.

mod association;
mod config;
mod data_channel;
mod error;
mod event;
mod numbers;
mod packet;
mod receive;
mod send;
mod statistics;
mod stream_table;

pub use association::{Association, Negotiated, State};
pub use config::{Config, Delivery, Reliability, SendOptions};
pub use data_channel::{
    ChannelError, ChannelEvent, ChannelHandle, ChannelState, DataChannelInit, DataChannels, Payload,
    PayloadKind, Role,
};
pub use error::{ConnectError, SendError};
pub use event::{CloseReason, Event, Message, Part};
pub use numbers::{MessageId, PayloadProtocol, StreamId, StreamSequence, Tsn, VerificationTag};
pub use statistics::Statistics;
