//! `--log` and `peerline explain`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::fs;
use std::path::Path;

use common::{Serving, program};
use serde_json::Value;

/// Two who meet by `pipe`, each with a log, until both are done. Gives the code that they met by.
fn meet(serving: &Serving, logs: [&Path; 2]) -> String {
    let [mine, theirs] = logs.map(|log| log.to_str().unwrap());
    let mut one = serving.client("ada", &["pipe", "--log", mine]);
    let (code, _) = one.code();
    let mut other = serving.client("grace", &["pipe", "--log", theirs, &code]);
    drop((one.stdin.take(), other.stdin.take()));
    assert_eq!((one.status(), other.status()), (Some(0), Some(0)));
    code
}

fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let output = program().arg("explain").args(arguments).output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn both_sides_logs_are_one_story_with_its_evidence() {
    let serving = Serving::start("log");
    let [mine, theirs] = ["ada.log", "grace.log"].map(|name| serving.data_dir.join(name));
    let code = meet(&serving, [&mine, &theirs]);
    let (status, said) = explain(&["--json", mine.to_str().unwrap(), theirs.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    let [call] = told["calls"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(call["call"].as_str().unwrap().len(), 32);
    assert_eq!(call["sides"].as_array().unwrap().len(), 2);
    let offset = call["sides"][1]["clock_offset"].as_f64().unwrap();
    let within = call["sides"][1]["clock_offset_within"].as_f64().unwrap();
    // It is one machine with one clock.
    assert!(offset.abs() <= within + 1.0, "{offset} ± {within}");
    let outcome = &call["verdict"][0];
    assert_eq!(outcome["about"], "outcome");
    assert!(outcome["sentence"].as_str().unwrap().starts_with("It connected after "), "{outcome}");
    assert!(outcome["sentence"].as_str().unwrap().contains("directly over UDP"), "{outcome}");
    for evidence in outcome["evidence"].as_array().unwrap() {
        let (file, line) = evidence.as_str().unwrap().rsplit_once(':').unwrap();
        let line = fs::read_to_string(file)
            .unwrap()
            .lines()
            .nth(line.parse::<usize>().unwrap() - 1)
            .unwrap()
            .to_owned();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert!(["state", "selected"].contains(&event["event"].as_str().unwrap()), "{event}");
    }
    let texts: Vec<_> =
        call["timeline"].as_array().unwrap().iter().map(|entry| entry["text"].as_str().unwrap()).collect();
    for wanted in
        ["our offer is set", "DTLS: connected", "SCTP: established", "data channel \"peerline-pipe\": open"]
    {
        assert!(texts.iter().any(|text| text.starts_with(wanted)), "{wanted}: {texts:?}");
    }
    // Nothing in it lets anybody in.
    for log in [&mine, &theirs] {
        let text = fs::read_to_string(log).unwrap();
        for secret in [code.as_str(), "#v1.", "pwd", "fingerprint", "credential"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[test]
fn a_further_run_is_appended_and_told_apart() {
    let serving = Serving::start("log-append");
    let [mine, theirs] = ["ada.log", "grace.log"].map(|name| serving.data_dir.join(name));
    meet(&serving, [&mine, &theirs]);
    meet(&serving, [&mine, &theirs]);
    let (status, said) = explain(&["--json", mine.to_str().unwrap()]);
    let told: Value = serde_json::from_str(&said).unwrap();
    let sides: Vec<_> = told["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["sides"][0]["log"].as_str().unwrap())
        .collect();
    assert_eq!(status, Some(0));
    assert_eq!(sides.len(), 2, "{sides:?}");
    assert!(sides[0].ends_with("(run 1)") && sides[1].ends_with("(run 2)"), "{sides:?}");
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let file = std::env::temp_dir().join(format!("peerline-no-log-{}", std::process::id()));
    fs::write(&file, "hello\n").unwrap();
    let (status, said) = explain(&[file.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(said.contains("is neither an event log"), "{said}");
    let (status, said) = explain(&["/nowhere/at.all"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("can't be read"), "{said}");
    fs::remove_file(file).unwrap();
}

/// The SDK's tests hold what it writes to this file.
const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../peerline/vectors/event-log.jsonl");

/// The other side of that connection, by a clock that is a second ahead; each way took 20 ms.
const NATIVE: &str = r#"{"time":1795751513900.0,"elapsed":0.0,"event":"log","format":"peerline-event-log","version":1,"agent":"peerline/0.1.0"}
{"time":1795751513930.0,"elapsed":30.0,"connection":1,"event":"connection","offers":false,"relayOnly":false,"servers":[]}
{"time":1795751513931.0,"elapsed":31.0,"connection":1,"event":"description","side":"remote","kind":"offer","ufrag":"Xk2f","candidates":0}
{"time":1795751513944.2,"elapsed":44.2,"connection":1,"call":"03f4f55b14276014d47140f9d7c7c28d","event":"description","side":"local","kind":"answer","ufrag":"Qw9z","candidates":1}
{"time":1795751513970.0,"elapsed":70.0,"connection":1,"call":"03f4f55b14276014d47140f9d7c7c28d","event":"state","state":"connected"}
"#;

#[test]
fn a_browsers_log_and_a_native_peers_are_one_story() {
    let native = std::env::temp_dir().join(format!("peerline-native-{}.log", std::process::id()));
    fs::write(&native, NATIVE).unwrap();
    let (status, said) = explain(&["--json", BROWSER, native.to_str().unwrap()]);
    fs::remove_file(&native).unwrap();
    assert_eq!(status, Some(0), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["remarks"].as_array().unwrap().len(), 0, "{said}");
    let [call] = told["calls"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(call["call"], "03f4f55b14276014d47140f9d7c7c28d");
    let [browser, native] = call["sides"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(
        (browser["agent"].as_str(), native["agent"].as_str()),
        (Some("peerline-sdk/0.1 a browser"), Some("peerline/0.1.0"))
    );
    let clock = |member: &str| native[member].as_f64().unwrap();
    assert!((clock("clock_offset") + 1000.0).abs() < 0.5, "{native}");
    assert!((clock("clock_offset_within") - 20.0).abs() < 0.5, "{native}");
    assert!(call["verdict"][0]["sentence"].as_str().unwrap().starts_with("It connected after "), "{call}");
}
