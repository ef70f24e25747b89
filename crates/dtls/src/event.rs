//! What a connection has to say.

use std::fmt;

use crate::Role;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The handshake is complete and the peer is who signaling said. From here on there is application data.
    Connected(Connected),
    /// The peer sent `close_notify` (RFC 8446 §6.1). Nothing more will come, and nothing more can be sent.
    Closed,
    /// The connection is dead. Nothing more will come, and nothing more can be sent.
    Failed(Failure),
}

/// A completed handshake.
#[derive(Debug)]
pub struct Connected {
    /// What was agreed on.
    pub version: Version,
    /// The peer's certificate, in DER.
    pub peer_certificate: Box<[u8]>,
    /// Keys for SRTP, if the peer wants to use it (RFC 5764).
    pub srtp: Option<SrtpKeys>,
}

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// DTLS 1.2 (RFC 6347)
    Dtls12,
    /// DTLS 1.3 (RFC 9147)
    Dtls13,
}

impl Version {
    /// The number on the wire, in hexadecimal, as the W3C's `RTCTransportStats.tlsVersion` has it.
    pub fn number(self) -> &'static str {
        match self {
            Self::Dtls12 => "FEFD",
            Self::Dtls13 => "FEFC",
        }
    }
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The peer's certificate has none of the fingerprints that signaling promised (RFC 8122 §6.2): somebody is between,
    /// or the description belongs to another connection.
    #[error("the peer's certificate does not have the fingerprint that was signaled")]
    FingerprintMismatch,
    /// The handshake was not completed in time.
    #[error("the DTLS handshake timed out")]
    Timeout,
    /// The peer gave up with this alert (RFC 8446 §6, for instance 40, `handshake_failure`).
    #[error("the peer gave up with DTLS alert {0}")]
    Alert(u8),
    /// The peer broke the protocol, or has nothing in common with us. The text is for people.
    #[error("DTLS: {0}")]
    Protocol(String),
}

/// How SRTP packets are protected (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80`
    Aes128CmHmacSha1_80,
    /// `SRTP_AEAD_AES_128_GCM`
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`
    AeadAes256Gcm,
}

impl SrtpProfile {
    /// The lengths of master key and master salt, in bytes.
    pub fn lengths(self) -> (usize, usize) {
        match self {
            Self::Aes128CmHmacSha1_80 => (16, 14),
            Self::AeadAes128Gcm => (16, 12),
            Self::AeadAes256Gcm => (32, 12),
        }
    }
}

/// The master keys and salts of both directions (RFC 5764 §4.2). They show in no log.
pub struct SrtpKeys {
    profile: SrtpProfile,
    role: Role,
    material: Box<[u8]>,
}

impl SrtpKeys {
    /// `None` if the material has not the length that the profile wants.
    pub(crate) fn new(profile: SrtpProfile, role: Role, material: &[u8]) -> Option<Self> {
        let (key, salt) = profile.lengths();
        (material.len() == 2 * (key + salt)).then(|| Self { profile, role, material: material.into() })
    }

    /// What the keys are for.
    pub fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Master key and master salt of what we send.
    pub fn local(&self) -> (&[u8], &[u8]) {
        self.of(self.role)
    }

    /// Master key and master salt of what the peer sends.
    pub fn remote(&self) -> (&[u8], &[u8]) {
        match self.role {
            Role::Active => self.of(Role::Passive),
            Role::Passive => self.of(Role::Active),
        }
    }

    /// The client's key, the server's key, the client's salt, the server's salt: in this order they were derived.
    fn of(&self, sender: Role) -> (&[u8], &[u8]) {
        let (key, salt) = self.profile.lengths();
        let (keys, salts) = self.material.split_at(2 * key);
        let (client_key, server_key) = keys.split_at(key);
        let (client_salt, server_salt) = salts.split_at(salt);
        match sender {
            Role::Active => (client_key, client_salt),
            Role::Passive => (server_key, server_salt),
        }
    }
}

impl fmt::Debug for SrtpKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}
