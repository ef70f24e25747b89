//! `peerline forward`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use common::{Client, Serving, after};
use peerline::channel::{Channel, ChannelEvent, ChannelOptions, Link, ParticipantState};
use peerline::{DataChannelInit, Message};
use rustix::process::Signal;

/// The side that connects, the side that listens, and the address at which that does.
fn two(serving: &Serving, allow: &str, remote: &str) -> (Client, Client, SocketAddr) {
    let mut dials = serving.client("ada", &["forward", "--allow", allow]);
    let (code, _) = dials.code();
    let mut listens = serving.client("grace", &["forward", &code, "--local", "0", "--remote", remote]);
    let told = listens.notes.find(" leads to ");
    let address = told.split(' ').next().unwrap().parse().unwrap();
    (dials, listens, address)
}

fn target() -> (TcpListener, String) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = target.local_addr().unwrap().to_string();
    (target, address)
}

#[test]
fn connections_go_beside_each_other_and_each_direction_ends_by_itself() {
    let serving = Serving::start("forward");
    let (target, allowed) = target();
    let (mut dials, mut listens, local) = two(&serving, &allowed, &allowed);
    // The target answers when it has read to the end: only half a connection is closed by then.
    thread::spawn(move || {
        for socket in target.incoming() {
            let mut socket = socket.unwrap();
            thread::spawn(move || {
                let mut all = Vec::new();
                socket.read_to_end(&mut all).unwrap();
                all.reverse();
                socket.write_all(&all).unwrap();
            });
        }
    });
    thread::scope(|scope| {
        for number in 0..20_u8 {
            scope.spawn(move || {
                let mut socket = TcpStream::connect(local).unwrap();
                let mut sent = vec![number; 300_000];
                sent[0] = 255;
                socket.write_all(&sent).unwrap();
                socket.shutdown(Shutdown::Write).unwrap();
                let mut read = Vec::new();
                socket.read_to_end(&mut read).unwrap();
                sent.reverse();
                assert!(read == sent, "{} bytes", read.len());
            });
        }
    });
    dials.signal(Signal::TERM);
    assert_eq!(dials.status(), Some(0));
    // With a code the work is done when the other side leaves.
    assert_eq!(listens.status(), Some(0));
}

#[test]
fn a_connection_that_nobody_reads_holds_up_no_other() {
    let serving = Serving::start("forward-slow");
    let (target, allowed) = target();
    let (_dials, _listens, local) = two(&serving, &allowed, &allowed);
    let mut slow = TcpStream::connect(local).unwrap();
    let (mut unread, _) = target.accept().unwrap();
    // Both directions are filled with more than is held for one connection.
    for socket in [&mut slow, &mut unread] {
        socket.set_nonblocking(true).unwrap();
    }
    let fill = |socket: &mut TcpStream| {
        let mut sent = 0;
        loop {
            match socket.write(&[7; 65_536]) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
                Err(error) => panic!("{error}"),
            }
        }
    };
    for socket in [&mut slow, &mut unread] {
        let mut filled = 0;
        while filled < 4 << 20 {
            filled += fill(socket);
            thread::yield_now();
        }
    }
    for _ in 0..3 {
        let mut quick = TcpStream::connect(local).unwrap();
        let (mut served, _) = target.accept().unwrap();
        quick.write_all(b"ping").unwrap();
        let mut four = [0; 4];
        served.read_exact(&mut four).unwrap();
        served.write_all(b"pong").unwrap();
        quick.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"pong");
    }
}

