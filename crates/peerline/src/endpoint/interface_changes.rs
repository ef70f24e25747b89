//! The kernel's word that interfaces or their addresses have changed (rtnetlink). Where it can't be had, looking every few
//! seconds has to do.

use std::io;
use std::os::fd::AsRawFd as _;
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` (rtnetlink(7)).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

#[derive(Debug)]
pub(super) struct InterfaceChanges {
    /// Of netlink; for the runtime one socket for datagrams is like another.
    socket: Option<UdpSocket>,
}

impl InterfaceChanges {
    pub(super) fn watch() -> Self {
        let socket = listen().map_err(|error| tracing::debug!(%error, "changes of interfaces aren't told"));
        Self { socket: socket.ok() }
    }

    /// Whether something has changed since the last call; if not, the task is woken when it does.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> bool {
        let Some(socket) = &self.socket else {
            return false;
        };
        let mut has_changed = false;
        while let Poll::Ready(Ok(())) = socket.poll_recv_ready(context) {
            has_changed = true;
            // What has changed doesn't matter: all interfaces are looked at anyway.
            let _ = socket.try_io(Interest::READABLE, || Ok(drain(socket)?));
        }
        has_changed
    }
}

fn listen() -> io::Result<UdpSocket> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    UdpSocket::from_std(socket.into())
}

/// Takes messages until none is left, which is the error `EAGAIN`.
fn drain(socket: &UdpSocket) -> Result<(), Errno> {
    let mut message = [0; 8192];
    loop {
        match recv(socket.as_raw_fd(), &mut message, MsgFlags::empty()) {
            // More has happened than the kernel could keep.
            Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
