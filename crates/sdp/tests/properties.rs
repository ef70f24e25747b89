//! What holds for any text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::IpAddr;

use peerline_sdp::*;
use proptest::prelude::*;

fn word(pattern: &'static str) -> impl Strategy<Value = String> {
    proptest::string::string_regex(pattern).unwrap()
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        any::<IpAddr>().prop_map(Address::Ip),
        word("[a-z][a-z0-9-]{0,40}\\.local").prop_map(Address::Name)
    ]
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let transport = prop_oneof![
        Just(Transport::Udp),
        Just(Transport::Tcp(TcpType::Active)),
        Just(Transport::Tcp(TcpType::Passive)),
        Just(Transport::Tcp(TcpType::SimultaneousOpen)),
        word("[a-z]{4,8}").prop_map(Transport::Other),
    ];
    let kind = prop_oneof![
        Just(CandidateType::Host),
        Just(CandidateType::ServerReflexive),
        Just(CandidateType::PeerReflexive),
        Just(CandidateType::Relayed),
        word("[a-z]{6,9}").prop_map(CandidateType::Other),
    ];
    let extension = (word("x-[a-z]{1,8}"), word("[!-~]{1,12}"));
    let first =
        (word("[A-Za-z0-9+/]{1,32}"), 1..=256u16, transport, any::<u32>(), address(), any::<u16>(), kind);
    let second = (proptest::option::of((address(), any::<u16>())), prop::collection::vec(extension, 0..4));
    (first, second).prop_map(
        |((foundation, component, transport, priority, address, port, kind), (related, extensions))| {
            Candidate { foundation, component, transport, priority, address, port, kind, related, extensions }
        },
    )
}

/// A line of a description, known and well-formed, or not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        word("[abcikmt]=[ -~]{0,40}"),
        word("a=[a-z-]{1,12}(:[ -~]{0,20})?"),
        word("m=(audio|video|application) [0-9]{1,5} [A-Z/]{1,20}( [0-9]{1,3}){1,4}"),
        word("a=(mid|group|ice-ufrag|setup|rtpmap|fmtp|extmap|ssrc|simulcast|rid|msid):[a-z0-9/ ;,~]{0,20}"),
        candidate().prop_map(|candidate| format!("a={candidate}")),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_in_does_not_panic(text in any::<String>()) {
        let _ = SessionDescription::parse(&text);
        let _ = text.parse::<Candidate>();
        let _ = format!("candidate:{text}").parse::<Candidate>();
    }

    #[test]
    fn what_is_read_is_written_byte_for_byte(lines in prop::collection::vec(line(), 0..12)) {
        let mut text = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n".to_owned();
        text.extend(lines.iter().map(|line| format!("{line}\r\n")));
        match SessionDescription::parse(&text) {
            Ok(description) => prop_assert_eq!(description.to_string(), text),
            Err(error) => {
                // The position is one of the text's.
                let line = text.lines().nth(error.line - 1).unwrap();
                prop_assert!(error.column <= line.len() + 1, "{error} in {line}");
            }
        }
    }

    #[test]
    fn a_candidate_is_read_as_it_was_written(candidate in candidate()) {
        prop_assert_eq!(candidate.to_string().parse::<Candidate>(), Ok(candidate));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_was_written(hash in prop::collection::vec(any::<u8>(), 1..=64)) {
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), hash };
        prop_assert_eq!(Fingerprint::parse(&fingerprint.value()), Ok(fingerprint));
    }

    #[test]
    fn an_init_chunk_is_read_as_it_was_written(chunk in prop::collection::vec(any::<u8>(), 0..64)) {
        let init = SctpInit(chunk);
        // Nothing at all is no chunk.
        prop_assert_eq!(SctpInit::parse(&init.value()).is_ok(), !init.0.is_empty());
        prop_assert!(SctpInit::parse(&init.value()).is_ok_and(|read| read == init) || init.0.is_empty());
    }
}
