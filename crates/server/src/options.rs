//! What an operator may say: flags, environment variables and a TOML file, not yet checked.
//!
//! A flag goes before its environment variable, that before the file, and the file before the default.
//! [`Config`](crate::config::Config) is what becomes of them when every value makes sense.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, FromArgMatches};
use serde::Deserialize;
use serde::de::{Deserializer, IntoDeserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};

use crate::config::ConfigError;

const NETWORK: &str = "Network";
const CERTIFICATE: &str = "Certificate (default: self-signed, made on first start)";
const RELAY: &str = "Relay (TURN)";
const ACCESS: &str = "Access";
const OPERATION: &str = "Operation";

/// The options of `peerline serve`, as they were given.
#[derive(Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Options {
    /// Address and port for HTTPS, WebSocket, and STUN and TURN over TCP and TLS; the same port is
    /// opened for UDP. A port alone means every address. Port 0 takes a free port
    ///
    /// [default: 8443 on every address]
    #[arg(long, value_name = "ADDR:PORT", env = "PEERLINE_LISTEN", value_delimiter = ',', help_heading = NETWORK)]
    #[serde(deserialize_with = "one_or_many")]
    pub listen: Vec<String>,

    /// Address and port for STUN and TURN over UDP, beside the port of --listen. Repeatable
    ///
    /// [default: 3478 on the addresses of --listen]
    #[arg(long, value_name = "ADDR:PORT", env = "PEERLINE_STUN_LISTEN", value_delimiter = ',', help_heading = NETWORK)]
    #[serde(deserialize_with = "one_or_many")]
    pub stun_listen: Vec<String>,

    /// The address that others reach this server at, when a 1:1 NAT stands before it (once for IPv4, once for IPv6)
    ///
    /// `auto` takes what --domain resolves to and, without --domain, the address at which each client
    /// reached this server.
    ///
    /// [default: auto]
    #[arg(long, value_name = "auto|IP", env = "PEERLINE_PUBLIC_IP", value_delimiter = ',', help_heading = NETWORK)]
    #[serde(deserialize_with = "one_or_many")]
    pub public_ip: Vec<String>,

    /// Most TCP connections at once. With --tcp-relay a quarter is for those with peers
    ///
    /// [default: 16384]
    #[arg(long, value_name = "COUNT", env = "PEERLINE_MAX_CONNECTIONS", help_heading = NETWORK)]
    #[serde(deserialize_with = "text")]
    pub max_connections: Option<String>,

    /// Get a certificate for this name by ACME (Let's Encrypt). The name has to lead here, on TCP port 443
    #[arg(long, value_name = "NAME", env = "PEERLINE_DOMAIN", help_heading = CERTIFICATE)]
    pub domain: Option<String>,

    /// A certificate chain as PEM, with --key. Read again on SIGHUP
    #[arg(long, value_name = "FILE", env = "PEERLINE_CERT", help_heading = CERTIFICATE)]
    pub cert: Option<PathBuf>,

    /// The private key of --cert as PEM
    #[arg(long, value_name = "FILE", env = "PEERLINE_KEY", help_heading = CERTIFICATE)]
    pub key: Option<PathBuf>,

    /// UDP ports that relayed calls use
    ///
    /// [default: 49152-65535]
    #[arg(long, value_name = "LOW-HIGH", env = "PEERLINE_RELAY_PORTS", help_heading = RELAY)]
    pub relay_ports: Option<String>,

    /// A network that the relay may reach though it is private or otherwise special. Repeatable
    #[arg(long, value_name = "CIDR", env = "PEERLINE_RELAY_ALLOW", value_delimiter = ',', help_heading = RELAY)]
    #[serde(deserialize_with = "one_or_many")]
    pub relay_allow: Vec<String>,

    /// Let the relay reach private networks (10/8, 172.16/12, 192.168/16, 169.254/16, 100.64/10, fc00::/7, fe80::/10):
    /// for a server within one's own network
    #[arg(
        long, value_name = "BOOL", env = "PEERLINE_LAN", help_heading = RELAY,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true
    )]
    pub lan: Option<bool>,

    /// Let clients connect to their peers by TCP through the relay, and peers to them (RFC 6062). No client of Peerline's
    /// needs it. It reaches port 1024 and above of whatever the relay may reach, and every port of the networks of --relay-allow
    #[arg(
        long, value_name = "BOOL", env = "PEERLINE_TCP_RELAY", help_heading = RELAY,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true
    )]
    pub tcp_relay: Option<bool>,

    /// A static TURN user, for clients that know no other way. Repeatable; in the environment apart by spaces
    #[arg(
        long, value_name = "NAME:PASSWORD", env = "PEERLINE_TURN_USER", hide_env_values = true,
        value_delimiter = ' ', help_heading = RELAY
    )]
    #[serde(deserialize_with = "one_or_many")]
    pub turn_user: Vec<String>,

    /// The secret under which time-limited TURN credentials are made, shared with other systems that make them
    ///
    /// [default: made on first start, kept in --data-dir]
    #[arg(long, value_name = "SECRET", env = "PEERLINE_TURN_SECRET", hide_env_values = true, help_heading = RELAY)]
    pub turn_secret: Option<String>,

    /// A further TURN server that clients are told of beside this one, so that a relayed call goes on when one of them fails:
    /// turn:HOST:PORT, with ?transport=tcp if it is not for UDP, or turns:HOST:PORT. Both servers need the same --turn-secret.
    /// Repeatable
    #[arg(long, value_name = "URL", env = "PEERLINE_TURN_SERVER", value_delimiter = ',', help_heading = RELAY)]
    #[serde(deserialize_with = "one_or_many")]
    pub turn_server: Vec<String>,

    /// A proxy before this server, whose Forwarded and X-Forwarded headers are believed. Repeatable
    #[arg(long, value_name = "CIDR", env = "PEERLINE_TRUSTED_PROXY", value_delimiter = ',', help_heading = ACCESS)]
    #[serde(deserialize_with = "one_or_many")]
    pub trusted_proxy: Vec<String>,

    /// Another site that may use this server's signaling from its pages, such as https://example.org. Repeatable
    #[arg(long, value_name = "ORIGIN", env = "PEERLINE_ALLOW_ORIGIN", value_delimiter = ',', help_heading = ACCESS)]
    #[serde(deserialize_with = "one_or_many")]
    pub allow_origin: Vec<String>,

    /// Another site that may show calls of this server within its pages, such as https://example.org. Repeatable
    #[arg(long, value_name = "ORIGIN", env = "PEERLINE_EMBED_ORIGIN", value_delimiter = ',', help_heading = ACCESS)]
    #[serde(deserialize_with = "one_or_many")]
    pub embed_origin: Vec<String>,

    /// Who may read /metrics, beside this machine. Repeatable
    #[arg(long, value_name = "CIDR", env = "PEERLINE_METRICS_ALLOW", value_delimiter = ',', help_heading = ACCESS)]
    #[serde(deserialize_with = "one_or_many")]
    pub metrics_allow: Vec<String>,

    /// Where keys, certificates and secrets are kept
    ///
    /// [default: $XDG_DATA_HOME/peerline or ~/.local/share/peerline]
    #[arg(long, value_name = "DIR", env = "PEERLINE_DATA_DIR", help_heading = OPERATION)]
    pub data_dir: Option<PathBuf>,

    /// The form of the log on standard error
    ///
    /// [default: text]
    #[arg(long, value_name = "text|json", env = "PEERLINE_LOG_FORMAT", help_heading = OPERATION)]
    pub log_format: Option<String>,

    /// What is logged: error, warn, info, debug, trace, or a filter such as `info,peerline_server=debug`
    ///
    /// [default: info]
    #[arg(long, value_name = "FILTER", env = "PEERLINE_LOG", help_heading = OPERATION)]
    pub log: Option<String>,

    /// A TOML file with any of these options as keys: `listen = "0.0.0.0:443"`
    #[arg(long, value_name = "FILE.toml", env = "PEERLINE_CONFIG", help_heading = OPERATION)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

