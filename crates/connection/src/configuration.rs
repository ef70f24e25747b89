//! What an application decides (W3C `RTCConfiguration`).

use peerline_dtls as dtls;
use peerline_ice as ice;
use peerline_sctp as sctp;

use crate::{Error, IceServer};

/// Which sections share a transport when the peer doesn't bundle (W3C `RTCBundlePolicy`).
/// We have one section, so that this is only kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BundlePolicy {
    /// One transport for each kind of section.
    #[default]
    Balanced,
    /// One transport for each section.
    MaxCompat,
    /// One transport for all.
    MaxBundle,
}

/// The configuration of a connection. What isn't the W3C's is of this crate's machines.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// STUN and TURN servers. The owner resolves their names and hands them in with
    /// [`add_server`](crate::Connection::add_server).
    pub ice_servers: Vec<IceServer>,
    /// Which candidates may be used.
    pub ice_transport_policy: ice::IceTransportPolicy,
    /// Which sections share a transport.
    pub bundle_policy: BundlePolicy,
    /// The longest message that is received, in bytes: our `a=max-message-size`. Default 256 MiB.
    pub max_message_size: usize,
    /// Our offers carry SCTP's INIT, which spares a round trip or two where the peer knows of it
    /// (draft-hancke-tsvwg-snap). Answers carry it anyway if the offer does. Default true.
    pub sctp_snap: bool,
    /// DTLS's handshake travels with ICE's checks, which spares a round trip where the peer does the same
    /// (SPED, draft-hancke-webrtc-sped). Default true.
    pub dtls_in_stun: bool,
    /// ICE's times.
    pub ice_timing: ice::Timing,
    /// ICE's limits.
    pub ice_limits: ice::Limits,
    /// DTLS's settings.
    pub dtls: dtls::Config,
    /// SCTP's settings. Ports and sizes of messages are set by the descriptions.
    pub sctp: sctp::Config,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            ice_transport_policy: ice::IceTransportPolicy::All,
            bundle_policy: BundlePolicy::Balanced,
            max_message_size: 256 << 20,
            sctp_snap: true,
            dtls_in_stun: true,
            ice_timing: ice::Timing::default(),
            ice_limits: ice::Limits::default(),
            dtls: dtls::Config::default(),
            sctp: sctp::Config::default(),
        }
    }
}

impl Configuration {
    /// Checks what the W3C wants checked.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        self.ice_servers.iter().try_for_each(|server| server.parse_urls().map(|_| ()))
    }

    /// Whether this configuration may follow `before` on the same connection (webrtc-pc §4.4.1.6).
    pub(crate) fn may_follow(&self, before: &Self) -> Result<(), Error> {
        if self.bundle_policy != before.bundle_policy {
            return Err(Error::InvalidModification("the bundle policy can't be changed"));
        }
        Ok(())
    }
}
