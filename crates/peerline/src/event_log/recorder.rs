//! Watches one connection for the log: what its machine says is written as it is said, and what it only shows (candidates,
//! pairs, counters) is looked at after each event and a few times a second.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use peerline_connection::{ChannelHandle, Connection, Event as Machine, IceServerUrl, ServerId};
use peerline_dtls::{Role as DtlsRole, Version};
use peerline_ice::{CandidateId, CandidateStatistics, PairId, PairState, PairStatistics, Role, Statistics};
use peerline_sctp::State as SctpState;

use super::{CallId, EventLog, LogEvent, LoggedCandidate, LoggedStatistics, words};
use crate::statistics;
use crate::{Description, SdpType};

/// How often the machine is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How often its counters are written.
const STATISTICS: Duration = Duration::from_secs(5);

/// What the log knows of a connection.
#[derive(Debug)]
pub(crate) struct Recorder {
    log: EventLog,
    number: u64,
    call: Option<CallId>,
    /// Candidates as they were written last. One that a check found may later be told, and be of another kind then.
    candidates: BTreeMap<CandidateId, LoggedCandidate>,
    local_count: usize,
    remote_count: usize,
    pairs: BTreeMap<PairId, WrittenPair>,
    selected: Option<PairId>,
    role: Option<Role>,
    sctp: SctpState,
    local_ufrag: Option<String>,
    remote_ufrag: Option<String>,
    channels: HashMap<ChannelHandle, u32>,
    channel_count: u32,
    statistics_due: Instant,
}

#[derive(Debug)]
struct WrittenPair {
    name: String,
    last: Option<(Instant, PairState)>,
    is_nominated: bool,
}

impl Recorder {
    pub(crate) fn new(
        log: EventLog,
        connection: &Connection,
        participant: Option<String>,
        offers: Option<bool>,
    ) -> Self {
        let configuration = connection.configuration();
        let relay_only = configuration.ice_transport_policy == crate::IceTransportPolicy::Relay;
        let servers = configuration.ice_servers.iter().flat_map(|server| server.urls.clone()).collect();
        let now = Instant::now();
        let recorder = Self {
            number: log.next_connection(),
            log,
            call: None,
            candidates: BTreeMap::new(),
            local_count: 0,
            remote_count: 0,
            pairs: BTreeMap::new(),
            selected: None,
            role: None,
            sctp: SctpState::Closed,
            local_ufrag: None,
            remote_ufrag: None,
            channels: HashMap::new(),
            channel_count: 0,
            statistics_due: now + STATISTICS,
        };
        recorder.write(now, LogEvent::Connection { participant, offers, relay_only, servers });
        recorder
    }

    /// The connection is over.
    pub(crate) fn close(self) {
        self.write(Instant::now(), LogEvent::Closed);
    }

    /// A description was set.
    pub(crate) fn describe(
        &mut self,
        connection: &Connection,
        side: &'static str,
        description: Option<Description>,
    ) {
        let now = Instant::now();
        let Some(Description { kind, sdp }) = description else { return };
        if self.call.is_none() {
            let both = connection.local_description().zip(connection.remote_description());
            self.call = both.and_then(|(local, remote)| CallId::of_descriptions(&local.sdp, &remote.sdp));
        }
        let ufrag = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        let ufrag = ufrag.map(|ufrag| ufrag.trim().to_owned());
        let known = if side == "local" { &mut self.local_ufrag } else { &mut self.remote_ufrag };
        let is_restart = known.is_some() && ufrag.is_some() && *known != ufrag;
        known.clone_from(&ufrag);
        let candidates = sdp.lines().filter(|line| line.starts_with("a=candidate:")).count();
        let kind = match kind {
            SdpType::Offer => "offer",
            SdpType::Pranswer | SdpType::Answer => "answer",
            SdpType::Rollback => return,
        };
        let event = LogEvent::Description { side: side.into(), kind: kind.into(), ufrag, candidates };
        self.write(now, event);
        if is_restart {
            self.write(now, LogEvent::Restart { side: side.into() });
        }
    }

