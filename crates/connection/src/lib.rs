//! One peer connection (RFC 9429, W3C webrtc-pc) as a machine without sockets, clock or threads.
//!
//! [`Connection`] joins the machines below it: offer and answer decide what ICE, DTLS and SCTP do, and data channels
//! come out. Its owner has the sockets, the clock and the names' resolution.
//!
//! ```text
//! application ⇄ Connection: descriptions, candidates, channels, messages
//!                 │ jsep: what was offered and agreed on
//!                 │ sctp (data channels) ⇄ dtls ⇄ ice's selected route
//! sockets     ⇄ Connection::handle_input, poll_transmit
//! ```
//!
//! Method and event names are the W3C's; [`Error::name`] is what a browser would throw.

mod channels;
mod configuration;
mod connection;
mod error;
mod event;
mod flow;
mod ice_server;
mod jsep;
mod network;
mod states;
mod train;

pub use channels::{DataChannelInit, Priority};
pub use configuration::{BundlePolicy, Configuration};
pub use connection::Connection;
pub use error::Error;
pub use event::{Datagram, Event, Transmit};
pub use ice_server::{IceServer, IceServerScheme, IceServerUrl};
pub use jsep::{Description, IceCandidate, SdpType};
pub use peerline_dtls::Certificate;
pub use peerline_ice::{
    Credential, IceTransportPolicy, Nat64Prefix, RelayId, Server, ServerId, TcpConnectionId, TcpType,
    Transport,
};
pub use peerline_sctp::{ChannelError, ChannelHandle, ChannelState, Delivery, Payload, PayloadKind};
pub use states::{
    DtlsTransportState, IceConnectionState, IceGatheringState, PeerConnectionState, SignalingState,
};
