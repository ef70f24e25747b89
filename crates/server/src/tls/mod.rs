//! TLS on the one port: where the certificate comes from and what ALPN offers.

mod self_signed;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::Stream;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_acme::acme::ACME_TLS_ALPN_NAME;
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, ResolvesServerCertAcme};

use crate::config::{Certificate, Config, PublicIp};
use crate::data_dir::DataDir;
use crate::shutdown::Shutdown;

/// HTTP/2.
pub(crate) const H2: &[u8] = b"h2";
/// STUN and TURN over TLS (RFC 7443 §3).
pub(crate) const STUN_TURN: &[u8] = b"stun.turn";
const HTTP_1_1: &[u8] = b"http/1.1";

/// How often a certificate made here is looked at: addresses change, and it ends.
const SELF_SIGNED_CHECK: Duration = Duration::from_secs(3600);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of `--cert` or `--key` does not hold what it should.
    #[error("{file}: {problem}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, as a sentence.
        problem: String,
    },
    /// Certificate and key are not of each other, or of a kind that TLS cannot use.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
    /// The data directory cannot be read or written.
    #[error("the certificate could not be kept: {0}")]
    Keeping(#[from] std::io::Error),
}

/// The certificates of this server, exchanged while it runs.
#[derive(Debug)]
pub(crate) struct Certificates {
    source: Certificate,
    data_dir: DataDir,
    /// Addresses that a certificate made here names beside those of this machine.
    public_ips: Vec<std::net::IpAddr>,
    current: RwLock<Arc<CertifiedKey>>,
    acme: Option<Arc<ResolvesServerCertAcme>>,
}

impl Certificates {
    /// Loads or makes the certificate, and keeps it fresh in the background until `shutdown`.
    pub(crate) fn start(
        config: &Config,
        data_dir: &DataDir,
        shutdown: &Shutdown,
    ) -> Result<Arc<Self>, TlsError> {
        let public_ips = match &config.public_ip {
            PublicIp::Auto => Vec::new(),
            PublicIp::Fixed(addresses) => addresses.clone(),
        };
        let current = match &config.certificate {
            Certificate::Files { chain, key } => load(chain, key)?,
            // Until ACME has answered, a certificate that nobody trusts is better than no answer.
            Certificate::SelfSigned | Certificate::Acme { .. } => {
                self_signed::load_or_make(data_dir, &public_ips)?
            }
        };
        let acme = match &config.certificate {
            Certificate::Acme { domain } => Some(order(domain, data_dir, shutdown.clone())),
            Certificate::SelfSigned | Certificate::Files { .. } => None,
        };
        let certificates = Arc::new(Self {
            source: config.certificate.clone(),
            data_dir: data_dir.clone(),
            public_ips,
            current: RwLock::new(current),
            acme,
        });
        if certificates.source == Certificate::SelfSigned {
            tokio::spawn(certificates.clone().renew(shutdown.clone()));
        }
        Ok(certificates)
    }

    /// Reads the files again, or makes a new certificate where the old one no longer fits.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let fresh = match &self.source {
            Certificate::Files { chain, key } => load(chain, key)?,
            Certificate::SelfSigned | Certificate::Acme { .. } => {
                self_signed::load_or_make(&self.data_dir, &self.public_ips)?
            }
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    async fn renew(self: Arc<Self>, mut shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(SELF_SIGNED_CHECK) => {}
                () = shutdown.draining() => return,
            }
            if let Err(error) = self.reload() {
                tracing::warn!(%error, "certificate not renewed");
            }
        }
    }

    /// The TLS configuration of the one port.
    pub(crate) fn server_config(self: Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut alpn = vec![H2.to_vec(), HTTP_1_1.to_vec(), STUN_TURN.to_vec()];
        if self.acme.is_some() {
            alpn.push(ACME_TLS_ALPN_NAME.to_vec());
        }
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self);
        config.alpn_protocols = alpn;
        // Sessions resume without memory on our side.
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_challenge = self.acme.is_some() && rustls_acme::is_tls_alpn_challenge(&hello);
        if let Some(certified) = self.acme.as_ref().and_then(|acme| acme.resolve(hello)) {
            return Some(certified);
        }
        (!is_challenge).then(|| self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn load(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let refuse = |file: &Path, problem: String| TlsError::File { file: file.to_owned(), problem };
    let open = |file: &Path| {
        File::open(file)
            .map(BufReader::new)
            .map_err(|error| refuse(file, format!("cannot be read: {error}.")))
    };
    let certificates = CertificateDer::pem_reader_iter(open(chain)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(chain, format!("is not a PEM file: {error}.")))?;
    if certificates.is_empty() {
        return Err(refuse(chain, "has no certificate in it (BEGIN CERTIFICATE).".into()));
    }
    let private = PrivateKeyDer::from_pem_reader(open(key)?)
        .map_err(|error| refuse(key, format!("has no private key that can be read: {error}.")))?;
    Ok(Arc::new(CertifiedKey::from_der(certificates, private, &provider())?))
}

/// Keeps a certificate for `domain` ordered and renewed, by the challenge tls-alpn-01 (RFC 8737).
fn order(domain: &str, data_dir: &DataDir, mut shutdown: Shutdown) -> Arc<ResolvesServerCertAcme> {
    let mut state = AcmeConfig::new([domain])
        .cache(DirCache::new(data_dir.path("acme")))
        .directory_lets_encrypt(true)
        .state();
    let resolver = state.resolver();
    let domain = domain.to_owned();
    tokio::spawn(async move {
        loop {
            let event = std::future::poll_fn(|context| Pin::new(&mut state).poll_next(context));
            let event = tokio::select! {
                event = event => event,
                () = shutdown.draining() => return,
            };
            match event {
                Some(Ok(event)) => tracing::info!(%domain, ?event, "certificate"),
                Some(Err(error)) => tracing::warn!(%domain, %error, "certificate not obtained; trying again"),
                None => return,
            }
        }
    });
    resolver
}
