//! Several clients, with and without valid credentials, and their peers and owner, in any order.
//! Nothing panics; every allocation ends once; what is held stays within its limits.
#![no_main]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use peerline_stun::attribute::{
    NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, REALM, USERNAME, XOR_PEER_ADDRESS,
};
use peerline_stun::integrity::{self, LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use peerline_turn::{
    AllocationId, Budgets, ByteBudget, Client, Config, ConnectError, Credentials, Event, Families,
    FromClient, FromPeer, Granted, IcmpError, Issued, Limits, NonceKey, PeerPolicy, Refusal, RelayedPorts,
    Server, Transport, WallClock, issue,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
enum Step {
    /// A message with a valid credential and these attributes.
    Signed {
        client: u8,
        user: bool,
        sha256: bool,
        method: u8,
        indication: bool,
        transaction: u8,
        attributes: Vec<Attribute>,
    },
    /// Anything.
    Raw {
        client: u8,
        bytes: Vec<u8>,
    },
    Channel {
        client: u8,
        number: u8,
        payload: Vec<u8>,
        cut: u8,
    },
    FromPeer {
        allocation: u8,
        peer: Peer,
        length: u16,
    },
    Icmp {
        allocation: u8,
        peer: Peer,
        kind: u8,
        code: u8,
    },
    Disconnect {
        client: u8,
    },
    Sleep {
        seconds: u16,
        notice: bool,
    },
    /// How the owner answers from now on.
    Owner {
        refuse: bool,
        ipv4: bool,
        ipv6: bool,
        late: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Attribute {
    Bytes { number: u8, value: Vec<u8> },
    Peer(Peer),
    Transport { tcp: bool },
    Channel(u8),
    Lifetime(u16),
    Family { additional: bool, ipv6: bool },
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Peer {
    Near(u8, u8),
    Any(IpAddr, u16),
}

impl Peer {
    fn address(self) -> SocketAddr {
        match self {
            Self::Near(host, port) if host % 2 == 0 => SocketAddr::from(([198, 51, 100, host], port.into())),
            Self::Near(host, port) => {
                SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()], port.into()))
            }
            Self::Any(ip, port) => SocketAddr::new(ip, port),
        }
    }
}

const LIMIT: usize = 3;

struct Scene {
    server: Server,
    now: Instant,
    nonces: [Vec<u8>; 4],
    pending: Vec<peerline_turn::RequestId>,
    living: Vec<AllocationId>,
    made: Vec<AllocationId>,
    owner: (bool, bool, bool, bool),
    budget: Arc<ByteBudget>,
    ports: Arc<RelayedPorts>,
}

fn client(number: u8) -> Client {
    let number = number % 4;
    let remote = match number {
        3 => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 3], 4000)),
        _ => SocketAddr::from(([192, 0, 2, number], 4000)),
    };
    let transport = [Transport::Udp, Transport::Udp, Transport::Tcp, Transport::Tls][usize::from(number)];
    Client { transport, remote, local: SocketAddr::from(([203, 0, 113, 1], 3478)) }
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        let mut random = StdRng::seed_from_u64(1);
        let ports = Arc::new(RelayedPorts::new());
        let config = Config {
            credentials: Credentials::new("example.org").with_secret("north").with_user("bob", "builder"),
            nonce_key: NonceKey::generate(&mut random),
            wall_clock: Arc::new(WallClock::new(now, Duration::from_secs(1000))),
            policy: PeerPolicy {
                tcp: true,
                own: vec![IpAddr::from([203, 0, 113, 1])],
                ..PeerPolicy::default()
            },
            relayed_ports: ports.clone(),
            relayed_tcp_ports: Arc::default(),
            connection_ids: Arc::default(),
            listeners: Vec::new(),
            families: Families { ipv4: true, ipv6: true },
            limits: Limits { permissions: 4, channels: 4, allocations: LIMIT, ..Limits::default() },
        };
        Self {
            server: Server::new(Arc::new(config), &mut random),
            now,
            nonces: [const { Vec::new() }; 4],
            pending: Vec::new(),
            living: Vec::new(),
            made: Vec::new(),
            owner: (false, true, true, false),
            budget: Arc::new(ByteBudget::new(now, 100_000, 200_000)),
            ports,
        }
    }

    fn input(&mut self, client: &Client, bytes: &[u8]) {
        match self.server.relay_from_client(self.now, client, bytes) {
            FromClient::Relay { allocation, payload, .. } => {
                assert!(self.living.contains(&allocation));
                assert!(payload.len() <= bytes.len());
            }
            FromClient::Control => self.server.handle_input(self.now, client, bytes),
            FromClient::Dropped(_) => {}
        }
        self.drain();
    }

    fn drain(&mut self) {
        let mut buffer = [0; 1600];
        loop {
            if let Some(transmit) = self.server.poll_transmit(&mut buffer) {
                let message = Message::parse(&buffer[..transmit.length]).expect("what is sent is a message");
                let to = (0..4).find(|number| client(*number).remote == transmit.remote);
                if let (Some(to), Some(nonce)) = (to, message.attribute(NONCE)) {
                    self.nonces[usize::from(to)] = nonce.to_vec();
                }
                continue;
            }
            match self.server.poll_event() {
                Some(Event::AllocationRequested(request)) => {
                    self.pending.push(request.request);
                    if !self.owner.3 {
                        self.answer();
                    }
                }
                Some(Event::AllocationEnded { allocation, .. }) => {
                    let before = self.living.len();
                    self.living.retain(|living| *living != allocation);
                    assert_eq!(self.living.len() + 1, before, "each ends once");
                }
                Some(Event::AddressEnded { allocation, .. }) => assert!(self.living.contains(&allocation)),
                Some(Event::ConnectRequested { allocation, connection, .. }) => {
                    let answer = if self.owner.1 { Ok(()) } else { Err(ConnectError::Failed) };
                    let is_wanted = self.server.connected(self.now, allocation, connection, answer);
                    assert_eq!(is_wanted, answer.is_ok());
                }
                Some(Event::ConnectionBindRequested { client, connection, .. }) => {
                    self.server.connection_bind_answered(&client, connection, self.owner.2);
                }
                Some(Event::ConnectionEnded { allocation, .. }) => {
                    assert!(self.living.contains(&allocation));
                }
                None => break,
            }
        }
        assert_eq!(self.server.allocations(), self.living.len());
        assert!(self.living.len() <= LIMIT);
        assert_eq!(self.server.poll_timeout().is_some(), !self.living.is_empty());
    }

    fn answer(&mut self) {
        let (refuse, ipv4, ipv6, _) = self.owner;
        for request in std::mem::take(&mut self.pending) {
            let granted = Granted {
                ipv4: ipv4.then(|| SocketAddr::from(([203, 0, 113, 1], 50_000))),
                ipv6: ipv6.then(|| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 50_000))),
                reservation_token: None,
                budgets: Budgets { user: Some(self.budget.clone()), source: None },
            };
            self.ports.insert(SocketAddr::from(([203, 0, 113, 1], 50_000)));
            let answer = if refuse { Err(Refusal::AllocationQuotaReached) } else { Ok(granted) };
            if let Some(id) = self.server.allocated(self.now, request, answer) {
                self.living.push(id);
                self.made.push(id);
            }
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Signed { client: number, user, sha256, method, indication, transaction, attributes } => {
                let issued = match user {
                    true => issue(b"north", "alice", 2000),
                    false => Issued { username: "bob".into(), password: "builder".into() },
                };
                let class = if indication { Class::Indication } else { Class::Request };
                let nonce = self.nonces[usize::from(number % 4)].clone();
                let mut buffer = vec![0; 4000];
                let transaction = TransactionId::new([transaction; 12]);
                let method = Method::new(u16::from(method % 12));
                let mut writer = MessageWriter::new(&mut buffer, class, method, transaction);
                attributes.iter().take(8).for_each(|attribute| attribute.write(&mut writer));
                sign(&mut writer, &issued, &nonce, sha256);
                if let Ok(length) = writer.finish() {
                    self.input(&client(number), &buffer[..length]);
                }
            }
            Step::Raw { client: number, bytes } => self.input(&client(number), &bytes),
            Step::Channel { client: number, number: channel, payload, cut } => {
                let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
                let bytes = [&[0x40, channel % 4], &length[..], &payload].concat();
                let end = bytes.len().saturating_sub(usize::from(cut % 4));
                self.input(&client(number), &bytes[..end]);
            }
            Step::FromPeer { allocation, peer, length } => {
                let Some(&id) = self.made.get(usize::from(allocation)) else { return };
                let living = self.living.contains(&id);
                match self.server.relay_from_peer(self.now, id, peer.address(), length.into()) {
                    FromPeer::Relay { client, header } => {
                        assert!(living);
                        assert!(header.as_bytes().len() == 4 || header.padding() < 4);
                        assert!(
                            client.transport.is_stream()
                                || header.as_bytes().len() + usize::from(length) <= 65_507
                        );
                    }
                    FromPeer::Dropped(_) => {}
                }
            }
            Step::Icmp { allocation, peer, kind, code } => {
                let Some(&id) = self.made.get(usize::from(allocation)) else { return };
                self.server.handle_icmp(self.now, id, peer.address(), IcmpError { kind, code, data: 1400 });
                self.drain();
            }
            Step::Disconnect { client: number } => {
                self.server.handle_disconnect(self.now, &client(number));
                self.drain();
            }
            Step::Sleep { seconds, notice } => {
                self.now += Duration::from_secs(u64::from(seconds % 4000));
                if notice {
                    self.server.handle_timeout(self.now);
                }
                self.drain();
            }
            Step::Owner { refuse, ipv4, ipv6, late } => {
                self.owner = (refuse, ipv4, ipv6, late);
                self.answer();
                self.drain();
            }
        }
    }
}

