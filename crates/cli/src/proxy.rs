//! Which proxy, if any, leads out of this network.

use std::str::FromStr;

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
    fn what_the_environment_says_wrong_is_told_without_its_password() {
        let told = chosen(None, &[("HTTPS_PROXY", "socks5://ada:lovelace@a.test:1")]).unwrap_err();
        assert!(told.starts_with("HTTPS_PROXY is not used:") && !told.contains("lovelace"), "{told}");
        assert!("ftp://a.test".parse::<ProxyChoice>().is_err());
    }
}
