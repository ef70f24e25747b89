//! Two connected peers, and folders that go away.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use peerline::transfer::*;
use peerline::*;
use tokio::time::timeout;

/// Only a broken transfer takes that long, even where many tests share a processor.
pub const PATIENCE: Duration = Duration::from_secs(300);
pub const CHUNK: u64 = 1 << 20;

/// A folder of a test's own.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("peerline-transfer-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn directory(&self) -> Directory {
        Directory::open(self.path()).unwrap()
    }

    /// All files below, with their contents.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() && !path.is_symlink() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(&self.0).unwrap().to_str().unwrap().to_owned();
                        files.insert(name, fs::read(path).unwrap());
                    }
                }
            }
        }
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes that are different for each `seed`, and at each place.
pub fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Two connected peers.
pub struct Pair {
    pub sender: PeerConnection,
    pub receiver: PeerConnection,
    _channels: [DataChannel; 2],
}

impl Pair {
    pub async fn new() -> Self {
        let peer = || {
            let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
            let endpoint =
                Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() }).unwrap();
            endpoint.peer_connection(Configuration::default()).unwrap()
        };
        let (sender, receiver) = (peer(), peer());
        let init = || DataChannelInit { negotiated: true, id: Some(0), ..DataChannelInit::default() };
        let channels = [&sender, &receiver].map(|peer| peer.create_data_channel("peerline", init()).unwrap());
        sender.set_local_description(None).unwrap();
        sender.gathering_complete().await;
        receiver.set_remote_description(sender.local_description().unwrap()).unwrap();
        receiver.set_local_description(None).unwrap();
        receiver.gathering_complete().await;
        sender.set_remote_description(receiver.local_description().unwrap()).unwrap();
        for channel in &channels {
            timeout(PATIENCE, channel.opened()).await.expect("in time").unwrap();
        }
        Self { sender, receiver, _channels: channels }
    }

    /// The next data channel that the sender opens.
    pub async fn channel(&self) -> DataChannel {
        loop {
            let event = timeout(PATIENCE, self.receiver.next_event()).await.expect("in time");
            if let Event::DataChannel(channel) = event.expect("open") {
                assert_eq!((channel.label().as_str(), channel.protocol().as_str()), (LABEL, PROTOCOL));
                return channel;
            }
        }
    }

    /// Offers files; gives both sides of the offer.
    pub async fn offer(&self, files: &Files) -> (Sending, IncomingOffer) {
        let mut sending = Sending::offer(&self.sender, files).unwrap();
        let receiving = async { IncomingOffer::receive(self.channel().await).await.unwrap() };
        let incoming = tokio::select! {
            incoming = receiving => incoming,
            event = sending.next_event() => panic!("{event:?}"),
        };
        (sending, incoming)
    }

    /// Offers files, and takes them into a folder.
    pub async fn accept(&self, files: &Files, into: &Folder, existing: Existing) -> (Sending, Receiving) {
        let (sending, incoming) = self.offer(files).await;
        let plan = incoming.plan(&into.directory()).await.unwrap();
        (sending, incoming.accept(plan, existing).unwrap())
    }

    /// Sends files into a folder, to the end.
    pub async fn transfer(&self, files: &Files, into: &Folder, existing: Existing) -> Transferred {
        let (sending, receiving) = self.accept(files, into, existing).await;
        finish(sending, receiving).await
    }
}

/// How a transfer ended on both sides, and what both said on the way.
#[derive(Debug)]
pub struct Transferred {
    pub outcomes: (Outcome, Outcome),
    pub progress: (SendProgress, ReceiveProgress),
    pub failed: Vec<(FileIndex, FileFailure)>,
    pub write_failed: Option<std::io::Error>,
}

pub async fn finish(mut sending: Sending, mut receiving: Receiving) -> Transferred {
    let sent = async {
        let mut failed = Vec::new();
        loop {
            match sending.next_event().await.expect("an end") {
                SendEvent::FileFailed(file, reason) => failed.push((file, reason)),
                SendEvent::Ended(outcome) => return (outcome, failed),
                _ => {}
            }
        }
    };
    let received = async {
        let mut write_failed = None;
        loop {
            match receiving.next_event().await.expect("an end") {
                ReceiveEvent::WriteFailed(_, error) => write_failed = Some(error),
                ReceiveEvent::Ended(outcome) => return (outcome, write_failed),
                _ => {}
            }
        }
    };
    let both = async { tokio::join!(sent, received) };
    let ((sent, failed), (received, write_failed)) = timeout(PATIENCE, both).await.expect("in time");
    assert!(sending.next_event().await.is_none() && receiving.next_event().await.is_none());
    let progress = (sending.progress(), receiving.progress());
    Transferred { outcomes: (sent, received), progress, failed, write_failed }
}

pub const COMPLETED: (Outcome, Outcome) = (Outcome::Completed, Outcome::Completed);
