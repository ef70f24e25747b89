//! The state cookie (RFC 9260 §5.1.3): what the side that is called has to remember of an INIT, kept by the side that calls.

use std::time::Duration;

use aws_lc_rs::hmac;

use super::Negotiated;
use crate::{Tsn, VerificationTag};

/// Bytes of what is signed.
const SIGNED: usize = 8 + 4 * 7 + 2 * 2 + 1;

/// What a cookie holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie {
    /// When it was made, since the association was created.
    pub(super) made: Duration,
    pub(super) local_tag: VerificationTag,
    pub(super) local_tsn: Tsn,
    pub(super) peer_tag: VerificationTag,
    pub(super) peer_tsn: Tsn,
    pub(super) peer_window: u32,
    pub(super) negotiated: Negotiated,
    /// The tags of the association that existed already, by which a restart is recognized (RFC 9260 §5.2.2).
    pub(super) tie_tags: Option<(VerificationTag, VerificationTag)>,
}

/// Signs cookies. A prepared key would take twenty times as much memory, for one or two signatures.
pub(super) struct CookieKey([u8; 32]);

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CookieKey")
    }
}

impl CookieKey {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    fn prepare(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }

    pub(super) fn seal(&self, cookie: &Cookie) -> Vec<u8> {
        let (tie_local, tie_peer) = cookie.tie_tags.unwrap_or((VerificationTag(0), VerificationTag(0)));
        let mut bytes = Vec::with_capacity(SIGNED + 32);
        bytes.extend_from_slice(&(cookie.made.as_micros() as u64).to_be_bytes());
        for number in [
            cookie.local_tag.0,
            cookie.local_tsn.0,
            cookie.peer_tag.0,
            cookie.peer_tsn.0,
            cookie.peer_window,
            tie_local.0,
            tie_peer.0,
        ] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let negotiated = cookie.negotiated;
        bytes.extend_from_slice(&negotiated.outgoing_streams.to_be_bytes());
        bytes.extend_from_slice(&negotiated.incoming_streams.to_be_bytes());
        bytes.push(
            u8::from(negotiated.interleaving)
                | u8::from(negotiated.partial_reliability) << 1
                | u8::from(negotiated.stream_reset) << 2
                | u8::from(negotiated.zero_checksum) << 3
                | u8::from(negotiated.padding) << 4,
        );
        let signature = hmac::sign(&self.prepare(), &bytes);
        bytes.extend_from_slice(signature.as_ref());
        bytes
    }

    /// Reads a cookie of ours; `None` for any other.
    pub(super) fn open(&self, bytes: &[u8]) -> Option<Cookie> {
        let (signed, signature) = bytes.split_first_chunk::<SIGNED>()?;
        hmac::verify(&self.prepare(), signed, signature).ok()?;
        let (&made, rest) = signed.split_first_chunk::<8>()?;
        let (numbers, rest) = rest.split_first_chunk::<28>()?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let number = |at: usize| numbers.get(at).map(|&bytes| u32::from_be_bytes(bytes));
        let &[o0, o1, i0, i1, flags] = rest.first_chunk::<5>()?;
        let tie_tags = (VerificationTag(number(5)?), VerificationTag(number(6)?));
        Some(Cookie {
            made: Duration::from_micros(u64::from_be_bytes(made)),
            local_tag: VerificationTag(number(0)?),
            local_tsn: Tsn(number(1)?),
            peer_tag: VerificationTag(number(2)?),
            peer_tsn: Tsn(number(3)?),
            peer_window: number(4)?,
            negotiated: Negotiated {
                outgoing_streams: u16::from_be_bytes([o0, o1]),
                incoming_streams: u16::from_be_bytes([i0, i1]),
                interleaving: flags & 1 != 0,
                partial_reliability: flags & 2 != 0,
                stream_reset: flags & 4 != 0,
                zero_checksum: flags & 8 != 0,
                padding: flags & 16 != 0,
            },
            tie_tags: (tie_tags.0.0 != 0).then_some(tie_tags),
        })
    }
}
