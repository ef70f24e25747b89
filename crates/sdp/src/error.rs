//! Why a text isn't a session description.

/// Where parsing ended, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column, in bytes from 1.
    pub column: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// Something else has to stand there.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A type letter that RFC 8866 §5 doesn't know.
    #[error("unknown type of line")]
    UnknownType,
    /// A line that doesn't belong into a media section.
    #[error("a line for the session, in a media section")]
    NotInMedia,
    /// NUL, or a carriage return within a line (RFC 8866 §9, `byte-string`).
    #[error("a control character that no line may have")]
    ControlCharacter,
    /// Longer, or of more lines or media sections, than we take.
    #[error("too large")]
    TooLarge,
}

/// Why a value isn't what an attribute takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset}")]
pub struct ValueError {
    /// Where in the value, in bytes from 0.
    pub offset: usize,
    /// What has to stand there.
    pub expected: &'static str,
}
