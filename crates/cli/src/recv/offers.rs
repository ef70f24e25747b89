//! Offers on their way, a bounded number of each sender (`docs/transfer.md` §8).

use std::collections::BTreeMap;
use std::time::Duration;

use peerline::DataChannel;
use peerline::channel::ParticipantId;
use peerline::transfer::{DeclineReason, IncomingOffer, OfferLost};
use tokio::task::JoinSet;

/// Further ones of the same sender are declined.
const OFFERS: usize = 16;
/// Even further ones aren't listened to: each may become as long a list as there is.
const CHANNELS: usize = 2 * OFFERS;
/// How long an offer may take to arrive as a whole.
const OFFERING: Duration = Duration::from_secs(60);

type Received = Result<IncomingOffer, String>;

#[derive(Default)]
pub(super) struct Offers {
    tasks: JoinSet<(ParticipantId, Option<Received>)>,
    /// How many tasks each sender has.
    counts: BTreeMap<ParticipantId, usize>,
}

impl Offers {
    /// Listens to a channel until the offer is there.
    pub(super) fn receive(&mut self, from: ParticipantId, channel: DataChannel) {
        let count = self.counts.entry(from).or_default();
        if *count >= CHANNELS {
            // It is closed by being dropped.
            return;
        }
        let is_busy = *count >= OFFERS;
        *count += 1;
        self.tasks.spawn(async move {
            match receive(channel).await {
                Some(Ok(offer)) if is_busy => {
                    offer.decline(DeclineReason::Busy).await;
                    (from, None)
                }
                received => (from, received),
            }
        });
    }

    /// Has no time for an offer.
    pub(super) fn decline(&mut self, from: ParticipantId, offer: IncomingOffer) {
        *self.counts.entry(from).or_default() += 1;
        self.tasks.spawn(async move {
            offer.decline(DeclineReason::Busy).await;
            (from, None)
        });
    }

    /// The next offer, or why it can't be taken; `None` if none is on its way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<(ParticipantId, Received)> {
        loop {
            let Ok((from, received)) = self.tasks.join_next().await? else { continue };
            if let Some(count) = self.counts.get_mut(&from) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&from);
                }
            }
            if let Some(received) = received {
                return Some((from, received));
            }
        }
    }
}

/// `None`: the sender took it back, or it broke off; where that is of interest, it is offered again.
async fn receive(channel: DataChannel) -> Option<Received> {
    match tokio::time::timeout(OFFERING, IncomingOffer::receive(channel)).await {
        Ok(Ok(offer)) => Some(Ok(offer)),
        Ok(Err(OfferLost::Refused(error))) => Some(Err(error.to_string())),
        Ok(Err(OfferLost::Withdrawn | OfferLost::Interrupted)) => None,
        Err(_) => Some(Err("it did not arrive within a minute".to_owned())),
    }
}
