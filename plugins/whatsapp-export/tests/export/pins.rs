//! The order of dates is decided once for a conversation: what the bookmark carries from file to file.

use kit::{Error, ErrorKind};

use crate::reading::{Shelf, Whole, read_after, settings};

const BOB: &str = "inbox/WhatsApp Chat with Bob.txt";
/// A later download of the same chat.
const BOB_AGAIN: &str = "inbox/WhatsApp Chat with Bob (1).txt";

/// Texts that tell their order, and one that does not.
const DAY_FIRST: &str = "23/03/2022, 13:31 - Bob: hi\n";
const MONTH_FIRST: &str = "03/23/2022, 13:31 - Bob: hi\n";
const OPEN: &str = "04/05/2022, 13:31 - Bob: later\n";

/// A connector: its settings, and what the last file left.
#[derive(Default)]
struct Connector {
    more: String,
    max_items: u32,
    bookmark: Option<Vec<u8>>,
}

impl Connector {
    fn new(more: &str) -> Self {
        Self { more: more.to_owned(), max_items: 10, bookmark: None }
    }

    /// Imports one file; a file that is refused leaves no bookmark.
    fn import(&mut self, path: &str, text: &str) -> Result<Whole, Error> {
        let bookmark = self.bookmark.take();
        let whole =
            read_after(&mut Shelf::file(path, text), &settings(&self.more), path, self.max_items, bookmark.as_deref());
        self.bookmark = whole.as_ref().ok().and_then(|whole| whole.bookmark.clone()).or(bookmark);
        whole
    }

    /// The day of the first message of an imported file, or the code of its refusal.
    fn day(&mut self, path: &str, text: &str) -> Result<String, String> {
        let whole = self.import(path, text).map_err(|error| error.code)?;
        let at = jiff::Timestamp::from_millisecond(whole.items[0].item.sent_at).unwrap();
        Ok(at.to_string()[..10].to_owned())
    }
}

