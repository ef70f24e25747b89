//! A server, its owner, and clients that know how to authenticate.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerline_stun::attribute::*;
use peerline_stun::integrity::{self, Algorithm, Integrity, LongTermKey, PasswordAlgorithm, verify};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};
use peerline_turn::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

pub const REALM_NAME: &str = "example.org";
pub const SECRET: &[u8] = b"north";
/// Unix time at the beginning of each test.
pub const START: u64 = 1_800_000_000;

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn udp(remote: &str) -> Client {
    Client { transport: Transport::Udp, remote: address(remote), local: address("203.0.113.1:3478") }
}

pub fn tcp(remote: &str) -> Client {
    Client { transport: Transport::Tcp, ..udp(remote) }
}

/// What a client does with what it is told of password algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// RFC 5389: MD5 and MESSAGE-INTEGRITY, knows nothing of algorithms.
    Old,
    /// RFC 8489 with this algorithm.
    New(PasswordAlgorithm),
}

#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub password: String,
    pub style: Style,
    pub nonce: Vec<u8>,
}

impl Login {
    pub fn new(issued: &Issued, style: Style) -> Self {
        Self {
            username: issued.username.clone(),
            password: issued.password.clone(),
            style,
            nonce: Vec::new(),
        }
    }

    pub fn key(&self) -> LongTermKey {
        let algorithm = match self.style {
            Style::Old => PasswordAlgorithm::Md5,
            Style::New(algorithm) => algorithm,
        };
        LongTermKey::derive(algorithm, &self.username, REALM_NAME, &self.password)
    }

    /// Appends what authenticates a request.
    pub fn sign(&self, writer: &mut MessageWriter<'_>) {
        writer
            .attribute(USERNAME, self.username.as_bytes())
            .attribute(REALM, REALM_NAME.as_bytes())
            .attribute(NONCE, &self.nonce);
        match self.style {
            Style::Old => writer.integrity(self.key().as_bytes()),
            Style::New(algorithm) => {
                let [high, low] = algorithm.number().to_be_bytes();
                writer
                    .attribute(PASSWORD_ALGORITHMS, &integrity::PASSWORD_ALGORITHMS)
                    .attribute(PASSWORD_ALGORITHM, &[high, low, 0, 0])
                    .integrity_sha256(self.key().as_bytes())
            }
        };
    }
}

/// A response: its bytes, taken apart on demand.
#[derive(Debug, Clone)]
pub struct Response(pub Vec<u8>);

impl Response {
    pub fn message(&self) -> Message<'_> {
        Message::parse(&self.0).unwrap()
    }

    /// The error's code; 0 for a success.
    pub fn code(&self) -> u16 {
        match self.message().class() {
            Class::Success => 0,
            _ => self.message().error().unwrap().0.number(),
        }
    }

    pub fn relayed(&self) -> SocketAddr {
        self.message().xor_address(XOR_RELAYED_ADDRESS).unwrap()
    }

    pub fn lifetime(&self) -> u32 {
        self.message().number(LIFETIME).unwrap()
    }
}

/// What the owner says to requests for allocations.
pub type Grant = Box<dyn FnMut(&AllocationRequest) -> Result<Granted, Refusal>>;

pub struct Scene {
    pub server: Server,
    pub config: Arc<Config>,
    pub now: Instant,
    pub owner: Option<Grant>,
    pub requests: Vec<AllocationRequest>,
    pub allocations: Vec<AllocationId>,
    pub events: Vec<Event>,
    pub style: Style,
    next_port: u16,
    next_transaction: u32,
}

#[allow(clippy::disallowed_methods)]
pub fn start() -> Instant {
    Instant::now()
}

