//! RFC 9429 (JSEP) and webrtc-pc §4: what is offered, what is answered, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_connection::*;

/// A connection with a data channel, and its offer set.
fn offerer() -> (Connection, String) {
    let mut connection = connection(1);
    connection.create_data_channel(start(), "chat", DataChannelInit::default()).unwrap();
    connection.set_local_description(start(), None).unwrap();
    let offer = connection.local_description().unwrap();
    assert_eq!(offer.kind, SdpType::Offer);
    (connection, offer.sdp)
}

/// The answer of a new connection.
fn answerer(offer: &str) -> (Connection, String) {
    let mut connection = connection(2);
    connection.set_remote_description(start(), Description::offer(offer)).unwrap();
    connection.set_local_description(start(), None).unwrap();
    let answer = connection.local_description().unwrap();
    assert_eq!(answer.kind, SdpType::Answer);
    (connection, answer.sdp)
}

fn negotiated() -> (Connection, Connection) {
    let (mut left, offer) = offerer();
    let (right, answer) = answerer(&offer);
    left.set_remote_description(start(), Description::answer(answer)).unwrap();
    (left, right)
}

/// A further exchange, begun by `from`.
fn negotiate(from: &mut Connection, to: &mut Connection) {
    from.set_local_description(start(), None).unwrap();
    to.set_remote_description(start(), from.local_description().unwrap()).unwrap();
    to.set_local_description(start(), None).unwrap();
    from.set_remote_description(start(), to.local_description().unwrap()).unwrap();
}

fn value<'a>(sdp: &'a str, attribute: &str) -> &'a str {
    lines(sdp, &format!("a={attribute}:"))[0].split_once(':').unwrap().1
}

#[test]
fn section_5_2_1_an_initial_offer_of_data_channels() {
    let (_, offer) = offerer();
    assert_eq!(lines(&offer, "v="), ["v=0"]);
    assert!(
        lines(&offer, "o=")[0].starts_with("o=- ") && lines(&offer, "o=")[0].ends_with(" IN IP4 127.0.0.1")
    );
    assert_eq!(lines(&offer, "s="), ["s=-"]);
    assert_eq!(lines(&offer, "t="), ["t=0 0"]);
    assert_eq!(lines(&offer, "m="), ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]);
    assert_eq!(lines(&offer, "c="), ["c=IN IP4 0.0.0.0"]);
    assert_eq!(value(&offer, "mid"), "0");
    assert_eq!(value(&offer, "group"), "BUNDLE 0");
    assert_eq!(value(&offer, "setup"), "actpass");
    assert_eq!(value(&offer, "sctp-port"), "5000");
    assert_eq!(value(&offer, "max-message-size"), (256 << 20).to_string());
    assert_eq!(value(&offer, "ice-options"), "trickle ice2 sped googspedv1");
    assert!(value(&offer, "fingerprint").starts_with("sha-256 "));
    assert!(value(&offer, "ice-ufrag").len() >= 4 && value(&offer, "ice-pwd").len() >= 22);
    assert!(value(&offer, "tls-id").len() >= 20, "RFC 8842 §4");
}

#[test]
fn section_5_2_1_nothing_to_offer_is_an_offer_without_sections() {
    let mut connection = connection(1);
    let offer = connection.create_offer(start(), false).unwrap();
    assert!(lines(&offer.sdp, "m=").is_empty() && lines(&offer.sdp, "a=group").is_empty());
    connection.set_local_description(start(), Some(offer)).unwrap();
    let (_, answer) = answerer(&connection.local_description().unwrap().sdp);
    connection.set_remote_description(start(), Description::answer(answer)).unwrap();
    assert_eq!(connection.signaling_state(), SignalingState::Stable);
}

#[test]
fn section_5_3_1_the_answerer_begins_dtls_if_it_may_choose() {
    let (_, offer) = offerer();
    for (offered, answered) in [("actpass", "active"), ("active", "passive"), ("passive", "active")] {
        let (_, answer) = answerer(&offer.replace("a=setup:actpass", &format!("a=setup:{offered}")));
        assert_eq!(value(&answer, "setup"), answered, "RFC 8842 §5.3");
    }
    let mut connection = connection(2);
    let offer = offer.replace("a=setup:actpass", "a=setup:holdconn");
    let error = connection.set_remote_description(start(), Description::offer(offer)).unwrap_err();
    assert_eq!(error.name(), "InvalidAccessError");
}

