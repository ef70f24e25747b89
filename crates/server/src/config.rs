//! What the server does, after every value that the operator gave has been checked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::options::Options;

/// Ports for relayed traffic when none are given: the dynamic ports (RFC 6335 §6), as RFC 8656 §7.2 suggests.
const RELAY_PORTS: RangeInclusive<u16> = 49152..=65535;
const LISTEN_PORT: u16 = 8443;
const STUN_PORT: u16 = 3478;
const MAX_CONNECTIONS: usize = 16_384;

/// A value that cannot be, with a sentence for the operator that says which one and why.
#[derive(Debug, thiserror::Error)]
#[error("--{option}: {problem}")]
pub struct ConfigError {
    /// The option's name, without dashes: the same as a flag and as a key of the file.
    pub option: &'static str,
    /// What is wrong with it, as a sentence.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(option: &'static str, problem: impl Into<String>) -> Self {
        Self { option, problem: problem.into() }
    }
}

/// Text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` out of sight.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// Addresses to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where to listen; port 0 means any that is free.
    pub addresses: Vec<SocketAddr>,
    /// True when no address was asked for: then a machine without IPv6 (or without IPv4) is no error.
    pub every_family_is_optional: bool,
}

/// The address that others reach this server at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicIp {
    /// What the domain resolves to; without a domain, the address at which each client reached us.
    Auto,
    /// These, at most one of each family.
    Fixed(Vec<IpAddr>),
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Made here, kept in the data directory.
    SelfSigned,
    /// Two PEM files.
    Files {
        /// The chain.
        chain: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// By ACME, for this name.
    Acme {
        /// A DNS name, lower case.
        domain: String,
    },
}

impl Certificate {
    /// True when browsers are meant to trust the certificate without asking.
    #[must_use]
    pub fn is_public(&self) -> bool {
        *self != Self::SelfSigned
    }
}

/// A TURN user whose password does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnUser {
    /// The USERNAME.
    pub name: String,
    /// The password.
    pub password: Secret,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The server's configuration: every value in it makes sense on its own and beside the others.
#[derive(Debug, Clone)]
pub struct Config {
    /// TCP, and UDP at the same port.
    pub listen: Listen,
    /// Further UDP addresses.
    pub stun_listen: Listen,
    /// The address that others reach this server at.
    pub public_ip: PublicIp,
    /// Most TCP connections at once, with those toward peers.
    pub max_connections: usize,
    /// Where the certificate comes from.
    pub certificate: Certificate,
    /// UDP ports for relayed traffic.
    pub relay_ports: RangeInclusive<u16>,
    /// Networks that the relay may reach beside the public ones.
    pub relay_allow: Vec<IpNet>,
    /// Whether the relay may reach private networks.
    pub lan: bool,
    /// Whether clients may connect to peers by TCP, and peers to them.
    pub tcp_relay: bool,
    /// Static TURN users.
    pub turn_users: Vec<TurnUser>,
    /// The secret of time-limited TURN credentials; `None`: the one in the data directory.
    pub turn_secret: Option<Secret>,
    /// Further TURN servers that know the same secret, as URLs (RFC 7065).
    pub turn_servers: Vec<String>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Other origins whose pages may open `/signal`, serialized as browsers do.
    pub allow_origins: Vec<String>,
    /// Sites that may show the app within their pages.
    pub embed_origins: Vec<String>,
    /// Who may read `/metrics` beside this machine.
    pub metrics_allow: Vec<IpNet>,
    /// Where keys, certificates and secrets are kept.
    pub data_dir: PathBuf,
    /// The form of the log.
    pub log_format: LogFormat,
    /// What is logged, as a filter of `tracing-subscriber`.
    pub log: String,
}

impl TryFrom<Options> for Config {
    type Error = ConfigError;

