//! Whatever the pages' size, and with nothing but the cursor between them, a file gives the same.

use crate::reading::{Shelf, read, settings};

/// A chat with everything: bursts in a minute, equal messages, long ones, several lines, heads out of order.
fn chat() -> String {
    let mut text = String::from("23/03/2022, 13:31 - Messages and calls are end-to-end encrypted.\n");
    for number in 0..700_u32 {
        let author = ["Anna", "Bob - Sales", "+49 151 1234567", "🤓"][(number % 4) as usize];
        let (day, minute) = (1 + number / 60, number / 5 % 60);
        let body = match number % 7 {
            0 => "ok".to_owned(),
            1 => format!("line one {number}\nline two\r\n\nline four"),
            2 => "ä€😀 ".repeat(number as usize % 90),
            3 => "<Media omitted>".to_owned(),
            4 => "2022-03-18, 10:00 - not: a head".to_owned(),
            _ => format!("message {number}"),
        };
        text.push_str(&format!("{day:02}/03/2022, 14:{minute:02} - {author}: {body}\n"));
        if number % 50 == 0 {
            text.push_str(&format!("18/03/2022, 09:{:02} - Anna: ok\n", number % 3));
        }
    }
    text.push_str("13/03/2022, 23:59 - Anna: ");
    text.push_str(&"long ".repeat(20_000));
    text
}

#[test]
fn any_page_size_gives_the_same_items() {
    let expected = read(&mut Shelf::file("inbox/a.txt", chat()), &settings(""), "inbox/a.txt", 100_000).unwrap();
    assert_eq!(expected.items.len(), 716);
    let mut ids: Vec<&str> = expected.items.iter().map(|seen| seen.item.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), expected.items.len(), "every id is unique");
    for max_items in [1, 2, 3, 7, 100, 699, 715, 716, 717] {
        let whole = read(&mut Shelf::file("inbox/a.txt", chat()), &settings(""), "inbox/a.txt", max_items).unwrap();
        assert!(whole.items == expected.items, "pages of {max_items}");
        assert_eq!(whole.unreadable, expected.unreadable);
    }
}

#[test]
fn an_archive_is_read_without_going_back() {
    let text = chat();
    for max_items in [1, 10, 100, 1000] {
        let mut host = Shelf::archive("inbox/a.zip", &[("_chat.txt", text.as_bytes())]);
        let whole = read(&mut host, &settings(""), "inbox/a.zip", max_items).unwrap();
        // Each page is read twice by the test itself, each time from its start.
        assert!(
            host.backward_reads <= whole.pages + 2,
            "pages of {max_items}: {} of {}",
            host.backward_reads,
            whole.pages
        );
        assert!(
            host.bytes_read < 6 * text.len() as u64 + 8192 * whole.pages as u64,
            "pages of {max_items}: {} bytes",
            host.bytes_read
        );
    }
}

#[test]
fn encodings_give_the_same_items() {
    let text = chat();
    let expected = read(&mut Shelf::file("inbox/a.txt", &text), &settings(""), "inbox/a.txt", 50).unwrap();
    let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(unit).collect()
    };
    for (name, bytes) in [
        ("UTF-8 with a byte order mark", [b"\xEF\xBB\xBF", text.as_bytes()].concat()),
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
    ] {
        for max_items in [1, 50, 10_000] {
            let whole = read(&mut Shelf::file("inbox/a.txt", &bytes), &settings(""), "inbox/a.txt", max_items).unwrap();
            let ids = |whole: &crate::reading::Whole| {
                whole.items.iter().map(|seen| (seen.item.id.clone(), seen.item.text.clone())).collect::<Vec<_>>()
            };
            assert!(ids(&whole) == ids(&expected), "{name}, pages of {max_items}");
            assert_eq!(whole.unreadable.len(), 0, "{name}");
        }
    }
}

#[test]
fn line_ends_make_no_difference() {
    let text = chat().replace("\r\n", "\n");
    let ids = |text: &str| -> Vec<String> {
        let whole = read(&mut Shelf::file("inbox/a.txt", text), &settings(""), "inbox/a.txt", 1000).unwrap();
        whole.items.into_iter().map(|seen| seen.item.id).collect()
    };
    assert_eq!(ids(&text), ids(&text.replace('\n', "\r\n")));
    assert_eq!(ids(&text), ids(&format!("{text}\n\n")));
}

