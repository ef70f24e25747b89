//! The addresses of this machine that peers may be told.

use std::io;
use std::net::IpAddr;

use if_addrs::{IfAddr, IfOperStatus, Interface};

/// Which interfaces an endpoint uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interfaces {
    /// All but loopback and link-local ones.
    #[default]
    All,
    /// Loopback as well: for peers on the same machine, and for tests.
    AllAndLoopback,
    /// These addresses only.
    Only(Vec<IpAddr>),
}

impl Interfaces {
    /// The addresses, the best first: IPv6 before IPv4, as RFC 6724 orders them, loopback last. Of the addresses that one
    /// interface has in one family, one: with more, a peer would check the same way again and again.
    ///
    /// # Errors
    /// The system's, which say nothing of the interfaces.
    pub(super) fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        let loopback_too = match self {
            Self::Only(addresses) => return Ok(addresses.clone()),
            Self::All => false,
            Self::AllAndLoopback => true,
        };
        let mut interfaces = if_addrs::get_if_addrs()?;
        interfaces.retain(|interface| {
            interface.oper_status != IfOperStatus::Down
                && (loopback_too || !interface.is_loopback())
                && !interface.is_link_local()
        });
        interfaces.sort_by_key(|interface| {
            (interface.is_loopback(), interface.ip().is_ipv4(), preference(interface))
        });
        let mut seen = Vec::new();
        interfaces.retain(|interface| {
            let place = (interface.name.clone(), interface.ip().is_ipv4());
            let is_first = !seen.contains(&place);
            seen.push(place);
            is_first
        });
        Ok(interfaces.into_iter().map(|interface| interface.ip()).collect())
    }
}

/// Global addresses before unique local ones (RFC 4193), which only reach the site.
fn preference(interface: &Interface) -> u8 {
    match &interface.addr {
        IfAddr::V6(address)
            if address.ip.segments().first().is_some_and(|first| first & 0xFE00 == 0xFC00) =>
        {
            1
        }
        _ => 0,
    }
}
