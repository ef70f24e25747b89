//! What can't be done.

use thiserror::Error;

/// Why a message can't be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The association is closed or closing.
    #[error("the association is closed")]
    Closed,
    /// It has no bytes: SCTP has no empty messages (RFC 9260 §3.3.1); data channels mark them instead.
    #[error("SCTP can't carry a message without bytes")]
    Empty,
    /// It is longer than [`max_send_message_size`](crate::Config::max_send_message_size).
    #[error("the message is longer than the peer takes")]
    TooLarge,
    /// [`max_buffered_amount`](crate::Config::max_buffered_amount) bytes wait already.
    #[error("too much waits to be sent")]
    BufferFull,
    /// The peer has fewer streams.
    #[error("there is no such stream")]
    NoSuchStream,
    /// The stream is being reset.
    #[error("the stream is being reset")]
    Resetting,
}

/// Why an association can't be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// It is started already, or over.
    #[error("the association is started already")]
    NotClosed,
    /// The peer's INIT, received out of band, can't be used (RFC 9260 §5.1).
    #[error("the peer's INIT is invalid")]
    InvalidInit,
}
