//! Invitations, sealed to the invited participant's identity key (§8).

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use rand::RngCore;
use rand::rngs::StdRng;

use super::payload::{open, seal};
use super::{NONCE, SealError};
use crate::base64url;
use crate::identifier::ParticipantId;
use crate::link::derive;

const POINT: usize = 65;

/// A client's public identity: a P-256 point, uncompressed. Whether it lies on the curve shows when it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityPublicKey([u8; POINT]);

impl IdentityPublicKey {
    /// Reads 65 bytes of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // SEC 1 §2.3.3: an uncompressed point begins with 4.
        base64url::decode_array(text).filter(|bytes: &[u8; POINT]| bytes.first() == Some(&4)).map(Self)
    }

    /// The key's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(&self.0)
    }
}

impl fmt::Debug for IdentityPublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IdentityPublicKey({})", self.to_text())
    }
}

/// A client's identity: made once and kept.
pub struct IdentityKey {
    private: PrivateKey,
    public: IdentityPublicKey,
}

impl IdentityKey {
    /// An identity of 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] when the bytes are no scalar of P-256: about once in 2^32; take others.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SealError> {
        let private = PrivateKey::from_private_key(&ECDH_P256, bytes).map_err(|_| SealError::Key)?;
        let point = private.compute_public_key().map_err(|_| SealError::Key)?;
        let public = point.as_ref().try_into().map(IdentityPublicKey).map_err(|_| SealError::Key)?;
        Ok(Self { private, public })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &IdentityPublicKey {
        &self.public
    }

    /// A secret that only the owner of this identity can make, each time again, and another one for each purpose.
    ///
    /// # Errors
    /// None in practice: the identity is a point of P-256.
    pub fn secret(&self, purpose: &str) -> Result<[u8; 32], SealError> {
        agree(&self.private, UnparsedPublicKey::new(&ECDH_P256, &self.public.0), SealError::Key, |secret| {
            Ok(derive(secret, &[b"peerline v1 secret", purpose.as_bytes()]))
        })
    }

    /// Opens an invitation that was sealed to this identity.
    ///
    /// # Errors
    /// When it is not sealed text, or was sealed for another identity or context.
    pub fn open_invitation(&self, context: &InvitationContext, sealed: &str) -> Result<Vec<u8>, SealError> {
        let bytes = base64url::decode(sealed).ok_or(SealError::Malformed)?;
        let (ephemeral, rest) = bytes.split_first_chunk::<POINT>().ok_or(SealError::Malformed)?;
        let key = shared_key(&self.private, ephemeral, ephemeral, &self.public.0)?;
        open(&key, rest, context.associated_data().as_bytes())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IdentityKey({})", self.public.to_text())
    }
}

/// All that a sealed invitation is bound to.
#[derive(Clone, Copy, Debug)]
pub struct InvitationContext {
    /// Who invites.
    pub caller: ParticipantId,
    /// Who is invited.
    pub invited: ParticipantId,
    /// The `id` of the `invite` frame.
    pub id: u64,
}

impl InvitationContext {
    fn associated_data(&self) -> String {
        let Self { caller, invited, id } = self;
        format!("peerline v1 invitation\n{caller}\n{invited}\n{id}")
    }
}

/// Seals an invitation to somebody's identity, with an ephemeral key and a nonce from `random`.
///
/// # Errors
/// [`SealError::Key`] when `identity` is no point of P-256.
pub fn seal_invitation(
    random: &mut StdRng,
    identity: &IdentityPublicKey,
    context: &InvitationContext,
    plaintext: &[u8],
) -> Result<String, SealError> {
    let mut scalar = [0; 32];
    random.fill_bytes(&mut scalar);
    let mut nonce = [0; NONCE];
    random.fill_bytes(&mut nonce);
    seal_invitation_with(&IdentityKey::from_bytes(&scalar)?, nonce, identity, context, plaintext)
}

fn seal_invitation_with(
    ephemeral: &IdentityKey,
    nonce: [u8; NONCE],
    identity: &IdentityPublicKey,
    context: &InvitationContext,
    plaintext: &[u8],
) -> Result<String, SealError> {
    let key = shared_key(&ephemeral.private, &identity.0, &ephemeral.public.0, &identity.0)?;
    seal(&key, &ephemeral.public.0, nonce, context.associated_data().as_bytes(), plaintext)
}

fn shared_key(
    private: &PrivateKey,
    peer: &[u8; POINT],
    ephemeral: &[u8; POINT],
    identity: &[u8; POINT],
) -> Result<[u8; 32], SealError> {
    agree(private, UnparsedPublicKey::new(&ECDH_P256, peer), SealError::Key, |secret| {
        Ok(derive(secret, &[b"peerline v1 invitation", ephemeral, identity]))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn text<'a>(value: &'a Value, member: &str) -> &'a str {
        value[member].as_str().unwrap()
    }

    #[test]
    fn an_identity_has_a_secret_for_each_purpose() {
        let identity = |byte| IdentityKey::from_bytes(&[byte; 32]).unwrap();
        let secret = identity(1).secret("one").unwrap();
        assert_eq!(identity(1).secret("one"), Ok(secret));
        assert_ne!(identity(1).secret("two"), Ok(secret));
        assert_ne!(identity(2).secret("one"), Ok(secret));
    }

    #[test]
    fn a_fixed_ephemeral_key_and_nonce_give_the_golden_vectors() {
        let vectors: Value = serde_json::from_str(include_str!("../../vectors/sealing.json")).unwrap();
        for vector in vectors["invitations"].as_array().unwrap() {
            let scalar = base64url::decode_array(text(&vector["ephemeral"], "private")).unwrap();
            let ephemeral = IdentityKey::from_bytes(&scalar).unwrap();
            assert_eq!(ephemeral.public().to_text(), text(&vector["ephemeral"], "public"));
            let context = InvitationContext {
                caller: ParticipantId::parse(text(vector, "caller")).unwrap(),
                invited: ParticipantId::parse(text(vector, "invited")).unwrap(),
                id: vector["id"].as_u64().unwrap(),
            };
            let sealed = seal_invitation_with(
                &ephemeral,
                base64url::decode_array(text(vector, "nonce")).unwrap(),
                &IdentityPublicKey::parse(text(&vector["identity"], "public")).unwrap(),
                &context,
                text(vector, "plaintext").as_bytes(),
            );
            assert_eq!(sealed.as_deref(), Ok(text(vector, "sealed")));
        }
    }
}
