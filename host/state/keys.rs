//! The host's keys and what is derived from them.
//!
//! `keys/host.key` signs (Ed25519), `keys/host.pub` is its public half, `keys/master.key` is the root of every secret
//! key, `keys/<number>.rotation` are the steps from the first signing key to this one (see `rotation`). Each key file
//! holds 64 hex digits and a newline. Derived keys are `HMAC-SHA256(master, label 0x00 connector)`, so
//! that one purpose or connector learns nothing about another.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    error::StateError,
    files::{create_folder, read_if_there, remove_if_there, replace, sync_folder, write_new},
    rotation::{self, Rotation},
};

pub(super) use crate::item::{hex, unhex};

type HmacSha256 = Hmac<Sha256>;

/// The keys of one data folder.
pub(super) struct Keys {
    signing: SigningKey,
    master: Zeroizing<[u8; 32]>,
    rotations: Vec<Rotation>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Makes new keys in `data_dir/keys`; the folder appears whole or not at all.
    pub(super) fn create(data_dir: &Path) -> Result<(), StateError> {
        let folder = folder(data_dir);
        if folder.exists() {
            return Err(StateError::AlreadyInitialised { path: folder });
        }
        let aside = data_dir.join("keys.new");
        if aside.exists() {
            // Left by a `create` that was cut off: nothing was ever sealed with these.
            fs::remove_dir_all(&aside).map_err(StateError::io("remove", &aside))?;
        }
        create_folder(&aside)?;
        let signing = SigningKey::from_bytes(&*random(&aside)?);
        let master = random(&aside)?;
        write_new(&aside.join("host.key"), line(&Zeroizing::new(signing.to_bytes())).as_bytes())?;
        write_new(&aside.join("host.pub"), line(signing.verifying_key().as_bytes()).as_bytes())?;
        write_new(&aside.join("master.key"), line(&master).as_bytes())?;
        sync_folder(&aside)?;
        fs::rename(&aside, &folder).map_err(StateError::io("rename to", &folder))?;
        sync_folder(data_dir)
    }

    /// Reads the keys; files that others may read are refused. A rotation that was cut off is undone or completed:
    /// `host.key` decides.
    pub(super) fn open(data_dir: &Path) -> Result<Self, StateError> {
        let signing = SigningKey::from_bytes(&*secret(data_dir, "host.key")?);
        let current = signing.verifying_key();
        let mut rotations = rotation::read_all(&folder(data_dir))?;
        if let Some(last) = rotations.pop_if(|last| last.public != current) {
            let path = folder(data_dir).join(Rotation::file_name(last.number));
            if last.previous != current {
                return Err(StateError::Key { path, why: "it does not lead to `host.key`".into() });
            }
            remove_if_there(&path)?;
        }
        let published = public(data_dir)?;
        if published != current {
            let path = folder(data_dir).join("host.pub");
            if rotations.last().is_none_or(|last| last.previous != published) {
                return Err(StateError::Key { path, why: "it is not the public half of `host.key`".into() });
            }
            replace(&path, line(current.as_bytes()).as_bytes())?;
        }
        Ok(Self { signing, master: secret(data_dir, "master.key")?, rotations })
    }

    /// Makes a new signing key that the old one signs; the old one is gone afterwards.
    pub(super) fn rotate(data_dir: &Path, at_ms: i64) -> Result<Rotation, StateError> {
        let keys = Self::open(data_dir)?;
        let folder = folder(data_dir);
        let new = SigningKey::from_bytes(&*random(&folder)?);
        let rotation = Rotation::sign(keys.rotations.len() as u64 + 1, &keys.signing, &new, at_ms);
        replace(&folder.join(Rotation::file_name(rotation.number)), &rotation.note)?;
        // From here on the new key is in force.
        replace(&folder.join("host.key"), line(&Zeroizing::new(new.to_bytes())).as_bytes())?;
        replace(&folder.join("host.pub"), line(new.verifying_key().as_bytes()).as_bytes())?;
        Ok(rotation)
    }

    /// The steps from the first key to this one; every ledger records them.
    pub(super) fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The public halves of this key and of those before it.
    pub(super) fn trusted(&self) -> Vec<VerifyingKey> {
        self.rotations.iter().map(|rotation| rotation.previous).chain([self.signing.verifying_key()]).collect()
    }

