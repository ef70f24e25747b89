//! An endpoint: the sockets, the clock and the task that drive peer connections.
//!
//! ```text
//! PeerConnection, DataChannel ─┐ (any task)          ┌─ sockets, one per address
//!        lock of one peer ─────┤                     │
//! Driver (one task) ───────────┴─ Connection ── trains of datagrams
//! ```
//!
//! Applications call into a peer under that peer's lock, and leave a note; the driver takes what came of it, and what the
//! network brought. It is the only one that touches sockets, and holds no lock while it does.

mod directory;
mod driver;
mod interface_changes;
mod interfaces;
mod missing_addresses;
mod multicast_dns;
mod peers;
mod port_mapping;
mod servers;
mod socket;
mod stream;
mod tcp;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use peerline_connection::{IceServerUrl, Nat64Prefix, RelayId, Server};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

pub use interfaces::Interfaces;
pub use port_mapping::{PortMappingProtocol, PortMappingTrial};

pub(crate) use directory::PeerId;
use driver::Driver;
use socket::Socket;

use crate::peer::Peer;
use crate::{Configuration, Error, PeerConnection, Proxy};

/// How an [`Endpoint`] is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// The addresses that are used.
    pub interfaces: Interfaces,
    /// The UDP port, the same at every address. Default 0: the system chooses one, for each address its own.
    pub port: u16,
    /// The proxy through which TURN servers are reached over TCP and TLS where there is no direct way. Default none.
    pub proxy: Option<Proxy>,
    /// Whether the router is asked to forward to the sockets (PCP, NAT-PMP, UPnP-IGD), so that others reach them whatever the
    /// NAT is. It is asked from the first connection on that may use more than relays, only for private addresses, and not with
    /// [`Interfaces::AllAndLoopback`]: those peers are on this machine. The mapping ends with the endpoint. Default true.
    pub port_mapping: bool,
    /// Whether a direct way is searched with many ports where nothing but a relay was found: behind a NAT that gives each destination
    /// another port, at random, by up to 256 more sockets (and a quarter of the files that may be open); otherwise by checks to many
    /// ports of the other side's address. Each side sends 200 packets a second, for 12 seconds at most, and each packet takes an entry
    /// in its router. It takes both sides, and only begins once a relay carries the connection: what finds its way without never does
    /// this. One connection searches at a time, and an address is searched once a minute at most. Default false.
    pub port_search: bool,
    /// Whether peers may connect over TCP where UDP doesn't get through (RFC 6544): connections are accepted at the UDP sockets'
    /// addresses, at the same port where that is free, from the first connection on that may use more than relays; and opened to
    /// those of peers, never through the proxy. Default true.
    pub tcp: bool,
    /// Whether the sockets' addresses are hidden from others, as browsers do it: a name below `.local` is told in place of each,
    /// for which we answer on its own link alone (draft-ietf-mmusic-mdns-ice-candidates). So neighbours still find a direct way,
    /// and the others learn the address that the internet sees. Default false.
    pub hide_host_addresses: bool,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            interfaces: Interfaces::default(),
            port: 0,
            proxy: None,
            port_mapping: true,
            port_search: false,
            tcp: true,
            hide_host_addresses: false,
        }
    }
}

/// UDP sockets that any number of [`PeerConnection`]s share: a server needs one port for all of them.
///
/// Connections on one endpoint are told apart by the user name fragments that ICE's checks carry and by the addresses
/// that those checks came from. So two connections between the same two endpoints would be one to the network: who wants
/// that takes another endpoint on one side.
///
/// A clone is the same endpoint. Its sockets are closed when the last clone and the last connection on it are dropped.
#[derive(Debug, Clone)]
pub struct Endpoint {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    shared: Arc<Shared>,
}

/// What the driver and everybody else have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    notes: Mutex<Notes>,
    driver: AtomicWaker,
    closed: AtomicBool,
    addresses: Mutex<Vec<SocketAddr>>,
    /// The addresses that the interfaces have, as soon as that changes: sockets are given up later.
    present: watch::Sender<Vec<IpAddr>>,
    next_peer: AtomicU64,
    runtime: tokio::runtime::Handle,
}

/// Notes for the driver, in their order.
#[derive(Debug, Default)]
struct Notes {
    waiting: Vec<Note>,
    /// The driver doesn't look for notes before it is woken. While it works it does, and waking it would cost a system call.
    is_driver_asleep: bool,
    /// There is no driver any more, and nobody who would take them.
    is_over: bool,
}

