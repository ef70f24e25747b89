//! The names of states: the W3C's, and RFC 9260's.

use peerline_ice::Role;
use peerline_sctp::State as SctpState;

use crate::{DtlsTransportState, IceConnectionState, IceGatheringState, PeerConnectionState, SignalingState};

pub(super) const fn signaling(state: SignalingState) -> &'static str {
    match state {
        SignalingState::Stable => "stable",
        SignalingState::HaveLocalOffer => "have-local-offer",
        SignalingState::HaveRemoteOffer => "have-remote-offer",
        SignalingState::HaveLocalPranswer => "have-local-pranswer",
        SignalingState::HaveRemotePranswer => "have-remote-pranswer",
        SignalingState::Closed => "closed",
    }
}

pub(super) const fn gathering(state: IceGatheringState) -> &'static str {
    match state {
        IceGatheringState::New => "new",
        IceGatheringState::Gathering => "gathering",
        IceGatheringState::Complete => "complete",
    }
}

pub(super) const fn ice(state: IceConnectionState) -> &'static str {
    match state {
        IceConnectionState::New => "new",
        IceConnectionState::Checking => "checking",
        IceConnectionState::Connected => "connected",
        IceConnectionState::Completed => "completed",
        IceConnectionState::Disconnected => "disconnected",
        IceConnectionState::Failed => "failed",
        IceConnectionState::Closed => "closed",
    }
}

pub(super) const fn dtls(state: DtlsTransportState) -> &'static str {
    match state {
        DtlsTransportState::New => "new",
        DtlsTransportState::Connecting => "connecting",
        DtlsTransportState::Connected => "connected",
        DtlsTransportState::Closed => "closed",
        DtlsTransportState::Failed => "failed",
    }
}

pub(super) const fn connection(state: PeerConnectionState) -> &'static str {
    match state {
        PeerConnectionState::New => "new",
        PeerConnectionState::Connecting => "connecting",
        PeerConnectionState::Connected => "connected",
        PeerConnectionState::Disconnected => "disconnected",
        PeerConnectionState::Failed => "failed",
        PeerConnectionState::Closed => "closed",
    }
}

pub(super) const fn sctp(state: SctpState) -> &'static str {
    match state {
        SctpState::Closed => "closed",
        SctpState::CookieWait => "cookie-wait",
        SctpState::CookieEchoed => "cookie-echoed",
        SctpState::Established => "established",
        SctpState::ShutdownPending => "shutdown-pending",
        SctpState::ShutdownSent => "shutdown-sent",
        SctpState::ShutdownReceived => "shutdown-received",
        SctpState::ShutdownAckSent => "shutdown-ack-sent",
    }
}

pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Controlling => "controlling",
        Role::Controlled => "controlled",
    }
}
