//! Which proxy, if any, leads out of this network.

use std::ffi::OsStr;
use std::str::FromStr;

use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command};
use peerline::Proxy;

/// What `--proxy` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProxyChoice {
    /// None, whatever the environment says.
    None,
    Proxy(Proxy),
}

impl FromStr for ProxyChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        text.parse().map(Self::Proxy).map_err(|error: peerline::ProxyUrlError| error.to_string())
    }
}

impl ValueParserFactory for ProxyChoice {
    type Parser = Discreet;

    fn value_parser() -> Discreet {
        Discreet
    }
}

/// Reads a [`ProxyChoice`]; a wrong one is repeated without the user and the password that may stand in it.
#[derive(Clone)]
pub(crate) struct Discreet;

impl TypedValueParser for Discreet {
    type Value = ProxyChoice;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<ProxyChoice, clap::Error> {
        let text = value.to_string_lossy();
        text.parse().map_err(|error| {
            let place = match text.rsplit_once('@') {
                Some((_, place)) => format!("…@{place}"),
                None => text.into_owned(),
            };
            let argument = argument.map(ToString::to_string).unwrap_or_default();
            let message = format!("invalid value '{place}' for '{argument}': {error}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// The proxy to be used: the chosen one, otherwise that of the environment, without what `NO_PROXY` excepts.
///
/// # Errors
/// What is wrong with the environment: that is other programs', too, and no reason not to work.
pub(crate) fn choose(
    chosen: Option<&ProxyChoice>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, String> {
    // Lower case first, as curl has it.
    let said = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| {
            environment(name).filter(|value| !value.trim().is_empty()).map(|value| (name, value))
        })
    };
    let proxy = match chosen {
        Some(ProxyChoice::None) => return Ok(None),
        Some(ProxyChoice::Proxy(proxy)) => proxy.clone(),
        None => match said(["https_proxy", "HTTPS_PROXY"]) {
            Some((name, url)) => {
                url.trim().parse().map_err(|error| format!("{name} is not used: {error}."))?
            }
            None => return Ok(None),
        },
    };
    let excepted = said(["no_proxy", "NO_PROXY"]).map(|(_, hosts)| hosts).unwrap_or_default();
    Ok(Some(proxy.except(&excepted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(flag: Option<&str>, environment: &[(&str, &str)]) -> Result<Option<Proxy>, String> {
        let flag = flag.map(|flag| flag.parse().unwrap());
        let value = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        choose(flag.as_ref(), value)
    }

    fn proxy(url: &str) -> Proxy {
        url.parse().unwrap()
    }

    #[test]
    fn the_flag_goes_before_the_environment() {
        let environment = [("HTTPS_PROXY", "http://upper.test:1"), ("https_proxy", "lower.test:2")];
        assert_eq!(chosen(None, &[]), Ok(None));
        assert_eq!(chosen(None, &environment[..1]), Ok(Some(proxy("http://upper.test:1"))));
        assert_eq!(chosen(None, &environment), Ok(Some(proxy("http://lower.test:2"))));
        assert_eq!(chosen(None, &[("HTTPS_PROXY", "")]), Ok(None));
        assert_eq!(chosen(Some("http://flag.test:3"), &environment), Ok(Some(proxy("http://flag.test:3"))));
        assert_eq!(chosen(Some("none"), &environment), Ok(None));
    }

    #[test]
    fn no_proxy_excepts_hosts_from_either() {
        let excepting = [("https_proxy", "http://a.test:1"), ("NO_PROXY", ".intranet.test")];
        let wanted = proxy("http://a.test:1").except("intranet.test");
        assert_eq!(chosen(None, &excepting), Ok(Some(wanted.clone())));
        assert_eq!(chosen(Some("http://a.test:1"), &excepting), Ok(Some(wanted)));
    }

    #[test]
    fn a_wrong_flag_is_repeated_without_its_password() {
        let command = Command::new("test").arg(Arg::new("proxy").long("proxy").value_parser(Discreet));
        let told =
            command.try_get_matches_from(["test", "--proxy", "ftp://ada:love@lace@a.test:1"]).unwrap_err();
        assert_eq!(told.exit_code(), 2);
        let told = told.to_string();
        assert!(told.contains("'…@a.test:1' for '--proxy <proxy>': a proxy is http://HOST:PORT"), "{told}");
        assert!(!told.contains("ada") && !told.contains("love"), "{told}");
    }

    #[test]
    fn what_the_environment_says_wrong_is_told_without_its_password() {
        let told = chosen(None, &[("HTTPS_PROXY", "socks5://ada:lovelace@a.test:1")]).unwrap_err();
        assert!(told.starts_with("HTTPS_PROXY is not used:") && !told.contains("lovelace"), "{told}");
        assert!("ftp://a.test".parse::<ProxyChoice>().is_err());
    }
}
