//! The media sections that we write.

use peerline_ice::Credentials;
use peerline_sdp::{
    Attribute, BUNDLE, Candidate, CandidateType, Direction, Group, IceOptions, IcePwd, IceUfrag,
    MaxMessageSize, MediaDescription, MediaLine, Mid, Origin, RtpMap, SctpInit, SctpPort, SessionDescription,
    Setup, TlsId, Transport, flag,
};

use super::session::LocalSettings;

/// What one of our data sections says of its transport.
pub(super) struct LocalTransport<'a> {
    pub credentials: &'a Credentials,
    pub setup: Setup,
    pub sctp_init: Option<Vec<u8>>,
}

/// The ICE options that say that DTLS travels with checks: the draft's (draft-hancke-webrtc-sped), and Chromium's.
pub(super) const SPED: [&str; 2] = ["sped", "googspedv1"];

/// A description of ours without media sections (RFC 9429 §5.2.1), with more ICE options than those that we always have.
pub(super) fn empty(origin: Origin, options: impl Iterator<Item = &'static str>) -> SessionDescription {
    let mut description = SessionDescription::new(origin);
    let options = ["trickle", "ice2"].into_iter().chain(options).map(str::to_owned);
    description.session_mut().push(&IceOptions(options.collect()));
    description
}

/// Says that the sections with these `a=mid`s share one transport. Nothing is said of none.
pub(super) fn bundle(description: &mut SessionDescription, mids: Vec<String>) {
    if !mids.is_empty() {
        let group = Group { semantics: BUNDLE.to_owned(), mids };
        description.session_mut().push(&group);
    }
}

/// The section for data channels (RFC 9429 §5.2.1, RFC 8841 §4).
pub(super) fn data(
    protocol: &str,
    mid: Option<&str>,
    settings: &LocalSettings,
    transport: &LocalTransport<'_>,
) -> MediaDescription {
    let mut media = MediaDescription::new(MediaLine {
        media: "application".to_owned(),
        port: 9,
        ports: 1,
        protocol: protocol.to_owned(),
        formats: vec!["webrtc-datachannel".to_owned()],
    });
    media.push_line('c', "IN IP4 0.0.0.0");
    if let Some(mid) = mid {
        media.push(&Mid(mid.to_owned()));
    }
    describe_transport(&mut media, settings, transport);
    media.push(&SctpPort(settings.sctp_port));
    media.push(&MaxMessageSize(settings.max_message_size as u64));
    if let Some(init) = &transport.sctp_init {
        media.push(&SctpInit(init.clone()));
    }
    media
}

/// A section of media that may not be refused, because its transport is that of our data channels
/// (RFC 8843 §7.3.4): it is taken, with one of its formats, and nothing flows.
pub(super) fn held(
    like: &MediaDescription,
    settings: &LocalSettings,
    transport: &LocalTransport<'_>,
) -> MediaDescription {
    let format: Vec<String> = like.media_line().formats.iter().take(1).cloned().collect();
    let media_line = MediaLine { port: 9, ports: 1, formats: format.clone(), ..like.media_line().clone() };
    let mut media = MediaDescription::new(media_line);
    media.push_line('c', "IN IP4 0.0.0.0");
    if let Some(mid) = like.mid() {
        media.push(&Mid(mid));
    }
    describe_transport(&mut media, settings, transport);
    media.push_flag(Direction::Inactive.as_str());
    if like.has(flag::RTCP_MUX) {
        media.push_flag(flag::RTCP_MUX);
    }
    let is_taken = |map: &RtpMap| format.contains(&map.payload_type.to_string());
    like.all::<RtpMap>().filter(is_taken).for_each(|map| media.push(&map));
    media
}

fn describe_transport(
    media: &mut MediaDescription,
    settings: &LocalSettings,
    transport: &LocalTransport<'_>,
) {
    media.push(&IceUfrag(transport.credentials.ufrag.clone()));
    media.push(&IcePwd(transport.credentials.pwd.clone()));
    media.push_attribute(peerline_sdp::Fingerprint::NAME, Some(&settings.fingerprint.to_string()));
    media.push(&transport.setup);
    media.push(&TlsId(settings.tls_id.clone()));
}

/// Our sections whose transport has this user name fragment.
pub(super) fn with_ufrag<'a>(
    description: &'a mut SessionDescription,
    ufrag: &'a str,
) -> impl Iterator<Item = (usize, &'a mut MediaDescription)> {
    let has_ufrag = move |media: &MediaDescription| media.get::<IceUfrag>().is_some_and(|own| own.0 == ufrag);
    description.media.iter_mut().enumerate().filter(move |(_, media)| has_ufrag(media))
}

/// A section that is refused: port 0 (RFC 3264 §6, RFC 9429 §5.3.1).
pub(super) fn refused(like: &MediaDescription) -> MediaDescription {
    let mut media = MediaDescription::new(MediaLine { port: 0, ports: 1, ..like.media_line().clone() });
    media.push_line('c', "IN IP4 0.0.0.0");
    if let Some(mid) = like.mid() {
        media.push(&Mid(mid));
    }
    if like.media_line().protocol.contains("RTP") {
        media.push_flag(Direction::Inactive.as_str());
    }
    media
}

/// Adds a candidate to a section of ours, and says where media goes by default (RFC 8839 §4.2.1.2).
pub(super) fn add_candidate(media: &mut MediaDescription, candidate: &Candidate) {
    media.push(candidate);
    let suitability = |candidate: &Candidate| match candidate.kind {
        _ if candidate.transport != Transport::Udp || candidate.address.ip().is_none() => None,
        CandidateType::Relayed => Some(3),
        CandidateType::ServerReflexive => Some(2),
        CandidateType::Host => Some(1),
        CandidateType::PeerReflexive | CandidateType::Other(_) => None,
    };
    let candidates: Vec<Candidate> = media.all().collect();
    let default =
        candidates.iter().filter_map(|one| Some((suitability(one)?, one))).max_by_key(|(rank, _)| *rank);
    if let Some((address, port)) = default.and_then(|(_, one)| Some((one.address.ip()?, one.port))) {
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        media.set_line('c', &format!("IN {family} {address}"));
        let media_line = MediaLine { port, ..media.media_line().clone() };
        media.set_media_line(media_line);
    }
}

/// Says that no more candidates follow.
pub(super) fn end_candidates(media: &mut MediaDescription) {
    if !media.has(flag::END_OF_CANDIDATES) {
        media.push_flag(flag::END_OF_CANDIDATES);
    }
}
