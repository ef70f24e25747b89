//! What an agent is told before it begins.

use std::fmt;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// Which of the two agents decides on the pair (RFC 8445 §6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// This one decides: it nominates.
    Controlling,
    /// The other one decides.
    Controlled,
}

impl Role {
    /// The other agent's role.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// Which candidates may be used (W3C `RTCIceTransportPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IceTransportPolicy {
    /// All.
    #[default]
    All,
    /// Relayed ones only: the other side learns no address of this machine.
    Relay,
}

/// An agent's user name fragment and password (RFC 8445 §5.3).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user name fragment, 4 to 256 characters.
    pub ufrag: String,
    /// The password, 22 to 256 characters.
    pub pwd: String,
}

impl Credentials {
    /// Makes credentials: 48 bits of user name fragment (it tells agents on one port apart), 144 bits of password.
    pub fn generate(random: &mut StdRng) -> Self {
        Self { ufrag: characters(random, 8), pwd: characters(random, 24) }
    }
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// `count` of the 64 characters that RFC 8839 §5.4 allows.
fn characters(random: &mut StdRng, count: usize) -> String {
    const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..count)
        .map(|_| char::from(ICE_CHARS.get(random.random_range(0..ICE_CHARS.len())).copied().unwrap_or(b'A')))
        .collect()
}

/// An agent's settings; the defaults are what WebRTC wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// This agent's role. That of the offerer is `Controlling`, unless the other side is lite (RFC 8445 §6.1.1).
    pub role: Role,
    /// Which candidates may be used.
    pub transport_policy: IceTransportPolicy,
    /// DTLS's handshake travels with checks until there is a pair, where the other side does the same
    /// (SPED, draft-hancke-webrtc-sped); see [`Agent::embed`](crate::Agent::embed). Default false.
    pub dtls_in_stun: bool,
    /// Times.
    pub timing: Timing,
    /// Limits.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            role: Role::Controlling,
            transport_policy: IceTransportPolicy::All,
            dtls_in_stun: false,
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

/// When things happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The time between two checks, Ta (RFC 8445 §14.2): at least 5 ms. Default: 10 ms, because a check is about 120 bytes
    /// and most are to addresses that were sent to before.
    pub pacing: Duration,
    /// How long an answer to a check is awaited before the check is sent again for the first time, RTO. It doubles each time.
    /// Default: 200 ms. RFC 8445 §14.3 has 500 ms and, for many pairs, more: the latter is kept to.
    pub retransmission: Duration,
    /// How often a check is sent before its pair has failed. Default: 7 (RFC 8489 §6.2.1).
    pub retransmissions: u32,
    /// How long the other side's checks are waited for when all of this side's have failed: the PAC timer (RFC 8863).
    /// Default: 39.5 s.
    pub patience: Duration,
    /// The time between two consent checks, ± 20 %; at least 5 s (RFC 7675 §5.1). Default: 5 s.
    pub consent: Duration,
    /// Where the selected pair leads over a relay of ours: after how long without a word from its server that is asked whether it
    /// has the allocation still, by a Refresh. Default: 1 s, so that the other server has taken over within 3 s.
    pub relay_silence: Duration,
    /// After how long without an answer consent is gone (RFC 7675 §5.1). Default: 30 s.
    pub consent_expiry: Duration,
    /// How long checks of the selected pair stay unanswered until the state is
    /// [`Disconnected`](crate::State::Disconnected); three round trips at least. Default: 1.2 s, when three have had
    /// their time.
    pub disconnected: Duration,
    /// The time between two checks of pairs that are kept in reserve, Tr (RFC 8445 §11). Default: 15 s.
    pub keepalive: Duration,
    /// How long a better pair is waited for before a relayed one is nominated, or one of TCP. Data doesn't wait. Default: 400 ms.
    pub relay_nomination: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            pacing: Duration::from_millis(10),
            retransmission: Duration::from_millis(200),
            retransmissions: 7,
            patience: Duration::from_millis(39_500),
            consent: Duration::from_secs(5),
            relay_silence: Duration::from_secs(1),
            consent_expiry: Duration::from_secs(30),
            disconnected: Duration::from_millis(1200),
            keepalive: Duration::from_secs(15),
            relay_nomination: Duration::from_millis(400),
        }
    }
}

/// Limits on what others can make an agent hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Pairs (RFC 8445 §6.1.2.5). Default: 100.
    pub pairs: usize,
    /// The other side's candidates, names that are being resolved and peer-reflexive ones included. Default: 100.
    pub remote_candidates: usize,
    /// Peer-reflexive candidates of either side. Default: 16.
    pub peer_reflexive: usize,
    /// Checks with the right password that came before the other side's was known. Default: 16.
    pub early_checks: usize,
    /// Allocations on TURN servers. Default: 8.
    pub relays: usize,
    /// Local addresses. Default: 32.
    pub local_addresses: usize,
    /// TCP connections to the other side that this one opens, those that are being opened included; and as many that it accepts.
    /// Default: 16.
    pub tcp_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pairs: 100,
            remote_candidates: 100,
            peer_reflexive: 16,
            early_checks: 16,
            relays: 8,
            local_addresses: 32,
            tcp_connections: 16,
        }
    }
}
