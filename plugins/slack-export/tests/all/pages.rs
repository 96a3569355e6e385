//! Pages: the same items however they are cut, little read twice, and files that end early.

use kit::{
    Host as _, Source as _,
    source::{PullRequest, Reading},
};
use shelf::Shelf;
use slack_export::SlackExport;

use crate::{EXPORT, SETTINGS, USERS, export, read, told};

/// A day with every shape of record: whole ones, reactions, a broken one.
const DAY: &str = r#"[
    {"type":"message","user":"U1","text":"one","ts":"1793577600.000100"},
    {"type":"message","user":"U2","text":"two","ts":"1793577601.000100","reactions":[{"name":"tada","users":["U1","U3"],"count":2},{"name":"+1","users":["U1"],"count":1}]},
    {"type":"message","user":"U1","text":"no time"},
    {"type":"message","user":"U1","text":"thr\"ee é","ts":"1793577602.000100","thread_ts":"1793577600.000100"},
    7,
    {"type":"message","user":"U2","text":"four","ts":"1793577603.000100","reactions":[{"name":"+1","users":["U1"],"count":1}]},
    {"type":"message","text":"nothing"}
]
"#;

#[test]
fn every_page_size_gives_the_same() {
    let whole = read(&mut export(DAY), 100);
    assert_eq!((whole.items.len(), whole.unreadable.len(), whole.pages), (8, 3, 1));
    for max_items in 1..14 {
        let paged = read(&mut export(DAY), max_items);
        assert_eq!(told(&paged), told(&whole), "{max_items}");
        let items = |whole: &shelf::Whole| -> Vec<_> {
            let seen = whole.items.iter();
            seen.map(|seen| (seen.item.text.clone(), seen.sender().cloned(), seen.item.sent_at)).collect()
        };
        assert_eq!(items(&paged), items(&whole));
        assert_eq!(paged.unreadable, whole.unreadable);
    }
}

#[test]
fn a_file_cut_anywhere_keeps_what_stands_before_the_cut() {
    let whole = read(&mut export(DAY), 100);
    for end in 0..DAY.len() {
        let cut = read(&mut export(&DAY.as_bytes()[..end]), 100);
        let (ids, codes) = told(&cut);
        assert_eq!(ids, told(&whole).0[..ids.len()], "{end}");
        let records = DAY.as_bytes()[..end].windows(2).filter(|two| *two == b"},").count();
        assert!(ids.len() >= records.saturating_sub(2), "{end}: {ids:?}");
        let is_whole = DAY.as_bytes()[end..].trim_ascii().is_empty();
        assert_eq!(codes.iter().any(|code| code == "file-truncated"), !is_whole, "{end}: {codes:?}");
    }
}

#[test]
fn lists_cut_anywhere_leave_the_messages() {
    for end in 0..USERS.len() {
        let host = &mut Shelf::archive(
            EXPORT,
            &[("users.json", &USERS.as_bytes()[..end]), ("general/2026-11-02.json", DAY.as_bytes())],
        );
        let whole = read(host, 100);
        assert_eq!(whole.items.len(), 8, "{end}");
        assert!(whole.unreadable.iter().any(|found| found.code == "file-truncated"));
    }
}

#[test]
fn a_big_day_is_read_in_parts() {
    let mut day = String::from("[");
    for number in 0..20_000 {
        if number > 0 {
            day.push(',');
        }
        day += &format!(
            r#"{{"type":"message","user":"U1","text":"{}","ts":"1793577600.{number:06}"}}"#,
            "lorem ".repeat(30)
        );
    }
    day.push(']');
    let mut host = export(&day);
    let (mut cursor, mut items) = (None, 0);
    loop {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "slack".to_owned(),
            bookmark: None,
            cursor,
            max_items: 1_000,
        };
        let page = SlackExport::pull(&mut host, SETTINGS, request).unwrap();
        items += page.items.len();
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(items, 20_000);
    assert!(host.bytes_read < day.len() as u64 * 3, "{} of {}", host.bytes_read, day.len());
}

#[test]
fn foreign_cursors_are_refused() {
    let mut host = export(DAY);
    assert!(host.archive_entries(EXPORT).is_ok());
    for cursor in [vec![], vec![1; 31], vec![0; 4]] {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "slack".to_owned(),
            bookmark: None,
            cursor: Some(cursor),
            max_items: 10,
        };
        assert_eq!(SlackExport::pull(&mut host, SETTINGS, request).unwrap_err().code, "cursor-unknown");
    }
}

#[test]
fn a_page_ends_when_it_names_many_people() {
    let names: Vec<String> = (0..20).map(|number| format!("room{number:02}/2026-11-02.json")).collect();
    let channels = (0..20).map(|room| {
        let members: Vec<String> = (0..4_096).map(|member| format!("\"U{room}X{member}\"")).collect();
        format!(r#"{{"id":"G{room}","name":"room{room:02}","members":[{}]}}"#, members.join(","))
    });
    let groups = format!("[{}]", channels.collect::<Vec<_>>().join(","));
    let day = br#"[{"user":"U1","ts":"1793577601.0001","text":"a"}]"#;
    let mut entries = vec![("groups.json", groups.as_bytes())];
    entries.extend(names.iter().map(|name| (name.as_str(), &day[..])));
    let mut host = Shelf::archive(EXPORT, &entries);
    let (mut cursor, mut items, mut pages) = (None, 0, 0);
    loop {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "slack".to_owned(),
            bookmark: None,
            cursor,
            max_items: 1_000,
        };
        let page = SlackExport::pull(&mut host, SETTINGS, request).unwrap();
        assert!(page.people.len() <= 1 << 16, "{}", page.people.len());
        assert!(page.items.iter().all(|item| item.participants.len() <= 4_096));
        (items, pages, cursor) = (items + page.items.len(), pages + 1, page.cursor);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((items, pages), (20, 2));
}
