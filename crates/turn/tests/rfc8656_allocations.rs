//! RFC 8656 §7 and §8: allocations and their lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use peerline_stun::attribute::*;
use peerline_stun::{Class, MessageWriter, Method};
use peerline_turn::*;

const CLIENT: &str = "198.51.100.1:1000";
const IPV6_FAMILY: [u8; 4] = [2, 0, 0, 0];
const IPV4_FAMILY: [u8; 4] = [1, 0, 0, 0];

fn allocate(
    change: impl FnOnce(&mut Config),
    write: impl FnOnce(&mut MessageWriter<'_>),
) -> (Scene, Response) {
    let mut scene = Scene::with(change);
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    let response = scene.ask(&udp(CLIENT), &login, Method::ALLOCATE, write);
    (scene, response)
}

fn code_of(write: impl FnOnce(&mut MessageWriter<'_>)) -> u16 {
    allocate(|_| (), write).1.code()
}

fn udp_transport<'a, 'b>(writer: &'a mut MessageWriter<'b>) -> &'a mut MessageWriter<'b> {
    writer.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}

#[test]
fn success_tells_relayed_address_lifetime_and_mapped_address() {
    let (scene, response) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer);
        },
    );
    assert_eq!(response.relayed(), address("203.0.113.1:50000"));
    assert_eq!(response.lifetime(), 600);
    assert_eq!(response.message().mapped_address(), Some(address(CLIENT)));
    assert_eq!(response.message().attribute(SOFTWARE), None);
    assert_eq!(scene.server.allocations(), 1);
    assert_eq!(scene.requests[0].families, Families { ipv4: true, ipv6: false });
}

#[test]
fn requested_transport_is_required_and_has_to_be_known() {
    assert_eq!(code_of(|_| ()), 400);
    assert_eq!(
        code_of(|writer| {
            writer.attribute(REQUESTED_TRANSPORT, &[17]);
        }),
        400
    );
    assert_eq!(
        code_of(|writer| {
            writer.attribute(REQUESTED_TRANSPORT, &[33, 0, 0, 0]);
        }),
        442
    );
}

#[test]
fn a_5_tuple_has_one_allocation() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    assert_eq!(scene.allocate(&udp(CLIENT), &login, |_| ()).code(), 437);
    assert_eq!(scene.requests.len(), 1);
}

#[test]
fn a_retransmitted_request_gets_the_same_success() {
    let mut scene = Scene::new();
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    let request = scene.signed(&login, Method::ALLOCATE, |writer| {
        udp_transport(writer);
    });
    let first = scene.exchange(&udp(CLIENT), &request);
    let second = scene.exchange(&udp(CLIENT), &request);
    assert_eq!(first.0, second.0);
    assert_eq!(scene.requests.len(), 1);
}

#[test]
fn a_retransmission_before_the_owner_answered_is_not_a_second_request() {
    let mut scene = Scene::new();
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    let request = scene.signed(&login, Method::ALLOCATE, |writer| {
        udp_transport(writer);
    });
    for _ in 0..5 {
        scene.server.handle_input(scene.now, &udp(CLIENT), &request);
    }
    assert_eq!(scene.drain().len(), 1);
    assert_eq!(scene.requests.len(), 1);
}

#[test]
fn a_request_whose_client_left_is_no_longer_known() {
    let mut scene = Scene::new();
    let client = tcp(CLIENT);
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    let request = scene.signed(&login, Method::ALLOCATE, |writer| {
        udp_transport(writer);
    });
    scene.server.handle_input(scene.now, &client, &request);
    scene.server.handle_disconnect(scene.now, &client);
    assert!(scene.drain().is_empty());
    assert!(scene.allocations.is_empty(), "what was granted is taken back");
}

#[test]
fn lifetime_is_between_the_default_and_the_maximum() {
    for (wanted, granted) in [(0, 600), (1, 600), (600, 600), (1800, 1800), (3600, 3600), (u32::MAX, 3600)] {
        let (_, response) = allocate(
            |_| (),
            |writer| {
                udp_transport(writer).number(LIFETIME, wanted);
            },
        );
        assert_eq!(response.lifetime(), granted, "wanted {wanted}");
    }
    assert_eq!(
        code_of(|writer| {
            udp_transport(writer).attribute(LIFETIME, &[1]);
        }),
        400
    );
}

