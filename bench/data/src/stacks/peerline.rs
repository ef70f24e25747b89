//! Ours: endpoints that connections share, the work in the channels' handlers.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use peerline::{
    Configuration, DataChannel, DataChannelEvent, DataChannelInit, Description, Endpoint, EndpointConfig,
    Event, Interfaces, PeerConnection,
};
use tokio::runtime::{Builder, Runtime};

use super::{Connections, Stack};
use crate::{pipe::Pipe, work::Work};

/// Peerline with its defaults.
pub struct Peerline {
    // Endpoints end before the runtime that drives them.
    endpoints: Vec<Endpoint>,
    runtime: Runtime,
}

/// More is queued while less than this is.
const HIGH: usize = 1 << 20;

/// The channel says so when no more than this is queued.
const LOW: usize = 256 << 10;

impl Peerline {
    pub fn new() -> Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { endpoints: Vec::new(), runtime })
    }

    /// The n-th endpoint.
    fn endpoint(&mut self, index: usize) -> Result<&Endpoint> {
        while self.endpoints.len() <= index {
            let interfaces = Interfaces::Only(vec![Ipv4Addr::LOCALHOST.into()]);
            let config = EndpointConfig { interfaces, ..EndpointConfig::default() };
            self.endpoints.push(self.runtime.block_on(async { Endpoint::bind(config) })?);
        }
        self.endpoints.get(index).context("no endpoint")
    }

    fn peer(&mut self, endpoint: usize, work: Work) -> Result<Peer> {
        let connection = self.endpoint(endpoint)?.peer_connection(Configuration::default())?;
        Ok(Peer {
            connection,
            shared: Arc::new(Shared { work: Mutex::new(work), channel: Mutex::new(None) }),
        })
    }

    /// The local description with all its candidates.
    fn description(&self, peer: &Peer) -> Result<String> {
        self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(10), peer.connection.gathering_complete())
                .await
                .map_err(|_| anyhow!("gathering did not end"))
        })?;
        Ok(peer.connection.local_description().context("no local description")?.sdp)
    }
}

impl Stack for Peerline {
    fn offer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        // Two endpoints can have one connection with each other. The answerer has one endpoint for all, as a server has;
        // so of many connections each comes from an endpoint of its own, the first of which single ones use.
        let first = usize::from(works.len() > 1);
        let mut open = Vec::new();
        for (index, work) in works.into_iter().enumerate() {
            let peer = self.peer(first + index, work)?;
            let channel = peer.connection.create_data_channel("bench", DataChannelInit::default())?;
            peer.shared.clone().keep(channel);
            peer.connection.set_local_description(None)?;
            pipe.send(&self.description(&peer)?)?;
            open.push(peer);
        }
        for peer in &open {
            let answer: String = pipe.receive()?;
            peer.connection.set_remote_description(Description::answer(answer))?;
        }
        Ok(Box::new(open))
    }

    fn answer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut open = Vec::new();
        let mut answers = Vec::new();
        for work in works {
            let offer: String = pipe.receive()?;
            let peer = self.peer(0, work)?;
            let shared = peer.shared.clone();
            peer.connection.on_event(move |event| {
                if let Event::DataChannel(channel) = event {
                    lock(&shared.work).opened();
                    shared.clone().keep(channel);
                }
            });
            peer.connection.set_remote_description(Description::offer(offer))?;
            peer.connection.set_local_description(None)?;
            answers.push(self.description(&peer)?);
            open.push(peer);
        }
        for answer in &answers {
            pipe.send(answer)?;
        }
        Ok(Box::new(open))
    }
}

struct Peer {
    connection: PeerConnection,
    shared: Arc<Shared>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if std::env::var("STATS").is_ok() { eprintln!("{}", self.connection.scratch()); }
        // The channel's handler holds what holds the channel.
        let channel = lock(&self.shared.channel).take();
        drop(channel);
        self.connection.close();
    }
}

/// The work and its channel.
struct Shared {
    work: Mutex<Work>,
    channel: Mutex<Option<DataChannel>>,
}

impl Shared {
    fn keep(self: Arc<Self>, channel: DataChannel) {
        channel.set_buffered_amount_low_threshold(LOW);
        *lock(&self.channel) = Some(channel.clone());
        channel.on_event(move |event| self.handle(event));
    }

    fn handle(&self, event: DataChannelEvent) {
        let mut work = lock(&self.work);
        match event {
            DataChannelEvent::Open => work.opened(),
            DataChannelEvent::Message(message) => work.received(message.as_bytes()),
            _ => {}
        }
        let channel = lock(&self.channel);
        let Some(channel) = channel.as_ref() else { return };
        while channel.buffered_amount() < HIGH
            && let Some(message) = work.next()
        {
            if let Err(error) = channel.send(message) {
                eprintln!("peerline: {error}");
                return;
            }
            work.sent();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
