//! What the owner of a client may choose.

use std::time::Duration;

/// Times and names; the defaults suit a person's connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// The client's name and version, told to the server; at most 200 characters.
    pub agent: String,
    /// How long a connection may take to open and to be welcomed.
    pub connect: Duration,
    /// How long a `pong` may take.
    pub pong: Duration,
    /// The same after [`super::Client::wake`], when doubt is justified.
    pub probe: Duration,
    /// The same after [`super::Client::network_changed`], when the connection is likely gone; a server that is far away has more time.
    pub doubt: Duration,
    /// How long a member is kept whom the server doesn't know any more after it has lost its memory: it may be on its way back.
    pub missing: Duration,
    /// When a channel that the server refused to let us back into is tried again.
    pub rejoin: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            agent: concat!("peerline/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect: Duration::from_secs(10),
            pong: Duration::from_secs(10),
            probe: Duration::from_secs(3),
            doubt: Duration::from_millis(500),
            missing: Duration::from_secs(60),
            rejoin: Duration::from_secs(10),
        }
    }
}
