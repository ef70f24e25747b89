//! What one side's log says of one connection, as facts.

use std::collections::BTreeMap;

use peerline::event_log::{LogEvent, LoggedCandidate};

use super::read::Line;

/// Something, when it was (milliseconds, by the clock of the whole story), and on which line it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) at: f64,
    pub(super) line: usize,
    pub(super) what: T,
}

/// A pair of candidates, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) local: String,
    pub(super) remote: String,
    pub(super) states: Vec<At<String>>,
    pub(super) round_trip: Option<f64>,
}

impl Pair {
    pub(super) fn was(&self, state: &str) -> Option<&At<String>> {
        self.states.iter().find(|at| at.what == state)
    }

    pub(super) fn last(&self) -> Option<&At<String>> {
        self.states.last()
    }
}

/// One side of a connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Side {
    /// The log's name.
    pub(super) log: String,
    pub(super) began: Option<At<()>>,
    pub(super) relay_only: bool,
    pub(super) servers: Vec<String>,
    pub(super) described: Option<At<()>>,
    pub(super) remote_described: Option<At<()>>,
    pub(super) gathered: Option<At<()>>,
    pub(super) local: BTreeMap<String, At<LoggedCandidate>>,
    pub(super) remote: BTreeMap<String, At<LoggedCandidate>>,
    /// Servers that didn't help, and their codes.
    pub(super) server_failures: Vec<At<(String, u16)>>,
    pub(super) pairs: BTreeMap<String, Pair>,
    /// Which pair data took from when on.
    pub(super) selected: Vec<At<Option<String>>>,
    pub(super) consent_lost: Vec<At<String>>,
    pub(super) restarts: Vec<At<String>>,
    pub(super) states: Vec<At<String>>,
    pub(super) ice: Vec<At<String>>,
    pub(super) dtls: Vec<At<String>>,
    pub(super) dtls_failed: Option<At<String>>,
    pub(super) sctp: Option<At<()>>,
    pub(super) channel_open: Option<At<()>>,
    pub(super) closed: Option<At<()>>,
    /// Of the server, while this connection lived.
    pub(super) server_lost: Vec<At<String>>,
    pub(super) last_line: Option<At<()>>,
}

impl Side {
    /// Reads the lines of one connection, and those of the server. Times are moved by `offset`.
    pub(super) fn of(log: &str, lines: &[Line], connection: u64, offset: f64) -> Self {
        let mut side = Self { log: log.to_owned(), ..Self::default() };
        for line in lines {
            match line.record.connection {
                Some(number) if number == connection => side.take(line, offset),
                None if side.began.is_some() && side.closed.is_none() => side.hear_server(line, offset),
                _ => {}
            }
        }
        side
    }

    fn hear_server(&mut self, line: &Line, offset: f64) {
        if let LogEvent::Server { state, reason } = &line.record.event
            // Leaving closes the session, too.
            && state != "online"
            && state != "closed"
        {
            let what = reason.clone().unwrap_or_else(|| state.to_string());
            self.server_lost.push(At { at: line.at + offset, line: line.number, what });
        }
    }

    fn take(&mut self, line: &Line, offset: f64) {
        let (at, line, event) = (line.at + offset, line.number, &line.record.event);
        let here = || Some(At { at, line, what: () });
        let word = |word: &str| At { at, line, what: word.to_owned() };
        self.last_line = here();
        match event {
            LogEvent::Connection { relay_only, servers, .. } => {
                self.began = here();
                self.relay_only = *relay_only;
                self.servers.clone_from(servers);
            }
            LogEvent::Description { side, .. } if side == "local" => {
                self.described = self.described.take().or_else(here);
            }
            LogEvent::Description { .. } => {
                self.remote_described = self.remote_described.take().or_else(here);
            }
            LogEvent::Gathering { state } if state == "complete" => {
                self.gathered = self.gathered.take().or_else(here);
            }
            LogEvent::LocalCandidate(candidate) => {
                let what = At { at, line, what: candidate.clone() };
                self.local.entry(candidate.candidate.clone()).or_insert(what).what = candidate.clone();
            }
            LogEvent::RemoteCandidate(candidate) => {
                let what = At { at, line, what: candidate.clone() };
                self.remote.entry(candidate.candidate.clone()).or_insert(what).what = candidate.clone();
            }
            LogEvent::ServerFailed { url, code, .. } => {
                self.server_failures.push(At { at, line, what: (url.clone(), *code) });
            }
            LogEvent::Pair { pair, local, remote, state, round_trip } => {
                let pair = self.pairs.entry(pair.clone()).or_insert_with(|| Pair {
                    local: String::new(),
                    remote: String::new(),
                    states: Vec::new(),
                    round_trip: None,
                });
                (pair.local, pair.remote) = (local.clone(), remote.clone());
                pair.states.push(word(state));
                pair.round_trip = pair.round_trip.or(*round_trip);
            }
            LogEvent::Selected { pair } => self.selected.push(At { at, line, what: pair.clone() }),
            LogEvent::ConsentLost { pair } => self.consent_lost.push(word(pair)),
            LogEvent::Restart { side } => self.restarts.push(word(side)),
            LogEvent::State { state } => self.states.push(word(state)),
            LogEvent::Ice { state } => self.ice.push(word(state)),
            LogEvent::Dtls { state, .. } => self.dtls.push(word(state)),
            LogEvent::DtlsFailed { reason } => self.dtls_failed = Some(word(reason)),
            LogEvent::Sctp { state } if state == "established" => self.sctp = self.sctp.take().or_else(here),
            LogEvent::DataChannel { state, .. } if state == "open" => {
                self.channel_open = self.channel_open.take().or_else(here);
            }
            LogEvent::Closed => self.closed = here(),
            _ => {}
        }
    }

    /// When the connection stood first.
    pub(super) fn connected(&self) -> Option<&At<String>> {
        self.states.iter().find(|at| at.what == "connected")
    }

    /// When DTLS came into a state first.
    pub(super) fn dtls(&self, state: &str) -> Option<&At<String>> {
        self.dtls.iter().find(|at| at.what == state)
    }

    /// The pair that data took at last, with its line.
    pub(super) fn path(&self) -> Option<(&Pair, usize)> {
        let selected = self.selected.iter().rev().find(|at| at.what.is_some())?;
        Some((self.pairs.get(selected.what.as_ref()?)?, selected.line))
    }

    pub(super) fn local(&self, name: &str) -> Option<&LoggedCandidate> {
        self.local.get(name).map(|at| &at.what)
    }

    pub(super) fn remote(&self, name: &str) -> Option<&LoggedCandidate> {
        self.remote.get(name).map(|at| &at.what)
    }

    /// Whether a relay is in it, on either side.
    pub(super) fn is_relayed(&self, pair: &Pair) -> bool {
        self.local(&pair.local).into_iter().chain(self.remote(&pair.remote)).any(|end| end.kind == "relay")
    }

    /// Pairs without a relay.
    pub(super) fn direct_pairs(&self) -> impl Iterator<Item = (&String, &Pair)> {
        self.pairs.iter().filter(|(_, pair)| !self.is_relayed(pair))
    }

    pub(super) fn has_local(&self, kind: &str) -> bool {
        self.local.values().any(|at| at.what.kind == kind)
    }

    pub(super) fn has_remote(&self, kind: &str) -> bool {
        self.remote.values().any(|at| at.what.kind == kind)
    }
}
