//! Statistics (W3C webrtc-stats): the specification's dictionaries, names and ids. Serialized they are what a browser's
//! `getStats` gives.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::time::{Duration, Instant, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use peerline_connection::{Certificate, Connection, DtlsTransportState, IceServerUrl, ServerId, Transport};
use peerline_dtls::{Fingerprint, HashFunction};
use peerline_ice::{CandidateId, CandidateStatistics, PairStatistics, Role, Statistics};
use serde::Serialize;

use crate::data_channel::Channel;
use crate::peer::State;

/// The id of the one transport there is.
const TRANSPORT: &str = "T0";

/// Figures of a connection (W3C `RTCStatsReport`), by their ids.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct StatsReport(BTreeMap<String, Entry>);

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Entry {
    id: String,
    /// Milliseconds since 1970.
    timestamp: f64,
    #[serde(flatten)]
    stats: Stats,
}

/// The dictionaries, by their `type`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stats {
    /// `RTCPeerConnectionStats`
    PeerConnection(PeerConnectionStats),
    /// `RTCTransportStats`
    Transport(TransportStats),
    /// `RTCIceCandidatePairStats`
    CandidatePair(CandidatePairStats),
    /// `RTCIceCandidateStats` of one of ours
    LocalCandidate(CandidateStats),
    /// `RTCIceCandidateStats` of one of the peer's
    RemoteCandidate(CandidateStats),
    /// `RTCDataChannelStats`
    DataChannel(DataChannelStats),
    /// `RTCCertificateStats`
    Certificate(CertificateStats),
}

/// `RTCPeerConnectionStats`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerConnectionStats {
    /// How many channels have been open.
    pub data_channels_opened: u32,
    /// How many of those are closed.
    pub data_channels_closed: u32,
}

/// `RTCTransportStats`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportStats {
    /// Datagrams sent, over all pairs.
    pub packets_sent: u64,
    /// Datagrams received.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// `controlling` or `controlled`.
    pub ice_role: &'static str,
    /// Our user name fragment.
    pub ice_local_username_fragment: String,
    /// `client`, `server`, or `unknown` before that is agreed on.
    pub dtls_role: &'static str,
    /// The state of DTLS.
    pub dtls_state: &'static str,
    /// The version of DTLS as on the wire, in hexadecimal: `FEFD` is 1.2, `FEFC` 1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<&'static str>,
    /// The state of ICE.
    pub ice_state: &'static str,
    /// The pair that data flows over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_candidate_pair_id: Option<String>,
    /// How often data was given another pair.
    pub selected_candidate_pair_changes: u32,
    /// Our certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_certificate_id: Option<String>,
    /// The peer's certificate, once it has proved to have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_certificate_id: Option<String>,
}

/// `RTCIceCandidatePairStats`. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidatePairStats {
    /// The transport.
    pub transport_id: &'static str,
    /// Our candidate.
    pub local_candidate_id: String,
    /// The peer's candidate.
    pub remote_candidate_id: String,
    /// `frozen`, `waiting`, `in-progress`, `failed` or `succeeded`.
    pub state: &'static str,
    /// Whether the controlling side decided for it.
    pub nominated: bool,
    /// Datagrams sent.
    pub packets_sent: u64,
    /// Datagrams received.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// When the newest datagram was sent, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_packet_sent_timestamp: Option<f64>,
    /// When the newest datagram was received, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_packet_received_timestamp: Option<f64>,
    /// The sum of all round trips, in seconds.
    pub total_round_trip_time: f64,
    /// The newest round trip, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_round_trip_time: Option<f64>,
    /// Checks sent.
    pub requests_sent: u64,
    /// Checks received.
    pub requests_received: u64,
    /// Answers sent.
    pub responses_sent: u64,
    /// Answers received.
    pub responses_received: u64,
    /// Consent checks sent (RFC 7675).
    pub consent_requests_sent: u64,
}

/// `RTCIceCandidateStats`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateStats {
    /// The transport.
    pub transport_id: &'static str,
    /// The address, or the name below `.local` that hides it.
    pub address: String,
    /// The port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub protocol: &'static str,
    /// Of one of TCP, who opens its connections: `active`, `passive` or `so` (RFC 6544).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_type: Option<&'static str>,
    /// `host`, `srflx`, `prflx` or `relay`.
    pub candidate_type: String,
    /// RFC 8445 §5.1.2.
    pub priority: u32,
    /// RFC 8445 §5.1.1.3.
    pub foundation: String,
    /// Of one of ours, the URL of the server that it was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How the relay is reached: `udp`, `tcp` or `tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_protocol: Option<&'static str>,
    /// The address that it is related to, for instance the one behind the NAT (RFC 8445 §5.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related_address: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related_port: Option<u16>,
    /// The user name fragment it was gathered under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// `RTCDataChannelStats`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataChannelStats {
    /// The channel's name.
    pub label: String,
    /// The application's protocol.
    pub protocol: String,
    /// The channel's id, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_channel_identifier: Option<u16>,
    /// `connecting`, `open`, `closing` or `closed`.
    pub state: &'static str,
    /// Messages given to `send`.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// `RTCCertificateStats`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStats {
    /// The fingerprint's value.
    pub fingerprint: String,
    /// The fingerprint's hash function.
    pub fingerprint_algorithm: &'static str,
    /// The certificate's DER in base64.
    pub base64_certificate: String,
}

