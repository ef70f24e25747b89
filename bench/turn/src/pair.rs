//! One client and one peer that keep a number of packets in flight between them, each on a thread of its own.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    count::Count,
    server::{LOGIN, Server},
    turn_client::{CHANNEL_HEADER, TurnClient, channel_data},
};

/// After this long without an answer, what is in flight counts as lost.
const STALLED: Duration = Duration::from_millis(200);

/// A client with one allocation, and its peer.
pub struct Pair {
    client: UdpSocket,
    peer: UdpSocket,
    sent: AtomicU64,
    at_peer: AtomicU64,
    returned: AtomicU64,
    lost: AtomicU64,
    round_trips: Mutex<Vec<u64>>,
}

impl Pair {
    /// Allocates, and binds a channel to a new peer.
    pub fn new(server: &Server) -> Result<Self> {
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut client = TurnClient::allocate(server.address, LOGIN)?;
        client.bind_channel(peer.local_addr()?)?;
        let client = client.into_socket();
        for socket in [&client, &peer] {
            socket.set_read_timeout(Some(STALLED))?;
            socket2::SockRef::from(socket).set_recv_buffer_size(1 << 20)?;
        }
        Ok(Self {
            client,
            peer,
            sent: AtomicU64::new(0),
            at_peer: AtomicU64::new(0),
            returned: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            round_trips: Mutex::default(),
        })
    }

    /// What has been counted since the beginning.
    pub fn count(&self) -> Count {
        Count {
            sent: self.sent.load(Ordering::Relaxed),
            at_peers: self.at_peer.load(Ordering::Relaxed),
            returned: self.returned.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Round trip times of a sample of the packets, in nanoseconds.
    pub fn take_round_trips(&self) -> Vec<u64> {
        std::mem::take(&mut self.round_trips.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The peer: sends back what it gets.
    pub fn echo(&self, stop: &AtomicBool) {
        let mut buffer = [0; 2048];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((length, from)) = self.peer.recv_from(&mut buffer) {
                self.at_peer.fetch_add(1, Ordering::Relaxed);
                let _ = self.peer.send_to(&buffer[..length], from);
            }
        }
    }

    /// The client: keeps `in_flight` packets of `size` bytes under way.
    pub fn ping_pong(&self, size: usize, in_flight: usize, start: Instant, stop: &AtomicBool) {
        let mut message = channel_data(size);
        let mut buffer = [0; 2048];
        let mut epoch = 0_u32;
        let mut send = |epoch: u32| {
            let stamp = start.elapsed().as_nanos() as u64;
            let payload = &mut message[CHANNEL_HEADER..];
            payload[..4].copy_from_slice(&epoch.to_be_bytes());
            payload[4..12].copy_from_slice(&stamp.to_be_bytes());
            if self.client.send(&message).is_ok() {
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
        };
        for _ in 0..in_flight {
            send(epoch);
        }
        while !stop.load(Ordering::Relaxed) {
            let Ok(length) = self.client.recv(&mut buffer) else {
                // All of them are lost: begin again, and know the late ones by their epoch.
                self.lost.fetch_add(in_flight as u64, Ordering::Relaxed);
                epoch += 1;
                (0..in_flight).for_each(|_| send(epoch));
                continue;
            };
            if length != CHANNEL_HEADER + size || buffer[4..8] != epoch.to_be_bytes() {
                continue;
            }
            let returned = self.returned.fetch_add(1, Ordering::Relaxed);
            if returned.is_multiple_of(16) {
                let mut stamp = [0; 8];
                stamp.copy_from_slice(&buffer[8..16]);
                let round_trip =
                    (start.elapsed().as_nanos() as u64).saturating_sub(u64::from_be_bytes(stamp));
                self.round_trips.lock().unwrap_or_else(PoisonError::into_inner).push(round_trip);
            }
            send(epoch);
        }
    }
}
