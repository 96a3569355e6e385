//! Changes an honest page in one point, so that it breaks the contract, or only looks as if it did.

use kit::{
    Attachment, Blob, Content, Item,
    source::{Page, PullRequest, Unreadable},
};

use crate::{Table, honest};

type Lie = fn(&mut Page, &PullRequest);

/// What every mail program would take for a header, an end of the head and an end of the text.
const INJECTION: &str = "Eve\r\nBcc: eve@forbidden.example\r\n\r\n<b>hello</b>\0\n.\r\n";

/// Ten years in milliseconds.
const TEN_YEARS_MS: i64 = 3_653 * 86_400_000;

/// Pages that break the contract.
pub(crate) const BEHAVIOURS: Table<Lie> = &[
    ("bad-conversation", |page, _| each(page, |item| item.conversation = 1)),
    ("bad-extension-name", |page, _| each(page, |item| item.extensions = vec![pair("Not Kebab\r\n", "x")])),
    ("bad-index", bad_index),
    ("bad-missing-code", |page, _| attach(page, Content::Missing("no such\r\ncode".to_owned()))),
    ("bad-owner", |page, _| each(page, |item| item.owner = Some(u32::MAX))),
    ("bad-participant", |page, _| each(page, |item| item.participants = vec![0, 1, 2])),
    ("bad-progress", |page, _| page.progress = Some(1_001)),
    ("bad-sender", |page, _| each(page, |item| item.sender = Some(2))),
    ("big-bookmark", |page, _| page.bookmark = Some(vec![b'x'; (64 << 10) + 1])),
    ("big-cursor", |page, _| page.cursor = Some(vec![b'1'; (16 << 10) + 1])),
    ("duplicate-ids", |page, _| each(page, |item| item.id = "again".to_owned())),
    ("early-bookmark", |page, _| {
        page.cursor = Some(honest::digits(1));
        page.bookmark = Some(b"too early".to_vec());
    }),
    ("empty-conversation-id", |page, _| page.conversations.iter_mut().for_each(|chat| chat.id.clear())),
    ("empty-id", |page, _| each(page, |item| item.id.clear())),
    ("empty-person-id", |page, _| page.people.iter_mut().for_each(|person| person.id.clear())),
    ("future-items", |page, _| each(page, |item| item.sent_at = item.sent_at.saturating_add(TEN_YEARS_MS))),
    ("guess-blob", |page, _| {
        attach(page, Content::Present(Blob { handle: 4_242, size: 5, sha256: "0".repeat(64) }));
    }),
    ("header-injection", |page, _| inject(page)),
    ("huge-return", |page, _| originals(page, 16 << 10, 64 << 10)),
    ("huge-text", |page, _| each(page, |item| item.text = Some("x".repeat((16 << 20) + 1)))),
    ("large-return", |page, _| originals(page, 1_600, 64 << 10)),
    ("long-extension", |page, _| each(page, |item| item.extensions = vec![pair("x", &"x".repeat((4 << 10) + 1))])),
    ("long-id", |page, _| each(page, |item| item.id = "x".repeat(513))),
    ("long-name", |page, _| page.people.iter_mut().for_each(|person| person.name = Some("x".repeat((4 << 10) + 1)))),
    ("long-original", |page, _| each(page, |item| item.original = Some(vec![b'x'; (64 << 10) + 1]))),
    ("many-participants", |page, _| many_participants(page)),
    ("missing-participants", |page, _| each(page, |item| item.participants.clear())),
    ("past-items", |page, _| each(page, |item| item.sent_at = item.sent_at.saturating_sub(TEN_YEARS_MS))),
    ("repeated-participants", |page, _| each(page, |item| item.participants = vec![0, 1, 0])),
    ("time-overflow", |page, _| {
        for (number, item) in page.items.iter_mut().enumerate() {
            item.sent_at = if number % 2 == 0 { i64::MAX } else { i64::MIN };
        }
    }),
    ("too-many-attachments", |page, _| (0..257).for_each(|_| attach(page, Content::Missing("omitted".to_owned())))),
    ("too-many-extensions", |page, _| {
        each(page, |item| item.extensions = (0..65).map(|number| pair(&format!("x-{number}"), "x")).collect());
    }),
    ("too-many-items", |page, request| {
        let sent_at = sent_at(page);
        page.items = (0..=request.max_items).map(|number| honest::item(format!("more-{number}"), sent_at)).collect();
    }),
    ("unreadable-empty-id", |page, _| page.unreadable = vec![unreadable("", 5)]),
    ("unreadable-long", |page, _| page.unreadable = vec![unreadable("long", (64 << 10) + 1)]),
];

