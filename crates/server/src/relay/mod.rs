//! STUN and TURN over UDP, and what all transports share of the relay.
//!
//! UDP is relayed on threads of its own, one [`worker`] per core, outside of the asynchronous runtime. Each worker has
//! a socket at every listening address and a TURN machine (`peerline_turn::Server`) for the clients that the kernel
//! gives it. A packet takes this way, without a lock and without an allocation:
//!
//! socket → batch ([`socket`]) → machine → train of its flow ([`outbox`]) → socket
//!
//! TCP and TLS connections have machines of their own and use the same [`Shared`]: ports, quotas, credentials, policy.

mod addresses;
pub(crate) mod connections;
pub(crate) mod icmp;
mod outbox;
mod pace;
mod ports;
mod quota;
mod relaying;
mod shared;
mod socket;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use ipnet::IpNet;
use peerline_turn::{Credentials, Limits};
use socket2::{Domain, Protocol, Socket, Type};

pub use quota::Quotas;
pub use shared::{Allocations, Lease, RelaySocket, Shared};
use worker::{Report, Worker};

/// A listening socket holds what arrives while its worker is busy.
const SOCKET_BUFFER: usize = 4 << 20;

/// What the relay should do.
#[derive(Debug, Clone)]
pub struct Config {
    /// UDP addresses to listen at.
    pub listen: Vec<Listening>,
    /// The IPv4 address that peers see, when it isn't one of this machine's.
    pub public_ipv4: Option<Ipv4Addr>,
    /// The IPv6 address that peers see, when it isn't one of this machine's.
    pub public_ipv6: Option<Ipv6Addr>,
    /// Ports of relayed addresses.
    pub ports: RangeInclusive<u16>,
    /// The realm, and who may allocate.
    pub credentials: Credentials,
    /// Networks that may be reached whatever they are.
    pub allow: Vec<IpNet>,
    /// Whether private networks may be reached.
    pub lan: bool,
    /// Whether peers are connected to by TCP (RFC 6062).
    pub tcp: bool,
    /// What one allocation may hold.
    pub limits: Limits,
    /// What one user and one source address may have.
    pub quotas: Quotas,
    /// Threads; `None`: one per core.
    pub workers: Option<NonZeroUsize>,
}

/// A UDP address to listen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// The address; port 0 takes a free port.
    pub address: SocketAddr,
    /// Whether it may be missing where the machine doesn't have its address family.
    pub is_optional: bool,
}

/// Why the relay could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listening address is taken, or not this machine's.
    #[error("UDP {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The system gives no thread or no file descriptor.
    #[error("the relay's threads cannot start: {0}")]
    Threads(#[from] io::Error),
}

/// What the relay has done since it began, over all transports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statistics {
    /// What the TURN machines have counted.
    pub turn: peerline_turn::Statistics,
    /// Allocations.
    pub allocations: Allocations,
    /// Requests of strangers that were not answered because their address had asked too often.
    pub strangers_ignored: u64,
    /// Packets that the kernel did not take.
    pub send_failures: u64,
}

/// The running relay. It stops when it is dropped.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    workers: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    thread: Option<JoinHandle<()>>,
    waker: mio::Waker,
    report: Arc<Mutex<Report>>,
}

impl Relay {
    /// Binds the listening addresses and starts the workers.
    ///
    /// # Errors
    /// When an address can't be listened at, or the system has no thread or file descriptor left.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let count = config.workers.map_or_else(cores, NonZeroUsize::get);
        let mut sockets: Vec<Vec<(SocketAddr, UdpSocket)>> = (0..count).map(|_| Vec::new()).collect();
        let mut bound: Vec<Listening> = Vec::new();
        for listening in &config.listen {
            if listening.address.port() != 0 && bound.iter().any(|other| other.address == listening.address) {
                continue;
            }
            match listen(listening.address, count) {
                Ok((address, group)) => {
                    bound.push(Listening { address, ..*listening });
                    for (worker, socket) in sockets.iter_mut().zip(group) {
                        worker.push((address, socket));
                    }
                }
                Err(error) if listening.is_optional && is_missing_family(&error) => {}
                Err(source) => {
                    let address = listening.address;
                    return Err(StartError::Listen { address, source });
                }
            }
        }
        let shared = Shared::new(config, &bound);
        let mut relay = Self {
            shared,
            addresses: bound.iter().map(|listening| listening.address).collect(),
            stop: Arc::default(),
            workers: Vec::new(),
        };
        for (index, sockets) in sockets.into_iter().enumerate() {
            let report = Arc::new(Mutex::new(Report::default()));
            let (worker, waker) =
                Worker::new(relay.shared.clone(), sockets, relay.stop.clone(), report.clone())?;
            let thread = thread::Builder::new().name(format!("relay-{index}")).spawn(move || worker.run())?;
            relay.workers.push(Running { thread: Some(thread), waker, report });
        }
        Ok(relay)
    }

    /// What TCP and TLS connections need to relay too.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The UDP addresses it listens at.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What has been done so far; up to a tenth of a second old.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut sum = Statistics {
            turn: self.shared.stream_statistics(),
            allocations: self.shared.allocations(),
            ..Statistics::default()
        };
        for worker in &self.workers {
            let report = *worker.report.lock().unwrap_or_else(PoisonError::into_inner);
            sum.turn += &report.turn;
            sum.strangers_ignored += report.strangers_ignored;
            sum.send_failures += report.send_failures;
        }
        sum
    }

    /// Stops relaying and waits until all sockets are closed.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for worker in &mut self.workers {
            let woken = worker.waker.wake();
            if let (Some(thread), Ok(())) = (worker.thread.take(), woken) {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `count` sockets at one address, among which the kernel divides the 5-tuples.
fn listen(address: SocketAddr, count: usize) -> io::Result<(SocketAddr, Vec<UdpSocket>)> {
    // Whoever shares a port shares its packets: first see that no other program has it.
    let mut address = bind(address, false)?.local_addr()?;
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = bind(address, true)?;
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok((address, sockets))
}

fn bind(address: SocketAddr, shares: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(shares)?;
    // The kernel gives as much as its own limits allow.
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn is_missing_family(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}
