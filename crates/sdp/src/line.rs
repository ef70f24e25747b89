//! One line.

/// A line: a type letter and what follows its `=`, as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    letter: u8,
    value: String,
}

impl Line {
    /// A line of this type. Line ends and NUL, which no value may have, are left out.
    pub(crate) fn new(letter: u8, value: &str) -> Self {
        let has_any = value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'));
        let value = if has_any { value.replace(['\r', '\n', '\0'], "") } else { value.to_owned() };
        Self { letter, value }
    }

    /// The line of an attribute. An empty value is one: `a=name:` is not `a=name`.
    pub(crate) fn attribute(name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => Self::new(b'a', &format!("{name}:{value}")),
            None => Self::new(b'a', name),
        }
    }

    /// Its type letter.
    pub fn letter(&self) -> char {
        self.letter.into()
    }

    /// What follows the `=`.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The name and value of an `a=` line.
    pub fn as_attribute(&self) -> Option<(&str, Option<&str>)> {
        if self.letter != b'a' {
            return None;
        }
        Some(match self.value.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (&self.value, None),
        })
    }

    /// The value of an `a=` line with this name, empty if it has none.
    pub(crate) fn value_of(&self, name: &str) -> Option<&str> {
        let rest = self.value.strip_prefix(name).filter(|_| self.letter == b'a')?;
        rest.strip_prefix(':').or(rest.is_empty().then_some(rest))
    }

    pub(crate) fn write(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        write!(out, "{}={}\r\n", self.letter(), self.value)
    }
}

/// Without what has to stay secret: the password of ICE, and keys of SRTP in old descriptions (RFC 4568).
impl std::fmt::Debug for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = match self.as_attribute() {
            Some((name @ ("ice-pwd" | "crypto"), Some(_))) => format!("{name}:…"),
            _ => self.value.clone(),
        };
        write!(formatter, "{}={value}", self.letter())
    }
}
