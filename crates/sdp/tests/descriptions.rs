//! What browsers produce is read and written without loss.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use peerline_sdp::*;

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    fs::read_to_string(folder.join(name).with_extension("sdp")).unwrap()
}

fn description(name: &str) -> SessionDescription {
    SessionDescription::parse(&text(name)).unwrap()
}

#[test]
fn what_browsers_say_is_written_as_it_was_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sdp") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let description =
            SessionDescription::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(description.to_string(), text, "{}", path.display());
        read += 1;
    }
    assert!(read >= 19, "{read} descriptions");
}

/// A known attribute's value, read and written: the same but for the case of words where case doesn't count.
fn assert_written_again<A: Attribute>(description: &SessionDescription) {
    for section in
        std::iter::once(description.session()).chain(description.media.iter().map(|media| &**media))
    {
        let values = section.attributes().filter(|(name, _)| *name == A::NAME);
        for (_, value) in values {
            let value = value.unwrap();
            let written = A::parse(value).unwrap().value();
            assert!(written.trim().eq_ignore_ascii_case(value.trim()), "{value} became {written}");
        }
    }
}

#[test]
fn typed_views_are_written_as_they_were_read() {
    for name in ["chromium-offer-media-data", "firefox-offer-media-data", "chromium-offer-simulcast"] {
        let description = description(name);
        assert_written_again::<Candidate>(&description);
        assert_written_again::<ExtMap>(&description);
        assert_written_again::<Fingerprint>(&description);
        assert_written_again::<Fmtp>(&description);
        assert_written_again::<Group>(&description);
        assert_written_again::<IceOptions>(&description);
        assert_written_again::<IcePwd>(&description);
        assert_written_again::<IceUfrag>(&description);
        assert_written_again::<MaxMessageSize>(&description);
        assert_written_again::<Mid>(&description);
        assert_written_again::<Msid>(&description);
        assert_written_again::<Rid>(&description);
        assert_written_again::<RtcpFeedback>(&description);
        assert_written_again::<RtpMap>(&description);
        assert_written_again::<SctpPort>(&description);
        assert_written_again::<Setup>(&description);
        assert_written_again::<Simulcast>(&description);
        assert_written_again::<Ssrc>(&description);
        assert_written_again::<SsrcGroup>(&description);
    }
}

#[test]
fn chromium_offers_a_data_channel() {
    let offer = description("chromium-offer-data");
    assert_eq!(offer.groups(BUNDLE).next().unwrap().mids, ["0"]);
    let [media] = &offer.media[..] else { panic!("one section") };
    assert!(media.is_data_channel());
    assert_eq!(media.media_line().port, 9);
    assert_eq!(media.mid().as_deref(), Some("0"));
    assert_eq!(media.get::<Setup>(), Some(Setup::ActPass));
    assert_eq!(media.get::<SctpPort>(), Some(SctpPort(5000)));
    assert_eq!(media.get::<MaxMessageSize>(), Some(MaxMessageSize(262_144)));
    assert!(media.get::<IceOptions>().unwrap().contains("trickle"));
    let fingerprint: Fingerprint = media.get().unwrap();
    assert_eq!((fingerprint.algorithm.as_str(), fingerprint.hash.len()), ("sha-256", 32));
    for candidate in media.all::<Candidate>() {
        assert_eq!(candidate.transport, Transport::Udp);
        assert_eq!(candidate.kind, CandidateType::Host);
        assert_eq!(candidate.component, 1);
        assert!(matches!(&candidate.address, Address::Name(name) if name.ends_with(".local")));
        assert_eq!(candidate.extension("generation"), Some("0"));
        assert_eq!(candidate.extension("network-cost"), Some("999"));
    }
    assert!(media.all::<Candidate>().count() > 0);
}

