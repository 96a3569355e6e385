//! What goes into one `convert`: items of a page with the tables they share, borrowed, not copied.

use super::chat::{Conversation, Item, Person};

/// A person and the mailbox they were mapped to at the items' time.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// As the source knows them.
    pub person: &'a Person,
    /// Their mailbox; none: not one of ours, or not mapped.
    pub mailbox: Option<&'a str>,
}

/// What a message may say of an attachment's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState<'a> {
    /// They go in; the item's content is `Present`.
    Present,
    /// They stay out because of a limit.
    Withheld {
        /// Stable code.
        reason: &'a str,
        /// The limit in bytes.
        limit_bytes: Option<u64>,
    },
    /// The source did not have them.
    Missing(&'a str),
}

/// An item to convert. Its own indices point into its page; these point into the batch.
#[derive(Clone, Debug)]
pub struct BatchItem<'a> {
    /// The item.
    pub item: &'a Item,
    /// Index into the batch's conversations.
    pub conversation: u32,
    /// Index into the batch's people.
    pub sender: Option<u32>,
    /// Indices into the batch's people, each once.
    pub participants: Vec<u32>,
    /// One state for each of the item's attachments.
    pub attachments: Vec<AttachmentState<'a>>,
}

/// 1 to [`super::limits::CONVERT_ITEMS_MAX`] items and the tables they share.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The source plugin's name as configured.
    pub source: &'a str,
    /// The account's id.
    pub account: &'a str,
    /// The converter's settings, a JSON object.
    pub settings: &'a str,
    /// People.
    pub people: Vec<Party<'a>>,
    /// Conversations.
    pub conversations: Vec<&'a Conversation>,
    /// Items.
    pub items: Vec<BatchItem<'a>>,
}
