//! Export files that cannot be read, or only in part. All of them lie in one inbox beside a good one.

use std::{fs, io::Write as _};

use super::archive::Archive;
use crate::support::exports::{Connector, Installation, head};

/// A bad file.
struct Case {
    /// Its name in the inbox.
    file: &'static str,
    /// What the file as a whole is parked as; empty: it is read, and only something in it is parked or left out.
    parked: &'static str,
    /// Part of the parked message.
    says: &'static str,
    bytes: fn() -> Vec<u8>,
}

/// A chat of two lines that nothing is wrong with.
const GOOD: &str = "23/06/2023, 10:15 - Anna: Shall we meet?\n23/06/2023, 10:16 - Ben: At ten.\n";

#[rustfmt::skip] // A table reads as one.
const CASES: &[Case] = &[
    Case { file: "empty.txt", parked: "empty-file", says: "holds no text", bytes: Vec::new },
    Case { file: "blank.txt", parked: "empty-file", says: "holds no text", bytes: || b"\xef\xbb\xbf\r\n \r\n".to_vec() },
    Case { file: "no chat.txt", parked: "not-a-chat", says: "none of its", bytes: || b"Dear all,\nplease find attached.\n".to_vec() },
    Case { file: "latin.txt", parked: "wrong-encoding", says: "no character", bytes: || latin_1(&GOOD.replace("ten", "fünf")) },
    Case { file: "cut character.txt", parked: "wrong-encoding", says: "no character", bytes: || cut("23/06/2023, 10:15 - Anna: früh\u{20ac}", 1) },
    Case { file: "cut utf-16.txt", parked: "wrong-encoding", says: "UTF-16", bytes: || cut_utf_16(GOOD) },
    Case { file: "ambiguous.txt", parked: "ambiguous-dates", says: "date_order", bytes: || b"03/04/2023, 10:15 - Anna: Which day?\n03/04/2023, 10:16 - Ben: Who knows.\n".to_vec() },
    Case { file: "contradictory.txt", parked: "contradictory-dates", says: "", bytes: || b"31/12/2023, 10:15 - Anna: a\n12/31/2023, 10:16 - Ben: b\n".to_vec() },
    Case { file: "other calendar.txt", parked: "unknown-calendar", says: "", bytes: || b"27/12/1400, 10:15 - Anna: a\n28/12/1400, 10:16 - Ben: b\n".to_vec() },
    Case { file: "empty.zip", parked: "zip-damaged", says: "", bytes: Vec::new },
    Case { file: "no files.zip", parked: "no-chat-in-zip", says: "", bytes: || Archive::default().end() },
    Case { file: "no chat.zip", parked: "no-chat-in-zip", says: "", bytes: || Archive::default().file("photo.jpg", "\u{fffd}").end() },
    Case { file: "two chats.zip", parked: "several-chats-in-zip", says: "2 chats", bytes: || Archive::default().file("a/_chat.txt", GOOD).file("b/_chat.txt", GOOD).end() },
    Case { file: "half uploaded.zip", parked: "zip-damaged", says: "", bytes: || { let mut bytes = good_zip().end(); bytes.truncate(bytes.len() / 2); bytes } },
    Case { file: "begins late.zip", parked: "zip-damaged", says: "", bytes: || good_zip().end().split_off(20) },
    Case { file: "no zip.zip", parked: "zip-damaged", says: "", bytes: || GOOD.as_bytes().to_vec() },
    Case { file: "wrong checksum.zip", parked: "zip-damaged", says: "checksum", bytes: || Archive::default().file("_chat.txt", GOOD).wrong_checksum().end() },
    Case { file: "same name twice.zip", parked: "zip-damaged", says: "same name", bytes: || good_zip().file("_chat.txt", "x").end() },
    Case { file: "encrypted.zip", parked: "zip-encrypted", says: "encrypted", bytes: || Archive::default().file("_chat.txt", GOOD).encrypted().end() },
    Case { file: "encrypted medium.zip", parked: "zip-encrypted", says: "encrypted", bytes: || good_zip().file("photo.jpg", "x").encrypted().end() },
    Case { file: "link.zip", parked: "zip-link", says: "link", bytes: || good_zip().file("photo.jpg", "/etc/passwd").mode(0o120_777).end() },
    Case { file: "device.zip", parked: "zip-link", says: "device", bytes: || good_zip().file("photo.jpg", "").mode(0o020_666).end() },
    Case { file: "absolute name.zip", parked: "zip-unsafe-name", says: "leads out", bytes: || good_zip().file("/etc/cron.d/x", "x").end() },
    Case { file: "parent name.zip", parked: "zip-unsafe-name", says: "leads out", bytes: || good_zip().file("media/../../x", "x").end() },
    Case { file: "windows name.zip", parked: "zip-unsafe-name", says: "leads out", bytes: || good_zip().file("..\\..\\x.jpg", "x").end() },
    Case { file: "drive name.zip", parked: "zip-unsafe-name", says: "leads out", bytes: || good_zip().file("C:x.jpg", "x").end() },
    Case { file: "nul name.zip", parked: "zip-unsafe-name", says: "leads out", bytes: || good_zip().file("a\0b.jpg", "x").end() },
    Case { file: "unknown method.zip", parked: "zip-unsupported", says: "", bytes: || good_zip().file("photo.jpg", "x").method(93).end() },
    Case { file: "bomb of 10 GB in 32 kB.zip", parked: "zip-bomb", says: "", bytes: || good_zip().zeros("zeros.bin", 32 << 20).again(319).end() },
    Case { file: "bomb by claim.zip", parked: "zip-bomb", says: "unpack to", bytes: || good_zip().file("0.bin", "x").claims(u32::MAX - 1).file("1.bin", "x").claims(u32::MAX - 1).file("2.bin", "x").claims(u32::MAX - 1).end() },
    Case { file: "bomb that says it is none.zip", parked: "zip-bomb", says: "holds more", bytes: || Archive::default().zeros("_chat.txt", 32 << 20).claims(1_000).end() },
    Case { file: "claims less.zip", parked: "zip-bomb", says: "holds more", bytes: || Archive::default().file("_chat.txt", GOOD).claims(10).end() },
];

