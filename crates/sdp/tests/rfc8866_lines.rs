//! RFC 8866: what is a description and what isn't, and where it goes wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use peerline_sdp::*;

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

fn with(lines: &str) -> String {
    format!("{HEAD}{lines}")
}

fn error(text: &str) -> (usize, usize, String) {
    let error = SessionDescription::parse(text).unwrap_err();
    (error.line, error.column, error.kind.to_string())
}

#[test]
fn section_5_lines_may_end_with_lf_alone() {
    let text = with("a=mid:0\r\n");
    let lf = text.replace('\r', "");
    assert_eq!(SessionDescription::parse(&lf).unwrap().to_string(), text);
    assert_eq!(
        SessionDescription::parse(lf.trim_end()).unwrap().to_string(),
        text,
        "no end of the last line"
    );
    assert_eq!(SessionDescription::parse(&format!("{text}\r\n")).unwrap().to_string(), text);
}

#[test]
fn section_5_version_origin_and_name_come_first() {
    assert_eq!(error(""), (1, 1, "expected a letter and `=`".into()));
    assert_eq!(error("o=- 1 2 IN IP4 127.0.0.1\r\n"), (1, 1, "expected a v= line".into()));
    assert_eq!(error("v=1\r\n"), (1, 3, "expected version 0".into()));
    assert_eq!(error("v=0\r\ns=-\r\n"), (2, 1, "expected an o= line".into()));
    assert_eq!(error("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"), (3, 1, "expected an s= line".into()));
    assert_eq!(error("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nt=0 0"), (3, 1, "expected an s= line".into()));
    assert_eq!(error("v=0\r\no=- one 2 IN IP4 127.0.0.1\r\n"), (2, 5, "expected a session id".into()));
}

#[test]
fn section_5_errors_say_where() {
    assert_eq!(error(&with("\r\nm=audio 9 RTP 0\r\n")), (5, 1, "expected a letter and `=`".into()));
    assert_eq!(error(&with("q=1\r\n")), (5, 1, "unknown type of line".into()));
    assert_eq!(error(&with("m=audio x RTP 0\r\n")), (5, 9, "expected a port".into()));
    assert_eq!(error(&with("m=audio 65536 RTP 0\r\n")), (5, 9, "expected a port".into()));
    assert_eq!(error(&with("m=audio 9 RTP\r\n")), (5, 14, "expected a format".into()));
    assert_eq!(error(&with("m=audio 9 RTP 0\r\nt=0 0\r\n")).2, "a line for the session, in a media section");
    assert_eq!(error(&with("a=setup:sometimes\r\n")).1, 9);
    assert_eq!(error(&with("a=setup\r\n")), (5, 8, "expected a value".into()));
    assert_eq!(error(&with("a=x:\0\r\n")), (5, 5, "a control character that no line may have".into()));
    assert_eq!(error(&with("a=x\r:\r\n")).2, "a control character that no line may have");
}

#[test]
fn section_5_13_unknown_attributes_are_kept() {
    let text = with(
        "a=what\r\na=why:\r\na=how: so \r\nm=audio 9/2 X/Y 0\r\nk=prompt\r\nb=X-YZ:128\r\na=:\r\na=\r\n",
    );
    let description = SessionDescription::parse(&text).unwrap();
    assert_eq!(description.to_string(), text);
    let attributes: Vec<_> = description.session().attributes().collect();
    assert_eq!(attributes, [("what", None), ("why", Some("")), ("how", Some(" so "))]);
    assert_eq!(description.media[0].media_line().ports, 2);
}

#[test]
fn section_5_13_a_name_is_the_whole_name() {
    let text = with("a=setupx:active\r\na=set\r\na=setup:passive\r\n");
    let description = SessionDescription::parse(&text).unwrap();
    let session = description.session();
    assert_eq!(session.all::<Setup>().collect::<Vec<_>>(), [Setup::Passive]);
    assert!(session.has("set") && session.has("setup") && !session.has("setu") && !session.has("setup:"));
    let mut session = session.clone();
    session.remove("setup");
    assert!(session.has("set") && session.has("setupx") && !session.has("setup"));
}

#[test]
fn descriptions_have_limits() {
    let lines = "a=x\n".repeat(MAX_LINES);
    assert_eq!(error(&with(&lines)).2, "too large");
    let media = "m=audio 9 X 0\n".repeat(MAX_MEDIA + 1);
    assert_eq!(error(&with(&media)).2, "too large");
    let long = "x".repeat(MAX_LENGTH);
    assert_eq!(error(&with(&format!("a={long}"))), (1, 1, "too large".into()));
}

#[test]
fn a_description_is_built_line_by_line() {
    let mut offer = SessionDescription::new(Origin::new(1));
    offer.session_mut().push(&Group { semantics: BUNDLE.into(), mids: vec!["0".into()] });
    let line = MediaLine {
        media: "application".into(),
        port: 9,
        ports: 1,
        protocol: "UDP/DTLS/SCTP".into(),
        formats: vec!["webrtc-datachannel".into()],
    };
    let mut media = MediaDescription::new(line.clone());
    media.push_line('c', "IN IP4 0.0.0.0");
    media.push(&Mid("0".into()));
    media.push(&SctpPort(5000));
    media.push_flag(flag::END_OF_CANDIDATES);
    offer.media.push(media);
    let text = with(
        "a=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
         a=mid:0\r\na=sctp-port:5000\r\na=end-of-candidates\r\n",
    );
    assert_eq!(offer.to_string(), text);
    assert_eq!(SessionDescription::parse(&text).unwrap(), offer);
    assert!(offer.media_by_mid("0").unwrap().is_data_channel());

    offer.set_origin(Origin { version: 3, ..offer.origin().clone() });
    offer.media[0].set_media_line(MediaLine { port: 0, ..line });
    offer.media[0].remove(Mid::NAME);
    offer.media[0].set_line('c', "IN IP6 ::");
    let text = text.replace("o=- 1 2", "o=- 1 3").replace("m=application 9", "m=application 0");
    assert_eq!(offer.to_string(), text.replace("a=mid:0\r\n", "").replace("IP4 0.0.0.0", "IP6 ::"));
}

#[test]
fn no_value_can_begin_a_line_of_its_own() {
    let mut description = SessionDescription::new(Origin::new(1));
    description.session_mut().push_attribute("x", Some("1\r\na=setup:active"));
    assert_eq!(description.session().attributes().count(), 1);
    assert_eq!(SessionDescription::parse(&description.to_string()).unwrap(), description);
}

#[test]
fn passwords_do_not_show_in_logs() {
    let text =
        with("a=ice-pwd:0123456789012345678901\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n");
    let debug = format!("{:?}", SessionDescription::parse(&text).unwrap());
    assert!(!debug.contains("0123456789") && !debug.contains("inline"), "{debug}");
}