#[test]
fn a_requested_family_is_granted_or_440() {
    let (_, response) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(REQUESTED_ADDRESS_FAMILY, &IPV6_FAMILY);
        },
    );
    assert!(response.relayed().is_ipv6());
    let only_ipv4 = |config: &mut Config| config.families.ipv6 = false;
    let (_, response) = allocate(only_ipv4, |writer| {
        udp_transport(writer).attribute(REQUESTED_ADDRESS_FAMILY, &IPV6_FAMILY);
    });
    assert_eq!(response.code(), 440);
    let only_ipv6 = |config: &mut Config| config.families.ipv4 = false;
    let (_, response) = allocate(only_ipv6, |writer| {
        udp_transport(writer);
    });
    assert_eq!(response.code(), 440, "without the attribute IPv4 is meant");
    assert_eq!(
        code_of(|writer| {
            udp_transport(writer).attribute(REQUESTED_ADDRESS_FAMILY, &[3, 0, 0, 0]);
        }),
        440
    );
    assert_eq!(
        code_of(|writer| {
            udp_transport(writer).attribute(REQUESTED_ADDRESS_FAMILY, &[1]);
        }),
        400
    );
}

#[test]
fn an_additional_family_makes_a_dual_allocation() {
    let (_, response) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(ADDITIONAL_ADDRESS_FAMILY, &IPV6_FAMILY);
        },
    );
    let relayed = response.message().attributes().filter(|attribute| attribute.number == XOR_RELAYED_ADDRESS);
    assert_eq!(relayed.count(), 2);
    assert_eq!(response.message().attribute(ADDRESS_ERROR_CODE), None);
}

#[test]
fn a_family_that_cannot_be_had_in_addition_is_told() {
    let only_ipv4 = |config: &mut Config| config.families.ipv6 = false;
    let mut scene = Scene::with(only_ipv4);
    scene.owner =
        Some(Box::new(|_| Ok(Granted { ipv4: Some(address("203.0.113.1:50000")), ..Granted::default() })));
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    let response = scene.allocate(&udp(CLIENT), &login, |writer| {
        writer.attribute(ADDITIONAL_ADDRESS_FAMILY, &IPV6_FAMILY);
    });
    assert_eq!(response.code(), 0);
    assert_eq!(response.message().attribute(ADDRESS_ERROR_CODE), Some(&[2, 0, 4, 40][..]));
}

#[test]
fn contradictions_are_bad_requests() {
    let token = (RESERVATION_TOKEN, &b"reserved"[..]);
    let even = (EVEN_PORT, &[0][..]);
    let even_and_next = (EVEN_PORT, &[0x80][..]);
    let requested = (REQUESTED_ADDRESS_FAMILY, &IPV4_FAMILY[..]);
    let additional = (ADDITIONAL_ADDRESS_FAMILY, &IPV6_FAMILY[..]);
    let additional_ipv4 = (ADDITIONAL_ADDRESS_FAMILY, &IPV4_FAMILY[..]);
    let short_token = (RESERVATION_TOKEN, &b"short"[..]);
    let long_even = (EVEN_PORT, &[0, 0][..]);
    let cases: [&[(u16, &[u8])]; 8] = [
        &[token, even],
        &[token, requested],
        &[token, additional],
        &[requested, additional],
        &[even_and_next, additional],
        &[additional_ipv4],
        &[short_token],
        &[long_even],
    ];
    for case in cases {
        let code = code_of(|writer| {
            udp_transport(writer);
            for (number, value) in case {
                writer.attribute(*number, value);
            }
        });
        assert_eq!(code, 400, "{case:?}");
    }
}

#[test]
fn even_port_and_reservation_are_the_owners_to_grant() {
    let (scene, response) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(EVEN_PORT, &[0x80]);
        },
    );
    assert!(scene.requests[0].even_port && scene.requests[0].reserve_next);
    assert_eq!(response.message().attribute(RESERVATION_TOKEN), Some(&b"reserved"[..]));
    let (scene, _) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(EVEN_PORT, &[0]);
        },
    );
    assert!(scene.requests[0].even_port && !scene.requests[0].reserve_next);
    let (scene, _) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(RESERVATION_TOKEN, b"reserved");
        },
    );
    assert_eq!(scene.requests[0].reservation_token, Some(ReservationToken(*b"reserved")));
}

#[test]
fn a_reserved_ipv6_port_is_had_where_there_is_no_ipv4() {
    let only_ipv6 = |config: &mut Config| config.families.ipv4 = false;
    let mut scene = Scene::with(only_ipv6);
    let reserved = address("[2001:db8::1]:50001");
    scene.owner = Some(Box::new(move |_| Ok(Granted { ipv6: Some(reserved), ..Granted::default() })));
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    let response = scene.allocate(&udp(CLIENT), &login, |writer| {
        writer.attribute(RESERVATION_TOKEN, b"reserved");
    });
    assert_eq!((response.code(), response.relayed()), (0, reserved));
}

