//! `peerline send` and `peerline recv`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use common::Lines;
use common::files::Place;
use rustix::process::Signal;
use serde_json::Value;

const CHUNK: u64 = 1 << 20;

fn assert_same(one: impl AsRef<Path>, other: impl AsRef<Path>) {
    assert!(fs::read(one).unwrap() == fs::read(other).unwrap());
}

/// The next JSON line with this note.
fn note(lines: &mut Lines, name: &str) -> Value {
    loop {
        let line: Value = serde_json::from_str(&lines.find("\"note\"")).unwrap();
        if line["note"] == name {
            return line;
        }
    }
}

#[test]
fn files_and_folders_arrive_and_both_sides_end_with_0() {
    let place = Place::new("send");
    let large = place.file("large.bin", 1, 5 * CHUNK + 7);
    place.file("folder/one", 2, 10);
    place.file("folder/deep/er/two", 3, 0);
    let (mut sender, code) = place.send(&[&large, &place.path("folder")]);
    let mut receiver = place.recv(&code, &["--yes"]);
    receiver.notes.find("ada offers 3 files, 5.00 MiB:");
    assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
    assert!(sender.notes.rest().contains("grace: done. 3 files, 5.00 MiB."));
    for name in ["large.bin", "folder/one", "folder/deep/er/two"] {
        assert_same(place.files.join(name), place.received(name));
    }
    assert!(!place.received("large.bin.peerline-part").exists());
}

#[test]
fn without_a_terminal_nobody_can_be_asked() {
    let place = Place::new("recv-blind");
    let mut receiver = place.recv("pillow-evacuate-shudder-bless-cavern", &[]);
    receiver.notes.find("say --yes");
    assert_eq!(receiver.status(), Some(2));
}

#[test]
fn what_is_not_there_is_said_before_anybody_is_met() {
    let place = Place::new("send-nothing");
    let mut sender = place.serving.client("ada", &["send", &place.path("nothing")]);
    sender.notes.find("nothing: No such file or directory");
    assert_eq!(sender.status(), Some(1));
}

#[test]
fn somebody_is_asked_and_says_yes_or_no() {
    let place = Place::new("recv-question");
    let file = place.file("file", 1, 1_000);
    for (answers, status) in [("n\n", Some(4)), ("what\nYes\n", Some(0))] {
        let (mut sender, code) = place.send(&[&file]);
        let (mut receiver, mut terminal) = place.recv_on_terminal(&code, &[]);
        receiver.notes.find("1000 B  file");
        receiver.notes.find("Take it?");
        terminal.write_all(answers.as_bytes()).unwrap();
        assert_eq!((sender.status(), receiver.status()), (status, status));
        assert_eq!(place.received("file").exists(), status == Some(0));
    }
}

#[test]
fn what_is_there_is_not_overwritten_unless_told_and_nothing_is_lost_by_that() {
    let place = Place::new("recv-overwrite");
    let file = place.file("file", 1, 1_000);
    place.file("in/file", 2, 500);
    let (mut sender, code) = place.send(&[&file]);
    let mut receiver = place.recv(&code, &["--yes"]);
    receiver.notes.find("There are files of the same name already: file.");
    assert_eq!(receiver.status(), Some(1));
    assert_eq!(fs::metadata(place.received("file")).unwrap().len(), 500);
    // The code is not used up: the sender waits.
    let mut receiver = place.recv(&code, &["--yes", "--overwrite"]);
    assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
    assert_same(&file, place.received("file"));
}

#[test]
fn a_receiver_that_was_killed_goes_on_when_it_is_started_again() {
    let place = Place::new("recv-kill");
    let file = place.file("file", 1, 96 * CHUNK);
    let (mut sender, code) = place.send(&[&file]);
    let receiver = place.recv(&code, &["--yes"]);
    place.wait_for_chunks("file", 8);
    receiver.signal(Signal::KILL);
    drop(receiver);
    let mut receiver = place.recv(&code, &["--yes", "--json"]);
    let completed = note(&mut receiver.lines(), "completed");
    assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
    assert_same(&file, place.received("file"));
    assert_eq!(completed["bytes"], 96 * CHUNK);
    let resumed = completed["resumed"].as_u64().unwrap();
    assert!((8 * CHUNK..96 * CHUNK).contains(&resumed), "{resumed} bytes were not sent again");
    assert!(sender.notes.rest().contains("of which"), "the sender counted on them, too");
}

#[test]
fn a_sender_that_was_killed_goes_on_when_it_is_started_again_and_nobody_is_asked_twice() {
    let place = Place::new("send-kill");
    let file = place.file("file", 1, 96 * CHUNK);
    let (sender, code) = place.send(&[&file]);
    let (mut receiver, mut terminal) = place.recv_on_terminal(&code, &["--json"]);
    receiver.notes.find("Take it?");
    terminal.write_all(b"y\n").unwrap();
    place.wait_for_chunks("file", 8);
    sender.signal(Signal::KILL);
    drop(sender);
    let mut sender = place.serving.client("ada", &["send", &file, "--to", &code, "--json"]);
    let completed = note(&mut receiver.lines(), "completed");
    assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
    assert_same(&file, place.received("file"));
    let resumed = completed["resumed"].as_u64().unwrap();
    assert!((8 * CHUNK..96 * CHUNK).contains(&resumed), "{resumed} bytes were not sent again");
    let sent = note(&mut sender.lines(), "completed");
    assert_eq!(sent["resumed"], resumed, "both count the same");
}

