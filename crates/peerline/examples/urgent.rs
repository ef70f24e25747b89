//! A short message passes a long one: how long it takes alone and beside a transfer, on the same connection.
//! `cargo run --release -p peerline --example urgent`
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use peerline::{
    Configuration, DataChannel, DataChannelInit, Endpoint, EndpointConfig, Event, Interfaces, Message,
    PeerConnection, Priority,
};

const ROUND_TRIPS: usize = 2000;
/// Bytes.
const SHORT: usize = 64;
/// Bytes.
const LONG: usize = 256 << 10;

#[tokio::main]
async fn main() -> Result<()> {
    let config = EndpointConfig { interfaces: Interfaces::AllAndLoopback, ..EndpointConfig::default() };
    let caller = Endpoint::bind(config.clone())?.peer_connection(Configuration::default())?;
    let callee = Endpoint::bind(config)?.peer_connection(Configuration::default())?;
    tokio::spawn(answer(callee.clone()));

    let urgent = DataChannelInit { priority: Priority::High, ..DataChannelInit::default() };
    let urgent = caller.create_data_channel("urgent", urgent)?;
    let transfer = caller.create_data_channel("transfer", DataChannelInit::default())?;
    caller.set_local_description(None)?;
    caller.gathering_complete().await;
    callee.set_remote_description(caller.local_description().context("an offer")?)?;
    callee.set_local_description(None)?;
    callee.gathering_complete().await;
    caller.set_remote_description(callee.local_description().context("an answer")?)?;
    urgent.opened().await?;
    transfer.opened().await?;

    print("alone", round_trips(&urgent).await?);
    let transferring = tokio::spawn(async move {
        let message = Message::Binary(Bytes::from(vec![0; LONG]));
        let mut sent = 0_u64;
        while transfer.send_when_ready(message.clone()).await.is_ok() {
            sent += LONG as u64;
        }
        sent
    });
    let begun = Instant::now();
    print("beside a transfer", round_trips(&urgent).await?);
    let seconds = begun.elapsed().as_secs_f64();
    caller.close();
    println!("the transfer: {:.0} MB/s", transferring.await? as f64 / 1e6 / seconds);
    Ok(())
}

async fn round_trips(channel: &DataChannel) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        channel.send(vec![0; SHORT])?;
        channel.recv().await.context("an answer")?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

fn print(when: &str, times: Vec<Duration>) {
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!("{when}: median {:.3?}, 99 of 100 within {:.3?}", at(0.5), at(0.99));
}

/// Sends short messages back, and takes long ones.
async fn answer(peer: PeerConnection) {
    while let Some(event) = peer.next_event().await {
        if let Event::DataChannel(channel) = event {
            tokio::spawn(async move {
                while let Some(message) = channel.recv().await {
                    if message.len() <= SHORT && channel.send_when_ready(message).await.is_err() {
                        break;
                    }
                }
            });
        }
    }
}
