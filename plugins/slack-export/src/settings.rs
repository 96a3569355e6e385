//! What the operator set.

use kit::{Error, ErrorKind};
use serde::Deserialize;

/// Text of its own, not built from a JSON value: the same bytes in every build.
pub(crate) const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "path": {
      "type": "string",
      "title": "Folder",
      "description": "The folder that the exports (.zip) of the Slack workspace are put into.",
      "minLength": 1
    },
    "account": {
      "type": "string",
      "title": "Account",
      "description": "A name for the workspace, part of every item's identity; never change it once items were archived.",
      "default": "slack",
      "minLength": 1,
      "maxLength": 128
    },
    "public_channel_members": {
      "type": "boolean",
      "title": "Members of public channels take part",
      "description": "Whether all members of a public channel take part in each of its messages, and not only who wrote or is mentioned.",
      "default": false
    }
  },
  "required": ["path"]
}"#;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The folder of exports.
    pub(crate) path: String,
    /// The account's id; part of every item's identity.
    #[serde(default = "default_account")]
    pub(crate) account: String,
    /// Everybody in a public channel takes part in its messages.
    #[serde(default)]
    pub(crate) public_channel_members: bool,
}

fn default_account() -> String {
    "slack".to_owned()
}

impl Settings {
    /// Reads the settings; `misconfigured` with what to change otherwise.
    pub(crate) fn parse(settings: &str) -> Result<Self, Error> {
        let invalid = |why: String| {
            Error::new(ErrorKind::Misconfigured, "settings-invalid", why)
                .hint("see the settings with `chancery plugin inspect slack-export`")
        };
        let settings: Self = serde_json::from_str(settings)
            .map_err(|problem| invalid(format!("the settings of `slack-export` cannot be used: {problem}")))?;
        if settings.path.is_empty() || settings.account.is_empty() {
            return Err(invalid("the settings `path` and `account` must not be empty".to_owned()));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn wrong_settings_are_refused() {
        for settings in ["", "{}", r#"{"path":""}"#, r#"{"path":"in","account":""}"#, r#"{"path":"in","x":1}"#] {
            assert_eq!(Settings::parse(settings).unwrap_err().code, "settings-invalid", "{settings}");
        }
        assert_eq!(Settings::parse(r#"{"path":"in"}"#).unwrap().account, "slack");
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["required"][0], "path");
    }
}
