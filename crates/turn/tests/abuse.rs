//! The relay under abuse: what each attack runs into. Whatever it is, the flow of somebody else goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../peerline/tests/cost/counting.rs"]
mod counting;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use common::*;
use counting::Count;
use peerline_stun::Method;
use peerline_stun::attribute::*;
use peerline_turn::*;

const ADA: &str = "192.0.2.1:1000";
const EVE: &str = "198.51.100.66:6000";
const PEER: &str = "198.51.100.9:9";
const CHANNEL: u16 = 0x4001;

/// Ada, whose packets have to pass whatever others do. Hers is the first allocation.
struct Ada {
    login: Login,
    allocation: AllocationId,
}

impl Ada {
    fn at(scene: &mut Scene) -> Self {
        let (login, _) = scene.allocated(&udp(ADA));
        let ada = Self { login, allocation: scene.allocations[0] };
        ada.refreshes(scene);
        ada.is_relayed(scene);
        ada
    }

    fn refreshes(&self, scene: &mut Scene) {
        assert_eq!(scene.refresh(&udp(ADA), &self.login, 0x7FFF_FFFF).code(), 0);
        assert_eq!(scene.bind(&udp(ADA), &self.login, CHANNEL, PEER), 0);
    }

    fn is_relayed(&self, scene: &mut Scene) {
        let sent = scene.client_sends(&udp(ADA), &channel_data(CHANNEL, b"hello"));
        assert_eq!(sent, Ok((address(PEER), b"hello".to_vec())));
        let answered = scene.server.relay_from_peer(scene.now, self.allocation, address(PEER), 5);
        assert!(matches!(answered, FromPeer::Relay { .. }));
    }
}

