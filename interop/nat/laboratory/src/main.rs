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

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use serde_json::json;

use crate::command::Laboratory;
use crate::device::Device;
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
    let mut laboratory = Laboratory::default();
    let mut commands = Vec::new();
    let mut buffer = Device::buffer();
    // Unbuffered: nothing may wait where `poll` doesn't see it.
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    loop {
        let due = laboratory.internet.poll_timeout();
        let nap = due.map_or(NAP, |due| due.saturating_duration_since(Instant::now()).min(NAP));
        let files =
            std::iter::once(stdin.as_fd()).chain(laboratory.devices.values().map(|device| device.as_fd()));
        let mut ready: Vec<_> = files.map(|file| PollFd::new(file, PollFlags::POLLIN)).collect();
        ppoll(&mut ready, Some(TimeSpec::from(nap)), None).context("poll")?;
        let ready: Vec<_> = ready.iter().map(|file| file.any().unwrap_or(true)).collect();
        for ((host, device), _) in
            laboratory.devices.iter().zip(&ready[1..]).filter(|(_, is_ready)| **is_ready)
        {
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
        if ready.first().is_some_and(|is_ready| *is_ready) {
            let mut chunk = [0; 4096];
            let length = stdin.read(&mut chunk)?;
            if length == 0 {
                return Ok(());
            }
            commands.extend_from_slice(&chunk[..length]);
            while let Some(end) = commands.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = commands.drain(..=end).collect();
                let answer = laboratory.obey(&line);
                println!(
                    "{}",
                    answer.unwrap_or_else(|error| json!({ "is": "error", "message": format!("{error:#}") }))
                );
            }
        }
    }
}
