//! The data directory: what must outlive a restart and nobody else may read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::Secret;

/// A directory, of mode 0700 where we made it, whose files have mode 0600.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Makes the directory where it is missing, and shows that it can be written.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let dir = Self(path.to_owned());
        dir.write(".writable", b"")?;
        fs::remove_file(dir.path(".writable"))?;
        Ok(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The file's content; `None` when there is no such file.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the file whole or not at all, so that a crash leaves the old one or the new one.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let unfinished = self.path(&format!("{name}.{}.new", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path(name))
    }

    /// The secret of time-limited TURN credentials, made on first use: credentials survive a restart.
    pub(crate) fn turn_secret(&self) -> io::Result<Secret> {
        const FILE: &str = "turn-secret";
        if let Some(text) = self.read(FILE)?.filter(|text| !text.trim().is_empty()) {
            return Ok(Secret::new(text.trim()));
        }
        let mut random = [0; 32];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| io::Error::other("no randomness from the system"))?;
        let secret = URL_SAFE_NO_PAD.encode(random);
        self.write(FILE, secret.as_bytes())?;
        Ok(Secret::new(secret))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_for_the_owner_only_and_survive_a_restart() {
        let path = std::env::temp_dir().join(format!("peerline-data-dir-{}", std::process::id()));
        let first = DataDir::open(&path).and_then(|dir| dir.turn_secret()).unwrap();
        let second = DataDir::open(&path).and_then(|dir| dir.turn_secret()).unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert!(first == second);
        assert_eq!(mode(path.clone()), 0o700);
        assert_eq!(mode(path.join("turn-secret")), 0o600);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_directory_that_others_made_keeps_its_mode() {
        let path = std::env::temp_dir().join(format!("peerline-shared-dir-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        DataDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        fs::remove_dir_all(path).unwrap();
    }
}
