//! The keys that seal what is staged: age identities of this host, and who else may read.
//!
//! `keys/stage.key` is an identity file as `age-keygen` writes them (mode 0600), so that `age --decrypt -i` takes it. It
//! holds one secret key a line; the last is in force, those before it are kept for reading until nothing staged needs
//! them. Escrow recipients (`[stage] recipients`) can open every object with their own identity; the host holds none of
//! theirs.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, Read, Write},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use age::{
    DecryptError, Decryptor, Encryptor, secrecy::ExposeSecret as _, stream::StreamReader, stream::StreamWriter, x25519,
};
use zeroize::Zeroizing;

use crate::item::{Failure, NextMove};

/// What seals and opens a host's staged objects.
pub struct Keyring {
    /// Oldest first; never empty.
    identities: Vec<x25519::Identity>,
    escrow: Vec<x25519::Recipient>,
}

impl Keyring {
    /// Reads the keys of a data folder. One that has none yet gets one, and says so.
    ///
    /// # Errors
    /// `stage-key` for a file that cannot be used, `stage-recipient` for a recipient that is none.
    pub fn open(data_dir: &Path, recipients: &[String]) -> Result<(Self, Option<String>), Failure> {
        let path = file(data_dir);
        let escrow = recipients.iter().map(|text| recipient(text)).collect::<Result<_, _>>()?;
        let mut told = None;
        let identities = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identities = vec![x25519::Identity::generate()];
                write(&path, &identities).map_err(|error| unusable(&path, &error))?;
                told = Some(format!(
                    "the stage is sealed from now on: `{}` was made; keep a copy of it with the other keys",
                    path.display()
                ));
                identities
            }
            identities => identities.map_err(|error| unusable(&path, &error))?,
        };
        Ok((Self { identities, escrow }, told))
    }

    /// Makes a new key, in force at once; those before it are kept for reading. Returns its public half.
    ///
    /// # Errors
    /// `stage-key`; the old key stays in force.
    pub fn rotate(data_dir: &Path) -> Result<String, Failure> {
        let (mut keyring, _) = Self::open(data_dir, &[])?;
        keyring.identities.push(x25519::Identity::generate());
        let path = file(data_dir);
        write(&path, &keyring.identities).map_err(|error| unusable(&path, &error))?;
        Ok(keyring.public())
    }

    /// Forgets every older key that is not among `needed` (places as [`Keyring::place_of`] gives them); returns how many
    /// went and how many older ones are left.
    ///
    /// # Errors
    /// `stage-key`; every key is kept.
    pub fn retire(data_dir: &Path, needed: &BTreeSet<usize>) -> Result<(usize, usize), Failure> {
        let (keyring, _) = Self::open(data_dir, &[])?;
        let last = keyring.identities.len() - 1;
        let kept = (0..).zip(&keyring.identities).filter(|(place, _)| *place == last || needed.contains(place));
        let kept: Vec<x25519::Identity> = kept.map(|(_, identity)| identity.clone()).collect();
        let (gone, left) = (keyring.identities.len() - kept.len(), kept.len() - 1);
        if gone > 0 {
            let path = file(data_dir);
            write(&path, &kept).map_err(|error| unusable(&path, &error))?;
        }
        Ok((gone, left))
    }

    /// The public half of the key in force, as `age --encrypt -r` takes it.
    pub fn public(&self) -> String {
        self.identities.last().map(|identity| identity.to_public().to_string()).unwrap_or_default()
    }

    /// How many keys there are, the one in force and those kept for reading.
    pub(super) fn len(&self) -> usize {
        self.identities.len()
    }

    /// Seals what is written, for the key in force and for escrow. [`StreamWriter::finish`] ends it.
    pub(super) fn seal<W: Write>(&self, out: W) -> io::Result<StreamWriter<W>> {
        let own = self.identities.last().map(x25519::Identity::to_public);
        let recipients = own.iter().chain(&self.escrow).map(|recipient| recipient as &dyn age::Recipient);
        Encryptor::with_recipients(recipients).map_err(io::Error::other)?.wrap_output(out)
    }

    /// Opens what any of the keys opens, the newest first. Every piece of it is authenticated as it is read, the end too.
    pub(super) fn open_sealed<R: BufRead>(&self, reader: R) -> io::Result<StreamReader<R>> {
        let identities = self.identities.iter().rev().map(|identity| identity as &dyn age::Identity);
        Decryptor::new_buffered(reader).and_then(|sealed| sealed.decrypt(identities)).map_err(not_opened)
    }

    /// Which key opens an object whose beginning this is; none when none does.
    pub(super) fn place_of(&self, beginning: &[u8]) -> Option<usize> {
        (0..self.identities.len()).rev().find(|place| {
            let identity = &self.identities[*place] as &dyn age::Identity;
            Decryptor::new_buffered(beginning).is_ok_and(|sealed| sealed.decrypt(std::iter::once(identity)).is_ok())
        })
    }
}

