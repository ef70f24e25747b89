//! Whatever the other side sends, a machine ends at worst with an error, and says so once.

use peerline_transfer::{FileIndex, Message, Receiver, Sender, receiver, sender};
use proptest::prelude::*;

use crate::world::offer;

fn message() -> impl Strategy<Value = Vec<u8>> {
    let control = prop::sample::select(vec![
        r#"{"type":"offer","transfer":"AAAAAAAAAAAAAAAAAAAAAA","files":2,"bytes":20000,"chunk":16384}"#,
        r#"{"type":"files","files":[{"path":"a","size":20000}]}"#,
        r#"{"type":"files","files":[{"path":"b","size":0,"modified":-1}]}"#,
        r#"{"type":"accept","files":1,"bytes":20000,"window":32768}"#,
        r#"{"type":"accept","files":1,"bytes":20000,"window":16384}"#,
        r#"{"type":"get","file":0}"#,
        r#"{"type":"get","file":0,"have":[{"first":0,"end":2,"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#,
        r#"{"type":"end","file":0,"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        r#"{"type":"end","file":1,"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        r#"{"type":"failed","file":0,"reason":"changed"}"#,
        r#"{"type":"written","bytes":16384}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"tomorrow"}"#,
    ]);
    let piece = (0_u8..4, 0_u8..3, 0_u32..3, 0_usize..17_000).prop_map(|(kind, file, chunk, length)| {
        let mut piece = vec![kind, 0, 0, 0, 0, 0, 0, file];
        piece.extend_from_slice(&(u64::from(chunk) * 16_384).to_be_bytes());
        piece.resize(piece.len() + length, 7);
        piece
    });
    let whole = Just([&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0; 32 + 16_384]].concat());
    prop_oneof![
        8 => control.prop_map(|text| text.as_bytes().to_vec()),
        2 => piece,
        2 => whole,
        1 => prop::collection::vec(any::<u8>(), 0..80),
    ]
}

fn as_message(bytes: &[u8]) -> Message<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('{') => Message::Text(text),
        _ => Message::Binary(bytes),
    }
}

proptest! {
    #[test]
    fn a_receiver_survives_anything(messages in prop::collection::vec(message(), 0..24), damaged: bool) {
        let mut receiver = Receiver::new(receiver::Settings::default());
        let (mut ends, mut buffer) = (0, Vec::new());
        for message in &messages {
            receiver.handle_message(as_message(message));
            while let Some(event) = receiver.poll_event() {
                match event {
                    receiver::Event::Offered => receiver.accept([FileIndex(0), FileIndex(1)]),
                    receiver::Event::Open(file) => receiver.open(file, None),
                    receiver::Event::Read(read) => receiver.handle_read(read.hash()),
                    receiver::Event::Write(write) => match write.verify() {
                        Ok(verified) => receiver.handle_written(verified),
                        Err(error) if damaged => receiver.handle_damaged(error),
                        Err(_) => {}
                    },
                    receiver::Event::Finish { file, .. } => receiver.handle_finished(file),
                    receiver::Event::Ended(_) => ends += 1,
                    _ => {}
                }
                while receiver.poll_transmit(&mut buffer).is_some() {}
            }
        }
        prop_assert!(ends <= 1);
    }

    #[test]
    fn a_sender_survives_anything(messages in prop::collection::vec(message(), 0..24)) {
        let mut sender = Sender::new(offer([20_000, 0]), sender::Settings::default());
        let (mut ends, mut buffer) = (0, Vec::new());
        while sender.poll_transmit(&mut buffer).is_some() {}
        for message in &messages {
            sender.handle_message(as_message(message));
            while let Some(event) = sender.poll_event() {
                match event {
                    sender::Event::Read(read) => sender.handle_read(read.hash()),
                    sender::Event::Ended(_) => ends += 1,
                    _ => {}
                }
            }
            while sender.poll_transmit(&mut buffer).is_some() {}
        }
        prop_assert!(ends <= 1);
    }
}
