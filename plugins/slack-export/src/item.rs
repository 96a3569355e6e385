//! The items of one record: what it tells of, and then each reaction to it.

use kit::{Call, CallOutcome, Event, Item, Person, Reference, Tables};
use serde_json::Value;

use crate::{
    clock::{self, Problem},
    directory::{Channel, Directory},
    files, identity,
    kind::Kind,
    layout::Listing,
    limits::{EXTENSION_BYTES_MAX, ORIGINAL_BYTES_MAX, PARTICIPANTS_MAX},
    text,
    value::{cut, is_true, list, number, text as member, time_text},
};

/// What the records of a page share.
pub(crate) struct Maker<'a> {
    /// People and conversations.
    pub(crate) directory: &'a Directory,
    /// The page's tables.
    pub(crate) tables: &'a mut Tables,
}

/// How many items a record makes: itself, and each reaction.
pub(crate) fn parts(record: &Value) -> usize {
    reactions(record).count().saturating_add(1)
}

fn reactions(record: &Value) -> impl Iterator<Item = (&str, &str)> {
    list(record, "reactions").iter().flat_map(|reaction| {
        let name = member(reaction, "name").unwrap_or("unknown");
        list(reaction, "users")
            .iter()
            .filter_map(Value::as_str)
            .filter(|user| !user.is_empty())
            .map(move |user| (name, user))
    })
}

