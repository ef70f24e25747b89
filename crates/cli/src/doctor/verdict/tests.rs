//! The verdict on each type of site, from evidence as it is seen there.

use std::net::{IpAddr, SocketAddr};

use super::super::evidence::{
    Call, Clock, Filtering, Interface, Mapping, OpenedPort, OtherTcp, Outcome, PacketSize, PortMapping,
    Proxy, Tcp, Turn, TurnResult, UdpAnswer, Web,
};
use super::super::status;
use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A server at two addresses with two ports each, as it saw one socket, in the order it was asked.
fn mappings(ports: [u16; 4]) -> Vec<Mapping> {
    let servers = ["198.51.100.10:3478", "198.51.100.10:8443", "198.51.100.11:3478", "198.51.100.11:8443"];
    let outside = |port| SocketAddr::new("203.0.113.2".parse().unwrap(), port);
    let servers = servers.map(at).into_iter().zip(ports);
    servers.map(|(server, port)| Mapping { server, mapped: Some(outside(port)) }).collect()
}

fn answer(ports: [u16; 4], filtering: (bool, bool)) -> UdpAnswer {
    let mappings = mappings(ports);
    UdpAnswer {
        local: at("10.1.0.2:40000"),
        mapping_local: at("10.1.0.2:40001"),
        mapped: mappings[0].mapped.unwrap(),
        round_trip: 20.0,
        mappings,
        filtering: Some(Filtering { from_other_address: filtering.0, from_other_port: filtering.1 }),
        hairpin: Some(false),
        packets: Some(PacketSize { passed: 1500, lost: None }),
    }
}

/// The same without a NAT: the server sees the machine's own address.
fn without_nat(local: &str, filtering: (bool, bool)) -> UdpAnswer {
    let mut answer = answer([40000; 4], filtering);
    answer.local = at(local);
    answer.mapped = answer.local;
    for mapping in &mut answer.mappings {
        mapping.mapped = Some(answer.local);
    }
    answer.hairpin = None;
    answer
}

fn turn(transport: &'static str, works: bool) -> Turn {
    let result = if works {
        TurnResult::Allocated { relayed: at("198.51.100.10:50000"), took: 30.0 }
    } else {
        TurnResult::Failed { reason: "the connection was closed".to_owned() }
    };
    Turn { url: format!("turn:198.51.100.10:8443?transport={transport}"), transport, result }
}

/// A machine in a site behind a server that answers in every way; `udp` is what comes of UDP.
fn evidence(udp: Option<UdpAnswer>) -> Evidence {
    let works = udp.is_some();
    let server = at("198.51.100.10:3478");
    Evidence {
        server: "https://198.51.100.10:8443".to_owned(),
        addresses: vec![server.ip()],
        interfaces: vec![Interface { name: "eth0".to_owned(), address: "10.1.0.2".parse().unwrap() }],
        web: Some(Web::Answered { took: 50.0 }),
        proxy: None,
        signaling: Some(Outcome::Done { took: 80.0 }),
        other_tcp: Some(OtherTcp { address: server, outcome: Tcp::Refused, reason: None }),
        clock: Some(Clock { ahead: 0.2, within: 0.6 }),
        udp: vec![Udp {
            server: server.ip(),
            ports: vec![3478, 8443],
            attempts: 4,
            answer: udp,
            unsendable: None,
        }],
        port_mapping: None,
        turn: vec![turn("udp", works), turn("tcp", true), turn("tls", true)],
        call: None,
    }
}

fn nothing_but(web: Web, proxy: Option<Proxy>) -> Evidence {
    Evidence {
        web: Some(web),
        proxy,
        signaling: Some(Outcome::Failed { reason: "no answer in 3 s".to_owned() }),
        turn: Vec::new(),
        clock: None,
        ..evidence(None)
    }
}

fn kind(verdicts: &[Verdict], about: About) -> &'static str {
    verdicts.iter().find(|verdict| verdict.about == about).unwrap().kind
}

