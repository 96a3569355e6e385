//! A record as an item.

use kit::{
    Attachment, Call, CallOutcome, Conversation, ConversationKind, Direction, Event, Item, Person, source::Page,
};
use sha2::{Digest as _, Sha256};

use crate::{cursor::Cursor, settings::Settings, tokens::Tag};

/// Times believed: the years 1970 to 9999.
const TIME_MAX_MS: i64 = 253_402_207_200_000;

/// A record's tags.
#[derive(Default)]
pub(crate) struct Record {
    /// `sms`, `mms`, `call` or another.
    pub(crate) tag: Tag,
    /// Texts of its parts.
    pub(crate) texts: Vec<String>,
    /// Its files.
    pub(crate) files: Vec<Attachment>,
    /// Type and number of its addresses.
    pub(crate) addresses: Vec<(String, String)>,
}

/// When it happened, or why that cannot be said.
pub(crate) fn time(tag: &Tag) -> Result<i64, &'static str> {
    let date = tag.get("date").and_then(|date| date.trim().parse::<i64>().ok()).ok_or("no-date")?;
    if (0..=TIME_MAX_MS).contains(&date) { Ok(date) } else { Err("absurd-time") }
}

/// People of one message.
pub(crate) const PEOPLE_MAX: usize = 1_000;

/// How many people a record names as its address.
pub(crate) fn people(record: &Record) -> usize {
    record.tag.get("address").map_or(0, |address| address.split('~').count())
}

/// Bytes of a name; longer ones are cut.
const NAME_BYTES_MAX: usize = 1_000;

pub(crate) fn name(text: &str) -> String {
    text.get(..text.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default().to_owned()
}

/// What a number is called in ids: the same however it is written, with or without the country, so that one message has one id
/// in each backup. Eight digits tell the people of one phone apart; short codes and words stay as they are.
fn identity(number: &str) -> String {
    const DIGITS: usize = 8;
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let is_number = number.trim().chars().all(|c| c.is_ascii_digit() || "+ -().\u{a0}".contains(c));
    match digits.len().checked_sub(DIGITS) {
        Some(from) if is_number => digits.get(from..).unwrap_or_default().to_owned(),
        _ => number.trim().to_lowercase(),
    }
}

/// A box as far as it is part of who a message is: what was waiting or failed is sent later.
fn stable_box<'a>(tag: &str, kind: &'a str) -> &'a str {
    match (tag, kind) {
        ("sms" | "mms", "2" | "4" | "5" | "6") => "2",
        _ => kind,
    }
}

