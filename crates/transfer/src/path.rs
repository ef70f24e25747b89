//! Names of offered files (`docs/transfer.md` §4).

use std::fmt;

use thiserror::Error;

/// What a receiver appends to a file's name for the part that it has of it.
pub const PART_SUFFIX: &str = ".peerline-part";

/// What a receiver appends to a file's name for the state of that part (`docs/transfer.md` §9).
pub const STATE_SUFFIX: &str = ".peerline-state";

/// The longest path, in bytes of UTF-8.
pub(crate) const PATH_LENGTH: usize = 1_024;
const SEGMENT_LENGTH: usize = 255;
const DEPTH: usize = 64;

/// Names that are devices on Windows, whatever follows after a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The path of an offered file: relative, with `/` between its segments, and safe to be joined to a directory on
/// every system. It never climbs out, names no device and hides nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPath {
    /// Nothing at all, or nothing between two separators; an absolute path begins like that.
    #[error("a segment of the path is empty")]
    Empty,
    /// `.` or `..`.
    #[error("the path does not go straight down")]
    Climbs,
    /// Over 1,024 bytes, a segment over 255 bytes, or over 64 segments.
    #[error("the path is too long")]
    TooLong,
    /// A control character, a line separator, a bidirectional control, or one of `< > : " | ? * \`.
    #[error("the path has a character that not every system takes")]
    Character,
    /// A device's name, a trailing dot or space, or the suffix of a part file.
    #[error("the path has a name that is reserved")]
    Reserved,
}

impl FilePath {
    /// Reads a path as the other side wrote it.
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > PATH_LENGTH || text.split('/').count() > DEPTH {
            return Err(InvalidPath::TooLong);
        }
        text.split('/').try_for_each(check)?;
        Ok(Self(text.to_owned()))
    }

    /// Makes a path of the names that lead to a file here: what others could not take is replaced by `_`.
    ///
    /// # Errors
    ///
    /// Only [`InvalidPath::Climbs`], [`InvalidPath::Empty`] and [`InvalidPath::TooLong`]: those can't be mended.
    pub fn sanitise<'a>(segments: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPath> {
        let segments: Vec<String> = segments.into_iter().map(mended).collect();
        Self::parse(&segments.join("/"))
    }

    /// The path's text, with `/` between its segments.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the outermost directory to the file.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The file's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.segments().next_back().unwrap_or(&self.0)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

fn check(segment: &str) -> Result<(), InvalidPath> {
    if segment.is_empty() {
        return Err(InvalidPath::Empty);
    }
    if segment == "." || segment == ".." {
        return Err(InvalidPath::Climbs);
    }
    if segment.len() > SEGMENT_LENGTH {
        return Err(InvalidPath::TooLong);
    }
    if segment.contains(unwanted) {
        return Err(InvalidPath::Character);
    }
    if segment.ends_with(['.', ' ']) || is_device(segment) || is_suffixed(segment) {
        return Err(InvalidPath::Reserved);
    }
    Ok(())
}

fn mended(segment: &str) -> String {
    // These change what the path means: they are refused, not mended.
    if segment.is_empty() || segment == "." || segment == ".." {
        return segment.to_owned();
    }
    let mut name: String = segment
        .chars()
        .map(|character| if unwanted(character) || character == '/' { '_' } else { character })
        .collect();
    if name.ends_with(['.', ' ']) || is_suffixed(&name) {
        name.push('_');
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    name
}

/// Characters that some system can't have in a name, or that make a name look like another one.
fn unwanted(character: char) -> bool {
    character.is_control()
        || matches!(character, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\')
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end().to_ascii_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    let is_number = |number: &str| {
        matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}") || matches!(number.as_bytes(), [b'0'..=b'9'])
    };
    DEVICES.contains(&stem.as_str()) || numbered.is_some_and(is_number)
}

fn is_suffixed(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    lower.ends_with(PART_SUFFIX) || lower.ends_with(STATE_SUFFIX)
}
