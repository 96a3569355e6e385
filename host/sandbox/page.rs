//! Takes a page from a guest: checks it against the contract and carries it over.
//!
//! What a violation says is which item and which field, never what stood there. Odd text is not a violation: names
//! may hold anything, it is the converter's work to write them safely.

use crate::item::{
    Attachment, Content, Conversation, Item, Page, Person, Reference, Unreadable, chat::Extensions, limits,
};

use super::{
    blobs::BlobTable,
    contract::v1::{source::exports::chancery::connector::source, types},
    diagnostic::is_code,
    hex,
};

/// People or conversations of one page.
const TABLE_ROWS_MAX: usize = 1 << 16;
/// A sentence of a guest.
const SENTENCE_BYTES_MAX: usize = 4 << 10;

/// Why a page is refused; a sentence.
pub(super) type Violation = String;

/// Checks a page and carries it over. `asked` is the cursor it was asked for, `max_items` how many items.
pub(super) fn take(
    page: source::Page,
    blobs: &BlobTable,
    asked: Option<&[u8]>,
    max_items: u32,
) -> Result<Page, Violation> {
    let source::Page { people, conversations, items, unreadable, cursor, bookmark, progress, extensions } = page;
    check_extensions("the page", &extensions)?;
    at_most("the page", "items", items.len(), max_items as usize)?;
    at_most("the page", "unreadable", unreadable.len(), limits::PAGE_ITEMS_MAX as usize)?;
    at_most("the page", "people", people.len(), TABLE_ROWS_MAX)?;
    at_most("the page", "conversations", conversations.len(), TABLE_ROWS_MAX)?;
    let size_of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    at_most("the page", "bytes in `cursor`", size_of(&cursor), limits::CURSOR_BYTES_MAX)?;
    at_most("the page", "bytes in `bookmark`", size_of(&bookmark), limits::BOOKMARK_BYTES_MAX)?;
    if cursor.is_some() && cursor.as_deref() == asked {
        return Err("the page's `cursor` is the one it was asked for: it would never end".to_owned());
    }
    if cursor.is_some() && bookmark.is_some() {
        return Err("the page has a `cursor` and a `bookmark`: only the last page has a bookmark".to_owned());
    }
    if progress > Some(1_000) {
        return Err("the page's `progress` is over 1000".to_owned());
    }
    let tables = Tables { people: people.len(), conversations: conversations.len(), blobs };
    Ok(Page {
        people: take_people(people)?,
        conversations: each("conversation", conversations, take_conversation)?,
        items: each("item", items, |at, item| tables.take_item(at, item))?,
        unreadable: each("unreadable", unreadable, take_unreadable)?,
        cursor,
        bookmark,
        progress,
    })
}

/// Checks people and carries them over, for pages and rosters.
pub(super) fn take_people(people: Vec<types::Person>) -> Result<Vec<Person>, Violation> {
    each("person", people, |at, person| {
        let types::Person { id, name, phone, email, internal, extensions } = person;
        length(at, "id", id.len(), 1, limits::NAME_BYTES_MAX)?;
        for (field, value) in [("name", &name), ("phone", &phone), ("email", &email)] {
            text(at, field, value.as_deref(), limits::NAME_BYTES_MAX)?;
        }
        check_extensions(at, &extensions)?;
        Ok(Person { id, name, phone, email, internal, extensions })
    })
}

fn take_conversation(at: &str, conversation: types::Conversation) -> Result<Conversation, Violation> {
    let types::Conversation { id, kind, title, extensions } = conversation;
    length(at, "id", id.len(), 1, limits::NAME_BYTES_MAX)?;
    text(at, "title", title.as_deref(), limits::NAME_BYTES_MAX)?;
    check_extensions(at, &extensions)?;
    Ok(Conversation { id, kind: kind.into(), title, extensions })
}

fn take_unreadable(at: &str, unreadable: source::Unreadable) -> Result<Unreadable, Violation> {
    let source::Unreadable { id, code, message, sent_at, original, extensions } = unreadable;
    check_extensions(at, &extensions)?;
    length(at, "id", id.len(), 1, limits::ITEM_ID_BYTES_MAX)?;
    check_code(at, "code", &code)?;
    text(at, "message", Some(&message), SENTENCE_BYTES_MAX)?;
    length(at, "original", original.len(), 0, limits::ITEM_ORIGINAL_BYTES_MAX)?;
    Ok(Unreadable { id, code, message, sent_at_ms: sent_at, original })
}

/// What an item's numbers refer to.
struct Tables<'a> {
    people: usize,
    conversations: usize,
    blobs: &'a BlobTable,
}