impl Attribute {
    fn write(&self, writer: &mut MessageWriter<'_>) {
        match self {
            Self::Bytes { number, value } => {
                writer.attribute(u16::from(*number), value.get(..64).unwrap_or(value))
            }
            Self::Peer(peer) => writer.xor_address(XOR_PEER_ADDRESS, peer.address()),
            Self::Transport { tcp } => writer.attribute(0x0019, &[if *tcp { 6 } else { 17 }, 0, 0, 0]),
            Self::Channel(number) => writer.attribute(0x000C, &[0x40, number % 4, 0, 0]),
            Self::Lifetime(seconds) => writer.number(0x000D, u32::from(*seconds)),
            Self::Family { additional, ipv6 } => {
                let number = if *additional { 0x8000 } else { 0x0017 };
                writer.attribute(number, &[1 + u8::from(*ipv6), 0, 0, 0])
            }
        };
    }
}

fn sign(writer: &mut MessageWriter<'_>, issued: &Issued, nonce: &[u8], sha256: bool) {
    let algorithm = if sha256 { PasswordAlgorithm::Sha256 } else { PasswordAlgorithm::Md5 };
    let key = LongTermKey::derive(algorithm, &issued.username, "example.org", &issued.password);
    writer
        .attribute(USERNAME, issued.username.as_bytes())
        .attribute(REALM, b"example.org")
        .attribute(NONCE, nonce);
    if sha256 {
        writer
            .attribute(PASSWORD_ALGORITHMS, &integrity::PASSWORD_ALGORITHMS)
            .attribute(PASSWORD_ALGORITHM, &[0, 2, 0, 0])
            .integrity_sha256(key.as_bytes());
    } else {
        writer.integrity(key.as_bytes());
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut scene = Scene::new();
    for number in 0..4 {
        let mut buffer = [0; 20];
        let transaction = TransactionId::new([0; 12]);
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::ALLOCATE, transaction);
        let _ = writer.finish();
        scene.input(&client(number), &buffer);
    }
    for step in steps.into_iter().take(100) {
        scene.run(step);
    }
    scene.owner.3 = false;
    scene.answer();
    scene.drain();
    scene.now += Duration::from_secs(4000);
    scene.server.handle_timeout(scene.now);
    scene.drain();
    assert_eq!(scene.server.allocations(), 0);
});