#[test]
fn firefox_says_fingerprint_and_options_for_the_whole_session() {
    let offer = description("firefox-offer-data");
    assert!(offer.session().get::<Fingerprint>().is_some());
    assert!(offer.session().get::<IceOptions>().is_some());
    assert_eq!(offer.session().direction(), Some(Direction::SendReceive));
    let [media] = &offer.media[..] else { panic!("one section") };
    assert!(media.get::<Fingerprint>().is_none());
    assert!(media.has(flag::END_OF_CANDIDATES));
    let active =
        media.all::<Candidate>().find(|candidate| candidate.transport == Transport::Tcp(TcpType::Active));
    assert_eq!(active.unwrap().port, 9);
}

#[test]
fn firefox_leaves_feedback_for_payload_types_that_it_dropped() {
    let offer = description("firefox-offer-receive-one-codec-data");
    let video = offer.media.iter().find(|media| media.media_line().media == "video").unwrap();
    let is_listed = |feedback: &RtcpFeedback| match feedback.payload_types {
        PayloadTypes::All => true,
        PayloadTypes::One(number) => video.media_line().formats.contains(&number.to_string()),
    };
    assert!(!video.all::<RtcpFeedback>().all(|feedback| is_listed(&feedback)));
}

#[test]
fn media_is_described() {
    let offer = description("chromium-offer-media-data");
    let video = offer.media.iter().find(|media| media.media_line().media == "video").unwrap();
    let vp8 = video.all::<RtpMap>().find(|map| map.encoding == "VP8").unwrap();
    assert_eq!(vp8.clock_rate, 90_000);
    assert!(video.media_line().formats.contains(&vp8.payload_type.to_string()));
    let rtx = video.all::<Fmtp>().find(|fmtp| fmtp.parameter("apt") == Some(&vp8.payload_type.to_string()));
    assert!(rtx.is_some());
    assert!(video.has(flag::RTCP_MUX) && video.has(flag::RTCP_RSIZE));
    assert!(video.all::<ExtMap>().any(|map| map.uri == "urn:ietf:params:rtp-hdrext:sdes:mid"));
    let audio = offer.media.iter().find(|media| media.media_line().media == "audio").unwrap();
    let opus = audio.all::<RtpMap>().find(|map| map.encoding == "opus").unwrap();
    assert_eq!((opus.clock_rate, opus.parameters.as_deref()), (48_000, Some("2")));

    let offer = description("chromium-offer-simulcast");
    let simulcast: Simulcast = offer.media[0].get().unwrap();
    let rids: Vec<_> = simulcast.send.iter().map(|alternatives| alternatives[0].rid.as_str()).collect();
    assert_eq!(rids, ["q", "h", "f"]);
    assert!(offer.media[0].all::<Rid>().all(|rid| rid.direction == RidDirection::Send));
}

#[test]
fn chromium_puts_an_init_chunk_into_the_description() {
    for name in ["chromium-snap-offer-data", "chromium-snap-answer-data"] {
        let init: SctpInit = description(name).media[0].get().unwrap();
        assert_eq!(init.0[0], 1, "RFC 9260 §3.3.2: the chunk's type");
        assert_eq!(usize::from(u16::from_be_bytes([init.0[2], init.0[3]])), init.0.len());
    }
}

#[test]
fn a_new_generation_is_a_new_user_name_fragment_in_the_same_session() {
    for browser in ["chromium", "firefox"] {
        let before = description(&format!("{browser}-offer-media-data"));
        let after = description(&format!("{browser}-restart-media-data"));
        assert_eq!(before.origin().session_id, after.origin().session_id);
        assert!(before.origin().version < after.origin().version);
        assert_ne!(before.media[0].get::<IceUfrag>(), after.media[0].get::<IceUfrag>());
    }
}

#[test]
fn snap_an_init_chunk_that_is_not_base64_is_ignored() {
    let text = text("chromium-snap-offer-data").replace("a=sctp-init:", "a=sctp-init:?");
    let description = SessionDescription::parse(&text).unwrap();
    assert_eq!(description.media[0].get::<SctpInit>(), None);
    assert_eq!(description.to_string(), text);
}
