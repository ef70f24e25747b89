//! The whole server: started from a configuration, stopped in order.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use peerline_turn::{Credentials, Limits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_rustls::TlsAcceptor;

use crate::admission::Admission;
use crate::config::{Certificate, Config, ConfigError, PublicIp, Secret};
use crate::data_dir::DataDir;
use crate::ice::IceServerUrls;
use crate::listen;
use crate::metrics::{self, Metrics, Page};
use crate::relay::{self, Listening, Quotas, Relay};
use crate::shutdown::{self, Shutdown, ShutdownTrigger};
use crate::signaling::Signaling;
use crate::tls::{Certificates, TlsError};

/// Between the announcement of the end and the end: time for the announcement to arrive.
const DRAIN: Duration = Duration::from_millis(500);
/// Then, time for close frames and last answers.
const CLOSE: Duration = Duration::from_millis(1500);
/// File descriptors beside those of TCP connections: listeners, relay sockets, files.
const OTHER_DESCRIPTORS: u64 = 256;

/// Why the server did not start, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value that cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A port that is not to be had.
    #[error("--{option}: {problem}")]
    Listen {
        /// The option that asked for it.
        option: &'static str,
        /// What is wrong, as a sentence.
        problem: String,
    },
    /// The data directory cannot be used.
    #[error("--data-dir: {} cannot be used: {error}. Give a directory that this user may write.", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// There is no certificate.
    #[error("{option}: {error}", option = .option)]
    Tls {
        /// Where it was to come from.
        option: &'static str,
        /// What is wrong.
        error: TlsError,
    },
    /// The relay could not begin.
    #[error("{0}.")]
    Relay(relay::StartError),
}

impl StartError {
    pub(crate) fn bind(option: &'static str, kind: &str, address: SocketAddr, error: io::Error) -> Self {
        let port = address.port();
        let problem = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "{kind} port {port} is in use at {} by another program. Stop that program, or choose another port with --{option}.",
                address.ip()
            ),
            io::ErrorKind::PermissionDenied => format!(
                "{kind} port {port} may be opened by the superuser only. Choose a port from 1024 on, or grant the right \
                 with `setcap cap_net_bind_service=+ep` on the program."
            ),
            io::ErrorKind::AddrNotAvailable => format!("this machine has no address {}.", address.ip()),
            _ => format!("{kind} {address} cannot be opened: {error}."),
        };
        Self::Listen { option, problem }
    }
}

/// What all connections share.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) admission: Arc<Admission>,
    /// One HTTP/2 connection carries many WebSockets, and one proxy those of many clients: they are counted by themselves.
    pub(crate) web_sockets: Arc<Admission>,
    pub(crate) signaling: Arc<Signaling>,
    pub(crate) relay: Relay,
    pub(crate) tls: TlsAcceptor,
    pub(crate) shutdown: Shutdown,
}

impl Context {
    /// Everything that is counted, for `/metrics`.
    pub(crate) fn metrics_text(&self) -> String {
        let mut page = Page::default();
        self.metrics.write(self.admission.open(), &mut page);
        let (statistics, calls) = self.signaling.statistics();
        metrics::write_signaling(&statistics, &calls, &mut page);
        metrics::write_relay(&self.relay.statistics(), &mut page);
        page.into_text()
    }
}

/// A running server.
pub struct Server {
    context: Arc<Context>,
    certificates: Arc<Certificates>,
    trigger: ShutdownTrigger,
    tcp_addresses: Vec<SocketAddr>,
}

impl Server {
    /// Opens the ports and begins to serve. Needs a tokio runtime.
    ///
    /// # Errors
    /// When something that was asked for is not to be had; nothing keeps running then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let data_dir = DataDir::open(&config.data_dir)
            .map_err(|error| StartError::DataDir { path: config.data_dir.clone(), error })?;
        let max_connections = raise_descriptor_limit(config.max_connections);
        let tcp = listen::bind_tcp(&config.listen)?;
        let tcp_addresses: Vec<_> = tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect();

        let (trigger, shutdown) = shutdown::channel();
        let option = match &config.certificate {
            Certificate::SelfSigned => "--data-dir",
            Certificate::Files { .. } => "--cert and --key",
            Certificate::Acme { .. } => "--domain",
        };
        let refused = |error| StartError::Tls { option, error };
        let certificates = Certificates::start(&config, &data_dir, &shutdown).map_err(refused)?;
        let tls = TlsAcceptor::from(certificates.clone().server_config().map_err(refused)?);

        let secret = match &config.turn_secret {
            Some(secret) => secret.clone(),
            None => data_dir
                .turn_secret()
                .map_err(|error| StartError::DataDir { path: config.data_dir.clone(), error })?,
        };
        let toward_peers = if config.tcp_relay { connections_toward_peers(max_connections) } else { 0 };
        let relay = start_relay(&config, &tcp_addresses, &secret, toward_peers).await?;
        let ice = ice_servers(secret, &tcp_addresses, relay.addresses(), config.turn_servers.clone());

