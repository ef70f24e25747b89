//! One request on its way.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_stun::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, CHANNEL_NUMBER, CONNECTION_ID, LIFETIME, REQUESTED_ADDRESS_FAMILY,
    REQUESTED_TRANSPORT, XOR_PEER_ADDRESS,
};
use peerline_stun::integrity::Algorithm;
use peerline_stun::transaction::{Retransmission, Transaction};
use peerline_stun::{Class, MessageWriter, Method, TransactionId};

use super::authentication::Authentication;
use crate::{ConnectionId, Families, Transport};

/// How often a request is sent with another nonce.
pub(super) const CHALLENGES_MAX: u32 = 3;

/// Long enough for user name (508 bytes), realm and nonce (763 each), and the rest.
const LONGEST: usize = 2200;

/// When a request is sent for the last time, about: 31.5 s in RFC 8489 §6.2.1.
const LAST_SENT_AFTER: Duration = Duration::from_secs(25);

const TCP: [u8; 4] = [6, 0, 0, 0];
const UDP: [u8; 4] = [17, 0, 0, 0];
const IPV6: [u8; 4] = [2, 0, 0, 0];

/// Which relayed addresses are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub families: Families,
    /// Of TCP (RFC 6062 §4.1).
    pub is_tcp: bool,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Allocate,
    Refresh { release: bool },
    Permit(Vec<IpAddr>),
    Bind { number: u16, peer: SocketAddr },
    Connect(SocketAddr),
    BindConnection(ConnectionId),
}

impl Kind {
    pub fn method(&self) -> Method {
        match self {
            Self::Allocate => Method::ALLOCATE,
            Self::Refresh { .. } => Method::REFRESH,
            Self::Permit(_) => Method::CREATE_PERMISSION,
            Self::Bind { .. } => Method::CHANNEL_BIND,
            Self::Connect(_) => Method::CONNECT,
            Self::BindConnection(_) => Method::CONNECTION_BIND,
        }
    }

    fn write(&self, writer: &mut MessageWriter<'_>, wanted: Wanted) {
        match self {
            Self::Allocate => {
                writer.attribute(REQUESTED_TRANSPORT, if wanted.is_tcp { &TCP } else { &UDP });
                match wanted.families {
                    Families { ipv4: true, ipv6: true } => writer.attribute(ADDITIONAL_ADDRESS_FAMILY, &IPV6),
                    Families { ipv4: false, ipv6: true } => writer.attribute(REQUESTED_ADDRESS_FAMILY, &IPV6),
                    _ => writer,
                };
            }
            Self::Refresh { release: true } => {
                writer.number(LIFETIME, 0);
            }
            Self::Refresh { release: false } => {}
            Self::Permit(peers) => {
                for peer in peers {
                    writer.xor_address(XOR_PEER_ADDRESS, SocketAddr::new(*peer, 0));
                }
            }
            Self::Bind { number, peer } => {
                writer.number(CHANNEL_NUMBER, u32::from(*number) << 16).xor_address(XOR_PEER_ADDRESS, *peer);
            }
            Self::Connect(peer) => {
                writer.xor_address(XOR_PEER_ADDRESS, *peer);
            }
            Self::BindConnection(ConnectionId(connection)) => {
                writer.number(CONNECTION_ID, *connection);
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Request {
    pub kind: Kind,
    pub transaction: TransactionId,
    pub timer: Transaction,
    pub bytes: Box<[u8]>,
    /// What protects it, if anything does.
    pub integrity: Option<Algorithm>,
    /// How often the server wanted it again with another nonce.
    pub challenges: u32,
    pub times_sent: u32,
    /// When it was sent, if only once: then the answer tells the round trip.
    pub sent_once: Option<Instant>,
}

impl Request {
    /// `None` when it can't be written, which only a user name of more than 508 bytes can bring about.
    pub fn new(
        now: Instant,
        kind: Kind,
        transaction: TransactionId,
        retransmission: Retransmission,
        challenges: u32,
        wanted: Wanted,
        authentication: &Authentication,
    ) -> Option<Self> {
        let mut buffer = [0; LONGEST];
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, kind.method(), transaction);
        kind.write(&mut writer, wanted);
        let integrity = authentication.sign(&mut writer);
        let length = writer.finish().ok()?;
        Some(Self {
            kind,
            transaction,
            timer: Transaction::new(now, retransmission),
            bytes: buffer.get(..length)?.into(),
            integrity,
            challenges,
            times_sent: 0,
            sent_once: None,
        })
    }
}

/// RFC 8489 §6.2.1, with the round trip once it is known (RFC 6298 §2: three times the first measure). On a fast path a request is
/// sent more often, not given up sooner: the path may be dead for a while.
pub(super) fn retransmission(transport: Transport, round_trip: Option<Duration>) -> Retransmission {
    if transport.is_stream() {
        return Retransmission::STREAM;
    }
    let Some(round_trip) = round_trip else {
        return Retransmission::DATAGRAM;
    };
    let timeout = (round_trip * 3).clamp(Duration::from_millis(100), Duration::from_secs(3));
    let last_sent_after = |count: u32| timeout * ((1 << count) - 1);
    let count = (1..10).find(|count| last_sent_after(*count) >= LAST_SENT_AFTER).unwrap_or(10) + 1;
    Retransmission { timeout, count, ..Retransmission::DATAGRAM }
}