#[test]
fn each_type_of_site_is_called_by_its_name() {
    let same = [40000; 4];
    let tcp_only = |open, tcp_works| Evidence {
        other_tcp: Some(OtherTcp { address: at("198.51.100.10:3478"), outcome: open, reason: None }),
        turn: vec![turn("udp", false), turn("tcp", tcp_works), turn("tls", true)],
        ..evidence(None)
    };
    let proxy = Proxy { address: "http://10.1.0.1:3128".to_owned(), web: Web::Answered { took: 90.0 } };
    let v6 = Evidence {
        interfaces: vec![Interface { name: "eth0".to_owned(), address: "2001:db8::2".parse().unwrap() }],
        ..evidence(Some(without_nat("[2001:db8::2]:40000", (false, false))))
    };
    let apd = (false, false);
    #[rustfmt::skip]
    let sites = [
        ("none", "open", "none", "endpoint-independent", evidence(Some(without_nat("203.0.113.2:40000", (true, true))))),
        ("firewall", "firewall", "none", "address-and-port-dependent", evidence(Some(without_nat("203.0.113.2:40000", apd)))),
        ("full-cone", "full-cone", "endpoint-independent", "endpoint-independent", evidence(Some(answer(same, (true, true))))),
        ("restricted", "restricted", "endpoint-independent", "address-dependent", evidence(Some(answer(same, (false, true))))),
        ("port-restricted", "port-restricted", "endpoint-independent", "address-and-port-dependent", evidence(Some(answer(same, apd)))),
        // Two NATs that behave so behave so together: from inside the second doesn't show.
        ("cgnat", "port-restricted", "endpoint-independent", "address-and-port-dependent", evidence(Some(answer(same, apd)))),
        ("symmetric", "symmetric", "address-and-port-dependent", "address-and-port-dependent", evidence(Some(answer([51200, 3320, 60011, 9009], apd)))),
        ("sym-seq", "sym-seq", "address-and-port-dependent", "address-and-port-dependent", evidence(Some(answer([5001, 5002, 5004, 5005], apd)))),
        ("addr-symmetric", "addr-symmetric", "address-dependent", "address-and-port-dependent", evidence(Some(answer([5001, 5001, 9000, 9000], apd)))),
        ("udp-blocked", "udp-blocked", "unknown", "unknown", tcp_only(Tcp::Refused, true)),
        ("tcp443", "tcp443", "unknown", "unknown", tcp_only(Tcp::Silent, true)),
        ("tls443", "tls443", "unknown", "unknown", tcp_only(Tcp::Silent, false)),
        ("proxy", "proxy", "unknown", "unknown", nothing_but(Web::Silent, Some(proxy))),
        ("v6-only", "firewall", "none", "address-and-port-dependent", v6),
    ];
    for (site, whole, mapping, filtering, evidence) in sites {
        let verdicts = judge(&evidence);
        let found = [About::Site, About::Mapping, About::Filtering].map(|about| kind(&verdicts, about));
        assert_eq!(found, [whole, mapping, filtering], "{site}");
    }
}

#[test]
fn no_verdict_is_without_its_evidence_and_what_is_not_known_is_said_to_be() {
    let unreached = nothing_but(Web::Silent, None);
    for evidence in
        [Evidence::default(), evidence(None), evidence(Some(answer([1; 4], (true, true)))), unreached]
    {
        for verdict in judge(&evidence) {
            let is_known = verdict.standing != Standing::Unknown;
            assert!(
                if is_known {
                    !verdict.evidence.is_empty()
                } else {
                    verdict.sentence.contains("not known, because")
                },
                "{verdict:?}"
            );
        }
    }
}

#[test]
fn a_server_with_one_address_does_not_show_all_of_a_nat() {
    let mut one_address = answer([40000; 4], (true, true));
    (one_address.filtering, one_address.mapped) = (None, at("203.0.113.2:40000"));
    one_address.mappings.truncate(2);
    let verdicts = judge(&evidence(Some(one_address.clone())));
    assert_eq!((kind(&verdicts, About::Site), kind(&verdicts, About::Mapping)), ("nat", "unknown"));
    // But that each port is seen at another one says enough.
    one_address.mappings[1].mapped = Some(at("203.0.113.2:6"));
    assert_eq!(kind(&judge(&evidence(Some(one_address))), About::Site), "symmetric");
}

