//! A post with its replies and reactions, as items.

use std::collections::BTreeSet;

use kit::{Attachment, Conversation, ConversationKind, Error, Event, Host, Item, Reference, Tables};
use serde_json::Value;

use crate::{
    cursor::Cursor,
    directory::{Directory, cut},
    export::Export,
    settings::Settings,
};

/// People of one item; beyond, only those who wrote or are mentioned take part.
const PEOPLE_MAX: usize = 4_000;
/// Files of one post.
const FILES_MAX: usize = 250;
/// Bytes of a record that are kept.
const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// Believed: 1970 to 9999.
const TIME_MAX_MS: i64 = 253_402_207_200_000;

/// Where posts are, and who takes part in all of them.
pub(crate) struct Place {
    conversation: Conversation,
    members: Vec<String>,
}

/// What a post needs from around it.
pub(crate) struct Around<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) export: &'a Export,
    pub(crate) settings: &'a Settings,
}

/// A post that is none: what is wrong with it.
pub(crate) type Broken = &'static str;

/// A text of a member that is one and says something.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn time(value: &Value, name: &str) -> Option<i64> {
    value.get(name)?.as_i64().filter(|at| (1..=TIME_MAX_MS).contains(at))
}

/// A reaction that can be an item.
struct Reaction<'a> {
    at: i64,
    user: String,
    emoji: String,
    record: &'a Value,
}

impl<'a> Reaction<'a> {
    fn of(record: &'a Value) -> Result<Self, Broken> {
        Ok(Self {
            at: time(record, "create_at").ok_or("a reaction has no usable `create_at`")?,
            user: cut(text(record, "user").ok_or("a reaction has no `user`")?),
            emoji: cut(text(record, "emoji_name").ok_or("a reaction has no `emoji_name`")?),
            record,
        })
    }
}

