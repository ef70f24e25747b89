//! A small internet for tests: network namespaces of other processes are its hosts, and all between them (NATs, firewalls,
//! links that delay and lose) is in this program. Nothing of it is in the kernel but one TUN device in each of those
//! namespaces, so that nothing is left of it when it ends, however it does.
//!
//! `nat-laboratory` takes commands, a line of JSON each, and answers them; it ends with its standard input. `nat-laboratory
//! punch` prints between which types of sites there is a direct path over UDP. `docs/nat-laboratory.md` tells more.
#![allow(clippy::print_stdout)]

mod command;
mod device;
mod gateway;
mod internet;
mod link;
mod nat;
mod packet;
mod punch;
mod site;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::iter;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use serde_json::json;

use crate::command::Laboratory;
use crate::device::Device;
use crate::internet::NodeId;
use crate::packet::Packet;
use crate::site::SiteType;

/// Packets read from one device before the others are looked at.
const BATCH: usize = 64;
/// The longest that it sleeps.
const NAP: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("punch") => {
            print_punch_table();
            Ok(())
        }
        _ => run(),
    }
}

/// `{"types": ["none", …], "direct": [[true, …], …]}`: of each type with each.
fn print_punch_table() {
    let row = |a| SiteType::ALL.map(|b| punch::is_direct(a, b)).to_vec();
    let direct: Vec<_> = SiteType::ALL.into_iter().map(row).collect();
    println!("{}", json!({ "types": SiteType::ALL.to_vec(), "direct": direct }));
}

fn run() -> Result<()> {
    // A network doesn't get slow when machines have much to do; where we may not ask for that it does.
    let _ = rustix::process::nice(-20);
    let mut laboratory = Laboratory::default();
    let mut commands = Commands::new()?;
    let mut buffer = Device::buffer();
    loop {
        let (is_told, ready) = wait(&laboratory, &commands)?;
        for (host, device) in laboratory.devices.iter().filter(|(host, _)| ready.contains(host)) {
            for _ in 0..BATCH {
                let Some(bytes) = device.receive(&mut buffer)? else { break };
                if let Some(packet) = Packet::parse(bytes) {
                    laboratory.internet.handle_input(Instant::now(), *host, packet);
                }
            }
        }
        laboratory.internet.handle_timeout(Instant::now());
        while let Some((host, packet)) = laboratory.internet.poll_transmit() {
            if let (Some(device), Some(bytes)) = (laboratory.devices.get(&host), packet.into_bytes()) {
                device.send(&bytes);
            }
        }
        if is_told {
            if commands.read()? == 0 {
                return Ok(());
            }
            while let Some(line) = commands.next_line() {
                let error = |error| json!({ "is": "error", "message": format!("{error:#}") });
                println!("{}", laboratory.obey(&line).unwrap_or_else(error));
            }
        }
    }
}

/// Until something is there or is due: whether there is a command, and which hosts have sent something.
fn wait(laboratory: &Laboratory, commands: &Commands) -> Result<(bool, HashSet<NodeId>)> {
    let due = laboratory.internet.poll_timeout();
    let nap = due.map_or(NAP, |due| due.saturating_duration_since(Instant::now()).min(NAP));
    let devices = &laboratory.devices;
    let files = iter::once(commands.file.as_fd()).chain(devices.values().map(Device::as_fd));
    let mut files: Vec<_> = files.map(|file| PollFd::new(file, PollFlags::POLLIN)).collect();
    ppoll(&mut files, Some(TimeSpec::from(nap)), None).context("poll")?;
    let mut are_ready = files.iter().map(|file| file.any().unwrap_or(true));
    let is_told = are_ready.next().unwrap_or(true);
    let ready = devices.keys().zip(are_ready).filter(|(_, is_ready)| *is_ready).map(|(host, _)| *host);
    Ok((is_told, ready.collect()))
}

/// Standard input, unbuffered: nothing may wait where `poll` doesn't see it.
struct Commands {
    file: File,
    read: Vec<u8>,
}

impl Commands {
    fn new() -> io::Result<Self> {
        Ok(Self { file: File::from(io::stdin().as_fd().try_clone_to_owned()?), read: Vec::new() })
    }

    /// How much there was: nothing at the end.
    fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        let length = self.file.read(&mut chunk)?;
        self.read.extend_from_slice(&chunk[..length]);
        Ok(length)
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        let end = self.read.iter().position(|byte| *byte == b'\n')?;
        Some(self.read.drain(..=end).collect())
    }
}
