//! What the tests share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use peerline_connection::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Some instant: the machines only compare.
#[allow(clippy::disallowed_methods)]
pub fn start() -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    *START
}

/// Of one length: its signature's is left to chance, and would decide what fits into a datagram of the handshake.
pub fn certificate() -> Certificate {
    let generate = || Certificate::generate(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000));
    std::iter::repeat_with(|| generate().unwrap()).find(|certificate| certificate.der().len() == 293).unwrap()
}

pub fn connection_with(configuration: Configuration, seed: u64) -> Connection {
    Connection::new(configuration, certificate(), StdRng::seed_from_u64(seed)).unwrap()
}

pub fn connection(seed: u64) -> Connection {
    connection_with(Configuration::default(), seed)
}

/// A description that a browser made.
pub fn browser(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdp/tests/descriptions");
    fs::read_to_string(folder.join(name).with_extension("sdp")).unwrap()
}

pub fn events(connection: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.poll_event()).collect()
}

/// The lines of a description that begin so.
pub fn lines<'a>(sdp: &'a str, beginning: &str) -> Vec<&'a str> {
    sdp.lines().filter(|line| line.starts_with(beginning)).collect()
}