impl StatsReport {
    /// All of them, with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Stats)> {
        self.0.iter().map(|(id, entry)| (id.as_str(), &entry.stats))
    }

    /// What has this id.
    pub fn get(&self, id: &str) -> Option<&Stats> {
        self.0.get(id).map(|entry| &entry.stats)
    }

    /// The pair that data flows over.
    pub fn selected_candidate_pair(&self) -> Option<&CandidatePairStats> {
        let Some(Stats::Transport(transport)) = self.get(TRANSPORT) else {
            return None;
        };
        match self.get(transport.selected_candidate_pair_id.as_deref()?) {
            Some(Stats::CandidatePair(pair)) => Some(pair),
            _ => None,
        }
    }

    pub(crate) fn new(state: &State, certificates: &[Certificate]) -> Self {
        let clock = Clock::now();
        let timestamp = clock.timestamp(clock.instant);
        let mut entries = BTreeMap::new();
        let mut add = |id: String, stats| {
            entries.insert(id.clone(), Entry { id, timestamp, stats });
        };
        let connection = &state.connection;
        let ice = connection.ice().statistics();
        let mut certificates: Vec<_> =
            certificates.iter().map(|ours| CertificateStats::of(ours.der())).collect();
        let local_certificate = certificates.first().map(CertificateStats::id);
        let remote_certificate = connection.dtls_connected().map(|connected| {
            certificates.push(CertificateStats::of(&connected.peer_certificate));
            certificates.last().map(CertificateStats::id)
        });
        add(
            "P".into(),
            Stats::PeerConnection(PeerConnectionStats {
                data_channels_opened: state.opened,
                data_channels_closed: state.closed,
            }),
        );
        let transport = TransportStats {
            local_certificate_id: local_certificate,
            remote_certificate_id: remote_certificate.flatten(),
            ..transport(connection, &ice)
        };
        add(TRANSPORT.into(), Stats::Transport(transport));
        for candidate in &ice.local_candidates {
            add(candidate_id('L', candidate), Stats::LocalCandidate(describe(candidate, &state.servers)));
        }
        for candidate in &ice.remote_candidates {
            add(candidate_id('R', candidate), Stats::RemoteCandidate(describe(candidate, &state.servers)));
        }
        for pair in &ice.pairs {
            add(pair_id(&ice, pair), Stats::CandidatePair(candidate_pair(&ice, pair, &clock)));
        }
        for channel in state.channels.values() {
            add(format!("D{}", channel.number), Stats::DataChannel(data_channel(channel)));
        }
        for certificate in certificates {
            add(certificate.id(), Stats::Certificate(certificate));
        }
        Self(entries)
    }
}

/// What time it is on both clocks.
struct Clock {
    instant: Instant,
    since_1970: Duration,
}

impl Clock {
    fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), since_1970 }
    }

    /// Milliseconds since 1970.
    fn timestamp(&self, instant: Instant) -> f64 {
        (self.since_1970.saturating_sub(self.instant.saturating_duration_since(instant))).as_secs_f64() * 1e3
    }
}

impl CertificateStats {
    fn of(certificate: &[u8]) -> Self {
        let fingerprint = Fingerprint::of(HashFunction::Sha256, certificate);
        Self {
            fingerprint: fingerprint.value(),
            fingerprint_algorithm: fingerprint.hash_function().name(),
            base64_certificate: BASE64_STANDARD.encode(certificate),
        }
    }

    fn id(&self) -> String {
        format!("CF{}", self.fingerprint)
    }
}

