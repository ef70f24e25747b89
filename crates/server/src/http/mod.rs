//! HTTP on the one port: the web app, the SDK, signaling, health and metrics.

mod assets;
mod client;
mod handshake;
mod headers;
mod signal;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

pub(crate) use client::Arrival;
use client::{Client, is_in};

use crate::admission::Admitted;
use crate::server::Context;

/// Time for a request's head, and how long an idle connection is kept for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Our requests have no bodies and few headers; hyper's least is 8 KiB.
const HTTP1_BUFFER: usize = 16 * 1024;
const HTTP2_STREAMS: u32 = 64;
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often it is looked whether an HTTP/2 connection is still in use.
const HTTP2_IDLE: Duration = Duration::from_secs(60);

/// The version of HTTP that ALPN has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Answers the requests of one connection until it ends or the server does.
pub(crate) async fn serve<S>(
    stream: S,
    version: Version,
    arrival: Arrival,
    context: Arc<Context>,
    admitted: Admitted,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut shutdown = context.shutdown.clone();
    let admitted = Arc::new(admitted);
    let use_of = UseOf { admitted: Arc::downgrade(&admitted), requests: Arc::default() };
    let requests = use_of.requests.clone();
    let service = service_fn(move |request| {
        requests.fetch_add(1, Ordering::Relaxed);
        let (context, admitted) = (context.clone(), admitted.clone());
        async move { Ok::<_, Infallible>(answer(request, arrival, context, admitted).await) }
    });
    let stream = TokioIo::new(stream);
    let ended = match version {
        Version::Http1 => {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HTTP1_BUFFER)
                .serve_connection(stream, service)
                .with_upgrades();
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.draining() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
        Version::Http2 => {
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .enable_connect_protocol()
                .max_concurrent_streams(HTTP2_STREAMS)
                .max_header_list_size(16 * 1024)
                .initial_stream_window_size(64 * 1024)
                .initial_connection_window_size(256 * 1024)
                .max_send_buf_size(64 * 1024)
                .keep_alive_interval(HTTP2_KEEP_ALIVE)
                .serve_connection(stream, service);
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.draining() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                requests = use_of.end() => {
                    connection.as_mut().graceful_shutdown();
                    // A body may still be on its way; without a request there is nothing to wait for.
                    let patience = if requests > 0 { HTTP2_IDLE } else { Duration::ZERO };
                    timeout(patience, connection).await.unwrap_or(Ok(()))
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP connection ended");
    }
}

/// Whether anybody needs a connection. HTTP/1.1 has its own measure for that: the time to the next request's head.
struct UseOf {
    /// Held by the connection, by every request that is being answered, and by every WebSocket.
    admitted: Weak<Admitted>,
    requests: Arc<AtomicU64>,
}

impl UseOf {
    /// Returns when the first request doesn't come, and later when there is nothing open and nothing new: with the number
    /// of requests that there were.
    async fn end(&self) -> u64 {
        tokio::time::sleep(HEAD_TIMEOUT).await;
        let mut seen = 0;
        loop {
            let requests = self.requests.load(Ordering::Relaxed);
            if requests == seen && self.admitted.strong_count() <= 1 {
                return requests;
            }
            seen = requests;
            tokio::time::sleep(HTTP2_IDLE).await;
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    arrival: Arrival,
    context: Arc<Context>,
    admitted: Arc<Admitted>,
) -> Response<Body> {
    let client = Client::of(&request, arrival, &context.config.trusted_proxies);
    let mut response = match &client {
        None => plain(StatusCode::BAD_REQUEST, "A request needs a valid Host.\n"),
        Some(client) if must_be_secured(client, arrival, &context) => redirect(&request, client),
        Some(client) => route(request, client, &context, admitted).await,
    };
    headers::add(&mut response, client.as_ref(), &context.config);
    response
}

/// A browser treats only its own machine as secure without TLS, and only under a name that means it:
/// any other name for a loopback address is somebody's DNS.
fn must_be_secured(client: &Client, arrival: Arrival, context: &Context) -> bool {
    let behind_proxy = is_in(&context.config.trusted_proxies, arrival.peer.ip().to_canonical());
    let local = arrival.peer.ip().to_canonical().is_loopback() && client.host.is_loopback();
    !(client.is_secure || local || behind_proxy && client.is_direct)
}

/// To the same host and path, and nowhere else.
fn redirect<B>(request: &Request<B>, client: &Client) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "Peerline speaks HTTPS here.\n");
    match HeaderValue::from_str(&format!("https://{}{path}", client.host)) {
        Ok(location) => response.headers_mut().insert(header::LOCATION, location),
        Err(_) => return plain(StatusCode::BAD_REQUEST, "That path cannot be.\n"),
    };
    response
}

async fn route(
    request: Request<Incoming>,
    client: &Client,
    context: &Arc<Context>,
    admitted: Arc<Admitted>,
) -> Response<Body> {
    let path = request.uri().path();
    if path == "/signal" {
        return signal::upgrade(request, client, context.clone(), admitted).await;
    }
    let may_read_metrics = || client.is_local() || is_in(&context.config.metrics_allow, client.address);
    let mut response = match path {
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/metrics" if may_read_metrics() => {
            let mut response = plain(StatusCode::OK, context.metrics_text());
            let version = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, version);
            response
        }
        "/metrics" => plain(
            StatusCode::FORBIDDEN,
            "Metrics are for this machine and the networks of --metrics-allow.\n",
        ),
        path => match assets::find(path) {
            Some(asset) => asset.respond(&request),
            None => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
        },
    };
    match *request.method() {
        Method::GET => response,
        Method::HEAD => {
            *response.body_mut() = Body::empty();
            response
        }
        _ => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
    }
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
