//! §2: the course of a transfer.

use peerline_transfer::{
    Cancelled, DeclineReason, Error, ErrorCode, FileIndex, Outcome, Receiver, Sender, receiver, sender,
};

use crate::world::{CHUNK, Disk, Sent, Session, content, offer};

const C: usize = CHUNK as usize;

fn sources(sizes: &[usize]) -> Vec<Vec<u8>> {
    (0..).zip(sizes).map(|(seed, &size)| content(seed, size)).collect()
}

fn assert_received(disk: &Disk, sources: &[Vec<u8>]) {
    for (index, source) in sources.iter().enumerate() {
        assert!(disk.files[&format!("folder/file {index}")] == *source, "file {index}");
    }
}

#[test]
fn section_2_files_of_every_size_arrive_whole_and_in_any_order_of_work() {
    let sources = sources(&[0, 1, C - 1, C, C + 1, 5 * C + 77, 0, 3]);
    for seed in 0..200 {
        let mut disk = Disk::default();
        let mut session = Session::new(seed, &sources, &mut disk);
        assert_eq!(session.finish(), (Outcome::Completed, Outcome::Completed));
        assert_eq!(session.payload, sources.iter().map(Vec::len).sum::<usize>());
        let total = session.sender.offer().bytes();
        assert_eq!((session.sender.progress().bytes, session.sender.progress().files), (total, 8));
        assert_eq!((session.receiver.progress().bytes, session.receiver.progress().files), (total, 8));
        assert_received(&disk, &sources);
        assert!(disk.parts.is_empty());
    }
}

#[test]
fn section_3_more_small_files_than_may_be_asked_for_at_once_arrive() {
    let sources = sources(&vec![10; 3_000]);
    let mut disk = Disk::default();
    let mut session = Session::new(1, &sources, &mut disk);
    assert_eq!(session.finish(), (Outcome::Completed, Outcome::Completed));
    assert_received(&disk, &sources);
}

#[test]
fn section_3_accept_of_some_files_sends_those() {
    let sources = sources(&[100, 200, 300]);
    let mut disk = Disk::default();
    let mut session = Session::new(1, &sources, &mut disk);
    session.wanted = Some(vec![FileIndex(2), FileIndex(0), FileIndex(0), FileIndex(99)]);
    assert_eq!(session.finish(), (Outcome::Completed, Outcome::Completed));
    assert_eq!(session.payload, 400);
    assert!(session.sender_events.contains(&"Accepted { files: 2, bytes: 400 }".to_owned()));
    assert_eq!(disk.files.keys().collect::<Vec<_>>(), ["folder/file 0", "folder/file 2"]);
}

#[test]
fn section_3_decline_ends_it() {
    let (mut sender, mut receiver) = offered(1);
    receiver.decline(DeclineReason::NoSpace);
    exchange(&mut receiver, &mut sender);
    assert_eq!(ended(&mut sender), Some(Outcome::Declined(DeclineReason::NoSpace)));
}

#[test]
fn section_2_cancel_by_either_side_ends_both_at_any_moment() {
    let sources = sources(&[4 * C + 1, 3, 2 * C]);
    for seed in 0..300 {
        let mut disk = Disk::default();
        let mut session = Session::new(seed, &sources, &mut disk);
        session.run(usize::try_from(seed).unwrap());
        let by_sender = seed % 2 == 0;
        match by_sender {
            true => session.sender.cancel(),
            false => session.receiver.cancel(),
        }
        let (here, there) = (Outcome::Cancelled(Cancelled::Here), Outcome::Cancelled(Cancelled::There));
        let outcomes = session.finish();
        let completed = (Outcome::Completed, Outcome::Completed);
        let crossing =
            if by_sender { (here.clone(), Outcome::Completed) } else { (Outcome::Completed, there.clone()) };
        let expected = if by_sender { (here, there) } else { (there, here) };
        assert!(
            outcomes == expected || outcomes == completed || outcomes == crossing,
            "{seed}: {outcomes:?}"
        );
    }
}

#[test]
fn section_3_a_file_that_cannot_be_read_fails_alone() {
    let sources = sources(&[100, 6 * C, 200]);
    for seed in 0..100 {
        let mut disk = Disk::default();
        let mut session = Session::new(seed, &sources, &mut disk);
        session.unreadable = vec![FileIndex(1)];
        assert_eq!(session.finish(), (Outcome::Completed, Outcome::Completed));
        assert!(session.sender_events.contains(&"FileFailed(FileIndex(1), Unreadable)".to_owned()));
        assert_eq!(disk.files.keys().collect::<Vec<_>>(), ["folder/file 0", "folder/file 2"]);
    }
}

#[test]
fn section_2_a_channel_that_closes_interrupts_both() {
    let (mut sender, mut receiver) = offered(1);
    sender.handle_closed();
    receiver.handle_closed();
    assert_eq!(ended(&mut sender), Some(Outcome::Interrupted));
    assert!(matches!(receiver.poll_event(), Some(receiver::Event::Ended(Outcome::Interrupted))));
}

#[test]
fn section_7_a_receiver_that_cannot_write_says_so() {
    let (mut sender, mut receiver) = offered(1);
    receiver.accept([FileIndex(0)]);
    receiver.fail(Error::NoSpace);
    exchange(&mut receiver, &mut sender);
    let Some(Outcome::Failed(Error::There { code, message })) = ended(&mut sender) else { panic!() };
    assert_eq!((code, message.as_str()), (ErrorCode::NoSpace, "there is no room left for the files"));
}

#[test]
fn section_1_a_transfer_costs_few_messages_of_nearly_equal_length() {
    let mut sender = Sender::new(offer([C]), sender::Settings::default());
    let mut buffer = Vec::new();
    while sender.poll_transmit(&mut buffer).is_some() {}
    let accept = format!(r#"{{"type":"accept","files":1,"bytes":{C},"window":1000000}}"#);
    sender.handle_message(Sent::Text(accept).message());
    sender.handle_message(Sent::Text(r#"{"type":"get","file":0}"#.to_owned()).message());
    while let Some(event) = sender.poll_event() {
        if let sender::Event::Read(read) = event {
            sender.handle_read(read.hash());
        }
    }
    let mut lengths = Vec::new();
    while sender.poll_transmit(&mut buffer).is_some() {
        lengths.push(buffer.len());
    }
    assert_eq!(lengths, [C + 48, 76], "one piece, one end");
}

/// A sender and a receiver that knows its offer.
fn offered(size: usize) -> (Sender, Receiver) {
    let mut sender = Sender::new(offer([size]), sender::Settings::default());
    let mut receiver = Receiver::new(receiver::Settings::default());
    let mut buffer = Vec::new();
    while sender.poll_transmit(&mut buffer).is_some() {
        receiver.handle_message(Sent::Text(String::from_utf8(buffer.clone()).unwrap()).message());
    }
    assert!(matches!(receiver.poll_event(), Some(receiver::Event::Offered)));
    (sender, receiver)
}

fn exchange(receiver: &mut Receiver, sender: &mut Sender) {
    let mut buffer = Vec::new();
    while receiver.poll_transmit(&mut buffer).is_some() {
        sender.handle_message(Sent::Text(String::from_utf8(buffer.clone()).unwrap()).message());
    }
}

fn ended(sender: &mut Sender) -> Option<Outcome> {
    std::iter::from_fn(|| sender.poll_event()).find_map(|event| match event {
        sender::Event::Ended(outcome) => Some(outcome),
        _ => None,
    })
}