#[test]
fn section_5_3_1_media_is_refused_in_its_place() {
    for name in
        ["chromium-offer-media-data", "firefox-offer-media-data", "firefox-offer-receive-one-codec-data"]
    {
        let (connection, answer) = answerer(&browser(name));
        let offered = browser(name);
        let (offered, answered) = (lines(&offered, "m="), lines(&answer, "m="));
        assert_eq!(offered.len(), answered.len());
        for (offered, answered) in offered.iter().zip(&answered) {
            let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let (offered, answered) = (words(offered), words(answered));
            assert_eq!((&offered[0], &offered[2..]), (&answered[0], &answered[2..]), "RFC 3264 §6");
            assert_eq!(answered[1], if offered[0] == "m=application" { "9" } else { "0" });
        }
        assert_eq!(lines(&answer, "a=mid:").len(), offered.len());
        assert_eq!(value(&answer, "group"), "BUNDLE 2", "RFC 8843 §7.3.3: only what is accepted");
        assert_eq!(connection.signaling_state(), SignalingState::Stable);
    }
}

#[test]
fn section_5_3_1_media_alone_is_refused_and_no_error() {
    for name in ["chromium-offer-simulcast", "firefox-offer-simulcast"] {
        let (_, answer) = answerer(&browser(name));
        assert!(lines(&answer, "m=").iter().all(|line| line.split(' ').nth(1) == Some("0")));
        assert!(lines(&answer, "a=group").is_empty());
    }
}

#[test]
fn browsers_offers_are_answered() {
    for name in ["chromium-offer-data", "firefox-offer-data", "chromium-snap-offer-data"] {
        let (_, answer) = answerer(&browser(name));
        assert_eq!(lines(&answer, "m="), ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]);
        assert_eq!(value(&answer, "setup"), "active");
        let has_init = lines(&answer, "a=sctp-init:").len();
        assert_eq!(has_init, usize::from(name.contains("snap")), "said only to those who said theirs");
    }
}

#[test]
fn section_5_11_browsers_answers_are_taken() {
    for name in ["chromium-answer-data", "firefox-answer-data"] {
        let (mut connection, _) = offerer();
        connection.set_remote_description(start(), Description::answer(browser(name))).unwrap();
        assert_eq!(connection.signaling_state(), SignalingState::Stable);
        assert_eq!(connection.dtls_transport_state(), DtlsTransportState::Connecting);
    }
}

#[test]
fn section_3_2_states_of_the_exchange() {
    let (mut left, offer) = offerer();
    assert_eq!(left.signaling_state(), SignalingState::HaveLocalOffer);
    assert!(left.current_local_description().is_none() && left.pending_local_description().is_some());
    let mut right = connection(2);
    right.set_remote_description(start(), Description::offer(offer)).unwrap();
    assert_eq!(right.signaling_state(), SignalingState::HaveRemoteOffer);

    let answer = right.create_answer(start()).unwrap();
    let provisional = Description { kind: SdpType::Pranswer, ..answer.clone() };
    right.set_local_description(start(), Some(provisional.clone())).unwrap();
    assert_eq!(right.signaling_state(), SignalingState::HaveLocalPranswer);
    left.set_remote_description(start(), provisional).unwrap();
    assert_eq!(left.signaling_state(), SignalingState::HaveRemotePranswer);

    right.set_local_description(start(), Some(answer.clone())).unwrap();
    left.set_remote_description(start(), answer).unwrap();
    for connection in [&left, &right] {
        assert_eq!(connection.signaling_state(), SignalingState::Stable);
        assert!(connection.pending_local_description().is_none());
        assert!(connection.pending_remote_description().is_none());
        assert!(connection.current_local_description().is_some());
        assert!(connection.current_remote_description().is_some());
    }
    let changes: Vec<_> = events(&mut left)
        .into_iter()
        .filter(|event| matches!(event, Event::SignalingStateChange(_)))
        .collect();
    use SignalingState::*;
    assert_eq!(changes, [HaveLocalOffer, HaveRemotePranswer, Stable].map(Event::SignalingStateChange));
}

