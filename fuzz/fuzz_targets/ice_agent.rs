//! An agent, a TURN server's answers and a peer that knows the password, in any order: nothing panics, time does not stand
//! still, and what is held stays within its limits.
#![no_main]

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use peerline_ice::{
    Agent, Config, Credential, Credentials, Event, Received, RelayId, RemoteParameters, Role, Server,
    ServerId, Transport,
};
use peerline_stun::attribute::{
    ICE_CONTROLLED, ICE_CONTROLLING, NONCE, PRIORITY, REALM, USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS,
    XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use peerline_stun::integrity::{LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};
use rand::SeedableRng;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
enum Step {
    Candidate { text: String },
    Told { host: u8, port: u8, priority: u32, relayed: bool },
    Name { name: u8, known: Option<u8> },
    EndOfCandidates,
    SetRemote { lite: bool },
    SetRole { controlling: bool },
    Address { number: u8, add: bool },
    Server { turn: bool, transport: u8 },
    Credential { server: u8 },
    Gather,
    SourcesComplete,
    Restart,
    CancelRestart,
    Suspect,
    Unreachable { host: u8 },
    /// Anything from anywhere.
    Raw { from: u8, at: u8, bytes: Vec<u8> },
    /// A check with the right password.
    Check { host: u8, at: u8, over_relay: bool, use_candidate: bool, role: u8, tie_breaker: u8 },
    /// An answer to one of the agent's latest messages.
    Answer { which: u8, success: bool, code: u16, address: u8, key: u8, from_elsewhere: bool },
    CloseRelay { relay: u8 },
    Sleep { milliseconds: u32 },
    Close,
}

const PWD: &str = "a password of 22 characters";
const SERVER: ([u8; 4], u16) = ([203, 0, 113, 1], 3478);

fn host(number: u8) -> SocketAddr {
    match number % 8 {
        7 => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 4000)),
        number => SocketAddr::from(([198, 51, 100, number], 4000 + u16::from(number))),
    }
}

fn local(number: u8) -> SocketAddr {
    match number % 4 {
        3 => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 9], 5000)),
        number => SocketAddr::from(([192, 0, 2, number], 5000)),
    }
}

struct Sent {
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Vec<u8>,
}

struct Scene {
    agent: Agent,
    now: Instant,
    sent: Vec<Sent>,
    servers: Vec<ServerId>,
    relays: Vec<RelayId>,
    next_port: u16,
}

impl Scene {
    fn drain(&mut self) {
        let mut buffer = [0; 2300];
        loop {
            if let Some(transmit) = self.agent.poll_transmit(&mut buffer) {
                let bytes = buffer[..transmit.length].to_vec();
                assert!(bytes[0] >> 6 == 1 || Message::parse(&bytes).is_ok(), "what is sent is a message");
                if self.sent.len() > 20 {
                    self.sent.remove(0);
                }
                let peerline_ice::Transmit { transport, local, remote, .. } = transmit;
                self.sent.push(Sent { transport, local, remote, bytes });
                continue;
            }
            match self.agent.poll_event() {
                Some(Event::OpenRelay { relay, local, .. }) => {
                    self.relays.push(relay);
                    self.next_port += 1;
                    self.agent.relay_opened(self.now, relay, SocketAddr::new(local.ip(), self.next_port));
                }
                Some(_) => {}
                None => break,
            }
        }
        let statistics = self.agent.statistics();
        assert!(statistics.pairs.len() <= 100);
        assert!(statistics.remote_candidates.len() <= 116);
        assert!(statistics.local_candidates.len() <= 32 + 16 + 16 + 32 * 8);
        if let Some(route) = self.agent.selected_route() {
            assert!(statistics.selected_pair.is_some());
            assert!(route.header(1200).is_none_or(|header| header.as_bytes().len() <= route.overhead()));
        }
    }

    fn input(&mut self, transport: Transport, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        if let Received::Data { payload, .. } = self.agent.handle_input(self.now, transport, local, remote, bytes)
        {
            assert!(payload.len() <= bytes.len());
        }
        self.drain();
    }

