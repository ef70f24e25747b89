//! What a connection is told before it begins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dimpl::crypto::{CryptoProvider, Dtls13CipherSuite};

use crate::steady::SteadyKeys;

/// How many configurations that are tried out are kept.
const BUILT_MAX: usize = 128;

/// Which side opens the handshake. SDP's `a=setup` settles it (RFC 8842 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The DTLS client, `a=setup:active`: sends the first flight.
    Active,
    /// The DTLS server, `a=setup:passive`: waits for it.
    Passive,
}

/// Which versions are offered and accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Versions {
    /// DTLS 1.3 where the peer has it, otherwise 1.2.
    #[default]
    Both,
    /// DTLS 1.3 only (RFC 9147).
    Only13,
    /// DTLS 1.2 only (RFC 6347).
    Only12,
}

/// A connection's settings; the defaults are what WebRTC wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Which versions are offered and accepted.
    pub versions: Versions,
    /// The largest datagram of the handshake, in bytes, 256 to 2,048. The default is 1,200, which passes wherever ICE's
    /// checks passed. Application data isn't cut: its datagrams are as long as what is given to be sealed, and a header.
    pub mtu: usize,
    /// When a flight is sent again for the first time, from 1 ms; every further time takes twice as long. The default is
    /// 100 ms: RFC 9147 §5.8.2 wants a second unless more is known of the path, and here a check has just been answered.
    pub retransmission: Duration,
    /// When a handshake is given up, 1 s to an hour. The default is 40 s.
    pub handshake_timeout: Duration,
    /// Makes what is random besides the keys (hello randoms, the timers' jitter, the signatures' length) repeat itself: for
    /// simulations only.
    pub seed: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            versions: Versions::Both,
            mtu: 1200,
            retransmission: Duration::from_millis(100),
            handshake_timeout: Duration::from_secs(40),
            seed: None,
        }
    }
}

impl Config {
    /// The same in `dimpl`'s terms. It tries its cryptography out each time, which takes longer than a handshake: once is
    /// enough for the defaults, with each length of datagrams. Of those there are few: what ICE's checks have around them
    /// goes by the user name fragments' lengths.
    pub(crate) fn to_dimpl(&self) -> Result<Arc<dimpl::Config>, dimpl::Error> {
        static BUILT: Mutex<BTreeMap<usize, Arc<dimpl::Config>>> = Mutex::new(BTreeMap::new());
        if *self != (Self { mtu: self.mtu, ..Self::default() }) {
            return self.build().map(Arc::new);
        }
        let known = || BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&self.mtu) {
            return Ok(known.clone());
        }
        let built = Arc::new(self.build()?);
        let mut known = known();
        if known.len() < BUILT_MAX {
            known.insert(self.mtu, built.clone());
        }
        Ok(built)
    }

    /// What is out of range is brought into it.
    fn build(&self) -> Result<dimpl::Config, dimpl::Error> {
        let retransmission = self.retransmission.max(Duration::from_millis(1));
        let handshake_timeout =
            self.handshake_timeout.clamp(Duration::from_secs(1), Duration::from_secs(3600));
        let mut builder = dimpl::Config::builder()
            .mtu(self.mtu.clamp(256, 2048))
            // ICE has proved the peer's address: a cookie would cost a round trip and prove it again.
            .use_server_cookie(false)
            .require_client_certificate(true)
            .flight_start_rto(retransmission)
            // The deadline ends a handshake, not a count: 2^20 intervals are longer than it for any setting.
            .flight_retries(20)
            .handshake_timeout(handshake_timeout)
            .max_queue_rx(MAX_QUEUED_DATAGRAMS)
            .with_crypto_provider(crate::secret::provider())
            .dtls13_cipher_suites(&[
                Dtls13CipherSuite::AES_128_GCM_SHA256,
                Dtls13CipherSuite::AES_256_GCM_SHA384,
            ]);
        if let Some(seed) = self.seed {
            let provider = CryptoProvider { key_provider: &SteadyKeys, ..crate::secret::provider() };
            builder = builder.dangerously_set_rng_seed(seed).with_crypto_provider(provider);
        }
        builder.build()
    }
}

/// How many datagrams of an unfinished handshake are kept at most.
pub(crate) const MAX_QUEUED_DATAGRAMS: usize = 30;
