//! What both sides of a connection call it.

use std::fmt;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// Names a connection, the same on both sides: 32 hexadecimal digits that are derived from the DTLS fingerprints of both.
/// It stays when ICE restarts. Nothing can be derived from it: fingerprints are hashes of keys made for this connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(String);

/// The hash is good for this and nothing else.
const PURPOSE: &str = "peerline v1 call";

impl CallId {
    /// Of two session descriptions, in any order. `None` unless both have a fingerprint.
    #[must_use]
    pub fn of_descriptions(one: &str, other: &str) -> Option<Self> {
        let mut fingerprints = [fingerprint(one)?, fingerprint(other)?];
        fingerprints.sort_unstable();
        let [first, second] = fingerprints;
        let hash = digest::digest(&digest::SHA256, format!("{PURPOSE}\n{first}\n{second}").as_bytes());
        Some(Self(hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The first one of a description, with neither's spelling: `SHA-256 AB:CD:…`.
fn fingerprint(sdp: &str) -> Option<String> {
    let value = sdp.lines().find_map(|line| line.strip_prefix("a=fingerprint:"))?;
    let (function, digest) = value.trim().split_once(' ')?;
    Some(format!("{function} {}", digest.trim_start()).to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(fingerprint: &str) -> String {
        format!("v=0\r\na=fingerprint:{fingerprint}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n")
    }

    /// The example of `docs/event-log.md`; `web/sdk/test/call-id.test.ts` has the same.
    #[test]
    fn both_sides_derive_the_same_name_however_they_spell() {
        let (ada, grace) = (sdp("sha-256 AB:CD"), sdp("SHA-256 01:ef"));
        let call = CallId::of_descriptions(&ada, &grace).unwrap();
        assert_eq!(CallId::of_descriptions(&sdp("sha-256 01:EF"), &ada).unwrap(), call);
        assert_eq!(call.as_str(), "03f4f55b14276014d47140f9d7c7c28d");
        assert_ne!(CallId::of_descriptions(&ada, &ada).unwrap(), call);
        assert_eq!(CallId::of_descriptions(&ada, "v=0\r\n"), None);
    }
}
