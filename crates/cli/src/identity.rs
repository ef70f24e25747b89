//! The key pair that this user is known by: made on first use, kept in the data directory.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use peerline::channel::IdentityKey;

/// 32 bytes, in base64url; mode 0600.
const FILE: &str = "identity";

/// The identity in this directory.
pub(crate) fn load(directory: &Path) -> io::Result<IdentityKey> {
    let path = directory.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => read(&text).ok_or_else(|| {
            io::Error::new(
                ErrorKind::InvalidData,
                "it is no identity; remove it, and others will see a new one",
            )
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            make(&path)
        }
        Err(error) => Err(error),
    }
}

fn read(text: &str) -> Option<IdentityKey> {
    let bytes = BASE64URL.decode(text.trim()).ok()?;
    IdentityKey::from_bytes(&bytes.try_into().ok()?).ok()
}

/// Two programs may do this at the same time: both then have the identity of the one that was first.
fn make(path: &Path) -> io::Result<IdentityKey> {
    let (identity, text) = loop {
        let text = BASE64URL.encode(rand::random::<[u8; 32]>());
        // About one in 2^32 is no key.
        if let Some(identity) = read(&text) {
            break (identity, text);
        }
    };
    let unfinished = path.with_extension(format!("{:x}.new", rand::random::<u64>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Unlike a rename this replaces nothing.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Ok(()) => Ok(identity),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(&fs::read_to_string(path)?).ok_or_else(|| ErrorKind::InvalidData.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let directory = std::env::temp_dir().join(format!("peerline-identity-{}", std::process::id()));
        let loaded = |_| load(&directory).unwrap().public().to_text();
        let at_once: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || loaded(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(at_once.iter().all(|identity| *identity == loaded(0)));
        let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files, [directory.join(FILE)]);
        assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&files[0], "nonsense").unwrap();
        assert!(load(&directory).unwrap_err().to_string().contains("no identity"));
        fs::remove_dir_all(directory).unwrap();
    }
}
