//! Files and folders of this machine, as they are offered.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peerline_transfer::{
    ChunkSize, FileFailure, FileIndex, FilePath, Hashed, InvalidOffer, InvalidPath, Offer, OfferedFile, Read,
    TransferId,
};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rustix::fs::{CWD, Mode, OFlags};

/// Dates beyond are not told (`docs/transfer.md` §3).
const LAST_TIME: i64 = 8_640_000_000_000_000;

/// Files that can be offered, to any number of receivers. A clone is the same list.
#[derive(Clone, Debug)]
pub struct Files {
    offer: Arc<Offer>,
    sources: Arc<[Source]>,
    left_out: Arc<[LeftOut]>,
}

/// Something below an offered folder that is not offered.
#[derive(Debug)]
pub struct LeftOut {
    /// Where it is.
    pub path: PathBuf,
    /// Why. `None`: it is a symbolic link, a device, a pipe or a socket.
    pub error: Option<io::Error>,
}

/// Why paths can't be offered.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It isn't there, or can't be looked at.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// What was given.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// It is a device, a pipe or a socket.
    #[error("{} is neither a file nor a folder", .0.display())]
    Special(PathBuf),
    /// It has a name that can't be told to others.
    #[error("{} cannot be sent: {error}", path.display())]
    Name {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        error: InvalidPath,
    },
    /// Two would come out as one.
    #[error("{} and {} would have the same name; send them one by one, or send a folder with both", .0.display(), .1.display())]
    Collision(PathBuf, PathBuf),
    /// The list is empty, or too long.
    #[error(transparent)]
    Offer(#[from] InvalidOffer),
}

/// A file as it was when it was offered.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    version: Version,
}

/// What changes when a file is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    size: u64,
    modified: (i64, i64),
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.size(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }

    fn milliseconds(self) -> Option<i64> {
        let (seconds, nanoseconds) = self.modified;
        let time = seconds.checked_mul(1_000)?.checked_add(nanoseconds / 1_000_000)?;
        (-LAST_TIME..=LAST_TIME).contains(&time).then_some(time)
    }
}

impl Files {
    /// Lists files, and folders with all that is below them. A symbolic link is followed where it is given, and left out
    /// where it is found. It waits for the disk.
    ///
    /// # Errors
    /// [`CollectError`]. What can't be read below a folder is no error, but [left out](Self::left_out).
    pub fn collect(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self, CollectError> {
        let mut collecting = Collecting::default();
        for path in paths {
            collecting.add_given(path.as_ref())?;
        }
        let Collecting { files, sources, left_out, .. } = collecting;
        let transfer = TransferId::random(&mut StdRng::from_os_rng());
        let offer = Arc::new(Offer::new(transfer, ChunkSize::DEFAULT, files)?);
        Ok(Self { offer, sources: sources.into(), left_out: left_out.into() })
    }

    /// Offers them under a name that the same `secret` makes of the same files in the same `place` each time: so an offer
    /// of a program that was restarted goes on with what had been accepted, and needn't be accepted again.
    #[must_use]
    pub fn named_by(self, secret: &[u8], place: &[u8]) -> Self {
        let transfer = TransferId::derive(secret, place, self.offer.files());
        Self { offer: Arc::new(self.offer.named(transfer)), ..self }
    }

    /// What is offered.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// What was found below a folder and is not offered.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    pub(super) const fn shared_offer(&self) -> &Arc<Offer> {
        &self.offer
    }
}

#[derive(Default)]
struct Collecting {
    files: Vec<OfferedFile>,
    sources: Vec<Source>,
    left_out: Vec<LeftOut>,
    taken: HashMap<FilePath, PathBuf>,
}

