//! A machine of its own: a thread in a network namespace with one address on one TUN device.

use std::{
    fs,
    net::Ipv4Addr,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, unshare};
use tun_rs::{DeviceBuilder, SyncDevice};

/// What a TUN device holds for whoever reads it, in packets: enough that the link, and not the device, is what loses them.
const DEVICE_QUEUE: u32 = 50_000;

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace and the thread that lives in it. Both end when this is dropped.
pub struct Namespace {
    pub address: Ipv4Addr,
    jobs: Sender<Job>,
}

impl Namespace {
    /// Makes one, and the device that all its packets go through.
    pub fn new(address: Ipv4Addr, mtu: u16) -> Result<(Self, SyncDevice)> {
        let (jobs, next): (_, Receiver<Job>) = mpsc::channel();
        let (made, device) = mpsc::channel();
        thread::Builder::new().name(format!("namespace of {address}")).spawn(move || {
            let _ = made.send(enter(address, mtu));
            for job in next {
                job();
            }
        })?;
        let device = device.recv().map_err(|_| anyhow!("the namespace's thread is gone"))??;
        Ok((Self { address, jobs }, device))
    }

    /// Does something in the namespace; what it gives back comes from the receiver.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
        let (sender, receiver) = mpsc::channel();
        let job = move || {
            let _ = sender.send(job());
        };
        // If the thread is gone the receiver says so.
        let _ = self.jobs.send(Box::new(job));
        receiver
    }
}

fn enter(address: Ipv4Addr, mtu: u16) -> Result<SyncDevice> {
    unshare(CloneFlags::CLONE_NEWNET).context("no network namespace can be made here: run as root")?;
    // TCP's buffers have to hold what the link does: a bandwidth-delay product and a queue of another, twice over.
    for buffers in ["tcp_rmem", "tcp_wmem"] {
        fs::write(format!("/proc/sys/net/ipv4/{buffers}"), "4096 131072 134217728")?;
    }
    DeviceBuilder::new()
        .name("distance")
        .ipv4(address, 24, None)
        .mtu(mtu)
        .tx_queue_len(DEVICE_QUEUE)
        .build_sync()
        .context("no TUN device: /dev/net/tun is needed")
}
