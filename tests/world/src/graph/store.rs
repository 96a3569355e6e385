//! What a mailbox holds.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::filter::Clause;

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphAttachment {
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl GraphAttachment {
    /// SHA-256 of the bytes, in hex.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A message as it lies in a mailbox.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMessage {
    /// Its immutable id.
    pub id: String,
    /// The mailbox's address.
    pub mailbox: String,
    /// The folder's name.
    pub folder: String,
    /// True for ever when it was not made with the right flags.
    pub is_draft: bool,
    /// What was sent, without the attachments.
    pub json: Value,
    /// Extended properties by their id in its normal spelling (`integer 0xe07`).
    pub properties: BTreeMap<String, String>,
    /// Its files.
    pub attachments: Vec<GraphAttachment>,
}

impl GraphMessage {
    /// A text member of the JSON, such as `/body/content`.
    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of the internet header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.json["internetMessageHeaders"].as_array()?;
        headers.iter().find(|header| header["name"] == name).and_then(|header| header["value"].as_str())
    }
}

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    folders: BTreeMap<String, String>,
    kept: Vec<GraphMessage>,
    pub(super) bytes: u64,
    /// Requests under way.
    pub(super) under_way: usize,
    /// The most there ever were.
    pub(super) peak: usize,
    /// When requests came, oldest first.
    pub(super) recent: VecDeque<Instant>,
}

/// An upload under way.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) message: String,
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    pub(super) bytes: Vec<u8>,
}

/// `Integer 0x0E07` and `Integer 0xe07` are one property; the real one answers in the second spelling.
pub(super) fn normal_id(id: &str) -> String {
    let lower = id.to_ascii_lowercase();
    match lower.split_once(" 0x") {
        Some((kind, tag)) => format!("{kind} 0x{}", tag.trim_start_matches('0')),
        None => lower,
    }
}

impl Mailbox {
    /// The id of a folder; also by its id.
    pub(super) fn folder(&self, name_or_id: &str) -> Option<(&str, &str)> {
        let found = self.folders.iter().find(|(id, name)| *id == name_or_id || name.eq_ignore_ascii_case(name_or_id));
        found.map(|(id, name)| (id.as_str(), name.as_str()))
    }

    pub(super) fn make_folder(&mut self, name: &str, serial: u64) -> String {
        let id = long_id('F', serial);
        self.folders.insert(id.clone(), name.to_owned());
        id
    }

    pub(super) fn folder_names(&self) -> Vec<String> {
        self.folders.values().cloned().collect()
    }

    pub(super) fn messages(&self, address: &str) -> Vec<GraphMessage> {
        self.kept.iter().map(|message| GraphMessage { mailbox: address.to_owned(), ..message.clone() }).collect()
    }

    pub(super) fn keep(&mut self, message: GraphMessage) {
        self.kept.push(message);
    }

    pub(super) fn find(&mut self, id: &str) -> Option<&mut GraphMessage> {
        self.kept.iter_mut().find(|message| message.id == id || mutable_id(message) == id)
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.kept.len();
        self.kept.retain(|message| message.id != id && mutable_id(message) != id);
        self.kept.len() < before
    }

    /// The id of the folder of this name, or its name where nobody made it.
    pub(super) fn folder_id(&self, name: &str) -> String {
        self.folder(name).map_or_else(|| name.to_owned(), |(id, _)| id.to_owned())
    }

    /// The messages of a folder, or of all, that fit a filter.
    pub(super) fn select(&self, folder: Option<&str>, clauses: Option<&[Clause]>) -> Vec<&GraphMessage> {
        let fits = |message: &&GraphMessage| {
            folder.is_none_or(|folder| message.folder == folder)
                && clauses.is_none_or(|clauses| clauses.iter().any(|clause| matches(message, clause)))
        };
        self.kept.iter().filter(fits).collect()
    }
}

fn matches(message: &GraphMessage, clause: &Clause) -> bool {
    match clause {
        Clause::Is(name, value) if name == "internetMessageId" => {
            message.text("/internetMessageId").eq_ignore_ascii_case(value)
        }
        Clause::Property(id, value) => message.properties.get(id).is_some_and(|is| is.eq_ignore_ascii_case(value)),
        Clause::Is(..) | Clause::AnyProxy(_) => false,
    }
}

/// The answer's form of a message: with these properties when they were asked for.
pub(super) fn shown(message: &GraphMessage, immutable: bool, expand: &[String]) -> Value {
    let mut value = message.json.clone();
    value["id"] = Value::from(if immutable { message.id.clone() } else { mutable_id(message) });
    value["isDraft"] = Value::from(message.is_draft);
    value["hasAttachments"] = Value::from(!message.attachments.is_empty());
    let asked = message.properties.iter().filter(|(id, _)| expand.contains(id));
    let properties: Vec<Value> = asked.map(|(id, text)| json!({ "id": id, "value": text })).collect();
    if !properties.is_empty() {
        value["singleValueExtendedProperties"] = Value::from(properties);
    }
    value
}

/// The id that changes when a message is moved.
fn mutable_id(message: &GraphMessage) -> String {
    let folder = message.folder.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    format!("AAMk{folder:016x}{}", message.id)
}

/// An id as long and as awkward in a path as the real ones.
pub(super) fn long_id(kind: char, serial: u64) -> String {
    format!("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{kind}{serial:024x}{}_-AAA=", "Q2hhbmNlcnk".repeat(7))
}
