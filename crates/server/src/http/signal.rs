//! `/signal`: one WebSocket carries one client's frames to the hub and back (`docs/signaling.md` §4).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use peerline_signaling::CloseCode;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use super::client::{Client, Host};
use super::plain;
use crate::admission::Admitted;
use crate::server::Context;
use crate::signaling::{Connection, FRAME_MAX};

const SUBPROTOCOL: &str = "peerline.v1";
/// An idle client costs this much for reading; a longer frame grows it for a while.
const READ_BUFFER: usize = 2 * 1024;
/// Frames are gathered up to here before they are written.
const WRITE_BUFFER: usize = 16 * 1024;
/// A socket that doesn't take one batch in so long has nobody behind it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for the other side to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Frames that are read before answers are written.
const READ_BATCH: usize = 32;

/// Answers a request for `/signal`.
pub(super) async fn upgrade(
    request: Request<Incoming>,
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
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    if !upgrade.requested_protocols().any(|protocol| protocol == SUBPROTOCOL) {
        return plain(StatusCode::BAD_REQUEST, "The subprotocol here is peerline.v1.\n");
    }
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
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 4 * FRAME_MAX)
        // One byte more than a frame may have: the hub says why it is too large.
        .max_message_size(FRAME_MAX + 1)
        .max_frame_size(FRAME_MAX + 1)
        .on_upgrade(move |socket| async move {
            let connection = context.signaling.connect(address, &host);
            carry(socket, &connection, &context).await;
            drop((connection, admitted, place));
        })
        .into_response()
}

/// Our own pages, and those of origins that the operator named.
fn is_allowed(origin: &str, client: &Client, others: &[String]) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let same_host = Host::parse(authority).is_some_and(|host| host.is_same(&client.host, scheme));
    same_host || others.iter().any(|other| other.eq_ignore_ascii_case(origin))
}

/// Why the connection ends.
enum End {
    /// The other side is gone, or has said good-bye.
    Gone,
    /// We close it.
    Close(u16),
}

async fn carry(mut socket: WebSocket, connection: &Connection, context: &Context) {
    let mut shutdown = context.shutdown.clone();
    let mut has_more = false;
    let end = loop {
        let ended = tokio::select! {
            message = socket.recv() => receive(&mut socket, message, connection),
            () = connection.ready(), if !has_more => None,
            // A client that reads slowly is heard between two batches: what it acknowledges makes room.
            () = std::future::ready(()), if has_more => None,
            () = shutdown.closing() => Some(End::Close(CloseCode::Restart.number())),
        };
        let ended = ended.or_else(|| connection.close_code().map(End::Close));
        let sent = match ended {
            Some(End::Gone) => break End::Gone,
            // What the hub has to say goes out before the end, too: an error, for one.
            Some(End::Close(_)) => timeout(WRITE_TIMEOUT, send_rest(&mut socket, connection)).await,
            None => timeout(WRITE_TIMEOUT, send(&mut socket, connection)).await,
        };
        match (ended, sent) {
            (_, Err(_) | Ok(Err(_))) => break End::Gone,
            (Some(ended), _) => break ended,
            (None, Ok(Ok(more))) => has_more = more,
        }
    };
    if let End::Close(code) = end {
        let frame = CloseFrame { code, reason: "".into() };
        // Without reading on, a kernel that holds unread input would reset the connection and lose the frame.
        let _ = timeout(CLOSE_TIMEOUT, async {
            if socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = socket.recv().await {}
            }
        })
        .await;
    }
}

/// Hands one message to the hub, and those that stand ready behind it.
fn receive(
    socket: &mut WebSocket,
    message: Option<Result<Message, axum::Error>>,
    connection: &Connection,
) -> Option<End> {
    let mut next = Some(message);
    for _ in 0..READ_BATCH {
        match next? {
            Some(Ok(Message::Text(text))) => connection.input(text.as_bytes()),
            Some(Ok(Message::Binary(_))) => return Some(End::Close(CloseCode::Unsupported.number())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Some(End::Gone),
            Some(Err(error)) => return Some(refuse(error, connection)),
        }
        next = ready(socket);
    }
    None
}

/// The next message, if it has already arrived.
fn ready(socket: &mut WebSocket) -> Option<Option<Result<Message, axum::Error>>> {
    use futures_util::FutureExt;
    socket.next().now_or_never()
}

fn refuse(error: axum::Error, connection: &Connection) -> End {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => {
            connection.input_too_large();
            End::Close(CloseCode::TooLarge.number())
        }
        Some(tungstenite::Error::Utf8(_)) => End::Close(1007),
        Some(tungstenite::Error::Protocol(error))
            if *error != tungstenite::error::ProtocolError::ResetWithoutClosingHandshake =>
        {
            End::Close(1002)
        }
        _ => End::Gone,
    }
}

/// Writes a batch of what the hub has for this client; says whether there may be more.
async fn send(socket: &mut WebSocket, connection: &Connection) -> Result<bool, axum::Error> {
    let (frames, more) = connection.pull(WRITE_BUFFER);
    if frames.is_empty() {
        return Ok(more);
    }
    for frame in frames {
        socket.feed(Message::Text(frame)).await?;
    }
    socket.flush().await?;
    Ok(more)
}

/// Writes all that the hub has for this client, until there is no more.
async fn send_rest(socket: &mut WebSocket, connection: &Connection) -> Result<bool, axum::Error> {
    while send(socket, connection).await? {}
    Ok(false)
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
