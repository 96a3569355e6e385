//! The host's own store of secrets: `chancery secret set|list|rotate|remove`.
//!
//! One file a secret under `<data_dir>/secrets`, sealed with XChaCha20-Poly1305 under the key in
//! `<data_dir>/keys/secrets.key` (32 bytes, mode 0600), its name as associated data, so that files cannot be swapped.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | format, 1 |
//! | 24 | nonce |
//! | rest | ciphertext and tag |

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::item::{Failure, NextMove};

const FORMAT: u8 = 1;

/// The store below a data folder.
pub struct SecretStore {
    folder: PathBuf,
    key_file: PathBuf,
}

impl SecretStore {
    /// The store of this data folder; nothing is touched yet.
    pub fn of(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("secrets"), key_file: data_dir.join("keys").join("secrets.key") }
    }

    /// The names that are set.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .filter(|name: &io::Result<String>| name.as_ref().map_or(true, |name| valid_name(name)))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// Stores a secret, replacing an older one.
    ///
    /// # Errors
    /// `secret-name` for a name that cannot be one, `secret-store` when it cannot be written.
    pub fn set(&self, name: &str, secret: &SecretString) -> Result<(), Failure> {
        check_name(name)?;
        self.try_set(name, secret).map_err(|error| self.failure("write", name, &error))
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// `secret-missing` when it is not set, `secret-store` when it cannot be opened.
    pub fn get(&self, name: &str) -> Result<SecretString, Failure> {
        check_name(name)?;
        let sealed = match fs::read(self.folder.join(name)) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(name)),
            Err(error) => return Err(self.failure("read", name, &error)),
        };
        self.open(name, &sealed).map_err(|error| self.failure("open", name, &error))
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// `secret-missing` when it is not set, `secret-store` when it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        check_name(name)?;
        match fs::remove_file(self.folder.join(name)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(name)),
            Err(error) => Err(self.failure("remove", name, &error)),
        }
    }

    /// Seals every secret anew under a new key.
    ///
    /// # Errors
    /// `secret-store`; the old key and files stay in force.
    pub fn rotate(&self) -> Result<usize, Failure> {
        let rotate = || -> io::Result<usize> {
            let names = self.names()?;
            let open = |name: &String| self.open(name, &fs::read(self.folder.join(name))?);
            let secrets = names.iter().map(open).collect::<io::Result<Vec<_>>>()?;
            let key = new_key()?;
            // Written beside, then swapped in key first: a crash between is healed because the old key stays as
            // `secrets.key.old` and is tried when the new one does not open a file.
            write_private(&self.key_file.with_extension("key.old"), &*self.key()?)?;
            write_private(&self.key_file, &*key)?;
            for (name, secret) in names.iter().zip(&secrets) {
                write_private(&self.folder.join(name), &seal(&key, name, secret)?)?;
            }
            fs::remove_file(self.key_file.with_extension("key.old"))?;
            Ok(names.len())
        };
        rotate().map_err(|error| self.failure("rotate", "*", &error))
    }

    fn try_set(&self, name: &str, secret: &SecretString) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        if !self.key_file.exists() {
            if let Some(folder) = self.key_file.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            write_private(&self.key_file, &*new_key()?)?;
        }
        write_private(&self.folder.join(name), &seal(&*self.key()?, name, secret)?)
    }

    fn key(&self) -> io::Result<Zeroizing<[u8; 32]>> {
        read_key(&self.key_file)
    }

    fn open(&self, name: &str, sealed: &[u8]) -> io::Result<SecretString> {
        unseal(&*self.key()?, name, sealed).or_else(|error| {
            read_key(&self.key_file.with_extension("key.old"))
                .map_err(|_| error)
                .and_then(|old| unseal(&old, name, sealed))
        })
    }

    fn failure(&self, verb: &str, name: &str, error: &io::Error) -> Failure {
        let message = format!("cannot {verb} secret `{name}` in `{}`: {error}", self.folder.display());
        Failure::new("secret-store", NextMove::AskPerson, message)
            .hint(format!("check the rights on that folder, or set it again: `chancery secret set {name}`"))
    }
}

fn missing(name: &str) -> Failure {
    Failure::new("secret-missing", NextMove::AskPerson, format!("secret `{name}` is not set"))
        .hint(format!("run `chancery secret set {name}`"))
}

fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn check_name(name: &str) -> Result<(), Failure> {
    if valid_name(name) {
        return Ok(());
    }
    Err(Failure::new("secret-name", NextMove::AskPerson, format!("`{name}` cannot be a secret's name"))
        .hint("use lower-case letters, digits, `-` and `_`"))
}

fn new_key() -> io::Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(io::Error::other)?;
    Ok(key)
}

fn read_key(path: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(fs::read(path)?);
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| invalid("the key file is damaged"))?;
    Ok(Zeroizing::new(key))
}

fn seal(key: &[u8; 32], name: &str, secret: &SecretString) -> io::Result<Vec<u8>> {
    let mut nonce = [0; 24];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: name.as_bytes() };
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| invalid("it cannot be sealed"))?;
    Ok([&[FORMAT][..], &nonce, &sealed].concat())
}

fn unseal(key: &[u8; 32], name: &str, sealed: &[u8]) -> io::Result<SecretString> {
    let (head, body) = sealed.split_at_checked(25).ok_or_else(|| invalid("the file is damaged"))?;
    if head[0] != FORMAT {
        return Err(invalid("the file has a format this chancery does not read"));
    }
    let payload = Payload { msg: body, aad: name.as_bytes() };
    let opened = XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(&head[1..]), payload)
        .map_err(|_| invalid("it does not open with this data folder's key"))?;
    String::from_utf8(opened).map(SecretString::from).map_err(|_| invalid("it is no text"))
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn secrets_come_back_and_are_not_readable_on_disk() {
        let data = tempfile::tempdir().unwrap();
        let store = SecretStore::of(data.path());
        assert_eq!(store.names().unwrap(), Vec::<String>::new());
        assert_eq!(store.get("telemessage").unwrap_err().code, "secret-missing");
        store.set("telemessage", &"canary-9d2".into()).unwrap();
        assert_eq!(store.get("telemessage").unwrap().expose_secret(), "canary-9d2");
        assert_eq!(store.names().unwrap(), ["telemessage"]);
        let on_disk = fs::read(data.path().join("secrets/telemessage")).unwrap();
        assert!(!on_disk.windows(6).any(|window| window == b"canary"));
        assert_eq!(store.rotate().unwrap(), 1);
        assert_eq!(store.get("telemessage").unwrap().expose_secret(), "canary-9d2");
        store.remove("telemessage").unwrap();
        assert_eq!(store.remove("telemessage").unwrap_err().code, "secret-missing");
    }

    #[test]
    fn a_swapped_or_damaged_file_does_not_open() {
        let data = tempfile::tempdir().unwrap();
        let store = SecretStore::of(data.path());
        store.set("a", &"one".into()).unwrap();
        store.set("b", &"two".into()).unwrap();
        fs::copy(data.path().join("secrets/a"), data.path().join("secrets/b")).unwrap();
        assert_eq!(store.get("b").unwrap_err().code, "secret-store");
        fs::write(data.path().join("secrets/a"), b"\x01short").unwrap();
        assert_eq!(store.get("a").unwrap_err().code, "secret-store");
        for name in ["", "../a", "A", "a.b"] {
            assert_eq!(store.get(name).unwrap_err().code, "secret-name", "{name}");
        }
    }
}
