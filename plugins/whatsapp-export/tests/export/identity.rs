//! Ids stay what they are when a chat is exported again: later, longer, elsewhere, with or without media.

use std::collections::BTreeSet;

use crate::reading::{Shelf, read, settings};

const LINES: &[&str] = &[
    "23/03/2022, 13:31 - Messages and calls are end-to-end encrypted.",
    "18/03/2022, 14:56 - Bob: ok",
    "18/03/2022, 14:56 - Bob: ok",
    "18/03/2022, 14:56 - Anna: ok",
    "18/03/2022, 14:56 - Bob: ok",
    "18/03/2022, 14:57 - Bob: ok",
    "18/03/2022, 14:58 - Bob: two",
    "lines",
    "18/03/2022, 14:59 - Anna: <Media omitted>",
    "18/03/2022, 14:59 - Anna: <Media omitted>",
    "19/03/2022, 08:00 - Anna: This message was deleted",
];

fn ids(text: &str, path: &str, more: &str) -> Vec<String> {
    let whole = read(&mut Shelf::file(path, text), &settings(more), path, 4).unwrap();
    whole.items.into_iter().map(|seen| seen.item.id).collect()
}

const PATH: &str = "inbox/WhatsApp Chat with Bob.txt";

#[test]
fn every_prefix_holds_a_subset_of_the_ids() {
    let whole = ids(&LINES.join("\n"), PATH, "");
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len(), "unique");
    for length in 1..LINES.len() {
        let part = ids(&LINES[..length].join("\n"), PATH, "");
        // The last message may be cut within itself.
        let complete = if length == 7 { part.len() - 1 } else { part.len() };
        assert_eq!(part[..complete], whole[..complete], "{length} lines");
    }
}

#[test]
fn a_later_export_that_begins_later_holds_known_ids() {
    let whole: BTreeSet<String> = ids(&LINES.join("\n"), PATH, "").into_iter().collect();
    let later = ids(&LINES[5..].join("\n"), PATH, "");
    assert!(later.iter().all(|id| whole.contains(id)));
}

#[test]
fn zone_name_and_form_of_the_export_do_not_matter() {
    let text = LINES.join("\n");
    let expected = ids(&text, PATH, "");
    assert_eq!(ids(&text, PATH, r#""zone":"Asia/Tokyo""#), expected, "another zone");
    assert_eq!(ids(&text, "inbox/WhatsApp Chat with Bob (3).txt", ""), expected, "downloaded again");
    assert_eq!(ids(&text, "inbox/WhatsApp Chat - Bob.txt", ""), expected, "named by another phone");
    assert_eq!(ids(&text, "inbox/renamed.txt", r#""conversation":"Bob""#), expected, "renamed, with its title set");
    assert_ne!(ids(&text, "inbox/renamed.txt", ""), expected, "renamed without");
    let ios =
        text.replace(" - ", "] ")
            .lines()
            .map(|line| {
                if line.starts_with(|c: char| c.is_ascii_digit()) {
                    format!("\u{200E}[{line}")
                } else {
                    line.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("\r\n");
    assert_eq!(ids(&ios, PATH, ""), expected, "with brackets, marks and CRLF");
}

#[test]
fn media_do_not_matter() {
    let text = LINES.join("\n");
    let with_media = text.replacen("<Media omitted>", "IMG-20220318-WA0000.jpg (file attached)", 1).replacen(
        "<Media omitted>",
        "\u{200E}STK-20220318-WA0001.webp (file attached)",
        1,
    );
    assert_eq!(ids(&with_media, PATH, ""), ids(&text, PATH, ""));
}

#[test]
fn owners_share_groups_and_not_direct_chats() {
    let group = "23/03/2022, 13:31 - Bob created group \"Team\"\n23/03/2022, 13:32 - Bob: hi\n";
    let direct = "23/03/2022, 13:32 - Bob: hi\n";
    let ids = |text: &str, path: &str, owner: &str| -> Vec<String> {
        let settings = format!(r#"{{"path":"inbox","owner":"{owner}"}}"#);
        read(&mut Shelf::file(path, text), &settings, path, 10)
            .unwrap()
            .items
            .into_iter()
            .map(|seen| seen.item.id)
            .collect()
    };
    let (team, bob) = ("inbox/WhatsApp Chat with Team.txt", PATH);
    assert_eq!(ids(group, team, "anna@example.com"), ids(group, team, "carl@example.com"));
    assert_ne!(ids(direct, bob, "anna@example.com"), ids(direct, bob, "carl@example.com"));
}
