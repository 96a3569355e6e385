//! Items and what they refer to, as the host keeps them. Field meanings are those of `wit/types.wit`.

use serde::{Deserialize, Serialize};

use super::{blob::BlobRef, time::TimestampMs};

/// Further named values.
pub type Extensions = Vec<(String, String)>;

/// Somebody who took part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The source's own id; the key of a mapping file.
    pub id: String,
    /// Display name.
    pub name: Option<String>,
    /// Phone number as the source writes it.
    pub phone: Option<String>,
    /// The item's e-mail property of this person.
    pub email: Option<String>,
    /// One of the organisation's users, says the source.
    pub internal: bool,
    /// Room to grow.
    pub extensions: Extensions,
}

/// What sort of place a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConversationKind {
    /// Two people.
    Direct,
    /// A group.
    Group,
    /// A channel.
    Channel,
    /// Anything else.
    Other,
}

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// The thread key.
    pub id: String,
    /// What sort of place.
    pub kind: ConversationKind,
    /// The name people see.
    pub title: Option<String>,
    /// Room to grow.
    pub extensions: Extensions,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Something was written or sent.
    Message,
    /// A call.
    Call,
    /// An earlier item was changed.
    Edit,
    /// An earlier item was taken back.
    Deletion,
    /// A reaction.
    Reaction,
    /// Somebody joined, left; settings changed.
    Membership,
    /// A file by itself.
    File,
    /// A line of the app itself.
    Notice,
    /// Unknown, kept verbatim.
    Other,
}

impl Event {
    /// Every event, in the order of their stored numbers.
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::Call,
        Self::Edit,
        Self::Deletion,
        Self::Reaction,
        Self::Membership,
        Self::File,
        Self::Notice,
        Self::Other,
    ];

    /// The stable kebab-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Call => "call",
            Self::Edit => "edit",
            Self::Deletion => "deletion",
            Self::Reaction => "reaction",
            Self::Membership => "membership",
            Self::File => "file",
            Self::Notice => "notice",
            Self::Other => "other",
        }
    }
}

/// Which way, seen from the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Received.
    Incoming,
    /// Sent.
    Outgoing,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CallOutcome {
    /// Picked up.
    Answered,
    /// Not picked up.
    Missed,
    /// Refused.
    Declined,
    /// Could not be set up.
    Failed,
    /// The source does not say.
    Unknown,
}

/// A call's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Call {
    /// Video?
    pub video: bool,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Length.
    pub duration_ms: Option<u64>,
}

/// Names another item of the account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// Its id.
    pub id: String,
    /// Its event.
    pub event: Event,
    /// Its revision.
    pub revision: u32,
}

/// Whether an attachment's bytes are there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Content {
    /// In the stage.
    Present(BlobRef),
    /// Over a limit.
    Withheld {
        /// Stable code.
        reason: String,
        /// The limit in bytes.
        limit_bytes: Option<u64>,
    },
    /// The source does not have them; a stable code.
    Missing(String),
}

/// A file of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attachment {
    /// File name.
    pub name: Option<String>,
    /// Media type.
    pub media_type: Option<String>,
    /// Size in bytes, where known.
    pub size: Option<u64>,
    /// The bytes, or why not.
    pub content: Content,
    /// Room to grow.
    pub extensions: Extensions,
}

/// One thing that happened in a chat. People and conversations are indices into its page's tables, which the sandbox
/// has checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Item {
    /// The source's own id.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// Revision.
    pub revision: u32,
    /// Index into the page's conversations.
    pub conversation: u32,
    /// Index into the page's people.
    pub sender: Option<u32>,
    /// Whose archive it was found in.
    pub owner: Option<u32>,
    /// Everybody who took part, each once.
    pub participants: Vec<u32>,
    /// Which way.
    pub direction: Option<Direction>,
    /// When.
    pub sent_at_ms: TimestampMs,
    /// The source's zone.
    pub zone: Option<String>,
    /// Text.
    pub text: Option<String>,
    /// Text before an edit or deletion.
    pub previous_text: Option<String>,
    /// The other item.
    pub refers_to: Option<Reference>,
    /// A call's facts.
    pub call: Option<Call>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// As the source wrote it.
    pub original: Option<Vec<u8>>,
    /// Room to grow.
    pub extensions: Extensions,
}

/// Something a source could not make an item of; parked whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unreadable {
    /// Stable id.
    pub id: String,
    /// Reason code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// When, where known.
    pub sent_at_ms: Option<TimestampMs>,
    /// The bytes.
    pub original: Vec<u8>,
}

/// What one `pull` returned, checked: indices hold, limits are kept, blobs are in the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// People.
    pub people: Vec<Person>,
    /// Conversations.
    pub conversations: Vec<Conversation>,
    /// Items.
    pub items: Vec<Item>,
    /// Unreadable.
    pub unreadable: Vec<Unreadable>,
    /// Where the next page begins; none on the last.
    pub cursor: Option<Vec<u8>>,
    /// On the last page: what to remember.
    pub bookmark: Option<Vec<u8>>,
    /// 0 to 1000.
    pub progress: Option<u32>,
}
