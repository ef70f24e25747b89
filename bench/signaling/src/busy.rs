//! Latency of messages: channels of 4, in which somebody publishes at a steady rate.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::os::fd::AsRawFd;

use crate::client::{Client, name, number_after};
use crate::server::{Server, cpu_of_process};

const MEMBERS: usize = 4;
const TARGET: Duration = Duration::from_millis(20);
/// As long as a sealed line of chat is.
const PAYLOAD: usize = 256;
/// Messages published before the clients read again.
const AT_ONCE: usize = 256;

/// What came of the messages.
#[derive(Default)]
struct Tally {
    published: usize,
    accepted: usize,
    refused: usize,
    latencies: Vec<u32>,
}

pub fn measure(peerline: &Path, channels: usize, rate: usize, duration: Duration) -> Result<()> {
    let server = Server::start(peerline)?;
    let mut poll = Poll::new()?;
    let mut clients = Vec::with_capacity(channels * MEMBERS);
    for number in 0..channels * MEMBERS {
        let mut client = Client::connect(server.address, number)?;
        client.join(number / MEMBERS)?;
        client.make_busy()?;
        poll.registry().register(
            &mut SourceFd(&client.stream.as_raw_fd()),
            Token(number),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        clients.push(client);
    }
    let mut buffer = vec![0; 16 * 1_024];
    for client in &mut clients {
        client.read_all(&mut buffer, |_| ())?;
        client.acknowledge(1)?;
    }
    // What the joins left to do is not what is measured.
    thread::sleep(Duration::from_secs(1));

    let names: Vec<_> = (0..channels).map(name).collect();
    let total = channels * rate * usize::try_from(duration.as_secs())?;
    let gap = duration.div_f64(total as f64);
    let mut tally = Tally { latencies: Vec::with_capacity(total * (MEMBERS - 1)), ..Tally::default() };
    let (cpu, own_cpu) = (server.cpu()?, cpu_of_process(std::process::id())?);
    let start = Instant::now();
    let end = start + duration;
    let mut events = Events::with_capacity(AT_ONCE);
    let expected = total * (MEMBERS - 1);
    // What is still on its way at the end gets five more seconds.
    while Instant::now() < end + Duration::from_secs(5)
        && (tally.published < total
            || tally.latencies.len() < expected
            || tally.accepted + tally.refused < total)
    {
        // A few at a time, so that clients that are late still read.
        for _ in 0..AT_ONCE {
            if tally.published < total && start.elapsed() >= gap * tally.published as u32 {
                publish(&mut clients, &names, &mut tally, gap)?;
            }
        }
        let next = start + gap * tally.published as u32;
        let wait = next
            .saturating_duration_since(Instant::now())
            .clamp(Duration::from_micros(1), Duration::from_millis(5));
        poll.poll(&mut events, Some(wait))?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if event.is_writable() {
                client.flush()?;
            }
            if event.is_readable() {
                client.read_all(&mut buffer, |frame| take(frame, start, &mut tally))?;
                client.acknowledge(25)?;
            }
        }
    }
    let cost = Cost {
        took: start.elapsed(),
        server: server.cpu()? - cpu,
        clients: cpu_of_process(std::process::id())? - own_cpu,
    };
    report(channels, rate, expected, &cost, tally);
    Ok(())
}

/// The next message: one channel after the other, one member after the other. It carries the time at which it was due, so that
/// a client that comes too late makes its messages late, and doesn't hide it.
fn publish(clients: &mut [Client], names: &[String], tally: &mut Tally, gap: Duration) -> Result<()> {
    let channel = tally.published % names.len();
    let member = tally.published / names.len() % MEMBERS;
    let due = (gap * tally.published as u32).as_micros();
    let mut payload = format!("due{due}_");
    payload.push_str(&"x".repeat(PAYLOAD - payload.len()));
    tally.published += 1;
    clients[channel * MEMBERS + member].publish(&names[channel], &payload)
}

fn take(frame: &str, start: Instant, tally: &mut Tally) {
    if let Some(due) = number_after(frame, r#""payload":"due"#) {
        let latency = start.elapsed().as_micros().saturating_sub(due.into());
        tally.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
    } else if number_after(frame, r#""receivers":"#) == Some(MEMBERS as u64 - 1) {
        tally.accepted += 1;
    } else {
        tally.refused += 1;
    }
}

/// The CPU time that it took.
struct Cost {
    took: Duration,
    server: Duration,
    clients: Duration,
}

fn report(channels: usize, rate: usize, expected: usize, cost: &Cost, mut tally: Tally) {
    let cores = |cpu: Duration| cpu.as_secs_f64() / cost.took.as_secs_f64();
    let each = cost.server.as_secs_f64() * 1e6 / tally.published.max(1) as f64;
    tally.latencies.sort_unstable();
    let percentile = |share: f64| {
        let index = (tally.latencies.len() as f64 * share) as usize;
        let micros = tally
            .latencies
            .get(index.min(tally.latencies.len().saturating_sub(1)))
            .copied()
            .unwrap_or(u32::MAX);
        Duration::from_micros(micros.into())
    };
    let (p50, p99, most) = (percentile(0.5), percentile(0.99), percentile(1.0));
    let lost = expected.saturating_sub(tally.latencies.len());
    println!(
        "busy: {channels} channels of {MEMBERS}, {rate} messages a second each, {} published, {} accepted, {} other answers, {} delivered: \
         p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms (target: p99 under {} ms){}; {lost} lost{}; \
         {:.2} cores of the server, {each:.1} µs for each published; {:.2} cores of the clients",
        tally.published,
        tally.accepted,
        tally.refused,
        tally.latencies.len(),
        p50.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        most.as_secs_f64() * 1e3,
        TARGET.as_millis(),
        if p99 < TARGET { "" } else { " MISSED" },
        if lost == 0 { "" } else { " MISSED" },
        cores(cost.server),
        cores(cost.clients),
    );
}
