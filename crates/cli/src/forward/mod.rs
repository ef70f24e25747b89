//! `peerline forward`: TCP connections over data channels, one for each (`docs/streams.md` §5).

mod dial;
mod listen;
mod target;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use serde::{Deserialize, Serialize};

use self::target::Target;
use crate::client::{Client, OnSignal};
use crate::client_options::ClientOptions;
use crate::exit::fail;
use crate::notes::Notes;
use crate::place::PlaceOrNew;
use crate::stream::Credit;

const LABEL: &str = "peerline-forward";
/// Connections at the same time.
const STREAMS: usize = 128;
/// The side that connects has to be ready for some bytes at once: a request needn't wait for the connection.
const UNASKED: u64 = 65_536;
/// Bytes that are held while one connection is slow.
const WINDOW: u64 = 4 << 20;

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("side").required(true).args(["local", "allow"])))]
pub(crate) struct ForwardOptions {
    #[command(flatten)]
    place: PlaceOrNew,

    /// Listen here, and forward what connects [default address: 127.0.0.1]
    #[arg(long, value_name = "[ADDRESS:]PORT", requires = "remote")]
    local: Option<Target>,

    /// With --local: what the other side is to connect to; it has to allow it
    #[arg(long, value_name = "[HOST:]PORT", requires = "local")]
    remote: Option<Target>,

    /// Let the other side have connections to this, made from here; may be given several times
    #[arg(long, value_name = "[HOST:]PORT")]
    allow: Vec<Target>,

    /// Tell what happens as JSON lines on standard error
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    client: ClientOptions,
}

/// What the side that connects says to each who comes, sealed through the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Said {
    Forward { allow: BTreeSet<String> },
}

pub(crate) fn run(options: ForwardOptions) -> ExitCode {
    let ForwardOptions { place, local, remote, allow, json, client } = options;
    let notes = if json { Notes::Json } else { Notes::Sentences };
    let (expiry, place) = (&place.expiry, place.place());
    let by_link = place.is_for_many();
    let client = Client { options: &client, place, expiry, notes, on_signal: OnSignal::Done, direct: true };
    match (local, remote) {
        (Some(local), Some(remote)) => match listen::bind(&local) {
            Ok(listener) => {
                client.run(async |meeting| listen::run(meeting, listener, &remote, by_link, notes).await)
            }
            Err(problem) => fail(problem.failure, problem.why),
        },
        _ => client.run(async |meeting| dial::run(meeting, &allow, by_link, notes).await),
    }
}

/// What the opener of a channel may send, and what it may be sent, before the other side says anything.
const fn credit(may_send: u64, may_receive: u64) -> Credit {
    Credit { may_send, may_receive, window: WINDOW }
}
