//! Where we are in an export: JSON.

use kit::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// Ids remembered, so that equal ones get a number. Posts of one moment stand near each other.
const RECENT_MAX: usize = 400;

/// A place in an export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// Byte at which the next line begins.
    pub(crate) at: u64,
    /// Items of that line that were given already: a post may have more replies than a page may have items.
    pub(crate) given: usize,
    /// Hashes of the last posts' ids, before that line.
    recent: Vec<u64>,
}

impl Cursor {
    /// How many of the last ids were this one; remembers it.
    pub(crate) fn ordinal(&mut self, id: &str) -> usize {
        // FNV-1a. Two ids of one hash would be numbered without need, and the same in every reading.
        let hash = id
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let ordinal = self.recent.iter().filter(|known| **known == hash).count();
        if self.recent.len() >= RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(hash);
        ordinal
    }

    /// As the host keeps it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|_| {
            Error::new(ErrorKind::Rejected, "cursor-unknown", "the stored cursor was not written by this `mattermost`")
                .hint("put the export into the folder anew")
        })
    }
}
