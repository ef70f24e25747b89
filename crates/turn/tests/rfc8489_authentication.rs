//! RFC 8489 §9.2: the long-term credential mechanism, as TURN uses it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_stun::Method;
use peerline_stun::attribute::*;
use peerline_stun::integrity::{self, PasswordAlgorithm, userhash};
use peerline_stun::nonce_cookie::SecurityFeatures;
use peerline_turn::*;

#[test]
fn a_request_without_integrity_is_challenged() {
    let mut scene = Scene::new();
    let request = scene.request(Method::ALLOCATE, |_| ());
    let response = scene.exchange(&udp("198.51.100.1:1000"), &request);
    assert_eq!(response.code(), 401);
    let message = response.message();
    assert_eq!(message.text(REALM), Some(REALM_NAME));
    assert_eq!(message.attribute(PASSWORD_ALGORITHMS), Some(&integrity::PASSWORD_ALGORITHMS[..]));
    let features = SecurityFeatures::read(message.attribute(NONCE).unwrap()).unwrap();
    assert!(features.password_algorithms && !features.username_anonymity);
    for absent in [USERNAME, USERHASH, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, SOFTWARE] {
        assert_eq!(message.attribute(absent), None);
    }
}

#[test]
fn a_stranger_makes_the_server_hold_nothing() {
    let mut scene = Scene::new();
    for port in 1..2000 {
        let client = udp(&format!("198.51.100.1:{port}"));
        let request = scene.request(Method::ALLOCATE, |_| ());
        assert_eq!(scene.exchange(&client, &request).code(), 401);
    }
    assert_eq!(scene.server.allocations(), 0);
    assert!(scene.events.is_empty());
    assert_eq!(scene.server.poll_timeout(), None);
}

#[test]
fn clients_of_rfc_5389_and_of_rfc_8489_are_let_in() {
    for style in [Style::Old, Style::New(PasswordAlgorithm::Md5), Style::New(PasswordAlgorithm::Sha256)] {
        let mut scene = Scene::new();
        scene.style = style;
        scene.allocated(&udp("198.51.100.1:1000"));
    }
}

#[test]
fn username_realm_and_nonce_are_required_with_integrity() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    for left_out in [USERNAME, REALM, NONCE] {
        let request = scene.request(Method::ALLOCATE, |writer| {
            for (number, value) in
                [(USERNAME, login.username.as_bytes()), (REALM, REALM_NAME.as_bytes()), (NONCE, &login.nonce)]
            {
                if number != left_out {
                    writer.attribute(number, value);
                }
            }
            writer.integrity(login.key().as_bytes());
        });
        let response = scene.exchange(&client, &request);
        assert_eq!(response.code(), 400);
        assert!(response.message().attribute(NONCE).is_none());
    }
}

#[test]
fn what_a_client_says_of_algorithms_has_to_be_what_it_was_told() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    let told = &integrity::PASSWORD_ALGORITHMS[..];
    // One without the other; only MD5 told of; an algorithm nobody knows; parameters that don't belong there.
    type Value<'a> = Option<&'a [u8]>;
    let cases: [(Value, Value); 5] = [
        (Some(told), None),
        (None, Some(&[0, 1, 0, 0])),
        (Some(&[0, 1, 0, 0]), Some(&[0, 1, 0, 0])),
        (Some(told), Some(&[0, 3, 0, 0])),
        (Some(told), Some(&[0, 1, 0, 4, 1, 2, 3, 4])),
    ];
    for (algorithms, algorithm) in cases {
        let request = scene.request(Method::ALLOCATE, |writer| {
            writer
                .attribute(USERNAME, login.username.as_bytes())
                .attribute(REALM, REALM_NAME.as_bytes())
                .attribute(NONCE, &login.nonce);
            algorithms.map(|value| writer.attribute(PASSWORD_ALGORITHMS, value));
            algorithm.map(|value| writer.attribute(PASSWORD_ALGORITHM, value));
            writer.integrity_sha256(login.key().as_bytes());
        });
        assert_eq!(scene.exchange(&client, &request).code(), 400);
    }
}

#[test]
fn a_wrong_password_user_or_realm_is_challenged_again() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    let wrong_password = Login { password: "x".into(), ..login.clone() };
    let stranger = Login { username: "mallory".into(), ..login.clone() };
    let forged = Login { username: login.username.replace("alice", "admin"), ..login.clone() };
    let too_long = Login { username: "9".repeat(509), ..login.clone() };
    for wrong in [wrong_password, stranger, forged, too_long] {
        let response = scene.allocate(&client, &wrong, |_| ());
        assert_eq!(response.code(), 401);
        assert!(response.message().attribute(NONCE).is_some());
    }
    let request = scene.request(Method::ALLOCATE, |writer| {
        writer
            .attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
            .attribute(USERNAME, login.username.as_bytes())
            .attribute(REALM, b"example.com")
            .attribute(NONCE, &login.nonce)
            .integrity(login.key().as_bytes());
    });
    assert_eq!(scene.exchange(&client, &request).code(), 401);
    assert!(scene.requests.is_empty());
}

#[test]
fn a_nonce_is_stale_after_its_lifetime() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let (mut login, _) = scene.allocated(&client);
    scene.sleep(500);
    assert_eq!(scene.refresh(&client, &login, 3600).code(), 0);
    scene.sleep(3200);
    let response = scene.refresh(&client, &login, 600);
    assert_eq!(response.code(), 438);
    assert!(response.message().attribute(REALM).is_some());
    assert!(response.message().attribute(PASSWORD_ALGORITHMS).is_some());
    login.nonce = response.message().attribute(NONCE).unwrap().to_vec();
    assert_eq!(scene.refresh(&client, &login, 600).code(), 0);
}

