//! Where we are in a file: JSON.

use kit::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// Hashes of records remembered, so that equal ones get a number.
const RECENT_MAX: usize = 200;

/// A place in a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// Byte of the next record.
    pub(crate) at: u64,
    /// Records met.
    pub(crate) found: u64,
    /// What the file says of their number.
    pub(crate) count: Option<u64>,
    /// All records are read; the count remains.
    pub(crate) ended: bool,
    /// Hashes of the last records.
    pub(crate) recent: Vec<String>,
}

impl Cursor {
    /// How many of the last records had this hash; remembers it.
    pub(crate) fn ordinal(&mut self, hash: &str) -> usize {
        let ordinal = self.recent.iter().filter(|known| *known == hash).count();
        if self.recent.len() >= RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(hash.to_owned());
        ordinal
    }

    /// As the host keeps it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|_| {
            Error::new(ErrorKind::Rejected, "cursor-unknown", "the stored cursor was not written by this `sms-backup`")
                .hint("put the file into the folder anew")
        })
    }
}
