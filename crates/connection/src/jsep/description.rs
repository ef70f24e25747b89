//! Descriptions as applications exchange them.

/// What a description is for (W3C `RTCSdpType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SdpType {
    /// Proposes.
    Offer,
    /// Answers an offer, and may be answered otherwise yet.
    Pranswer,
    /// Answers an offer for good.
    Answer,
    /// Takes an offer back.
    Rollback,
}

impl SdpType {
    /// The W3C's word for it: `offer`, `pranswer`, `answer`, `rollback`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Pranswer => "pranswer",
            Self::Answer => "answer",
            Self::Rollback => "rollback",
        }
    }

    /// The type that the W3C's word means.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Offer, Self::Pranswer, Self::Answer, Self::Rollback]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// A description (W3C `RTCSessionDescription`).
#[derive(Clone, PartialEq, Eq)]
pub struct Description {
    /// What it is for.
    pub kind: SdpType,
    /// The session description; of a rollback it isn't looked at.
    pub sdp: String,
}

impl Description {
    /// An offer.
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self { kind: SdpType::Offer, sdp: sdp.into() }
    }

    /// An answer.
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self { kind: SdpType::Answer, sdp: sdp.into() }
    }

    /// What takes an offer back.
    pub fn rollback() -> Self {
        Self { kind: SdpType::Rollback, sdp: String::new() }
    }
}

/// Without the text, which has ICE's password in it.
impl std::fmt::Debug for Description {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Description").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A candidate as applications exchange it (W3C `RTCIceCandidateInit`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceCandidate {
    /// `candidate:…`; empty if no more follow.
    pub candidate: String,
    /// The `a=mid` of the media section that it belongs to.
    pub sdp_mid: Option<String>,
    /// The media section that it belongs to, from 0.
    pub sdp_mline_index: Option<u16>,
    /// The user name fragment that it was gathered under.
    pub username_fragment: Option<String>,
}
