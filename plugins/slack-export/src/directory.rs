//! Users and conversations: all of them, or as far as one page names them. The lists are read record by record.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use kit::{Conversation, ConversationKind, Error, ErrorKind, Host, Person};
use serde_json::Value;

use crate::{
    layout::{Layout, Listing, Role},
    limits::{NAME_BYTES_MAX, PARTICIPANTS_MAX, SLACK_ID_BYTES_MAX, WANTED_MAX},
    redact,
    splitter::{Found, Place, Splitter},
    value::{is_true, list, name, text},
};

/// A conversation as its list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: Option<String>,
    /// Which list it stands in; none when in no list.
    pub(crate) listing: Option<Listing>,
    /// Ids of its members.
    pub(crate) members: Vec<String>,
}

impl Channel {
    /// A folder that no list names.
    fn unlisted(folder: &str) -> Self {
        Self { id: folder.to_owned(), name: Some(folder.to_owned()), listing: None, members: Vec::new() }
    }
}

/// What a page asks for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Ids that its records hold.
    pub(crate) ids: HashSet<String>,
    /// Folders that its records lie in.
    pub(crate) folders: HashSet<String>,
}

impl Wanted {
    /// Adds every word of a record that may be an id.
    pub(crate) fn add(&mut self, raw: &[u8]) {
        for word in raw.split(|byte| !byte.is_ascii_alphanumeric()) {
            let is_id = (2..=SLACK_ID_BYTES_MAX).contains(&word.len())
                && matches!(word.first(), Some(b'U' | b'W' | b'C' | b'G' | b'D'))
                && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            if let (true, Ok(word)) = (is_id && self.ids.len() < WANTED_MAX, std::str::from_utf8(word)) {
                self.ids.insert(word.to_owned());
            }
        }
    }
}

/// Users and conversations.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    users: HashMap<String, Person>,
    channels: HashMap<String, Rc<Channel>>,
    channel_names: HashMap<String, String>,
    /// What it takes in memory, about.
    bytes: usize,
}

/// What the parts of a map and a record take beside their texts, about.
const RECORD_BYTES: usize = 256;
/// What a text takes beside its bytes.
const TEXT_BYTES: usize = 32;

impl Directory {
    /// Everybody and everything in the lists of the export at `path`; none when that takes more than `bytes_max`.
    pub(crate) fn whole(
        host: &mut dyn Host,
        path: &str,
        layout: &Layout,
        with_public_members: bool,
        bytes_max: usize,
    ) -> Result<Option<Self>, Error> {
        let mut directory = Self::default();
        for entry in &layout.entries {
            let role = layout.role(entry);
            if !matches!(role, Role::Channels(_) | Role::Users) {
                continue;
            }
            let with = |value: &Value| match role {
                _ if directory.bytes > bytes_max => {}
                Role::Channels(listing) => directory.add_channel(listing, value, None, with_public_members),
                _ => directory.add_user(value, None),
            };
            each(host, path, entry.index, |_| true, with)?;
            if directory.bytes > bytes_max {
                return Ok(None);
            }
        }
        Ok(Some(directory))
    }

    /// Reads what a page names out of the lists of the export at `path`.
    pub(crate) fn read(
        host: &mut dyn Host,
        path: &str,
        layout: &Layout,
        mut wanted: Wanted,
        with_public_members: bool,
    ) -> Result<Self, Error> {
        let mut directory = Self::default();
        for entry in &layout.entries {
            if let Role::Channels(listing) = layout.role(entry) {
                let with = |value: &Value| directory.add_channel(listing, value, Some(&wanted), with_public_members);
                each(host, path, entry.index, |_| true, with)?;
            }
        }
        for channel in directory.channels.values() {
            wanted.ids.extend(channel.members.iter().cloned());
        }
        for entry in &layout.entries {
            if layout.role(entry) == Role::Users {
                let is_wanted = |raw: &[u8]| first_id(raw).is_none_or(|id| wanted.ids.contains(id));
                each(host, path, entry.index, is_wanted, |value| directory.add_user(value, Some(&wanted)))?;
            }
        }
        Ok(directory)
    }

