//! Candidates (RFC 8839 §5.1): transport addresses that ICE may try.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::scanner::{Scanner, is_ice_chars, is_token};
use crate::{Attribute, ValueError};

/// The longest candidate that is parsed, in bytes.
pub const MAX_CANDIDATE_LENGTH: usize = 4096;

/// A candidate, as one side tells it to the other.
///
/// As a text of its own (`to_string`, `parse`) it is what `RTCIceCandidate.candidate` holds:
/// `candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The same for candidates of the same type, base, server and transport (RFC 8445 §5.1.1.3). 1 to 32 characters.
    pub foundation: String,
    /// 1 for RTP and for everything on one transport, 2 for RTCP apart from it. 1 to 256.
    pub component: u16,
    /// What carries the packets.
    pub transport: Transport,
    /// RFC 8445 §5.1.2. Up to 2³¹ − 1, but more is taken.
    pub priority: u32,
    /// Where packets are sent to.
    pub address: Address,
    /// The port they are sent to.
    pub port: u16,
    /// How the address became known.
    pub kind: CandidateType,
    /// For diagnostics: what the address is derived from (RFC 8839 §5.1, `raddr` and `rport`).
    pub related: Option<(Address, u16)>,
    /// Names and values of what else is said, in its order: `ufrag`, `generation`, `network-id`, `network-cost`…
    pub extensions: Vec<(String, String)>,
}

/// What carries a candidate's packets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP (RFC 6544 §4.5).
    Tcp(TcpType),
    /// Another one, or TCP that doesn't say who opens the connection: not for us, but not an error.
    Other(String),
}

/// Who opens the TCP connection (RFC 6544 §4.5, `tcptype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// The candidate's owner.
    Active,
    /// The other side.
    Passive,
    /// Both at once.
    SimultaneousOpen,
}

impl TcpType {
    const NAME: &str = "tcptype";

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::SimultaneousOpen => "so",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Passive, Self::SimultaneousOpen].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A candidate's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// A name that has to be resolved; below `.local` by multicast DNS.
    Name(String),
}

impl Address {
    fn read(word: &str) -> Option<Self> {
        let is_name = |text: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            text.len() <= 253 && text.bytes().all(is_allowed)
        };
        match word.parse() {
            Ok(address) => Some(Self::Ip(address)),
            Err(_) => is_name(word).then(|| Self::Name(word.to_owned())),
        }
    }

    /// The address, if it is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

/// How a candidate's address became known (RFC 8445 §4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CandidateType {
    /// An address of the machine's own.
    Host,
    /// What a STUN server sees.
    ServerReflexive,
    /// What the other side sees.
    PeerReflexive,
    /// An address of a relay's.
    Relayed,
    /// Something newer than we are.
    Other(String),
}

impl CandidateType {
    /// What follows `typ`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
            Self::Other(name) => name,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Host, Self::ServerReflexive, Self::PeerReflexive, Self::Relayed]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .or_else(|| is_token(name).then(|| Self::Other(name.to_owned())))
    }
}

impl Candidate {
    /// The value of the first extension of this name.
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Which generation of candidates it belongs to: the user name fragment that it was gathered under
    /// (RFC 8838 §5.3).
    pub fn ufrag(&self) -> Option<&str> {
        self.extension("ufrag")
    }
}

impl Attribute for Candidate {
    const NAME: &'static str = "candidate";

    fn parse(value: &str) -> Result<Self, ValueError> {
        if value.len() > MAX_CANDIDATE_LENGTH {
            return Err(ValueError { offset: MAX_CANDIDATE_LENGTH, expected: "a shorter candidate" });
        }
        let mut scanner = Scanner::new(value);
        let foundation = scanner.convert("a foundation", |word| {
            // Longer ones than RFC 8839's 32 characters are in use.
            (is_ice_chars(word) && word.len() <= 256).then(|| word.to_owned())
        })?;
        let component = scanner.convert("a component", |word| {
            crate::scanner::number(word).filter(|id| (1..=256).contains(id))
        })?;
        let transport_name = scanner.convert("a transport", |word| is_token(word).then_some(word))?;
        let priority = scanner.number("a priority")?;
        let address = scanner.convert("an address", Address::read)?;
        let port = scanner.number("a port")?;
        scanner.convert("typ", |word| (word == "typ").then_some(()))?;
        let kind = scanner.convert("a type of candidate", CandidateType::from_name)?;

        let mut related = None;
        let mut extensions = Vec::new();
        let mut tcp_type = None;
        let mut related_address = None;
        while !scanner.is_at_end() {
            match scanner.word("a name")? {
                "raddr" => related_address = Some(scanner.convert("an address", Address::read)?),
                "rport" => {
                    let port = scanner.number("a port")?;
                    related = related_address.take().map(|address| (address, port));
                }
                TcpType::NAME => {
                    tcp_type = Some(scanner.convert("active, passive or so", TcpType::from_name)?);
                }
                name => extensions.push((name.to_owned(), scanner.word("a value")?.to_owned())),
            }
        }
        // Candidates are kept, and have one extension mostly.
        extensions.shrink_to_fit();
        let transport = match (transport_name.to_ascii_lowercase().as_str(), tcp_type) {
            ("udp", _) => Transport::Udp,
            ("tcp", Some(tcp_type)) => Transport::Tcp(tcp_type),
            _ => Transport::Other(transport_name.to_owned()),
        };
        Ok(Self { foundation, component, transport, priority, address, port, kind, related, extensions })
    }

    fn value(&self) -> String {
        let Self { foundation, component, transport, priority, address, port, kind, related, extensions } =
            self;
        let (transport, tcp_type) = match transport {
            Transport::Udp => ("udp", None),
            Transport::Tcp(tcp_type) => ("tcp", Some(tcp_type)),
            Transport::Other(name) => (name.as_str(), None),
        };
        let kind = kind.as_str();
        let mut value =
            format!("{foundation} {component} {transport} {priority} {address} {port} typ {kind}");
        if let Some((address, port)) = related {
            value += &format!(" raddr {address} rport {port}");
        }
        if let Some(tcp_type) = tcp_type {
            value += &format!(" {} {}", TcpType::NAME, tcp_type.as_str());
        }
        for (name, content) in extensions {
            value += &format!(" {name} {content}");
        }
        value
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", Self::NAME, self.value())
    }
}

/// Reads `candidate:…`, also with `a=` before it.
impl FromStr for Candidate {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim_end_matches(['\r', '\n']);
        let before = if text.starts_with("a=") { "a=".len() } else { 0 };
        let at = |offset, expected| ValueError { offset: before + offset, expected };
        let value = text.get(before..).and_then(|text| text.strip_prefix("candidate:"));
        let value = value.ok_or(at(0, "candidate:"))?;
        // RFC 8866 §9, `byte-string`: it is to be one line of a description, and no more.
        if let Some(offset) = value.find(['\0', '\r', '\n']) {
            return Err(at("candidate:".len() + offset, "one line"));
        }
        <Self as Attribute>::parse(value)
            .map_err(|error| at("candidate:".len() + error.offset, error.expected))
    }
}
