//! Perfect negotiation (webrtc-pc §10.7): whatever both sides want, and whenever, they come to agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use common::*;
use peerline_connection::*;
use proptest::prelude::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    CreateChannel {
        side: usize,
    },
    RestartIce {
        side: usize,
    },
    /// The oldest message to this side arrives.
    Deliver {
        side: usize,
    },
}

/// A side of the pattern, as the specification's example has it.
struct Side {
    connection: Connection,
    is_polite: bool,
    ignores_offer: bool,
    inbox: VecDeque<Signal>,
}

enum Signal {
    Description(Description),
    Candidate(IceCandidate),
}

impl Side {
    fn new(seed: u64, is_polite: bool) -> Self {
        Self { connection: connection(seed), is_polite, ignores_offer: false, inbox: VecDeque::new() }
    }

    /// Gives back what the side has to say.
    fn drain(&mut self) -> Vec<Signal> {
        let mut said = Vec::new();
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::NegotiationNeeded => {
                    self.connection.set_local_description(start(), None).unwrap();
                    said.push(Signal::Description(self.connection.local_description().unwrap()));
                }
                Event::IceCandidate(candidate) => said.push(Signal::Candidate(candidate)),
                _ => {}
            }
        }
        said
    }

    fn receive(&mut self, signal: Signal) -> Vec<Signal> {
        let mut said = Vec::new();
        match signal {
            Signal::Description(description) => {
                let is_offer = description.kind == SdpType::Offer;
                let collides = is_offer && self.connection.signaling_state() != SignalingState::Stable;
                self.ignores_offer = !self.is_polite && collides;
                if self.ignores_offer {
                    return said;
                }
                self.connection.set_remote_description(start(), description).unwrap();
                if is_offer {
                    self.connection.set_local_description(start(), None).unwrap();
                    said.push(Signal::Description(self.connection.local_description().unwrap()));
                }
            }
            Signal::Candidate(candidate) => {
                let result = self.connection.add_ice_candidate(start(), &candidate);
                assert!(result.is_ok() || self.ignores_offer, "{result:?}");
            }
        }
        said
    }
}

fn exchange(sides: &mut [Side; 2], side: usize, said: Vec<Signal>) {
    sides[1 - side].inbox.extend(said);
    let more = sides[side].drain();
    sides[1 - side].inbox.extend(more);
}

fn deliver(sides: &mut [Side; 2], side: usize) {
    if let Some(signal) = sides[side].inbox.pop_front() {
        let said = sides[side].receive(signal);
        exchange(sides, side, said);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..2usize).prop_map(|side| Step::CreateChannel { side }),
        1 => (0..2usize).prop_map(|side| Step::RestartIce { side }),
        3 => (0..2usize).prop_map(|side| Step::Deliver { side }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn both_sides_come_to_agree(steps in prop::collection::vec(step(), 0..40)) {
        let mut sides = [Side::new(1, true), Side::new(2, false)];
        for (index, side) in sides.iter_mut().enumerate() {
            let address = format!("192.0.2.{}:5000", index + 1).parse().unwrap();
            side.connection.add_local_address(start(), address);
            side.connection.sources_complete(start());
        }
        let mut wants_data = false;
        for step in steps {
            match step {
                Step::CreateChannel { side } => {
                    wants_data = true;
                    let init = DataChannelInit::default();
                    sides[side].connection.create_data_channel(start(), "", init).unwrap();
                    exchange(&mut sides, side, Vec::new());
                }
                Step::RestartIce { side } => {
                    sides[side].connection.restart_ice();
                    exchange(&mut sides, side, Vec::new());
                }
                Step::Deliver { side } => deliver(&mut sides, side),
            }
        }
        for _ in 0..1000 {
            deliver(&mut sides, 0);
            deliver(&mut sides, 1);
        }
        for side in &mut sides {
            prop_assert!(side.inbox.is_empty());
            prop_assert_eq!(side.connection.signaling_state(), SignalingState::Stable);
            prop_assert!(side.drain().is_empty());
        }
        if wants_data {
            let ufrags = |description: Option<Description>| {
                lines(&description.unwrap().sdp, "a=ice-ufrag:").iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()
            };
            for (one, other) in [(0, 1), (1, 0)] {
                let described = ufrags(sides[one].connection.current_local_description());
                let ours = &sides[one].connection.ice().local_credentials().ufrag;
                prop_assert_eq!(&described, &[format!("a=ice-ufrag:{ours}")]);
                prop_assert_eq!(described, ufrags(sides[other].connection.current_remote_description()));
            }
        }
    }
}
