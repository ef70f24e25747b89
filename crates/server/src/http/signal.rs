//! `/signal`: one WebSocket carries one client's frames to the hub and back (`docs/signaling.md` §4).

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::client::{Client, Host};
use super::handshake::Handshake;
use super::plain;
use crate::admission::Admitted;
use crate::server::Context;
use crate::signaling::Stream;

const SUBPROTOCOL: &str = "peerline.v1";

/// Answers a request for `/signal`.
pub(super) async fn upgrade(
    mut request: Request<Incoming>,
    client: &Client,
    context: Arc<Context>,
    admitted: Arc<Admitted>,
) -> Response<Body> {
    let origin = request.headers().get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    if let Some(origin) = origin
        && !is_allowed(origin, client, &context.config.allow_origins)
    {
        context.metrics.refused_origin();
        return plain(
            StatusCode::FORBIDDEN,
            "Pages of that origin may not use this server (--allow-origin).\n",
        );
    }
    let handshake = match Handshake::read(&mut request, SUBPROTOCOL) {
        Ok(handshake) => handshake,
        Err(refusal) => return *refusal,
    };
    let Some(mut place) = context.web_sockets.admit(client.address) else {
        context.metrics.refused_full();
        let mut response = plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "There are too many WebSockets here, or from your address.\n",
        );
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
        return response;
    };
    place.established();
    let (address, host) = (client.address, client.host.without_port().to_string());
    let response = handshake.response(SUBPROTOCOL);
    tokio::spawn(async move {
        if let Ok(upgraded) = handshake.upgrade.await {
            let connection = {
                // What was read holds on to the whole buffer that it was read into.
                let (stream, read) = bare(upgraded);
                context.signaling.connect(address, &host, stream, &read)
            };
            connection.serve().await;
        }
        drop((admitted, place));
    });
    response
}

/// The stream without the layers that HTTP/1.1 needed around it, and what was read from it too early.
fn bare(upgraded: Upgraded) -> (Box<dyn Stream>, Bytes) {
    let upgraded = match upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>() {
        Ok(parts) => return (Box::new(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (Box::new(parts.io.into_inner()), parts.read_buf),
        // HTTP/2: one stream of many.
        Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}

/// Our own pages, and those of origins that the operator named.
fn is_allowed(origin: &str, client: &Client, others: &[String]) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let same_host = Host::parse(authority).is_some_and(|host| host.is_same(&client.host, scheme));
    same_host || others.iter().any(|other| other.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_named_origins_may_open_the_web_socket() {
        let client = Client {
            address: [198, 51, 100, 1].into(),
            host: Host::parse("call.example.org").unwrap(),
            is_secure: true,
            is_direct: true,
        };
        let others = ["https://partner.example".to_owned()];
        for good in ["https://call.example.org", "https://call.example.org:443", "https://partner.example"] {
            assert!(is_allowed(good, &client, &others), "{good}");
        }
        for bad in [
            "null",
            "",
            "https://evil.example",
            "https://call.example.org:444",
            "https://partner.example:1",
            "https://call.example.org.evil.example",
        ] {
            assert!(!is_allowed(bad, &client, &others), "{bad}");
        }
    }
}
