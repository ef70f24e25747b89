//! Other servers, and another policy, within a session (W3C "set a configuration").

use std::time::Instant;

use super::Agent;
use crate::pair::Standing;
use crate::relay::Relay;
use crate::{Event, IceTransportPolicy};

impl Agent {
    /// Candidates are to be others: those that `policy` allows, from servers that are still to be added. Before
    /// [`gather`](Self::gather) that counts at once; afterwards from the next [`restart`](Self::restart) on, and what was
    /// gathered until then serves as long as it is needed.
    pub fn reconfigure(&mut self, policy: IceTransportPolicy) {
        self.reconfigured = Some(policy);
        if self.sources.began.is_none() {
            self.apply_reconfiguration();
        }
    }

    /// Whether the next restart has other servers, or another policy.
    pub fn is_reconfigured(&self) -> bool {
        self.reconfigured.is_some()
    }

    /// The number of the last [`Event::ServersWanted`], 0 if there was none: what was looked up for an earlier one is of no
    /// use any more.
    pub fn reconfigurations(&self) -> u32 {
        self.reconfigurations
    }

    pub(super) fn apply_reconfiguration(&mut self) {
        let Some(policy) = self.reconfigured.take() else {
            return;
        };
        self.config.transport_policy = policy;
        self.sources.servers.clear();
        self.sources.complete = false;
        self.locals.change_pairing(policy == IceTransportPolicy::All);
        for relay in &mut self.relays {
            relay.is_retired = true;
        }
        self.reconfigurations += 1;
        self.events.push_back(Event::ServersWanted(self.reconfigurations));
    }

    /// Gives back relays of before that no pair needs any more.
    pub(super) fn release_retired(&mut self, now: Instant) {
        let is_needed = |relay: &Relay| {
            let sessions = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
            let mut pairs = sessions.flat_map(|session| &session.pairs);
            pairs.any(|pair| {
                let base = self.locals.base(pair.base);
                pair.standing != Standing::Failed && base.is_some_and(|base| base.relay == Some(relay.id))
            })
        };
        let retired = self.relays.iter().filter(|relay| relay.is_retired && !is_needed(relay));
        let retired: Vec<_> = retired.map(|relay| relay.id).collect();
        for id in retired {
            match self.relay_mut(id) {
                Some(client) => client.close(now),
                None => self.drop_relay(now, id),
            }
        }
    }
}
