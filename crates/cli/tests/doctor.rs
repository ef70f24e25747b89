//! `peerline doctor` with a server on the same machine. What it says of NATs is tested on evidence (`src/doctor/verdict/tests.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use common::{Serving, program};
use serde_json::Value;

fn kind<'a>(told: &'a Value, about: &str) -> &'a str {
    let verdicts = told["verdicts"].as_array().unwrap();
    verdicts.iter().find(|verdict| verdict["about"] == about).unwrap()["kind"].as_str().unwrap()
}

#[test]
fn a_server_within_reach_is_reached_and_carries_a_call() {
    let serving = Serving::start("doctor");
    let output = program().args(["doctor", "--json", &serving.url()]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(kind(&told, "server"), "reached", "{said}");
    assert_eq!(kind(&told, "clock"), "right", "{said}");
    assert_eq!(kind(&told, "site"), "this-machine", "{said}");
    let turn = |transport: &str| -> Value {
        let tried = told["evidence"]["turn"].as_array().unwrap();
        tried.iter().find(|turn| turn["transport"] == transport).unwrap()["result"].clone()
    };
    // UDP is left out: servers of other tests share its port.
    assert_eq!(turn("tcp")["outcome"], "allocated", "{said}");
    // This server shows a certificate of its own making.
    assert!(turn("tls")["reason"].as_str().unwrap().contains("the SHA-256 of the certificate"), "{said}");
    assert_eq!(told["evidence"]["call"]["outcome"], "connected", "{said}");
    assert!(told["evidence"]["call"]["arrived"].as_u64().unwrap() > 0, "{said}");
}

#[test]
fn the_password_of_the_proxy_is_not_told() {
    for (name, proxy) in [
        ("HTTPS_PROXY", "http://ada:lovelace@127.0.0.1:1"),
        ("https_proxy", "http://ada:lovelace@127.0.0.1:1/"),
        ("PEERLINE_PROXY", "http://ada:lovelace@127.0.0.1:1"),
        ("HTTPS_PROXY", "socks5://ada:lovelace@127.0.0.1:1"),
    ] {
        for arguments in [&["doctor", "http://localhost:1"][..], &["doctor", "--json", "http://localhost:1"]]
        {
            let output = program().args(arguments).env(name, proxy).output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(said.contains("proxy") || said.contains("PROXY"), "{said}");
            assert!(!said.contains("lovelace"), "{said}");
        }
    }
}

#[test]
fn nobody_there_is_said_and_told_by_the_exit_status() {
    let output = program().args(["doctor", "http://localhost:1"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("Nobody serves there"), "{said}");
    assert!(said.contains("not known, because"), "{said}");
}
