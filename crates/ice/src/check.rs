//! Connectivity checks as messages (RFC 8445 §7.1 and §7.3).

use std::net::SocketAddr;

use peerline_stun::attribute::{
    ICE_CONTROLLED, ICE_CONTROLLING, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS,
};
use peerline_stun::integrity::{Algorithm, Integrity, verify};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};

use crate::embedding::{DATAGRAM_MAX, Embedding};
use crate::{Credentials, Role};

/// Two user name fragments of 256 characters, a datagram that travels along, and the rest.
const LONGEST: usize = 800 + DATAGRAM_MAX;
/// The same of an answer.
const LONGEST_ANSWER: usize = 200 + DATAGRAM_MAX;

/// By how much a check is longer than the datagram in it (draft-hancke-webrtc-sped §3.3.3): header, USERNAME with both user
/// name fragments, ICE-CONTROLLING, PRIORITY, USE-CANDIDATE, MESSAGE-INTEGRITY, FINGERPRINT, acknowledgements, the datagram's
/// own header and padding.
pub(crate) const fn embedding_overhead(ufrags: usize) -> usize {
    20 + 4 + (ufrags + 1).next_multiple_of(4) + 12 + 8 + 4 + 24 + 8 + 20 + 4 + 3
}

/// NOMINATION (draft-thatcher-ice-renomination): the greatest number is the pair that is wanted now.
const NOMINATION: u16 = 0xC001;

/// The attributes that have to be understood.
const KNOWN: &[u16] = &[USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE];

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    /// The priority of the peer-reflexive candidate that it may show.
    pub priority: u32,
    /// The sender's role and tie-breaker; a sender of before RFC 5245 has none.
    pub role: Option<(Role, u64)>,
    /// The controlling agent wants this pair.
    pub use_candidate: bool,
    /// How much it wants it, where both know renomination.
    pub nomination: Option<u32>,
}

/// Writes a check. `remote` are the credentials of whom it is sent to.
pub(crate) fn write(
    check: &Check,
    transaction: TransactionId,
    local: &Credentials,
    remote: &Credentials,
    embedding: &mut Embedding,
) -> Option<Box<[u8]>> {
    let mut buffer = [0; LONGEST];
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, transaction);
    let username = format!("{}:{}", remote.ufrag, local.ufrag);
    writer.attribute(USERNAME, username.as_bytes()).number(PRIORITY, check.priority);
    if let Some((role, tie_breaker)) = check.role {
        let number = match role {
            Role::Controlling => ICE_CONTROLLING,
            Role::Controlled => ICE_CONTROLLED,
        };
        writer.attribute(number, &tie_breaker.to_be_bytes());
    }
    if check.use_candidate {
        writer.attribute(USE_CANDIDATE, &[]);
    }
    embedding.write(&mut writer);
    let length = writer.integrity(remote.pwd.as_bytes()).fingerprint().finish().ok()?;
    buffer.get(..length).map(Into::into)
}

/// Whom a request is for, and who sent it: the parts of USERNAME.
pub(crate) fn username<'a>(request: &Message<'a>) -> Option<(&'a str, &'a str)> {
    request.text(USERNAME)?.split_once(':')
}

/// Whether `message` was made by somebody who knows the password.
pub(crate) fn is_authentic(message: &Message<'_>, pwd: &str) -> bool {
    message.fingerprint() != Some(false)
        && verify(message, Algorithm::Sha1, pwd.as_bytes()) == Integrity::Right
}

impl Check {
    /// Reads an authentic check.
    ///
    /// # Errors
    /// The code that refuses it.
    pub fn read(request: &Message<'_>) -> Result<Self, ErrorCode> {
        if request.unknown_attributes(KNOWN).next().is_some() {
            return Err(ErrorCode::UNKNOWN_ATTRIBUTE);
        }
        let tie_breaker = |number| {
            let value = request.attribute(number)?;
            value.try_into().ok().map(u64::from_be_bytes)
        };
        let controlling = tie_breaker(ICE_CONTROLLING).map(|value| (Role::Controlling, value));
        let controlled = tie_breaker(ICE_CONTROLLED).map(|value| (Role::Controlled, value));
        Ok(Self {
            priority: request.number(PRIORITY).ok_or(ErrorCode::BAD_REQUEST)?,
            role: controlling.or(controlled),
            use_candidate: request.attribute(USE_CANDIDATE).is_some(),
            nomination: request.number(NOMINATION),
        })
    }
}

/// Writes the answer to an authentic check.
pub(crate) fn write_answer(
    request: &Message<'_>,
    answer: Result<SocketAddr, ErrorCode>,
    pwd: &str,
    embedding: &mut Embedding,
) -> Option<Box<[u8]>> {
    let mut buffer = [0; LONGEST_ANSWER];
    let class = if answer.is_ok() { Class::Success } else { Class::Error };
    let mut writer = MessageWriter::answer(&mut buffer, class, request);
    match answer {
        Ok(source) => {
            writer.xor_address(XOR_MAPPED_ADDRESS, source);
            embedding.write(&mut writer);
            &mut writer
        }
        Err(ErrorCode::UNKNOWN_ATTRIBUTE) => {
            writer.error(ErrorCode::UNKNOWN_ATTRIBUTE).unknown_attributes(request.unknown_attributes(KNOWN))
        }
        Err(code) => writer.error(code),
    };
    let length = writer.integrity(pwd.as_bytes()).fingerprint().finish().ok()?;
    buffer.get(..length).map(Into::into)
}
