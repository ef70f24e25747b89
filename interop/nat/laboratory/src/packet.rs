//! IP packets that carry UDP or TCP, taken apart and put together again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

/// Both ends of a flow, and how it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    pub transport: Transport,
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

impl Flow {
    pub fn reversed(self) -> Self {
        Self { source: self.destination, destination: self.source, ..self }
    }
}

/// A packet of one of them. The addresses may be changed, even to the other version of IP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub flow: Flow,
    /// The segment with its header; ports and checksum in it are the ones it came with.
    segment: Vec<u8>,
}

const UDP_HEADER: usize = 8;
const TCP_HEADER: usize = 20;
const RST_ACK: u8 = 0x14;

impl Packet {
    pub fn udp(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Self {
        let mut segment = vec![0; UDP_HEADER];
        segment.extend_from_slice(payload);
        let length = u16::try_from(segment.len()).unwrap_or(0);
        put(&mut segment, 4, length);
        Self { flow: Flow { transport: Transport::Udp, source, destination }, segment }
    }

    #[cfg(test)]
    pub fn tcp(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Self {
        let mut segment = vec![0; TCP_HEADER];
        put(&mut segment, 12, 0x5018);
        segment.extend_from_slice(payload);
        Self { flow: Flow { transport: Transport::Tcp, source, destination }, segment }
    }

    /// `None`: neither UDP nor TCP, or a fragment, or cut short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (source, destination, protocol, segment): (IpAddr, IpAddr, _, _) = match bytes.first()? >> 4 {
            4 => {
                let header = usize::from(bytes.first()? & 15) * 4;
                let is_fragment = word(bytes, 6)? & 0x3fff != 0;
                if is_fragment {
                    return None;
                }
                let segment = bytes.get(header..usize::from(word(bytes, 2)?))?;
                let address = |at| Some(IpAddr::from(array::<4>(bytes, at)?));
                (address(12)?, address(16)?, *bytes.get(9)?, segment)
            }
            6 => {
                let segment = bytes.get(40..40 + usize::from(word(bytes, 4)?))?;
                let address = |at| Some(IpAddr::from(array::<16>(bytes, at)?));
                (address(8)?, address(24)?, *bytes.get(6)?, segment)
            }
            _ => return None,
        };
        let transport = match protocol {
            17 if segment.len() >= UDP_HEADER => Transport::Udp,
            6 if segment.len() >= TCP_HEADER => Transport::Tcp,
            _ => return None,
        };
        let flow = Flow {
            transport,
            source: SocketAddr::new(source, word(segment, 0)?),
            destination: SocketAddr::new(destination, word(segment, 2)?),
        };
        Some(Self { flow, segment: segment.to_vec() })
    }

    /// `None`: its addresses are of two versions of IP.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        let Self { flow: Flow { transport, source, destination }, mut segment } = self;
        put(&mut segment, 0, source.port());
        put(&mut segment, 2, destination.port());
        let (protocol, checksum_at) = match transport {
            Transport::Udp => (17, 6),
            Transport::Tcp => (6, 16),
        };
        put(&mut segment, checksum_at, 0);
        let length = u16::try_from(segment.len()).ok()?;
        let mut packet = Vec::with_capacity(40 + segment.len());
        let addresses = match (source.ip(), destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                packet.extend_from_slice(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
                put(&mut packet, 2, length.checked_add(20)?);
                packet.extend_from_slice(&source.octets());
                packet.extend_from_slice(&destination.octets());
                let checksum = checksum(&[&packet]);
                put(&mut packet, 10, checksum);
                12
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                packet.extend_from_slice(&[0x60, 0, 0, 0, 0, 0, protocol, 64]);
                put(&mut packet, 4, length);
                packet.extend_from_slice(&source.octets());
                packet.extend_from_slice(&destination.octets());
                8
            }
            _ => return None,
        };
        // RFC 768, RFC 9293 §3.1, RFC 8200 §8.1: the checksum covers the addresses, too.
        let mut rest = [0, protocol, 0, 0];
        put(&mut rest, 2, length);
        let sum = match checksum(&[packet.get(addresses..)?, &rest, &segment]) {
            0 if transport == Transport::Udp => 0xffff,
            sum => sum,
        };
        put(&mut segment, checksum_at, sum);
        packet.append(&mut segment);
        Some(packet)
    }

    /// What it carries for the application.
    pub fn payload(&self) -> &[u8] {
        let header = match self.flow.transport {
            Transport::Udp => UDP_HEADER,
            Transport::Tcp => usize::from(self.segment.get(12).copied().unwrap_or(0) >> 4) * 4,
        };
        self.segment.get(header..).unwrap_or_default()
    }

    /// As an IP packet, in bytes.
    pub fn length(&self) -> usize {
        self.segment.len() + if self.flow.source.is_ipv4() { 20 } else { 40 }
    }

    /// The two segments that end this one's TCP connection: one back to whoever sent it, one on in its place (RFC 9293 §3.10.7).
    pub fn resets(&self) -> Option<[Self; 2]> {
        let reset = |flow, sequence: u32, acknowledged: u32| {
            let mut segment = vec![0; TCP_HEADER];
            segment.get_mut(4..8)?.copy_from_slice(&sequence.to_be_bytes());
            segment.get_mut(8..12)?.copy_from_slice(&acknowledged.to_be_bytes());
            put(&mut segment, 12, 0x5000 | u16::from(RST_ACK));
            Some(Self { flow, segment })
        };
        let sequence = u32::from_be_bytes(array(&self.segment, 4)?);
        let acknowledged = u32::from_be_bytes(array(&self.segment, 8)?);
        let end = sequence.wrapping_add(u32::try_from(self.payload().len()).ok()?);
        Some([reset(self.flow.reversed(), acknowledged, end)?, reset(self.flow, sequence, acknowledged)?])
    }
}

