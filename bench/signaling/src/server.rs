//! The server under test: how it is started, and what it used.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::Client;

/// A server started for one measurement; stopped on drop.
pub struct Server {
    child: Child,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the program at `path` on a free port and waits until it takes clients.
    pub fn start(path: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let folder = std::env::temp_dir().join(format!("bench-signaling-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let child = Command::new(path)
            .arg("serve")
            .args(["--listen", &address.to_string()])
            .args(["--stun-listen", &address.to_string()])
            .arg("--data-dir")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("stderr"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let mut server = Self { child, folder, address };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.folder.join("stderr")).unwrap_or_default();
                anyhow::bail!("the server ended at once ({status}): {said}");
            }
            match Client::connect(self.address, usize::MAX >> 8) {
                Ok(_) => return Ok(()),
                Err(error) => {
                    ensure!(Instant::now() < deadline, "the server is not ready after 10 s: {error:#}")
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// The memory that the process has in use, in bytes.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
    }

    /// CPU time that the server used so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of_process(self.child.id())
    }
}

/// CPU time that a whole process used so far, user and system, all threads.
pub fn cpu_of_process(id: u32) -> Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        total += text.split(' ').next().context("empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
