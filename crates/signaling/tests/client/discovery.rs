//! §8: being findable, finding, and ringing.

use std::time::Duration;

use peerline_signaling::client::{Answer, Event, IncomingInvitation, InviteOptions};
use peerline_signaling::message::{Answer as InvitationAnswer, InvitationResult, Person, Prefix, Presence};
use peerline_signaling::name::Name;

use crate::network::{Network, link};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn find(network: &mut Network, peer: usize, prefix: &str) -> Vec<Person> {
    network.peers[peer].events.clear();
    network.act(peer, |client, now| client.find(now, Prefix::parse(prefix).unwrap())).unwrap();
    network.pass(seconds(1));
    let found = network.peers[peer].events.drain(..).find_map(|event| match event {
        Event::Answered(_, Answer::Found(people)) => Some(people),
        _ => None,
    });
    found.unwrap()
}

fn announce(network: &mut Network, peer: usize, name: &str) {
    network
        .act(peer, |client, now| client.announce(now, Name::parse(name).unwrap(), Presence::Online))
        .unwrap();
    network.pass(seconds(1));
}

fn invite(network: &mut Network, from: usize, person: &Person) -> u64 {
    let link = link(9);
    let options = InviteOptions {
        to: person.participant,
        identity: person.identity,
        link: &link,
        name: "Ada\u{202e}",
        timeout: 30,
    };
    network.act(from, |client, now| client.invite(now, &options)).unwrap()
}

fn rung(network: &mut Network, peer: usize) -> IncomingInvitation {
    let rung = network.peers[peer].events.drain(..).find_map(|event| match event {
        Event::Invitation(invitation) => Some(*invitation),
        _ => None,
    });
    rung.unwrap()
}

fn ended(network: &mut Network, peer: usize) -> Option<InvitationResult> {
    network.peers[peer].events.drain(..).find_map(|event| match event {
        Event::InvitationEnded { result, .. } => Some(result),
        _ => None,
    })
}

#[test]
fn somebody_is_found_rung_and_accepts() {
    let mut network = Network::new(1, 2);
    announce(&mut network, 1, "Grace");
    let people = find(&mut network, 0, "gr");
    assert_eq!(people.len(), 1);
    invite(&mut network, 0, &people[0]);
    network.pass(seconds(1));
    let invitation = rung(&mut network, 1);
    assert_eq!((invitation.link.clone(), invitation.name.as_str()), (link(9), "Ada"));
    assert_eq!(&invitation.identity, network.peers[0].client.identity().public());
    network
        .act(1, |client, now| client.respond(now, invitation.from, invitation.id, InvitationAnswer::Accept));
    network.pass(seconds(1));
    assert_eq!(ended(&mut network, 0), Some(InvitationResult::Accepted));
}

#[test]
fn an_invitation_survives_broken_connections_and_ends_in_time() {
    let mut network = Network::new(2, 2);
    announce(&mut network, 1, "Grace");
    let people = find(&mut network, 0, "");
    invite(&mut network, 0, &people[0]);
    network.break_transport(0);
    network.break_transport(1);
    network.pass(seconds(5));
    rung(&mut network, 1);
    network.pass(seconds(40));
    assert_eq!(ended(&mut network, 0), Some(InvitationResult::Timeout));
    assert_eq!(ended(&mut network, 1), Some(InvitationResult::Timeout));
}

#[test]
fn an_invitation_that_is_taken_back_rings_no_more() {
    let mut network = Network::new(3, 2);
    announce(&mut network, 1, "Grace");
    let people = find(&mut network, 0, "");
    let invitation = invite(&mut network, 0, &people[0]);
    network.pass(seconds(1));
    rung(&mut network, 1);
    network.act(0, |client, now| client.cancel(now, invitation));
    assert_eq!(ended(&mut network, 0), Some(InvitationResult::Cancelled));
    network.pass(seconds(1));
    assert_eq!(ended(&mut network, 1), Some(InvitationResult::Cancelled));
}

#[test]
fn after_a_restart_one_is_findable_again_and_nothing_rings() {
    let mut network = Network::new(4, 2);
    announce(&mut network, 1, "Grace");
    let people = find(&mut network, 0, "");
    invite(&mut network, 0, &people[0]);
    network.pass(seconds(1));
    rung(&mut network, 1);
    network.stop_hub();
    network.start_hub();
    network.pass(seconds(10));
    assert_eq!(ended(&mut network, 0), Some(InvitationResult::Gone));
    assert_eq!(ended(&mut network, 1), Some(InvitationResult::Gone));
    assert_eq!(find(&mut network, 0, "Grace").len(), 1);
    network.act(1, |client, now| client.unannounce(now)).unwrap();
    network.pass(seconds(1));
    assert_eq!(find(&mut network, 0, "Grace").len(), 0);
}
