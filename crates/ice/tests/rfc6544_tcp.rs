//! RFC 6544: TCP candidates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use peerline_ice::*;
use peerline_sdp::Transport as Told;
use peerline_stun::attribute::{PRIORITY, USERNAME};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};

/// Two machines that open connections, and accept them at the address they have for UDP.
fn two(seed: u64) -> World {
    let mut world = World::two(seed);
    for peer in &mut world.peers {
        peer.tcp = true;
        peer.tcp_listens = peer.addresses.clone();
    }
    world
}

/// The same, each in a home, with a STUN server.
fn two_behind_nats(seed: u64) -> World {
    let mut world = World::new(seed);
    world.peer(Config::default(), &["10.0.0.1:5000"], Some(Nat::home("198.51.100.77")));
    world.peer(controlled(), &["10.0.0.2:5000"], Some(Nat::home("192.0.2.77")));
    for peer in 0..2 {
        world.peers[peer].tcp = true;
        world.peers[peer].tcp_listens = world.peers[peer].addresses.clone();
        world.stun_server(peer);
    }
    world
}

fn block_udp(world: &mut World) {
    for peer in &mut world.peers {
        peer.udp_blocked = true;
    }
}

fn is_over(peer: &Peer, transport: Transport) -> bool {
    peer.route().is_some_and(|route| route.transport == transport && !route.is_relayed())
}

#[test]
fn section_4_5_an_active_candidate_has_the_discard_port_and_a_passive_one_its_own() {
    let mut world = two(1);
    world.connect(0, 1);
    let told = world.peers[0].candidates();
    let tcp: Vec<_> = told.iter().filter(|candidate| candidate.transport != Told::Udp).collect();
    let told: Vec<_> = tcp.iter().map(|candidate| (candidate.transport.clone(), candidate.port)).collect();
    assert_eq!(told, [(Told::Tcp(TcpType::Active), 9), (Told::Tcp(TcpType::Passive), 5000)]);
    assert!(tcp[0].to_string().contains(" typ host tcptype active"), "{}", tcp[0]);
}

#[test]
fn section_4_2_a_pair_of_udp_is_preferred_to_any_of_tcp() {
    let mut world = two_behind_nats(2);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    for peer in &world.peers {
        let statistics = peer.agent.statistics();
        let is_tcp = |id: CandidateId| {
            let local = statistics.local_candidates.iter().find(|candidate| candidate.id == id).unwrap();
            local.candidate.transport != Told::Udp
        };
        let (tcp, udp): (Vec<_>, Vec<_>) = statistics.pairs.iter().partition(|pair| is_tcp(pair.local));
        let best = tcp.iter().map(|pair| pair.priority).max().expect("pairs of TCP");
        assert!(udp.iter().all(|pair| pair.priority > best));
    }
}

#[test]
fn section_6_2_no_pair_is_made_of_a_passive_candidate_before_its_connection() {
    let mut world = two(3);
    let now = world.now;
    world.gather(0);
    let agent = &mut world.peers[0].agent;
    let credentials = Credentials { ufrag: "abcd".into(), pwd: "a".repeat(22) };
    agent.set_remote(now, RemoteParameters { credentials, lite: false });
    for tcp_type in ["active", "passive", "so"] {
        let text = format!("candidate:1 1 tcp 1 198.51.100.1 9000 typ host tcptype {tcp_type}");
        assert_eq!(agent.add_remote_candidate(now, &text.parse().unwrap()), Ok(()));
    }
    let statistics = agent.statistics();
    let transport = |id| {
        let mut all = statistics.local_candidates.iter().chain(&statistics.remote_candidates);
        all.find(|candidate| candidate.id == id).unwrap().candidate.transport.clone()
    };
    let pairs: Vec<_> =
        statistics.pairs.iter().map(|pair| (transport(pair.local), transport(pair.remote))).collect();
    assert_eq!(pairs, [(Told::Tcp(TcpType::Active), Told::Tcp(TcpType::Passive))]);
}

