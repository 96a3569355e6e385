//! Public exports that are not part of the project: with `CHANCERY_CORPORA` naming their folder, every WhatsApp file
//! is read and compared with an independent parser's counts (`ORACLE.json`). Differences stand in [`DIFFERENCES`],
//! each with its reason; files that need `date_order` in [`ORDERS`]. Without the variable the test passes unread.

use std::{collections::BTreeMap, fs, path::Path};

use kit::{Content, Event};
use serde_json::Value;

use crate::reading::{Seen, Shelf, Whole, read, settings};

/// Files whose dates do not tell day from month.
const ORDERS: &[(&str, &str)] =
    &[("starkdmi+whats_json/android_group_EN.txt", "dmy"), ("mlomb+chat-analytics/whatsapp_4A_11M.txt", "dmy")];

/// File, count, ours, why the independent parser has another number.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "joweich+chat-miner/whatsapp_test_[mmddyy]_24hrs.txt",
        "system",
        "2",
        "`John Doe:.` is a message of John Doe, who is known from other lines",
    ),
    ("joweich+chat-miner/whatsapp_test_mmddyy_24hrs.txt", "system", "2", "as above"),
    ("joweich+chat-miner/whatsapp_test_mmddyyyy_12hrs.txt", "system", "2", "as above"),
    (
        "starkdmi+whats_json/example_chat_with_media.txt",
        "attachments",
        "13",
        "it overlooks the three documents, whose names stand before the marker",
    ),
    ("starkdmi+whats_json/languages_english_ios_media.txt", "attachments", "13", "as above"),
    ("starkdmi+whats_json/languages_arabic_ios.txt", "messages", "23", "it cannot read the file"),
    ("starkdmi+whats_json/languages_arabic_ios.txt", "authors", "2", "it cannot read the file"),
    ("starkdmi+whats_json/languages_arabic_ios.txt", "multiline", "1", "it cannot read the file"),
    ("starkdmi+whats_json/languages_arabic_ios.txt", "first", "2022-03-18T14:56:00Z", "it cannot read the file"),
    ("starkdmi+whats_json/languages_arabic_ios.txt", "last", "2022-03-27T21:56:45Z", "it cannot read the file"),
];

