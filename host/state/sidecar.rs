//! Sealed entries: what must not stand in the chain in clear, each under a key of its own.
//!
//! | entry | |
//! |---|---|
//! | salt | 16 random bytes |
//! | text | ChaCha20-Poly1305 under `HMAC-SHA256(connector's entry key, 16 as u64 ‖ salt)`, nonce zero |
//! | tag | 16 bytes |
//!
//! The associated data is what the entry belongs to (a u64, little-endian: an ordinal, a window, or 0). A key is used
//! once because its salt is; who overwrites the salt has destroyed the key, so that erasing an entry needs no rewriting
//! of others. The text is `postcard` of [`Entry`]. The chain commits to the SHA-256 of the whole entry.

use std::borrow::Cow;

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit, Tag};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::item::Resolution;

use super::{
    error::StateError,
    fact::{EntryRef, Sealed},
    keys::{Names, sha256},
    limits::ENTRY_BYTES_MAX,
    plan::Target,
};

const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Salts fetched from the system at once: a call for each entry would cost more than the sealing.
const SALTS_AT_ONCE: usize = 256;

/// An entry's text. `previous` is the item's entry before this one, so that a row need only know the newest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    pub(super) previous: Option<EntryRef>,
    #[serde(borrow)]
    pub(super) part: Private<'a>,
}

