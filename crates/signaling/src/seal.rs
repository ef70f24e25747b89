//! What the server cannot read: sealed payloads, sealed invitations, and the refusal of replays
//! (`docs/signaling.md` §3 and §8).

mod invitation;
mod payload;
mod replay;

use thiserror::Error;

pub use invitation::{IdentityKey, IdentityPublicKey, InvitationContext, seal_invitation};
pub use payload::{Context, Receiver, SealKey, SealedId};
pub use replay::ReplayWindow;

/// Why something sealed doesn't open, or a key is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// Not base64url, or too short to be anything sealed.
    #[error("this is not sealed text")]
    Malformed,
    /// Sealed with another key, for another context, or changed on the way.
    #[error("the seal is broken")]
    Broken,
    /// Not a P-256 key.
    #[error("this is not a P-256 key")]
    Key,
}

const NONCE: usize = 12;
const TAG: usize = 16;
