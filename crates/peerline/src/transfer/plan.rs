//! What an offer would do in a directory: what is there already, what is in the way, whether there is room.

use std::io;

use peerline_transfer::{FileIndex, Offer, OfferedFile};
use rustix::io::Errno;

use super::directory::{Directory, Entry};
use super::part::PartName;

/// What becomes of files that are in the way of offered ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and what is offered in their place is not asked for.
    #[default]
    Keep,
    /// They are replaced, each when the new one is there as a whole.
    Replace,
}

/// What an offer would do in a directory.
#[derive(Debug)]
pub struct Plan {
    pub(super) directory: Directory,
    /// Files that are not there, or not whole.
    pub missing: Vec<FileIndex>,
    /// Files that are there already, with the offered size and time: they are not asked for.
    pub complete: Vec<FileIndex>,
    /// Files in whose place something else stands.
    pub in_the_way: Vec<FileIndex>,
    missing_bytes: u64,
    in_the_way_bytes: u64,
    /// Bytes that can be written to the directory's disk.
    pub available: u64,
}

impl Plan {
    /// Looks at each offered file's place.
    pub(super) fn new(offer: &Offer, directory: Directory) -> io::Result<Self> {
        let available = directory.available()?;
        let (missing, complete, in_the_way) = Default::default();
        let (missing_bytes, in_the_way_bytes) = (0, 0);
        let mut plan =
            Self { directory, missing, complete, in_the_way, missing_bytes, in_the_way_bytes, available };
        for (index, file) in offer.indexed() {
            match Place::of(file, &plan.directory)? {
                Place::Free { bytes } => {
                    plan.missing.push(index);
                    plan.missing_bytes = plan.missing_bytes.saturating_add(bytes);
                }
                Place::Complete => plan.complete.push(index),
                Place::Taken { bytes } => {
                    plan.in_the_way.push(index);
                    plan.in_the_way_bytes = plan.in_the_way_bytes.saturating_add(bytes);
                }
            }
        }
        Ok(plan)
    }

    /// Bytes that the disk needs room for: those of the wanted files that no part holds yet.
    #[must_use]
    pub const fn needed_bytes(&self, existing: Existing) -> u64 {
        match existing {
            Existing::Keep => self.missing_bytes,
            Existing::Replace => self.missing_bytes.saturating_add(self.in_the_way_bytes),
        }
    }

    /// The sizes' sum of the files that [`accept`](super::IncomingOffer::accept) asks for.
    #[must_use]
    pub fn wanted_bytes(&self, offer: &Offer, existing: Existing) -> u64 {
        self.wanted(existing).into_iter().filter_map(|file| offer.file(file)).map(|file| file.size).sum()
    }

    /// The files to ask for.
    pub(super) fn wanted(&self, existing: Existing) -> Vec<FileIndex> {
        let replaced = match existing {
            Existing::Keep => &[],
            Existing::Replace => self.in_the_way.as_slice(),
        };
        self.missing.iter().chain(replaced).copied().collect()
    }
}

/// A file's place; `bytes` are still to be written there.
enum Place {
    Free { bytes: u64 },
    Complete,
    Taken { bytes: u64 },
}

impl Place {
    fn of(file: &OfferedFile, directory: &Directory) -> io::Result<Self> {
        let name = PartName::new(file.path.name());
        let parent = match directory.find_parent(&file.path) {
            Ok(Some(parent)) => parent,
            Ok(None) => return Ok(Self::Free { bytes: file.size }),
            // A file or a symbolic link where a directory should be.
            Err(error) if is_no_directory(&error) => return Ok(Self::Taken { bytes: file.size }),
            Err(error) => return Err(error),
        };
        let written = match parent.look(&name.part)? {
            Entry::File { allocated, .. } => allocated,
            Entry::Nothing | Entry::Other => 0,
        };
        let bytes = file.size.saturating_sub(written);
        Ok(match parent.look(&name.whole)? {
            Entry::Nothing => Self::Free { bytes },
            entry if entry.is(file) => Self::Complete,
            _ => Self::Taken { bytes },
        })
    }
}

fn is_no_directory(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::LOOP))
}
