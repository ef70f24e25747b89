//! `bench-distance`: how fast a data channel is over a long link, beside the kernel's TCP (CUBIC).
//!
//! Both run over real sockets between two network namespaces; all packets between these pass through this program, which
//! delays and loses them. So no `netem` is needed, only root and `/dev/net/tun`.

mod link;
mod namespace;
mod peer;
mod tcp;
mod transfer;

use std::{
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::{
    link::{Link, Path},
    namespace::Namespace,
    transfer::{Progress, Transfer},
};

/// Measures how much a data channel carries over a long link, beside the kernel's TCP (CUBIC) on the same link.
///
/// Transfers over a link that loses packets are slow and left to chance: so several links, each with one transfer, run at
/// the same time, and the table shows what one of them carried on average.
#[derive(Parser)]
struct Options {
    /// Rounds; TCP and Peerline take turns in each.
    #[arg(long, default_value_t = 1, value_name = "N")]
    rounds: usize,
    /// How long a transfer is measured, from when data can be sent: slow start counts.
    #[arg(long, default_value_t = 20, value_name = "S")]
    seconds: u64,
    /// Links with loss that are measured at the same time.
    #[arg(long, default_value_t = 12, value_name = "N")]
    links: usize,
    /// The link's bandwidth, Mbit/s.
    #[arg(long, default_value_t = 1000, value_name = "MBIT")]
    bandwidth: u64,
    /// Round trips, ms.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 100], value_name = "MS,…")]
    round_trip: Vec<u64>,
    /// Packets lost in each direction, per cent.
    #[arg(long, value_delimiter = ',', default_values_t = [0.0, 0.1, 1.0], value_name = "PERCENT,…")]
    loss: Vec<f64>,
    /// Measure one of them only.
    #[arg(long, value_enum)]
    only: Option<Stack>,
}

/// What carries the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stack {
    Tcp,
    Peerline,
}

/// What one link carried, in Mbit/s.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    /// What the application got.
    payload: f64,
    /// IP packets at the far end of the link.
    packets: f64,
}

/// The link's MTU is Ethernet's.
const MTU: u16 = 1500;

fn main() -> Result<()> {
    let options = Options::parse();
    // Other work on the machine is to disturb neither; where we may not ask for that it disturbs both.
    let _ = rustix::process::nice(-20);
    println!("round trip   loss   TCP CUBIC  Peerline        of TCP   |  the link: TCP CUBIC  Peerline");
    for round_trip in options.round_trip.iter().copied().map(Duration::from_millis) {
        for loss in &options.loss {
            let path = Path { round_trip, bandwidth: options.bandwidth * 1_000_000, loss: loss / 100.0 };
            let [tcp, peerline] = options.measure(path)?;
            println!(
                "{:>7} ms  {loss:>4} %  {:>10.2}  {:>8.2} Mbit/s  {:>5.3}   |            {:>10.2}  {:>8.2} Mbit/s",
                round_trip.as_millis(),
                tcp.payload,
                peerline.payload,
                peerline.payload / tcp.payload,
                tcp.packets,
                peerline.packets,
            );
        }
    }
    println!("Payload that the receiving application got, and what the link carried for it, headers included.");
    Ok(())
}

impl Options {
    fn measure(&self, path: Path) -> Result<[Rate; 2]> {
        let mut rates = [Rate::default(); 2];
        let links = if path.loss > 0.0 { self.links } else { 1 };
        for round in 0..self.rounds {
            for (stack, rate) in [Stack::Tcp, Stack::Peerline].into_iter().zip(&mut rates) {
                if self.only.is_some_and(|only| only != stack) {
                    continue;
                }
                let seeds = (0..links).map(|link| (round * links + link) as u64);
                let running = seeds.map(|seed| Running::start(stack, path, seed)).collect::<Result<Vec<_>>>()?;
                running.iter().try_for_each(|running| running.progress.wait_until_open())?;
                let before: Vec<_> = running.iter().map(Running::counts).collect();
                let begun = Instant::now();
                thread::sleep(Duration::from_secs(self.seconds));
                let bits = 8e-6 / begun.elapsed().as_secs_f64() / (links * self.rounds) as f64;
                for (running, before) in running.iter().zip(before) {
                    let now = running.counts();
                    rate.payload += (now.0 - before.0) as f64 * bits;
                    rate.packets += (now.1 - before.1) as f64 * bits;
                }
            }
        }
        Ok(rates)
    }
}

/// One transfer over a link of its own.
struct Running {
    // It ends before what it goes over.
    progress: Progress,
    _namespaces: [Namespace; 2],
    link: Link,
}

impl Running {
    fn start(stack: Stack, path: Path, seed: u64) -> Result<Self> {
        let (near, near_device) = Namespace::new(Ipv4Addr::new(192, 0, 2, 1), MTU)?;
        let (far, far_device) = Namespace::new(Ipv4Addr::new(192, 0, 2, 2), MTU)?;
        let link = Link::new(near_device, far_device, path, seed).context("no link")?;
        let (transfer, progress) = Transfer::new();
        match stack {
            Stack::Tcp => tcp::begin(&near, &far, &transfer),
            Stack::Peerline => peer::begin(&near, &far, &transfer),
        }
        Ok(Self { progress, _namespaces: [near, far], link })
    }

    /// Bytes that the application got, and bytes that the link carried.
    fn counts(&self) -> (u64, u64) {
        (self.progress.received(), self.link.carried())
    }
}
