//! Whom a relay may reach: each spelling of an address that leads inside has its test (CVE-2020-26262 and its kind).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::IpAddr;

use peerline_turn::{PeerPolicy, RelayedPorts};

fn open(policy: &PeerPolicy, ip: &str) -> bool {
    policy.check(ip.parse().unwrap()).is_ok()
}

fn refused(addresses: &[&str]) {
    for ip in addresses {
        assert!(!open(&PeerPolicy::default(), ip), "{ip} is refused");
        let lan = PeerPolicy { lan: true, ..PeerPolicy::default() };
        assert!(!open(&lan, ip), "{ip} is refused with --lan too");
    }
}

#[test]
fn public_addresses_are_open() {
    for ip in [
        "8.8.8.8",
        "198.51.100.1",
        "223.255.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
    ] {
        assert!(open(&PeerPolicy::default(), ip), "{ip}");
    }
    for ip in ["2001:db8::1", "2606:4700::1111", "2001:1::1", "64:ff9b::808:808", "2002:808:808::1"] {
        assert!(open(&PeerPolicy::default(), ip), "{ip}");
    }
}

#[test]
fn loopback() {
    refused(&["127.0.0.1", "127.255.255.255", "::1"]);
}

#[test]
fn unspecified_and_this_network() {
    refused(&["0.0.0.0", "0.0.0.1", "0.255.255.255", "::"]);
}

#[test]
fn multicast_broadcast_and_reserved() {
    refused(&["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1", "ff0e::1"]);
}

#[test]
fn ipv4_mapped_compatible_and_translated() {
    refused(&["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0.0.0.0"]);
    refused(&["::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::2"]);
    refused(&["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"]);
}

#[test]
fn nat64_of_what_is_refused() {
    refused(&[
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::0.0.0.0",
        "64:ff9b::224.0.0.1",
    ]);
    refused(&["64:ff9b:1::1", "64:ff9b:1::7f00:1", "64:ff9b:1:ffff::808:808"]);
}

#[test]
fn six_to_four_and_teredo_of_what_is_refused() {
    refused(&["2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:0:0::1"]);
    // Teredo: the server in the open, the client turned over; either may lead inside.
    refused(&["2001:0:808:808::80ff:fffe", "2001:0:7f00:1::f7f7:f7f7"]);
}

#[test]
fn isatap_of_what_is_refused() {
    refused(&["2001:db8::5efe:10.0.0.1", "2001:db8::200:5efe:127.0.0.1", "2002:808:808::5efe:a9fe:a9fe"]);
    assert!(open(&PeerPolicy::default(), "2001:db8::200:5efe:8.8.8.8"));
}

#[test]
fn metadata_services() {
    let services = [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    ];
    refused(&services);
    for ip in services {
        let wide = PeerPolicy {
            allow: vec![
                "0.0.0.0/0".parse().unwrap(),
                "::/0".parse().unwrap(),
                "169.254.0.0/16".parse().unwrap(),
            ],
            lan: true,
            ..PeerPolicy::default()
        };
        assert!(!open(&wide, ip), "{ip} isn't opened by a network around it");
        let ip: IpAddr = ip.parse().unwrap();
        let named = PeerPolicy { allow: vec![ip.into()], ..PeerPolicy::default() };
        assert!(named.check(ip).is_ok(), "{ip} is opened by its name");
    }
}

#[test]
fn lan_opens_local_networks() {
    let lan = PeerPolicy { lan: true, ..PeerPolicy::default() };
    for ip in [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
    ] {
        assert!(!open(&PeerPolicy::default(), ip), "{ip} is refused");
        assert!(open(&lan, ip), "{ip} is open with --lan");
    }
}

#[test]
fn allow_opens_a_network_but_never_what_is_no_host() {
    let policy = PeerPolicy {
        allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        ..PeerPolicy::default()
    };
    for ip in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"] {
        assert!(open(&policy, ip), "{ip}");
    }
    for ip in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "::ffff:127.0.0.1"] {
        assert!(!open(&policy, ip), "{ip}");
    }
}

/// RFC 6062.
#[test]
fn by_tcp_no_system_port_is_reached_unless_its_network_is_opened() {
    let relayed = RelayedPorts::new();
    let allowed = |policy: &PeerPolicy, peer: &str| policy.check_tcp(peer.parse().unwrap(), &relayed).is_ok();
    let closed = PeerPolicy::default();
    let open = PeerPolicy { allow: vec!["198.51.100.0/24".parse().unwrap()], ..PeerPolicy::default() };
    for port in [1, 22, 25, 80, 443, 1023] {
        let peer = format!("198.51.100.9:{port}");
        assert!(!allowed(&closed, &peer) && allowed(&open, &peer), "{peer}");
    }
    assert!(allowed(&closed, "198.51.100.9:1024") && !allowed(&closed, "10.0.0.1:1024"));
}

#[test]
fn own_addresses_are_open_on_live_relay_ports_only() {
    let relayed = RelayedPorts::new();
    let policy = PeerPolicy {
        own: vec![
            "10.0.0.5".parse().unwrap(),
            "203.0.113.1".parse().unwrap(),
            "2001:db8::1".parse().unwrap(),
        ],
        ..PeerPolicy::default()
    };
    relayed.insert("203.0.113.1:50000".parse().unwrap());
    let allowed =
        |policy: &PeerPolicy, peer: &str| policy.check_port(peer.parse().unwrap(), &relayed).is_ok();
    assert!(allowed(&policy, "203.0.113.1:50000") && allowed(&policy, "10.0.0.5:50000"));
    assert!(!allowed(&policy, "203.0.113.1:22") && !allowed(&policy, "10.0.0.5:22"));
    assert!(!allowed(&policy, "[2001:db8::1]:50000"), "a port is alive in its own family");
    assert!(!allowed(&policy, "[64:ff9b::203.0.113.1]:50000"), "another spelling of one's own address");
    assert!(!allowed(&policy, "[2002:cb00:7101::1]:22"));
    assert!(allowed(&policy, "198.51.100.1:22"));
    let lan = PeerPolicy { lan: true, ..policy.clone() };
    assert!(!allowed(&lan, "10.0.0.5:22"), "--lan doesn't open this machine's own ports");
    let allow = PeerPolicy { allow: vec!["10.0.0.0/8".parse().unwrap()], ..policy };
    assert!(allowed(&allow, "10.0.0.5:22"));
}
