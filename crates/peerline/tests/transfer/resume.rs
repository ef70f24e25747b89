//! §6: what was broken off goes on, and what was spoilt on the disk meanwhile is found.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use peerline::transfer::*;

use crate::world::*;

/// Breaks a transfer off when the receiver has at least so many bytes, or all: those of a transfer before may have been written
/// after they were counted.
async fn break_off(files: &Files, into: &Folder, bytes: u64) {
    let pair = Pair::new().await;
    let (mut sending, mut receiving) = pair.accept(files, into, Existing::Keep).await;
    while receiving.progress().bytes < bytes {
        let event = tokio::select! {
            event = sending.next_event() => event.map(drop),
            event = receiving.next_event() => event.map(drop),
        };
        if event.is_none() {
            break;
        }
    }
}

#[tokio::test]
async fn section_6_broken_off_anywhere_it_goes_on_with_what_is_missing() {
    let (from, to) = (Folder::new(), Folder::new());
    for (seed, size) in (0..).zip([5_000_000, 10, 30_000_000, 0, 9_000_000, 2_000_000]) {
        from.write(&format!("all/{seed}"), &content(seed, size));
    }
    let files = Files::collect([from.join("all")]).unwrap();
    let total = files.offer().bytes();
    let mut had = 0;
    for part in [1, 2, 3, 5, 8] {
        let at = total * part / 9;
        // What whole files there are is not asked for again, so it doesn't count.
        let pair = Pair::new().await;
        let (_, incoming) = pair.offer(&files).await;
        let plan = incoming.plan(&to.directory()).await.unwrap();
        let whole: u64 = plan.complete.iter().map(|&file| incoming.offer().file(file).unwrap().size).sum();
        drop((incoming, pair));
        had = had.max(whole);
        break_off(&files, &to, at.saturating_sub(whole)).await;
    }
    let last = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!(last.outcomes, COMPLETED);
    assert!(to.files() == from.files());
    let (sent, _) = last.progress;
    let fresh = sent.bytes - sent.resumed;
    assert!(fresh <= total - total * 8 / 9 && had > 0, "{fresh} of {total} bytes came in the end");
}

#[tokio::test]
async fn section_6_a_bit_flipped_in_the_part_costs_one_chunk() {
    let (from, to) = (Folder::new(), Folder::new());
    let files = Files::collect([from.write("file", &content(1, 40 << 20))]).unwrap();
    break_off(&files, &to, 12 * CHUNK).await;
    // Its writers are gone when it can be locked.
    let part = File::options().read(true).write(true).open(to.join("file.peerline-part")).unwrap();
    part.lock().unwrap();
    let records = |state: Vec<u8>| (state.len() as u64 - 24) / 40;
    let written = records(std::fs::read(to.join("file.peerline-state")).unwrap());
    let place = 5 * CHUNK + 4_711;
    let mut byte = [0];
    part.read_exact_at(&mut byte, place).unwrap();
    part.write_all_at(&[byte[0] ^ 4], place).unwrap();
    drop(part);
    let again = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!(again.outcomes, COMPLETED);
    assert!(to.files() == from.files());
    assert_eq!(again.progress.0.resumed, (written - 1) * CHUNK);
    assert_eq!(again.progress.1.resumed, (written - 1) * CHUNK);
}

#[tokio::test]
async fn section_9_a_record_that_was_cut_off_costs_one_chunk_and_spoils_nothing() {
    let (from, to) = (Folder::new(), Folder::new());
    let files = Files::collect([from.write("file", &content(1, 40 << 20))]).unwrap();
    break_off(&files, &to, 12 * CHUNK).await;
    let state = File::options().read(true).write(true).open(to.join("file.peerline-state")).unwrap();
    state.lock().unwrap();
    let length = state.metadata().unwrap().len() - 11;
    state.set_len(length).unwrap();
    drop(state);
    // Once more, so that records follow those that were there.
    break_off(&files, &to, 20 * CHUNK).await;
    let again = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!(again.outcomes, COMPLETED);
    assert!(again.progress.0.resumed >= 20 * CHUNK);
    assert!(to.files() == from.files());
}

#[tokio::test]
async fn section_6_a_file_that_is_another_one_now_is_sent_anew() {
    let (from, to) = (Folder::new(), Folder::new());
    let path = from.write("file", &content(1, 20 << 20));
    break_off(&Files::collect([&path]).unwrap(), &to, 12 * CHUNK).await;
    from.write("file", &content(2, 20 << 20));
    let again = Pair::new().await.transfer(&Files::collect([path]).unwrap(), &to, Existing::Keep).await;
    assert_eq!(again.outcomes, COMPLETED);
    assert_eq!(again.progress.0.resumed, 0);
    assert!(to.files() == from.files());
}

#[tokio::test]
async fn a_part_that_another_program_receives_is_left_alone() {
    let (from, to) = (Folder::new(), Folder::new());
    let files = Files::collect([from.write("file", &content(1, 3 << 20))]).unwrap();
    to.write("file.peerline-part", b"somebody's");
    let part = File::open(to.join("file.peerline-part")).unwrap();
    part.lock().unwrap();
    let transferred = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!(transferred.outcomes.1, Outcome::Failed(Error::WriteFailed));
    assert_eq!(transferred.write_failed.unwrap().kind(), std::io::ErrorKind::ResourceBusy);
    assert_eq!(to.files()["file.peerline-part"], b"somebody's");
}

#[tokio::test]
async fn a_file_that_a_transfer_before_brings_to_its_place_meanwhile_is_not_asked_for() {
    let (from, to) = (Folder::new(), Folder::new());
    let path = from.write("file", &content(1, 3 << 20));
    let files = Files::collect([&path]).unwrap();
    let part = to.write("file.peerline-part", &content(1, 3 << 20));
    let held = File::options().write(true).open(&part).unwrap();
    held.lock().unwrap();
    held.set_modified(path.metadata().unwrap().modified().unwrap()).unwrap();
    let pair = Pair::new().await;
    let (sending, receiving) = pair.accept(&files, &to, Existing::Keep).await;
    std::fs::rename(part, to.join("file")).unwrap();
    drop(held);
    let transferred = finish(sending, receiving).await;
    assert_eq!((transferred.outcomes, transferred.progress.1.files), (COMPLETED, 0));
    assert!(to.files() == from.files());
}
