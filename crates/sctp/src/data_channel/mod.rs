//! Data channels (RFC 8831) over an association.

mod association_events;
mod channel;
mod dcep;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use slab::Slab;

pub use self::channel::{
    ChannelError, ChannelEvent, ChannelHandle, ChannelState, DataChannelInit, Payload, PayloadKind, Role,
};
use crate::stream_table::StreamTable;
use crate::{Association, Config, ConnectError, Delivery, PayloadProtocol, SendError, SendOptions, StreamId};

/// A stream id that isn't one (RFC 8832 §5).
const NO_STREAM: StreamId = StreamId(65_535);

/// What is sent for a message without bytes (RFC 8831 §6.6).
static FILLER: [u8; 1] = [0];

/// One data channel.
#[derive(Debug)]
struct Channel {
    handle: ChannelHandle,
    init: DataChannelInit,
    state: ChannelState,
    delivery: Delivery,
    low_threshold: usize,
    is_opening_sent: bool,
    /// Messages keep their order, whatever the channel is to be, until the peer has the opening (RFC 8832 §6).
    is_acknowledged: bool,
    /// The peer is owed an acknowledgement that couldn't be sent yet.
    is_owing_ack: bool,
    /// Our half has been reset, and the peer's.
    is_outgoing_reset: bool,
    is_incoming_reset: bool,
    error: Option<ChannelError>,
}

/// Who has a stream.
#[derive(Debug, Clone, Copy, Default)]
enum Owner {
    #[default]
    Nobody,
    Channel(ChannelHandle),
    /// The peer can't reset streams: it is never used again.
    Burnt,
}

/// An association and its data channels.
///
/// Channels may be opened at any time, also before [`connect`](Self::connect): they open when the association is
/// established and [`set_role`](Self::set_role) has been called.
#[derive(Debug)]
pub struct DataChannels {
    association: Association,
    role: Option<Role>,
    is_connected: bool,
    channels: Slab<Channel>,
    owners: StreamTable<Owner>,
    serial: u32,
    events: VecDeque<ChannelEvent>,
    /// Bytes of names that the peer's openings made us keep.
    announced_names: usize,
    /// The last time we were told of.
    now: Option<Instant>,
}

impl DataChannels {
    /// Channels over an association that isn't started.
    pub fn new(config: Config, rng: StdRng) -> Self {
        Self {
            association: Association::new(config, rng),
            role: None,
            is_connected: false,
            channels: Slab::new(),
            owners: StreamTable::default(),
            serial: 0,
            events: VecDeque::new(),
            announced_names: 0,
            now: None,
        }
    }

    /// The association below, for its state and statistics.
    pub fn association(&self) -> &Association {
        &self.association
    }

    /// What the peer's description says: its SCTP port, and the largest message it takes (`usize::MAX` for any).
    pub fn set_remote(&mut self, port: u16, max_message_size: usize) {
        self.association.set_remote(port, max_message_size);
    }

    /// DTLS's roles are known: channels that wait for an id get one.
    pub fn set_role(&mut self, role: Role) {
        if self.role.is_none() {
            self.role = Some(role);
            self.begin_waiting();
        }
    }

    /// How many channels there can be (W3C `maxChannels`); not known before the association stands.
    pub fn max_channels(&self) -> Option<u16> {
        self.is_connected.then(|| self.streams())
    }

    /// Starts the handshake. Both sides may; a side that doesn't answers the other's.
    pub fn connect(&mut self, now: Instant) -> Result<(), ConnectError> {
        self.now = Some(now);
        self.association.connect(now)
    }

    /// See [`Association::local_init`].
    pub fn local_init(&self) -> Vec<u8> {
        self.association.local_init()
    }

    /// See [`Association::connect_with_remote_init`].
    pub fn connect_with_remote_init(&mut self, now: Instant, init: &[u8]) -> Result<(), ConnectError> {
        self.now = Some(now);
        self.association.connect_with_remote_init(now, init)
    }

