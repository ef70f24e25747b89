//! §5 and §7: whatever breaks, a message arrives once, or its sender is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use peerline_signaling::seal::ReplayWindow;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::simulation::{Client, World, channel};

#[derive(Clone, Debug)]
enum Step {
    Send {
        from: usize,
        to: usize,
    },
    Publish {
        from: usize,
    },
    Read {
        who: usize,
        frames: usize,
        acknowledge: bool,
    },
    Lose {
        who: usize,
    },
    /// Connects, with or without its token; if it is still connected, the older connection is fenced.
    Return {
        who: usize,
        resumes: bool,
    },
    Sleep {
        seconds: u64,
    },
}

const CLIENTS: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..CLIENTS;
    prop_oneof![
        6 => (who(), who()).prop_map(|(from, to)| Step::Send { from, to }),
        3 => who().prop_map(|from| Step::Publish { from }),
        4 => (who(), 0..6_usize, any::<bool>()).prop_map(|(who, frames, acknowledge)| Step::Read { who, frames, acknowledge }),
        2 => who().prop_map(|who| Step::Lose { who }),
        3 => (who(), any::<bool>()).prop_map(|(who, resumes)| Step::Return { who, resumes }),
        1 => (1..25_u64).prop_map(|seconds| Step::Sleep { seconds }),
    ]
}

/// A client as §5 wants it: it repeats what is unanswered, and drops what it has seen.
struct Peer {
    client: Client,
    connected: bool,
    unanswered: BTreeMap<u64, Value>,
    /// What each own message came to.
    answers: HashMap<u64, Value>,
    windows: HashMap<String, ReplayWindow>,
    /// Sender and id of what has arrived.
    received: Vec<(String, u64)>,
}

impl Peer {
    fn say(&mut self, world: &mut World, mut frame: Value) -> u64 {
        self.client.id += 1;
        frame["id"] = self.client.id.into();
        self.unanswered.insert(self.client.id, frame.clone());
        if self.connected {
            self.client.say(world, &frame);
        }
        self.client.id
    }

    fn read(&mut self, world: &mut World, frames: usize) {
        for _ in 0..frames {
            let Some(frame) = world.pull_one(self.client.connection) else { break };
            if let Some(offset) = frame["offset"].as_u64() {
                assert_eq!(offset, self.client.offset + 1, "offsets have no gaps");
                self.client.offset = offset;
            }
            self.take(frame);
        }
    }

    fn take(&mut self, frame: Value) {
        if frame["type"] == "message" {
            let (from, id) = (frame["from"].as_str().unwrap().to_owned(), frame["id"].as_u64().unwrap());
            if self.windows.entry(from.clone()).or_default().accept(id) {
                self.received.push((from, id));
            }
        } else if let Some(re) = frame["re"].as_u64()
            && self.unanswered.remove(&re).is_some()
        {
            self.answers.insert(re, frame);
        }
    }

    fn come_back(&mut self, world: &mut World, resumes: bool) {
        let resume = resumes.then(|| self.client.resume());
        self.client.connect(world);
        let hello = self.client.hello(world, resume);
        self.connected = true;
        if hello["recovered"] == false {
            self.client.join(world, &channel(1));
        }
        for frame in std::mem::take(&mut self.client.inbox) {
            self.take(frame);
        }
        for frame in self.unanswered.values().cloned().collect::<Vec<_>>() {
            self.client.say(world, &frame);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_once_or_its_sender_is_told(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut peers: Vec<_> = world
            .meeting(CLIENTS as u8)
            .into_iter()
            .map(|client| Peer {
                client, connected: true, unanswered: BTreeMap::new(), answers: HashMap::new(),
                windows: HashMap::new(), received: Vec::new(),
            })
            .collect();
        let names: Vec<_> = peers.iter().map(|peer| peer.client.participant.clone()).collect();
        // Sender, id and the receivers that it is meant for.
        let mut meant: Vec<(usize, u64, BTreeSet<usize>)> = Vec::new();

        for step in steps {
            match step {
                Step::Send { from, to } if from != to => {
                    let frame = json!({"type": "send", "channel": channel(1), "to": names[to], "payload": "x"});
                    meant.push((from, peers[from].say(&mut world, frame), BTreeSet::from([to])));
                }
                Step::Send { .. } => {}
                Step::Publish { from } => {
                    let frame = json!({"type": "publish", "channel": channel(1), "payload": "x"});
                    let others = (0..CLIENTS).filter(|other| *other != from).collect();
                    meant.push((from, peers[from].say(&mut world, frame), others));
                }
                Step::Read { who, frames, acknowledge } if peers[who].connected => {
                    peers[who].read(&mut world, frames);
                    if acknowledge && peers[who].client.offset > 0 {
                        peers[who].client.acknowledge(&mut world);
                    }
                }
                Step::Read { .. } => {}
                Step::Lose { who } => {
                    if std::mem::take(&mut peers[who].connected) {
                        peers[who].client.lose(&mut world);
                    }
                }
                Step::Return { who, resumes } => peers[who].come_back(&mut world, resumes),
                Step::Sleep { seconds } => {
                    world.sleep(seconds);
                    // Who has been silent for too long finds its connection closed.
                    for peer in &mut peers {
                        if peer.connected && world.closed.contains_key(&peer.client.connection) {
                            peer.connected = false;
                            peer.client.lose(&mut world);
                        }
                    }
                }
            }
        }

        // In the end everybody comes back and reads everything.
        for peer in &mut peers {
            peer.come_back(&mut world, true);
        }
        for _ in 0..2 {
            for peer in &mut peers {
                peer.read(&mut world, usize::MAX);
            }
        }
        for (from, id, receivers) in meant {
            let Some(answer) = peers[from].answers.get(&id) else {
                return Err(TestCaseError::fail(format!("silence about {id}")));
            };
            let arrived: Vec<_> = receivers
                .iter()
                .map(|to| peers[*to].received.iter().filter(|message| **message == (names[from].clone(), id)).count())
                .collect();
            prop_assert!(arrived.iter().all(|times| *times <= 1));
            if answer["type"] == "ok" && receivers.len() == 1 {
                // Put in line: it arrives, unless the others were told meanwhile that the receiver had left.
                prop_assert!(arrived[0] == 1 || left(&world, &names[*receivers.first().unwrap()]));
            } else if answer["type"] == "ok" {
                let count = answer["receivers"].as_u64().unwrap() as usize;
                let lost = receivers.iter().zip(&arrived).any(|(to, times)| *times == 0 && left(&world, &names[*to]));
                prop_assert!(arrived.iter().sum::<usize>() >= count || lost, "{answer}: {arrived:?}");
            } else {
                let code = answer["code"].as_str().unwrap();
                prop_assert!(["peer_gone", "peer_busy", "not_joined"].contains(&code), "{code}");
            }
        }
    }
}

/// Whether this participant has ever been away for longer than the grace time.
fn left(world: &World, participant: &str) -> bool {
    world.events.iter().any(|event| {
        matches!(event, peerline_signaling::hub::Event::Left { participant: left, .. } if left.as_str() == participant)
    })
}
