//! Names below `.local` that addresses hide behind (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates): those of others are
//! asked for on the link, of whoever has the name, and [`responder`] answers for ours.

mod responder;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use if_addrs::{IfAddr, Interface};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

pub(super) use responder::HostNames;

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 0xFB);

/// When the question is asked (RFC 6762 §5.2 wants a second between, but for the first repetition there is no time).
const ASKED: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(1000), Duration::from_millis(2000)];

/// When nobody is waited for any more.
const PATIENCE: Duration = Duration::from_secs(4);

const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;
/// In a question: the answer may come to us alone (RFC 6762 §5.4). In an answer: it replaces others (§10.2).
const TOP_BIT: u16 = 0x8000;

/// The addresses of a name, as soon as one is known; none if nobody answers within four seconds.
pub(super) async fn resolve(name: &str) -> Vec<IpAddr> {
    let Some(question) = question(name) else {
        return Vec::new();
    };
    let sockets: Vec<(UdpSocket, SocketAddr)> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .iter()
        .filter_map(|interface| open(interface).ok())
        .collect();
    let begin = Instant::now();
    let ask = async {
        for moment in ASKED {
            sleep_until(begin + moment).await;
            for (socket, group) in &sockets {
                let _ = socket.send_to(&question, group).await;
            }
        }
        std::future::pending().await
    };
    let mut listeners: FuturesUnordered<_> =
        sockets.iter().map(|(socket, _)| answer_from(socket, name)).collect();
    let answer = timeout_at(begin + PATIENCE, async {
        tokio::select! {
            addresses = listeners.next() => addresses,
            never = ask => never,
        }
    });
    answer.await.ok().flatten().unwrap_or_default().into_iter().collect()
}

/// A socket on one interface that hears the group, and the group's address.
fn open(interface: &Interface) -> io::Result<(UdpSocket, SocketAddr)> {
    let domain = if interface.ip().is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    let group = match &interface.addr {
        IfAddr::V4(address) => {
            bind(&socket, Ipv4Addr::UNSPECIFIED.into())?;
            socket.join_multicast_v4(&GROUP_V4, &address.ip)?;
            socket.set_multicast_if_v4(&address.ip)?;
            socket.set_multicast_ttl_v4(255)?;
            socket.set_multicast_loop_v4(true)?;
            SocketAddr::from((GROUP_V4, PORT))
        }
        IfAddr::V6(_) => {
            let index = interface.index.ok_or(io::ErrorKind::AddrNotAvailable)?;
            socket.set_only_v6(true)?;
            bind(&socket, Ipv6Addr::UNSPECIFIED.into())?;
            socket.join_multicast_v6(&GROUP_V6, index)?;
            socket.set_multicast_if_v6(index)?;
            socket.set_multicast_hops_v6(255)?;
            socket.set_multicast_loop_v6(true)?;
            SocketAddr::from((GROUP_V6, PORT))
        }
    };
    socket.set_nonblocking(true)?;
    Ok((UdpSocket::from_std(socket.into())?, group))
}

/// On mDNS's own port everybody hears the answer; where somebody keeps it to himself, any port will do, and the answer
/// comes to us alone (RFC 6762 §6.7).
fn bind(socket: &Socket, any: IpAddr) -> io::Result<()> {
    socket.bind(&SocketAddr::new(any, PORT).into()).or_else(|_| socket.bind(&SocketAddr::new(any, 0).into()))
}

async fn answer_from(socket: &UdpSocket, name: &str) -> BTreeSet<IpAddr> {
    let mut buffer = [0; 9000];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut buffer).await else {
            return std::future::pending().await;
        };
        let addresses = buffer.get(..length).and_then(|message| answers(message, name)).unwrap_or_default();
        if !addresses.is_empty() {
            return addresses;
        }
    }
}

/// Asks for both kinds of addresses. `None`: it is no name.
fn question(name: &str) -> Option<Vec<u8>> {
    let mut message = vec![0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
    let name = encoded(name)?;
    for kind in [A, AAAA] {
        message.extend_from_slice(&name);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&(INTERNET | TOP_BIT).to_be_bytes());
    }
    (message.len() < 500).then_some(message)
}

