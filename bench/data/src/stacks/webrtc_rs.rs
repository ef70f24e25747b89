//! webrtc-rs on tokio: a task per connection, as its examples do.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use bytes::BytesMut;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCSessionDescription,
    },
};

use super::{Connections, Stack};
use crate::{pipe::Pipe, work::Work};

/// webrtc-rs with its defaults, but the send buffer limited: a larger one changes nothing.
pub struct WebrtcRs {
    runtime: Arc<Runtime>,
}

const SEND_BUFFER: usize = 1 << 20;

impl WebrtcRs {
    pub fn new() -> Result<Self> {
        Ok(Self { runtime: Arc::new(Builder::new_multi_thread().enable_all().build()?) })
    }
}

impl Stack for WebrtcRs {
    fn offer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut open = Vec::new();
        for work in works {
            let peer = self.runtime.block_on(async {
                let peer = Peer::new(None).await?;
                let channel = peer.connection.create_data_channel("bench", None).await?;
                tokio::spawn(run(channel, work));
                let offer = peer.connection.create_offer(None).await?;
                peer.connection.set_local_description(offer).await?;
                anyhow::Ok(peer)
            })?;
            pipe.send(&self.runtime.block_on(peer.description())?)?;
            open.push(peer);
        }
        for peer in &open {
            let answer: RTCSessionDescription = pipe.receive()?;
            self.runtime.block_on(peer.connection.set_remote_description(answer))?;
        }
        Ok(Box::new(Running { runtime: self.runtime.clone(), open }))
    }

    fn answer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut open = Vec::new();
        let mut answers = Vec::new();
        for work in works {
            let offer: RTCSessionDescription = pipe.receive()?;
            let peer = self.runtime.block_on(async {
                let peer = Peer::new(Some(work)).await?;
                peer.connection.set_remote_description(offer).await?;
                let answer = peer.connection.create_answer(None).await?;
                peer.connection.set_local_description(answer).await?;
                anyhow::Ok(peer)
            })?;
            answers.push(self.runtime.block_on(peer.description())?);
            open.push(peer);
        }
        for answer in &answers {
            pipe.send(answer)?;
        }
        Ok(Box::new(Running { runtime: self.runtime.clone(), open }))
    }
}

/// Open connections; closed on drop.
struct Running {
    runtime: Arc<Runtime>,
    open: Vec<Peer>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            for peer in &self.open {
                let _ = peer.connection.close().await;
            }
        });
    }
}

struct Peer {
    connection: Arc<dyn PeerConnection>,
    gathered: Arc<Notify>,
}

impl Peer {
    /// `work` is for the channel that the other side opens.
    async fn new(work: Option<Work>) -> Result<Self> {
        let gathered = Arc::new(Notify::new());
        let handler = Handler { gathered: gathered.clone(), work: std::sync::Mutex::new(work) };
        let connection = PeerConnectionBuilder::new()
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .with_data_channel_send_buffer_limit(SEND_BUFFER)
            .build()
            .await?;
        Ok(Self { connection: Arc::new(connection), gathered })
    }

    /// The local description with all its candidates.
    async fn description(&self) -> Result<RTCSessionDescription> {
        tokio::time::timeout(Duration::from_secs(10), self.gathered.notified())
            .await
            .map_err(|_| anyhow!("gathering did not end"))?;
        self.connection.local_description().await.context("no local description")
    }
}

struct Handler {
    gathered: Arc<Notify>,
    work: std::sync::Mutex<Option<Work>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let work = self.work.lock().ok().and_then(|mut work| work.take());
        if let Some(work) = work {
            tokio::spawn(run(channel, work));
        }
    }
}

async fn run(channel: Arc<dyn DataChannel>, mut work: Work) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => work.opened(),
            DataChannelEvent::OnMessage(message) => work.received(&message.data),
            _ => {}
        }
        while let Some(message) = work.next() {
            work.sent();
            // Waits while the send buffer is full.
            if channel.send(BytesMut::from(&message[..])).await.is_err() {
                return;
            }
        }
    }
}
