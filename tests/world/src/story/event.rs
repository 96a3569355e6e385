//! What happened in a story, before it becomes the site's JSON.

/// One event. It may be delivered once per owner.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The event's id, the same for every owner.
    pub(crate) key: String,
    /// The time the site writes into the item.
    pub(crate) stated_ms: i64,
    /// The time the site files the item under: the stated one unless that cannot be true.
    pub(crate) filed_ms: i64,
    /// When the site first shows it; later than `filed_ms` for a phone that was offline.
    pub(crate) visible_from_ms: i64,
    /// Index into the story's chats.
    pub(crate) chat: usize,
    /// Index into the cast.
    pub(crate) sender: usize,
    pub(crate) kind: Kind,
    pub(crate) form: Form,
    pub(crate) text: Option<String>,
    /// What makes `text` unique.
    pub(crate) marker: Option<String>,
    /// Index of the quoted event.
    pub(crate) reply_to: Option<usize>,
    /// Indices into the story's attachments.
    pub(crate) attachments: Vec<usize>,
}

/// What sort of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    File,
    Call {
        video: bool,
        outcome: &'static str,
        duration_s: Option<u32>,
    },
    /// Carries the index of what was changed.
    Edit {
        of: usize,
    },
    /// Carries the index of what was taken back.
    Deletion {
        of: usize,
        scope: &'static str,
        state: &'static str,
    },
    /// A kind no reader knows.
    Poll,
}

impl Kind {
    /// The wire's `type`.
    pub(crate) const fn wire_name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::File => "file",
            Self::Call { .. } => "call",
            Self::Edit { .. } => "edit",
            Self::Deletion { .. } => "deletion",
            Self::Poll => "poll",
        }
    }

    /// The name of the contract's event.
    pub(crate) const fn event_name(self) -> &'static str {
        match self {
            Self::Poll => "other",
            known => known.wire_name(),
        }
    }
}

/// How much of the item the site knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Everything.
    Full,
    /// Everything but e-mail properties.
    WithoutEmail,
    /// Recipients, text, group and time, and nothing else; delivered once.
    Short,
}
