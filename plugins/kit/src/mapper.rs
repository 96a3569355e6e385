//! `chancery:connector/mapper`.

use crate::{descriptor::Descriptor, types::*};

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// Line from 1; 0 for the whole file.
    pub line: u32,
    /// Stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// What a mapping file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Usable rows.
    pub rows: u32,
    /// Mailboxes.
    pub mailboxes: u32,
    /// Problems.
    pub problems: Vec<RowProblem>,
    /// Room to grow.
    pub extensions: Extensions,
}

/// A participant at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who.
    pub person: Person,
    /// When.
    pub at: Timestamp,
}

/// Why one of ours has no mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Reason code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The mailbox.
    Mailbox(String),
    /// Not one of ours.
    Outside,
    /// One of ours without a mailbox.
    Broken(Broken),
}

/// A row as understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Line from 1.
    pub line: u32,
    /// Key.
    pub key: String,
    /// Mailbox.
    pub mailbox: String,
    /// First instant.
    pub valid_from: Option<Timestamp>,
    /// First instant after.
    pub valid_to: Option<Timestamp>,
}

/// The directory a mapper may ask.
pub trait Directory {
    /// For each address, the mailbox's canonical address or none.
    fn lookup(&mut self, addresses: &[String]) -> Vec<Option<String>>;
}

/// A mapper's logic: what `load` made of a file and the settings.
pub trait Mapper: Sized {
    /// `describe`.
    fn describe() -> Descriptor;
    /// `load`.
    fn load(mapping: &[u8], settings: &str) -> Result<(Self, Summary), Error>;
    /// `rows`.
    fn rows(&self, offset: u32, max: u32) -> Vec<Row>;
    /// `resolve`.
    fn resolve(&self, directory: &mut dyn Directory, questions: Vec<Question>) -> Result<Vec<Resolution>, Error>;
}

/// The answer to `resolve` before any `load`.
pub fn not_loaded() -> Error {
    Error::new(ErrorKind::Other, "not-loaded", "`resolve` was called before `load`: there is no mapping to answer from")
}
