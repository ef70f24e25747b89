//! RTP's attributes (RFC 8866 §6.6 and §6.15, RFC 4585, RFC 8285, RFC 5576).

use crate::scanner::{Scanner, is_token, number};
use crate::{Attribute, Direction, ValueError};

/// `a=rtpmap`: what a payload type means (RFC 8866 §6.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RtpMap {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding's name; compared without case.
    pub encoding: String,
    /// Ticks a second.
    pub clock_rate: u32,
    /// What else the encoding has to know: of audio, the number of channels.
    pub parameters: Option<String>,
}

impl Attribute for RtpMap {
    const NAME: &'static str = "rtpmap";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let payload_type = payload_type(&mut scanner)?;
        let is_end = |character| matches!(character, '/' | ' ');
        let encoding = scanner.until(is_end, "an encoding's name")?.to_owned();
        if !scanner.take('/') {
            return Err(scanner.expected("/"));
        }
        let error = scanner.expected("a clock rate");
        let clock_rate = number(scanner.until(is_end, "a clock rate")?).ok_or(error)?;
        let parameters =
            scanner.take('/').then(|| scanner.word("parameters")).transpose()?.map(str::to_owned);
        scanner.skip_spaces();
        scanner.end()?;
        Ok(Self { payload_type, encoding, clock_rate, parameters })
    }

    fn value(&self) -> String {
        let Self { payload_type, encoding, clock_rate, parameters } = self;
        let parameters = parameters.as_ref().map(|parameters| format!("/{parameters}")).unwrap_or_default();
        format!("{payload_type} {encoding}/{clock_rate}{parameters}")
    }
}

fn payload_type(scanner: &mut Scanner<'_>) -> Result<u8, ValueError> {
    scanner.convert("a payload type", |word| number(word).filter(|&number: &u8| number < 128))
}

/// `a=fmtp`: parameters of a format (RFC 8866 §6.15).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fmtp {
    /// A payload type, or another format of the `m=` line.
    pub format: String,
    /// The parameters, which only the format knows how to read.
    pub parameters: String,
}

impl Fmtp {
    /// A parameter's value, where parameters are `name=value` with semicolons between.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Attribute for Fmtp {
    const NAME: &'static str = "fmtp";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let format = scanner.word("a format")?.to_owned();
        Ok(Self { format, parameters: scanner.take_rest().to_owned() })
    }

    fn value(&self) -> String {
        format!("{} {}", self.format, self.parameters)
    }
}

/// Which payload types of a section something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadTypes {
    /// `*`: all.
    All,
    /// This one. It needn't be in the `m=` line: Firefox leaves feedback for payload types that it dropped.
    One(u8),
}

/// `a=rtcp-fb`: a kind of feedback that may be sent (RFC 4585 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RtcpFeedback {
    /// For which payload types.
    pub payload_types: PayloadTypes,
    /// Its name and parameters: `nack`, `nack pli`, `ccm fir`, `transport-cc`…
    pub feedback: String,
}

impl Attribute for RtcpFeedback {
    const NAME: &'static str = "rtcp-fb";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let payload_types = if scanner.rest().starts_with('*') {
            scanner.convert("* or a payload type", |word| (word == "*").then_some(PayloadTypes::All))?
        } else {
            PayloadTypes::One(payload_type(&mut scanner)?)
        };
        if scanner.is_at_end() {
            return Err(scanner.expected("a kind of feedback"));
        }
        Ok(Self { payload_types, feedback: scanner.take_rest().to_owned() })
    }

    fn value(&self) -> String {
        match self.payload_types {
            PayloadTypes::All => format!("* {}", self.feedback),
            PayloadTypes::One(payload_type) => format!("{payload_type} {}", self.feedback),
        }
    }
}

/// `a=extmap`: what an RTP header extension's id means (RFC 8285 §5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExtMap {
    /// 1 to 255, or 4096 to 4351 for one that is offered without an id yet.
    pub id: u16,
    /// For which way; both if nothing is said.
    pub direction: Option<Direction>,
    /// The extension's name.
    pub uri: String,
    /// What else it has to know.
    pub parameters: Option<String>,
}

impl Attribute for ExtMap {
    const NAME: &'static str = "extmap";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let (id, direction) = scanner.convert("an id", |word| match word.split_once('/') {
            Some((id, direction)) => Some((number(id)?, Some(Direction::from_name(direction)?))),
            None => Some((number(word)?, None)),
        })?;
        let uri = scanner.word("a URI")?.to_owned();
        let parameters = (!scanner.is_at_end()).then(|| scanner.take_rest().to_owned());
        Ok(Self { id, direction, uri, parameters })
    }

    fn value(&self) -> String {
        let Self { id, direction, uri, parameters } = self;
        let direction = direction.map(|direction| format!("/{}", direction.as_str())).unwrap_or_default();
        let parameters = parameters.as_ref().map(|parameters| format!(" {parameters}")).unwrap_or_default();
        format!("{id}{direction} {uri}{parameters}")
    }
}

/// `a=ssrc`: something about one RTP source (RFC 5576 §4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ssrc {
    /// The source.
    pub ssrc: u32,
    /// The name of what is said about it: `cname`, `msid`… Some say nothing.
    pub attribute: Option<String>,
    /// Its value.
    pub value: Option<String>,
}

impl Attribute for Ssrc {
    const NAME: &'static str = "ssrc";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let ssrc = scanner.number("an SSRC")?;
        let rest = scanner.take_rest();
        let (attribute, value) = match rest.split_once(':') {
            _ if rest.is_empty() => (None, None),
            Some((attribute, value)) => (Some(attribute.to_owned()), Some(value.to_owned())),
            None => (Some(rest.to_owned()), None),
        };
        Ok(Self { ssrc, attribute, value })
    }

    fn value(&self) -> String {
        match (&self.attribute, &self.value) {
            (Some(attribute), Some(value)) => format!("{} {attribute}:{value}", self.ssrc),
            (Some(attribute), None) => format!("{} {attribute}", self.ssrc),
            (None, _) => self.ssrc.to_string(),
        }
    }
}

/// `a=ssrc-group`: RTP sources that belong together (RFC 5576 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SsrcGroup {
    /// In which way: `FID` (a stream and its retransmissions), `SIM`, `FEC-FR`…
    pub semantics: String,
    /// The sources.
    pub ssrcs: Vec<u32>,
}

impl Attribute for SsrcGroup {
    const NAME: &'static str = "ssrc-group";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let semantics = scanner.convert("semantics", |word| is_token(word).then(|| word.to_owned()))?;
        let mut ssrcs = Vec::new();
        while !scanner.is_at_end() {
            ssrcs.push(scanner.number("an SSRC")?);
        }
        Ok(Self { semantics, ssrcs })
    }

    fn value(&self) -> String {
        let ssrcs = self.ssrcs.iter().map(|ssrc| format!(" {ssrc}"));
        format!("{}{}", self.semantics, ssrcs.collect::<String>())
    }
}
