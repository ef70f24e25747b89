//! Actions of a service, and what comes of them (WANIPConnection:1 §2.4, UPnP Device Architecture 1.1 §3).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use roxmltree::{Document, ParsingOptions};

use super::description::NODES;
use super::{Answer, Service, http};
use crate::is_plausible;

/// What a service is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Forward a UDP port to a socket, or do so for longer.
    AddPortMapping {
        /// The router's port.
        external: u16,
        /// The socket.
        internal: SocketAddrV4,
        /// For how many seconds; 0 for as long as the router runs.
        lifetime: u32,
    },
    /// End that.
    DeletePortMapping {
        /// The router's port.
        external: u16,
    },
    /// Tell the router's address outside.
    GetExternalIpAddress,
}

/// Why an action wasn't done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The port is somebody else's (718, 729).
    Conflict,
    /// There is no mapping for a time only (725).
    OnlyPermanent,
    /// Something else.
    Refused,
}

impl Action {
    /// The request to a router.
    #[must_use]
    pub fn request(self, router: Ipv4Addr, service: &Service) -> String {
        let (name, arguments) = match self {
            Self::AddPortMapping { external, internal, lifetime } => {
                let arguments = [
                    ("NewRemoteHost", String::new()),
                    ("NewExternalPort", external.to_string()),
                    ("NewProtocol", "UDP".to_owned()),
                    ("NewInternalPort", internal.port().to_string()),
                    ("NewInternalClient", internal.ip().to_string()),
                    ("NewEnabled", "1".to_owned()),
                    ("NewPortMappingDescription", "Peerline".to_owned()),
                    ("NewLeaseDuration", lifetime.to_string()),
                ];
                ("AddPortMapping", arguments.to_vec())
            }
            Self::DeletePortMapping { external } => {
                let arguments = [
                    ("NewRemoteHost", String::new()),
                    ("NewExternalPort", external.to_string()),
                    ("NewProtocol", "UDP".to_owned()),
                ];
                ("DeletePortMapping", arguments.to_vec())
            }
            Self::GetExternalIpAddress => ("GetExternalIPAddress", Vec::new()),
        };
        let mut inside = String::new();
        for (argument, value) in arguments {
            let _ = write!(inside, "<{argument}>{value}</{argument}>");
        }
        let kind = service.kind;
        let body = format!(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:{name} xmlns:u=\"{kind}\">{inside}</u:{name}></s:Body></s:Envelope>\r\n"
        );
        http::post(router, &service.url, &format!("{kind}#{name}"), &body)
    }
}

/// Whether an action was done.
///
/// # Errors
/// [`Fault`], when not.
pub fn outcome(answer: &Answer) -> Result<(), Fault> {
    if answer.status == 200 {
        return Ok(());
    }
    Err(match element(&answer.body, "errorCode").as_deref() {
        Some("718" | "729") => Fault::Conflict,
        Some("725") => Fault::OnlyPermanent,
        _ => Fault::Refused,
    })
}

/// The address in the answer to [`Action::GetExternalIpAddress`].
#[must_use]
pub fn external_address(answer: &Answer) -> Option<Ipv4Addr> {
    outcome(answer).ok()?;
    let address = element(&answer.body, "NewExternalIPAddress")?.parse().ok()?;
    is_plausible(address).then_some(address)
}

fn element(body: &str, name: &str) -> Option<String> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(body, options).ok()?;
    let node = document.descendants().find(|node| node.tag_name().name() == name)?;
    node.text().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upnp::Url;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    fn answer(status: u16, inside: &str) -> Answer {
        let body = format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <s:Body>{inside}</s:Body></s:Envelope>"
        );
        Answer { status, body }
    }

    fn fault(code: u16) -> Answer {
        let inside = format!(
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
             <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{code}</errorCode></UPnPError>\
             </detail></s:Fault>"
        );
        answer(500, &inside)
    }

    #[test]
    fn an_action_names_its_service_and_its_arguments() {
        let kind = "urn:schemas-upnp-org:service:WANIPConnection:1";
        let service = Service { kind, url: Url { port: 5000, path: "/ctl/IPConn".to_owned() } };
        let internal = "192.168.1.7:4000".parse().unwrap();
        let action = Action::AddPortMapping { external: 4001, internal, lifetime: 1200 };
        let request = action.request(ROUTER, &service);
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /ctl/IPConn HTTP/1.1\r\nHost: 192.168.1.1:5000\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nSOAPAction: \"{kind}#AddPortMapping\"\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
        let value = |name: &str| element(body, name).unwrap_or_default();
        assert_eq!(value("NewExternalPort"), "4001");
        assert_eq!(value("NewInternalPort"), "4000");
        assert_eq!(value("NewInternalClient"), "192.168.1.7");
        assert_eq!(value("NewLeaseDuration"), "1200");
        let delete = Action::DeletePortMapping { external: 4001 }.request(ROUTER, &service);
        assert!(
            delete.contains("<u:DeletePortMapping ") && delete.contains("<NewProtocol>UDP</NewProtocol>")
        );
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(outcome(&answer(200, "")), Ok(()));
        assert_eq!(outcome(&fault(718)), Err(Fault::Conflict));
        assert_eq!(outcome(&fault(725)), Err(Fault::OnlyPermanent));
        assert_eq!(outcome(&fault(606)), Err(Fault::Refused));
        assert_eq!(outcome(&Answer { status: 404, body: "Not found".to_owned() }), Err(Fault::Refused));
    }

    #[test]
    fn an_address_is_one_that_others_may_reach() {
        let of = |address: &str| {
            let inside = format!(
                "<u:GetExternalIPAddressResponse xmlns:u=\"urn:x\">\
                 <NewExternalIPAddress>{address}</NewExternalIPAddress></u:GetExternalIPAddressResponse>"
            );
            external_address(&answer(200, &inside))
        };
        assert_eq!(of("203.0.113.2"), Some(Ipv4Addr::new(203, 0, 113, 2)));
        for wrong in ["0.0.0.0", "", "router"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(external_address(&fault(501)), None);
    }
}
