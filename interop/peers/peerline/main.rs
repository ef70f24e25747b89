//! A peer on our own stack. The commands are described in ../README.md.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest::{Context as Hash, SHA256};
use peerline::channel::Trust;
use peerline::{
    Configuration, DataChannel, DataChannelEvent, DataChannelInit, Description, Endpoint, EndpointConfig,
    Event, IceCandidate, IceServer, Interfaces, Message, PeerConnection,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    Configure {
        #[serde(default)]
        servers: Vec<Server>,
        #[serde(default)]
        trickle: bool,
        greeting: Option<String>,
    },
    Candidate(Candidate),
    Stats,
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
    Channel {
        label: String,
        options: Options,
    },
    Say {
        label: String,
        text: Option<String>,
        #[serde(default)]
        bytes: usize,
    },
    Shut {
        label: String,
    },
    End,
}

/// The W3C's `RTCIceServer`.
#[derive(Deserialize)]
struct Server {
    urls: Vec<String>,
    username: Option<String>,
    credential: Option<String>,
}

/// The W3C's `RTCIceCandidateInit`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    candidate: String,
    sdp_mid: Option<String>,
    sdp_m_line_index: Option<u16>,
    username_fragment: Option<String>,
}

/// The W3C's `RTCDataChannelInit`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    ordered: Option<bool>,
    max_packet_life_time: Option<u16>,
    max_retransmits: Option<u16>,
    protocol: Option<String>,
    negotiated: Option<bool>,
    id: Option<u16>,
}

struct Peer {
    connection: PeerConnection,
    channels: Mutex<HashMap<String, DataChannel>>,
    /// Whether descriptions go before the candidates are known.
    trickles: AtomicBool,
    /// What is said on the first channel as soon as it is open.
    greeting: OnceLock<String>,
}

/// The label of the channel that every peer has.
const INTEROP: &str = "interop";