    fn sleep(&mut self, time: Duration) {
        let until = self.now + time;
        let mut steps = 0;
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            self.drain();
            steps += 1;
            assert!(steps < 20_000, "time stands still");
        }
        self.now = until;
    }

    fn answer(&mut self, which: u8, success: bool, code: u16, address: u8, key: u8, from_elsewhere: bool) {
        let newest = self.sent.len().checked_sub(1 + usize::from(which) % 8);
        let Some(Sent { transport, local, remote, bytes }) = newest.and_then(|index| self.sent.get(index)) else {
            return;
        };
        let Ok(request) = Message::parse(bytes) else { return };
        let class = if success { Class::Success } else { Class::Error };
        let mut buffer = [0; 600];
        let mut writer = MessageWriter::answer(&mut buffer, class, &request);
        if !success {
            writer.error(ErrorCode::new(300 + code % 400).unwrap_or(ErrorCode::BAD_REQUEST));
        }
        writer
            .xor_address(XOR_MAPPED_ADDRESS, host(address))
            .xor_address(XOR_RELAYED_ADDRESS, host(address / 2))
            .address(peerline_stun::attribute::ALTERNATE_SERVER, host(address))
            .attribute(REALM, b"example.org")
            .attribute(NONCE, &[address; 9]);
        let long = LongTermKey::derive(PasswordAlgorithm::Md5, "user", "example.org", "password");
        match key % 3 {
            0 => &mut writer,
            1 => writer.integrity(PWD.as_bytes()).fingerprint(),
            _ => writer.integrity(long.as_bytes()),
        };
        let length = writer.finish().expect("room");
        let remote = if from_elsewhere { host(address) } else { *remote };
        let (transport, local) = (*transport, *local);
        self.input(transport, local, remote, &buffer[..length]);
    }

    fn check(&mut self, number: u8, at: u8, over_relay: bool, use_candidate: bool, role: u8, tie_breaker: u8) {
        let credentials = self.agent.local_credentials().clone();
        let mut buffer = [0; 500];
        let transaction = TransactionId::new([number; 12]);
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, transaction);
        writer.attribute(USERNAME, format!("{}:them", credentials.ufrag).as_bytes()).number(PRIORITY, 1 << 30);
        match role % 3 {
            0 => &mut writer,
            1 => writer.attribute(ICE_CONTROLLING, &[tie_breaker; 8]),
            _ => writer.attribute(ICE_CONTROLLED, &[tie_breaker; 8]),
        };
        if use_candidate {
            writer.attribute(USE_CANDIDATE, &[]);
        }
        let length = writer.integrity(credentials.pwd.as_bytes()).fingerprint().finish().expect("room");
        let request = buffer[..length].to_vec();
        if !over_relay {
            return self.input(Transport::Udp, local(at), host(number), &request);
        }
        let mut wrapped = [0; 700];
        let mut writer = MessageWriter::new(&mut wrapped, Class::Indication, Method::DATA, transaction);
        writer.xor_address(XOR_PEER_ADDRESS, host(number)).attribute(peerline_stun::attribute::DATA, &request);
        let length = writer.finish().expect("room");
        let own = SocketAddr::new(local(at).ip(), self.next_port);
        self.input(Transport::Udp, own, SocketAddr::from(SERVER), &wrapped[..length]);
    }

    fn run(&mut self, step: Step) {
        let now = self.now;
        let agent = &mut self.agent;
        match step {
            Step::Candidate { text } => {
                if let Ok(candidate) = text.parse() {
                    let _ = agent.add_remote_candidate(now, &candidate);
                }
            }
            Step::Told { host: number, port, priority, relayed } => {
                let kind = if relayed { "relay" } else { "host" };
                let ip = host(number).ip();
                let text = format!("candidate:{number} 1 udp {priority} {ip} {port} typ {kind}");
                let _ = agent.add_remote_candidate(now, &text.parse().expect("a candidate"));
            }
            Step::Name { name, known } => {
                let name = format!("n{name}.local");
                let text = format!("candidate:1 1 udp 1 {name} 7 typ host");
                let _ = agent.add_remote_candidate(now, &text.parse().expect("a candidate"));
                let addresses: Vec<IpAddr> = known.map(|known| host(known).ip()).into_iter().collect();
                agent.resolved(now, &name, &addresses);
            }
            Step::EndOfCandidates => agent.end_of_remote_candidates(now),
            Step::SetRemote { lite } => {
                let credentials = Credentials { ufrag: "them".into(), pwd: PWD.into() };
                agent.set_remote(now, RemoteParameters { credentials, lite });
            }
            Step::SetRole { controlling } => {
                agent.set_role(now, if controlling { Role::Controlling } else { Role::Controlled });
            }
            Step::Address { number, add: true } => agent.add_local_address(now, local(number)),
            Step::Address { number, add: false } => agent.remove_local_address(now, local(number)),
            Step::Server { turn, transport } if self.servers.len() < 8 => {
                let address = SocketAddr::from(SERVER);
                let transport = [Transport::Udp, Transport::Tcp, Transport::Tls][usize::from(transport % 3)];
                let credential = Credential { username: "user".into(), password: "password".into() };
                let server =
                    if turn { Server::Turn { address, transport, credential } } else { Server::Stun { address } };
                self.servers.push(agent.add_server(now, server));
            }
            Step::Server { .. } => {}
            Step::Credential { server } => {
                if let Some(server) = self.servers.get(usize::from(server)) {
                    let credential = Credential { username: "other".into(), password: "password".into() };
                    agent.set_credential(now, *server, credential);
                }
            }
            Step::Gather => agent.gather(now),
            Step::SourcesComplete => agent.sources_complete(now),
            Step::Restart => agent.restart(now),
            Step::CancelRestart => agent.cancel_restart(now),
            Step::Suspect => agent.suspect(now),
            Step::Unreachable { host: number } => agent.unreachable(now, local(0), host(number)),
            Step::Raw { from, at, bytes } => self.input(Transport::Udp, local(at), host(from), &bytes),
            Step::Check { host, at, over_relay, use_candidate, role, tie_breaker } => {
                self.check(host, at, over_relay, use_candidate, role, tie_breaker);
            }
            Step::Answer { which, success, code, address, key, from_elsewhere } => {
                self.answer(which, success, code, address, key, from_elsewhere);
            }
            Step::CloseRelay { relay } => {
                if let Some(relay) = self.relays.get(usize::from(relay)) {
                    agent.relay_closed(now, *relay);
                }
            }
            Step::Sleep { milliseconds } => self.sleep(Duration::from_millis(u64::from(milliseconds % 100_000))),
            Step::Close => agent.close(now),
        }
        self.drain();
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut scene = Scene {
        agent: Agent::new(Config::default(), StdRng::seed_from_u64(1)),
        now: Instant::now(),
        sent: Vec::new(),
        servers: Vec::new(),
        relays: Vec::new(),
        next_port: 20_000,
    };
    for step in steps.into_iter().take(200) {
        scene.run(step);
    }
    scene.agent.close(scene.now);
    scene.drain();
    scene.sleep(Duration::from_secs(100));
    assert_eq!(scene.agent.poll_timeout(), None);
});
