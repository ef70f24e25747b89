//! An SCTP association: how it begins and ends, and what passes between its sending and receiving halves.

mod closing;
mod cookie;
mod handshake;
mod input;
mod path;
mod reset;
mod transmit;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;

use self::cookie::CookieKey;
use self::path::Path;
use self::reset::Resets;
use crate::receive::Receiver;
use crate::send::Sender;
use crate::{
    CloseReason, Config, Delivery, Event, PayloadProtocol, SendError, SendOptions, Statistics, StreamId, Tsn,
    VerificationTag,
};

/// How many control chunks may wait: what a peer could make us answer in one burst.
const MOST_CONTROL_CHUNKS: usize = 64;

/// Where an association stands (RFC 9260 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not started, or over.
    Closed,
    /// INIT is sent, INIT ACK awaited.
    CookieWait,
    /// COOKIE ECHO is sent, COOKIE ACK awaited.
    CookieEchoed,
    /// Messages flow.
    Established,
    /// We want to close; what was sent has to arrive first.
    ShutdownPending,
    /// We have sent all, and SHUTDOWN.
    ShutdownSent,
    /// The peer wants to close; what was sent has to arrive first.
    ShutdownReceived,
    /// We have sent all, and SHUTDOWN ACK.
    ShutdownAckSent,
}

/// What both sides agreed on in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// Streams that we may send on.
    pub outgoing_streams: u16,
    /// Streams that the peer may send on.
    pub incoming_streams: u16,
    /// Messages are interleaved: I-DATA in place of DATA (RFC 8260).
    pub interleaving: bool,
    /// Messages can be given up (RFC 3758).
    pub partial_reliability: bool,
    /// Streams can be reset (RFC 6525).
    pub stream_reset: bool,
    /// The peer takes packets without checksum, and we send them so (RFC 9653).
    pub zero_checksum: bool,
    /// The peer says that it knows PAD chunks (RFC 4820). There are stacks that end at a chunk they don't know.
    pub padding: bool,
}

/// A chunk that is sent until it is answered (RFC 9260 §4: T1-init, T1-cookie, T2-shutdown).
#[derive(Debug, Clone, Copy)]
struct Retry {
    first_sent: Instant,
    deadline: Instant,
    attempts: u32,
}

/// [`State`], with what each needs.
#[derive(Debug)]
enum Phase {
    Closed,
    CookieWait(Retry),
    CookieEchoed {
        cookie: Vec<u8>,
        retry: Retry,
    },
    Established,
    ShutdownPending,
    ShutdownSent(Retry),
    ShutdownReceived,
    ShutdownAckSent(Retry),
    /// After any of the others.
    Over,
}

/// Our tag and first TSN.
#[derive(Debug, Clone, Copy)]
struct Local {
    tag: VerificationTag,
    initial_tsn: Tsn,
}

impl Local {
    fn new(rng: &mut StdRng) -> Self {
        Self { tag: VerificationTag(rng.random_range(1..=u32::MAX)), initial_tsn: Tsn(rng.random()) }
    }
}

/// What is known of the peer once it has said it.
#[derive(Debug, Clone, Copy)]
struct Peer {
    tag: VerificationTag,
    negotiated: Negotiated,
}

/// A packet that isn't part of the association proper, or not yet: a tag of its own, one chunk, always a checksum.
#[derive(Debug)]
struct Standalone {
    tag: VerificationTag,
    chunk: Vec<u8>,
}

/// One SCTP association with one peer over one path.
///
/// ```
/// use bytes::Bytes;
/// use peerline_sctp::{Association, Config, Event, PayloadProtocol, SendOptions, StreamId};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// # #[allow(clippy::disallowed_methods)]
/// let now = std::time::Instant::now();
/// let mut ours = Association::new(Config::default(), StdRng::seed_from_u64(1));
/// let mut theirs = Association::new(Config::default(), StdRng::seed_from_u64(2));
/// ours.connect(now).unwrap();
/// ours.send(now, StreamId(0), PayloadProtocol::STRING, Bytes::from("hello"), SendOptions::default()).unwrap();
///
/// let mut buffer = [0; 1500];
/// for _ in 0..4 {
///     while let Some(length) = ours.poll_transmit(now, &mut buffer) {
///         theirs.handle_input(now, &buffer[..length]);
///     }
///     while let Some(length) = theirs.poll_transmit(now, &mut buffer) {
///         ours.handle_input(now, &buffer[..length]);
///     }
/// }
/// assert_eq!(theirs.poll_event(), Some(Event::Connected));
/// assert!(matches!(theirs.poll_event(), Some(Event::Message(message)) if &message.payload[..] == b"hello"));
/// ```
#[derive(Debug)]
pub struct Association {
    config: Config,
    rng: StdRng,
    cookie_key: CookieKey,
    /// The first time we were told of: cookies count from it.
    born: Option<Instant>,
    local: Local,
    peer: Option<Peer>,
    phase: Phase,
    sender: Sender,
    receiver: Receiver,
    path: Path,
    resets: Resets,
    /// Packets of their own.
    standalone: VecDeque<Standalone>,
    /// Chunks that go with others.
    control: VecDeque<Vec<u8>>,
    /// COOKIE ECHO is to be sent.
    is_cookie_due: bool,
    events: VecDeque<Event>,
    packets_sent: u64,
    packets_received: u64,
    packets_dropped: u64,
    bytes_received: u64,
    duplicates: u64,
}

