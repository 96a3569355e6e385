//! Items as they come: every event, all sorts of text and names, files that are there and not, and what somebody would send to do
//! harm.

use std::io;

use super::memory::Memory;
use crate::item::{
    Attachment, Call, CallOutcome, Content, Conversation, ConversationKind, Direction, Event, Item, Page, Person,
    Reference,
};

/// Mailboxes of some of the people, in their order.
pub(super) const MAILBOXES: [Option<&str>; 5] =
    [Some("anna@example.com"), None, Some("zoë.o'hara+chat@example.com"), None, Some("dan@example.com")];

/// 2026-03-28T22:30:00Z: soon a day and a clock change later.
const FIRST_MS: i64 = 1_774_737_000_000;
const STEP_MS: i64 = 17 * 60 * 1_000 + 123;

fn people() -> Vec<Person> {
    let person = |id: &str, name: Option<&str>, phone: Option<&str>, email: Option<&str>, internal: bool| Person {
        id: id.to_owned(),
        name: name.map(str::to_owned),
        phone: phone.map(str::to_owned),
        email: email.map(str::to_owned),
        internal,
        extensions: Vec::new(),
    };
    vec![
        person("4915112345678", Some("Anna Schmidt"), Some("+49 151 12345678"), Some("anna@example.com"), true),
        person("447700900129", None, Some("447700900129"), None, false),
        person("U02ZOË", Some("Zoë O'Hara, \"Zo\" 👩‍🚀"), None, Some("zoë.o'hara+chat@example.com"), true),
        // What an outsider may call themselves.
        person("x\r\nBcc: all@example.com", Some("Eve\r\nBcc: all@example.com\r\n\r\n<script>"), None, None, false),
        person("דן", Some("\u{202e}דן כהן\u{202c}"), Some("~short~"), Some("not an address"), true),
    ]
}

fn conversations() -> Vec<Conversation> {
    let conversation = |id: &str, kind: ConversationKind, title: Option<&str>| Conversation {
        id: id.to_owned(),
        kind,
        title: title.map(str::to_owned),
        extensions: Vec::new(),
    };
    vec![
        conversation("direct-1", ConversationKind::Direct, None),
        conversation("group-1@g.us", ConversationKind::Group, Some("Projekt Süd 🏗 / Q3: \"final\"")),
        conversation("C<1>\r\nX: y", ConversationKind::Channel, Some("a\r\nSubject: b\u{0}\u{2028}c")),
        conversation("o", ConversationKind::Other, Some("")),
    ]
}

/// Texts that a reader must find again in the mail.
fn texts() -> Vec<String> {
    vec![
        "See you on Thursday, 10:00.".to_owned(),
        "Grüße aus Köln – 東京 – مرحبا – 👍🏽 e\u{301}".to_owned(),
        "From the start of a line\n.\n..two dots\n.one dot\nFrom me".to_owned(),
        "<b>not bold</b> & <script>alert(1)</script> &amp; done".to_owned(),
        "X: y\r\n\r\nBcc: all@example.com\r\n.\r\nQUIT".to_owned(),
        format!("long line {}", "wort ".repeat(2_000)),
        "=?utf-8?q?not_a_header?= =3D =20 trailing =".to_owned(),
        " leading and trailing \t ".to_owned(),
    ]
}

/// What people wrote and are called.
pub(super) fn private(page: &Page) -> impl Iterator<Item = &str> {
    let texts = page.items.iter().flat_map(|item| [&item.text, &item.previous_text]).flatten().map(String::as_str);
    let titles = page.conversations.iter().filter_map(|conversation| conversation.title.as_deref());
    texts.chain(titles).chain(page.people.iter().flat_map(private_of_person))
}

/// What a person is called.
pub(super) fn private_of_person(person: &Person) -> impl Iterator<Item = &str> {
    [&person.name, &person.phone, &person.email].into_iter().flatten().map(String::as_str)
}

/// A page of them; its files lie in `memory`.
pub(super) fn page(memory: &Memory) -> io::Result<Page> {
    let mut items = Vec::new();
    let mut add = |event: Event, text: Option<String>| {
        let number = items.len() as u32;
        items.push(Item {
            id: format!("item-{number}"),
            event,
            revision: 0,
            conversation: number % 4,
            sender: (number % 6 != 5).then_some(number % 5),
            owner: Some(0),
            participants: (0..5).filter(|person| person % 2 == number % 2 || *person == number % 5).collect(),
            direction: [None, Some(Direction::Incoming), Some(Direction::Outgoing)][number as usize % 3],
            sent_at_ms: FIRST_MS + i64::from(number) * STEP_MS,
            zone: number.is_multiple_of(2).then(|| "Europe/Berlin".to_owned()),
            text,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            original: None,
            extensions: Vec::new(),
        });
    };
    for text in texts() {
        add(Event::Message, Some(text));
    }
    add(Event::Message, None);
    add(Event::Message, Some(String::new()));
    for event in Event::ALL {
        add(event, Some(format!("what a {} says", event.name())));
        add(event, None);
    }
    for item in &mut items {
        match item.event {
            Event::Call => {
                let outcome = if item.text.is_some() { CallOutcome::Answered } else { CallOutcome::Missed };
                let duration_ms = (outcome == CallOutcome::Answered).then_some(61_000);
                item.call = Some(Call { video: item.text.is_none(), outcome, duration_ms });
            }
            Event::Edit | Event::Deletion | Event::Reaction => {
                item.refers_to = Some(Reference { id: "item-0".to_owned(), event: Event::Message, revision: 0 });
                item.previous_text = Some("See you on Thursday, 10:00.".to_owned());
                item.revision = u32::from(item.event == Event::Edit);
            }
            Event::Other => item.original = Some(b"{\"kind\":\"poll\"}".to_vec()),
            _ => {}
        }
    }
    let file = |name: Option<&str>, media_type: Option<&str>, content: Content| Attachment {
        name: name.map(str::to_owned),
        media_type: media_type.map(str::to_owned),
        size: None,
        content,
        extensions: Vec::new(),
    };
    let present = |bytes: &[u8]| memory.keep(bytes.to_vec()).map(Content::Present);
    items[0].attachments = vec![
        file(Some("plan.pdf"), Some("application/pdf"), present(b"%PDF-1.4 a plan")?),
        file(Some("Größe \"1\".txt\r\nX: y"), None, present(&[0xff; 1_000])?),
        file(None, Some("image/jpeg; charset=\"x\r\ny\""), present(b"")?),
    ];
    items[1].attachments = vec![file(Some("video.mp4"), Some("video/mp4"), Content::Missing("not-found".to_owned()))];
    let withheld = Content::Withheld { reason: "too-large".to_owned(), limit_bytes: Some(10 << 20) };
    items[2].attachments = vec![file(Some("backup.zip"), None, withheld)];
    let count = items.len() as u32;
    // Two files alone, without a word.
    items[8].attachments =
        vec![file(Some("a.bin"), None, present(b"one")?), file(Some("a.bin"), None, present(b"two")?)];
    debug_assert!(count as usize <= crate::item::limits::CONVERT_ITEMS_MAX, "one call takes them");
    Ok(Page { people: people(), conversations: conversations(), items, ..Page::default() })
}
