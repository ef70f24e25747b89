//! The life of one TCP connection: what it speaks is found out, then it is handed on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::admission::Admitted;
use crate::first_bytes::{self, Protocol};
use crate::http::{self, Arrival, Version};
use crate::server::Context;
use crate::{tls, turn_stream};

/// Time for the first byte, and again for the TLS handshake and the first byte within it.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves one client until either side ends it.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    context: Arc<Context>,
    mut admitted: Admitted,
) {
    let protocol = match timeout(START_TIMEOUT, first_bytes::peek(&stream)).await {
        Ok(Ok(Some(protocol))) => protocol,
        Ok(Ok(None) | Err(_)) => return,
        Err(_) => return context.metrics.refused_slow(),
    };
    match protocol {
        Protocol::Tls => Box::pin(serve_tls(stream, peer, local, context, admitted)).await,
        Protocol::Stun => {
            admitted.established();
            let client = turn_stream::client(peer, local, false);
            Box::pin(turn_stream::serve(stream, client, context, admitted)).await;
        }
        Protocol::Http => {
            admitted.established();
            let arrival = Arrival { peer, is_tls: false };
            Box::pin(http::serve(stream, Version::Http1, arrival, context, admitted)).await;
        }
    }
}

async fn serve_tls(
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    context: Arc<Context>,
    mut admitted: Admitted,
) {
    let handshake = async {
        let mut stream = context.tls.accept(stream).await?;
        let protocol = protocol_within(&mut stream).await?;
        Ok::<_, io::Error>((stream, protocol))
    };
    let (stream, protocol) = match timeout(START_TIMEOUT, Box::pin(handshake)).await {
        Ok(Ok((stream, Some(protocol)))) => (stream, protocol),
        Ok(Ok((_, None))) => return,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "TLS handshake failed");
            return context.metrics.refused_handshake();
        }
        Err(_) => return context.metrics.refused_slow(),
    };
    admitted.established();
    match protocol {
        Within::Stun => {
            let client = turn_stream::client(peer, local, true);
            Box::pin(turn_stream::serve(stream, client, context, admitted)).await;
        }
        Within::Http(version) => {
            let arrival = Arrival { peer, is_tls: true };
            Box::pin(http::serve(stream, version, arrival, context, admitted)).await;
        }
    }
}

/// What TLS carries.
enum Within {
    Stun,
    Http(Version),
}

/// ALPN says it; a client without ALPN (coturn's, older WebRTC stacks) says it by its first byte.
async fn protocol_within(stream: &mut TlsStream<TcpStream>) -> io::Result<Option<Within>> {
    let agreed = stream.get_ref().1.alpn_protocol();
    if agreed == Some(rustls_acme::acme::ACME_TLS_ALPN_NAME) {
        // The handshake was all that the challenge asked for (RFC 8737 §3).
        return Ok(None);
    }
    if agreed == Some(tls::STUN_TURN) {
        return Ok(Some(Within::Stun));
    }
    if agreed == Some(tls::H2) {
        return Ok(Some(Within::Http(Version::Http2)));
    }
    let first = stream.fill_buf().await?.first().copied();
    Ok(first.map(|byte| match Protocol::of(byte) {
        Protocol::Stun => Within::Stun,
        // TLS in TLS is nonsense that the HTTP parser refuses.
        Protocol::Tls | Protocol::Http => Within::Http(Version::Http1),
    }))
}
