//! The directory that files are received into. Nothing here ever leaves it: each name is looked up below an open
//! directory, and none of them through a symbolic link.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerline_transfer::{FilePath, OfferedFile};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

/// How long another transfer may take to let go of a file.
const PATIENCE: Duration = Duration::from_secs(2);

/// A directory for received files, open for as long as it is kept: what it is renamed to, or replaced by, doesn't matter.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    handle: Arc<OwnedFd>,
}

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Nothing,
    File {
        size: u64,
        /// Bytes that it takes on the disk.
        allocated: u64,
        /// In milliseconds since 1970.
        modified: i64,
    },
    /// A directory, a symbolic link, a device.
    Other,
}

impl Entry {
    /// Whether this is the offered file as a whole, by its size and time.
    pub(super) fn is(&self, file: &OfferedFile) -> bool {
        matches!(*self, Self::File { size, modified, .. } if size == file.size && Some(modified) == file.modified)
    }
}

impl Directory {
    /// Opens a directory. It waits for the disk.
    ///
    /// # Errors
    /// The system's: it isn't there, or is none.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = Arc::new(rustix::fs::open(&path, flags, Mode::empty())?);
        Ok(Self { path, handle })
    }

    /// Opens a directory, and makes it first if need be.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        std::fs::create_dir_all(&path)?;
        Self::open(path)
    }

    /// Its path, as it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that can still be written here.
    pub(super) fn available(&self) -> io::Result<u64> {
        let system = rustix::fs::fstatvfs(&self.handle)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// The directory that a file belongs to, if it is there.
    pub(super) fn find_parent(&self, path: &FilePath) -> io::Result<Option<Self>> {
        let mut directory = self.clone();
        for name in folders(path) {
            match directory.enter(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                entered => directory = entered?,
            }
        }
        Ok(Some(directory))
    }

    /// The directory that a file belongs to; what is missing is made.
    pub(super) fn make_parent(&self, path: &FilePath) -> io::Result<Self> {
        let mut directory = self.clone();
        for name in folders(path) {
            match rustix::fs::mkdirat(&directory.handle, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => directory = directory.enter(name)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(directory)
    }

    fn enter(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = Arc::new(rustix::fs::openat(&self.handle, name, flags, Mode::empty())?);
        Ok(Self { path: self.path.join(name), handle })
    }

    /// What stands at a name in this directory.
    pub(super) fn look(&self, name: &str) -> io::Result<Entry> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Entry::File {
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                allocated: u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512),
                modified: milliseconds(&stat),
            }),
            Ok(_) => Ok(Entry::Other),
            Err(Errno::NOENT) => Ok(Entry::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file for reading and writing, made if need be, that nobody else may open so meanwhile. It may wait.
    pub(super) fn open_file(&self, name: &str, append: bool) -> io::Result<File> {
        // NONBLOCK: a pipe in its place must not make us wait.
        let mut flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        flags.set(OFlags::APPEND, append);
        let file = File::from(rustix::fs::openat(&self.handle, name, flags, Mode::from_raw_mode(0o666))?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something else is in the place of the file",
            ));
        }
        let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "another program is receiving this file");
        let began = Instant::now();
        while let Err(error) = file.try_lock() {
            match error {
                // A transfer that has just been broken off writes what it has got.
                TryLockError::WouldBlock if began.elapsed() < PATIENCE => std::thread::sleep(PATIENCE / 100),
                TryLockError::WouldBlock => return Err(busy()),
                TryLockError::Error(error) => return Err(error),
            }
        }
        // Whoever had it locked until now may have given it its last name: then it is not ours to write to.
        let named = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let opened = rustix::fs::fstat(&file)?;
        if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino) { Ok(file) } else { Err(busy()) }
    }

    /// Gives a file its name; `replace`: whatever has that name gives way, unless it is a directory.
    pub(super) fn rename(&self, from: &str, to: &str, replace: bool) -> io::Result<()> {
        if replace {
            return Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?);
        }
        match rustix::fs::renameat_with(&self.handle, from, &self.handle, to, RenameFlags::NOREPLACE) {
            // A file system that can't; a second name is never made over another file, either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty())?;
                self.remove(from)
            }
            renamed => Ok(renamed?),
        }
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until names that were given here are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.handle.as_fd())?)
    }
}

/// The names of the directories that lead to a file.
fn folders(path: &FilePath) -> impl Iterator<Item = &str> {
    let mut names = path.segments();
    names.next_back();
    names
}

fn milliseconds(stat: &Stat) -> i64 {
    let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
    stat.st_mtime.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000)
}
