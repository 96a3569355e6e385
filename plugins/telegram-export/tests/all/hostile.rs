//! Input that nobody's Telegram wrote.

use shelf::Shelf;
use telegram_export::TelegramExport;

use crate::{EXPORT, SETTINGS, chat, message, read, read_text, told};

/// A message with every field that is looked at.
const FULL: &str = r#"{"id":50,"type":"message","date":"2026-11-02T10:00:00","date_unixtime":"1793610000",
 "edited":"2026-11-02T10:05:00","edited_unixtime":"1793610300","actor":"Anna","actor_id":"user5","from":"Anna","from_id":"user5",
 "action":"phone_call","discard_reason":"hangup","duration_seconds":5,"duration":5,"is_missed":false,"title":"Team",
 "members":["Ben"],"inviter":"Ben","author":"A","forwarded_from":"Carla","forwarded_from_id":"user8","saved_from":"Ben",
 "reply_to_message_id":1,"reply_to_peer_id":"channel3","message_id":1,"via_bot":"@gif","photo":"photos/a.jpg","photo_file_size":3,
 "file":"files/a","file_name":"a","file_size":3,"thumbnail":"files/t","media_type":"sticker","sticker_emoji":"x",
 "mime_type":"text/plain","contact_information":{"first_name":"Dora"},"contact_vcard":"contacts/a","contact_vcard_file_size":1,
 "location_information":{"latitude":1.5,"longitude":2.5},"place_name":"Cafe","address":"Street","game_title":"Chess",
 "invoice_information":"{\"title\":\"Lamp\"}","poll":{"question":"Q","answers":[{"text":"A","voters":1}]},
 "todo_list":{"title":"T","answers":[{"text":"A"}]},"text":["a",{"type":"text_link","text":"b","href":"https://c.example"}],
 "text_entities":[{"type":"plain","text":"a"}],"inline_bot_buttons":[[{"type":"url","text":"Open"}]],
 "reactions":[{"type":"emoji","count":1,"emoji":"x","recent":[{"from":"Ben","from_id":"user7","date":"2026-11-02T10:01:00"}]}],
 "information_text":"x","self_destruct_period_seconds":5,"media":"stories/a"}"#;

const WRONG: [&str; 21] = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e308",
    "9223372036854775807",
    "-9223372036854775808",
    "123456789012345678901234567890",
    "\"\"",
    "\"\\u0000\"",
    "\"x\"",
    "\"../../etc/passwd\"",
    "\"9223372036854775807\"",
    "[]",
    "[null]",
    "[[[]]]",
    "{}",
    "{\"a\":{}}",
    "[{}]",
    "[{\"recent\":7,\"text\":[],\"count\":[],\"emoji\":{}}]",
];

#[test]
fn wrong_types_of_any_field_lose_no_record() {
    let full: serde_json::Map<String, serde_json::Value> = serde_json::from_str(FULL).unwrap();
    for kind in ["message", "service", "unsupported", "hologram"] {
        for field in full.keys() {
            for wrong in WRONG {
                let mut record = full.clone();
                record.insert("type".to_owned(), kind.into());
                record.insert(field.clone(), serde_json::from_str(wrong).unwrap());
                let record = serde_json::to_string(&record).unwrap();
                let text = chat(&format!("{record},{}", message(99, "after")));
                let settings = r#"{"path":"inbox","zone":"UTC"}"#;
                let whole =
                    shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, text), settings, EXPORT, 100).unwrap();
                assert_eq!(whole.items.last().unwrap().item.text.as_deref(), Some("after"), "{record}");
                assert!(whole.items.len() + whole.unreadable.len() >= 2, "{record}");
            }
        }
    }
}

