//! Several encodings of one source (RFC 8851, RFC 8853).

use crate::scanner::Scanner;
use crate::{Attribute, ValueError};

/// `a=rid`: a stream of RTP with restrictions (RFC 8851 §4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rid {
    /// Its name.
    pub id: String,
    /// Which way.
    pub direction: RidDirection,
    /// Payload types and limits: `pt=97,98;max-width=1280`.
    pub restrictions: Option<String>,
}

/// Which way an [`Rid`]'s stream flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RidDirection {
    /// From the side that says it.
    Send,
    /// To the side that says it.
    Receive,
}

impl RidDirection {
    fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Receive => "recv",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Send, Self::Receive].into_iter().find(|direction| direction.as_str() == name)
    }
}

/// RFC 8851 §10: letters, digits, and — as RFC 8852 allowed before it was corrected — hyphen and underscore.
fn rid_id(word: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!word.is_empty() && word.bytes().all(is_allowed)).then(|| word.to_owned())
}

impl Attribute for Rid {
    const NAME: &'static str = "rid";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let id = scanner.convert("a name of letters, digits, - and _", rid_id)?;
        let direction = scanner.convert("send or recv", RidDirection::from_name)?;
        let restrictions = (!scanner.is_at_end()).then(|| scanner.take_rest().to_owned());
        Ok(Self { id, direction, restrictions })
    }

    fn value(&self) -> String {
        let restrictions = self.restrictions.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
        format!("{} {}{restrictions}", self.id, self.direction.as_str())
    }
}

/// One stream of a [`Simulcast`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SimulcastStream {
    /// Its [`Rid`]'s name.
    pub rid: String,
    /// It begins paused (`~`).
    pub paused: bool,
}

/// `a=simulcast`: which streams are sent at once (RFC 8853 §5.1). The inner lists are alternatives of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Simulcast {
    /// From the side that says it.
    pub send: Vec<Vec<SimulcastStream>>,
    /// To the side that says it.
    pub receive: Vec<Vec<SimulcastStream>>,
}

fn streams(word: &str) -> Option<Vec<Vec<SimulcastStream>>> {
    let stream = |text: &str| {
        let paused = text.starts_with('~');
        Some(SimulcastStream { rid: rid_id(text.strip_prefix('~').unwrap_or(text))?, paused })
    };
    word.split(';').map(|alternatives| alternatives.split(',').map(stream).collect()).collect()
}

impl Attribute for Simulcast {
    const NAME: &'static str = "simulcast";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let mut simulcast = Self::default();
        // One direction, and then perhaps the other.
        for _ in 0..2 {
            match scanner.convert("send or recv", RidDirection::from_name)? {
                RidDirection::Send => simulcast.send = scanner.convert("streams", streams)?,
                RidDirection::Receive => simulcast.receive = scanner.convert("streams", streams)?,
            }
            if scanner.is_at_end() {
                break;
            }
        }
        scanner.end()?;
        Ok(simulcast)
    }

    fn value(&self) -> String {
        let write = |direction: RidDirection, streams: &[Vec<SimulcastStream>]| {
            let one =
                |stream: &SimulcastStream| format!("{}{}", if stream.paused { "~" } else { "" }, stream.rid);
            let streams: Vec<_> = streams
                .iter()
                .map(|alternatives| alternatives.iter().map(one).collect::<Vec<_>>().join(","))
                .collect();
            (!streams.is_empty()).then(|| format!("{} {}", direction.as_str(), streams.join(";")))
        };
        let directions = [write(RidDirection::Send, &self.send), write(RidDirection::Receive, &self.receive)];
        directions.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}
