//! Flags, environment and file: what wins, and how a wrong value is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::net::SocketAddr;

use common::TemporaryDirectory;
use peerline_server::config::{Certificate, PublicIp};
use peerline_server::{Config, Options, Server};

fn config(arguments: &[&str]) -> Result<Config, String> {
    let options = Options::from_arguments(arguments).map_err(|error| error.to_string())?;
    Config::try_from(options).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(arguments: &[&str], sentence: &str) {
    let error = config(arguments).expect_err("this makes no sense");
    assert!(error.contains(sentence), "`{error}` does not say `{sentence}`");
}

#[test]
fn without_options_everything_has_a_default() {
    let config = config(&[]).unwrap();
    let addresses = |texts: [&str; 2]| texts.map(|text| text.parse::<SocketAddr>().unwrap()).to_vec();
    assert_eq!(config.listen.addresses, addresses(["0.0.0.0:8443", "[::]:8443"]));
    assert_eq!(config.stun_listen.addresses, addresses(["0.0.0.0:3478", "[::]:3478"]));
    assert_eq!(config.relay_ports, 49152..=65535);
    assert_eq!(config.public_ip, PublicIp::Auto);
    assert_eq!(config.certificate, Certificate::SelfSigned);
    assert!(!config.lan);
    assert!(!config.tcp_relay);
}

#[test]
fn a_wrong_value_is_refused_with_a_sentence_that_says_which_and_why() {
    refused(
        &["--listen", "here"],
        "--listen: `here` is not an address with a port. Write 0.0.0.0:8443, [::]:8443",
    );
    refused(&["--listen", "192.0.2.1"], "is not an address with a port");
    refused(&["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:1"], "--listen: 127.0.0.1:1 is given twice");
    refused(
        &["--stun-listen", "1.2.3.4:99999"],
        "--stun-listen: `1.2.3.4:99999` is not an address with a port",
    );
    refused(&["--public-ip", "home"], "--public-ip: `home` is neither `auto` nor an IP address");
    refused(&["--public-ip", "0.0.0.0"], "--public-ip: nobody can be reached at 0.0.0.0");
    refused(&["--public-ip", "192.0.2.1", "--public-ip", "192.0.2.2"], "two addresses of one family");
    refused(&["--relay-ports", "50000"], "--relay-ports: `50000` is not LOW-HIGH");
    refused(&["--relay-ports", "60000-50000"], "--relay-ports: `60000-50000` is reversed");
    refused(&["--relay-ports", "80-90"], "reaches below 1024");
    refused(&["--relay-ports", "50000-50000"], "is a single port");
    refused(&["--relay-allow", "10.0.0.0/40"], "--relay-allow: `10.0.0.0/40` is not a network");
    refused(&["--trusted-proxy", "0.0.0.0/0"], "--trusted-proxy: 0.0.0.0/0 is everybody");
    refused(&["--trusted-proxy", "proxy"], "--trusted-proxy: `proxy` is not a network");
    refused(&["--metrics-allow", "x"], "--metrics-allow: `x` is not a network");
    refused(&["--allow-origin", "example.org"], "--allow-origin: `example.org` is not an origin");
    refused(&["--allow-origin", "https://example.org/page"], "is not an origin");
    refused(&["--embed-origin", "*"], "--embed-origin: `*` is not an origin");
    refused(&["--embed-origin", "https://a;script-src https://b"], "is not an origin");
    refused(&["--cert", "a.pem"], "--cert: a certificate needs its private key: give --key too");
    refused(&["--key", "a.pem"], "--key: a private key needs its certificate: give --cert too");
    refused(
        &["--domain", "a.example", "--cert", "a", "--key", "b"],
        "--domain: a certificate comes from --domain or from",
    );
    refused(&["--domain", "192.0.2.1"], "--domain: `192.0.2.1` is not a name");
    refused(&["--domain", "localhost"], "is not a name that ACME gives certificates for");
    refused(&["--turn-secret", "short"], "--turn-secret: the secret is shorter than 16 characters");
    let with_secret = |url| ["--turn-secret", "sixteen letters!", "--turn-server", url];
    refused(
        &["--turn-server", "turn:b.example"],
        "--turn-server: clients are given one credential for all servers",
    );
    for url in [
        "b.example",
        "stun:b.example",
        "turn:",
        "turn:b.example:0",
        "turn:b.example:port",
        "turn:b.example:70000",
        "turn:user@b.example",
        "turn:2001:db8::1:3478",
        "turn:[b.example]:3478",
        "turn:b.example?transport=sctp",
        "turns:b.example?transport=udp",
    ] {
        refused(&with_secret(url), "--turn-server: `");
        refused(&with_secret(url), "is not the URL of a TURN server. Write turn:turn2.example.org:3478");
    }
    refused(
        &with_secret("turn:b.example,turn:b.example:3478?transport=udp"),
        "--turn-server: turn:b.example:3478?transport=udp is given twice",
    );
    refused(&["--turn-user", "ada"], "--turn-user: a user is written NAME:PASSWORD");
    refused(&["--turn-user", "1790000000:x"], "looks like a time-limited credential");
    refused(&["--max-connections", "0"], "--max-connections: `0` is not a number above 0");
    refused(&["--log-format", "xml"], "--log-format: `xml` is neither `text` nor `json`");
    refused(&["--lan=maybe"], "invalid value 'maybe' for '--lan[=<BOOL>]'");
}

#[test]
fn an_allowed_origin_is_kept_as_browsers_write_it() {
    for (given, kept) in [
        ("https://a:443", "https://a"),
        ("http://a:80", "http://a"),
        ("https://A.Example:443/", "https://a.example"),
        ("https://[::1]:443", "https://[::1]"),
        ("https://a:80", "https://a:80"),
        ("http://a:443", "http://a:443"),
        ("https://a:8443", "https://a:8443"),
    ] {
        let options = Options::from_arguments(["--data-dir", "/tmp/x", "--allow-origin", given]).unwrap();
        assert_eq!(Config::try_from(options).unwrap().allow_origins, [kept], "{given}");
    }
    refused(&["--allow-origin", "https://:443"], "is not an origin");
}

#[test]
fn a_further_turn_server_is_told_with_what_its_url_leaves_out() {
    for (given, told) in [
        ("turn:b.example", "turn:b.example:3478?transport=udp"),
        ("TURN:b.example:443?transport=tcp", "turn:b.example:443?transport=tcp"),
        ("turns:b.example", "turns:b.example:5349?transport=tcp"),
        ("turn:192.0.2.7:9", "turn:192.0.2.7:9?transport=udp"),
        ("turn:[2001:db8::7]", "turn:[2001:db8::7]:3478?transport=udp"),
        ("turns:[2001:db8::7]:443", "turns:[2001:db8::7]:443?transport=tcp"),
    ] {
        let config = config(&["--turn-secret", "sixteen letters!", "--turn-server", given]).unwrap();
        assert_eq!(config.turn_servers, [told], "{given}");
    }
}

#[test]
fn no_refusal_repeats_a_password() {
    for arguments in [["--turn-user", "hunter2hunter2"], ["--turn-secret", "hunter2"]] {
        assert!(!config(&arguments).unwrap_err().contains("hunter2"));
    }
    let config = config(&["--turn-user", "ada:hunter2", "--turn-secret", "hunter2hunter2hunter2"]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_port_alone_means_every_address() {
    let config = config(&["--listen", "443"]).unwrap();
    assert_eq!(config.listen.addresses.len(), 2);
    assert!(
        config.listen.addresses.iter().all(|address| address.port() == 443 && address.ip().is_unspecified())
    );
}

#[test]
fn any_free_port_leaves_3478_to_others() {
    assert!(config(&["--listen", "127.0.0.1:0"]).unwrap().stun_listen.addresses.is_empty());
}

#[test]
fn the_file_says_what_the_flags_do_not() {
    let directory = TemporaryDirectory::new();
    let file = directory.file(
        "peerline.toml",
        "listen = \"127.0.0.1:9000\"\nrelay-ports = \"50000-51000\"\nlan = true\n\
         relay-allow = [\"10.1.0.0/16\", \"10.2.0.0/16\"]\nturn-user = \"ada:lovelace\"\nmax-connections = 10\n",
    );
    let config = config(&["--config", &file, "--listen", "127.0.0.1:9001"]).unwrap();
    assert_eq!(config.listen.addresses, ["127.0.0.1:9001".parse().unwrap()]);
    assert_eq!(config.relay_ports, 50000..=51000);
    assert_eq!(config.relay_allow.len(), 2);
    assert_eq!(config.turn_users[0].name, "ada");
    assert_eq!(config.max_connections, 10);
    assert!(config.lan);
}

#[test]
fn a_flag_can_switch_off_what_the_file_switches_on() {
    let directory = TemporaryDirectory::new();
    let file = directory.file("peerline.toml", "lan = true\ntcp-relay = true\n");
    let of_file = config(&["--config", &file]).unwrap();
    assert!(of_file.lan && of_file.tcp_relay);
    let without = config(&["--config", &file, "--lan=false", "--tcp-relay=false"]).unwrap();
    assert!(!without.lan && !without.tcp_relay);
    let with = config(&["--lan", "--tcp-relay"]).unwrap();
    assert!(with.lan && with.tcp_relay);
}

#[test]
fn an_unknown_key_is_named_with_the_one_that_was_meant() {
    let directory = TemporaryDirectory::new();
    let file = |content| directory.file("peerline.toml", content);
    refused(
        &["--config", &file("lisen = \"127.0.0.1:1\"\n")],
        "there is no key `lisen`. Did you mean `listen`?",
    );
    refused(
        &["--config", &file("relay_ports = \"1-2\"\n")],
        "there is no key `relay_ports`. Did you mean `relay-ports`?",
    );
    refused(&["--config", &file("zzz = 1\n")], "there is no key `zzz`. The keys are: listen,");
    refused(&["--config", &file("config = \"x\"\n")], "there is no key `config`");
    refused(&["--config", &file("listen =\n")], "--config:");
    refused(&["--config", &file("lan = \"yes\"\n")], "expected a boolean");
    let unclosed = file("lan = true\nturn-user = \"ada:hunter2\n");
    let error = config(&["--config", &unclosed]).unwrap_err();
    assert!(error.contains("line 2:") && !error.contains("hunter2"), "{error}");
    refused(&["--config", "/nonexistent.toml"], "--config: /nonexistent.toml cannot be read");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = TemporaryDirectory::new();
    let data_dir = directory.path().to_str().unwrap();
    let start = |arguments: Vec<String>| {
        let mut all = vec!["--data-dir".to_owned(), data_dir.to_owned()];
        all.extend(arguments);
        async move {
            let config = Config::try_from(Options::from_arguments(all).unwrap()).unwrap();
            Server::start(config).await.err().map(|error| error.to_string()).unwrap_or_default()
        }
    };
    let tcp = start(vec!["--listen".into(), address.clone()]).await;
    let port = taken.local_addr().unwrap().port();
    assert!(
        tcp.contains(&format!("--listen: TCP port {port} is in use at 127.0.0.1 by another program.")),
        "{tcp}"
    );
    assert!(tcp.contains("choose another port with --listen"), "{tcp}");

    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let udp = start(vec!["--listen".into(), "127.0.0.1:0".into(), "--stun-listen".into(), address]).await;
    assert!(udp.contains("--stun-listen: UDP port") && udp.contains("is in use"), "{udp}");

    let foreign = start(vec!["--listen".into(), "203.0.113.1:0".into()]).await;
    assert!(foreign.contains("--listen: this machine has no address 203.0.113.1"), "{foreign}");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_is_named() {
    let directory = TemporaryDirectory::new();
    let file = directory.file("a-file", "");
    let config = config(&["--listen", "127.0.0.1:0", "--data-dir", &file]).unwrap();
    let error = Server::start(config).await.err().unwrap().to_string();
    assert!(error.contains(&format!("--data-dir: {file} cannot be used")), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_none_is_named() {
    let directory = TemporaryDirectory::new();
    let empty = directory.file("empty.pem", "nothing");
    let data_dir = directory.path().to_str().unwrap();
    for (certificate, sentence) in
        [(empty.as_str(), "has no certificate in it"), ("/nonexistent.pem", "cannot be read")]
    {
        let config = config(&[
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            data_dir,
            "--cert",
            certificate,
            "--key",
            &empty,
        ])
        .unwrap();
        let error = Server::start(config).await.err().unwrap().to_string();
        assert!(error.contains("--cert and --key") && error.contains(sentence), "{error}");
    }
}
