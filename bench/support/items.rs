//! A source in this process: conversations of five people, two of whom have a mailbox, with texts of 200 bytes.

use std::sync::Arc;

use chancery::{
    item::{
        BlobSink, Conversation, ConversationKind, Direction, Event, Failure, Interval, Item, NextMove, Page, Person,
    },
    pipeline::{PullRequest, Source},
};
use futures::future::BoxFuture;

/// Mailboxes over all conversations.
pub(crate) const MAILBOXES: u32 = 40;
/// Copies an item gets.
pub(crate) const COPIES_PER_ITEM: u64 = 2;
/// The mailboxes' domain.
pub(crate) const DOMAIN: &str = "example.com";
/// When the first item was sent: 2026-11-02T00:00:00Z. One a second follows.
pub(crate) const START_MS: i64 = 1_793_577_600_000;

const PEOPLE_PER_CONVERSATION: u32 = 5;
const ITEMS_PER_CONVERSATION: u32 = 50;
const TEXT_BYTES: usize = 200;

/// Gives so many items, each made from its number.
pub(crate) struct Synthetic {
    items: u32,
}

impl Synthetic {
    /// A source of `items` items.
    pub(crate) fn new(items: u32) -> Self {
        Self { items }
    }
}

impl Source for Synthetic {
    fn pull<'a>(&'a mut self, request: PullRequest<'a>, _: Arc<dyn BlobSink>) -> BoxFuture<'a, Result<Page, Failure>> {
        Box::pin(async move {
            let start = match request.cursor {
                None => 0,
                Some(cursor) => u32::from_le_bytes(cursor.try_into().map_err(|_| {
                    Failure::new("unknown-cursor", NextMove::Stop, "the cursor is not one of the synthetic source")
                })?),
            };
            Ok(page(start, self.items.min(start.saturating_add(request.max_items)), self.items))
        })
    }

    fn totals<'a>(&'a mut self, _: &'a str, _: Interval) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(async { Ok(Some(self.items.into())) })
    }
}

/// The items `start..end` of `all`, with the tables of exactly the people and conversations they need.
pub(crate) fn page(start: u32, end: u32, all: u32) -> Page {
    let first = start / ITEMS_PER_CONVERSATION;
    let conversations = first..end.div_ceil(ITEMS_PER_CONVERSATION).max(first);
    Page {
        people: conversations
            .clone()
            .flat_map(|chat| (0..PEOPLE_PER_CONVERSATION).map(move |seat| person(chat, seat)))
            .collect(),
        conversations: conversations.map(conversation).collect(),
        items: (start..end).map(|number| item(number, number / ITEMS_PER_CONVERSATION - first)).collect(),
        unreadable: Vec::new(),
        cursor: (end < all).then(|| end.to_le_bytes().to_vec()),
        bookmark: None,
        progress: None,
    }
}

fn conversation(number: u32) -> Conversation {
    Conversation {
        id: format!("group-{number:06}"),
        kind: ConversationKind::Group,
        title: Some(format!("Delivery round {number}")),
        extensions: Vec::new(),
    }
}

/// Seats 0 and 1 are the organisation's; everybody else is known by a phone number only.
fn person(conversation: u32, seat: u32) -> Person {
    if seat < 2 {
        let employee = (conversation * 2 + seat) % MAILBOXES;
        return Person {
            id: format!("4915112340{employee:03}"),
            name: Some(format!("Employee {employee}")),
            phone: Some(format!("4915112340{employee:03}")),
            email: Some(address(employee)),
            internal: true,
            extensions: Vec::new(),
        };
    }
    let number = conversation * PEOPLE_PER_CONVERSATION + seat;
    Person {
        id: format!("44207946{number:06}"),
        name: Some(format!("Customer {number}")),
        phone: Some(format!("44207946{number:06}")),
        ..Person::default()
    }
}

/// The address of the `number`-th mailbox.
pub(crate) fn address(number: u32) -> String {
    format!("employee{number}@{DOMAIN}")
}

/// The mapping file: every second employee is in it, the others are known by the address the source gives.
pub(crate) fn mapping() -> Vec<u8> {
    let mut csv = String::from("ExternalUserId,O365UserMailbox\n");
    for employee in (0..MAILBOXES).step_by(2) {
        csv += &format!("4915112340{employee:03},{}\n", address(employee));
    }
    csv.into_bytes()
}

fn item(number: u32, row: u32) -> Item {
    let seats = row * PEOPLE_PER_CONVERSATION;
    Item {
        id: format!("3EB0{number:016X}"),
        event: Event::Message,
        revision: 0,
        conversation: row,
        sender: Some(seats + number % PEOPLE_PER_CONVERSATION),
        owner: None,
        participants: (seats..seats + PEOPLE_PER_CONVERSATION).collect(),
        direction: Some(if number.is_multiple_of(2) { Direction::Incoming } else { Direction::Outgoing }),
        sent_at_ms: START_MS + i64::from(number) * 1000,
        zone: Some("Europe/Berlin".to_owned()),
        text: Some(text(number)),
        previous_text: None,
        refers_to: None,
        call: None,
        attachments: Vec::new(),
        original: None,
        extensions: Vec::new(),
    }
}

fn text(number: u32) -> String {
    const WORDS: [&str; 8] = ["the", "van", "leaves", "at", "noon", "with", "pallets", "for"];
    let mut text = format!("No. {number}:");
    let mut choice = number.wrapping_mul(2_654_435_761);
    while text.len() < TEXT_BYTES {
        text.push(' ');
        text.push_str(WORDS[(choice >> 29) as usize]);
        choice = choice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    text.truncate(TEXT_BYTES);
    text
}
