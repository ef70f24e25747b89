//! The server: Peerline's own TURN machine and the sockets around it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerline_ice::{Credential, Transport};
use peerline_turn::{
    AllocationId, AllocationRequest, Client, Config, Credentials, Event, Families, FromClient, FromPeer,
    Granted, Limits, NonceKey, PeerPolicy, Refusal, RelayedPorts, Server, WallClock, issue,
};
use rand::rngs::StdRng;

use super::Packet;

const SERVER_IPV4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const OTHER_SERVER_IPV4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
pub const SERVER_IP: IpAddr = IpAddr::V4(SERVER_IPV4);
pub const LISTENER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(SERVER_IPV4, 3478));
pub const OTHER_LISTENER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(OTHER_SERVER_IPV4, 3478));
/// It listens there, too, over all transports.
pub const SECOND_LISTENER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(SERVER_IPV4, 443));

pub type Grant = Box<dyn FnMut(&AllocationRequest) -> Option<Refusal>>;

pub struct TurnNode {
    pub server: Server,
    pub listener: SocketAddr,
    ports: Arc<RelayedPorts>,
    pub relays: BTreeMap<SocketAddr, AllocationId>,
    next_port: u16,
    pub refuse: Option<Refusal>,
    /// It doesn't answer at all.
    pub dead: bool,
    pub ended: usize,
    /// Messages from clients that began with a ChannelData header, and Send indications.
    pub channel_data: usize,
    pub control: usize,
}

impl TurnNode {
    pub fn new(now: Instant, listener: SocketAddr, random: &mut StdRng) -> Self {
        let ports = Arc::new(RelayedPorts::new());
        let config = Config {
            credentials: Credentials::new("example.org").with_secret("north"),
            nonce_key: NonceKey::generate(random),
            wall_clock: Arc::new(WallClock::new(now, Duration::from_secs(1_000_000))),
            policy: PeerPolicy { lan: true, own: vec![listener.ip()], ..PeerPolicy::default() },
            relayed_ports: ports.clone(),
            relayed_tcp_ports: Arc::default(),
            connection_ids: Arc::default(),
            listeners: Vec::new(),
            families: Families { ipv4: true, ipv6: false },
            limits: Limits::default(),
        };
        Self {
            server: Server::new(Arc::new(config), random),
            listener,
            ports,
            relays: BTreeMap::new(),
            next_port: 50_000,
            refuse: None,
            dead: false,
            ended: 0,
            channel_data: 0,
            control: 0,
        }
    }

    pub fn credential(&self, user: &str) -> Credential {
        let issued = issue(b"north", user, 2_000_000);
        Credential { username: issued.username, password: issued.password }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.server.poll_timeout()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.server.handle_timeout(now);
        self.drain(now);
    }

    pub fn handle(&mut self, now: Instant, packet: Packet) -> Vec<Packet> {
        if self.dead {
            return Vec::new();
        }
        let Packet { transport, source, destination, bytes } = packet;
        if destination != self.listener && destination != SECOND_LISTENER {
            return self.peer_sends(now, source, destination, bytes);
        }
        // Over a stream, ChannelData comes without its padding.
        let length = match bytes.first_chunk::<4>() {
            Some(&[first, _, high, low]) if first >> 6 == 1 => {
                4 + usize::from(u16::from_be_bytes([high, low]))
            }
            _ => bytes.len(),
        };
        self.channel_data += usize::from(bytes[0] >> 6 == 1);
        let client = Client { transport, remote: source, local: destination };
        match self.server.relay_from_client(now, &client, &bytes[..length]) {
            FromClient::Relay { allocation, peer, payload, .. } => {
                let relayed = self.relays.iter().find(|(_, id)| **id == allocation);
                let source = *relayed.expect("a relay's address").0;
                let bytes = payload.to_vec();
                vec![Packet { transport: Transport::Udp, source, destination: peer, bytes }]
            }
            FromClient::Control => {
                self.control += 1;
                self.server.handle_input(now, &client, &bytes);
                self.drain(now)
            }
            FromClient::Dropped(_) => Vec::new(),
        }
    }

    fn peer_sends(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: Vec<u8>,
    ) -> Vec<Packet> {
        let Some(id) = self.relays.get(&destination) else {
            return Vec::new();
        };
        match self.server.relay_from_peer(now, *id, source, bytes.len()) {
            FromPeer::Relay { client, header } => {
                // The reader of a stream takes the padding away.
                let padding = if client.transport.is_stream() && header.as_bytes().len() == 4 {
                    0
                } else {
                    header.padding()
                };
                let bytes = [header.as_bytes(), &bytes, &[0; 3][..padding]].concat();
                let Client { transport, remote, local } = client;
                vec![Packet { transport, source: local, destination: remote, bytes }]
            }
            FromPeer::Dropped(_) => Vec::new(),
        }
    }

    fn drain(&mut self, now: Instant) -> Vec<Packet> {
        let mut packets = Vec::new();
        let mut buffer = [0; 1600];
        loop {
            if let Some(transmit) = self.server.poll_transmit(&mut buffer) {
                packets.push(Packet {
                    transport: transmit.transport,
                    source: transmit.local,
                    destination: transmit.remote,
                    bytes: buffer[..transmit.length].to_vec(),
                });
                continue;
            }
            match self.server.poll_event() {
                Some(Event::AllocationRequested(request)) => {
                    let answer = match self.refuse {
                        Some(refusal) => Err(refusal),
                        None => Ok(self.next_port()),
                    };
                    let granted = answer.map(|ipv4| Granted { ipv4: Some(ipv4), ..Granted::default() });
                    let relayed = granted.as_ref().ok().and_then(|granted| granted.ipv4);
                    if let Some(id) = self.server.allocated(now, request.request, granted)
                        && let Some(relayed) = relayed
                    {
                        self.relays.insert(relayed, id);
                        self.ports.insert(relayed);
                    }
                }
                Some(Event::AllocationEnded { allocation, .. }) => {
                    self.relays.retain(|_, id| *id != allocation);
                    self.ended += 1;
                }
                Some(_) => {}
                None => break,
            }
        }
        packets
    }

    fn next_port(&mut self) -> SocketAddr {
        self.next_port += 1;
        SocketAddr::new(self.listener.ip(), self.next_port)
    }
}