fn not_opened(error: DecryptError) -> io::Error {
    match error {
        DecryptError::Io(error) => error,
        DecryptError::NoMatchingKeys => {
            io::Error::new(io::ErrorKind::InvalidData, "no key in `keys/stage.key` opens it")
        }
        error => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("keys").join("stage.key")
}

fn recipient(text: &str) -> Result<x25519::Recipient, Failure> {
    text.parse().map_err(|why: &str| {
        let message = format!("`[stage] recipients` has `{text}`, which is no recipient: {why}");
        Failure::new("stage-recipient", NextMove::AskPerson, message)
            .hint("write the public key that `age-keygen` prints, `age1…`; never a secret key")
    })
}

fn read(path: &Path) -> io::Result<Vec<x25519::Identity>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(invalid(&format!("others may read it (mode {:o})", mode & 0o777)));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identities: Vec<x25519::Identity> =
        lines.map(|line| line.parse().map_err(|why: &str| invalid(why))).collect::<Result<_, _>>()?;
    if identities.is_empty() { Err(invalid("it holds no secret key")) } else { Ok(identities) }
}

/// Replaces the file whole.
fn write(path: &Path, identities: &[x25519::Identity]) -> io::Result<()> {
    let mut text = Zeroizing::new(String::new());
    for identity in identities {
        text.push_str(&format!("# public key: {}\n", identity.to_public()));
        text.push_str(identity.to_string().expose_secret());
        text.push('\n');
    }
    let aside = path.with_extension("key.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new("stage-key", NextMove::AskPerson, format!("the key file `{}` cannot be used: {error}", path.display()))
        .hint("restore it from the copy of `keys/` that you keep, with mode 600")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn data() -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("keys")).unwrap();
        data
    }

    fn sealed(keyring: &Keyring, bytes: &[u8]) -> Vec<u8> {
        let mut out = keyring.seal(Vec::new()).unwrap();
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn opened(keyring: &Keyring, sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        keyring.open_sealed(sealed)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_key_is_made_once_announced_and_private() {
        let data = data();
        let (first, told) = Keyring::open(data.path(), &[]).unwrap();
        assert!(told.unwrap().contains("stage.key"));
        let (second, told) = Keyring::open(data.path(), &[]).unwrap();
        assert_eq!((first.public(), told), (second.public(), None));
        let path = file(data.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Keyring::open(data.path(), &[]).err().unwrap().code, "stage-key");
    }

    #[test]
    fn what_older_keys_sealed_is_read_until_they_are_retired() {
        let data = data();
        let old = sealed(&Keyring::open(data.path(), &[]).unwrap().0, b"before");
        let public = Keyring::rotate(data.path()).unwrap();
        let keyring = Keyring::open(data.path(), &[]).unwrap().0;
        assert_eq!(keyring.public(), public);
        let new = sealed(&keyring, b"after");
        assert_eq!((keyring.place_of(&old), keyring.place_of(&new)), (Some(0), Some(1)));
        assert_eq!(opened(&keyring, &old).unwrap(), b"before");
        assert_eq!(Keyring::retire(data.path(), &BTreeSet::from([0])).unwrap(), (0, 1));
        assert_eq!(Keyring::retire(data.path(), &BTreeSet::new()).unwrap(), (1, 0));
        let keyring = Keyring::open(data.path(), &[]).unwrap().0;
        assert!(opened(&keyring, &old).unwrap_err().to_string().contains("no key"));
        assert_eq!(opened(&keyring, &new).unwrap(), b"after");
    }

    #[test]
    fn escrow_opens_with_its_own_identity_and_a_wrong_recipient_is_named() {
        let data = data();
        let escrow = x25519::Identity::generate();
        let (keyring, _) = Keyring::open(data.path(), &[escrow.to_public().to_string()]).unwrap();
        let object = sealed(&keyring, b"for both");
        let stranger = Keyring { identities: vec![escrow], escrow: Vec::new() };
        assert_eq!(opened(&stranger, &object).unwrap(), b"for both");
        assert_eq!(opened(&keyring, &object).unwrap(), b"for both");
        let failure = Keyring::open(data.path(), &["age1wrong".to_owned()]).err().unwrap();
        assert_eq!(failure.code, "stage-recipient");
    }
}
