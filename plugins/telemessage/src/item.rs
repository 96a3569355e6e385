//! Makes a contract item of one delivery, or says why it cannot.

use std::collections::BTreeSet;

use kit::{
    Attachment, Call, CallOutcome, Conversation, Direction, Event, Extensions, Item, Person, Reference, Window,
    source::Unreadable,
};
use sha2::{Digest, Sha256};

use kit::Tables;

use crate::{
    answer,
    identity::{self, filled, hex},
    limits::{
        ATTACHMENTS_MAX, EVENT_AHEAD_MAX_MS, EVENT_TIME_MIN_MS, ID_BYTES_MAX, NAME_BYTES_MAX, ORIGINAL_BYTES_MAX,
        PARTICIPANTS_MAX,
    },
    settings::Settings,
    wire::{WireAttachment, WireCall, WireChat, WireDeletion, WireItem, WireItemId, WirePerson},
};

/// A delivery that can be used: an item whose people and conversation are not numbered yet and whose files are not
/// fetched yet.
pub(crate) struct Delivery {
    item: Item,
    /// Participants, each once; `sender` and `owner` are positions in here.
    people: Vec<Person>,
    sender: Option<usize>,
    owner: Option<usize>,
    conversation: Conversation,
    /// Files to fetch.
    pub(crate) files: Vec<WireAttachment>,
    /// The JSON itself is to become a file: nothing else says what the item is, and it is too long for `original`.
    pub(crate) original_as_file: bool,
}

impl Delivery {
    /// Reads one element of a page's `items`.
    pub(crate) fn read(json: &str, window: Window, settings: &Settings) -> Result<Self, Box<Unreadable>> {
        let unreadable = |code: &str, message: String| Box::new(unreadable(json, code, message));
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let wire: WireItem = serde_path_to_error::deserialize(&mut deserializer).map_err(|problem| {
            let place = answer::place(&problem);
            let why = answer::expectation(problem.inner());
            unreadable("item-broken", format!("an item cannot be read at {place}: {why}"))
        })?;
        if !is_believable(wire.event_time_ms, window) {
            let when = wire.event_time_ms;
            return Err(unreadable(
                "absurd-time",
                format!("an item's event time, {when} ms since the epoch, is before 2009 or long after its window"),
            ));
        }
        // Before they are compared with each other: their number is the site's choice.
        if wire.recipients.0.len() > PARTICIPANTS_MAX {
            let count = wire.recipients.0.len();
            return Err(unreadable("item-over-limit", format!("an item names {count} recipients")));
        }
        let delivery = Self::of(wire, json, settings);
        match delivery.over_limit() {
            Some(what) => Err(unreadable("item-over-limit", format!("an item cannot be taken whole: {what}"))),
            None => Ok(delivery),
        }
    }

    /// Numbers the people and the conversation, and puts the files in.
    pub(crate) fn finish(self, attachments: Vec<Attachment>, tables: &mut Tables) -> Item {
        let rows: Vec<u32> = self.people.into_iter().map(|person| tables.person(person)).collect();
        let row = |position: Option<usize>| position.and_then(|position| rows.get(position).copied());
        Item {
            conversation: tables.conversation(self.conversation),
            sender: row(self.sender),
            owner: row(self.owner),
            attachments,
            participants: rows,
            ..self.item
        }
    }

