//! The smallest TURN client that can load a server: long-term credentials over UDP, one channel (RFC 8656).
//!
//! It is written apart from Peerline's own crates on purpose: a shared mistake would not show.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

/// The channel every client binds to its peer.
pub const CHANNEL: u16 = 0x4000;
/// Bytes in front of a ChannelData message's payload.
pub const CHANNEL_HEADER: usize = 4;

const ALLOCATE: u16 = 0x003;
const REFRESH: u16 = 0x004;
const CHANNEL_BIND: u16 = 0x009;
const CLASS_SUCCESS: u16 = 0x100;
const CLASS_ERROR: u16 = 0x110;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const CHANNEL_NUMBER: u16 = 0x000C;
const LIFETIME: u16 = 0x000D;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;

const MAGIC: u32 = 0x2112_A442;

/// Who the client says it is.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

/// One client with one allocation. Dropping it leaves the allocation to expire.
pub struct TurnClient {
    socket: UdpSocket,
    username: String,
    key: [u8; 16],
    realm: Vec<u8>,
    nonce: Vec<u8>,
    transaction: u32,
    /// Where the server receives for us.
    pub relayed: SocketAddr,
}

impl TurnClient {
    fn new(server: SocketAddr, login: Login<'_>) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        Ok(Self {
            socket,
            username: login.name.to_owned(),
            key: [0; 16],
            realm: Vec::new(),
            nonce: Vec::new(),
            transaction: 0,
            relayed: server,
        })
    }

    /// Allocates from a fresh socket: request, 401 challenge, request with credentials.
    pub fn allocate(server: SocketAddr, login: Login<'_>) -> Result<Self> {
        // The system may hand out a port whose allocation coturn still remembers (437): then another one.
        let transport = [(REQUESTED_TRANSPORT, vec![17, 0, 0, 0])];
        let mut attempts = 5;
        let (mut client, challenge) = loop {
            let mut client = Self::new(server, login)?;
            let challenge = client.request(ALLOCATE, &transport)?;
            attempts -= 1;
            if challenge.error != Some(437) || attempts == 0 {
                break (client, challenge);
            }
        };
        ensure!(challenge.error == Some(401), "expected a 401 challenge, got {:?}", challenge.error);
        client.answer(&challenge, login)?;
        let mut answer = client.request(ALLOCATE, &transport)?;
        if answer.error == Some(438) {
            client.answer(&answer, login)?;
            answer = client.request(ALLOCATE, &transport)?;
        }
        answer.succeeded("Allocate")?;
        client.relayed = answer
            .find(XOR_RELAYED_ADDRESS)
            .and_then(decode_address)
            .context("Allocate answer without XOR-RELAYED-ADDRESS")?;
        Ok(client)
    }

    /// Binds [`CHANNEL`] to `peer`.
    pub fn bind_channel(&mut self, peer: SocketAddr) -> Result<()> {
        let channel = [(CHANNEL >> 8) as u8, CHANNEL as u8, 0, 0].to_vec();
        let answer = self
            .request(CHANNEL_BIND, &[(CHANNEL_NUMBER, channel), (XOR_PEER_ADDRESS, encode_address(peer)?)])?;
        answer.succeeded("ChannelBind")
    }

    /// Gives the allocation back (a Refresh with lifetime 0, RFC 8656 §8) and returns the socket: while it lives,
    /// nobody else gets its port, for which some servers remember the old allocation a little longer.
    pub fn release(mut self) -> Result<UdpSocket> {
        self.request(REFRESH, &[(LIFETIME, vec![0; 4])])?.succeeded("Refresh")?;
        Ok(self.socket)
    }

    /// The socket, ready to carry ChannelData.
    pub fn into_socket(self) -> UdpSocket {
        self.socket
    }

    fn answer(&mut self, challenge: &Answer, login: Login<'_>) -> Result<()> {
        self.realm = challenge.find(REALM).context("challenge without REALM")?.to_vec();
        self.nonce = challenge.find(NONCE).context("challenge without NONCE")?.to_vec();
        let mut hash = Md5::new();
        hash.update(login.name);
        hash.update(":");
        hash.update(&self.realm);
        hash.update(":");
        hash.update(login.password);
        self.key = hash.finalize().into();
        Ok(())
    }

    fn request(&mut self, method: u16, attributes: &[(u16, Vec<u8>)]) -> Result<Answer> {
        self.transaction += 1;
        let mut id = [0; 12];
        id[..4].copy_from_slice(&self.transaction.to_be_bytes());
        id[4..6].copy_from_slice(&self.socket.local_addr()?.port().to_be_bytes());

        let mut message = Vec::with_capacity(256);
        message.extend_from_slice(&method.to_be_bytes());
        message.extend_from_slice(&[0, 0]);
        message.extend_from_slice(&MAGIC.to_be_bytes());
        message.extend_from_slice(&id);
        for (kind, value) in attributes {
            push(&mut message, *kind, value);
        }
        if !self.nonce.is_empty() {
            push(&mut message, USERNAME, self.username.as_bytes());
            push(&mut message, REALM, &self.realm);
            push(&mut message, NONCE, &self.nonce);
            let length = (message.len() - 20 + 24) as u16;
            message[2..4].copy_from_slice(&length.to_be_bytes());
            let mut mac = Hmac::<Sha1>::new_from_slice(&self.key).context("HMAC key")?;
            mac.update(&message);
            let code = mac.finalize().into_bytes();
            push(&mut message, MESSAGE_INTEGRITY, &code);
        }
        let length = (message.len() - 20) as u16;
        message[2..4].copy_from_slice(&length.to_be_bytes());

        let mut buffer = [0; 2048];
        for _ in 0..7 {
            self.socket.set_read_timeout(Some(Duration::from_millis(500)))?;
            self.socket.send(&message)?;
            loop {
                match self.socket.recv(&mut buffer) {
                    Ok(length) if length >= 20 && buffer[8..20] == id => {
                        return Answer::parse(method, &buffer[..length]);
                    }
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                        break;
                    }
                    Err(error) => return Err(error).context("the TURN server does not listen"),
                }
            }
        }
        bail!("no answer to method {method:#x}")
    }
}

