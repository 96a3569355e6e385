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
      "description": "The folder that your webhook receiver writes bodies (.json, .jsonl, .ndjson) and media into.",
      "minLength": 1
    },
    "account": {
      "type": "string",
      "title": "Account",
      "description": "A name for the WhatsApp Business account, part of every item's identity; never change it once items were archived.",
      "default": "whatsapp-cloud",
      "minLength": 1,
      "maxLength": 128
    }
  },
  "required": ["path"]
}"#;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The spool folder.
    pub(crate) path: String,
    /// The account's id; part of every item's identity.
    #[serde(default = "default_account")]
    pub(crate) account: String,
}

fn default_account() -> String {
    "whatsapp-cloud".to_owned()
}

impl Settings {
    /// Reads the settings; `misconfigured` with what to change otherwise.
    pub(crate) fn parse(settings: &str) -> Result<Self, Error> {
        let invalid = |why: String| {
            Error::new(ErrorKind::Misconfigured, "settings-invalid", why)
                .hint("see the settings with `chancery plugin inspect whatsapp-cloud`")
        };
        let settings: Self = serde_json::from_str(settings)
            .map_err(|problem| invalid(format!("the settings of `whatsapp-cloud` cannot be used: {problem}")))?;
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
        assert_eq!(Settings::parse(r#"{"path":"in"}"#).unwrap().account, "whatsapp-cloud");
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["required"][0], "path");
    }
}