impl Tables<'_> {
    fn take_item(&self, at: &str, item: types::Item) -> Result<Item, Violation> {
        length(at, "id", item.id.len(), 1, limits::ITEM_ID_BYTES_MAX)?;
        index(at, "conversation", item.conversation, self.conversations)?;
        self.check_participants(at, &item)?;
        text(at, "zone", item.zone.as_deref(), limits::NAME_BYTES_MAX)?;
        text(at, "text", item.text.as_deref(), limits::ITEM_TEXT_BYTES_MAX)?;
        text(at, "previous-text", item.previous_text.as_deref(), limits::ITEM_TEXT_BYTES_MAX)?;
        if let Some(reference) = &item.refers_to {
            length(at, "refers-to.id", reference.id.len(), 1, limits::ITEM_ID_BYTES_MAX)?;
        }
        at_most(at, "attachments", item.attachments.len(), limits::ITEM_ATTACHMENTS_MAX)?;
        length(at, "original", item.original.as_ref().map_or(0, Vec::len), 0, limits::ITEM_ORIGINAL_BYTES_MAX)?;
        check_extensions(at, &item.extensions)?;
        let attachments = item.attachments.into_iter().enumerate();
        let attachments = attachments.map(|(number, attachment)| self.take_attachment(at, number, attachment));
        Ok(Item {
            id: item.id,
            event: item.event.into(),
            revision: item.revision,
            conversation: item.conversation,
            sender: item.sender,
            owner: item.owner,
            participants: item.participants,
            direction: item.direction.map(Into::into),
            sent_at_ms: item.sent_at,
            zone: item.zone,
            text: item.text,
            previous_text: item.previous_text,
            refers_to: item.refers_to.map(|types::Reference { id, event, revision }| Reference {
                id,
                event: event.into(),
                revision,
            }),
            call: item.call.map(|types::Call { video, outcome, duration_ms }| crate::item::Call {
                video,
                outcome: outcome.into(),
                duration_ms,
            }),
            attachments: attachments.collect::<Result<_, _>>()?,
            original: item.original,
            extensions: item.extensions,
        })
    }

    /// Sender and owner must be among the participants: who is not there gets no copy.
    fn check_participants(&self, at: &str, item: &types::Item) -> Result<(), Violation> {
        at_most(at, "participants", item.participants.len(), limits::ITEM_PARTICIPANTS_MAX)?;
        for participant in &item.participants {
            index(at, "participants", *participant, self.people)?;
        }
        let mut sorted = item.participants.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!("{at}: `participants` names a person twice"));
        }
        for (field, person) in [("sender", item.sender), ("owner", item.owner)] {
            let Some(person) = person else { continue };
            index(at, field, person, self.people)?;
            if sorted.binary_search(&person).is_err() {
                return Err(format!("{at}: its `{field}` is not among the `participants`"));
            }
        }
        Ok(())
    }

    fn take_attachment(&self, at: &str, number: usize, attachment: types::Attachment) -> Result<Attachment, Violation> {
        let types::Attachment { name, media_type, size, content, extensions } = attachment;
        let at = &format!("{at}, attachment {number}");
        text(at, "name", name.as_deref(), limits::NAME_BYTES_MAX)?;
        text(at, "media-type", media_type.as_deref(), limits::NAME_BYTES_MAX)?;
        check_extensions(at, &extensions)?;
        let content = match content {
            types::Content::Present(blob) => match self.blobs.get(blob.handle) {
                Some(kept) if (blob.size, blob.sha256) == (kept.size, hex(&kept.sha256)) => {
                    Content::Present(kept.clone())
                }
                Some(_) => return Err(format!("{at}: `content` says another size or hash than the blob has")),
                None => return Err(format!("{at}: `content` names a blob that this call did not make")),
            },
            types::Content::Withheld(types::Withheld { reason, limit }) => {
                check_code(at, "content", &reason)?;
                Content::Withheld { reason, limit_bytes: limit }
            }
            types::Content::Missing(reason) => {
                check_code(at, "content", &reason)?;
                Content::Missing(reason)
            }
        };
        Ok(Attachment { name, media_type, size, content, extensions })
    }
}

/// Carries a list over, naming each element by its kind and number.
fn each<T, R>(
    kind: &str,
    list: Vec<T>,
    mut take: impl FnMut(&str, T) -> Result<R, Violation>,
) -> Result<Vec<R>, Violation> {
    let mut name = String::new();
    let mut taken = Vec::with_capacity(list.len());
    for (number, element) in list.into_iter().enumerate() {
        name.clear();
        // Writing into a String does not fail.
        let _ = std::fmt::Write::write_fmt(&mut name, format_args!("{kind} {number}"));
        taken.push(take(&name, element)?);
    }
    Ok(taken)
}

fn check_extensions(at: &str, extensions: &Extensions) -> Result<(), Violation> {
    at_most(at, "extensions", extensions.len(), limits::EXTENSIONS_MAX)?;
    for (name, value) in extensions {
        check_code(at, "extensions", name)?;
        length(at, "extensions", value.len(), 0, limits::NAME_BYTES_MAX)?;
    }
    Ok(())
}

fn check_code(at: &str, field: &str, code: &str) -> Result<(), Violation> {
    if is_code(code) {
        Ok(())
    } else {
        Err(format!("{at}: `{field}` is not a code of 1 to 64 characters of `a-z0-9-`"))
    }
}

fn index(at: &str, field: &str, index: u32, rows: usize) -> Result<(), Violation> {
    if (index as usize) < rows { Ok(()) } else { Err(format!("{at}: `{field}` is {index}, the table has {rows} rows")) }
}

fn text(at: &str, field: &str, text: Option<&str>, bytes_max: usize) -> Result<(), Violation> {
    length(at, field, text.map_or(0, str::len), 0, bytes_max)
}

fn length(at: &str, field: &str, bytes: usize, bytes_min: usize, bytes_max: usize) -> Result<(), Violation> {
    if bytes < bytes_min {
        return Err(format!("{at}: `{field}` is empty"));
    }
    if bytes > bytes_max {
        return Err(format!("{at}: `{field}` has {bytes} bytes, the limit is {bytes_max}"));
    }
    Ok(())
}

fn at_most(at: &str, what: &str, count: usize, max: usize) -> Result<(), Violation> {
    if count <= max { Ok(()) } else { Err(format!("{at} has {count} {what}, the limit is {max}")) }
}

#[cfg(test)]
mod tests;
