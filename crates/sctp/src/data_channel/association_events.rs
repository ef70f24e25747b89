//! What the association's events mean for channels.

use bytes::Bytes;

use super::dcep::{self, Dcep};
use super::{
    ChannelError, ChannelEvent, ChannelHandle, ChannelState, DataChannelInit, DataChannels, NO_STREAM, Owner,
    Payload, PayloadKind,
};
use crate::{CloseReason, Event, Message, Part, PayloadProtocol, SendOptions, StreamId};

/// How many bytes the labels and protocols of channels may have that the peer opens, all together.
const MOST_ANNOUNCED_NAMES: usize = 1 << 20;

impl DataChannels {
    /// Makes a channel's event out of an association's. Further ones are queued, and come after it.
    #[inline]
    pub(super) fn handle_event(&mut self, event: Event) -> Option<ChannelEvent> {
        match event {
            Event::Message(message) => return self.handle_message(message),
            Event::Part(part) => return self.handle_part(part),
            Event::Connected => {
                self.is_connected = true;
                self.events.push_back(ChannelEvent::Connected);
                self.drop_beyond_streams();
                self.begin_waiting();
            }
            Event::BufferedAmountLow(stream) => {
                if let Some(handle) = self.channel_of(stream)
                    && self.state(handle) == ChannelState::Open
                {
                    self.events.push_back(ChannelEvent::BufferedAmountLow(handle));
                }
            }
            Event::MessageTooLarge(stream) => {
                if let Some(handle) = self.channel_of(stream) {
                    self.close_with(handle, Some(ChannelError::PeerViolation));
                }
            }
            Event::Abandoned(_) => {}
            Event::StreamsReset(streams) => {
                for stream in streams {
                    self.handle_incoming_reset(stream);
                }
            }
            Event::StreamResetDone(stream) => self.handle_outgoing_reset(stream),
            Event::StreamResetRefused(stream) => {
                if let Some(handle) = self.channel_of(stream) {
                    self.forget(handle, None);
                    *self.owners.entry(stream) = Owner::Burnt;
                }
            }
            Event::Restarted => self.handle_restart(),
            Event::Closed(reason) => self.handle_closed(reason),
        }
        self.events.pop_front()
    }

    #[inline]
    fn channel_of(&self, stream: StreamId) -> Option<ChannelHandle> {
        match self.owner(stream) {
            Owner::Channel(handle) => Some(handle),
            Owner::Nobody | Owner::Burnt => None,
        }
    }

    #[inline]
    fn handle_message(&mut self, message: Message) -> Option<ChannelEvent> {
        if message.protocol == PayloadProtocol::DCEP {
            self.handle_dcep(message.stream, &message.payload);
            return self.events.pop_front();
        }
        let (handle, payload) = self.payload(message.stream, message.protocol, message.payload)?;
        Some(ChannelEvent::Message(handle, payload))
    }

    fn handle_part(&mut self, part: Part) -> Option<ChannelEvent> {
        let Part { stream, protocol, payload, is_first, is_last } = part;
        if protocol == PayloadProtocol::DCEP {
            self.handle_dcep(stream, &payload);
            return self.events.pop_front();
        }
        let (channel, payload) = self.payload(stream, protocol, payload)?;
        Some(ChannelEvent::Part { channel, payload, is_first, is_last })
    }

    /// A message as its channel's application sees it (RFC 8831 §6.6, §8). Nobody's messages, and those of channels that
    /// we have closed, are dropped.
    #[inline]
    fn payload(
        &mut self,
        stream: StreamId,
        protocol: PayloadProtocol,
        data: Bytes,
    ) -> Option<(ChannelHandle, Payload)> {
        let (kind, data) = match protocol {
            PayloadProtocol::STRING | PayloadProtocol::STRING_PARTIAL => (PayloadKind::Text, data),
            PayloadProtocol::BINARY | PayloadProtocol::BINARY_PARTIAL => (PayloadKind::Binary, data),
            PayloadProtocol::STRING_EMPTY => (PayloadKind::Text, Bytes::new()),
            PayloadProtocol::BINARY_EMPTY => (PayloadKind::Binary, Bytes::new()),
            _ => return None,
        };
        let handle = self.channel_of(stream)?;
        let channel = self.get_mut(handle)?;
        // Any message of the peer's says that it has the opening (RFC 8832 §6).
        channel.is_acknowledged = true;
        (channel.state == ChannelState::Open).then_some((handle, Payload { kind, data }))
    }

