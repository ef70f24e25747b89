//! `peerline doctor` with a server on the same machine. What it says of NATs is tested on evidence (`src/doctor/verdict/tests.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::io::{Read as _, Write as _, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

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

/// A proxy to one server on this machine, whatever it is asked for, that lets through nothing but TLS.
fn proxy_to(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || pass_on(client.unwrap(), server));
        }
    });
    port
}

fn pass_on(mut client: TcpStream, server: u16) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut byte = [0];
    while !asked.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        asked.extend_from_slice(&byte);
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    // RFC 8446 §5.1: a handshake.
    if client.peek(&mut byte)? == 0 || byte != [22] {
        return client.shutdown(Shutdown::Both);
    }
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    let (mut back, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = copy(&mut back, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut client, &mut server);
    server.shutdown(Shutdown::Both)
}

#[test]
fn a_self_signed_server_behind_a_proxy_is_reached_and_carries_a_call() {
    let serving = Serving::start("doctor-proxy");
    let told = |command: &mut std::process::Command| -> (Value, String, Option<i32>) {
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (serde_json::from_str(&said).unwrap(), said, output.status.code())
    };
    let secure = format!("https://localhost:{}", serving.port);
    let (untrusted, ..) = told(program().args(["doctor", "--json", &secure]));
    let reason = untrusted["evidence"]["web"]["reason"].as_str().unwrap();
    let certificate =
        reason.split("the SHA-256 of the certificate is ").nth(1).unwrap().trim_end_matches(')');
    // Only the proxy knows this name.
    let elsewhere = format!("https://server.test:{}", serving.port);
    let (told, said, status) = told(
        program()
            .args(["doctor", "--json", "--trust", certificate, &elsewhere])
            .env("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy_to(serving.port))),
    );
    assert_eq!(kind(&told, "server"), "by-proxy", "{said}");
    assert_eq!(kind(&told, "site"), "proxy", "{said}");
    assert_eq!(told["evidence"]["call"]["outcome"], "connected", "{said}");
    assert_eq!(told["evidence"]["call"]["relay_protocol"], "tls", "{said}");
    assert_eq!(status, Some(4), "{said}");
}

#[test]
fn nobody_there_is_said_and_told_by_the_exit_status() {
    let output = program().args(["doctor", "http://localhost:1"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("Nobody serves there"), "{said}");
    assert!(said.contains("not known, because"), "{said}");
    assert!(!said.contains("UDP does not get through"), "{said}");
}
