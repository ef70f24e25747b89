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

/// What a host has for a device: its name there, its addresses, and how far others are preferred.
#[derive(Debug)]
pub struct Interface {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    /// Of the default routes that a host has the one with the lowest metric is taken.
    pub metric: u8,
}

#[derive(Debug)]
pub struct Device {
    file: File,
    namespace: File,
    interface: Interface,
}

impl Device {
    /// Makes one in the network namespace of a process, with everything else reached through it.
    pub fn new(process: u32, interface: Interface) -> Result<Self> {
        let namespace = File::open(format!("/proc/{process}/ns/net"))?;
        let file = within(&namespace, || {
            let file = interface.make()?;
            interface.connect()?;
            Ok(file)
        });
        let file = file.with_context(|| format!("no device in the namespace of process {process}"))?;
        Ok(Self { file, namespace, interface })
    }

    /// The host notices: the interface goes away with its addresses and its routes, or has them again.
    pub fn set_up(&self, is_up: bool) -> Result<()> {
        within(&self.namespace, || if is_up { self.interface.connect() } else { self.interface.disconnect() })
    }

    /// `None`: there is nothing at the moment.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match (&self.file).read(buffer) {
            Ok(length) => Ok(buffer.get(..length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A device that is full or down takes nothing, as a cable does.
    pub fn send(&self, packet: &[u8]) {
        let _ = (&self.file).write(packet);
    }

    pub fn buffer() -> Vec<u8> {
        vec![0; LARGEST]
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Threads are in namespaces of their own.
fn within<T: Send>(namespace: &File, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let enter_and_work = || {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        work()
    };
    thread::scope(|scope| scope.spawn(enter_and_work).join())
        .map_err(|_| anyhow!("the thread that enters the namespace broke"))?
}

impl Interface {
    fn make(&self) -> Result<File> {
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun");
        let file = file.context("/dev/net/tun is needed")?;
        let mut request = Request { name: [0; 16], flags: PACKETS_ALONE, rest: [0; 22] };
        ensure!(self.name.len() < request.name.len(), "{} is too long for an interface's name", self.name);
        for (place, letter) in request.name.iter_mut().zip(self.name.bytes()) {
            *place = letter.cast_signed();
        }
        // SAFETY: the kernel reads and writes one `struct ifreq`, which `request` is as long as; the file is open.
        #[allow(unsafe_code)]
        unsafe { set_interface(file.as_raw_fd(), &raw const request) }?;
        // No addresses of the system's own choice.
        fs::write(format!("/proc/sys/net/ipv6/conf/{}/addr_gen_mode", self.name), "1")?;
        Ok(file)
    }

    fn connect(&self) -> Result<()> {
        let Self { name, addresses, metric } = self;
        for address in addresses {
            let length = if address.is_ipv4() { 24 } else { 64 };
            let nodad: &[&str] = if address.is_ipv4() { &[] } else { &["nodad"] };
            let address = format!("{address}/{length}");
            ip(&[&["address", "replace", &address, "dev", name], nodad].concat())?;
        }
        ip(&["link", "set", name, "txqueuelen", QUEUE, "up"])?;
        for version in ["-4", "-6"] {
            if addresses.iter().any(|address| address.is_ipv4() == (version == "-4")) {
                let metric = metric.to_string();
                ip(&[version, "route", "replace", "default", "dev", name, "metric", &metric])?;
            }
        }
        Ok(())
    }

    /// As a laptop does it whose radio has lost its network.
    fn disconnect(&self) -> Result<()> {
        ip(&["link", "set", &self.name, "down"])?;
        ip(&["address", "flush", "dev", &self.name])
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("`ip` (iproute2) is needed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}
