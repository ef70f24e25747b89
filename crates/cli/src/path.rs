//! The way that a direct connection takes.

use peerline::{PeerConnection, Stats};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Path {
    /// From machine to machine.
    Direct,
    /// By a relay, which sees what it carries encrypted.
    Relayed,
}

impl Path {
    /// `None` while there is no connection.
    pub(crate) fn of(connection: &PeerConnection) -> Option<Self> {
        let report = connection.stats();
        let pair = report.selected_candidate_pair()?;
        let is_relayed = |id: &str| match report.get(id) {
            Some(Stats::LocalCandidate(candidate) | Stats::RemoteCandidate(candidate)) => {
                candidate.candidate_type == "relay"
            }
            _ => false,
        };
        let relayed = is_relayed(&pair.local_candidate_id) || is_relayed(&pair.remote_candidate_id);
        Some(if relayed { Self::Relayed } else { Self::Direct })
    }
}