/// What the driver is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// There is a new peer.
    Added(Arc<Peer>),
    /// The application has called into a peer.
    Touched(PeerId),
    /// A server's name was resolved, or those of all have been.
    Server { peer: PeerId, number: u32, server: Option<(Server, IceServerUrl)>, is_last: bool },
    /// A peer's network has no IPv4, and a translator to it.
    Nat64 { peer: PeerId, prefix: Nat64Prefix },
    /// A peer's name below `.local` was asked for.
    Resolved { peer: PeerId, name: String, addresses: Vec<IpAddr> },
    /// The router forwards from there to one of our sockets, or doesn't any more.
    PortMapped { local: SocketAddr, external: Option<SocketAddr> },
    /// Port mappings are to be given back.
    EndPortMapping(oneshot::Sender<()>),
    /// A connection to a relay stands.
    StreamOpened { peer: PeerId, relay: RelayId, stream: stream::Stream },
    /// A message came over a connection to a relay.
    StreamMessage { peer: PeerId, relay: RelayId, message: stream::Incoming },
    /// A connection to a relay couldn't be opened, or has ended.
    StreamClosed { peer: PeerId, relay: RelayId },
    /// What concerns a TCP connection between peers.
    Tcp(tcp::TcpNote),
}

impl Endpoint {
    /// Binds the sockets. To be called within a tokio runtime, which drives them from then on.
    ///
    /// # Errors
    /// The system's, when there is no address to bind to at all; and without a runtime.
    pub fn bind(config: EndpointConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let sockets = bind(&config)?;
        let present = sockets.iter().map(|socket| socket.local().ip()).collect();
        let shared = Arc::new(Shared {
            notes: Mutex::default(),
            driver: AtomicWaker::new(),
            closed: AtomicBool::new(false),
            addresses: Mutex::new(sockets.iter().map(Socket::local).collect()),
            present: watch::Sender::new(present),
            next_peer: AtomicU64::new(0),
            runtime,
        });
        shared.runtime.spawn(Driver::new(shared.clone(), config, sockets).run());
        Ok(Self { inner: Arc::new(Inner { shared }) })
    }

    /// A new connection on these sockets (W3C `new RTCPeerConnection`).
    ///
    /// # Errors
    /// `SyntaxError` and `InvalidAccessError` for ICE servers that can't be; `NotSupportedError` for more than one
    /// certificate, `InvalidAccessError` for an expired one; `OperationError` if none could be made.
    pub fn peer_connection(&self, configuration: Configuration) -> Result<PeerConnection, Error> {
        PeerConnection::on(self.inner.clone(), configuration)
    }

    /// Gives the router's port mappings back, and makes no more; resolves when the router has been told, after a second at
    /// most. The end of the endpoint does the same, but has no time for that if the program ends with it.
    pub async fn end_port_mapping(&self) {
        let (ended, ending) = oneshot::channel();
        self.inner.shared.tell(Note::EndPortMapping(ended));
        let _ = timeout(Duration::from_secs(1), ending).await;
    }

    /// The addresses that the sockets are bound to at the moment.
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        lock(&self.inner.shared.addresses).clone()
    }

    /// The addresses that the interfaces have, and whatever becomes of them while somebody looks.
    pub(crate) fn present_addresses(&self) -> watch::Receiver<Vec<IpAddr>> {
        self.inner.shared.present.subscribe()
    }
}

impl Inner {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The driver says goodbye for what is left, and ends.
impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.driver.wake();
    }
}

impl Shared {
    pub(crate) fn tell(&self, note: Note) {
        let is_driver_asleep = {
            let mut notes = lock(&self.notes);
            if notes.is_over {
                return;
            }
            notes.waiting.push(note);
            std::mem::take(&mut notes.is_driver_asleep)
        };
        if is_driver_asleep {
            self.driver.wake();
        }
    }

    /// The driver has nothing to do until it is woken. `false`: a note waits, so that it has.
    fn try_sleep(&self) -> bool {
        let mut notes = lock(&self.notes);
        notes.is_driver_asleep = notes.waiting.is_empty();
        notes.is_driver_asleep
    }

    /// The driver ends. What it hasn't taken is let go, and so is what comes later: whoever waits for an answer to it learns that
    /// there is none.
    fn end_notes(&self) {
        let untaken = {
            let mut notes = lock(&self.notes);
            notes.is_over = true;
            std::mem::take(&mut notes.waiting)
        };
        // Without the lock: whose end this is may leave a note about it.
        drop(untaken);
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    pub(crate) fn next_peer(&self) -> PeerId {
        PeerId(self.next_peer.fetch_add(1, Ordering::Relaxed))
    }
}

/// A socket at each address; what can't be bound is left out as long as something can.
fn bind(config: &EndpointConfig) -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    let mut failure = io::Error::new(io::ErrorKind::AddrNotAvailable, "no interface has an address");
    for address in config.interfaces.addresses()? {
        match Socket::bind(SocketAddr::new(address, config.port)) {
            Ok(socket) => sockets.push(socket),
            Err(error) => {
                tracing::debug!(%address, %error, "address left out");
                failure = error;
            }
        }
    }
    if sockets.is_empty() { Err(failure) } else { Ok(sockets) }
}

/// Nothing is left half done under these locks: a panic elsewhere is no reason to stop.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
