//! Where an agent stands, in the W3C's words.

/// W3C `RTCIceTransportState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Candidates are gathered, or the other side's are awaited.
    #[default]
    New,
    /// Pairs are checked, and none has been found yet.
    Checking,
    /// There is a pair: data flows. Better ones may be found.
    Connected,
    /// There is a pair, and it is the best of all.
    Completed,
    /// The selected pair doesn't answer at the moment, and there is no other. It may recover by itself.
    Disconnected,
    /// There is no pair, or consent has been lost. Only a restart helps.
    Failed,
    /// Closed by its owner.
    Closed,
}

impl State {
    /// The W3C's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Checking => "checking",
            Self::Connected => "connected",
            Self::Completed => "completed",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }

    /// Whether data flows.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Connected | Self::Completed)
    }
}

/// W3C `RTCIceGatheringState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GatheringState {
    /// Not begun.
    #[default]
    New,
    /// Under way.
    Gathering,
    /// Done: the end of candidates can be told (RFC 8838 §13).
    Complete,
}

impl GatheringState {
    /// The W3C's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gathering => "gathering",
            Self::Complete => "complete",
        }
    }
}