#[test]
fn webrtc_pc_4_4_1_5_descriptions_out_of_turn_are_invalid_states() {
    let name = |result: Result<(), Error>| result.unwrap_err().name();
    let (mut left, offer) = offerer();
    let (mut right, answer) = answerer(&offer);
    let out_of_turn = [SdpType::Answer, SdpType::Pranswer];
    for kind in out_of_turn {
        let description = Some(Description { kind, sdp: answer.clone() });
        assert_eq!(name(right.set_local_description(start(), description)), "InvalidStateError");
        let description = Description { kind, sdp: answer.clone() };
        assert_eq!(name(right.set_remote_description(start(), description)), "InvalidStateError");
    }
    assert_eq!(
        name(right.set_local_description(start(), Some(Description::rollback()))),
        "InvalidStateError"
    );
    assert_eq!(name(right.set_remote_description(start(), Description::rollback())), "InvalidStateError");
    assert_eq!(left.create_answer(start()).unwrap_err().name(), "InvalidStateError");

    left.close(start());
    assert_eq!(left.signaling_state(), SignalingState::Closed);
    assert_eq!(left.create_offer(start(), false).unwrap_err().name(), "InvalidStateError");
    assert_eq!(name(left.set_local_description(start(), None)), "InvalidStateError");
    assert_eq!(name(left.set_remote_description(start(), Description::answer(answer))), "InvalidStateError");
    assert_eq!(left.set_configuration(Configuration::default()).unwrap_err().name(), "InvalidStateError");
    assert_eq!(events(&mut left), [], "closing fires no events");
}

#[test]
fn webrtc_pc_4_4_1_5_local_descriptions_are_not_to_be_changed() {
    let mut connection = connection(1);
    connection.create_data_channel(start(), "chat", DataChannelInit::default()).unwrap();
    let mut offer = connection.create_offer(start(), false).unwrap();
    offer.sdp = offer.sdp.replace("a=sctp-port:5000", "a=sctp-port:5001");
    let error = connection.set_local_description(start(), Some(offer)).unwrap_err();
    assert_eq!(error.name(), "InvalidModificationError");
}

#[test]
fn webrtc_pc_4_4_1_5_what_is_no_description_is_told_with_its_line() {
    let mut connection = connection(1);
    let offer = browser("chromium-offer-data").replace("a=setup:actpass", "a=setup:later");
    let error = connection.set_remote_description(start(), Description::offer(&offer)).unwrap_err();
    assert_eq!(error.name(), "OperationError");
    let Error::SdpSyntax(error) = error else { panic!("{error}") };
    assert_eq!(offer.lines().nth(error.line - 1), Some("a=setup:later"));
    assert_eq!(connection.signaling_state(), SignalingState::Stable);
}

#[test]
fn section_5_8_3_impossible_descriptions_are_refused() {
    let offer = browser("chromium-offer-media-data");
    let impossible = [
        offer.replace("a=mid:1\r\n", "a=mid:0\r\n"),
        offer.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1 2 3"),
        offer.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1\r\na=group:BUNDLE 1 2"),
        offer
            .lines()
            .filter(|line| !line.starts_with("a=fingerprint"))
            .map(|line| format!("{line}\r\n"))
            .collect(),
        offer
            .lines()
            .filter(|line| !line.starts_with("a=ice-pwd"))
            .map(|line| format!("{line}\r\n"))
            .collect(),
    ];
    for offer in impossible {
        let mut connection = connection(2);
        let error = connection.set_remote_description(start(), Description::offer(offer)).unwrap_err();
        assert_eq!(error.name(), "InvalidAccessError");
        assert_eq!(connection.signaling_state(), SignalingState::Stable);
    }
}

#[test]
fn section_5_11_answers_that_do_not_fit_the_offer_are_refused() {
    let (_, offer) = offerer();
    let (_, answer) = answerer(&offer);
    let misfits = [
        answer.replace("m=application", "m=audio"),
        answer.replace("a=mid:0", "a=mid:9"),
        answer.replace("a=setup:active", "a=setup:actpass"),
        format!("{answer}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"),
        answer.split("m=").next().unwrap().to_owned(),
    ];
    for misfit in misfits {
        let (mut connection, _) = offerer();
        let error = connection.set_remote_description(start(), Description::answer(misfit)).unwrap_err();
        assert_eq!(error.name(), "InvalidAccessError");
        assert_eq!(connection.signaling_state(), SignalingState::HaveLocalOffer);
    }
}

