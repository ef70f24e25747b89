//! One peer: the connection's machine, and what its events become. Shared by the application's handles and the driver.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Instant;

use foldhash::fast::RandomState;
use peerline_connection::{ChannelHandle, Connection, Event as Machine, IceServerUrl, Payload, ServerId};

use crate::data_channel::{Channel, ChannelEvent};
use crate::endpoint::{Note, PeerId, Shared, lock};
use crate::event_log::{LOOK, Recorder};
use crate::mailbox::Mailbox;
use crate::{DataChannel, DataChannelState, Event, Message, Trust};

/// How many bytes are read before the peer is told that there is room again: little beside the least receive window.
const READ_STEP: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    shared: Arc<Shared>,
    state: Mutex<State>,
    /// A note about this peer waits for the driver.
    noted: AtomicBool,
    pub(crate) events: Mailbox<Event>,
    /// Bytes delivered that the application has yet to read.
    unread: AtomicUsize,
    /// Of those read, what the driver hasn't been told of.
    read: AtomicUsize,
}

pub(crate) struct State {
    pub(crate) connection: Connection,
    pub(crate) channels: HashMap<ChannelHandle, Arc<Channel>, RandomState>,
    /// The servers that were found, by what they were found under.
    pub(crate) servers: HashMap<ServerId, IceServerUrl>,
    /// Which of them are believed to be themselves, by their hosts.
    pub(crate) trust: HashMap<String, Trust>,
    /// How many channels have been open, and how many of those are closed.
    pub(crate) opened: u32,
    pub(crate) closed: u32,
    adopted: u32,
    /// Who waits until a channel has less than so many bytes to send.
    writers: Vec<(ChannelHandle, usize, Waker)>,
    /// Who waits for the connection to come into some state.
    watchers: Vec<Waker>,
    /// Who writes down what happens.
    recorder: Option<Box<Recorder>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").field("channels", &self.channels.len()).finish_non_exhaustive()
    }
}

/// What is to be told to the application once the lock is let go.
pub(crate) enum Delivery {
    Peer(Event),
    Channel(Arc<Channel>, ChannelEvent),
    Wake(Waker),
}

impl Delivery {
    fn is_message_for(&self, channel: &Arc<Channel>) -> bool {
        matches!(self, Self::Channel(other, ChannelEvent::Message(_)) if Arc::ptr_eq(other, channel))
    }

    fn into_message(self) -> Option<Message> {
        match self {
            Self::Channel(_, ChannelEvent::Message(message)) => Some(message),
            _ => None,
        }
    }
}

