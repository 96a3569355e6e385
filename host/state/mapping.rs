//! Every mapping that was ever in force, sealed.
//!
//! `mappings/<version>.sealed`: the text under XChaCha20-Poly1305 with the key of mappings and the first
//! 24 bytes of the version as nonce. The version is an HMAC of the text, so that a known mapping cannot be recognised,
//! and one text has one version and one file.

use std::path::{Path, PathBuf};

use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};

use super::{
    error::StateError,
    files::{list, read_if_there, replace, sync_folder},
    keys::{Keys, Names, hex, unhex},
};

/// Keeps a mapping and returns its version.
pub(super) fn keep(data_dir: &Path, keys: &Keys, bytes: &[u8]) -> Result<[u8; 32], StateError> {
    let version = version(keys, bytes);
    let path = path(data_dir, &version);
    if path.exists() {
        // The process that renamed it here may have died before its name was durable.
        sync_folder(&data_dir.join("mappings"))?;
        return Ok(version);
    }
    let sealed = cipher(keys)
        .encrypt(XNonce::from_slice(&version[..24]), bytes)
        .map_err(|_| StateError::refused("mapping-too-large", "the mapping is too long for its cipher"))?;
    replace(&path, &sealed)?;
    Ok(version)
}

/// The mapping of a version.
pub(super) fn read(data_dir: &Path, keys: &Keys, wanted: &[u8; 32]) -> Result<Vec<u8>, StateError> {
    let path = path(data_dir, wanted);
    let Some(sealed) = read_if_there(&path)? else {
        return Err(StateError::Unknown { connector: "*".into(), what: format!("mapping `{}`", hex(wanted)) });
    };
    let opened = cipher(keys).decrypt(XNonce::from_slice(&wanted[..24]), sealed.as_slice());
    match opened {
        Ok(bytes) if version(keys, &bytes) == *wanted => Ok(bytes),
        _ => Err(StateError::Damaged { file: path, offset: 0, record: 0, what: "the mapping does not open".into() }),
    }
}

/// Opens every mapping under the version its name says; returns how many there are.
pub(super) fn check_all(data_dir: &Path, keys: &Keys) -> Result<u64, StateError> {
    let mut count = 0;
    for (name, file) in list(&data_dir.join("mappings"))? {
        let Some(stem) = name.strip_suffix(".sealed") else { continue };
        let Some(wanted) = unhex::<32>(stem) else {
            return Err(StateError::Damaged { file, offset: 0, record: 0, what: "its name is no version".into() });
        };
        read(data_dir, keys, &wanted)?;
        count += 1;
    }
    Ok(count)
}

fn version(keys: &Keys, bytes: &[u8]) -> [u8; 32] {
    Names::new(&keys.derive("mapping versions", "")).name(&[bytes])
}

fn cipher(keys: &Keys) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(&*keys.derive("mappings", "")))
}

fn path(data_dir: &Path, version: &[u8; 32]) -> PathBuf {
    data_dir.join("mappings").join(format!("{}.sealed", hex(version)))
}
