//! The item of a part.

use kit::{Direction, Error, Event, Host, Item, Person, Reference, Tables};
use serde_json::Value;

use crate::{
    clock::{self, Problem},
    identity,
    limits::{EXTENSION_BYTES_MAX, ORIGINAL_BYTES_MAX, PARTICIPANTS_MAX},
    media::{self, Shelves},
    parts::{Part, What},
    people, text as words,
    value::{cut, is_true, list, scalar, text},
};

/// Why a part is no item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is parked: code, and what is wrong.
    Parked(&'static str, &'static str),
    /// The host refused something.
    Host(Error),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Broken => Self::Parked("no-time", "has no time that can be read"),
            Problem::Absurd => Self::Parked("absurd-time", "has a time before 2000 or after 2099"),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

/// What the parts of a page share.
pub(crate) struct Maker<'a> {
    /// The host.
    pub(crate) host: &'a mut dyn Host,
    /// The page's tables.
    pub(crate) tables: &'a mut Tables,
    /// Where files are.
    pub(crate) shelves: &'a mut Shelves,
}

impl Maker<'_> {
    /// The item of a part.
    pub(crate) fn item(&mut self, part: &Part<'_>) -> Result<Item, Trouble> {
        if part.what == What::Strange {
            return Err(Trouble::Parked("unknown-shape", "has not the shape of a webhook"));
        }
        let record: Value = serde_json::from_str(part.raw)
            .map_err(|_| Trouble::Parked("record-too-deep", "is nested too deeply or holds a number out of range"))?;
        let mut item = match &part.what {
            What::Message | What::Echo | What::History(_) if record.is_object() => self.message(part, &record)?,
            What::Status if record.is_object() => self.status(part, &record)?,
            What::Call if record.is_object() => self.call(part, &record)?,
            What::Group if record.is_object() => self.group(part, &record)?,
            What::State if record.is_object() => self.state(part, &record)?,
            What::Errors | What::Unknown(_) => self.other(part, &record)?,
            _ => return Err(Trouble::Parked("unknown-shape", "is no JSON object")),
        };
        item.original = Some(cut(part.raw, ORIGINAL_BYTES_MAX).as_bytes().to_vec());
        if part.raw.len() > ORIGINAL_BYTES_MAX {
            note(&mut item, "original-size", Some(part.raw.len().to_string()));
        }
        Ok(item)
    }

    /// An item of the business's number with these people in it.
    pub(crate) fn bare(
        &mut self,
        part: &Part<'_>,
        event: Event,
        sent_at: i64,
        user: Option<Person>,
        group: Option<&str>,
    ) -> (Item, Option<u32>) {
        let conversation = people::conversation(&part.scene, user.as_ref(), group);
        let owner = people::business(&part.scene).map(|person| self.tables.person(person));
        let user = user.map(|person| self.tables.person(person));
        let mut participants: Vec<u32> = owner.into_iter().collect();
        participants.extend(user.filter(|user| Some(*user) != owner));
        let item = Item {
            id: String::new(),
            event,
            revision: 0,
            conversation: self.tables.conversation(conversation),
            sender: None,
            owner,
            participants,
            direction: None,
            sent_at,
            zone: None,
            text: None,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            original: None,
            extensions: Vec::new(),
        };
        (item, user)
    }

    fn message(&mut self, part: &Part<'_>, record: &Value) -> Result<Item, Trouble> {
        let sent_at = clock::milliseconds(record, "timestamp")?;
        let from = scalar(record, "from");
        let own = scalar(&part.scene.metadata, "display_phone_number").as_deref().and_then(people::digits);
        let is_own = own.is_some() && from.as_deref().and_then(people::digits) == own;
        let is_outgoing = part.what == What::Echo || is_own;
        let thread = match &part.what {
            What::History(id) if !id.is_empty() => Some(id.clone()),
            _ => None,
        };
        let (number, user_id) = if is_outgoing {
            let user_id = scalar(record, "to_user_id").or_else(|| scalar(record, "recipient_user_id"));
            (thread.or_else(|| scalar(record, "to")), user_id)
        } else {
            (from.or(thread), scalar(record, "from_user_id").or_else(|| scalar(record, "user_id")))
        };
        let user = people::user(&part.scene, number.as_deref(), user_id.as_deref());
        let kind = text(record, "type").unwrap_or("unknown");
        let event = match kind {
            "reaction" => Event::Reaction,
            "edit" => Event::Edit,
            "revoke" => Event::Deletion,
            "system" | "request_welcome" => Event::Notice,
            _ => Event::Message,
        };
        let group = scalar(record, "group_id");
        let (mut item, user) = self.bare(part, event, sent_at, user, group.as_deref());
        item.sender = if is_outgoing { item.owner } else { user };
        item.direction = Some(if is_outgoing { Direction::Outgoing } else { Direction::Incoming });
        item.id = match text(record, "id") {
            // The message itself comes later under the same id.
            Some(id) if kind == "media_placeholder" => identity::short(format!("{id}:placeholder")),
            Some(id) => identity::short(id.to_owned()),
            None => hashed(part, sent_at),
        };
        note(&mut item, "kind", Some(kind.to_owned()));
        // An edit holds the message as it is now.
        let content = match kind {
            "edit" => record.get("edit").and_then(|edit| edit.get("message")).unwrap_or(&Value::Null),
            _ => record,
        };
        let kind = if event == Event::Edit { text(content, "type").unwrap_or("unknown") } else { kind };
        if event != Event::Deletion {
            item.text = words::of_message(content, kind);
        }
        if let Some(found) = media::of_message(content, kind) {
            item.attachments.push(media::attachment(self.host, self.shelves, found, kind)?);
        }
        facts(&mut item, record, kind);
        Ok(item)
    }

    fn group(&mut self, part: &Part<'_>, record: &Value) -> Result<Item, Trouble> {
        let sent_at = clock::milliseconds(record, "timestamp").or_else(|why| part.scene.time.ok_or(why))?;
        let group = scalar(record, "group_id");
        let (mut item, _) = self.bare(part, Event::Membership, sent_at, None, group.as_deref());
        let kind = text(record, "type").unwrap_or("group");
        let mut told = vec![kind.replace('_', " ")];
        for (list_name, label) in
            [("added_participants", "added"), ("removed_participants", "removed"), ("failed_participants", "failed")]
        {
            for person in list(record, list_name) {
                let number = scalar(person, "wa_id").or_else(|| scalar(person, "input"));
                let found = people::user(&part.scene, number.as_deref(), scalar(person, "user_id").as_deref());
                let Some(found) = found.filter(|_| number.is_some() || scalar(person, "user_id").is_some()) else {
                    continue;
                };
                told.push(format!("{label}: {}", found.id));
                let place = self.tables.person(found);
                if !item.participants.contains(&place) {
                    item.participants.push(place);
                }
            }
        }
        item.participants.truncate(PARTICIPANTS_MAX);
        item.text = Some(told.join("\n"));
        item.id = hashed(part, sent_at);
        note(&mut item, "kind", Some(kind.to_owned()));
        let errors = words::errors(list(record, "errors"));
        note(&mut item, "errors", Some(errors).filter(|told| !told.is_empty()));
        Ok(item)
    }

    fn state(&mut self, part: &Part<'_>, record: &Value) -> Result<Item, Trouble> {
        let metadata = record.get("metadata").unwrap_or(&Value::Null);
        let sent_at = clock::milliseconds(metadata, "timestamp").or_else(|why| part.scene.time.ok_or(why))?;
        let (mut item, _) = self.bare(part, Event::Other, sent_at, None, None);
        let contact = record.get("contact").unwrap_or(&Value::Null);
        let name = text(contact, "full_name").or_else(|| text(contact, "first_name")).unwrap_or("without a name");
        let number = scalar(contact, "phone_number").map_or(String::new(), |number| format!(", {number}"));
        let action = text(record, "action").unwrap_or("changed");
        item.text = Some(format!("Contact of the business's phone, {action}: {name}{number}"));
        item.id = hashed(part, sent_at);
        note(&mut item, "kind", Some("state-sync".to_owned()));
        Ok(item)
    }

    fn other(&mut self, part: &Part<'_>, record: &Value) -> Result<Item, Trouble> {
        let sent_at = clock::milliseconds(record, "timestamp").or_else(|why| part.scene.time.ok_or(why))?;
        let (mut item, _) = self.bare(part, Event::Other, sent_at, None, None);
        let kind = match &part.what {
            What::Unknown(name) => name.clone(),
            _ => "errors".to_owned(),
        };
        item.text = Some(match record.as_array() {
            _ if kind != "errors" => format!("[{kind}]"),
            Some(errors) => words::errors(errors),
            None => words::errors(std::slice::from_ref(record)),
        });
        item.id = hashed(part, sent_at);
        note(&mut item, "kind", Some(kind));
        Ok(item)
    }
}