    fn try_from(options: Options) -> Result<Self, ConfigError> {
        let options = options.with_file()?;
        let listen = listen(&options.listen)?;
        let stun_listen = stun_listen(&options.stun_listen, &listen)?;
        Ok(Self {
            stun_listen,
            listen,
            public_ip: public_ip(&options.public_ip)?,
            max_connections: max_connections(options.max_connections.as_deref())?,
            certificate: certificate(options.domain, options.cert, options.key)?,
            relay_ports: relay_ports(options.relay_ports.as_deref())?,
            relay_allow: networks("relay-allow", &options.relay_allow)?,
            lan: options.lan.unwrap_or(false),
            tcp_relay: options.tcp_relay.unwrap_or(false),
            turn_users: options.turn_user.iter().map(|user| turn_user(user)).collect::<Result<_, _>>()?,
            turn_servers: turn_servers(&options.turn_server, options.turn_secret.is_some())?,
            turn_secret: options.turn_secret.map(turn_secret).transpose()?,
            trusted_proxies: trusted_proxies(&options.trusted_proxy)?,
            allow_origins: origins("allow-origin", &options.allow_origin)?,
            embed_origins: origins("embed-origin", &options.embed_origin)?,
            metrics_allow: networks("metrics-allow", &options.metrics_allow)?,
            data_dir: options.data_dir.map_or_else(default_data_dir, Ok)?,
            log_format: log_format(options.log_format.as_deref())?,
            log: options.log.unwrap_or_else(|| "info".into()),
        })
    }
}

fn listen(given: &[String]) -> Result<Listen, ConfigError> {
    if given.is_empty() {
        return Ok(every_address(LISTEN_PORT));
    }
    addresses("listen", given, LISTEN_PORT)
}

fn stun_listen(given: &[String], listen: &Listen) -> Result<Listen, ConfigError> {
    if !given.is_empty() {
        return addresses("stun-listen", given, STUN_PORT);
    }
    // Whoever asks for any free port runs several servers on one machine: they would fight over 3478.
    let fixed = listen.addresses.iter().filter(|address| address.port() != 0);
    let mut addresses: Vec<_> = fixed.map(|address| SocketAddr::new(address.ip(), STUN_PORT)).collect();
    addresses.dedup();
    addresses.retain(|address| !listen.addresses.contains(address));
    Ok(Listen { addresses, every_family_is_optional: listen.every_family_is_optional })
}

fn every_address(port: u16) -> Listen {
    let unspecified = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    Listen {
        addresses: unspecified.map(|ip| SocketAddr::new(ip, port)).to_vec(),
        every_family_is_optional: true,
    }
}

fn addresses(option: &'static str, given: &[String], default_port: u16) -> Result<Listen, ConfigError> {
    let mut addresses = Vec::new();
    let mut every_family_is_optional = false;
    for value in given {
        let value = value.trim();
        if let Ok(port) = value.strip_prefix(':').unwrap_or(value).parse() {
            addresses.extend(every_address(port).addresses);
            every_family_is_optional = true;
        } else if let Ok(address) = value.parse::<SocketAddr>() {
            addresses.push(address);
        } else {
            return Err(ConfigError::new(
                option,
                format!(
                    "`{value}` is not an address with a port. Write 0.0.0.0:{default_port}, [::]:{default_port}, \
                     or only the port for every address."
                ),
            ));
        }
    }
    if let Some(twice) = addresses.iter().enumerate().find_map(|(n, address)| {
        (address.port() != 0 && addresses.iter().take(n).any(|other| other == address)).then_some(address)
    }) {
        return Err(ConfigError::new(option, format!("{twice} is given twice.")));
    }
    Ok(Listen { addresses, every_family_is_optional })
}

fn public_ip(given: &[String]) -> Result<PublicIp, ConfigError> {
    if given.is_empty() || given == ["auto"] {
        return Ok(PublicIp::Auto);
    }
    let mut addresses: Vec<IpAddr> = Vec::new();
    for value in given {
        let ip: IpAddr = value.trim().parse().map_err(|_| {
            ConfigError::new("public-ip", format!("`{value}` is neither `auto` nor an IP address."))
        })?;
        if ip.is_unspecified() || ip.is_multicast() {
            return Err(ConfigError::new("public-ip", format!("nobody can be reached at {ip}.")));
        }
        if addresses.iter().any(|other| other.is_ipv4() == ip.is_ipv4()) {
            return Err(ConfigError::new(
                "public-ip",
                "there are two addresses of one family: give one IPv4 address, one IPv6 address, or both.",
            ));
        }
        addresses.push(ip);
    }
    Ok(PublicIp::Fixed(addresses))
}

