//! The default router of an interface.

use std::net::{IpAddr, Ipv4Addr};

/// Linux's table of IPv4 routes.
const ROUTES: &str = "/proc/net/route";

/// The router that leads out of the network that `local` is in. `None` without one, and where the system doesn't say.
pub(super) fn default_gateway(local: IpAddr) -> Option<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let interface = interfaces.into_iter().find(|interface| interface.ip() == local)?;
    gateway_of(&std::fs::read_to_string(ROUTES).ok()?, &interface.name)
}

/// Of the default routes over an interface, that with the least metric. Addresses stand there as the machine stores them.
fn gateway_of(routes: &str, interface: &str) -> Option<Ipv4Addr> {
    let word = |text: &str| u32::from_str_radix(text, 16).ok();
    let gateways = routes.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let [name, destination, gateway, _, _, _, metric, mask, ..] = fields.as_slice() else { return None };
        let is_default = *name == interface && word(destination)? == 0 && word(mask)? == 0;
        let gateway = Ipv4Addr::from(word(gateway)?.to_ne_bytes());
        let metric: u32 = metric.parse().ok()?;
        (is_default && !gateway.is_unspecified()).then_some((metric, gateway))
    });
    gateways.min_by_key(|(metric, _)| *metric).map(|(_, gateway)| gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_of_the_interface_counts() {
        let entry = |ip: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(ip));
        let (none, router, backup) = (entry([0; 4]), entry([192, 168, 1, 1]), entry([192, 168, 1, 2]));
        let (net, mask) = (entry([192, 168, 1, 0]), entry([255, 255, 255, 0]));
        let routes = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             wlan0\t{none}\t{backup}\t0003\t0\t0\t700\t{none}\t0\t0\t0\n\
             wlan0\t{none}\t{router}\t0003\t0\t0\t600\t{none}\t0\t0\t0\n\
             wlan0\t{net}\t{none}\t0001\t0\t0\t600\t{mask}\t0\t0\t0\n\
             ppp0\t{none}\t{none}\t0001\t0\t0\t50\t{none}\t0\t0\t0\n\
             wrong\n"
        );
        assert_eq!(gateway_of(&routes, "wlan0"), Some(Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(gateway_of(&routes, "ppp0"), None);
        assert_eq!(gateway_of(&routes, "eth0"), None);
        assert_eq!(gateway_of("", "eth0"), None);
    }
}
