//! §2: the course of a transfer.

use std::fs;
use std::time::{Duration, SystemTime};

use peerline::transfer::*;

use crate::world::*;

#[tokio::test]
async fn a_folder_arrives_with_all_that_is_below_it_and_its_times() {
    let (from, to) = (Folder::new(), Folder::new());
    let chunk = usize::try_from(CHUNK).unwrap();
    let sizes = [
        ("empty", 0),
        ("one", 1),
        ("a/chunk", chunk),
        ("a/b/more", 3 * chunk + 77),
        ("a/b/c/less", chunk - 1),
    ];
    let written = SystemTime::UNIX_EPOCH + Duration::from_millis(1_234_567_890_123);
    for (seed, (name, size)) in (0..).zip(sizes) {
        let path = from.write(&format!("folder/{name}"), &content(seed, size));
        fs::File::options().write(true).open(path).unwrap().set_modified(written).unwrap();
    }
    let files = Files::collect([from.join("folder")]).unwrap();
    let transferred = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!(transferred.outcomes, COMPLETED);
    assert!(to.files() == from.files(), "the same, and nothing else is left");
    for name in to.files().keys() {
        assert_eq!(fs::metadata(to.join(name)).unwrap().modified().unwrap(), written, "{name}");
    }
    let total = files.offer().bytes();
    let (sent, received) = transferred.progress;
    assert_eq!((sent.files, sent.bytes, sent.total, sent.resumed), (5, total, total, 0));
    assert_eq!((received.files, received.bytes, received.total, received.resumed), (5, total, total, 0));
}

#[tokio::test]
async fn five_thousand_small_files_arrive() {
    let (from, to) = (Folder::new(), Folder::new());
    for number in 0..5_000 {
        from.write(&format!("all/{}/{number}", number % 7), number.to_string().as_bytes());
    }
    let files = Files::collect([from.join("all")]).unwrap();
    assert_eq!(Pair::new().await.transfer(&files, &to, Existing::Keep).await.outcomes, COMPLETED);
    assert!(to.files() == from.files());
}

#[tokio::test]
async fn several_receivers_are_served_from_one_list() {
    let (from, to) = (Folder::new(), [Folder::new(), Folder::new()]);
    let path = from.write("file", &content(1, 3_000_000));
    let files = Files::collect([path]).unwrap();
    let (one, two) = (Pair::new().await, Pair::new().await);
    let (one, two) = tokio::join!(
        one.transfer(&files, &to[0], Existing::Keep),
        two.transfer(&files, &to[1], Existing::Keep)
    );
    assert_eq!((one.outcomes, two.outcomes), (COMPLETED, COMPLETED));
    assert!(to.iter().all(|to| to.files() == from.files()));
}

#[tokio::test]
async fn a_declined_offer_ends_with_the_reason() {
    let from = Folder::new();
    let pair = Pair::new().await;
    let (sending, incoming) = pair.offer(&Files::collect([from.write("file", b"x")]).unwrap()).await;
    let (outcome, ()) = tokio::join!(sending.finish(), incoming.decline(DeclineReason::Busy));
    assert_eq!(outcome, Outcome::Declined(DeclineReason::Busy));
}

#[tokio::test]
async fn an_offer_can_be_taken_back() {
    let from = Folder::new();
    let pair = Pair::new().await;
    let (mut sending, mut incoming) = pair.offer(&Files::collect([from.write("file", b"x")]).unwrap()).await;
    sending.cancel();
    let (outcome, lost) = tokio::join!(sending.finish(), incoming.lost());
    assert_eq!(outcome, Outcome::Cancelled(Cancelled::Here));
    assert!(matches!(lost, OfferLost::Withdrawn));
}

#[tokio::test]
async fn either_side_stops_it_and_what_has_come_stays() {
    for by_sender in [true, false] {
        let (from, to) = (Folder::new(), Folder::new());
        let path = from.write("file", &content(1, 64 << 20));
        let pair = Pair::new().await;
        let files = Files::collect([path]).unwrap();
        let (mut sending, mut receiving) = pair.accept(&files, &to, Existing::Keep).await;
        while receiving.progress().bytes < CHUNK {
            tokio::select! {
                _ = sending.next_event() => {}
                _ = receiving.next_event() => {}
            }
        }
        match by_sender {
            true => sending.cancel(),
            false => receiving.cancel(),
        }
        let (here, there) = (Outcome::Cancelled(Cancelled::Here), Outcome::Cancelled(Cancelled::There));
        let expected = if by_sender { (here, there) } else { (there, here) };
        assert_eq!(finish(sending, receiving).await.outcomes, expected);
        assert_eq!(to.files().into_keys().collect::<Vec<_>>(), ["file.peerline-part", "file.peerline-state"]);
    }
}

#[tokio::test]
async fn dropping_one_side_interrupts_the_other() {
    let (from, to) = (Folder::new(), Folder::new());
    let pair = Pair::new().await;
    let files = Files::collect([from.write("file", &content(1, 8 << 20))]).unwrap();
    let (sending, receiving) = pair.accept(&files, &to, Existing::Keep).await;
    drop(receiving);
    assert_eq!(sending.finish().await, Outcome::Interrupted);
    let (sending, receiving) = pair.accept(&files, &to, Existing::Keep).await;
    drop(sending);
    assert_eq!(receiving.finish().await, Outcome::Interrupted);
}