fn max_connections(given: Option<&str>) -> Result<usize, ConfigError> {
    let Some(value) = given else {
        return Ok(MAX_CONNECTIONS);
    };
    match value.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(ConfigError::new("max-connections", format!("`{value}` is not a number above 0."))),
    }
}

fn certificate(
    domain: Option<String>,
    chain: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Certificate, ConfigError> {
    match (domain, chain, key) {
        (None, None, None) => Ok(Certificate::SelfSigned),
        (None, Some(chain), Some(key)) => Ok(Certificate::Files { chain, key }),
        (_, Some(_), None) => {
            Err(ConfigError::new("cert", "a certificate needs its private key: give --key too."))
        }
        (_, None, Some(_)) => {
            Err(ConfigError::new("key", "a private key needs its certificate: give --cert too."))
        }
        (Some(_), Some(_), Some(_)) => Err(ConfigError::new(
            "domain",
            "a certificate comes from --domain or from --cert and --key, not from both.",
        )),
        (Some(domain), None, None) => {
            let domain = domain.trim_end_matches('.').to_ascii_lowercase();
            if is_dns_name(&domain) {
                Ok(Certificate::Acme { domain })
            } else {
                Err(ConfigError::new(
                    "domain",
                    format!(
                        "`{domain}` is not a name that ACME gives certificates for, such as call.example.org."
                    ),
                ))
            }
        }
    }
}

fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(is_label)
        && name.parse::<IpAddr>().is_err()
}

fn relay_ports(given: Option<&str>) -> Result<RangeInclusive<u16>, ConfigError> {
    let Some(value) = given else {
        return Ok(RELAY_PORTS);
    };
    let refuse = |why: &str| Err(ConfigError::new("relay-ports", format!("`{value}` {why}")));
    let parsed =
        value.split_once('-').map(|(low, high)| (low.trim().parse::<u16>(), high.trim().parse::<u16>()));
    let Some((Ok(low), Ok(high))) = parsed else {
        return refuse("is not LOW-HIGH, two ports from 1024 to 65535.");
    };
    if low > high {
        return refuse("is reversed: the lower port comes first.");
    }
    if low < 1024 {
        return refuse("reaches below 1024, where other services live.");
    }
    // EVEN-PORT with a reservation (RFC 8656 §7.2) needs a pair.
    if high - low < 1 {
        return refuse("is a single port: a relay needs at least two.");
    }
    Ok(low..=high)
}

fn networks(option: &'static str, given: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    let network = |value: &String| {
        let value = value.trim();
        let alone = || value.parse::<IpAddr>().map(IpNet::from);
        value.parse::<IpNet>().map(|network| network.trunc()).or_else(|_| alone()).map_err(|_| {
            ConfigError::new(
                option,
                format!("`{value}` is not a network. Write 192.0.2.0/24, 2001:db8::/32, or one address."),
            )
        })
    };
    given.iter().map(network).collect()
}

fn trusted_proxies(given: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    let networks = networks("trusted-proxy", given)?;
    match networks.iter().find(|network| network.prefix_len() == 0) {
        Some(everybody) => Err(ConfigError::new(
            "trusted-proxy",
            format!("{everybody} is everybody: then anybody could say where a request came from."),
        )),
        None => Ok(networks),
    }
}

fn turn_user(value: &str) -> Result<TurnUser, ConfigError> {
    // The value holds a password: no message repeats it.
    match value.split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() => {
            // `expiry:user` is the form of time-limited credentials: digits alone cannot be told from one.
            if name.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(ConfigError::new(
                    "turn-user",
                    "a name of digits alone looks like a time-limited credential.",
                ));
            }
            if name.len() > 508 {
                return Err(ConfigError::new("turn-user", "a name has at most 508 bytes (RFC 8489 §14.3)."));
            }
            Ok(TurnUser { name: name.to_owned(), password: Secret::new(password) })
        }
        _ => Err(ConfigError::new("turn-user", "a user is written NAME:PASSWORD, neither of them empty.")),
    }
}

