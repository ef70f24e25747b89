//! ERROR and ABORT with their causes (RFC 9260 §3.3.7, §3.3.10).

use super::{ChunkWriter, Parameters, kind};
use crate::StreamId;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    /// Data on a stream that isn't there.
    InvalidStream(StreamId),
    /// A cookie that came too late, by so many microseconds.
    StaleCookie(u32),
    /// Out of resource.
    OutOfResource,
    /// Unresolvable address: the parameter.
    UnresolvableAddress,
    /// A chunk that we don't know.
    UnrecognizedChunk(&'a [u8]),
    /// A mandatory parameter that must not have the value it has.
    InvalidMandatoryParameter,
    /// A chunk of data without data; its TSN.
    NoUserData(u32),
    /// The application wants it so, and says why.
    UserInitiated(&'a str),
    /// The peer broke the protocol.
    ProtocolViolation(&'a str),
}

const STALE_COOKIE: u16 = 3;
const USER_INITIATED: u16 = 12;
const PROTOCOL_VIOLATION: u16 = 13;

/// An ERROR chunk.
pub(crate) fn error_chunk(cause: Cause<'_>) -> Vec<u8> {
    let mut chunk = ChunkWriter::new(kind::ERROR, 0);
    write(&mut chunk, cause);
    chunk.finish()
}

/// An ABORT chunk.
pub(crate) fn abort_chunk(flags: u8, cause: Option<Cause<'_>>) -> Vec<u8> {
    let mut chunk = ChunkWriter::new(kind::ABORT, flags);
    if let Some(cause) = cause {
        write(&mut chunk, cause);
    }
    chunk.finish()
}

fn write(chunk: &mut ChunkWriter, cause: Cause<'_>) {
    match cause {
        Cause::InvalidStream(stream) => {
            let [s0, s1] = stream.0.to_be_bytes();
            chunk.parameter(1, &[s0, s1, 0, 0])
        }
        Cause::StaleCookie(by) => chunk.parameter(STALE_COOKIE, &by.to_be_bytes()),
        Cause::OutOfResource => chunk.parameter(4, &[]),
        Cause::UnresolvableAddress => chunk.parameter(5, &[]),
        Cause::UnrecognizedChunk(whole) => chunk.parameter(6, whole),
        Cause::InvalidMandatoryParameter => chunk.parameter(7, &[]),
        Cause::NoUserData(tsn) => chunk.parameter(9, &tsn.to_be_bytes()),
        Cause::UserInitiated(reason) => chunk.parameter(USER_INITIATED, reason.as_bytes()),
        Cause::ProtocolViolation(reason) => chunk.parameter(PROTOCOL_VIOLATION, reason.as_bytes()),
    };
}

/// The causes in a chunk as received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorCauses<'a>(Parameters<'a>);

impl<'a> ErrorCauses<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self(Parameters::new(value))
    }

    /// The first cause's code.
    pub(crate) fn first_code(&self) -> Option<u16> {
        self.0.clone().next().map(|cause| cause.kind)
    }

    /// What the peer says in words, at most 256 bytes of it.
    pub(crate) fn reason(&self) -> String {
        let worded = |kind| matches!(kind, USER_INITIATED | PROTOCOL_VIOLATION);
        let said =
            self.0.clone().find(|cause| worded(cause.kind)).map(|cause| cause.value).unwrap_or_default();
        String::from_utf8_lossy(said.get(..256).unwrap_or(said)).into_owned()
    }

    /// The peer found our cookie too old (RFC 9260 §5.2.6).
    pub(crate) fn has_stale_cookie(&self) -> bool {
        self.0.clone().any(|cause| cause.kind == STALE_COOKIE)
    }
}
