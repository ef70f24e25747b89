//! `bench-signaling`: what a client of the channel protocol costs the server while it is idle, and how long messages
//! take while many channels are busy. Server and clients share this machine, so the times include the clients' own.

mod busy;
mod client;
mod idle;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

/// Measures Peerline's signaling: memory per idle client, latency of messages.
#[derive(Parser)]
struct Options {
    /// The `peerline` program, started as `peerline serve …`.
    #[arg(long, value_name = "FILE")]
    peerline: PathBuf,
    /// Idle clients, in pairs.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Busy channels of 4 members.
    #[arg(long, default_value_t = 1_000)]
    channels: usize,
    /// Messages a second in each channel.
    #[arg(long, default_value_t = 20)]
    rate: usize,
    /// How long they talk, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.clients > 0 {
        idle::measure(&options.peerline, options.clients)?;
    }
    if options.channels > 0 {
        busy::measure(
            &options.peerline,
            options.channels,
            options.rate,
            Duration::from_secs(options.seconds),
        )?;
    }
    Ok(())
}
