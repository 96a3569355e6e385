//! Whose account an export is of.
//!
//! Telegram counts messages of direct chats and small groups per account: the same number is another message in another's
//! export. So their ids begin with the owner, and without one there is a question instead of an id that clashes.

use kit::{Error, Person};
use serde_json::Value;

use crate::{
    contacts::digits,
    limits::LOOK_AHEAD_BYTES_MAX,
    people::sender,
    place::{Exporter, Header, Level, Place, short},
    repair,
    settings::{Named, Settings, wrong},
    value::{natural, text},
    walk::{Found, Walker},
};

/// Whose account it is, as far as known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// `user123`.
    pub(crate) id: Option<String>,
    /// E-mail address, from the settings.
    pub(crate) address: Option<String>,
    /// Display name.
    pub(crate) name: Option<String>,
    /// Phone, digits.
    pub(crate) phone: Option<String>,
}

impl Owner {
    /// What the settings say of this file's owner, and what the export says.
    pub(crate) fn of(settings: &Settings, path: &str, exporter: Option<&Exporter>) -> Result<Self, Error> {
        let mut owner = Self::default();
        if let Some(exporter) = exporter {
            owner.id = Some(exporter.id.clone());
            (owner.name, owner.phone) = (exporter.name.clone(), exporter.phone.clone());
        }
        match settings.owner_of(path)? {
            Some(Named::Id(id)) => {
                if let Some(other) = owner.id.filter(|other| *other != id) {
                    return Err(wrong(
                        "owner-mismatch",
                        format!("`{path}` is an export of `{other}`, but `owner` says `{id}`"),
                        "correct `owner`, or move the export into the folder of whom it is of",
                    ));
                }
                owner.id = Some(id);
            }
            Some(Named::Address(address)) => owner.address = Some(address),
            None => {}
        }
        Ok(owner)
    }

    /// What ids that are counted per account begin with.
    pub(crate) fn prefix(&self) -> Option<&str> {
        self.address.as_deref().or(self.id.as_deref())
    }

    /// The owner as a person.
    pub(crate) fn person(&self) -> Option<Person> {
        let id = self.id.clone().or_else(|| self.address.clone())?;
        Some(Person {
            id,
            name: self.name.clone(),
            phone: self.phone.clone(),
            email: self.address.clone(),
            ..Person::default()
        })
    }
}

/// The question for an owner.
pub(crate) fn needed(path: &str) -> Error {
    wrong(
        "owner-needed",
        format!(
            "`{path}` does not tell whose account it is of, and its message numbers are unique in that account only"
        ),
        "set `owner = \"anna@example.com\"`, or `owner = { from = \"folder\" }` and put each export into a folder as `inbox/anna@example.com/`",
    )
}

/// The owner as `personal_information` tells.
pub(crate) fn of_personal_information(value: &Value) -> Option<Exporter> {
    let id = natural(value, "user_id")?;
    let names: Vec<&str> = ["first_name", "last_name"].into_iter().filter_map(|part| text(value, part)).collect();
    Some(Exporter {
        id: format!("user{id}"),
        name: short(&names.join(" ")),
        phone: text(value, "phone_number").and_then(digits),
    })
}

/// True for a chat in which everybody but the other one is the owner.
fn is_pair(header: &Header) -> bool {
    matches!(header.kind.as_deref(), Some("personal_chat" | "bot_chat"))
}

/// True when the messages of the chat may tell the owner that nothing before told.
pub(crate) fn may_be_learned(place: &Place) -> bool {
    let kind = place.header.kind.as_deref();
    place.exporter.is_none()
        && !place.header.is_searched
        && place.levels.last() == Some(&Level::Messages)
        && (is_pair(&place.header) || kind == Some("saved_messages"))
}

/// Looks for the owner in the chat that `place` is in; the walker stands where it stood.
pub(crate) fn learn(walker: &mut Walker<'_>, place: &Place) -> Result<Option<Exporter>, Error> {
    let Some(peer) = place.header.id.map(|id| format!("user{id}")) else { return Ok(None) };
    if !is_pair(&place.header) {
        return Ok(Some(Exporter { id: peer, name: None, phone: None }));
    }
    let after = walker.place.clone();
    walker.go_to(place.clone());
    let mut found = None;
    while found.is_none()
        && walker.place.levels.len() >= place.levels.len()
        && walker.place.offset.saturating_sub(place.offset) < LOOK_AHEAD_BYTES_MAX
    {
        if let Found::Record(raw) = walker.step()? {
            let other = repair::parse(&raw).as_ref().and_then(sender);
            found = other.filter(|(id, _)| *id != peer && id.starts_with("user")).map(|(id, name)| Exporter {
                id,
                name,
                phone: None,
            });
        }
    }
    walker.go_to(after);
    Ok(found)
}