fn turn_secret(value: String) -> Result<Secret, ConfigError> {
    // Short enough that people can use what they have, long enough not to be tried out offline.
    if value.len() < 16 {
        return Err(ConfigError::new(
            "turn-secret",
            "the secret is shorter than 16 characters and could be guessed.",
        ));
    }
    Ok(Secret::new(value))
}

fn turn_servers(given: &[String], has_secret: bool) -> Result<Vec<String>, ConfigError> {
    let refuse = |problem: String| Err(ConfigError::new("turn-server", problem));
    if !given.is_empty() && !has_secret {
        return refuse(
            "clients are given one credential for all servers: give this one and the others the same --turn-secret."
                .to_owned(),
        );
    }
    let mut urls: Vec<String> = Vec::new();
    for value in given {
        let Some(url) = turn_url(value) else {
            return refuse(format!(
                "`{value}` is not the URL of a TURN server. Write turn:turn2.example.org:3478?transport=udp, \
                 turn:turn2.example.org:443?transport=tcp, or turns:turn2.example.org:443."
            ));
        };
        if urls.contains(&url) {
            return refuse(format!("{url} is given twice."));
        }
        urls.push(url);
    }
    Ok(urls)
}

/// RFC 7065 §3.1, with what clients would have to assume written out.
fn turn_url(value: &str) -> Option<String> {
    let (scheme, rest) = value.trim().split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let (authority, query) =
        rest.split_once('?').map_or((rest, None), |(before, after)| (before, Some(after)));
    let (transport, default_port) = match (scheme.as_str(), query) {
        ("turn", None | Some("transport=udp")) => ("udp", 3478),
        ("turn", Some("transport=tcp")) => ("tcp", 3478),
        ("turns", None | Some("transport=tcp")) => ("tcp", 5349),
        _ => return None,
    };
    // An address of IPv6 stands in brackets, so that its last colon is not the port's.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse::<u16>().ok().filter(|port| *port > 0)?)
        }
        _ => (authority, default_port),
    };
    let is_host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(ipv6) => ipv6?.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    is_host.then(|| format!("{scheme}:{host}:{port}?transport={transport}"))
}

fn origins(option: &'static str, given: &[String]) -> Result<Vec<String>, ConfigError> {
    let checked = |value: &String| {
        origin(value).ok_or_else(|| {
            ConfigError::new(
                option,
                format!(
                    "`{value}` is not an origin. Write https://example.org, with a port if it is not the usual one."
                ),
            )
        })
    };
    given.iter().map(checked).collect()
}

/// As browsers write it: without the port that its scheme has anyway (WHATWG URL, "origin"). It may end up in a header, so
/// nothing that means something there can be in it.
fn origin(value: &str) -> Option<String> {
    let value = value.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, host) =
        [("https://", ":443"), ("http://", ":80")].into_iter().find_map(|(scheme, port)| {
            let host = value.strip_prefix(scheme)?;
            Some((scheme, host.strip_suffix(port).unwrap_or(host)))
        })?;
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(belongs)).then(|| format!("{scheme}{host}"))
}

fn log_format(given: Option<&str>) -> Result<LogFormat, ConfigError> {
    match given {
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => {
            Err(ConfigError::new("log-format", format!("`{other}` is neither `text` nor `json`.")))
        }
    }
}

/// The directory for what must outlive a restart, where none is given: `peerline` in the user's directory for data.
///
/// # Errors
/// When the environment doesn't say where that is.
pub fn default_data_dir() -> Result<PathBuf, ConfigError> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // XDG Base Directory Specification: a relative path is ignored.
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("peerline"))
        .ok_or_else(|| {
            ConfigError::new(
                "data-dir",
                "neither XDG_DATA_HOME nor HOME says where to keep keys and secrets: give a directory.",
            )
        })
}