    /// The machine says something. `true`: it is worth a look.
    pub(crate) fn hear(
        &mut self,
        connection: &Connection,
        servers: &HashMap<ServerId, IceServerUrl>,
        event: &Machine,
    ) -> bool {
        let event = match event {
            Machine::SignalingStateChange(state) => {
                LogEvent::Signaling { state: words::signaling(*state).into() }
            }
            Machine::ConnectionStateChange(state) => {
                LogEvent::State { state: words::connection(*state).into() }
            }
            Machine::IceGatheringStateChange(state) => {
                LogEvent::Gathering { state: words::gathering(*state).into() }
            }
            Machine::IceConnectionStateChange(state) => LogEvent::Ice { state: words::ice(*state).into() },
            Machine::IceCandidateError { server, local, error_code } => {
                let url = servers.get(server).map(IceServerUrl::to_string).unwrap_or_default();
                LogEvent::ServerFailed { url, local: local.to_string(), code: *error_code }
            }
            Machine::DtlsTransportStateChange(state) => {
                let role = connection.dtls_role().map(|role| match role {
                    DtlsRole::Active => "client",
                    DtlsRole::Passive => "server",
                });
                let version = connection.dtls_connected().map(|connected| match connected.version {
                    Version::Dtls12 => "1.2",
                    Version::Dtls13 => "1.3",
                });
                LogEvent::Dtls {
                    state: words::dtls(*state).into(),
                    role: role.map(Into::into),
                    version: version.map(Into::into),
                }
            }
            Machine::DtlsTransportError(failure) => LogEvent::DtlsFailed { reason: failure.to_string() },
            Machine::DataChannel(channel) | Machine::DataChannelOpen(channel) => {
                self.data_channel(connection, *channel, "open")
            }
            Machine::DataChannelClosing(channel) => self.data_channel(connection, *channel, "closing"),
            Machine::DataChannelClose { channel, .. } => self.data_channel(connection, *channel, "closed"),
            Machine::IceCandidate(_)
            | Machine::OpenRelay { .. }
            | Machine::CloseRelay(_)
            | Machine::OpenTcp { .. }
            | Machine::CloseTcp(_)
            | Machine::PortSearchWanted { .. }
            | Machine::OpenSocket { .. }
            | Machine::CloseSocket(_) => return true,
            Machine::NegotiationNeeded
            | Machine::DataChannelMessage { .. }
            | Machine::DataChannelPart { .. }
            | Machine::DataChannelBufferedAmountLow(_)
            | Machine::ServersWanted(_)
            | Machine::ResolveName(_)
            | Machine::RemoteAddress { .. } => return false,
        };
        let is_dtls = matches!(event, LogEvent::Dtls { .. });
        // What led to it comes first; what SCTP does follows from DTLS.
        self.look_at_ice(connection, servers);
        if !is_dtls {
            self.look_at_sctp(connection);
        }
        self.write(Instant::now(), event);
        self.look_at_sctp(connection);
        false
    }

    /// Writes what is new in the machine.
    pub(crate) fn look(&mut self, connection: &Connection, servers: &HashMap<ServerId, IceServerUrl>) {
        self.look_at_ice(connection, servers);
        self.look_at_sctp(connection);
    }

    fn look_at_ice(&mut self, connection: &Connection, servers: &HashMap<ServerId, IceServerUrl>) {
        let now = Instant::now();
        let ice = connection.ice().statistics();
        if self.role != Some(ice.role) && !ice.remote_candidates.is_empty() {
            self.role = Some(ice.role);
            self.write(now, LogEvent::Role { role: words::role(ice.role).into() });
        }
        for candidate in &ice.local_candidates {
            self.look_at_candidate(now, candidate, true, servers);
        }
        for candidate in &ice.remote_candidates {
            self.look_at_candidate(now, candidate, false, servers);
        }
        self.look_at_pairs(&ice);
        if self.selected != ice.selected_pair {
            self.selected = ice.selected_pair;
            self.write(now, LogEvent::Selected { pair: self.pair_name(ice.selected_pair) });
        }
        if self.statistics_due <= now {
            self.statistics_due = now + STATISTICS;
            self.write(now, LogEvent::Statistics(self.statistics(&ice)));
        }
    }

    fn look_at_sctp(&mut self, connection: &Connection) {
        let sctp = connection.data_channels().association().state();
        if self.sctp != sctp {
            self.sctp = sctp;
            self.write(Instant::now(), LogEvent::Sctp { state: words::sctp(sctp).into() });
        }
    }

