//! A server of a hundred peers on one UDP port: `cargo run -p peerline --example many_peers`
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, Result};
use peerline::{Configuration, DataChannelInit, Endpoint, EndpointConfig, Event, Interfaces, Message};

#[tokio::main]
async fn main() -> Result<()> {
    let config = EndpointConfig { interfaces: Interfaces::AllAndLoopback, ..EndpointConfig::default() };
    let server = Endpoint::bind(config.clone())?;
    println!("all at {:?}", server.local_addresses());

    let mut clients = Vec::new();
    for number in 0..100 {
        // At the server's: each peer that calls gets a connection on the same sockets.
        let at_server = server.peer_connection(Configuration::default())?;
        let greeting = format!("you are number {number}");
        // A channel that is dropped is closed: the handler keeps them.
        let mut channels = Vec::new();
        at_server.on_event(move |event| {
            if let Event::DataChannel(channel) = event {
                let _ = channel.send_text(greeting.clone());
                channels.push(channel);
            }
        });

        // At the client's, which here is the same program.
        let client = Endpoint::bind(config.clone())?.peer_connection(Configuration::default())?;
        let channel = client.create_data_channel("greeting", DataChannelInit::default())?;
        client.set_local_description(None)?;
        client.gathering_complete().await;
        at_server.set_remote_description(client.local_description().context("an offer")?)?;
        at_server.set_local_description(None)?;
        at_server.gathering_complete().await;
        client.set_remote_description(at_server.local_description().context("an answer")?)?;
        clients.push((client, channel, at_server));
    }
    for (_, channel, _) in &clients {
        if let Some(Message::Text(text)) = channel.recv().await {
            println!("{text}");
        }
    }
    Ok(())
}