#[test]
fn dont_fragment_is_understood() {
    let (scene, response) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(DONT_FRAGMENT, b"");
        },
    );
    assert_eq!(response.code(), 0);
    assert!(scene.requests[0].dont_fragment);
}

#[test]
fn an_unknown_comprehension_required_attribute_is_420() {
    let (_, response) = allocate(
        |_| (),
        |writer| {
            udp_transport(writer).attribute(0x7FFE, b"");
        },
    );
    assert_eq!(response.code(), 420);
    assert_eq!(response.message().attribute(UNKNOWN_ATTRIBUTES), Some(&[0x7F, 0xFE][..]));
}

#[test]
fn the_owners_refusals_are_answered_with_their_codes() {
    let alternate = address("203.0.113.200:3478");
    let cases = [
        (Refusal::AllocationQuotaReached, 486),
        (Refusal::InsufficientCapacity, 508),
        (Refusal::AddressFamilyNotSupported, 440),
        (Refusal::Forbidden, 403),
        (Refusal::TryAlternate(alternate), 300),
    ];
    for (refusal, expected) in cases {
        let mut scene = Scene::new();
        scene.owner = Some(Box::new(move |_| Err(refusal)));
        let mut login = scene.login("alice");
        scene.challenge(&udp(CLIENT), &mut login);
        let response = scene.allocate(&udp(CLIENT), &login, |_| ());
        assert_eq!(response.code(), expected);
        let told = response.message().address(ALTERNATE_SERVER);
        assert_eq!(told, (expected == 300).then_some(alternate));
        assert_eq!((scene.server.allocations(), scene.allocations.len()), (0, 0));
        assert_eq!(scene.server.statistics().answered(code(expected)), 1);
    }
}

#[test]
fn a_server_that_holds_enough_has_no_capacity() {
    let mut scene = Scene::with(|config| config.limits.allocations = 1);
    scene.allocated(&udp(CLIENT));
    let mut login = scene.login("bill");
    scene.challenge(&udp("198.51.100.2:1"), &mut login);
    assert_eq!(scene.allocate(&udp("198.51.100.2:1"), &login, |_| ()).code(), 508);
}

#[test]
fn an_allocation_ends_when_its_lifetime_is_over() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    scene.sleep(599);
    assert!(scene.ended().is_empty());
    scene.sleep(1);
    assert_eq!(scene.ended(), [EndReason::Expired]);
    assert_eq!(scene.server.poll_timeout(), None);
    assert_eq!(scene.refresh(&udp(CLIENT), &login, 600).code(), 437);
}

#[test]
fn an_allocation_that_ran_out_unnoticed_is_not_in_the_way_of_a_new_one() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    scene.now += std::time::Duration::from_secs(700);
    assert_eq!(scene.allocate(&udp(CLIENT), &login, |_| ()).code(), 0);
    assert_eq!(scene.ended(), [EndReason::Expired]);
}

#[test]
fn refresh_prolongs_and_shortens_a_life() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    scene.sleep(500);
    assert_eq!(scene.refresh(&udp(CLIENT), &login, 3600).lifetime(), 3600);
    scene.sleep(1000);
    assert_eq!(scene.server.allocations(), 1);
    assert_eq!(scene.refresh(&udp(CLIENT), &login, 5).lifetime(), 600, "never less than the default");
    scene.sleep(600);
    assert_eq!(scene.ended(), [EndReason::Expired]);
}

#[test]
fn refresh_with_lifetime_0_ends_it() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    let response = scene.refresh(&udp(CLIENT), &login, 0);
    assert_eq!((response.code(), response.lifetime()), (0, 0));
    assert_eq!(scene.ended(), [EndReason::Released]);
    assert_eq!(scene.refresh(&udp(CLIENT), &login, 0).code(), 437);
    assert_eq!(scene.allocate(&udp(CLIENT), &login, |_| ()).code(), 0);
}

#[test]
fn refresh_of_another_family_is_a_mismatch() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    let mut refresh = |family: [u8; 4]| {
        let response = scene.ask(&udp(CLIENT), &login, Method::REFRESH, |writer| {
            writer.attribute(REQUESTED_ADDRESS_FAMILY, &family);
        });
        response.code()
    };
    assert_eq!(refresh(IPV4_FAMILY), 0);
    assert_eq!(refresh(IPV6_FAMILY), 443);
}

