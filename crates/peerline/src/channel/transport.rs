//! The WebSocket to the server (`docs/signaling.md` §4).

use std::io;
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

use crate::dial;
use crate::host::{authority, is_loopback};
use crate::proxy::Proxy;
use crate::trust::{CertificateFingerprint, Disbelieved, Trust};

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
        error: io::Error,
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
    proxy: Option<Proxy>,
}

impl Server {
    /// `origin` is that of a link: `https://HOST:PORT`.
    pub(super) fn new(origin: &str, trust: Trust, proxy: Option<Proxy>) -> Result<Self, ConnectError> {
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
            Some((name, Arc::new(trust.client_config(&[b"http/1.1"]).map_err(|_| wrong())?)))
        } else {
            None
        };
        let scheme = if secure { "wss" } else { "ws" };
        let authority = uri.authority().ok_or_else(wrong)?;
        let uri = format!("{scheme}://{authority}/signal").parse().map_err(|_| wrong())?;
        let proxy = proxy.filter(|proxy| proxy.serves(&host));
        Ok(Self { host, port, tls, uri, proxy })
    }

    /// Its name or address; that of IPv6 without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether its address is one of loopback.
    pub(super) fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Socket, ConnectError> {
        let (host, port) = (self.host.as_str(), self.port);
        let address = authority(host, port);
        let direct = dial::connect(None, host, port);
        let proxied = self.proxy.as_ref().map(|proxy| (proxy, proxy.connect(None, host, port)));
        let stream = dial::open(direct, proxied, |tcp| self.encrypt(tcp))
            .await
            .map_err(|error| unreached(address.clone(), error))?;
        let foreign = |error| ConnectError::Foreign { address: address.clone(), error: Box::new(error) };
        let mut request = self.uri.clone().into_client_request().map_err(foreign)?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let config = WebSocketConfig::default().max_message_size(Some(FRAME)).max_frame_size(Some(FRAME));
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.map_err(foreign)?;
        Ok(socket)
    }

    async fn encrypt(&self, tcp: TcpStream) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.tls {
            None => Box::new(tcp),
            Some((name, config)) => {
                Box::new(TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await?)
            }
        })
    }
}

/// Why there is no TCP to a server, or no TLS.
fn unreached(address: String, error: io::Error) -> ConnectError {
    match Disbelieved::find(&error).cloned() {
        Some(Disbelieved { certificate, error }) => ConnectError::Untrusted { address, certificate, error },
        None => ConnectError::Unreachable { address, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for origin in ["http://localhost:8443", "http://127.0.0.1", "http://[::1]:80", "http://a.localhost"] {
            assert!(Server::new(origin, Trust::Authorities, None).is_ok(), "{origin}");
        }
        for origin in ["http://192.0.2.2:8443", "http://call.example", "http://localhost.example"] {
            assert!(
                matches!(Server::new(origin, Trust::Authorities, None), Err(ConnectError::Plain(_))),
                "{origin}"
            );
            assert!(Server::new(origin, Trust::Anybody, None).is_ok(), "{origin}");
        }
        assert!(Server::new("https://[2001:db8::1]:8443", Trust::Authorities, None).is_ok());
        assert!(matches!(Server::new("https://", Trust::Authorities, None), Err(ConnectError::Address(_))));
    }
}
