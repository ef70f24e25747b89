//! What a NAT does with UDP (RFC 5780 §4), asked of one address of the server.

use std::net::{IpAddr, SocketAddr};

use rustix::net::sockopt;
use tokio::net::UdpSocket;

use super::super::evidence::{Filtering, Mapping, PacketSize, Udp, UdpAnswer};
use super::PATIENCE;
use super::stun::{Asker, CHANGE_IP, CHANGE_PORT, RETRANSMISSION, Request};

/// Sizes of IP packets: Ethernet, PPPoE, common tunnels, what WebRTC counts on, and less.
const SIZES: [usize; 7] = [1500, 1492, 1460, 1400, 1280, 1200, 1000];
const WORD: &[u8] = b"peerline doctor: hairpin";

/// Asks the server at this address, at the first of the ports that answers.
pub(super) async fn examine(address: IpAddr, ports: [u16; 2]) -> Udp {
    let [first, second] = ports.map(|port| SocketAddr::new(address, port));
    let udp = Udp {
        server: address,
        ports: ports.to_vec(),
        attempts: RETRANSMISSION.count,
        answer: None,
        unsendable: None,
    };
    match ask(first, second).await {
        Ok(answer) => Udp { answer, ..udp },
        Err(error) => Udp { unsendable: Some(error.to_string()), ..udp },
    }
}

async fn ask(first: SocketAddr, second: SocketAddr) -> std::io::Result<Option<UdpAnswer>> {
    let asker = Asker::towards(first).await?;
    let plain = Request::default();
    let answers = asker.ask_all(&[(first, plain), (second, plain)]).await?;
    let (here, there, answer) = match answers.as_slice() {
        [Some(answer), None] => (first, None, *answer),
        [Some(answer), Some(_)] => (first, Some(second), *answer),
        [None, Some(answer)] => (second, None, *answer),
        _ => return Ok(None),
    };
    let (mappings, filtering, hairpin, packets) = tokio::join!(
        mappings(here, there, answer.other),
        filtering(here, answer.other.is_some()),
        hairpin(here, asker.local != answer.mapped),
        packets(here),
    );
    let (mapping_local, mappings) = mappings
        .unwrap_or_else(|| (asker.local, vec![Mapping { server: here, mapped: Some(answer.mapped) }]));
    Ok(Some(UdpAnswer {
        local: asker.local,
        mapped: answer.mapped,
        round_trip: answer.round_trip.as_secs_f64() * 1e3,
        mapping_local,
        mappings,
        filtering: filtering.flatten(),
        hairpin: hairpin.flatten(),
        packets: packets.flatten(),
    }))
}

/// RFC 5780 §4.3, with one port of the server's more: each is asked after the one before, as ports that follow one another
/// show only so.
async fn mappings(
    here: SocketAddr,
    there: Option<SocketAddr>,
    other: Option<SocketAddr>,
) -> Option<(SocketAddr, Vec<Mapping>)> {
    let asker = Asker::towards(here).await.ok()?;
    let mut servers = vec![here];
    servers.extend(there.filter(|there| *there != here));
    if let Some(other) = other {
        servers.extend([SocketAddr::new(other.ip(), here.port()), other]);
    }
    let mut mappings = Vec::new();
    for server in servers {
        let answer = asker.ask(server, Request::default()).await.ok()?;
        mappings.push(Mapping { server, mapped: answer.map(|answer| answer.mapped) });
    }
    Some((asker.local, mappings))
}

/// RFC 5780 §4.4. The socket asks this one address and nothing else, or what it sent elsewhere would let answers in.
async fn filtering(here: SocketAddr, has_other: bool) -> Option<Option<Filtering>> {
    if !has_other {
        return Some(None);
    }
    let asker = Asker::towards(here).await.ok()?;
    let changes = [0, CHANGE_IP | CHANGE_PORT, CHANGE_PORT];
    let requests = changes.map(|change| (here, Request { change, length: 0 }));
    let answers = asker.ask_all(&requests).await.ok()?;
    match answers.as_slice() {
        [Some(_), address, port] => {
            Some(Some(Filtering { from_other_address: address.is_some(), from_other_port: port.is_some() }))
        }
        _ => Some(None),
    }
}

/// RFC 5780 §4.5, as a call does it: both send, so that each is let in where only answers are.
async fn hairpin(here: SocketAddr, has_nat: bool) -> Option<Option<bool>> {
    if !has_nat {
        return Some(None);
    }
    let (one, other) = (Asker::towards(here).await.ok()?, Asker::towards(here).await.ok()?);
    let plain = Request::default();
    let (first, second) = tokio::join!(one.ask(here, plain), other.ask(here, plain));
    let (Some(first), Some(second)) = (first.ok()?, second.ok()?) else { return Some(None) };
    let patience = PATIENCE / 2;
    let (heard, also) = tokio::join!(
        one.exchange(second.mapped, WORD, patience),
        other.exchange(first.mapped, WORD, patience),
    );
    Some(Some(heard || also))
}

/// RFC 5780 §4.1 names what PADDING is for; here the packets may not be fragmented on their way to the server.
async fn packets(here: SocketAddr) -> Option<Option<PacketSize>> {
    let asker = Asker::towards(here).await.ok()?;
    forbid_fragments(asker.socket(), here.is_ipv4()).ok()?;
    // The headers of IP and UDP.
    let headers = if here.is_ipv4() { 28 } else { 48 };
    let requests = SIZES.map(|size| (here, Request { change: 0, length: size - headers }));
    let answers = asker.ask_all(&requests).await.ok()?;
    let answered = |is_answered: bool| {
        let sizes = SIZES.iter().zip(&answers).filter(move |(_, answer)| answer.is_some() == is_answered);
        sizes.map(|(size, _)| *size)
    };
    let Some(passed) = answered(true).max() else { return Some(None) };
    let lost = answered(false).filter(|lost| *lost > passed).min();
    Some(Some(PacketSize { passed, lost }))
}

/// Sets DF whatever the path's MTU is believed to be.
fn forbid_fragments(socket: &UdpSocket, is_ipv4: bool) -> std::io::Result<()> {
    if is_ipv4 {
        sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::PROBE)?;
    } else {
        sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::PROBE)?;
    }
    Ok(())
}
