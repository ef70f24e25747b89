//! TURN, the client's side: one allocation on one server (RFC 8656 §6 to §12).
//!
//! [`TurnClient`] is driven by an owner that holds the socket, or the TCP or TLS connection. It makes the allocation,
//! keeps it and its permissions and channels alive, and puts datagrams into and takes them out of their frames.

mod authentication;
mod credential;
mod data_connection;
mod peers;
mod request;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_stun::attribute::{
    ALTERNATE_SERVER, CONNECTION_ID, DATA, LIFETIME, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use peerline_stun::transaction::Due;
use peerline_stun::{Class, ErrorCode, Message, Method, TransactionId, address};
use rand::Rng;
use rand::rngs::StdRng;

use crate::{ConnectionId, Families, RelayHeader, Transport};
use authentication::{Authentication, Challenge};
use peers::Peers;
use request::{Kind, Request, Wanted};

pub use credential::Credential;
pub use data_connection::DataConnection;

/// What a client is told before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How the server is reached.
    pub transport: Transport,
    /// User name and password.
    pub credential: Credential,
    /// Which relayed addresses are wanted. A server that has no IPv6 gives IPv4 alone when both are.
    pub families: Families,
}

/// What a server granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocated {
    /// The relayed IPv4 address.
    pub ipv4: Option<SocketAddr>,
    /// The relayed IPv6 address.
    pub ipv6: Option<SocketAddr>,
    /// This client's address as the server sees it.
    pub mapped: Option<SocketAddr>,
}

impl Allocated {
    /// The relayed address that peers like `peer` are reached from.
    pub fn relayed(&self, peer: IpAddr) -> Option<SocketAddr> {
        if peer.is_ipv4() { self.ipv4 } else { self.ipv6 }
    }
}

/// Why there is no allocation, or no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server refused: 401 and 441 say that user name or password are wrong, 486 and 508 that there is none to be had,
    /// 437 that the 5-tuple has one already (or that it is gone).
    #[error("the server refused with {}", .0.number())]
    Refused(ErrorCode),
    /// Another server is to be asked (RFC 8489 §10).
    #[error("the server refers to {0}")]
    TryAlternate(SocketAddr),
    /// The server doesn't answer.
    #[error("the server doesn't answer")]
    TimedOut,
    /// The server breaks the protocol.
    #[error("the server breaks the protocol")]
    Protocol,
}

/// What a client has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// There is an allocation.
    Allocated(Allocated),
    /// There is none, or it has ended.
    Failed(Failure),
    /// The server doesn't relay to this peer (403, 443…).
    PeerRefused(IpAddr, ErrorCode),
    /// A channel is bound: [`TurnClient::channel`] knows it.
    ChannelBound(SocketAddr),
    /// There is a connection with this peer, because [`TurnClient::connect`] asked for it or because the peer has made it
    /// (RFC 6062 §4.3 and §4.4). A [`DataConnection`] takes it over within 30 seconds.
    Connected(SocketAddr, ConnectionId),
    /// There is no connection with this peer (447, 403…).
    ConnectFailed(SocketAddr, ErrorCode),
    /// The allocation has been given back.
    Closed,
}

/// What a message from the server was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// An answer: drain.
    Control,
    /// A peer's datagram.
    Data {
        /// The peer.
        peer: SocketAddr,
        /// The datagram: a part of the message.
        payload: &'a [u8],
    },
    /// Not for this client.
    Ignored,
}

/// Where an allocation stands.
#[derive(Debug)]
enum State {
    Allocating,
    Allocated { granted: Allocated, refresh: Instant },
    Closing,
    Ended,
}

/// One allocation on one server.
#[derive(Debug)]
pub struct TurnClient {
    transport: Transport,
    wanted: Wanted,
    authentication: Authentication,
    state: State,
    peers: Peers,
    requests: Vec<Request>,
    /// The server's round trip, once known.
    round_trip: Option<Duration>,
    transmits: VecDeque<Box<[u8]>>,
    events: VecDeque<Event>,
    random: StdRng,
}

