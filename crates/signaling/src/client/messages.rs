//! Messages, and the answers to what was asked (`docs/signaling.md` §3, §7 and §10).

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::event::{Answer, Event, Plaintext, Refusal};
use super::outbox::{Purpose, RequestId};
use super::{Client, CommandError, opaque, quoted};
use crate::error::ErrorCode;
use crate::identifier::{ChannelId, ParticipantId};
use crate::message::{IceRequest, Message, Publish, Send, ToClient};
use crate::seal::Receiver;

/// When a `publish` that some members had no room for is repeated.
const BUSY: Duration = Duration::from_secs(1);

impl Client {
    /// Seals a message for one member; it is repeated across connections until it is answered, by
    /// [`Event::Answered`]: done when it is in line for the receiver.
    ///
    /// # Errors
    /// When the channel has not been joined, the message is too long, or too many wait.
    pub fn send(
        &mut self,
        now: Instant,
        channel: &ChannelId,
        to: ParticipantId,
        plaintext: &[u8],
    ) -> Result<RequestId, CommandError> {
        let (id, sealed) = self.seal(channel, Receiver::One(to), plaintext)?;
        let send = Send { channel: *channel, to, payload: opaque(sealed.as_deref())? };
        Ok(self.request(now, id, Purpose::Message(*channel), &send))
    }

    /// Seals a message for all members, as [`Self::send`] does for one.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn publish(
        &mut self,
        now: Instant,
        channel: &ChannelId,
        plaintext: &[u8],
    ) -> Result<RequestId, CommandError> {
        let (id, sealed) = self.seal(channel, Receiver::Everybody, plaintext)?;
        let publish = Publish { channel: *channel, payload: opaque(sealed.as_deref())? };
        Ok(self.request(now, id, Purpose::Message(*channel), &publish))
    }

    /// Asks for ICE servers with a fresh credential: [`Event::IceServers`] follows. The server sends them by itself, too.
    ///
    /// # Errors
    /// When the session has ended, or too many requests wait.
    pub fn refresh_ice_servers(&mut self, now: Instant) -> Result<(), CommandError> {
        self.ready_for_request()?;
        let id = self.next_id();
        self.request(now, id, Purpose::Ice, &IceRequest {});
        Ok(())
    }

    fn seal(
        &mut self,
        channel: &ChannelId,
        receiver: Receiver,
        plaintext: &[u8],
    ) -> Result<(u64, Option<Box<serde_json::value::RawValue>>), CommandError> {
        self.ready_for_request()?;
        let id = self.next_id();
        let channel = self.channels.get(channel).ok_or(CommandError::NotJoined)?;
        let context = channel.context(self.participant, receiver, id);
        let sealed = channel.key().seal(&mut self.random, &context, plaintext);
        Ok((id, quoted(&sealed.map_err(|_| CommandError::TooLong)?)))
    }

    pub(super) fn take_message(&mut self, message: &Message<'_>) {
        let receiver = match message.to {
            // What was sealed for somebody else doesn't open for us.
            Some(_) => Receiver::One(self.participant),
            None => Receiver::Everybody,
        };
        let Some(channel) = self.channels.get_mut(&message.channel) else { return };
        let context = channel.context(message.from, receiver, message.id);
        if let Some(plaintext) = channel.open(&context, message.id, &message.payload.to_text()) {
            self.events.push_back(Event::Message {
                channel: message.channel,
                from: message.from,
                everybody: message.to.is_none(),
                payload: Plaintext(plaintext),
            });
        }
    }

    pub(super) fn answered(&mut self, now: Instant, id: u64, frame: ToClient<'_>) {
        let Some(purpose) = self.outbox.purpose(id) else { return };
        match frame {
            ToClient::Error(refused) => {
                let refusal = Refusal { code: Some(refused.code), message: refused.message.into_owned() };
                self.refused(now, id, purpose, refusal, refused.retry.map(Duration::from_secs));
            }
            ToClient::Ok(done) => {
                let answer = match done.receivers {
                    Some(_) if !done.busy.is_empty() && self.outbox.retry(id, now, BUSY) => return,
                    Some(receivers) => Answer::Published { receivers, busy: done.busy },
                    None => Answer::Done,
                };
                self.finish(id, purpose, answer);
                if purpose == Purpose::Invite {
                    self.rings(now, id);
                }
            }
            ToClient::Found(found) => self.finish(id, purpose, Answer::Found(found.people)),
            ToClient::Joined(joined) => {
                self.outbox.remove(id);
                if purpose == Purpose::Join(joined.channel) {
                    self.take_joined(now, &joined);
                }
            }
            ToClient::Ice(ice) => {
                self.outbox.remove(id);
                self.events.push_back(Event::IceServers(ice));
            }
            _ => {}
        }
    }

    fn finish(&mut self, id: u64, purpose: Purpose, answer: Answer) {
        self.outbox.remove(id);
        if purpose.is_asked() {
            self.events.push_back(Event::Answered(RequestId(id), answer));
        }
    }

    /// An error: tries again where that makes sense, and says so where it doesn't.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        id: u64,
        purpose: Purpose,
        refusal: Refusal,
        retry: Option<Duration>,
    ) {
        if let Some(after) = retry
            && self.outbox.retry(id, now, after)
        {
            return;
        }
        match purpose {
            Purpose::Join(channel) => {
                self.outbox.remove(id);
                self.join_refused(now, channel, refusal);
            }
            Purpose::Invite => {
                self.outbox.remove(id);
                self.invite_refused(id, &refusal);
            }
            _ => self.finish(id, purpose, Answer::Refused(refusal)),
        }
    }

    /// An error with a code that this client doesn't know, or no frame at all.
    pub(super) fn refused_for_unknown_reason(&mut self, now: Instant, text: &[u8]) {
        #[derive(Deserialize)]
        struct Unknown {
            #[serde(rename = "type")]
            kind: String,
            re: Option<u64>,
            #[serde(default)]
            message: String,
            retry: Option<u64>,
        }
        let Ok(unknown) = serde_json::from_slice::<Unknown>(text) else { return };
        if unknown.kind != "error" {
            return;
        }
        let refusal = Refusal { code: None::<ErrorCode>, message: unknown.message };
        let retry = unknown.retry.map(Duration::from_secs);
        match unknown.re.and_then(|id| Some((id, self.outbox.purpose(id)?))) {
            Some((id, purpose)) if self.phase.is_open() => self.refused(now, id, purpose, refusal, retry),
            _ => self.hello_refused(refusal, retry),
        }
    }
}