impl Options {
    /// Reads options as `peerline serve` would from these arguments (without the program's name) and the environment.
    ///
    /// # Errors
    /// What clap has to say on an unknown flag or a missing value.
    pub fn from_arguments<T: Into<std::ffi::OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let command = command().no_binary_name(true);
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    /// Fills what neither flag nor environment gave from the file that `--config` names, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has a key that is no option.
    pub fn with_file(self) -> Result<Self, ConfigError> {
        let Some(path) = self.config.clone() else {
            return Ok(self);
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            ConfigError::new("config", format!("{} cannot be read: {error}.", path.display()))
        })?;
        let file = Self::from_toml(&text, &path)?;
        Ok(Self {
            listen: first(self.listen, file.listen),
            stun_listen: first(self.stun_listen, file.stun_listen),
            public_ip: first(self.public_ip, file.public_ip),
            max_connections: self.max_connections.or(file.max_connections),
            domain: self.domain.or(file.domain),
            cert: self.cert.or(file.cert),
            key: self.key.or(file.key),
            relay_ports: self.relay_ports.or(file.relay_ports),
            relay_allow: first(self.relay_allow, file.relay_allow),
            lan: self.lan.or(file.lan),
            tcp_relay: self.tcp_relay.or(file.tcp_relay),
            turn_user: first(self.turn_user, file.turn_user),
            turn_secret: self.turn_secret.or(file.turn_secret),
            turn_server: first(self.turn_server, file.turn_server),
            trusted_proxy: first(self.trusted_proxy, file.trusted_proxy),
            allow_origin: first(self.allow_origin, file.allow_origin),
            embed_origin: first(self.embed_origin, file.embed_origin),
            metrics_allow: first(self.metrics_allow, file.metrics_allow),
            data_dir: self.data_dir.or(file.data_dir),
            log_format: self.log_format.or(file.log_format),
            log: self.log.or(file.log),
            config: Some(path),
        })
    }

    fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let invalid = |problem: String| {
            ConfigError::new("config", format!("{}: {}", path.display(), problem.trim_end()))
        };
        // Without the line itself, which may hold a secret.
        let explain = |error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            match before {
                Some(before) => {
                    invalid(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
                }
                None => invalid(error.message().to_owned()),
            }
        };
        let table: toml::Table = text.parse().map_err(explain)?;
        if let Some(unknown) = table.keys().find(|key| !keys().contains(key)) {
            return Err(invalid(match closest_key(unknown) {
                Some(known) => format!("there is no key `{unknown}`. Did you mean `{known}`?"),
                None => format!("there is no key `{unknown}`. The keys are: {}.", keys().join(", ")),
            }));
        }
        toml::from_str(text).map_err(explain)
    }
}

