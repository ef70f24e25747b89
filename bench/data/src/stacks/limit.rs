//! The machine's own limit: what any stack must do at least. UDP with GSO and GRO, AES-128-GCM, one copy on each side,
//! units of 1,200 bytes; nothing is retransmitted, and a window keeps the socket buffer from overflowing.

use std::{
    io::{ErrorKind, IoSliceMut},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Connections, Stack};
use crate::{pipe::Pipe, work::Work};

/// No WebRTC at all.
pub struct Limit;

const UNIT: usize = 1200;
const COUNTER: usize = 8;
const TAG: usize = 16;
/// Counter, kind, payload, tag.
const PAYLOAD: usize = UNIT - COUNTER - 1 - TAG;
/// Units of one system call.
const BATCH: u64 = 50;
/// Units sent and not yet acknowledged; an acknowledgement for each quarter of them.
const WINDOW: u64 = 400;
const DATA: u8 = 0;
const ACKNOWLEDGEMENT: u8 = 1;
/// Before each message its length.
const PREFIX: usize = 4;

impl Stack for Limit {
    fn offer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut sides = sides(works, 0)?;
        for side in &sides {
            pipe.send(&side.socket.local_addr()?)?;
        }
        for side in &mut sides {
            side.remote = pipe.receive()?;
        }
        Ok(Box::new(sides.into_iter().map(Running::start).collect::<Vec<_>>()))
    }

    fn answer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut sides = sides(works, 1)?;
        for side in &mut sides {
            side.remote = pipe.receive()?;
        }
        for side in &sides {
            pipe.send(&side.socket.local_addr()?)?;
        }
        Ok(Box::new(sides.into_iter().map(Running::start).collect::<Vec<_>>()))
    }
}

fn sides(works: Vec<Work>, direction: u8) -> Result<Vec<Side>> {
    works.into_iter().map(|work| Side::new(work, direction)).collect()
}

/// One side on its thread; stops on drop.
struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(mut side: Side) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            if let Err(error) = side.run(&stopped) {
                eprintln!("limit: {error:#}");
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Side {
    work: Work,
    socket: UdpSocket,
    state: UdpSocketState,
    remote: SocketAddr,
    key: LessSafeKey,
    /// Distinguishes the two directions' nonces.
    direction: u8,
    next_counter: u64,
    expected_counter: u64,
    /// Data units sent, and those of them that the other side has confirmed.
    sent: u64,
    confirmed: u64,
    /// Data units received, and those of them confirmed.
    received: u64,
    acknowledged: u64,
    outbound: Outbound,
    inbound: Inbound,
    batch: Vec<u8>,
    buffer: Vec<u8>,
}

impl Side {
    fn new(mut work: Work, direction: u8) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // As much as the system allows: what is in flight must fit.
        state.set_recv_buffer_size(UdpSockRef::from(&socket), 4 << 20)?;
        state.set_send_buffer_size(UdpSockRef::from(&socket), 4 << 20)?;
        ensure!(state.max_gso_segments() as u64 >= BATCH, "this kernel has no GSO");
        let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| anyhow!("no AES-128-GCM"))?;
        work.opened();
        Ok(Self {
            work,
            remote: socket.local_addr()?,
            socket,
            state,
            key: LessSafeKey::new(key),
            direction,
            next_counter: 0,
            expected_counter: 0,
            sent: 0,
            confirmed: 0,
            received: 0,
            acknowledged: 0,
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            batch: Vec::with_capacity(BATCH as usize * UNIT),
            buffer: vec![0; 1 << 16],
        })
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let sent = self.send()?;
            if !self.receive()? && !sent {
                let timeout = Timespec::try_from(Duration::from_millis(20))?;
                poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout))?;
            }
        }
        Ok(())
    }

    /// Sends one batch of what the work has. Says whether there was anything.
    fn send(&mut self) -> Result<bool> {
        let mut units = 0;
        self.batch.clear();
        while units < BATCH && self.sent + units - self.confirmed < WINDOW {
            let start = self.begin(DATA);
            let filled = self.outbound.fill(&mut self.work, &mut self.batch);
            if filled == 0 {
                self.batch.truncate(start);
                break;
            }
            self.seal(start)?;
            units += 1;
            if filled < PAYLOAD {
                break;
            }
        }
        self.sent += units;
        self.flush()?;
        Ok(units > 0)
    }

    /// Starts a unit at the end of the batch: its counter in clear, its kind to be sealed.
    fn begin(&mut self, kind: u8) -> usize {
        let start = self.batch.len();
        self.batch.extend_from_slice(&self.next_counter.to_be_bytes());
        self.batch.push(kind);
        start
    }

    fn seal(&mut self, start: usize) -> Result<()> {
        let nonce = nonce(self.direction, self.next_counter);
        self.next_counter += 1;
        let plain = &mut self.batch[start + COUNTER..];
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), plain)
            .map_err(|_| anyhow!("cannot seal"))?;
        self.batch.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        while !self.batch.is_empty() {
            let transmit = Transmit {
                destination: self.remote,
                ecn: None,
                contents: &self.batch,
                segment_size: Some(UNIT),
                src_ip: None,
            };
            match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], None)?;
                }
                result => {
                    result?;
                    self.batch.clear();
                }
            }
        }
        Ok(())
    }

    /// Takes what one system call has. Says whether there was anything.
    fn receive(&mut self) -> Result<bool> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut meta = [RecvMeta::default()];
        let received =
            self.state.recv(UdpSockRef::from(&self.socket), &mut [IoSliceMut::new(&mut buffer)], &mut meta);
        let any = match received {
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            received => {
                received?;
                let [meta] = meta;
                for unit in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                    self.open(unit)?;
                }
                true
            }
        };
        self.buffer = buffer;
        if self.received - self.acknowledged >= WINDOW / 4 {
            self.acknowledged = self.received;
            self.batch.clear();
            let start = self.begin(ACKNOWLEDGEMENT);
            self.batch.extend_from_slice(&self.received.to_be_bytes());
            self.seal(start)?;
            self.flush()?;
        }
        Ok(any)
    }

    fn open(&mut self, unit: &mut [u8]) -> Result<()> {
        let (counter, sealed) =
            unit.split_first_chunk_mut::<COUNTER>().ok_or_else(|| anyhow!("a short unit"))?;
        let counter = u64::from_be_bytes(*counter);
        ensure!(counter == self.expected_counter, "a unit was lost: the window is too large");
        self.expected_counter += 1;
        let plain = self
            .key
            .open_in_place(nonce(1 - self.direction, counter), Aad::empty(), sealed)
            .map_err(|_| anyhow!("cannot open"))?;
        match plain.split_first() {
            Some((&ACKNOWLEDGEMENT, count)) => {
                self.confirmed = u64::from_be_bytes(count.try_into()?);
            }
            Some((_, payload)) => {
                self.received += 1;
                self.inbound.take(payload, &mut self.work);
            }
            None => {}
        }
        Ok(())
    }
}

