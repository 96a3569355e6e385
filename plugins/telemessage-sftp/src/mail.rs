//! Makes a contract item of one mail, or says why it cannot.

use std::collections::BTreeSet;

use kit::{
    Call, CallOutcome, Conversation, ConversationKind, Error, Event, Extensions, Host, Item, Person, Reference,
    Timestamp,
    source::{ArchiveEntry, Unreadable},
};
use mail_parser::{Message, MessageParser};
use sha2::{Digest, Sha256};

use kit::Tables;

use crate::{
    body, file,
    identity::{digest, hex},
    limits::{ATTACHMENTS_MAX, EVENT_TIME_MIN_MS, ID_BYTES_MAX, NAME_BYTES_MAX, ORIGINAL_BYTES_MAX, PARTICIPANTS_MAX},
    participant,
    subject::{Deletion, Subject, number},
};

/// Where a mail was found.
pub(crate) struct Place<'a> {
    /// The zip.
    pub(crate) path: &'a str,
    /// The mail in it.
    pub(crate) entry: &'a ArchiveEntry,
    /// The last instant at which its time is believed.
    pub(crate) event_time_max_ms: Timestamp,
}

/// Reads a mail (`bytes`: all of it, or its head when it is too big). The outer error is the page's, the inner one
/// this mail's.
pub(crate) fn read(
    host: &mut dyn Host,
    place: &Place<'_>,
    bytes: &[u8],
    tables: &mut Tables,
) -> Result<Result<Item, Unreadable>, Error> {
    let unreadable = |code: &str, what: &str| Ok(Err(unreadable(place, bytes, code, what)));
    let Some(message) = MessageParser::default().parse(bytes) else {
        return unreadable("mail-broken", "it has no header a reader could find");
    };
    let Some(date) = message.date().filter(|date| date.is_valid()) else {
        return unreadable("no-date", "it has no `Date` that can be read");
    };
    let sent_at = date.to_timestamp().saturating_mul(1_000);
    if !(EVENT_TIME_MIN_MS..=place.event_time_max_ms).contains(&sent_at) {
        return unreadable("absurd-time", "its `Date` is before 2009 or long after its delivery's day");
    }
    let told = Told::read(&message, sent_at);
    if let Some(what) = told.over_limit() {
        return unreadable("item-over-limit", &what);
    }

    let parts = file::parts(&message);
    let is_head = (bytes.len() as u64) < place.entry.size;
    let original_fits = !is_head && bytes.len() <= ORIGINAL_BYTES_MAX;
    let mut attachments = Vec::new();
    let too_many = parts.len() >= ATTACHMENTS_MAX;
    if !is_head && !too_many {
        for part in parts {
            attachments.push(file::cut(host, &message, part)?);
        }
    }
    if is_head || too_many || (told.event == Event::Other && !original_fits) {
        attachments.push(file::whole(host, place.path, place.entry)?);
    }
    let mut item = told.item(tables);
    item.attachments = attachments;
    if original_fits {
        item.original = Some(bytes.to_vec());
    } else {
        item.extensions.push(("original-bytes".to_owned(), place.entry.size.to_string()));
        if !is_head {
            item.extensions.push(("original-sha256".to_owned(), hex(&Sha256::digest(bytes))));
        }
    }
    Ok(Ok(item))
}

/// What a mail tells, before anything is numbered.
struct Told {
    id: String,
    event: Event,
    sent_at: Timestamp,
    zone: String,
    /// Participants, each once, the sender first if there is one.
    people: Vec<Person>,
    has_sender: bool,
    conversation: Conversation,
    text: Option<String>,
    previous_text: Option<String>,
    refers_to: Option<Reference>,
    call: Option<Call>,
    extensions: Extensions,
}

