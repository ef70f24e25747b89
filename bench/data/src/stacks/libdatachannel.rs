//! libdatachannel through the `datachannel` crate: the work runs in the library's callbacks.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use datachannel::{
    DataChannelHandler, DataChannelInfo, GatheringState, PeerConnectionHandler, RtcConfig, RtcDataChannel,
    RtcPeerConnection, SessionDescription,
};

use super::{Connections, Stack};
use crate::{pipe::Pipe, work::Work};

/// libdatachannel with its defaults.
pub struct Libdatachannel;

/// More is queued while less than this is. More than that makes it no faster.
const HIGH: usize = 256 << 10;

/// The library says so when no more than this is queued.
const LOW: usize = 64 << 10;

impl Stack for Libdatachannel {
    fn offer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut open = Vec::new();
        for work in works {
            let mut peer = Peer::new(work)?;
            let handler = OnChannel(peer.shared.clone());
            let channel = peer.connection.create_data_channel("bench", handler)?;
            peer.shared.keep(channel);
            pipe.send(&peer.description()?)?;
            open.push(peer);
        }
        for peer in &mut open {
            let answer: SessionDescription = pipe.receive()?;
            peer.connection.set_remote_description(&answer)?;
        }
        Ok(Box::new(open))
    }

    fn answer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections> {
        let mut open = Vec::new();
        let mut answers = Vec::new();
        for work in works {
            let mut peer = Peer::new(work)?;
            let offer: SessionDescription = pipe.receive()?;
            peer.connection.set_remote_description(&offer)?;
            answers.push(peer.description()?);
            open.push(peer);
        }
        for answer in &answers {
            pipe.send(answer)?;
        }
        Ok(Box::new(open))
    }
}

struct Peer {
    shared: Arc<Shared>,
    gathered: Receiver<()>,
    connection: Box<RtcPeerConnection<OnConnection>>,
}

impl Peer {
    fn new(work: Work) -> Result<Self> {
        let shared = Arc::new(Shared {
            work: Mutex::new(work),
            channel: Mutex::new(None),
            again: AtomicBool::new(false),
        });
        let (sender, gathered) = channel();
        let config = RtcConfig::new::<&str>(&[]).bind_address(&"127.0.0.1");
        let handler = OnConnection { shared: shared.clone(), gathered: sender };
        let connection = RtcPeerConnection::new(&config, handler)?;
        Ok(Self { shared, gathered, connection })
    }

    /// The local description with all its candidates.
    fn description(&self) -> Result<SessionDescription> {
        self.gathered.recv_timeout(Duration::from_secs(10)).context("gathering did not end")?;
        self.connection.local_description().context("no local description")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The channel's handler holds what holds the channel.
        let channel = lock(&self.shared.channel).take();
        drop(channel);
    }
}

/// The work and its channel, for whichever of the library's threads comes.
struct Shared {
    work: Mutex<Work>,
    channel: Mutex<Option<Box<RtcDataChannel<OnChannel>>>>,
    again: AtomicBool,
}

impl Shared {
    fn keep(&self, mut channel: Box<RtcDataChannel<OnChannel>>) {
        if let Err(error) = channel.set_buffered_amount_low_threshold(LOW) {
            eprintln!("libdatachannel: {error}");
        }
        *lock(&self.channel) = Some(channel);
    }

    /// Sends what is due. The library may call back while it sends: then the one who sends goes round once more.
    fn send(&self) {
        self.again.store(true, Ordering::SeqCst);
        while self.again.load(Ordering::SeqCst) {
            let Ok(mut channel) = self.channel.try_lock() else { return };
            self.again.store(false, Ordering::SeqCst);
            let Some(channel) = channel.as_mut() else { return };
            while channel.buffered_amount() < HIGH
                && let Some(message) = self.due()
            {
                if let Err(error) = channel.send(&message) {
                    eprintln!("libdatachannel: {error}");
                    return;
                }
            }
        }
    }

    fn due(&self) -> Option<bytes::Bytes> {
        let mut work = lock(&self.work);
        let message = work.next()?;
        work.sent();
        Some(message)
    }

    fn opened(&self) {
        lock(&self.work).opened();
        self.send();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct OnConnection {
    shared: Arc<Shared>,
    gathered: Sender<()>,
}

impl PeerConnectionHandler for OnConnection {
    type DCH = OnChannel;

    fn data_channel_handler(&mut self, _: DataChannelInfo) -> OnChannel {
        OnChannel(self.shared.clone())
    }

    fn on_gathering_state_change(&mut self, state: GatheringState) {
        if state == GatheringState::Complete {
            let _ = self.gathered.send(());
        }
    }

    fn on_data_channel(&mut self, channel: Box<RtcDataChannel<OnChannel>>) {
        self.shared.keep(channel);
        self.shared.opened();
    }
}

struct OnChannel(Arc<Shared>);

impl DataChannelHandler for OnChannel {
    fn on_open(&mut self) {
        self.0.opened();
    }

    fn on_message(&mut self, payload: &[u8]) {
        lock(&self.0.work).received(payload);
        self.0.send();
    }

    fn on_buffered_amount_low(&mut self) {
        self.0.send();
    }
}
