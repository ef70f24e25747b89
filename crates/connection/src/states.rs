//! The states that the W3C's API shows.

/// Where offer and answer stand (webrtc-pc §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SignalingState {
    /// No exchange is under way.
    #[default]
    Stable,
    /// We offered.
    HaveLocalOffer,
    /// The peer offered.
    HaveRemoteOffer,
    /// The peer offered, and we answered provisionally.
    HaveLocalPranswer,
    /// We offered, and the peer answered provisionally.
    HaveRemotePranswer,
    /// The connection is closed.
    Closed,
}

/// Whether our own candidates are being gathered (webrtc-pc §4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IceGatheringState {
    /// Not begun.
    #[default]
    New,
    /// Under way.
    Gathering,
    /// All are known.
    Complete,
}

/// How ICE fares (webrtc-pc §4.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IceConnectionState {
    /// Nothing to check yet.
    #[default]
    New,
    /// Pairs are being checked, and none works yet.
    Checking,
    /// A pair works; better ones are still being looked for.
    Connected,
    /// The pair that works is the one that is used.
    Completed,
    /// The pair doesn't answer at the moment.
    Disconnected,
    /// No pair works.
    Failed,
    /// The connection is closed.
    Closed,
}

/// How DTLS fares (webrtc-pc §5.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DtlsTransportState {
    /// Not begun.
    #[default]
    New,
    /// The handshake is under way.
    Connecting,
    /// The peer is who it should be, and data flows.
    Connected,
    /// Ended by one side.
    Closed,
    /// The handshake failed, or the peer isn't who it should be.
    Failed,
}

/// How the connection as a whole fares (webrtc-pc §4.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PeerConnectionState {
    /// Nothing has begun.
    #[default]
    New,
    /// On the way.
    Connecting,
    /// All transports are connected.
    Connected,
    /// The path doesn't answer at the moment.
    Disconnected,
    /// A transport has failed.
    Failed,
    /// The connection is closed.
    Closed,
}

impl PeerConnectionState {
    /// The state of the whole, from the states of its transports (webrtc-pc §4.3.3).
    pub(crate) fn of(ice: IceConnectionState, dtls: DtlsTransportState) -> Self {
        use {DtlsTransportState as Dtls, IceConnectionState as Ice};
        match (ice, dtls) {
            (Ice::Failed, _) | (_, Dtls::Failed) => Self::Failed,
            (Ice::Disconnected, _) => Self::Disconnected,
            (Ice::New | Ice::Closed, Dtls::New | Dtls::Closed) => Self::New,
            (Ice::Connected | Ice::Completed | Ice::Closed, Dtls::Connected | Dtls::Closed) => {
                Self::Connected
            }
            _ => Self::Connecting,
        }
    }
}
