//! RFC 8839 §5.1 and RFC 6544 §4.5: candidates as text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use peerline_sdp::*;

#[test]
fn section_5_1_all_fields() {
    let text = "candidate:842163049 1 udp 1677729535 203.0.113.7 50824 typ srflx raddr 10.0.0.5 rport 50825 \
                generation 0 ufrag vI3f network-id 3 network-cost 10";
    let candidate: Candidate = text.parse().unwrap();
    assert_eq!(candidate.foundation, "842163049");
    assert_eq!((candidate.component, candidate.priority, candidate.port), (1, 1_677_729_535, 50_824));
    assert_eq!(candidate.address.ip(), Some([203, 0, 113, 7].into()));
    assert_eq!(candidate.kind, CandidateType::ServerReflexive);
    assert_eq!(candidate.related, Some((Address::Ip([10, 0, 0, 5].into()), 50_825)));
    assert_eq!(candidate.ufrag(), Some("vI3f"));
    assert_eq!(candidate.extension("network-id"), Some("3"));
    assert_eq!(candidate.to_string(), text);
    let line: Candidate = format!("a={text}\r\n").parse().unwrap();
    assert_eq!(line, candidate);
}

#[test]
fn section_5_1_addresses_may_be_names_and_of_either_family() {
    for address in ["192.0.2.1", "2001:db8::1", "4c6a18a6-99b9-4a44-9f30-9a3e5b1d2f6a.local", "host.example."]
    {
        let text = format!("candidate:1 1 udp 1 {address} 9 typ host");
        assert_eq!(text.parse::<Candidate>().unwrap().to_string(), text);
    }
    let zone = "candidate:1 1 udp 1 fe80::1%eth0 9 typ host";
    assert_eq!(zone.parse::<Candidate>().unwrap_err().offset, 20);
}

#[test]
fn section_5_1_what_is_newer_than_we_are_is_kept() {
    let text = "candidate:1 1 quic 1 192.0.2.1 9 typ satellite orbit low";
    let candidate: Candidate = text.parse().unwrap();
    assert_eq!(candidate.transport, Transport::Other("quic".into()));
    assert_eq!(candidate.kind, CandidateType::Other("satellite".into()));
    assert_eq!(candidate.to_string(), text);
}

#[test]
fn rfc6544_section_4_5_tcp_says_who_opens() {
    let text = "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active";
    let candidate: Candidate = text.parse().unwrap();
    assert_eq!(candidate.transport, Transport::Tcp(TcpType::Active));
    assert_eq!(candidate.to_string(), text.replace("TCP", "tcp"));
    let silent: Candidate = "candidate:1 1 tcp 1 192.0.2.1 9 typ host".parse().unwrap();
    assert_eq!(silent.transport, Transport::Other("tcp".into()));
}

#[test]
fn section_5_1_errors_say_where() {
    let cases = [
        ("", 0),
        ("a=mid:0", 2),
        ("candidate:", 10),
        ("candidate:- 1 udp 1 192.0.2.1 9 typ host", 10),
        ("candidate:1 0 udp 1 192.0.2.1 9 typ host", 12),
        ("candidate:1 257 udp 1 192.0.2.1 9 typ host", 12),
        ("candidate:1 1 udp -1 192.0.2.1 9 typ host", 18),
        ("candidate:1 1 udp 1 192.0.2.1 65536 typ host", 30),
        ("candidate:1 1 udp 1 192.0.2.1 9 type host", 32),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ", 35),
        ("a=candidate:1 1 udp 1 192.0.2.1 9 typ host raddr x:y rport 1", 49),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ host lonely", 47),
        ("a=candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag x\r\na=ice-lite\r\n", 50),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ host x y\r ", 44),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ host x \0", 43),
    ];
    for (text, offset) in cases {
        assert_eq!(text.parse::<Candidate>().unwrap_err().offset, offset, "{text}");
    }
    let long = format!("candidate:1 1 udp 1 192.0.2.1 9 typ host x {}", "y".repeat(MAX_CANDIDATE_LENGTH));
    assert!(long.parse::<Candidate>().is_err());
}
