//! The connection's data channels (W3C `RTCDataChannel`).

use std::time::{Duration, Instant};

use peerline_sctp::{
    ChannelError, ChannelHandle, ChannelState, DataChannels, Delivery, Payload, Reliability, StreamId,
};

use crate::{Connection, Error};

/// How much a channel's messages count beside others' (W3C `RTCPriorityType`, RFC 8831 §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Priority {
    /// Half as much as low.
    VeryLow,
    /// The default.
    #[default]
    Low,
    /// Twice as much as low.
    Medium,
    /// Four times as much as low.
    High,
}

impl Priority {
    fn weight(self) -> u16 {
        match self {
            Self::VeryLow => 128,
            Self::Low => 256,
            Self::Medium => 512,
            Self::High => 1024,
        }
    }
}

/// How a channel is to be (W3C `RTCDataChannelInit`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannelInit {
    /// Messages arrive in the order in which they were sent. Default true.
    pub ordered: bool,
    /// Messages are given up after this many milliseconds.
    pub max_packet_life_time: Option<u16>,
    /// Messages are given up after this many retransmissions.
    pub max_retransmits: Option<u16>,
    /// The application's protocol. Default none.
    pub protocol: String,
    /// Both sides open the channel, with the same `id`, and don't announce it. Default false.
    pub negotiated: bool,
    /// The channel's id, 0 to 65,534. Without `negotiated` it isn't looked at.
    pub id: Option<u16>,
    /// Default low.
    pub priority: Priority,
}

impl Default for DataChannelInit {
    fn default() -> Self {
        Self {
            ordered: true,
            max_packet_life_time: None,
            max_retransmits: None,
            protocol: String::new(),
            negotiated: false,
            id: None,
            priority: Priority::Low,
        }
    }
}

/// The longest label or protocol, in bytes (RFC 8832 §5.1).
const MAX_NAME: usize = 65_535;

impl Connection {
    /// W3C `createDataChannel`.
    ///
    /// # Errors
    /// `InvalidStateError` when closed; `TypeError` for what the W3C refuses in `init`; `OperationError` if the id is in
    /// use or none is left.
    pub fn create_data_channel(
        &mut self,
        now: Instant,
        label: &str,
        init: DataChannelInit,
    ) -> Result<ChannelHandle, Error> {
        self.check_open()?;
        if label.len() > MAX_NAME {
            return Err(Error::Type("the label is longer than 65,535 bytes"));
        }
        if init.protocol.len() > MAX_NAME {
            return Err(Error::Type("the protocol is longer than 65,535 bytes"));
        }
        let id = match (init.negotiated, init.id) {
            (true, None) => return Err(Error::Type("a negotiated channel without an id")),
            (true, Some(u16::MAX)) => return Err(Error::Type("65,535 isn't an id")),
            (true, Some(id)) => Some(StreamId(id)),
            (false, _) => None,
        };
        let reliability = match (init.max_packet_life_time, init.max_retransmits) {
            (Some(_), Some(_)) => return Err(Error::Type("both maxPacketLifeTime and maxRetransmits")),
            (Some(milliseconds), None) => {
                Reliability::MaxLifetime(Duration::from_millis(milliseconds.into()))
            }
            (None, Some(count)) => Reliability::MaxRetransmissions(count),
            (None, None) => Reliability::Reliable,
        };
        let opened = self.channels.open(
            now,
            peerline_sctp::DataChannelInit {
                label: label.to_owned(),
                protocol: init.protocol,
                ordered: init.ordered,
                reliability,
                negotiated: init.negotiated,
                id,
                priority: init.priority.weight(),
            },
        );
        let channel = opened.map_err(channel_error)?;
        self.session.set_wants_data(true);
        self.update_negotiation_needed();
        Ok(channel)
    }

    /// W3C `send`. The payload isn't copied until it goes into packets.
    ///
    /// # Errors
    /// `InvalidStateError` unless the channel is open, `TypeError` for a message longer than the peer takes,
    /// `OperationError` if too much waits already.
    pub fn send(&mut self, now: Instant, channel: ChannelHandle, payload: Payload) -> Result<(), Error> {
        self.channels.send(now, channel, payload).map_err(channel_error)
    }

    /// W3C `RTCDataChannel.close`: what was sent arrives first.
    pub fn close_data_channel(&mut self, now: Instant, channel: ChannelHandle) {
        self.channels.close(now, channel);
    }

    /// W3C `readyState`.
    pub fn data_channel_state(&self, channel: ChannelHandle) -> ChannelState {
        self.channels.state(channel)
    }

    /// W3C `label`, `protocol`, `id` and so on; `None` for a channel that is closed.
    pub fn data_channel(&self, channel: ChannelHandle) -> Option<&peerline_sctp::DataChannelInit> {
        self.channels.describe(channel)
    }

    /// W3C `bufferedAmount`, in bytes.
    pub fn buffered_amount(&self, channel: ChannelHandle) -> usize {
        self.channels.buffered_amount(channel)
    }

    /// W3C `bufferedAmountLowThreshold`, in bytes.
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelHandle, bytes: usize) {
        self.channels.set_buffered_amount_low_threshold(channel, bytes);
    }

    /// Messages come whole (the default), or in pieces as they arrive.
    pub fn set_delivery(&mut self, channel: ChannelHandle, delivery: Delivery) {
        self.channels.set_delivery(channel, delivery);
    }

    /// How many bytes, of all that were delivered, the application has yet to read: the peer is told to slow down by them.
    pub fn set_unread(&mut self, bytes: usize) {
        self.channels.set_unread(bytes);
    }

    /// The channels and the association below them, for what they count.
    pub fn data_channels(&self) -> &DataChannels {
        &self.channels
    }

    /// The peer has refused the section that the channels need: they are over.
    pub(crate) fn close_refused_channels(&mut self, now: Instant) {
        if self.session.refuses_data() {
            self.session.set_wants_data(false);
            let channels: Vec<_> = self.channels.channels().collect();
            for channel in channels {
                self.channels.close(now, channel);
            }
        }
    }
}

/// What the W3C calls it.
fn channel_error(error: ChannelError) -> Error {
    match error {
        ChannelError::NotOpen => Error::InvalidState("the channel isn't open"),
        ChannelError::Closed => Error::InvalidState("the association is closed"),
        ChannelError::NameTooLong => Error::Type("the label or protocol is longer than 65,535 bytes"),
        ChannelError::InvalidId => Error::Type("the id doesn't fit the channel"),
        ChannelError::IdInUse => Error::Operation("the id is in use"),
        ChannelError::NoStreamLeft => Error::Operation("no stream is left"),
        ChannelError::MessageTooLarge => Error::Type("the message is longer than the peer takes"),
        ChannelError::BufferFull => Error::Operation("too much waits to be sent"),
        ChannelError::PeerViolation => Error::Operation("the peer broke the rules of data channels"),
    }
}
