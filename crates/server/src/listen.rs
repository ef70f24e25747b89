//! TCP listeners: bound as asked for, or refused with a sentence that says what to do.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::config::Listen;
use crate::connection;
use crate::server::{Context, StartError};

const BACKLOG: i32 = 4096;
/// Free TCP ports whose UDP side turned out to be taken, before we give up.
const FREE_PORT_ATTEMPTS: usize = 16;
/// Time to breathe when the kernel has no file descriptor for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Data that nobody acknowledges for so long was sent to nobody.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Binds every address of `listen`, each with a UDP port of the same number that is free.
pub(crate) fn bind_tcp(listen: &Listen) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    let mut unavailable = None;
    // `--listen 0` is one port for both families.
    let mut free_port = None;
    for address in &listen.addresses {
        let address = match free_port {
            Some(port) if address.port() == 0 => SocketAddr::new(address.ip(), port),
            _ => *address,
        };
        match bind_one(address) {
            Ok(listener) => {
                if address.port() == 0 {
                    free_port = listener.local_addr().ok().map(|local| local.port());
                }
                listeners.push(listener);
            }
            Err(error) if listen.every_family_is_optional && is_missing_family(&error) => {
                unavailable = Some(StartError::bind("listen", "TCP", address, error));
            }
            Err(error) => return Err(StartError::bind("listen", "TCP", address, error)),
        }
    }
    match unavailable {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let mut attempt = 0;
    loop {
        let listener = tcp_listener(address)?;
        let bound = listener.local_addr()?;
        attempt += 1;
        if address.port() != 0 || attempt == FREE_PORT_ATTEMPTS || udp_is_free(bound).is_ok() {
            return Ok(listener);
        }
    }
}

fn tcp_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether nobody has this UDP port. Sockets with SO_REUSEPORT would share it with another server without a word.
pub(crate) fn udp_is_free(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    drop(UdpSocket::from(socket));
    Ok(())
}

/// This machine has no such address family.
pub(crate) fn is_missing_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

/// Takes connections in until the server ends.
pub(crate) async fn accept(listener: TcpListener, context: Arc<Context>) {
    let mut shutdown = context.shutdown.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.draining() => return,
        };
        match accepted {
            Ok((stream, peer)) => begin(stream, peer, &context),
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn begin(stream: TcpStream, peer: SocketAddr, context: &Arc<Context>) {
    context.metrics.accepted();
    let Some(admitted) = context.admission.admit(peer.ip()) else {
        return context.metrics.refused_full();
    };
    let Ok(local) = prepare(&stream).and_then(|()| stream.local_addr()) else {
        return;
    };
    tokio::spawn(connection::serve(stream, peer, local, context.clone(), admitted));
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL))
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