/// What is private. New kinds go at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Private<'a> {
    /// A snapshot window's file.
    Subject(#[serde(borrow)] Cow<'a, str>),
    /// A page.
    Page { cursor: Option<&'a [u8]>, bookmark: Option<&'a [u8]> },
    /// An item as staged.
    Item { id: &'a str, owner: Option<&'a str>, revision: u32, sent_at_ms: Option<i64> },
    /// A plan; messages by copy, that of the whole item under `u16::MAX`.
    Plan { resolutions: Cow<'a, [Resolution]>, targets: Vec<Cow<'a, Target>>, messages: Vec<(u16, Cow<'a, str>)> },
    /// Tokens by copy.
    Tokens(Vec<(u16, Cow<'a, [u8]>)>),
    /// Why a copy is parked.
    Failed { copy: u16, message: Cow<'a, str> },
    /// Where a freed copy goes.
    Freed { copy: u16, target: Cow<'a, Target> },
    /// Who decided what, and why.
    Decision { actor: Cow<'a, str>, reason: Cow<'a, str> },
    /// The end of a window.
    Close { bookmark: Option<&'a [u8]>, file: Option<Cow<'a, super::window::FileMemory>> },
    /// A remembered fact.
    Remembered { key: Cow<'a, str>, value: &'a [u8] },
    /// An act.
    Act { actor: Cow<'a, str>, verb: Cow<'a, str>, subject: Cow<'a, str>, reason: Cow<'a, str> },
}

/// Seals and opens the entries of one connector.
pub(super) struct Sealer {
    keys: Names,
    salts: Vec<[u8; SALT_BYTES]>,
}

impl Sealer {
    /// With the connector's entry key.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { keys: Names::new(key), salts: Vec::new() }
    }

    /// Appends a sealed entry to `out` and returns how a fact names it.
    pub(super) fn seal(&mut self, about: u64, entry: &Entry<'_>, out: &mut Vec<u8>) -> Result<Sealed, StateError> {
        let at = out.len();
        let salt = self.salt()?;
        out.extend_from_slice(&salt);
        *out = postcard::to_extend(entry, std::mem::take(out)).map_err(|error| {
            StateError::refused("entry-encoding", format!("an entry cannot be written down: {error}"))
        })?;
        if out.len() - at + TAG_BYTES > ENTRY_BYTES_MAX {
            return Err(StateError::refused(
                "entry-too-large",
                format!("what is to be sealed is over {ENTRY_BYTES_MAX} bytes"),
            ));
        }
        let tag = self
            .cipher(&salt)
            .encrypt_in_place_detached(&Default::default(), &about.to_le_bytes(), &mut out[at + SALT_BYTES..])
            .map_err(|_| StateError::refused("entry-too-large", "what is to be sealed is too long for its cipher"))?;
        out.extend_from_slice(&tag);
        Ok(Sealed { bytes: (out.len() - at) as u32, sha256: sha256(&[&out[at..]]) })
    }

    /// Opens an entry in place; none when it was erased.
    pub(super) fn open<'a>(&self, about: u64, bytes: &'a mut [u8]) -> Result<Option<Entry<'a>>, &'static str> {
        if is_erased(bytes) {
            return Ok(None);
        }
        let Some((salt, rest)) = bytes.split_first_chunk_mut::<SALT_BYTES>() else {
            return Err("the entry is too short");
        };
        let Some(length) = rest.len().checked_sub(TAG_BYTES) else { return Err("the entry is too short") };
        let (text, tag) = rest.split_at_mut(length);
        self.cipher(salt)
            .decrypt_in_place_detached(&Default::default(), &about.to_le_bytes(), text, Tag::from_slice(tag))
            .map_err(|_| "the entry does not open with this connector's key")?;
        postcard::from_bytes(text).map(Some).map_err(|_| "the entry's text cannot be read")
    }

    fn cipher(&self, salt: &[u8; SALT_BYTES]) -> ChaCha20Poly1305 {
        let key = Zeroizing::new(self.keys.name::<32>(&[salt]));
        ChaCha20Poly1305::new((&*key).into())
    }

    fn salt(&mut self) -> Result<[u8; SALT_BYTES], StateError> {
        if self.salts.is_empty() {
            self.salts.resize(SALTS_AT_ONCE, [0; SALT_BYTES]);
            if let Err(error) = getrandom::fill(self.salts.as_flattened_mut()) {
                // Zero salts must never be used.
                self.salts.clear();
                return Err(StateError::refused("no-randomness", format!("the system gives no random bytes: {error}")));
            }
        }
        self.salts.pop().ok_or_else(|| StateError::refused("no-randomness", "no random bytes are left"))
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.salts.as_flattened_mut().zeroize();
    }
}

/// Whether these are the bytes that erasing leaves.
pub(super) fn is_erased(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn an_entry_opens_only_as_it_was_sealed() {
        let mut sealer = Sealer::new(&[7; 32]);
        let mut bytes = Vec::new();
        let part = Private::Item { id: "a", owner: None, revision: 3, sent_at_ms: Some(5) };
        let sealed = sealer.seal(9, &Entry { previous: None, part }, &mut bytes).unwrap();
        assert_eq!((sealed.bytes as usize, sealed.sha256), (bytes.len(), sha256(&[&bytes])));
        let opened = bytes.clone();
        let entry = |sealer: &Sealer, about, mut bytes: Vec<u8>| {
            sealer.open(about, &mut bytes).map(|entry| entry.map(|entry| format!("{entry:?}")))
        };
        assert!(entry(&sealer, 9, opened.clone()).unwrap().unwrap().contains("id: \"a\", owner: None, revision: 3"));
        assert!(entry(&sealer, 8, opened.clone()).is_err(), "another item's");
        assert!(entry(&Sealer::new(&[8; 32]), 9, opened.clone()).is_err(), "another connector's");
        for at in 0..opened.len() {
            let mut flipped = opened.clone();
            flipped[at] ^= 1;
            assert!(entry(&sealer, 9, flipped).is_err(), "byte {at}");
        }
        assert_eq!(entry(&sealer, 9, vec![0; opened.len()]), Ok(None));
        assert!(entry(&sealer, 9, vec![1; 3]).is_err());
    }

    #[test]
    fn equal_texts_do_not_look_alike() {
        let mut sealer = Sealer::new(&[7; 32]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 * SALTS_AT_ONCE {
            let mut bytes = Vec::new();
            let entry = Entry { previous: None, part: Private::Subject("same".into()) };
            sealer.seal(0, &entry, &mut bytes).unwrap();
            assert!(seen.insert(bytes));
        }
    }
}
