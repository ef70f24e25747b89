//! Addresses in attributes (RFC 8489 §14.1 and §14.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{MAGIC_COOKIE, TransactionId};

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// The longest value of an address attribute, in bytes.
pub(crate) const VALUE_MAX: usize = 20;

/// Reads the value of MAPPED-ADDRESS and its like. `None` when it isn't an address.
pub fn read(value: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, port_high, port_low], ip) = value.split_first_chunk::<4>()?;
    let ip = match family {
        IPV4 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
        IPV6 => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([port_high, port_low])))
}

/// Reads the value of XOR-MAPPED-ADDRESS and its like. `None` when it isn't an address.
pub fn read_xor(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    read(value).map(|address| exclusive_or(address, transaction))
}

/// The value of an address attribute: the bytes and how many of them.
pub(crate) fn write(address: SocketAddr) -> ([u8; VALUE_MAX], usize) {
    let mut value = [0; VALUE_MAX];
    let [port_high, port_low] = address.port().to_be_bytes();
    let length = match address.ip() {
        IpAddr::V4(ip) => {
            value[..4].copy_from_slice(&[0, IPV4, port_high, port_low]);
            value[4..8].copy_from_slice(&ip.octets());
            8
        }
        IpAddr::V6(ip) => {
            value[..4].copy_from_slice(&[0, IPV6, port_high, port_low]);
            value[4..].copy_from_slice(&ip.octets());
            VALUE_MAX
        }
    };
    (value, length)
}

/// Hides an address from NATs that rewrite what looks like one; applied twice, it shows it again.
pub(crate) fn exclusive_or(address: SocketAddr, transaction: &TransactionId) -> SocketAddr {
    let [high, low, ..] = MAGIC_COOKIE.to_be_bytes();
    let port = address.port() ^ u16::from_be_bytes([high, low]);
    let ip = match address.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ MAGIC_COOKIE)),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
            mask[4..].copy_from_slice(transaction.as_bytes());
            let mask = u128::from_be_bytes(mask);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ mask))
        }
    };
    SocketAddr::new(ip, port)
}