fn nonce(direction: u8, counter: u64) -> Nonce {
    let mut bytes = [direction; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// Messages on their way out, cut into units.
#[derive(Default)]
struct Outbound {
    message: Bytes,
    taken: usize,
}

impl Outbound {
    /// Appends up to a unit's payload; says how much.
    fn fill(&mut self, work: &mut Work, unit: &mut Vec<u8>) -> usize {
        let mut room = PAYLOAD;
        loop {
            if self.taken == self.message.len() {
                // A prefix is not cut: the rest of the unit stays empty only when nothing else is due.
                if room < PREFIX {
                    unit.resize(unit.len() + room, 0);
                    return PAYLOAD;
                }
                let Some(next) = work.next() else { return PAYLOAD - room };
                work.sent();
                unit.extend_from_slice(&(next.len() as u32).to_be_bytes());
                room -= PREFIX;
                (self.message, self.taken) = (next, 0);
            }
            let part = room.min(self.message.len() - self.taken);
            unit.extend_from_slice(&self.message[self.taken..self.taken + part]);
            self.taken += part;
            room -= part;
            if self.taken < self.message.len() {
                return PAYLOAD;
            }
        }
    }
}

/// The message that is arriving.
#[derive(Default)]
struct Inbound {
    message: Vec<u8>,
    length: usize,
}

impl Inbound {
    fn take(&mut self, mut payload: &[u8], work: &mut Work) {
        loop {
            if self.length == 0 {
                // Less than a prefix is padding.
                let Some((prefix, rest)) = payload.split_first_chunk::<PREFIX>() else { return };
                self.length = u32::from_be_bytes(*prefix) as usize;
                payload = rest;
            }
            let part = payload.len().min(self.length - self.message.len());
            self.message.extend_from_slice(&payload[..part]);
            payload = &payload[part..];
            if self.message.len() < self.length {
                return;
            }
            work.received(&self.message);
            self.message.clear();
            self.length = 0;
        }
    }
}
