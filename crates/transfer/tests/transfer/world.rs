//! Two machines, a lossless channel that can break at any moment, and a disk that outlives them.

use std::collections::{BTreeMap, VecDeque};

use peerline_transfer::{
    ChunkSize, FileFailure, FileIndex, FilePath, Message, Offer, OfferedFile, Outcome, PartState, Receiver,
    Sender, TransferId, Transmit, Write, receiver, sender,
};
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};

pub const CHUNK: u32 = 1 << 14;

/// A part file with its state.
#[derive(Clone, Default)]
pub struct Part {
    pub bytes: Vec<u8>,
    pub state: Vec<u8>,
}

/// What the receiver keeps on disk.
#[derive(Default)]
pub struct Disk {
    pub parts: BTreeMap<String, Part>,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A message of the channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    Text(String),
    Binary(Vec<u8>),
}

impl Sent {
    fn new(transmit: Transmit, buffer: &[u8]) -> Self {
        match transmit {
            Transmit::Text => Self::Text(String::from_utf8(buffer.to_vec()).unwrap()),
            Transmit::Binary => Self::Binary(buffer.to_vec()),
        }
    }

    pub fn message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

/// One data channel with a machine at each end, driven in a random order.
pub struct Session<'a> {
    pub sources: &'a [Vec<u8>],
    pub disk: &'a mut Disk,
    pub sender: Sender,
    pub receiver: Receiver,
    pub to_receiver: VecDeque<Sent>,
    pub to_sender: VecDeque<Sent>,
    reads: Vec<peerline_transfer::Read>,
    writes: Vec<Write>,
    pub wanted: Option<Vec<FileIndex>>,
    /// Files that the sender can't read.
    pub unreadable: Vec<FileIndex>,
    pub sender_ended: Option<Outcome>,
    pub receiver_ended: Option<Outcome>,
    /// Bytes of the files that went over the channel.
    pub payload: usize,
    pub sender_events: Vec<String>,
    random: StdRng,
}

pub fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

pub fn chunk() -> ChunkSize {
    ChunkSize::new(CHUNK).unwrap()
}

pub fn offer(sizes: impl IntoIterator<Item = usize>) -> Offer {
    let file = |(index, size): (usize, usize)| OfferedFile {
        path: FilePath::parse(&format!("folder/file {index}")).unwrap(),
        size: size as u64,
        modified: Some(1_790_000_000_000),
    };
    let files = sizes.into_iter().enumerate().map(file).collect();
    Offer::new(TransferId::random(&mut StdRng::seed_from_u64(1)), chunk(), files).unwrap()
}