impl Collecting {
    /// Adds what somebody named.
    fn add_given(&mut self, given: &Path) -> Result<(), CollectError> {
        let unreadable = |error| CollectError::Unreadable { path: given.to_owned(), error };
        // `.`, `..` and links have the name of what they stand for; what is given by its name keeps that.
        let path = given.canonicalize().map_err(unreadable)?;
        let name = given.file_name().or_else(|| path.file_name());
        let name = name.map(|name| vec![text(name)]).unwrap_or_default();
        let metadata = path.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            self.add_folder(&path, &name)
        } else if metadata.is_file() {
            self.add_file(&path, &name, &metadata)
        } else {
            Err(CollectError::Special(given.to_owned()))
        }
    }

    fn add_folder(&mut self, path: &Path, names: &[String]) -> Result<(), CollectError> {
        let entries = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.leave_out(path, Some(error));
                return Ok(());
            }
        };
        entries.sort();
        for entry in entries {
            let metadata = match entry.symlink_metadata() {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.leave_out(&entry, Some(error));
                    continue;
                }
            };
            let names: Vec<String> = names.iter().cloned().chain(entry.file_name().map(text)).collect();
            if metadata.is_dir() {
                self.add_folder(&entry, &names)?;
            } else if metadata.is_file() {
                self.add_file(&entry, &names, &metadata)?;
            } else {
                self.leave_out(&entry, None);
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, names: &[String], metadata: &Metadata) -> Result<(), CollectError> {
        let name = FilePath::sanitise(names.iter().map(String::as_str))
            .map_err(|error| CollectError::Name { path: path.to_owned(), error })?;
        if let Some(other) = self.taken.insert(name.clone(), path.to_owned()) {
            return Err(CollectError::Collision(other, path.to_owned()));
        }
        let version = Version::of(metadata);
        self.files.push(OfferedFile { path: name, size: version.size, modified: version.milliseconds() });
        self.sources.push(Source { path: path.to_owned(), version });
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, error: Option<io::Error>) {
        self.left_out.push(LeftOut { path: path.to_owned(), error });
    }
}

/// A name as text; what is no UTF-8 becomes `_` (`docs/transfer.md` §4).
fn text(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().replace(char::REPLACEMENT_CHARACTER, "_")
}

/// Reads offered files, in the disk's thread: one after the other, so one is open.
pub(super) struct Sources {
    sources: Arc<[Source]>,
    open: Option<(FileIndex, File)>,
}

impl Sources {
    pub(super) fn of(files: &Files) -> Self {
        Self { sources: Arc::clone(&files.sources), open: None }
    }

    pub(super) fn read(&mut self, mut read: Read) -> Result<Hashed, (Read, FileFailure)> {
        match self.fill(&mut read) {
            Ok(()) => Ok(read.hash()),
            Err(reason) => {
                self.open = None;
                Err((read, reason))
            }
        }
    }

    fn fill(&mut self, read: &mut Read) -> Result<(), FileFailure> {
        let source = usize::try_from(read.file().0).ok().and_then(|index| self.sources.get(index));
        let source = source.ok_or(FileFailure::Unreadable)?;
        let file = match self.open.take() {
            Some((index, file)) if index == read.file() => file,
            _ => source.open()?,
        };
        let offset = read.offset();
        let bytes = read.bytes_mut();
        file.read_exact_at(bytes, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FileFailure::Changed,
            _ => FileFailure::Unreadable,
        })?;
        if offset + bytes.len() as u64 == source.version.size {
            // What was written to it meanwhile may be in what was sent, or not.
            source.check(&file)?;
        }
        self.open = Some((read.file(), file));
        Ok(())
    }
}

impl Source {
    fn open(&self) -> Result<File, FileFailure> {
        // NONBLOCK: a pipe in its place must not make us wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, &self.path, flags, Mode::empty());
        let file = File::from(file.map_err(|_| FileFailure::Unreadable)?);
        self.check(&file)?;
        Ok(file)
    }

    fn check(&self, file: &File) -> Result<(), FileFailure> {
        let metadata = file.metadata().map_err(|_| FileFailure::Unreadable)?;
        let is_same = metadata.is_file() && Version::of(&metadata) == self.version;
        if is_same { Ok(()) } else { Err(FileFailure::Changed) }
    }
}