#[test]
fn bad_files_are_parked_and_the_good_one_is_delivered() {
    let installation = Installation::new(&[Connector::default()]);
    installation.put("inbox/WhatsApp Chat with good.txt", GOOD);
    for case in CASES {
        installation.put(&format!("inbox/{}", case.file), (case.bytes)());
    }

    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(3);
    let outcome = &outcomes["exports"];
    assert_eq!(outcome.error, None, "{ran}");
    assert_eq!((outcome.item("delivered"), outcome.item("parked")), (2, CASES.len() as u64), "{ran}");

    let parked = installation.parked("exports");
    for Case { file, parked: reason, says, .. } in CASES {
        let id = format!("file:inbox/{file}:");
        let row = parked
            .iter()
            .find(|row| row.source_id.starts_with(&id))
            .unwrap_or_else(|| panic!("`{file}` is not parked\n{ran}"));
        assert_eq!(row.reason, *reason, "{file}: {}", row.message);
        assert!(row.message.contains(says) && row.message.contains(file), "{file}: {}", row.message);
        assert!(!row.message.contains("meet"), "{file}: no message text in messages");
        installation.done(&["explain", &row.reason]);
    }
    assert_eq!(parked.len(), CASES.len());

    // Asked again, nothing changes: the same files in the same state are parked once.
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("fetched"), 0, "{ran}");

    // Mended by whoever laid them there, all are read, and nothing of them stays parked.
    for (number, case) in (0..).zip(CASES) {
        let chat = format!("23/06/2023, 11:15 - Anna: Mended.\n23/06/2023, 11:16 - Ben: Number {number}.\n");
        let name = format!("WhatsApp Chat with mended {number}.txt");
        match case.file.ends_with(".zip") {
            true => installation.put(&format!("inbox/{}", case.file), Archive::default().file(name, chat).end()),
            false => installation.put(&format!("inbox/{}", case.file), chat),
        }
    }
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 2 * CASES.len() as u64, "{ran}");
    assert_eq!(installation.mails().len(), 2 + 2 * CASES.len());
    assert_eq!(installation.parked("exports"), []);
    installation.done(&["ledger", "verify"]);
}

