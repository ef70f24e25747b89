//! RE-CONFIG (RFC 6525 §3.1) and its parameters (§4).

use super::{ChunkWriter, Parameters, kind};
use crate::{StreamId, Tsn};

const OUTGOING_SSN_RESET_REQUEST: u16 = 13;
const INCOMING_SSN_RESET_REQUEST: u16 = 14;
const SSN_TSN_RESET_REQUEST: u16 = 15;
const RESPONSE: u16 = 16;
const ADD_OUTGOING_STREAMS_REQUEST: u16 = 17;
const ADD_INCOMING_STREAMS_REQUEST: u16 = 18;

/// What became of a request (RFC 6525 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResetResult {
    /// There was nothing to do.
    NothingToDo,
    /// Done.
    Performed,
    /// Refused.
    Denied,
    /// Another request is being dealt with.
    RequestInProgress,
    /// The request's number isn't the next.
    BadSequenceNumber,
    /// Not yet: data sent before hasn't all arrived.
    InProgress,
    /// A code that we don't know, and "wrong SSN".
    Other,
}

impl ResetResult {
    fn from_code(code: u32) -> Self {
        match code {
            0 => Self::NothingToDo,
            1 => Self::Performed,
            2 => Self::Denied,
            4 => Self::RequestInProgress,
            5 => Self::BadSequenceNumber,
            6 => Self::InProgress,
            _ => Self::Other,
        }
    }

    fn code(self) -> u32 {
        match self {
            Self::NothingToDo => 0,
            Self::Performed => 1,
            Self::Denied => 2,
            Self::Other => 3,
            Self::RequestInProgress => 4,
            Self::BadSequenceNumber => 5,
            Self::InProgress => 6,
        }
    }
}

/// One parameter of a RE-CONFIG chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reconfiguration<'a> {
    /// The peer resets its outgoing streams: these, or all where the list is empty.
    OutgoingReset { request: u32, last_assigned: Tsn, streams: &'a [[u8; 2]] },
    /// A request that we don't grant: that we reset streams of ours, another number of streams, or a reset of all numbers.
    Unsupported { request: u32 },
    /// The answer to a request of ours.
    Response { request: u32, result: ResetResult },
}

impl<'a> Reconfiguration<'a> {
    /// The parameters of a chunk, those left out that can't be read.
    pub(crate) fn parse(value: &'a [u8]) -> impl Iterator<Item = Self> {
        Parameters::new(value).filter_map(|parameter| {
            let (&request, rest) = parameter.value.split_first_chunk::<4>()?;
            let request = u32::from_be_bytes(request);
            match parameter.kind {
                OUTGOING_SSN_RESET_REQUEST => {
                    let (_, rest) = rest.split_first_chunk::<4>()?;
                    let (&last, rest) = rest.split_first_chunk::<4>()?;
                    let last_assigned = Tsn(u32::from_be_bytes(last));
                    Some(Self::OutgoingReset { request, last_assigned, streams: rest.as_chunks().0 })
                }
                INCOMING_SSN_RESET_REQUEST
                | SSN_TSN_RESET_REQUEST
                | ADD_OUTGOING_STREAMS_REQUEST
                | ADD_INCOMING_STREAMS_REQUEST => Some(Self::Unsupported { request }),
                RESPONSE => {
                    let (&code, _) = rest.split_first_chunk::<4>()?;
                    let result = ResetResult::from_code(u32::from_be_bytes(code));
                    Some(Self::Response { request, result })
                }
                _ => None,
            }
        })
    }
}

/// A chunk that resets outgoing streams of ours.
pub(crate) fn outgoing_reset(
    request: u32,
    last_answered: u32,
    last_assigned: Tsn,
    streams: &[StreamId],
) -> Vec<u8> {
    let mut value = Vec::with_capacity(12 + 2 * streams.len());
    for number in [request, last_answered, last_assigned.0] {
        value.extend_from_slice(&number.to_be_bytes());
    }
    for stream in streams {
        value.extend_from_slice(&stream.0.to_be_bytes());
    }
    let mut chunk = ChunkWriter::new(kind::RE_CONFIG, 0);
    chunk.parameter(OUTGOING_SSN_RESET_REQUEST, &value);
    chunk.finish()
}

/// A chunk that answers a request.
pub(crate) fn response(request: u32, result: ResetResult) -> Vec<u8> {
    let mut chunk = ChunkWriter::new(kind::RE_CONFIG, 0);
    let mut value = [0; 8];
    let (first, second) = value.split_at_mut(4);
    first.copy_from_slice(&request.to_be_bytes());
    second.copy_from_slice(&result.code().to_be_bytes());
    chunk.parameter(RESPONSE, &value);
    chunk.finish()
}