        let context = Arc::new(Context {
            metrics: Metrics::default(),
            admission: Admission::new(max_connections - toward_peers, &config.trusted_proxies),
            web_sockets: Admission::new(max_connections - toward_peers, &config.trusted_proxies),
            signaling: Signaling::start(ice, shutdown.clone()),
            relay,
            tls,
            shutdown,
            config,
        });
        for listener in tcp {
            tokio::spawn(listen::accept(listener, context.clone()));
        }
        Ok(Self { context, certificates, trigger, tcp_addresses })
    }

    /// Where TCP is listened at, with the real ports.
    #[must_use]
    pub fn tcp_addresses(&self) -> &[SocketAddr] {
        &self.tcp_addresses
    }

    /// Where UDP is listened at, with the real ports.
    #[must_use]
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        self.context.relay.addresses()
    }

    /// Reads the certificate again. The old one stays when the new one cannot be used.
    ///
    /// # Errors
    /// What is wrong with the new one.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        self.certificates.reload()
    }

    /// Tells the clients that the server restarts, lets them go, and stops. Takes up to two seconds.
    pub async fn shut_down(self) {
        self.context.signaling.drain();
        self.trigger.drain();
        tokio::time::sleep(DRAIN).await;
        self.trigger.close();
        let closed = async {
            while self.context.admission.open() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE, closed).await;
        // The listeners may still be on their way out; then the relay stops with the last of them.
        if let Some(context) = Arc::into_inner(self.context) {
            context.relay.shutdown();
        }
    }
}

/// UDP on the port of TCP, so that one open port is enough, and on those of `--stun-listen`. Behaviour discovery needs both
/// ports at every address (RFC 5780 §6), so each address of `--stun-listen` gets the port of TCP as well.
async fn start_relay(
    config: &Config,
    tcp: &[SocketAddr],
    secret: &Secret,
    toward_peers: usize,
) -> Result<Relay, StartError> {
    let mut listen: Vec<_> =
        tcp.iter().map(|address| Listening { address: *address, is_optional: false }).collect();
    let tcp_port = tcp.first().map_or(0, SocketAddr::port);
    for address in &config.stun_listen.addresses {
        let is_optional = config.stun_listen.every_family_is_optional;
        listen.push(Listening { address: *address, is_optional });
        let with_tcp_port = SocketAddr::new(address.ip(), tcp_port);
        let is_covered = listen.iter().any(|Listening { address: other, .. }| {
            let is_wildcard = other.ip().is_unspecified() && other.is_ipv4() == address.is_ipv4();
            other.port() == tcp_port && (is_wildcard || other.ip() == address.ip())
        });
        if !is_covered && tcp_port != 0 {
            listen.push(Listening { address: with_tcp_port, is_optional: true });
        }
    }
    let public = public_ips(config).await;
    let realm = match &config.certificate {
        Certificate::Acme { domain } => domain.as_str(),
        Certificate::SelfSigned | Certificate::Files { .. } => "peerline",
    };
    let credentials = Credentials::new(realm).with_secret(secret.reveal());
    let credentials = config
        .turn_users
        .iter()
        .fold(credentials, |credentials, user| credentials.with_user(&user.name, user.password.reveal()));
    let relay = Relay::start(relay::Config {
        listen,
        public_ipv4: public.iter().find_map(|ip| if let IpAddr::V4(ip) = ip { Some(*ip) } else { None }),
        public_ipv6: public.iter().find_map(|ip| if let IpAddr::V6(ip) = ip { Some(*ip) } else { None }),
        ports: config.relay_ports.clone(),
        credentials,
        allow: config.relay_allow.clone(),
        lan: config.lan,
        tcp: config.tcp_relay,
        limits: Limits::default(),
        quotas: Quotas { connections: toward_peers, ..Quotas::default() },
        workers: None,
    });
    relay.map_err(|error| match error {
        relay::StartError::Listen { address, source } => {
            let option = if tcp.contains(&address) { "listen" } else { "stun-listen" };
            StartError::bind(option, "UDP", address, source)
        }
        other @ relay::StartError::Threads(_) => StartError::Relay(other),
    })
}

/// STUN's own port is the better choice: firewalls know it.
fn ice_servers(
    secret: Secret,
    tcp: &[SocketAddr],
    udp: &[SocketAddr],
    further: Vec<String>,
) -> IceServerUrls {
    let tcp_port = tcp.first().map_or(0, SocketAddr::port);
    let stun_port = udp.iter().map(SocketAddr::port).find(|port| *port != tcp_port);
    IceServerUrls::new(secret, stun_port.unwrap_or(tcp_port), tcp_port, further)
}

/// The addresses that relayed candidates carry: given, or what the domain resolves to.
async fn public_ips(config: &Config) -> Vec<IpAddr> {
    match (&config.public_ip, &config.certificate) {
        (PublicIp::Fixed(addresses), _) => addresses.clone(),
        (PublicIp::Auto, Certificate::Acme { domain }) => {
            match tokio::net::lookup_host((domain.as_str(), 443)).await {
                Ok(addresses) => addresses.map(|address| address.ip()).collect(),
                Err(error) => {
                    tracing::warn!(%domain, %error, "the domain does not resolve; --public-ip would say the address");
                    Vec::new()
                }
            }
        }
        (PublicIp::Auto, _) => Vec::new(),
    }
}

/// How many of the TCP connections may be the relay's with peers: whatever it does, there is room for those who come.
fn connections_toward_peers(max_connections: usize) -> usize {
    max_connections / 4
}

/// A file descriptor for each connection: the usual limit of 1,024 is for programs with few.
fn raise_descriptor_limit(max_connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, wanted).is_ok() { limit.maximum } else { limit.current };
    let Some(current) = current else {
        return max_connections;
    };
    let possible = usize::try_from(current.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(usize::MAX).max(1);
    if possible < max_connections {
        tracing::warn!(
            possible,
            max_connections,
            "this process may open few files (ulimit -n): fewer connections fit"
        );
    }
    max_connections.min(possible)
}
