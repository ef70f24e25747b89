//! The addresses of this machine.

use std::net::IpAddr;

/// Every address of an interface that others can reach, IPv4 first. Without loopback and link-local ones.
pub fn of_this_machine() -> impl Iterator<Item = IpAddr> {
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses.into_iter()
}