impl Around<'_> {
    /// Where a post of a channel is.
    pub(crate) fn of_channel(&self, post: &Value) -> Result<Place, Broken> {
        let team = text(post, "team").ok_or("it has no `team`")?;
        let name = text(post, "channel").ok_or("it has no `channel`")?;
        let channel = self.directory.channel(team, name);
        let all = channel.filter(|channel| !channel.is_public || self.settings.public_channel_members);
        let members =
            all.map_or_else(Vec::new, |channel| channel.members.iter().map(|name| (**name).to_owned()).collect());
        Ok(Place { conversation: self.directory.conversation(&cut(team), &cut(name)), members })
    }

    /// Where a direct post is.
    pub(crate) fn of_direct(&self, post: &Value) -> Result<Place, Broken> {
        let names: BTreeSet<&str> = list(post, "channel_members").iter().filter_map(Value::as_str).collect();
        if names.is_empty() {
            return Err("it has no `channel_members`");
        }
        let members: Vec<String> = names.into_iter().map(cut).collect();
        let kind = if members.len() > 2 { ConversationKind::Group } else { ConversationKind::Direct };
        let shown: Vec<String> =
            members.iter().map(|name| self.directory.person(name).name.unwrap_or_else(|| name.clone())).collect();
        let conversation = Conversation {
            id: cut(&format!("direct/{}", members.join("+"))),
            kind,
            title: Some(cut(&shown.join(", "))),
            extensions: vec![("network".to_owned(), "Mattermost".to_owned())],
        };
        Ok(Place { conversation, members })
    }

    /// The items of a post: itself, its reactions, its replies and theirs. `skip` of them were given before; at most `max` more
    /// are made. True when there are no more.
    pub(crate) fn items(
        &self,
        host: &mut dyn Host,
        place: &Place,
        post: &Value,
        cursor: &mut Cursor,
        tables: &mut Tables,
        (skip, max): (usize, usize),
    ) -> Result<(Vec<Item>, Vec<Broken>, bool), Error> {
        let (mut items, mut broken, mut number) = (Vec::new(), Vec::new(), 0);
        let mut root = None;
        for (place_in_thread, message) in std::iter::once(post).chain(list(post, "replies")).enumerate() {
            let is_root = place_in_thread == 0;
            let (reference, sender) = match self.known(place, message, cursor) {
                Ok(known) => known,
                Err(why) => {
                    broken.push(why);
                    continue;
                }
            };
            if is_root {
                root = Some(reference.clone());
            }
            for part in 0..=list(message, "reactions").len() {
                let reaction = part.checked_sub(1).and_then(|at| list(message, "reactions").get(at));
                let reaction = match reaction.map(Reaction::of).transpose() {
                    Ok(reaction) => reaction,
                    Err(why) => {
                        broken.push(why);
                        continue;
                    }
                };
                if number >= skip && items.len() == max {
                    return Ok((items, broken, false));
                }
                number += 1;
                if number <= skip {
                    continue;
                }
                if let Some(reaction) = reaction {
                    items.push(self.reaction(place, reaction, &reference, tables));
                } else {
                    let refers_to = root.clone().filter(|_| !is_root);
                    items.push(self.message(host, place, message, (&reference, &sender), refers_to, tables)?);
                }
            }
        }
        Ok((items, broken, true))
    }

    /// A message's identity, and who wrote it. Exports have no ids: place, time and author are what stays.
    fn known(&self, place: &Place, message: &Value, cursor: &mut Cursor) -> Result<(Reference, String), Broken> {
        let at = time(message, "create_at").ok_or("it has no usable `create_at`")?;
        let user = cut(text(message, "user").ok_or("it has no `user`")?);
        let plain = format!("{}:{at}:{user}", place.conversation.id);
        let end = plain.floor_char_boundary(480);
        let base = plain.get(..end).unwrap_or_default().to_owned();
        let id = match cursor.ordinal(&base) {
            0 => base,
            ordinal => format!("{base}:{ordinal}"),
        };
        let edited_s = time(message, "edit_at").and_then(|at| u32::try_from(at / 1_000).ok());
        let reference = Reference { id, event: event(message), revision: edited_s.unwrap_or_default() };
        Ok((reference, user))
    }

    fn message(
        &self,
        host: &mut dyn Host,
        place: &Place,
        message: &Value,
        (known, user): (&Reference, &str),
        refers_to: Option<Reference>,
        tables: &mut Tables,
    ) -> Result<Item, Error> {
        let words = text(message, "message");
        let mut attachments: Vec<Attachment> = Vec::new();
        for file in list(message, "attachments").iter().take(FILES_MAX) {
            if let Some(path) = text(file, "path") {
                attachments.push(self.export.file(host, path)?);
            }
        }
        let mut extensions = Vec::new();
        for name in ["type", "edit_at", "delete_at", "is_pinned"] {
            match message.get(name) {
                Some(Value::String(value)) if !value.is_empty() => {
                    extensions.push((name.replace('_', "-"), cut(value)))
                }
                Some(Value::Number(value)) if value.as_i64() != Some(0) => {
                    extensions.push((name.replace('_', "-"), value.to_string()));
                }
                Some(Value::Bool(true)) => extensions.push((name.replace('_', "-"), "true".to_owned())),
                _ => {}
            }
        }
        let left_out = list(message, "attachments").len().saturating_sub(FILES_MAX);
        if left_out > 0 {
            extensions.push(("files-left-out".to_owned(), left_out.to_string()));
        }
        let mentioned = words.into_iter().flat_map(mentions).filter(|name| self.directory.knows(name));
        let (sender, participants) = self.people(place, user, mentioned.map(str::to_owned), tables);
        Ok(Item {
            id: known.id.clone(),
            event: known.event,
            revision: known.revision,
            conversation: tables.conversation(place.conversation.clone()),
            sender: Some(sender),
            owner: None,
            participants,
            direction: None,
            sent_at: time(message, "create_at").unwrap_or_default(),
            zone: None,
            text: words.map(str::to_owned),
            previous_text: None,
            refers_to,
            call: None,
            attachments,
            original: Some(original(message)),
            extensions,
        })
    }

    fn reaction(&self, place: &Place, reaction: Reaction<'_>, to: &Reference, tables: &mut Tables) -> Item {
        let Reaction { at, user, emoji, record } = reaction;
        let (sender, participants) = self.people(place, &user, std::iter::empty(), tables);
        let id = format!("{}:reaction:{emoji}:{user}", to.id);
        Item {
            id: id.get(..id.floor_char_boundary(510)).unwrap_or_default().to_owned(),
            event: Event::Reaction,
            revision: 0,
            conversation: tables.conversation(place.conversation.clone()),
            sender: Some(sender),
            owner: None,
            participants,
            direction: None,
            sent_at: at,
            zone: None,
            text: Some(format!(":{emoji}:")),
            previous_text: None,
            refers_to: Some(to.clone()),
            call: None,
            attachments: Vec::new(),
            original: Some(original(record)),
            extensions: Vec::new(),
        }
    }

    /// The author's row, and those of all who take part.
    fn people(
        &self,
        place: &Place,
        user: &str,
        mentioned: impl Iterator<Item = String>,
        tables: &mut Tables,
    ) -> (u32, Vec<u32>) {
        let members = if place.members.len() > PEOPLE_MAX { &[][..] } else { &place.members };
        // In the order of their names, whatever else is on the page: the same item gives the same message.
        let mut names: BTreeSet<String> = members.iter().cloned().chain(mentioned).take(PEOPLE_MAX).collect();
        names.insert(user.to_owned());
        let rows = names.iter().map(|name| tables.person(self.directory.person(name))).collect();
        (tables.person(self.directory.person(user)), rows)
    }
}

/// What happened, as the type of a post says it.
fn event(message: &Value) -> Event {
    const MEMBERSHIP: [&str; 10] =
        ["join", "leave", "add_", "remove_", "channel", "team", "header", "displayname", "purpose", "guest"];
    match text(message, "type") {
        None => Event::Message,
        Some(kind) => match kind.strip_prefix("system_") {
            Some(system) if MEMBERSHIP.iter().any(|word| system.contains(word)) => Event::Membership,
            Some(_) => Event::Notice,
            // Posts of integrations: `slack_attachment`, `me`, `custom_…`.
            None => Event::Message,
        },
    }
}

/// Who a text names with `@`.
fn mentions(text: &str) -> impl Iterator<Item = &str> {
    text.split('@').skip(1).map(|rest| {
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default().trim_end_matches('.')
    })
}

/// The record without what becomes items of its own.
fn original(record: &Value) -> Vec<u8> {
    let mut bytes = match record {
        Value::Object(members) => {
            let own = members.iter().filter(|(name, _)| !matches!(name.as_str(), "replies" | "reactions"));
            let own: serde_json::Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
            serde_json::to_vec(&own).unwrap_or_default()
        }
        other => serde_json::to_vec(other).unwrap_or_default(),
    };
    bytes.truncate(ORIGINAL_BYTES_MAX);
    bytes
}
