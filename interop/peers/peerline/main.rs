//! A peer on our own stack. The commands are described in ../README.md.
#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest::{Context as Hash, SHA256};
use peerline::{
    Configuration, DataChannel, DataChannelEvent, DataChannelInit, Description, Endpoint, EndpointConfig,
    Event, Interfaces, Message, PeerConnection,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    Offer {
        #[serde(default)]
        restart: bool,
    },
    Describe {
        r#type: String,
        sdp: String,
    },
    Send {
        text: String,
    },
    Stream {
        bytes: usize,
        size: usize,
    },
    Close {
        what: String,
    },
    End,
}

struct Peer {
    connection: PeerConnection,
    channel: Mutex<Option<DataChannel>>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let endpoint = Endpoint::bind(EndpointConfig { interfaces: Interfaces::AllAndLoopback, port: 0 })?;
    let connection = endpoint.peer_connection(Configuration::default())?;
    let peer = Arc::new(Peer { connection, channel: Mutex::default() });
    tokio::spawn(watch(peer.clone()));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Command = serde_json::from_str(&line)?;
        if matches!(command, Command::End) {
            break;
        }
        let peer = peer.clone();
        tokio::spawn(async move {
            if let Err(error) = peer.obey(command).await {
                say(&json!({ "is": "error", "message": format!("{error:#}") }));
            }
        });
    }
    Ok(())
}

fn say(event: &Value) {
    println!("{event}");
}

async fn watch(peer: Arc<Peer>) {
    while let Some(event) = peer.connection.next_event().await {
        match event {
            Event::DataChannel(channel) => {
                say(&json!({ "is": "open" }));
                peer.adopt(channel);
            }
            Event::ConnectionStateChange(state) => {
                say(&json!({ "is": "state", "state": format!("{state:?}").to_lowercase() }));
            }
            _ => {}
        }
    }
}

impl Peer {
    fn adopt(&self, channel: DataChannel) {
        tokio::spawn(listen(channel.clone()));
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }

    fn channel(&self) -> Result<DataChannel> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner).clone().context("there is no channel")
    }

    async fn obey(&self, command: Command) -> Result<()> {
        match command {
            Command::Offer { restart } => {
                if self.channel().is_err() {
                    self.adopt(self.connection.create_data_channel("interop", DataChannelInit::default())?);
                }
                let offer = self.connection.create_offer(restart)?;
                self.describe(Some(offer)).await
            }
            Command::Describe { r#type, sdp } if r#type == "offer" => {
                self.connection.set_remote_description(Description::offer(sdp))?;
                self.describe(None).await
            }
            Command::Describe { sdp, .. } => {
                Ok(self.connection.set_remote_description(Description::answer(sdp))?)
            }
            Command::Send { text } => Ok(self.channel()?.send_text(text)?),
            Command::Stream { bytes, size } => stream(&self.channel()?, bytes, size).await,
            Command::Close { what } if what == "channel" => {
                self.channel()?.close();
                Ok(())
            }
            Command::Close { .. } => {
                self.connection.close();
                Ok(())
            }
            Command::End => bail!("this is done elsewhere"),
        }
    }

    async fn describe(&self, description: Option<Description>) -> Result<()> {
        self.connection.set_local_description(description)?;
        self.connection.gathering_complete().await;
        let local = self.connection.local_description().context("a description")?;
        say(&json!({ "is": "description", "type": local.kind.as_str(), "sdp": local.sdp }));
        Ok(())
    }
}

async fn listen(channel: DataChannel) {
    let (mut hash, mut bytes) = (Hash::new(&SHA256), 0);
    while let Some(event) = channel.next_event().await {
        match event {
            DataChannelEvent::Open => say(&json!({ "is": "open" })),
            DataChannelEvent::Message(Message::Binary(data)) => {
                hash.update(&data);
                bytes += data.len();
            }
            DataChannelEvent::Message(Message::Text(text)) => match text.strip_prefix("sha256:") {
                Some(claimed) => {
                    let digest = std::mem::replace(&mut hash, Hash::new(&SHA256)).finish();
                    let received = json!({ "is": "received", "bytes": bytes, "sha256": hex(digest.as_ref()), "claimed": claimed });
                    say(&received);
                    bytes = 0;
                }
                None => say(&json!({ "is": "text", "text": text })),
            },
            DataChannelEvent::Close(_) => say(&json!({ "is": "closed" })),
            DataChannelEvent::BufferedAmountLow | DataChannelEvent::Closing => {}
        }
    }
}

async fn stream(channel: &DataChannel, bytes: usize, size: usize) -> Result<()> {
    let mut hash = Hash::new(&SHA256);
    let mut x = 1_u32;
    let mut left = bytes;
    while left > 0 {
        let part: Vec<u8> = (0..left.min(size))
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (x >> 24) as u8
            })
            .collect();
        left -= part.len();
        hash.update(&part);
        channel.send_when_ready(Message::Binary(part.into())).await?;
    }
    let claim = format!("sha256:{}", hex(hash.finish().as_ref()));
    channel.send_when_ready(Message::Text(claim)).await?;
    say(&json!({ "is": "streamed" }));
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