fn transport(connection: &Connection, ice: &Statistics) -> TransportStats {
    let sum = |count: fn(&PairStatistics) -> u64| ice.pairs.iter().map(count).sum();
    let selected = ice.pairs.iter().find(|pair| Some(pair.id) == ice.selected_pair);
    TransportStats {
        packets_sent: sum(|pair| pair.counters.packets_sent),
        packets_received: sum(|pair| pair.counters.packets_received),
        bytes_sent: sum(|pair| pair.counters.bytes_sent),
        bytes_received: sum(|pair| pair.counters.bytes_received),
        ice_role: match ice.role {
            Role::Controlling => "controlling",
            Role::Controlled => "controlled",
        },
        ice_local_username_fragment: ice.local_ufrag.clone(),
        dtls_role: match connection.dtls_role() {
            Some(peerline_dtls::Role::Active) => "client",
            Some(peerline_dtls::Role::Passive) => "server",
            None => "unknown",
        },
        tls_version: connection.dtls_connected().map(|connected| connected.version.number()),
        dtls_state: match connection.dtls_transport_state() {
            DtlsTransportState::New => "new",
            DtlsTransportState::Connecting => "connecting",
            DtlsTransportState::Connected => "connected",
            DtlsTransportState::Closed => "closed",
            DtlsTransportState::Failed => "failed",
        },
        ice_state: ice.state.as_str(),
        selected_candidate_pair_id: selected.map(|pair| pair_id(ice, pair)),
        selected_candidate_pair_changes: ice.selected_pair_changes,
        local_certificate_id: None,
        remote_certificate_id: None,
    }
}

fn candidate_pair(ice: &Statistics, pair: &PairStatistics, clock: &Clock) -> CandidatePairStats {
    let counters = &pair.counters;
    CandidatePairStats {
        transport_id: TRANSPORT,
        local_candidate_id: id_of(&ice.local_candidates, 'L', pair.local),
        remote_candidate_id: id_of(&ice.remote_candidates, 'R', pair.remote),
        state: pair.state.as_str(),
        nominated: pair.nominated,
        packets_sent: counters.packets_sent,
        packets_received: counters.packets_received,
        bytes_sent: counters.bytes_sent,
        bytes_received: counters.bytes_received,
        last_packet_sent_timestamp: counters.last_packet_sent.map(|at| clock.timestamp(at)),
        last_packet_received_timestamp: counters.last_packet_received.map(|at| clock.timestamp(at)),
        total_round_trip_time: pair.total_round_trip_time.as_secs_f64(),
        current_round_trip_time: pair.current_round_trip_time.as_ref().map(Duration::as_secs_f64),
        requests_sent: counters.requests_sent,
        requests_received: counters.requests_received,
        responses_sent: counters.responses_sent,
        responses_received: counters.responses_received,
        consent_requests_sent: counters.consent_requests_sent,
    }
}

pub(crate) fn describe(
    statistics: &CandidateStatistics,
    servers: &HashMap<ServerId, IceServerUrl>,
) -> CandidateStats {
    let candidate = &statistics.candidate;
    let ufrag = candidate.extensions.iter().find(|(name, _)| name == "ufrag");
    CandidateStats {
        transport_id: TRANSPORT,
        address: candidate.address.to_string(),
        port: candidate.port,
        protocol: match candidate.transport {
            peerline_sdp::Transport::Tcp(_) => "tcp",
            _ => "udp",
        },
        tcp_type: match candidate.transport {
            peerline_sdp::Transport::Tcp(tcp_type) => Some(tcp_type.as_str()),
            _ => None,
        },
        candidate_type: candidate.kind.as_str().to_owned(),
        priority: candidate.priority,
        foundation: candidate.foundation.clone(),
        relay_protocol: statistics.relay_protocol.map(|transport| match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }),
        url: statistics.server.and_then(|server| servers.get(&server)).map(IceServerUrl::to_string),
        related_address: candidate.related.as_ref().map(|(address, _)| address.to_string()),
        related_port: candidate.related.as_ref().map(|(_, port)| *port),
        username_fragment: ufrag.map(|(_, value)| value.clone()),
    }
}

fn data_channel(channel: &Channel) -> DataChannelStats {
    let description = channel.description();
    let ((messages_sent, bytes_sent), (messages_received, bytes_received)) =
        (channel.sent.get(), channel.received.get());
    DataChannelStats {
        label: description.label,
        protocol: description.protocol,
        data_channel_identifier: description.id.map(|id| id.0),
        state: channel.state().as_str(),
        messages_sent,
        bytes_sent,
        messages_received,
        bytes_received,
    }
}

/// What it is, is what names a candidate.
fn candidate_id(side: char, statistics: &CandidateStatistics) -> String {
    let candidate = &statistics.candidate;
    let what = (
        candidate.address.to_string(),
        candidate.port,
        candidate.kind.as_str(),
        candidate.foundation.as_str(),
    );
    format!("I{side}{:016x}", BuildHasherDefault::<DefaultHasher>::default().hash_one(what))
}

fn id_of(candidates: &[CandidateStatistics], side: char, id: CandidateId) -> String {
    let candidate = candidates.iter().find(|candidate| candidate.id == id);
    candidate.map(|candidate| candidate_id(side, candidate)).unwrap_or_default()
}

fn pair_id(ice: &Statistics, pair: &PairStatistics) -> String {
    let local = id_of(&ice.local_candidates, 'L', pair.local);
    format!("CP{local}_{}", id_of(&ice.remote_candidates, 'R', pair.remote))
}