/// A ChannelData message with a payload of `size` bytes.
pub fn channel_data(size: usize) -> Vec<u8> {
    let mut message = vec![0x5A; CHANNEL_HEADER + size];
    message[..2].copy_from_slice(&CHANNEL.to_be_bytes());
    message[2..4].copy_from_slice(&(size as u16).to_be_bytes());
    message
}

struct Answer {
    error: Option<u16>,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Answer {
    fn parse(method: u16, message: &[u8]) -> Result<Self> {
        let kind = u16::from_be_bytes([message[0], message[1]]);
        let mut attributes = Vec::new();
        let mut rest = &message[20..];
        while let [a, b, c, d, tail @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*c, *d]));
            ensure!(tail.len() >= length, "truncated attribute");
            attributes.push((u16::from_be_bytes([*a, *b]), tail[..length].to_vec()));
            rest = tail.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        let mut answer = Self { error: None, attributes };
        if kind == method | CLASS_ERROR {
            let code = answer.find(ERROR_CODE).context("error without ERROR-CODE")?;
            ensure!(code.len() >= 4, "short ERROR-CODE");
            answer.error = Some(u16::from(code[2] & 7) * 100 + u16::from(code[3]));
        } else {
            ensure!(kind == method | CLASS_SUCCESS, "unexpected message {kind:#x}");
        }
        Ok(answer)
    }

    fn find(&self, kind: u16) -> Option<&[u8]> {
        let (_, value) = self.attributes.iter().find(|(found, _)| *found == kind)?;
        Some(value)
    }

    fn succeeded(&self, what: &str) -> Result<()> {
        match self.error {
            None => Ok(()),
            Some(code) => bail!("{what} refused with {code}"),
        }
    }
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&(value.len() as u16).to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn encode_address(address: SocketAddr) -> Result<Vec<u8>> {
    let IpAddr::V4(ip) = address.ip() else {
        bail!("the generator speaks IPv4 only");
    };
    let mut value = vec![0, 1];
    value.extend_from_slice(&(address.port() ^ (MAGIC >> 16) as u16).to_be_bytes());
    value.extend_from_slice(&(u32::from(ip) ^ MAGIC).to_be_bytes());
    Ok(value)
}

fn decode_address(value: &[u8]) -> Option<SocketAddr> {
    let [0, 1, p0, p1, a, b, c, d] = *value else {
        return None;
    };
    let port = u16::from_be_bytes([p0, p1]) ^ (MAGIC >> 16) as u16;
    let ip = Ipv4Addr::from(u32::from_be_bytes([a, b, c, d]) ^ MAGIC);
    Some(SocketAddr::new(ip.into(), port))
}
