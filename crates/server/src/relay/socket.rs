//! UDP sockets with segmentation offload in both directions, and what is received from them.

use std::io::{self, IoSliceMut};
use std::net::UdpSocket;

use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};

/// Datagrams (or trains of them, see [`Received`]) taken from the kernel in one call.
pub(super) const BATCH: usize = 32;

/// A UDP socket that a worker drives.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) io: mio::net::UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    /// Takes a bound socket over. `is_wildcard`: it is bound to many addresses, and every packet has to say which one it
    /// came in at.
    pub(super) fn new(socket: UdpSocket, is_wildcard: bool) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        // What nobody reads costs a twentieth of a packet each. A kernel that can't switch it off has it on.
        let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &false);
        if !is_wildcard {
            let _ = setsockopt(&socket, sockopt::Ipv4PacketInfo, &false);
            let _ = setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &false);
        }
        let socket = Self { io: mio::net::UdpSocket::from_std(socket), state };
        socket.set_dont_fragment(false);
        Ok(socket)
    }

    /// How many datagrams one call may send; 1 when the kernel or the interface can't segment.
    pub(super) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends one datagram, or several that are laid end to end.
    pub(super) fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // A plain datagram goes the plain way: control messages cost the kernel a tenth of a packet.
        if transmit.segment_size.is_none() && transmit.ecn.is_none() && transmit.src_ip.is_none() {
            return self.io.send_to(transmit.contents, transmit.destination).map(drop);
        }
        self.state.try_send((&self.io).into(), transmit)
    }

    /// Asks for the IP header's don't-fragment bit. Without it the kernel fragments what the interface can't carry
    /// whole, and believes nothing that ICMP says about a smaller path: forged, that would switch segmentation off.
    /// (IPv6 sockets never fragment: the bit is implied, RFC 8200 §4.5.)
    pub(super) fn set_dont_fragment(&self, dont_fragment: bool) {
        let (ipv4, ipv6) = if dont_fragment {
            (Ipv4PathMtuDiscovery::PROBE, Ipv6PathMtuDiscovery::PROBE)
        } else {
            (Ipv4PathMtuDiscovery::OMIT, Ipv6PathMtuDiscovery::OMIT)
        };
        // One of the two is for the other family; a kernel that knows neither fragments as it likes.
        let _ = set_ip_mtu_discover(&self.io, ipv4);
        let _ = set_ipv6_mtu_discover(&self.io, ipv6);
    }
}

/// Room for a batch of received datagrams.
#[derive(Debug)]
pub(super) struct Received {
    storage: Box<[u8]>,
    meta: [RecvMeta; BATCH],
}

impl Received {
    /// What the kernel may put together of one train (GRO), in bytes.
    const LARGEST: usize = 1 << 16;
    /// Not a power of two, so that the beginnings of the buffers don't compete for the same lines of the cache.
    const STRIDE: usize = Self::LARGEST + 9 * 64;

    pub(super) fn new() -> Self {
        Self { storage: vec![0; BATCH * Self::STRIDE].into(), meta: [RecvMeta::default(); BATCH] }
    }

    /// Takes up to `most` (at most [`BATCH`]) trains from a socket; fewer than `most` means that it was empty then.
    pub(super) fn fill(&mut self, socket: &Socket, most: usize) -> io::Result<usize> {
        let mut chunks = self.storage.chunks_exact_mut(Self::STRIDE);
        let mut buffers: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let buffers = buffers.get_mut(..most).unwrap_or_default();
        socket.state.recv((&socket.io).into(), buffers, &mut self.meta)
    }

    /// The first `count` trains: whence, and the bytes. Datagrams are `meta.stride` bytes apart.
    pub(super) fn trains(&self, count: usize) -> impl Iterator<Item = (&RecvMeta, &[u8])> {
        self.meta
            .iter()
            .take(count)
            .zip(self.storage.chunks_exact(Self::STRIDE))
            .map(|(meta, buffer)| (meta, buffer.get(..meta.len).unwrap_or_default()))
    }
}

/// The datagrams of one train; an empty datagram is one as well.
pub(super) fn datagrams<'a>(meta: &RecvMeta, train: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let empty = train.is_empty().then_some(train);
    empty.into_iter().chain(train.chunks(meta.stride.max(1)))
}
