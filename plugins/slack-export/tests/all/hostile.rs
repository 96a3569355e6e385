//! Input that nobody's Slack wrote.

use shelf::Shelf;

use crate::{EXPORT, export, read, told};

/// A message with every field that is looked at.
const FULL: &str = r#"{"type":"message","subtype":"huddle_thread","user":"U1","text":"hello <@U2>","ts":"1793577600.000100",
 "thread_ts":"1793577500.000100","edited":{"user":"U1","ts":"1793577700.000000"},"bot_id":"B1","username":"bot",
 "bot_profile":{"name":"Bot"},"user_profile":{"real_name":"Anna"},"inviter":"U2","parent_user_id":"U3","blocks":[{"type":"section"}],
 "attachments":[{"text":"quoted","fields":[{"title":"a","value":"b"}]}],"client_msg_id":"x","files":[{"id":"F1","name":"a.txt",
 "size":3,"mimetype":"text/plain","url_private":"https://files.slack.com/a"}],"file":{"id":"F2"},"comment":{"user":"U2"},
 "reactions":[{"name":"tada","users":["U2"],"count":1}],"room":{"created_by":"U1","participants":["U1","U2"],
 "participant_history":["U1"],"date_start":1793577600,"date_end":1793577660},"message":{"text":"new","ts":"1793577600.000100"},
 "previous_message":{"text":"old","ts":"1793577600.000100"},"original":{"text":"old"},"deleted_ts":"1793577600.000100"}"#;

const WRONG: [&str; 16] = [
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "123456789012345678901234567890",
    "\"\"",
    "\"\\u0000\"",
    "\"x\"",
    "[]",
    "[null]",
    "[[[]]]",
    "{}",
    "{\"a\":{}}",
    "[{}]",
    "[{\"users\":7,\"name\":[]}]",
];

#[test]
fn wrong_types_of_any_field_lose_no_record() {
    let full: serde_json::Map<String, serde_json::Value> = serde_json::from_str(FULL).unwrap();
    let subtypes = ["huddle_thread", "message_changed", "message_deleted", "tombstone", "file_share", "bot_message"];
    for subtype in subtypes {
        for field in full.keys() {
            for wrong in WRONG {
                let mut record = full.clone();
                record.insert("subtype".to_owned(), subtype.into());
                record.insert(field.clone(), serde_json::from_str(wrong).unwrap());
                let record = serde_json::to_string(&record).unwrap();
                let after = r#"{"type":"message","user":"U1","text":"after","ts":"1793577900.000100"}"#;
                let whole = read(&mut export(format!("[{record},{after}]")), 100);
                assert_eq!(whole.items.last().unwrap().item.text.as_deref(), Some("after"), "{record}");
                assert!(whole.items.len() + whole.unreadable.len() >= 2, "{record}");
            }
        }
    }
}

