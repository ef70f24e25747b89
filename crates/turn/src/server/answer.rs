//! Answers: none has SOFTWARE or a reason phrase, because none should be larger than what it answers.

use std::time::Instant;

use peerline_stun::attribute::{NONCE, PASSWORD_ALGORITHMS, REALM};
use peerline_stun::integrity::{self, Algorithm};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};

use super::Server;
use super::authenticate::{Authenticated, Rejection};
use crate::{Client, nonce};

/// Enough for the longest realm (763 bytes) with a nonce.
const LONGEST: usize = 1024;

impl Server {
    /// Answers a request that isn't authenticated.
    pub(super) fn reject(
        &mut self,
        now: Instant,
        client: &Client,
        request: &Message<'_>,
        rejection: Rejection,
    ) {
        self.statistics.count_error(rejection.code());
        let config = &self.config;
        let mut buffer = [0; LONGEST];
        let mut writer = MessageWriter::answer(&mut buffer, Class::Error, request);
        writer.error(rejection.code());
        if rejection != Rejection::BadRequest {
            let unix = config.wall_clock.unix_seconds(now);
            let nonce = nonce::make(&config.nonce_key, config.credentials.features(), client, unix);
            writer
                .attribute(REALM, config.credentials.realm().as_bytes())
                .attribute(NONCE, &nonce)
                .attribute(PASSWORD_ALGORITHMS, &integrity::PASSWORD_ALGORITHMS);
        }
        if let Ok(length) = writer.finish() {
            self.transmit(client, buffer.get(..length).unwrap_or_default());
        }
    }

    /// Refuses an authenticated request.
    pub(super) fn refuse(
        &mut self,
        client: &Client,
        request: &Message<'_>,
        user: &Authenticated,
        code: ErrorCode,
    ) {
        self.statistics.count_error(code);
        self.answer(client, request, user, Class::Error, |writer| {
            writer.error(code);
        });
    }

    /// Refuses an authenticated request that isn't wholly understood (RFC 8489 §6.3.1).
    pub(super) fn refuse_unknown(&mut self, client: &Client, request: &Message<'_>, user: &Authenticated) {
        self.statistics.count_error(ErrorCode::UNKNOWN_ATTRIBUTE);
        self.answer(client, request, user, Class::Error, |writer| {
            writer
                .error(ErrorCode::UNKNOWN_ATTRIBUTE)
                .unknown_attributes(request.unknown_attributes(super::KNOWN));
        });
    }

    /// Answers an authenticated request.
    pub(super) fn answer(
        &mut self,
        client: &Client,
        request: &Message<'_>,
        user: &Authenticated,
        class: Class,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) {
        let mut buffer = [0; LONGEST];
        let mut writer = MessageWriter::answer(&mut buffer, class, request);
        write(&mut writer);
        if let Ok(length) = protect(&mut writer, user).finish() {
            self.transmit(client, buffer.get(..length).unwrap_or_default());
        }
    }

    /// Answers an authenticated request that isn't at hand any more.
    pub(super) fn answer_later(
        &mut self,
        client: &Client,
        method: Method,
        transaction: TransactionId,
        user: &Authenticated,
        class: Class,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) {
        let mut buffer = [0; LONGEST];
        let mut writer = MessageWriter::new(&mut buffer, class, method, transaction);
        write(&mut writer);
        if let Ok(length) = protect(&mut writer, user).finish() {
            self.transmit(client, buffer.get(..length).unwrap_or_default());
        }
    }
}

/// Appends the integrity that the user's client understands.
fn protect<'a, 'b>(writer: &'a mut MessageWriter<'b>, user: &Authenticated) -> &'a mut MessageWriter<'b> {
    match user.integrity {
        Algorithm::Sha1 => writer.integrity(user.key.as_bytes()),
        Algorithm::Sha256 => writer.integrity_sha256(user.key.as_bytes()),
    }
}