#[test]
fn each_address_of_a_dual_allocation_is_refreshed_and_deleted_on_its_own() {
    let mut scene = Scene::new();
    let client = udp(CLIENT);
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    scene.allocate(&client, &login, |writer| {
        writer.attribute(ADDITIONAL_ADDRESS_FAMILY, &IPV6_FAMILY);
    });
    assert_eq!(scene.bind(&client, &login, 0x4000, "198.51.100.9:9"), 0);
    assert_eq!(scene.bind(&client, &login, 0x4001, "[2001:db8::9]:9"), 0);
    let response = scene.ask(&client, &login, Method::REFRESH, |writer| {
        writer.number(LIFETIME, 0).attribute(REQUESTED_ADDRESS_FAMILY, &IPV4_FAMILY);
    });
    assert_eq!(response.code(), 0);
    let ended =
        Event::AddressEnded { allocation: scene.allocations[0], relayed: address("203.0.113.1:50000") };
    assert_eq!(scene.events.last(), Some(&ended));
    assert_eq!(scene.client_sends(&client, &channel_data(0x4000, b"x")), Err(Dropped::NoChannel));
    assert!(scene.client_sends(&client, &channel_data(0x4001, b"x")).is_ok());
    assert_eq!(scene.permit(&client, &login, &["198.51.100.9:9"]), 443);
    assert_eq!(scene.refresh(&client, &login, 0).code(), 0);
    assert_eq!(scene.ended(), [EndReason::Released]);
}

#[test]
fn the_addresses_of_a_dual_allocation_run_out_each_at_its_time() {
    let mut scene = Scene::new();
    let client = udp(CLIENT);
    let mut login = scene.login("alice");
    scene.challenge(&client, &mut login);
    scene.allocate(&client, &login, |writer| {
        writer.attribute(ADDITIONAL_ADDRESS_FAMILY, &IPV6_FAMILY);
    });
    scene.ask(&client, &login, Method::REFRESH, |writer| {
        writer.number(LIFETIME, 1800).attribute(REQUESTED_ADDRESS_FAMILY, &IPV6_FAMILY);
    });
    scene.sleep(600);
    assert!(matches!(scene.events.last(), Some(Event::AddressEnded { relayed, .. }) if relayed.is_ipv4()));
    assert!(scene.ended().is_empty());
    scene.sleep(1200);
    assert_eq!(scene.ended(), [EndReason::Expired]);
}

#[test]
fn a_closed_connection_ends_its_allocation() {
    let mut scene = Scene::new();
    scene.allocated(&tcp(CLIENT));
    scene.server.handle_disconnect(scene.now, &tcp(CLIENT));
    scene.drain();
    assert_eq!(scene.ended(), [EndReason::Disconnected]);
    assert_eq!((scene.server.allocations(), scene.server.poll_timeout()), (0, None));
}

#[test]
fn the_name_of_an_ended_allocation_means_nothing_to_its_successor() {
    let mut scene = Scene::new();
    let (login, _) = scene.allocated(&udp(CLIENT));
    let old = scene.allocations[0];
    scene.refresh(&udp(CLIENT), &login, 0);
    scene.allocate(&udp(CLIENT), &login, |_| ());
    scene.permit(&udp(CLIENT), &login, &["198.51.100.9:1"]);
    assert_eq!(old.index(), scene.allocations[1].index());
    let dropped = scene.server.relay_from_peer(scene.now, old, address("198.51.100.9:1"), 1);
    assert_eq!(dropped, FromPeer::Dropped(Dropped::NoAllocation));
}

#[test]
fn requests_without_an_allocation_are_a_mismatch() {
    let mut scene = Scene::new();
    let mut login = scene.login("alice");
    scene.challenge(&udp(CLIENT), &mut login);
    assert_eq!(scene.refresh(&udp(CLIENT), &login, 600).code(), 437);
    assert_eq!(scene.permit(&udp(CLIENT), &login, &["198.51.100.9:1"]), 437);
    assert_eq!(scene.bind(&udp(CLIENT), &login, 0x4000, "198.51.100.9:1"), 437);
}

#[test]
fn thousands_of_allocations_end_each_at_its_time() {
    let mut scene = Scene::new();
    for number in 0..3000_u32 {
        let client = udp(&format!("198.51.{}.{}:9", number / 250, number % 250));
        scene.allocated(&client);
        scene.sleep(u64::from(number % 500 == 0));
    }
    assert_eq!(scene.server.allocations(), 3000);
    scene.sleep(600);
    assert_eq!((scene.server.allocations(), scene.ended().len()), (0, 3000));
}

#[test]
fn binding_requests_are_answered_by_the_same_entrance() {
    let mut scene = Scene::new();
    let request = scene.request(Method::BINDING, |_| ());
    for client in [udp(CLIENT), tcp(CLIENT)] {
        let response = scene.exchange(&client, &request);
        assert_eq!(response.message().class(), Class::Success);
        assert_eq!(response.message().mapped_address(), Some(client.remote));
        assert_eq!(response.0.len(), 32);
    }
}
