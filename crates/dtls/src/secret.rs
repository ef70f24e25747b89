//! The secrets that application data is protected with in DTLS 1.3, and how they come out of the handshake.
//!
//! `dimpl` derives them, uses them, and has no function that hands them out. But it takes every cryptographic primitive
//! from a provider, so ours notes the two application traffic secrets as they are derived (RFC 8446 §7.1), for as long
//! as one call into the engine lasts.

use std::cell::RefCell;

use aws_lc_rs::hkdf;
use dimpl::CryptoError;
use dimpl::crypto::aws_lc_rs::default_provider;
use dimpl::crypto::{CryptoProvider, HashAlgorithm, HmacProvider};
use zeroize::Zeroizing;

use crate::key::LentKeys;

/// The cipher suites of DTLS 1.3 that are offered. ChaCha20 isn't: AES-128-GCM is everybody's duty (RFC 8446 §9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Aes128GcmSha256,
    Aes256GcmSha384,
}

/// One direction's traffic secret of one epoch.
#[derive(Clone)]
pub(crate) struct TrafficSecret {
    suite: Suite,
    bytes: Zeroizing<[u8; 48]>,
}

/// Both directions' secrets of epoch 3, the first of application data.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub client: TrafficSecret,
    pub server: TrafficSecret,
}

impl TrafficSecret {
    /// Suites are known by the length of their hash.
    pub fn new(secret: &[u8]) -> Option<Self> {
        let suite = match secret.len() {
            32 => Suite::Aes128GcmSha256,
            48 => Suite::Aes256GcmSha384,
            _ => return None,
        };
        let mut bytes = Zeroizing::new([0; 48]);
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Self { suite, bytes })
    }

    pub fn suite(&self) -> Suite {
        self.suite
    }

    fn bytes(&self) -> &[u8] {
        match self.suite {
            Suite::Aes128GcmSha256 => self.bytes.split_at(32).0,
            Suite::Aes256GcmSha384 => self.bytes.as_slice(),
        }
    }

    /// HKDF-Expand-Label with an empty context (RFC 8446 §7.1), with the prefix of RFC 9147 §5.9.
    pub fn expand(&self, label: &str, out: &mut [u8]) -> Option<()> {
        struct Length(usize);
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        let algorithm = match self.suite {
            Suite::Aes128GcmSha256 => hkdf::HKDF_SHA256,
            Suite::Aes256GcmSha384 => hkdf::HKDF_SHA384,
        };
        let length = u16::try_from(out.len()).ok()?.to_be_bytes();
        let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
        let info: [&[u8]; 5] = [&length, &label_length, PREFIX, label.as_bytes(), &[0]];
        let prk = hkdf::Prk::new_less_safe(algorithm, self.bytes());
        prk.expand(&info, Length(out.len())).ok()?.fill(out).ok()
    }

    /// The secret of the epoch that follows (RFC 8446 §7.2).
    pub fn next(&self) -> Option<Self> {
        let mut next = self.clone();
        let room = next.bytes.get_mut(..self.bytes().len())?;
        self.expand("traffic upd", room)?;
        Some(next)
    }
}

const PREFIX: &[u8] = b"dtls13";

thread_local! {
    static NOTED: RefCell<Noted> = const { RefCell::new(Noted { client: None, server: None }) };
}

struct Noted {
    client: Option<TrafficSecret>,
    server: Option<TrafficSecret>,
}

/// Calls into an engine that was made with [`provider`], and gives back the secrets that came out of it, if they did.
pub(crate) fn noting<R>(call: impl FnOnce() -> R) -> (R, Option<Secrets>) {
    let take = || NOTED.with_borrow_mut(|noted| (noted.client.take(), noted.server.take()));
    take();
    let result = call();
    let secrets = match take() {
        (Some(client), Some(server)) => Some(Secrets { client, server }),
        _ => None,
    };
    (result, secrets)
}

/// `dimpl`'s own provider on `aws-lc-rs`, but for the noting, and for keys that are lent.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider { hmac_provider: &NotingHmac, key_provider: &LentKeys, ..default_provider() }
}

#[derive(Debug)]
struct NotingHmac;

impl HmacProvider for NotingHmac {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = default_provider().hmac_provider.hmac(hash, key, data, out)?;
        // What HKDF-Expand-Label hands to HMAC: the output's length (two bytes), the label with its length, the context.
        if let Some((label_length, rest)) = data.get(2..).and_then(|rest| rest.split_first())
            && let Some(label) =
                rest.get(..usize::from(*label_length)).and_then(|label| label.strip_prefix(PREFIX))
        {
            let secret = || out.get(..length).and_then(TrafficSecret::new);
            match label {
                b"c ap traffic" => NOTED.with_borrow_mut(|noted| noted.client = secret()),
                b"s ap traffic" => NOTED.with_borrow_mut(|noted| noted.server = secret()),
                _ => (),
            }
        }
        Ok(length)
    }
}