#[test]
fn an_answered_question_frees_the_file() {
    let installation = Installation::new(&[Connector::default()]);
    installation.put("inbox/chat.txt", "03/04/2023, 10:15 - Anna: Which day?\n03/04/2023, 10:16 - Ben: Who knows.\n");
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(3);
    assert_eq!(outcomes["exports"].item("parked"), 1, "{ran}");
    let parked = installation.parked("exports");
    assert!(parked[0].message.contains("date_order"), "the question names its answer: {parked:?}");

    let settings = "path = \"inbox\", owner = \"anna@example.com\", date_order = \"dmy\"";
    installation.configure(&[Connector { settings, ..Connector::default() }], "");
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "{ran}");
    assert_eq!(installation.parked("exports"), []);
    assert!(
        installation.mails().iter().all(|mail| head(mail).iter().any(|line| line.starts_with("Date: Mon, 3 Apr 2023")))
    );
}

#[test]
fn a_file_that_is_still_being_written_is_left_alone() {
    let slow = "settle = \"1h\"";
    let connector = Connector { more: slow, ..Connector::default() };
    let installation = Installation::new(&[connector]);
    installation.put("inbox/chat.txt", &GOOD[..GOOD.len() - 10]);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("fetched"), 0, "{ran}");

    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    installation.put("inbox/chat.txt", GOOD);
    fs::File::open(installation.path("inbox/chat.txt")).unwrap().set_modified(hour_ago).unwrap();
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "{ran}");
}

/// A chat that takes more than one page.
fn long_chat(lines: usize) -> String {
    let line = |number: usize| {
        let (hour, minute) = (number / 60 % 24, number % 60);
        format!("23/06/2023, {hour:02}:{minute:02} - Anna: Line {number}.\n")
    };
    (0..lines).map(line).collect()
}

#[test]
fn a_file_that_goes_away_or_changes_half_read_ends_accounted_for() {
    let before = Installation::new(&[Connector::default()]);
    before.put("inbox/chat.txt", long_chat(1_400));
    let dies_at = |place: &'static str| {
        let ran = before.run_as(&["sync"], |command| {
            command.env("CHANCERY_KILL_AT", place);
        });
        ran.expect_killed();
    };
    // The first pages only look at how its dates are written.
    dies_at("fetch:pulled:3");
    let status = |key: &str| before.done(&["status", "--json"]).json()["connectors"][0][key].clone();
    let open = || status("open_windows").as_u64().unwrap();
    assert_eq!(open(), 1);
    let read = status("under_way").as_u64().unwrap() + status("items")["delivered"].as_u64().unwrap();
    assert!(read > 0 && read < 1_400, "{read}");

    // It is gone: what was read of it is delivered, and the file itself is parked.
    fs::rename(before.path("inbox/chat.txt"), before.path("chat.txt")).unwrap();
    let (ran, outcomes) = before.sync(&[]);
    ran.expect(0);
    let outcome = &outcomes["exports"];
    assert_eq!((outcome.item("delivered"), outcome.item("parked"), open()), (read, 1, 0), "{ran}");
    let parked = before.parked("exports");
    assert_eq!(parked[0].reason, "file-gone");
    assert!(parked[0].message.contains(&format!("{read} items came of it")), "{parked:?}");
    before.done(&["explain", "file-gone"]);
    let (ran, outcomes) = before.sync(&[]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("fetched"), 0, "{ran}");

    // It is there again: the rest is read, nothing twice, and it is parked no more.
    fs::rename(before.path("chat.txt"), before.path("inbox/chat.txt")).unwrap();
    let (ran, outcomes) = before.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(
        (outcomes["exports"].item("delivered"), outcomes["exports"].item("seen")),
        (1_400 - read, read),
        "{ran}"
    );
    assert_eq!((before.parked("exports"), before.mails().len(), open()), (vec![], 1_400, 0));

    // Changed half-read: the window of the old file ends, and the new one is read in the same turn.
    before.put("inbox/chat.txt", long_chat(2_900));
    dies_at("fetch:pulled:4");
    assert_eq!(open(), 1);
    before.put("inbox/chat.txt", long_chat(2_950));
    let (ran, _) = before.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!((before.parked("exports"), before.mails().len(), open()), (vec![], 2_950, 0), "{ran}");
    before.done(&["ledger", "verify"]);
}

