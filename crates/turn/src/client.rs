//! Who a message comes from.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// How a client reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// A TLS connection.
    Tls,
}

impl Transport {
    /// Whether messages come in a stream of bytes, where ChannelData is padded to 4 (RFC 8656 §12.5).
    pub const fn is_stream(self) -> bool {
        !matches!(self, Self::Udp)
    }
}

/// A client's 5-tuple (RFC 8656 §3): what identifies an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    /// The transport protocol.
    pub transport: Transport,
    /// The client's address as the server sees it.
    pub remote: SocketAddr,
    /// The server's address at which the message came in.
    pub local: SocketAddr,
}

impl Hash for Client {
    // Few, wide writes: this is hashed once per packet.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = (self.transport as u64) << 32
            | u64::from(self.remote.port()) << 16
            | u64::from(self.local.port());
        match (self.remote.ip(), self.local.ip()) {
            (IpAddr::V4(remote), IpAddr::V4(local)) => {
                state.write_u64(u64::from(remote.to_bits()) << 32 | u64::from(local.to_bits()));
                state.write_u64(ports);
            }
            (remote, local) => {
                state.write_u128(bits(remote));
                state.write_u128(bits(local));
                state.write_u64(ports);
            }
        }
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}