impl TurnClient {
    /// A client that asks for an allocation at once: drain [`poll_transmit`](Self::poll_transmit).
    pub fn new(now: Instant, config: Config, random: StdRng) -> Self {
        let wanted = Wanted { families: config.families, is_tcp: false };
        Self::asking(now, config, wanted, random)
    }

    /// A client that asks for an allocation of TCP (RFC 6062), over TCP or TLS. Such a one has addresses of one family: IPv4
    /// when both are wanted.
    pub fn with_tcp_relay(now: Instant, config: Config, random: StdRng) -> Self {
        let families = Families { ipv6: config.families.ipv6 && !config.families.ipv4, ..config.families };
        Self::asking(now, config, Wanted { families, is_tcp: true }, random)
    }

    fn asking(now: Instant, config: Config, wanted: Wanted, random: StdRng) -> Self {
        let mut client = Self {
            transport: config.transport,
            wanted,
            authentication: Authentication::new(config.credential),
            state: State::Allocating,
            peers: Peers::default(),
            requests: Vec::new(),
            round_trip: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            random,
        };
        client.request(now, Kind::Allocate);
        client
    }

    /// Replaces user name and password. An allocation belongs to the user name it was made with (RFC 8656 §5), so it goes on
    /// with that until the server refuses.
    pub fn set_credential(&mut self, credential: Credential) {
        let kept = matches!(self.state, State::Allocated { .. } | State::Closing);
        self.authentication.replace(credential, kept);
    }

    /// What was granted, as long as there is an allocation.
    pub fn allocated(&self) -> Option<&Allocated> {
        match &self.state {
            State::Allocated { granted, .. } => Some(granted),
            _ => None,
        }
    }

    /// Lets datagrams from and to `peer` through, and keeps doing so (CreatePermission, RFC 8656 §10). A datagram may be sent
    /// right after the request.
    pub fn permit(&mut self, now: Instant, peer: IpAddr) {
        if self.allocated().is_some_and(|granted| granted.relayed(peer).is_some()) && self.peers.permit(peer)
        {
            self.request(now, Kind::Permit(vec![peer]));
        }
    }

    /// Binds a channel to `peer` and keeps it bound (ChannelBind, RFC 8656 §12).
    pub fn bind(&mut self, now: Instant, peer: SocketAddr) {
        let reachable = self.allocated().is_some_and(|granted| granted.relayed(peer.ip()).is_some());
        if let Some(number) = reachable.then(|| self.peers.bind(peer)).flatten() {
            self.request(now, Kind::Bind { number, peer });
        }
    }

    /// Has the server connect to `peer` by TCP (Connect, RFC 6062 §4.3): [`Event::Connected`] or [`Event::ConnectFailed`] follows.
    /// Nothing where the allocation isn't one of TCP.
    pub fn connect(&mut self, now: Instant, peer: SocketAddr) {
        let reachable = self.allocated().is_some_and(|granted| granted.relayed(peer.ip()).is_some());
        if reachable && self.wanted.is_tcp {
            self.request(now, Kind::Connect(peer));
        }
    }

    /// Asks whether the allocation is still there, by refreshing it at once: a NAT in between may have forgotten the 5-tuple.
    pub fn verify(&mut self, now: Instant) {
        let asked = self.requests.iter().any(|request| matches!(request.kind, Kind::Refresh { .. }));
        if let State::Allocated { refresh, .. } = &mut self.state
            && !asked
        {
            *refresh = now;
            self.handle_timeout(now);
        }
    }

    /// The server's round trip, once known.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Only these peers are of interest from now on: the permissions and channels of all others are left to run out.
    pub fn retain_peers(&mut self, is_wanted: impl Fn(IpAddr) -> bool) {
        self.peers.retain(is_wanted);
    }

    /// The channel that is bound to `peer`.
    pub fn channel(&self, peer: SocketAddr) -> Option<u16> {
        self.peers.channel(peer)
    }

    /// Whether an answer with this transaction is for this client.
    pub fn is_own_transaction(&self, transaction: &TransactionId) -> bool {
        self.requests.iter().any(|request| request.transaction == *transaction)
    }