    /// Signs.
    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(bytes).to_bytes()
    }

    /// A key for one purpose; `connector` is empty for the host's own.
    pub(super) fn derive(&self, label: &str, connector: &str) -> Zeroizing<[u8; 32]> {
        let mut mac = keyed(&self.master);
        mac.update(label.as_bytes());
        mac.update(&[0]);
        mac.update(connector.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// Reads the public key alone, for offline verification.
pub(super) fn public(data_dir: &Path) -> Result<VerifyingKey, StateError> {
    public_file(data_dir, &folder(data_dir).join("host.pub"))
}

/// Reads a public key from any file.
pub(super) fn public_file(data_dir: &Path, path: &Path) -> Result<VerifyingKey, StateError> {
    let bytes = parse(data_dir, path)?;
    VerifyingKey::from_bytes(&bytes).map_err(|error| StateError::Key { path: path.into(), why: error.to_string() })
}

/// Whether `signature` is `key`'s on `bytes`; strict, so that a signature has one form only.
pub(super) fn signed_by(key: &VerifyingKey, bytes: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
}

/// Names of things that must not be recognisable: HMACs under one connector's key, the key schedule done once.
#[derive(Clone)]
pub(super) struct Names {
    mac: HmacSha256,
}

impl Names {
    /// Prepares the key.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { mac: keyed(key) }
    }

    /// The first bytes of the HMAC of `parts`, each preceded by its length so that no two lists look alike.
    pub(super) fn name<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut name = [0; N];
        name.copy_from_slice(&full[..N]);
        name
    }
}

/// Plain SHA-256 of several parts, for what is public.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn keyed(key: &[u8; 32]) -> HmacSha256 {
    // A key of exactly one block, padded here, so that no length can be refused.
    let mut block = Zeroizing::new([0_u8; 64]);
    block[..32].copy_from_slice(key);
    <HmacSha256 as hmac::digest::KeyInit>::new((&*block).into())
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("keys")
}

fn line(bytes: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", hex(bytes)))
}

fn random(path: &Path) -> Result<Zeroizing<[u8; 32]>, StateError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| StateError::Key { path: path.to_owned(), why: format!("no randomness: {error}") })?;
    Ok(bytes)
}

fn secret(data_dir: &Path, name: &str) -> Result<Zeroizing<[u8; 32]>, StateError> {
    let path = folder(data_dir).join(name);
    let bytes = parse(data_dir, &path)?;
    let mode = fs::metadata(&path).map_err(StateError::io("look at", &path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(StateError::Key { path, why: format!("others may read it (mode {:o})", mode & 0o777) });
    }
    Ok(bytes)
}

fn parse(data_dir: &Path, path: &Path) -> Result<Zeroizing<[u8; 32]>, StateError> {
    let Some(bytes) = read_if_there(path)? else {
        return Err(StateError::NotInitialised { data_dir: data_dir.to_owned(), missing: path.to_owned() });
    };
    let text = Zeroizing::new(String::from_utf8(bytes).unwrap_or_default());
    unhex(text.trim_end())
        .map(Zeroizing::new)
        .ok_or_else(|| StateError::Key { path: path.to_owned(), why: "it is not 64 hex digits".into() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn keys_are_made_once_and_refused_when_others_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(folder.path()).unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        assert!(matches!(Keys::create(folder.path()), Err(StateError::AlreadyInitialised { .. })));
        assert!(signed_by(&public(folder.path()).unwrap(), b"x", &keys.sign(b"x")));
        assert!(!signed_by(&public(folder.path()).unwrap(), b"y", &keys.sign(b"x")));
        let path = folder.path().join("keys/master.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Keys::open(folder.path()).unwrap_err().code(), "state-key");
        fs::remove_file(&path).unwrap();
        assert_eq!(Keys::open(folder.path()).unwrap_err().code(), "state-not-initialised");
    }

    #[test]
    fn an_interrupted_create_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys.new")).unwrap();
        fs::write(folder.path().join("keys.new/host.key"), "half").unwrap();
        Keys::create(folder.path()).unwrap();
        Keys::open(folder.path()).unwrap();
    }

    #[test]
    fn names_depend_on_where_one_part_ends() {
        let names = Names::new(&[7; 32]);
        assert_ne!(names.name::<16>(&[b"ab", b"c"]), names.name::<16>(&[b"a", b"bc"]));
        assert_eq!(names.name::<8>(&[b"ab"]), names.name::<16>(&[b"ab"])[..8]);
    }
}