#[test]
fn section_4_1_10_2_rollback_from_either_side() {
    let (mut left, offer) = offerer();
    left.set_local_description(start(), Some(Description::rollback())).unwrap();
    assert_eq!(left.signaling_state(), SignalingState::Stable);
    assert!(left.local_description().is_none());

    let mut right = connection(2);
    right.set_remote_description(start(), Description::offer(&offer)).unwrap();
    let rollback = Description { sdp: "not looked at".into(), ..Description::rollback() };
    right.set_remote_description(start(), rollback).unwrap();
    assert_eq!(right.signaling_state(), SignalingState::Stable);
    assert!(right.remote_description().is_none());

    // And everything works as if nothing had been.
    negotiate(&mut left, &mut right);
    assert!(value(&left.local_description().unwrap().sdp, "ice-ufrag").len() >= 4);
}

#[test]
fn perfect_negotiation_glare_is_resolved_by_implicit_rollback() {
    let mut polite = connection(1);
    let mut impolite = connection(2);
    for connection in [&mut polite, &mut impolite] {
        connection.create_data_channel(start(), "chat", DataChannelInit::default()).unwrap();
        assert!(events(connection).contains(&Event::NegotiationNeeded));
        connection.set_local_description(start(), None).unwrap();
        events(connection);
    }
    // The impolite side ignores the other's offer; the polite one gives its own up.
    let offer = impolite.local_description().unwrap();
    polite.set_remote_description(start(), offer).unwrap();
    let changes = [SignalingState::Stable, SignalingState::HaveRemoteOffer].map(Event::SignalingStateChange);
    let happened = events(&mut polite);
    assert_eq!(happened.iter().filter(|event| matches!(event, Event::SignalingStateChange(_))).count(), 2);
    assert!(changes.iter().all(|change| happened.contains(change)));
    assert!(!happened.contains(&Event::NegotiationNeeded), "no offer can be made now");
    polite.set_local_description(start(), None).unwrap();
    impolite.set_remote_description(start(), polite.local_description().unwrap()).unwrap();
    for connection in [&mut polite, &mut impolite] {
        assert_eq!(connection.signaling_state(), SignalingState::Stable);
        assert!(!events(connection).contains(&Event::NegotiationNeeded), "the section is there");
    }
}

#[test]
fn perfect_negotiation_an_invalid_offer_does_not_undo_the_rollback() {
    let (mut connection, _) = offerer();
    connection.set_remote_description(start(), Description::offer("v=0")).unwrap_err();
    assert_eq!(connection.signaling_state(), SignalingState::Stable);
}

#[test]
fn webrtc_pc_4_7_3_negotiation_is_needed_once_for_the_first_channel() {
    let mut connection = connection(1);
    assert_eq!(events(&mut connection), []);
    for label in ["one", "two"] {
        connection.create_data_channel(start(), label, DataChannelInit::default()).unwrap();
    }
    assert_eq!(events(&mut connection), [Event::NegotiationNeeded]);
    let (mut left, mut right) = negotiated();
    for connection in [&mut left, &mut right] {
        events(connection);
        connection.create_data_channel(start(), "more", DataChannelInit::default()).unwrap();
        assert!(!events(connection).contains(&Event::NegotiationNeeded));
    }
}

