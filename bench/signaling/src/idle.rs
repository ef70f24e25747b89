//! Memory per idle client: pairs of clients that have said `hello`, joined a channel, and have nothing to say.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::client::Client;
use crate::server::Server;

const TARGET: f64 = 20.0;

pub fn measure(peerline: &Path, count: usize) -> Result<()> {
    let server = Server::start(peerline)?;
    thread::sleep(Duration::from_secs(1));
    let before = server.memory()?;
    let start = Instant::now();
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let mut client = Client::connect(server.address, number)?;
        client.join(number / 2)?;
        client.make_busy()?;
        clients.push(client);
    }
    let took = start.elapsed();
    let mut buffer = [0; 4_096];
    for client in &mut clients {
        client.read_all(&mut buffer, |_| ())?;
        client.acknowledge(1)?;
    }
    thread::sleep(Duration::from_secs(3));
    let after = server.memory()?;
    let each = (after.saturating_sub(before)) as f64 / 1_024.0 / count as f64;
    println!(
        "idle: {count} clients in {} channels, connected in {:.1} s: {:.1} MiB before, {:.1} MiB with them, {each:.2} KiB per client (target: under {TARGET} KiB){}",
        count.div_ceil(2),
        took.as_secs_f64(),
        before as f64 / 1_048_576.0,
        after as f64 / 1_048_576.0,
        if each < TARGET { "" } else { " MISSED" },
    );
    Ok(())
}
