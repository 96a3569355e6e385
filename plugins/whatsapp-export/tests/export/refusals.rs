//! What cannot be read is refused with a code, the file's name and the next step; what can, is read.

use kit::{
    Content, ErrorKind, Source as _,
    source::{PullRequest, Reading},
};
use whatsapp_export::WhatsappExport;

use crate::reading::{Shelf, Whole, read, settings};

fn code(host: &mut Shelf, more: &str, path: &str) -> String {
    let error = read(host, &settings(more), path, 10).unwrap_err();
    assert!(error.message.contains(path) || error.code.starts_with("zip-"), "names the file: {}", error.message);
    assert!(error.hint.is_some() || error.code.starts_with("zip-"), "has a hint: {}", error.code);
    assert!(!error.message.contains("secret"), "no message text: {}", error.message);
    error.code
}

#[test]
fn bad_files_are_refused() {
    for (bytes, expected) in [
        (&b""[..], "empty-file"),
        (b"\xEF\xBB\xBF", "empty-file"),
        (b"\n\r\n  \n", "empty-file"),
        (b"secret notes\nwithout a date\n", "not-a-chat"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "wrong-encoding"),
        (b"23/03/2022, 13:31 - Anna: secret caf\xE9\n", "wrong-encoding"),
        (b"23/03/2022, 13:31 - Anna: secret caf\xC3", "wrong-encoding"),
        (b"\xFF\xFE2\x003\x00/", "wrong-encoding"),
        (b"11/01/2023, 16:13 - Anna: secret\n", "ambiguous-dates"),
        (b"31/12/2022, 10:00 - Anna: secret\n12/31/2022, 10:00 - Anna: secret\n", "contradictory-dates"),
        ("۱۴۰۰/۱۲/۲۷, 14:56 - Anna: secret\n".as_bytes(), "unknown-calendar"),
        ("15/08/1443, 14:56 - Anna: secret\n".as_bytes(), "unknown-calendar"),
        (b"18/3/65, 14:56 - Anna: secret\n", "unknown-calendar"),
    ] {
        assert_eq!(
            code(&mut Shelf::file("inbox/a.txt", bytes), "", "inbox/a.txt"),
            expected,
            "{}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn the_place_of_wrong_bytes_is_named() {
    let mut text = "23/03/2022, 13:31 - Anna: hello\n".repeat(40_000).into_bytes();
    let offset = text.len() + 26;
    text.extend_from_slice(b"23/03/2022, 13:31 - Anna: \xFF\n");
    let error = read(&mut Shelf::file("inbox/a.txt", text), &settings(""), "inbox/a.txt", 10).unwrap_err();
    assert!(error.message.contains(&format!("offset {offset} (line 40001)")), "{}", error.message);
}

#[test]
fn the_question_names_the_setting_and_the_setting_answers_it() {
    let mut host = Shelf::file("inbox/a.txt", "11/01/2023, 16:13 - Anna: hi\n");
    let error = read(&mut host, &settings(""), "inbox/a.txt", 10).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    let hint = error.hint.unwrap();
    assert!(hint.contains("date_order = \"dmy\"") && hint.contains("date_order = \"mdy\""), "{hint}");
    for (order, day) in [("dmy", "2023-01-11"), ("mdy", "2023-11-01")] {
        let whole = read(&mut host, &settings(&format!(r#""date_order":"{order}""#)), "inbox/a.txt", 10).unwrap();
        let at = jiff::Timestamp::from_millisecond(whole.items[0].item.sent_at).unwrap();
        assert!(at.to_string().starts_with(day), "{at}");
    }
    let mut host = Shelf::file("inbox/a.txt", "18/3/65, 14:56 - Anna: hi\n");
    let whole = read(&mut host, &settings(r#""calendar":"buddhist","date_order":"dmy""#), "inbox/a.txt", 10).unwrap();
    assert_eq!(
        jiff::Timestamp::from_millisecond(whole.items[0].item.sent_at).unwrap().to_string(),
        "2022-03-18T14:56:00Z"
    );
}

#[test]
fn bad_archives_are_refused() {
    let chat = b"23/03/2022, 13:31 - Anna: hi\n";
    for (entries, expected) in [
        (&[("photo.jpg", &b"x"[..])][..], "no-chat-in-zip"),
        (&[], "no-chat-in-zip"),
        (&[("notes.txt", b"secret")], "no-chat-in-zip"),
        (&[("a/_chat.txt", chat), ("b/_chat.txt", chat)], "several-chats-in-zip"),
        (&[("WhatsApp Chat with A.txt", chat), ("WhatsApp Chat with B.txt", chat)], "several-chats-in-zip"),
        (&[("_chat.txt", b"")], "empty-file"),
    ] {
        assert_eq!(code(&mut Shelf::archive("inbox/a.zip", entries), "", "inbox/a.zip"), expected, "{entries:?}");
    }
    assert_eq!(code(&mut Shelf::default(), "", "inbox/cut.zip"), "zip-damaged");
}

#[test]
fn the_text_in_an_archive_is_found() {
    let chat = b"23/03/2022, 13:31 - Anna: hi\n";
    for entries in [
        &[("_chat.txt", &chat[..]), ("00000046-Some file.txt", b"notes")][..],
        &[("IMG.jpg", b"x"), ("inner/_chat.txt", chat), ("__MACOSX/inner/._chat.txt", b"\0\x05")],
        &[("WhatsApp Chat with Anna.txt", chat), ("other.txt", chat)],
        &[("Plausch.txt", chat), ("notes.txt", b"milk, bread")],
        &[("a.txt", chat), ("b.txt", chat)],
    ] {
        let whole = read(&mut Shelf::archive("inbox/a.zip", entries), &settings(""), "inbox/a.zip", 10).unwrap();
        assert_eq!(whole.items[0].item.text.as_deref(), Some("hi"), "{entries:?}");
    }
}

#[test]
fn foreign_cursors_and_readings_are_refused() {
    let mut host = Shelf::file("inbox/a.txt", "23/03/2022, 13:31 - Anna: hi\n");
    let request = PullRequest {
        reading: Reading::File("inbox/a.txt".into()),
        account: "whatsapp".into(),
        bookmark: None,
        cursor: Some(vec![9, 9]),
        max_items: 10,
    };
    assert_eq!(WhatsappExport::pull(&mut host, &settings(""), request.clone()).unwrap_err().code, "unknown-cursor");
    let first =
        WhatsappExport::pull(&mut host, &settings(""), PullRequest { cursor: None, ..request.clone() }).unwrap();
    let cursor = first.cursor.unwrap();
    for length in 0..cursor.len() {
        let cut = PullRequest { cursor: Some(cursor[..length].to_vec()), ..request.clone() };
        assert_eq!(
            WhatsappExport::pull(&mut host, &settings(""), cut).unwrap_err().code,
            "unknown-cursor",
            "cut at {length}"
        );
    }
    let since = PullRequest { reading: Reading::Since, cursor: None, ..request };
    assert_eq!(WhatsappExport::pull(&mut host, &settings(""), since).unwrap_err().code, "wrong-reading");
}

#[test]
fn check_tells_what_is_there() {
    let mut host = Shelf::file("inbox/a.txt", "x");
    host.archives.insert("inbox/b/c.zip".into(), Vec::new());
    let account = WhatsappExport::check(&mut host, &settings("")).unwrap();
    assert_eq!(account.id, "whatsapp");
    assert!(account.findings[0].contains("1 .zip and 1 .txt"), "{:?}", account.findings);
    assert!(account.findings.iter().any(|finding| finding.contains("zone")), "{:?}", account.findings);
    let account = WhatsappExport::check(&mut Shelf::default(), &settings(r#""zone":"Europe/Berlin""#)).unwrap();
    assert!(account.findings[0].contains("no .zip and no .txt"), "{:?}", account.findings);
}

#[test]
fn a_page_of_an_impossible_date_is_parked() {
    let text = "23/03/2022, 13:31 - Anna: hi\n23/03/9999, 13:31 - Anna: hm\n23/03/9999, 13:31 - Anna: hm\n";
    let whole = read(&mut Shelf::file("inbox/a.txt", text), &settings(""), "inbox/a.txt", 10).unwrap();
    assert_eq!(whole.items.len(), 1);
    assert_eq!(
        whole.unreadable.iter().map(|unreadable| unreadable.code.as_str()).collect::<Vec<_>>(),
        ["impossible-date"; 2]
    );
    assert_ne!(whole.unreadable[0].id, whole.unreadable[1].id);
}

#[test]
fn a_damaged_medium_is_missing_and_everything_else_is_read() {
    let chat = "23/03/2022, 13:31 - Anna: IMG-20220323-WA0001.jpg (file attached)\nlook\n\
                23/03/2022, 13:32 - Anna: IMG-20220323-WA0002.jpg (file attached)\n\
                23/03/2022, 13:33 - Bob: nice\n";
    let mut host = Shelf::archive(
        "inbox/a.zip",
        &[
            ("_chat.txt", chat.as_bytes()),
            ("IMG-20220323-WA0001.jpg", &[1; 100]),
            ("IMG-20220323-WA0002.jpg", &[2; 100]),
            ("nobody-names-me.jpg", &[3; 100]),
        ],
    );
    let whole_ids = |whole: &Whole| whole.items.iter().map(|seen| seen.item.id.clone()).collect::<Vec<_>>();
    let good = read(&mut host.clone(), &settings(""), "inbox/a.zip", 10).unwrap();
    for name in ["IMG-20220323-WA0001.jpg", "nobody-names-me.jpg"] {
        host.damaged.insert(name.to_owned(), "zip-damaged");
    }
    for max_items in [1, 10] {
        let whole = read(&mut host, &settings(""), "inbox/a.zip", max_items).unwrap();
        assert_eq!(whole_ids(&whole), whole_ids(&good), "no message is lost, none gets another id");
        assert!(whole.unreadable.is_empty());
        let file = |place: usize| &whole.items[place].item.attachments[0];
        for (place, name) in [(0, "IMG-20220323-WA0001.jpg"), (3, "nobody-names-me.jpg")] {
            assert_eq!(file(place).content, Content::Missing("damaged".to_owned()));
            assert_eq!(file(place).name.as_deref(), Some(name));
            assert_eq!(file(place).size, Some(100));
            assert_eq!(file(place).extensions, [("error".to_owned(), "zip-damaged".to_owned())]);
        }
        assert!(matches!(file(1).content, Content::Present(_)), "its neighbour is there");
        assert_eq!(whole.items[0].item.text.as_deref(), Some("look"));
    }
    host.damaged = [("IMG-20220323-WA0001.jpg".to_owned(), "file-changed")].into();
    let error = read(&mut host, &settings(""), "inbox/a.zip", 10).unwrap_err();
    assert_eq!(error.code, "file-changed", "other trouble is the whole file's");
    host.damaged = [("_chat.txt".to_owned(), "zip-damaged")].into();
    assert_eq!(read(&mut host, &settings(""), "inbox/a.zip", 10).unwrap_err().code, "zip-damaged", "the text");
}

#[test]
fn attachments_over_the_limit_are_withheld() {
    let mut host = Shelf::archive(
        "inbox/a.zip",
        &[
            ("_chat.txt", b"23/03/2022, 13:31 - Anna: IMG-20220323-WA0001.jpg (file attached)\n"),
            ("IMG-20220323-WA0001.jpg", &[0; 100]),
        ],
    );
    host.attachment_bytes_max = Some(10);
    let whole = read(&mut host, &settings(""), "inbox/a.zip", 10).unwrap();
    let file = &whole.items[0].item.attachments[0];
    assert!(matches!(&file.content, Content::Withheld(withheld) if withheld.reason == "too-large"));
    assert_eq!(file.size, Some(100));
}
