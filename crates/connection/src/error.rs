//! What can't be done, under the W3C's names.

use peerline_sdp::ParseError;

/// Why an operation failed. [`name`](Self::name) is the W3C's name of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not in this state, or not any more.
    #[error("InvalidStateError: {0}")]
    InvalidState(&'static str),
    /// What a description says isn't possible, or doesn't fit what was agreed on before.
    #[error("InvalidAccessError: {0}")]
    InvalidAccess(&'static str),
    /// A local description, or a configuration, was changed where that isn't allowed.
    #[error("InvalidModificationError: {0}")]
    InvalidModification(&'static str),
    /// It failed.
    #[error("OperationError: {0}")]
    Operation(&'static str),
    /// The text isn't a session description (W3C `RTCError` with the detail `sdp-syntax-error`).
    #[error("OperationError: {0}")]
    SdpSyntax(#[from] ParseError),
    /// A value that its type doesn't allow.
    #[error("TypeError: {0}")]
    Type(&'static str),
    /// A URL isn't one.
    #[error("SyntaxError: {0}")]
    Syntax(&'static str),
    /// It isn't supported here.
    #[error("NotSupportedError: {0}")]
    NotSupported(&'static str),
}

impl Error {
    /// The name of the `DOMException` that a browser would throw.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InvalidState(_) => "InvalidStateError",
            Self::InvalidAccess(_) => "InvalidAccessError",
            Self::InvalidModification(_) => "InvalidModificationError",
            Self::Operation(_) | Self::SdpSyntax(_) => "OperationError",
            Self::Type(_) => "TypeError",
            Self::Syntax(_) => "SyntaxError",
            Self::NotSupported(_) => "NotSupportedError",
        }
    }
}
