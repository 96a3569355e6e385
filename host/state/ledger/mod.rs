//! One connector's ledger: groups of facts, each made durable before anybody is told that it holds.
//!
//! `ledger/<connector>/<number:016>.segment` holds the facts, `<number:016>.private` beside it the sealed entries they
//! commit to. All numbers are little-endian.
//!
//! | segment header, 94 bytes | |
//! |---|---|
//! | magic | `CHANLEDG` |
//! | format | u16, 1 |
//! | segment number | u64 |
//! | groups before this segment | u64 |
//! | connector | SHA-256 of `chancery connector 1\0` and its name |
//! | chain before this segment | 32 bytes |
//! | CRC-32 | u32, over everything before it |
//!
//! The sidecar's header has the same layout with the magic
//! `CHANPRIV`; its entries follow without framing, in the order of the facts that name them (see `sidecar`).
//!
//! | record | |
//! |---|---|
//! | length | u32, bytes of what follows the CRC |
//! | CRC-32 | u32, over the length and what follows the CRC |
//! | body | a fact (see `fact`), or a commit |
//!
//! | commit, 61 bytes | |
//! |---|---|
//! | kind | 0xff |
//! | group | u64, from 1, without gaps |
//! | facts | u32, records since the last commit |
//! | at | i64, the host's clock, milliseconds since the epoch |
//! | sealed | u64, length of the sidecar with this group's entries |
//! | SHA-256 | of the chain before, the group's records as they stand, and the commit up to here: the chain |
//!
//! Facts after the last commit never happened: nobody was told of them. They are dropped at open, and that is a fact.
//! A last group that is whole was perhaps never synced: unless the signed head names it, it is written and synced once
//! more before anybody acts on it (`Ledger::confirm`).
//! The sidecar is synced before the segment, so that no committed fact names an entry that is not there.

#[doc(hidden)]
pub(super) mod fuzz;
mod head;
mod local;
mod reader;
mod record;
#[cfg(test)]
pub(super) mod rewriting;
mod verify;
mod writer;

pub(super) use head::Head;
pub(super) use local::LocalFiles;
pub(super) use reader::{Group, Groups, Reading};
pub(super) use record::{FILE_HEADER_BYTES, first_chain};
pub use verify::LedgerReport;
pub(super) use verify::verify_connector;
pub(super) use writer::{Batch, Ledger};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::StateError;

/// A place between two groups: everything before it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Segment number.
    pub(super) segment: u64,
    /// Offset in the segment, where the next group begins.
    pub(super) offset: u64,
    /// Offset in its sidecar, where the next group's entries begin.
    pub(super) private: u64,
    /// Groups before.
    pub(super) group: u64,
    /// The chain so far.
    pub(super) chain: [u8; 32],
}

impl Position {
    /// Before the first group.
    pub(super) fn start(connector: &str) -> Self {
        let (offset, private) = (FILE_HEADER_BYTES, FILE_HEADER_BYTES);
        Self { segment: 0, offset, private, group: 0, chain: first_chain(connector) }
    }
}

/// Which of a segment's two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Facts.
    Facts,
    /// Sealed entries.
    Private,
}

/// Where a ledger is kept. Small on purpose: an object store with create-if-absent can offer it too.
///
/// Everything blocks. An error leaves what is stored unknown; the ledger then stops (see `Poisoned`) and looks again at
/// the next open.
pub(super) trait Storage: Send {
    /// Numbers of the segments, ascending. A sidecar without its segment does not count.
    fn segments(&self) -> Result<Vec<u64>, StateError>;
    /// Creates a segment with its sidecar, durably; replaces a sidecar without a segment.
    fn create(&mut self, segment: u64, facts: &[u8], private: &[u8]) -> Result<(), StateError>;
    /// Appends durably at `offset`; fails when the file does not end there, for then somebody else has written.
    fn append(&mut self, segment: u64, part: Part, offset: u64, bytes: &[u8]) -> Result<(), StateError>;
    /// Length in bytes.
    fn length(&self, segment: u64, part: Part) -> Result<u64, StateError>;
    /// Fills `bytes` from `offset`, or as much as there is; returns how much.
    fn read(&self, segment: u64, part: Part, offset: u64, bytes: &mut [u8]) -> Result<usize, StateError>;
    /// Writes the bytes from `offset` to the end once more, makes them durable, and the file's name too.
    ///
    /// For what a process wrote and did not live to see synced: it can be read, but a power cut may still take it. A
    /// sync alone would not do, for after one that failed the system may hold the bytes to be safe.
    fn renew(&mut self, segment: u64, part: Part, offset: u64) -> Result<(), StateError>;
    /// Drops an unfinished tail, durably.
    fn truncate(&mut self, segment: u64, part: Part, length: u64) -> Result<(), StateError>;
    /// Removes an empty last segment whose creation was cut off, durably.
    fn remove(&mut self, segment: u64) -> Result<(), StateError>;
    /// Overwrites a sealed entry with zeros, durably: the one change in place, made to erase.
    fn erase(&mut self, segment: u64, offset: u64, length: u64) -> Result<(), StateError>;
    /// The name for error messages.
    fn path(&self, segment: u64, part: Part) -> PathBuf;
}
