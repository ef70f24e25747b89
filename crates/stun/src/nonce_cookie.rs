//! The beginning of a nonce that tells a client what the server can do (RFC 8489 §9.2).
//!
//! It keeps an attacker in between from hiding the stronger password algorithms: the nonce is under the message's integrity.

/// What a server can do (RFC 8489 §18.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecurityFeatures {
    /// The server sends PASSWORD-ALGORITHMS.
    pub password_algorithms: bool,
    /// The server understands USERHASH.
    pub username_anonymity: bool,
}

const COOKIE: &[u8] = b"obMatJos2";
/// The cookie's length with the features that follow it, in bytes.
pub const LENGTH: usize = COOKIE.len() + 4;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl SecurityFeatures {
    /// What a nonce begins with: the cookie and 24 bits in base64.
    /// Bits are counted from the most significant, so the first character holds all that are assigned.
    pub fn nonce_cookie(self) -> [u8; LENGTH] {
        let bits = usize::from(self.password_algorithms) << 5 | usize::from(self.username_anonymity) << 4;
        let mut cookie = *b"obMatJos2AAAA";
        if let (Some(room), Some(&character)) = (cookie.get_mut(COOKIE.len()), BASE64.get(bits)) {
            *room = character;
        }
        cookie
    }

    /// What `nonce` tells of the server; `None` when it has no cookie.
    pub fn read(nonce: &[u8]) -> Option<Self> {
        let features = nonce.strip_prefix(COOKIE)?.first_chunk::<4>()?;
        let position = |character| BASE64.iter().position(|&other| other == character);
        if features.iter().any(|&character| position(character).is_none()) {
            return None;
        }
        let bits = position(*features.first()?)?;
        Some(Self { password_algorithms: bits & 1 << 5 != 0, username_anonymity: bits & 1 << 4 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_0_is_password_algorithms_and_bit_1_username_anonymity() {
        let both = SecurityFeatures { password_algorithms: true, username_anonymity: true };
        assert_eq!(&both.nonce_cookie(), b"obMatJos2wAAA");
        assert_eq!(SecurityFeatures::read(b"obMatJos2wAAA and more"), Some(both));
        let first = SecurityFeatures { password_algorithms: true, username_anonymity: false };
        assert_eq!(&first.nonce_cookie(), b"obMatJos2gAAA");
        assert_eq!(SecurityFeatures::read(&first.nonce_cookie()), Some(first));
    }

    #[test]
    fn a_nonce_of_rfc_5389_has_no_cookie() {
        assert_eq!(SecurityFeatures::read(b"f//499k954d6OL34oL9FSTvy64sA"), None);
        assert_eq!(SecurityFeatures::read(b"obMatJos2"), None);
        assert_eq!(SecurityFeatures::read(b"obMatJos2\"AAA"), None);
    }
}