/// Somebody with a credential of her own, and relayed addresses of both families.
fn eve(scene: &mut Scene) -> Login {
    let mut login = scene.login("eve");
    scene.challenge(&udp(EVE), &mut login);
    let response = scene.allocate(&udp(EVE), &login, |writer| {
        writer.attribute(ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    });
    assert_eq!(response.code(), 0);
    login
}

#[test]
fn an_allocations_flood_from_many_addresses_ends_at_the_limit_and_passes() {
    const MOST: usize = 64;
    let mut scene = Scene::with(|config| config.limits.allocations = MOST);
    let ada = Ada::at(&mut scene);
    for number in 0..300_u16 {
        let client = udp(&format!("198.51.{}.{}:1000", 100 + number / 250, number % 250));
        let mut login = scene.login(&format!("eve{number}"));
        scene.challenge(&client, &mut login);
        let expected = if usize::from(number) < MOST - 1 { 0 } else { 508 };
        assert_eq!(scene.allocate(&client, &login, |_| ()).code(), expected);
        ada.is_relayed(&mut scene);
    }
    assert_eq!(scene.server.allocations(), MOST);
    // Who doesn't keep hers loses it after ten minutes.
    for _ in 0..3 {
        scene.sleep(200);
        ada.refreshes(&mut scene);
    }
    assert_eq!(scene.server.allocations(), 1);
    ada.is_relayed(&mut scene);
}

#[test]
fn an_allocations_flood_of_one_5_tuple_has_one_allocation() {
    let mut scene = Scene::new();
    let ada = Ada::at(&mut scene);
    let login = eve(&mut scene);
    for _ in 0..1000 {
        assert_eq!(scene.allocate(&udp(EVE), &login, |_| ()).code(), 437);
    }
    assert_eq!(scene.server.allocations(), 2);
    ada.is_relayed(&mut scene);
}

/// Every way to write an address that leads inside, as a scanner tries them.
fn inside() -> Vec<IpAddr> {
    let ipv4 = [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "0.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "169.254.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
    ];
    let ipv6 = [
        "::",
        "::1",
        "fc00::1",
        "fd12:3456::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "fec0::1",
        "ff02::1",
        "64:ff9b:1::a00:1",
    ];
    // In text one could write these as decimal, octal or hexadecimal numbers; in a message they are the same four bytes.
    let numbers =
        [2_130_706_433, 0o17_700_000_001, 0x7f00_0001, 2_852_039_166, 0xa9fe_a9fe, 3_232_235_521_u32];
    let ipv4 = ipv4.map(|text| text.parse::<Ipv4Addr>().unwrap());
    let ipv4: Vec<_> = ipv4.into_iter().chain(numbers.map(Ipv4Addr::from_bits)).collect();
    let mut all: Vec<IpAddr> = ipv6.map(|text| text.parse().unwrap()).to_vec();
    for ip in ipv4 {
        let [a, b, c, d] = ip.octets();
        let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
        let spellings = [
            format!("::ffff:{ip}"),
            format!("::{ip}"),
            format!("::ffff:0:{ip}"),
            format!("64:ff9b::{ip}"),
            format!("2002:{high:x}:{low:x}::1"),
            // Teredo: as its server, and as its client, whose bits are turned over.
            format!("2001:0:{high:x}:{low:x}:0:0:f7f7:f7f7"),
            format!("2001:0:808:808:0:0:{:x}:{:x}", !high, !low),
            // ISATAP (RFC 5214 §6.1), as a private address and as a global one.
            format!("2001:db8::5efe:{ip}"),
            format!("2001:db8::200:5efe:{ip}"),
        ];
        all.push(ip.into());
        all.extend(spellings.iter().map(|text| text.parse::<IpAddr>().unwrap()));
    }
    all
}

#[test]
fn a_scan_of_what_is_inside_is_refused_in_every_spelling_and_over_every_message() {
    let mut scene = Scene::new();
    let ada = Ada::at(&mut scene);
    let login = eve(&mut scene);
    let allocation = *scene.allocations.last().unwrap();
    let outside = "198.51.100.80:80";
    for ip in inside() {
        let peer = SocketAddr::new(ip, 80);
        let text = peer.to_string();
        assert_eq!(scene.permit(&udp(EVE), &login, &[&text]), 403, "CreatePermission {peer}");
        assert_eq!(scene.permit(&udp(EVE), &login, &[outside, &text]), 403, "hidden behind another: {peer}");
        assert_eq!(scene.bind(&udp(EVE), &login, 0x4002, &text), 403, "ChannelBind {peer}");
        for peer in [text.as_str(), outside] {
            let sent = scene.client_sends(&udp(EVE), &send_indication(peer, b"x"));
            assert_eq!(sent, Err(Dropped::NoPermission), "Send {peer}");
        }
        let sent = scene.client_sends(&udp(EVE), &channel_data(0x4002, b"x"));
        assert_eq!(sent, Err(Dropped::NoChannel), "ChannelData {peer}");
        // What comes from there opens nothing either, nor does an error that it sends.
        assert_eq!(scene.peer_sends(&text, b"x"), Err(Dropped::NoPermission), "from {peer}");
        for kind in [1, 3] {
            scene.server.handle_icmp(scene.now, allocation, peer, IcmpError { kind, code: 0, data: 0 });
        }
        assert!(scene.drain().is_empty(), "ICMP from {peer}");
        let sent = scene.client_sends(&udp(EVE), &send_indication(&text, b"x"));
        assert_eq!(sent, Err(Dropped::NoPermission), "after ICMP {peer}");
    }
    ada.is_relayed(&mut scene);
}

/// RFC 6062.
#[test]
fn a_scan_of_what_is_inside_by_tcp_connections_is_refused_in_every_spelling() {
    let mut scene = Scene::new();
    let families = [(1, "198.51.100.66:6001"), (2, "198.51.100.66:6002")];
    let [ipv4, ipv6] = families.map(|(family, client)| {
        let (client, mut login) = (tcp(client), scene.login("eve"));
        scene.challenge(&client, &mut login);
        let response = scene.ask(&client, &login, Method::ALLOCATE, |writer| {
            writer
                .attribute(REQUESTED_TRANSPORT, &[6, 0, 0, 0])
                .attribute(REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0]);
        });
        assert_eq!(response.code(), 0);
        (client, login)
    });
    for ip in inside() {
        let (client, login) = if ip.is_ipv4() { &ipv4 } else { &ipv6 };
        let response = scene.ask(client, login, Method::CONNECT, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, SocketAddr::new(ip, 8080));
        });
        assert_eq!(response.code(), 403, "{ip}");
    }
    assert!(!scene.events.iter().any(|event| matches!(event, Event::ConnectRequested { .. })));
}