impl<'a> Session<'a> {
    pub fn new(seed: u64, sources: &'a [Vec<u8>], disk: &'a mut Disk) -> Self {
        let settings = sender::Settings { message_size: 16_384, buffered: 40_000 };
        let limits = receiver::Settings { window: 3 * u64::from(CHUNK), ..receiver::Settings::default() };
        Self {
            sender: Sender::new(offer(sources.iter().map(Vec::len)), settings),
            receiver: Receiver::new(limits),
            sources,
            disk,
            to_receiver: VecDeque::new(),
            to_sender: VecDeque::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            wanted: None,
            unreadable: Vec::new(),
            sender_ended: None,
            receiver_ended: None,
            payload: 0,
            sender_events: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Takes at most `steps` steps; says whether there was nothing left to do.
    pub fn run(&mut self, steps: usize) -> bool {
        (0..steps).any(|_| !self.step())
    }

    /// Runs to the end and gives how it ended on both sides.
    pub fn finish(&mut self) -> (Outcome, Outcome) {
        assert!(self.run(2_000_000), "it goes on for ever");
        (self.sender_ended.clone().unwrap(), self.receiver_ended.clone().unwrap())
    }

    /// Drains both machines, then does one of the things that wait.
    fn step(&mut self) -> bool {
        self.drain();
        let choices: Vec<u8> = [
            (!self.to_receiver.is_empty()).then_some(0),
            (!self.to_sender.is_empty()).then_some(1),
            (!self.reads.is_empty()).then_some(2),
            (!self.writes.is_empty()).then_some(3),
        ]
        .into_iter()
        .flatten()
        .collect();
        if choices.is_empty() {
            return false;
        }
        match choices[self.random.random_range(0..choices.len())] {
            0 => {
                let sent = self.to_receiver.pop_front().unwrap();
                self.receiver.handle_message(sent.message());
            }
            1 => {
                let sent = self.to_sender.pop_front().unwrap();
                self.sender.handle_message(sent.message());
            }
            2 => {
                let read = self.reads.swap_remove(self.random.random_range(0..self.reads.len()));
                self.read_source(read);
            }
            _ => {
                let write = self.writes.swap_remove(self.random.random_range(0..self.writes.len()));
                self.write_part(write);
            }
        }
        true
    }

    fn drain(&mut self) {
        let mut buffer = Vec::new();
        loop {
            let mut idle = true;
            let waiting = self.to_receiver.iter().map(|sent| match sent {
                Sent::Text(text) => text.len(),
                Sent::Binary(bytes) => bytes.len(),
            });
            self.sender.handle_buffered_amount(waiting.sum());
            while let Some(transmit) = self.sender.poll_transmit(&mut buffer) {
                idle = false;
                assert!(buffer.len() <= 16_384);
                if transmit == Transmit::Binary {
                    self.payload += buffer.len() - if buffer[0] == 2 { 48 } else { 16 };
                }
                self.to_receiver.push_back(Sent::new(transmit, &buffer));
            }
            while let Some(event) = self.sender.poll_event() {
                idle = false;
                self.sender_event(event);
            }
            while let Some(transmit) = self.receiver.poll_transmit(&mut buffer) {
                idle = false;
                assert!(buffer.len() <= 16_384);
                self.to_sender.push_back(Sent::new(transmit, &buffer));
            }
            while let Some(event) = self.receiver.poll_event() {
                idle = false;
                self.receiver_event(event);
            }
            if idle {
                return;
            }
        }
    }

    fn sender_event(&mut self, event: sender::Event) {
        assert_eq!(self.sender_ended, None, "nothing follows the end");
        match event {
            sender::Event::Read(read) => self.reads.push(read),
            sender::Event::Ended(outcome) => self.sender_ended = Some(outcome),
            sender::Event::Progress => {
                let progress = self.sender.progress();
                assert!(progress.bytes <= progress.total);
            }
            other => self.sender_events.push(format!("{other:?}")),
        }
    }

    fn receiver_event(&mut self, event: receiver::Event) {
        assert_eq!(self.receiver_ended, None, "nothing follows the end");
        match event {
            receiver::Event::Offered => {
                let files: Vec<FileIndex> =
                    self.receiver.offer().unwrap().indexed().map(|(index, _)| index).collect();
                self.receiver.accept(self.wanted.clone().unwrap_or(files));
            }
            receiver::Event::Open(file) => {
                let offered = self.receiver.offer().unwrap().file(file).unwrap().clone();
                let name = offered.path.as_str().to_owned();
                if self.disk.files.contains_key(&name) {
                    return self.receiver.skip(file);
                }
                let part = self.disk.parts.entry(name).or_default();
                let state = PartState::parse(&part.state, &offered, chunk()).ok();
                if state.is_none() {
                    *part = Part { bytes: Vec::new(), state: PartState::header(&offered, chunk()).to_vec() };
                }
                self.receiver.open(file, state);
            }
            receiver::Event::Read(mut read) => {
                let part = &self.disk.parts[&self.name(read.file())];
                let start = usize::try_from(read.offset()).unwrap();
                let end = start + read.bytes_mut().len();
                match part.bytes.get(start..end) {
                    Some(bytes) => {
                        read.bytes_mut().copy_from_slice(bytes);
                        self.receiver.handle_read(read.hash());
                    }
                    None => self.receiver.handle_read_failed(read),
                }
            }
            receiver::Event::Write(write) => self.writes.push(write),
            receiver::Event::Finish { file, .. } => {
                let name = self.name(file);
                let part = self.disk.parts.remove(&name).unwrap();
                self.disk.files.insert(name, part.bytes);
                self.receiver.handle_finished(file);
            }
            receiver::Event::FileFailed(..) => {}
            receiver::Event::Progress => {
                let progress = self.receiver.progress();
                assert!(progress.bytes <= progress.total);
            }
            receiver::Event::Ended(outcome) => self.receiver_ended = Some(outcome),
        }
    }

    fn read_source(&mut self, mut read: peerline_transfer::Read) {
        if self.unreadable.contains(&read.file()) {
            return self.sender.handle_read_failed(read, FileFailure::Unreadable);
        }
        let start = usize::try_from(read.offset()).unwrap();
        let source = &self.sources[read.file().0 as usize];
        let length = read.bytes_mut().len();
        read.bytes_mut().copy_from_slice(&source[start..start + length]);
        self.sender.handle_read(read.hash());
    }

    fn write_part(&mut self, write: Write) {
        let verified = match write.verify() {
            Ok(verified) => verified,
            Err(damaged) => return self.receiver.handle_damaged(damaged),
        };
        let name = self.name(verified.file());
        let part = self.disk.parts.get_mut(&name).unwrap();
        let start = usize::try_from(verified.offset()).unwrap();
        let end = start + verified.bytes().len();
        if part.bytes.len() < end {
            part.bytes.resize(end, 0);
        }
        part.bytes[start..end].copy_from_slice(verified.bytes());
        part.state.extend_from_slice(&verified.record());
        self.receiver.handle_written(verified);
    }

    fn name(&self, file: FileIndex) -> String {
        self.receiver.offer().unwrap().file(file).unwrap().path.as_str().to_owned()
    }
}
