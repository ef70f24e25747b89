//! The name under which a participant can be found (`docs/signaling.md` §8).

use std::fmt;

use serde::Serialize;

use crate::limits;

/// A name that may be shown: 1 to 64 characters, trimmed, nothing in it that changes how other text looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Name(Box<str>);

impl Name {
    /// Trims and checks a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= limits::NAME;
        (fits && !text.chars().any(misleads)).then(|| Self(text.into()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without regard to case, for finding.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Text as it is compared by `find`.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Control characters, line and paragraph separators, bidirectional overrides, embeddings and isolates.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
