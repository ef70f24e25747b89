//! TCP and TLS connections to TURN servers (RFC 8656 §3.1).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use peerline_connection::{RelayId, Transport};
use peerline_stun::framing::{FRAME_MAX, Frame, next_frame};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::{Note, PeerId, Shared};
use crate::{Proxy, Trust, dial};

/// How many messages may wait to be written; what comes then is dropped, as a full network does it.
const QUEUE: usize = 256;

/// The driver's end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) transport: Transport,
    messages: mpsc::Sender<Box<[u8]>>,
}

impl Stream {
    pub(super) fn send(&self, message: &[u8]) {
        let _ = self.messages.try_send(message.into());
    }
}

/// What is to be connected to.
pub(super) struct Target {
    pub peer: PeerId,
    pub relay: RelayId,
    pub transport: Transport,
    /// The local address to be used.
    pub local: SocketAddr,
    /// The server; an unspecified address where its name couldn't be looked up, which the proxy may be able to.
    pub remote: SocketAddr,
    /// The name that the server's certificate has to have.
    pub host: String,
    /// Whether its certificate is believed.
    pub trust: Trust,
    /// What the proxy is asked for: the server's name, or the address of another one to which it has referred.
    pub target: String,
    pub proxy: Option<Proxy>,
}

/// Opens a connection and carries messages until either side ends it. Dropping the [`Stream`] ends it.
pub(super) async fn run(shared: Arc<Shared>, target: Target) {
    let Target { peer, relay, .. } = target;
    if let Err(error) = carry(&shared, target).await {
        tracing::debug!(%error, "connection to a relay ended");
    }
    shared.tell(Note::StreamClosed { peer, relay });
}

async fn carry(shared: &Shared, target: Target) -> io::Result<()> {
    let Target { peer, relay, transport, local, remote, host, trust, target, proxy } = target;
    let (messages, queue) = mpsc::channel(QUEUE);
    let opened = |local| {
        let stream = Stream { local, remote, transport, messages };
        shared.tell(Note::StreamOpened { peer, relay, stream });
    };
    let from = Some(local.ip());
    let direct = async {
        if remote.ip().is_unspecified() {
            // Its name hadn't been found when the proxy's turn came: it may be by now.
            return dial::connect(from, &target, remote.port()).await;
        }
        dial::connect_any(from, [remote]).await
    };
    let proxied = proxy.as_ref().map(|proxy| (proxy, proxy.connect(from, &target, remote.port())));
    if transport == Transport::Tls {
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let config = Arc::new(trust.client_config(&[]).map_err(io::Error::other)?);
        let encrypt = |tcp| TlsConnector::from(Arc::clone(&config)).connect(name.clone(), tcp);
        let tls = dial::open(direct, proxied, encrypt).await?;
        opened(tls.get_ref().0.local_addr()?);
        exchange(shared, peer, relay, tls, queue).await
    } else {
        let tcp = dial::open(direct, proxied, |tcp: TcpStream| async { Ok(tcp) }).await?;
        opened(tcp.local_addr()?);
        exchange(shared, peer, relay, tcp, queue).await
    }
}

async fn exchange(
    shared: &Shared,
    peer: PeerId,
    relay: RelayId,
    stream: impl AsyncRead + AsyncWrite,
    mut queue: mpsc::Receiver<Box<[u8]>>,
) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        let mut batch = Vec::new();
        let mut bytes = Vec::new();
        while queue.recv_many(&mut batch, QUEUE).await > 0 {
            bytes.clear();
            for message in batch.drain(..) {
                bytes.extend_from_slice(&message);
            }
            writer.write_all(&bytes).await?;
            writer.flush().await?;
        }
        writer.shutdown().await
    };
    let read = async {
        let mut stream = Vec::with_capacity(4096);
        loop {
            if reader.read_buf(&mut stream).await? == 0 {
                return Ok(());
            }
            let mut begin = 0;
            loop {
                match next_frame(stream.get(begin..).unwrap_or_default()) {
                    Frame::Complete { message, consumed } => {
                        shared.tell(Note::StreamMessage { peer, relay, message: message.to_vec() });
                        begin += consumed;
                    }
                    Frame::Incomplete if stream.len() - begin <= FRAME_MAX => break,
                    Frame::Incomplete | Frame::Invalid => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
            stream.drain(..begin);
        }
    };
    tokio::select! {
        ended = read => ended,
        ended = write => ended,
    }
}