#[test]
fn a_permission_opens_one_address_in_one_spelling() {
    let mut scene = Scene::new();
    let login = eve(&mut scene);
    assert_eq!(scene.permit(&udp(EVE), &login, &[PEER]), 0);
    for other in
        ["198.51.100.8:9", "[::ffff:198.51.100.9]:9", "[64:ff9b::198.51.100.9]:9", "[2002:c633:6409::1]:9"]
    {
        let sent = scene.client_sends(&udp(EVE), &send_indication(other, b"x"));
        assert_eq!(sent, Err(Dropped::NoPermission), "{other}");
    }
    assert!(scene.client_sends(&udp(EVE), &send_indication(PEER, b"x")).is_ok());
}

#[test]
fn a_peer_address_that_contradicts_itself_is_a_bad_request() {
    let mut scene = Scene::new();
    let login = eve(&mut scene);
    // No family, an unknown one, one family's name with the other's length, and too little of everything.
    let values: [Vec<u8>; 7] = [
        [[0, 0, 0, 80].as_slice(), &[0x5e; 4]].concat(),
        [[0, 3, 0, 80].as_slice(), &[0x5e; 4]].concat(),
        [[0, 0xff, 0, 80].as_slice(), &[0x5e; 16]].concat(),
        [[0, 1, 0, 80].as_slice(), &[0x5e; 16]].concat(),
        [[0, 2, 0, 80].as_slice(), &[0x5e; 4]].concat(),
        vec![0, 1, 0, 80],
        Vec::new(),
    ];
    for value in values {
        for method in [Method::CREATE_PERMISSION, Method::CHANNEL_BIND] {
            let response = scene.ask(&udp(EVE), &login, method, |writer| {
                writer.attribute(CHANNEL_NUMBER, &[0x40, 2, 0, 0]).attribute(XOR_PEER_ADDRESS, &value);
            });
            assert_eq!(response.code(), 400, "{method:?} {value:?}");
        }
        let indication = indication(|writer| {
            writer.attribute(XOR_PEER_ADDRESS, &value).attribute(DATA, b"x");
        });
        assert_eq!(scene.client_sends(&udp(EVE), &indication), Err(Dropped::Malformed), "{value:?}");
    }
}

/// Otherwise one packet could go round for ever.
#[test]
fn the_relay_is_no_client_of_its_own() {
    let mut scene = Scene::new();
    let login = eve(&mut scene);
    let listener = "203.0.113.1:3478";
    assert_eq!(scene.bind(&udp(EVE), &login, CHANNEL, listener), 403);
    // The address may be one of a relayed peer's.
    assert_eq!(scene.permit(&udp(EVE), &login, &[listener]), 0);
    let sent = scene.client_sends(&udp(EVE), &send_indication(listener, b"x"));
    assert_eq!(sent, Err(Dropped::Forbidden));
}

const METHODS: [Method; 5] =
    [Method::BINDING, Method::ALLOCATE, Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND];

#[test]
fn requests_of_spoofed_sources_leave_the_memory_as_it_was() {
    let mut scene = Scene::new();
    let ada = Ada::at(&mut scene);
    let ask = |scene: &mut Scene, source: u32| {
        let source = SocketAddr::new(Ipv4Addr::from_bits(0x0B00_0000 + source).into(), 1000);
        let client = Client { remote: source, ..udp(ADA) };
        for method in METHODS {
            let request = scene.request(method, |writer| {
                writer.attribute(0x7FFF, b"whatever");
            });
            scene.input(&client, &request);
        }
    };
    // Queues have had what they need once.
    ask(&mut scene, 0);
    let before = Count::now();
    for source in 1..20_000 {
        ask(&mut scene, source);
    }
    assert_eq!(before.since().bytes, 0);
    assert_eq!(scene.server.allocations(), 1);
    ada.is_relayed(&mut scene);
}

