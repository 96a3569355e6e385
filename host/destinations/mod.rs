//! Where copies go. One trait; one file a destination.
//!
//! What lives here: everything that knows a foreign mailbox protocol, and the per-mailbox locks. What may not: items,
//! mapping, the ledger. A destination is handed finished messages and answers for each copy; it never decides what
//! follows a failure, and it never sends again on its own.

mod directory;
pub mod eml;
pub mod graph;
pub mod imap;
mod inventory;
mod locks;
pub mod maildir;
mod names;
mod pieces;
pub mod smtp;

use std::{collections::HashSet, io, sync::Arc};

use futures::future::BoxFuture;

use crate::item::{BlobSource, Failure, Message, TimestampMs};

pub use directory::Mailboxes;
pub use inventory::{Asked, Lies, Mark, Note, Sighting};
pub use locks::{MailboxGuard, MailboxLocks};

/// What a destination can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Largest message; above it attachments are withheld.
    pub message_bytes_max: Option<u64>,
    /// Copies of one group.
    pub group_copies_max: usize,
    /// Copies worth gathering over pages before any is written; 0 where those of a page are enough.
    pub gather_copies: usize,
}

/// One copy to be written.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The mailbox's address, as [`Destination::lookup`] gave it.
    pub mailbox: Arc<str>,
    /// The message.
    pub message: Message,
    /// Its date: what the mailbox shows as received.
    pub received_at_ms: TimestampMs,
}

/// What became of one copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// Durably there now; the token finds it again (at most 64 bytes), empty where the message alone does.
    Stored(Vec<u8>),
    /// It was there before, byte for byte.
    AlreadyThere(Vec<u8>),
    /// This copy will never be taken; the others of the group are not concerned.
    Refused(Failure),
}

/// One thing that a check found, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be.
    pub is_good: bool,
    /// One line.
    pub text: String,
    /// What mends it.
    pub hint: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(text: impl Into<String>) -> Self {
        Self { is_good: true, text: text.into(), hint: None }
    }

    /// Would keep copies from arriving, and what mends it.
    pub fn bad(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { is_good: false, text: text.into(), hint: Some(hint.into()) }
    }
}

impl From<Failure> for Finding {
    fn from(failure: Failure) -> Self {
        let text = format!("{} ({})", failure.message, failure.code);
        Self { is_good: false, text, hint: failure.hint }
    }
}

/// Is shown a message with its SHA-256.
pub type Show<'a> = dyn FnMut([u8; 32], &[u8]) -> io::Result<()> + Send + 'a;

/// A place that holds mailboxes.
///
/// A caller holds the [`MailboxLocks`] of every mailbox it delivers to. An error of [`Destination::deliver`] leaves
/// the whole group in doubt: the caller asks [`Destination::present`] before it sends any of it again.
pub trait Destination: Send + Sync {
    /// Names the place across the host (`maildir:/srv/mail`): what locks are kept by.
    fn identity(&self) -> &str;

    /// What it can take.
    fn capabilities(&self) -> Capabilities;

    /// For each address, the mailbox's canonical address, or none when there is no such mailbox.
    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>>;

    /// Writes a group that may span mailboxes; one answer a copy, in order, once all of them are durable.
    fn deliver(
        &self,
        group: Vec<Delivery>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'_, Result<Vec<Delivered>, Failure>>;

    /// Shows every message of the mailbox whose SHA-256 is wanted, each once.
    fn read_back<'a>(
        &'a self,
        mailbox: &'a str,
        wanted: HashSet<[u8; 32]>,
        show: &'a mut Show<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Tells what the mailbox holds: of what is asked for, each message once, in no order. Nothing is changed, and nothing
    /// made; memory does not grow with the mailbox.
    ///
    /// # Errors
    /// `mailbox-gone` or the like when the mailbox cannot be looked into: then nothing may be said of it.
    fn inventory<'a>(
        &'a self,
        mailbox: &'a str,
        asked: Asked<'a>,
        note: &'a mut Note<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Looks at everything that delivering needs, as far as it goes, and changes no mailbox. `mailboxes` are some that
    /// copies may go to, as [`Destination::lookup`] gave them; which of them are tried is the destination's choice.
    fn check<'a>(&'a self, mailboxes: &'a [String]) -> BoxFuture<'a, Vec<Finding>>;

    /// For each copy that is in doubt, the token when it is there.
    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>>;
}