#[test]
fn a_message_too_large_is_parked_and_the_next_one_read() {
    let huge = "x".repeat(17 * 1024 * 1024);
    for (name, body) in [
        ("one line", huge.clone()),
        ("many lines", huge.as_bytes().chunks(1000).map(|line| String::from_utf8_lossy(line) + "\n").collect()),
    ] {
        let text = format!(
            "23/03/2022, 13:31 - Anna: before\n23/03/2022, 13:32 - Anna: {body}\n23/03/2022, 13:33 - Anna: after\n"
        );
        let whole = read(&mut Shelf::file("inbox/a.txt", text), &settings(""), "inbox/a.txt", 10).unwrap();
        let texts: Vec<&str> = whole.items.iter().map(|seen| seen.item.text.as_deref().unwrap()).collect();
        assert_eq!(texts, ["before", "after"], "{name}");
        assert_eq!(whole.unreadable.len(), 1, "{name}");
        assert_eq!(
            (whole.unreadable[0].code.as_str(), whole.unreadable[0].original.len()),
            ("message-too-large", 64 * 1024)
        );
        assert!(whole.unreadable[0].message.contains("line 2"), "{}", whole.unreadable[0].message);
    }
}

#[test]
fn many_authors_stay_within_the_cursor() {
    let mut text = String::from("23/03/2022, 13:31 - Anna created group \"Big\"\n");
    for number in 0..3000 {
        text.push_str(&format!(
            "23/03/2022, 13:{:02} - A rather long name of a person {number}: hello: {number} everybody: \n",
            number % 60
        ));
    }
    let whole = read(&mut Shelf::file("inbox/a.txt", text), &settings(""), "inbox/a.txt", 500).unwrap();
    assert_eq!(whole.items.len(), 3001);
    let last = whole.items.last().unwrap();
    assert_eq!(last.sender().unwrap().id, "A rather long name of a person 2999");
    assert!(last.item.extensions.contains(&("participants".to_owned(), "incomplete".to_owned())));
}

/// Exports as nobody makes them: pieces of heads, names, markers and text in any order.
#[test]
fn damaged_files_are_read_the_same_way_in_any_pages() {
    const PIECES: &[&str] = &[
        "23/03/2022, 13:31 - ",
        "[3/18/22, 14:56:01] ",
        "\u{200E}",
        "\u{202F}",
        "\u{FEFF}",
        "\n",
        "\n",
        "\r\n",
        "Anna: ",
        "Bob - x: ",
        ":",
        "<",
        ">",
        "(",
        ")",
        "<Media omitted>",
        "\u{200E}<attached: 00000001-A.jpg>",
        "\u{200E}image omitted",
        "IMG-20220318-WA0001.jpg (file attached)",
        "تم",
        "😀",
        "e\u{301}",
        "İ",
        "下午",
        "12",
        "31/12/9999, 00:00 - ",
        "24/03/2022, 24:07 - ",
        "\"",
        " added you",
        "https://maps.google.com/?q=1,2",
        "POLL:\n",
        "null",
        "\0",
        "\u{2028}",
        "Missed voice call",
        ", 5 min",
        "9999999999999999999999",
        "This message was deleted",
        "23/03/2022, 13:31 -",
        "00:00",
        " ",
    ];
    let mut state = 20_221_122_u64;
    let mut next = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for round in 0..150 {
        let mut text = String::from("23/03/2022, 13:30 - Anna: hi\n");
        for _ in 0..next(400) {
            text.push_str(PIECES[next(PIECES.len())]);
        }
        let one = read(&mut Shelf::file("inbox/a.txt", &text), &settings(""), "inbox/a.txt", 100_000);
        let many = read(&mut Shelf::file("inbox/a.txt", &text), &settings(""), "inbox/a.txt", 2);
        match (one, many) {
            (Ok(one), Ok(many)) => {
                assert!(one.items == many.items && one.unreadable == many.unreadable, "round {round}");
                let originals: usize = one.items.iter().map(|seen| seen.item.original.as_ref().unwrap().len()).sum();
                let parked: usize = one.unreadable.iter().map(|unreadable| unreadable.original.len()).sum();
                let ends = text.matches(['\n', '\r']).count();
                assert!(originals + parked + ends >= text.len(), "round {round}: every character is in some original");
                let ids: std::collections::BTreeSet<_> = one
                    .items
                    .iter()
                    .map(|seen| &seen.item.id)
                    .chain(one.unreadable.iter().map(|unreadable| &unreadable.id))
                    .collect();
                assert_eq!(ids.len(), one.items.len() + one.unreadable.len(), "round {round}: every id is unique");
            }
            (one, many) => assert_eq!(one.unwrap_err(), many.unwrap_err(), "round {round}"),
        }
    }
}
