//! The values of the index besides rows and ids.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    item::Interval,
    state::{
        counts::Counts,
        error::StateError,
        fact::EntryRef,
        ledger::Position,
        window::{Pins, WindowKind, WindowState},
    },
};

use super::{generation::broken, ids::RunSummary};

/// What the index knows of the ledger as a whole; written last, in one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::state) struct Meta {
    /// Everything before it is in the index.
    pub(super) position: Position,
    /// Whether the counts of pages and windows are right as of the position; not so in the middle of a rebuild.
    pub(super) counted: bool,
    pub(super) globals: Globals,
    pub(super) runs: Vec<RunSummary>,
    pub(super) next_run: u64,
}

/// What is known of a connector as a whole; exactly as of the last applied fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::state) struct Globals {
    pub(in crate::state) next_ordinal: u64,
    pub(in crate::state) next_window: u64,
    /// The end of the last live window that was opened.
    pub(in crate::state) covered_until_ms: Option<i64>,
    /// Where the newest bookmark stands.
    pub(in crate::state) bookmark: Option<EntryRef>,
    /// The latest the host's clock has been at a group.
    pub(in crate::state) at_ms: Option<i64>,
    /// The newest accepted loss of records.
    pub(in crate::state) loss: Option<Loss>,
    /// Rotations of the signing key recorded so far.
    pub(in crate::state) rotations: u64,
}

/// A loss of records that a person accepted, or that a restored backup means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::state) struct Loss {
    /// The group that records it: what the lost records were numbered from.
    pub(in crate::state) group: u64,
    /// The host's clock.
    pub(in crate::state) at_ms: i64,
}

impl Loss {
    /// Whether a statement signed at `at_ms` in a group of this number may have been among the lost records. What was
    /// signed after the loss was accepted is not explained by it: that was lost, or taken away, anew.
    pub(in crate::state) fn explains(&self, group: u64, at_ms: i64) -> bool {
        self.group <= group && at_ms < self.at_ms
    }
}

impl Globals {
    pub(super) fn start() -> Self {
        Self {
            next_ordinal: 1,
            next_window: 1,
            covered_until_ms: None,
            bookmark: None,
            at_ms: None,
            loss: None,
            rotations: 0,
        }
    }
}

/// A window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::state) struct Window {
    pub(in crate::state) kind: WindowKind,
    pub(in crate::state) interval: Interval,
    pub(in crate::state) pins: Pins,
    pub(in crate::state) subject: Option<EntryRef>,
    pub(in crate::state) state: WindowState,
    pub(in crate::state) counts: Counts,
    pub(in crate::state) pages: u32,
    /// The last page staged was the source's last.
    pub(in crate::state) read_to_end: bool,
    /// The last page's entry, with cursor and bookmark.
    pub(in crate::state) last_page: Option<EntryRef>,
    pub(in crate::state) source_total: Option<u64>,
    pub(in crate::state) opened_at_ms: i64,
    pub(in crate::state) closed_at_ms: Option<i64>,
    pub(in crate::state) sealed_at_ms: Option<i64>,
    /// The last group that changed an item of it, and that which sealed it last.
    pub(in crate::state) changed_group: u64,
    pub(in crate::state) sealed_group: u64,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::state) struct Page {
    pub(in crate::state) name: [u8; 32],
    pub(in crate::state) first: u64,
    pub(in crate::state) items: u32,
    pub(in crate::state) counts: Counts,
}

impl Page {
    /// Whether the stage must keep it.
    pub(super) fn is_live(&self) -> bool {
        self.name != [0; 32] && (self.counts.in_flight() > 0 || self.counts.items.parked > 0)
    }
}

/// A value with the group up to which it is: that number little-endian, then `postcard`.
pub(super) fn encode<T: Serialize>(connector: &str, as_of: u64, value: &T) -> Result<Vec<u8>, StateError> {
    postcard::to_extend(value, as_of.to_le_bytes().to_vec()).map_err(|error| broken(connector, &error))
}

/// Reads such a value.
pub(super) fn decode<T: DeserializeOwned>(connector: &str, bytes: &[u8]) -> Result<(u64, T), StateError> {
    let Some((as_of, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(broken(connector, &"a value is cut short"));
    };
    let value = postcard::from_bytes(rest).map_err(|error| broken(connector, &error))?;
    Ok((u64::from_le_bytes(*as_of), value))
}

/// A page's key.
pub(super) fn page_key(window: u64, page: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&window.to_be_bytes());
    key[8..].copy_from_slice(&page.to_be_bytes());
    key
}