#[test]
fn a_bit_flipped_in_the_part_costs_one_chunk() {
    let place = Place::new("recv-flip");
    let file = place.file("file", 1, 96 * CHUNK);
    let (mut sender, code) = place.send(&[&file]);
    let receiver = place.recv(&code, &["--yes"]);
    place.wait_for_chunks("file", 8);
    receiver.signal(Signal::KILL);
    drop(receiver);
    let part = place.received("file.peerline-part");
    let written = (fs::metadata(place.received("file.peerline-state")).unwrap().len() - 24) / 40;
    let mut bytes = fs::read(&part).unwrap();
    bytes[3 * usize::try_from(CHUNK).unwrap() + 99] ^= 1;
    fs::write(&part, bytes).unwrap();
    let mut receiver = place.recv(&code, &["--yes", "--json"]);
    let completed = note(&mut receiver.lines(), "completed");
    assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
    assert_eq!(completed["resumed"], (written - 1) * CHUNK);
    assert_same(&file, place.received("file"));
}

#[test]
fn ctrl_c_on_either_side_ends_both_and_a_later_run_goes_on() {
    for by_sender in [true, false] {
        let place = Place::new(if by_sender { "send-cancel" } else { "recv-cancel" });
        let file = place.file("file", 1, 96 * CHUNK);
        let (mut sender, code) = place.send(&[&file]);
        let mut receiver = place.recv(&code, &["--yes"]);
        place.wait_for_chunks("file", 8);
        if by_sender { &sender } else { &receiver }.signal(Signal::INT);
        let expected = if by_sender { (Some(130), Some(4)) } else { (Some(4), Some(130)) };
        assert_eq!((sender.status(), receiver.status()), expected);
        let mut sender = place.serving.client("ada", &["send", &file, "--to", &code]);
        let mut receiver = place.recv(&code, &["--yes", "--json"]);
        let completed = note(&mut receiver.lines(), "completed");
        assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
        assert!(completed["resumed"].as_u64().unwrap() >= 8 * CHUNK);
        assert_same(&file, place.received("file"));
    }
}

#[test]
fn by_a_link_everybody_who_is_there_is_asked() {
    let place = Place::new("send-link");
    let file = place.file("file", 1, 3 * CHUNK);
    let link = format!("{}/c/#v1.{}", place.serving.url(), "A".repeat(43));
    let (one, two) = (place.path("one"), place.path("two"));
    let receive = |user: &str, to: &str| place.serving.client(user, &["recv", &link, "--to", to, "--yes"]);
    let (mut grace, mut linus) = (receive("grace", &one), receive("linus", &two));
    for receiver in [&mut grace, &mut linus] {
        receiver.notes.find("is connected");
    }
    // One that knows nothing of files does not hold it up for ever; nor does one that says no.
    let mut dennis = place.serving.client("dennis", &["pipe", &link]);
    dennis.notes.find("is connected");
    let (mut bjarne, mut terminal) = place.recv_on_terminal(&link, &["--name", "bjarne"]);
    bjarne.notes.find("is connected");
    let mut sender = place.serving.client("ada", &["send", &file, "--to", &link]);
    bjarne.notes.find("Take it?");
    writeln!(terminal, "n").unwrap();
    assert_eq!(bjarne.status(), Some(4));
    assert_eq!((sender.status(), grace.status(), linus.status()), (Some(0), Some(0), Some(0)));
    for to in [one, two] {
        assert_same(&file, Path::new(&to).join("file"));
    }
    let told = sender.notes.rest();
    assert!(told.contains("dennis: It does not take files."), "{told}");
    assert!(told.contains("bjarne: The other side does not want it."), "{told}");
}

#[test]
fn scripts_are_told_everything_as_json() {
    let place = Place::new("send-json");
    let file = place.file("file", 1, 3 * CHUNK);
    let mut sender = place.serving.client("ada", &["send", &file, "--json"]);
    let mut sent = sender.lines();
    let code = note(&mut sent, "code")["code"].as_str().unwrap().to_owned();
    let mut receiver = place.recv(&code, &["--yes", "--json"]);
    let mut received = receiver.lines();
    let offered = note(&mut received, "offered");
    assert_eq!(
        (&offered["name"], &offered["files"], &offered["bytes"]),
        (&"ada".into(), &1.into(), &(3 * CHUNK).into())
    );
    let accepted = note(&mut sent, "accepted");
    assert_eq!((&accepted["name"], &accepted["files"]), (&"grace".into(), &1.into()));
    for lines in [&mut sent, &mut received] {
        let progress = note(lines, "progress");
        assert_eq!((&progress["bytes"], &progress["total"]), (&(3 * CHUNK).into(), &(3 * CHUNK).into()));
        assert!(progress["rate"].is_u64());
        let completed = note(lines, "completed");
        assert_eq!((&completed["bytes"], &completed["resumed"]), (&(3 * CHUNK).into(), &0.into()));
    }
    assert_eq!((sender.status(), receiver.status()), (Some(0), Some(0)));
    assert_eq!(sender.notes.rest(), "", "nothing goes to standard error");
}
