//! Payloads between the participants of a channel (§3).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rand::RngCore;
use rand::rngs::StdRng;

use super::{NONCE, SealError, TAG};
use crate::base64url;
use crate::identifier::{ChannelId, ParticipantId};

/// To whom a sealed payload is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// Every member of the channel.
    Everybody,
    /// One participant.
    One(ParticipantId),
}

/// Which frame a sealed payload is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedId {
    /// The message of this `id`.
    Message(u64),
    /// The sender's profile.
    Profile,
}

/// All that a sealed payload is bound to: it opens in no other place.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The channel.
    pub channel: ChannelId,
    /// Who sealed it.
    pub sender: ParticipantId,
    /// For whom.
    pub receiver: Receiver,
    /// The frame that carries it.
    pub id: SealedId,
}

impl Context {
    fn associated_data(&self) -> String {
        let receiver = match &self.receiver {
            Receiver::Everybody => "*",
            Receiver::One(participant) => participant.as_str(),
        };
        let Self { channel, sender, .. } = self;
        match self.id {
            SealedId::Message(id) => format!("peerline v1 message\n{channel}\n{sender}\n{receiver}\n{id}"),
            SealedId::Profile => format!("peerline v1 message\n{channel}\n{sender}\n{receiver}\nprofile"),
        }
    }
}

/// The key of a channel's payloads; [`crate::Link::seal_key`] derives it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// A key of the given bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals `plaintext` with a nonce from `random`.
    ///
    /// # Errors
    /// [`SealError::Malformed`] when the plaintext is too long for AES-GCM (64 GiB).
    pub fn seal(
        &self,
        random: &mut StdRng,
        context: &Context,
        plaintext: &[u8],
    ) -> Result<String, SealError> {
        let mut nonce = [0; NONCE];
        random.fill_bytes(&mut nonce);
        self.seal_with_nonce(nonce, context, plaintext)
    }

    /// Seals with a nonce that the caller answers for: one used twice under the same key gives the key's secrecy away.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_with_nonce(
        &self,
        nonce: [u8; NONCE],
        context: &Context,
        plaintext: &[u8],
    ) -> Result<String, SealError> {
        seal(&self.0, &[], nonce, context.associated_data().as_bytes(), plaintext)
    }

    /// Opens what was sealed under this key for this context.
    ///
    /// # Errors
    /// When it is not sealed text, or was sealed otherwise.
    pub fn open(&self, context: &Context, sealed: &str) -> Result<Vec<u8>, SealError> {
        let bytes = base64url::decode(sealed).ok_or(SealError::Malformed)?;
        open(&self.0, &bytes, context.associated_data().as_bytes())
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealKey(…)")
    }
}

/// base64url(prefix || nonce || ciphertext || tag)
pub(super) fn seal(
    key: &[u8; 32],
    prefix: &[u8],
    nonce: [u8; NONCE],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<String, SealError> {
    let mut text = plaintext.to_vec();
    let tag = cipher(key)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated_data),
            &mut text,
        )
        .map_err(|_| SealError::Malformed)?;
    Ok(base64url::encode(&[prefix, &nonce, &text, tag.as_ref()].concat()))
}

pub(super) fn open(key: &[u8; 32], sealed: &[u8], associated_data: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Malformed)?;
    if text.len() < TAG {
        return Err(SealError::Malformed);
    }
    let mut text = text.to_vec();
    let length = cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated_data), &mut text)
        .map_err(|_| SealError::Broken)?
        .len();
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError::Key)
}
