//! Where to meet: the link of a channel, or a spoken code.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use peerline::channel::{Code, CodeError, Link, LinkError};

use crate::client_options::duration;

/// A channel that is there, or one to be made.
#[derive(Clone, Debug)]
pub(crate) enum Where {
    At(Place),
    /// By a new code, for one other participant.
    NewCode,
    /// By a new link, for as many as have it.
    NewLink,
}

impl Where {
    /// Whether any number of people meet there; by a code it is two.
    pub(crate) fn is_for_many(&self) -> bool {
        matches!(self, Self::At(Place::Link(_)) | Self::NewLink)
    }
}

/// For commands between two: without a place they make a code.
#[derive(Args, Debug)]
pub(crate) struct PlaceOrNew {
    /// Where the other side is; without, a new code is made for it
    #[arg(value_name = "CODE|LINK")]
    place: Option<Place>,

    #[command(flatten)]
    pub(crate) expiry: Expiry,
}

impl PlaceOrNew {
    pub(crate) fn place(&self) -> Where {
        self.place.clone().map_or(Where::NewCode, Where::At)
    }
}

/// For commands of a room with any number of people.
#[derive(Args, Debug)]
pub(crate) struct Room {
    /// The room: the link of a call, or a code that somebody told you
    #[arg(value_name = "LINK|CODE", required_unless_present = "new", conflicts_with = "new")]
    place: Option<Place>,

    /// Make a new code, and the link that goes with it, for one other person
    #[arg(long)]
    new: bool,

    /// With --new: make a link for as many people as have it
    #[arg(long, requires = "new")]
    group: bool,

    #[command(flatten)]
    pub(crate) expiry: Expiry,
}

impl Room {
    pub(crate) fn place(&self) -> Where {
        match &self.place {
            Some(place) => Where::At(place.clone()),
            None if self.group => Where::NewLink,
            None => Where::NewCode,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Expiry {
    /// How long to wait for somebody to come, with a code also to come back [default: 1h with a code, no end with a link]
    #[arg(long = "expires", value_name = "TIME", value_parser = duration)]
    after: Option<Duration>,
}

impl Expiry {
    /// How long a code is good.
    const CODE: Duration = Duration::from_secs(3_600);

    /// How long to wait; `None`: as long as it takes.
    pub(crate) fn after(&self, place: &Where) -> Option<Duration> {
        self.after.or((!place.is_for_many()).then_some(Self::CODE))
    }
}

/// What names a channel on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Names its server, too.
    Link(Link),
    /// At the server that `--server` names. Good for two, once.
    Code(Code),
}

/// Why a text is neither a link nor a code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("{0} (a link is https://HOST/c/#v1. and 43 characters: all of it, in quotes)")]
    Link(LinkError),
    #[error("{0} (a code is five words, as in pillow-evacuate-shudder-bless-cavern)")]
    Code(CodeError),
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let text = text.trim();
        if text.contains(['/', '#']) {
            Link::parse(text).map(Self::Link).map_err(PlaceError::Link)
        } else {
            Code::parse(text).map(Self::Code).map_err(PlaceError::Code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        text.parse::<Place>().unwrap_err().to_string()
    }

    #[test]
    fn links_and_codes_are_told_apart() {
        let link = format!(" https://call.example/c/#v1.{} ", "A".repeat(43));
        assert!(matches!(link.parse(), Ok(Place::Link(_))));
        for code in ["pillow-evacuate-shudder-bless-cavern", "Pill evac shud bles cave"] {
            assert!(matches!(code.parse(), Ok(Place::Code(_))), "{code}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cut = wrong("https://call.example/c/#v1.AAAA");
        assert!(cut.starts_with("the link is incomplete or of another version (a link is https://"), "{cut}");
        assert!(wrong("https://call.example/c/").starts_with("this is not the address of a channel"));
        assert!(wrong("pillow evacuate").starts_with("a code has 5 words, this has 2"));
        let slip = wrong("pilow-evacuate-shudder-bless-cavern");
        assert!(slip.starts_with("“pilow” is not a word of a code; did you mean “pillow”? (a"), "{slip}");
    }
}
