//! Names for our own addresses, and answers to whoever asks for them on the link that an address is on
//! (draft-ietf-mmusic-mdns-ice-candidates §3.1.1).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use if_addrs::{IfAddr, Interface};
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::super::EndpointConfig;
use super::{A, AAAA, INTERNET, PORT, TOP_BIT, encoded, name as read_name, open};

/// For how long an answer holds, in seconds (RFC 6762 §10).
const LIFETIME: u32 = 120;
/// The same for those who don't speak multicast DNS (RFC 6762 §6.7).
const LIFETIME_ELSEWHERE: u32 = 10;
/// The same answer isn't given to everybody again within this (RFC 6762 §6).
const PAUSE: Duration = Duration::from_secs(1);
/// In a question: every kind of record.
const ANY: u16 = 255;

/// A name for each of our addresses, and who answers for it.
#[derive(Debug, Default)]
pub(in crate::endpoint) struct HostNames {
    names: HashMap<IpAddr, (String, AbortHandle)>,
}

impl HostNames {
    /// The name of an address, from the first time on answered for; none where addresses aren't hidden.
    pub(in crate::endpoint) fn of(
        &mut self,
        runtime: &Handle,
        config: &EndpointConfig,
        address: IpAddr,
    ) -> Option<String> {
        config.hide_host_addresses.then(|| self.named(runtime, address))
    }

    fn named(&mut self, runtime: &Handle, address: IpAddr) -> String {
        let entry = self.names.entry(address).or_insert_with(|| {
            let name = new_name();
            let answering = runtime.spawn(answer_for(name.clone(), address));
            (name, answering.abort_handle())
        });
        entry.0.clone()
    }

    /// The address is gone.
    pub(in crate::endpoint) fn remove(&mut self, address: IpAddr) {
        if let Some((_, answering)) = self.names.remove(&address) {
            answering.abort();
        }
    }
}

impl Drop for HostNames {
    fn drop(&mut self) {
        for (_, answering) in self.names.values() {
            answering.abort();
        }
    }
}

/// A version 4 UUID (RFC 9562 §5.4) below `.local`: nothing can be learned from it.
fn new_name() -> String {
    let random: u128 = rand::random();
    let uuid = random & !(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{uuid:032x}");
    let group = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}.local", group(0, 8), group(8, 12), group(12, 16), group(16, 20), group(20, 32))
}

/// Answers for a name as long as it is polled, on the link that its address is on and nowhere else.
async fn answer_for(name: String, address: IpAddr) {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let own = interfaces.iter().find(|interface| interface.ip() == address);
    let of_link = interfaces.iter().filter(|other| own.is_some_and(|own| own.name == other.name));
    let record = Record { name, address };
    let answering = of_link.filter_map(|interface| match open(interface) {
        Ok((socket, group)) => Some(record.answer_at(interface, socket, group)),
        Err(error) => {
            tracing::debug!(interface = interface.name, %error, "no answers by multicast DNS");
            None
        }
    });
    join_all(answering).await;
}

struct Record {
    name: String,
    address: IpAddr,
}

/// What somebody wants to know.
#[derive(Debug, PartialEq, Eq)]
struct Query {
    id: u16,
    /// The answer may go to the asker alone (RFC 6762 §5.4).
    alone: bool,
}

impl Record {
    async fn answer_at(&self, interface: &Interface, socket: UdpSocket, group: SocketAddr) {
        let Some(response) = self.response(None) else { return };
        // RFC 6762 §8.3: who waits for the name already needn't ask again. It is nobody else's: that isn't asked before.
        let _ = socket.send_to(&response, group).await;
        let mut multicast: Option<Instant> = None;
        let mut buffer = [0; 9000];
        loop {
            let Ok((length, source)) = socket.recv_from(&mut buffer).await else {
                return std::future::pending().await;
            };
            let Some(query) = buffer.get(..length).and_then(|message| self.asked_by(message)) else {
                continue;
            };
            let is_elsewhere = source.port() != PORT;
            // RFC 6762 §11: others than those on the link are told nothing.
            if is_elsewhere || query.alone {
                if !is_on_link(interface, source) {
                    continue;
                }
                let response = self.response(is_elsewhere.then_some(query.id));
                let _ = socket.send_to(&response.unwrap_or_default(), source).await;
            }
            // Of several programs that have the port on one machine, only one hears what goes to it alone.
            if !is_elsewhere && multicast.is_none_or(|at| at.elapsed() >= PAUSE) {
                multicast = Some(Instant::now());
                let _ = socket.send_to(&response, group).await;
            }
        }
    }

    fn kind(&self) -> u16 {
        if self.address.is_ipv4() { A } else { AAAA }
    }

    /// Whether a message is a query for this record.
    fn asked_by(&self, message: &[u8]) -> Option<Query> {
        let word = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
        if word(2)? & TOP_BIT != 0 {
            return None;
        }
        let mut at = 12;
        for _ in 0..word(4)? {
            let (owner, end) = read_name(message, at)?;
            let (kind, class) = (word(end)?, word(end + 2)?);
            at = end + 4;
            let is_wanted = (kind == self.kind() || kind == ANY) && class & !TOP_BIT == INTERNET;
            if is_wanted && owner.eq_ignore_ascii_case(&self.name) {
                return Some(Query { id: word(0)?, alone: class & TOP_BIT != 0 });
            }
        }
        None
    }

