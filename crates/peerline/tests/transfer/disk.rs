//! What is written where: never outside of the directory, never over a file that is there.

use std::fs;
use std::os::unix::fs::symlink;

use peerline::transfer::*;

use crate::world::*;

#[tokio::test]
async fn section_4_a_file_that_is_there_stays() {
    let (from, to) = (Folder::new(), Folder::new());
    from.write("all/one", b"new");
    from.write("all/two", b"new");
    to.write("all/one", b"old");
    let files = Files::collect([from.join("all")]).unwrap();
    let pair = Pair::new().await;
    let (sending, incoming) = pair.offer(&files).await;
    let plan = incoming.plan(&to.directory()).await.unwrap();
    assert_eq!(
        (plan.in_the_way.as_slice(), plan.missing.as_slice()),
        ([FileIndex(0)].as_slice(), [FileIndex(1)].as_slice())
    );
    let receiving = incoming.accept(plan, Existing::Keep).unwrap();
    assert_eq!(finish(sending, receiving).await.outcomes, COMPLETED);
    assert_eq!(
        (to.files()["all/one"].as_slice(), to.files()["all/two"].as_slice()),
        (&b"old"[..], &b"new"[..])
    );
    assert_eq!(pair.transfer(&files, &to, Existing::Replace).await.outcomes, COMPLETED);
    assert!(to.files() == from.files());
}

