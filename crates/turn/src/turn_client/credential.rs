//! What a client proves itself with.

use std::fmt;

/// User name and password of a long-term credential (RFC 8489 §9.2), as an `RTCIceServer` has them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// The user name, at most 508 bytes (RFC 8489 §14.3).
    pub username: String,
    /// The password.
    pub password: String,
}

/// Without the password.
impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credential").field("username", &self.username).finish_non_exhaustive()
    }
}
