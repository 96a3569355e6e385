//! The settings.

use kit::{Error, ErrorKind};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: String,
    owner: WrittenOwner,
    default_country: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenOwner {
    Address(String),
    From { from: String },
}

/// What the settings mean.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The folder.
    pub(crate) path: String,
    /// The owner's address; none: the name of the file's folder.
    owner: Option<String>,
    /// Calling code of numbers without one.
    default_country: Option<String>,
}

impl Settings {
    /// Reads the settings' JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let written: Written = serde_json::from_str(text)
            .map_err(|error| wrong("settings", format!("the source's settings cannot be read: {error}")))?;
        let owner = match written.owner {
            WrittenOwner::Address(address) if is_address(&address) => Some(address.trim().to_owned()),
            WrittenOwner::From { from } if from == "folder" => None,
            _ => return Err(not_an_address("`owner` is neither an e-mail address nor `{ from = \"folder\" }`")),
        };
        Ok(Self { path: written.path, owner, default_country: written.default_country })
    }

    /// Whose phone the file at `path` came from.
    pub(crate) fn owner_of(&self, path: &str) -> Result<String, Error> {
        if let Some(owner) = &self.owner {
            return Ok(owner.clone());
        }
        let folder = path.rsplit('/').nth(1).unwrap_or_default();
        if is_address(folder) {
            Ok(folder.to_owned())
        } else {
            Err(not_an_address(&format!("the folder of `{path}` is not named by an e-mail address")))
        }
    }

    /// A number's key: digits with the calling code where it can be told, else as written.
    pub(crate) fn key(&self, number: &str) -> String {
        let number = number.trim();
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let is_number = number.chars().all(|c| c.is_ascii_digit() || "+ -().\u{a0}".contains(c));
        if !is_number || digits.len() < 7 {
            return if number.is_empty() { "unknown".to_owned() } else { crate::record::name(number) };
        }
        if number.starts_with('+') {
            return digits;
        }
        match (&self.default_country, digits.strip_prefix("00"), digits.strip_prefix('0')) {
            (Some(_), Some(international), _) => international.to_owned(),
            (Some(code), None, Some(national)) => format!("{code}{national}"),
            (Some(code), None, None) if code == "1" && digits.len() == 10 => format!("1{digits}"),
            _ => number.to_owned(),
        }
    }
}

fn is_address(text: &str) -> bool {
    text.trim().split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
}

fn not_an_address(message: &str) -> Error {
    wrong("owner-not-an-address", message.to_owned())
        .hint("write `owner = \"anna@example.com\"`, or put each backup into `inbox/<address>/`")
}

fn wrong(code: &str, message: String) -> Error {
    Error::new(ErrorKind::Misconfigured, code, message)
}
