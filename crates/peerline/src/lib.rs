//! WebRTC peers in Rust: the W3C's API on Peerline's own protocols, over tokio.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use peerline::{Configuration, DataChannelInit, Endpoint, EndpointConfig};
//!
//! let endpoint = Endpoint::bind(EndpointConfig::default())?;
//! let peer = endpoint.peer_connection(Configuration::default())?;
//! let channel = peer.create_data_channel("chat", DataChannelInit::default())?;
//! peer.set_local_description(None)?;
//! // Send peer.local_description() to the other side, and set what it answers; then:
//! channel.opened().await?;
//! channel.send_text("hello")?;
//! # Ok(())
//! # }
//! ```
//!
//! An [`Endpoint`] has the sockets; any number of [`PeerConnection`]s share them. Methods that only change state return
//! at once; those that wait are `async`, and may be cancelled at any time. Everything is `Send + Sync`, and what is
//! dropped is closed. Events come as a stream ([`PeerConnection::next_event`]) or go to a handler
//! ([`PeerConnection::on_event`]); the same holds for [`DataChannel`]s.

mod byte_stream;
pub mod channel;
mod data_channel;
mod dial;
mod endpoint;
mod event;
pub mod event_log;
mod host;
mod mailbox;
mod nat64;
mod peer;
mod peer_connection;
mod proxy;
mod statistics;
pub mod transfer;
mod trust;

pub use byte_stream::ByteStream;
pub use data_channel::{DataChannel, DataChannelEvent, DataChannelState, Message};
pub use endpoint::{Endpoint, EndpointConfig, Interfaces, PortMappingProtocol, PortMappingTrial};
pub use event::Event;
pub use peer_connection::{Configuration, PeerConnection};
pub use peerline_connection::{
    BundlePolicy, Certificate, ChannelError, DataChannelInit, Description, DtlsTransportState, Error,
    IceCandidate, IceConnectionState, IceGatheringState, IceServer, IceServerUrl, IceTransportPolicy,
    PeerConnectionState, Priority, SdpType, SignalingState,
};
pub use peerline_dtls::{CertificateError, Failure as DtlsFailure};
pub use proxy::{Proxy, ProxyUrlError};
pub use statistics::{
    CandidatePairStats, CandidateStats, CertificateStats, DataChannelStats, PeerConnectionStats, Stats,
    StatsReport, TransportStats,
};
pub use trust::{CertificateFingerprint, Trust};