impl Peer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        connection: Connection,
        trust: HashMap<String, Trust>,
    ) -> Arc<Self> {
        let state = State {
            connection,
            channels: HashMap::default(),
            servers: HashMap::new(),
            trust,
            opened: 0,
            closed: 0,
            adopted: 0,
            writers: Vec::new(),
            watchers: Vec::new(),
            recorder: None,
        };
        let id = shared.next_peer();
        Arc::new(Self {
            id,
            shared,
            state: Mutex::new(state),
            noted: AtomicBool::new(false),
            events: Mailbox::new(),
            unread: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
        })
    }

    /// Looks at the machine.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Connection) -> R) -> R {
        look(&lock(&self.state).connection)
    }

    /// Looks at the machine; what isn't there yet is waited for until a state changes.
    pub(crate) fn look_or_wait<R>(
        &self,
        context: &mut Context<'_>,
        look: impl FnOnce(&Connection) -> Option<R>,
    ) -> Option<R> {
        let mut state = lock(&self.state);
        let result = look(&state.connection);
        if result.is_none() {
            state.watchers.retain(|waker| !waker.will_wake(context.waker()));
            state.watchers.push(context.waker().clone());
        }
        result
    }

    /// Calls into the machine, and lets the driver take what comes of it.
    pub(crate) fn call<R>(&self, call: impl FnOnce(&mut State, Instant) -> R) -> R {
        let result = call(&mut lock(&self.state), Instant::now());
        // A note that is there now is taken after the lock was ours: looking is enough, and cheaper.
        if !self.noted.load(Ordering::Acquire) {
            self.touch();
        }
        result
    }

    /// The driver's way in: it takes what comes of it by itself.
    pub(crate) fn drive<R>(&self, drive: impl FnOnce(&mut State) -> R) -> R {
        drive(&mut lock(&self.state))
    }

    /// Has what happens written down from now on.
    pub(crate) fn set_recorder(self: &Arc<Self>, recorder: impl FnOnce(&Connection) -> Recorder) {
        {
            let mut state = lock(&self.state);
            let recorder = recorder(&state.connection);
            state.recorder = Some(Box::new(recorder));
        }
        let peer = Arc::downgrade(self);
        self.shared.spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(peer) = peer.upgrade() else { return };
                if !lock(&peer.state).record() {
                    return;
                }
            }
        });
    }

    pub(crate) fn touch(&self) {
        if !self.noted.swap(true, Ordering::AcqRel) {
            self.shared.tell(Note::Touched(self.id));
        }
    }

    /// The driver has seen the note: from here on the next call leaves another one.
    pub(crate) fn seen(&self) {
        self.noted.swap(false, Ordering::AcqRel);
    }

    /// The application has taken so much.
    pub(crate) fn has_read(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.unread.fetch_sub(bytes, Ordering::AcqRel);
        let read = self.read.fetch_add(bytes, Ordering::AcqRel) + bytes;
        if read >= READ_STEP {
            self.read.store(0, Ordering::Release);
            self.touch();
        }
    }

    /// Hands out what was collected under the lock. Handlers run here and may call into the peer.
    pub(crate) fn deliver(self: &Arc<Self>, deliveries: &mut Vec<Delivery>) {
        let mut read = 0;
        let mut deliveries = deliveries.drain(..).peekable();
        while let Some(delivery) = deliveries.next() {
            match delivery {
                Delivery::Peer(event) => {
                    self.events.deliver([event]);
                }
                Delivery::Channel(channel, ChannelEvent::Message(message)) => {
                    let following = std::iter::from_fn(|| {
                        deliveries.next_if(|next| next.is_message_for(&channel))?.into_message()
                    });
                    read += channel.deliver_messages(std::iter::once(message).chain(following));
                }
                Delivery::Channel(channel, event) => read += channel.deliver(event),
                Delivery::Wake(waker) => waker.wake(),
            }
        }
        self.has_read(read);
    }

    /// No event follows any more.
    pub(crate) fn finish(&self) {
        self.events.close();
        let (channels, wakers) = {
            let mut state = lock(&self.state);
            if let Some(recorder) = state.recorder.take() {
                recorder.close();
            }
            let channels: Vec<_> = state.channels.drain().map(|(_, channel)| channel).collect();
            let mut wakers = std::mem::take(&mut state.watchers);
            wakers.extend(state.writers.drain(..).map(|(.., waker)| waker));
            (channels, wakers)
        };
        for channel in channels {
            channel.deliver(ChannelEvent::Closed(None));
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// A channel of this side's.
    pub(crate) fn adopt(&mut self, peer: &Arc<Peer>, handle: ChannelHandle) -> Option<DataChannel> {
        let description = self.connection.data_channel(handle)?.clone();
        self.adopted += 1;
        let channel = Arc::new(Channel::new(handle, self.adopted, description));
        self.channels.insert(handle, channel.clone());
        Some(DataChannel::new(peer.clone(), channel))
    }

    /// Wakes somebody when a channel has less than `limit` bytes to send.
    pub(crate) fn wake_below(&mut self, handle: ChannelHandle, limit: usize, waker: &Waker) {
        self.writers.retain(|(other, _, waiting)| *other != handle || !waiting.will_wake(waker));
        self.writers.push((handle, limit, waker.clone()));
    }

    /// Tells SCTP how much the application has yet to read.
    pub(crate) fn tell_unread(&mut self, peer: &Peer) {
        self.connection.set_unread(peer.unread.load(Ordering::Acquire));
    }

    /// Those who wait for room and have it now.
    pub(crate) fn take_writers(&mut self, deliveries: &mut Vec<Delivery>) {
        if self.writers.is_empty() {
            return;
        }
        let connection = &self.connection;
        self.writers.retain(|(handle, limit, waker)| {
            let waits = connection.buffered_amount(*handle) >= *limit;
            if !waits {
                deliveries.push(Delivery::Wake(waker.clone()));
            }
            waits
        });
    }

    /// Makes of the machine's events what the application gets; others are requests to the driver. `true`: they may have led
    /// to something to send, as a peer's closing of a channel is answered.
    pub(crate) fn take_events(
        &mut self,
        peer: &Arc<Peer>,
        deliveries: &mut Vec<Delivery>,
        requests: &mut Vec<(PeerId, Machine)>,
    ) -> bool {
        let mut has_answers = false;
        let mut is_worth_a_look = false;
        while let Some(event) = self.connection.poll_event() {
            if let Some(recorder) = &mut self.recorder {
                is_worth_a_look |= recorder.hear(&self.connection, &self.servers, &event);
            }
            has_answers |=
                !matches!(event, Machine::DataChannelMessage { .. } | Machine::DataChannelPart { .. });
            let request = self.translate(peer, event, deliveries);
            requests.extend(request.map(|request| (peer.id, request)));
        }
        if is_worth_a_look {
            self.record();
        }
        has_answers
    }

    fn translate(
        &mut self,
        peer: &Arc<Peer>,
        event: Machine,
        deliveries: &mut Vec<Delivery>,
    ) -> Option<Machine> {
        let event = match event {
            Machine::NegotiationNeeded => Event::NegotiationNeeded,
            Machine::SignalingStateChange(state) => Event::SignalingStateChange(state),
            Machine::IceGatheringStateChange(state) => {
                deliveries.extend(self.watchers.drain(..).map(Delivery::Wake));
                Event::IceGatheringStateChange(state)
            }
            Machine::IceConnectionStateChange(state) => Event::IceConnectionStateChange(state),
            Machine::ConnectionStateChange(state) => {
                deliveries.extend(self.watchers.drain(..).map(Delivery::Wake));
                Event::ConnectionStateChange(state)
            }
            Machine::DtlsTransportStateChange(state) => Event::DtlsTransportStateChange(state),
            Machine::DtlsTransportError(failure) => Event::DtlsTransportError(failure),
            Machine::IceCandidate(candidate) => Event::IceCandidate(candidate),
            Machine::IceCandidateError { server, local, error_code } => {
                let url = self.servers.get(&server).map(IceServerUrl::to_string).unwrap_or_default();
                Event::IceCandidateError { url, local, error_code }
            }
            Machine::DataChannel(handle) => {
                self.opened += 1;
                let channel = self.adopt(peer, handle)?;
                channel.channel().advance(DataChannelState::Open);
                Event::DataChannel(channel)
            }
            Machine::DataChannelOpen(handle) => {
                self.opened += 1;
                // The id is known from now on.
                let description = self.connection.data_channel(handle).cloned();
                self.tell_channel(handle, ChannelEvent::Open(description.map(Box::new)), deliveries);
                return None;
            }
            Machine::DataChannelMessage { channel, kind, data } => {
                peer.unread.fetch_add(data.len(), Ordering::AcqRel);
                let event = ChannelEvent::Message(Message::from(Payload { kind, data }));
                self.tell_channel(channel, event, deliveries);
                return None;
            }
            Machine::DataChannelPart { channel, data, is_last, .. } => {
                peer.unread.fetch_add(data.len(), Ordering::AcqRel);
                self.tell_channel(channel, ChannelEvent::Part { data, is_last }, deliveries);
                return None;
            }
            Machine::DataChannelBufferedAmountLow(handle) => {
                self.tell_channel(handle, ChannelEvent::BufferedAmountLow, deliveries);
                return None;
            }
            Machine::DataChannelClosing(handle) => {
                self.tell_channel(handle, ChannelEvent::Closing, deliveries);
                return None;
            }
            Machine::DataChannelClose { channel, error } => {
                if let Entry::Occupied(entry) = self.channels.entry(channel) {
                    self.closed += u32::from(entry.get().state() != DataChannelState::Connecting);
                    deliveries.push(Delivery::Channel(entry.remove(), ChannelEvent::Closed(error)));
                }
                return None;
            }
            Machine::ServersWanted(_)
            | Machine::ResolveName(_)
            | Machine::OpenRelay { .. }
            | Machine::CloseRelay(_)
            | Machine::OpenTcp { .. }
            | Machine::CloseTcp(_)
            | Machine::PortSearchWanted { .. }
            | Machine::OpenSocket { .. }
            | Machine::CloseSocket(_)
            | Machine::RemoteAddress { .. } => return Some(event),
        };
        deliveries.push(Delivery::Peer(event));
        None
    }

    /// Writes down what is new. `false`: nobody writes anything down any more.
    pub(crate) fn record(&mut self) -> bool {
        if let Some(recorder) = &mut self.recorder {
            recorder.look(&self.connection, &self.servers);
        }
        self.recorder.is_some()
    }

    /// Writes down a description that was set.
    pub(crate) fn record_description(&mut self, side: &'static str) {
        if let Some(recorder) = &mut self.recorder {
            let connection = &self.connection;
            let description = if side == "local" {
                connection.local_description()
            } else {
                connection.remote_description()
            };
            recorder.describe(connection, side, description);
        }
    }

    fn tell_channel(&mut self, handle: ChannelHandle, event: ChannelEvent, deliveries: &mut Vec<Delivery>) {
        if let Some(channel) = self.channels.get(&handle) {
            deliveries.push(Delivery::Channel(channel.clone(), event));
        }
    }
}