/// Pages that keep the contract and are a trial nevertheless.
pub(crate) const ODDITIES: Table<Lie> = &[
    ("non-utf8-original", |page, _| each(page, |item| item.original = Some(vec![0xFF, 0xFE, 0x00, 0xC3, 0x28]))),
    ("odd-names", |page, _| {
        for (person, name) in page.people.iter_mut().zip(["\u{202e}moc.elpmaxe@anna", "\"Ben\" <ben@example.com>, (x"])
        {
            person.name = Some(name.to_owned());
        }
    }),
    ("odd-text", |page, _| {
        let long_line = "x".repeat(2_000);
        let text = format!("From here\n.\n..\r\n\r--\u{1f469}\u{200d}\u{1f4bb} =3D =\n{long_line}\n<script>\u{7}");
        each(page, |item| item.text = Some(text.clone()));
    }),
    ("unreadable", |page, _| page.unreadable = vec![unreadable("unreadable", 5)]),
];

fn each(page: &mut Page, change: impl Fn(&mut Item)) {
    page.items.iter_mut().for_each(change);
}

/// A time that is right for the page, where it has items.
fn sent_at(page: &Page) -> i64 {
    page.items.first().map_or(0, |item| item.sent_at)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn attach(page: &mut Page, content: Content) {
    each(page, |item| {
        item.attachments.push(Attachment {
            name: Some("made-up.txt".to_owned()),
            media_type: Some("text/plain".to_owned()),
            size: Some(5),
            content: content.clone(),
            extensions: Vec::new(),
        });
    });
}

/// Every index beyond its table.
fn bad_index(page: &mut Page, _: &PullRequest) {
    each(page, |item| {
        item.conversation = u32::MAX;
        item.sender = Some(u32::MAX);
        item.owner = Some(u32::MAX);
        item.participants = vec![u32::MAX];
    });
}

/// [`INJECTION`] wherever text goes.
fn inject(page: &mut Page) {
    let injected = || Some(INJECTION.to_owned());
    for (number, person) in page.people.iter_mut().enumerate() {
        person.id = format!("{INJECTION}{number}");
        (person.name, person.phone, person.email) = (injected(), injected(), injected());
    }
    for conversation in &mut page.conversations {
        conversation.id = INJECTION.to_owned();
        conversation.title = injected();
    }
    attach(page, Content::Missing("omitted".to_owned()));
    for (number, item) in page.items.iter_mut().enumerate() {
        item.id = format!("{INJECTION}{number}");
        (item.text, item.zone) = (injected(), injected());
        for attachment in &mut item.attachments {
            (attachment.name, attachment.media_type) = (injected(), injected());
        }
    }
}

/// A group of 10,000.
fn many_participants(page: &mut Page) {
    let count = 10_000_u32;
    page.people =
        (0..count).map(|number| honest::person(&format!("+1 202 555 {number:05}"), &format!("No. {number}"))).collect();
    each(page, |item| item.participants = (0..count).collect());
}

/// `count` items with `size` bytes of original each.
fn originals(page: &mut Page, count: usize, size: usize) {
    let mut item = honest::item(String::new(), sent_at(page));
    item.original = Some(vec![b'x'; size]);
    page.items = (0..count).map(|number| Item { id: format!("big-{number}"), ..item.clone() }).collect();
}

fn unreadable(id: &str, size: usize) -> Unreadable {
    Unreadable {
        id: id.to_owned(),
        code: "made-up".to_owned(),
        message: "line 1 of nothing holds no item".to_owned(),
        sent_at: None,
        original: vec![b'x'; size],
    }
}
