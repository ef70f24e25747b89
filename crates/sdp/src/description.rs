//! The whole description.

use std::fmt;
use std::str::FromStr;

use crate::attribute::check;
use crate::{ErrorKind, Group, Line, MediaDescription, Origin, ParseError, Section, ValueError};

/// The longest text that is parsed, in bytes.
pub const MAX_LENGTH: usize = 4 << 20;
/// The most lines that are parsed.
pub const MAX_LINES: usize = 1 << 16;
/// The most media sections that are parsed.
pub const MAX_MEDIA: usize = 1 << 12;

/// A session description (RFC 8866 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    origin: Origin,
    session: Section,
    /// The media sections, in their order.
    pub media: Vec<MediaDescription>,
}

impl SessionDescription {
    /// A description with the lines that each one has (RFC 9429 §5.2.1), and no media sections.
    pub fn new(origin: Origin) -> Self {
        let mut session = Section::default();
        for (letter, value) in [('v', "0"), ('o', &*origin.value()), ('s', "-"), ('t', "0 0")] {
            session.push_line(letter, value);
        }
        Self { origin, session, media: Vec::new() }
    }

    /// Reads a description. Lines may end with CRLF or with LF alone.
    ///
    /// # Errors
    /// What isn't a description, where known attributes are malformed, and what is larger than
    /// [`MAX_LENGTH`], [`MAX_LINES`] or [`MAX_MEDIA`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser::default();
        if text.len() > MAX_LENGTH {
            return Err(ParseError { line: 1, column: 1, kind: ErrorKind::TooLarge });
        }
        // Applications that join lines by hand leave empty ones at the end.
        for line in text.trim_end_matches(['\r', '\n']).split('\n') {
            parser.number += 1;
            let line = line.strip_suffix('\r').unwrap_or(line);
            parser.line(line).map_err(|(offset, kind)| ParseError {
                line: parser.number,
                column: offset + 1,
                kind,
            })?;
        }
        let missing =
            ParseError { line: parser.number + 1, column: 1, kind: ErrorKind::Expected("an s= line") };
        let origin = parser.origin.filter(|_| parser.session.lines.len() >= 3).ok_or(missing)?;
        let mut description = Self { origin, session: parser.session, media: parser.media };
        description.shrink();
        Ok(description)
    }

    /// Descriptions are kept as long as a connection is.
    fn shrink(&mut self) {
        self.session.lines.shrink_to_fit();
        self.media.iter_mut().for_each(|media| media.lines.shrink_to_fit());
        self.media.shrink_to_fit();
    }

    /// Its `o=` line.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Puts another `o=` line in its place.
    pub fn set_origin(&mut self, origin: Origin) {
        self.session.set_line('o', &origin.value());
        self.origin = origin;
    }

    /// The lines before the first media section.
    pub fn session(&self) -> &Section {
        &self.session
    }

    /// The lines before the first media section. Its `o=` line is changed by [`set_origin`](Self::set_origin).
    pub fn session_mut(&mut self) -> &mut Section {
        &mut self.session
    }

    /// The groups of this semantics (RFC 5888 §5): see [`BUNDLE`](crate::BUNDLE).
    pub fn groups<'a>(&'a self, semantics: &'a str) -> impl Iterator<Item = Group> + 'a {
        self.session.all().filter(move |group: &Group| group.semantics == semantics)
    }

    /// The media section with this `a=mid`.
    pub fn media_by_mid(&self, mid: &str) -> Option<&MediaDescription> {
        self.media.iter().find(|media| media.mid().as_deref() == Some(mid))
    }
}

impl FromStr for SessionDescription {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// All lines, each with CRLF at its end.
impl fmt::Display for SessionDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.lines.iter().try_for_each(|line| line.write(formatter))?;
        self.media.iter().try_for_each(|media| media.write(formatter))
    }
}

/// What has been read so far.
#[derive(Default)]
struct Parser {
    number: usize,
    origin: Option<Origin>,
    session: Section,
    media: Vec<MediaDescription>,
}

impl Parser {
    /// Reads one line. An error is the offset in it, and what is wrong there.
    fn line(&mut self, line: &str) -> Result<(), (usize, ErrorKind)> {
        if self.number > MAX_LINES {
            return Err((0, ErrorKind::TooLarge));
        }
        if let Some(offset) = line.bytes().position(|byte| matches!(byte, b'\0' | b'\r')) {
            return Err((offset, ErrorKind::ControlCharacter));
        }
        let (letter, value) = line
            .split_once('=')
            .and_then(|(letter, value)| match letter.as_bytes() {
                [letter] if letter.is_ascii_lowercase() => Some((*letter, value)),
                _ => None,
            })
            .ok_or((0, ErrorKind::Expected("a letter and `=`")))?;
        let in_value =
            |ValueError { offset, expected }: ValueError| (2 + offset, ErrorKind::Expected(expected));

        // RFC 9429 §5.8.1: version, origin and name come first, in this order.
        match (self.session.lines.len(), letter) {
            (0, b'v') if value == "0" => {}
            (0, b'v') => return Err((2, ErrorKind::Expected("version 0"))),
            (0, _) => return Err((0, ErrorKind::Expected("a v= line"))),
            (1, b'o') => self.origin = Some(Origin::parse(value).map_err(in_value)?),
            (1, _) => return Err((0, ErrorKind::Expected("an o= line"))),
            (2, b's') => {}
            (2, _) => return Err((0, ErrorKind::Expected("an s= line"))),
            (_, b'm') if self.media.len() == MAX_MEDIA => return Err((0, ErrorKind::TooLarge)),
            (_, b'm') => {
                self.media.push(MediaDescription::parse(value).map_err(in_value)?);
                return Ok(());
            }
            (_, b'a') => {
                let (name, after) = match value.split_once(':') {
                    Some((name, after)) => (name, Some(after)),
                    None => (value, None),
                };
                check(name, after).map_err(|error| {
                    let colon = usize::from(after.is_some());
                    in_value(ValueError { offset: name.len() + colon + error.offset, ..error })
                })?;
            }
            (_, b'c' | b'b' | b'i' | b'k') => {}
            (_, b'v' | b'o' | b's') => return Err((0, ErrorKind::Expected("another line"))),
            (_, b'u' | b'e' | b'p' | b't' | b'r' | b'z') if self.media.is_empty() => {}
            (_, b'u' | b'e' | b'p' | b't' | b'r' | b'z') => return Err((0, ErrorKind::NotInMedia)),
            // RFC 8866 §5: a description with a type letter that isn't understood is refused.
            _ => return Err((0, ErrorKind::UnknownType)),
        }
        let section = self.media.last_mut().map_or(&mut self.session, |media| &mut **media);
        section.lines.push(Line::new(letter, value));
        Ok(())
    }
}