#[tokio::test]
async fn section_4_a_file_that_appears_while_another_is_received_in_its_place_stays() {
    let (from, to) = (Folder::new(), Folder::new());
    let files = Files::collect([from.write("file", &content(1, 30 << 20))]).unwrap();
    let pair = Pair::new().await;
    let (mut sending, mut receiving) = pair.accept(&files, &to, Existing::Keep).await;
    while receiving.progress().bytes == 0 {
        tokio::select! {
            _ = sending.next_event() => {}
            _ = receiving.next_event() => {}
        }
    }
    to.write("file", b"mine");
    let transferred = finish(sending, receiving).await;
    assert_eq!(transferred.outcomes.1, Outcome::Failed(Error::WriteFailed));
    assert_eq!(transferred.write_failed.unwrap().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(to.files()["file"], b"mine");
}

#[tokio::test]
async fn what_is_there_as_a_whole_is_not_fetched_again() {
    let (from, to) = (Folder::new(), Folder::new());
    from.write("all/one", b"1");
    let pair = Pair::new().await;
    assert_eq!(
        pair.transfer(&Files::collect([from.join("all")]).unwrap(), &to, Existing::Keep).await.outcomes,
        COMPLETED
    );
    from.write("all/two", b"22");
    let again = pair.transfer(&Files::collect([from.join("all")]).unwrap(), &to, Existing::Keep).await;
    assert_eq!((again.outcomes, again.progress.1.files, again.progress.1.bytes), (COMPLETED, 1, 2));
    assert!(to.files() == from.files());
}

#[tokio::test]
async fn section_4_no_symbolic_link_is_followed_below_the_directory() {
    let (from, to, elsewhere) = (Folder::new(), Folder::new(), Folder::new());
    let files = Files::collect([from.write("photos/a", b"evil").parent().unwrap()]).unwrap();
    let pair = Pair::new().await;

    // A link to a directory, where a directory should be.
    symlink(elsewhere.path(), to.join("photos")).unwrap();
    let transferred = pair.transfer(&files, &to, Existing::Replace).await;
    assert_eq!(transferred.outcomes.1, Outcome::Failed(Error::WriteFailed));
    assert!(elsewhere.files().is_empty());
    fs::remove_file(to.join("photos")).unwrap();

    // A link in the place of the part.
    let target = elsewhere.write("target", b"good");
    fs::create_dir(to.join("photos")).unwrap();
    symlink(&target, to.join("photos/a.peerline-part")).unwrap();
    let transferred = pair.transfer(&files, &to, Existing::Replace).await;
    assert_eq!(transferred.outcomes.1, Outcome::Failed(Error::WriteFailed));
    fs::remove_file(to.join("photos/a.peerline-part")).unwrap();

    // A link in the place of the file: it is in the way, and where it is replaced, its target isn't.
    symlink(&target, to.join("photos/a")).unwrap();
    let transferred = pair.transfer(&files, &to, Existing::Keep).await;
    assert_eq!((transferred.outcomes, transferred.progress.1.files), (COMPLETED, 0));
    assert!(to.join("photos/a").is_symlink());
    assert_eq!(pair.transfer(&files, &to, Existing::Replace).await.outcomes, COMPLETED);
    assert!(!to.join("photos/a").is_symlink());
    assert_eq!((to.files(), elsewhere.files()["target"].as_slice()), (from.files(), &b"good"[..]));
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_part_makes_nobody_wait() {
    let (from, to) = (Folder::new(), Folder::new());
    let files = Files::collect([from.write("file", b"x")]).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        to.join("file.peerline-part"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let transferred = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!(transferred.outcomes.1, Outcome::Failed(Error::WriteFailed));
}

#[tokio::test]
async fn section_9_the_longest_names_have_parts_too() {
    let (from, to) = (Folder::new(), Folder::new());
    let files = Files::collect([from.write(&"n".repeat(255), &content(1, 3 << 20))]).unwrap();
    assert_eq!(Pair::new().await.transfer(&files, &to, Existing::Keep).await.outcomes, COMPLETED);
    assert!(to.files() == from.files());
}

#[tokio::test]
async fn section_3_without_room_the_offer_is_declined() {
    let (from, to) = (Folder::new(), Folder::new());
    let file = fs::File::create(from.join("large")).unwrap();
    let system = rustix::fs::statvfs(to.path()).unwrap();
    // Nothing is stored of it: it has a hole.
    file.set_len(system.f_bavail * system.f_frsize + (1 << 30)).unwrap();
    let files = Files::collect([from.join("large")]).unwrap();
    let transferred = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    let declined = Outcome::Declined(DeclineReason::NoSpace);
    assert_eq!(transferred.outcomes, (declined.clone(), declined.clone()));
    assert!(to.files().is_empty());

    // What another file keeps the place of needs no room, unless it is replaced.
    to.write("large", b"small");
    let transferred = Pair::new().await.transfer(&files, &to, Existing::Keep).await;
    assert_eq!((transferred.outcomes, transferred.progress.1.files), (COMPLETED, 0));
    let transferred = Pair::new().await.transfer(&files, &to, Existing::Replace).await;
    assert_eq!(transferred.outcomes, (declined.clone(), declined));
}

#[tokio::test]
async fn section_3_a_file_that_changes_while_it_is_sent_fails_alone() {
    let (from, to) = (Folder::new(), Folder::new());
    from.write("all/a", b"first");
    from.write("all/b", &content(1, 30 << 20));
    from.write("all/c", b"last");
    let files = Files::collect([from.join("all")]).unwrap();
    let pair = Pair::new().await;
    let (sending, incoming) = pair.offer(&files).await;
    from.write("all/b", &content(2, 30 << 20));
    let plan = incoming.plan(&to.directory()).await.unwrap();
    let transferred = finish(sending, incoming.accept(plan, Existing::Keep).unwrap()).await;
    assert_eq!(transferred.outcomes, COMPLETED);
    assert_eq!(transferred.failed, [(FileIndex(1), FileFailure::Changed)]);
    assert!(to.files().contains_key("all/a") && to.files().contains_key("all/c"));
    assert!(!to.files().contains_key("all/b"));
}

#[test]
fn links_and_devices_below_a_folder_are_left_out_and_said() {
    let from = Folder::new();
    from.write("all/file", b"x");
    symlink("/etc/passwd", from.join("all/link")).unwrap();
    let files = Files::collect([from.join("all")]).unwrap();
    assert_eq!(files.offer().files().len(), 1);
    let left_out: Vec<_> = files.left_out().iter().map(|left| left.path.file_name().unwrap()).collect();
    assert_eq!(left_out, ["link"]);
    // One that is named is meant.
    symlink(from.join("all/file"), from.join("named")).unwrap();
    assert_eq!(Files::collect([from.join("named")]).unwrap().offer().files()[0].path.as_str(), "named");
}

#[test]
fn what_cannot_be_offered_is_said() {
    let from = Folder::new();
    let (one, two) = (from.write("one/file", b"1"), from.write("two/file", b"2"));
    assert!(matches!(Files::collect([one, two]), Err(CollectError::Collision(..))));
    assert!(matches!(Files::collect([from.join("nothing")]), Err(CollectError::Unreadable { .. })));
    assert!(matches!(Files::collect(["/dev/null"]), Err(CollectError::Special(_))));
    fs::create_dir(from.join("empty")).unwrap();
    assert!(matches!(Files::collect([from.join("empty")]), Err(CollectError::Offer(InvalidOffer::Empty))));
}