#[test]
fn section_7_1_a_connection_is_opened_and_checked_where_udp_does_not_get_through() {
    let mut world = two(4);
    block_udp(&mut world);
    world.connect(0, 1);
    let took = world.run_until(ms(5000), World::both_routed).expect("a pair");
    // The head start of datagrams, one round trip for the connection and one for the check, and the pacing before.
    assert!(took < ms(250 + 300), "{took:?}");
    assert!(world.both(|peer| is_over(peer, Transport::Tcp)));
    world
        .run_until(ms(60_000), |world| world.both_in(State::Completed))
        .expect("nothing is left to be checked");
    world.assert_data_passes();
    assert!(world.both(|peer| is_over(peer, Transport::Tcp)));
    let statistics = world.peers[0].agent.statistics();
    let selected = statistics.pairs.iter().find(|pair| pair.selected).unwrap();
    assert!(selected.nominated);
    assert_eq!(selected.counters.packets_sent, 3);
    assert_eq!(selected.counters.packets_received, 3);
}

#[test]
fn section_7_2_whoever_comes_by_a_connection_is_a_peer_reflexive_active_candidate() {
    let mut world = two(5);
    world.peers.truncate(1);
    world.peer(controlled(), &["10.0.0.1:6000"], Some(Nat::symmetric("198.51.100.77")));
    world.peers[1].tcp = true;
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    world.assert_data_passes();
    for (peer, own) in [(0, false), (1, true)] {
        let statistics = world.peers[peer].agent.statistics();
        let selected = statistics.pairs.iter().find(|pair| pair.selected).unwrap();
        let (candidates, id) = if own {
            (&statistics.local_candidates, selected.local)
        } else {
            (&statistics.remote_candidates, selected.remote)
        };
        let candidate = &candidates.iter().find(|candidate| candidate.id == id).unwrap().candidate;
        assert_eq!(candidate.transport, Told::Tcp(TcpType::Active));
        assert_eq!(candidate.kind, peerline_sdp::CandidateType::PeerReflexive);
        assert_eq!(candidate.address.to_string(), "198.51.100.77", "as the other side sees it");
    }
}

#[test]
fn a_connection_that_nothing_changes_on_the_way_is_its_host_candidates() {
    let mut world = two(6);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    for peer in &world.peers {
        let candidates = peer.agent.statistics().local_candidates;
        assert_eq!(candidates.len(), 3, "{candidates:?}");
    }
}

#[test]
fn section_7_1_two_open_at_once_what_neither_accepts() {
    let mut world = two(7);
    block_udp(&mut world);
    let now = world.now;
    for (peer, own) in [(0, "192.0.2.1:7000"), (1, "198.51.100.1:7000")] {
        world.peers[peer].tcp = false;
        world.peers[peer].tcp_listens.clear();
        world.peers[peer].agent.add_tcp_address(now, address(own), TcpType::SimultaneousOpen);
    }
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    assert_eq!(world.peers[0].route().unwrap().local, address("192.0.2.1:7000"));
    assert_eq!(world.peers[0].route().unwrap().remote, address("198.51.100.1:7000"));
    world.assert_data_passes();
}

#[test]
fn section_7_1_a_pair_fails_with_its_connection() {
    let mut world = two(8);
    block_udp(&mut world);
    world.peers[1].tcp_listens.clear();
    world.connect(0, 1);
    // UDP is listened for there.
    let unheard = "candidate:1 1 tcp 1 198.51.100.1 6000 typ host tcptype passive".parse().unwrap();
    let now = world.now;
    world.peers[0].agent.add_remote_candidate(now, &unheard).unwrap();
    let has_failed = |world: &World| {
        let statistics = world.peers[0].agent.statistics();
        let remote = statistics.remote_candidates.iter().find(|remote| remote.candidate == unheard).unwrap();
        let pair = statistics.pairs.iter().find(|pair| pair.remote == remote.id).unwrap();
        pair.state == PairState::Failed
    };
    world.run_until(ms(1000), has_failed).expect("it was refused");
}

