//! An offer that came, before it is accepted or declined.

use std::io;
use std::sync::Arc;

use peerline_transfer::receiver::{Event, Settings};
use peerline_transfer::{DeclineReason, Error, Offer, Outcome, Receiver};

use super::PROTOCOL;
use super::directory::Directory;
use super::plan::{Existing, Plan};
use super::receiving::{Receiving, hear};
use super::wire::Wire;
use crate::DataChannel;

/// An offer that waits for its answer. Dropped, it breaks off without one: the sender may offer again.
#[derive(Debug)]
pub struct IncomingOffer {
    wire: Wire,
    machine: Receiver,
    offer: Arc<Offer>,
}

/// There is no offer, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum OfferLost {
    /// It breaks the protocol, or is larger than is taken.
    #[error(transparent)]
    Refused(Error),
    /// The sender has taken it back.
    #[error("the sender has stopped the transfer")]
    Withdrawn,
    /// The connection broke.
    #[error("the connection to the sender broke")]
    Interrupted,
}

impl IncomingOffer {
    /// Waits for the whole of the offer on a data channel with the label [`LABEL`](super::LABEL). It waits for as long as
    /// the sender takes.
    ///
    /// # Errors
    /// [`OfferLost`].
    pub async fn receive(channel: DataChannel) -> Result<Self, OfferLost> {
        let has_protocol = channel.protocol() == PROTOCOL;
        let mut wire = Wire::new(channel);
        let mut machine = Receiver::new(Settings::default());
        if !has_protocol {
            // §1: another version's is closed.
            return Err(OfferLost::Refused(Error::BadMessage("another version's data channel")));
        }
        let offer = loop {
            if let Some(offer) = machine.offer() {
                break Arc::clone(offer);
            }
            match machine.poll_event() {
                Some(Event::Ended(outcome)) => return Err(lost(&mut wire, &mut machine, outcome).await),
                Some(_) => {}
                None => hear(&mut machine, wire.next(false).await),
            }
        };
        Ok(Self { wire, machine, offer })
    }

    /// What is offered.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Looks at what accepting would do in a directory.
    ///
    /// # Errors
    /// The system's, where the directory can't be looked at.
    pub async fn plan(&self, directory: &Directory) -> io::Result<Plan> {
        let (offer, directory) = (Arc::clone(&self.offer), directory.clone());
        tokio::task::spawn_blocking(move || Plan::new(&offer, directory)).await.map_err(io::Error::other)?
    }

    /// Takes the files that the plan finds missing, and with [`Existing::Replace`] those in whose place something stands.
    /// Where there is no room for them, the offer is declined: [`Outcome::Declined`] with [`DeclineReason::NoSpace`].
    ///
    /// # Errors
    /// The system's, where no thread can be started.
    pub fn accept(self, plan: Plan, existing: Existing) -> io::Result<Receiving> {
        Receiving::new(self.wire, self.machine, self.offer, plan, existing)
    }

    /// Says no; resolves when the sender has heard it.
    pub async fn decline(mut self, reason: DeclineReason) {
        self.machine.decline(reason);
        say(&mut self.wire, &mut self.machine).await;
    }

    /// Waits until the offer is of no use any more. Cancel-safe.
    pub async fn lost(&mut self) -> OfferLost {
        loop {
            match self.machine.poll_event() {
                Some(Event::Ended(outcome)) => return lost(&mut self.wire, &mut self.machine, outcome).await,
                Some(_) => {}
                None => hear(&mut self.machine, self.wire.next(false).await),
            }
        }
    }
}

async fn lost(wire: &mut Wire, machine: &mut Receiver, outcome: Outcome) -> OfferLost {
    say(wire, machine).await;
    match outcome {
        Outcome::Failed(error) => OfferLost::Refused(error),
        Outcome::Interrupted => OfferLost::Interrupted,
        Outcome::Completed | Outcome::Declined(_) | Outcome::Cancelled(_) => OfferLost::Withdrawn,
    }
}

/// Says the last word.
async fn say(wire: &mut Wire, machine: &mut Receiver) {
    wire.transmit(|buffer| machine.poll_transmit(buffer));
    wire.end(true);
    wire.ended().await;
}
