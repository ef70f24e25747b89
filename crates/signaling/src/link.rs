//! A channel's link and what follows from its secret (`docs/signaling.md` §1).

use std::fmt;

use aws_lc_rs::hkdf;
use thiserror::Error;

use crate::base64url;
use crate::identifier::ChannelId;
use crate::seal::SealKey;

/// Why a text is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// Not `https://HOST/c/#…`, nor the same with `http`.
    #[error("this is not the address of a channel")]
    Address,
    /// The part after `#` is not `v1.` and 43 characters of base64url.
    #[error("the link is incomplete or of another version")]
    Secret,
}

/// The link of a channel. It lets one in and reads everything: it stays out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    origin: String,
    secret: [u8; 32],
}

impl Link {
    /// A link to the server at `origin` (`https://HOST` or `https://HOST:PORT`) with 32 random bytes as its secret.
    ///
    /// # Errors
    /// When `origin` is not an http or https origin.
    pub fn new(origin: &str, secret: [u8; 32]) -> Result<Self, LinkError> {
        let authority = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"))
            .ok_or(LinkError::Address)?;
        let is_authority = !authority.is_empty()
            && authority.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte));
        if !is_authority {
            return Err(LinkError::Address);
        }
        Ok(Self { origin: origin.to_owned(), secret })
    }

    /// Reads a link.
    ///
    /// # Errors
    /// When the text is not a link of version 1.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let (address, fragment) = text.split_once('#').ok_or(LinkError::Address)?;
        let origin = address.strip_suffix("/c/").ok_or(LinkError::Address)?;
        let secret =
            fragment.strip_prefix("v1.").and_then(base64url::decode_array).ok_or(LinkError::Secret)?;
        Self::new(origin, secret)
    }

    /// The server's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The channel's identifier: all that the server learns.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        ChannelId::from_bytes(&derive(&self.secret, &[b"peerline v1 channel"]))
    }

    /// The key that seals what participants say to each other.
    #[must_use]
    pub fn seal_key(&self) -> SealKey {
        SealKey::from_bytes(derive(&self.secret, &[b"peerline v1 seal"]))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/c/#v1.{}", self.origin, base64url::encode(&self.secret))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Link({}/c/#…)", self.origin)
    }
}

/// HKDF-SHA-256 with an empty salt (RFC 5869) to 32 bytes; `info` is the concatenation of its parts.
pub(crate) fn derive(secret: &[u8], info: &[&[u8]]) -> [u8; 32] {
    let mut key = [0; 32];
    // 32 bytes are one block of SHA-256, so neither step can fail.
    let _ = hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(secret)
        .expand(info, hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(&mut key));
    key
}
