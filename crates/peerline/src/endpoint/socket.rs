//! UDP sockets that take and give many datagrams in one call.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;

/// How many trains of datagrams are taken from the kernel in one call.
pub(super) const BATCH: usize = 8;

/// What is asked of the kernel, in bytes; it gives twice as much, or what the system's administrator allows. Enough for a burst of
/// 15 ms at 1 Gbit/s; more would only be a longer queue, in which short messages stand behind long ones.
const BUFFER: usize = 1 << 20;

/// A UDP socket with segmentation offload in both directions.
#[derive(Debug)]
pub(super) struct Socket {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl Socket {
    /// Binds to an address of this machine; port 0 lets the system choose.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        // More than the default is good against bursts, and no reason to fail.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        let state = UdpSocketState::new((&socket).into())?;
        // One socket has one address, and nobody reads the time: each of these costs a twentieth of a datagram.
        let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &false);
        let _ = setsockopt(&socket, sockopt::Ipv4PacketInfo, &false);
        let _ = setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &false);
        socket.set_nonblocking(true)?;
        let io = tokio::net::UdpSocket::from_std(socket.into())?;
        let local = io.local_addr()?;
        Ok(Self { io, state, local })
    }

    /// The address it is bound to.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// How many datagrams of a train the kernel cuts out of one call; 1: it can't.
    pub(super) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends one datagram, or several laid end to end. `false`: the socket's buffer is full; `poll_send_ready` says when
    /// it has room again. Datagrams that can't be sent for another reason are lost, as datagrams may be.
    pub(super) fn try_send(&self, remote: SocketAddr, contents: &[u8], segment_size: Option<usize>) -> bool {
        let sent = self.io.try_io(Interest::WRITABLE, || self.send(remote, contents, segment_size));
        match sent {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                tracing::trace!(%remote, %error, "datagram not sent");
                true
            }
        }
    }

    fn send(&self, destination: SocketAddr, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        let segment_size = segment_size.filter(|size| *size < contents.len());
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        let Some(size) = segment_size else {
            return self.state.try_send((&self.io).into(), &transmit);
        };
        let most = self.max_segments().max(1) * size;
        for contents in contents.chunks(most) {
            let segment_size = (contents.len() > size).then_some(size);
            self.state.try_send((&self.io).into(), &Transmit { contents, segment_size, ..transmit })?;
        }
        Ok(())
    }

    pub(super) fn poll_send_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_send_ready(context)
    }

    /// Takes what has arrived: up to [`BATCH`] trains. `Pending`: nothing has, and the task is woken when it does.
    pub(super) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        received: &mut Received,
    ) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.io.poll_recv_ready(context))?;
            let taken = self.io.try_io(Interest::READABLE, || received.fill(self));
            match taken {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                // ICMP's complaints about what was sent earlier come up here.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => (),
                taken => return Poll::Ready(taken),
            }
        }
    }
}

/// Room for a batch of received trains.
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

    fn fill(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut chunks = self.storage.chunks_exact_mut(Self::STRIDE);
        let mut buffers: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        socket.state.recv((&socket.io).into(), &mut buffers, &mut self.meta)
    }

    /// The first `count` trains: from whom, how far the datagrams' beginnings are apart, and the bytes.
    pub(super) fn trains(&mut self, count: usize) -> impl Iterator<Item = (SocketAddr, usize, &mut [u8])> {
        let buffers = self.storage.chunks_exact_mut(Self::STRIDE);
        self.meta.iter().take(count).zip(buffers).map(|(meta, buffer)| {
            (unmapped(meta.addr), meta.stride.max(1), buffer.get_mut(..meta.len).unwrap_or_default())
        })
    }
}

/// An IPv4 address stays one, however the kernel writes it.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
