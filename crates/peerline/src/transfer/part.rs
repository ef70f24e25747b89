//! Part files and their states (`docs/transfer.md` §9).
//!
//! The state's record of a chunk is appended after the chunk is written. Neither is forced to the disk: what a power
//! failure leaves there is compared with the state before it is built on. A file that took more than one chunk is forced
//! to the disk before it gets its name.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use aws_lc_rs::digest::{SHA256, digest};
use peerline_transfer::{
    ChunkSize, OfferedFile, PART_SUFFIX, PartState, RECORD_LENGTH, Read, STATE_SUFFIX, Verified,
};
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};

use super::directory::{Directory, Entry};
use super::plan::Existing;

/// The longest name that a part file is named by, in bytes: no system takes more than 255, with the suffix.
const LONGEST: usize = 240;

/// A file's name, and those of its part and its state.
pub(super) struct PartName {
    pub(super) whole: String,
    pub(super) part: String,
    pub(super) state: String,
}

impl PartName {
    pub(super) fn new(name: &str) -> Self {
        let mut stem = name.to_owned();
        if name.len() > LONGEST {
            // What is cut off still tells two long names apart.
            let hash = digest(&SHA256, name.as_bytes());
            let hash: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            stem.truncate(name.floor_char_boundary(LONGEST - hash.len() - 1));
            stem = format!("{stem}-{hash}");
        }
        let (part, state) = (format!("{stem}{PART_SUFFIX}"), format!("{stem}{STATE_SUFFIX}"));
        Self { whole: name.to_owned(), part, state }
    }
}

/// A file on its way in.
pub(super) struct Part {
    directory: Directory,
    name: PartName,
    file: File,
    /// None for a file of one chunk: there is nothing to go on from.
    state: Option<File>,
    size: u64,
    modified: Option<i64>,
}

/// What opening a part comes to.
pub(super) enum Opened {
    /// With what its state says of it.
    Part(Part, Option<PartState>),
    /// The file itself is there meanwhile, with the offered size and time.
    Complete,
}

impl Part {
    /// Opens part and state below `root`.
    pub(super) fn open(
        root: &Directory,
        file: &OfferedFile,
        chunk: ChunkSize,
        existing: Existing,
    ) -> io::Result<Opened> {
        let name = PartName::new(file.path.name());
        let directory = root.make_parent(&file.path)?;
        let is_complete = || match directory.look(&name.whole)? {
            Entry::Nothing => Ok(false),
            entry if entry.is(file) => Ok(true),
            _ if existing == Existing::Replace => Ok(false),
            _ => Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file of this name is there already")),
        };
        if is_complete()? {
            return Ok(Opened::Complete);
        }
        let part = directory.open_file(&name.part, false);
        // A transfer that was broken off a moment ago may have brought the file to its place while we waited for its part.
        if is_complete()? {
            if part.is_ok() {
                directory.remove(&name.part)?;
            }
            return Ok(Opened::Complete);
        }
        let part = part?;
        let (state, known) = if chunk.count(file.size) > 1 {
            let state = directory.open_file(&name.state, true)?;
            let known = read_state(&state, file, chunk)?;
            (Some(state), known)
        } else {
            (None, None)
        };
        if known.is_none() {
            part.set_len(0)?;
        }
        let (size, modified) = (file.size, file.modified);
        Ok(Opened::Part(Self { directory, name, file: part, state, size, modified }, known))
    }

    pub(super) fn read(&self, read: &mut Read) -> io::Result<()> {
        let offset = read.offset();
        self.file.read_exact_at(read.bytes_mut(), offset)
    }

    pub(super) fn write(&mut self, chunk: &Verified) -> io::Result<()> {
        self.file.write_all_at(chunk.bytes(), chunk.offset())?;
        match &mut self.state {
            Some(state) => state.write_all(&chunk.record()),
            None => Ok(()),
        }
    }

    /// Brings the file to its place.
    pub(super) fn finish(self, existing: Existing) -> io::Result<()> {
        let Self { directory, name, file, state, size, modified } = self;
        file.set_len(size)?;
        if let Some(modified) = modified {
            // Some file systems can't hold every time: no reason to lose the file.
            let _ = rustix::fs::futimens(&file, &times(modified));
        }
        if state.is_some() {
            file.sync_all()?;
        }
        directory.rename(&name.part, &name.whole, existing == Existing::Replace)?;
        if state.is_some() {
            directory.sync()?;
            directory.remove(&name.state)?;
        }
        Ok(())
    }

    /// Forgets what was received.
    pub(super) fn discard(self) -> io::Result<()> {
        self.directory.remove(&self.name.state)?;
        self.directory.remove(&self.name.part)
    }
}

/// What the state says, and the file made ready for further records: of another file's state nothing is left, and none of
/// a record that was cut off.
fn read_state(mut state: &File, file: &OfferedFile, chunk: ChunkSize) -> io::Result<Option<PartState>> {
    let mut bytes = Vec::new();
    state.read_to_end(&mut bytes)?;
    if let Ok(known) = PartState::parse(&bytes, file, chunk) {
        let header = PartState::header(file, chunk).len();
        let cut_off = (bytes.len() - header) % RECORD_LENGTH;
        state.set_len((bytes.len() - cut_off) as u64)?;
        return Ok(Some(known));
    }
    state.set_len(0)?;
    state.seek(SeekFrom::Start(0))?;
    state.write_all(&PartState::header(file, chunk))?;
    Ok(None)
}

fn times(modified: i64) -> Timestamps {
    let last_modification =
        Timespec { tv_sec: modified.div_euclid(1_000), tv_nsec: modified.rem_euclid(1_000) * 1_000_000 };
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_9_part_and_state_are_named_by_the_file() {
        let name = PartName::new("a.txt");
        assert_eq!(
            (name.part.as_str(), name.state.as_str()),
            ("a.txt.peerline-part", "a.txt.peerline-state")
        );
    }

    #[test]
    fn section_9_the_part_of_a_very_long_name_has_a_name_of_its_own_that_every_system_takes() {
        let names = ["é".repeat(127), format!("{}x", "é".repeat(126))].map(|name| PartName::new(&name));
        assert!(names.iter().all(|name| name.part.len() <= 255 && name.state.len() <= 255));
        assert_ne!(names[0].part, names[1].part);
    }
}
