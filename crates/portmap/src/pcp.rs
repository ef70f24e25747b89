//! PCP's MAP (RFC 6887 §7, §11).

use std::net::{Ipv4Addr, SocketAddrV4};

/// RFC 6887 §7: no message is longer.
pub(crate) const REQUEST: usize = 60;
const VERSION: u8 = 2;
const MAP: u8 = 1;
const RESPONSE: u8 = 0x80;
const UDP: u8 = 17;

/// Tells answers to us from others (RFC 6887 §11.1).
pub(crate) type Nonce = [u8; 12];

/// Asks for a mapping; with a lifetime of 0, to end it (RFC 6887 §15).
pub(crate) fn request(
    internal: SocketAddrV4,
    suggested: SocketAddrV4,
    lifetime: u32,
    nonce: &Nonce,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REQUEST);
    bytes.extend_from_slice(&[VERSION, MAP, 0, 0]);
    bytes.extend_from_slice(&lifetime.to_be_bytes());
    bytes.extend_from_slice(&internal.ip().to_ipv6_mapped().octets());
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(&[UDP, 0, 0, 0]);
    bytes.extend_from_slice(&internal.port().to_be_bytes());
    bytes.extend_from_slice(&suggested.port().to_be_bytes());
    bytes.extend_from_slice(&suggested.ip().to_ipv6_mapped().octets());
    bytes
}

/// What a router answers to [`request`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Mapped {
        external: SocketAddrV4,
        /// In seconds.
        lifetime: u32,
    },
    Refused,
}

/// Reads a response to a request of this nonce for this port.
pub(crate) fn response(bytes: &[u8], nonce: &Nonce, internal_port: u16) -> Option<Response> {
    let (header, rest) = bytes.split_first_chunk::<24>()?;
    let (map, _) = rest.split_first_chunk::<36>()?;
    let [version, opcode, _, result, l0, l1, l2, l3, ..] = *header;
    let (of, map) = map.split_first_chunk::<12>()?;
    let [protocol, _, _, _, i0, i1, e0, e1, address @ ..] = map else { return None };
    let is_ours = version == VERSION
        && opcode == MAP | RESPONSE
        && of == nonce
        && *protocol == UDP
        && u16::from_be_bytes([*i0, *i1]) == internal_port;
    if !is_ours {
        return None;
    }
    if result != 0 {
        return Some(Response::Refused);
    }
    let address: [u8; 16] = address.try_into().ok()?;
    let address: Ipv4Addr = std::net::Ipv6Addr::from(address).to_ipv4_mapped()?;
    let external = SocketAddrV4::new(address, u16::from_be_bytes([*e0, *e1]));
    Some(Response::Mapped { external, lifetime: u32::from_be_bytes([l0, l1, l2, l3]) })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const NONCE: Nonce = *b"nonce nonce!";

    /// A router's answer to a request, of its fields (RFC 6887 §7.2, §11.1).
    pub(crate) fn answer(request: &[u8], result: u8, external: SocketAddrV4, lifetime: u32) -> Vec<u8> {
        let mut bytes = vec![2, 0x81, 0, result];
        bytes.extend_from_slice(&lifetime.to_be_bytes());
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&request[24..42]);
        bytes.extend_from_slice(&external.port().to_be_bytes());
        bytes.extend_from_slice(&external.ip().to_ipv6_mapped().octets());
        bytes
    }

    fn internal() -> SocketAddrV4 {
        "10.1.0.2:4000".parse().unwrap()
    }

    #[test]
    fn a_request_is_that_of_rfc_6887_7_1_and_11_1() {
        let bytes = request(internal(), "0.0.0.0:4000".parse().unwrap(), 1200, &NONCE);
        assert_eq!(bytes.len(), REQUEST);
        assert_eq!(bytes[..8], [2, 1, 0, 0, 0, 0, 0x04, 0xB0]);
        assert_eq!(bytes[8..24], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 1, 0, 2]);
        assert_eq!(bytes[24..36], NONCE);
        assert_eq!(bytes[36..44], [17, 0, 0, 0, 0x0F, 0xA0, 0x0F, 0xA0]);
        assert_eq!(bytes[44..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]);
    }

    #[test]
    fn only_answers_to_the_request_count() {
        let request = request(internal(), internal(), 1200, &NONCE);
        let external = "203.0.113.2:5000".parse().unwrap();
        let answer = answer(&request, 0, external, 600);
        let mapped = Response::Mapped { external, lifetime: 600 };
        assert_eq!(response(&answer, &NONCE, 4000), Some(mapped));
        assert_eq!(response(&answer, b"another one!", 4000), None);
        assert_eq!(response(&answer, &NONCE, 4001), None);
        for length in 0..answer.len() {
            assert_eq!(response(&answer[..length], &NONCE, 4000), None, "{length}");
        }
        let refused = self::answer(&request, 2, external, 600);
        assert_eq!(response(&refused, &NONCE, 4000), Some(Response::Refused));
    }
}