#[test]
fn wrong_types_inside_lists_lose_no_record() {
    for wrong in WRONG {
        let day = r#"[{"type":"message","user":"U1","text":"x","ts":"1793577900.000100"}]"#;
        let users = format!(r#"[{{"id":"U1","profile":{wrong},"name":{wrong}}},{wrong},{{"id":{wrong}}}]"#);
        let channels =
            format!(r#"[{{"id":"C1","name":"general","members":{wrong}}},{wrong},{{"name":"general","id":{wrong}}}]"#);
        let entries = [
            ("users.json", users.as_bytes()),
            ("channels.json", channels.as_bytes()),
            ("general/2026-11-02.json", day.as_bytes()),
            ("canvases.json", users.as_bytes()),
        ];
        let whole = read(&mut Shelf::archive(EXPORT, &entries), 2);
        assert_eq!(whole.items[0].item.id, "C1:1793577900.000100", "{wrong}");
    }
}

#[test]
fn broken_records_leave_the_others() {
    let good = |number: u32| format!(r#"{{"type":"message","user":"U1","text":"x","ts":"179357760{number}.000100"}}"#);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let broken = [
        r#"{"type":"message","text":"never ended, "ts":"1793577600.000100"}"#,
        r#"{"type":"message","text":["x","ts":"1793577600.000100"}"#,
        r#"{"type":"message","ts":"1793577600.000100""#,
        r#"{"ts":NaN}"#,
        r#"{"ts":"0"}"#,
        r#"{"ts":"99999999999999999999999"}"#,
        "{\"ts\":\"1793577600.0\",\"text\":\"a\0b\"}",
        "\0\0\0",
        "}",
        deep.as_str(),
    ];
    for broken in broken {
        let day = format!("[\n    {},\n    {broken},\n    {}\n]\n", good(1), good(2));
        let whole = read(&mut export(&day), 100);
        let (ids, codes) = told(&whole);
        let shown = &broken[..broken.len().min(60)];
        assert_eq!(ids, ["C1:1793577601.000100", "C1:1793577602.000100"], "{shown} {codes:?}");
        assert!(!codes.is_empty(), "{shown}");
    }
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    let mut day = br#"[{"user":"U1","ts":"1793577601.0001","text":"a"#.to_vec();
    day.extend(b"\xff\xfeb\"}]");
    let whole = read(&mut export(&day), 100);
    assert_eq!(whole.items[0].item.text.as_deref(), Some("a\u{fffd}\u{fffd}b"));
    assert!(whole.items[0].item.extensions.contains(&("text-repaired".to_owned(), "true".to_owned())));
    let text = r#"[{"user":"U1","ts":"1793577601.0001","text":"a"}]"#;
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(told(&read(&mut export(&wide), 100)).1, ["not-an-array"]);
    let marked: Vec<u8> = b"\xef\xbb\xbf".iter().copied().chain(text.bytes()).collect();
    assert_eq!(told(&read(&mut export(&marked), 100)).0, ["C1:1793577601.0001"]);
    assert_eq!(told(&read(&mut export(b"{\"error\":1}"), 100)).1, ["not-an-array"]);
    assert_eq!(told(&read(&mut export(b"[] x"), 1)).1, ["trailing-bytes"]);
    assert_eq!(told(&read(&mut export(b""), 1)).1, ["file-truncated"]);
}

#[test]
fn big_records_are_kept_in_part() {
    let big = "x".repeat(5 << 20);
    let good = r#"{"user":"U1","ts":"1793577601.0001","text":"a"}"#;
    let whole = read(&mut export(format!(r#"[{{"ts":"1793577600.0","text":"{big}"}},{good}]"#)), 100);
    assert_eq!(told(&whole), (vec!["C1:1793577601.0001".to_owned()], vec!["record-too-large".to_owned()]));
    assert_eq!(whole.unreadable[0].original.len(), 64 << 10);
    let large = "x".repeat(3 << 20);
    let whole = read(&mut export(format!(r#"[{{"ts":"1793577600.0","text":"{large}"}},{good}]"#)), 100);
    assert_eq!(whole.items[0].item.text.as_ref().unwrap().len(), 3 << 20);
    assert!(whole.items[0].item.extensions.iter().any(|(name, _)| name == "original-size"));
}

#[test]
fn a_damaged_file_leaves_the_others() {
    let good = r#"[{"user":"U1","ts":"1793577601.0001","text":"a"}]"#;
    let mut host = Shelf::archive(
        EXPORT,
        &[
            ("users.json", b"[]"),
            ("general/2026-11-01.json", good.as_bytes()),
            ("general/2026-11-02.json", good.as_bytes()),
        ],
    );
    host.damaged.insert("general/2026-11-01.json".to_owned(), "zip-damaged");
    host.damaged.insert("users.json".to_owned(), "zip-damaged");
    assert_eq!(told(&read(&mut host, 1)).1, ["entry-damaged", "entry-damaged"]);
    assert_eq!(read(&mut host, 100).items.len(), 1);
}
