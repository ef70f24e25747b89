//! The limits that `welcome` tells every client (`docs/signaling.md` §11), and those of single members.

use serde::{Deserialize, Serialize};

/// The longest profile, in bytes of its text (§6).
pub const PROFILE: usize = 2_048;

/// The longest payload, in bytes of its text (§7): so that what the server adds to a frame still fits.
pub const PAYLOAD: usize = 65_280;

/// The longest name, in characters (§8).
pub const NAME: usize = 64;

/// The longest `agent`, in characters (§5).
pub const AGENT: usize = 200;

/// How many people a `find` returns at most (§8).
pub const FOUND: usize = 50;

/// What one session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest frame, in bytes.
    pub frame: usize,
    /// The frames a second that a connection may send for long.
    pub frames_per_second: u32,
    /// The frames that it may send at once.
    pub burst: u32,
    /// The channels that it may be in.
    pub channels: usize,
    /// The members that a channel may have.
    pub members: usize,
    /// The frames that wait for its acknowledgement.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame: 65_536, frames_per_second: 100, burst: 400, channels: 16, members: 8, queue: 512 }
    }
}