#[test]
fn a_port_that_the_router_opens_is_judged_by_whether_it_is_reached_from_outside() {
    let asked = |granted: Option<&str>| {
        let granted =
            granted.map(|external| OpenedPort { protocol: "NAT-PMP".to_owned(), external: at(external) });
        Some(PortMapping { router: "10.1.0.1".parse().unwrap(), local: at("10.1.0.2:40000"), granted })
    };
    let symmetric = || Some(answer([51200, 3320, 60011, 9009], (false, false)));
    let open = without_nat("203.0.113.2:40000", (false, false));
    for (port_mapping, udp, judged, is_told) in [
        (asked(Some("203.0.113.2:40000")), symmetric(), "granted", true),
        (asked(Some("100.64.0.9:40000")), symmetric(), "inner", false),
        (asked(Some("203.0.113.2:40000")), None, "unknown", false),
        (asked(None), symmetric(), "no", false),
        (None, symmetric(), "unknown", false),
        (None, Some(open), "needless", false),
    ] {
        let verdicts = judge(&Evidence { port_mapping, ..evidence(udp) });
        assert_eq!(kind(&verdicts, About::PortMapping), judged);
        assert_eq!(verdicts[0].sentence.contains("opens a port"), is_told, "{:?}", verdicts[0]);
    }
}

#[test]
fn one_silent_port_does_not_make_a_nat_symmetric() {
    for (ports, silent, mapping) in [
        ([5001, 0, 9000, 9000], 1, "address-dependent"),
        ([0, 5001, 9000, 9000], 0, "address-dependent"),
        ([5001, 5001, 0, 9000], 2, "address-dependent"),
        ([5001, 0, 9000, 7000], 1, "address-and-port-dependent"),
        ([5001, 0, 5001, 5001], 1, "endpoint-independent"),
    ] {
        let mut three = answer(ports, (false, false));
        three.mappings[silent].mapped = None;
        assert_eq!(kind(&judge(&evidence(Some(three))), About::Mapping), mapping, "{ports:?}");
    }
}

#[test]
fn that_udp_is_blocked_is_said_on_evidence_only() {
    let reason = || "as it is".to_owned();
    let refused = nothing_but(Web::Refused { reason: reason() }, None);
    for nobody in [nothing_but(Web::Silent, None), refused.clone()] {
        let verdicts = judge(&nobody);
        let udp = verdicts.iter().find(|verdict| verdict.about == About::Udp).unwrap();
        assert_eq!(udp.standing, Standing::Unknown, "{udp:?}");
        assert!(udp.sentence.ends_with("is not known, because the server doesn't answer."), "{udp:?}");
    }
    let unsendable = Some("Network is unreachable".to_owned());
    let udp = refused.udp.iter().map(|udp| Udp { unsendable: unsendable.clone(), ..udp.clone() }).collect();
    assert_eq!(kind(&judge(&Evidence { udp, ..refused }), About::Udp), "unsendable");

    let with = |ways: [bool; 3]| {
        let turn = ["udp", "tcp", "tls"].into_iter().zip(ways).map(|(way, works)| turn(way, works)).collect();
        judge(&Evidence { turn, ..evidence(None) })
    };
    let allocated = with([true, true, true]);
    assert_eq!([About::Site, About::Udp].map(|about| kind(&allocated, about)), ["no-stun", "passes-in-part"]);
    for ways in [[false, true, false], [false, true, true]] {
        let verdicts = with(ways);
        assert!(verdicts[0].sentence.contains("calls are relayed over TCP"), "{verdicts:?}");
        assert_eq!((kind(&verdicts, About::Udp), verdicts[0].standing), ("blocked", Standing::Limited));
    }
    let without = judge(&Evidence { turn: Vec::new(), ..evidence(None) });
    for verdicts in [with([false; 3]), without] {
        assert!(
            verdicts.iter().all(|verdict| !verdict.sentence.contains("are relayed over TCP")),
            "{verdicts:?}"
        );
        assert!(verdicts.iter().all(|verdict| !verdict.sentence.contains("over TCP only")), "{verdicts:?}");
        assert_eq!((verdicts[0].standing, status(&verdicts)), (Standing::Bad, 5));
    }
}

