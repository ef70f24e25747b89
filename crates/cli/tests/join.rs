//! `peerline join`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use common::{Client, Lines, Serving};
use rustix::process::Signal;
use serde_json::{Value, json};

fn next(lines: &mut Lines, event: &str) -> Value {
    serde_json::from_str(&lines.find(&format!(r#"{{"event":"{event}""#))).unwrap()
}

/// Two scripts that meet by a code: the one that made it, and the other.
fn two(serving: &Serving) -> ((Client, Lines), (Client, Lines)) {
    let mut ada = serving.client("ada", &["join", "--new"]);
    let mut from_ada = ada.lines();
    let code = next(&mut from_ada, "code");
    assert_eq!(code["expires"], 3_600);
    assert!(code["link"].as_str().unwrap().starts_with(&serving.url()));
    let mut grace = serving.client("grace", &["join", code["code"].as_str().unwrap()]);
    let from_grace = grace.lines();
    ((ada, from_ada), (grace, from_grace))
}

#[test]
fn who_is_there_and_what_they_say_is_told_in_json() {
    let serving = Serving::start("join");
    let ((mut ada, mut told_ada), (mut grace, mut told_grace)) = two(&serving);
    let own = next(&mut told_grace, "joined")["participant"].clone();
    let arrived = next(&mut told_ada, "arrived")["participant"].clone();
    assert_eq!(arrived["id"], own);
    assert_eq!(arrived["name"], "grace");
    assert_eq!((&arrived["state"], &arrived["present"]), (&json!("connecting"), &json!(true)));
    assert_eq!(next(&mut told_ada, "changed")["participant"]["state"], "connected");
    assert_eq!(next(&mut told_ada, "path"), json!({"event":"path","participant":own,"path":"direct"}));
    next(&mut told_grace, "path");

    ada.write(r#"{"do":"say","id":"first","text":"hello\nthere"}"#);
    let chat = next(&mut told_grace, "chat");
    assert_eq!(
        (&chat["name"], &chat["text"], &chat["way"]),
        (&json!("ada"), &json!("hello\nthere"), &json!("direct"))
    );
    assert_eq!(next(&mut told_ada, "done")["re"], "first");

    ada.write(r#"{"do":"send","id":2,"payload":{"kind":"move","x":1}}"#);
    let message = next(&mut told_grace, "message");
    assert_eq!(message["payload"], json!({"kind":"move","x":1}));
    assert_eq!(next(&mut told_ada, "done")["re"], 2);
    ada.write(&json!({"do":"send","id":3,"to":own,"payload":{"kind":"turn"}}).to_string());
    assert_eq!(next(&mut told_grace, "message")["everybody"], false);
    assert_eq!(next(&mut told_ada, "done")["re"], 3);

    grace.write(r#"{"do":"name","name":"Grace Hopper"}"#);
    assert_eq!(next(&mut told_ada, "changed")["participant"]["name"], "Grace Hopper");
    grace.write(r#"{"do":"say","text":"goodbye"}"#);
    grace.write(r#"{"do":"leave"}"#);
    assert_eq!(grace.status(), Some(0));
    assert_eq!(next(&mut told_ada, "chat")["text"], "goodbye");
    let left = next(&mut told_ada, "left");
    assert_eq!((&left["participant"]["id"], &left["reason"]), (&own, &json!("left")));
    // Without input it goes on; a signal is its end.
    ada.end();
    ada.signal(Signal::TERM);
    assert_eq!(ada.status(), Some(0));
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_ends() {
    let serving = Serving::start("join-errors");
    let ((mut ada, mut told_ada), (_grace, mut told_grace)) = two(&serving);
    next(&mut told_ada, "arrived");
    for command in [
        "hello",
        r#"{"do":"dance","id":7}"#,
        r#"{"do":"say","id":7,"text":""}"#,
        r#"{"do":"send","id":7,"payload":{"kind":"bye"}}"#,
        r#"{"do":"send","id":7,"to":"AAAAAAAAAAAAAAAAAAAAAA","payload":{"kind":"move"}}"#,
        r#"{"do":"name","id":7,"name":"\u0007"}"#,
    ] {
        ada.write(command);
        let error = next(&mut told_ada, "error");
        assert!(!error["message"].as_str().unwrap().is_empty());
        let expected = if command.starts_with('{') { json!(7) } else { Value::Null };
        assert_eq!(error["re"], expected, "{command}");
    }
    ada.write(r#"{"do":"say","text":"\u001b[2J\u009b\u202e"}"#);
    let line = told_grace.find(r#""event":"chat""#);
    assert!(line.contains(r"\u001b[2J\u009b\u202e"), "a terminal is shown nothing that it acts on: {line}");
}
