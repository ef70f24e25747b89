//! What an agent and its owner say to each other.

use std::net::{IpAddr, SocketAddr};

use peerline_sdp::Candidate;
use peerline_stun::ErrorCode;
use peerline_turn::Transport;

use crate::{GatheringState, PairId, RelayId, Role, Route, ServerId, State, TcpConnectionId};

/// A datagram, or a message for a stream, that the owner has to send. Its bytes are in the buffer handed to
/// [`Agent::poll_transmit`](crate::Agent::poll_transmit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// How: as a datagram, or over the connection from `local` to `remote`, which is a relay's, or one to the peer: in
    /// that each message has its [length](crate::tcp_frame_header) before it.
    pub transport: Transport,
    /// From where.
    pub local: SocketAddr,
    /// To where.
    pub remote: SocketAddr,
    /// How many bytes of the buffer.
    pub length: usize,
}

/// What became of a datagram that was handed to [`Agent::handle_input`](crate::Agent::handle_input).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'a> {
    /// It was for the agent.
    Handled,
    /// It is for the layer above.
    Data {
        /// The datagram as the peer sent it: a part of the input.
        payload: &'a [u8],
        /// Over which pair it came.
        pair: PairId,
    },
    /// It is a check or an answer, and has a datagram of the layer above in it. What that has to say to it is to be given
    /// to [`Agent::embed`](crate::Agent::embed), nothing included: it goes with the answer.
    Embedded {
        /// The datagram: a part of the input.
        payload: &'a [u8],
    },
    /// It isn't this agent's, or not from whom it says.
    Ignored,
}

/// What an agent has to say to its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A candidate to be told to the other side. Its extension `ufrag` says which generation it belongs to.
    LocalCandidate(Candidate),
    /// The gathering state has changed. With `Complete` the end of candidates is to be told (RFC 8838 §13).
    GatheringStateChanged(GatheringState),
    /// The state has changed.
    StateChanged(State),
    /// Datagrams of the layer above go another way from now on; with `None` there is no way.
    RouteChanged(Option<Route>),
    /// The role has changed because both agents had the same (RFC 8445 §7.3.1.1).
    RoleChanged(Role),
    /// The agent was [configured otherwise](crate::Agent::reconfigure), and gathers anew: its servers are to be added, and
    /// then [`Agent::sources_complete`](crate::Agent::sources_complete) to be called. With its number: if it isn't that of
    /// [`Agent::reconfigurations`](crate::Agent::reconfigurations), another one follows.
    ServersWanted(u32),
    /// A remote candidate is hidden behind this name (below `.local`): the owner resolves it by multicast DNS and
    /// calls [`Agent::resolved`](crate::Agent::resolved).
    ResolveName(String),
    /// The agent wants to allocate: the owner binds a UDP socket or opens a TCP or TLS connection, and calls
    /// [`Agent::relay_opened`](crate::Agent::relay_opened) or [`Agent::relay_closed`](crate::Agent::relay_closed).
    /// A UDP socket may be shared, but not with another allocation on that server (RFC 8656 §5: a 5-tuple has only one).
    OpenRelay {
        /// The name to answer under.
        relay: RelayId,
        /// Which server it belongs to.
        server: ServerId,
        /// UDP, TCP or TLS.
        transport: Transport,
        /// The local address whose interface is to be used.
        local: SocketAddr,
        /// The server; another one than in [`Server`](crate::Server) if that said so (RFC 8489 §10).
        remote: SocketAddr,
    },
    /// The allocation has ended: its socket or connection can be closed.
    CloseRelay(RelayId),
    /// A TCP connection to the other side is wanted (RFC 6544 §7.1): the owner opens it and calls
    /// [`Agent::tcp_opened`](crate::Agent::tcp_opened) or [`Agent::tcp_closed`](crate::Agent::tcp_closed).
    OpenTcp {
        /// The name to answer under.
        connection: TcpConnectionId,
        /// From where. Its port is 0 unless it has to be this one (simultaneous-open).
        local: SocketAddr,
        /// The other side's passive candidate, or its simultaneous-open one.
        remote: SocketAddr,
    },
    /// The connection isn't needed any more, or is somebody's who doesn't know the password: it can be closed.
    CloseTcp(TcpConnectionId),
    /// A [many-ports search](crate::Agent::allow_port_search) is to begin: the owner, who knows of other agents' searches, calls
    /// [`Agent::grant_port_search`](crate::Agent::grant_port_search), or is asked again each second as long as it makes sense.
    PortSearchWanted {
        /// The other side's address.
        remote: IpAddr,
    },
    /// One more UDP socket is wanted at this address, where the other side's checks may find it
    /// ([`Agent::allow_port_search`](crate::Agent::allow_port_search)): the owner binds it to a port that the system chooses and calls
    /// [`Agent::socket_opened`](crate::Agent::socket_opened). It is this agent's alone, and 256 are asked for at most.
    OpenSocket {
        /// The address.
        local: IpAddr,
    },
    /// The socket at this address isn't needed any more.
    CloseSocket(SocketAddr),
    /// A check that knew the password came from there, or was answered from there: datagrams from `remote` to `local`
    /// are this agent's.
    RemoteAddress {
        /// The socket, for owners that have several.
        local: SocketAddr,
        /// The peer. Never a relay's own address.
        remote: SocketAddr,
        /// One of this agent's checks was answered from there; otherwise it may be somebody who knows the password and has
        /// forged the source.
        proved: bool,
    },
    /// A server didn't help (W3C `icecandidateerror`).
    ServerFailed {
        /// Which.
        server: ServerId,
        /// The local address it was asked from.
        local: SocketAddr,
        /// What it said; `None` when it couldn't be reached (701 in the W3C's event).
        code: Option<ErrorCode>,
    },
}
