//! Packets on their way out, put together so that one call sends many.
//!
//! Consecutive packets of one flow are laid end to end in one buffer, and the kernel cuts them apart again (GSO).
//! This is where a relay's CPU time is won: a train of 64 costs little more than a packet. Lonely packets gain as well:
//! a run of receiving and then a run of sending keep the kernel's code in the cache, which taking turns doesn't.

use std::net::{IpAddr, SocketAddr};

use quinn_udp::EcnCodepoint;

/// Which socket a flow leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// A listening socket, by its index: toward a client.
    Listener(u32),
    /// The relay socket of an allocation, by the allocation's index: toward a peer. The family is the destination's.
    Relay(u32),
}

/// What packets of one train have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) door: Door,
    pub(super) destination: SocketAddr,
    /// The address to send from, where a listening socket has several.
    pub(super) source: Option<IpAddr>,
    /// Congestion marks go through (RFC 8656 §15).
    pub(super) ecn: Option<EcnCodepoint>,
}

/// Packets of one flow, laid end to end: all of `segment` bytes but the last, which may be shorter.
#[derive(Debug)]
pub(super) struct Train {
    pub(super) flow: Flow,
    pub(super) segment: usize,
    pub(super) segments: usize,
    length: usize,
    buffer: Box<[u8]>,
}

impl Train {
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    fn takes(&self, flow: &Flow, size: usize, most: usize) -> bool {
        self.flow == *flow
            && size <= self.segment
            // Empty datagrams can't be cut out of a train.
            && size > 0
            && self.segment <= SEGMENT_MAX
            && self.length == self.segments * self.segment
            && self.segments < most
            && self.length + size <= TRAIN_MAX
    }

    fn push(&mut self, size: usize) -> Option<&mut [u8]> {
        let start = self.length;
        self.length += size;
        self.segments += 1;
        self.buffer.get_mut(start..start + size)
    }
}

/// Longer packets travel alone: a train whose packets don't fit the interface is refused as a whole.
const SEGMENT_MAX: usize = 1300;
/// The largest UDP payload over IPv4.
const TRAIN_MAX: usize = 65_507;
const TRAINS: usize = 64;

/// Where a flow's last train is; a hint that may be out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hint(u32);

/// Trains that wait to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    trains: Vec<Train>,
    used: usize,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let nowhere = Flow {
            door: Door::Listener(0),
            destination: SocketAddr::from(([0; 4], 0)),
            source: None,
            ecn: None,
        };
        // Not a power of two, so that the buffers' beginnings don't compete for the same lines of the cache.
        let train = || Train {
            flow: nowhere,
            segment: 0,
            segments: 0,
            length: 0,
            buffer: vec![0; (1 << 16) + 5 * 64].into(),
        };
        Self { trains: std::iter::repeat_with(train).take(TRAINS).collect(), used: 0 }
    }

    /// Room for a packet of `size` bytes (at most 65,536) of `flow`, of which up to `most` may go in one train.
    /// `None`: send what is here first.
    #[inline]
    pub(super) fn room(
        &mut self,
        hint: &mut Hint,
        flow: &Flow,
        size: usize,
        most: usize,
    ) -> Option<&mut [u8]> {
        let last = hint.0 as usize;
        let continues =
            last < self.used && self.trains.get(last).is_some_and(|train| train.takes(flow, size, most));
        let index = if continues { last } else { self.used };
        let train = self.trains.get_mut(index)?;
        if !continues {
            *hint = Hint(index as u32);
            self.used += 1;
            train.flow = *flow;
            train.segment = size;
            train.segments = 0;
            train.length = 0;
        }
        train.push(size)
    }

    /// What waits, in the order in which it began.
    pub(super) fn waiting(&self) -> &[Train] {
        self.trains.get(..self.used).unwrap_or_default()
    }

    /// All of it has been sent.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(port: u16) -> Flow {
        Flow {
            door: Door::Relay(1),
            destination: SocketAddr::from(([203, 0, 113, 1], port)),
            source: None,
            ecn: None,
        }
    }

    fn put(outbox: &mut Outbox, hint: &mut Hint, port: u16, packet: &[u8]) {
        let room = outbox.room(hint, &flow(port), packet.len(), 64).unwrap();
        room.copy_from_slice(packet);
    }

    fn waiting(outbox: &Outbox) -> Vec<(u16, usize, &[u8])> {
        let train = |train: &Train| (train.flow.destination.port(), train.segment, train.segments);
        let trains = outbox.waiting().iter();
        trains.map(|it| (train(it).0, train(it).1, it.bytes())).collect()
    }

    #[test]
    fn packets_of_one_flow_and_size_travel_together() {
        let (mut outbox, mut a, mut b) = (Outbox::new(), Hint::default(), Hint::default());
        put(&mut outbox, &mut a, 1, b"one");
        put(&mut outbox, &mut b, 2, b"other");
        put(&mut outbox, &mut a, 1, b"two");
        assert_eq!(waiting(&outbox), [(1, 3, &b"onetwo"[..]), (2, 5, b"other")]);
        outbox.clear();
        put(&mut outbox, &mut a, 1, b"six");
        assert_eq!(waiting(&outbox), [(1, 3, &b"six"[..])]);
    }

    #[test]
    fn a_shorter_packet_ends_its_train_and_a_longer_one_begins_another() {
        let (mut outbox, mut hint) = (Outbox::new(), Hint::default());
        for packet in [&b"long"[..], b"so", b"on", b"longer"] {
            put(&mut outbox, &mut hint, 1, packet);
        }
        assert_eq!(waiting(&outbox), [(1, 4, &b"longso"[..]), (1, 2, b"on"), (1, 6, b"longer")]);
    }

    #[test]
    fn packets_larger_than_any_interface_surely_takes_travel_alone() {
        let (mut outbox, mut hint) = (Outbox::new(), Hint::default());
        put(&mut outbox, &mut hint, 1, &[1; 1400]);
        put(&mut outbox, &mut hint, 1, &[2; 1400]);
        assert_eq!(outbox.waiting().len(), 2);
    }

    #[test]
    fn empty_packets_travel_alone() {
        let (mut outbox, mut hint) = (Outbox::new(), Hint::default());
        put(&mut outbox, &mut hint, 1, b"");
        put(&mut outbox, &mut hint, 1, b"");
        assert_eq!(outbox.waiting().len(), 2);
    }

    #[test]
    fn a_train_ends_at_the_largest_datagram_and_the_outbox_when_it_is_full() {
        let (mut outbox, mut hint) = (Outbox::new(), Hint::default());
        for _ in 0..64 {
            put(&mut outbox, &mut hint, 1, &[0; 1200]);
        }
        assert_eq!(outbox.waiting().len(), 2, "54 packets of 1,200 bytes are the most");
        for port in 0..TRAINS as u16 - 2 {
            put(&mut outbox, &mut Hint::default(), 100 + port, b"x");
        }
        assert!(outbox.room(&mut hint, &flow(9), 1, 64).is_none());
    }
}
