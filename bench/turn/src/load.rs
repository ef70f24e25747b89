//! Many clients with a bound channel, their peers, and the loop that moves packets between them: for more allocations
//! than there can be threads.
//!
//! The generator behaves like many outside machines: a socket for each client and each peer, one `send` for each
//! datagram, no segmentation offload in either direction. It never sleeps inside a wait for a socket: on loopback the
//! sender pays for waking the receiver, and the server under test should not pay for the generator's naps.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::Result;
use mio::{Events, Interest, Poll, Token, net::UdpSocket};

use crate::{
    count::Count,
    server::{LOGIN, Server},
    turn_client::{CHANNEL_HEADER, TurnClient, channel_data},
};

/// Every allocation has a client on one side and a peer of its own on the other.
pub struct Load {
    poll: Poll,
    events: Events,
    clients: Vec<UdpSocket>,
    peers: Vec<UdpSocket>,
    outgoing: Vec<u8>,
    received: Vec<u8>,
    start: Instant,
    /// Counts since the last [`Load::reset`].
    pub count: Count,
    /// Round trip times, client to client, of a sample of the packets, in nanoseconds.
    pub round_trips: Vec<u64>,
}

impl Load {
    /// Makes `allocations` allocations whose packets carry `size` bytes.
    pub fn new(server: &Server, allocations: usize, size: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::with_capacity(allocations);
        let mut peers = Vec::with_capacity(allocations);
        for index in 0..allocations {
            let peer = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let mut client = TurnClient::allocate(server.address, LOGIN)?;
            client.bind_channel(peer.local_addr()?)?;
            clients.push(register(&poll, client.into_socket(), index)?);
            peers.push(register(&poll, peer, allocations + index)?);
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            clients,
            peers,
            outgoing: channel_data(size),
            received: vec![0; 65536],
            start: Instant::now(),
            count: Count::default(),
            round_trips: Vec::with_capacity(1 << 20),
        })
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.clients.len()
    }

    /// Starts counting anew.
    pub fn reset(&mut self) {
        self.count = Count::default();
        self.round_trips.clear();
    }

    /// Sends one packet from a client.
    pub fn send(&mut self, client: usize) {
        let stamp = self.start.elapsed().as_nanos() as u64;
        self.outgoing[CHANNEL_HEADER..CHANNEL_HEADER + 8].copy_from_slice(&stamp.to_be_bytes());
        if self.clients[client].send(&self.outgoing).is_ok() {
            self.count.sent += 1;
        }
    }

    /// Takes all that has arrived: peers echo it, clients count it. Returns whether there was anything.
    pub fn receive(&mut self) -> Result<bool> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        self.poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            let Token(index) = event.token();
            match index.checked_sub(self.clients.len()) {
                Some(peer) => self.echo(peer),
                None => self.take_returned(index),
            }
        }
        let busy = !events.is_empty();
        self.events = events;
        Ok(busy)
    }

    fn echo(&mut self, peer: usize) {
        while let Some((length, from)) = receive(&self.peers[peer], &mut self.received) {
            self.count.at_peers += 1;
            let _ = self.peers[peer].send_to(&self.received[..length], from);
        }
    }

    fn take_returned(&mut self, client: usize) {
        while let Some((length, _)) = receive(&self.clients[client], &mut self.received) {
            if length < self.outgoing.len() {
                continue;
            }
            self.count.returned += 1;
            if self.count.returned.is_multiple_of(16) && self.round_trips.len() < self.round_trips.capacity()
            {
                let mut stamp = [0; 8];
                stamp.copy_from_slice(&self.received[CHANNEL_HEADER..CHANNEL_HEADER + 8]);
                let now = self.start.elapsed().as_nanos() as u64;
                self.round_trips.push(now.saturating_sub(u64::from_be_bytes(stamp)));
            }
        }
    }
}

fn register(poll: &Poll, socket: std::net::UdpSocket, index: usize) -> Result<UdpSocket> {
    let reference = socket2::SockRef::from(&socket);
    reference.set_recv_buffer_size(1 << 20)?;
    socket.set_nonblocking(true)?;
    let mut socket = UdpSocket::from_std(socket);
    poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
    Ok(socket)
}

/// The next datagram, or nothing when the socket is empty. An ICMP error of the past is no news.
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
}
