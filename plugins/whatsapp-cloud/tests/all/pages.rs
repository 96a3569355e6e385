//! Pages, duplicates, and large files.

use kit::{
    Content, ErrorKind, Source as _,
    source::{PullRequest, Reading},
};
use serde_json::{Value, json};
use shelf::Shelf;
use whatsapp_cloud::WhatsappCloud;

use crate::{FILE, SETTINGS, body, lines, message, read, read_host, said, told};

fn three() -> Vec<Value> {
    let two = json!([
        { "from": "1", "id": "wamid.B", "timestamp": "1793577601", "type": "text", "text": { "body": "b" } },
        { "from": "1", "id": "wamid.C", "timestamp": "1793577602", "type": "text", "text": { "body": "c" } },
    ]);
    vec![said("wamid.A", "a"), body("messages", json!({ "messages": two })), said("wamid.D", "d")]
}

#[test]
fn every_size_of_a_page_gives_the_same() {
    let mut text = lines(&three());
    text.insert_str(0, "no json {\n");
    let all = told(&read(&text, 1_000));
    assert_eq!(all.0, ["wamid.A", "wamid.B", "wamid.C", "wamid.D"]);
    assert_eq!(all.1, ["not-json"]);
    for max_items in 1..=7 {
        assert_eq!(told(&read(&text, max_items)), all, "{max_items}");
    }
}

#[test]
fn a_webhook_that_came_again_gives_the_same_item() {
    let once = read(lines(&three()), 10);
    let again = read(lines(&[three(), three()].concat()), 10);
    assert_eq!(again.items[..4], once.items);
    assert_eq!(again.items[4..], once.items);
    let alone = read(three()[0].to_string(), 10);
    assert_eq!(alone.items[0].item, once.items[0].item);
}

#[test]
fn bodies_may_be_lines_an_array_or_spread_over_lines() {
    let ids = told(&read(lines(&three()), 10));
    let pretty: String = three().iter().map(|body| serde_json::to_string_pretty(body).unwrap() + "\n").collect();
    let array = serde_json::to_string(&three()).unwrap();
    let one_line = lines(&three()).replace('\n', "");
    let dos = lines(&three()).replace('\n', "\r\n");
    let bytes = [pretty, array.clone(), one_line, dos, format!("\u{feff}{array}\n"), lines(&[array.parse().unwrap()])];
    for bytes in bytes {
        for path in ["spool/a.json", "spool/a.jsonl"] {
            let whole = shelf::read::<WhatsappCloud>(&mut Shelf::file(path, &bytes), SETTINGS, path, 2).unwrap();
            assert_eq!(told(&whole), ids, "{path} {bytes}");
        }
    }
}

#[test]
fn a_file_that_ends_at_any_byte_keeps_its_whole_bodies() {
    let text = lines(&three());
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    for end in 1..text.len() {
        let whole = read(&text[..end], 2);
        let bodies = ends.iter().filter(|at| **at <= end).count();
        let items = [0, 1, 3, 4][bodies];
        assert_eq!(whole.items.len(), items, "{end}");
        let is_between = ends.iter().any(|at| *at == end || *at + 1 == end);
        let codes = told(&whole).1;
        assert_eq!(codes, if is_between { vec![] } else { vec!["file-truncated"] }, "{end}");
    }
    let array = serde_json::to_string(&three()).unwrap();
    for end in 2..array.len() {
        let whole =
            shelf::read::<WhatsappCloud>(&mut Shelf::file("spool/a.json", &array[..end]), SETTINGS, "spool/a.json", 3);
        assert_eq!(told(&whole.unwrap()).1, ["file-truncated"], "{end}");
    }
}

#[test]
fn a_body_may_be_replaced_at_any_byte() {
    let good = said("wamid.A", "a").to_string();
    for at in 0..good.len() {
        for byte in [b'"', b'{', b'}', b'\\', b'\n', 0, 0xff, b'9'] {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = byte;
            bytes.extend(format!("\n{}\n", said("wamid.Z", "z")).bytes());
            let mut host = Shelf::file(FILE, &bytes);
            let Ok(whole) = shelf::read::<WhatsappCloud>(&mut host, SETTINGS, FILE, 10) else {
                assert!(at < 2 && byte == 0, "{at} {byte}");
                continue;
            };
            assert_eq!(whole.items.last().unwrap().item.id, "wamid.Z", "{at} {byte}");
            assert!(whole.items.len() + whole.unreadable.len() >= 2, "{at} {byte}");
        }
    }
}