impl Told {
    fn read(message: &Message<'_>, sent_at: Timestamp) -> Self {
        let subject_line = message.subject().unwrap_or_default().trim();
        let subject = Subject::parse(subject_line);
        let event = subject.as_ref().map_or(Event::Other, |subject| subject.event);

        let mut senders = participant::people(message.from());
        // A second author took part as well, even if an item has room for one sender only.
        let mut recipients = senders.split_off(senders.len().min(1));
        recipients.extend(participant::people(message.to()));
        recipients.extend(participant::people(message.cc()));
        recipients.extend(participant::people(message.bcc()));
        give_number(&mut senders, subject.as_ref().and_then(|subject| subject.from.as_deref()));
        give_number(&mut recipients, subject.as_ref().and_then(|subject| subject.to.as_deref()));
        let has_sender = !senders.is_empty();
        let people = each_once(senders.into_iter().chain(recipients));

        let body_texts: Vec<_> = (0..message.text_body_count()).filter_map(|index| message.body_text(index)).collect();
        let whole_text = body::plain(&body_texts.join("\n"));
        let (text, details) = match body::split_details(&whole_text) {
            (text, Some(details)) if details.len() <= NAME_BYTES_MAX => (text, Some(details)),
            _ => (whole_text.as_str(), None),
        };
        let conversation = conversation(&people, subject.as_ref());

        let original = body::original(text).filter(|_| event == Event::Deletion);
        let replied =
            message.in_reply_to().as_text().or_else(|| message.in_reply_to().as_text_list()?.last().map(|id| &**id));
        let referred_id = replied.map(str::to_owned).or_else(|| original.as_ref().map(|original| original.id.clone()));
        let referred_event =
            subject.as_ref().filter(|s| s.event == Event::Deletion).map_or(Event::Message, |s| s.deleted);

        let mut extensions = Extensions::new();
        let mut extend = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty() && value.len() <= NAME_BYTES_MAX) {
                extensions.push((name.to_owned(), value.to_owned()));
            }
        };
        extend("subject", Some(subject_line));
        let deletion = subject.as_ref().and_then(|subject| subject.deletion.as_ref());
        extend("subject-prefix", deletion.map(Deletion::prefix).as_deref());
        extend("deletion-scope", deletion.and_then(|deletion| deletion.scope));
        extend("deletion-state", deletion.map(|deletion| deletion.state));
        extend("user-details", details);

        let call = subject.as_ref().and_then(|subject| subject.call).filter(|_| event == Event::Call).map(|words| {
            let duration_ms = body::duration_ms(text);
            // The subject seldom says that a call was taken; a length does.
            let outcome = match (words.outcome, duration_ms) {
                (CallOutcome::Unknown, Some(1..)) => CallOutcome::Answered,
                (outcome, _) => outcome,
            };
            Call { video: words.video, outcome, duration_ms }
        });
        let given_id = message.message_id().map(str::trim).filter(|id| !id.is_empty());
        Self {
            id: given_id.map_or_else(|| content_id(sent_at, &people, has_sender, subject_line, text), str::to_owned),
            event,
            sent_at,
            zone: zone(message),
            has_sender,
            conversation,
            text: (!text.is_empty()).then(|| text.to_owned()),
            previous_text: original.and_then(|original| original.text),
            refers_to: referred_id.filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX).map(|id| Reference {
                id,
                event: referred_event,
                revision: 0,
            }),
            call,
            people,
            extensions,
        }
    }

    /// What the host would refuse, with the whole page, if it came to it.
    fn over_limit(&self) -> Option<String> {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > NAME_BYTES_MAX);
        if self.id.len() > ID_BYTES_MAX {
            return Some(format!("its `Message-ID` is longer than {ID_BYTES_MAX} bytes"));
        }
        if self.people.len() > PARTICIPANTS_MAX {
            return Some(format!("it has more than {PARTICIPANTS_MAX} participants"));
        }
        let is_long = self.people.iter().any(|p| long(&p.name) || long(&p.phone) || long(&p.email))
            || long(&self.conversation.title)
            || self.conversation.extensions.iter().any(|(_, value)| value.len() > NAME_BYTES_MAX);
        is_long.then(|| format!("a name, number, address or title in it is longer than {NAME_BYTES_MAX} bytes"))
    }

    fn item(self, tables: &mut Tables) -> Item {
        let participants: Vec<u32> = self.people.into_iter().map(|person| tables.person(person)).collect();
        Item {
            id: self.id,
            event: self.event,
            revision: 0,
            conversation: tables.conversation(self.conversation),
            sender: participants.first().copied().filter(|_| self.has_sender),
            // Whose archive a mail comes from is not told; everybody in it gets a copy.
            owner: None,
            participants,
            direction: None,
            sent_at: self.sent_at,
            zone: Some(self.zone),
            text: self.text,
            previous_text: self.previous_text,
            refers_to: self.refers_to,
            call: self.call,
            attachments: Vec::new(),
            original: None,
            extensions: self.extensions,
        }
    }
}

