//! NAT-PMP (RFC 6886 §3).

use std::net::Ipv4Addr;

const VERSION: u8 = 0;
const ADDRESS: u8 = 0;
const MAP_UDP: u8 = 1;
const RESPONSE: u8 = 128;

/// Asks for the router's address outside (RFC 6886 §3.2).
pub(crate) fn address_request() -> Vec<u8> {
    vec![VERSION, ADDRESS]
}

/// Asks for a mapping (RFC 6886 §3.3); with a lifetime of 0, to end it (§3.4).
pub(crate) fn map_request(internal_port: u16, suggested_port: u16, lifetime: u32) -> Vec<u8> {
    let mut bytes = vec![VERSION, MAP_UDP, 0, 0];
    bytes.extend_from_slice(&internal_port.to_be_bytes());
    bytes.extend_from_slice(&suggested_port.to_be_bytes());
    bytes.extend_from_slice(&lifetime.to_be_bytes());
    bytes
}

/// What a router says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Address(Ipv4Addr),
    Mapped {
        port: u16,
        /// In seconds.
        lifetime: u32,
    },
    /// It doesn't know PCP: a result of 1 to an operation that NAT-PMP has, too (RFC 6887 appendix A).
    OtherVersion,
    Refused,
}

/// Reads a response; of a mapping, one for this port.
pub(crate) fn response(bytes: &[u8], internal_port: u16) -> Option<Response> {
    let [VERSION, operation, r0, r1, _, _, _, _, rest @ ..] = bytes else { return None };
    let operation = operation.checked_sub(RESPONSE)?;
    match (u16::from_be_bytes([*r0, *r1]), operation, rest) {
        (0, ADDRESS, [a, b, c, d, ..]) => Some(Response::Address(Ipv4Addr::new(*a, *b, *c, *d))),
        (0, MAP_UDP, [i0, i1, e0, e1, l0, l1, l2, l3, ..])
            if u16::from_be_bytes([*i0, *i1]) == internal_port =>
        {
            let port = u16::from_be_bytes([*e0, *e1]);
            Some(Response::Mapped { port, lifetime: u32::from_be_bytes([*l0, *l1, *l2, *l3]) })
        }
        (0, ..) => None,
        (1, ..) => Some(Response::OtherVersion),
        (_, ADDRESS | MAP_UDP, _) => Some(Response::Refused),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_rfc_6886() {
        assert_eq!(address_request(), [0, 0]);
        assert_eq!(map_request(4000, 4000, 1200), [0, 1, 0, 0, 0x0F, 0xA0, 0x0F, 0xA0, 0, 0, 0x04, 0xB0]);
        let address = [0, 128, 0, 0, 0, 0, 0, 1, 203, 0, 113, 2];
        assert_eq!(response(&address, 4000), Some(Response::Address(Ipv4Addr::new(203, 0, 113, 2))));
        let mapped = [0, 129, 0, 0, 0, 0, 0, 1, 0x0F, 0xA0, 0x13, 0x88, 0, 0, 2, 0x58];
        assert_eq!(response(&mapped, 4000), Some(Response::Mapped { port: 5000, lifetime: 600 }));
        assert_eq!(response(&mapped, 4001), None);
        assert_eq!(response(&[0, 129, 0, 1, 0, 0, 0, 1], 4000), Some(Response::OtherVersion));
        assert_eq!(response(&[0, 129, 0, 2, 0, 0, 0, 1], 4000), Some(Response::Refused));
        for length in 0..mapped.len() {
            assert_eq!(response(&mapped[..length], 4000), None, "{length}");
        }
        assert_eq!(response(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 4000), None, "a request is no response");
    }
}