    fn handle_dcep(&mut self, stream: StreamId, bytes: &[u8]) {
        match Dcep::parse(bytes) {
            Some(Dcep::Ack) => {
                if let Some(handle) = self.channel_of(stream)
                    && let Some(channel) = self.get_mut(handle)
                {
                    channel.is_acknowledged = true;
                }
            }
            Some(Dcep::Open(init)) => self.handle_opening(stream, *init),
            None => match self.channel_of(stream) {
                Some(handle) => self.close_with(handle, Some(ChannelError::PeerViolation)),
                None => self.association.reset_stream(stream),
            },
        }
    }

    /// The peer opens a channel (RFC 8832 §6).
    fn handle_opening(&mut self, stream: StreamId, init: DataChannelInit) {
        match self.owner(stream) {
            Owner::Channel(handle) => {
                // The peer knows that the old channel is over before we do: its answer to our reset was lost.
                if !self.get(handle).is_some_and(|channel| channel.is_incoming_reset) {
                    return;
                }
                self.forget(handle, None);
            }
            Owner::Burnt => return,
            Owner::Nobody => {}
        }
        let names = init.label.len() + init.protocol.len();
        if stream == NO_STREAM || self.announced_names + names > MOST_ANNOUNCED_NAMES {
            self.association.reset_stream(stream);
            return;
        }
        self.announced_names += names;
        self.association.set_priority(stream, init.priority);
        self.association.set_buffered_amount_low_threshold(stream, 0);
        let handle = self.add(DataChannelInit { id: Some(stream), ..init }, ChannelState::Open);
        if let Some(channel) = self.get_mut(handle) {
            channel.is_opening_sent = true;
            channel.is_acknowledged = true;
            channel.is_owing_ack = true;
        }
        self.events.push_back(ChannelEvent::Announced(handle));
        self.acknowledge_opening(handle);
    }

    fn acknowledge_opening(&mut self, handle: ChannelHandle) {
        let Some(now) = self.now else { return };
        let Some(channel) =
            self.channels.get_mut(handle.place as usize).filter(|channel| channel.is_owing_ack)
        else {
            return;
        };
        let Some(stream) = channel.init.id else { return };
        let sent =
            self.association.send(now, stream, PayloadProtocol::DCEP, dcep::ack(), SendOptions::default());
        channel.is_owing_ack = sent.is_err();
    }

    /// The peer has closed its half (RFC 8831 §6.7).
    fn handle_incoming_reset(&mut self, stream: StreamId) {
        let Some(handle) = self.channel_of(stream) else { return };
        let Some(channel) = self.get_mut(handle) else { return };
        channel.is_incoming_reset = true;
        match channel.state {
            ChannelState::Connecting | ChannelState::Open => {
                self.events.push_back(ChannelEvent::Closing(handle));
                self.close_with(handle, None);
            }
            _ => self.forget_if_reset(handle),
        }
    }

    /// Our half is closed.
    fn handle_outgoing_reset(&mut self, stream: StreamId) {
        let Some(handle) = self.channel_of(stream) else { return };
        let Some(channel) = self.get_mut(handle) else { return };
        if channel.state == ChannelState::Closing {
            channel.is_outgoing_reset = true;
            self.forget_if_reset(handle);
        } else {
            self.acknowledge_opening(handle);
        }
    }

    fn forget_if_reset(&mut self, handle: ChannelHandle) {
        if self.get(handle).is_some_and(|channel| channel.is_incoming_reset && channel.is_outgoing_reset) {
            self.forget(handle, None);
        }
    }

    /// The peer has fewer streams than we had thought: channels beyond are closed.
    fn drop_beyond_streams(&mut self) {
        let streams = self.streams();
        let beyond: Vec<_> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.init.id.is_some_and(|id| id.0 >= streams))
            .map(|(_, channel)| channel.handle)
            .collect();
        for handle in beyond {
            self.forget(handle, Some(ChannelError::NoStreamLeft));
        }
    }

    fn handle_restart(&mut self) {
        let gone: Vec<_> = self.channels().collect();
        for handle in gone {
            match self.get(handle).map(|channel| (channel.init.negotiated, channel.state)) {
                Some((true, ChannelState::Open | ChannelState::Connecting)) | None => {}
                Some(_) => self.forget(handle, Some(ChannelError::Closed)),
            }
        }
        self.events.push_back(ChannelEvent::Restarted);
    }

    fn handle_closed(&mut self, reason: CloseReason) {
        let error = (reason != CloseReason::Shutdown).then_some(ChannelError::Closed);
        let mut all: Vec<_> = self.channels().collect();
        all.sort_unstable();
        for handle in all {
            self.forget(handle, error);
        }
        self.events.push_back(ChannelEvent::AssociationClosed(reason));
    }
}
