//! Our native peer: one reliable, ordered data channel from the near end to the far one, over real sockets.

use std::{
    net::IpAddr,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use peerline::{
    Configuration, DataChannel, DataChannelEvent, DataChannelInit, Description, Endpoint, EndpointConfig, Event,
    Interfaces, PeerConnection,
};
use tokio::runtime::{Builder, Runtime};

use crate::{namespace::Namespace, transfer::Transfer};

/// A message, and how much of them is queued at most and at least.
static MESSAGE: [u8; 64 << 10] = [7; 64 << 10];
const HIGH: usize = 4 << 20;
const LOW: usize = 2 << 20;

/// How often it is looked whether the transfer is over.
const NAP: Duration = Duration::from_millis(20);

/// Begins to send, and goes on until the transfer is over.
pub fn begin(near: &Namespace, far: &Namespace, transfer: &Transfer) {
    let (offer, offered) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let (address, receiving) = (far.address.into(), transfer.clone());
    far.run(move || {
        receiving.report(receive(address, &offered, &answer, &receiving));
    });
    let (address, sending) = (near.address.into(), transfer.clone());
    near.run(move || {
        sending.report(send(address, &offer, &answered, &sending));
    });
}

/// A peer connection and what has to outlive it.
struct Peer {
    connection: PeerConnection,
    _endpoint: Endpoint,
    runtime: Runtime,
}

impl Peer {
    /// Sockets and threads belong to the namespace of the thread that makes them.
    fn new(address: IpAddr) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let config = EndpointConfig { interfaces: Interfaces::Only(vec![address]), ..EndpointConfig::default() };
        let endpoint = runtime.block_on(async { Endpoint::bind(config) })?;
        let connection = endpoint.peer_connection(Configuration::default())?;
        Ok(Self { connection, _endpoint: endpoint, runtime })
    }

    /// The local description with all its candidates.
    fn description(&self) -> Result<String> {
        self.runtime.block_on(self.connection.gathering_complete());
        Ok(self.connection.local_description().context("no local description")?.sdp)
    }
}

fn send(address: IpAddr, offer: &Sender<String>, answer: &Receiver<String>, transfer: &Transfer) -> Result<()> {
    let peer = Peer::new(address)?;
    let channel = peer.connection.create_data_channel("distance", DataChannelInit::default())?;
    channel.set_buffered_amount_low_threshold(LOW);
    let (sending, opened) = (channel.clone(), transfer.clone());
    channel.on_event(move |event| match event {
        DataChannelEvent::Open => {
            opened.opened();
            fill(&sending);
        }
        DataChannelEvent::BufferedAmountLow => fill(&sending),
        _ => {}
    });
    peer.connection.set_local_description(None)?;
    offer.send(peer.description()?)?;
    let answer = answer.recv().map_err(|_| anyhow!("no answer"))?;
    peer.connection.set_remote_description(Description::answer(answer))?;
    wait(transfer);
    peer.connection.close();
    Ok(())
}

fn fill(channel: &DataChannel) {
    while channel.buffered_amount() < HIGH {
        if channel.send(&MESSAGE[..]).is_err() {
            return;
        }
    }
}

fn receive(address: IpAddr, offer: &Receiver<String>, answer: &Sender<String>, transfer: &Transfer) -> Result<()> {
    let offer = offer.recv().map_err(|_| anyhow!("no offer"))?;
    let peer = Peer::new(address)?;
    let receiving = transfer.clone();
    peer.connection.on_event(move |event| {
        if let Event::DataChannel(channel) = event {
            let (receiving, kept) = (receiving.clone(), channel.clone());
            channel.on_event(move |event| {
                // Dropped, the channel would be closed.
                let _ = &kept;
                if let DataChannelEvent::Message(message) = event {
                    receiving.received(message.as_bytes().len());
                }
            });
        }
    });
    peer.connection.set_remote_description(Description::offer(offer))?;
    peer.connection.set_local_description(None)?;
    answer.send(peer.description()?)?;
    wait(transfer);
    peer.connection.close();
    Ok(())
}

fn wait(transfer: &Transfer) {
    while !transfer.is_over() {
        thread::sleep(NAP);
    }
}