#[test]
fn rfc_8489_6_2_2_a_check_over_tcp_is_sent_once() {
    let mut world = two(9);
    block_udp(&mut world);
    world.connect(0, 1);
    let is_open = |world: &World| world.peers[0].tcp_ends.values().any(|end| end.is_open);
    // Open, but nothing comes back.
    world.run_until(ms(1000), is_open).expect("a connection");
    world.blackholes.insert(("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap()));
    world.run_for(ms(10_000));
    let pairs = world.peers[0].agent.statistics().pairs;
    let sent: Vec<_> = pairs.iter().map(|pair| pair.counters.requests_sent).collect();
    assert_eq!(sent.iter().filter(|sent| **sent == 1).count(), 1, "{sent:?}");
}

#[test]
fn a_check_over_tcp_that_is_answered_by_an_error_is_sent_again_a_few_times() {
    let mut world = two(27);
    world.gather(0);
    let mut now = world.now;
    let agent = &mut world.peers[0].agent;
    let pwd = "a".repeat(22);
    let credentials = Credentials { ufrag: "abcd".into(), pwd: pwd.clone() };
    agent.set_remote(now, RemoteParameters { credentials, lite: false });
    let text = "candidate:1 1 tcp 1 198.51.100.1 6000 typ host tcptype passive";
    agent.add_remote_candidate(now, &text.parse().unwrap()).unwrap();
    let mut events = std::iter::from_fn(|| agent.poll_event());
    let connection = events.find_map(|event| match event {
        Event::OpenTcp { connection, .. } => Some(connection),
        _ => None,
    });
    let (own, other) = (address("192.0.2.1:20001"), address("198.51.100.1:6000"));
    agent.tcp_opened(now, connection.unwrap(), own);
    let mut sent = Vec::new();
    let mut buffer = [0; 2300];
    for second in 0..20 {
        while let Some(transmit) = agent.poll_transmit(&mut buffer) {
            sent.push(second);
            let transaction = Message::parse(&buffer[..transmit.length]).unwrap().transaction();
            let mut answer = [0; 200];
            let mut writer = MessageWriter::new(&mut answer, Class::Error, Method::BINDING, transaction);
            writer.error(ErrorCode::UNAUTHENTICATED);
            // Some say it with the password, some without (RFC 8489 §9.1.3).
            if second % 2 == 0 {
                writer.integrity(pwd.as_bytes());
            }
            let length = writer.fingerprint().finish().unwrap();
            agent.handle_input(now, Transport::Tcp, own, other, &answer[..length]);
        }
        now += ms(1000);
        agent.handle_timeout(now);
    }
    // The first one follows the connection as the pacing has it.
    assert_eq!(sent, [1, 2, 3, 4, 5]);
    assert_eq!(agent.statistics().pairs[0].state, PairState::Failed);
}

#[test]
fn udp_takes_over_from_tcp_when_it_gets_through() {
    let mut world = two(10);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    assert!(world.both(|peer| is_over(peer, Transport::Tcp)));
    for peer in &mut world.peers {
        peer.udp_blocked = false;
    }
    let is_udp = |world: &World| world.both(|peer| is_over(peer, Transport::Udp));
    world.run_until(ms(10_000), is_udp).expect("a better pair");
    world.assert_data_passes();
}

#[test]
fn tcp_is_better_than_a_relay() {
    let mut world = two(11);
    block_udp(&mut world);
    for peer in 0..2 {
        world.turn_server(peer, Transport::Tcp);
    }
    world.connect(0, 1);
    let is_tcp = |world: &World| world.both(|peer| is_over(peer, Transport::Tcp));
    world.run_until(ms(5000), is_tcp).expect("a direct pair");
    world.run_for(ms(5000));
    assert!(is_tcp(&world));
}

#[test]
fn nothing_is_opened_where_udp_gets_through() {
    for delay in [1, 50, 100] {
        let mut world = two(12);
        world.delay = ms(delay);
        world.connect(0, 1);
        world.run_until(ms(5000), |world| world.both_in(State::Completed)).expect("it does not wait for TCP");
        assert!(world.both(|peer| is_over(peer, Transport::Udp)));
        world.run_for(ms(60_000));
        assert!(world.both(|peer| peer.opened_connections() == 0), "{delay} ms");
    }
}

#[test]
fn nothing_is_opened_where_udp_gets_through_nats() {
    let mut world = two_behind_nats(23);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    world.run_for(ms(60_000));
    assert!(world.both(|peer| is_over(peer, Transport::Udp)));
    assert!(world.both(|peer| peer.opened_connections() == 0));
}

#[test]
fn datagrams_that_come_first_do_not_keep_tcp_back_for_long() {
    let mut world = two(24);
    block_udp(&mut world);
    world.connect(0, 1);
    let begin = world.now;
    // Whatever new candidates the other side tells all the time.
    let mut number = 0;
    while !world.both_routed() {
        number += 1;
        let text = format!("candidate:{number} 1 udp 2000000000 203.0.113.{number} 6000 typ host");
        let now = world.now;
        for peer in &mut world.peers {
            peer.agent.add_remote_candidate(now, &text.parse().unwrap()).unwrap();
        }
        world.run_for(ms(100));
        assert!(world.now - begin < ms(750 + 400));
    }
}

#[test]
fn section_8_connections_end_when_datagrams_have_been_decided_for() {
    let mut world = two(25);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    assert!(world.both(|peer| is_over(peer, Transport::Tcp) && !peer.tcp_ends.is_empty()));
    for peer in &mut world.peers {
        peer.udp_blocked = false;
    }
    let is_over_udp = |world: &World| world.both(|peer| is_over(peer, Transport::Udp));
    world.run_until(ms(10_000), is_over_udp).expect("a better pair");
    let disconnections = |world: &World| {
        let states = world.peers.iter().flat_map(Peer::states);
        states.filter(|state| *state == State::Disconnected).count()
    };
    world.run_for(ms(5000));
    assert!(world.both(|peer| peer.tcp_ends.is_empty()), "nothing is held");
    assert!(is_over_udp(&world) && world.both_in(State::Completed));
    assert_eq!(disconnections(&world), 0);
    world.assert_data_passes();
    world.run_for(ms(120_000));
    assert!(world.both(|peer| peer.tcp_ends.is_empty()), "nor opened again");
    // They are there for when datagrams don't pass any more.
    block_udp(&mut world);
    let is_over_tcp = |world: &World| world.both(|peer| is_over(peer, Transport::Tcp));
    world.run_until(ms(15_000), is_over_tcp).expect("a connection");
}

#[test]
fn a_lost_connection_is_opened_again() {
    let mut world = two(13);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("a pair");
    world.reset_connections(0);
    assert_eq!(world.peers[0].agent.state(), State::Disconnected);
    assert_eq!(world.peers[0].route(), None);
    world.run_until(ms(10_000), World::both_routed).expect("another connection");
    world.run_for(ms(500));
    world.assert_data_passes();
}

#[test]
fn rfc_7675_consent_is_asked_for_and_ends_the_connection_with_it() {
    let mut world = two(14);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    world.run_for(ms(120_000));
    assert!(world.both(|peer| is_over(peer, Transport::Tcp)), "it is kept alive");
    world.blackholes.insert(("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap()));
    world.run_until(ms(90_000), |world| world.both_in(State::Failed)).expect("consent is gone");
    assert!(world.both(|peer| peer.tcp_ends.is_empty()), "nothing is held");
}

#[test]
fn a_restart_keeps_to_the_connection_rfc_8445_9() {
    let mut world = two(15);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(60_000), |world| world.both_in(State::Completed)).expect("a pair");
    let before = world.peers[0].opened_connections() + world.peers[1].opened_connections();
    for peer in [0, 1] {
        world.restart(peer);
    }
    for (peer, other) in [(0, 1), (1, 0)] {
        world.peers[peer].other = Some(other);
    }
    world.exchange_descriptions(0, 1);
    world
        .run_until(ms(60_000), |world| world.both_in(State::Completed))
        .expect("a pair of the new generation");
    world.run_for(ms(1000));
    let after = world.peers[0].opened_connections() + world.peers[1].opened_connections();
    assert_eq!(after, before);
    world.assert_data_passes();
}

#[test]
fn section_11_a_stranger_is_let_go_at_his_first_message() {
    let mut world = two(16);
    world.gather(0);
    let (now, source) = (world.now, address("203.0.113.66:1234"));
    let agent = &mut world.peers[0].agent;
    let connection = agent.tcp_accepted(now, address("192.0.2.1:5000"), source).unwrap();
    // He knows the user name, and not the password.
    let username = format!("{}:who", agent.local_credentials().ufrag);
    let mut buffer = [0; 200];
    let mut writer =
        MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, TransactionId::new([7; 12]));
    writer.attribute(USERNAME, username.as_bytes()).number(PRIORITY, 1);
    let length = writer.integrity(b"guessed").fingerprint().finish().unwrap();
    let received =
        agent.handle_input(now, Transport::Tcp, address("192.0.2.1:5000"), source, &buffer[..length]);
    assert_eq!(received, Received::Ignored);
    assert_eq!(agent.poll_event(), Some(Event::CloseTcp(connection)));
    assert_eq!(agent.poll_transmit(&mut [0; 2300]), None);
}

#[test]
fn connections_are_limited() {
    let mut world = two(17);
    world.gather(0);
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    let mut accepted = (1..100).map(|port| {
        let source = address(&format!("203.0.113.66:{port}"));
        agent.tcp_accepted(now, address("192.0.2.1:5000"), source)
    });
    assert_eq!(accepted.by_ref().flatten().count(), Limits::default().tcp_connections);
    drop(accepted);
    assert_eq!(
        agent.tcp_accepted(now, address("192.0.2.1:5001"), address("203.0.113.67:1")),
        None,
        "nobody's"
    );
}

/// Candidates of the other side's at which nobody answers.
fn unheard(count: usize) -> impl Iterator<Item = Candidate> {
    let text =
        |index| format!("candidate:{index} 1 tcp 2000000000 203.0.113.{index} 6000 typ host tcptype passive");
    (1..=count).map(move |index| text(index).parse().unwrap())
}

#[test]
fn what_there_are_too_many_connections_for_has_its_turn_later() {
    let mut world = two(21);
    block_udp(&mut world);
    // Only this side opens any.
    world.peers[0].tcp_listens.clear();
    let now = world.now;
    let limit = Limits::default().tcp_connections;
    for candidate in unheard(2 * limit) {
        world.peers[0].agent.add_remote_candidate(now, &candidate).unwrap();
    }
    world.connect(0, 1);
    world.run_for(ms(5000));
    assert_eq!(world.peers[0].opened_connections(), limit);
    assert!(world.peers[0].agent.statistics().pairs.iter().all(|pair| pair.state != PairState::Failed));
    world.run_until(ms(60_000), World::both_routed).expect("the last one is the one that works");
}

#[test]
fn whoever_connects_is_let_in_while_this_side_opens_all_it_may() {
    let mut world = two(22);
    block_udp(&mut world);
    world.peers[1].tcp_listens.clear();
    let now = world.now;
    for candidate in unheard(Limits::default().tcp_connections) {
        world.peers[0].agent.add_remote_candidate(now, &candidate).unwrap();
    }
    // By the time a connection comes all of these are being opened.
    world.delay = ms(200);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
}

#[test]
fn with_relays_only_nothing_of_tcp_is_told_or_opened_or_accepted() {
    let mut world = two(18);
    world.peers.truncate(1);
    let relay = Config { transport_policy: IceTransportPolicy::Relay, ..controlled() };
    world.peer(relay, &["198.51.100.1:6000"], None);
    world.peers[1].tcp = true;
    world.peers[1].tcp_listens = world.peers[1].addresses.clone();
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_for(ms(5000));
    assert_eq!(world.peers[1].candidates(), []);
    assert_eq!(world.peers[1].opened_connections(), 0);
    let now = world.now;
    let (own, source) = (address("198.51.100.1:6000"), address("192.0.2.1:1"));
    assert_eq!(world.peers[1].agent.tcp_accepted(now, own, source), None);
}

#[test]
fn connections_end_with_their_interface() {
    let mut world = two(19);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    let now = world.now;
    world.peers[0].agent.remove_local_address(now, address("192.0.2.1:5000"));
    world.drain(0);
    assert!(world.peers[0].tcp_ends.is_empty());
    assert_eq!(world.peers[0].agent.statistics().local_candidates, []);
}

#[test]
fn nobody_has_this_machine_connect_to_services_of_its_network() {
    let mut world = two(28);
    block_udp(&mut world);
    world.connect(0, 1);
    world.run_until(ms(5000), World::both_routed).expect("a pair");
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    let before = agent.statistics().remote_candidates.len();
    let mut tell = |address: &str, transport: &str, port: u16| {
        let ending = if transport == "tcp" { " tcptype passive" } else { "" };
        let text = format!("candidate:1 1 {transport} 1 {address} {port} typ host{ending}");
        agent.add_remote_candidate(now, &text.parse().unwrap())
    };
    for (address, port) in [
        ("203.0.113.9", 22),
        ("203.0.113.9", 1023),
        ("192.168.1.1", 80),
        ("10.0.0.1", 443),
        ("172.16.0.1", 443),
        ("127.0.0.1", 80),
        ("169.254.169.254", 80),
        ("100.64.0.1", 443),
        ("::1", 80),
        ("fe80::1", 80),
        ("fd00::1", 443),
        ("::ffff:192.168.1.1", 443),
    ] {
        assert_eq!(tell(address, "tcp", port), Err(CandidateError::Unsupported), "{address} {port}");
    }
    let allowed = [
        ("203.0.113.9", "tcp", 443),
        ("192.168.1.1", "tcp", 1024),
        ("192.168.1.1", "udp", 443),
        ("2001:db8::1", "tcp", 80),
    ];
    for (address, transport, port) in allowed {
        assert_eq!(tell(address, transport, port), Ok(()), "{address} {port}");
    }
    // What a name stands for isn't known before.
    let name = "4a1b3c5d-0000-4000-8000-000000000001.local";
    assert_eq!(tell(name, "tcp", 443), Ok(()));
    agent.resolved(now, name, &["192.168.1.1".parse().unwrap()]);
    assert_eq!(agent.statistics().remote_candidates.len(), before + allowed.len());
}

#[test]
fn a_name_that_connections_come_from_is_not_resolved() {
    let mut world = two(20);
    let text = "candidate:1 1 tcp 1 4a1b3c5d-0000-4000-8000-000000000001.local 9 typ host tcptype active";
    let now = world.now;
    let agent = &mut world.peers[0].agent;
    assert_eq!(agent.add_remote_candidate(now, &text.parse().unwrap()), Ok(()));
    assert_eq!(agent.poll_event(), None);
}

/// RFC 8489 §6.2.2: as long as a check over UDP is waited for, which is sent again meanwhile.
#[test]
fn section_7_1_a_check_that_is_passed_over_fails_when_one_of_udp_would() {
    let mut world = two(30);
    block_udp(&mut world);
    world.connect(0, 1);
    let has_opened = |world: &World| world.peers[0].tcp_ends.values().any(|end| end.is_open);
    world.run_until(ms(5000), has_opened).expect("a connection stands");
    // It stands still, and nothing comes over it.
    let [one, other] = [0, 1].map(|peer| world.peers[peer].addresses[0].ip());
    world.blackholes.insert((one, other));
    let state_of_opened = |statistics: &Statistics| {
        let is_active = |id| {
            let mut known = statistics.local_candidates.iter();
            let known = known.find(|known| known.id == id).unwrap();
            known.candidate.transport == Told::Tcp(TcpType::Active)
        };
        statistics.pairs.iter().find(|pair| is_active(pair.local)).map(|pair| pair.state)
    };
    assert_eq!(state_of_opened(&world.peers[0].agent.statistics()), Some(PairState::InProgress));
    let took = world
        .run_until(ms(60_000), |world| {
            state_of_opened(&world.peers[0].agent.statistics()) == Some(PairState::Failed)
        })
        .expect("it ends");
    // 79 times the first wait of 200 ms.
    assert!((ms(15_700)..ms(15_900)).contains(&took), "{took:?}");
    assert!(world.peers[0].tcp_ends.is_empty(), "a connection that is of no use is closed");
}
