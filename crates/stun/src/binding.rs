//! Answers to Binding requests: RFC 8489 §3, NAT behaviour discovery (RFC 5780), and classic clients (RFC 3489).

use std::net::SocketAddr;

use crate::attribute::{
    CHANGE_REQUEST, CHANGED_ADDRESS, MAPPED_ADDRESS, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, NONCE,
    OTHER_ADDRESS, PADDING, PASSWORD_ALGORITHM, REALM, RESPONSE_ORIGIN, RESPONSE_PORT, SOURCE_ADDRESS,
    USERHASH, USERNAME, XOR_MAPPED_ADDRESS,
};
use crate::{Class, ErrorCode, Message, MessageWriter, Method};

/// A UDP address at which a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The address the socket is bound to, as the owner calls it.
    pub bound: SocketAddr,
    /// The address that clients reach it at. The same as `bound` unless there is a NAT in front.
    pub public: SocketAddr,
}

/// How a request came in.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// From where.
    pub source: SocketAddr,
    /// At which of the server's addresses; for a datagram a [`Listener::bound`].
    pub local: SocketAddr,
    /// All UDP addresses at which the server listens. Empty for a request that came over a stream,
    /// where another address can't be asked for.
    pub listeners: &'a [Listener],
}

/// An answer, written to the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Which of the server's sockets sends it: the one that got the request, or another [`Listener::bound`].
    pub from: SocketAddr,
    /// To where: the request's source address, perhaps another port.
    pub to: SocketAddr,
    /// How many bytes of the buffer.
    pub length: usize,
}

/// What every server understands in a Binding request; what only a datagram can ask for; what takes a second address.
const KNOWN: &[u16] = &[
    USERNAME,
    MESSAGE_INTEGRITY,
    MESSAGE_INTEGRITY_SHA256,
    REALM,
    NONCE,
    PASSWORD_ALGORITHM,
    USERHASH,
    RESPONSE_PORT,
    PADDING,
    CHANGE_REQUEST,
];
const FOR_DATAGRAMS: usize = 3;
const FOR_SECOND_ADDRESS: usize = 1;

const CHANGE_IP: u32 = 4;
const CHANGE_PORT: u32 = 2;

/// Answers a Binding request. `None` when it deserves no answer: it is no Binding request, its FINGERPRINT is wrong,
/// or `buffer` is too short (120 bytes always suffice, 1,500 with PADDING).
///
/// So that nobody is flooded through this server, an answer holds no more than was asked for: only the mapped address
/// when there is no second address to tell of, never SOFTWARE, never a reason phrase.
pub fn respond(request: &Message<'_>, arrival: &Arrival<'_>, buffer: &mut [u8]) -> Option<Answer> {
    if request.class() != Class::Request
        || request.method() != Method::BINDING
        || request.fingerprint() == Some(false)
    {
        return None;
    }
    let here = arrival.listeners.iter().find(|listener| listener.bound == arrival.local);
    let second = here.and_then(|here| Second::find(*here, arrival.listeners));
    let change = request.number(CHANGE_REQUEST).unwrap_or(0) & (CHANGE_IP | CHANGE_PORT);
    let mut answer = Answer { from: arrival.local, to: arrival.source, length: 0 };

    let not_understood = match (here, &second) {
        // A change request that changes nothing can be granted by anybody.
        (Some(_), Some(_)) => 0,
        (Some(_), None) if change == 0 => 0,
        (Some(_), None) => FOR_SECOND_ADDRESS,
        (None, _) => FOR_DATAGRAMS,
    };
    let known = KNOWN.get(..KNOWN.len() - not_understood).unwrap_or(KNOWN);
    if request.unknown_attributes(known).next().is_some() {
        let mut writer = MessageWriter::answer(buffer, Class::Error, request);
        writer.error(ErrorCode::UNKNOWN_ATTRIBUTE).unknown_attributes(request.unknown_attributes(known));
        answer.length = writer.finish().ok()?;
        return Some(answer);
    }

    let padding = request.attribute(PADDING);
    if let Some(value) = request.attribute(RESPONSE_PORT) {
        let port = value.first_chunk().map_or(0, |port| u16::from_be_bytes(*port));
        // RFC 5780 §6.1: the two attributes exclude each other.
        if port == 0 || padding.is_some() {
            let mut writer = MessageWriter::answer(buffer, Class::Error, request);
            answer.length = writer.error(ErrorCode::BAD_REQUEST).finish().ok()?;
            return Some(answer);
        }
        answer.to.set_port(port);
    }

    let origin = second.as_ref().map(|second| second.changed(change));
    if let Some(origin) = origin {
        answer.from = origin.bound;
    }
    let mut writer = MessageWriter::answer(buffer, Class::Success, request);
    if request.is_classic() {
        writer.address(MAPPED_ADDRESS, arrival.source);
        if let (Some(origin), Some(second)) = (origin, &second) {
            writer.address(SOURCE_ADDRESS, origin.public);
            writer.address(CHANGED_ADDRESS, second.other.public);
        }
    } else {
        writer.xor_address(XOR_MAPPED_ADDRESS, arrival.source);
        if let (Some(origin), Some(second)) = (origin, &second) {
            // RFC 5780 §6.1 wants both, to tell NATs that rewrite addresses.
            writer.address(MAPPED_ADDRESS, arrival.source);
            writer.address(RESPONSE_ORIGIN, origin.public);
            writer.address(OTHER_ADDRESS, second.other.public);
        }
    }
    if padding.is_some() {
        pad(&mut writer, request.as_bytes().len());
    }
    answer.length = writer.finish().ok()?;
    Some(answer)
}

/// Appends PADDING so that the answer is as long as its request (RFC 5780 §7.6), but never longer. 1,500 bytes are more than
/// one Ethernet packet carries: enough to see whether fragments get through.
fn pad(writer: &mut MessageWriter<'_>, request: usize) {
    const ZEROES: [u8; 1500] = [0; 1500];
    let room = request.min(ZEROES.len()).saturating_sub(writer.len() + 4);
    if let Some(padding) = ZEROES.get(..room).filter(|padding| !padding.is_empty()) {
        writer.attribute(PADDING, padding);
    }
}

/// The four addresses that RFC 5780 needs: two IP addresses, both loopback or neither, with the same two ports,
/// seen from the one a request came in at.
struct Second {
    here: Listener,
    other_port: Listener,
    other_ip: Listener,
    other: Listener,
}

impl Second {
    fn find(here: Listener, listeners: &[Listener]) -> Option<Self> {
        let at = |ip, port| {
            let wanted = SocketAddr::new(ip, port);
            listeners.iter().find(|listener| listener.bound == wanted).copied()
        };
        let (ip, port) = (here.bound.ip(), here.bound.port());
        listeners.iter().find_map(|&other| {
            let (second_ip, second_port) = (other.bound.ip(), other.bound.port());
            // An answer leaves neither loopback for elsewhere nor the other way round.
            let alike = second_ip.is_ipv4() == ip.is_ipv4() && second_ip.is_loopback() == ip.is_loopback();
            (alike && second_ip != ip && second_port != port).then_some(())?;
            Some(Self { here, other_port: at(ip, second_port)?, other_ip: at(second_ip, port)?, other })
        })
    }

    fn changed(&self, change: u32) -> Listener {
        match (change & CHANGE_IP != 0, change & CHANGE_PORT != 0) {
            (false, false) => self.here,
            (false, true) => self.other_port,
            (true, false) => self.other_ip,
            (true, true) => self.other,
        }
    }
}
