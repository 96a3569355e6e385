//! Users and channels of an export, which stand before its posts. Every page needs them, wherever it begins: they are read again
//! when an instance does not have them, and kept in memory as long as it reads the same export.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use kit::{Conversation, ConversationKind, Error, Host, Person};
use serde::Deserialize;

use crate::export::{Export, Lines};

/// Who and where.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    users: HashMap<String, User>,
    /// By team and name.
    channels: HashMap<String, Channel>,
}

#[derive(Debug, Default)]
struct User {
    name: Option<String>,
    email: Option<String>,
}

/// A channel.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    title: Option<String>,
    /// Anybody of the team may join.
    pub(crate) is_public: bool,
    /// Names of its users when the export was made.
    pub(crate) members: Vec<Rc<str>>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "type")]
    kind: String,
    user: Option<UserRow>,
    channel: Option<ChannelRow>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct UserRow {
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    nickname: String,
    teams: Option<Vec<TeamRow>>,
}

#[derive(Deserialize)]
struct TeamRow {
    name: String,
    channels: Option<Vec<NameRow>>,
}

#[derive(Deserialize)]
struct NameRow {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChannelRow {
    team: String,
    name: String,
    display_name: String,
    #[serde(rename = "type")]
    kind: String,
}

thread_local! {
    /// The last export's, by its path and the account of bytes before its first post.
    static LAST: RefCell<Option<(String, Rc<Directory>)>> = const { RefCell::new(None) };
}

/// Types of lines that hold posts: the directory is complete before the first of them.
const POSTS: [&str; 2] = ["post", "direct_post"];

impl Directory {
    /// The export's.
    pub(crate) fn of(host: &mut dyn Host, export: &Export, key: &str, is_first_page: bool) -> Result<Rc<Self>, Error> {
        // A file of the same path may be another one by now: the first page always reads anew.
        let kept =
            LAST.with_borrow(|last| last.as_ref().filter(|(of, _)| of == key).map(|(_, known)| Rc::clone(known)));
        if let Some(known) = kept.filter(|_| !is_first_page) {
            return Ok(known);
        }
        let directory = Rc::new(Self::read(host, export)?);
        LAST.set(Some((key.to_owned(), Rc::clone(&directory))));
        Ok(directory)
    }

    fn read(host: &mut dyn Host, export: &Export) -> Result<Self, Error> {
        let mut directory = Self::default();
        let mut names: HashSet<Rc<str>> = HashSet::new();
        let mut lines = Lines::new(export, 0);
        while let Some(line) = lines.next(host)? {
            // What cannot be read is said where lines are read for their posts.
            let Ok(row) = serde_json::from_slice::<Row>(&line.bytes) else { continue };
            if POSTS.contains(&row.kind.as_str()) {
                break;
            }
            if let Some(channel) = row.channel.filter(|_| row.kind == "channel") {
                let known = directory.channels.entry(format!("{}/{}", channel.team, channel.name)).or_default();
                known.title = Some(channel.display_name).filter(|title| !title.is_empty());
                known.is_public = channel.kind == "O";
            }
            if let Some(user) = row.user.filter(|_| row.kind == "user") {
                let name: Rc<str> = user.username.as_str().into();
                let name = names.get(&name).cloned().unwrap_or(name);
                names.insert(Rc::clone(&name));
                for team in user.teams.unwrap_or_default() {
                    for channel in team.channels.unwrap_or_default() {
                        let channel = directory.channels.entry(format!("{}/{}", team.name, channel.name)).or_default();
                        channel.members.push(Rc::clone(&name));
                    }
                }
                let full = format!("{} {}", user.first_name, user.last_name);
                let shown =
                    [full.trim(), user.nickname.trim()].into_iter().find(|name| !name.is_empty()).map(str::to_owned);
                let email = Some(user.email).filter(|email| !email.is_empty());
                directory.users.insert(user.username, User { name: shown, email });
            }
        }
        Ok(directory)
    }

    /// Whether a line of a user or a channel can be read.
    pub(crate) fn reads(line: &[u8]) -> bool {
        let row = serde_json::from_slice::<Row>(line);
        row.is_ok_and(|row| match row.kind.as_str() {
            "user" => row.user.is_some_and(|user| !user.username.is_empty()),
            "channel" => row.channel.is_some_and(|channel| !channel.name.is_empty()),
            _ => true,
        })
    }

    /// A user as a person.
    pub(crate) fn person(&self, username: &str) -> Person {
        let user = self.users.get(username);
        Person {
            id: username.to_owned(),
            name: user.and_then(|user| user.name.as_deref().map(cut)),
            phone: None,
            email: user.and_then(|user| user.email.as_deref().map(cut)),
            internal: user.is_some(),
            extensions: Vec::new(),
        }
    }

    /// Whether there is such a user.
    pub(crate) fn knows(&self, username: &str) -> bool {
        self.users.contains_key(username)
    }

    /// A channel, if the export has it.
    pub(crate) fn channel(&self, team: &str, name: &str) -> Option<&Channel> {
        self.channels.get(&format!("{team}/{name}"))
    }

    /// A channel as a conversation.
    pub(crate) fn conversation(&self, team: &str, name: &str) -> Conversation {
        let title = self.channel(team, name).and_then(|channel| channel.title.as_deref()).unwrap_or(name);
        let extensions = vec![("network".to_owned(), "Mattermost".to_owned()), ("team".to_owned(), cut(team))];
        Conversation {
            id: format!("{team}/{name}"),
            kind: ConversationKind::Channel,
            title: Some(cut(title)),
            extensions,
        }
    }
}

/// A name, cut where it is longer than anybody reads.
pub(crate) fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(1_000)).unwrap_or_default().to_owned()
}