#[test]
fn a_port_that_is_forbidden_is_told_with_its_reason() {
    let reason = Some("No route to host".to_owned());
    let other = OtherTcp { address: at("198.51.100.10:3478"), outcome: Tcp::Unreachable, reason };
    let verdicts = judge(&Evidence { other_tcp: Some(other), ..evidence(None) });
    assert_eq!(kind(&verdicts, About::Site), "tcp443");
    assert!(verdicts[0].evidence.iter().any(|seen| seen.ends_with("can't be made: No route to host")));
    assert!(!verdicts[0].evidence.iter().any(|seen| seen.contains("no answer at all")), "{verdicts:?}");
}

#[test]
fn a_server_on_this_machine_says_nothing_of_the_network() {
    let here = evidence(Some(without_nat("127.0.0.1:40000", (true, true))));
    let verdicts = judge(&here);
    assert_eq!((kind(&verdicts, About::Site), kind(&verdicts, About::Mapping)), ("this-machine", "unknown"));
    assert_eq!(kind(&verdicts, About::Relay), "all");
}

/// Nothing but the proxy answers; signaling and a call take it.
fn by_proxy(direct: Web, by_proxy: Web) -> Evidence {
    let proxy = Proxy { address: "http://10.1.0.1:3128".to_owned(), web: by_proxy };
    let call = Call::Connected {
        took: 300.0,
        round_trip: 40.0,
        relay_protocol: Some("tls".to_owned()),
        throughput: 9e6,
        sent: 1000,
        arrived: 1000,
    };
    Evidence {
        signaling: Some(Outcome::Done { took: 200.0 }),
        turn: vec![turn("udp", false), turn("tcp", false), turn("tls", false)],
        call: Some(call),
        ..nothing_but(direct, Some(proxy))
    }
}

#[test]
fn a_network_with_a_proxy_limits_calls_and_does_not_prevent_them() {
    let reason = || "as it is".to_owned();
    let answered = || Web::Answered { took: 90.0 };
    for direct in [
        Web::Silent,
        Web::Refused { reason: reason() },
        Web::NoRoute { reason: reason() },
        Web::NoName { reason: reason() },
        Web::Broken { reason: reason() },
    ] {
        // A proxy that wants to know who asks is told by signaling only.
        for through in [answered(), Web::Broken { reason: "the proxy said \"HTTP/1.1 407\"".to_owned() }] {
            let verdicts = judge(&by_proxy(direct.clone(), through));
            let kinds = [About::Site, About::Server, About::Relay, About::Call];
            assert_eq!(kinds.map(|about| kind(&verdicts, about)), ["proxy", "by-proxy", "by-proxy", "works"]);
            assert_eq!(status(&verdicts), 4, "{verdicts:?}");
        }
    }
    let failed = Some(Call::Failed { reason: reason() });
    assert_eq!(status(&judge(&Evidence { call: failed, ..by_proxy(Web::Silent, answered()) })), 5);
    let signaling = Some(Outcome::Failed { reason: reason() });
    let alone = judge(&Evidence { signaling, ..by_proxy(Web::Silent, answered()) });
    assert_eq!((kind(&alone, About::Server), status(&alone)), ("no-signaling", 5));
    for (direct, whole) in [
        (Web::Foreign { said: reason() }, "captive-portal"),
        (Web::Untrusted { reason: reason() }, "unreachable"),
    ] {
        assert_eq!(kind(&judge(&by_proxy(direct, answered())), About::Site), whole);
    }
}

#[test]
fn an_answer_that_is_not_the_servers_is_a_captive_portal() {
    let portal = nothing_but(Web::Foreign { said: "HTTP/1.1 302 Found".to_owned() }, None);
    let verdicts = judge(&portal);
    assert_eq!(kind(&verdicts, About::Site), "captive-portal");
    assert!(verdicts[0].evidence[0].contains("302"));
}

