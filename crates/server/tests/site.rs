//! The web app and its headers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use common::{TestServer, get};

#[tokio::test]
async fn the_app_is_at_the_root_and_at_every_link() {
    let server = TestServer::start(&[]).await;
    let root = server.get("/", &[]).await;
    assert_eq!(root.status, 200);
    assert_eq!(root.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(root.header("cache-control"), Some("no-cache"));
    assert_eq!(server.get("/c/", &[]).await.body, root.body);
    assert_eq!(server.get("/check", &[]).await.body, root.body);
    assert_eq!(server.get("/nothing", &[]).await.status, 404);
    assert_eq!(server.get("/../Cargo.toml", &[]).await.status, 404);
    let unchanged = server.get("/", &[("if-none-match", root.header("etag").unwrap())]).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
}

#[tokio::test]
async fn a_browser_gets_the_compressed_form() {
    let server = TestServer::start(&[]).await;
    let plain = server.get("/", &[]).await;
    let compressed = server.get("/", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(compressed.header("content-encoding"), Some("br"));
    assert!(compressed.body.len() < plain.body.len());
    assert_eq!(server.get("/", &[("accept-encoding", "br;q=0")]).await.header("content-encoding"), None);
}

#[tokio::test]
async fn each_form_has_a_tag_of_its_own() {
    // RFC 9110 §8.8.3.3: a cache that has one form must not be told that it is the other.
    let server = TestServer::start(&[]).await;
    let tag =
        async |headers: &[(&str, &str)]| server.get("/", headers).await.header("etag").unwrap().to_owned();
    let (plain, compressed) = (tag(&[]).await, tag(&[("accept-encoding", "br")]).await);
    assert_ne!(plain, compressed);
    for (encoding, tag, status) in [
        ("br", &compressed, 304),
        ("br", &plain, 200),
        ("identity", &plain, 304),
        ("identity", &compressed, 200),
    ] {
        let answer = server.get("/", &[("accept-encoding", encoding), ("if-none-match", tag)]).await;
        assert_eq!(answer.status, status, "{encoding} {tag}");
    }
}

#[tokio::test]
async fn every_answer_allows_nothing_from_elsewhere() {
    let server = TestServer::start(&[]).await;
    for path in ["/", "/nothing", "/healthz", "/metrics", "/signal"] {
        let answer = server.get(path, &[]).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        let web_socket = format!("connect-src 'self' ws://localhost:{};", server.address().port());
        assert!(policy.contains(&web_socket), "{path}: {policy}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert!(answer.header("permissions-policy").unwrap().contains("camera=(self)"));
        // A self-signed certificate must not lock anybody in.
        assert_eq!(answer.header("strict-transport-security"), None);
    }
}

#[tokio::test]
async fn sites_that_the_operator_names_may_show_the_app_within_their_pages() {
    let sites = ["--embed-origin", "https://a.example", "--embed-origin", "https://b.example:8443"];
    let server = TestServer::start(&sites).await;
    let answer = server.get("/c/", &[]).await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("; frame-ancestors https://a.example https://b.example:8443; "), "{policy}");
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let server = TestServer::start(&[]).await;
    let mut stream = server.connect().await;
    tokio::io::AsyncWriteExt::write_all(
        &mut stream,
        b"POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    )
    .await
    .unwrap();
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await.unwrap();
    let answer = common::parse(&bytes);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn health_and_metrics_are_told_to_this_machine() {
    let server = TestServer::start(&[]).await;
    assert_eq!(server.get("/healthz", &[]).await.text(), "ok\n");
    let metrics = server.get("/metrics", &[]).await;
    for name in [
        "peerline_connections ",
        "peerline_channels ",
        "peerline_participants ",
        "peerline_messages_total ",
        "peerline_allocations ",
        "peerline_relayed_bytes_total{direction=\"to_peer\"} ",
        "peerline_relayed_packets_total{direction=\"to_client\"} ",
        "peerline_signaling_errors_total{code=\"channel_full\"} ",
    ] {
        assert!(metrics.text().contains(&format!("\n{name}")), "{name} is missing");
    }
    // Somebody else asks through a proxy on this machine.
    assert_eq!(server.get("/metrics", &[("x-forwarded-for", "203.0.113.1")]).await.status, 403);
}

#[tokio::test]
async fn metrics_are_told_to_networks_that_may_know() {
    let server =
        TestServer::start(&["--trusted-proxy", "127.0.0.0/8", "--metrics-allow", "203.0.113.0/24"]).await;
    let from = |address| vec![("x-forwarded-for", address), ("x-forwarded-proto", "https")];
    assert_eq!(server.get("/metrics", &from("203.0.113.1")).await.status, 200);
    assert_eq!(server.get("/metrics", &from("198.51.100.1")).await.status, 403);
}

#[tokio::test]
async fn the_same_site_answers_by_tls() {
    let server = TestServer::start(&[]).await;
    let answer = get(server.connect_tls(&[b"http/1.1"]).await, "/", "localhost", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-security-policy").unwrap().contains("wss://localhost"));
}

#[tokio::test]
async fn a_request_without_a_valid_host_is_refused() {
    let server = TestServer::start(&[]).await;
    for host in ["", "a b", "x@y", "a/b"] {
        assert_eq!(server.get("/", &[("host", host)]).await.status, 400, "{host}");
    }
}
