//! A server of this machine, with a certificate that it has signed itself.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use peerline::CertificateFingerprint;
use peerline_server::{Config, Options, Server};

pub struct TestServer {
    pub server: Server,
    pub data_dir: DataDir,
}

/// Gone after the test.
pub struct DataDir(PathBuf);

impl TestServer {
    /// On a free port.
    pub async fn start() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("peerline-server-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let data_dir = DataDir(std::env::temp_dir().join(name));
        let server = start("127.0.0.1:0", &data_dir.0).await;
        Self { server, data_dir }
    }

    /// Stops as a program does that is told to, and says how it is started again.
    pub async fn stop(self) -> (SocketAddr, DataDir) {
        let address = self.address();
        self.server.shut_down().await;
        (address, self.data_dir)
    }

    /// At the same address, with the same secrets.
    pub async fn start_again((address, data_dir): (SocketAddr, DataDir)) -> Self {
        let server = start(&address.to_string(), &data_dir.0).await;
        Self { server, data_dir }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.tcp_addresses()[0]
    }

    pub fn fingerprint(&self) -> CertificateFingerprint {
        let pem = std::fs::read_to_string(self.data_dir.0.join("self-signed.pem")).unwrap();
        CertificateFingerprint::of_pem(&pem).unwrap()
    }
}

async fn start(listen: &str, data_dir: &Path) -> Server {
    let arguments =
        ["--listen", listen, "--turn-user", "ada:lovelace", "--data-dir", data_dir.to_str().unwrap()];
    let options = Options::from_arguments(arguments).unwrap();
    Server::start(Config::try_from(options).unwrap()).await.unwrap()
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
