//! What can be asked of the laboratory: hosts and sites to be added, and things to happen.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::device::{Device, Interface};
use crate::internet::{Internet, NodeId};
use crate::link::Quality;
use crate::site::{HIGHEST, Host, SERVER, SharedNat, Site, SiteType};

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Command {
    /// A process whose network namespace is the server's.
    Server { process: u32 },
    /// A site, and the processes whose network namespaces are its host's and, where it has one, its proxy's. A host may be at
    /// several sites, at each by another interface; it takes the way out of the first one that is there.
    Site {
        name: String,
        r#type: SiteType,
        process: u32,
        proxy: Option<u32>,
        #[serde(default = "cable")]
        interface: String,
    },
    /// What the site's link is like from now on.
    Shape { site: String, quality: Quality },
    /// The site's cable is pulled, or put in again.
    Link { site: String, up: bool },
    /// The host's interface at the site goes away, or is there again.
    Interface { site: String, up: bool },
    /// The site's routers forget all mappings.
    Flush { site: String },
    /// The site gets another external address.
    Newip { site: String },
}

/// What browsers take for an ordinary cable.
fn cable() -> String {
    "eth0".into()
}

#[derive(Debug)]
pub struct Laboratory {
    pub internet: Internet,
    pub devices: BTreeMap<NodeId, Device>,
    shared: SharedNat,
    sites: HashMap<String, Site>,
}

impl Default for Laboratory {
    fn default() -> Self {
        let mut internet = Internet::new(1);
        let shared = SharedNat::new(&mut internet);
        Self { internet, devices: BTreeMap::new(), shared, sites: HashMap::new() }
    }
}

impl Laboratory {
    /// Does what a line says, and answers.
    pub fn obey(&mut self, line: &[u8]) -> Result<Value> {
        match serde_json::from_slice(line)? {
            Command::Server { process } => {
                let node = self.internet.host(Internet::CORE, SERVER);
                self.connect(&Host { node, addresses: SERVER.to_vec() }, process, cable(), 0)
            }
            Command::Site { name, r#type, process, proxy, interface } => {
                self.add(name, r#type, process, proxy, interface)
            }
            Command::Shape { site, quality } => {
                let access = self.site(&site)?.access;
                self.internet.set_quality(access, quality);
                Ok(json!({ "is": "done" }))
            }
            Command::Link { site, up } => {
                let access = self.site(&site)?.access;
                self.internet.set_up(access, up);
                Ok(json!({ "is": "done" }))
            }
            Command::Interface { site, up } => {
                let host = self.site(&site)?.host.node;
                self.devices.get(&host).context("the host is gone")?.set_up(up)?;
                Ok(json!({ "is": "done" }))
            }
            Command::Flush { site } => {
                let site = self.sites.get(&site).context("there is no such site")?;
                site.flush(&mut self.internet);
                Ok(json!({ "is": "done" }))
            }
            Command::Newip { site } => {
                let site = self.sites.get_mut(&site).context("there is no such site")?;
                ensure!(
                    site.readdress(&mut self.internet),
                    "this site has no NAT: its address is the host's own"
                );
                Ok(json!({ "is": "done" }))
            }
        }
    }

    fn site(&self, name: &str) -> Result<&Site> {
        self.sites.get(name).context("there is no such site")
    }

    fn add(
        &mut self,
        name: String,
        kind: SiteType,
        process: u32,
        proxy: Option<u32>,
        interface: String,
    ) -> Result<Value> {
        ensure!(!self.sites.contains_key(&name), "there is such a site");
        let number = u8::try_from(self.sites.len() + 1).ok().filter(|number| *number <= HIGHEST);
        let number = number.context("there are too many sites")?;
        let site = Site::new(&mut self.internet, &self.shared, kind, number);
        let answer = self.connect(&site.host, process, interface, number)?;
        match (&site.proxy, proxy) {
            (Some(host), Some(process)) => {
                self.connect(host, process, cable(), 0)?;
            }
            (None, None) => {}
            _ => bail!("a proxy's process is needed where the site has a proxy, and only there"),
        }
        self.sites.insert(name, site);
        Ok(answer)
    }

    fn connect(&mut self, host: &Host, process: u32, name: String, metric: u8) -> Result<Value> {
        let interface = Interface { name, addresses: host.addresses.clone(), metric };
        self.devices.insert(host.node, Device::new(process, interface)?);
        Ok(json!({ "is": "done", "addresses": host.addresses }))
    }
}
