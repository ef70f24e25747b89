//! SHA-256 of chunks, and the chain that makes one hash of them (`docs/transfer.md` §5).

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; Self::LENGTH]);

impl Digest {
    /// Bytes of a digest.
    pub const LENGTH: usize = 32;

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::finished(&digest::digest(&digest::SHA256, bytes))
    }

    /// Takes a digest that was made elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    fn finished(digest: &digest::Digest) -> Self {
        let mut bytes = [0; Self::LENGTH];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

/// As on the wire: base64url without padding.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("a digest is 43 characters of base64url"))
    }
}

/// The hash of a row of chunks: each link is the SHA-256 of the link before it and the chunk's digest.
///
/// So the hash of a whole file comes of one pass over it, needs no memory, and can be told for a part of it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain(Digest);

impl Chain {
    /// The chain of no chunks: 32 zero bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Digest([0; Digest::LENGTH]))
    }

    /// Adds the digest of the next chunk.
    pub fn push(&mut self, chunk: &Digest) {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.0.as_bytes());
        context.update(chunk.as_bytes());
        self.0 = Digest::finished(&context.finish());
    }

    /// The hash of the chunks so far.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.0
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> FromIterator<&'a Digest> for Chain {
    fn from_iter<I: IntoIterator<Item = &'a Digest>>(digests: I) -> Self {
        let mut chain = Self::new();
        for digest in digests {
            chain.push(digest);
        }
        chain
    }
}
