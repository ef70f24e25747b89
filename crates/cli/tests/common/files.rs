//! A place where files are sent and received.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Client, PATIENCE, Serving};

/// A server, and a directory for files.
pub struct Place {
    pub serving: Serving,
    pub files: PathBuf,
}

impl Place {
    pub fn new(name: &str) -> Self {
        let serving = Serving::start(name);
        let files = serving.data_dir.join("files");
        fs::create_dir(&files).unwrap();
        Self { serving, files }
    }

    pub fn path(&self, name: &str) -> String {
        self.files.join(name).to_str().unwrap().to_owned()
    }

    /// A file of so many bytes, different ones for each `seed`.
    pub fn file(&self, name: &str, seed: u64, length: u64) -> String {
        let path = self.files.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(length.try_into().unwrap());
        fs::write(path, bytes).unwrap();
        self.path(name)
    }

    /// Somebody sends; gives the program and its code.
    pub fn send(&self, arguments: &[&str]) -> (Client, String) {
        let mut sender = self.serving.client("ada", &[&["send"], arguments].concat());
        let (code, _) = sender.code();
        (sender, code)
    }

    pub fn recv(&self, place: &str, arguments: &[&str]) -> Client {
        let to = self.path("in");
        self.serving.client("grace", &[&["recv", place, "--to", &to], arguments].concat())
    }

    /// `recv` with a terminal as its standard input; gives that terminal's other end.
    pub fn recv_on_terminal(&self, place: &str, arguments: &[&str]) -> (Client, File) {
        let terminal =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&terminal).unwrap();
        rustix::pty::unlockpt(&terminal).unwrap();
        let name = rustix::pty::ptsname(&terminal, Vec::new()).unwrap();
        let input = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let to = self.path("in");
        let mut command = self.serving.command("grace", &[&["recv", place, "--to", &to], arguments].concat());
        command.stdin(input);
        (Client::spawn(command), terminal.into())
    }

    pub fn received(&self, name: &str) -> PathBuf {
        self.files.join("in").join(name)
    }

    /// Waits until at least so many chunks of a file have come, and not all.
    pub fn wait_for_chunks(&self, name: &str, chunks: u64) {
        let state = self.received(&format!("{name}.peerline-state"));
        let began = Instant::now();
        while fs::metadata(&state).map_or(0, |metadata| metadata.len()) < 24 + 40 * chunks {
            assert!(!self.received(name).exists(), "it was too quick");
            assert!(began.elapsed() < PATIENCE, "nothing comes");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
