//! Secrets that are handed out, and how they are kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::item::{Failure, NextMove, hex, unhex};

/// Bytes of randomness: far above what can be guessed, so that a plain hash is enough to keep it.
const SECRET_BYTES: usize = 32;

/// The SHA-256 of a secret. Looking one up by it tells nothing by its timing: who can choose hashes cannot choose
/// secrets that have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept([u8; 32]);

impl Kept {
    pub(super) fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret()).into())
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unhex(&text).map(Self).ok_or_else(|| D::Error::custom("no SHA-256"))
    }
}

/// A new secret, in letters that fit a cookie, a header and a link.
pub(super) fn new(prefix: &str) -> Result<SecretString, Failure> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        Failure::new("people-file", NextMove::Stop, format!("the system gives no random numbers: {error}"))
    })?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
    Ok(SecretString::from(format!("{prefix}{}", *text)))
}
