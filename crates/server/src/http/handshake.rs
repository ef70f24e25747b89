//! The opening handshake of a WebSocket, over HTTP/1.1 (RFC 6455 §4.2) and HTTP/2 (RFC 8441 §5).

use aws_lc_rs::digest;
use axum::body::Body;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;

use super::plain;

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that asks for a WebSocket as it should.
pub(super) struct Handshake {
    /// The stream, once the answer is out.
    pub(super) upgrade: OnUpgrade,
    accept: Accept,
}

/// How the answer says yes.
enum Accept {
    /// HTTP/1.1: 101, with what proves that the request was understood.
    Switching(HeaderValue),
    /// HTTP/2: 200.
    Connected,
}

impl Handshake {
    /// Takes the stream from a request for the subprotocol `protocol`; or returns the answer that refuses it.
    pub(super) fn read<B>(request: &mut Request<B>, protocol: &str) -> Result<Self, Box<Response<Body>>> {
        let accept = accept(request)?;
        let headers = request.headers();
        if !lists(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            let mut response = plain(StatusCode::UPGRADE_REQUIRED, "The version of WebSocket here is 13.\n");
            response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return Err(response.into());
        }
        if !lists(headers, &header::SEC_WEBSOCKET_PROTOCOL, protocol) {
            return Err(refusal(format!("The subprotocol here is {protocol}.\n")));
        }
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        Ok(Self {
            upgrade: upgrade.ok_or_else(|| refusal("This connection carries no WebSockets.\n"))?,
            accept,
        })
    }

    /// The answer that grants it.
    pub(super) fn response(&self, protocol: &'static str) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        if let Accept::Switching(proof) = &self.accept {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, proof.clone());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    }
}

fn accept<B>(request: &Request<B>) -> Result<Accept, Box<Response<Body>>> {
    let headers = request.headers();
    if request.version() >= Version::HTTP_2 {
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        return match protocol {
            Some("websocket") if request.method() == Method::CONNECT => Ok(Accept::Connected),
            _ => Err(refusal("Here is a WebSocket, and nothing else.\n")),
        };
    }
    if request.method() != Method::GET
        || !lists(headers, &header::CONNECTION, "upgrade")
        || !lists(headers, &header::UPGRADE, "websocket")
    {
        let mut response = plain(StatusCode::UPGRADE_REQUIRED, "Here is a WebSocket, and nothing else.\n");
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        return Err(response.into());
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |bytes| bytes.len()) != 16 {
        return Err(refusal("The Sec-WebSocket-Key is not 16 bytes of base64.\n"));
    }
    HeaderValue::from_str(&proof(key)).map(Accept::Switching).map_err(|_| refusal("That key cannot be.\n"))
}

/// RFC 6455 §4.2.2: SHA-1 is a checksum here, and protects nothing.
fn proof(key: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finish())
}

/// Whether one of the words of a list is this one, without regard to case.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

fn refusal(text: impl Into<Body>) -> Box<Response<Body>> {
    plain(StatusCode::BAD_REQUEST, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changes: &[(&str, &str)]) -> Request<()> {
        let mut headers = vec![
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "chat, peerline.v1"),
        ];
        headers.retain(|(name, _)| changes.iter().all(|(changed, _)| name != changed));
        headers.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        let request = Request::get("/signal");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
    }

    fn status(mut request: Request<()>) -> u16 {
        match Handshake::read(&mut request, "peerline.v1") {
            Ok(_) => panic!("there is no connection that could be upgraded"),
            Err(response) => response.status().as_u16(),
        }
    }

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        // RFC 6455 §1.3.
        assert_eq!(proof(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let accept = accept(&request(&[])).ok().unwrap();
        assert!(matches!(accept, Accept::Switching(proof) if proof == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn what_asks_for_no_web_socket_is_told_so() {
        for changes in [
            ("connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("upgrade", ""),
            ("sec-websocket-version", "8"),
        ] {
            assert_eq!(status(request(&[changes])), 426, "{changes:?}");
        }
        for changes in [
            ("sec-websocket-key", ""),
            ("sec-websocket-key", "AAAA"),
            ("sec-websocket-key", "?"),
            ("sec-websocket-protocol", "chat"),
            ("sec-websocket-protocol", ""),
        ] {
            assert_eq!(status(request(&[changes])), 400, "{changes:?}");
        }
        let mut post = request(&[]);
        *post.method_mut() = Method::POST;
        assert_eq!(status(post), 426);
    }

    #[test]
    fn http_2_asks_by_extended_connect() {
        let mut connect = request(&[]);
        *connect.version_mut() = Version::HTTP_2;
        assert!(accept(&connect).is_err());
        *connect.method_mut() = Method::CONNECT;
        assert!(accept(&connect).is_err());
        connect.extensions_mut().insert(Protocol::from_static("websocket"));
        assert!(matches!(accept(&connect).ok().unwrap(), Accept::Connected));
    }
}
