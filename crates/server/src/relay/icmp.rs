//! ICMP errors that come back for what a relay socket sent (RFC 8656 §11.5).

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use peerline_turn::IcmpError;
use socket2::SockRef;

/// Lets a socket hear of ICMP errors; see [`take`].
pub(crate) fn hear(socket: &impl AsFd, is_ipv4: bool) -> io::Result<()> {
    let heard = if is_ipv4 {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    };
    heard.map_err(io::Error::from)
}

/// The next ICMP error that has come back, and for which destination.
///
/// The kernel keeps two things of an error: the datagram's destination in a queue, and its meaning as the socket's
/// pending error. `pending` is that error when a call has just returned it. What the meaning loses is ICMP's
/// data: the MTU of "fragmentation needed" isn't known.
pub(crate) fn take(socket: &impl AsFd, pending: Option<&io::Error>) -> Option<(SocketAddr, IcmpError)> {
    const MSG_ERRQUEUE: i32 = 0x2000;
    let socket = SockRef::from(socket);
    let code = match pending.and_then(io::Error::raw_os_error) {
        Some(code) => Some(code),
        None => socket.take_error().ok()?.and_then(|error| error.raw_os_error()),
    };
    let (_, destination) = socket.recv_from_with_flags(&mut [MaybeUninit::uninit(); 1], MSG_ERRQUEUE).ok()?;
    let destination = destination.as_socket()?;
    Some((destination, meaning(code?, destination.is_ipv4())?))
}

/// Whether a call failed only because an ICMP error had come back for an earlier datagram.
pub(crate) fn is_icmp(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| meaning(code, true).is_some())
}

/// The ICMP (RFC 792) or ICMPv6 (RFC 4443 §3) error that Linux reports as this error code.
fn meaning(code: i32, ipv4: bool) -> Option<IcmpError> {
    use rustix::io::Errno;
    let (kind, code) = match (Errno::from_raw_os_error(code), ipv4) {
        (Errno::CONNREFUSED, true) => (3, 3),
        (Errno::CONNREFUSED, false) => (1, 4),
        (Errno::HOSTUNREACH, true) => (3, 1),
        (Errno::HOSTUNREACH, false) => (1, 3),
        (Errno::NETUNREACH, true) => (3, 0),
        (Errno::NETUNREACH, false) => (1, 0),
        (Errno::MSGSIZE, true) => (3, 4),
        (Errno::MSGSIZE, false) => (2, 0),
        (Errno::ACCESS, true) => (3, 13),
        (Errno::ACCESS, false) => (1, 1),
        _ => return None,
    };
    Some(IcmpError { kind, code, data: 0 })
}
