//! The program as people run it: a server, and whoever meets there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod files;

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take on a machine that does a lot else.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The program, without what the environment says about it.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerline"));
    for (name, _) in std::env::vars() {
        if name.starts_with("PEERLINE_") || name.to_ascii_uppercase().ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command
}

/// `peerline serve` on a port of its own.
pub struct Serving {
    pub child: Child,
    pub output: BufReader<ChildStdout>,
    pub port: u16,
    pub told: String,
    pub data_dir: PathBuf,
}

impl Serving {
    /// `name` tells the data directories of tests apart.
    pub fn start(name: &str) -> Self {
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

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Where clients on this machine find it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        ended(&mut self.child, within)
    }

    /// Starts a command of the program that meets somebody here. The user's data is in the directory of this name.
    pub fn client(&self, user: &str, arguments: &[&str]) -> Client {
        Client::start(self.command(user, arguments))
    }

    /// The same, not started yet.
    pub fn command(&self, user: &str, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .env("PEERLINE_SERVER", self.url())
            .env("PEERLINE_DATA_DIR", self.data_dir.join(user))
            .env("PEERLINE_NAME", user);
        command
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

/// A command that runs, and what it says.
pub struct Client {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    /// Until [`Client::lines`] reads it.
    pub stdout: Option<ChildStdout>,
    pub notes: Lines,
}

impl Client {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        Self::spawn(command)
    }

    /// With the standard input that the command has been given.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let notes = Lines::of(child.stderr.take().unwrap());
        Self { child, stdin, stdout, notes }
    }

    /// Standard output as lines.
    pub fn lines(&mut self) -> Lines {
        Lines::of(self.stdout.take().unwrap())
    }

    /// Writes a line to standard input.
    pub fn write(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends standard input.
    pub fn end(&mut self) {
        self.stdin = None;
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit status, once it has ended by itself.
    pub fn status(&mut self) -> Option<i32> {
        ended(&mut self.child, PATIENCE).code()
    }

    /// The code that it made, and the link that goes with it.
    pub fn code(&mut self) -> (String, String) {
        let code = after(&self.notes.find("The code is"), "The code is  ");
        let link = after(&self.notes.find("In a browser: "), "In a browser: ");
        (code, link)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What follows `start` in a line.
pub fn after(line: &str, start: &str) -> String {
    line.split_once(start).unwrap_or_else(|| panic!("`{start}` is not in `{line}`")).1.to_owned()
}

/// The end of a question, which is answered on its line.
const QUESTION: &[u8] = b"[y/N] ";

/// What a program writes, line by line, as it comes.
pub struct Lines {
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            let mut byte = [0];
            loop {
                let is_over = output.read_exact(&mut byte).is_err();
                line.extend_from_slice(if is_over { &[] } else { &byte });
                if line.ends_with(b"\n") || line.ends_with(QUESTION) || is_over && !line.is_empty() {
                    let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                    if sender.send(text).is_err() {
                        return;
                    }
                    line.clear();
                }
                if is_over {
                    return;
                }
            }
        });
        Self { lines, seen: Vec::new() }
    }

    /// The next line; `None` at the end.
    pub fn next(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                panic!("nothing more came after {:#?}", self.seen)
            }
        }
    }

    /// The next line with `part` in it; those before are passed over.
    pub fn find(&mut self, part: &str) -> String {
        loop {
            match self.next() {
                Some(line) if line.contains(part) => return line,
                Some(_) => {}
                None => panic!("it ended without `{part}`: {:#?}", self.seen),
            }
        }
    }

    /// All that is left, as one text.
    pub fn rest(&mut self) -> String {
        std::iter::from_fn(|| self.next()).collect::<Vec<_>>().join("\n")
    }
}

pub fn ended(child: &mut Child, within: Duration) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < within, "it is still running");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a command to its end, without input: its exit status, and what it wrote to standard output and to standard error.
pub fn run(arguments: &[&str], directory: &Path) -> (Option<i32>, String, String) {
    let output =
        program().args(arguments).env("PEERLINE_DATA_DIR", directory).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
