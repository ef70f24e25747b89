//! Who may use the relay: time-limited credentials, and static users.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use peerline_stun::integrity::userhash;
use peerline_stun::nonce_cookie::SecurityFeatures;

/// A credential as a client is given it.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// `expiry:user`, or `expiry` when there is no user.
    pub username: String,
    /// base64(HMAC-SHA1(secret, username)).
    pub password: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Issues a credential for `user` that is good until `expires` (Unix seconds), in the form
/// that any system which knows `secret` can make as well. An empty `user` makes one that names nobody.
pub fn issue(secret: &[u8], user: &str, expires: u64) -> Issued {
    let username = if user.is_empty() { expires.to_string() } else { format!("{expires}:{user}") };
    let password = password(&secret_key(secret), &username);
    Issued { username, password }
}

fn secret_key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret)
}

fn password(secret: &hmac::Key, username: &str) -> String {
    STANDARD.encode(hmac::sign(secret, username.as_bytes()))
}

/// When a time-limited credential's user name says that it ends, in Unix seconds, and whose it is.
/// `None` when it isn't one.
pub(crate) fn split_username(username: &str) -> Option<(u64, &str)> {
    let (expiry, user) = username.split_once(':').unwrap_or((username, ""));
    let digits = !expiry.is_empty() && expiry.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(())?;
    Some((expiry.parse().ok()?, user))
}

/// The realm, the secrets of time-limited credentials, and static users.
#[derive(Clone, Default)]
pub struct Credentials {
    realm: String,
    secrets: Vec<hmac::Key>,
    users: HashMap<Arc<str>, String>,
    userhashes: HashMap<[u8; 32], Arc<str>>,
}

/// Passwords that a user name may have: more than one while the operator changes secrets.
pub(crate) struct Passwords {
    pub candidates: Vec<String>,
    /// A time-limited credential whose time is over.
    pub expired: bool,
}

impl Credentials {
    /// Nobody may allocate in `realm` yet.
    pub fn new(realm: impl Into<String>) -> Self {
        Self { realm: realm.into(), ..Self::default() }
    }

    /// Accepts time-limited credentials issued under `secret`. Several secrets may be good at once.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secrets.push(secret_key(secret.as_ref()));
        self
    }

    /// Accepts a static user.
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let name: Arc<str> = Arc::from(name.into());
        self.userhashes.insert(userhash(&name, &self.realm), name.clone());
        self.users.insert(name, password.into());
        self
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// What nonces tell clients. USERHASH can't be understood of time-limited credentials,
    /// whose names are known to those who issue them only.
    pub(crate) fn features(&self) -> SecurityFeatures {
        SecurityFeatures {
            password_algorithms: true,
            username_anonymity: self.secrets.is_empty() && !self.users.is_empty(),
        }
    }

    pub(crate) fn is_static_user(&self, username: &str) -> bool {
        self.users.contains_key(username)
    }

    /// The static user whose USERHASH this is.
    pub(crate) fn user_of_hash(&self, hash: &[u8]) -> Option<&str> {
        self.userhashes.get(<&[u8; 32]>::try_from(hash).ok()?).map(|name| &**name)
    }

    /// The passwords that `username` may have at `unix` seconds.
    pub(crate) fn passwords(&self, username: &str, unix: u64) -> Passwords {
        if let Some(password) = self.users.get(username) {
            return Passwords { candidates: vec![password.clone()], expired: false };
        }
        match split_username(username) {
            Some((expires, _)) => Passwords {
                candidates: self.secrets.iter().map(|secret| password(secret, username)).collect(),
                expired: expires <= unix,
            },
            None => Passwords { candidates: Vec::new(), expired: false },
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("realm", &self.realm)
            .field("secrets", &self.secrets.len())
            .field("users", &self.users.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_in_the_common_form() {
        // printf %s 1800000000:alice | openssl dgst -sha1 -hmac north -binary | base64
        let issued = issue(b"north", "alice", 1_800_000_000);
        assert_eq!(issued.username, "1800000000:alice");
        assert_eq!(issued.password, "sIm7pn/teO7y3AyXGeXl/xAQR6Q=");
        assert_eq!(issue(b"north", "", 1_800_000_000).username, "1800000000");
    }

    #[test]
    fn accepted_until_they_expire() {
        let credentials = Credentials::new("example.org").with_secret("old").with_secret("north");
        let issued = issue(b"north", "alice", 1000);
        let before = credentials.passwords(&issued.username, 999);
        assert!(before.candidates.contains(&issued.password) && !before.expired);
        assert!(credentials.passwords(&issued.username, 1000).expired);
    }

    #[test]
    fn a_name_that_is_neither_static_nor_time_limited_has_no_password() {
        let credentials = Credentials::new("example.org").with_secret("north").with_user("bob", "builder");
        for name in ["alice", "", ":alice", "12x:alice", "-1:alice", "99999999999999999999:alice"] {
            assert!(credentials.passwords(name, 0).candidates.is_empty(), "{name}");
        }
        assert_eq!(credentials.passwords("bob", 0).candidates, ["builder"]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::new("example.org").with_secret("north").with_user("bob", "builder");
        let shown = format!("{credentials:?} {:?}", issue(b"north", "alice", 1));
        assert!(!shown.contains("north") && !shown.contains("builder"));
        assert!(!shown.contains(&issue(b"north", "alice", 1).password));
    }

    #[test]
    fn userhash_is_offered_only_where_every_name_is_known() {
        assert!(Credentials::new("a").with_user("bob", "builder").features().username_anonymity);
        assert!(
            !Credentials::new("a").with_user("bob", "builder").with_secret("s").features().username_anonymity
        );
        assert!(!Credentials::new("a").with_secret("s").features().username_anonymity);
    }
}
