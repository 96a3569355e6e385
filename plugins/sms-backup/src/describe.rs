//! What the plugin says of itself.

use kit::{Descriptor, PluginKind, Prerequisite, ReadingMode, SourceTraits};

const SETTINGS_SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "path": {
      "type": "string",
      "title": "Folder",
      "description": "The folder that holds the XML files.",
      "minLength": 1
    },
    "owner": {
      "oneOf": [{ "type": "string" }, { "type": "object", "additionalProperties": { "type": "string" } }],
      "title": "Owner",
      "description": "E-mail address of the phone's owner, or { from = \"folder\" }."
    },
    "default_country": {
      "type": "string",
      "title": "Calling code",
      "description": "Calling code for numbers written without one, as 49. Without it they stay as written.",
      "pattern": "^[1-9][0-9]{0,2}$"
    }
  },
  "required": ["path", "owner"]
}"#;

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "sms-backup".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Reads messages and calls from the XML files of SMS Backup & Restore.".to_owned(),
        settings_schema: SETTINGS_SCHEMA.to_owned(),
        credentials: Vec::new(),
        origins: Vec::new(),
        origin_settings: Vec::new(),
        kind: PluginKind::Source(SourceTraits {
            reading: ReadingMode::Whole,
            prerequisites: vec![Prerequisite {
                id: "folder".to_owned(),
                text: "There is a folder that receives the backups, and the connector is granted to read it."
                    .to_owned(),
                checked: true,
            }],
            terms: None,
            data_flow: "A person makes a backup on the phone and puts its files into the granted folder. Chancery \
                reads them there and changes nothing."
                .to_owned(),
            default_folder: "SMS Archiver".to_owned(),
            folder_setting: Some("path".to_owned()),
            file_endings: vec![".xml".to_owned()],
        }),
        extensions: Vec::new(),
    }
}
