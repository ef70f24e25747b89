//! base64url without padding (RFC 4648 §5), canonical: the unused bits of the last character are zero.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes what must be exactly `N` bytes.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // A longer text is an error, not a shorter result.
    (URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()? == N).then_some(bytes)
}
