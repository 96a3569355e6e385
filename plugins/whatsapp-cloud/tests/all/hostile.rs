//! Input that no receiver of Meta's webhooks wrote.

use kit::ErrorKind;
use serde_json::{Value, json};
use shelf::Shelf;
use whatsapp_cloud::WhatsappCloud;

use crate::{SETTINGS, body, message, read, said, told};

const WRONG: [&str; 18] = [
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "123456789012345678901234567890",
    "\"\"",
    "\"\\u0000\"",
    "\"x\"",
    "\"\u{202e}9999999999\"",
    "[]",
    "[null]",
    "[[[]]]",
    "{}",
    "{\"a\":{}}",
    "[{}]",
    "[{\"id\":7,\"name\":[],\"type\":{},\"title\":[]}]",
    "{\"id\":7,\"type\":[],\"message\":7,\"mime_type\":\"a/b\"}",
];

const KINDS: [&str; 20] = [
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "order",
    "interactive",
    "button",
    "reaction",
    "system",
    "unsupported",
    "request_welcome",
    "revoke",
    "edit",
    "media_placeholder",
    "unknown",
    "new",
];

fn replaced(value: &Value, field: &str, wrong: &str) -> Value {
    let mut value = value.clone();
    value[field] = serde_json::from_str(wrong).unwrap();
    value
}

/// A body, with a good one behind it, loses nothing of either.
fn holds(body: &Value) {
    let text = format!("{body}\n{}\n", said("wamid.after", "after"));
    let whole = read(&text, 2);
    assert_eq!(whole.items.last().unwrap().item.id, "wamid.after", "{text}");
    assert!(whole.items.len() + whole.unreadable.len() >= 2, "{text}");
    assert!(whole.items.iter().all(|seen| seen.item.id.len() <= 512 && seen.item.extensions.len() <= 64));
}

#[test]
fn wrong_types_of_any_field_of_a_message_lose_nothing() {
    for kind in KINDS {
        let full = json!({
            "from": "4915112345678", "from_user_id": "DE.77", "to": "2", "id": "wamid.A", "timestamp": "1793577600",
            "group_id": "g", "type": kind, "context": { "id": "wamid.B", "forwarded": true }, "referral": { "body": "b" },
            "errors": [{ "code": 1, "title": "t" }], "history_context": { "status": "READ" }, kind: { "body": "x", "id": "1" },
        });
        let fields: Vec<String> = full.as_object().unwrap().keys().cloned().collect();
        for field in fields {
            for wrong in WRONG {
                let message = replaced(&full, &field, wrong);
                holds(&body("messages", json!({ "messages": [message] })));
            }
        }
    }
}

#[test]
fn wrong_types_inside_statuses_calls_and_groups_lose_nothing() {
    let full = json!({
        "id": "x", "timestamp": "1793577600", "status": "read", "recipient_id": "1", "recipient_type": "group", "type": "call",
        "recipient_participant_id": "1", "errors": [], "pricing": { "category": "x" }, "event": "terminate", "from": "1",
        "to": "2", "direction": "USER_INITIATED", "duration": 7, "start_time": "1793577600", "group_id": "g",
        "added_participants": [{ "wa_id": "1" }], "contact": { "full_name": "A" }, "metadata": { "timestamp": "1793577600" },
        "threads": [{ "id": "1", "messages": [{ "id": "y", "from": "1", "timestamp": "1793577600", "type": "text" }] }],
    });
    for list in ["statuses", "calls", "groups", "state_sync", "history", "message_echoes", "errors", "moods"] {
        for field in full.as_object().unwrap().keys() {
            for wrong in WRONG {
                holds(&body("messages", json!({ list: [replaced(&full, field, wrong)] })));
            }
        }
        for wrong in WRONG {
            let wrong: Value = serde_json::from_str(wrong).unwrap();
            holds(&body("messages", json!({ list: wrong.clone() })));
            holds(&body("messages", json!({ list: [wrong] })));
        }
    }
}

#[test]
fn wrong_types_around_messages_lose_nothing() {
    let good = said("wamid.A", "a");
    for wrong in WRONG {
        for pointer in
            ["", "/entry/0", "/entry/0/changes/0", "/entry/0/changes/0/value", "/entry/0/changes/0/value/metadata"]
        {
            let names: Vec<String> = good.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            for name in names {
                let mut body = good.clone();
                body.pointer_mut(pointer).unwrap()[&name] = serde_json::from_str(wrong).unwrap();
                holds(&body);
            }
        }
        for list in ["/entry", "/entry/0/changes", "/entry/0/changes/0/value/contacts"] {
            let mut body = good.clone();
            *body.pointer_mut(list).unwrap() = json!([serde_json::from_str::<Value>(wrong).unwrap()]);
            holds(&body);
        }
    }
}

#[test]
fn broken_bodies_leave_the_others() {
    let good = |id: &str| said(id, "x").to_string();
    let deep = format!("{{\"entry\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_part = message(json!({ "type": "x" })).to_string().replace("\"x\"", &deep);
    let cut = good("wamid.X");
    let broken = [
        r#"{"object":"never ended, "entry":[]}"#,
        r#"{"object":["x","entry":[]}"#,
        r#"{"object":NaN}"#,
        "{\"object\":\"a\0b\"}",
        "{\0\0\0",
        "}",
        "]]]]",
        "{}",
        "[]",
        &cut[..cut.len() / 2],
        &deep,
        &deep_part,
    ];
    for broken in broken {
        let whole = read(format!("{}\n{broken}\n{}\n", good("wamid.1"), good("wamid.2")), 100);
        let (ids, codes) = told(&whole);
        let shown = &broken[..broken.len().min(60)];
        assert_eq!(ids, ["wamid.1", "wamid.2"], "{shown} {codes:?}");
        assert!(!codes.is_empty(), "{shown}");
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let bytes: Vec<u8> = said("wamid.A", "a?b").to_string().bytes().map(|b| if b == b'?' { 0xff } else { b }).collect();
    let whole = read(bytes, 1);
    assert_eq!(whole.items[0].item.text.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(crate::extension(&whole.items[0], "text-repaired"), Some("true"));
}

#[test]
fn a_body_without_end_is_refused() {
    for path in ["spool/a.json", "spool/a.jsonl"] {
        let mut host = Shelf::file(path, format!("{{\"object\":\"{}", "x".repeat(65 << 20)));
        let error = shelf::read::<WhatsappCloud>(&mut host, SETTINGS, path, 1).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "body-endless"));
    }
}

#[test]
fn big_bodies_are_kept_in_part() {
    let big = said("wamid.A", &"x".repeat(5 << 20));
    let whole = read(format!("{big}\n{}\n", said("wamid.B", "b")), 100);
    assert_eq!(told(&whole), (vec!["wamid.B".to_owned()], vec!["record-too-large".to_owned()]));
    assert_eq!(whole.unreadable[0].original.len(), 64 << 10);
    let whole = read(said("wamid.A", &"ä".repeat(1 << 20)).to_string(), 100);
    assert_eq!(whole.items[0].item.text.as_ref().unwrap().len(), 2 << 20);
    assert!(crate::extension(&whole.items[0], "original-size").is_some());
}
