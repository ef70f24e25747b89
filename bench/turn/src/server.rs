//! The two servers under test: how they are started, and what they used of the CPU.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::turn_client::{Login, TurnClient};

/// The static user of both servers.
pub const LOGIN: Login<'static> = Login { name: "bench", password: "bench-password" };

/// Which program is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Program {
    Coturn,
    Peerline,
}

/// A server started for one measurement; stopped on drop.
pub struct Server {
    child: Child,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the program at `path` on a free port and waits until it allocates.
    pub fn start(program: Program, path: &Path) -> Result<Self> {
        let port = free_port()?;
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let folder = std::env::temp_dir().join(format!("bench-turn-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut command = Command::new(path);
        match program {
            // Everything that could slow a relayed packet is off or at its default: no log to speak of, no TLS,
            // no quota, no rate; as many relay threads as coturn itself thinks right for this machine.
            Program::Coturn => command
                .arg("-n")
                .args(["--no-cli", "--no-tls", "--no-dtls", "--no-rfc5780"])
                .args(["--no-stdout-log", "--simple-log", "--log-file"])
                .arg(folder.join("log"))
                .arg("--pidfile")
                .arg(folder.join("pid"))
                .arg("--userdb")
                .arg(folder.join("db"))
                .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
                .args(["--listening-port", &port.to_string()])
                .args(["--allow-loopback-peers", "--no-multicast-peers"])
                .args(["--min-port", "49152", "--max-port", "65535"])
                .args(["--lt-cred-mech", "--realm", "bench"])
                .args(["--user", &format!("{}:{}", LOGIN.name, LOGIN.password)]),
            Program::Peerline => command
                .arg("serve")
                .args(["--listen", &address.to_string()])
                .args(["--stun-listen", &address.to_string()])
                .args(["--turn-user", &format!("{}:{}", LOGIN.name, LOGIN.password)])
                .args(["--relay-allow", "127.0.0.0/8"])
                .arg("--data-dir")
                .arg(&folder),
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("stderr"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let mut server = Self { child, folder, address };
        server.wait_ready()?;
        Ok(server)
    }

    /// CPU time the whole process used so far, user and system, all threads.
    pub fn cpu(&self) -> Result<Duration> {
        // The scheduler's own count has nanoseconds, /proc/PID/stat has hundredths of a second.
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split(' ').next().context("empty schedstat")?;
            total += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.folder.join("stderr")).unwrap_or_default();
                anyhow::bail!("the server ended at once ({status}): {said}");
            }
            match TurnClient::allocate(self.address, LOGIN).and_then(TurnClient::release) {
                Ok(_) => return Ok(()),
                Err(error) => {
                    ensure!(Instant::now() < deadline, "the server is not ready after 10 s: {error:#}")
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A port that is free for UDP and TCP at this moment.
fn free_port() -> Result<u16> {
    loop {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = socket.local_addr()?.port();
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}
