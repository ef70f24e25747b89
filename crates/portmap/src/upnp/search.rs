//! SSDP: the search for a router (UPnP Device Architecture 1.1 §1.3).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::Url;

/// Where devices listen.
pub const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);

/// The question for a router; those of the second version answer to it as well.
pub const SEARCH: &str = "M-SEARCH * HTTP/1.1\r\n\
    HOST: 239.255.255.250:1900\r\n\
    MAN: \"ssdp:discover\"\r\n\
    MX: 1\r\n\
    ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n";

/// Where the description of `router` is, from its answer to [`SEARCH`].
#[must_use]
pub fn location(datagram: &[u8], router: Ipv4Addr) -> Option<Url> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let is_whole = response.parse(datagram).ok()?.is_complete();
    let location = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("location"))?;
    let text = std::str::from_utf8(location.value).ok()?;
    Url::parse(text, router).filter(|_| is_whole && response.code == Some(200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_leads_to_the_description() {
        let router = Ipv4Addr::new(10, 1, 0, 1);
        let answer = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\n\
            Location: http://10.1.0.1:5000/rootDesc.xml\r\nST: urn:x\r\n\r\n";
        assert_eq!(location(answer.as_bytes(), router).unwrap().path, "/rootDesc.xml");
        assert_eq!(location(answer.as_bytes(), Ipv4Addr::new(10, 1, 0, 2)), None);
        assert_eq!(location(&answer.as_bytes()[..answer.len() - 2], router), None);
        assert_eq!(location(answer.replace("200", "404").as_bytes(), router), None);
        assert_eq!(location(SEARCH.as_bytes(), router), None);
    }
}
