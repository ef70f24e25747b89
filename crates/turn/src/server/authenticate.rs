//! The long-term credential mechanism (RFC 8489 §9.2.4).

use std::sync::Arc;
use std::time::Instant;

use peerline_stun::attribute::{
    MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, REALM,
    USERHASH, USERNAME,
};
use peerline_stun::integrity::{self, Algorithm, Integrity, LongTermKey, PasswordAlgorithm, verify};
use peerline_stun::{ErrorCode, Message, Method};

use super::Server;
use crate::{Client, nonce};

/// RFC 8489 §14.3: a user name is shorter than 509 bytes.
const USERNAME_MAX: usize = 508;

/// Who a request is from, and how the answer is to be protected.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated {
    pub username: Arc<str>,
    pub key: LongTermKey,
    /// That of the answer.
    pub integrity: Algorithm,
}

/// Why a request isn't authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    /// 400, without more.
    BadRequest,
    /// 401, with a realm and a nonce to try with.
    Unauthenticated,
    /// 438, the same.
    StaleNonce,
}

impl Server {
    pub(super) fn authenticate(
        &self,
        now: Instant,
        client: &Client,
        request: &Message<'_>,
    ) -> Result<Authenticated, Rejection> {
        let algorithm = if request.attribute(MESSAGE_INTEGRITY_SHA256).is_some() {
            Algorithm::Sha256
        } else if request.attribute(MESSAGE_INTEGRITY).is_some() {
            Algorithm::Sha1
        } else {
            return Err(Rejection::Unauthenticated);
        };
        let credentials = &self.config.credentials;
        let (Some(realm), Some(nonce)) = (request.attribute(REALM), request.attribute(NONCE)) else {
            return Err(Rejection::BadRequest);
        };
        let username = match (request.attribute(USERNAME), request.attribute(USERHASH)) {
            (Some(_), _) => request.text(USERNAME),
            (None, Some(hash)) => credentials.user_of_hash(hash),
            (None, None) => return Err(Rejection::BadRequest),
        };
        let (password_algorithm, integrity) = chosen_algorithm(request)?;
        let username =
            username.filter(|username| username.len() <= USERNAME_MAX).ok_or(Rejection::Unauthenticated)?;
        if realm != credentials.realm().as_bytes() {
            return Err(Rejection::Unauthenticated);
        }
        let unix = self.config.wall_clock.unix_seconds(now);
        let passwords = credentials.passwords(username, unix);
        // An allocation that was made in time lives on: browsers can't give a new credential to one they have.
        if passwords.expired && request.method() == Method::ALLOCATE {
            return Err(Rejection::Unauthenticated);
        }
        let key = passwords
            .candidates
            .iter()
            .map(|password| LongTermKey::derive(password_algorithm, username, credentials.realm(), password))
            .find(|key| verify(request, algorithm, key.as_bytes()) == Integrity::Right)
            .ok_or(Rejection::Unauthenticated)?;
        let lifetime = self.config.limits.nonce_lifetime;
        if !nonce::is_valid(&self.config.nonce_key, credentials.features(), nonce, client, unix, lifetime) {
            return Err(Rejection::StaleNonce);
        }
        Ok(Authenticated { username: Arc::from(username), key, integrity })
    }
}

/// How the key is made, and how the answer is protected. Clients of RFC 5389 say nothing of algorithms: theirs is MD5, and
/// their answers carry MESSAGE-INTEGRITY. What a client says has to be what it was told, so that nobody in between can take
/// the better algorithm away.
fn chosen_algorithm(request: &Message<'_>) -> Result<(PasswordAlgorithm, Algorithm), Rejection> {
    match (request.attribute(PASSWORD_ALGORITHMS), request.attribute(PASSWORD_ALGORITHM)) {
        (None, None) => Ok((PasswordAlgorithm::Md5, Algorithm::Sha1)),
        (Some(told), Some(chosen)) if told == integrity::PASSWORD_ALGORITHMS => {
            let chosen = PasswordAlgorithm::parse(chosen).ok_or(Rejection::BadRequest)?;
            Ok((chosen, Algorithm::Sha256))
        }
        _ => Err(Rejection::BadRequest),
    }
}

impl Rejection {
    pub fn code(self) -> ErrorCode {
        match self {
            Self::BadRequest => ErrorCode::BAD_REQUEST,
            Self::Unauthenticated => ErrorCode::UNAUTHENTICATED,
            Self::StaleNonce => ErrorCode::STALE_NONCE,
        }
    }
}
