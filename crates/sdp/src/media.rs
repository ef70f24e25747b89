//! Media descriptions: an `m=` line and what belongs to it.

use std::ops::{Deref, DerefMut};

use crate::scanner::{Scanner, is_token, number};
use crate::{Line, Mid, Section, ValueError};

/// What an `m=` line says (RFC 8866 §5.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLine {
    /// `audio`, `video`, `application` or something else.
    pub media: String,
    /// The port; 0 if the section is refused, or bundled only. ICE decides where media really goes, so WebRTC
    /// writes 9 until it knows better (RFC 9429 §5.2.1).
    pub port: u16,
    /// How many ports; 1 unless said otherwise.
    pub ports: u16,
    /// `UDP/DTLS/SCTP`, `UDP/TLS/RTP/SAVPF` and the like.
    pub protocol: String,
    /// Payload types, or `webrtc-datachannel`.
    pub formats: Vec<String>,
}

impl MediaLine {
    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let media = scanner.convert("a media type", |word| is_token(word).then(|| word.to_owned()))?;
        let (port, ports) = scanner.convert("a port", |word| match word.split_once('/') {
            Some((port, ports)) => Some((number(port)?, number(ports)?)),
            None => Some((number(word)?, 1)),
        })?;
        let protocol = scanner.word("a protocol")?.to_owned();
        if scanner.is_at_end() {
            return Err(scanner.expected("a format"));
        }
        Ok(Self { media, port, ports, protocol, formats: scanner.words() })
    }

    fn value(&self) -> String {
        let Self { media, port, ports, protocol, formats } = self;
        let ports = if *ports == 1 { String::new() } else { format!("/{ports}") };
        format!("{media} {port}{ports} {protocol} {}", formats.join(" "))
    }
}

/// A media section: an `m=` line and the lines up to the next. Its lines beyond the first are a [`Section`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDescription {
    media_line: MediaLine,
    /// The `m=` line as it came.
    text: Line,
    section: Section,
}

impl MediaDescription {
    /// A section without further lines.
    pub fn new(media_line: MediaLine) -> Self {
        let text = Line::new(b'm', &media_line.value());
        Self { media_line, text, section: Section::default() }
    }

    pub(crate) fn parse(value: &str) -> Result<Self, ValueError> {
        let media_line = MediaLine::parse(value)?;
        Ok(Self { media_line, text: Line::new(b'm', value), section: Section::default() })
    }

    /// What its `m=` line says.
    pub fn media_line(&self) -> &MediaLine {
        &self.media_line
    }

    /// Puts another `m=` line in its place.
    pub fn set_media_line(&mut self, media_line: MediaLine) {
        self.text = Line::new(b'm', &media_line.value());
        self.media_line = media_line;
    }

    /// Its `a=mid` (RFC 5888 §4).
    pub fn mid(&self) -> Option<String> {
        self.get::<Mid>().map(|mid| mid.0)
    }

    /// Whether it is for data channels: SCTP over DTLS (RFC 8841 §4).
    pub fn is_data_channel(&self) -> bool {
        let MediaLine { media, protocol, formats, .. } = &self.media_line;
        media == "application"
            && matches!(protocol.as_str(), "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP")
            && formats.iter().any(|format| format == "webrtc-datachannel")
    }

    pub(crate) fn write(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        self.text.write(out)?;
        self.section.lines.iter().try_for_each(|line| line.write(out))
    }
}

impl Deref for MediaDescription {
    type Target = Section;

    fn deref(&self) -> &Section {
        &self.section
    }
}

impl DerefMut for MediaDescription {
    fn deref_mut(&mut self) -> &mut Section {
        &mut self.section
    }
}
