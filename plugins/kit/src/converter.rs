//! `chancery:connector/converter`.

use crate::{descriptor::Descriptor, types::*};

/// A person and their mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// As the source knows them.
    pub person: Person,
    /// Their mailbox.
    pub mailbox: Option<String>,
}

/// What a message may say of an attachment's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They go in.
    Present,
    /// They stay out because of a limit.
    Withheld(Withheld),
    /// The source did not have them.
    Missing(String),
}

/// A file of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: Option<String>,
    /// Media type.
    pub media_type: Option<String>,
    /// Size.
    pub size: Option<u64>,
    /// SHA-256 in hex.
    pub sha256: Option<String>,
    /// Whether the bytes go in.
    pub state: State,
}

/// An item to convert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The source's id.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// Revision.
    pub revision: u32,
    /// Index into the batch's conversations.
    pub conversation: u32,
    /// Index into the batch's people.
    pub sender: Option<u32>,
    /// Indices into the batch's people.
    pub participants: Vec<u32>,
    /// Which way.
    pub direction: Option<Direction>,
    /// When.
    pub sent_at: Timestamp,
    /// Zone.
    pub zone: Option<String>,
    /// Text.
    pub text: Option<String>,
    /// Text before.
    pub previous_text: Option<String>,
    /// The other item.
    pub refers_to: Option<Reference>,
    /// Call.
    pub call: Option<Call>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Room to grow.
    pub extensions: Extensions,
}

/// Items and the tables they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Source's name.
    pub source: String,
    /// Account id.
    pub account: String,
    /// People.
    pub people: Vec<Party>,
    /// Conversations.
    pub conversations: Vec<Conversation>,
    /// Items.
    pub items: Vec<Item>,
    /// Settings, JSON.
    pub settings: String,
}

/// Where an attachment goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Offset in the skeleton.
    pub offset: u32,
    /// Index into the batch's items.
    pub item: u32,
    /// Index into the item's attachments.
    pub attachment: u32,
}

/// A message without attachment bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// RFC 5322 bytes.
    pub skeleton: Vec<u8>,
    /// Splices.
    pub splices: Vec<Splice>,
    /// Items covered.
    pub items: Vec<u32>,
}

/// An item that could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Items concerned.
    pub items: Vec<u32>,
    /// Reason code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// A converter's logic.
pub trait Converter {
    /// `describe`.
    fn describe() -> Descriptor;
    /// `convert`.
    fn convert(batch: Batch) -> Vec<Result<Message, Failure>>;
}
