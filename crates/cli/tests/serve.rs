//! `peerline serve` as people and service managers meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{Serving, program};
use rustix::process::Signal;

fn is_healthy(mut stream: TcpStream) -> bool {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n")
}

#[test]
fn it_says_where_it_is_and_stops_in_order_on_sigterm() {
    let mut serving = Serving::start("sigterm");
    assert!(serving.told.contains("On this machine"));
    assert!(is_healthy(serving.connect()));
    // A connection that stays open does not hold it up.
    let _idle = serving.connect();
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended(Duration::from_secs(4)).code(), Some(0));
    let mut rest = String::new();
    serving.output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "logs go to standard error");
    let mut log = String::new();
    serving.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{log}");
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let mut serving = Serving::start("twice");
    let _idle = serving.connect();
    serving.signal(Signal::INT);
    // The first one has been taken when no new connection is.
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", serving.port)).is_ok() && began.elapsed() < Duration::from_secs(4)
    {
    }
    serving.signal(Signal::INT);
    assert_eq!(serving.ended(Duration::from_secs(4)).code(), Some(0));
}

#[test]
fn after_sigkill_it_comes_back_with_the_same_certificate_and_secret() {
    let mut serving = Serving::start("sigkill");
    let files = || {
        ["turn-secret", "self-signed.pem", "self-signed.key"].map(|file| {
            std::fs::read(
                std::env::temp_dir()
                    .join(format!("peerline-serve-{}-sigkill", std::process::id()))
                    .join(file),
            )
            .unwrap()
        })
    };
    let before = files();
    serving.signal(Signal::KILL);
    serving.child.wait().unwrap();
    let again = Serving::start("sigkill");
    assert!(is_healthy(again.connect()));
    assert_eq!(before, files());
}

#[test]
fn what_makes_no_sense_ends_with_2_and_what_cannot_be_with_1() {
    let run = |arguments: &[&str]| {
        let output = program().arg("serve").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, why) = run(&["--relay-ports", "9-8"]);
    assert_eq!(code, Some(2));
    assert!(why.contains("peerline: --relay-ports: `9-8` is reversed"), "{why}");
    assert_eq!(run(&["--no-such-flag"]).0, Some(2));
    assert_eq!(run(&["--log", "=="]).0, Some(2));
    let (code, why) = run(&["--listen", "127.0.0.1:0", "--data-dir", "/dev/null/x"]);
    assert_eq!(code, Some(1));
    assert!(why.contains("--data-dir: /dev/null/x cannot be used"), "{why}");
}

#[test]
fn help_tells_every_option_in_groups_and_no_secret() {
    let output = program()
        .args(["serve", "--help"])
        .env("PEERLINE_TURN_SECRET", "hunter2hunter2hunter2")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in [
        "Network:",
        "Relay (TURN):",
        "Access:",
        "Operation:",
        "--listen <ADDR:PORT>",
        "[env: PEERLINE_LISTEN=]",
        "Exit status:",
    ] {
        assert!(help.contains(part), "{part} is missing");
    }
    assert!(!help.contains("hunter2"));
}
