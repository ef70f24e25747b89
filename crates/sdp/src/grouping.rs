//! What belongs together (RFC 5888, RFC 8843, RFC 8830).

use crate::scanner::{Scanner, is_token};
use crate::{Attribute, ValueError};

/// The semantics of a group whose sections share one transport (RFC 8843 §7).
pub const BUNDLE: &str = "BUNDLE";

/// `a=group`: sections that belong together (RFC 5888 §5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// In which way: [`BUNDLE`], `LS`…
    pub semantics: String,
    /// The sections' `a=mid`s. None in a bundle where all are refused.
    pub mids: Vec<String>,
}

impl Attribute for Group {
    const NAME: &'static str = "group";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let semantics = scanner.convert("semantics", |word| is_token(word).then(|| word.to_owned()))?;
        Ok(Self { semantics, mids: scanner.words() })
    }

    fn value(&self) -> String {
        let words = std::iter::once(&self.semantics).chain(&self.mids);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// `a=mid`: the section's name (RFC 5888 §4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mid(pub String);

impl Attribute for Mid {
    const NAME: &'static str = "mid";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let name = scanner.convert("a name", |word| is_token(word).then(|| word.to_owned()))?;
        scanner.end()?;
        Ok(Self(name))
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

/// `a=msid`: the MediaStream and MediaStreamTrack that a section carries (RFC 8830 §2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Msid {
    /// The stream's id; `-` for a track of no stream.
    pub stream: String,
    /// The track's id. Newer descriptions have none.
    pub track: Option<String>,
}

impl Attribute for Msid {
    const NAME: &'static str = "msid";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let stream = scanner.word("a stream's id")?.to_owned();
        let track =
            (!scanner.is_at_end()).then(|| scanner.word("a track's id").map(str::to_owned)).transpose()?;
        scanner.end()?;
        Ok(Self { stream, track })
    }

    fn value(&self) -> String {
        match &self.track {
            Some(track) => format!("{} {track}", self.stream),
            None => self.stream.clone(),
        }
    }
}
