//! A client in virtual time, with a server that says anything: nothing panics, nothing grows without bound, timers go forward.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use peerline_signaling::client::content::{Content, Profile};
use peerline_signaling::client::{Client, Config, InviteOptions};
use peerline_signaling::message::{Answer, Prefix, Presence};
use peerline_signaling::name::Name;
use peerline_signaling::seal::IdentityKey;
use peerline_signaling::{Code, Link};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
enum Step {
    Connected,
    Disconnected(u16),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// A frame of this type with a number that fits, and members as they are.
    Frame { kind: u8, answers: bool, number: u8, members: String },
    Welcome { recovered: bool, epoch: bool },
    Pass(u16),
    Join,
    Leave,
    Profile(String),
    Send(Vec<u8>),
    Publish(Vec<u8>),
    Announce(String),
    Find(String),
    Invite,
    Respond(u8),
    Cancel(u8),
    Wake,
    Close,
}

const KINDS: [&str; 16] = [
    "welcome", "ok", "error", "pong", "joined", "found", "ice", "arrived", "state", "profile", "left", "message",
    "resync", "drain", "invitation", "invitation_ended",
];

fuzz_target!(|input: (Vec<Step>, String)| {
    let (steps, text) = input;
    let _ = Code::parse(&text);
    let _ = Content::parse(text.as_bytes());
    let _ = Profile::parse(text.as_bytes());

    let mut now = Instant::now();
    let identity = IdentityKey::from_bytes(&[1; 32]).expect("a scalar");
    let mut client = Client::new(now, Config::default(), identity, StdRng::seed_from_u64(1));
    let Ok(link) = Link::new("https://call.example", [7; 32]) else { return };
    let (channel, other) = (link.channel(), peerline_signaling::ParticipantKey::from_bytes([2; 32]).participant());
    for step in steps {
        match step {
            Step::Connected => client.connected(now),
            Step::Disconnected(code) => client.disconnected(now, code),
            Step::Raw(bytes) => client.handle_input(now, &bytes),
            Step::Frame { kind, answers, number, members } => {
                let kind = KINDS[usize::from(kind) % KINDS.len()];
                let name = if answers { "re" } else { "offset" };
                let frame = format!(
                    r#"{{"type":"{kind}","{name}":{number},"channel":"{channel}","participant":"{other}","from":"{other}","to":"{other}","id":{number},"invitation":{number}{members}"#
                );
                client.handle_input(now, frame.as_bytes());
            }
            Step::Welcome { recovered, epoch } => {
                let own = client.participant();
                let frame = format!(
                    r#"{{"type":"welcome","re":1,"participant":"{own}","epoch":"{epoch}","resume":"token","grace":60,"heartbeat":25,"recovered":{recovered},"limits":{{"frame":65536,"frames_per_second":100,"burst":400,"channels":16,"members":8,"queue":512}}}}"#
                );
                client.handle_input(now, frame.as_bytes());
            }
            Step::Pass(milliseconds) => {
                let until = now + Duration::from_millis(milliseconds.into());
                for _ in 0..1_000 {
                    let Some(at) = client.poll_timeout().filter(|at| *at <= until) else { break };
                    now = now.max(at);
                    client.handle_timeout(now);
                    drain(&mut client);
                }
                assert!(client.poll_timeout().is_none_or(|at| at > now || at > until), "a timer that never rests");
                now = until;
            }
            Step::Join => _ = client.join(now, &link, Profile::default()),
            Step::Leave => client.leave(now, &channel),
            Step::Profile(name) => {
                let _ = client.set_profile(now, &channel, Profile { name, ..Profile::default() });
            }
            Step::Send(plaintext) => _ = client.send(now, &channel, other, &plaintext),
            Step::Publish(plaintext) => _ = client.publish(now, &channel, &plaintext),
            Step::Announce(name) => {
                if let Some(name) = Name::parse(&name) {
                    let _ = client.announce(now, name, Presence::Online);
                }
            }
            Step::Find(prefix) => {
                if let Some(prefix) = Prefix::parse(&prefix) {
                    let _ = client.find(now, prefix);
                }
            }
            Step::Invite => {
                let identity = *client.identity().public();
                let options = InviteOptions { to: other, identity, link: &link, name: "Ada", timeout: 30 };
                let _ = client.invite(now, &options);
            }
            Step::Respond(id) => client.respond(now, other, id.into(), Answer::Accept),
            Step::Cancel(id) => client.cancel(now, id.into()),
            Step::Wake => client.wake(now),
            Step::Close => client.close(now),
        }
        drain(&mut client);
        assert!(client.unanswered() <= 2_048, "more waits than is kept");
    }
});

fn drain(client: &mut Client) {
    while client.poll_transmit().is_some() {}
    // What becomes of a wanted connection, the steps say.
    while client.poll_event().is_some() {}
}
