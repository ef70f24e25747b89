//! A channel's chat (`docs/signaling.md` §9).
//!
//! Each message goes to each participant by the data channel if that is open, else by the server, and again by the
//! other way until it is acknowledged; so receivers may see it twice, and keep one.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use peerline_signaling::ParticipantId;
use peerline_signaling::client::content::{Chat as ChatContent, ChatId, Content};
use tokio::sync::oneshot;

/// How long an acknowledgement may take before the message is sent again; doubled each time.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(16);
/// Names of received messages that are remembered.
const MEMORY: usize = 4_096;

/// The way that a message came or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Directly, by the data channel `peerline`.
    Data,
    /// Sealed, by the server.
    Server,
}

/// A message to be sent.
#[derive(Debug, PartialEq)]
pub(super) struct Outgoing {
    pub(super) to: ParticipantId,
    pub(super) content: Content,
    pub(super) way: Way,
}

#[derive(Default)]
pub(super) struct Chat {
    deliveries: Vec<Delivery>,
    /// Messages on their way, with who waits for them to be everywhere.
    waiting: Vec<(ChatId, oneshot::Sender<()>)>,
    received: HashSet<(ParticipantId, ChatId)>,
    received_order: VecDeque<(ParticipantId, ChatId)>,
    outgoing: VecDeque<Outgoing>,
}

/// One message on its way to one participant.
struct Delivery {
    to: ParticipantId,
    message: ChatContent,
    attempts: u32,
    last: Way,
    at: Instant,
    /// The server has it, or will: the session repeats it by itself.
    at_server: bool,
}

impl Chat {
    /// Sends a message to these participants, each with whether its data channel is open. `done` hears when all have it or have left.
    pub(super) fn send(
        &mut self,
        now: Instant,
        message: &ChatContent,
        to: impl Iterator<Item = (ParticipantId, bool)>,
        done: oneshot::Sender<()>,
    ) {
        for (to, data_open) in to {
            let mut delivery = Delivery {
                to,
                message: message.clone(),
                attempts: 0,
                last: Way::Server,
                at: now,
                at_server: false,
            };
            let way = if data_open { Way::Data } else { Way::Server };
            self.outgoing.extend(delivery.attempt(now, way));
            self.deliveries.push(delivery);
        }
        self.waiting.push((message.chat.clone(), done));
        self.settle();
    }

    /// A message came; says whether it is new. It is acknowledged each time.
    pub(super) fn received(&mut self, from: ParticipantId, message: &ChatContent, way: Way) -> bool {
        let content = Content::Received { chat: message.chat.clone() };
        self.outgoing.push_back(Outgoing { to: from, content, way });
        let name = (from, message.chat.clone());
        if !self.received.insert(name.clone()) {
            return false;
        }
        self.received_order.push_back(name);
        if self.received_order.len() > MEMORY
            && let Some(oldest) = self.received_order.pop_front()
        {
            self.received.remove(&oldest);
        }
        true
    }

    /// A participant has a message.
    pub(super) fn acknowledged(&mut self, from: ParticipantId, chat: &ChatId) {
        self.deliveries.retain(|delivery| delivery.to != from || delivery.message.chat != *chat);
        self.settle();
    }

    /// The data channel to a participant opened: what waits goes by it.
    pub(super) fn data_open(&mut self, now: Instant, participant: ParticipantId) {
        for delivery in self.deliveries.iter_mut().filter(|delivery| delivery.to == participant) {
            self.outgoing.extend(delivery.attempt(now, Way::Data));
        }
    }

    /// The server refused a message, or has given it to its receiver.
    pub(super) fn left_server(&mut self, to: ParticipantId, chat: &ChatId) {
        for delivery in &mut self.deliveries {
            if delivery.to == to && delivery.message.chat == *chat {
                delivery.at_server = false;
            }
        }
    }

    /// A participant left: nothing more can be delivered to it.
    pub(super) fn left(&mut self, participant: ParticipantId) {
        self.deliveries.retain(|delivery| delivery.to != participant);
        self.settle();
    }

