//! What the operator set.

use jiff::tz::TimeZone;
use kit::{Error, ErrorKind};
use serde::Deserialize;

/// Text of its own, not built from a JSON value: the same bytes in every build.
pub(crate) const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "path": {
      "type": "string",
      "title": "Folder",
      "description": "The folder that exports are put into, each as the folder Telegram Desktop made: result.json with its files beside it.",
      "minLength": 1
    },
    "owner": {
      "title": "Owner",
      "description": "Whose account the exports are of: an e-mail address, a user id (user123456789), or { from = \"folder\" } when each export lies in a folder named after either.",
      "oneOf": [
        { "type": "string", "minLength": 3 },
        { "type": "object", "properties": { "from": { "type": "string", "enum": ["folder"] } }, "required": ["from"] }
      ]
    },
    "zone": {
      "type": "string",
      "title": "Time zone of the computer",
      "description": "IANA name, as Europe/Berlin, of the computer that made the exports. Needed where an old export holds local times only."
    },
    "account": {
      "type": "string",
      "title": "Account",
      "description": "A name for all that is read here, part of every item's identity; never change it once items were archived.",
      "default": "telegram",
      "minLength": 1,
      "maxLength": 128
    }
  },
  "required": ["path"]
}"#;

/// As written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: String,
    owner: Option<WrittenOwner>,
    zone: Option<String>,
    account: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenOwner {
    Named(String),
    From { from: String },
}

/// Somebody, as an operator names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// An e-mail address.
    Address(String),
    /// `user123`.
    Id(String),
}

/// Whose account the exports are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This one's.
    Named(Named),
    /// The name of a folder the file lies in says it.
    Folder,
}

/// The settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The folder of exports.
    pub(crate) path: String,
    /// The account's id; part of every item's identity.
    pub(crate) account: String,
    /// Whose exports they are, where that is set.
    pub(crate) owner: Option<Owner>,
    /// Where the exporting computer was, and the zone's name as written.
    pub(crate) zone: Option<(TimeZone, String)>,
}

impl Settings {
    /// Reads the settings; `misconfigured` with what to change otherwise.
    pub(crate) fn parse(settings: &str) -> Result<Self, Error> {
        let written: Written = serde_json::from_str(settings).map_err(|problem| {
            wrong(
                "settings-invalid",
                format!("the settings of `telegram-export` cannot be used: {problem}"),
                "see the settings with `chancery plugin inspect telegram-export`",
            )
        })?;
        let account = written.account.unwrap_or_else(|| "telegram".to_owned());
        if written.path.is_empty() || account.is_empty() {
            return Err(wrong(
                "settings-invalid",
                "the settings `path` and `account` must not be empty".to_owned(),
                "see the settings with `chancery plugin inspect telegram-export`",
            ));
        }
        let zone = match written.zone {
            None => None,
            Some(name) => match TimeZone::get(&name) {
                Ok(zone) => Some((zone, name)),
                Err(_) => {
                    return Err(wrong(
                        "unknown-zone",
                        format!("`zone = \"{}\"` is no zone of the IANA list", name.escape_debug()),
                        "use a name as `Europe/Berlin` or `UTC`",
                    ));
                }
            },
        };
        let owner = match written.owner {
            None => None,
            Some(WrittenOwner::From { from }) if from == "folder" => Some(Owner::Folder),
            Some(WrittenOwner::Named(text)) => Some(Owner::Named(named(&text).ok_or_else(owner_unknown)?)),
            Some(WrittenOwner::From { .. }) => return Err(owner_unknown()),
        };
        Ok(Self { path: written.path, account, owner, zone })
    }

    /// Who is set as the owner of this file.
    pub(crate) fn owner_of(&self, path: &str) -> Result<Option<Named>, Error> {
        match &self.owner {
            None => Ok(None),
            Some(Owner::Named(named)) => Ok(Some(named.clone())),
            Some(Owner::Folder) => path.rsplit('/').skip(1).find_map(named).map(Some).ok_or_else(|| {
                wrong(
                    "owner-unknown",
                    format!("no folder of `{path}` is named after an e-mail address or a user id"),
                    "put the export into a folder as `inbox/anna@example.com/`, or set `owner = \"anna@example.com\"`",
                )
            }),
        }
    }
}

fn owner_unknown() -> Error {
    wrong(
        "owner-unknown",
        "`owner` is neither an e-mail address, a user id nor `{ from = \"folder\" }`".to_owned(),
        "write `owner = \"anna@example.com\"`, `owner = \"user123456789\"`, or `owner = { from = \"folder\" }`",
    )
}

/// An address or a user id; none for what is neither.
fn named(text: &str) -> Option<Named> {
    let text = text.trim();
    if text.len() > 256 {
        return None;
    }
    let digits = text.strip_prefix("user").unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Named::Id(text.to_owned()));
    }
    let (local, domain) = text.rsplit_once('@')?;
    let is_plain =
        !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    (!local.is_empty() && domain.contains('.') && is_plain).then(|| Named::Address(text.to_owned()))
}

/// An error that a person mends in the configuration.
pub(crate) fn wrong(code: &str, message: String, hint: &str) -> Error {
    Error::new(ErrorKind::Misconfigured, code, message).hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn settings_are_refused_with_a_code() {
        for (text, code) in [
            ("", "settings-invalid"),
            ("{}", "settings-invalid"),
            (r#"{"path":""}"#, "settings-invalid"),
            (r#"{"path":"inbox","account":""}"#, "settings-invalid"),
            (r#"{"path":"inbox","surprise":1}"#, "settings-invalid"),
            (r#"{"path":"inbox","owner":"anna"}"#, "owner-unknown"),
            (r#"{"path":"inbox","owner":{"from":"moon"}}"#, "owner-unknown"),
            (r#"{"path":"inbox","zone":"Mars/North"}"#, "unknown-zone"),
        ] {
            let error = Settings::parse(text).unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, code), "{text}");
            assert!(error.hint.is_some(), "{text}");
        }
        assert_eq!(Settings::parse(r#"{"path":"in"}"#).unwrap().account, "telegram");
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["required"][0], "path");
    }

    #[test]
    fn the_owner_may_come_from_a_folder() {
        let settings = Settings::parse(r#"{"path":"inbox","owner":{"from":"folder"}}"#).unwrap();
        let address = Some(Named::Address("anna@example.com".to_owned()));
        assert_eq!(settings.owner_of("inbox/anna@example.com/result.json").unwrap(), address);
        assert_eq!(settings.owner_of("inbox/anna@example.com/ChatExport_1/result.json").unwrap(), address);
        assert_eq!(settings.owner_of("inbox/user7/result.json").unwrap(), Some(Named::Id("user7".to_owned())));
        assert_eq!(settings.owner_of("inbox/result.json").unwrap_err().code, "owner-unknown");
    }
}
