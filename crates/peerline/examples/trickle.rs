//! A peer that is told what to do by lines of JSON, and trickles its candidates: for laboratories that connect two programs.
//!
//! | on standard input | on standard output |
//! |---|---|
//! | `{"start":{"role":"offer" or "answer","run":N,"config":{"iceServers":[…],"iceTransportPolicy":…}}}` | `{"ready":1}` at first |
//! | `{"sdp":{"type":…,"sdp":…}}` | the same |
//! | `{"cand":{"candidate":…,"sdpMid":…,"sdpMLineIndex":…}}` | the same |
//! | `{"stats":1}` | `{"pair":{"local":TYPE,"remote":TYPE,…} or null,"gap":MS,"silent":MS}` |
//! | `{"quit":1}` | `{"ice":STATE}`, `{"conn":STATE}`, `{"dc":"open"}`, `{"err":TEXT}` |
//!
//! Each answer has the `run` that it belongs to; another `start` closes what was before. Once the channel is open both sides send a
//! short message each 50 ms; `gap` is the longest time without one from the other side, `silent` the time since the last.
//! With the argument `loopback` the other program may be on this machine, with `any-certificate` every `turns:` server is believed, and
//! with `proxy=URL` that proxy leads out.
#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use peerline::channel::Trust;
use peerline::{
    Configuration, DataChannel, DataChannelInit, Description, Endpoint, EndpointConfig, Event, IceCandidate,
    IceServer, IceTransportPolicy, Interfaces, PeerConnection,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    Start { role: String, run: u32, config: Config },
    Sdp { r#type: String, sdp: String },
    Cand(Candidate),
    Stats(Now),
    Quit(Now),
}

/// `1`
#[derive(Deserialize)]
#[serde(from = "u8")]
struct Now;

impl From<u8> for Now {
    fn from(_: u8) -> Self {
        Self
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    ice_servers: Vec<Server>,
    ice_transport_policy: Option<String>,
}

#[derive(Deserialize)]
struct Server {
    urls: Urls,
    username: Option<String>,
    credential: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    candidate: String,
    sdp_mid: Option<String>,
    #[serde(rename = "sdpMLineIndex")]
    sdp_mline_index: Option<u16>,
}

/// One connection, from a `start` to the next.
struct Run {
    number: u32,
    connection: PeerConnection,
    heard: Mutex<Option<Heard>>,
}

/// What has been heard of the other side.
struct Heard {
    last: Instant,
    longest: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let interfaces = if has("loopback") { Interfaces::AllAndLoopback } else { Interfaces::All };
    let proxy =
        std::env::args().find_map(|argument| argument.strip_prefix("proxy=").map(str::parse)).transpose()?;
    let endpoint = Endpoint::bind(EndpointConfig { interfaces, proxy, ..EndpointConfig::default() })?;
    println!("{}", json!({ "ready": 1 }));
    let mut run = None;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command = serde_json::from_str(&line).with_context(|| line.clone())?;
        match (command, &run) {
            (Command::Quit(_), _) => break,
            (Command::Start { role, run: number, config }, _) => {
                run = Some(Run::start(&endpoint, number, config, role == "offer")?);
            }
            (command, Some(run)) => {
                if let Err(error) = run.obey(command) {
                    run.say(json!({ "err": format!("{error:#}") }));
                }
            }
            (_, None) => {}
        }
    }
    Ok(())
}

impl Run {
    fn start(endpoint: &Endpoint, number: u32, config: Config, offers: bool) -> Result<Arc<Self>> {
        let ice_servers: Vec<_> = config
            .ice_servers
            .into_iter()
            .map(|server| IceServer {
                urls: match server.urls {
                    Urls::One(url) => vec![url],
                    Urls::Several(urls) => urls,
                },
                username: server.username,
                credential: server.credential,
            })
            .collect();
        let urls = ice_servers
            .iter()
            .filter(|_| has("any-certificate"))
            .filter_map(|server| server.parse_urls().ok());
        let trust = urls.flatten().map(|url| (url.host, Trust::Anybody)).collect();
        let configuration = Configuration {
            ice_servers,
            trust,
            ice_transport_policy: match config.ice_transport_policy.as_deref() {
                Some("relay") => IceTransportPolicy::Relay,
                _ => IceTransportPolicy::All,
            },
            ..Configuration::default()
        };
        let connection = endpoint.peer_connection(configuration)?;
        let run = Arc::new(Self { number, connection, heard: Mutex::default() });
        tokio::spawn(run.clone().watch());
        if offers {
            let channel = run.connection.create_data_channel("x", DataChannelInit::default())?;
            tokio::spawn(run.clone().talk(channel));
            run.describe()?;
        }
        Ok(run)
    }

    fn say(&self, mut event: Value) {
        if let Some(event) = event.as_object_mut() {
            event.insert("run".to_owned(), self.number.into());
        }
        println!("{event}");
    }

    fn obey(&self, command: Command) -> Result<()> {
        match command {
            Command::Sdp { r#type, sdp } if r#type == "offer" => {
                self.connection.set_remote_description(Description::offer(sdp))?;
                self.describe()?;
            }
            Command::Sdp { sdp, .. } => self.connection.set_remote_description(Description::answer(sdp))?,
            Command::Cand(Candidate { candidate, sdp_mid, sdp_mline_index }) => {
                let candidate = IceCandidate { candidate, sdp_mid, sdp_mline_index, username_fragment: None };
                self.connection.add_ice_candidate(&candidate)?;
            }
            Command::Stats(_) => self.say(self.statistics()?),
            Command::Start { .. } | Command::Quit(_) => {}
        }
        Ok(())
    }

    /// Makes the next description and says it.
    fn describe(&self) -> Result<()> {
        self.connection.set_local_description(None)?;
        let description = self.connection.local_description().context("a description")?;
        self.say(json!({ "sdp": { "type": lower(&description.kind), "sdp": description.sdp } }));
        Ok(())
    }

    async fn watch(self: Arc<Self>) {
        while let Some(event) = self.connection.next_event().await {
            match event {
                // An empty one says that no more follow: nobody has to be told here.
                Event::IceCandidate(candidate) if candidate.candidate.is_empty() => {}
                Event::IceCandidate(candidate) => self.say(json!({ "cand": {
                    "candidate": candidate.candidate,
                    "sdpMid": candidate.sdp_mid,
                    "sdpMLineIndex": candidate.sdp_mline_index,
                } })),
                Event::IceConnectionStateChange(state) => self.say(json!({ "ice": lower(&state) })),
                Event::ConnectionStateChange(state) => self.say(json!({ "conn": lower(&state) })),
                Event::IceCandidateError { url, error_code, .. } => {
                    self.say(json!({ "caterr": format!("{url}: {error_code}") }));
                }
                Event::DataChannel(channel) => {
                    tokio::spawn(self.clone().talk(channel));
                }
                _ => {}
            }
        }
    }

    /// Sends short messages and hears those of the other side, to the end.
    async fn talk(self: Arc<Self>, channel: DataChannel) {
        if channel.opened().await.is_err() {
            return;
        }
        self.say(json!({ "dc": "open" }));
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                _ = ticks.tick() => if channel.send_text("tick").is_err() { return },
                message = channel.recv() => match message {
                    Some(_) => self.hear(),
                    None => return,
                },
            }
        }
    }

    fn hear(&self) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let longest = heard.as_ref().map_or(Duration::ZERO, |heard| heard.longest.max(now - heard.last));
        *heard = Some(Heard { last: now, longest });
    }

    fn statistics(&self) -> Result<Value> {
        let report = serde_json::to_value(self.connection.stats())?;
        let named = |id: &Value| id.as_str().and_then(|id| report.get(id)).cloned().unwrap_or_default();
        let transport = named(&"T0".into());
        let pair = named(&transport["selectedCandidatePairId"]);
        let (local, remote) = (named(&pair["localCandidateId"]), named(&pair["remoteCandidateId"]));
        let address = |candidate: &Value| {
            format!("{}:{}", candidate["address"].as_str().unwrap_or_default(), candidate["port"])
        };
        let found = pair.is_object().then(|| {
            json!({
                "local": local["candidateType"],
                "remote": remote["candidateType"],
                "proto": local["protocol"],
                "relayProto": local["relayProtocol"],
                "rttMs": pair["currentRoundTripTime"].as_f64().map(|seconds| seconds * 1e3),
                "localAddr": address(&local),
                "remoteAddr": address(&remote),
            })
        });
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        Ok(json!({
            "pair": found,
            "gap": heard.as_ref().map(|heard| milliseconds(heard.longest)),
            "silent": heard.as_ref().map(|heard| milliseconds(heard.last.elapsed())),
        }))
    }
}

fn has(wanted: &str) -> bool {
    std::env::args().any(|argument| argument == wanted)
}

fn lower(name: &impl std::fmt::Debug) -> String {
    format!("{name:?}").to_lowercase()
}
