//! Nonces that need no memory: each proves by itself that this server gave it to this client lately.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use peerline_stun::nonce_cookie::{self, SecurityFeatures};
use rand::RngCore;
use rand::rngs::StdRng;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::Client;

/// The secret under which nonces are made.
#[derive(Clone)]
pub struct NonceKey(hmac::Key);

impl NonceKey {
    /// A random key.
    pub fn generate(random: &mut StdRng) -> Self {
        let mut key = [0; 32];
        random.fill_bytes(&mut key);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(…)")
    }
}

const TIME: usize = 4;
const MAC: usize = 16;
/// 20 bytes in base64.
const PROOF: usize = 27;
pub(crate) const LENGTH: usize = nonce_cookie::LENGTH + PROOF;

/// The nonce for `client`, made at `unix` seconds.
pub(crate) fn make(key: &NonceKey, features: SecurityFeatures, client: &Client, unix: u64) -> [u8; LENGTH] {
    // The lowest 32 bits last until one nonce's lifetime after the year 2106, and wrap without harm.
    let [a, b, c, d, ..] = unix.to_le_bytes();
    let time = [a, b, c, d];
    let mut proof = [0; TIME + MAC];
    proof[..TIME].copy_from_slice(&time);
    proof[TIME..].copy_from_slice(&mac(key, time, client));
    let mut nonce = [0; LENGTH];
    let (cookie, rest) = nonce.split_at_mut(nonce_cookie::LENGTH);
    cookie.copy_from_slice(&features.nonce_cookie());
    let written = STANDARD_NO_PAD.encode_slice(proof, rest);
    debug_assert_eq!(written, Ok(PROOF));
    nonce
}

/// Whether `nonce` is one that this server made for `client`, not longer than `lifetime` ago.
///
/// That includes the features: if a nonce with fewer of them were taken, somebody in between could take the better
/// password algorithm away from a client that protects what it was told (RFC 8489 §9.2.1).
pub(crate) fn is_valid(
    key: &NonceKey,
    features: SecurityFeatures,
    nonce: &[u8],
    client: &Client,
    unix: u64,
    lifetime: Duration,
) -> bool {
    let Some(encoded) = nonce.strip_prefix(&features.nonce_cookie()) else {
        return false;
    };
    // One byte more than needed: the decoder wants room for its estimate.
    let mut proof = [0; TIME + MAC + 1];
    if encoded.len() != PROOF || STANDARD_NO_PAD.decode_slice(encoded, &mut proof) != Ok(TIME + MAC) {
        return false;
    }
    let [a, b, c, d, ..] = proof;
    let time = [a, b, c, d];
    let right = mac(key, time, client);
    let given = proof.get(TIME..TIME + MAC).unwrap_or_default();
    if constant_time::verify_slices_are_equal(&right, given).is_err() {
        return false;
    }
    let [a, b, c, d, ..] = unix.to_le_bytes();
    let age = u32::from_le_bytes([a, b, c, d]).wrapping_sub(u32::from_le_bytes(time));
    u64::from(age) <= lifetime.as_secs()
}

fn mac(key: &NonceKey, time: [u8; TIME], client: &Client) -> [u8; MAC] {
    let mut context = hmac::Context::with_key(&key.0);
    context.update(&time);
    context.update(&[client.transport as u8]);
    for address in [client.remote, client.local] {
        update_with_address(&mut context, address);
    }
    let mut mac = [0; MAC];
    for (byte, whole) in mac.iter_mut().zip(context.sign().as_ref()) {
        *byte = *whole;
    }
    mac
}

fn update_with_address(context: &mut hmac::Context, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => context.update(&ip.octets()),
        IpAddr::V6(ip) => context.update(&ip.octets()),
    }
    context.update(&address.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;
    use rand::SeedableRng;

    fn client(remote: &str) -> Client {
        Client {
            transport: Transport::Udp,
            remote: remote.parse().unwrap(),
            local: "192.0.2.1:3478".parse().unwrap(),
        }
    }

    const NONE: SecurityFeatures = SecurityFeatures { password_algorithms: false, username_anonymity: false };
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn lasts_its_lifetime_and_no_longer() {
        let key = NonceKey::generate(&mut StdRng::seed_from_u64(1));
        let client = client("198.51.100.1:1000");
        // Across the wrap of 32 bits as well.
        for start in [1_800_000_000, u64::from(u32::MAX) - 10] {
            let nonce = make(&key, NONE, &client, start);
            assert!(is_valid(&key, NONE, &nonce, &client, start, HOUR));
            assert!(is_valid(&key, NONE, &nonce, &client, start + 3600, HOUR));
            assert!(!is_valid(&key, NONE, &nonce, &client, start + 3601, HOUR));
            assert!(!is_valid(&key, NONE, &nonce, &client, start - 1, HOUR), "made in the future");
        }
    }

    #[test]
    fn is_good_for_one_client_and_one_key() {
        let key = NonceKey::generate(&mut StdRng::seed_from_u64(1));
        let mine = client("198.51.100.1:1000");
        let nonce = make(&key, NONE, &mine, 100);
        for other in ["198.51.100.1:1001", "198.51.100.2:1000", "[2001:db8::1]:1000"] {
            assert!(!is_valid(&key, NONE, &nonce, &client(other), 100, HOUR));
        }
        let tcp = Client { transport: Transport::Tcp, ..mine };
        assert!(!is_valid(&key, NONE, &nonce, &tcp, 100, HOUR));
        let other_key = NonceKey::generate(&mut StdRng::seed_from_u64(2));
        assert!(!is_valid(&other_key, NONE, &nonce, &mine, 100, HOUR));
    }

    #[test]
    fn any_change_spoils_it() {
        let key = NonceKey::generate(&mut StdRng::seed_from_u64(1));
        let mine = client("198.51.100.1:1000");
        let nonce = make(&key, NONE, &mine, 100);
        for at in 0..LENGTH {
            let mut changed = nonce;
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(!is_valid(&key, NONE, &changed, &mine, 100, HOUR));
            assert!(!is_valid(&key, NONE, &nonce[..at], &mine, 100, HOUR));
        }
    }
}
