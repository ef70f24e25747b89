//! What was found out, without a word of what it means.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// Everything that was found out. What is missing was not tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Evidence {
    /// The server's origin.
    pub(crate) server: String,
    /// Its addresses, as its name resolves.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) interfaces: Vec<Interface>,
    /// A request for `/healthz`.
    pub(crate) web: Option<Web>,
    /// The same through the proxy that the flag or the environment names.
    pub(crate) proxy: Option<Proxy>,
    /// A channel of one's own was entered.
    pub(crate) signaling: Option<Outcome>,
    /// A TCP connection to a port that is not the web's.
    pub(crate) other_tcp: Option<OtherTcp>,
    /// The server's clock less this machine's.
    pub(crate) clock: Option<Clock>,
    pub(crate) udp: Vec<Udp>,
    /// The router was asked to forward a port.
    pub(crate) port_mapping: Option<PortMapping>,
    pub(crate) turn: Vec<Turn>,
    pub(crate) call: Option<Call>,
}

/// An address of this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
}

/// How something went that needs no more words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done {
        /// Milliseconds.
        took: f64,
    },
    Failed {
        reason: String,
    },
}

/// What came of a web request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Web {
    /// The server answered.
    Answered {
        /// Milliseconds, the TCP and the TLS handshake included.
        took: f64,
    },
    /// Something answered that is not the server.
    Foreign {
        /// What it said first.
        said: String,
    },
    /// A certificate was shown that is not believed.
    Untrusted { reason: String },
    /// TCP stood, and was broken off before an answer.
    Broken { reason: String },
    /// The connection was refused.
    Refused { reason: String },
    /// There is no route to the server's address.
    NoRoute { reason: String },
    /// Nothing came.
    Silent,
    /// The server's name leads nowhere.
    NoName { reason: String },
}

/// The proxy and what came of asking through it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    pub(crate) web: Web,
}

/// What became of a TCP connection to another port of the server's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OtherTcp {
    pub(crate) address: SocketAddr,
    pub(crate) outcome: Tcp,
    /// Why it can't be made.
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tcp {
    Open,
    Refused,
    /// There is no way there, or what is in between forbids it.
    Unreachable,
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Clock {
    /// Seconds.
    pub(crate) ahead: f64,
    /// How far off that may be, in seconds.
    pub(crate) within: f64,
}

/// STUN over UDP with one of the server's addresses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Udp {
    /// The server's address.
    pub(crate) server: IpAddr,
    /// The ports that were asked.
    pub(crate) ports: Vec<u16>,
    /// How often each was asked before it counted as silent.
    pub(crate) attempts: u32,
    pub(crate) answer: Option<UdpAnswer>,
    /// Why nothing could be sent.
    pub(crate) unsendable: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct UdpAnswer {
    /// This side's own address.
    pub(crate) local: SocketAddr,
    /// The address that the server sees.
    pub(crate) mapped: SocketAddr,
    /// Milliseconds.
    pub(crate) round_trip: f64,
    /// Another socket, which asked several of the server's addresses one after the other.
    pub(crate) mapping_local: SocketAddr,
    /// Where it was seen by each.
    pub(crate) mappings: Vec<Mapping>,
    /// What came to a socket that had asked this address only (RFC 5780 §4.4); missing where the server has no second one.
    pub(crate) filtering: Option<Filtering>,
    /// Whether two sockets here reach each other by their addresses outside; missing where there is no NAT.
    pub(crate) hairpin: Option<bool>,
    pub(crate) packets: Option<PacketSize>,
}

/// Where a socket was seen by one of the server's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Mapping {
    pub(crate) server: SocketAddr,
    /// Missing when that address did not answer.
    pub(crate) mapped: Option<SocketAddr>,
}

/// Whether answers came from where nothing had been sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Filtering {
    /// From another IP address and port.
    pub(crate) from_other_address: bool,
    /// From the same IP address and another port.
    pub(crate) from_other_port: bool,
}

/// IP packets that may not be fragmented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct PacketSize {
    /// The largest that was answered, in bytes with its headers.
    pub(crate) passed: usize,
    /// The smallest that was not.
    pub(crate) lost: Option<usize>,
}

/// What came of asking the router for a port.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PortMapping {
    pub(crate) router: IpAddr,
    /// Where it was to forward to.
    pub(crate) local: SocketAddr,
    /// Missing where it granted nothing.
    pub(crate) granted: Option<OpenedPort>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OpenedPort {
    /// `PCP`, `NAT-PMP` or `UPnP`
    pub(crate) protocol: String,
    /// Where the router forwards from.
    pub(crate) external: SocketAddr,
}

/// An allocation at the relay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Turn {
    pub(crate) url: String,
    /// `udp`, `tcp` or `tls`
    pub(crate) transport: &'static str,
    pub(crate) result: TurnResult,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum TurnResult {
    Allocated {
        relayed: SocketAddr,
        /// Milliseconds from the first packet.
        took: f64,
    },
    Failed {
        reason: String,
    },
}

/// A call between two peers in this program, through the relay only.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Call {
    Connected {
        /// Milliseconds until a message could be sent.
        took: f64,
        /// Milliseconds for a message and its answer, the middle of several.
        round_trip: f64,
        /// How the relay was reached: `udp`, `tcp` or `tls`.
        relay_protocol: Option<String>,
        /// Bits per second that arrived.
        throughput: f64,
        /// Of messages that are not sent again: how many were sent, and how many arrived.
        sent: u32,
        arrived: u32,
    },
    Failed {
        reason: String,
    },
}