/// The subject tells the number of a side that the address header names without one.
fn give_number(people: &mut [Person], told: Option<&str>) {
    if let ([person], Some(digits)) = (people, told.and_then(number))
        && person.phone.is_none()
    {
        person.phone = Some(digits.clone());
        person.id = digits;
    }
}

fn each_once(people: impl Iterator<Item = Person>) -> Vec<Person> {
    let mut known = BTreeSet::new();
    people.filter(|person| known.insert(person.id.clone())).collect()
}

fn conversation(people: &[Person], subject: Option<&Subject>) -> Conversation {
    let members: BTreeSet<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let title = subject.and_then(|subject| subject.to.as_deref()).filter(|to| number(to).is_none());
    let kind = match subject {
        None if members.len() > 2 => ConversationKind::Other,
        _ if title.is_some() || members.len() > 2 => ConversationKind::Group,
        _ => ConversationKind::Direct,
    };
    let id = match kind {
        ConversationKind::Direct => digest("direct", members.iter().map(|id| id.as_bytes())),
        _ => {
            let title = title.map(str::as_bytes).into_iter().chain([b"\0".as_slice()]);
            digest("group", title.chain(members.iter().map(|id| id.as_bytes())))
        }
    };
    let network = subject.and_then(|subject| subject.network.clone());
    let extensions = network.map(|network| ("network".to_owned(), network)).into_iter().collect();
    Conversation { id, kind, title: title.map(str::to_owned), extensions }
}

/// The same event found in two owners' archives gives the same id: recipients are sorted, and the details appended
/// about one user are left out.
fn content_id(sent_at: Timestamp, people: &[Person], has_sender: bool, subject: &str, text: &str) -> String {
    let (sender, recipients) = people.split_at(usize::from(has_sender && !people.is_empty()));
    let sender = sender.first().map(|person| person.id.as_str()).unwrap_or_default();
    let recipients: BTreeSet<&str> = recipients.iter().map(|person| person.id.as_str()).collect();
    let time = sent_at.to_string();
    let fixed = [time.as_str(), sender, subject, text].into_iter().chain(recipients);
    digest("content", fixed.map(str::as_bytes))
}

/// The zone the mail's date is written in; the vendor writes UTC.
fn zone(message: &Message<'_>) -> String {
    match message.date() {
        Some(date) if date.tz_hour != 0 || date.tz_minute != 0 => {
            let sign = if date.tz_before_gmt { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", date.tz_hour, date.tz_minute)
        }
        _ => "UTC".to_owned(),
    }
}

fn unreadable(place: &Place<'_>, bytes: &[u8], code: &str, what: &str) -> Unreadable {
    let kept = bytes.len().min(ORIGINAL_BYTES_MAX);
    let cut = if (kept as u64) < place.entry.size {
        format!("; the first {kept} of its {} bytes are kept", place.entry.size)
    } else {
        String::new()
    };
    Unreadable {
        id: digest("mail", [bytes]),
        code: code.to_owned(),
        message: format!("entry {} of `{}` cannot be used: {what}{cut}", place.entry.index, place.path),
        sent_at: None,
        original: bytes.get(..kept).unwrap_or_default().to_vec(),
    }
}