    /// A packet came.
    pub fn handle_input(&mut self, now: Instant, packet: &[u8]) {
        self.now = Some(now);
        self.association.handle_input(now, packet);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        self.association.handle_timeout(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    /// Writes the next packet to the beginning of `buffer` and returns its length; see [`Association::poll_transmit`].
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        self.association.poll_transmit(now, buffer)
    }

    /// What happened. It may lead to something to transmit.
    pub fn poll_event(&mut self) -> Option<ChannelEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let event = self.association.poll_event()?;
            if let Some(event) = self.handle_event(event) {
                return Some(event);
            }
        }
    }

    /// Opens a channel (W3C `createDataChannel`).
    pub fn open(&mut self, now: Instant, init: DataChannelInit) -> Result<ChannelHandle, ChannelError> {
        self.now = Some(now);
        if self.association.is_over() {
            return Err(ChannelError::Closed);
        }
        if init.label.len() > 65_535 || init.protocol.len() > 65_535 {
            return Err(ChannelError::NameTooLong);
        }
        match (init.negotiated, init.id) {
            (true, Some(id)) if id != NO_STREAM => self.check_free(id)?,
            (false, None) => {
                if self.role.is_some() && self.free_stream().is_none() {
                    return Err(ChannelError::NoStreamLeft);
                }
            }
            _ => return Err(ChannelError::InvalidId),
        }
        let handle = self.add(init, ChannelState::Connecting);
        self.begin(handle);
        Ok(handle)
    }

    /// Sends a message (W3C `send`).
    pub fn send(
        &mut self,
        now: Instant,
        channel: ChannelHandle,
        payload: Payload,
    ) -> Result<(), ChannelError> {
        self.now = Some(now);
        let channel = self.get(channel).ok_or(ChannelError::NotOpen)?;
        let (ChannelState::Open, Some(stream)) = (channel.state, channel.init.id) else {
            return Err(ChannelError::NotOpen);
        };
        let options = SendOptions {
            ordered: channel.init.ordered || !channel.is_acknowledged,
            reliability: channel.init.reliability,
        };
        let (protocol, data) = match (payload.kind, payload.data.is_empty()) {
            (PayloadKind::Text, false) => (PayloadProtocol::STRING, payload.data),
            (PayloadKind::Text, true) => (PayloadProtocol::STRING_EMPTY, Bytes::from_static(&FILLER)),
            (PayloadKind::Binary, false) => (PayloadProtocol::BINARY, payload.data),
            (PayloadKind::Binary, true) => (PayloadProtocol::BINARY_EMPTY, Bytes::from_static(&FILLER)),
        };
        self.association.send(now, stream, protocol, data, options).map_err(|error| match error {
            SendError::Closed => ChannelError::Closed,
            SendError::TooLarge => ChannelError::MessageTooLarge,
            SendError::BufferFull => ChannelError::BufferFull,
            SendError::Empty | SendError::NoSuchStream | SendError::Resetting => ChannelError::NotOpen,
        })
    }

    /// Closes a channel after what was sent has gone out (W3C `close`). It ends with [`ChannelEvent::Closed`].
    pub fn close(&mut self, now: Instant, channel: ChannelHandle) {
        self.now = Some(now);
        self.close_with(channel, None);
    }

    /// W3C `readyState`.
    pub fn state(&self, channel: ChannelHandle) -> ChannelState {
        self.get(channel).map_or(ChannelState::Closed, |channel| channel.state)
    }

    /// What the channel is; `id` is filled in once it is known. `None` for a channel that is closed.
    pub fn describe(&self, channel: ChannelHandle) -> Option<&DataChannelInit> {
        self.get(channel).map(|channel| &channel.init)
    }

    /// All channels that aren't closed.
    pub fn channels(&self) -> impl Iterator<Item = ChannelHandle> + '_ {
        self.channels.iter().map(|(_, channel)| channel.handle)
    }

    /// W3C `bufferedAmount`: bytes that wait to be sent.
    pub fn buffered_amount(&self, channel: ChannelHandle) -> usize {
        match self.get(channel) {
            Some(Channel { state: ChannelState::Open | ChannelState::Closing, init, .. }) => {
                init.id.map_or(0, |stream| self.association.buffered_amount(stream))
            }
            _ => 0,
        }
    }

    /// W3C `bufferedAmountLowThreshold`, in bytes. Default 0.
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelHandle, bytes: usize) {
        let Some(channel) = self.get_mut(channel) else { return };
        channel.low_threshold = bytes;
        if let Some(stream) = channel.init.id {
            self.association.set_buffered_amount_low_threshold(stream, bytes);
        }
    }

    /// How the channel's messages are delivered. Default whole.
    pub fn set_delivery(&mut self, channel: ChannelHandle, delivery: Delivery) {
        let Some(channel) = self.get_mut(channel) else { return };
        channel.delivery = delivery;
        if let Some(stream) = channel.init.id {
            self.association.set_delivery(stream, delivery);
        }
    }

    /// How many bytes, of those delivered, the application has yet to read: they count against the receive window.
    pub fn set_unread(&mut self, bytes: usize) {
        self.association.set_unread(bytes);
    }

    /// Closes gracefully: what was sent arrives first.
    pub fn shutdown(&mut self, now: Instant) {
        self.now = Some(now);
        self.association.shutdown(now);
    }

    /// Ends now, and tells the peer why in words.
    pub fn abort(&mut self, now: Instant, reason: &str) {
        self.now = Some(now);
        self.association.abort(now, reason);
    }

    /// Another protocol has measured the path's round trip: what is lost at the beginning is sent again sooner.
    pub fn expect_round_trip(&mut self, round_trip: Duration) {
        self.association.expect_round_trip(round_trip);
    }

    /// The packets take another path now (ICE chose another pair). `round_trip` is that of the new one, where it is known.
    pub fn path_changed(&mut self, now: Instant, round_trip: Option<Duration>) {
        self.association.path_changed(now, round_trip);
    }

    #[inline]
    fn get(&self, handle: ChannelHandle) -> Option<&Channel> {
        self.channels.get(handle.place as usize).filter(|channel| channel.handle == handle)
    }

    #[inline]
    fn get_mut(&mut self, handle: ChannelHandle) -> Option<&mut Channel> {
        self.channels.get_mut(handle.place as usize).filter(|channel| channel.handle == handle)
    }

    fn add(&mut self, init: DataChannelInit, state: ChannelState) -> ChannelHandle {
        self.serial = self.serial.wrapping_add(1);
        let entry = self.channels.vacant_entry();
        let handle = ChannelHandle { serial: self.serial, place: entry.key() as u32 };
        let is_negotiated = init.negotiated;
        if let Some(stream) = init.id {
            *self.owners.entry(stream) = Owner::Channel(handle);
        }
        entry.insert(Channel {
            handle,
            init,
            state,
            delivery: Delivery::Whole,
            low_threshold: 0,
            is_opening_sent: is_negotiated,
            is_acknowledged: is_negotiated,
            is_owing_ack: false,
            is_outgoing_reset: false,
            is_incoming_reset: false,
            error: None,
        });
        handle
    }

    fn owner(&self, stream: StreamId) -> Owner {
        self.owners.get(stream).copied().unwrap_or_default()
    }

    /// How many streams may be used.
    fn streams(&self) -> u16 {
        self.association.streams()
    }

    fn check_free(&self, stream: StreamId) -> Result<(), ChannelError> {
        match self.owner(stream) {
            _ if stream.0 >= self.streams() => Err(ChannelError::NoStreamLeft),
            Owner::Nobody => Ok(()),
            Owner::Channel(_) | Owner::Burnt => Err(ChannelError::IdInUse),
        }
    }

    /// The lowest stream that is free and ours to choose (RFC 8832 §6).
    fn free_stream(&self) -> Option<StreamId> {
        let first = match self.role? {
            Role::Client => 0,
            Role::Server => 1,
        };
        (first..self.streams()).step_by(2).map(StreamId).find(|&stream| self.check_free(stream).is_ok())
    }

    /// Begins with all channels that wait for something.
    fn begin_waiting(&mut self) {
        let mut waiting: Vec<_> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.state == ChannelState::Connecting)
            .map(|(_, channel)| channel.handle)
            .collect();
        waiting.sort_unstable();
        for handle in waiting {
            self.begin(handle);
        }
    }

    /// Takes a channel as far as it can get: an id, the opening on its way, open.
    fn begin(&mut self, handle: ChannelHandle) {
        let Some(now) = self.now else { return };
        let Some(channel) = self.get(handle) else { return };
        if channel.init.id.is_none() {
            if self.role.is_none() {
                return;
            }
            let Some(stream) = self.free_stream() else {
                self.forget(handle, Some(ChannelError::NoStreamLeft));
                return;
            };
            *self.owners.entry(stream) = Owner::Channel(handle);
            if let Some(channel) = self.get_mut(handle) {
                channel.init.id = Some(stream);
            }
        }
        let is_connected = self.is_connected;
        let Some(channel) = self.channels.get_mut(handle.place as usize) else { return };
        let Some(stream) = channel.init.id else { return };
        self.association.set_priority(stream, channel.init.priority);
        self.association.set_delivery(stream, channel.delivery);
        self.association.set_buffered_amount_low_threshold(stream, channel.low_threshold);
        if !channel.is_opening_sent {
            let opening = dcep::open(&channel.init);
            match self.association.send(now, stream, PayloadProtocol::DCEP, opening, SendOptions::default()) {
                Ok(()) => channel.is_opening_sent = true,
                Err(_) => {
                    self.forget(handle, Some(ChannelError::NoStreamLeft));
                    return;
                }
            }
        }
        if is_connected && channel.state == ChannelState::Connecting {
            channel.state = ChannelState::Open;
            self.events.push_back(ChannelEvent::Open(handle));
        }
    }

    /// Closes a channel, because of an error if there is one (RFC 8831 §6.7).
    fn close_with(&mut self, handle: ChannelHandle, error: Option<ChannelError>) {
        let Some(channel) = self.get_mut(handle) else { return };
        channel.error = channel.error.or(error);
        let is_said =
            channel.is_opening_sent && (!channel.init.negotiated || channel.state == ChannelState::Open);
        match (channel.state, channel.init.id) {
            (ChannelState::Connecting | ChannelState::Open, Some(stream)) if is_said => {
                channel.state = ChannelState::Closing;
                self.association.reset_stream(stream);
            }
            (ChannelState::Connecting | ChannelState::Open, _) => self.forget(handle, error),
            (ChannelState::Closing | ChannelState::Closed, _) => {}
        }
    }

    /// A channel is over, and its stream free.
    fn forget(&mut self, handle: ChannelHandle, error: Option<ChannelError>) {
        let Some(channel) = self.get(handle) else { return };
        let (stream, names) = (channel.init.id, channel.init.label.len() + channel.init.protocol.len());
        let error = channel.error.or(error);
        self.announced_names = self.announced_names.saturating_sub(names);
        self.channels.remove(handle.place as usize);
        if let Some(stream) = stream {
            if let Owner::Channel(owner) = self.owner(stream)
                && owner == handle
            {
                *self.owners.entry(stream) = Owner::Nobody;
            }
            self.association.set_delivery(stream, Delivery::Whole);
        }
        self.events.push_back(ChannelEvent::Closed(handle, error));
    }
}
