//! A real allocation at the relay, over UDP, TCP and TLS each (RFC 8656 §3.1).

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use peerline::IceServer;
use peerline::channel::Trust;
use peerline_stun::framing::{Frame, next_frame};
use peerline_turn::turn_client::{Config, Credential, Event, TurnClient};
use peerline_turn::{Families, Transport};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::{sleep_until, timeout};
use tokio_rustls::TlsConnector;

use super::super::evidence::{Turn, TurnResult};
use super::web::disbelieved;
use super::{PATIENCE, Target, milliseconds};

/// A TURN server's URL (RFC 7065 §3.1), taken apart.
struct Url {
    text: String,
    host: String,
    port: u16,
    transport: Transport,
}

/// Tries all that the server offers, at the same time.
pub(super) async fn allocate_each(servers: &[IceServer], target: &Target) -> Vec<Turn> {
    let mut wanted = Vec::new();
    for server in servers {
        let Some((username, password)) = server.username.clone().zip(server.credential.clone()) else {
            continue;
        };
        for url in server.urls.iter().filter_map(|url| parse(url)) {
            wanted.push((url, Credential { username: username.clone(), password: password.clone() }));
        }
    }
    let tries = wanted.into_iter().map(|(url, credential)| {
        let trust = target.trust_in(&url.host);
        allocate(url, credential, trust)
    });
    futures_util::future::join_all(tries).await
}

fn parse(url: &str) -> Option<Url> {
    let parsed: peerline::IceServerUrl = url.parse().ok()?;
    if !parsed.scheme.is_turn() {
        return None;
    }
    let transport = match (parsed.scheme.is_secure(), parsed.is_tcp) {
        (false, false) => Transport::Udp,
        (false, true) => Transport::Tcp,
        (true, true) => Transport::Tls,
        (true, false) => return None,
    };
    Some(Url { text: url.to_owned(), host: parsed.host, port: parsed.port, transport })
}

async fn allocate(url: Url, credential: Credential, trust: Trust) -> Turn {
    let began = Instant::now();
    let allocated = timeout(PATIENCE, attempt(&url, credential, trust)).await;
    let result = match allocated {
        Ok(Ok(relayed)) => TurnResult::Allocated { relayed, took: milliseconds(began) },
        Ok(Err(error)) => {
            TurnResult::Failed { reason: disbelieved(&error).unwrap_or_else(|| error.to_string()) }
        }
        Err(_) => TurnResult::Failed { reason: "no answer in 3 s".to_owned() },
    };
    let transport = match url.transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    };
    Turn { url: url.text, transport, result }
}

async fn attempt(url: &Url, credential: Credential, trust: Trust) -> io::Result<SocketAddr> {
    let server = lookup_host((url.host.as_str(), url.port)).await?.next();
    let server = server.ok_or_else(|| io::Error::other("its name leads to no address"))?;
    let config =
        Config { transport: url.transport, credential, families: Families { ipv4: true, ipv6: true } };
    let client = TurnClient::new(Instant::now(), config, StdRng::from_os_rng());
    match url.transport {
        Transport::Udp => by_datagrams(client, server).await,
        Transport::Tcp => by_stream(client, TcpStream::connect(server).await?).await,
        Transport::Tls => {
            let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
            let config = trust.client_config(&[]).map_err(io::Error::other)?;
            let tcp = TcpStream::connect(server).await?;
            by_stream(client, TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp).await?).await
        }
    }
}

/// `Some`: how it ended.
fn ended(client: &mut TurnClient) -> Option<io::Result<SocketAddr>> {
    match client.poll_event()? {
        Event::Allocated(granted) => {
            Some(granted.ipv4.or(granted.ipv6).ok_or_else(|| io::Error::other("no address was given")))
        }
        Event::Failed(failure) => Some(Err(io::Error::other(failure.to_string()))),
        _ => None,
    }
}

async fn by_datagrams(mut client: TurnClient, server: SocketAddr) -> io::Result<SocketAddr> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let mut buffer = vec![0; 2048];
    loop {
        while let Some(length) = client.poll_transmit(&mut buffer) {
            socket.send(buffer.get(..length).unwrap_or_default()).await?;
        }
        if let Some(ended) = ended(&mut client) {
            // It is given back; an answer isn't waited for.
            client.close(Instant::now());
            while let Some(length) = client.poll_transmit(&mut buffer) {
                socket.send(buffer.get(..length).unwrap_or_default()).await?;
            }
            return ended;
        }
        let wake = client.poll_timeout();
        tokio::select! {
            length = socket.recv(&mut buffer) => {
                _ = client.handle_input(Instant::now(), buffer.get(..length?).unwrap_or_default());
            }
            () = reached(wake) => client.handle_timeout(Instant::now()),
        }
    }
}

/// The allocation ends with the connection.
async fn by_stream(
    mut client: TurnClient,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<SocketAddr> {
    let (mut buffer, mut received) = (vec![0; 2048], Vec::new());
    loop {
        while let Some(length) = client.poll_transmit(&mut buffer) {
            stream.write_all(buffer.get(..length).unwrap_or_default()).await?;
            stream.flush().await?;
        }
        if let Some(ended) = ended(&mut client) {
            return ended;
        }
        let wake = client.poll_timeout();
        tokio::select! {
            length = stream.read_buf(&mut received) => {
                if length? == 0 {
                    return Err(io::Error::other("the connection was closed"));
                }
                while let Frame::Complete { message, consumed } = next_frame(&received) {
                    _ = client.handle_input(Instant::now(), message);
                    received.drain(..consumed);
                }
            }
            () = reached(wake) => client.handle_timeout(Instant::now()),
        }
    }
}

async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