#[test]
fn a_later_longer_export_brings_only_what_is_new() {
    let installation = Installation::new(&[Connector::default()]);
    let (first, _) = GOOD.split_at(GOOD.find('\n').unwrap() + 1);
    installation.put("inbox/WhatsApp Chat with Ben.txt", first);
    installation.done(&["sync"]);
    installation.put("inbox/WhatsApp Chat with Ben.txt", GOOD);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    let outcome = &outcomes["exports"];
    assert_eq!((outcome.item("delivered"), outcome.item("seen")), (1, 1), "{ran}");
    // Zipped again and renamed by the operating system, it is the same chat.
    installation
        .put("inbox/WhatsApp Chat with Ben (1).zip", Archive::default().file("WhatsApp Chat with Ben.txt", GOOD).end());
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!((outcomes["exports"].item("fetched"), outcomes["exports"].item("seen")), (0, 2), "{ran}");
    assert_eq!(installation.mails().len(), 2);
}

#[test]
fn a_message_of_50_mb_is_parked_and_the_others_are_delivered() {
    let installation = Installation::new(&[Connector::default()]);
    let mut chat = "23/06/2023, 10:15 - Anna: Before.\n23/06/2023, 10:16 - Ben: ".to_owned().into_bytes();
    for number in 0..(50 << 20) / 32 {
        writeln!(chat, "word {number:10} of a long speech").unwrap();
    }
    chat.extend_from_slice(b"23/06/2023, 10:17 - Anna: After.\n");
    installation.put("inbox/chat.txt", chat);
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(3);
    let outcome = &outcomes["exports"];
    assert_eq!((outcome.error.as_ref(), outcome.item("delivered"), outcome.item("parked")), (None, 2, 1), "{ran}");
    let parked = installation.parked("exports");
    assert_eq!(parked[0].reason, "message-too-large", "{parked:?}");
    installation.done(&["explain", "message-too-large"]);
}

#[test]
fn a_message_under_the_limit_goes_through_whole() {
    let installation = Installation::new(&[Connector::default()]);
    let long = "All work and no play. ".repeat((7 << 20) / 22);
    installation.put("inbox/chat.txt", format!("23/06/2023, 10:15 - Anna: {long}\n23/06/2023, 10:16 - Ben: Yes.\n"));
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "{ran}");
    assert!(installation.mails().iter().any(|mail| mail.text().contains(long.trim_end())), "not a word is missing");
}

#[test]
fn attachments_missing_or_over_the_limit_leave_a_visible_notice() {
    let installation = Installation::new(&[Connector::default()]);
    installation.configure(&[Connector::default()], "[limits]\nattachment_bytes_max = 1000");
    let chat = "23/06/2023, 10:15 - Anna: IMG-20230623-WA0001.jpg (file attached)\n\
                23/06/2023, 10:16 - Ben: IMG-20230623-WA0002.jpg (file attached)\n\
                23/06/2023, 10:17 - Ben: IMG-20230623-WA0003.jpg (file attached)\n";
    let archive = Archive::default()
        .file("WhatsApp Chat with Ben.txt", chat)
        .file("IMG-20230623-WA0001.jpg", [7; 900])
        .file("IMG-20230623-WA0003.jpg", [7; 1_001]);
    installation.put("inbox/chat.zip", archive.end());
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    let outcome = &outcomes["exports"];
    assert_eq!((outcome.copy("imported"), outcome.copy("partial")), (1, 2), "{ran}");
    let seen: Vec<(usize, bool)> = [1, 2, 3]
        .map(|number| {
            let name = format!("IMG-20230623-WA000{number}.jpg");
            let mails = installation.mails();
            let mail =
                mails.iter().find(|mail| mail.text().contains(&name)).expect("each attachment is named in a text");
            (mail.message().attachment_count(), mail.text().contains("too large"))
        })
        .into();
    assert_eq!(seen, [(1, false), (0, false), (0, true)], "one is there, one is missed, one is over the limit");
}

fn good_zip() -> Archive {
    Archive::default().file("_chat.txt", GOOD)
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|character| character as u8).collect()
}

/// Without its last bytes.
fn cut(text: &str, bytes: usize) -> Vec<u8> {
    text.as_bytes()[..text.len() - bytes].to_vec()
}

fn cut_utf_16(text: &str) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    let mut bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    bytes.pop();
    bytes
}
