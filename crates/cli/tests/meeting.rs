//! Where to meet, whom to trust, how long to wait: what all commands have in common.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Serving, after, program, run};
use peerline::channel::{Channel, ChannelOptions, Link};
use rustix::process::Signal;

/// An address at which nobody listens: the port was free a moment ago.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn link(origin: &str) -> String {
    format!("{origin}/c/#v1.{}", "A".repeat(43))
}

#[test]
fn what_is_wrong_with_a_place_is_said_before_anything_is_contacted() {
    let directory = Path::new("/nonexistent");
    for (place, why) in [
        ("pilow-evacuate-shudder-bless-cavern", "“pilow” is not a word of a code; did you mean “pillow”?"),
        ("pillow-evacuate-shudder-bless", "a code has 5 words, this has 4"),
        ("https://call.example/c/", "this is not the address of a channel"),
        ("https://call.example/c/#v1.AAAA", "the link is incomplete or of another version"),
        (&link("ftp://call.example"), "this is not the address of a channel"),
    ] {
        for command in [
            &["chat"][..],
            &["join"],
            &["pipe"],
            &["forward", "--allow", "80"],
            &["send", "/dev/null", "--to"],
            &["recv", "--yes"],
        ] {
            let (status, output, error) = run(&[command, &[place]].concat(), directory);
            assert_eq!(status, Some(2), "{error}");
            assert!(error.contains(why), "{error}");
            assert_eq!(output, "");
        }
    }
    for arguments in [
        &["chat"][..],
        &["chat", "--new", "pillow-evacuate-shudder-bless-cavern"],
        &["chat", "--new", "--server", "localhost:8443"],
        &["chat", "--new", "--expires", "soon"],
        &["chat", "--new", "--trust", "abc"],
        &["chat", "--new", "--name", ""],
        &["chat", "--new", "--proxy", "socks5://127.0.0.1:1"],
        &["forward"],
        &["forward", "--local", "0"],
        &["forward", "--local", "0", "--remote", "80", "--allow", "80"],
        &["forward", "--allow", "1:2:3"],
    ] {
        assert_eq!(run(arguments, directory).0, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_server_that_is_away_ends_it_with_5_and_one_without_encryption_elsewhere_with_2() {
    let directory = std::env::temp_dir().join(format!("peerline-away-{}", std::process::id()));
    let (status, output, error) = run(&["chat", &link(&nobody())], &directory);
    assert_eq!((status, &*output), (Some(5), ""));
    assert!(
        error.contains("cannot be reached") && error.contains("Is `peerline serve` running there?"),
        "{error}"
    );
    let (status, _, error) = run(&["chat", &link("http://192.0.2.1")], &directory);
    assert_eq!(status, Some(2));
    assert!(error.contains("would be reached without encryption"), "{error}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_proxy_that_is_of_no_use_is_named_without_its_password() {
    let directory = std::env::temp_dir().join(format!("peerline-proxy-{}", std::process::id()));
    // RFC 6761 §6.4: nobody has that name.
    let place = link("https://call.invalid");
    let proxy = nobody().replace("http://", "http://ada:lovelace@");
    let (status, _, error) = run(&["chat", &place, "--proxy", &proxy], &directory);
    assert_eq!(status, Some(5), "{error}");
    assert!(error.contains("through the proxy http://127.0.0.1:"), "{error}");
    assert!(!error.contains("lovelace"), "{error}");
    let by_environment = |name: &str, url: &str, arguments: &[&str]| {
        let mut command = program();
        command.args(["chat", &place]).args(arguments).env("PEERLINE_DATA_DIR", &directory).env(name, url);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(by_environment("HTTPS_PROXY", &proxy, &[]).contains("through the proxy"));
    assert!(!by_environment("HTTPS_PROXY", &proxy, &["--proxy", "none"]).contains("through the proxy"));
    let told = by_environment("https_proxy", "socks5://ada:lovelace@127.0.0.1:1", &[]);
    assert!(told.contains("https_proxy is not used") && !told.contains("lovelace"), "{told}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_self_signed_server_is_believed_only_when_one_says_so() {
    let serving = Serving::start("trust");
    let place = link(&format!("https://localhost:{}", serving.port));
    let directory = serving.data_dir.join("user");
    let (status, _, error) = run(&["chat", &place], &directory);
    assert_eq!(status, Some(5));
    let fingerprint = after(&error, "--trust ").trim().to_owned();
    assert_eq!(fingerprint.len(), 95, "{error}");
    let (status, _, error) = run(&["chat", &place, "--trust", &fingerprint], &directory);
    assert_eq!((status, &*error), (Some(0), ""));
    let other = fingerprint.replace('A', "B").replace('1', "2").replace('C', "D");
    let (status, _, error) = run(&["chat", &place, "--trust", &other], &directory);
    assert_eq!(status, Some(5));
    assert!(error.contains(&fingerprint), "{error}");
    assert_eq!(run(&["chat", &place, "--trust", "any"], &directory).0, Some(0));
}

#[test]
fn a_code_expires_when_nobody_comes() {
    let serving = Serving::start("expires");
    let file = serving.data_dir.join("file");
    std::fs::write(&file, "").unwrap();
    let (file, to) = (file.to_str().unwrap(), serving.data_dir.to_str().unwrap());
    for command in [
        &["chat", "--new"][..],
        &["join", "--new"],
        &["pipe"],
        &["forward", "--allow", "80"],
        &["send", file],
        &["recv", "pillow-evacuate-shudder-bless-cavern", "--yes", "--to", to],
    ] {
        let mut client = serving.client("ada", &[command, &["--expires", "1s"]].concat());
        assert_eq!(client.status(), Some(3), "{command:?}");
        assert!(client.notes.rest().contains("peerline: Nobody came in time."), "{command:?}");
    }
}

#[test]
fn a_third_who_comes_with_the_same_code_is_left_out() {
    let serving = Serving::start("third");
    let mut ada = serving.client("ada", &["chat", "--new"]);
    let (code, link) = ada.code();
    let mut grace = serving.client("grace", &["chat", &code]);
    ada.notes.find("grace is connected directly.");
    grace.notes.find("ada is connected directly.");
    // By the link of the code the rule is the same.
    let mut eve = serving.client("eve", &["chat", &link]);
    ada.notes.find("eve came with the same code and is left out.");
    ada.write("between us");
    assert_eq!(grace.lines().find("between us"), "ada: between us");
    eve.signal(Signal::TERM);
    assert_eq!(eve.status(), Some(0));
    assert!(!eve.lines().rest().contains("between us"));
    // When the partner is gone its place is free.
    grace.end();
    assert_eq!(grace.status(), Some(0));
    ada.notes.find("grace left.");
    let mut again = serving.client("grace", &["chat", &code]);
    ada.notes.find("grace is here.");
    again.write("here again");
    again.end();
    assert_eq!(ada.lines().find("again"), "grace: here again");
    assert_eq!(again.status(), Some(0));
}

#[test]
fn a_partner_that_was_killed_makes_room_for_the_next() {
    let serving = Serving::start("killed");
    let mut ada = serving.client("ada", &["chat", "--new"]);
    let (code, _) = ada.code();
    let mut grace = serving.client("grace", &["chat", &code]);
    grace.notes.find("ada is connected directly.");
    grace.signal(Signal::KILL);
    grace.status();
    // The server keeps the place of the one who was killed for a minute: nobody waits for that.
    let mut again = serving.client("grace", &["chat", &code]);
    again.notes.find("ada is connected directly.");
    again.write("restarted");
    assert_eq!(ada.lines().next().unwrap(), "grace: restarted");
}

#[test]
fn by_the_relay_only_nobody_learns_an_address() {
    let serving = Serving::start("relay-only");
    let mut ada = serving.client("ada", &["chat", "--new", "--relay-only"]);
    let (code, _) = ada.code();
    let mut grace = serving.client("grace", &["chat", &code, "--relay-only"]);
    ada.notes.find("grace is connected through the relay.");
    grace.notes.find("ada is connected through the relay.");
    grace.write("hello");
    assert_eq!(ada.lines().next().unwrap(), "grace: hello");
}

#[test]
fn the_identity_stays_and_is_its_owners_alone() {
    let serving = Serving::start("identity");
    let identity = || {
        let mut listener = serving.client("ada", &["join", "--new"]);
        let mut lines = listener.lines();
        let code = lines.find(r#""event":"code""#);
        let code: serde_json::Value = serde_json::from_str(&code).unwrap();
        let _grace = serving.client("grace", &["join", code["code"].as_str().unwrap()]);
        let arrived: serde_json::Value = serde_json::from_str(&lines.find("arrived")).unwrap();
        arrived["participant"]["identity"].as_str().unwrap().to_owned()
    };
    assert_eq!(identity(), identity());
    let file = serving.data_dir.join("grace/identity");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // A directory that can't be written is no reason not to meet.
    let mut client = serving.client("x", &["chat", "--new", "--data-dir", "/dev/null/x", "--expires", "1s"]);
    client.notes.find("The identity of this user can't be kept (/dev/null/x: ");
    assert_eq!(client.status(), Some(3));
}

#[test]
fn help_fits_a_terminal_and_has_the_exit_status() {
    for command in ["chat", "join", "send", "recv", "pipe", "forward"] {
        for flag in ["-h", "--help"] {
            let output = program().args([command, flag]).env("COLUMNS", "80").output().unwrap();
            let help = String::from_utf8(output.stdout).unwrap();
            assert!(help.contains("Exit status:") && help.contains("nobody came"), "{help}");
            let longest = help.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(80), "{help}");
        }
    }
}

/// Somebody by the code's link, with whom no direct connection comes about when `direct` is false.
async fn partner(link: &str, direct: bool) -> Channel {
    let options = ChannelOptions { direct, ..ChannelOptions::named("grace") };
    Channel::join(&Link::parse(link).unwrap(), options).await.unwrap()
}

#[test]
fn a_partner_who_left_is_waited_for_no_longer_than_the_code_is_good() {
    let serving = Serving::start("left");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let file = serving.data_dir.join("file");
    std::fs::write(&file, "").unwrap();
    for command in [&["chat", "--new"][..], &["send", file.to_str().unwrap()]] {
        let mut ada = serving.client("ada", &[command, &["--expires", "20s"]].concat());
        let (_, link) = ada.code();
        runtime.block_on(async {
            let grace = partner(&link, true).await;
            ada.notes.find("grace is connected");
            grace.leave().await;
        });
        assert_eq!(ada.status(), Some(3), "{command:?}");
        assert!(ada.notes.rest().contains("peerline: The other side did not come back in time."));
    }
}

#[test]
fn what_needs_a_direct_connection_ends_with_5_where_none_comes_about() {
    let serving = Serving::start("unconnected");
    let file = serving.data_dir.join("file");
    std::fs::write(&file, "").unwrap();
    let commands = [&["pipe"][..], &["forward", "--allow", "80"], &["send", file.to_str().unwrap()]];
    let mut clients = commands.map(|command| serving.client("ada", command));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut partners = Vec::new();
    for client in &mut clients {
        partners.push(runtime.block_on(partner(&client.code().1, false)));
    }
    for client in &mut clients {
        assert_eq!(client.status(), Some(5));
        assert!(client.notes.rest().contains("peerline: grace can't be connected. "));
    }
}
