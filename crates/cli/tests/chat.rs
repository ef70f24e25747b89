//! `peerline chat`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use common::{PATIENCE, Serving, ended};
use rustix::process::Signal;

#[test]
fn two_terminals_chat_first_by_the_server_then_directly() {
    let serving = Serving::start("chat");
    let mut ada = serving.client("ada", &["chat", "--new"]);
    let (code, _) = ada.code();
    // Written before anybody is there: it waits for the first who comes.
    ada.write("Grüße, 你好 🎈");
    let mut grace = serving.client("grace", &["chat", &code]);
    let (mut from_ada, mut from_grace) = (grace.lines(), ada.lines());
    assert_eq!(from_ada.next().unwrap(), "ada: Grüße, 你好 🎈");
    ada.notes.find("grace is connected directly.");
    grace.notes.find("ada is connected directly.");
    for number in 0..100 {
        grace.write(&format!("{number}"));
    }
    for number in 0..100 {
        assert_eq!(from_grace.next().unwrap(), format!("grace: {number}"));
    }
    // The end of standard input is the end, once everything has arrived.
    grace.write("last words");
    grace.end();
    assert_eq!(grace.status(), Some(0));
    assert_eq!(from_grace.next().unwrap(), "grace: last words");
    ada.notes.find("grace left.");
    ada.signal(Signal::INT);
    assert_eq!(ada.status(), Some(0));
    assert_eq!(from_grace.next(), None);
}

#[test]
fn a_conversation_goes_on_without_the_server() {
    let mut serving = Serving::start("chat-restart");
    let mut ada = serving.client("ada", &["chat", "--new"]);
    let (code, _) = ada.code();
    let mut grace = serving.client("grace", &["chat", &code]);
    ada.notes.find("connected directly");
    grace.notes.find("connected directly");
    serving.signal(Signal::KILL);
    ended(&mut serving.child, PATIENCE);
    ada.notes.find("The server is away");
    ada.write("still here");
    assert_eq!(grace.lines().next().unwrap(), "ada: still here");
    grace.write("so am I");
    assert_eq!(ada.lines().next().unwrap(), "grace: so am I");
}

#[test]
fn a_group_meets_by_a_link() {
    let serving = Serving::start("chat-group");
    let mut ada = serving.client("ada", &["chat", "--new", "--group"]);
    let link = common::after(&ada.notes.find("The link is"), "The link is  ");
    let mut others = ["grace", "katherine"].map(|name| serving.client(name, &["chat", &link]));
    ada.notes.find("is here.");
    ada.notes.find("is here.");
    ada.write("to all of you");
    for other in &mut others {
        assert_eq!(other.lines().next().unwrap(), "ada: to all of you");
    }
}

#[test]
fn what_others_write_cannot_act_on_the_terminal() {
    let serving = Serving::start("chat-escape");
    let mut ada = serving.client("ada", &["chat", "--new"]);
    let (code, _) = ada.code();
    // JSON says what a line cannot: several lines, and any character.
    let mut eve = serving.client("eve", &["join", &code]);
    ada.notes.find("is here.");
    eve.write(r#"{"do":"say","text":"\u001b]0;owned\u0007\u009b31mred\nada: I owe you\rmoney\u202e"}"#);
    let mut lines = ada.lines();
    assert_eq!(lines.next().unwrap(), "eve: ]0;owned31mred");
    assert_eq!(lines.next().unwrap(), "    ada: I owe you");
    assert_eq!(lines.next().unwrap(), "    money");
}

#[test]
fn a_long_line_is_several_messages() {
    let serving = Serving::start("chat-long");
    let mut ada = serving.client("ada", &["chat", "--new"]);
    let (code, _) = ada.code();
    ada.write(&"é".repeat(20_000));
    let mut grace = serving.client("grace", &["chat", &code]);
    let mut lines = grace.lines();
    let lengths: Vec<_> = (0..3).map(|_| lines.next().unwrap().matches('é').count()).collect();
    assert_eq!(lengths, [8_000, 8_000, 4_000]);
}