    fn look_at_candidate(
        &mut self,
        now: Instant,
        candidate: &CandidateStatistics,
        is_local: bool,
        servers: &HashMap<ServerId, IceServerUrl>,
    ) {
        let before = self.candidates.get(&candidate.id);
        let name = match before {
            Some(before) => before.candidate.clone(),
            None if is_local => format!("L{}", self.local_count + 1),
            None => format!("R{}", self.remote_count + 1),
        };
        let stats = statistics::describe(candidate, servers);
        let logged = LoggedCandidate {
            candidate: name,
            kind: stats.candidate_type.into(),
            protocol: stats.protocol.into(),
            tcp_type: stats.tcp_type.map(Into::into),
            address: stats.address,
            port: stats.port,
            priority: stats.priority,
            ufrag: stats.username_fragment,
            url: stats.url,
            relay_protocol: stats.relay_protocol.map(Into::into),
            related_address: stats.related_address,
            related_port: stats.related_port,
        };
        if before == Some(&logged) {
            return;
        }
        if before.is_none() {
            let count = if is_local { &mut self.local_count } else { &mut self.remote_count };
            *count += 1;
        }
        self.candidates.insert(candidate.id, logged.clone());
        let event =
            if is_local { LogEvent::LocalCandidate(logged) } else { LogEvent::RemoteCandidate(logged) };
        self.write(now, event);
    }

    fn look_at_pairs(&mut self, ice: &Statistics) {
        let mut events = Vec::new();
        for pair in &ice.pairs {
            let next = self.pairs.len() + 1;
            let written = self.pairs.entry(pair.id).or_insert_with(|| WrittenPair {
                name: format!("P{next}"),
                last: None,
                is_nominated: false,
            });
            let (name, mut before) = (&written.name, written.last);
            for (at, state) in news(pair, before) {
                let named =
                    |id| self.candidates.get(&id).map(|logged| logged.candidate.clone()).unwrap_or_default();
                events.push((
                    at,
                    LogEvent::Pair {
                        pair: name.clone(),
                        local: named(pair.local),
                        remote: named(pair.remote),
                        state: state.as_str().into(),
                        round_trip: milliseconds(pair.current_round_trip_time)
                            .filter(|_| state == PairState::Succeeded),
                    },
                ));
                if state == PairState::Failed
                    && before.is_some_and(|(_, state)| state == PairState::Succeeded)
                {
                    events.push((at, LogEvent::ConsentLost { pair: name.clone() }));
                }
                before = Some((at, state));
            }
            written.last = before;
            if pair.nominated && !std::mem::replace(&mut written.is_nominated, true) {
                events.push((Instant::now(), LogEvent::Nominated { pair: written.name.clone() }));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        for (at, event) in events {
            self.write(at, event);
        }
    }

    fn statistics(&self, ice: &Statistics) -> LoggedStatistics {
        let sum = |count: fn(&PairStatistics) -> u64| ice.pairs.iter().map(count).sum();
        let selected = ice.pairs.iter().find(|pair| Some(pair.id) == ice.selected_pair);
        LoggedStatistics {
            pair: self.pair_name(ice.selected_pair),
            round_trip: selected.and_then(|pair| milliseconds(pair.current_round_trip_time)),
            packets_sent: sum(|pair| pair.counters.packets_sent),
            packets_received: sum(|pair| pair.counters.packets_received),
            bytes_sent: sum(|pair| pair.counters.bytes_sent),
            bytes_received: sum(|pair| pair.counters.bytes_received),
            requests_sent: sum(|pair| pair.counters.requests_sent),
            responses_received: sum(|pair| pair.counters.responses_received),
        }
    }

    fn data_channel(
        &mut self,
        connection: &Connection,
        channel: ChannelHandle,
        state: &'static str,
    ) -> LogEvent {
        let next = self.channel_count + 1;
        let number = *self.channels.entry(channel).or_insert(next);
        self.channel_count = self.channel_count.max(number);
        let label = connection.data_channel(channel).map(|described| described.label.clone());
        if state == "closed" {
            self.channels.remove(&channel);
        }
        LogEvent::DataChannel { channel: number, label, state: state.into() }
    }

    fn pair_name(&self, pair: Option<PairId>) -> Option<String> {
        self.pairs.get(&pair?).map(|written| written.name.clone())
    }

    fn write(&self, at: Instant, event: LogEvent) {
        self.log.write(at, Some(self.number), self.call.clone(), event);
    }
}

/// The states of a pair after the one that was written last.
fn news(
    pair: &PairStatistics,
    last: Option<(Instant, PairState)>,
) -> impl Iterator<Item = (Instant, PairState)> {
    let known = last.and_then(|last| pair.history.iter().rposition(|entry| *entry == last));
    pair.history.iter().skip(known.map_or(0, |position| position + 1)).copied()
}

fn milliseconds(time: Option<Duration>) -> Option<f64> {
    time.map(super::milliseconds)
}
