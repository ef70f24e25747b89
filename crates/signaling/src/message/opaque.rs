//! Sealed text that the server carries and doesn't look into.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::limits;

/// A JSON string as it stands in the frame, quotes included, of at most `LONGEST` bytes between them.
/// It is copied from frame to frame and never unescaped.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct Opaque<'a, const LONGEST: usize>(&'a RawValue);

/// A participant's sealed profile.
pub type SealedProfile<'a> = Opaque<'a, { limits::PROFILE }>;

/// A sealed payload.
pub type SealedPayload<'a> = Opaque<'a, { limits::PAYLOAD }>;

impl<'a, const LONGEST: usize> Opaque<'a, LONGEST> {
    /// Takes a JSON value that must be a string, and short enough.
    #[must_use]
    pub fn new(raw: &'a RawValue) -> Option<Self> {
        let text = raw.get();
        (text.starts_with('"') && text.len() <= LONGEST + 2).then_some(Self(raw))
    }

    /// The JSON value.
    #[must_use]
    pub const fn raw(&self) -> &'a RawValue {
        self.0
    }

    /// The string that the JSON value stands for.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl<'de: 'a, 'a, const LONGEST: usize> Deserialize<'de> for Opaque<'a, LONGEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::new(raw).ok_or_else(|| D::Error::custom("not a string, or too long"))
    }
}

impl<const LONGEST: usize> PartialEq for Opaque<'_, LONGEST> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}
