//! ICE's attributes (RFC 8839), candidates aside.

use crate::scanner::{Scanner, is_ice_chars, is_token};
use crate::{Attribute, ValueError};

/// `a=ice-ufrag`: the user name fragment, 4 to 256 characters (RFC 8839 §5.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IceUfrag(pub String);

/// `a=ice-pwd`: the password, 22 to 256 characters (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IcePwd(pub String);

/// Without the password.
impl std::fmt::Debug for IcePwd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IcePwd(…)")
    }
}

/// `a=ice-options`: what the agent can do beyond RFC 8445 (RFC 8839 §5.6): `trickle`, `ice2`, `renomination`…
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct IceOptions(pub Vec<String>);

impl IceOptions {
    /// Whether this option is there.
    pub fn contains(&self, option: &str) -> bool {
        self.0.iter().any(|other| other == option)
    }
}

/// `a=ice-pacing`: the time between checks that the agent wants, in milliseconds (RFC 8839 §5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IcePacing(pub u32);

fn credential(value: &str, shortest: usize, expected: &'static str) -> Result<String, ValueError> {
    let mut scanner = Scanner::new(value);
    let word = scanner.convert(expected, |word| {
        // RFC 8839's `ice-char` has no `-`, `_` and `=`, but some send them.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
        ((shortest..=256).contains(&word.len()) && word.bytes().all(is_allowed)).then(|| word.to_owned())
    })?;
    scanner.end()?;
    Ok(word)
}

impl Attribute for IceUfrag {
    const NAME: &'static str = "ice-ufrag";

    fn parse(value: &str) -> Result<Self, ValueError> {
        credential(value, 4, "a user name fragment of 4 to 256 characters").map(Self)
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

impl Attribute for IcePwd {
    const NAME: &'static str = "ice-pwd";

    fn parse(value: &str) -> Result<Self, ValueError> {
        credential(value, 22, "a password of 22 to 256 characters").map(Self)
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

impl Attribute for IceOptions {
    const NAME: &'static str = "ice-options";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let mut options = Vec::new();
        while !scanner.is_at_end() {
            // `ice-char` by the grammar, but `google-ice` and others with a hyphen are about.
            options.push(scanner.convert("an option", |word| {
                (is_ice_chars(word) || is_token(word)).then(|| word.to_owned())
            })?);
        }
        Ok(Self(options))
    }

    fn value(&self) -> String {
        self.0.join(" ")
    }
}

impl Attribute for IcePacing {
    const NAME: &'static str = "ice-pacing";

    fn parse(value: &str) -> Result<Self, ValueError> {
        let mut scanner = Scanner::new(value);
        let milliseconds = scanner.number("milliseconds")?;
        scanner.end()?;
        Ok(Self(milliseconds))
    }

    fn value(&self) -> String {
        self.0.to_string()
    }
}