impl Maker<'_> {
    /// At most `room` items of a record of a channel, after the first `skip`.
    pub(crate) fn items(
        &mut self,
        record: &Value,
        raw: &[u8],
        channel: &Channel,
        skip: usize,
        room: usize,
    ) -> Result<Vec<Item>, Problem> {
        let ts = time_text(record, "ts").ok_or(Problem::Broken)?;
        let sent_at = clock::milliseconds(&ts)?;
        let mut items = Vec::new();
        let main = self.main(record, raw, channel, &ts, sent_at);
        let refers_to = Reference { id: main.id.clone(), event: main.event, revision: main.revision };
        if skip == 0 && room > 0 {
            items.push(main);
        }
        let author = self.author(record);
        for (name, user) in reactions(record).skip(skip.saturating_sub(1)).take(room.saturating_sub(items.len())) {
            let from = self.directory.person(user, None);
            let others = author.iter().cloned().collect();
            let (sender, participants) = self.participants(Some(from), others, channel);
            items.push(Item {
                id: identity::short(format!("{}:{ts}:reaction:{name}:{user}", channel.id)),
                sender,
                participants,
                text: Some(format!(":{name}:")),
                refers_to: Some(refers_to.clone()),
                extensions: vec![("time-of".to_owned(), "message".to_owned())],
                ..self.bare(Event::Reaction, channel, sent_at)
            });
        }
        Ok(items)
    }

    fn bare(&mut self, event: Event, channel: &Channel, sent_at: i64) -> Item {
        Item {
            id: String::new(),
            event,
            revision: 0,
            conversation: self.tables.conversation(self.directory.conversation(channel)),
            sender: None,
            owner: None,
            participants: Vec::new(),
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
        }
    }

    fn main(&mut self, record: &Value, raw: &[u8], channel: &Channel, ts: &str, sent_at: i64) -> Item {
        let kind = Kind::of(record);
        let id_of = |ts: &str| identity::short(format!("{}:{ts}", channel.id));
        let message = |ts: &str| Some(Reference { id: id_of(ts), event: Event::Message, revision: 0 });
        // A log of an edit has the new message inside, one of a deletion the old one.
        let before =
            [record.get("previous_message"), record.get("original")].into_iter().flatten().find(|v| v.is_object());
        let now = match kind {
            Kind::Changed => record.get("message").filter(|message| message.is_object()).unwrap_or(record),
            _ => record,
        };
        let edited = now.get("edited").and_then(|edited| time_text(edited, "ts"));
        let (event, id, revision, refers_to) = match kind {
            Kind::Plain(event) => {
                let thread = time_text(record, "thread_ts").filter(|root| root != ts);
                let revision = edited.as_deref().map_or(0, clock::revision);
                (event, id_of(ts), revision, thread.and_then(|root| message(&root)))
            }
            Kind::Tombstone => (Event::Deletion, id_of(&format!("{ts}:deleted")), 0, message(ts)),
            Kind::Changed => {
                let of = time_text(now, "ts").or_else(|| before.and_then(|before| time_text(before, "ts")));
                (Event::Edit, id_of(&format!("{ts}:edit")), 0, of.and_then(|of| message(&of)))
            }
            Kind::Deleted => {
                let of = time_text(record, "deleted_ts");
                let of = of.or_else(|| before.and_then(|before| time_text(before, "ts")));
                (Event::Deletion, id_of(&format!("{ts}:deletion")), 0, of.and_then(|of| message(&of)))
            }
        };
        let sender =
            self.author(now).or_else(|| before.filter(|_| kind == Kind::Changed).and_then(|old| self.author(old)));
        let mut others: Vec<Person> = Vec::new();
        others.extend(before.and_then(|before| self.author(before)));
        for name in ["inviter", "parent_user_id"] {
            others.extend(member(record, name).map(|id| self.directory.person(id, None)));
        }
        let call = (event == Event::Call).then(|| self.call(record, &mut others));
        let written = text::of_record(now, self.directory);
        if channel.listing == Some(Listing::Public) {
            others.extend(mentions(now).map(|id| self.directory.person(id, None)));
        }
        let (attachments, files_left_out) = files::of_record(now);
        let (sender, participants) = self.participants(sender, others, channel);
        Item {
            id,
            revision,
            sender,
            participants,
            text: written.or_else(|| match (event, kind) {
                (Event::Call, _) => Some("Huddle".to_owned()),
                (_, Kind::Deleted) => Some("Message deleted".to_owned()),
                _ => None,
            }),
            previous_text: before
                .filter(|_| matches!(kind, Kind::Changed | Kind::Deleted))
                .and_then(|before| text::of_record(before, self.directory)),
            refers_to,
            call,
            attachments,
            original: Some(raw.get(..raw.len().min(ORIGINAL_BYTES_MAX)).unwrap_or_default().to_vec()),
            extensions: extensions(record, now, raw, files_left_out),
            ..self.bare(event, channel, sent_at)
        }
    }

    /// Who wrote a record: a user, a bot, or nobody.
    fn author(&self, record: &Value) -> Option<Person> {
        let profile = |name: &str| record.get(name).unwrap_or(&Value::Null);
        let of_user = profile("user_profile");
        let of_bot = profile("bot_profile");
        let user = member(record, "user").or_else(|| member(profile("comment"), "user"));
        if let Some(id) = user {
            let told = member(of_user, "real_name").or_else(|| member(of_user, "display_name"));
            return Some(self.directory.person(id, told.or_else(|| member(record, "username"))));
        }
        let name = member(of_bot, "name").or_else(|| member(record, "username"));
        let id = member(record, "bot_id").or(name)?;
        let mut person = self.directory.person(id, name);
        person.internal = false;
        if person.extensions.is_empty() {
            person.extensions = vec![("bot".to_owned(), "true".to_owned())];
        }
        Some(person)
    }

    /// Rows of everybody who took part, the sender first.
    fn participants(
        &mut self,
        sender: Option<Person>,
        others: Vec<Person>,
        channel: &Channel,
    ) -> (Option<u32>, Vec<u32>) {
        let mut rows: Vec<u32> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let has_sender = sender.is_some();
        let members = channel.members.iter().map(|id| self.directory.person(id, None));
        for person in sender.into_iter().chain(others).chain(members) {
            if rows.len() < PARTICIPANTS_MAX && seen.insert(person.id.clone()) {
                rows.push(self.tables.person(person));
            }
        }
        (rows.first().copied().filter(|_| has_sender), rows)
    }

    fn call(&self, record: &Value, others: &mut Vec<Person>) -> Call {
        let room = record.get("room").unwrap_or(&Value::Null);
        let mut joined: Vec<&str> = Vec::new();
        for name in ["participant_history", "participants"] {
            let ids = list(room, name).iter().filter_map(Value::as_str);
            joined.extend(ids.filter(|id| !id.is_empty()).take(PARTICIPANTS_MAX));
        }
        joined.sort_unstable();
        joined.dedup();
        others.extend(member(room, "created_by").map(|id| self.directory.person(id, None)));
        others.extend(joined.iter().map(|id| self.directory.person(id, None)));
        let (start, end) = (number(room, "date_start").unwrap_or(0), number(room, "date_end").unwrap_or(0));
        let seconds = end.checked_sub(start).filter(|seconds| start > 0 && *seconds > 0);
        let outcome = if joined.len() > 1 {
            CallOutcome::Answered
        } else if is_true(room, "was_missed") {
            CallOutcome::Missed
        } else {
            CallOutcome::Unknown
        };
        Call { video: false, outcome, duration_ms: seconds.and_then(|seconds| seconds.checked_mul(1_000)) }
    }
}

