//! A signed note: lines of `key value`, then the host's Ed25519 signature over exactly those lines.
//!
//! ```text
//! chancery checkpoint 1
//! connector whatsapp
//! …
//! signature <128 hex digits>
//! ```
//!
//! One note has one text: keys come in a fixed order, numbers in decimal, bytes in lower-case hex. The signature covers
//! every byte before `signature `. People can read it, and any tool that knows Ed25519 can check it.

use ed25519_dalek::VerifyingKey;

use super::keys::{hex, signed_by, unhex};

const SIGNATURE: &str = "signature ";

/// Puts a signature under `text`, which ends in a newline.
pub(super) fn close(text: &str, signature: &[u8; 64]) -> String {
    format!("{text}{SIGNATURE}{}\n", hex(signature))
}

/// The text of a note whose signature is that of one of `keys`.
pub(super) fn open<'a>(note: &'a [u8], keys: &[VerifyingKey]) -> Result<&'a str, &'static str> {
    let (text, signature) = split(note)?;
    if keys.iter().any(|key| signed_by(key, text.as_bytes(), &signature)) {
        Ok(text)
    } else {
        Err("its signature is not this host's")
    }
}

/// The text of a note and its signature, which is not checked.
pub(super) fn split(note: &[u8]) -> Result<(&str, [u8; 64]), &'static str> {
    let note = std::str::from_utf8(note).map_err(|_| "it is not text")?;
    let at = note.rfind(SIGNATURE).ok_or("it has no signature")?;
    let (text, last) = note.split_at(at);
    let signature = last
        .strip_prefix(SIGNATURE)
        .and_then(|rest| rest.strip_suffix('\n'))
        .and_then(unhex::<64>)
        .ok_or("its signature is not 128 hex digits")?;
    if !text.ends_with('\n') {
        return Err("its signature does not begin a line");
    }
    Ok((text, signature))
}

/// Reads the lines of a note in order.
pub(super) struct Lines<'a> {
    lines: std::str::Lines<'a>,
}

impl<'a> Lines<'a> {
    /// Begins at the first line.
    pub(super) fn new(text: &'a str) -> Self {
        Self { lines: text.lines() }
    }

    /// The value of the next line, which must have this key.
    pub(super) fn value(&mut self, key: &str) -> Option<&'a str> {
        self.lines.next()?.strip_prefix(key)?.strip_prefix(' ')
    }

    /// The value of the next line as a number.
    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        self.value(key)?.parse().ok()
    }

    /// The value of the next line as 32 bytes.
    pub(super) fn digest(&mut self, key: &str) -> Option<[u8; 32]> {
        unhex(self.value(key)?)
    }
}