    /// Puts a datagram for `peer` into its frame: ChannelData when there is a channel, otherwise a Send indication. Says how
    /// long it is; `None` when `buffer` is too short.
    pub fn wrap(&mut self, peer: SocketAddr, payload: &[u8], buffer: &mut [u8]) -> Option<usize> {
        let length = u16::try_from(payload.len()).ok()?;
        let header = match self.peers.channel(peer) {
            Some(number) => RelayHeader::channel(number, length, self.transport.is_stream()),
            None => RelayHeader::send(peer, length, TransactionId::new(self.random.random()))?,
        };
        let (start, rest) = buffer.split_at_mut_checked(header.as_bytes().len())?;
        let (middle, rest) = rest.split_at_mut_checked(payload.len())?;
        start.copy_from_slice(header.as_bytes());
        middle.copy_from_slice(payload);
        rest.get_mut(..header.padding())?.fill(0);
        Some(start.len() + middle.len() + header.padding())
    }

    /// Takes in a datagram, or a framed message of a stream, from the server.
    pub fn handle_input<'a>(&mut self, now: Instant, message: &'a [u8]) -> Input<'a> {
        if message.first().is_some_and(|first| first >> 6 == 1) {
            return self
                .peers
                .channel_data(message)
                .map_or(Input::Ignored, |(peer, payload)| Input::Data { peer, payload });
        }
        match Message::parse(message) {
            Ok(message) if message.is_classic() || message.fingerprint() == Some(false) => Input::Ignored,
            Ok(message) => match message.class() {
                Class::Indication if message.method() == Method::CONNECTION_ATTEMPT => {
                    self.handle_attempt(&message)
                }
                Class::Indication => self.handle_indication(&message),
                Class::Success | Class::Error => self.handle_response(now, &message),
                Class::Request => Input::Ignored,
            },
            Err(_) => Input::Ignored,
        }
    }

    fn handle_indication<'a>(&self, message: &Message<'a>) -> Input<'a> {
        let peer = message.xor_address(XOR_PEER_ADDRESS).filter(|peer| self.peers.is_permitted(peer.ip()));
        match (message.method(), peer, message.attribute(DATA)) {
            (Method::DATA, Some(peer), Some(payload)) => Input::Data { peer, payload },
            _ => Input::Ignored,
        }
    }

    fn handle_attempt<'a>(&mut self, message: &Message<'a>) -> Input<'a> {
        let peer = message.xor_address(XOR_PEER_ADDRESS).filter(|peer| self.peers.is_permitted(peer.ip()));
        match (peer, message.number(CONNECTION_ID)) {
            (Some(peer), Some(connection)) if self.wanted.is_tcp => {
                self.events.push_back(Event::Connected(peer, ConnectionId(connection)));
                Input::Control
            }
            _ => Input::Ignored,
        }
    }

    fn handle_response<'a>(&mut self, now: Instant, message: &Message<'a>) -> Input<'a> {
        let position = self.requests.iter().position(|request| {
            request.transaction == message.transaction() && request.kind.method() == message.method()
        });
        let Some(request) = position.and_then(|position| self.requests.get(position)) else {
            return Input::Ignored;
        };
        if !self.authentication.accepts(message, request.integrity) {
            return Input::Ignored;
        }
        let request = self.requests.swap_remove(position.unwrap_or_default());
        if let Some(sent) = request.sent_once {
            self.round_trip = Some(now.saturating_duration_since(sent));
        }
        match (message.class(), message.error()) {
            (Class::Success, _) => self.succeeded(now, request.kind, message),
            (_, Some((code, _))) => self.refused(now, request, code, message),
            _ => self.end(Failure::Protocol),
        }
        Input::Control
    }

    fn succeeded(&mut self, now: Instant, kind: Kind, message: &Message<'_>) {
        match kind {
            Kind::Allocate => self.allocate_succeeded(now, message),
            Kind::Refresh { .. } => self.refresh_succeeded(now, message),
            Kind::Permit(peers) => self.peers.permitted(now, &peers),
            Kind::Bind { number, peer } => {
                if self.peers.bound(now, number) {
                    self.events.push_back(Event::ChannelBound(peer));
                }
            }
            Kind::Connect(peer) => self.events.push_back(match message.number(CONNECTION_ID) {
                Some(connection) => Event::Connected(peer, ConnectionId(connection)),
                None => Event::ConnectFailed(peer, ErrorCode::SERVER_ERROR),
            }),
            // A data connection's.
            Kind::BindConnection(_) => {}
        }
    }

    fn allocate_succeeded(&mut self, now: Instant, message: &Message<'_>) {
        let mut granted = Allocated { ipv4: None, ipv6: None, mapped: message.mapped_address() };
        for attribute in message.attributes().filter(|attribute| attribute.number == XOR_RELAYED_ADDRESS) {
            match address::read_xor(attribute.value, &message.transaction()) {
                Some(relayed) if relayed.is_ipv4() => granted.ipv4 = Some(relayed),
                relayed => granted.ipv6 = relayed,
            }
        }
        if granted.ipv4.is_none() && granted.ipv6.is_none() {
            return self.end(Failure::Protocol);
        }
        if matches!(self.state, State::Closing) {
            return self.request(now, Kind::Refresh { release: true });
        }
        self.state = State::Allocated { granted, refresh: now + until_refresh(message) };
        self.events.push_back(Event::Allocated(granted));
    }

    fn refresh_succeeded(&mut self, now: Instant, message: &Message<'_>) {
        match &mut self.state {
            State::Allocated { refresh, .. } => *refresh = now + until_refresh(message),
            State::Closing => self.closed(),
            State::Allocating | State::Ended => {}
        }
    }

    fn refused(&mut self, now: Instant, request: Request, code: ErrorCode, message: &Message<'_>) {
        if matches!((&self.state, &request.kind), (State::Closing, Kind::Allocate)) {
            return self.closed();
        }
        let challenge = matches!(code, ErrorCode::UNAUTHENTICATED | ErrorCode::STALE_NONCE);
        if challenge && request.challenges < request::CHALLENGES_MAX {
            let signed = request.integrity.is_some();
            match self.authentication.challenged(message, code, signed) {
                Challenge::TryAgain => return self.request_again(now, request),
                Challenge::Wrong => {}
                Challenge::Malformed => return self.end(Failure::Protocol),
            }
        }
        if code == ErrorCode::WRONG_CREDENTIALS && self.authentication.take_next() {
            return self.request_again(now, request);
        }
        if matches!(self.state, State::Closing) {
            return self.closed();
        }
        match request.kind {
            Kind::Allocate => self.allocate_refused(now, code, message),
            Kind::Refresh { .. } => self.end(Failure::Refused(code)),
            Kind::Permit(_) | Kind::Bind { .. } | Kind::Connect(_)
                if code == ErrorCode::ALLOCATION_MISMATCH =>
            {
                self.end(Failure::Refused(code));
            }
            // One of them is refused, but which? Each is asked for alone.
            Kind::Permit(peers) if peers.len() > 1 => {
                for peer in peers {
                    self.request(now, Kind::Permit(vec![peer]));
                }
            }
            Kind::Permit(peers) => {
                for peer in peers {
                    self.peers.refuse(peer);
                    self.events.push_back(Event::PeerRefused(peer, code));
                }
            }
            // Indications still work.
            Kind::Bind { number, .. } => self.peers.not_bound(number),
            Kind::Connect(peer) => self.events.push_back(Event::ConnectFailed(peer, code)),
            Kind::BindConnection(_) => {}
        }
    }

    fn allocate_refused(&mut self, now: Instant, code: ErrorCode, message: &Message<'_>) {
        let alternate = message.address(ALTERNATE_SERVER);
        match (code, alternate) {
            (ErrorCode::TRY_ALTERNATE, Some(server)) => self.end(Failure::TryAlternate(server)),
            // The additional family isn't for everybody: some servers refuse the whole request.
            (
                ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED
                | ErrorCode::BAD_REQUEST
                | ErrorCode::UNKNOWN_ATTRIBUTE,
                _,
            ) if self.wanted.families.ipv4 && self.wanted.families.ipv6 => {
                self.wanted.families.ipv6 = false;
                self.request(now, Kind::Allocate);
            }
            _ => self.end(Failure::Refused(code)),
        }
    }

    fn closed(&mut self) {
        self.state = State::Ended;
        self.requests.clear();
        self.events.push_back(Event::Closed);
    }

    fn end(&mut self, failure: Failure) {
        self.state = State::Ended;
        self.requests.clear();
        self.events.push_back(Event::Failed(failure));
    }

    fn request(&mut self, now: Instant, kind: Kind) {
        self.request_once_more(now, kind, 0);
    }

    fn request_again(&mut self, now: Instant, refused: Request) {
        self.request_once_more(now, refused.kind, refused.challenges + 1);
    }

    fn request_once_more(&mut self, now: Instant, kind: Kind, challenges: u32) {
        let transaction = TransactionId::new(self.random.random());
        let retransmission = request::retransmission(self.transport, self.round_trip);
        let request = Request::new(
            now,
            kind,
            transaction,
            retransmission,
            challenges,
            self.wanted,
            &self.authentication,
        );
        self.requests.extend(request);
        self.send_due(now);
    }

    fn send_due(&mut self, now: Instant) {
        let mut timed_out = false;
        for request in &mut self.requests {
            while let Some(due) = request.timer.handle_timeout(now) {
                match due {
                    Due::Send => {
                        request.sent_once = request.times_sent.eq(&0).then_some(now);
                        request.times_sent += 1;
                        self.transmits.push_back(request.bytes.clone());
                    }
                    Due::TimedOut => timed_out = true,
                }
            }
        }
        if timed_out {
            match self.state {
                State::Closing => self.closed(),
                _ => self.end(Failure::TimedOut),
            }
        }
    }

    /// Gives the allocation back (RFC 8656 §8).
    pub fn close(&mut self, now: Instant) {
        match self.state {
            State::Allocated { .. } => {
                self.state = State::Closing;
                self.requests.clear();
                self.request(now, Kind::Refresh { release: true });
            }
            // The allocation may just be on its way: it is released when it comes.
            State::Allocating if self.authentication.is_challenged() => self.state = State::Closing,
            State::Allocating => self.closed(),
            State::Closing | State::Ended => {}
        }
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) had asked for.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.send_due(now);
        let State::Allocated { refresh, .. } = &mut self.state else {
            return;
        };
        if *refresh <= now {
            // Not again until it is answered.
            *refresh = now + FAR;
            self.request(now, Kind::Refresh { release: false });
        }
        let due = self.peers.due_permissions(now);
        for peers in due.chunks(PERMISSIONS_PER_REQUEST) {
            self.request(now, Kind::Permit(peers.to_vec()));
        }
        for (number, peer) in self.peers.due_channels(now) {
            self.request(now, Kind::Bind { number, peer });
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let requests = self.requests.iter().filter_map(|request| request.timer.poll_timeout());
        match self.state {
            State::Allocated { refresh, .. } => requests.chain([refresh]).chain(self.peers.next_due()).min(),
            _ => requests.min(),
        }
    }

    /// The next message for the server, written to the beginning of `buffer` (which should have 2,200 bytes; what doesn't fit
    /// is dropped). Says how long it is.
    pub fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let bytes = self.transmits.pop_front()?;
            if let Some(room) = buffer.get_mut(..bytes.len()) {
                room.copy_from_slice(&bytes);
                return Some(bytes.len());
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

const PERMISSIONS_PER_REQUEST: usize = 10;
const FAR: Duration = Duration::from_secs(86_400);

/// When an allocation is refreshed: a minute before it ends, so that a lost request can be sent again (RFC 8656 §8).
fn until_refresh(message: &Message<'_>) -> Duration {
    let lifetime = Duration::from_secs(u64::from(message.number(LIFETIME).unwrap_or(600).clamp(20, 86_400)));
    lifetime.saturating_sub(Duration::from_secs(60)).max(lifetime / 2)
}