#[test]
fn a_nonce_replayed_from_another_5_tuple_is_stale() {
    let mut scene = Scene::new();
    let mut login = scene.login("alice");
    scene.challenge(&udp("198.51.100.1:1000"), &mut login);
    for other in [udp("198.51.100.1:1001"), udp("198.51.100.2:1000"), tcp("198.51.100.1:1000")] {
        assert_eq!(scene.allocate(&other, &login, |_| ()).code(), 438);
    }
    assert_eq!(scene.allocate(&udp("198.51.100.1:1000"), &login, |_| ()).code(), 0);
}

#[test]
fn an_expired_credential_makes_no_allocation_and_keeps_what_it_made_in_time() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let mut login = Login::new(&issue(SECRET, "alice", START + 300), Style::Old);
    scene.challenge(&client, &mut login);
    assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 0);
    scene.sleep(299);
    assert_eq!(scene.refresh(&client, &login, 600).code(), 0);
    scene.sleep(1);
    assert_eq!(scene.refresh(&client, &login, 600).code(), 0);
    assert_eq!(scene.permit(&client, &login, &["198.51.100.9:1"]), 0);
    assert_eq!(scene.bind(&client, &login, 0x4000, "198.51.100.9:1"), 0);
    assert_eq!(scene.refresh(&client, &login, 0).code(), 0);
    assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 401);
}

#[test]
fn a_nonce_that_hides_what_the_server_can_do_is_stale() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    // What somebody in between would make of it, for a client that could do better than MD5.
    let cookie = SecurityFeatures::default().nonce_cookie();
    login.nonce[..cookie.len()].copy_from_slice(&cookie);
    assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 438);
}

#[test]
fn static_users_are_let_in() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let issued = Issued { username: "bob".into(), password: "builder".into() };
    let mut login = Login::new(&issued, Style::Old);
    scene.challenge(&client, &mut login);
    assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 0);
    assert_eq!(scene.requests[0].user(), "bob");
}

#[test]
fn a_user_may_hide_its_name_where_every_name_is_known() {
    let mut scene = Scene::with(|config| {
        config.credentials = Credentials::new(REALM_NAME).with_user("bob", "builder");
    });
    let client = udp("198.51.100.1:1000");
    let issued = Issued { username: "bob".into(), password: "builder".into() };
    let mut login = Login::new(&issued, Style::New(PasswordAlgorithm::Sha256));
    scene.challenge(&client, &mut login);
    assert!(SecurityFeatures::read(&login.nonce).unwrap().username_anonymity);
    let request = scene.request(Method::ALLOCATE, |writer| {
        writer
            .attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
            .attribute(USERHASH, &userhash("bob", REALM_NAME))
            .attribute(REALM, REALM_NAME.as_bytes())
            .attribute(NONCE, &login.nonce)
            .attribute(PASSWORD_ALGORITHMS, &integrity::PASSWORD_ALGORITHMS)
            .attribute(PASSWORD_ALGORITHM, &[0, 2, 0, 0])
            .integrity_sha256(login.key().as_bytes());
    });
    assert_eq!(scene.exchange(&client, &request).code(), 0);
    assert_eq!(&*scene.requests[0].username, "bob");
}

#[test]
fn quotas_are_counted_for_the_user_whatever_its_credential() {
    let mut scene = Scene::new();
    for (port, expires) in [(1000, START + 100), (1001, START + 200)] {
        let client = udp(&format!("198.51.100.1:{port}"));
        let mut login = Login::new(&issue(SECRET, "alice", expires), Style::Old);
        scene.challenge(&client, &mut login);
        assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 0);
    }
    assert!(scene.requests.iter().all(|request| request.user() == "alice"));
}

#[test]
fn a_static_user_whose_name_looks_time_limited_has_its_own_quota() {
    let mut scene = Scene::with(|config| {
        config.credentials = Credentials::new(REALM_NAME).with_user("1001", "x").with_user("7:alice", "y");
    });
    for (username, password) in [("1001", "x"), ("7:alice", "y")] {
        let client = udp(&format!("198.51.100.1:{}", 1000 + password.len() + username.len()));
        let issued = Issued { username: username.into(), password: password.into() };
        let mut login = Login::new(&issued, Style::Old);
        scene.challenge(&client, &mut login);
        assert_eq!(scene.allocate(&client, &login, |_| ()).code(), 0);
        assert_eq!(scene.requests.last().unwrap().user(), username);
    }
}

#[test]
fn another_user_may_not_touch_an_allocation() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    let (login, _) = scene.allocated(&client);
    let mut other = scene.login("mallory");
    other.nonce = login.nonce;
    assert_eq!(scene.refresh(&client, &other, 0).code(), 441);
    assert_eq!(scene.permit(&client, &other, &["198.51.100.9:1"]), 441);
    assert_eq!(scene.bind(&client, &other, 0x4000, "198.51.100.9:1"), 441);
    assert_eq!(scene.allocate(&client, &other, |_| ()).code(), 437);
    assert_eq!(scene.server.allocations(), 1);
}

#[test]
fn an_answer_to_a_stranger_is_no_larger_than_the_request_but_for_the_challenge() {
    let mut scene = Scene::new();
    let client = udp("198.51.100.1:1000");
    for method in (0..0x1000).map(Method::new) {
        for attributes in 0..4 {
            let request = scene.request(method, |writer| {
                for _ in 0..attributes {
                    writer.attribute(0x7FFF, b"");
                }
                if attributes == 3 {
                    writer.integrity(b"guess");
                }
            });
            for (_, answer) in scene.input(&client, &request) {
                let response = Response(answer);
                let larger = response.0.len() > request.len();
                assert!(!larger || response.code() == 401 || method == Method::BINDING, "{method:?}");
            }
        }
    }
}
