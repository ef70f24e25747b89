//! The WebSocket to the server (`docs/signaling.md` §4).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::trust::{CertificateFingerprint, Disbelieved, Trust};

const PROTOCOL: &str = "peerline.v1";
/// The largest frame, in bytes (§4).
const FRAME: usize = 65_536;

/// Why there is no connection to the server, as a sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The link's address is none that a connection can be made to.
    #[error("{0} is not the address of a server")]
    Address(String),
    /// Plain http leaves the machine.
    #[error("{0} would be reached without encryption; use https, or say that this is intended")]
    Plain(String),
    /// Nobody answers there.
    #[error("{address} cannot be reached: {error}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The system's word.
        error: std::io::Error,
    },
    /// The server does not prove that it is the one that the link names.
    #[error("{address} is not trusted: {error} (its certificate's SHA-256 is {certificate})")]
    Untrusted {
        /// Host and port.
        address: String,
        /// The certificate that it showed.
        certificate: CertificateFingerprint,
        /// What is wrong with that.
        error: rustls::CertificateError,
    },
    /// It is there, and speaks something else.
    #[error("{address} is no Peerline server: {error}")]
    Foreign {
        /// Host and port.
        address: String,
        /// What it answered.
        error: Box<tungstenite::Error>,
    },
}

impl ConnectError {
    /// Whether trying again is of no use: the address or the trust is wrong.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Plain(_) | Self::Untrusted { .. })
    }
}

/// Whole frames in order, over TCP or TLS.
pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A server's address, and whether to believe that it is the one.
#[derive(Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Option<(ServerName<'static>, Arc<rustls::ClientConfig>)>,
    uri: Uri,
}

impl Server {
    /// `origin` is that of a link: `https://HOST:PORT`.
    pub(super) fn new(origin: &str, trust: Trust) -> Result<Self, ConnectError> {
        let wrong = || ConnectError::Address(origin.to_owned());
        let uri: Uri = origin.parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        if !secure && !is_loopback(&host) && trust != Trust::Anybody {
            return Err(ConnectError::Plain(origin.to_owned()));
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
            Some((name, Arc::new(trust.client_config().map_err(|_| wrong())?)))
        } else {
            None
        };
        let scheme = if secure { "wss" } else { "ws" };
        let authority = uri.authority().ok_or_else(wrong)?;
        let uri = format!("{scheme}://{authority}/signal").parse().map_err(|_| wrong())?;
        Ok(Self { host, port, tls, uri })
    }

    /// Whether its address is one of loopback.
    pub(super) fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Socket, ConnectError> {
        let address = match self.host.parse::<IpAddr>() {
            Ok(ip) => std::net::SocketAddr::new(ip, self.port).to_string(),
            Err(_) => format!("{}:{}", self.host, self.port),
        };
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| ConnectError::Unreachable { address: address.clone(), error })?;
        // Frames are small and awaited: none is to wait for the next.
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some((name, config)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let connected = connector.connect(name.clone(), tcp).await;
                Box::new(connected.map_err(|error| unencrypted(address.clone(), error))?)
            }
        };
        let foreign = |error| ConnectError::Foreign { address: address.clone(), error: Box::new(error) };
        let mut request = self.uri.clone().into_client_request().map_err(foreign)?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let config = WebSocketConfig::default().max_message_size(Some(FRAME)).max_frame_size(Some(FRAME));
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.map_err(foreign)?;
        Ok(socket)
    }
}

/// Why there is TCP to a server, but no TLS.
fn unencrypted(address: String, error: std::io::Error) -> ConnectError {
    match Disbelieved::find(&error).cloned() {
        Some(Disbelieved { certificate, error }) => ConnectError::Untrusted { address, certificate, error },
        None => ConnectError::Unreachable { address, error },
    }
}

/// RFC 6761 §6.3: `localhost` and what is below it is this machine.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for origin in ["http://localhost:8443", "http://127.0.0.1", "http://[::1]:80", "http://a.localhost"] {
            assert!(Server::new(origin, Trust::Authorities).is_ok(), "{origin}");
        }
        for origin in ["http://192.0.2.2:8443", "http://call.example", "http://localhost.example"] {
            assert!(
                matches!(Server::new(origin, Trust::Authorities), Err(ConnectError::Plain(_))),
                "{origin}"
            );
            assert!(Server::new(origin, Trust::Anybody).is_ok(), "{origin}");
        }
        assert!(Server::new("https://[2001:db8::1]:8443", Trust::Authorities).is_ok());
        assert!(matches!(Server::new("https://", Trust::Authorities), Err(ConnectError::Address(_))));
    }
}
