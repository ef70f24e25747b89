//! Both sides of an echo in one program: `cargo run -p peerline --example echo`
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, Result};
use peerline::{Configuration, DataChannelInit, Endpoint, EndpointConfig, Event, Interfaces, PeerConnection};

#[tokio::main]
async fn main() -> Result<()> {
    let config = EndpointConfig { interfaces: Interfaces::AllAndLoopback, ..EndpointConfig::default() };
    let caller = Endpoint::bind(config.clone())?.peer_connection(Configuration::default())?;
    let callee = Endpoint::bind(config)?.peer_connection(Configuration::default())?;
    tokio::spawn(echo(callee.clone()));

    let channel = caller.create_data_channel("echo", DataChannelInit::default())?;
    caller.set_local_description(None)?;
    caller.gathering_complete().await;
    callee.set_remote_description(caller.local_description().context("an offer")?)?;
    callee.set_local_description(None)?;
    callee.gathering_complete().await;
    caller.set_remote_description(callee.local_description().context("an answer")?)?;

    channel.opened().await?;
    for text in ["one", "two", "three"] {
        channel.send_text(text)?;
        println!("{:?}", channel.recv().await);
    }
    Ok(())
}

/// Sends back whatever comes, on every channel.
async fn echo(peer: PeerConnection) {
    while let Some(event) = peer.next_event().await {
        if let Event::DataChannel(channel) = event {
            tokio::spawn(async move {
                while let Some(message) = channel.recv().await {
                    if channel.send_when_ready(message).await.is_err() {
                        break;
                    }
                }
            });
        }
    }
}
