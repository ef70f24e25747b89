//! Signatures of one length, for simulations: ECDSA's are 70 to 72 bytes of DER, by chance, and that decides what fits into
//! a datagram.

use dimpl::CryptoError;
use dimpl::crypto::{Buf, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey};

use crate::key::LentKeys;

/// The length that half of the signatures on P-256 have.
const LENGTH: usize = 71;

#[derive(Debug)]
pub(crate) struct SteadyKeys;

impl KeyProvider for SteadyKeys {
    fn load_private_key(&self, der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let key = LentKeys.load_private_key(der)?;
        Ok(Box::new(SteadyKey(key)))
    }
}

#[derive(Debug)]
struct SteadyKey(Box<dyn SigningKey>);

impl SigningKey for SteadyKey {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        loop {
            out.clear();
            self.0.sign(data, hash, out)?;
            if out.len() == LENGTH {
                return Ok(());
            }
        }
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.0.hash_algorithm()
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        self.0.supported_hash_algorithms()
    }
}