#[test]
fn wrong_types_inside_parts_lose_no_record() {
    let parts = [
        ("poll", "question"),
        ("poll", "answers"),
        ("location_information", "latitude"),
        ("contact_information", "first_name"),
        ("todo_list", "title"),
    ];
    for wrong in WRONG {
        for (member, inner) in parts {
            let record =
                format!(r#"{{"id":1,"type":"message","date_unixtime":"1793610000","{member}":{{"{inner}":{wrong}}}}}"#);
            let whole = read_text(chat(&format!("{record},{}", message(99, "after"))));
            assert_eq!(whole.items.len(), 2, "{record}");
        }
        for inner in ["from", "from_id", "date"] {
            let record = format!(
                r#"{{"id":1,"type":"message","date_unixtime":"1793610000","reactions":[{{"recent":[{{"from_id":"user7","{inner}":{wrong}}}]}}]}}"#
            );
            let whole = read_text(chat(&format!("{record},{}", message(99, "after"))));
            assert!(whole.items.len() >= 2, "{record}");
        }
    }
}

#[test]
fn wrong_types_around_chats_lose_no_record() {
    let settings = r#"{"path":"inbox","owner":"user5"}"#;
    let good = message(1, "here");
    for wrong in WRONG {
        let headers = [
            format!(r#"{{"name":{wrong},"type":"personal_chat","id":7,"messages":[{good}]}}"#),
            format!(r#"{{"name":"Ben","type":{wrong},"id":7,"messages":[{good}]}}"#),
            format!(r#"{{"name":"Ben","type":"personal_chat","id":{wrong},"messages":[{good}]}}"#),
            format!(r#"{{{wrong}:1,"messages":[{good}]}}"#),
            format!(r#"{{"chats":{{"list":[{wrong},{{"id":7,"messages":[{good}]}}]}}}}"#),
            format!(r#"{{"chats":{{"list":{wrong},"about":{wrong}}},"left_chats":[{{"id":7,"messages":[{good}]}}]}}"#),
            format!(r#"{{"chats":{wrong},"messages":[{good}]}}"#),
            format!(r#"{{"personal_information":{wrong},"contacts":{wrong},"messages":[{good}]}}"#),
            format!(
                r#"{{"contacts":{{"list":[{wrong},{{"user_id":{wrong},"phone_number":{wrong}}}]}},"messages":[{good}]}}"#
            ),
            format!(r#"{{"stories":{wrong},"profile_pictures":[{wrong}],"messages":[{good}]}}"#),
            format!(r#"{{"future":{wrong},"about":{wrong},"messages":[{good}]}}"#),
        ];
        for text in headers {
            let whole = shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, &text), settings, EXPORT, 2).unwrap();
            let texts: Vec<_> = whole.items.iter().filter_map(|seen| seen.item.text.as_deref()).collect();
            assert_eq!(texts, ["here"], "{text}");
        }
    }
}

#[test]
fn broken_records_leave_the_others() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let broken = [
        r#"{"type":"message","text":"never ended, "date_unixtime":"1793610000"}"#,
        r#"{"type":"message","text":["x","date_unixtime":"1793610000"}"#,
        r#"{"type":"message","date_unixtime":"1793610000""#,
        r#"{"date_unixtime":NaN}"#,
        r#"{"date_unixtime":"0"}"#,
        r#"{"date_unixtime":"99999999999999999999999"}"#,
        r#"{"date":"+999999-01-01T00:00:00"}"#,
        "\0\0\0",
        "nonsense",
        deep.as_str(),
    ];
    for broken in broken {
        let text = format!(
            "{{\n \"type\": \"personal_chat\",\n \"id\": 7,\n \"messages\": [\n  {},\n  {broken},\n  {}\n ]\n}}",
            message(1, "a"),
            message(2, "b")
        );
        let (ids, codes) = told(&read_text(text));
        let shown = &broken[..broken.len().min(60)];
        assert_eq!(ids, ["user5/user7:1", "user5/user7:2"], "{shown} {codes:?}");
        assert!(!codes.is_empty(), "{shown}");
    }
}

#[test]
fn a_broken_end_of_a_chat_leaves_the_next_chat() {
    let broken = [r#"{"id": 3, "text": ["x""#, r#"{"id": 3, "text": "x"#, r#"{"id": 3"#];
    for broken in broken {
        let text = format!(
            "{{\n \"personal_information\": {{\"user_id\": 5}},\n \"chats\": {{\n  \"list\": [\n   {{\n    \"type\": \"personal_chat\",\n    \"id\": 7,\n    \"messages\": [\n     {},\n     {broken}\n    ]\n   }},\n   {{\n    \"type\": \"personal_chat\",\n    \"id\": 8,\n    \"messages\": [\n     {}\n    ]\n   }}\n  ]\n }}\n}}\n",
            message(1, "a"),
            message(2, "b")
        );
        let (ids, codes) = told(&read_text(text));
        assert_eq!(ids, ["user5/user7:1", "user5/user8:2"], "{broken} {codes:?}");
        assert_eq!(codes, ["record-broken"], "{broken}");
    }
}

#[test]
fn broken_structure_is_told_and_left_behind() {
    let good = message(1, "a");
    for text in [
        format!(r#"{{"messages":[{good}}}"#),
        format!(r#"{{"messages":[{good}]]}}"#),
        format!(r#"{{"messages":[{good}]}} more"#),
        format!(r#"{{"a" 7,"messages":[{good}]}}"#),
        format!(r#"{{"a":,"messages":[{good}]}}"#),
        format!(r#"{{:7,"messages":[{good}]}}"#),
        format!(r#"{{"chats":{{"list":[{{"id":7,"messages":[{good}}}]}}"#),
    ] {
        let settings = r#"{"path":"inbox","owner":"user5"}"#;
        let whole = shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, &text), settings, EXPORT, 1).unwrap();
        assert_eq!(whole.items.len(), 1, "{text}");
        assert!(!whole.unreadable.is_empty(), "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    let text = chat(&message(1, "aXb"));
    let split = text.find('X').unwrap();
    let bytes = [&text.as_bytes()[..split], b"\xff\xfe\0", &text.as_bytes()[split + 1..]].concat();
    let whole = read_text(bytes);
    assert_eq!(whole.items[0].item.text.as_deref(), Some("a\u{fffd}\u{fffd}\0b"));
    assert!(whole.items[0].item.extensions.contains(&("text-repaired".to_owned(), "true".to_owned())));
    let marked = [b"\xef\xbb\xbf\r\n", text.as_bytes()].concat();
    assert_eq!(told(&read_text(marked)).0, ["user5/user7:1"]);
    let padded = [text.as_bytes(), &[0; 100]].concat();
    assert_eq!(told(&read_text(padded)).1, Vec::<String>::new());
}

#[test]
fn big_records_are_kept_in_part() {
    let big = "x".repeat(20 << 20);
    let text = chat(&[message(1, "a"), message(2, &big), message(3, "b")].join(","));
    let (ids, codes) = {
        let whole = read(&mut Shelf::file(EXPORT, text), 100);
        assert_eq!(whole.unreadable[0].original.len(), 64 << 10);
        assert!(whole.pages > 1, "no call reads it all");
        told(&whole)
    };
    assert_eq!(
        (ids, codes),
        (vec!["user5/user7:1".to_owned(), "user5/user7:3".to_owned()], vec!["record-too-large".to_owned()])
    );
    let whole = read_text(chat(&message(1, &"x".repeat(3 << 20))));
    assert_eq!(whole.items[0].item.text.as_ref().unwrap().len(), 3 << 20);
    assert!(whole.items[0].item.extensions.iter().any(|(name, _)| name == "original-size"));
}

#[test]
fn records_of_many_parts_are_not_built() {
    for part in ["{\"a\":0},", "[0,0],", "{},", "0,"] {
        let parts = part.repeat((3 << 20) / part.len());
        let record = format!(r#"{{"id":1,"date_unixtime":"1793610000","text":[{parts}0]}}"#);
        let (ids, codes) = told(&read_text(chat(&[record, message(2, "b")].join(","))));
        assert_eq!((ids, codes), (vec!["user5/user7:2".to_owned()], vec!["record-too-large".to_owned()]), "{part}");
    }
}

#[test]
fn one_reaction_of_many_is_not_told_at_full_length() {
    let who: Vec<String> = (0..500).map(|id| format!(r#"{{"from_id":"user{id}"}}"#)).collect();
    let reaction = format!(r#"{{"emoji":"{}","recent":[{}]}}"#, "x".repeat(1 << 20), who.join(","));
    let text = chat(&message(1, "a").replace("\"text\"", &format!("\"reactions\":[{reaction}],\"text\"")));
    let whole = read(&mut Shelf::file(EXPORT, text), 1_000);
    assert_eq!(whole.items.len(), 501);
    assert!(whole.items.iter().all(|seen| seen.item.text.as_ref().is_some_and(|text| text.len() <= 256)));
}

#[test]
fn random_damage_never_panics() {
    let text = chat(&[FULL.to_owned(), message(1, "a"), message(2, "b")].join(",\n"));
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..2_000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random(4) {
            let at = random(bytes.len().max(2)).min(bytes.len().saturating_sub(1));
            if bytes.is_empty() {
                break;
            }
            match random(3) {
                0 => bytes[at] = b"\"{}[],:\\\n\0x9"[random(12)],
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let read = shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, &bytes), SETTINGS, EXPORT, 3);
        if let Ok(whole) = read {
            assert!(!whole.items.is_empty() || !whole.unreadable.is_empty());
        }
    }
}
