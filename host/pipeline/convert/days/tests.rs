#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use super::*;
use crate::{
    item::{Attachment, BlobRef, Content, Conversation, ConversationKind, Item},
    pipeline::{map::MappedCopy, tests::item},
    state::Ordinal,
};

/// An item: its conversation, when, whose mailboxes, and the message that it was sent in, where it was.
struct Entry {
    conversation: u32,
    at_ms: i64,
    mailboxes: &'static [&'static str],
    sent_in: Option<u8>,
    file_bytes: u64,
}

fn at(conversation: u32, at_ms: i64, mailboxes: &'static [&'static str]) -> Entry {
    Entry { conversation, at_ms, mailboxes, sent_in: None, file_bytes: 0 }
}

fn sent(entry: Entry, message: u8) -> Entry {
    Entry { sent_in: Some(message), ..entry }
}

fn page(entries: &[Entry]) -> Page {
    let chat = |id: &str| Conversation {
        id: id.to_owned(),
        kind: ConversationKind::Group,
        title: None,
        extensions: Vec::new(),
    };
    let items = entries.iter().map(|entry| Item {
        conversation: entry.conversation,
        sent_at_ms: entry.at_ms,
        attachments: (entry.file_bytes > 0)
            .then(|| Attachment {
                name: None,
                media_type: None,
                size: None,
                content: Content::Present(BlobRef { name: [0; 32], sha256: [0; 32], size: entry.file_bytes }),
                extensions: Vec::new(),
            })
            .into_iter()
            .collect(),
        ..item()
    });
    Page { conversations: vec![chat("sales"), chat("support")], items: items.collect(), ..Page::default() }
}

/// The messages: recipients, and the items of each by number.
fn messages(entries: &[Entry], limit: Option<u64>) -> Vec<(String, Vec<usize>)> {
    let page = page(entries);
    let mapped: Vec<MappedItem> = entries
        .iter()
        .enumerate()
        .map(|(position, entry)| MappedItem {
            ordinal: Ordinal(position as u64),
            position,
            mailboxes: Vec::new(),
            copies: (0..)
                .zip(entry.mailboxes)
                .map(|(number, mailbox)| MappedCopy {
                    number,
                    destination: 0,
                    mailbox: (*mailbox).into(),
                    doubt: if entry.sent_in.is_some() { Doubt::Sent } else { Doubt::None },
                    sent_in: entry.sent_in.map(|message| [message; 32]),
                })
                .collect(),
        })
        .collect();
    let held: Vec<Held<'_>> = mapped.iter().map(|mapped| Held { page: &page, mapped }).collect();
    let mut messages: Vec<(String, Vec<usize>)> = compositions(&held, |_| limit)
        .into_iter()
        .map(|composition| {
            let recipients: Vec<&str> = composition.recipients.iter().map(|to| &**to.mailbox).collect();
            (recipients.join("+"), composition.items)
        })
        .collect();
    messages.sort();
    messages
}

fn expect(messages: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    messages.iter().map(|(recipients, items)| ((*recipients).to_owned(), items.to_vec())).collect()
}

#[test]
fn a_mailbox_gets_one_message_a_conversation_and_day_over_what_it_has() {
    let both = &["anna", "ben"];
    let entries = [
        at(0, 5, both),
        at(1, 6, both),
        at(0, 3, both),
        at(0, DAY_MS - 1, &["anna", "ben", "cleo"]),
        at(0, DAY_MS, both),
        at(0, -1, &["ben"]),
    ];
    let expected =
        expect(&[("anna+ben", &[1]), ("anna+ben", &[2, 0, 3]), ("anna+ben", &[4]), ("ben", &[5]), ("cleo", &[3])]);
    assert_eq!(messages(&entries, None), expected);
}

#[test]
fn what_was_sent_together_stays_together_and_nothing_joins_it() {
    let anna = &["anna"];
    let entries =
        [sent(at(0, 1, anna), 7), at(0, 2, anna), sent(at(0, 3, anna), 7), sent(at(0, 4, anna), 8), at(0, 5, anna)];
    let expected = expect(&[("anna", &[0, 2]), ("anna", &[1, 4]), ("anna", &[3])]);
    assert_eq!(messages(&entries, None), expected);
}

#[test]
fn a_day_that_is_too_much_for_one_message_is_cut_and_what_was_sent_is_not() {
    let large = |at_ms| Entry { file_bytes: 9 << 20, ..at(0, at_ms, &["anna"]) };
    let expected = expect(&[("anna", &[0, 1]), ("anna", &[2])]);
    assert_eq!(messages(&[large(0), large(1), large(2)], None), expected);
    let alone = expect(&[("anna", &[0]), ("anna", &[1])]);
    assert_eq!(messages(&[large(0), large(1)], Some(14 << 20)), alone, "a destination takes less");
    let whole = expect(&[("anna", &[0, 1, 2])]);
    assert_eq!(messages(&[sent(large(0), 7), sent(large(1), 7), sent(large(2), 7)], None), whole);
    let many: Vec<Entry> = (0..limits::CONVERT_ITEMS_MAX as i64 + 1).map(|at_ms| at(0, at_ms, &["anna"])).collect();
    let counts: Vec<usize> = messages(&many, None).iter().map(|(_, items)| items.len()).collect();
    assert_eq!(counts, [limits::CONVERT_ITEMS_MAX, 1]);
}

#[test]
fn one_call_has_one_message_of_a_conversation() {
    let entries = [at(0, 0, &["anna"]), at(0, DAY_MS, &["anna"]), at(1, 0, &["anna"]), at(0, 1, &["ben"])];
    let page = page(&entries);
    let mapped: Vec<MappedItem> = (0..entries.len())
        .map(|position| MappedItem {
            ordinal: Ordinal(position as u64),
            position,
            mailboxes: Vec::new(),
            copies: vec![MappedCopy {
                number: 0,
                destination: 0,
                mailbox: entries[position].mailboxes[0].into(),
                doubt: Doubt::None,
                sent_in: None,
            }],
        })
        .collect();
    let held: Vec<Held<'_>> = mapped.iter().map(|mapped| Held { page: &page, mapped }).collect();
    let mut open = compositions(&held, |_| None);
    let mut calls = Vec::new();
    while !open.is_empty() {
        let together = take_batch(&mut open);
        calls.push(together.iter().map(|composition| composition.conversation).collect::<Vec<_>>());
    }
    assert_eq!(calls, [vec!["sales", "support"], vec!["sales"], vec!["sales"]]);
}