pub fn config(now: Instant) -> Config {
    Config {
        credentials: Credentials::new(REALM_NAME).with_secret(SECRET).with_user("bob", "builder"),
        nonce_key: NonceKey::generate(&mut StdRng::seed_from_u64(7)),
        wall_clock: Arc::new(WallClock::new(now, Duration::from_secs(START))),
        policy: PeerPolicy { tcp: true, own: vec![address("203.0.113.1:0").ip()], ..PeerPolicy::default() },
        relayed_ports: Arc::new(RelayedPorts::new()),
        relayed_tcp_ports: Arc::default(),
        connection_ids: Arc::default(),
        listeners: Vec::new(),
        families: Families { ipv4: true, ipv6: true },
        limits: Limits::default(),
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let now = start();
        let mut config = config(now);
        change(&mut config);
        let config = Arc::new(config);
        Self {
            server: Server::new(config.clone(), &mut StdRng::seed_from_u64(1)),
            config,
            now,
            owner: None,
            requests: Vec::new(),
            allocations: Vec::new(),
            events: Vec::new(),
            style: Style::Old,
            next_port: 50_000,
            next_transaction: 0,
        }
    }

    pub fn sleep(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(timeout) = self.server.poll_timeout().filter(|timeout| *timeout <= until) {
            self.now = timeout.max(self.now);
            self.server.handle_timeout(self.now);
        }
        self.now = until;
        self.drain();
    }

    fn transaction(&mut self) -> TransactionId {
        self.next_transaction += 1;
        let [a, b, c, d] = self.next_transaction.to_be_bytes();
        TransactionId::new([b't', b'e', b's', b't', 0, 0, 0, 0, a, b, c, d])
    }

    pub fn login(&self, user: &str) -> Login {
        Login::new(&issue(SECRET, user, START + 86_400), self.style)
    }

    pub fn request(&mut self, method: Method, write: impl FnOnce(&mut MessageWriter<'_>)) -> Vec<u8> {
        let mut buffer = [0; 2000];
        let transaction = self.transaction();
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, method, transaction);
        write(&mut writer);
        let length = writer.finish().unwrap();
        buffer[..length].to_vec()
    }

    /// Hands bytes to the server as an owner does, grants what is asked for, and collects what is sent.
    pub fn input(&mut self, client: &Client, bytes: &[u8]) -> Vec<(Transmit, Vec<u8>)> {
        assert_eq!(self.server.relay_from_client(self.now, client, bytes), FromClient::Control);
        self.server.handle_input(self.now, client, bytes);
        self.drain()
    }

    pub fn drain(&mut self) -> Vec<(Transmit, Vec<u8>)> {
        let mut sent = Vec::new();
        loop {
            let mut buffer = [0; 1600];
            if let Some(transmit) = self.server.poll_transmit(&mut buffer) {
                sent.push((transmit, buffer[..transmit.length].to_vec()));
            } else if let Some(event) = self.server.poll_event() {
                self.events.push(event.clone());
                if let Event::AllocationRequested(request) = event {
                    let answer = match self.owner.as_mut() {
                        Some(owner) => owner(&request),
                        None => Ok(self.grant(&request)),
                    };
                    let id = self.server.allocated(self.now, request.request, answer);
                    self.allocations.extend(id);
                    self.requests.push(request);
                }
            } else {
                return sent;
            }
        }
    }

    pub fn grant(&mut self, request: &AllocationRequest) -> Granted {
        let port = self.next_port;
        self.next_port += 2;
        let ipv4 = request.families.ipv4.then(|| SocketAddr::new([203, 0, 113, 1].into(), port));
        let ipv6 = request.families.ipv6.then(|| format!("[2001:db8::1]:{port}").parse().unwrap());
        let ports = if request.is_tcp { &self.config.relayed_tcp_ports } else { &self.config.relayed_ports };
        for relayed in ipv4.iter().chain(&ipv6) {
            ports.insert(*relayed);
        }
        let reservation_token = request.reserve_next.then_some(ReservationToken(*b"reserved"));
        Granted { ipv4, ipv6, reservation_token, budgets: Budgets::default() }
    }

    /// Sends a request and returns the one answer to it.
    pub fn exchange(&mut self, client: &Client, request: &[u8]) -> Response {
        let sent = self.input(client, request);
        assert_eq!(sent.len(), 1, "one answer");
        let (transmit, bytes) = sent.into_iter().next().unwrap();
        assert_eq!((transmit.remote, transmit.local), (client.remote, client.local));
        let response = Response(bytes);
        assert_eq!(response.message().transaction(), Message::parse(request).unwrap().transaction());
        response
    }

    /// Gets a nonce, as a client does with its first request.
    pub fn challenge(&mut self, client: &Client, login: &mut Login) {
        let request = self.request(Method::ALLOCATE, |_| ());
        let response = self.exchange(client, &request);
        assert_eq!(response.code(), 401);
        login.nonce = response.message().attribute(NONCE).unwrap().to_vec();
    }

    /// A request with `login`'s authentication.
    pub fn signed(
        &mut self,
        login: &Login,
        method: Method,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Vec<u8> {
        self.request(method, |writer| {
            write(writer);
            login.sign(writer);
        })
    }

    /// Sends an authenticated request and checks the answer's integrity.
    pub fn ask(
        &mut self,
        client: &Client,
        login: &Login,
        method: Method,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Response {
        let request = self.signed(login, method, write);
        let response = self.exchange(client, &request);
        if ![401, 438].contains(&response.code()) {
            let (algorithm, other) = match login.style {
                Style::Old => (Algorithm::Sha1, Algorithm::Sha256),
                Style::New(_) => (Algorithm::Sha256, Algorithm::Sha1),
            };
            assert_eq!(verify(&response.message(), algorithm, login.key().as_bytes()), Integrity::Right);
            assert_eq!(verify(&response.message(), other, login.key().as_bytes()), Integrity::Absent);
        }
        response
    }

    pub fn allocate(
        &mut self,
        client: &Client,
        login: &Login,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Response {
        self.ask(client, login, Method::ALLOCATE, |writer| {
            writer.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
            write(writer);
        })
    }

    /// A client with an allocation.
    pub fn allocated(&mut self, client: &Client) -> (Login, SocketAddr) {
        let mut login = self.login("alice");
        self.challenge(client, &mut login);
        let response = self.allocate(client, &login, |_| ());
        assert_eq!(response.code(), 0);
        (login, response.relayed())
    }

    pub fn permit(&mut self, client: &Client, login: &Login, peers: &[&str]) -> u16 {
        let response = self.ask(client, login, Method::CREATE_PERMISSION, |writer| {
            for peer in peers {
                writer.xor_address(XOR_PEER_ADDRESS, address(peer));
            }
        });
        response.code()
    }

    pub fn bind(&mut self, client: &Client, login: &Login, number: u16, peer: &str) -> u16 {
        let [high, low] = number.to_be_bytes();
        let response = self.ask(client, login, Method::CHANNEL_BIND, |writer| {
            writer.attribute(CHANNEL_NUMBER, &[high, low, 0, 0]).xor_address(XOR_PEER_ADDRESS, address(peer));
        });
        response.code()
    }

    pub fn refresh(&mut self, client: &Client, login: &Login, lifetime: u32) -> Response {
        self.ask(client, login, Method::REFRESH, |writer| {
            writer.number(LIFETIME, lifetime);
        })
    }

    pub fn client_sends(&mut self, client: &Client, bytes: &[u8]) -> Result<(SocketAddr, Vec<u8>), Dropped> {
        match self.server.relay_from_client(self.now, client, bytes) {
            FromClient::Relay { peer, payload, .. } => Ok((peer, payload.to_vec())),
            FromClient::Dropped(reason) => Err(reason),
            FromClient::Control => panic!("not for the short way"),
        }
    }

    /// What the client gets when `peer` sends `payload` to the newest allocation.
    pub fn peer_sends(&mut self, peer: &str, payload: &[u8]) -> Result<Vec<u8>, Dropped> {
        let id = *self.allocations.last().unwrap();
        match self.server.relay_from_peer(self.now, id, address(peer), payload.len()) {
            FromPeer::Relay { header, .. } => {
                let padding = vec![0; header.padding()];
                Ok([header.as_bytes(), payload, &padding].concat())
            }
            FromPeer::Dropped(reason) => Err(reason),
        }
    }

    pub fn ended(&self) -> Vec<EndReason> {
        let reasons = self.events.iter().filter_map(|event| match event {
            Event::AllocationEnded { reason, .. } => Some(*reason),
            _ => None,
        });
        reasons.collect()
    }
}

pub fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&number.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

pub fn send_indication(peer: &str, payload: &[u8]) -> Vec<u8> {
    indication(|writer| {
        writer.xor_address(XOR_PEER_ADDRESS, address(peer)).attribute(DATA, payload);
    })
}

pub fn indication(write: impl FnOnce(&mut MessageWriter<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let transaction = TransactionId::new(*b"an indicatio");
    let mut writer = MessageWriter::new(&mut buffer, Class::Indication, Method::SEND, transaction);
    write(&mut writer);
    let length = writer.finish().unwrap();
    buffer[..length].to_vec()
}

pub fn code(number: u16) -> ErrorCode {
    ErrorCode::new(number).unwrap()
}
