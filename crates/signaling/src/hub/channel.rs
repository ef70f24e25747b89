//! A channel: who is in it (`docs/signaling.md` §6).

use serde_json::value::RawValue;

use crate::identifier::{ChannelId, ParticipantId};
use crate::message::{ChannelMembers, Member, Opaque, SealedProfile, State};

/// Somebody in a channel, as it told the hub.
#[derive(Debug)]
pub(super) struct Occupant {
    pub(super) participant: ParticipantId,
    profile: Box<RawValue>,
    pub(super) state: State,
}

#[derive(Debug, Default)]
pub(super) struct Channel {
    pub(super) occupants: Vec<Occupant>,
}

impl Channel {
    pub(super) fn has(&self, participant: &ParticipantId) -> bool {
        self.occupants.iter().any(|occupant| occupant.participant == *participant)
    }

    pub(super) fn others(&self, participant: &ParticipantId) -> impl Iterator<Item = &Occupant> {
        self.occupants.iter().filter(move |occupant| occupant.participant != *participant)
    }

    /// Enters, or comes back with another profile.
    pub(super) fn enter(&mut self, participant: ParticipantId, profile: &SealedProfile<'_>) {
        let profile = profile.raw().to_owned();
        match self.occupants.iter_mut().find(|occupant| occupant.participant == participant) {
            Some(occupant) => {
                occupant.profile = profile;
                occupant.state = State::Present;
            }
            None => self.occupants.push(Occupant { participant, profile, state: State::Present }),
        }
    }

    pub(super) fn set_state(&mut self, participant: &ParticipantId, state: State) {
        if let Some(occupant) =
            self.occupants.iter_mut().find(|occupant| occupant.participant == *participant)
        {
            occupant.state = state;
        }
    }

    pub(super) fn remove(&mut self, participant: &ParticipantId) {
        self.occupants.retain(|occupant| occupant.participant != *participant);
    }

    /// The others, as `receiver` is told of them.
    pub(super) fn members(&self, receiver: &ParticipantId) -> Vec<Member<'_>> {
        self.others(receiver).filter_map(|occupant| occupant.as_seen_by(receiver)).collect()
    }

    pub(super) fn members_for_resync(
        &self,
        channel: ChannelId,
        receiver: &ParticipantId,
    ) -> ChannelMembers<'_> {
        ChannelMembers { channel, members: self.members(receiver) }
    }
}

impl Occupant {
    pub(super) fn as_seen_by(&self, receiver: &ParticipantId) -> Option<Member<'_>> {
        Some(Member {
            participant: self.participant,
            profile: Opaque::new(&self.profile)?,
            state: self.state,
            polite: receiver.is_polite_towards(&self.participant),
        })
    }
}
