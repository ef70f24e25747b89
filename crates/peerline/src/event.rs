//! What happens to a peer connection.

use std::net::SocketAddr;

use peerline_connection::{
    DtlsTransportState, IceCandidate, IceConnectionState, IceGatheringState, PeerConnectionState,
    SignalingState,
};
use peerline_dtls::Failure;

use crate::DataChannel;

/// An event of a [`PeerConnection`](crate::PeerConnection); its names are the W3C's.
#[derive(Debug)]
pub enum Event {
    /// An offer is to be made and sent to the peer (W3C `negotiationneeded`).
    NegotiationNeeded,
    /// A candidate of ours, to be sent to the peer (W3C `icecandidate`). With an empty `candidate` no more follow.
    IceCandidate(IceCandidate),
    /// A STUN or TURN server didn't help (W3C `icecandidateerror`).
    IceCandidateError {
        /// The server's URL.
        url: String,
        /// The local address it was asked from.
        local: SocketAddr,
        /// STUN's error code, or 701 if the server couldn't be reached.
        error_code: u16,
    },
    /// The peer opened a channel (W3C `datachannel`).
    DataChannel(DataChannel),
    /// W3C `connectionstatechange`.
    ConnectionStateChange(PeerConnectionState),
    /// W3C `signalingstatechange`.
    SignalingStateChange(SignalingState),
    /// W3C `icegatheringstatechange`.
    IceGatheringStateChange(IceGatheringState),
    /// W3C `iceconnectionstatechange`.
    IceConnectionStateChange(IceConnectionState),
    /// W3C `RTCDtlsTransport`'s `statechange`.
    DtlsTransportStateChange(DtlsTransportState),
    /// W3C `RTCDtlsTransport`'s `error`: why it failed.
    DtlsTransportError(Failure),
}
