//! §8: what a stranger can make a receiver hold.

use peerline_transfer::{Error, ErrorCode, Limits, Message, Outcome, Receiver, receiver};

fn told(receiver: &mut Receiver, messages: &[&str]) -> Option<Error> {
    for message in messages {
        receiver.handle_message(Message::Text(message));
    }
    std::iter::from_fn(|| receiver.poll_event()).find_map(|event| match event {
        receiver::Event::Ended(Outcome::Failed(error)) => Some(error),
        _ => None,
    })
}

fn new(limits: Limits) -> Receiver {
    Receiver::new(receiver::Settings { limits, ..receiver::Settings::default() })
}

fn announce(files: u64, bytes: u64) -> String {
    format!(
        r#"{{"type":"offer","transfer":"AAAAAAAAAAAAAAAAAAAAAA","files":{files},"bytes":{bytes},"chunk":1048576}}"#
    )
}

#[test]
fn section_8_more_files_bytes_or_paths_than_taken_are_refused_as_soon_as_that_is_known() {
    let limits = Limits { files: 10, paths: 30, bytes: 1_000 };
    let too_large = |error: Option<Error>| matches!(error, Some(Error::TooLarge(_)));
    assert!(too_large(told(&mut new(limits), &[&announce(11, 5)])));
    assert!(too_large(told(&mut new(limits), &[&announce(1, 1_001)])));
    let file = r#"{"type":"files","files":[{"path":"a-name-of-thirty-one-characters","size":5}]}"#;
    assert!(too_large(told(&mut new(limits), &[&announce(1, 5), file])));
    let long = format!(r#"{{"type":"files","files":[],"more":"{}"}}"#, "x".repeat(16_384));
    assert!(too_large(told(&mut new(limits), &[&announce(1, 5), &long])));
}

#[test]
fn section_3_an_offer_that_does_not_add_up_is_refused() {
    let one = r#"{"type":"files","files":[{"path":"a","size":5}]}"#;
    let two = r#"{"type":"files","files":[{"path":"a","size":5},{"path":"b","size":0}]}"#;
    let same = r#"{"type":"files","files":[{"path":"a","size":5},{"path":"a","size":0}]}"#;
    let inside = r#"{"type":"files","files":[{"path":"a/b","size":5},{"path":"a","size":0}]}"#;
    let none = r#"{"type":"files","files":[]}"#;
    let bad =
        |messages: &[&str]| matches!(told(&mut new(Limits::default()), messages), Some(Error::BadMessage(_)));
    assert!(!bad(&[&announce(1, 5), one]) && !bad(&[&announce(2, 5), two]));
    assert!(bad(&[&announce(1, 6), one]), "another sum");
    assert!(bad(&[&announce(1, 5), two]), "too many");
    assert!(bad(&[&announce(1, 5), none]), "nothing, for ever");
    assert!(bad(&[&announce(2, 5), same]) && bad(&[&announce(2, 5), inside]));
    assert!(bad(&[&announce(1, 5), one, one]), "after the last one");
    assert!(bad(&[one]), "before the offer");
}

#[test]
fn section_8_the_window_is_kept() {
    use peerline_transfer::FileIndex;
    let settings = receiver::Settings { window: 0, ..receiver::Settings::default() };
    let mut receiver = Receiver::new(settings);
    let offer = announce(1, 1 << 20).replace("1048576,\"chunk\":1048576", "1048576,\"chunk\":16384");
    let file = r#"{"type":"files","files":[{"path":"a","size":1048576}]}"#;
    assert_eq!(told(&mut receiver, &[&offer, file]), None);
    receiver.accept([FileIndex(0)]);
    receiver.open(FileIndex(0), None);
    let mut buffer = Vec::new();
    while receiver.poll_transmit(&mut buffer).is_some() {}
    let piece = |chunk: u64| {
        let mut piece = vec![2, 0, 0, 0, 0, 0, 0, 0];
        piece.extend_from_slice(&(chunk * 16_384).to_be_bytes());
        piece.extend_from_slice(&[0; 32 + 16_384]);
        piece
    };
    receiver.handle_message(Message::Binary(&piece(0)));
    receiver.handle_message(Message::Binary(&piece(1)));
    assert_eq!(told(&mut receiver, &[]), None, "two chunks are held");
    receiver.handle_message(Message::Binary(&piece(2)));
    assert_eq!(told(&mut receiver, &[]), Some(Error::WindowExceeded));
}

#[test]
fn section_7_a_strangers_sentence_is_cut_and_has_no_control_characters() {
    let mut receiver = new(Limits::default());
    let sentence =
        format!("{{\"type\":\"error\",\"code\":\"tomorrow\",\"message\":\"\\u001b[2J{}\"}}", "x".repeat(500));
    let Some(Error::There { code, message }) = told(&mut receiver, &[&sentence]) else { panic!() };
    assert_eq!((code, message.chars().count()), (ErrorCode::Other, 200));
    assert!(!message.contains('\u{1b}'));
}