    fn add_channel(&mut self, listing: Listing, value: &Value, wanted: Option<&Wanted>, with_public_members: bool) {
        let Some(id) = text(value, "id").and_then(|id| name(id, SLACK_ID_BYTES_MAX)) else { return };
        let folders = [text(value, "name"), text(value, "id"), text(value, "name_normalized")];
        let shown = text(value, "name").and_then(|text| name(text, NAME_BYTES_MAX));
        let is_new = |folder: &&str| {
            wanted.is_none_or(|wanted| wanted.folders.contains(*folder)) && !self.channels.contains_key(*folder)
        };
        let folders: Vec<&str> = folders.into_iter().flatten().filter(is_new).collect();
        if !folders.is_empty() {
            let listing = match listing {
                Listing::Public if is_true(value, "is_im") => Listing::Direct,
                Listing::Public if is_true(value, "is_mpim") => Listing::Group,
                Listing::Public if is_true(value, "is_private") => Listing::Private,
                listing => listing,
            };
            let mut members: Vec<String> = Vec::new();
            let mut seen = HashSet::new();
            let listed = list(value, "members").iter().filter_map(Value::as_str).chain(text(value, "user"));
            let is_told = listing != Listing::Public || with_public_members;
            for member in listed.filter(|_| is_told).filter_map(|id| name(id, SLACK_ID_BYTES_MAX)) {
                if members.len() < PARTICIPANTS_MAX && seen.insert(member.clone()) {
                    members.push(member);
                }
            }
            self.bytes += RECORD_BYTES + members.iter().map(|member| TEXT_BYTES + member.len()).sum::<usize>();
            let channel = Rc::new(Channel { id: id.clone(), name: shown.clone(), listing: Some(listing), members });
            for folder in folders {
                self.bytes += TEXT_BYTES + folder.len();
                self.channels.insert(folder.to_owned(), Rc::clone(&channel));
            }
        }
        if let (true, Some(shown)) = (wanted.is_none_or(|wanted| wanted.ids.contains(&id)), shown) {
            self.bytes += RECORD_BYTES + id.len() + shown.len();
            self.channel_names.entry(id).or_insert(shown);
        }
    }

