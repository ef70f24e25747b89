//! The link: packets from one TUN device to the other, later, no faster than the bandwidth, and not all of them.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Result;
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::{
    event::{PollFd, PollFlags, poll},
    time::Timespec,
};
use tun_rs::SyncDevice;

/// Packets read from a device before what is due on the other side is looked at again.
const BATCH: usize = 64;

/// The longest that the thread sleeps: then it looks whether it is to end.
const NAP: Duration = Duration::from_millis(100);

/// What the link is like, in both directions.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    pub round_trip: Duration,
    /// Bits a second, of IP packets.
    pub bandwidth: u64,
    /// How many packets of one are lost, whatever their length.
    pub loss: f64,
}

impl Path {
    /// How many bytes may wait for the link: one bandwidth-delay product.
    pub fn queue(&self) -> f64 {
        self.bandwidth as f64 / 8.0 * self.round_trip.as_secs_f64()
    }
}

/// A running link. It ends when this is dropped.
pub struct Link {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Bytes of IP packets that came out at the far end.
    carried: Arc<AtomicU64>,
}

impl Link {
    /// The same seed loses the same packets, counted from the first.
    pub fn new(near: SyncDevice, far: SyncDevice, path: Path, seed: u64) -> Result<Self> {
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let carried = Arc::new(AtomicU64::new(0));
        let directions = [Direction::new(path, seed, carried.clone()), Direction::new(path, !seed, Arc::default())];
        let stopped = stop.clone();
        let carry = move || {
            if let Err(error) = carry(&[near, far], directions, &stopped) {
                eprintln!("the link broke: {error}");
            }
        };
        let thread = thread::Builder::new().name("link".to_owned()).spawn(carry)?;
        Ok(Self { stop, thread: Some(thread), carried })
    }

    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Direction 0 leads from device 0 to device 1, direction 1 back.
fn carry(devices: &[SyncDevice; 2], mut directions: [Direction; 2], stop: &AtomicBool) -> io::Result<()> {
    let [near, far] = devices;
    while !stop.load(Ordering::Relaxed) {
        let [there, back] = &mut directions;
        there.take_in(near)?;
        back.take_in(far)?;
        there.hand_over(far);
        back.hand_over(near);
        let due = directions.iter().filter_map(|direction| Some(direction.flying.front()?.0)).min();
        let nap = due.map_or(NAP, |due| due.saturating_duration_since(Instant::now()).min(NAP));
        let nap = Timespec { tv_sec: 0, tv_nsec: nap.subsec_nanos().into() };
        let mut ready = devices.each_ref().map(|device| PollFd::new(device, PollFlags::IN));
        poll(&mut ready, Some(&nap))?;
    }
    Ok(())
}

/// One way of a link.
struct Direction {
    path: Path,
    random: StdRng,
    /// When the last packet's last bit will have left.
    free_at: Instant,
    /// Packets and when they arrive.
    flying: VecDeque<(Instant, Vec<u8>)>,
    unused: Vec<Vec<u8>>,
    carried: Arc<AtomicU64>,
}

impl Direction {
    fn new(path: Path, seed: u64, carried: Arc<AtomicU64>) -> Self {
        Self {
            path,
            random: StdRng::seed_from_u64(seed),
            free_at: Instant::now(),
            flying: VecDeque::new(),
            unused: Vec::new(),
            carried,
        }
    }

    fn take_in(&mut self, device: &SyncDevice) -> io::Result<()> {
        let rate = self.path.bandwidth as f64 / 8.0;
        for _ in 0..BATCH {
            let mut packet = self.unused.pop().unwrap_or_default();
            packet.resize(2048, 0);
            let length = match device.recv(&mut packet) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unused.push(packet);
                    break;
                }
                Err(error) => return Err(error),
            };
            packet.truncate(length);
            let now = Instant::now();
            let begin = self.free_at.max(now);
            let waiting = (begin - now).as_secs_f64() * rate;
            let is_lost = self.random.random_bool(self.path.loss);
            if is_lost || waiting + length as f64 > self.path.queue() {
                self.unused.push(packet);
                continue;
            }
            self.free_at = begin + Duration::from_secs_f64(length as f64 / rate);
            self.flying.push_back((self.free_at + self.path.round_trip / 2, packet));
        }
        Ok(())
    }

    fn hand_over(&mut self, device: &SyncDevice) {
        let now = Instant::now();
        while let Some((arrival, packet)) = self.flying.pop_front() {
            if arrival > now {
                self.flying.push_front((arrival, packet));
                return;
            }
            self.carried.fetch_add(packet.len() as u64, Ordering::Relaxed);
            // A device that is going away takes nothing.
            let _ = device.send(&packet);
            self.unused.push(packet);
        }
    }
}
