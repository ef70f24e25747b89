//! Who can be found, by name (`docs/signaling.md` §8).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use crate::identifier::ParticipantId;
use crate::message::{Announce, Prefix};

/// The announcements, and an index of their names without regard to case.
#[derive(Debug, Default)]
pub(super) struct Directory {
    people: HashMap<ParticipantId, Announce>,
    names: BTreeMap<String, BTreeSet<ParticipantId>>,
}

impl Directory {
    pub(super) fn insert(&mut self, participant: ParticipantId, announcement: Announce) {
        self.remove(&participant);
        self.names.entry(announcement.name.folded()).or_default().insert(participant);
        self.people.insert(participant, announcement);
    }

    pub(super) fn remove(&mut self, participant: &ParticipantId) {
        let Some(announcement) = self.people.remove(participant) else { return };
        let name = announcement.name.folded();
        if let Some(namesakes) = self.names.get_mut(&name) {
            namesakes.remove(participant);
            if namesakes.is_empty() {
                self.names.remove(&name);
            }
        }
    }

    pub(super) fn get(&self, participant: &ParticipantId) -> Option<&Announce> {
        self.people.get(participant)
    }

    pub(super) fn has(&self, participant: &ParticipantId) -> bool {
        self.people.contains_key(participant)
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// Those whose name begins so, by name.
    pub(super) fn find(&self, prefix: &Prefix) -> impl Iterator<Item = (ParticipantId, &Announce)> {
        let prefix = prefix.folded();
        let from = (Bound::Included(prefix.clone()), Bound::Unbounded);
        self.names
            .range::<String, _>(from)
            .take_while(move |(name, _)| name.starts_with(&prefix))
            .flat_map(|(_, participants)| participants)
            .filter_map(|participant| Some((*participant, self.people.get(participant)?)))
    }
}