#[tokio::main]
async fn main() -> Result<()> {
    // The peer may be on this machine, unless it is said to be elsewhere; `proxy=URL` leads there, and `try-harder` searches a way.
    let is_elsewhere = std::env::args().any(|argument| argument == "elsewhere");
    let interfaces = if is_elsewhere { Interfaces::All } else { Interfaces::AllAndLoopback };
    let mut proxies = std::env::args().filter_map(|argument| Some(argument.strip_prefix("proxy=")?.parse()));
    let proxy = proxies.next().transpose()?;
    let port_search = std::env::args().any(|argument| argument == "try-harder");
    let config = EndpointConfig { interfaces, proxy, port_search, ..EndpointConfig::default() };
    let endpoint = Endpoint::bind(config)?;
    let connection = endpoint.peer_connection(Configuration::default())?;
    let peer = Arc::new(Peer {
        connection,
        channels: Mutex::default(),
        trickles: AtomicBool::new(false),
        greeting: OnceLock::new(),
    });
    tokio::spawn(watch(peer.clone()));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Command = serde_json::from_str(&line)?;
        if matches!(command, Command::End) {
            break;
        }
        if let Command::Configure { servers, trickle, greeting } = command {
            // Before any of the others is looked at.
            peer.configure(servers, trickle, greeting)?;
            continue;
        }
        let obeyed = {
            let peer = peer.clone();
            async move {
                if let Err(error) = peer.obey(command).await {
                    say(&json!({ "is": "error", "message": format!("{error:#}") }));
                }
            }
        };
        if peer.trickles.load(Ordering::Relaxed) {
            // A candidate comes after the description that it belongs to.
            obeyed.await;
        } else {
            tokio::spawn(obeyed);
        }
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
                // Who hears that it is open may use it at once.
                peer.adopt(channel.clone());
                say_open(&channel, peer.greeting.get());
            }
            Event::IceCandidate(candidate) if peer.trickles.load(Ordering::Relaxed) => {
                let IceCandidate { candidate, sdp_mid, sdp_mline_index, username_fragment } = candidate;
                say(&json!({
                    "is": "candidate", "candidate": candidate, "sdpMid": sdp_mid,
                    "sdpMLineIndex": sdp_mline_index, "usernameFragment": username_fragment,
                }));
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
        if channel.label() == INTEROP {
            tokio::spawn(listen(channel.clone(), self.greeting.get().cloned()));
        } else {
            tokio::spawn(listen_to_other(channel.clone()));
        }
        self.channels().insert(channel.label(), channel);
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<String, DataChannel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self, label: &str) -> Result<DataChannel> {
        self.channels().get(label).cloned().context("there is no such channel")
    }

    fn create(&self, label: &str, init: DataChannelInit) -> Result<()> {
        self.adopt(self.connection.create_data_channel(label, init)?);
        Ok(())
    }

    fn configure(&self, servers: Vec<Server>, trickle: bool, greeting: Option<String>) -> Result<()> {
        let mut configuration = self.connection.configuration();
        configuration.ice_servers = servers
            .into_iter()
            .map(|Server { urls, username, credential }| IceServer { urls, username, credential })
            .collect();
        // Servers of tests have certificates of their own making.
        let urls = configuration.ice_servers.iter().filter_map(|server| server.parse_urls().ok()).flatten();
        configuration.trust = urls.map(|url| (url.host, Trust::Anybody)).collect();
        self.connection.set_configuration(configuration)?;
        self.trickles.store(trickle, Ordering::Relaxed);
        if let Some(greeting) = greeting {
            let _ = self.greeting.set(greeting);
        }
        Ok(())
    }

    async fn obey(&self, command: Command) -> Result<()> {
        match command {
            Command::Candidate(Candidate { candidate, sdp_mid, sdp_m_line_index, username_fragment }) => {
                let candidate =
                    IceCandidate { candidate, sdp_mid, sdp_mline_index: sdp_m_line_index, username_fragment };
                Ok(self.connection.add_ice_candidate(&candidate)?)
            }
            Command::Stats => {
                say(&json!({ "is": "stats", "stats": self.connection.stats() }));
                Ok(())
            }
            Command::Offer { restart } => {
                if self.channel(INTEROP).is_err() {
                    self.create(INTEROP, DataChannelInit::default())?;
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
            Command::Send { text } => Ok(self.channel(INTEROP)?.send_text(text)?),
            Command::Stream { bytes, size } => stream(&self.channel(INTEROP)?, bytes, size).await,
            Command::Close { what } if what == "channel" => {
                self.channel(INTEROP)?.close();
                Ok(())
            }
            Command::Close { .. } => {
                self.connection.close();
                Ok(())
            }
            Command::Channel { label, options } => self.create(&label, options.into()),
            Command::Say { label, text: Some(text), .. } => Ok(self.channel(&label)?.send_text(text)?),
            Command::Say { label, text: None, bytes } => {
                Ok(self.channel(&label)?.send(sequence(&mut 1, bytes))?)
            }
            Command::Shut { label } => {
                self.channel(&label)?.close();
                Ok(())
            }
            Command::Configure { .. } | Command::End => bail!("this is done elsewhere"),
        }
    }

    async fn describe(&self, description: Option<Description>) -> Result<()> {
        self.connection.set_local_description(description)?;
        if !self.trickles.load(Ordering::Relaxed) {
            self.connection.gathering_complete().await;
        }
        let local = self.connection.local_description().context("a description")?;
        say(&json!({ "is": "description", "type": local.kind.as_str(), "sdp": local.sdp }));
        Ok(())
    }
}

impl From<Options> for DataChannelInit {
    fn from(options: Options) -> Self {
        let default = Self::default();
        Self {
            ordered: options.ordered.unwrap_or(default.ordered),
            max_packet_life_time: options.max_packet_life_time,
            max_retransmits: options.max_retransmits,
            protocol: options.protocol.unwrap_or_default(),
            negotiated: options.negotiated.unwrap_or(default.negotiated),
            id: options.id,
            ..default
        }
    }
}

fn say_open(channel: &DataChannel, greeting: Option<&String>) {
    if channel.label() == INTEROP {
        if let Some(greeting) = greeting {
            let _ = channel.send_text(greeting.clone());
        }
        return say(&json!({ "is": "open" }));
    }
    say(&json!({
        "is": "opened", "label": channel.label(), "ordered": channel.ordered(), "protocol": channel.protocol(),
        "maxRetransmits": channel.max_retransmits(), "maxPacketLifeTime": channel.max_packet_life_time(),
    }));
}

async fn listen_to_other(channel: DataChannel) {
    let label = channel.label();
    while let Some(event) = channel.next_event().await {
        match event {
            DataChannelEvent::Open => say_open(&channel, None),
            DataChannelEvent::Message(message) => {
                let kind = if matches!(message, Message::Text(_)) { "text" } else { "binary" };
                let mut hash = Hash::new(&SHA256);
                hash.update(message.as_bytes());
                let sha256 = hex(hash.finish().as_ref());
                say(
                    &json!({ "is": "said", "label": label, "kind": kind, "bytes": message.len(), "sha256": sha256 }),
                );
            }
            DataChannelEvent::Close(_) => say(&json!({ "is": "shut", "label": label })),
            DataChannelEvent::BufferedAmountLow | DataChannelEvent::Closing => {}
        }
    }
}

/// The next `length` bytes of the sequence that `x` is at.
fn sequence(x: &mut u32, length: usize) -> Vec<u8> {
    let next = |_| {
        *x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*x >> 24) as u8
    };
    (0..length).map(next).collect()
}

async fn listen(channel: DataChannel, greeting: Option<String>) {
    let (mut hash, mut bytes) = (Hash::new(&SHA256), 0);
    while let Some(event) = channel.next_event().await {
        match event {
            DataChannelEvent::Open => say_open(&channel, greeting.as_ref()),
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
        let part = sequence(&mut x, left.min(size));
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
