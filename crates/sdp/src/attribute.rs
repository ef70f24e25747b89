//! Attributes: the `a=` lines.

use crate::{
    Candidate, ExtMap, Fingerprint, Fmtp, Group, IceOptions, IcePacing, IcePwd, IceUfrag, MaxMessageSize,
    Mid, Msid, Rid, RtcpFeedback, RtpMap, SctpPort, Setup, Simulcast, Ssrc, SsrcGroup, TlsId, ValueError,
};

/// The names of attributes that have no value.
pub mod flag {
    /// RFC 8839 §5.3: the peer is an ICE lite agent.
    pub const ICE_LITE: &str = "ice-lite";
    /// RFC 8840 §8.2: no more candidates follow.
    pub const END_OF_CANDIDATES: &str = "end-of-candidates";
    /// RFC 5761 §5.1.1: RTP and RTCP on one transport.
    pub const RTCP_MUX: &str = "rtcp-mux";
    /// RFC 8858 §3: RTP and RTCP on one transport, and not otherwise.
    pub const RTCP_MUX_ONLY: &str = "rtcp-mux-only";
    /// RFC 5506 §5: RTCP packets of reduced size.
    pub const RTCP_RSIZE: &str = "rtcp-rsize";
    /// RFC 8843 §6: the section is accepted within its bundle only.
    pub const BUNDLE_ONLY: &str = "bundle-only";
    /// RFC 8285 §6: header extensions of one and two bytes may be mixed.
    pub const EXTMAP_ALLOW_MIXED: &str = "extmap-allow-mixed";
}

/// A typed view of the attribute called [`NAME`](Self::NAME).
pub trait Attribute: Sized {
    /// The name.
    const NAME: &'static str;

    /// Reads what stands behind the name and its colon.
    fn parse(value: &str) -> Result<Self, ValueError>;

    /// Writes what stands behind the name and its colon.
    fn value(&self) -> String;
}

/// Which way media flows (RFC 8866 §6.7). The attribute's name is its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways; what is meant when nothing is said.
    #[default]
    SendReceive,
    /// From us only.
    SendOnly,
    /// To us only.
    ReceiveOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that an attribute's name means.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::SendReceive, Self::SendOnly, Self::ReceiveOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.as_str() == name)
    }
}

/// Whether the value of a known attribute is well-formed (RFC 9429 §5.8.3); an unknown attribute's always is.
pub(crate) fn check(name: &str, value: Option<&str>) -> Result<(), ValueError> {
    fn parses<A: Attribute>(value: &str) -> Result<(), ValueError> {
        A::parse(value).map(|_| ())
    }
    let check = match name {
        Candidate::NAME => parses::<Candidate>,
        ExtMap::NAME => parses::<ExtMap>,
        Fingerprint::NAME => parses::<Fingerprint>,
        Fmtp::NAME => parses::<Fmtp>,
        Group::NAME => parses::<Group>,
        IceOptions::NAME => parses::<IceOptions>,
        IcePacing::NAME => parses::<IcePacing>,
        IcePwd::NAME => parses::<IcePwd>,
        IceUfrag::NAME => parses::<IceUfrag>,
        MaxMessageSize::NAME => parses::<MaxMessageSize>,
        Mid::NAME => parses::<Mid>,
        Msid::NAME => parses::<Msid>,
        Rid::NAME => parses::<Rid>,
        RtcpFeedback::NAME => parses::<RtcpFeedback>,
        RtpMap::NAME => parses::<RtpMap>,
        SctpPort::NAME => parses::<SctpPort>,
        Setup::NAME => parses::<Setup>,
        Simulcast::NAME => parses::<Simulcast>,
        Ssrc::NAME => parses::<Ssrc>,
        SsrcGroup::NAME => parses::<SsrcGroup>,
        TlsId::NAME => parses::<TlsId>,
        _ => return Ok(()),
    };
    check(value.ok_or(ValueError { offset: 0, expected: "a value" })?)
}