/// The prefix of a NAT64 (RFC 6052 §2.1).
const NAT64: [u8; 12] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

/// An IPv4 address, as those see it who have IPv6 only (RFC 6052 §2.2).
pub fn embedded(address: Ipv4Addr) -> Ipv6Addr {
    let mut octets = [0; 16];
    let (prefix, suffix) = octets.split_at_mut(12);
    prefix.copy_from_slice(&NAT64);
    suffix.copy_from_slice(&address.octets());
    octets.into()
}

/// The way back; `None` for any other address.
pub fn extracted(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let suffix = octets.strip_prefix(&NAT64)?;
    Some(<[u8; 4]>::try_from(suffix).ok()?.into())
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

/// RFC 1071; every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words
        .map(|word| match word {
            [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
            [high] => u32::from(*high) << 8,
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        for (source, destination) in
            [("10.0.1.2:1000", "203.0.113.9:2000"), ("[2001:db8::1]:1", "[2001:db8::2]:65535")]
        {
            for packet in [
                Packet::udp(address(source), address(destination), b"odd"),
                Packet::tcp(address(source), address(destination), b"even"),
            ] {
                let length = packet.length();
                let bytes = packet.clone().into_bytes().unwrap();
                assert_eq!(bytes.len(), length);
                let read = Packet::parse(&bytes).unwrap();
                assert_eq!((read.flow, read.payload()), (packet.flow, packet.payload()));
            }
        }
    }

    #[test]
    fn the_checksums_are_those_of_the_new_addresses() {
        let mut packet = Packet::udp(address("10.0.1.2:1000"), address("198.51.100.10:3478"), b"hello");
        packet.flow.source = address("203.0.113.1:40000");
        let bytes = packet.into_bytes().unwrap();
        // A sum over itself is zero.
        assert_eq!(checksum(&[&bytes[..20]]), 0);
        let pseudo = [0, 17, bytes[24], bytes[25]];
        assert_eq!(checksum(&[&bytes[12..20], &pseudo, &bytes[20..]]), 0);
    }

    #[test]
    fn a_packet_changes_the_version_of_ip() {
        let server: Ipv4Addr = "198.51.100.10".parse().unwrap();
        assert_eq!(embedded(server), "64:ff9b::198.51.100.10".parse::<Ipv6Addr>().unwrap());
        assert_eq!(extracted(embedded(server)), Some(server));
        assert_eq!(extracted("2001:db8::1".parse().unwrap()), None);
        let mut packet =
            Packet::udp(address("[2001:db8:1::2]:1"), SocketAddr::new(embedded(server).into(), 2), b"hello");
        packet.flow.source = address("203.0.113.1:1");
        packet.flow.destination = SocketAddr::new(server.into(), 2);
        assert_eq!(Packet::parse(&packet.into_bytes().unwrap()).unwrap().payload(), b"hello");
    }

    #[test]
    fn fragments_and_other_protocols_are_no_packets() {
        let bytes =
            Packet::udp(address("10.0.1.2:1"), address("203.0.113.9:2"), b"hello").into_bytes().unwrap();
        for (at, value) in [(6, 0x20), (7, 1), (9, 1), (0, 0x55)] {
            let mut other = bytes.clone();
            other[at] = value;
            assert_eq!(Packet::parse(&other), None, "byte {at}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Packet::parse(&bytes[..length]), None);
        }
    }
}
