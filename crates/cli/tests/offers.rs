//! `peerline send` and `peerline recv` among others who have the link, and may mean ill (`docs/transfer.md` §3, §8).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::io::Write as _;

use common::files::Place;
use peerline::channel::{
    Channel, ChannelEvent, ChannelOptions, IdentityKey, Link, ParticipantId, ParticipantState,
};
use peerline::{DataChannel, DataChannelInit, Message};
use rustix::process::Signal;
use serde_json::Value;
use tokio::runtime::Runtime;

const LABEL: &str = "peerline-transfer";
const PROTOCOL: &str = "peerline.transfer.v1";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn link(place: &Place) -> String {
    format!("{}/c/#v1.{}", place.serving.url(), "A".repeat(43))
}

/// A member of the call that does as the test says.
struct Guest(Channel);

impl Guest {
    /// `identity` is the seed of the key that it is known by.
    async fn join(link: &str, name: &str, identity: u8) -> Self {
        let identity = IdentityKey::from_bytes(&[identity; 32]).ok();
        let options = ChannelOptions { identity, ..ChannelOptions::named(name) };
        Self(Channel::join(&Link::parse(link).unwrap(), options).await.unwrap())
    }

    async fn connected_to(&mut self, name: &str) -> ParticipantId {
        loop {
            match self.0.next_event().await.unwrap() {
                ChannelEvent::ParticipantChanged(participant)
                    if participant.name == name && participant.state == ParticipantState::Connected =>
                {
                    return participant.id;
                }
                _ => {}
            }
        }
    }

    /// The next offer that comes, and its name.
    async fn offered(&mut self) -> (DataChannel, Value) {
        loop {
            if let ChannelEvent::DataChannel(_, channel) = self.0.next_event().await.unwrap()
                && channel.label() == LABEL
            {
                let offer = heard(&channel).await.unwrap();
                return (channel, offer["transfer"].clone());
            }
        }
    }

    async fn create(&self, to: ParticipantId, protocol: &str) -> DataChannel {
        let init = DataChannelInit { protocol: protocol.to_owned(), ..DataChannelInit::default() };
        self.0.sender().create_data_channel(to, LABEL, init).await.unwrap()
    }

    async fn open(&self, to: ParticipantId, protocol: &str) -> DataChannel {
        let channel = self.create(to, protocol).await;
        channel.opened().await.unwrap();
        channel
    }

    /// Offers one file.
    async fn offer(&self, to: ParticipantId, transfer: &str, path: &str) -> DataChannel {
        let channel = self.open(to, PROTOCOL).await;
        say_offer(&channel, transfer, path);
        channel
    }
}

