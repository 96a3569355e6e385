//! The settings: what was written, what it means.

use jiff::tz::TimeZone;
use kit::{Error, ErrorKind};
use serde::Deserialize;

use crate::{
    dates::{Calendar, Order},
    pins::Pin,
};

/// The settings' schema, as `describe` gives it.
pub(crate) const SCHEMA: &str = include_str!("settings.schema.json");

/// As written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: String,
    owner: WrittenOwner,
    zone: Option<String>,
    owner_name: Option<String>,
    date_order: Option<String>,
    calendar: Option<String>,
    conversation: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenOwner {
    Address(String),
    From { from: String },
}

/// Whose phone an export came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This address.
    Address(String),
    /// The name of the folder the file lies in is the address.
    Folder,
}

/// What the operator says a chat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KindSetting {
    /// Look at the file.
    Auto,
    /// Two people.
    Direct,
    /// A group.
    Group,
}

/// What the settings mean.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Folder or file.
    pub(crate) path: String,
    /// Whose phone.
    pub(crate) owner: Owner,
    /// The owner's name in the chat.
    pub(crate) owner_name: Option<String>,
    /// Where the phone was.
    pub(crate) zone: TimeZone,
    /// The zone's name as written.
    pub(crate) zone_name: String,
    /// False when the zone is only assumed.
    pub(crate) zone_is_set: bool,
    /// The order of dates where a file leaves it open.
    pub(crate) date_order: Option<Order>,
    /// The calendar of years with two digits; none: as before, else Gregorian.
    pub(crate) calendar: Option<Calendar>,
    /// The chat's title, instead of the file's name.
    pub(crate) conversation: Option<String>,
    /// What the chat is.
    pub(crate) kind: KindSetting,
}

impl Settings {
    /// Reads the settings' JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let written: Written = serde_json::from_str(text).map_err(|error| {
            wrong(
                "settings",
                format!("the source's settings cannot be read: {error}"),
                "compare them with `chancery plugin inspect whatsapp-export`",
            )
        })?;
        let zone_name = written.zone.clone().unwrap_or_else(|| "UTC".to_owned());
        let zone = TimeZone::get(&zone_name).map_err(|_| {
            wrong(
                "unknown-zone",
                format!("`zone = \"{zone_name}\"` is no zone of the IANA list"),
                "use a name as `Europe/Berlin` or `UTC`",
            )
        })?;
        let date_order = match written.date_order.as_deref() {
            None => None,
            Some(name) => Some(Order::ALL.into_iter().find(|order| order.name() == name).ok_or_else(|| {
                wrong(
                    "settings",
                    format!("`date_order = \"{name}\"` is no order of dates"),
                    "use \"dmy\", \"mdy\" or \"ymd\"",
                )
            })?),
        };
        let calendar = match written.calendar.as_deref() {
            None => None,
            Some(name) => {
                Some(Calendar::ALL.into_iter().find(|calendar| calendar.name() == name).ok_or_else(|| {
                    wrong(
                        "settings",
                        format!("`calendar = \"{name}\"` is not known"),
                        "use \"gregorian\" or \"buddhist\"",
                    )
                })?)
            }
        };
        let kind = match written.kind.as_deref() {
            None | Some("auto") => KindSetting::Auto,
            Some("direct") => KindSetting::Direct,
            Some("group") => KindSetting::Group,
            Some(name) => {
                return Err(wrong(
                    "settings",
                    format!("`kind = \"{name}\"` is not known"),
                    "use \"auto\", \"direct\" or \"group\"",
                ));
            }
        };
        let owner = match written.owner {
            WrittenOwner::Address(address) if is_address(address.trim()) => Owner::Address(address.trim().to_owned()),
            WrittenOwner::From { from } if from == "folder" => Owner::Folder,
            WrittenOwner::Address(_) | WrittenOwner::From { .. } => {
                return Err(wrong(
                    "owner-not-an-address",
                    "`owner` is neither an e-mail address nor `{ from = \"folder\" }`".to_owned(),
                    "write `owner = \"anna@example.com\"`, or `owner = { from = \"folder\" }` and put each export into `inbox/<address>/`",
                ));
            }
        };
        let filled = |text: Option<String>| text.map(|text| crate::chars::clean(&text)).filter(|text| !text.is_empty());
        Ok(Self {
            path: written.path,
            owner,
            owner_name: filled(written.owner_name),
            zone,
            zone_is_set: written.zone.is_some(),
            zone_name,
            date_order,
            calendar,
            conversation: filled(written.conversation),
            kind,
        })
    }

    /// The calendar of a conversation's two-digit years.
    pub(crate) fn calendar_of(&self, pinned: Option<Pin>) -> Calendar {
        self.calendar.or(pinned.and_then(|pin| pin.short_years)).unwrap_or_default()
    }

    /// The address of the owner of this file.
    pub(crate) fn owner_of(&self, path: &str) -> Result<String, Error> {
        match &self.owner {
            Owner::Address(address) => Ok(address.clone()),
            Owner::Folder => {
                let folder = path.rsplit('/').nth(1).unwrap_or_default().trim();
                if is_address(folder) {
                    return Ok(folder.to_owned());
                }
                Err(wrong(
                    "owner-not-an-address",
                    format!("the folder of `{path}` is not named after its owner's address"),
                    "put the file into a folder as `inbox/anna@example.com/`, or set `owner = \"anna@example.com\"`",
                ))
            }
        }
    }
}

/// True for what can be an e-mail address; the destination's directory judges the rest.
fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'))
}

/// An error that a person mends in the configuration.
fn wrong(code: &str, message: String, hint: &str) -> Error {
    Error::new(ErrorKind::Misconfigured, code, message).hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn settings_are_refused_with_a_code() {
        for (text, code) in [
            ("{}", "settings"),
            (r#"{"path":"inbox","owner":"anna@example.com","surprise":1}"#, "settings"),
            (r#"{"path":"inbox","owner":"anna"}"#, "owner-not-an-address"),
            (r#"{"path":"inbox","owner":{"from":"moon"}}"#, "owner-not-an-address"),
            (r#"{"path":"inbox","owner":"a@b","zone":"Mars/North"}"#, "unknown-zone"),
            (r#"{"path":"inbox","owner":"a@b","date_order":"dym"}"#, "settings"),
            (r#"{"path":"inbox","owner":"a@b","calendar":"mayan"}"#, "settings"),
            (r#"{"path":"inbox","owner":"a@b","kind":"mob"}"#, "settings"),
        ] {
            let error = Settings::parse(text).unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, code), "{text}");
            assert!(error.hint.is_some(), "{text}");
        }
    }

    #[test]
    fn the_owner_may_come_from_the_folder() {
        let settings = Settings::parse(r#"{"path":"inbox","owner":{"from":"folder"}}"#).unwrap();
        assert_eq!(settings.owner_of("inbox/anna@example.com/chat.zip").unwrap(), "anna@example.com");
        assert_eq!(settings.owner_of("inbox/chat.zip").unwrap_err().code, "owner-not-an-address");
        assert_eq!(settings.owner_of("chat.zip").unwrap_err().code, "owner-not-an-address");
    }
}