#[test]
fn section_5_2_2_later_offers_keep_what_is_agreed_on() {
    let (mut left, mut right) = negotiated();
    let before = left.local_description().unwrap().sdp;
    let roles = (value(&before, "ice-ufrag").to_owned(), right.local_description().unwrap().sdp);
    negotiate(&mut left, &mut right);
    let after = left.local_description().unwrap().sdp;
    assert_eq!(value(&after, "ice-ufrag"), roles.0);
    assert_eq!(value(&after, "tls-id"), value(&before, "tls-id"));
    assert_eq!(value(&after, "setup"), "actpass");
    let version = |sdp: &str| lines(sdp, "o=")[0].split(' ').nth(2).unwrap().parse::<u64>().unwrap();
    let id = |sdp: &str| lines(sdp, "o=")[0].split(' ').nth(1).unwrap().to_owned();
    assert_eq!((id(&after), version(&after)), (id(&before), version(&before) + 1));

    // RFC 8842 §5.3: the roles stay, whoever offers.
    assert_eq!(value(&right.local_description().unwrap().sdp, "setup"), "active");
    negotiate(&mut right, &mut left);
    assert_eq!(value(&left.local_description().unwrap().sdp, "setup"), "passive");
    assert_eq!(value(&right.local_description().unwrap().sdp, "ice-ufrag"), value(&roles.1, "ice-ufrag"));
}

#[test]
fn section_5_2_2_refused_sections_keep_their_places() {
    let (mut connection, _) = answerer(&browser("chromium-offer-media-data"));
    let offer = connection.create_offer(start(), false).unwrap().sdp;
    let kinds: Vec<_> =
        lines(&offer, "m=").iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(kinds, [["m=audio", "0"], ["m=video", "0"], ["m=application", "9"]]);
    assert_eq!(lines(&offer, "a=mid:"), ["a=mid:0", "a=mid:1", "a=mid:2"]);
    assert_eq!(value(&offer, "group"), "BUNDLE 2");

    let (mut connection, _) = answerer(&browser("chromium-offer-simulcast"));
    connection.create_data_channel(start(), "chat", DataChannelInit::default()).unwrap();
    let offer = connection.create_offer(start(), false).unwrap().sdp;
    assert_eq!(lines(&offer, "a=mid:"), ["a=mid:0", "a=mid:1"]);
    assert!(
        lines(&offer, "m=")[0].starts_with("m=video 0 ")
            && lines(&offer, "m=")[1].starts_with("m=application 9 ")
    );
}

#[test]
fn section_5_2_2_a_restart_has_new_credentials_and_so_has_its_answer() {
    let (mut left, mut right) = negotiated();
    let ufrags = |left: &Connection, right: &Connection| {
        [left, right].map(|one| value(&one.local_description().unwrap().sdp, "ice-ufrag").to_owned())
    };
    let before = ufrags(&left, &right);
    events(&mut left);
    left.restart_ice();
    assert_eq!(events(&mut left), [Event::NegotiationNeeded]);
    negotiate(&mut left, &mut right);
    let after = ufrags(&left, &right);
    assert!(before[0] != after[0] && before[1] != after[1], "RFC 8839 §4.4.3.1.1");
    assert!(!events(&mut left).contains(&Event::NegotiationNeeded), "the restart is done");
    negotiate(&mut left, &mut right);
    assert_eq!(ufrags(&left, &right), after, "once only");

    let offer = right.create_offer(start(), true).unwrap();
    assert_ne!(value(&offer.sdp, "ice-ufrag"), after[1], "the option iceRestart");
}

#[test]
fn section_4_1_10_2_a_restart_is_rolled_back() {
    let (mut left, mut right) = negotiated();
    let before = value(&left.local_description().unwrap().sdp, "ice-ufrag").to_owned();
    let offer = left.create_offer(start(), true).unwrap();
    left.set_local_description(start(), Some(offer.clone())).unwrap();
    assert_eq!(left.ice().local_credentials().ufrag, value(&offer.sdp, "ice-ufrag"));
    left.set_local_description(start(), Some(Description::rollback())).unwrap();
    assert_eq!(left.ice().local_credentials().ufrag, before);
    negotiate(&mut right, &mut left);
    assert_eq!(value(&left.local_description().unwrap().sdp, "ice-ufrag"), before);
}

#[test]
fn restart_of_a_peer_that_a_browser_would_begin() {
    for name in ["chromium", "firefox"] {
        let (mut connection, before) = answerer(&browser(&format!("{name}-offer-media-data")));
        let offer = Description::offer(browser(&format!("{name}-restart-media-data")));
        connection.set_remote_description(start(), offer).unwrap();
        connection.set_local_description(start(), None).unwrap();
        let after = connection.local_description().unwrap().sdp;
        assert_ne!(value(&before, "ice-ufrag"), value(&after, "ice-ufrag"));
        assert_eq!(value(&before, "setup"), value(&after, "setup"));
    }
}