#[test]
fn public_exports_give_the_independent_parsers_counts() {
    let Some(corpora) = std::env::var_os("CHANCERY_CORPORA") else { return };
    let root = Path::new(&corpora);
    let oracle: Value = serde_json::from_slice(&fs::read(root.join("ORACLE.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for row in oracle["files"].as_array().unwrap() {
        let file = row["file"].as_str().unwrap();
        let order = ORDERS.iter().find(|(name, _)| *name == file);
        let mut host = Shelf::file("inbox/a.txt", fs::read(root.join(file)).unwrap());
        if order.is_some() {
            assert_eq!(read(&mut host, &settings(""), "inbox/a.txt", 7).unwrap_err().code, "ambiguous-dates", "{file}");
        }
        let more = order.map_or(String::new(), |(_, order)| format!(r#""date_order":"{order}""#));
        let whole = match read(&mut host, &settings(&more), "inbox/a.txt", 7) {
            Ok(whole) => whole,
            Err(error) => {
                wrong.push(format!("{file}: {} {}", error.code, error.message));
                continue;
            }
        };
        let ends_with_newline = host.files["inbox/a.txt"].ends_with(b"\n");
        for (name, ours) in counts(&whole, ends_with_newline) {
            let theirs = match &row[name] {
                Value::String(text) => text.replace(".000Z", "Z"),
                Value::Number(number) => number.to_string(),
                _ => "null".to_owned(),
            };
            let explained = DIFFERENCES.iter().find(|(other, count, ..)| *other == file && *count == name);
            match explained {
                Some((.., expected, _)) if *expected != ours || ours == theirs => {
                    wrong.push(format!("{file}: {name} {ours}, explained as {expected}, theirs {theirs}"))
                }
                None if ours != theirs => wrong.push(format!("{file}: {name} {ours}, theirs {theirs}")),
                _ => {}
            }
        }
        assert!(whole.unreadable.is_empty(), "{file}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The counts in the words of the independent parser, which takes the line end of the file for a line of the last
/// message.
fn counts(whole: &Whole, ends_with_newline: bool) -> BTreeMap<&'static str, String> {
    let items = &whole.items;
    let authors: std::collections::BTreeSet<_> =
        items.iter().filter_map(|seen| seen.sender().map(|person| person.id.clone())).collect();
    let named = |content: &Content| matches!(content, Content::Missing(code) if code == "not-found");
    let attachments = items.iter().flat_map(|seen| &seen.item.attachments).filter(|file| named(&file.content)).count();
    let lines = |seen: &&Seen| String::from_utf8_lossy(seen.item.original.as_deref().unwrap()).contains('\n');
    let at = |seen: Option<i64>| jiff::Timestamp::from_millisecond(seen.unwrap()).unwrap().to_string();
    BTreeMap::from([
        ("messages", items.len().to_string()),
        ("system", items.iter().filter(|seen| seen.item.sender.is_none()).count().to_string()),
        ("authors", authors.len().to_string()),
        ("attachments", attachments.to_string()),
        ("multiline", (items.iter().filter(lines).count() + usize::from(ends_with_newline)).to_string()),
        ("first", at(items.first().map(|seen| seen.item.sent_at))),
        ("last", at(items.last().map(|seen| seen.item.sent_at))),
    ])
}

#[test]
fn public_exports_give_the_expected_events() {
    let Some(corpora) = std::env::var_os("CHANCERY_CORPORA") else { return };
    let folder = Path::new(&corpora).join("starkdmi+whats_json");
    let mut wrong = Vec::new();
    // File, messages without medium, with one left out, with a named one, taken back, calls, notices and membership.
    for (file, expected) in [
        ("languages_english_ios.txt", [6, 14, 0, 2, 0, 1]),
        ("languages_czech_ios.txt", [6, 14, 0, 2, 0, 1]),
        ("languages_deutch_ios.txt", [6, 14, 0, 2, 0, 1]),
        ("languages_french_ios.txt", [6, 14, 0, 2, 0, 1]),
        ("languages_japanese_ios.txt", [6, 14, 0, 2, 0, 1]),
        ("languages_arabic_ios.txt", [6, 14, 0, 2, 0, 1]),
        ("languages_english_android.txt", [20, 27, 2, 8, 2, 1]),
        ("languages_czech_android.txt", [20, 27, 2, 8, 2, 1]),
        ("languages_russian_android.txt", [20, 27, 2, 8, 2, 1]),
        ("languages_deutch_android_media.txt", [10, 12, 9, 7, 2, 1]),
        ("example_chat_with_media.txt", [6, 1, 13, 2, 0, 3]),
        ("android_group_EN.txt", [3, 0, 0, 1, 0, 16]),
    ] {
        let order = r#""date_order":"dmy""#;
        let more = if file.starts_with("android") { order } else { "" };
        let mut host = Shelf::file("inbox/a.txt", fs::read(folder.join(file)).unwrap());
        let whole = read(&mut host, &settings(more), "inbox/a.txt", 1000).unwrap();
        let mut seen = [0; 6];
        for Seen { item, .. } in &whole.items {
            let place = match (item.event, item.attachments.first().map(|file| &file.content)) {
                (Event::Message, None) => 0,
                (Event::Message, Some(Content::Missing(code))) if code == "omitted" => 1,
                (Event::Message, Some(_)) => 2,
                (Event::Deletion, _) => 3,
                (Event::Call, _) => 4,
                _ => 5,
            };
            seen[place] += 1;
        }
        if seen != expected {
            wrong.push(format!("{file}: {seen:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
