//! `peerline pipe`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use common::{Client, Serving};
use rustix::process::Signal;

/// Two ends: the one that made the code, and the other.
fn two(serving: &Serving) -> (Client, Client) {
    let mut one = serving.client("ada", &["pipe"]);
    let (code, _) = one.code();
    let other = serving.client("grace", &["pipe", &code]);
    (one, other)
}

/// Bytes of all values, without a pattern that would hide a mistake.
fn bytes(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

#[test]
fn what_goes_in_comes_out_both_ways_at_the_same_time() {
    let serving = Serving::start("pipe");
    let (mut one, mut other) = two(&serving);
    let (there, back) = (bytes(5_000_001, 1), bytes(3_333_333, 2));
    thread::scope(|scope| {
        let feeds = [(one.stdin.take().unwrap(), &there), (other.stdin.take().unwrap(), &back)];
        for (stdin, bytes) in feeds {
            scope.spawn(move || {
                let mut stdin = stdin;
                stdin.write_all(bytes).unwrap();
            });
        }
        for (mut stdout, expected) in
            [(other.stdout.take().unwrap(), &there), (one.stdout.take().unwrap(), &back)]
        {
            scope.spawn(move || {
                let mut read = Vec::new();
                stdout.read_to_end(&mut read).unwrap();
                assert!(read == *expected, "{} of {} bytes", read.len(), expected.len());
            });
        }
    });
    assert_eq!((one.status(), other.status()), (Some(0), Some(0)));
}

#[test]
fn one_direction_ends_and_the_other_goes_on() {
    let serving = Serving::start("pipe-half");
    let (mut one, mut other) = two(&serving);
    one.end();
    let mut read = Vec::new();
    other.stdout.take().unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, b"", "the end alone has come");
    let mut lines = one.lines();
    for line in ["later", "and later still"] {
        other.write(line);
        assert_eq!(lines.next().unwrap(), line);
    }
    other.end();
    assert_eq!(lines.next(), None);
    assert_eq!((one.status(), other.status()), (Some(0), Some(0)));
}

#[test]
fn a_reader_that_stops_holds_the_writer_up() {
    const MEGABYTE: usize = 1 << 20;
    let serving = Serving::start("pipe-pressure");
    let (mut one, mut other) = two(&serving);
    let mut stdin = one.stdin.take().unwrap();
    let mut stdout = other.stdout.take().unwrap();
    // More than both programs and the kernel's pipes hold: it has not gone until the reader reads.
    let all = bytes(64 * MEGABYTE, 3);
    thread::scope(|scope| {
        let (told, gone) = std::sync::mpsc::channel();
        let sent = &all;
        scope.spawn(move || {
            for part in sent.chunks(MEGABYTE) {
                stdin.write_all(part).unwrap();
                told.send(()).unwrap();
            }
        });
        let mut read = vec![0; MEGABYTE];
        stdout.read_exact(&mut read).unwrap();
        assert!(read == all[..MEGABYTE]);
        // It has stopped when nothing more goes for a while.
        let mut before = 0;
        while gone.recv_timeout(Duration::from_secs(5)).is_ok() {
            before += 1;
        }
        assert!(before < 60, "{before} of 64 MiB have gone, and 1 was read");
        let mut rest = vec![0; 63 * MEGABYTE];
        stdout.read_exact(&mut rest).unwrap();
        assert!(rest == all[MEGABYTE..]);
        before += gone.iter().count();
        assert_eq!(before, 64);
    });
}

#[test]
fn when_the_output_is_closed_the_other_side_hears_of_it() {
    let serving = Serving::start("pipe-closed");
    let (mut one, mut other) = two(&serving);
    one.write("first");
    let mut stdout = other.stdout.take().unwrap();
    let mut first = [0; 6];
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    // Whoever writes notices when the writing fails; until then more is written.
    while writeln!(one.stdin.as_mut().unwrap(), "more").is_ok() && one.child.try_wait().unwrap().is_none() {}
    assert_eq!(one.status(), Some(4));
    assert_eq!(other.status(), Some(1));
    assert!(other.notes.rest().contains("peerline: Standard output: "));
}

#[test]
fn when_one_side_is_killed_the_other_says_that_not_all_has_arrived() {
    let serving = Serving::start("pipe-killed");
    let (mut one, mut other) = two(&serving);
    other.write("before");
    assert_eq!(one.lines().next().unwrap(), "before");
    other.signal(Signal::TERM);
    assert_eq!(other.status(), Some(143));
    assert_eq!(one.status(), Some(5));
    assert!(one.notes.rest().contains("before all had arrived"));
}

#[test]
fn notes_are_json_for_scripts_and_a_link_does_as_well() {
    let serving = Serving::start("pipe-json");
    let mut one = serving.client("ada", &["pipe", "--json"]);
    let code: serde_json::Value = serde_json::from_str(&one.notes.next().unwrap()).unwrap();
    assert_eq!((&code["note"], &code["expires"]), (&"code".into(), &3_600.into()));
    let mut other = serving.client("grace", &["pipe", code["link"].as_str().unwrap()]);
    one.end();
    other.write("hello");
    other.end();
    assert_eq!(one.lines().rest(), "hello");
    assert_eq!((one.status(), other.status()), (Some(0), Some(0)));
    assert!(one.notes.rest().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}
