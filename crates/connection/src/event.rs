//! What a connection and its owner say to each other.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use peerline_dtls::Failure;
use peerline_ice::{RelayId, ServerId, TcpConnectionId, Transport};
use peerline_sctp::{ChannelError, ChannelHandle, PayloadKind};

use crate::{
    DtlsTransportState, IceCandidate, IceConnectionState, IceGatheringState, PeerConnectionState,
    SignalingState,
};

/// A datagram, or a framed message of a stream, that came in.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// How it came.
    pub transport: Transport,
    /// At which of our addresses.
    pub local: SocketAddr,
    /// From whom.
    pub remote: SocketAddr,
    /// Its bytes. They are decrypted where they lie.
    pub payload: &'a mut [u8],
}

/// Datagrams that the owner has to send. Their bytes are in the buffer handed to
/// [`Connection::poll_transmit`](crate::Connection::poll_transmit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// How: as datagrams, or over the connection from `local` to `remote`, which is a relay's, or one to the peer: in that each
    /// message has its [length](peerline_ice::tcp_frame_header) before it.
    pub transport: Transport,
    /// From where.
    pub local: SocketAddr,
    /// To where.
    pub remote: SocketAddr,
    /// How many bytes of the buffer.
    pub length: usize,
    /// If set there are several datagrams, one behind the other, each this long; the last one may be shorter.
    /// Never set for streams.
    pub segment_size: Option<usize>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An offer is to be made (W3C `negotiationneeded`).
    NegotiationNeeded,
    /// W3C `signalingstatechange`.
    SignalingStateChange(SignalingState),
    /// W3C `icegatheringstatechange`.
    IceGatheringStateChange(IceGatheringState),
    /// W3C `iceconnectionstatechange`.
    IceConnectionStateChange(IceConnectionState),
    /// W3C `connectionstatechange`.
    ConnectionStateChange(PeerConnectionState),
    /// W3C `RTCDtlsTransport`'s `statechange`.
    DtlsTransportStateChange(DtlsTransportState),
    /// W3C `RTCDtlsTransport`'s `error`: why it failed.
    DtlsTransportError(Failure),
    /// A candidate of ours, to be told to the peer (W3C `icecandidate`). With an empty `candidate` no more follow.
    IceCandidate(IceCandidate),
    /// A server didn't help (W3C `icecandidateerror`).
    IceCandidateError {
        /// Which.
        server: ServerId,
        /// The local address it was asked from.
        local: SocketAddr,
        /// STUN's error code, or 701 if the server couldn't be reached.
        error_code: u16,
    },

    /// The peer opened a channel (W3C `datachannel`). It is open.
    DataChannel(ChannelHandle),
    /// A channel of ours is open (W3C `open`).
    DataChannelOpen(ChannelHandle),
    /// A message (W3C `message`). Text isn't checked to be UTF-8.
    DataChannelMessage {
        /// On which channel.
        channel: ChannelHandle,
        /// Text or bytes.
        kind: PayloadKind,
        /// The message.
        data: Bytes,
    },
    /// A piece of a message, on a channel that is read in pieces.
    DataChannelPart {
        /// On which channel.
        channel: ChannelHandle,
        /// Text or bytes.
        kind: PayloadKind,
        /// The next bytes of the message.
        data: Bytes,
        /// The message begins here.
        is_first: bool,
        /// The message ends here.
        is_last: bool,
    },
    /// W3C `bufferedamountlow`.
    DataChannelBufferedAmountLow(ChannelHandle),
    /// The peer closes the channel (W3C `closing`).
    DataChannelClosing(ChannelHandle),
    /// The channel is closed (W3C `close`, after `error` if there is one). The handle names nothing any more.
    DataChannelClose {
        /// Which channel.
        channel: ChannelHandle,
        /// Why, if neither side closed it.
        error: Option<ChannelError>,
    },

    /// The configuration has other servers, and candidates are gathered from them: the owner resolves their names, hands
    /// them in with [`Connection::add_server`](crate::Connection::add_server), and then calls
    /// [`Connection::sources_complete`](crate::Connection::sources_complete). With its number: if it isn't that of
    /// [`Agent::reconfigurations`](peerline_ice::Agent::reconfigurations), another one follows.
    ServersWanted(u32),
    /// A candidate of the peer's hides behind this name: the owner resolves it by multicast DNS and calls
    /// [`Connection::resolved`](crate::Connection::resolved).
    ResolveName(String),
    /// A relay is wanted: the owner binds a UDP socket or opens a TCP or TLS connection, and calls
    /// [`Connection::relay_opened`](crate::Connection::relay_opened) or
    /// [`Connection::relay_closed`](crate::Connection::relay_closed).
    OpenRelay {
        /// The name to answer under.
        relay: RelayId,
        /// Which server it belongs to.
        server: ServerId,
        /// UDP, TCP or TLS.
        transport: Transport,
        /// The local address whose interface is to be used.
        local: SocketAddr,
        /// The server's address.
        remote: SocketAddr,
    },
    /// The relay isn't needed any more: its socket or connection can be closed.
    CloseRelay(RelayId),
    /// A TCP connection to the peer is wanted (RFC 6544): the owner opens it and calls
    /// [`Connection::tcp_opened`](crate::Connection::tcp_opened) or [`Connection::tcp_closed`](crate::Connection::tcp_closed).
    OpenTcp {
        /// The name to answer under.
        connection: TcpConnectionId,
        /// From where. Its port is 0 unless it has to be this one.
        local: SocketAddr,
        /// The peer's candidate.
        remote: SocketAddr,
    },
    /// The TCP connection isn't needed any more, or is somebody's who doesn't know the password: it can be closed.
    CloseTcp(TcpConnectionId),
    /// A many-ports search is to begin: where it may, the owner calls
    /// [`Connection::grant_port_search`](crate::Connection::grant_port_search).
    PortSearchWanted {
        /// The peer's address.
        remote: IpAddr,
    },
    /// One more UDP socket is wanted at this address, for the many-ports search: the owner binds it to a port that the system chooses
    /// and calls [`Connection::socket_opened`](crate::Connection::socket_opened).
    OpenSocket {
        /// The address.
        local: IpAddr,
    },
    /// The socket at this address isn't needed any more.
    CloseSocket(SocketAddr),
    /// Datagrams from `remote` to `local` are this connection's.
    RemoteAddress {
        /// The socket.
        local: SocketAddr,
        /// The peer.
        remote: SocketAddr,
        /// The peer has answered from there; otherwise the source may be forged by somebody who knows the password.
        proved: bool,
    },
}
