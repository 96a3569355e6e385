//! Questions to a mapper and its answers; meanings are those of `wit/mapper.wit`.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{chat::Person, failure::Failure, time::TimestampMs};

/// Which addresses are mailboxes, as a connector's destinations know. The pipeline implements it, records the answers
/// and pins them to the window; the sandbox hands them to the mapper.
pub trait DirectoryLookup: Send + Sync {
    /// For each address, the mailbox's canonical address, or none when there is no such mailbox. One answer an
    /// address, in order.
    ///
    /// # Errors
    /// When a destination cannot be asked: it ends the mapper's call and never reaches the guest.
    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>>;
}

/// A participant at a time.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who.
    pub person: &'a Person,
    /// When.
    pub at_ms: TimestampMs,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Resolution {
    /// The mailbox's address.
    Mailbox(String),
    /// Not one of ours.
    Outside,
    /// One of ours without a mailbox.
    Broken {
        /// Reason code.
        code: String,
        /// One sentence with what would mend it.
        message: String,
    },
}

/// A row of a mapping file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// Line from 1; 0 for the whole file.
    pub line: u32,
    /// Stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// What a mapping file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MappingSummary {
    /// Usable rows.
    pub rows: u32,
    /// Mailboxes they name.
    pub mailboxes: u32,
    /// Rows that cannot be used.
    pub problems: Vec<RowProblem>,
    /// Whether an answer may depend on a question's time.
    pub depends_on_time: bool,
}

/// A row as understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingRow {
    /// Line from 1.
    pub line: u32,
    /// Key.
    pub key: String,
    /// Mailbox.
    pub mailbox: String,
    /// First instant it holds.
    pub valid_from_ms: Option<TimestampMs>,
    /// First instant it no longer holds.
    pub valid_to_ms: Option<TimestampMs>,
}