#[test]
fn a_target_that_refuses_or_breaks_closes_that_connection_alone() {
    let serving = Serving::start("forward-reset");
    let (closed, allowed) = target();
    drop(closed);
    let (mut dials, mut listens, local) = two(&serving, &allowed, &allowed);
    let reset = |mut socket: TcpStream| {
        let error = socket.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    };
    reset(TcpStream::connect(local).unwrap());
    listens.notes.find(&format!("A connection to {allowed} failed: nobody listens there."));
    dials.notes.find(&format!("A connection to {allowed} failed: "));
    // Somebody listens now; one connection breaks, the next does not.
    let target = TcpListener::bind(&allowed).unwrap();
    let broken = TcpStream::connect(local).unwrap();
    let (served, _) = target.accept().unwrap();
    rustix::net::sockopt::set_socket_linger(&served, Some(std::time::Duration::ZERO)).unwrap();
    drop(served);
    reset(broken);
    // The other way round: who connected breaks it.
    let broken = TcpStream::connect(local).unwrap();
    let (served, _) = target.accept().unwrap();
    rustix::net::sockopt::set_socket_linger(&broken, Some(std::time::Duration::ZERO)).unwrap();
    drop(broken);
    reset(served);
    let mut whole = TcpStream::connect(local).unwrap();
    let (served, _) = target.accept().unwrap();
    drop(served);
    assert_eq!(whole.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_is_not_allowed_is_refused_at_once_and_named() {
    let serving = Serving::start("forward-allow");
    let mut dials = serving.client("ada", &["forward", "--allow", "127.0.0.1:1", "--allow", "[::1]:2"]);
    let (code, _) = dials.code();
    let mut listens = serving.client("grace", &["forward", &code, "--local", "0", "--remote", "localhost:1"]);
    assert_eq!(listens.status(), Some(4));
    let why = "ada does not allow connections to localhost:1. It allows: 127.0.0.1:1, [::1]:2.";
    assert!(after(&listens.notes.rest(), "peerline: ").starts_with(why));
}

/// A client that asks for what it was not offered.
#[test]
fn whoever_asks_anyway_is_refused() {
    let serving = Serving::start("forward-rogue");
    let (listener, secret) = target();
    listener.set_nonblocking(true).unwrap();
    let mut dials = serving.client("ada", &["forward", "--allow", "127.0.0.1:1"]);
    let link = Link::parse(&dials.code().1).unwrap();
    let port: u16 = secret.split(':').nth(1).unwrap().parse().unwrap();
    let ask = async |first: &str| {
        let mut channel = Channel::join(&link, ChannelOptions::named("eve")).await.unwrap();
        let stream = loop {
            match channel.next_event().await.unwrap() {
                ChannelEvent::ParticipantChanged(ada) if ada.state == ParticipantState::Connected => {
                    let protocol = "peerline.stream.v1".to_owned();
                    let init = DataChannelInit { protocol, ..DataChannelInit::default() };
                    break channel
                        .sender()
                        .create_data_channel(ada.id, "peerline-forward", init)
                        .await
                        .unwrap();
                }
                _ => {}
            }
        };
        stream.opened().await.unwrap();
        stream.send_text(first).unwrap();
        let answer = stream.recv().await;
        assert!(stream.recv().await.is_none(), "it is closed");
        channel.leave().await;
        answer
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let reset = |code: &str| Some(Message::Text(format!(r#"{{"type":"reset","code":"{code}"}}"#)));
    let open = format!(r#"{{"type":"open","host":"127.0.0.1","port":{port}}}"#);
    assert_eq!(runtime.block_on(ask(&open)), reset("not_allowed"));
    dials.notes.find(&format!("A connection to {secret} failed: it is not allowed."));
    // With a code the other side's leaving is the end.
    assert_eq!(dials.status(), Some(0));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_port_that_is_taken_ends_it_with_1_before_anything_is_contacted() {
    let (_taken, address) = target();
    let arguments =
        ["forward", "--server", "http://127.0.0.1:1", "--local", &address, "--remote", "127.0.0.1:1"];
    let (status, _, error) = common::run(&arguments, std::path::Path::new("/nonexistent"));
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains(&format!("--local {address}: ")), "{error}");
}

#[test]
fn the_offer_is_said_again_when_a_connection_stands() {
    let serving = Serving::start("forward-again");
    let mut dials = serving.client("ada", &["forward", "--allow", "127.0.0.1:1"]);
    let link = Link::parse(&dials.code().1).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut channel = Channel::join(&link, ChannelOptions::named("grace")).await.unwrap();
        let mut times = 0;
        while times < 2 {
            if let ChannelEvent::Message { payload, .. } = channel.next_event().await.unwrap() {
                assert_eq!(&payload[..], br#"{"kind":"forward","allow":["127.0.0.1:1"]}"#);
                times += 1;
            }
        }
    });
}

#[test]
fn by_a_link_the_first_who_offers_keeps_the_connections() {
    let serving = Serving::start("forward-link");
    let link = format!("{}/c/#v1.{}", serving.url(), "A".repeat(43));
    let mut listens = serving.client("grace", &["forward", &link, "--local", "0", "--remote", "127.0.0.1:1"]);
    let told = listens.notes.find(" leads to ");
    let local: SocketAddr = told.split(' ').next().unwrap().parse().unwrap();
    let link = Link::parse(&link).unwrap();
    let join = async |name: &str, kind: &str| {
        let mut channel = Channel::join(&link, ChannelOptions::named(name)).await.unwrap();
        loop {
            match channel.next_event().await.unwrap() {
                ChannelEvent::ParticipantChanged(grace)
                    if grace.name == "grace" && grace.state == ParticipantState::Connected =>
                {
                    let offer = format!(r#"{{"kind":"{kind}","allow":["127.0.0.1:1"]}}"#);
                    channel.sender().send(Some(grace.id), offer.into_bytes()).await.unwrap();
                    return channel;
                }
                _ => {}
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // What another application says is no offer.
        let _other = join("other", "menu").await;
        let mut ada = join("ada", "forward").await;
        listens.notes.find("ada connects to 127.0.0.1:1.");
        let mut later = Vec::new();
        for name in ["one", "two", "three", "four"] {
            later.push(join(name, "forward").await);
        }
        let _socket = TcpStream::connect(local).unwrap();
        loop {
            if let ChannelEvent::DataChannel(_, channel) = ada.next_event().await.unwrap() {
                assert_eq!(channel.label(), "peerline-forward");
                break;
            }
        }
    });
}
