//! Input that no friendly source writes, and what must hold for it.

use kit::{
    Conversation, ConversationKind, Event, Person, Reference, Withheld,
    converter::{Attachment, Batch, Item, Party, State},
};

use crate::support::{assert_well_formed, convert};

/// Strings that break careless writers.
pub(crate) const NASTY: &[&str] = &[
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
pub(crate) fn hostile_batch(seed: u64, items: usize) -> Batch {
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

#[test]
fn hostile_batches_give_well_formed_messages() {
    for seed in 0..40 {
        let batch = hostile_batch(seed, 64);
        for outcome in convert(&batch) {
            assert_well_formed(&batch, &outcome.unwrap());
        }
    }
}

#[test]
fn cutting_a_batch_changes_no_byte() {
    let batch = hostile_batch(7, 64);
    let whole = convert(&batch);
    for length in [1, 3, 17] {
        let mut cut = Vec::new();
        for items in batch.items.chunks(length) {
            let part = Batch { items: items.to_vec(), ..batch.clone() };
            cut.extend(convert(&part).into_iter().map(|outcome| outcome.unwrap().skeleton));
        }
        let whole: Vec<_> = whole.iter().map(|outcome| outcome.as_ref().unwrap().skeleton.clone()).collect();
        assert!(whole == cut, "batches of {length}");
    }
    let mut turned = batch.clone();
    turned.items.reverse();
    let skeletons = |outcomes: Vec<Result<kit::converter::Message, _>>| -> Vec<Vec<u8>> {
        outcomes.into_iter().map(|outcome: Result<_, kit::converter::Failure>| outcome.unwrap().skeleton).collect()
    };
    let mut backwards = skeletons(convert(&turned));
    backwards.reverse();
    assert!(backwards == skeletons(whole), "the order of items");
}

fn one_item(text: Option<String>) -> Batch {
    let person = |id: &str| Party { person: Person { id: id.to_owned(), ..Person::default() }, mailbox: None };
    Batch {
        source: "test".to_owned(),
        account: "a".to_owned(),
        people: vec![person("anna"), person("ben")],
        conversations: vec![Conversation {
            id: "c".to_owned(),
            kind: ConversationKind::Direct,
            title: None,
            extensions: Vec::new(),
        }],
        items: vec![Item {
            id: "i".to_owned(),
            event: Event::Message,
            revision: 0,
            conversation: 0,
            sender: Some(0),
            participants: vec![0, 1],
            direction: None,
            sent_at: 0,
            zone: None,
            text,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
        }],
        settings: String::new(),
    }
}

#[test]
fn indices_that_lead_nowhere_are_failures() {
    for (code, change) in [
        ("index-out-of-range", (|item| item.conversation = 9) as fn(&mut Item)),
        ("index-out-of-range", |item| item.sender = Some(2)),
        ("index-out-of-range", |item| item.participants.push(u32::MAX)),
        ("time-out-of-range", |item| item.sent_at = i64::MAX),
        ("time-out-of-range", |item| item.sent_at = -3_000_000_000_000),
    ] {
        let mut batch = one_item(Some("secret words".to_owned()));
        batch.items.push(batch.items[0].clone());
        change(&mut batch.items[0]);
        let outcomes = convert(&batch);
        let failure = outcomes[0].as_ref().unwrap_err();
        assert_eq!(failure.code, code);
        assert!(!failure.message.contains("secret"));
        assert!(outcomes[1].is_ok(), "the other item suffers");
    }
}

#[test]
fn settings_that_cannot_be_read_fail_every_item() {
    let batch = Batch { settings: "{\"html\":3}".to_owned(), ..one_item(None) };
    assert_eq!(convert(&batch)[0].as_ref().unwrap_err().code, "settings-invalid");
}

#[test]
fn long_texts_are_written_or_refused() {
    const MIB: usize = 1024 * 1024;
    for (text, fits, html) in [
        ("x".repeat(MIB / 2), true, true),
        ("<".repeat(MIB / 2), true, true),
        ("line of text\n".repeat(MIB / 10), true, false),
        ("日本".repeat(2 * MIB - MIB / 10), true, false),
        ("x".repeat(15 * MIB), true, false),
        ("日本".repeat(2 * MIB + MIB / 10), false, false),
        ("x".repeat(16 * MIB), false, false),
        ("=\0".repeat(25 * MIB), false, false),
    ] {
        let bytes = text.len();
        let batch = one_item(Some(text));
        let outcome = convert(&batch).pop().unwrap();
        match outcome {
            Ok(message) => {
                assert!(fits, "{bytes} bytes were written");
                assert!(message.skeleton.len() <= email::SKELETON_BYTES_MAX);
                assert_well_formed(&batch, &message);
                assert_eq!(message.skeleton.windows(9).any(|window| window == b"text/html"), html);
            }
            Err(failure) => {
                assert!(!fits, "{bytes} bytes were refused");
                assert_eq!(failure.code, "message-too-large");
            }
        }
    }
}

#[test]
fn many_participants_are_addressed_once() {
    let mut batch = one_item(Some("hello".to_owned()));
    batch.people = (0..5000)
        .map(|number| Party {
            person: Person { id: number.to_string(), name: Some(format!("Person {number}")), ..Person::default() },
            mailbox: Some(format!("User{}@example.com", number % 2500)),
        })
        .collect();
    batch.items[0].participants = (0..5000).collect();
    let message = convert(&batch).pop().unwrap().unwrap();
    assert_well_formed(&batch, &message);
    let text = String::from_utf8(message.skeleton).unwrap();
    let to = text.split("\r\nTo: ").nth(1).unwrap().split("\r\nDate: ").next().unwrap();
    assert_eq!(to.matches('@').count(), 2499, "everyone but the sender, once");
}