/// An id for what has none: the same for the same bytes at the same number and time.
pub(crate) fn hashed(part: &Part<'_>, sent_at: i64) -> String {
    let number = people::conversation(&part.scene, None, None).id;
    let (field, hash) = (&part.scene.field, identity::hash(part.raw.as_bytes()));
    identity::short(format!("{number}:{field}:{}:{hash}", sent_at / 1_000))
}

/// Adds an extension, where there is something to say.
pub(crate) fn note(item: &mut Item, label: &str, told: Option<String>) {
    if let Some(told) = told {
        item.extensions.push((label.to_owned(), cut(&told, EXTENSION_BYTES_MAX).to_owned()));
    }
}

/// What a message refers to, where it comes from and what Meta says of it.
fn facts(item: &mut Item, record: &Value, kind: &str) {
    let context = record.get("context").unwrap_or(&Value::Null);
    let member = |name: &str, label: &str| record.get(name).and_then(|of| text(of, label));
    let target = match item.event {
        Event::Edit => member("edit", "original_message_id"),
        Event::Deletion => member("revoke", "original_message_id"),
        Event::Reaction => member("reaction", "message_id"),
        _ => text(context, "id"),
    };
    item.refers_to =
        target.map(|id| Reference { id: identity::short(id.to_owned()), event: Event::Message, revision: 0 });
    if item.event == Event::Reaction && member("reaction", "emoji").is_none() {
        note(item, "removed", Some("true".to_owned()));
    }
    if is_true(context, "frequently_forwarded") {
        note(item, "forwarded", Some("many-times".to_owned()));
    } else if is_true(context, "forwarded") {
        note(item, "forwarded", Some("true".to_owned()));
    }
    if item.event == Event::Edit {
        note(item, "content", Some(kind.to_owned()));
    }
    let product = context.get("referred_product").unwrap_or(&Value::Null);
    note(item, "product", scalar(product, "product_retailer_id"));
    let system = record.get("system").unwrap_or(&Value::Null);
    note(item, "system", scalar(system, "type"));
    note(item, "new-number", scalar(system, "wa_id").or_else(|| scalar(system, "new_wa_id")));
    note(item, "new-user-id", scalar(system, "user_id"));
    let of_interactive = record.get("interactive").unwrap_or(&Value::Null);
    note(item, "interactive", scalar(of_interactive, "type"));
    let reply = text(of_interactive, "type").and_then(|kind| of_interactive.get(kind)).unwrap_or(&Value::Null);
    note(item, "reply-id", scalar(reply, "id"));
    note(item, "expires", scalar(reply, "expiration_timestamp"));
    let payload = record.get("button").and_then(|button| scalar(button, "payload"));
    note(item, "payload", payload.filter(|payload| item.text.as_ref() != Some(payload)));
    let referral = record.get("referral").unwrap_or(&Value::Null);
    for label in ["source_url", "source_id", "source_type", "headline", "body", "media_type", "ctwa_clid"] {
        note(item, &format!("referral-{}", label.replace('_', "-")), scalar(referral, label));
    }
    let history = record.get("history_context").and_then(|context| scalar(context, "status"));
    note(item, "history-status", history);
    let errors = words::errors(list(record, "errors"));
    note(item, "errors", Some(errors).filter(|told| !told.is_empty()));
}