#[test]
fn a_large_file_is_read_once() {
    let bodies: Vec<Value> = (0..4_000).map(|number| said(&format!("wamid.{number}"), &"x".repeat(500))).collect();
    let text = lines(&bodies);
    let mut host = Shelf::file(FILE, &text);
    let whole = read_host(&mut host, 1_000);
    assert_eq!(whole.items.len(), 4_000);
    // Every page is asked for twice, and may read a chunk beyond its end.
    let most = text.len() as u64 * 2 + whole.pages as u64 * 2 * (256 << 10) + (128 << 10);
    assert!(host.bytes_read <= most, "{} of {most}", host.bytes_read);
}

/// `CHANCERY_LARGE_MIB` says how large; time and memory are measured from outside.
#[test]
fn a_very_large_file_needs_no_more_memory() {
    let Some(mebibytes) = std::env::var("CHANCERY_LARGE_MIB").ok().and_then(|text| text.parse::<usize>().ok()) else {
        return;
    };
    let line = format!("{}\n", said("wamid.A", &"x".repeat(300)));
    let count = (mebibytes << 20) / line.len();
    let mut host = Shelf::file(FILE, line.repeat(count));
    let (mut cursor, mut items) = (None, 0);
    loop {
        let request = PullRequest {
            reading: Reading::File(FILE.to_owned()),
            account: "a".to_owned(),
            bookmark: None,
            cursor,
            max_items: 1_000,
        };
        let page = WhatsappCloud::pull(&mut host, SETTINGS, request).unwrap();
        items += page.items.len();
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(items, count);
}

#[test]
fn files_are_found_once_and_over_the_limit_withheld() {
    let image = json!({ "type": "image", "image": { "id": "7", "mime_type": "image/jpeg" } });
    let bodies = lines(&[message(image.clone()), message(image)]);
    let path = "spool/2026/11/bodies.jsonl";
    let at = |file: &str| Shelf::file(path, &bodies).and(file, "12345");
    let content = |mut host: Shelf| {
        let whole = shelf::read::<WhatsappCloud>(&mut host, SETTINGS, path, 1).unwrap();
        whole.items[0].item.attachments[0].content.clone()
    };
    let present =
        ["spool/2026/11/7.jpg", "spool/2026/11/7", "spool/2026/11/media/7_x.jpg", "spool/media/7/a.jpg", "spool/7.jpg"];
    for file in present {
        assert!(matches!(content(at(file)), Content::Present(blob) if blob.size == 5), "{file}");
    }
    for file in ["spool/2026/11/77.jpg", "spool/2026/10/7.jpg", "spool/other/7.jpg", "elsewhere/7.jpg"] {
        assert_eq!(content(at(file)), Content::Missing("not-found".to_owned()), "{file}");
    }
    let mut host = at("spool/7.jpg");
    host.attachment_bytes_max = Some(4);
    assert!(matches!(content(host), Content::Withheld(withheld) if withheld.reason == "too-large"));
}

#[test]
fn foreign_cursors_and_readings_are_refused() {
    let mut host = Shelf::file(FILE, said("wamid.A", "a").to_string());
    let request =
        |reading, cursor| PullRequest { reading, account: "a".to_owned(), bookmark: None, cursor, max_items: 1 };
    let file = || Reading::File(FILE.to_owned());
    for cursor in [vec![], vec![9; 19], vec![1; 18]] {
        let error = WhatsappCloud::pull(&mut host, SETTINGS, request(file(), Some(cursor))).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "cursor-unknown"));
    }
    assert_eq!(
        WhatsappCloud::pull(&mut host, SETTINGS, request(Reading::Since, None)).unwrap_err().code,
        "reading-unknown"
    );
}