fn say_offer(channel: &DataChannel, transfer: &str, path: &str) {
    let offer =
        format!(r#"{{"type":"offer","transfer":"{transfer}","files":1,"bytes":100000,"chunk":16384}}"#);
    channel.send_text(offer).unwrap();
    channel.send_text(format!(r#"{{"type":"files","files":[{{"path":"{path}","size":100000}}]}}"#)).unwrap();
}

/// The next control message; `None` when the channel is closed.
async fn heard(channel: &DataChannel) -> Option<Value> {
    loop {
        if let Message::Text(text) = channel.recv().await? {
            return Some(serde_json::from_str(&text).unwrap());
        }
    }
}

async fn assert_declined(channel: &DataChannel, reason: &str) {
    let answer = heard(channel).await.unwrap();
    assert_eq!((&answer["type"], &answer["reason"]), (&"decline".into(), &reason.into()));
}

async fn assert_accepted(channel: &DataChannel) {
    assert_eq!(heard(channel).await.unwrap()["type"], "accept");
}

/// The name of somebody's transfer, which others must not learn.
const NAME: &str = "AAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn section_3_each_receiver_has_its_own_name_of_the_transfer_also_after_a_restart() {
    let place = Place::new("offers-names");
    let (file, link) = (place.file("file", 1, 1_000), link(&place));
    let send = || place.serving.client("ada", &["send", &file, "--to", &link]);
    let runtime = runtime();
    let ada = send();
    let first = runtime.block_on(async {
        let mut grace = Guest::join(&link, "grace", 1).await;
        let (_kept, first) = grace.offered().await;
        let mut linus = Guest::join(&link, "linus", 2).await;
        let (_kept, other) = linus.offered().await;
        assert_ne!(first, other);
        // A copied identity is of no use.
        let mut mallory = Guest::join(&link, "mallory", 1).await;
        let (_kept, copied) = mallory.offered().await;
        assert_ne!(first, copied);
        for guest in [grace, linus, mallory] {
            guest.0.leave().await;
        }
        first
    });
    ada.signal(Signal::KILL);
    drop(ada);
    let _ada = send();
    let again = runtime.block_on(async {
        let mut grace = Guest::join(&link, "grace", 1).await;
        grace.offered().await.1
    });
    assert_eq!(first, again);
}

#[test]
fn section_3_whoever_repeats_an_offer_of_somebody_else_does_not_take_its_place() {
    let place = Place::new("offers-repeated");
    let link = link(&place);
    let (mut grace, mut terminal) = place.recv_on_terminal(&link, &[]);
    runtime().block_on(async {
        let mut ada = Guest::join(&link, "ada", 1).await;
        let mut mallory = Guest::join(&link, "mallory", 2).await;
        let to = ada.connected_to("grace").await;
        assert_eq!(to, mallory.connected_to("grace").await);
        // While somebody is asked …
        let offered = ada.offer(to, NAME, "file").await;
        grace.notes.find("ada offers 1 file");
        grace.notes.find("Take it?");
        assert_declined(&mallory.offer(to, NAME, "file").await, "busy").await;
        writeln!(terminal, "y").unwrap();
        assert_accepted(&offered).await;
        // … while files come …
        assert_declined(&mallory.offer(to, NAME, "file").await, "busy").await;
        // (the same person, started again, goes on without a question)
        let mut again = Guest::join(&link, "ada", 1).await;
        again.connected_to("grace").await;
        let offered = again.offer(to, NAME, "file").await;
        assert_accepted(&offered).await;
        // … and when it has broken off.
        offered.close();
        grace.notes.find("broken off");
        let offered = mallory.offer(to, NAME, "file").await;
        grace.notes.find("mallory offers 1 file");
        grace.notes.find("Take it?");
        writeln!(terminal, "n").unwrap();
        assert_declined(&offered, "declined").await;
    });
    assert_eq!(grace.status(), Some(4));
}

#[test]
fn what_is_typed_while_there_is_no_question_is_no_answer_to_the_next() {
    let place = Place::new("offers-typed");
    let link = link(&place);
    let (mut grace, mut terminal) = place.recv_on_terminal(&link, &[]);
    writeln!(terminal, "y").unwrap();
    runtime().block_on(async {
        let mut ada = Guest::join(&link, "ada", 1).await;
        let to = ada.connected_to("grace").await;
        let lost = ada.offer(to, NAME, "one").await;
        grace.notes.find("Take it?");
        lost.close();
        grace.notes.find("ada: ");
        // This was meant for the offer that is lost.
        writeln!(terminal, "y").unwrap();
        let offered = ada.offer(to, NAME, "another").await;
        grace.notes.find("Take it?");
        writeln!(terminal, "n").unwrap();
        assert_declined(&offered, "declined").await;
    });
    assert_eq!(grace.status(), Some(4));
}

#[test]
fn section_8_nobody_can_have_more_than_16_offers_wait_and_others_are_heard_all_the_same() {
    let place = Place::new("offers-many");
    let link = link(&place);
    let _grace = place.recv(&link, &["--yes"]);
    runtime().block_on(async {
        let mut mallory = Guest::join(&link, "mallory", 2).await;
        let to = mallory.connected_to("grace").await;
        let mut channels = Vec::new();
        for _ in 0..32 {
            channels.push(mallory.open(to, PROTOCOL).await);
        }
        // It may be closed before it is known here that it was opened.
        let beyond = mallory.create(to, PROTOCOL).await;
        assert_eq!(heard(&beyond).await, None);
        for channel in &channels[16..] {
            say_offer(channel, NAME, "file");
            assert_declined(channel, "busy").await;
        }
        let mut ada = Guest::join(&link, "ada", 1).await;
        ada.connected_to("grace").await;
        assert_accepted(&ada.offer(to, NAME, "file").await).await;
    });
}

#[test]
fn an_offer_that_can_not_be_taken_is_told_of() {
    let place = Place::new("offers-refused");
    let link = link(&place);
    let mut grace = place.recv(&link, &["--yes"]);
    runtime().block_on(async {
        let mut mallory = Guest::join(&link, "mallory", 2).await;
        let to = mallory.connected_to("grace").await;
        let refused = mallory.offer(to, NAME, "../file").await;
        assert_eq!(heard(&refused).await.unwrap()["code"], "bad_path");
        grace.notes.find("An offer of mallory can't be taken: ");
        mallory.open(to, "peerline.transfer.v9").await;
        let told = grace.notes.find("An offer of mallory can't be taken: ");
        assert!(told.ends_with("another version's data channel."), "{told}");
    });
}

#[test]
fn ctrl_c_at_the_question_is_an_answer() {
    let place = Place::new("offers-interrupted");
    let link = link(&place);
    let (mut grace, _terminal) = place.recv_on_terminal(&link, &[]);
    runtime().block_on(async {
        let mut ada = Guest::join(&link, "ada", 1).await;
        let to = ada.connected_to("grace").await;
        let offered = ada.offer(to, NAME, "file").await;
        grace.notes.find("Take it?");
        grace.signal(Signal::INT);
        assert_declined(&offered, "declined").await;
    });
    assert_eq!(grace.status(), Some(130));
}
