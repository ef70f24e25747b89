//! Being found and finding (`docs/signaling.md` §8).

use super::{Hub, Problem, Reply};
use crate::identifier::ParticipantId;
use crate::limits;
use crate::message::{Announce, Find, Found, Person, Presence};

impl Hub {
    pub(super) fn announce(
        &mut self,
        participant: ParticipantId,
        announce: &Announce,
    ) -> Result<Reply, Problem> {
        self.directory.insert(participant, announce.clone());
        Ok(Reply::done())
    }

    pub(super) fn unannounce(&mut self, participant: ParticipantId) -> Result<Reply, Problem> {
        self.directory.remove(&participant);
        Ok(Reply::done())
    }

    pub(super) fn find(&mut self, asker: ParticipantId, find: &Find) -> Result<Reply, Problem> {
        let people = self
            .directory
            .find(&find.prefix)
            .filter(|(participant, _)| *participant != asker)
            .take(limits::FOUND)
            .map(|(participant, announcement)| Person {
                name: announcement.name.clone(),
                participant,
                identity: announcement.identity,
                presence: self.presence(&participant, announcement),
            })
            .collect();
        Ok(Reply::with(&Found { people }))
    }

    fn presence(&self, participant: &ParticipantId, announcement: &Announce) -> Presence {
        match self.sessions.get(participant).and_then(|session| session.connection()) {
            Some(_) => announcement.presence,
            None => Presence::Away,
        }
    }
}
