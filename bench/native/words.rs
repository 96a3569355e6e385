//! Carries values between the host's words and the plugin kit's.

use chancery::item::{self, AttachmentState, Content};
use kit::converter;

/// An enum of one side as the other side's, for enums with the same cases.
macro_rules! same {
    ($value:expr, $from:ident => $to:ident, $name:ident { $($case:ident),* }) => {
        match $value { $($from::$name::$case => $to::$name::$case),* }
    };
}

/// Every event, for [`same`].
macro_rules! event {
    ($value:expr, $from:ident => $to:ident) => {
        same!($value, $from => $to, Event { Message, Call, Edit, Deletion, Reaction, Membership, File, Notice, Other })
    };
}

pub(super) use {event, same};

/// A batch as the kit's converters take it.
pub(crate) fn batch(batch: &item::Batch<'_>) -> converter::Batch {
    converter::Batch {
        source: batch.source.to_owned(),
        account: batch.account.to_owned(),
        people: batch
            .people
            .iter()
            .map(|party| converter::Party { person: person(party.person), mailbox: party.mailbox.map(str::to_owned) })
            .collect(),
        conversations: batch.conversations.iter().map(|conversation| self::conversation(conversation)).collect(),
        items: batch.items.iter().map(batch_item).collect(),
        settings: batch.settings.to_owned(),
    }
}

/// A person as the kit has them.
pub(super) fn person(person: &item::Person) -> kit::Person {
    let item::Person { id, name, phone, email, internal, extensions } = person.clone();
    kit::Person { id, name, phone, email, internal, extensions }
}

fn conversation(conversation: &item::Conversation) -> kit::Conversation {
    let item::Conversation { id, kind, title, extensions } = conversation.clone();
    kit::Conversation {
        id,
        kind: same!(kind, item => kit, ConversationKind { Direct, Group, Channel, Other }),
        title,
        extensions,
    }
}

fn batch_item(entry: &item::BatchItem<'_>) -> converter::Item {
    let item = entry.item;
    converter::Item {
        id: item.id.clone(),
        event: event!(item.event, item => kit),
        revision: item.revision,
        conversation: entry.conversation,
        sender: entry.sender,
        participants: entry.participants.clone(),
        direction: item.direction.map(|direction| same!(direction, item => kit, Direction { Incoming, Outgoing })),
        sent_at: item.sent_at_ms,
        zone: item.zone.clone(),
        text: item.text.clone(),
        previous_text: item.previous_text.clone(),
        refers_to: item.refers_to.clone().map(|item::Reference { id, event, revision }| kit::Reference {
            id,
            event: event!(event, item => kit),
            revision,
        }),
        call: item.call.map(|item::Call { video, outcome, duration_ms }| kit::Call {
            video,
            outcome: same!(outcome, item => kit, CallOutcome { Answered, Missed, Declined, Failed, Unknown }),
            duration_ms,
        }),
        attachments: item.attachments.iter().zip(&entry.attachments).map(attachment).collect(),
        extensions: item.extensions.clone(),
    }
}

fn attachment((attachment, state): (&item::Attachment, &AttachmentState<'_>)) -> converter::Attachment {
    let sha256 = match &attachment.content {
        Content::Present(blob) => Some(hex(&blob.sha256)),
        Content::Withheld { .. } | Content::Missing(_) => None,
    };
    converter::Attachment {
        name: attachment.name.clone(),
        media_type: attachment.media_type.clone(),
        size: attachment.size,
        sha256,
        state: match *state {
            AttachmentState::Present => converter::State::Present,
            AttachmentState::Withheld { reason, limit_bytes } => {
                converter::State::Withheld(kit::Withheld { reason: reason.to_owned(), limit: limit_bytes })
            }
            AttachmentState::Missing(reason) => converter::State::Missing(reason.to_owned()),
        },
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
