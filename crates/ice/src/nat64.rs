//! NAT64: IPv4 as it is seen from a network that has IPv6 only (RFC 6052, RFC 7050).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The lengths that a prefix may have (RFC 6052 §2.2), the most common first.
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];
/// What `ipv4only.arpa` stands for (RFC 7050 §2.2).
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// The addresses at which a network's translator stands for IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat64Prefix {
    bits: u128,
    length: u8,
}

impl Nat64Prefix {
    /// Finds the prefix in what a network answers when it is asked for the IPv6 addresses of `ipv4only.arpa`, which has none of
    /// its own (RFC 7050 §3).
    pub fn find(answers: impl IntoIterator<Item = Ipv6Addr>) -> Option<Self> {
        answers.into_iter().find_map(|answer| {
            LENGTHS.into_iter().find_map(|length| {
                let prefix = Self { bits: answer.to_bits() & mask(length), length };
                WELL_KNOWN.into_iter().any(|known| prefix.embed(known) == answer).then_some(prefix)
            })
        })
    }

    /// The address that stands for an IPv4 address (RFC 6052 §2.2): bits 64 to 71 are left out.
    #[must_use]
    pub fn embed(self, address: Ipv4Addr) -> Ipv6Addr {
        let address = u128::from(address.to_bits());
        let bits = if self.length == 96 {
            address
        } else {
            // The address' first bits stand before the gap, the rest behind it.
            let placed = address << (96 - self.length);
            let before = placed & mask(64);
            let behind = (placed & !mask(64)) >> 8;
            before | behind
        };
        Ipv6Addr::from_bits(self.bits | bits)
    }

    /// The same with a port; `None` for what is no IPv4 address that a translator would take (RFC 6052 §3.1).
    #[must_use]
    pub fn translate(self, address: SocketAddr) -> Option<SocketAddr> {
        let SocketAddr::V4(address) = address else { return None };
        let ip = *address.ip();
        let is_elsewhere = !ip.is_loopback() && !ip.is_link_local() && !ip.is_private();
        is_elsewhere.then(|| SocketAddr::new(self.embed(ip).into(), address.port()))
    }

    /// Whether an address stands for one of IPv4.
    #[must_use]
    pub fn contains(self, address: Ipv6Addr) -> bool {
        address.to_bits() & mask(self.length) == self.bits
    }
}

/// The first `length` bits.
const fn mask(length: u8) -> u128 {
    if length == 0 { 0 } else { u128::MAX << (128 - length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_embedded_as_in_rfc_6052_2_4() {
        let address = Ipv4Addr::new(192, 0, 2, 33);
        for (prefix, length, expected) in [
            ("2001:db8::", 32, "2001:db8:c000:221::"),
            ("2001:db8:100::", 40, "2001:db8:1c0:2:21::"),
            ("2001:db8:122::", 48, "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::", 96, "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::", 96, "64:ff9b::192.0.2.33"),
        ] {
            let bits = prefix.parse::<Ipv6Addr>().unwrap().to_bits();
            let prefix = Nat64Prefix { bits, length };
            let expected: Ipv6Addr = expected.parse().unwrap();
            assert_eq!(prefix.embed(address), expected, "{length}");
            assert!(prefix.contains(expected));
            // RFC 7050 §3: it is found again in the answer.
            assert_eq!(Nat64Prefix::find([prefix.embed(WELL_KNOWN[1])]), Some(prefix));
        }
        assert_eq!(Nat64Prefix::find(["2001:db8::1".parse().unwrap()]), None);
    }

    #[test]
    fn only_what_is_elsewhere_is_translated() {
        let prefix = Nat64Prefix::find(["64:ff9b::192.0.0.170".parse().unwrap()]).unwrap();
        let translated = prefix.translate("198.51.100.1:5".parse().unwrap());
        assert_eq!(translated, Some("[64:ff9b::198.51.100.1]:5".parse().unwrap()));
        for other in ["10.0.0.1:5", "127.0.0.1:5", "169.254.0.1:5", "[2001:db8::1]:5"] {
            assert_eq!(prefix.translate(other.parse().unwrap()), None, "{other}");
        }
    }
}
