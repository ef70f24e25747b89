//! The names of channels and participants (`docs/signaling.md` §1 and §2).

use std::fmt;

use aws_lc_rs::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base64url;

/// Base64url text of a fixed number of bytes, kept as text: it is compared and written as text.
macro_rules! identifier {
    ($(#[$attribute:meta])* $name:ident, $characters:literal, $bytes:literal) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $characters]);

        impl $name {
            /// Reads the identifier's text; `None` when it is not canonical base64url of the right length.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let characters = text.as_bytes().try_into().ok()?;
                base64url::decode_array::<$bytes>(text)?;
                Some(Self(characters))
            }

            /// Names the given bytes.
            #[must_use]
            pub fn from_bytes(bytes: &[u8; $bytes]) -> Self {
                let mut characters = [b'A'; $characters];
                let text = base64url::encode(bytes);
                for (to, from) in characters.iter_mut().zip(text.bytes()) {
                    *to = from;
                }
                Self(characters)
            }

            /// The identifier's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                // Always ASCII: both constructors see to that.
                str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(formatter, "{} characters of base64url", $characters)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

identifier!(
    /// A channel's identifier. Whoever knows it can join, so it stays out of logs: its `Debug` shows nothing.
    ChannelId,
    43,
    32
);

identifier!(
    /// A participant's identifier. Its order is that of its text, as §6 wants for the polite side.
    ParticipantId,
    22,
    16
);

impl fmt::Debug for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChannelId(…)")
    }
}

impl fmt::Debug for ParticipantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ParticipantId({self})")
    }
}

impl ParticipantId {
    /// Whether this participant is the polite side towards `other` (§6): the lower of the two is.
    #[must_use]
    pub fn is_polite_towards(&self, other: &Self) -> bool {
        self < other
    }
}

/// The secret by which a participant proves that it is itself (§2).
#[derive(Clone, PartialEq, Eq)]
pub struct ParticipantKey([u8; 32]);

impl ParticipantKey {
    /// A key of the given random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the key's text of 43 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode_array(text).map(Self)
    }

    /// The key's text, for `hello` and nowhere else.
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(&self.0)
    }

    /// The identifier that goes with this key.
    #[must_use]
    pub fn participant(&self) -> ParticipantId {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"peerline v1 participant");
        hash.update(&self.0);
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash.finish().as_ref()) {
            *to = *from;
        }
        ParticipantId::from_bytes(&bytes)
    }
}

impl fmt::Debug for ParticipantKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ParticipantKey(…)")
    }
}