    fn add_user(&mut self, value: &Value, wanted: Option<&Wanted>) {
        let is_wanted = |id: &&str| wanted.is_none_or(|wanted| wanted.ids.contains(*id));
        let Some(id) = text(value, "id").filter(is_wanted) else { return };
        let profile = value.get("profile").unwrap_or(&Value::Null);
        let names =
            [text(profile, "real_name"), text(value, "real_name"), text(profile, "display_name"), text(value, "name")];
        let filled = |text: &str| name(text, NAME_BYTES_MAX);
        let digits: String = text(profile, "phone").unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        let is_bot = is_true(value, "is_bot") || id == "USLACKBOT";
        let flags =
            [("bot", is_bot), ("deleted", is_true(value, "deleted")), ("guest", is_true(value, "is_restricted"))];
        let mut extensions: Vec<(String, String)> = flags
            .into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(flag, _)| (flag.to_owned(), "true".to_owned()))
            .collect();
        if let Some(handle) = text(value, "name").and_then(filled) {
            extensions.push(("user-name".to_owned(), handle));
        }
        let person = Person {
            id: id.to_owned(),
            name: names.into_iter().flatten().find_map(filled),
            phone: (!digits.is_empty()).then_some(digits).filter(|digits| digits.len() <= 32),
            email: text(profile, "email").or_else(|| text(value, "email")).and_then(filled),
            internal: !is_bot && !is_true(value, "is_stranger"),
            extensions,
        };
        match self.users.get_mut(id) {
            None => {
                let texts = [&person.name, &person.phone, &person.email].into_iter().flatten().map(String::len);
                self.bytes += 2 * RECORD_BYTES + 2 * person.id.len() + texts.sum::<usize>();
                self.users.insert(person.id.clone(), person);
            }
            // `users.json` and `org_users.json` may both name somebody, one of them without the address.
            Some(known) if known.email.is_none() => known.email = person.email,
            Some(_) => {}
        }
    }

    /// The conversation of a folder.
    pub(crate) fn channel(&self, folder: &str) -> Rc<Channel> {
        self.channels.get(folder).cloned().unwrap_or_else(|| Rc::new(Channel::unlisted(folder)))
    }

    /// Somebody; with the name that a record tells where no list knows them.
    pub(crate) fn person(&self, id: &str, told: Option<&str>) -> Person {
        self.users.get(id).cloned().unwrap_or_else(|| Person {
            id: name(id, NAME_BYTES_MAX).unwrap_or_else(|| "unknown".to_owned()),
            name: told.and_then(|told| name(told, NAME_BYTES_MAX)),
            ..Person::default()
        })
    }

    /// The name of a user.
    pub(crate) fn user_name(&self, id: &str) -> Option<&str> {
        self.users.get(id)?.name.as_deref()
    }

    /// The name of a channel.
    pub(crate) fn channel_name(&self, id: &str) -> Option<&str> {
        self.channel_names.get(id).map(String::as_str)
    }

    /// A conversation as a page shows it.
    pub(crate) fn conversation(&self, channel: &Channel) -> Conversation {
        let kind = match channel.listing {
            Some(Listing::Public | Listing::Private) => ConversationKind::Channel,
            Some(Listing::Direct) => ConversationKind::Direct,
            Some(Listing::Group) => ConversationKind::Group,
            None => ConversationKind::Other,
        };
        let by_members = matches!(channel.listing, Some(Listing::Direct | Listing::Group));
        let names: Vec<&str> =
            channel.members.iter().take(20).map(|member| self.user_name(member).unwrap_or(member)).collect();
        let title = if by_members && !names.is_empty() { name(&names.join(", "), NAME_BYTES_MAX) } else { None };
        let visibility = (channel.listing == Some(Listing::Private)).then(|| ("visibility".into(), "private".into()));
        Conversation {
            id: name(&channel.id, NAME_BYTES_MAX).unwrap_or_else(|| "unnamed".to_owned()),
            kind,
            title: title.or_else(|| channel.name.clone()),
            extensions: visibility.into_iter().collect(),
        }
    }
}

/// Every whole record of a list. What is broken in it is reported where the list itself is walked through.
fn each(
    host: &mut dyn Host,
    path: &str,
    entry: u32,
    is_wanted: impl Fn(&[u8]) -> bool,
    mut with: impl FnMut(&Value),
) -> Result<(), Error> {
    let mut splitter = Splitter::new(host, path, entry, Place::default());
    loop {
        match splitter.next() {
            Ok(Found::Record(raw)) if !is_wanted(&raw) => {}
            Ok(Found::Record(raw)) => {
                if let Some(value) = parse(&redact::bytes(raw)) {
                    with(&value);
                }
            }
            Ok(Found::End) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_damage(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// The id of a record that begins with it, as Slack writes users: tells without reading on that nobody asks for it.
fn first_id(raw: &[u8]) -> Option<&str> {
    let rest = raw.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"id\"")?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let id = rest.get(..memchr::memchr(b'"', rest)?)?;
    std::str::from_utf8(id).ok().filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// A record's JSON; bytes that are no UTF-8 are replaced.
pub(crate) fn parse(raw: &[u8]) -> Option<Value> {
    serde_json::from_slice(raw).ok().or_else(|| serde_json::from_str(&String::from_utf8_lossy(raw)).ok())
}

/// Whether one entry of the archive cannot be unpacked, and the others may.
pub(crate) fn is_damage(error: &Error) -> bool {
    error.kind == ErrorKind::Rejected && error.code.starts_with("zip-")
}