    /// Sends again what was not acknowledged.
    pub(super) fn handle_timeout(&mut self, now: Instant, data_open: impl Fn(&ParticipantId) -> bool) {
        for delivery in self.deliveries.iter_mut().filter(|delivery| delivery.at <= now) {
            let other = delivery.last == Way::Server && data_open(&delivery.to);
            let way = if other { Way::Data } else { Way::Server };
            self.outgoing.extend(delivery.attempt(now, way));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deliveries.iter().map(|delivery| delivery.at).min()
    }

    pub(super) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// Tells those who wait for messages that are everywhere.
    fn settle(&mut self) {
        let deliveries = &self.deliveries;
        let arrived = self
            .waiting
            .extract_if(.., |(chat, _)| !deliveries.iter().any(|delivery| delivery.message.chat == *chat));
        for (_, done) in arrived {
            let _ = done.send(());
        }
    }
}

impl Delivery {
    fn attempt(&mut self, now: Instant, way: Way) -> Option<Outgoing> {
        self.at = now + PATIENCE.saturating_mul(1 << self.attempts.min(8)).min(LONGEST);
        self.attempts += 1;
        self.last = way;
        if way == Way::Server && std::mem::replace(&mut self.at_server, true) {
            return None;
        }
        Some(Outgoing { to: self.to, content: Content::Chat(self.message.clone()), way })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participant(number: u8) -> ParticipantId {
        ParticipantId::from_bytes(&[number; 16])
    }

    fn message(number: u8) -> ChatContent {
        ChatContent { chat: ChatId::from_bytes(&[number; 16]), text: "hello".to_owned(), time: 1.0 }
    }

    fn ways(chat: &mut Chat) -> Vec<(ParticipantId, Way)> {
        std::iter::from_fn(|| chat.poll_outgoing()).map(|outgoing| (outgoing.to, outgoing.way)).collect()
    }

    #[test]
    fn a_message_is_sent_again_by_the_other_way_until_everybody_has_it() {
        let start = Instant::now();
        let (mut chat, message) = (Chat::default(), message(1));
        let (done, mut arrived) = oneshot::channel();
        let (one, two) = (participant(1), participant(2));
        chat.send(start, &message, [(one, true), (two, false)].into_iter(), done);
        assert_eq!(ways(&mut chat), [(one, Way::Data), (two, Way::Server)]);
        assert_eq!(chat.poll_timeout(), Some(start + PATIENCE));
        chat.handle_timeout(start + PATIENCE, |_| true);
        assert_eq!(ways(&mut chat), [(one, Way::Server), (two, Way::Data)]);
        chat.acknowledged(one, &message.chat);
        assert!(arrived.try_recv().is_err());
        // What the server still has is not handed to it twice.
        chat.handle_timeout(start + PATIENCE * 3, |_| true);
        assert_eq!(ways(&mut chat), []);
        chat.left_server(two, &message.chat);
        chat.handle_timeout(start + PATIENCE * 12, |_| false);
        assert_eq!(ways(&mut chat), [(two, Way::Server)]);
        chat.left(two);
        assert_eq!(arrived.try_recv(), Ok(()));
        assert_eq!(chat.poll_timeout(), None);
    }

    #[test]
    fn what_comes_by_two_ways_is_new_once_and_acknowledged_twice() {
        let mut chat = Chat::default();
        assert!(chat.received(participant(1), &message(1), Way::Server));
        assert!(!chat.received(participant(1), &message(1), Way::Data));
        assert!(chat.received(participant(2), &message(1), Way::Data));
        let ways = ways(&mut chat);
        let (one, two) = (participant(1), participant(2));
        assert_eq!(ways, [(one, Way::Server), (one, Way::Data), (two, Way::Data)]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut chat = Chat::default();
        for number in 0..10_000_u32 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let message = ChatContent { chat: ChatId::from_bytes(&bytes), ..message(0) };
            chat.received(participant(1), &message, Way::Data);
            chat.poll_outgoing();
        }
        assert_eq!(chat.received.len(), MEMORY);
    }
}