#[test]
fn section_5_10_sections_do_not_vanish_or_change() {
    let (mut connection, _) = answerer(&browser("chromium-offer-media-data"));
    let error =
        connection.set_remote_description(start(), Description::offer(browser("chromium-offer-data")));
    assert_eq!(error.unwrap_err().name(), "InvalidAccessError");
    assert_eq!(connection.signaling_state(), SignalingState::Stable);
}

#[test]
fn rfc8841_section_6_1_no_size_means_64_kib_and_0_any() {
    let (_, answer) = answerer(&browser("chromium-offer-data").replace("a=max-message-size:262144\r\n", ""));
    assert_eq!(value(&answer, "max-message-size"), (256 << 20).to_string(), "ours doesn't depend on theirs");
}

#[test]
fn a_refused_section_closes_its_channels() {
    let (mut connection, offer) = offerer();
    let (_, answer) = answerer(&offer);
    let refusal = answer.replace("m=application 9", "m=application 0").replace("a=group:BUNDLE 0\r\n", "");
    connection.set_remote_description(start(), Description::answer(refusal)).unwrap();
    assert_eq!(connection.signaling_state(), SignalingState::Stable);
    assert!(
        !events(&mut connection).contains(&Event::NegotiationNeeded),
        "asking again would be refused again"
    );
    connection.create_data_channel(start(), "again", DataChannelInit::default()).unwrap();
    assert!(events(&mut connection).contains(&Event::NegotiationNeeded));
}

#[test]
fn implicit_offers_say_what_is_wanted_now() {
    let mut connection = connection(1);
    connection.create_offer(start(), false).unwrap();
    connection.create_data_channel(start(), "chat", DataChannelInit::default()).unwrap();
    connection.set_local_description(start(), None).unwrap();
    assert_eq!(lines(&connection.local_description().unwrap().sdp, "m=").len(), 1);
}

#[test]
fn rfc8843_section_7_3_4_the_section_that_has_our_transport_is_held() {
    // With the policy max-bundle only the first section has a transport.
    let balanced = browser("chromium-offer-media-data");
    let (before, data) = balanced.split_at(balanced.find("m=application").unwrap());
    let data = data.replacen("m=application 9", "m=application 0", 1) + "a=bundle-only\r\n";
    let (mut connection, answer) = answerer(&format!("{before}{data}"));
    let ports = |sdp: &str| {
        lines(sdp, "m=").iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ports(&answer), ["9", "0", "9"]);
    assert_eq!(value(&answer, "group"), "BUNDLE 0 2");
    let held = answer.split("m=").nth(1).unwrap();
    assert!(
        held.contains("a=inactive\r\n") && held.contains("a=rtcp-mux\r\n") && held.contains("a=ice-ufrag:")
    );
    assert_eq!(lines(held, "a=rtpmap:").len(), 1);
    let offer = connection.create_offer(start(), false).unwrap().sdp;
    assert_eq!((ports(&offer), value(&offer, "group")), (ports(&answer), "BUNDLE 0 2"));

    // Chromium writes a port in each section, and candidates in the first alone, which mostly follow later.
    let is_told = |line: &&str| !line.starts_with("a=candidate:");
    let trickled: String = balanced.split_inclusive('\n').filter(is_told).collect();
    let (_, answer) = answerer(&trickled);
    assert_eq!((ports(&answer), value(&answer, "group")), (ports(&offer), "BUNDLE 0 2"));
    // Where our section has candidates of its own, the other one can be refused.
    let (_, answer) = answerer(&balanced);
    assert_eq!((ports(&answer).join(" "), value(&answer, "group")), ("0 0 9".into(), "BUNDLE 2"));

    // Later offers of media before an agreed section would take its transport with them, too.
    let (mut connection, _) = answerer(&balanced);
    connection.set_remote_description(start(), Description::offer(&balanced)).unwrap();
    connection.set_local_description(start(), None).unwrap();
    let answer = connection.local_description().unwrap().sdp;
    assert_eq!(
        (ports(&answer), value(&answer, "group")),
        (vec!["9".into(), "0".into(), "9".into()], "BUNDLE 0 2")
    );
}