impl Association {
    /// An association that waits: for [`connect`](Self::connect), or for the peer's INIT.
    pub fn new(config: Config, mut rng: StdRng) -> Self {
        let local = Local::new(&mut rng);
        Self {
            cookie_key: CookieKey::new(rng.random()),
            born: None,
            local,
            peer: None,
            phase: Phase::Closed,
            sender: Sender::new(&config, local.initial_tsn),
            receiver: Receiver::new(&config),
            path: Path::new(&config),
            resets: Resets::default(),
            standalone: VecDeque::new(),
            control: VecDeque::new(),
            is_cookie_due: false,
            events: VecDeque::new(),
            packets_sent: 0,
            packets_received: 0,
            packets_dropped: 0,
            bytes_received: 0,
            duplicates: 0,
            config,
            rng,
        }
    }

    /// What the peer's description says: its SCTP port, and the largest message it takes (`usize::MAX` for any).
    pub fn set_remote(&mut self, port: u16, max_message_size: usize) {
        self.config.remote_port = port;
        self.config.max_send_message_size = max_message_size;
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed | Phase::Over => State::Closed,
            Phase::CookieWait(_) => State::CookieWait,
            Phase::CookieEchoed { .. } => State::CookieEchoed,
            Phase::Established => State::Established,
            Phase::ShutdownPending => State::ShutdownPending,
            Phase::ShutdownSent(_) => State::ShutdownSent,
            Phase::ShutdownReceived => State::ShutdownReceived,
            Phase::ShutdownAckSent(_) => State::ShutdownAckSent,
        }
    }

    /// It has ended, for whatever reason.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// What was agreed on; `None` before the handshake has got there.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.peer.map(|peer| peer.negotiated)
    }

    /// How many streams we may send on: what we ask for, before the peer has answered.
    pub(crate) fn streams(&self) -> u16 {
        self.peer.map_or(self.config.streams, |peer| peer.negotiated.outgoing_streams)
    }

    /// Queues a message. It may be called before the association is established.
    pub fn send(
        &mut self,
        now: Instant,
        stream: StreamId,
        protocol: PayloadProtocol,
        payload: Bytes,
        options: SendOptions,
    ) -> Result<(), SendError> {
        match self.phase {
            Phase::Closed | Phase::CookieWait(_) | Phase::CookieEchoed { .. } | Phase::Established => {}
            _ => return Err(SendError::Closed),
        }
        if payload.is_empty() {
            return Err(SendError::Empty);
        }
        if payload.len() > self.config.max_send_message_size || u32::try_from(payload.len()).is_err() {
            return Err(SendError::TooLarge);
        }
        if self.sender.buffered() >= self.config.max_buffered_amount {
            return Err(SendError::BufferFull);
        }
        if stream.0 >= self.streams() {
            return Err(SendError::NoSuchStream);
        }
        if self.resets.is_resetting(stream) {
            return Err(SendError::Resetting);
        }
        self.sender.enqueue(now, stream, protocol, payload, options);
        Ok(())
    }

    /// Bytes of this stream that wait to be sent.
    pub fn buffered_amount(&self, stream: StreamId) -> usize {
        self.sender.buffered_of(stream)
    }

    /// At which amount [`Event::BufferedAmountLow`] is raised, in bytes. Default 0.
    pub fn set_buffered_amount_low_threshold(&mut self, stream: StreamId, bytes: usize) {
        self.sender.set_low_threshold(stream, bytes);
    }

    /// The weight of the stream among those that have messages waiting (RFC 8260 §3.6). Default 256.
    pub fn set_priority(&mut self, stream: StreamId, priority: u16) {
        self.sender.set_priority(stream, priority);
    }

    /// How the stream's messages are delivered.
    pub fn set_delivery(&mut self, stream: StreamId, delivery: Delivery) {
        self.receiver.set_delivery(stream, delivery);
    }

    /// How many bytes, of those delivered, the application has yet to read: they count against the receive window.
    pub fn set_unread(&mut self, bytes: usize) {
        self.receiver.set_unread(bytes);
    }

    /// Resets our half of a stream after all its messages have been sent (RFC 6525 §5.1.2). It ends with
    /// [`Event::StreamResetDone`] or [`Event::StreamResetRefused`].
    pub fn reset_stream(&mut self, stream: StreamId) {
        if !self.is_over() {
            self.resets.want(stream);
        }
    }

    /// Another protocol on this path (ICE) has measured its round trip: what is lost at the beginning is sent again sooner than
    /// where nothing is known (RFC 9260 §6.3.1). Counts until there is a sample, or another path.
    pub fn expect_round_trip(&mut self, round_trip: Duration) {
        self.sender.round_trip.expect(round_trip);
    }

    /// The packets take another path now (ICE chose another pair): what was learned of the old one is dropped. `round_trip` is that of
    /// the new one, where it is known.
    pub fn path_changed(&mut self, now: Instant, round_trip: Option<Duration>) {
        if matches!(self.phase, Phase::Closed | Phase::Over) {
            return;
        }
        if self.is_synchronized() {
            self.receiver.path_changed(now, round_trip);
        }
        self.sender.path_changed(now, self.path.base(), &mut self.events);
        self.path.start(now);
        self.path.handle_timeout(now, self.sender.round_trip.timeout(), &mut self.rng);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handle_retry_timeout(now);
        if !self.is_synchronized() {
            return;
        }
        self.receiver.handle_timeout(now);
        let before = self.sender.counters.timeouts;
        self.sender.handle_timeout(now, &mut self.events);
        if self.sender.counters.timeouts != before {
            self.path.timed_out(now);
            self.sender.set_segment(self.path.packet_size());
        }
        self.path.handle_timeout(now, self.sender.round_trip.timeout(), &mut self.rng);
        self.handle_reset_timeout(now);
        if self.path.is_idle() && self.sender.is_finished() {
            self.shrink();
        }
        let failures = self.sender.timeouts_in_a_row().max(self.path.misses);
        if self.config.max_retransmissions.is_some_and(|most| failures > most) {
            self.end(CloseReason::TimedOut);
        }
    }

    /// Gives back what bulk has taken: megabytes on a long path.
    fn shrink(&mut self) {
        self.sender.shrink();
        self.receiver.shrink();
        self.events.shrink_to_fit();
        self.control.shrink_to_fit();
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let retry = match &self.phase {
            Phase::CookieWait(retry)
            | Phase::CookieEchoed { retry, .. }
            | Phase::ShutdownSent(retry)
            | Phase::ShutdownAckSent(retry) => Some(retry.deadline),
            _ => None,
        };
        if !self.is_synchronized() {
            return retry;
        }
        let others = [
            self.receiver.poll_timeout(),
            self.sender.poll_timeout(),
            self.path.poll_timeout(),
            self.resets.poll_timeout(),
        ];
        others.into_iter().flatten().chain(retry).min()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Figures.
    pub fn statistics(&self) -> Statistics {
        let counters = self.sender.counters;
        Statistics {
            packets_sent: self.packets_sent,
            packets_received: self.packets_received,
            packets_dropped: self.packets_dropped,
            bytes_sent: counters.bytes,
            bytes_received: self.bytes_received,
            retransmissions: counters.retransmissions,
            timeouts: counters.timeouts,
            duplicates: self.duplicates,
            messages_abandoned: counters.abandoned,
            smoothed_round_trip: self.sender.round_trip.smoothed(),
            congestion_window: self.sender.congestion_window(),
            peer_receive_window: self.sender.peer_window(),
            receive_window: self.receiver.window(),
            bytes_in_flight: self.sender.bytes_in_flight(),
            packet_size: self.path.packet_size(),
            buffered_amount: self.sender.buffered(),
        }
    }

    /// Both sides know each other: DATA, SACK and all else that needs that.
    #[inline]
    fn is_synchronized(&self) -> bool {
        !matches!(self.phase, Phase::Closed | Phase::CookieWait(_) | Phase::CookieEchoed { .. } | Phase::Over)
    }

    /// Queues a chunk that goes with others.
    fn push_control(&mut self, chunk: Vec<u8>) {
        if self.control.len() < MOST_CONTROL_CHUNKS {
            self.control.push_back(chunk);
        }
    }

    /// Queues a packet of its own.
    fn push_standalone(&mut self, tag: VerificationTag, chunk: Vec<u8>) {
        if self.standalone.len() < MOST_CONTROL_CHUNKS {
            self.standalone.push_back(Standalone { tag, chunk });
        }
    }

    /// How long since we were first told the time.
    fn age(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.born.get_or_insert(now))
    }
}
