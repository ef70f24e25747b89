//! The ground truth: between which sites a direct path over UDP comes about when both sides send at the same time, from the
//! address that a server has seen them at (RFC 5128 §3.3). Peers that do ICE as it should be find a path exactly where
//! this does.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::internet::{Internet, NodeId};
use crate::packet::{Packet, embedded};
use crate::site::{SERVER, SharedNat, Site, SiteType};

/// How often each side sends to all that it knows of the other one.
const ROUNDS: usize = 5;
const PORT: u16 = 5000;

/// One side: its sockets, and what it knows of the other side.
struct Side {
    node: NodeId,
    has_nat64: bool,
    sockets: Vec<SocketAddr>,
    remotes: Vec<SocketAddr>,
    /// What a packet came from.
    heard: Vec<SocketAddr>,
}

pub fn is_direct(a: SiteType, b: SiteType) -> bool {
    let now = Instant::now();
    let mut internet = Internet::new(1);
    let server = internet.host(Internet::CORE, SERVER);
    let shared = SharedNat::new(&mut internet);
    let mut sides = [(a, 1), (b, 2)].map(|(kind, number)| {
        let host = Site::new(&mut internet, &shared, kind, number).host;
        let sockets = host.addresses.iter().map(|address| SocketAddr::new(*address, PORT)).collect();
        Side {
            node: host.node,
            has_nat64: kind == SiteType::Nat64,
            sockets,
            remotes: Vec::new(),
            heard: Vec::new(),
        }
    });
    // Where the server has seen them.
    let reflexive = sides.each_ref().map(|side| {
        let mut candidates = side.sockets.clone();
        for address in SERVER {
            side.send(&mut internet, now, SocketAddr::new(address, 3478));
        }
        while let Some((node, packet)) = internet.poll_transmit() {
            if node == server {
                candidates.push(packet.flow.source);
            }
        }
        candidates
    });
    let [of_a, of_b] = reflexive;
    let [side_a, side_b] = &mut sides;
    (side_a.remotes, side_b.remotes) = (of_b, of_a);
    for _ in 0..ROUNDS {
        for side in &sides {
            for remote in &side.remotes {
                side.send(&mut internet, now, *remote);
            }
        }
        while let Some((node, packet)) = internet.poll_transmit() {
            for side in sides.iter_mut().filter(|side| side.node == node) {
                let source = packet.flow.source;
                side.heard.push(source);
                // A peer-reflexive candidate (RFC 8445 §7.3.1.3).
                side.remotes.push(source);
            }
        }
        for side in &mut sides {
            side.remotes.sort();
            side.remotes.dedup();
        }
    }
    sides.iter().all(|side| !side.heard.is_empty())
}

impl Side {
    /// From each socket that can.
    fn send(&self, internet: &mut Internet, now: Instant, remote: SocketAddr) {
        for socket in &self.sockets {
            let remote = match remote.ip() {
                // Who knows that there is a NAT64 makes itself an address (RFC 8305 §7.1).
                IpAddr::V4(address) if self.has_nat64 => {
                    SocketAddr::new(embedded(address).into(), remote.port())
                }
                _ => remote,
            };
            if socket.is_ipv4() == remote.is_ipv4() {
                internet.handle_input(now, self.node, Packet::udp(*socket, remote, b"punch"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SiteType::*;

    /// The textbook's table: a path over UDP, unless one side has none, or one side's port is another one for each
    /// destination and the other side lets in only the port that it knows.
    #[test]
    fn a_direct_path_exists_where_the_textbook_says() {
        let unpredictable = |site| matches!(site, Symmetric | SymSeq | AddrSymmetric | DualStack);
        let strict = |site| {
            unpredictable(site) || matches!(site, Firewall | PortRestricted | Cgnat | SharedCgn | Nat64)
        };
        let has_no_udp = |site| matches!(site, UdpBlocked | Tcp443 | Tls443 | Proxy);
        let has_ipv6 = |site| matches!(site, Firewall | DualStack | Ipv6Only | Nat64);
        for a in SiteType::ALL {
            for b in SiteType::ALL {
                let over_ipv6 = has_ipv6(a) && has_ipv6(b);
                let has_ipv4 = a != Ipv6Only && b != Ipv6Only;
                let over_ipv4 = has_ipv4 && !(unpredictable(a) && strict(b) || strict(a) && unpredictable(b));
                let expected = !has_no_udp(a) && !has_no_udp(b) && (over_ipv6 || over_ipv4);
                assert_eq!(is_direct(a, b), expected, "{a:?} and {b:?}");
            }
        }
    }
}