/// Flags are told apart from positional arguments by clap; the names of both are the keys of the file.
fn command() -> clap::Command {
    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        _options: Options,
    }
    Alone::command()
}

fn keys() -> Vec<String> {
    command()
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| !["config", "help", "version"].contains(name))
        .map(ToOwned::to_owned)
        .collect()
}

fn closest_key(unknown: &str) -> Option<String> {
    let similarity = |key: &String| strsim::jaro_winkler(&unknown.replace('_', "-"), key);
    keys()
        .into_iter()
        .filter(|key| similarity(key) > 0.8)
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
}

fn first(given: Vec<String>, otherwise: Vec<String>) -> Vec<String> {
    if given.is_empty() { otherwise } else { given }
}

/// `key = "value"` and `key = ["value", "value"]` are both fine; so is a number, for ports and counts.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;
    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
            formatter.write_str("a string or an array of strings")
        }
        fn visit_str<E>(self, value: &str) -> Result<Vec<String>, E> {
            Ok(vec![value.to_owned()])
        }
        fn visit_i64<E>(self, value: i64) -> Result<Vec<String>, E> {
            Ok(vec![value.to_string()])
        }
        fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Vec<String>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(values))
        }
    }
    deserializer.deserialize_any(OneOrMany)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let mut values = one_or_many(deserializer)?;
    if values.len() > 1 {
        return Vec::<String>::deserialize(values.into_deserializer())
            .and_then(|_| Err(serde::de::Error::custom("one value is expected here")));
    }
    Ok(values.pop())
}
