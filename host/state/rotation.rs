//! A new signing key, signed by the one before it.
//!
//! ```text
//! chancery key 1
//! number 1
//! previous <64 hex digits>      (the public key that signs this)
//! public <64 hex digits>        (the one that signs everything after it)
//! at-ms 1793578500000
//! accepted <128 hex digits>     (the new key's signature over the lines above)
//! signature <128 hex digits>    (the previous key's, over everything above)
//! ```
//!
//! The note stands in every ledger (fact `key rotated`), exactly between what the one key signed and what the other
//! signs: who trusts any key of the chain can follow it to the others. As the same bytes it lies in
//! `keys/<number:04>.rotation`. A ledger that is begun later begins with all of them.

use std::path::Path;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::{
    error::StateError,
    files::{list, read_if_there},
    keys::{hex, signed_by, unhex},
    note::{self, Lines},
};

/// One step of the chain of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) number: u64,
    pub(super) previous: VerifyingKey,
    pub(super) public: VerifyingKey,
    /// As it is recorded.
    pub(super) note: Vec<u8>,
}

impl Rotation {
    /// Both keys sign that the new one follows.
    pub(super) fn sign(number: u64, old: &SigningKey, new: &SigningKey, at_ms: i64) -> Self {
        let (previous, public) = (old.verifying_key(), new.verifying_key());
        let lines = format!(
            "chancery key 1\nnumber {number}\nprevious {}\npublic {}\nat-ms {at_ms}\n",
            hex(previous.as_bytes()),
            hex(public.as_bytes())
        );
        let text = format!("{lines}accepted {}\n", hex(&new.sign(lines.as_bytes()).to_bytes()));
        let note = note::close(&text, &old.sign(text.as_bytes()).to_bytes()).into_bytes();
        Self { number, previous, public, note }
    }

    /// Reads a note and checks both signatures.
    pub(super) fn parse(note: &[u8]) -> Result<Self, &'static str> {
        const WHAT: &str = "the note of a key's rotation cannot be read";
        let text = std::str::from_utf8(note).map_err(|_| WHAT)?;
        let mut lines = Lines::new(text);
        let key = |bytes: Option<[u8; 32]>| bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        let read = || {
            (lines.value("chancery")? == "key 1").then_some(())?;
            let (number, previous) = (lines.number("number")?, key(lines.digest("previous"))?);
            let (public, _) = (key(lines.digest("public"))?, lines.value("at-ms")?);
            Some((number, previous, public, unhex::<64>(lines.value("accepted")?)?))
        };
        let (number, previous, public, accepted) = { read }().ok_or(WHAT)?;
        let signed = note::open(note, &[previous])?;
        let before = signed.rfind("accepted ").map(|at| &signed[..at]).ok_or(WHAT)?;
        if !signed_by(&public, before.as_bytes(), &accepted) {
            return Err("the new key did not sign its rotation");
        }
        Ok(Self { number, previous, public, note: note.to_vec() })
    }

    /// The name of its file.
    pub(super) fn file_name(number: u64) -> String {
        format!("{number:04}.rotation")
    }
}

/// The rotations that lie in a folder of keys, in order, each following the one before.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Rotation>, StateError> {
    let mut rotations: Vec<Rotation> = Vec::new();
    for (name, path) in list(folder)? {
        if !name.ends_with(".rotation") {
            continue;
        }
        let wrong = |why: &str| StateError::Key { path: path.clone(), why: why.into() };
        let note = read_if_there(&path)?.unwrap_or_default();
        let rotation = Rotation::parse(&note).map_err(wrong)?;
        let follows = rotation.number == rotations.len() as u64 + 1
            && rotations.last().is_none_or(|last| last.public == rotation.previous);
        if !follows {
            return Err(wrong("it does not follow the rotation before it"));
        }
        rotations.push(rotation);
    }
    Ok(rotations)
}
