//! Whether the server that relays the selected pair is still there.
//!
//! It may be gone without a word, and while no data flows only checks would notice. Those of consent are to be 4 s apart at least
//! (RFC 7675 §5.1), and it isn't the other side that is in doubt: so the server itself is asked, once nothing has come from it for a
//! while, whether it has the allocation. Where it doesn't answer, the pair is doubted.

use std::time::{Duration, Instant};

use super::Agent;
use crate::RelayId;
use crate::relay::{Relay, Watch};

/// How many round trips an answer may take. After three the question is sent again: so one that is lost makes no doubt.
const PATIENCE: u32 = 4;
/// The same in time: where the round trip isn't known, the longest.
const PATIENCE_RANGE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(1));

impl Agent {
    /// Asks the server, or takes its silence for what it is.
    pub(super) fn watch_relay(&mut self, now: Instant) {
        let Some(id) = self.selected_relay().filter(|_| self.next_relay_watch().is_some_and(|at| at <= now))
        else {
            return;
        };
        let Some(relay) = self.relays.iter_mut().find(|relay| relay.id == id) else {
            return;
        };
        match relay.watch {
            Watch::Heard(_) => {
                relay.watch = Watch::Asked(now);
                if let Some(client) = relay.client_mut() {
                    client.verify(now);
                }
            }
            Watch::Asked(_) => {
                relay.watch = Watch::Doubted;
                self.doubt(now);
            }
            Watch::Doubted => {}
        }
    }

    pub(super) fn next_relay_watch(&self) -> Option<Instant> {
        let id = self.selected_relay()?;
        let relay = self.relays.iter().find(|relay| relay.id == id)?;
        match relay.watch {
            Watch::Heard(at) => Some(at + self.config.timing.relay_silence),
            Watch::Asked(at) => Some(at + patience(relay)),
            Watch::Doubted => None,
        }
    }

    /// That which data goes to.
    fn selected_relay(&self) -> Option<RelayId> {
        let pair = self.serving()?.selected_pair()?;
        self.locals.base(pair.base)?.relay
    }
}

fn patience(relay: &Relay) -> Duration {
    let (shortest, longest) = PATIENCE_RANGE;
    let round_trip = relay.client().and_then(|(client, _)| client.round_trip());
    round_trip.map_or(longest, |round_trip| (round_trip * PATIENCE).clamp(shortest, longest))
}
