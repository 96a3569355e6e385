//! What an operator may choose.

use serde::Deserialize;

use crate::{Problem, identity::is_domain};

/// The settings, in the contract's subset of JSON Schema.
pub const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "html": {
      "type": "boolean",
      "default": true,
      "title": "HTML alternative",
      "description": "Write the body as HTML too, beside the plain text."
    },
    "message_id_domain": {
      "type": "string",
      "default": "chancery.invalid",
      "minLength": 1,
      "maxLength": 200,
      "pattern": "^[a-z0-9-]+(\\.[a-z0-9-]+)*$",
      "title": "Domain of Message-IDs",
      "description": "What stands after the @ of every Message-ID. Choose it before the first run: a mailbox takes a message under another Message-ID for another message."
    }
  }
}"#;

/// The settings as understood.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Write an HTML alternative.
    pub html: bool,
    /// What stands after the `@` of Message-IDs.
    pub message_id_domain: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { html: true, message_id_domain: "chancery.invalid".to_owned() }
    }
}

impl Settings {
    /// Reads the settings; no text at all means the defaults.
    pub fn parse(json: &str) -> Result<Self, Problem> {
        if json.trim().is_empty() {
            return Ok(Self::default());
        }
        let settings: Self = serde_json::from_str(json).map_err(|error| Problem {
            code: "settings-invalid",
            message: format!("The converter's settings could not be read: {error}."),
        })?;
        if is_domain(&settings.message_id_domain, 200) {
            Ok(settings)
        } else {
            Err(Problem {
                code: "settings-invalid",
                message: "The setting `message_id_domain` is not a domain name.".to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn settings_are_read_or_refused() {
        for (json, html, domain) in [
            ("", true, "chancery.invalid"),
            ("{}", true, "chancery.invalid"),
            (r#"{"html":false}"#, false, "chancery.invalid"),
            (r#"{"message_id_domain":"archive.example.com"}"#, true, "archive.example.com"),
        ] {
            assert_eq!(
                Settings::parse(json).unwrap(),
                Settings { html, message_id_domain: domain.to_owned() },
                "{json}"
            );
        }
        for json in [
            "[",
            r#"{"html":"yes"}"#,
            r#"{"message_id_domain":""}"#,
            r#"{"message_id_domain":"a b"}"#,
            r#"{"message_id_domain":"x>\r\nBcc: y"}"#,
            r#"{"message_id_domain":".."}"#,
        ] {
            assert_eq!(Settings::parse(json).unwrap_err().code, "settings-invalid", "{json}");
        }
    }

    #[test]
    fn schema_is_json_and_names_every_setting() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let defaults = Settings::default();
        assert_eq!(schema["properties"]["html"]["default"], defaults.html);
        assert_eq!(schema["properties"]["message_id_domain"]["default"], defaults.message_id_domain);
    }
}
