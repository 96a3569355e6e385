//! Ids that do not come from the vendor.

use sha2::{Digest, Sha256};

/// `prefix:` and 32 hex digits of the SHA-256 of length-prefixed parts, so that no two lists of parts look alike.
pub(crate) fn digest<'a>(prefix: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{prefix}:{}", hex(&hash.finalize()[..16]))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
