//! A message as Graph takes it: JSON, and the files that go with it.
//!
//! Graph's own way to take MIME makes a draft of every message, for ever; so the skeleton is read again here. What
//! JSON cannot carry is lost in the mailbox and stands in `docs/exchange-online.md`.

use mail_parser::{Address, MessageParser, MimeHeaders as _, PartType};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Delivery;
use crate::item::{BlobRef, hex, limits, time::rfc3339};

/// The set of names that our own properties stand in. Never changed: mailboxes are searched by it.
const PROPERTY_SET: &str = "{6d1ccd8c-0d1b-4c1c-9a53-5e0b8f0c2a71}";
/// Name of a file that is the message itself, as the ledger committed it.
pub(super) const ORIGINAL_NAME: &str = "original.eml";

/// The property by which a copy is found again: the first half of the Message-ID's SHA-256 in lower-case hex, since
/// values are compared without regard to case.
pub(super) fn item_property() -> String {
    format!("String {PROPERTY_SET} Name ChanceryItem")
}

/// The property that ties a message to the ledger: the SHA-256 of the message, in lower-case hex.
pub(super) fn sha256_property() -> String {
    format!("String {PROPERTY_SET} Name ChanceryMessageSha256")
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    pub(super) content: Content,
}

/// Where a file's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Here.
    Held(Vec<u8>),
    /// In the stage.
    Staged(BlobRef),
    /// They are the message itself.
    Original,
}

/// A message without its files' bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shaped {
    pub(super) json: Value,
    pub(super) files: Vec<File>,
}

/// What the operator says of the shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Message class (`PR_MESSAGE_CLASS`).
    pub message_class: String,
    /// Whether the message itself goes along as a file.
    pub attach_original: bool,
}

/// The value of [`item_property`].
pub(super) fn item_value(message_id: &str) -> String {
    hex(&Sha256::digest(message_id.as_bytes())[..16])
}

/// Reads a skeleton.
///
/// # Errors
/// Says what cannot be said in JSON; nothing of the message is in it.
pub(super) fn shape(copy: &Delivery, shape: &Shape, sha256: [u8; 32]) -> Result<Shaped, &'static str> {
    let message = &copy.message;
    let parsed = MessageParser::default().parse(&*message.skeleton).ok_or("it cannot be read as a message")?;
    let received = rfc3339(copy.received_at_ms);
    let mut properties = vec![
        // Not unsent: without it the message is a draft for ever. Only honoured at creation.
        property("Integer 0x0E07", "1"),
        property("SystemTime 0x0E06", &received),
        property("SystemTime 0x0039", &received),
        property("String 0x001A", &shape.message_class),
        property(&item_property(), &item_value(&message.message_id)),
        property(&sha256_property(), &hex(&sha256)),
    ];
    for (id, name) in [("String 0x1039", "References"), ("String 0x1042", "In-Reply-To")] {
        if let Some(value) = parsed.header_raw(name).map(unfolded).filter(|value| !value.is_empty()) {
            properties.push(property(id, &value));
        }
    }
    let headers: Vec<Value> = parsed
        .headers_raw()
        .filter(|(name, _)| name.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("x-chancery-")))
        .take(limits::GRAPH_HEADERS_MAX)
        .map(|(name, value)| json!({ "name": name, "value": unfolded(value) }))
        .collect();
    let sender = people(parsed.from()).into_iter().next().unwrap_or_else(|| json!({ "emailAddress": {} }));
    let (content_type, content) = body(&parsed);
    let mut json = json!({
        "subject": parsed.subject().unwrap_or_default(),
        "body": { "contentType": content_type, "content": content },
        "from": sender,
        "sender": sender,
        "toRecipients": people(parsed.to()),
        "isRead": true,
        "internetMessageId": &*message.message_id,
        "singleValueExtendedProperties": properties,
    });
    let carbon = people(parsed.cc());
    if !carbon.is_empty() {
        json["ccRecipients"] = Value::from(carbon);
    }
    if !headers.is_empty() {
        json["internetMessageHeaders"] = Value::from(headers);
    }
    let mut files = files(copy, &parsed)?;
    if shape.attach_original {
        let (name, size) = (ORIGINAL_NAME.to_owned(), message.size_bytes());
        files.push(File { name, content_type: "message/rfc822".to_owned(), size, content: Content::Original });
    }
    Ok(Shaped { json, files })
}

fn property(id: &str, value: &str) -> Value {
    json!({ "id": id, "value": value })
}

/// A header's value on one line.
fn unfolded(value: &str) -> String {
    value.replace("\r\n", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn people(addresses: Option<&Address<'_>>) -> Vec<Value> {
    let mut people = Vec::new();
    for person in addresses.into_iter().flat_map(Address::iter) {
        let Some(address) = person.address() else { continue };
        let name = person.name().unwrap_or(address);
        people.push(json!({ "emailAddress": { "name": name, "address": address } }));
    }
    people
}

/// HTML where there is some: Graph takes one body, and Exchange makes a text of it, but no HTML of a text.
fn body<'x>(parsed: &'x mail_parser::Message<'x>) -> (&'static str, &'x str) {
    let part = |ids: &[u32]| ids.first().and_then(|id| parsed.parts.get(*id as usize)).map(|part| &part.body);
    if let Some(PartType::Html(html)) = part(&parsed.html_body) {
        return ("html", html);
    }
    match part(&parsed.text_body) {
        Some(PartType::Text(text)) => ("text", text),
        Some(PartType::Html(html)) => ("html", html),
        _ => ("text", ""),
    }
}

/// Staged files by the part whose empty body the splice stands at; others as the converter wrote them.
fn files(copy: &Delivery, parsed: &mail_parser::Message<'_>) -> Result<Vec<File>, &'static str> {
    let mut files: Vec<(u32, File)> = Vec::new();
    for splice in copy.message.splices.iter() {
        let part = parsed.parts.iter().find(|part| part.offset_body == splice.offset && !part.is_multipart());
        let part = part.ok_or("a staged attachment stands in a part that is not found")?;
        files.push((splice.offset, file(part, Content::Staged(splice.blob.clone()), splice.blob.size)));
    }
    for id in &parsed.attachments {
        let Some(part) = parsed.parts.get(*id as usize) else { continue };
        if files.iter().all(|(offset, _)| *offset != part.offset_body) {
            let bytes = part.contents().to_vec();
            let size = bytes.len() as u64;
            files.push((part.offset_body, file(part, Content::Held(bytes), size)));
        }
    }
    files.sort_by_key(|(offset, _)| *offset);
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn file(part: &mail_parser::MessagePart<'_>, content: Content, size: u64) -> File {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")),
    );
    let name = part.attachment_name().filter(|name| !name.is_empty()).unwrap_or("attachment");
    File { name: name.to_owned(), content_type, size, content }
}
