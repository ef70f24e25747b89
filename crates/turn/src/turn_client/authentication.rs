//! The long-term credential mechanism, the client's side (RFC 8489 §9.2).

use peerline_stun::attribute::{NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, REALM, USERNAME};
use peerline_stun::integrity::{Algorithm, Integrity, LongTermKey, PasswordAlgorithm, verify};
use peerline_stun::nonce_cookie::SecurityFeatures;
use peerline_stun::{Class, ErrorCode, Message, MessageWriter};

use super::Credential;

/// The longest realm, nonce and list of algorithms that is taken (RFC 8489 §14.9 and §14.10).
const VALUE_MAX: usize = 763;
const ALGORITHMS_MAX: usize = 64;

/// What the server told with its challenge.
#[derive(Debug)]
struct Session {
    realm: String,
    nonce: Vec<u8>,
    key: LongTermKey,
    /// Of a server of RFC 8489: the algorithms it offered, and the one that is used.
    algorithms: Option<(Vec<u8>, PasswordAlgorithm)>,
}

/// User name and password, and what the server said to them.
#[derive(Debug)]
pub(super) struct Authentication {
    credential: Credential,
    /// What is used when the server no longer takes the other.
    next: Option<Credential>,
    session: Option<Session>,
}

/// What a challenge is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Challenge {
    /// The same request once more.
    TryAgain,
    /// Nothing: user name or password are wrong.
    Wrong,
    /// Nothing: the challenge contradicts itself.
    Malformed,
}

impl Authentication {
    pub fn new(credential: Credential) -> Self {
        Self { credential, next: None, session: None }
    }

    pub fn replace(&mut self, credential: Credential, keep_old: bool) {
        self.next = Some(credential);
        if !keep_old {
            self.take_next();
        }
    }

    /// Goes over to the replaced credential, if there is one.
    pub fn take_next(&mut self) -> bool {
        let Some(credential) = self.next.take() else {
            return false;
        };
        self.credential = credential;
        if let Some(session) = &mut self.session {
            session.key = derive(&self.credential, &session.realm, session.algorithms.as_ref());
        }
        true
    }

    /// Whether requests are signed by now.
    pub fn is_challenged(&self) -> bool {
        self.session.is_some()
    }

    /// Appends what authenticates a request, once the server has said how.
    pub fn sign(&self, writer: &mut MessageWriter<'_>) -> Option<Algorithm> {
        let session = self.session.as_ref()?;
        writer
            .attribute(USERNAME, self.credential.username.as_bytes())
            .attribute(REALM, session.realm.as_bytes())
            .attribute(NONCE, &session.nonce);
        match &session.algorithms {
            None => {
                writer.integrity(session.key.as_bytes());
                Some(Algorithm::Sha1)
            }
            Some((offered, used)) => {
                writer
                    .attribute(PASSWORD_ALGORITHMS, offered)
                    .number(PASSWORD_ALGORITHM, u32::from(used.number()) << 16)
                    .integrity_sha256(session.key.as_bytes());
                Some(Algorithm::Sha256)
            }
        }
    }

    /// Whether an answer is from the server (RFC 8489 §9.2.5). A refusal may come without integrity, when the server
    /// doesn't know the key; a success may not.
    pub fn accepts(&self, response: &Message<'_>, signed: Option<Algorithm>) -> bool {
        let (Some(algorithm), Some(session)) = (signed, &self.session) else {
            return response.class() == Class::Error;
        };
        match verify(response, algorithm, session.key.as_bytes()) {
            Integrity::Right => true,
            Integrity::Absent => response.class() == Class::Error,
            Integrity::Wrong => false,
        }
    }

    /// Takes in a challenge: 401 or 438.
    pub fn challenged(&mut self, response: &Message<'_>, code: ErrorCode, signed: bool) -> Challenge {
        if code == ErrorCode::UNAUTHENTICATED && signed && !self.take_next() {
            return Challenge::Wrong;
        }
        match self.read(response) {
            Some(session) => {
                self.session = Some(session);
                Challenge::TryAgain
            }
            None => Challenge::Malformed,
        }
    }

    fn read(&self, response: &Message<'_>) -> Option<Session> {
        let nonce = response.attribute(NONCE).filter(|nonce| nonce.len() <= VALUE_MAX)?.to_vec();
        let old = self.session.as_ref().map(|session| session.realm.as_str());
        let realm = response.text(REALM).or(old).filter(|realm| realm.len() <= VALUE_MAX)?.to_owned();
        let promised = SecurityFeatures::read(&nonce).is_some_and(|features| features.password_algorithms);
        let algorithms = match response.attribute(PASSWORD_ALGORITHMS) {
            Some(offered) if promised && offered.len() <= ALGORITHMS_MAX => {
                Some((offered.to_vec(), strongest(offered)?))
            }
            // Somebody in between took the better algorithms out (RFC 8489 §9.2.4).
            None if promised => return None,
            _ => None,
        };
        let key = derive(&self.credential, &realm, algorithms.as_ref());
        Some(Session { realm, nonce, key, algorithms })
    }
}

fn derive(
    credential: &Credential,
    realm: &str,
    algorithms: Option<&(Vec<u8>, PasswordAlgorithm)>,
) -> LongTermKey {
    let algorithm = algorithms.map_or(PasswordAlgorithm::Md5, |(_, used)| *used);
    LongTermKey::derive(algorithm, &credential.username, realm, &credential.password)
}

/// The strongest of the algorithms in PASSWORD-ALGORITHMS that is known here.
fn strongest(mut offered: &[u8]) -> Option<PasswordAlgorithm> {
    let mut found = None;
    while let Some((&[a, b, high, low], rest)) = offered.split_first_chunk::<4>() {
        let parameters = usize::from(u16::from_be_bytes([high, low]));
        match PasswordAlgorithm::from_number(u16::from_be_bytes([a, b])) {
            Some(PasswordAlgorithm::Sha256) if parameters == 0 => return Some(PasswordAlgorithm::Sha256),
            Some(algorithm) if parameters == 0 => found = Some(algorithm),
            _ => {}
        }
        offered = rest.get(parameters.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}
