//! The private key, read once: to prove what it has read fits together takes about as long as a signature.
//!
//! `dimpl` knows keys as bytes and has its provider read them, several times for one connection. Ours doesn't look at the
//! bytes: it hands out the key that is lent to it, for as long as one call into the engine lasts.

use std::cell::RefCell;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, Signature};
use dimpl::crypto::{Buf, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey};
use dimpl::{CryptoError, CryptoOperation};

/// A key pair on P-256. A clone shares it.
#[derive(Debug, Clone)]
pub(crate) struct PrivateKey(Arc<EcdsaKeyPair>);

impl PrivateKey {
    pub fn generate() -> Result<Self, Unspecified> {
        Ok(Self(Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?)))
    }

    /// `None`: it isn't PKCS #8, or not a key on P-256.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).ok()?;
        Some(Self(Arc::new(key)))
    }

    pub fn to_pkcs8(&self) -> Result<Vec<u8>, Unspecified> {
        Ok(self.0.to_pkcs8v1()?.as_ref().to_vec())
    }

    /// The public key as certificates have it.
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn signature(&self, message: &[u8]) -> Result<Signature, Unspecified> {
        self.0.sign(&SystemRandom::new(), message)
    }
}

/// For certificates.
impl rcgen::PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        self.public()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.signature(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// For handshakes.
impl SigningKey for PrivateKey {
    fn sign(&mut self, message: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::SigningKeyHashMismatch {
                key_hash: HashAlgorithm::SHA256,
                requested: hash,
            });
        }
        let signature =
            self.signature(message).map_err(|_| CryptoError::OperationFailed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

thread_local! {
    static LENT: RefCell<Option<PrivateKey>> = const { RefCell::new(None) };
}

/// Calls into an engine whose provider has [`LentKeys`].
pub(crate) fn lending<R>(key: &PrivateKey, call: impl FnOnce() -> R) -> R {
    LENT.set(Some(key.clone()));
    let result = call();
    LENT.set(None);
    result
}

/// Gives the engine the key that is lent, whatever bytes it comes with.
#[derive(Debug)]
pub(crate) struct LentKeys;

impl KeyProvider for LentKeys {
    fn load_private_key(&self, _: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let key = LENT.with_borrow(Option::clone).ok_or(CryptoError::InvalidPrivateKey)?;
        Ok(Box::new(key))
    }
}
