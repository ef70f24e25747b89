//! What all commands have in common that meet somebody.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use peerline::channel::{CertificateFingerprint, ChannelOptions, IdentityKey, Name, Trust};
use peerline::{IceTransportPolicy, Proxy};
use peerline_server::config::default_data_dir;

use crate::identity;
use crate::log_file::LogFile;
use crate::proxy::{self, ProxyChoice};

#[derive(Args, Debug)]
#[command(next_help_heading = "Options of all commands that meet somebody")]
pub(crate) struct ClientOptions {
    /// The server at which a code is meant; a link names its own
    #[arg(long, value_name = "URL", env = "PEERLINE_SERVER", default_value = "http://localhost:8443")]
    pub(crate) server: Server,

    /// Believe the server with this certificate, whoever signed it; `any` believes every server,
    /// also without encryption
    ///
    /// What is said through the server is sealed in any case: a false one can keep people apart and
    /// learn who meets when, but not read.
    #[arg(long, value_name = "SHA256|any", env = "PEERLINE_TRUST", value_parser = trust)]
    trust: Option<Trust>,

    /// The name that the others see [default: this user's]
    #[arg(long, env = "PEERLINE_NAME", value_parser = name)]
    name: Option<String>,

    /// Connect through the server's relay only: the others learn no address of this machine
    #[arg(long)]
    relay_only: bool,

    /// Tell the others no address of this machine but the one that the internet sees
    ///
    /// As browsers do it, neighbours are given a random name below .local instead, which this program answers for on their
    /// common network (multicast DNS). Where that is blocked, calls within one network take a longer way.
    #[arg(long, env = "PEERLINE_HIDE_HOST")]
    hide_host: bool,

    /// Write what happens to the connections to this file, for `peerline explain`
    ///
    /// A run is appended to what is there. It has network addresses in it, and no keys, links or codes: docs/event-log.md.
    #[arg(long, value_name = "FILE", env = "PEERLINE_EVENT_LOG")]
    log: Option<PathBuf>,

    /// The HTTP proxy that leads out of this network where nothing else does; `none`: none
    /// [default: that of HTTPS_PROXY]
    ///
    /// http://HOST:PORT or http://USER:PASSWORD@HOST:PORT. The server and its relay are connected to through it when the
    /// direct way, begun at the same time, takes much longer. Hosts that NO_PROXY names are reached without it.
    #[arg(long, value_name = "URL|none", env = "PEERLINE_PROXY", hide_env_values = true)]
    proxy: Option<ProxyChoice>,

    /// Don't ask the router to forward a port to this machine
    ///
    /// Otherwise it is asked by PCP, NAT-PMP or UPnP, and takes the port back at the end. It lets others reach this program
    /// whose networks would let no direct connection through.
    #[arg(long, env = "PEERLINE_NO_PORTMAP")]
    no_portmap: bool,

    /// Search longer for a direct way where only the relay carries
    ///
    /// Helps where one side's network gives each destination another port at random and the other's doesn't, and only if both sides
    /// do it. Sends 200 small packets a second to the other side for 12 seconds at most, and takes up to 2,400 entries in the router.
    #[arg(long, env = "PEERLINE_TRY_HARDER")]
    try_harder: bool,

    /// Where this user's identity is kept [default: ~/.local/share/peerline]
    #[arg(long, value_name = "DIRECTORY", env = "PEERLINE_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl ClientOptions {
    /// How to enter a channel.
    pub(crate) fn channel_options(&self, identity: Option<IdentityKey>) -> ChannelOptions {
        let ice_transport_policy =
            if self.relay_only { IceTransportPolicy::Relay } else { IceTransportPolicy::All };
        ChannelOptions {
            trust: self.trust.unwrap_or_default(),
            identity,
            port_mapping: !self.no_portmap,
            port_search: self.try_harder,
            hide_host_addresses: self.hide_host,
            ice_transport_policy,
            wait_for_server: false,
            ..ChannelOptions::named(&self.name())
        }
    }

    /// The file that was asked for, opened. Needs a tokio runtime.
    pub(crate) fn open_log(&self) -> Result<Option<LogFile>, String> {
        self.log.as_deref().map(LogFile::open).transpose()
    }

    /// The proxy to be used, or what is wrong with the environment's.
    pub(crate) fn proxy(&self) -> Result<Option<Proxy>, String> {
        proxy::choose(self.proxy.as_ref(), |name| std::env::var(name).ok())
    }

    /// This user's identity, or why it cannot be kept.
    pub(crate) fn identity(&self) -> Result<IdentityKey, String> {
        let directory = match &self.data_dir {
            Some(directory) => directory.clone(),
            None => default_data_dir().map_err(|error| error.to_string())?,
        };
        identity::load(&directory).map_err(|error| format!("{}: {error}", directory.display()))
    }

    fn name(&self) -> String {
        let of_user =
            || ["USER", "LOGNAME"].iter().find_map(|variable| name(&std::env::var(variable).ok()?).ok());
        self.name.clone().or_else(of_user).unwrap_or_else(|| "somebody".to_owned())
    }
}

/// The origin of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server(pub(crate) String);

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origin = text.strip_suffix('/').unwrap_or(text);
        match peerline::channel::Link::new(origin, [0; 32]) {
            Ok(_) => Ok(Self(origin.to_owned())),
            Err(_) => Err("a server is https://HOST or https://HOST:PORT".to_owned()),
        }
    }
}

pub(crate) fn trust(text: &str) -> Result<Trust, String> {
    if text == "any" {
        return Ok(Trust::Anybody);
    }
    CertificateFingerprint::parse(text).map(Trust::Fingerprint).ok_or_else(|| {
        "a SHA-256 fingerprint is 64 hexadecimal digits, colons between them allowed".to_owned()
    })
}

fn name(text: &str) -> Result<String, String> {
    Name::parse(text)
        .map(|name| name.as_str().to_owned())
        .ok_or_else(|| "a name has 1 to 64 characters, none of them a control character".to_owned())
}

/// Reads `90s`, `10m`, `2h` or `1d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number and s, m, h or d: 90s, 10m, 2h".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_origin() {
        for (text, origin) in
            [("https://a.example/", "https://a.example"), ("http://[::1]:8443", "http://[::1]:8443")]
        {
            assert_eq!(text.parse(), Ok(Server(origin.to_owned())));
        }
        for wrong in ["", "localhost:8443", "https://", "https://a/b", "ftp://a"] {
            assert!(wrong.parse::<Server>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert!(duration("4294967295d").is_ok());
        for wrong in ["", "h", "10", "1.5h", "-1s", "5 m", "10é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn trust_is_a_fingerprint_or_any() {
        assert_eq!(trust("any"), Ok(Trust::Anybody));
        assert!(matches!(trust(&"ab".repeat(32)), Ok(Trust::Fingerprint(_))));
        assert!(trust("all").is_err());
    }
}
