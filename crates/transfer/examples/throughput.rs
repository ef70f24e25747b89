//! What the two machines cost beside the data channel: `cargo run --release -p peerline-transfer --example throughput`.
//!
//! One file goes from a buffer through sender, messages and receiver to a buffer, hashed on both sides, on one thread.

use peerline_transfer::{
    ChunkSize, FileIndex, FilePath, Message, Offer, OfferedFile, Receiver, Sender, TransferId, Transmit,
    receiver, sender,
};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const SIZE: u64 = 4 << 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = OfferedFile { path: FilePath::parse("file")?, size: SIZE, modified: None };
    let offer =
        Offer::new(TransferId::random(&mut StdRng::seed_from_u64(1)), ChunkSize::DEFAULT, vec![file])?;
    let mut sender = Sender::new(offer, sender::Settings::default());
    let mut receiver = Receiver::new(receiver::Settings::default());
    let mut buffer = Vec::new();
    let mut finished = false;
    while !finished {
        sender.handle_buffered_amount(0);
        while let Some(transmit) = sender.poll_transmit(&mut buffer) {
            receiver.handle_message(message(transmit, &buffer)?);
            finished |= drain_receiver(&mut receiver);
        }
        while let Some(transmit) = receiver.poll_transmit(&mut buffer) {
            sender.handle_message(message(transmit, &buffer)?);
        }
        while let Some(event) = sender.poll_event() {
            if let sender::Event::Read(read) = event {
                sender.handle_read(read.hash());
            }
        }
    }
    println!("{} MiB passed through both machines", receiver.progress().bytes >> 20);
    Ok(())
}

fn message(transmit: Transmit, buffer: &[u8]) -> Result<Message<'_>, std::str::Utf8Error> {
    Ok(match transmit {
        Transmit::Text => Message::Text(std::str::from_utf8(buffer)?),
        Transmit::Binary => Message::Binary(buffer),
    })
}

/// Whether it has ended.
fn drain_receiver(receiver: &mut Receiver) -> bool {
    while let Some(event) = receiver.poll_event() {
        match event {
            receiver::Event::Offered => receiver.accept([FileIndex(0)]),
            receiver::Event::Open(file) => receiver.open(file, None),
            receiver::Event::Write(write) => match write.verify() {
                Ok(verified) => receiver.handle_written(verified),
                Err(damaged) => receiver.handle_damaged(damaged),
            },
            receiver::Event::Finish { file, .. } => receiver.handle_finished(file),
            receiver::Event::Ended(_) => return true,
            _ => {}
        }
    }
    false
}