    fn of(wire: WireItem, json: &str, settings: &Settings) -> Self {
        let event = event(wire.kind.as_deref());
        let mut party = Party::default();
        let sender = wire.sender.as_ref().and_then(|person| party.add(person));
        let owner = wire.owner.as_ref().and_then(|person| party.add(person));
        let recipients: Vec<usize> = wire.recipients.0.iter().filter_map(|person| party.add(person)).collect();

        let person_id = |position: &usize| party.people.get(*position).map(|person| person.id.as_str());
        let mut members: BTreeSet<&str> = sender.iter().chain(&recipients).filter_map(person_id).collect();
        if members.len() < 2 {
            members.extend(owner.iter().filter_map(person_id));
        }
        let mut chat = wire.chat.unwrap_or_default();
        if let Some(group) = wire.group.filter(|_| chat.title.is_none()) {
            chat = WireChat { mode: chat.mode.or_else(|| Some("group".to_owned())), title: Some(group), ..chat };
        }
        let network = wire.network.as_deref().or(match settings.archiver {
            app @ ("whatsapp" | "signal" | "telegram" | "wechat") => Some(app),
            _ => None,
        });
        let conversation = identity::conversation(&chat, &members, network, settings.trust_group_id);

        let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
        let time = wire.event_time_ms.to_string();
        let id = given(&wire.key).or_else(|| given(&wire.id)).unwrap_or_else(|| {
            let sender = sender.as_ref().and_then(person_id).unwrap_or_default();
            let text = wire.text.as_deref().unwrap_or_default();
            identity::digest("content", [event.name(), &time, sender, &conversation.id, text])
        });
        let is_change = matches!(event, Event::Edit | Event::Deletion);
        let original = wire.original.filter(|_| is_change);
        let original_text = original.as_ref().and_then(|original| original.text.clone());
        let referred = original.map(|original| (original.key, original.kind));
        let referred = referred.or(Some((wire.reply_to, None)));
        let mut extensions = Extensions::new();
        let mut extend = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| value.len() <= NAME_BYTES_MAX) {
                extensions.push((name.to_owned(), value));
            }
        };
        extend("network", network.map(str::to_owned));
        extend("archiver", filled(&wire.archiver));
        extend("subject", filled(&wire.subject));
        if event == Event::Deletion {
            let deletion = wire.deletion.unwrap_or_default();
            extend("subject-prefix", Some(subject_prefix(&deletion)));
            extend("deletion-scope", filled(&deletion.scope));
            extend("deletion-state", filled(&deletion.state));
        }
        if event == Event::Other {
            extend("type", filled(&wire.kind));
        }
        extend("unidentified-participants", (party.unidentified > 0).then(|| party.unidentified.to_string()));
        let fits = json.len() <= ORIGINAL_BYTES_MAX;
        if !fits {
            extend("original-bytes", Some(json.len().to_string()));
            extend("original-sha256", Some(hex(&Sha256::digest(json))));
        }
        Self {
            item: Item {
                id,
                event,
                revision: 0,
                conversation: 0,
                sender: None,
                owner: None,
                participants: Vec::new(),
                direction: match wire.direction.as_deref() {
                    Some("incoming") => Some(Direction::Incoming),
                    Some("outgoing") => Some(Direction::Outgoing),
                    _ => None,
                },
                sent_at: wire.event_time_ms,
                zone: None,
                text: wire.text,
                previous_text: original_text,
                refers_to: referred.and_then(|(id, kind)| reference(id, kind.as_deref())),
                call: wire.call.filter(|_| event == Event::Call).map(|wire| call(&wire)),
                attachments: Vec::new(),
                original: fits.then(|| json.as_bytes().to_vec()),
                extensions,
            },
            people: party.people,
            sender,
            owner,
            conversation,
            files: wire.attachments.unwrap_or_default(),
            original_as_file: !fits && event == Event::Other,
        }
    }

    /// What the host would refuse, with the whole page, if it came to it.
    fn over_limit(&self) -> Option<String> {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > NAME_BYTES_MAX);
        let person_is_long = |person: &Person| {
            person.id.len() > NAME_BYTES_MAX
                || long(&person.name)
                || long(&person.phone)
                || long(&person.email)
                || person.extensions.iter().any(|(_, value)| value.len() > NAME_BYTES_MAX)
        };
        if self.item.id.len() > ID_BYTES_MAX {
            return Some(format!("its key is longer than {ID_BYTES_MAX} bytes"));
        }
        if self.people.len() > PARTICIPANTS_MAX {
            return Some(format!("it has more than {PARTICIPANTS_MAX} participants"));
        }
        if self.files.len() + usize::from(self.original_as_file) > ATTACHMENTS_MAX {
            return Some(format!("it has more than {ATTACHMENTS_MAX} attachments"));
        }
        if self.people.iter().any(person_is_long) {
            return Some(format!("a participant's name, number, id or address is longer than {NAME_BYTES_MAX} bytes"));
        }
        let extension_is_long = |(_, value): &(String, String)| value.len() > NAME_BYTES_MAX;
        if long(&self.conversation.title) || self.conversation.extensions.iter().any(extension_is_long) {
            return Some(format!("its chat's title or network is longer than {NAME_BYTES_MAX} bytes"));
        }
        let file_is_long = |file: &WireAttachment| long(&file.id) || long(&file.name) || long(&file.media_type);
        self.files
            .iter()
            .any(file_is_long)
            .then(|| format!("a file's id, name or media type is longer than {NAME_BYTES_MAX} bytes"))
    }
}