/// A name as it stands in messages (RFC 1035 §3.1). `None`: it is no name.
fn encoded(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.trim_end_matches('.').split('.') {
        bytes.push(u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    Some(bytes)
}

/// The addresses that a response has for a name. `None`: it is malformed from somewhere on, or no response.
fn answers(message: &[u8], wanted: &str) -> Option<BTreeSet<IpAddr>> {
    let word = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
    if word(2)? & TOP_BIT == 0 {
        return None;
    }
    let mut at = 12;
    for _ in 0..word(4)? {
        at = name(message, at)?.1 + 4;
    }
    let mut addresses = BTreeSet::new();
    // Answers, then authorities, then additional records: each may carry it.
    let records = [word(6)?, word(8)?, word(10)?].into_iter().map(usize::from).sum::<usize>();
    for _ in 0..records {
        let (owner, end) = name(message, at)?;
        let (kind, class, length) = (word(end)?, word(end + 2)?, usize::from(word(end + 8)?));
        let data = message.get(end + 10..end + 10 + length)?;
        at = end + 10 + length;
        if class & !TOP_BIT != INTERNET || !owner.eq_ignore_ascii_case(wanted.trim_end_matches('.')) {
            continue;
        }
        match kind {
            A => addresses.extend(<[u8; 4]>::try_from(data).ok().map(IpAddr::from)),
            AAAA => addresses.extend(<[u8; 16]>::try_from(data).ok().map(IpAddr::from)),
            _ => (),
        }
    }
    Some(addresses)
}

/// The name that stands at `at`, and where what follows it begins (RFC 1035 §4.1.4).
fn name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut end = None;
    // Each step goes to a label or by a pointer; more than this is a circle.
    for _ in 0..64 {
        let length = *message.get(at)?;
        match length {
            0 => return Some((text, end.unwrap_or(at + 1))),
            1..64 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&String::from_utf8_lossy(label));
                at += 1 + usize::from(length);
            }
            192.. => {
                end = end.or(Some(at + 2));
                at = usize::from(length & 63) << 8 | usize::from(*message.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0a1b2c3d-0000-4000-8000-aabbccddeeff.local";

    fn response(address: &[u8], kind: u16) -> Vec<u8> {
        let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        let asked = question(NAME).unwrap();
        // Another name first, then the name with its end written as a pointer.
        message.extend_from_slice(b"\x05other\x05local\0");
        message.extend_from_slice(&[0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 9, 9, 9, 9]);
        message.extend_from_slice(&asked[12..12 + 37]);
        message.extend_from_slice(&[0xC0, 18]);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0x80, 1, 0, 0, 0, 120, 0, address.len() as u8]);
        message.extend_from_slice(address);
        message
    }

    #[test]
    fn a_response_gives_the_names_address_rfc_6762_6() {
        let message = response(&[192, 0, 2, 7], A);
        assert_eq!(answers(&message, NAME).unwrap(), BTreeSet::from([IpAddr::from([192, 0, 2, 7])]));
        assert_eq!(answers(&message, &NAME.to_uppercase()).unwrap().len(), 1);
        assert_eq!(answers(&message, "third.local").unwrap().len(), 0);
        let message = response(&Ipv6Addr::LOCALHOST.octets(), AAAA);
        assert_eq!(answers(&message, NAME).unwrap(), BTreeSet::from([IpAddr::from(Ipv6Addr::LOCALHOST)]));
    }

    #[test]
    fn a_cut_response_is_borne() {
        let message = response(&[192, 0, 2, 7], A);
        for length in 0..message.len() {
            assert_eq!(answers(&message[..length], NAME), None);
        }
    }

    #[test]
    fn pointers_in_a_circle_are_no_name_rfc_1035_4_1_4() {
        assert_eq!(name(&[0xC0, 0], 0), None);
        assert_eq!(name(&[1, b'a', 0xC0, 0], 0), None);
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        assert!(question("").is_none());
        assert!(question("a..local").is_none());
        assert!(question(&"a".repeat(64)).is_none());
        assert!(question(&"abcdefgh.".repeat(60)).is_none());
        assert_eq!(question(NAME).unwrap().len(), 12 + 2 * (NAME.len() + 2 + 4));
    }
}
