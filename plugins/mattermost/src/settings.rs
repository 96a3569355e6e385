//! What the operator set.

use kit::{Error, ErrorKind};
use serde::Deserialize;

pub(crate) const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "path": {
      "type": "string",
      "title": "Folder",
      "description": "The folder that Mattermost's bulk exports are put into (.zip, or .jsonl with the folder data beside it).",
      "minLength": 1
    },
    "account": {
      "type": "string",
      "title": "Account",
      "description": "A name for the Mattermost server, part of every item's identity; never change it once items were archived.",
      "default": "mattermost",
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
    /// Whether all members of a public channel take part.
    #[serde(default)]
    pub(crate) public_channel_members: bool,
}

fn default_account() -> String {
    "mattermost".to_owned()
}

impl Settings {
    /// Reads the settings; `misconfigured` with what to change otherwise.
    pub(crate) fn parse(settings: &str) -> Result<Self, Error> {
        serde_json::from_str(settings).map_err(|error| {
            Error::new(ErrorKind::Misconfigured, "settings-invalid", format!("the settings cannot be read: {error}"))
                .hint("see the settings with `chancery plugin inspect mattermost`")
        })
    }
}
