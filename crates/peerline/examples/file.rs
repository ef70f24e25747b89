//! A file from one peer to another, as a stream of bytes: `cargo run -p peerline --example file FROM TO`
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, Result};
use peerline::{Configuration, DataChannelInit, Endpoint, EndpointConfig, Event, Interfaces, PeerConnection};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

#[tokio::main]
async fn main() -> Result<()> {
    let mut paths = std::env::args().skip(1);
    let from = paths.next().context("the file to be sent")?;
    let to = paths.next().context("where it goes")?;

    let config = EndpointConfig { interfaces: Interfaces::AllAndLoopback, ..EndpointConfig::default() };
    let sender = Endpoint::bind(config.clone())?.peer_connection(Configuration::default())?;
    let receiver = Endpoint::bind(config)?.peer_connection(Configuration::default())?;
    let received = tokio::spawn(receive(receiver.clone(), to));

    let channel = sender.create_data_channel(&from, DataChannelInit::default())?;
    sender.set_local_description(None)?;
    sender.gathering_complete().await;
    receiver.set_remote_description(sender.local_description().context("an offer")?)?;
    receiver.set_local_description(None)?;
    receiver.gathering_complete().await;
    sender.set_remote_description(receiver.local_description().context("an answer")?)?;

    channel.opened().await?;
    let mut stream = channel.into_byte_stream();
    let bytes = tokio::io::copy(&mut File::open(&from).await?, &mut stream).await?;
    stream.shutdown().await?;
    println!("sent {bytes} bytes, received {}", received.await??);
    Ok(())
}

async fn receive(peer: PeerConnection, to: String) -> Result<u64> {
    let channel = loop {
        if let Event::DataChannel(channel) = peer.next_event().await.context("a channel")? {
            break channel;
        }
    };
    let mut file = File::create(to).await?;
    let bytes = tokio::io::copy(&mut channel.into_byte_stream(), &mut file).await?;
    file.flush().await?;
    Ok(bytes)
}
