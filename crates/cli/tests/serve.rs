//! `peerline serve` as people and service managers meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

struct Serving {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    told: String,
    data_dir: PathBuf,
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerline"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PEERLINE_")) {
        command.env_remove(name);
    }
    command
}

impl Serving {
    fn start(name: &str) -> Self {
        let data_dir = std::env::temp_dir().join(format!("peerline-serve-{}-{name}", std::process::id()));
        let mut child = program()
            .args(["serve", "--data-dir"])
            .arg(&data_dir)
            // An environment variable is as good as a flag.
            .env("PEERLINE_LISTEN", "127.0.0.1:0")
            .env("PEERLINE_LOG_FORMAT", "json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        while !told.ends_with("\n  ready\n") {
            assert!(output.read_line(&mut told).unwrap() > 0, "it ended: {told}");
        }
        let port = told.split("http://localhost:").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        Self { child, output, port, told, data_dir }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(&mut self, within: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < within, "it is still running");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

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
