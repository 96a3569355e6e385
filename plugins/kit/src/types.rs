//! `chancery:connector/types`.

/// Milliseconds since 1970-01-01T00:00:00Z, UTC.
pub type Timestamp = i64;

/// Further named values.
pub type Extensions = Vec<(String, String)>;

/// What the host does about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Passing trouble.
    Retry,
    /// Asked to slow down.
    RateLimited,
    /// A person must sign in again.
    Denied,
    /// Final for this input.
    Rejected,
    /// A person must change a setting.
    Misconfigured,
    /// Anything else.
    Other,
}

/// Why a call did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What the host does about it.
    pub kind: ErrorKind,
    /// Stable kebab-case reason.
    pub code: String,
    /// One sentence for the operator.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
    /// Least time to wait.
    pub retry_after_ms: Option<u64>,
    /// Room to grow.
    pub extensions: Extensions,
}

impl Error {
    /// An error of this kind with a stable code and one sentence.
    pub fn new(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            retry_after_ms: None,
            extensions: Vec::new(),
        }
    }

    /// Adds the operator's next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the least time to wait.
    #[must_use]
    pub fn retry_after_ms(mut self, wait_ms: u64) -> Self {
        self.retry_after_ms = Some(wait_ms);
        self
    }
}

/// Somebody who took part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The source's own id; the key of a mapping file.
    pub id: String,
    /// Display name.
    pub name: Option<String>,
    /// Phone number as written.
    pub phone: Option<String>,
    /// The item's e-mail property of this person.
    pub email: Option<String>,
    /// One of the organisation's users, says the source.
    pub internal: bool,
    /// Room to grow.
    pub extensions: Extensions,
}

/// What sort of place a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The stable kebab-case name, as in the contract.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Received.
    Incoming,
    /// Sent.
    Outgoing,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Video?
    pub video: bool,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Length.
    pub duration_ms: Option<u64>,
}

/// Names another item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its id.
    pub id: String,
    /// Its event.
    pub event: Event,
    /// Its revision.
    pub revision: u32,
}

/// Bytes the host holds for this call's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// This call's own number.
    pub handle: u32,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// A reason and the limit it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Stable code.
    pub reason: String,
    /// The limit in bytes.
    pub limit: Option<u64>,
}

/// Whether a source could bring an attachment's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The host holds them.
    Present(Blob),
    /// Over a limit.
    Withheld(Withheld),
    /// The source does not have them.
    Missing(String),
}

/// A file of an item, as a source brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: Option<String>,
    /// Media type.
    pub media_type: Option<String>,
    /// Size, where known.
    pub size: Option<u64>,
    /// The bytes, or why not.
    pub content: Content,
    /// Room to grow.
    pub extensions: Extensions,
}

/// One thing that happened in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Everybody who took part.
    pub participants: Vec<u32>,
    /// Which way.
    pub direction: Option<Direction>,
    /// When.
    pub sent_at: Timestamp,
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

/// A half-open interval `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant outside.
    pub end: Timestamp,
}
