//! What a router says of itself (UPnP Device Architecture 1.1 §2).

use std::net::Ipv4Addr;

use roxmltree::{Document, Node, ParsingOptions};

use super::Url;

/// The services that map ports, the best first.
const KINDS: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/// Elements and texts of a description; it has about 200.
pub(super) const NODES: u32 = 10_000;

/// A service that maps ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its kind, which stands in each action.
    pub(super) kind: &'static str,
    /// Where it is controlled.
    pub url: Url,
}

/// The services of a router that map ports, the best first. `url` is where the description was.
#[must_use]
pub fn services(description: &str, url: &Url, router: Ipv4Addr) -> Vec<Service> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let Ok(document) = Document::parse_with_options(description, options) else { return Vec::new() };
    let base = text_of(document.root_element(), "URLBase");
    let base = base.and_then(|base| Url::parse(base, router)).unwrap_or_else(|| url.clone());
    let mut services: Vec<_> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "service")
        .filter_map(|service| {
            let kind = text_of(service, "serviceType")?;
            let rank = KINDS.iter().position(|known| *known == kind)?;
            let url = base.join(text_of(service, "controlURL")?, router)?;
            Some((rank, Service { kind: KINDS.get(rank)?, url }))
        })
        .collect();
    services.sort_by_key(|(rank, _)| *rank);
    services.into_iter().map(|(_, service)| service).collect()
}

fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.children().find(|child| child.tag_name().name() == name)?.text().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    fn found(description: &str) -> Vec<(u16, String)> {
        let url = Url { port: 5000, path: "/rootDesc.xml".to_owned() };
        services(description, &url, ROUTER)
            .into_iter()
            .map(|found| (found.url.port, found.url.path))
            .collect()
    }

    fn service(kind: &str, url: &str) -> String {
        format!(
            "<service><serviceType>urn:schemas-upnp-org:service:{kind}</serviceType>\
             <serviceId>x</serviceId><controlURL>{url}</controlURL></service>"
        )
    }

    fn device(base: &str, services: &[String]) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\">{base}<device><deviceList>\
             <device><deviceList><device><serviceList>{}</serviceList></device></deviceList></device>\
             </deviceList></device></root>",
            services.concat()
        )
    }

    #[test]
    fn services_are_found_however_deep() {
        let ppp = service("WANPPPConnection:1", "/ctl/PPP");
        let ip = service("WANIPConnection:1", "ctl/IP?a=1&amp;b=2");
        let other = service("WANCommonInterfaceConfig:1", "/ctl/Common");
        let all = device("", &[other, ppp.clone(), ip]);
        assert_eq!(found(&all), [(5000, "/ctl/IP?a=1&b=2".to_owned()), (5000, "/ctl/PPP".to_owned())]);
        let based = device("<URLBase>http://192.168.1.1:49000/x/</URLBase>", &[ppp]);
        assert_eq!(found(&based), [(49000, "/ctl/PPP".to_owned())]);
    }

    #[test]
    fn a_description_leads_nowhere_else() {
        for url in ["http://192.0.2.1/ctl", "https://192.168.1.1/ctl", "/c\u{e4}"] {
            assert!(found(&device("", &[service("WANIPConnection:1", url)])).is_empty(), "{url}");
        }
        assert!(found("").is_empty());
        assert!(found("<root><device>").is_empty());
        let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><root>&x;</root>";
        assert!(found(bomb).is_empty());
    }
}
