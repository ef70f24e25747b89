//! A TUN device in somebody else's network namespace: all that a host there sends comes out of it here.

use std::ffi::c_char;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::libc;
use nix::sched::{CloneFlags, setns};

/// What browsers take for an ordinary cable.
const NAME: &str = "eth0";
/// Linux's own for a device that carries IP packets without a header before them (`linux/if_tun.h`).
const PACKETS_ALONE: i16 = 0x1001;
/// What the device holds for us, in packets, while others have the processor.
const QUEUE: &str = "5000";
const LARGEST: usize = 65_535;

/// `struct ifreq`, as far as the call below reads it.
#[repr(C)]
struct Request {
    name: [c_char; 16],
    flags: i16,
    rest: [u8; 22],
}

nix::ioctl_write_ptr_bad!(set_interface, libc::TUNSETIFF, Request);

#[derive(Debug)]
pub struct Device(File);

impl Device {
    /// Makes one in the network namespace of a process, with these addresses and everything else reached through it.
    pub fn new(process: u32, addresses: &[IpAddr]) -> Result<Self> {
        let enter_and_make = || {
            let namespace = File::open(format!("/proc/{process}/ns/net"))?;
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
            make(addresses)
        };
        // Threads are in namespaces of their own.
        thread::scope(|scope| scope.spawn(enter_and_make).join())
            .map_err(|_| anyhow!("the thread that enters the namespace broke"))?
            .with_context(|| format!("no device in the namespace of process {process}"))
    }

    /// `None`: there is nothing at the moment.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match (&self.0).read(buffer) {
            Ok(length) => Ok(buffer.get(..length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A device that is full or down takes nothing, as a cable does.
    pub fn send(&self, packet: &[u8]) {
        let _ = (&self.0).write(packet);
    }

    pub fn buffer() -> Vec<u8> {
        vec![0; LARGEST]
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn make(addresses: &[IpAddr]) -> Result<Device> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun");
    let file = file.context("/dev/net/tun is needed")?;
    let mut request = Request { name: [0; 16], flags: PACKETS_ALONE, rest: [0; 22] };
    for (place, letter) in request.name.iter_mut().zip(NAME.bytes()) {
        *place = letter.cast_signed();
    }
    // SAFETY: the kernel reads and writes one `struct ifreq`, which `request` is as long as; the file is open.
    #[allow(unsafe_code)]
    unsafe { set_interface(file.as_raw_fd(), &raw const request) }?;
    // No addresses of the system's own choice.
    fs::write(format!("/proc/sys/net/ipv6/conf/{NAME}/addr_gen_mode"), "1")?;
    for address in addresses {
        let length = if address.is_ipv4() { 24 } else { 64 };
        let nodad: &[&str] = if address.is_ipv4() { &[] } else { &["nodad"] };
        let address = format!("{address}/{length}");
        ip(&[&["address", "add", &address, "dev", NAME], nodad].concat())?;
    }
    ip(&["link", "set", NAME, "txqueuelen", QUEUE, "up"])?;
    for version in ["-4", "-6"] {
        if addresses.iter().any(|address| address.is_ipv4() == (version == "-4")) {
            ip(&[version, "route", "add", "default", "dev", NAME])?;
        }
    }
    Ok(Device(file))
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("`ip` (iproute2) is needed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}
