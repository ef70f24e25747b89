//! Trains: datagrams of one length, one behind the other, that the kernel sends with one call (GSO).

use std::time::Instant;

use peerline_dtls::Dtls;
use peerline_ice::{Framing, Route};
use peerline_sctp::DataChannels;

/// The most datagrams in one train: what Linux takes (`UDP_MAX_SEGMENTS` was 64 at first).
const MAX_DATAGRAMS: usize = 64;
/// The most bytes in one train: an IPv4 datagram's payload.
const MAX_BYTES: usize = 65_507;

/// Writes trains of SCTP packets, sealed by DTLS and framed for a relay where there is one. A packet is written where it is
/// sent from.
#[derive(Debug)]
pub(crate) struct Train {
    max_packet_size: usize,
    /// A packet that was longer than those of the last train, not sealed yet. Empty if there was none.
    waiting: Vec<u8>,
    /// Sealed datagrams that go out before all others: what is said when closing.
    last_words: Vec<Box<[u8]>>,
}

/// What a train has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub length: usize,
    /// The length of each datagram but the last.
    pub segment: usize,
    pub datagrams: usize,
}

impl Train {
    /// For packets of up to this many bytes.
    pub fn new(max_packet_size: usize) -> Self {
        Self { max_packet_size, waiting: Vec::new(), last_words: Vec::new() }
    }

    /// A sealed datagram that goes out first.
    pub fn push_last_words(&mut self, datagram: &[u8]) {
        self.last_words.push(datagram.into());
    }

    /// Puts a datagram that is sealed already behind `route`'s header.
    pub fn frame(route: &Route, datagram: &[u8], buffer: &mut [u8]) -> Option<usize> {
        let place = buffer.get_mut(header_room(route)..)?.get_mut(..datagram.len())?;
        place.copy_from_slice(datagram);
        finish_datagram(route, datagram.len(), buffer)
    }

    /// The next train. `None` if there is nothing to send, or if `buffer` has no room for a datagram.
    pub fn write(
        &mut self,
        now: Instant,
        channels: &mut DataChannels,
        dtls: Option<&mut Dtls>,
        route: &Route,
        buffer: &mut [u8],
    ) -> Option<Written> {
        if !self.last_words.is_empty() {
            let datagram = self.last_words.remove(0);
            let length = Self::frame(route, &datagram, buffer)?;
            return Some(Written { length, segment: length, datagrams: 1 });
        }
        let dtls = dtls.filter(|dtls| dtls.is_connected())?;
        let limit = buffer.len().min(MAX_BYTES);
        let buffer = buffer.get_mut(..limit)?;
        let most = if route.transport.is_stream() { 1 } else { MAX_DATAGRAMS };
        let longest = self.max_packet_size + Dtls::OVERHEAD + route.overhead();
        let mut written = Written { length: 0, segment: 0, datagrams: 0 };
        let mut packet_of_first = 0;
        while written.datagrams < most {
            let Some(room) = buffer.get_mut(written.length..).filter(|room| room.len() >= longest) else {
                break;
            };
            let Some(datagram) = room.get_mut(header_room(route)..) else { break };
            let packet = datagram.get_mut(Dtls::HEADROOM..Dtls::HEADROOM + self.max_packet_size);
            let Some(packet) = packet else { break };
            let Some(length) = self.next_packet(now, channels, packet) else { break };
            if written.datagrams > 0 && length > packet_of_first {
                self.waiting.extend_from_slice(packet.get(..length).unwrap_or_default());
                break;
            }
            let Ok(sealed) = dtls.seal_in_place(length, datagram) else { break };
            let Some(framed) = finish_datagram(route, sealed, room) else { break };
            if written.datagrams == 0 {
                written.segment = framed;
                packet_of_first = length;
            }
            written.length += framed;
            written.datagrams += 1;
            // Only the last one may be shorter.
            if framed < written.segment {
                break;
            }
        }
        (written.datagrams > 0).then_some(written)
    }

    /// Writes the next packet to the beginning of `room` and gives back its length.
    fn next_packet(&mut self, now: Instant, channels: &mut DataChannels, room: &mut [u8]) -> Option<usize> {
        if self.waiting.is_empty() {
            return channels.poll_transmit(now, room);
        }
        let length = self.waiting.len();
        room.get_mut(..length)?.copy_from_slice(&self.waiting);
        self.waiting.clear();
        Some(length)
    }
}

/// How much is kept free for what goes before a datagram. A Send indication may need less.
fn header_room(route: &Route) -> usize {
    match route.framing {
        Framing::Direct => 0,
        Framing::Channel { .. } => 4,
        Framing::Indication { .. } => peerline_turn::RelayHeader::MAX,
    }
}

/// Writes the header before a datagram that lies behind [`header_room`], and the padding after it. Gives back the whole length.
fn finish_datagram(route: &Route, length: usize, buffer: &mut [u8]) -> Option<usize> {
    let Some(header) = route.header(length) else {
        return (!route.is_relayed()).then_some(length);
    };
    let room = header_room(route);
    let start = header.as_bytes().len();
    if start != room {
        buffer.copy_within(room..room + length, start);
    }
    buffer.get_mut(..start)?.copy_from_slice(header.as_bytes());
    let end = start + length;
    let padded = end + header.padding();
    buffer.get_mut(end..padded)?.fill(0);
    Some(padded)
}