/// A hash as hex digits.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn person(page: &mut Page, person: Person) -> u32 {
    let place = page.people.iter().position(|known| known.id == person.id && known.name == person.name);
    let place = place.unwrap_or_else(|| {
        page.people.push(person);
        page.people.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The numbers of a chat; of a large one their hash.
fn conversation_id(keys: &[String]) -> String {
    let id = keys.join("~");
    if id.len() <= NAME_BYTES_MAX { id } else { format!("group-{}", hash(&[&id])) }
}

/// Adds the record's item to the page.
pub(crate) fn add(
    page: &mut Page,
    settings: &Settings,
    owner: &str,
    cursor: &mut Cursor,
    record: Record,
    sent_at: i64,
    original: Vec<u8>,
) {
    let tag = &record.tag;
    let is_call = tag.name == "call";
    let kind = tag.get(if tag.name == "mms" { "msg_box" } else { "type" }).unwrap_or_default();
    let address = tag.get(if is_call { "number" } else { "address" }).unwrap_or_default();
    let event = match (tag.name.as_str(), kind) {
        ("sms" | "mms", "1" | "2" | "3" | "4" | "5" | "6") => Event::Message,
        ("call", "1" | "2" | "3" | "4" | "5" | "6" | "7") => Event::Call,
        _ => Event::Other,
    };
    let direction = match (is_call, kind) {
        (_, "1") | (true, "3" | "4" | "5" | "6" | "7") => Some(Direction::Incoming),
        (_, "2") | (false, "3" | "4" | "5" | "6") => Some(Direction::Outgoing),
        _ => None,
    };
    let seconds = tag.get("duration").and_then(|text| text.trim().parse::<u64>().ok());
    let call = (event == Event::Call).then(|| Call {
        video: false,
        outcome: match (kind, seconds) {
            ("3" | "4", _) => CallOutcome::Missed,
            ("5" | "6", _) => CallOutcome::Declined,
            ("2", Some(0) | None) => CallOutcome::Unknown,
            _ => CallOutcome::Answered,
        },
        duration_ms: seconds.and_then(|seconds| seconds.checked_mul(1_000)),
    });

    let owner_place = person(page, Person { id: owner.to_owned(), email: Some(owner.to_owned()), ..Person::default() });
    let mut participants = vec![owner_place];
    let numbers: Vec<&str> = address.split('~').collect();
    let mut keys = Vec::new();
    let mut sender = None;
    let from = record.addresses.iter().find(|(kind, _)| kind == "137").map(|(_, number)| settings.key(number));
    for number in &numbers {
        let id = settings.key(number);
        let name = if numbers.len() == 1 { tag.get("contact_name") } else { None };
        let name = name.filter(|name| *name != "(Unknown)").map(self::name);
        let phone = (id != "unknown").then(|| self::name(number));
        let place = person(page, Person { id: id.clone(), name, phone, ..Person::default() });
        if !participants.contains(&place) {
            participants.push(place);
        }
        if direction == Some(Direction::Incoming) && (numbers.len() == 1 || from.as_ref() == Some(&id)) {
            sender = Some(place);
        }
        keys.push(id);
    }
    if direction == Some(Direction::Outgoing) {
        sender = Some(owner_place);
    }
    keys.sort();
    keys.dedup();
    let group = keys.len() > 1;
    let conversation = Conversation {
        id: conversation_id(&keys),
        kind: if group { ConversationKind::Group } else { ConversationKind::Direct },
        title: tag.get("contact_name").filter(|name| *name != "(Unknown)").map(name),
        extensions: Vec::new(),
    };
    let known = page.conversations.iter().position(|known| *known == conversation);
    let place = known.unwrap_or_else(|| {
        page.conversations.push(conversation);
        page.conversations.len() - 1
    });

    let mut lines: Vec<String> = tag.get("body").map(str::to_owned).into_iter().collect();
    lines.extend(record.texts);
    let text = (!lines.is_empty()).then(|| lines.join("\n"));
    // Without the settings: an id must not change with one.
    let mut plain: Vec<String> = numbers.iter().map(|number| identity(number)).collect();
    plain.sort();
    let wire = tag.get("m_id").or_else(|| tag.get("tr_id")).filter(|_| tag.name == "mms").unwrap_or_default();
    let body = if wire.is_empty() { text.as_deref().unwrap_or_default() } else { wire };
    let folded_owner = owner.to_lowercase();
    let base =
        hash(&[&tag.name, &folded_owner, &plain.join("~"), &sent_at.to_string(), stable_box(&tag.name, kind), body]);
    let id = match cursor.ordinal(&base) {
        0 => format!("{}-{base}", tag.name),
        ordinal => format!("{}-{base}-{ordinal}", tag.name),
    };
    let mut extensions = Vec::new();
    for (name, value) in [("box", kind), ("subject", tag.get("sub").or(tag.get("subject")).unwrap_or_default())] {
        if !value.is_empty() {
            let end = value.floor_char_boundary(4_000);
            extensions.push((name.to_owned(), value[..end].to_owned()));
        }
    }
    page.items.push(Item {
        id,
        event,
        revision: 0,
        conversation: u32::try_from(place).unwrap_or(u32::MAX),
        sender,
        owner: Some(owner_place),
        participants,
        direction,
        sent_at,
        zone: None,
        text,
        previous_text: None,
        refers_to: None,
        call,
        attachments: record.files,
        original: Some(original),
        extensions,
    });
}