#[test]
fn a_server_that_is_down_behind_a_proxy_is_no_captive_portal() {
    for (said, site, server) in [
        ("HTTP/1.1 502 Bad Gateway", "unreachable", "down"),
        ("HTTP/1.1 503 Service Unavailable", "unreachable", "down"),
        // RFC 6585 §6: what a portal says that says what it is.
        ("HTTP/1.1 511 Network Authentication Required", "captive-portal", "captive-portal"),
        ("HTTP/1.1 404 Not Found", "captive-portal", "captive-portal"),
        ("hello", "captive-portal", "captive-portal"),
    ] {
        let verdicts = judge(&nothing_but(Web::Foreign { said: said.to_owned() }, None));
        assert_eq!((kind(&verdicts, About::Site), kind(&verdicts, About::Server)), (site, server), "{said}");
        assert!(verdicts[0].evidence.iter().any(|seen| seen.contains(said)), "{verdicts:?}");
        assert_eq!(status(&verdicts), 5);
    }
}

#[test]
fn a_channel_that_was_entered_outweighs_what_came_of_healthz() {
    let same = [40000; 4];
    for said in ["HTTP/1.1 404 Not Found", "HTTP/1.1 502 Bad Gateway"] {
        for (udp, site) in [(Some(answer(same, (true, true))), "full-cone"), (None, "udp-blocked")] {
            let kept = Evidence { web: Some(Web::Foreign { said: said.to_owned() }), ..evidence(udp) };
            let verdicts = judge(&kept);
            let kinds = [About::Site, About::Server].map(|about| kind(&verdicts, about));
            assert_eq!(kinds, [site, "reached"], "{said}");
        }
    }
}

#[test]
fn a_clock_is_wrong_when_credentials_would_fail_by_it() {
    for (ahead, kind_of_clock) in [(0.9, "right"), (-59.0, "right"), (3_700.0, "off"), (-300.0, "off")] {
        let evidence = Evidence { clock: Some(Clock { ahead, within: 0.6 }), ..evidence(None) };
        assert_eq!(kind(&judge(&evidence), About::Clock), kind_of_clock, "{ahead}");
    }
}

#[test]
fn packets_are_judged_by_what_calls_count_on() {
    for (passed, size) in [(1500, "1500"), (1400, "tunnel"), (1280, "tunnel"), (1200, "small")] {
        let mut answer = answer([1; 4], (true, true));
        answer.packets = Some(PacketSize { passed, lost: None });
        assert_eq!(kind(&judge(&evidence(Some(answer))), About::PacketSize), size);
    }
}

#[test]
fn a_relayed_call_is_judged_by_loss_room_and_delay() {
    let call = |arrived, throughput, round_trip| Call::Connected {
        took: 300.0,
        round_trip,
        relay_protocol: Some("udp".to_owned()),
        throughput,
        sent: 1000,
        arrived,
    };
    for (call, judged) in [
        (call(1000, 9e6, 40.0), "works"),
        (call(900, 9e6, 40.0), "lossy"),
        (call(1000, 2e5, 40.0), "narrow"),
        (call(1000, 9e6, 900.0), "slow"),
        (Call::Failed { reason: "it did not come about within 4 s".to_owned() }, "failed"),
    ] {
        let evidence = Evidence { call: Some(call), ..evidence(None) };
        assert_eq!(kind(&judge(&evidence), About::Call), judged);
    }
}

#[test]
fn the_relay_is_judged_by_the_ways_to_it() {
    for (ways, judged) in [
        ([true, true, true], "all"),
        ([true, false, true], "part"),
        ([false, true, true], "no-udp"),
        ([false, false, false], "unreachable"),
    ] {
        let turn = ["udp", "tcp", "tls"].into_iter().zip(ways).map(|(way, works)| turn(way, works));
        let evidence = Evidence { turn: turn.collect(), ..evidence(None) };
        assert_eq!(kind(&judge(&evidence), About::Relay), judged, "{ways:?}");
    }
}

#[test]
fn a_machine_behind_its_providers_nat_has_an_address_that_says_so() {
    let address: IpAddr = "100.64.3.4".parse().unwrap();
    let interfaces = vec![Interface { name: "wwan0".to_owned(), address }];
    let verdicts = judge(&Evidence { interfaces, ..evidence(None) });
    assert_eq!(kind(&verdicts, About::Addresses), "ipv4-shared");
}
