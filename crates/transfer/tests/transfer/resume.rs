//! §6: what was broken off goes on, and what was spoilt on disk meanwhile is found.

use peerline_transfer::Outcome;
use proptest::prelude::*;

use crate::world::{CHUNK, Disk, Session, content};

const C: usize = CHUNK as usize;

#[test]
fn section_6_after_a_break_only_what_is_missing_is_sent() {
    let sources = [content(1, 20 * C + 5)];
    let mut disk = Disk::default();
    let mut first = Session::new(1, &sources, &mut disk);
    while first.receiver.progress().bytes < 12 * C as u64 {
        assert!(!first.run(1));
    }
    let have = first.receiver.progress().bytes;
    let mut second = Session::new(2, &sources, &mut disk);
    assert_eq!(second.finish(), (Outcome::Completed, Outcome::Completed));
    assert_eq!(second.payload as u64, sources[0].len() as u64 - have);
    assert_eq!(second.sender.progress().bytes, sources[0].len() as u64, "what was there counts");
    assert!(disk.files["folder/file 0"] == sources[0]);
}

#[test]
fn section_6_a_bit_flipped_in_the_part_file_costs_one_chunk() {
    let sources = [content(1, 20 * C)];
    let mut disk = Disk::default();
    let mut first = Session::new(1, &sources, &mut disk);
    while first.receiver.progress().bytes < 12 * C as u64 {
        assert!(!first.run(1));
    }
    let have = usize::try_from(first.receiver.progress().bytes).unwrap();
    disk.parts.get_mut("folder/file 0").unwrap().bytes[5 * C + 99] ^= 4;
    let mut second = Session::new(2, &sources, &mut disk);
    assert_eq!(second.finish(), (Outcome::Completed, Outcome::Completed));
    assert_eq!(second.payload, 20 * C - have + C);
    assert!(disk.files["folder/file 0"] == sources[0]);
}

#[test]
fn section_6_a_source_that_changed_is_sent_anew() {
    let mut sources = [content(1, 10 * C)];
    let mut disk = Disk::default();
    let mut first = Session::new(1, &sources, &mut disk);
    while first.receiver.progress().bytes < 6 * C as u64 {
        assert!(!first.run(1));
    }
    sources[0][0] ^= 1;
    let mut second = Session::new(2, &sources, &mut disk);
    assert_eq!(second.finish(), (Outcome::Completed, Outcome::Completed));
    assert_eq!(second.payload, 10 * C);
    assert!(disk.files["folder/file 0"] == sources[0]);
}

#[test]
fn section_9_a_state_that_was_cut_off_is_used_as_far_as_it_goes() {
    let sources = [content(1, 10 * C)];
    let mut disk = Disk::default();
    let mut first = Session::new(1, &sources, &mut disk);
    while first.receiver.progress().bytes < 6 * C as u64 {
        assert!(!first.run(1));
    }
    let part = disk.parts.get_mut("folder/file 0").unwrap();
    part.state.truncate(24 + 3 * 40 + 7);
    part.bytes.truncate(2 * C + 9);
    let mut second = Session::new(2, &sources, &mut disk);
    assert_eq!(second.finish(), (Outcome::Completed, Outcome::Completed));
    assert!(second.payload >= 8 * C && second.payload < 10 * C);
    assert!(disk.files["folder/file 0"] == sources[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Killed at any moment, any number of times, with bits flipped on the disk and states cut off in between.
    #[test]
    fn section_6_killed_anywhere_it_goes_on_and_ends_with_the_same_bytes(
        sizes in prop::collection::vec(0_usize..9 * C, 1..6),
        kills in prop::collection::vec((0_usize..400, any::<u64>(), any::<Option<(usize, u8)>>()), 0..6),
        seed: u64,
    ) {
        let sources: Vec<_> = (0..).zip(&sizes).map(|(seed, &size)| content(seed, size)).collect();
        let mut disk = Disk::default();
        let mut sent = 0;
        for (steps, seed, spoil) in kills {
            let mut session = Session::new(seed, &sources, &mut disk);
            session.run(steps);
            sent += session.payload;
            if let Some((at, bit)) = spoil {
                for part in disk.parts.values_mut() {
                    if let length @ 1.. = part.bytes.len() {
                        part.bytes[at % length] ^= 1 << (bit % 8);
                    }
                    part.state.truncate(part.state.len() - at % 2);
                    if part.state.len() > 24 && bit % 16 == 3 {
                        let place = 24 + at % (part.state.len() - 24);
                        part.state[place] ^= 1;
                    }
                }
            }
        }
        let mut last = Session::new(seed, &sources, &mut disk);
        prop_assert_eq!(last.finish(), (Outcome::Completed, Outcome::Completed));
        sent += last.payload;
        prop_assert!(sent >= sizes.iter().sum());
        for (index, source) in sources.iter().enumerate() {
            let name = format!("folder/file {index}");
            prop_assert!(disk.files[&name] == *source);
        }
    }
}
