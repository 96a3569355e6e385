//! The ids of conversations and items: versioned hashes of what an export says again when it is made again.
//!
//! - Conversation: the title as [`crate::title`] normalises it, and for everything that is not surely a group the
//!   owner too, because the title of a direct chat is the other person's name. Without a title, the file's path.
//! - Item: the conversation, the written local minute (not the zone, not the instant, not the seconds, which only
//!   iOS writes), the line from the author on, without the marker of a medium and without marks, and the ordinal among
//!   equal ones of that minute. The event is not in it, nor the split of author and text: both are read from word
//!   lists and may get better.

use sha2::{Digest as _, Sha256};

use crate::{chars, dates::LocalTime, title::Title};

/// What a chat is, as far as ids and participants go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatKind {
    /// Two people.
    Direct,
    /// A group.
    Group,
    /// It cannot be told; treated as direct.
    Unknown,
}

impl ChatKind {
    /// All of them; the index is the byte in the cursor.
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::Group, Self::Unknown];
}

/// Makes the ids of one conversation.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    conversation: String,
    items: Sha256,
}

impl Identity {
    /// The identity of a chat.
    pub(crate) fn new(title: &Title, kind: ChatKind, owner: &str, path: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(b"chancery whatsapp-export conversation 1");
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        match (title.text(), kind) {
            (Some(title), ChatKind::Group) => ["group", title].into_iter().for_each(&mut part),
            (Some(title), ChatKind::Direct | ChatKind::Unknown) => {
                ["direct", title, &owner.to_lowercase()].into_iter().for_each(&mut part)
            }
            (None, _) => ["untitled", path, &owner.to_lowercase()].into_iter().for_each(&mut part),
        }
        let conversation = hex("wc1-", &hash.finalize());
        let mut items = Sha256::new_with_prefix(b"chancery whatsapp-export item 1");
        items.update(&conversation);
        Self { conversation, items }
    }

    /// The conversation's id.
    pub(crate) fn conversation(&self) -> &str {
        &self.conversation
    }

    /// The id of a message, once its ordinal is known by the hash of the rest. `before` is what stands before the text,
    /// as written, and `text` the text without markers.
    pub(crate) fn item(&self, time: &LocalTime, before: &str, text: &str, ordinal: impl FnOnce(u64) -> u64) -> String {
        let mut hash = self.items.clone();
        let [year, month, day] = time.date;
        hash.update(b"message");
        for number in [year, month, day, time.time[0], time.time[1]] {
            hash.update(number.to_be_bytes());
        }
        add_line(&mut hash, before, text);
        let hash = hash.finalize();
        let mut short = [0; 8];
        short.copy_from_slice(&hash[..8]);
        match ordinal(u64::from_be_bytes(short)) {
            0 => hex("wa1-", &hash),
            ordinal => format!("{}-{ordinal}", hex("wa1-", &hash)),
        }
    }

    /// The id of something that is no message: a file, an unreadable line.
    pub(crate) fn other(&self, what: &str, place: &[u8]) -> String {
        let mut hash = self.items.clone();
        hash.update(b"other");
        hash.update((what.len() as u64).to_be_bytes());
        hash.update(what);
        hash.update(place);
        hex("wa1-", &hash.finalize())
    }
}

/// The line that an item's id is made of: what stands before its text, as written, and the text without markers. How
/// the two were split makes no difference.
fn add_line(hash: &mut Sha256, before: &str, text: &str) {
    if before.is_empty() || text.is_empty() {
        hash.update(chars::clean(if text.is_empty() { before } else { text }));
        return;
    }
    if chars::is_plain_pair(before, text) {
        hash.update(before);
        hash.update(text);
        return;
    }
    let mut raw = String::with_capacity(before.len() + text.len());
    raw.push_str(before);
    raw.push_str(text);
    hash.update(chars::clean(&raw));
}

/// The first 20 bytes in lower-case hex, behind a prefix.
fn hex(prefix: &str, hash: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(prefix.len() + 40);
    text.push_str(prefix);
    for byte in &hash[..20] {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_pinned() {
        // Golden: a change here makes every archived message new. Raise the version in the prefix instead.
        let title = Title::Known("Team".to_owned());
        let identity = Identity::new(&title, ChatKind::Group, "anna@example.com", "inbox/x.zip");
        let time = LocalTime { day: 19069, date: [2022, 3, 18], time: [14, 56, 1] };
        assert_eq!(identity.conversation(), "wc1-708e7129be53fb99103a2dab58ce16e91e5b8997");
        assert_eq!(identity.item(&time, "Anna:\n", "Hello", |_| 0), "wa1-52e5c06832a70d67156e6c1712f397f5aabf3428");
    }

    #[test]
    fn groups_are_shared_by_owners_and_direct_chats_are_not() {
        let id = |title: &Title, kind, owner, path| Identity::new(title, kind, owner, path).conversation().to_owned();
        let title = Title::Named("Team".to_owned());
        assert_eq!(id(&title, ChatKind::Group, "a@x", "1"), id(&title, ChatKind::Group, "b@x", "2"));
        assert_ne!(id(&title, ChatKind::Direct, "a@x", "1"), id(&title, ChatKind::Direct, "b@x", "1"));
        assert_eq!(id(&title, ChatKind::Direct, "A@x", "1"), id(&title, ChatKind::Unknown, "a@x", "2"));
        assert_ne!(id(&Title::Unknown, ChatKind::Group, "a@x", "1"), id(&Title::Unknown, ChatKind::Group, "a@x", "2"));
    }
}
