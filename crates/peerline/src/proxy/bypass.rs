//! Hosts that are reached without the proxy, as `NO_PROXY` names them.

use std::net::IpAddr;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bypass {
    /// `*`: all.
    Everything,
    /// A domain with all below it, in lower case and without a dot before it.
    Domain(String),
    /// An address, or all that begin with so many of its bits.
    Network(IpAddr, u32),
}

impl Bypass {
    /// Reads a list: commas or spaces between its members. What can't be read is left out.
    pub(super) fn parse_list(list: &str) -> impl Iterator<Item = Self> {
        list.split([',', ' ']).filter_map(|member| Self::parse(member.trim()))
    }

    fn parse(member: &str) -> Option<Self> {
        if member == "*" {
            return Some(Self::Everything);
        }
        let (address, bits) = match member.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (member, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        match bare.parse() {
            Ok(address) => Some(Self::Network(address, bits.unwrap_or(128))),
            Err(_) if bits.is_some() => None,
            Err(_) => {
                let domain = member.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
                (!domain.is_empty()).then_some(Self::Domain(domain))
            }
        }
    }

    /// Whether `host`, a name or an address, is one of these.
    pub(super) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Network(network, bits) => {
                host.parse().is_ok_and(|address| is_within(*network, *bits, address))
            }
        }
    }
}

fn is_within(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros() >= bits.min(32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros() >= bits.min(128)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_as_other_programs_do_it() {
        let cases = [
            ("example.com", "example.com", true),
            ("example.com", "EXAMPLE.com.", true),
            ("example.com", "call.example.com", true),
            ("example.com", "badexample.com", false),
            (".example.com", "call.example.com", true),
            ("*.example.com", "call.example.com", true),
            ("a.test, b.test", "b.test", true),
            ("a.test b.test", "c.test", false),
            ("*", "anything", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "ten.test", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("[2001:db8::1]", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("", "anything", false),
            ("10.0.0.0/x", "10.0.0.0", false),
        ];
        for (list, host, expected) in cases {
            assert_eq!(
                Bypass::parse_list(list).any(|bypass| bypass.matches(host)),
                expected,
                "{list} {host}"
            );
        }
    }
}
