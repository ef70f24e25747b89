//! str0m: a machine without sockets, so the loop that its applications write is here.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpOffer},
    channel::ChannelId,
    net::{Protocol, Receive},
};

use super::{Connections, Stack};
use crate::{pipe::Pipe, work::Work};

/// str0m with its defaults. Its send buffer of 128 KiB is small, but more makes it slower.
pub struct Str0m;

/// Datagrams taken from one socket before the others and the works have their turn.
const BURST: usize = 32;

impl Stack for Str0m {
    fn offer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut peers = Vec::new();
        let mut pending = VecDeque::new();
        for work in works {
            let mut peer = Peer::new(work)?;
            let mut changes = peer.rtc.sdp_api();
            changes.add_channel("bench".to_owned());
            let (offer, wait) = changes.apply().context("no offer")?;
            pipe.send(&offer.to_sdp_string())?;
            pending.push_back(wait);
            peers.push(peer);
        }
        for (peer, wait) in peers.iter_mut().zip(pending) {
            let answer: String = pipe.receive()?;
            peer.rtc.sdp_api().accept_answer(wait, SdpAnswer::from_sdp_string(&answer)?)?;
        }
        Ok(Box::new(Running::start(peers)))
    }

    fn answer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut peers = Vec::new();
        let mut answers = Vec::new();
        for work in works {
            let mut peer = Peer::new(work)?;
            let offer: String = pipe.receive()?;
            let answer = peer.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(&offer)?)?;
            answers.push(answer.to_sdp_string());
            peers.push(peer);
        }
        for answer in &answers {
            pipe.send(answer)?;
        }
        Ok(Box::new(Running::start(peers)))
    }
}

/// The loop on its thread; stops on drop.
struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(mut peers: Vec<Peer>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            if let Err(error) = run(&mut peers, &stopped) {
                eprintln!("str0m: {error:#}");
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

fn run(peers: &mut [Peer], stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let mut busy = false;
        for peer in &mut *peers {
            busy |= peer.turn()?;
        }
        if !busy {
            wait(peers)?;
        }
    }
    Ok(())
}

/// Waits for a datagram, or for what a machine waits for; not so long that stopping takes noticeable time.
fn wait(peers: &[Peer]) -> Result<()> {
    const LONGEST: Duration = Duration::from_millis(20);
    let now = Instant::now();
    let next = peers.iter().map(|peer| peer.wake).min().unwrap_or(now + LONGEST);
    let timeout = next.saturating_duration_since(now).min(LONGEST);
    let mut sockets: Vec<PollFd<'_>> =
        peers.iter().map(|peer| PollFd::new(&peer.socket, PollFlags::IN)).collect();
    poll(&mut sockets, Some(&Timespec::try_from(timeout)?))?;
    Ok(())
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    channel: Option<ChannelId>,
    work: Work,
    wake: Instant,
    buffer: Vec<u8>,
}

impl Peer {
    fn new(work: Work) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let now = Instant::now();
        let mut rtc = Rtc::builder().clear_codecs().build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        Ok(Self { rtc, socket, address, channel: None, work, wake: now, buffer: vec![0; 2000] })
    }

    /// Does what is due. Says whether anything was.
    fn turn(&mut self) -> Result<bool> {
        let mut busy = false;
        if self.wake <= Instant::now() {
            self.rtc.handle_input(Input::Timeout(Instant::now()))?;
            self.drain()?;
            busy = true;
        }
        for _ in 0..BURST {
            let (length, source) = match self.socket.recv_from(&mut self.buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            let receive = Receive::new(Protocol::Udp, source, self.address, &self.buffer[..length])?;
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
            self.drain()?;
            busy = true;
        }
        if busy {
            self.send()?;
        }
        Ok(busy)
    }

    /// Writes what the work has, as far as the channel takes it.
    fn send(&mut self) -> Result<()> {
        while let Some(id) = self.channel
            && let Some(message) = self.work.next()
            && let Some(mut channel) = self.rtc.channel(id)
            && channel.write(true, &message)?
        {
            self.work.sent();
            self.drain()?;
        }
        Ok(())
    }

    /// After every change: until the machine has nothing more to say.
    fn drain(&mut self) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return Ok(());
                }
                Output::Transmit(transmit) => self.transmit(&transmit.contents, transmit.destination)?,
                Output::Event(Event::ChannelOpen(id, _)) => {
                    self.channel = Some(id);
                    self.work.opened();
                }
                Output::Event(Event::ChannelData(data)) => self.work.received(&data.data),
                Output::Event(_) => {}
            }
        }
    }

    fn transmit(&self, contents: &[u8], destination: SocketAddr) -> Result<()> {
        match self.socket.send_to(contents, destination) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], None)?;
                self.socket.send_to(contents, destination)?;
            }
            // The other side has closed already.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            sent => {
                sent?;
            }
        }
        Ok(())
    }
}