    /// `query`: of somebody who doesn't speak multicast DNS, and wants what he asked with his answer (RFC 6762 §6.7).
    fn response(&self, query: Option<u16>) -> Option<Vec<u8>> {
        let name = encoded(&self.name)?;
        let questions = u16::from(query.is_some());
        let mut message = Vec::with_capacity(128);
        // RFC 6762 §18: a response, authoritative, with one answer.
        for word in [query.unwrap_or(0), 0x8400, questions, 1, 0, 0] {
            message.extend_from_slice(&word.to_be_bytes());
        }
        if query.is_some() {
            message.extend_from_slice(&name);
            message.extend_from_slice(&self.kind().to_be_bytes());
            message.extend_from_slice(&INTERNET.to_be_bytes());
        }
        let (replaces, lifetime) =
            if query.is_some() { (0, LIFETIME_ELSEWHERE) } else { (TOP_BIT, LIFETIME) };
        message.extend_from_slice(&name);
        message.extend_from_slice(&self.kind().to_be_bytes());
        message.extend_from_slice(&(INTERNET | replaces).to_be_bytes());
        message.extend_from_slice(&lifetime.to_be_bytes());
        match self.address {
            IpAddr::V4(address) => {
                message.extend_from_slice(&[0, 4]);
                message.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                message.extend_from_slice(&[0, 16]);
                message.extend_from_slice(&address.octets());
            }
        }
        Some(message)
    }
}

/// Whether an address is in the interface's own network. One of a link, which other links may have as well, came in by the interface
/// that is its scope: the system hands a group's datagrams to everybody who has joined it anywhere (RFC 4007 §6).
fn is_on_link(interface: &Interface, source: SocketAddr) -> bool {
    if let SocketAddr::V6(source) = source
        && source.ip().is_unicast_link_local()
    {
        return interface.addr.ip().is_ipv6() && interface.index == Some(source.scope_id());
    }
    match (&interface.addr, source.ip()) {
        (IfAddr::V4(own), IpAddr::V4(source)) => {
            (own.ip.to_bits() ^ source.to_bits()) & own.netmask.to_bits() == 0
        }
        (IfAddr::V6(own), IpAddr::V6(source)) => {
            (own.ip.to_bits() ^ source.to_bits()) & own.netmask.to_bits() == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::super::{answers, question};
    use super::*;

    #[test]
    fn a_name_is_a_random_uuid() {
        let name = new_name();
        let uuid = name.strip_suffix(".local").unwrap();
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{name}");
        assert_eq!(uuid.as_bytes()[14], b'4', "{name}");
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{name}");
        assert_ne!(new_name(), name);
    }

    #[test]
    fn whoever_asks_for_the_name_learns_its_address() {
        for address in [IpAddr::from([192, 0, 2, 7]), Ipv6Addr::LOCALHOST.into()] {
            let record = Record { name: new_name(), address };
            let asked = question(&record.name.to_uppercase()).unwrap();
            assert_eq!(record.asked_by(&asked), Some(Query { id: 0, alone: true }));
            for query in [None, Some(77)] {
                let response = record.response(query).unwrap();
                assert_eq!(answers(&response, &record.name), Some(BTreeSet::from([address])), "{query:?}");
                assert_eq!(record.asked_by(&response), None, "a response is no question");
            }
            for length in 0..asked.len() / 2 {
                assert_eq!(record.asked_by(&asked[..length]), None);
            }
            assert_eq!(record.asked_by(&question(&new_name()).unwrap()), None);
        }
    }

    #[test]
    fn only_neighbours_are_on_the_link() {
        let addr = IfAddr::V4(if_addrs::Ifv4Addr {
            ip: Ipv4Addr::new(10, 0, 1, 2),
            netmask: Ipv4Addr::new(255, 255, 255, 0),
            prefixlen: 24,
            broadcast: None,
        });
        let interface = if_addrs::get_if_addrs().unwrap().into_iter().next().unwrap();
        let of_ipv4 = Interface { addr, index: Some(2), ..interface.clone() };
        for (source, expected) in [("10.0.1.9:1", true), ("10.0.2.9:1", false), ("[fe80::1%2]:1", false)] {
            assert_eq!(is_on_link(&of_ipv4, source.parse().unwrap()), expected, "{source}");
        }
        let addr = IfAddr::V6(if_addrs::Ifv6Addr {
            ip: "2001:db8::2".parse().unwrap(),
            netmask: "ffff:ffff:ffff:ffff::".parse().unwrap(),
            prefixlen: 64,
            broadcast: None,
        });
        let of_ipv6 = Interface { addr, index: Some(2), ..interface };
        let sources = [
            ("[2001:db8::9]:1", true),
            ("[2001:db8:1::9]:1", false),
            ("[fe80::1%2]:1", true),
            ("[fe80::1%3]:1", false),
        ];
        for (source, expected) in sources {
            assert_eq!(is_on_link(&of_ipv6, source.parse().unwrap()), expected, "{source}");
        }
    }

    /// Over the loopback interface, as between two programs on one machine.
    #[tokio::test]
    async fn a_name_of_ours_is_found_on_its_link() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let mut names = HostNames::default();
        let config = EndpointConfig { hide_host_addresses: true, ..EndpointConfig::default() };
        let mut name = || names.of(&Handle::current(), &config, address).unwrap();
        let (name, again) = (name(), name());
        assert_eq!(name, again, "it stays");
        assert_eq!(super::super::resolve(&name).await, [address]);
    }
}
