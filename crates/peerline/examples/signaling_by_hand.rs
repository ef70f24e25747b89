//! A chat between two terminals, with no server at all: descriptions are copied from one to the other by hand.
//!
//! `cargo run -p peerline --example signaling_by_hand offer` in one terminal, `… answer` in the other.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, Result, bail};
use peerline::{
    Configuration, DataChannel, DataChannelInit, Description, Endpoint, EndpointConfig, Event, Interfaces,
    Message, PeerConnection,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

#[tokio::main]
async fn main() -> Result<()> {
    // Loopback as well: the other terminal may be on this machine.
    let config = EndpointConfig { interfaces: Interfaces::AllAndLoopback, ..EndpointConfig::default() };
    let peer = Endpoint::bind(config)?.peer_connection(Configuration::default())?;
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let channel = match std::env::args().nth(1).as_deref() {
        Some("offer") => offer(&peer, &mut input).await?,
        Some("answer") => answer(&peer, &mut input).await?,
        _ => bail!("say `offer` or `answer`"),
    };
    println!("Connected: write something.");
    loop {
        tokio::select! {
            line = input.next_line() => match line? {
                Some(line) => channel.send_text(line)?,
                None => return Ok(()),
            },
            message = channel.recv() => match message {
                Some(Message::Text(text)) => println!("> {text}"),
                Some(Message::Binary(data)) => println!("> {} bytes", data.len()),
                None => return Ok(()),
            },
        }
    }
}

async fn offer(peer: &PeerConnection, input: &mut Lines<BufReader<Stdin>>) -> Result<DataChannel> {
    let channel = peer.create_data_channel("chat", DataChannelInit::default())?;
    peer.set_local_description(None)?;
    print(peer).await?;
    peer.set_remote_description(Description::answer(read(input).await?))?;
    channel.opened().await?;
    Ok(channel)
}

async fn answer(peer: &PeerConnection, input: &mut Lines<BufReader<Stdin>>) -> Result<DataChannel> {
    peer.set_remote_description(Description::offer(read(input).await?))?;
    peer.set_local_description(None)?;
    print(peer).await?;
    loop {
        if let Event::DataChannel(channel) = peer.next_event().await.context("a channel")? {
            return Ok(channel);
        }
    }
}

/// A description on one line.
async fn print(peer: &PeerConnection) -> Result<()> {
    peer.gathering_complete().await;
    let description = peer.local_description().context("a description")?;
    println!("Copy this line to the other side:\n{}", description.sdp.replace("\r\n", "|"));
    Ok(())
}

async fn read(input: &mut Lines<BufReader<Stdin>>) -> Result<String> {
    println!("Paste the other side's line:");
    Ok(input.next_line().await?.context("a line")?.trim().replace('|', "\r\n"))
}
