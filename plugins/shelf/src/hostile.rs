//! Items that no friendly source writes.

use kit::{
    Conversation, ConversationKind, Event, Person, Reference, Withheld,
    converter::{Attachment, Batch, Item, Party, State},
};

/// Strings that break careless writers.
pub const NASTY: &[&str] = &[
    "",
    " ",
    "\0",
    "plain",
    "\"quoted\", and, commas; <eve@example.com>",
    "back\\slash (comment) [x]",
    "name\r\nBcc: eve@example.com\r\n\r\nbody",
    "\u{202e}gpj.exe\u{202c}\u{200e}",
    "👩\u{200d}👩\u{200d}👧 family 🇩🇪",
    "=?utf-8?q?=0D=0ABcc:_eve=40example.com?=",
    "=?x?b?=?= =?",
    "日本語の名前がとても長い場合でも折り返しは正しくなければなりません日本語の名前がとても長い場合",
    "ÄÖÜ\u{85}\u{2028}\u{2029}\u{b}\u{c}\u{1c}end",
    "\u{feff}\u{200b}zero",
    "a@b",
    "group: a, b;",
    ".",
    "..",
    "../../etc/passwd",
    "%s%n%41",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "From \n.\n--\n--=_\n=3D=\n \n\t\ntrailing \nend \t",
    "\u{fffe}\u{ffff}\u{10ffff}",
    "&lt;<script>alert('x')</script>&amp;",
];

/// A nasty string, and a long one now and then.
fn pick(state: &mut u64) -> String {
    let text = NASTY[step(state) % NASTY.len()];
    match step(state) % 12 {
        0 => text.repeat(40),
        1 => format!("{text}{}", NASTY[step(state) % NASTY.len()]),
        _ => text.to_owned(),
    }
}

/// xorshift64: the same run every time.
fn step(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

fn maybe(state: &mut u64) -> Option<String> {
    (!step(state).is_multiple_of(4)).then(|| pick(state))
}

/// A batch made of nasty strings.
pub fn hostile_batch(seed: u64, items: usize) -> Batch {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let state = &mut state;
    let people = (0..12)
        .map(|number| Party {
            person: Person {
                id: format!("{}{number}", pick(state)),
                name: maybe(state),
                phone: match step(state) % 3 {
                    0 => Some(format!("49151{number:07}")),
                    1 => Some(format!("\u{202a}+49\u{a0}151 {number:07}\u{202c}")),
                    _ => maybe(state),
                },
                email: maybe(state),
                internal: false,
                extensions: Vec::new(),
            },
            mailbox: match step(state) % 3 {
                0 => Some(format!("user{number}@example.com")),
                1 => maybe(state),
                _ => None,
            },
        })
        .collect();
    let kinds = [ConversationKind::Direct, ConversationKind::Group, ConversationKind::Channel, ConversationKind::Other];
    let conversations = kinds
        .into_iter()
        .cycle()
        .take(8)
        .map(|kind| Conversation {
            id: pick(state),
            kind,
            title: maybe(state),
            extensions: maybe(state).map(|value| ("network".to_owned(), value)).into_iter().collect(),
        })
        .collect();
    let items = (0..items).map(|number| hostile_item(state, number)).collect();
    Batch { source: pick(state), account: pick(state), people, conversations, items, settings: String::new() }
}

fn hostile_item(state: &mut u64, number: usize) -> Item {
    use Event::*;
    let events = [Message, Call, Edit, Deletion, Reaction, Membership, File, Notice, Other];
    let mut index = |limit: usize| u32::try_from(step(state) % limit).unwrap();
    let (conversation, sender, revision) = (index(8), index(16), index(3));
    let participants = (0..index(6)).map(|_| index(12)).collect();
    Item {
        id: format!("{number}{}", pick(state)),
        event: events[step(state) % events.len()],
        revision,
        conversation,
        sender: (sender < 12).then_some(sender),
        participants,
        direction: None,
        sent_at: i64::try_from(step(state)).unwrap() * 900,
        zone: maybe(state),
        text: maybe(state),
        previous_text: maybe(state),
        refers_to: maybe(state).map(|id| Reference { id, event: Message, revision: 0 }),
        call: None,
        attachments: (0..step(state) % 4)
            .map(|_| Attachment {
                name: maybe(state),
                media_type: match step(state) % 4 {
                    0 => Some("image/jpeg".to_owned()),
                    1 => Some("message/rfc822".to_owned()),
                    _ => maybe(state),
                },
                size: Some(7),
                sha256: maybe(state),
                state: match step(state) % 4 {
                    0 => State::Missing(pick(state)),
                    1 => State::Withheld(Withheld { reason: pick(state), limit: Some(3) }),
                    _ => State::Present,
                },
            })
            .collect(),
        extensions: [("subject-prefix", maybe(state)), ("location", maybe(state))]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    }
}