/// Participants in the order sender, owner, recipients, each once.
#[derive(Default)]
struct Party {
    people: Vec<Person>,
    /// Mentions the site says nothing of; counted, because they cannot be named.
    unidentified: usize,
}

impl Party {
    fn add(&mut self, wire: &WirePerson) -> Option<usize> {
        let Some(person) = identity::person(wire) else {
            self.unidentified += 1;
            return None;
        };
        match self.people.iter().position(|known| known.id == person.id) {
            Some(position) => {
                if let Some(known) = self.people.get_mut(position) {
                    identity::complete(known, person);
                }
                Some(position)
            }
            None => {
                self.people.push(person);
                Some(self.people.len() - 1)
            }
        }
    }
}

fn unreadable(json: &str, code: &str, message: String) -> Unreadable {
    // The delivery's id, not the event's: another owner's delivery of the same event may be sound, and this one must
    // not be taken for it.
    let id = serde_json::from_str::<WireItemId>(json).ok().and_then(|item| item.id);
    let id = id.map(|id| format!("delivery:{id}")).filter(|id| id.len() <= ID_BYTES_MAX);
    let mut original = json.as_bytes().to_vec();
    original.truncate(ORIGINAL_BYTES_MAX);
    let message = if original.len() < json.len() {
        format!("{message}; the first {ORIGINAL_BYTES_MAX} of its {} bytes are kept", json.len())
    } else {
        message
    };
    Unreadable {
        id: id.unwrap_or_else(|| identity::digest("delivery", [json])),
        code: code.to_owned(),
        message,
        sent_at: None,
        original,
    }
}

fn is_believable(event_time_ms: i64, window: Window) -> bool {
    (EVENT_TIME_MIN_MS..=window.end.saturating_add(EVENT_AHEAD_MAX_MS)).contains(&event_time_ms)
}

/// The short form has no type; it is a message.
fn event(kind: Option<&str>) -> Event {
    match kind {
        None | Some("message") => Event::Message,
        Some("call") => Event::Call,
        Some("file") => Event::File,
        Some("deletion") => Event::Deletion,
        Some("edit") => Event::Edit,
        Some(_) => Event::Other,
    }
}

/// What is quoted, edited or deleted is a message unless the site says otherwise.
fn reference(id: Option<String>, kind: Option<&str>) -> Option<Reference> {
    let id = id.filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX)?;
    Some(Reference { id, event: event(kind), revision: 0 })
}

fn call(wire: &WireCall) -> Call {
    Call {
        video: wire.media.as_deref() == Some("video"),
        outcome: match wire.outcome.as_deref() {
            Some("answered") => CallOutcome::Answered,
            Some("missed") => CallOutcome::Missed,
            Some("declined") => CallOutcome::Declined,
            Some("failed") => CallOutcome::Failed,
            _ => CallOutcome::Unknown,
        },
        duration_ms: wire.duration_s.and_then(|seconds| seconds.checked_mul(1_000)),
    }
}

/// The prefixes that the vendor's own mails carry; made of known words only, since it goes into a header.
fn subject_prefix(deletion: &WireDeletion) -> String {
    let known = |state: &&str| matches!(*state, "READ" | "UNREAD");
    let state = deletion.state.as_deref().filter(known).unwrap_or("UNKNOWN");
    match deletion.scope.as_deref() {
        Some("me") => format!("DELETED For Me - {state} - "),
        _ => format!("DELETED - {state} - "),
    }
}
