//! Those who came while the partner's place was taken (`docs/signaling.md` §1): nothing is said to them, they only wait.

use peerline_signaling::ParticipantId;
use peerline_signaling::client::MemberState;
use peerline_signaling::client::content::Profile;

/// Somebody who has arrived.
pub(super) struct Arrival {
    pub(super) id: ParticipantId,
    pub(super) profile: Profile,
    pub(super) presence: MemberState,
    /// Whether we yield to it when two offers collide.
    pub(super) polite: bool,
    /// Whether we make the first offer.
    pub(super) offers: bool,
}

/// In the order in which they came. There are no more of them than a channel has members.
#[derive(Default)]
pub(super) struct LeftOut(Vec<Arrival>);

impl LeftOut {
    pub(super) fn add(&mut self, arrival: Arrival) {
        self.0.push(arrival);
    }

    pub(super) fn get_mut(&mut self, participant: ParticipantId) -> Option<&mut Arrival> {
        self.0.iter_mut().find(|arrival| arrival.id == participant)
    }

    pub(super) fn remove(&mut self, participant: ParticipantId) {
        self.0.retain(|arrival| arrival.id != participant);
    }

    /// Takes out the first one whom the server can reach.
    pub(super) fn take_present(&mut self) -> Option<Arrival> {
        let place = self.0.iter().position(|arrival| arrival.presence == MemberState::Present)?;
        Some(self.0.remove(place))
    }
}
