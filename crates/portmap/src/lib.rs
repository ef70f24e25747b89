//! Port mappings on the router: it forwards what comes to one of its ports to a socket of ours, and says where that is.
//!
//! [`Mapper`] asks by PCP (RFC 6887) and NAT-PMP (RFC 6886), as the machine that all of Peerline's protocols are: datagrams
//! in, datagrams out, no sockets and no clock. [`upnp`] has the messages of UPnP-IGD, which are exchanged one after the other.

mod mapper;
mod nat_pmp;
mod pcp;
pub mod upnp;

pub use mapper::{Event, LIFETIME, Mapper, PORT, Protocol};

use std::net::{IpAddr, Ipv4Addr};

/// Whether an address is one that others may reach: what routers say isn't always.
fn is_plausible(address: Ipv4Addr) -> bool {
    !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_broadcast()
        && !address.is_link_local()
}

/// Whether a mapping may help a socket at this address: it is one that a NAT stands before (RFC 1918, RFC 6598).
#[must_use]
pub fn is_behind_nat(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || (first == 100 && second & 0xC0 == 64)
        }
        IpAddr::V6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_behind_a_nat_are_mapped() {
        for (address, expected) in [
            ("10.0.0.1", true),
            ("172.31.0.1", true),
            ("192.168.1.2", true),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.1", false),
            ("127.0.0.1", false),
            ("169.254.0.1", false),
            ("198.51.100.1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_behind_nat(address.parse().unwrap()), expected, "{address}");
        }
    }
}
