//! What a server counts.

use std::ops::AddAssign;

use peerline_stun::ErrorCode;

use crate::Dropped;

/// The codes that a server answers with, and 500 in place of any other.
const CODES: [ErrorCode; 16] = [
    ErrorCode::TRY_ALTERNATE,
    ErrorCode::BAD_REQUEST,
    ErrorCode::UNAUTHENTICATED,
    ErrorCode::FORBIDDEN,
    ErrorCode::UNKNOWN_ATTRIBUTE,
    ErrorCode::ALLOCATION_MISMATCH,
    ErrorCode::STALE_NONCE,
    ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED,
    ErrorCode::WRONG_CREDENTIALS,
    ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL,
    ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH,
    ErrorCode::CONNECTION_ALREADY_EXISTS,
    ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE,
    ErrorCode::ALLOCATION_QUOTA_REACHED,
    ErrorCode::INSUFFICIENT_CAPACITY,
    ErrorCode::SERVER_ERROR,
];

/// What a server has counted since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets relayed from clients to peers.
    pub packets_from_clients: u64,
    /// Their payload in bytes.
    pub bytes_from_clients: u64,
    /// Packets relayed from peers to clients.
    pub packets_from_peers: u64,
    /// Their payload in bytes.
    pub bytes_from_peers: u64,
    /// Allocations made.
    pub allocations: u64,
    /// Binding requests answered.
    pub bindings: u64,
    dropped: [u64; Dropped::ALL.len()],
    answered: [u64; CODES.len()],
}

impl Statistics {
    /// Packets not relayed, for this reason.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or(0)
    }

    /// Requests answered with an error, by its code.
    pub fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        CODES.into_iter().zip(self.answered)
    }

    /// Requests answered with the error `code`.
    pub fn answered(&self, code: ErrorCode) -> u64 {
        self.errors().find(|(other, _)| *other == code).map_or(0, |(_, count)| count)
    }

    #[inline]
    pub(crate) fn count_dropped(&mut self, reason: Dropped) {
        if let Some(count) = self.dropped.get_mut(reason as usize) {
            *count += 1;
        }
    }

    pub(crate) fn count_error(&mut self, code: ErrorCode) {
        let position = CODES.iter().position(|other| *other == code);
        if let Some(count) = self.answered.get_mut(position.unwrap_or(CODES.len() - 1)) {
            *count += 1;
        }
    }
}

impl AddAssign<&Statistics> for Statistics {
    fn add_assign(&mut self, other: &Statistics) {
        self.packets_from_clients += other.packets_from_clients;
        self.bytes_from_clients += other.bytes_from_clients;
        self.packets_from_peers += other.packets_from_peers;
        self.bytes_from_peers += other.bytes_from_peers;
        self.allocations += other.allocations;
        self.bindings += other.bindings;
        for (sum, count) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += count;
        }
        for (sum, count) in self.answered.iter_mut().zip(other.answered) {
            *sum += count;
        }
    }
}