#[test]
fn a_spoofed_source_is_sent_no_more_than_was_sent_but_for_one_challenge() {
    let mut scene = Scene::new();
    let victim = udp("192.0.2.99:9");
    // RFC 8656's and RFC 6062's methods, one that nobody has, and each as an indication and as a response, too.
    for method in (1..16).map(Method::new) {
        for length in [0, 4, 100] {
            let request = scene.request(method, |writer| {
                writer.attribute(SOFTWARE, &vec![b'x'; length]);
            });
            let answers = scene.input(&victim, &request);
            assert!(answers.len() <= 1);
            for (_, answer) in answers {
                let is_challenge = Response(answer.clone()).code() == 401;
                // Five times the smallest request is the most that can be made of it.
                let most = if is_challenge { 100 } else { request.len() + 12 };
                assert!(answer.len() <= most, "{method:?}: {} for {}", answer.len(), request.len());
            }
            for class in [0x01, 0x10] {
                let mut other = request.clone();
                let [high, low] = [other[0], other[1]];
                (other[0], other[1]) = if class == 0x01 { (high | 1, low) } else { (high, low | class) };
                if scene.server.relay_from_client(scene.now, &victim, &other) == FromClient::Control {
                    scene.server.handle_input(scene.now, &victim, &other);
                }
                assert!(scene.drain().is_empty(), "{method:?} as no request");
            }
        }
    }
    // And nothing is relayed for it, nor to it.
    assert!(scene.client_sends(&victim, &send_indication(PEER, b"x")).is_err());
    assert!(scene.client_sends(&victim, &channel_data(CHANNEL, b"x")).is_err());
}

#[test]
fn what_the_relay_sends_to_a_peer_is_never_more_than_the_client_sent() {
    let mut scene = Scene::new();
    let login = eve(&mut scene);
    scene.permit(&udp(EVE), &login, &[PEER]);
    scene.bind(&udp(EVE), &login, CHANNEL, PEER);
    for length in [0, 1, 3, 1200] {
        for message in [send_indication(PEER, &vec![7; length]), channel_data(CHANNEL, &vec![7; length])] {
            let (_, payload) = scene.client_sends(&udp(EVE), &message).unwrap();
            assert!(payload.len() < message.len());
        }
    }
}

#[test]
fn a_captured_request_is_worth_nothing_from_another_address() {
    let mut scene = Scene::new();
    let ada = Ada::at(&mut scene);
    let captured = [
        scene.signed(&ada.login, Method::ALLOCATE, |writer| {
            writer.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        }),
        scene.signed(&ada.login, Method::REFRESH, |writer| {
            writer.number(LIFETIME, 0);
        }),
        scene.signed(&ada.login, Method::CREATE_PERMISSION, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, address(PEER));
        }),
    ];
    let elsewhere = [
        udp(EVE),
        udp("192.0.2.1:1001"),
        tcp(ADA),
        Client { local: address("203.0.113.1:8443"), ..udp(ADA) },
    ];
    for client in elsewhere {
        for request in &captured {
            assert_eq!(scene.exchange(&client, request).code(), 438, "{client:?}");
        }
    }
    assert_eq!(scene.server.allocations(), 1);
    ada.is_relayed(&mut scene);
}

#[test]
fn a_captured_nonce_is_worth_nothing_to_another_user_nor_when_its_hour_is_over() {
    let mut scene = Scene::new();
    let ada = Ada::at(&mut scene);
    // Another user with a right password, and one with a name that was changed.
    let eve = Login { nonce: ada.login.nonce.clone(), ..scene.login("eve") };
    let forged = Login { username: ada.login.username.replace("alice", "eve"), ..ada.login.clone() };
    assert_eq!(scene.refresh(&udp(ADA), &eve, 0).code(), 441);
    assert_eq!(scene.allocate(&udp(ADA), &eve, |_| ()).code(), 437);
    assert_eq!(scene.refresh(&udp(ADA), &forged, 0).code(), 401);
    ada.is_relayed(&mut scene);
    let release = scene.signed(&ada.login, Method::REFRESH, |writer| {
        writer.number(LIFETIME, 0);
    });
    let mut fresh = ada.login.clone();
    for _ in 0..19 {
        scene.sleep(190);
        let response = scene.refresh(&udp(ADA), &fresh, 3600);
        if response.code() == 438 {
            fresh.nonce = response.message().attribute(NONCE).unwrap().to_vec();
            assert_eq!(scene.refresh(&udp(ADA), &fresh, 3600).code(), 0);
        }
    }
    assert_ne!(fresh.nonce, ada.login.nonce);
    assert_eq!(scene.exchange(&udp(ADA), &release).code(), 438);
    assert_eq!(scene.server.allocations(), 1);
}
