//! One page being filled: the people and the conversation that its items refer to, and the items.

use std::collections::HashMap;

use kit::{
    Conversation, ConversationKind, Direction, Event, Item, Person, Timestamp,
    source::{Page, Unreadable},
};

use crate::{
    authors::Authors,
    chars,
    identity::{ChatKind, Identity},
    input::Chat,
    settings::Settings,
    title::Title,
};

/// Most bytes of an original that are kept.
pub(crate) const ORIGINAL_BYTES_MAX: usize = 64 * 1024;
/// The owner's place among a page's people.
const OWNER: u32 = 0;

/// Who a name as written is.
#[derive(Clone, Copy)]
enum Writer {
    /// Somebody of the chat, at this place.
    Person(u32),
    /// The group's own title: the app, where the line is one of the app's; else somebody who bears the same name.
    Title,
}

/// A page and what its items have in common.
pub(crate) struct Filling<'a> {
    /// Makes the ids.
    pub(crate) identity: Identity,
    /// The page so far.
    pub(crate) page: Page,
    /// Bytes of text in it.
    pub(crate) bytes: usize,
    /// Whose phone.
    settings: &'a Settings,
    /// Everybody who wrote in the chat, and the owner.
    participants: Vec<u32>,
    /// True when not everybody is among [`Self::participants`].
    incomplete: bool,
    /// From a name to its place among the page's people.
    places: HashMap<String, u32>,
    /// From a name as written to who that is.
    written: HashMap<String, Writer>,
    /// How many people were known before the first item: what later items add depends on where a page begins.
    known_before: u32,
    /// The group's title, which writes notices on iOS as if it were an author.
    group_title: Option<String>,
    /// True when it is known which author the owner is.
    owner_is_known: bool,
}

impl<'a> Filling<'a> {
    /// An empty page of this chat.
    pub(crate) fn new(chat: &Chat, settings: &'a Settings, authors: &Authors, kind: ChatKind, owner: &str) -> Self {
        let title = Title::of(chat, settings.conversation.as_deref());
        let identity = Identity::new(&title, kind, owner, &chat.path);
        let conversation = Conversation {
            id: identity.conversation().to_owned(),
            kind: match kind {
                ChatKind::Direct => ConversationKind::Direct,
                ChatKind::Group => ConversationKind::Group,
                ChatKind::Unknown => ConversationKind::Other,
            },
            title: title.text().map(str::to_owned),
            extensions: Vec::new(),
        };
        let owner_name = settings.owner_name.clone().or_else(|| other_than_title(&title, authors, kind));
        let person = Person {
            id: owner.to_owned(),
            name: owner_name.clone(),
            email: Some(owner.to_owned()),
            internal: true,
            ..Person::default()
        };
        let mut filling = Self {
            identity,
            page: Page { people: vec![person], conversations: vec![conversation], ..Page::default() },
            bytes: 0,
            settings,
            participants: vec![OWNER],
            incomplete: authors.incomplete,
            places: HashMap::new(),
            written: HashMap::new(),
            known_before: 0,
            group_title: title.text().filter(|_| kind == ChatKind::Group).map(chars::loose),
            owner_is_known: owner_name.is_some(),
        };
        filling.places.extend(owner_name.map(|name| (name, OWNER)));
        for name in authors.names() {
            filling.add_participant(name);
        }
        if let Some(other) = title.text().filter(|_| kind == ChatKind::Direct) {
            // The other person is a participant, also where only the owner wrote.
            if authors.len() < 2 && !authors.names().any(|name| chars::loose(name) == chars::loose(other)) {
                filling.add_participant(other);
            }
        }
        filling.known_before = filling.page.people.len() as u32;
        filling
    }

    /// How many items and unreadables there are.
    pub(crate) fn len(&self) -> usize {
        self.page.items.len() + self.page.unreadable.len()
    }

    fn add_participant(&mut self, name: &str) {
        let place = self.place(name);
        if !self.participants.contains(&place) {
            self.participants.push(place);
        }
    }

