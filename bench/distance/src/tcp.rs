//! The kernel's TCP, with CUBIC: one connection from the near end to the far one.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

use crate::{namespace::Namespace, transfer::Transfer};

/// What is read or written in one call.
const CHUNK: usize = 256 << 10;

/// How often it is looked whether the transfer is over.
const NAP: Duration = Duration::from_millis(100);

/// Begins to send, and goes on until the transfer is over.
pub fn begin(near: &Namespace, far: &Namespace, transfer: &Transfer) {
    let address = SocketAddr::from((far.address, 5001));
    let (listening, is_listening) = mpsc::channel();
    let receiving = transfer.clone();
    far.run(move || {
        receiving.report(receive(address, &listening, &receiving));
    });
    let sending = transfer.clone();
    near.run(move || {
        let _ = is_listening.recv();
        sending.report(send(address, &sending));
    });
}

fn receive(address: SocketAddr, listening: &mpsc::Sender<()>, transfer: &Transfer) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    let _ = listening.send(());
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(NAP))?;
    let mut buffer = vec![0; CHUNK];
    while !transfer.is_over() {
        transfer.received(or_timeout(stream.read(&mut buffer))?);
    }
    Ok(())
}

fn send(address: SocketAddr, transfer: &Transfer) -> Result<()> {
    // Before it connects: another algorithm would leave its pacing behind.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_tcp_congestion(b"cubic").context("the kernel has no CUBIC")?;
    socket.connect(&address.into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(NAP))?;
    transfer.opened();
    let buffer = vec![7; CHUNK];
    while !transfer.is_over() {
        or_timeout(stream.write(&buffer))?;
    }
    Ok(())
}

/// Nothing, if the time was over.
fn or_timeout(moved: io::Result<usize>) -> io::Result<usize> {
    match moved {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(0),
        moved => moved,
    }
}
