//! The plugin as its host sees it: webhook bodies in, pages and errors out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod corpora;
mod events;
mod hostile;
mod pages;

use std::path::Path;

use serde_json::{Value, json};
use shelf::{Shelf, Whole};
use whatsapp_cloud::WhatsappCloud;

const SETTINGS: &str = r#"{"path":"spool"}"#;
const FILE: &str = "spool/bodies.jsonl";

/// A body with this value of a change.
fn body(field: &str, value: Value) -> Value {
    let mut value = value;
    value["messaging_product"] = "whatsapp".into();
    if value.get("metadata").is_none() {
        value["metadata"] = json!({ "display_phone_number": "15550001111", "phone_number_id": "900" });
    }
    if value.get("contacts").is_none() {
        value["contacts"] = json!([{ "profile": { "name": "Anna" }, "wa_id": "4915112345678", "user_id": "DE.77" }]);
    }
    let changes = json!([{ "field": field, "value": value }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "500", "changes": changes }] })
}

/// A body with one message, which these members are added to.
fn message(members: Value) -> Value {
    let mut message = json!({ "from": "4915112345678", "id": "wamid.A", "timestamp": "1793577600" });
    message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body("messages", json!({ "messages": [message] }))
}

/// A message with a text.
fn said(id: &str, text: &str) -> Value {
    message(json!({ "id": id, "type": "text", "text": { "body": text } }))
}

fn lines(bodies: &[Value]) -> String {
    bodies.iter().map(|body| format!("{body}\n")).collect()
}

fn read(bytes: impl AsRef<[u8]>, max_items: u32) -> Whole {
    read_host(&mut Shelf::file(FILE, bytes), max_items)
}

fn read_host(host: &mut Shelf, max_items: u32) -> Whole {
    shelf::read::<WhatsappCloud>(host, SETTINGS, FILE, max_items).unwrap()
}

/// The only item of a body.
fn single(body: &Value) -> shelf::Seen {
    let mut whole = read(body.to_string(), 10);
    assert_eq!(whole.unreadable, [], "{body}");
    assert_eq!(whole.items.len(), 1, "{body}");
    whole.items.remove(0)
}

/// Ids of items and codes of what is unreadable.
fn told(whole: &Whole) -> (Vec<String>, Vec<String>) {
    let ids = whole.items.iter().map(|seen| seen.item.id.clone()).collect();
    (ids, whole.unreadable.iter().map(|found| found.code.clone()).collect())
}

/// The value of an extension.
fn extension<'a>(seen: &'a shelf::Seen, name: &str) -> Option<&'a str> {
    seen.item.extensions.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
}

#[test]
fn cases_come_out_as_expected() {
    shelf::cases::<WhatsappCloud>(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), 8);
}
