//! The three loads: a few busy allocations, many quiet ones as voice is, and coming and going.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    count::Count,
    load::Load,
    pair::Pair,
    server::{LOGIN, Server},
    turn_client::TurnClient,
};

const WARM_UP: Duration = Duration::from_millis(700);

/// What one run of a shape showed.
pub struct Measure {
    /// CPU seconds of the server per million relayed packets.
    pub cpu_per_million: f64,
    /// Relayed packets a second.
    pub rate: f64,
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Round trip, median and 99th percentile, in milliseconds.
    pub round_trip: (f64, f64),
}

/// Four allocations with 64 packets in flight each: an answer that comes back sends the next packet.
///
/// Every client and every peer is a thread of its own that blocks in `recv`, as separate machines would.
pub fn busy(server: &Server, size: usize, length: Duration) -> Result<Measure> {
    const ALLOCATIONS: usize = 4;
    const IN_FLIGHT: usize = 64;
    let stop = AtomicBool::new(false);
    let mut pairs = Vec::new();
    for _ in 0..ALLOCATIONS {
        pairs.push(Pair::new(server)?);
    }
    let start = Instant::now();
    thread::scope(|scope| {
        for pair in &pairs {
            scope.spawn(|| pair.echo(&stop));
            scope.spawn(|| pair.ping_pong(size, IN_FLIGHT, start, &stop));
        }
        thread::sleep(WARM_UP);
        let begun: Vec<Count> = pairs.iter().map(Pair::count).collect();
        let (cpu, begin) = (server.cpu(), Instant::now());
        thread::sleep(length);
        let (cpu_after, took) = (server.cpu(), begin.elapsed());
        let mut count = Count::default();
        for (pair, begun) in pairs.iter().zip(begun) {
            count += pair.count() - begun;
        }
        stop.store(true, Ordering::Relaxed);
        let mut round_trips: Vec<u64> = Vec::new();
        for pair in &pairs {
            round_trips.append(&mut pair.take_round_trips());
        }
        let loss = count.lost as f64 / count.sent.max(1) as f64;
        Ok(measure(count, cpu_after? - cpu?, took, loss, round_trips))
    })
}

/// A thousand allocations that send fifty packets a second each and hear as many, spread evenly in time.
pub fn voice(server: &Server, size: usize, length: Duration) -> Result<Measure> {
    const ALLOCATIONS: usize = 1000;
    const INTERVAL: Duration = Duration::from_millis(20);
    let mut load = Load::new(server, ALLOCATIONS, size)?;
    let gap = INTERVAL / ALLOCATIONS as u32;
    let mut next = 0;

    let mut run = |load: &mut Load, length: Duration| -> Result<()> {
        let start = Instant::now();
        let mut sent = 0_u32;
        while start.elapsed() < length {
            // When the machine has no time for us, the packets that are due leave in one go, but not all at once:
            // what came back is taken in between.
            let due = (start.elapsed().as_nanos() / gap.as_nanos()) as u32;
            let now = due.min(sent + 16);
            for _ in sent..now {
                load.send(next);
                next = (next + 1) % load.allocations();
            }
            let quiet = sent == now;
            sent = now;
            if !load.receive()? && quiet {
                thread::sleep(Duration::from_micros(10));
            }
        }
        Ok(())
    };
    run(&mut load, WARM_UP)?;
    drain(&mut load)?;
    load.reset();
    let (cpu, start) = (server.cpu()?, Instant::now());
    run(&mut load, length)?;
    let (cpu, took, count) = (server.cpu()? - cpu, start.elapsed(), load.count);
    drain(&mut load)?;
    // What was under way when the measurement ended has arrived by now.
    let loss = load.count.loss();
    Ok(measure(count, cpu, took, loss, load.round_trips))
}

/// CPU milliseconds of the server for one allocation made (with its 401 challenge) and released.
pub fn come_and_go(server: &Server, pairs: u32) -> Result<f64> {
    let mut sockets = Vec::new();
    for _ in 0..50 {
        sockets.push(TurnClient::allocate(server.address, LOGIN)?.release()?);
    }
    let cpu = server.cpu()?;
    for _ in 0..pairs {
        sockets.push(TurnClient::allocate(server.address, LOGIN)?.release()?);
    }
    // Some servers tidy up a little later than they answer.
    thread::sleep(Duration::from_millis(200));
    Ok((server.cpu()? - cpu).as_secs_f64() * 1e3 / f64::from(pairs))
}

/// Takes what is still on its way.
fn drain(load: &mut Load) -> Result<()> {
    let end = Instant::now() + Duration::from_millis(300);
    while Instant::now() < end {
        if !load.receive()? {
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

fn measure(count: Count, cpu: Duration, took: Duration, loss: f64, mut round_trips: Vec<u64>) -> Measure {
    let crossings = count.crossings().max(1) as f64;
    round_trips.sort_unstable();
    let at = |share: f64| {
        let index = (round_trips.len() as f64 * share) as usize;
        round_trips.get(index).map_or(f64::NAN, |nanoseconds| *nanoseconds as f64 / 1e6)
    };
    Measure {
        cpu_per_million: cpu.as_secs_f64() / crossings * 1e6,
        rate: crossings / took.as_secs_f64(),
        loss,
        round_trip: (at(0.5), at(0.99)),
    }
}
