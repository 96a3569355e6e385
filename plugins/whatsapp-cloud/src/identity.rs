//! Ids that are stable and short enough.

use sha2::{Digest as _, Sha256};

use crate::limits::ID_BYTES_MAX;

/// The id itself, or its hash where it is too long.
pub(crate) fn short(id: String) -> String {
    let is_fit = !id.is_empty() && id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control);
    if is_fit { id } else { format!("sha256:{}", hash(id.as_bytes())) }
}

/// The first 128 bits of a SHA-256, as hex digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