/// Ids of the people that a text mentions.
fn mentions(record: &Value) -> impl Iterator<Item = &str> {
    let marks = member(record, "text").unwrap_or_default().split("<@").skip(1);
    marks.filter_map(|rest| rest.split(['>', '|']).next()).filter(|id| {
        (2..=crate::limits::SLACK_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

fn extensions(record: &Value, now: &Value, raw: &[u8], files_left_out: usize) -> Vec<(String, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| found.extend(value.map(|value| (name, value)));
    add("subtype", member(record, "subtype").map(str::to_owned));
    add("type", member(record, "type").filter(|kind| *kind != "message").map(str::to_owned));
    add("thread-ts", time_text(record, "thread_ts"));
    add("edited-at", now.get("edited").and_then(|edited| time_text(edited, "ts")));
    add("edited-by", now.get("edited").and_then(|edited| member(edited, "user")).map(str::to_owned));
    add("bot-id", member(record, "bot_id").map(str::to_owned));
    add("client-message-id", member(record, "client_msg_id").map(str::to_owned));
    let counts: Vec<String> = list(record, "reactions")
        .iter()
        .take(256)
        .map(|reaction| {
            let listed = list(reaction, "users").len() as u64;
            let count = number(reaction, "count").unwrap_or(listed);
            format!("{}={count}", cut(member(reaction, "name").unwrap_or("unknown"), 100))
        })
        .collect();
    add("reactions", (!counts.is_empty()).then(|| counts.join(", ")));
    add("files-left-out", (files_left_out > 0).then(|| files_left_out.to_string()));
    add("original-size", (raw.len() > ORIGINAL_BYTES_MAX).then(|| raw.len().to_string()));
    add("text-repaired", std::str::from_utf8(raw).is_err().then(|| "true".to_owned()));
    let short = |(name, value): (&str, String)| (name.to_owned(), cut(&value, EXTENSION_BYTES_MAX).to_owned());
    found.into_iter().map(short).collect()
}

impl Maker<'_> {
    /// The item of a record that belongs to no conversation, as of `integration_logs.json` and `canvases.json`.
    pub(crate) fn of_list(&mut self, record: &Value, raw: &[u8], name: &str) -> Result<Item, Problem> {
        let times = ["ts", "date", "created", "timestamp", "date_create", "date_created", "updated"];
        let written = times.into_iter().find_map(|time| time_text(record, time)).ok_or(Problem::Broken)?;
        let sent_at = clock::milliseconds(&written)?;
        let channel = Channel { id: name.to_owned(), name: Some(name.to_owned()), listing: None, members: Vec::new() };
        let is_file = member(record, "url_private").is_some() || member(record, "mimetype").is_some();
        let event = match name {
            "integration_logs" => Event::Notice,
            _ if is_file => Event::File,
            _ => Event::Other,
        };
        let told = member(record, "user_name").or_else(|| member(record, "username"));
        let user = member(record, "user_id").or_else(|| member(record, "user")).or_else(|| member(record, "creator"));
        let sender = user.map(|id| self.directory.person(id, told));
        let (sender, participants) = self.participants(sender, Vec::new(), &channel);
        let words = ["change_type", "app_type", "service_type", "title", "name", "reason"];
        let mut words: Vec<&str> = words.into_iter().filter_map(|word| member(record, word)).collect();
        words.dedup();
        let own = member(record, "id").map_or_else(|| identity::hash(raw), str::to_owned);
        let size = (raw.len() > ORIGINAL_BYTES_MAX).then(|| ("original-size".to_owned(), raw.len().to_string()));
        Ok(Item {
            id: identity::short(format!("{name}:{own}")),
            sender,
            participants,
            text: (!words.is_empty()).then(|| words.join(", ")),
            attachments: if is_file { vec![files::attachment(record)] } else { Vec::new() },
            original: Some(raw.get(..raw.len().min(ORIGINAL_BYTES_MAX)).unwrap_or_default().to_vec()),
            extensions: size.into_iter().collect(),
            ..self.bare(event, &channel, sent_at)
        })
    }
}