    /// The place of a cleaned name among the page's people.
    fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.page.people.len() as u32;
        let phone = is_phone(name).then(|| name.to_owned());
        let display = phone.is_none().then(|| name.to_owned());
        self.page.people.push(Person { id: name.to_owned(), name: display, phone, ..Person::default() });
        self.places.insert(name.to_owned(), place);
        place
    }

    /// The sender that a name as written means in a line of this kind.
    fn sender(&mut self, written: &str, event: Event) -> Option<u32> {
        let is_line_of_app = matches!(event, Event::Notice | Event::Membership | Event::Call | Event::Deletion);
        match self.written.get(written) {
            Some(Writer::Person(place)) => return Some(*place),
            Some(Writer::Title) if is_line_of_app => return None,
            Some(Writer::Title) => return Some(self.place(&chars::clean(written))),
            None => {}
        }
        let name = chars::clean(written);
        let is_known = self.places.get(&name).is_some_and(|place| *place < self.known_before);
        let is_title = !is_known && self.group_title.as_ref().is_some_and(|title| *title == chars::loose(&name));
        let writer = if is_title { Writer::Title } else { Writer::Person(self.place(&name)) };
        self.written.insert(written.to_owned(), writer);
        self.sender(written, event)
    }

    /// An item of this chat without text and files.
    pub(crate) fn item(&mut self, id: String, event: Event, author: Option<&str>, sent_at: Timestamp) -> Item {
        let sender = author.and_then(|written| self.sender(written, event));
        let mut participants = self.participants.clone();
        if let Some(sender) = sender.filter(|sender| !self.participants.contains(sender)) {
            participants.push(sender);
        }
        let direction = match sender {
            Some(OWNER) => Some(Direction::Outgoing),
            Some(_) if self.owner_is_known => Some(Direction::Incoming),
            _ => None,
        };
        let mut extensions = Vec::new();
        if self.incomplete {
            extensions.push(("participants".to_owned(), "incomplete".to_owned()));
        }
        Item {
            id,
            event,
            revision: 0,
            conversation: 0,
            sender,
            owner: Some(OWNER),
            participants,
            direction,
            sent_at,
            zone: Some(self.settings.zone_name.clone()),
            text: None,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            original: None,
            extensions,
        }
    }

    /// Adds something that cannot be made an item.
    pub(crate) fn unreadable(&mut self, id: String, code: &str, message: String, original: &str) {
        let original = cut(original).as_bytes().to_vec();
        self.bytes += original.len();
        self.page.unreadable.push(Unreadable { id, code: code.to_owned(), message, sent_at: None, original });
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, item: Item) {
        self.bytes += item.text.as_ref().map_or(0, String::len) + item.original.as_ref().map_or(0, Vec::len);
        self.page.items.push(item);
    }
}

/// As much of a text as an original may hold.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(ORIGINAL_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// In a direct chat of two authors, of whom one is the title: the other, who is the owner.
fn other_than_title(title: &Title, authors: &Authors, kind: ChatKind) -> Option<String> {
    let title = chars::loose(title.text().filter(|_| kind == ChatKind::Direct && authors.len() == 2)?);
    let mut others = authors.names().filter(|name| chars::loose(name) != title);
    let other = others.next()?;
    others.next().is_none().then(|| other.to_owned())
}

/// True for a name that is a number with its country's code, as the app writes people it has no name for.
fn is_phone(name: &str) -> bool {
    let digits = name.chars().filter(|c| chars::digit(*c).is_some()).count();
    let rest = |c: char| {
        chars::digit(c).is_some() || chars::is_space(c) || matches!(c, '(' | ')' | '-' | '.' | '\u{2010}'..='\u{2015}')
    };
    name.strip_prefix('+').is_some_and(|number| (5..=20).contains(&digits) && number.chars().all(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_names() {
        for (name, is) in [
            ("+49 151 1234567", true),
            ("+1 (555) 010-9999", true),
            ("+7 999 999\u{2011}99\u{2011}99", true),
            ("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", true),
            ("49151", false),
            ("+1", false),
            ("+12 345 Anna", false),
            ("Anna", false),
        ] {
            assert_eq!(is_phone(name), is, "{name}");
        }
    }
}