#[test]
fn the_first_import_answers_for_later_ones() {
    let open = [OPEN, "06/05/2022, 13:31 - Bob: more\n"].concat();
    // First file, settings at that import, the later file's first day.
    for (first, more, day) in [
        (DAY_FIRST, "", "2022-05-04"),
        (MONTH_FIRST, "", "2022-04-05"),
        (OPEN, r#""date_order":"dmy""#, "2022-05-04"),
        (OPEN, r#""date_order":"mdy""#, "2022-04-05"),
        // Told only by the jumps of the other order.
        (
            "01/02/2022, 10:00 - Bob: a\n05/02/2022, 10:00 - Bob: a\n09/02/2022, 10:00 - Bob: a\n01/03/2022, 10:00 - Bob: a\n06/03/2022, 10:00 - Bob: a\n01/04/2022, 10:00 - Bob: a\n",
            "",
            "2022-05-04",
        ),
        // Two digits of the year at first, four later.
        ("23/3/22, 13:31 - Bob: hi\n", "", "2022-05-04"),
    ] {
        for max_items in [1, 10] {
            let mut connector = Connector { max_items, ..Connector::new(more) };
            connector.import(BOB, first).unwrap();
            connector.more.clear();
            assert_eq!(connector.day(BOB_AGAIN, &open).as_deref(), Ok(day), "{first}");
            assert_eq!(connector.day("inbox/WhatsApp Chat with Carl.txt", OPEN), Err("ambiguous-dates".to_owned()));
            assert_eq!(connector.day(BOB_AGAIN, &open).as_deref(), Ok(day), "a refused file forgets nothing");
        }
    }
}

#[test]
fn what_decided_nothing_is_not_remembered() {
    for first in ["05/05/2022, 13:31 - Bob: hi\n", "2022-03-23, 13:31 - Bob: hi\n"] {
        let mut connector = Connector::new("");
        connector.import(BOB, first).unwrap();
        assert_eq!(connector.bookmark.as_deref(), Some(&[1][..]), "{first}");
        assert_eq!(connector.day(BOB_AGAIN, OPEN), Err("ambiguous-dates".to_owned()), "{first}");
        assert_eq!(connector.day(BOB_AGAIN, MONTH_FIRST).as_deref(), Ok("2022-03-23"), "{first}");
    }
}

#[test]
fn a_contradiction_is_refused_with_the_line_that_decides() {
    let jumping = "01/02/2022, 10:00 - Bob: a\n05/02/2022, 10:00 - Bob: a\n09/02/2022, 10:00 - Bob: a\n01/03/2022, 10:00 - Bob: a\n06/03/2022, 10:00 - Bob: a\n01/04/2022, 10:00 - Bob: a\n";
    for (first, later, pinned, other, day) in [
        (DAY_FIRST, MONTH_FIRST, "dmy", "mdy", "2022-03-23"),
        (MONTH_FIRST, DAY_FIRST, "mdy", "dmy", "2022-03-23"),
        (MONTH_FIRST, jumping, "mdy", "dmy", "2022-02-01"),
        (DAY_FIRST, "22/3/5, 14:56 - Bob: hi\n22/3/6, 14:56 - Bob: hi\n", "dmy", "ymd", "2022-03-05"),
    ] {
        let mut connector = Connector::new("");
        connector.import(BOB, first).unwrap();
        let before = connector.bookmark.clone();
        let error = connector.import(BOB_AGAIN, later).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "contradictory-dates"), "{later}");
        for part in [BOB_AGAIN, pinned, other] {
            assert!(error.message.contains(part), "{}", error.message);
        }
        let hint = error.hint.unwrap();
        assert!(hint.contains(&format!("`date_order = \"{other}\"`")), "{hint}");
        assert_eq!(connector.bookmark, before);
        // A person answers; the answer is remembered when the setting is gone again.
        connector.more = format!(r#""date_order":"{other}""#);
        assert_eq!(connector.day(BOB_AGAIN, later).as_deref(), Ok(day), "{later}");
        connector.more.clear();
        assert_eq!(connector.day(BOB_AGAIN, later).as_deref(), Ok(day), "{later}");
    }
}

#[test]
fn a_setting_that_contradicts_the_file_changes_nothing() {
    let mut connector = Connector::new("");
    connector.import(BOB, DAY_FIRST).unwrap();
    let before = connector.bookmark.clone();
    connector.more = r#""date_order":"mdy""#.to_owned();
    assert_eq!(connector.day(BOB_AGAIN, DAY_FIRST), Err("contradictory-dates".to_owned()));
    assert_eq!(connector.bookmark, before);
    connector.more.clear();
    assert_eq!(connector.day(BOB_AGAIN, OPEN).as_deref(), Ok("2022-05-04"));
}

#[test]
fn the_calendar_of_short_years_is_remembered() {
    let thai = "18/3/65, 14:56 - Bob: hi\n";
    let mut connector = Connector::new(r#""calendar":"buddhist""#);
    assert_eq!(connector.day(BOB, thai).as_deref(), Ok("2022-03-18"));
    connector.more.clear();
    assert_eq!(connector.day(BOB_AGAIN, "4/5/66, 14:56 - Bob: hi\n").as_deref(), Ok("2023-05-04"));
    assert_eq!(connector.day("inbox/WhatsApp Chat with Carl.txt", thai), Err("unknown-calendar".to_owned()));
    let error = connector.import(BOB_AGAIN, "18/3/22, 14:56 - Bob: hi\n").unwrap_err();
    assert_eq!(error.code, "contradictory-dates");
    assert!(error.hint.unwrap().contains("`calendar = \"gregorian\"`"));
    connector.more = r#""calendar":"gregorian""#.to_owned();
    assert_eq!(connector.day(BOB_AGAIN, "18/3/22, 14:56 - Bob: hi\n").as_deref(), Ok("2022-03-18"));
    connector.more.clear();
    let error = connector.import(BOB_AGAIN, thai).unwrap_err();
    assert_eq!(error.code, "contradictory-dates");
    assert!(error.hint.unwrap().contains("`calendar = \"buddhist\"`"));
}

#[test]
fn each_owner_has_a_phone_of_their_own() {
    let group = "23/03/2022, 13:31 - Bob created group \"Team\"\n";
    let american = "03/23/2022, 13:31 - Bob created group \"Team\"\n";
    let read = |owner: &str, text: &str, bookmark: Option<&[u8]>| {
        let path = format!("inbox/{owner}/WhatsApp Chat with Team.txt");
        let settings = r#"{"path":"inbox","owner":{"from":"folder"}}"#;
        read_after(&mut Shelf::file(&path, text), settings, &path, 10, bookmark).unwrap()
    };
    let anna = read("anna@example.com", group, None);
    let carl = read("carl@example.com", american, anna.bookmark.as_deref());
    assert_eq!(anna.items[0].item.id, carl.items[0].item.id, "one message of one group");
    let open = "04/05/2022, 13:31 - Bob: later\n";
    let at = |owner: &str| read(owner, open, carl.bookmark.as_deref()).items[0].item.sent_at;
    assert_ne!(at("anna@example.com"), at("carl@example.com"));
}

#[test]
fn files_in_any_order_leave_the_same_bookmark() {
    let files =
        [("inbox/a.txt", DAY_FIRST), ("inbox/b.txt", MONTH_FIRST), ("inbox/c.txt", "23/3/22, 13:31 - Bob: hi\n")];
    let bookmark = |order: &[usize]| {
        let mut connector = Connector::new("");
        for &place in order {
            connector.import(files[place].0, files[place].1).unwrap();
        }
        connector.bookmark.unwrap()
    };
    let expected = bookmark(&[0, 1, 2]);
    assert_eq!(expected.len(), 1 + 3 * 9);
    for order in [[2, 1, 0], [1, 0, 2]] {
        assert_eq!(bookmark(&order), expected);
    }
    assert_eq!(bookmark(&[0, 1, 2, 2, 1, 0]), expected, "again without changes");
}

#[test]
fn an_archive_leaves_its_bookmark_after_its_last_file() {
    let entries: &[(&str, &[u8])] = &[("_chat.txt", DAY_FIRST.as_bytes()), ("a.jpg", b"x"), ("b.jpg", b"x")];
    for max_items in [1, 10] {
        let path = "inbox/WhatsApp Chat with Bob.zip";
        let whole = read_after(&mut Shelf::archive(path, entries), &settings(""), path, max_items, None).unwrap();
        let mut connector = Connector { bookmark: whole.bookmark, ..Connector::new("") };
        assert_eq!(connector.day(BOB, OPEN).as_deref(), Ok("2022-05-04"), "the archive's chat as text");
    }
}

#[test]
fn garbage_stops_the_connector() {
    for bookmark in [&b""[..], b"\x02", b"\x01garbage", b"{\"orders\":{}}"] {
        let mut host = Shelf::file(BOB, DAY_FIRST);
        let error = read_after(&mut host, &settings(""), BOB, 10, Some(bookmark)).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, "unknown-bookmark"));
        assert!(error.hint.is_some());
    }
}

#[test]
fn a_full_table_asks_and_a_setting_helps() {
    let mut full = vec![1];
    for number in 0..7281_u64 {
        full.extend_from_slice(&(number * 3).to_be_bytes());
        full.push(1);
    }
    let mut connector = Connector { bookmark: Some(full.clone()), ..Connector::new("") };
    let error = connector.import(BOB, MONTH_FIRST).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "too-many-conversations"));
    assert!(error.message.contains(BOB) && error.hint.unwrap().contains("`date_order = \"mdy\"`"));
    assert_eq!(connector.day(BOB, "2022-03-23, 13:31 - Bob: hi\n").as_deref(), Ok("2022-03-23"), "nothing to remember");
    connector.more = r#""date_order":"mdy""#.to_owned();
    assert_eq!(connector.day(BOB, MONTH_FIRST).as_deref(), Ok("2022-03-23"));
    assert_eq!(connector.bookmark, Some(full), "nothing is forgotten");
}
